//! Where Chinese fonts are: one source for everything that is drawn (seal pictures, reports, licences).

use super::{read, read_if_there};
use std::io;
use std::path::Path;

/// Which style is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// 宋体: seals and official documents.
    Serif,
    /// 黑体: screens and forms.
    Sans,
}

/// Files of Debian's fonts-noto-cjk, fonts-wqy-zenhei, fonts-arphic-uming and fonts-droid-fallback, the best first.
const SERIF: &[&str] = &[
    "/usr/share/fonts/opentype/noto/NotoSerifCJK-Bold.ttc",
    "/usr/share/fonts/opentype/noto/NotoSerifCJK-Regular.ttc",
    "/usr/share/fonts/truetype/arphic/uming.ttc",
];
const SANS: &[&str] = &[
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc",
    "/usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf",
];

/// The font file given, or the best that this machine has; `None` where it has none.
///
/// # Errors
/// A file that is there cannot be read.
pub fn chinese(given: Option<&Path>, style: Style) -> io::Result<Option<Vec<u8>>> {
    if let Some(path) = given {
        return read(path).map(Some);
    }
    let order = if style == Style::Serif { [SERIF, SANS] } else { [SANS, SERIF] };
    for path in order.concat() {
        if let Some(octets) = read_if_there(Path::new(path))? {
            return Ok(Some(octets));
        }
    }
    Ok(None)
}

/// Files with rare characters (Debian's fonts-hanazono, fonts-babelstone-han and others).
const RARE: &[&str] = &[
    "/usr/share/fonts/truetype/hanazono/HanaMinA.ttf",
    "/usr/share/fonts/truetype/hanazono/HanaMinB.ttf",
    "/usr/share/fonts/truetype/babelstone/BabelStoneHan.ttf",
];

/// The fonts given, then the best of this machine, then those with rare characters, in the order in which they are looked through.
///
/// # Errors
/// A file that is given cannot be read.
pub fn all(given: &[std::path::PathBuf], style: Style) -> io::Result<Vec<Vec<u8>>> {
    let mut found = given.iter().map(|path| read(path)).collect::<io::Result<Vec<_>>>()?;
    found.extend(chinese(None, style)?);
    for path in RARE {
        found.extend(read_if_there(Path::new(path))?);
    }
    Ok(found)
}
