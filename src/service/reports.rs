//! Reports over verdicts: which formats there are, and the fonts of the machine.

use crate::fault::{Fault, code};
use crate::files;
use crate::report::{self, Fonts, Frame, Report, ReportError};
use std::path::{Path, PathBuf};

/// A format of reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A page.
    Html,
    /// A print-out, PDF/A.
    Pdf,
    /// ETSI TS 119 102-2.
    EtsiXml,
}

impl Format {
    /// By the name on the command line or the ending in an address.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "html" => Some(Self::Html),
            "pdf" => Some(Self::Pdf),
            "etsi-xml" | "xml" => Some(Self::EtsiXml),
            _ => None,
        }
    }

    /// Ending of a file name.
    pub const fn ending(self) -> &'static str {
        match self {
            Self::Html => "html",
            Self::Pdf => "pdf",
            Self::EtsiXml => "xml",
        }
    }

    /// Media type.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Html => "text/html; charset=utf-8",
            Self::Pdf => "application/pdf",
            Self::EtsiXml => "application/xml",
        }
    }
}

impl From<ReportError> for Fault {
    fn from(error: ReportError) -> Self {
        match error {
            ReportError::Font => Self::new(code::FONT),
            other => Self::new(code::SYSTEM).because(other),
        }
    }
}

/// Where Debian's packages put fonts with Chinese (the first one that is there leads), and those that have rare characters.
const PLACES: &[&str] = &[
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/truetype/wqy/wqy-microhei.ttc",
    "/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc",
    "/usr/share/fonts/truetype/arphic/uming.ttc",
    "/usr/share/fonts/truetype/hanazono/HanaMinA.ttf",
    "/usr/share/fonts/truetype/hanazono/HanaMinB.ttf",
    "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
];

/// The fonts of this machine: those that `XINYIN_FONT` names (separated by colons), then the known places.
///
/// # Errors
/// [`code::FONT`] if none has Chinese.
pub fn fonts() -> Result<Fonts, Fault> {
    let named = std::env::var_os("XINYIN_FONT").unwrap_or_default();
    let named: Vec<PathBuf> = std::env::split_paths(&named).filter(|path| !path.as_os_str().is_empty()).collect();
    if let Some(missing) = named.iter().find(|path| !files::is_there(path)) {
        return Err(Fault::new(code::FONT).detail(format!("XINYIN_FONT: {} is not there", missing.display())));
    }
    let known = PLACES.iter().map(PathBuf::from).filter(|path| files::is_there(path));
    load(&named.into_iter().chain(known).collect::<Vec<_>>())
}

fn load(places: &[PathBuf]) -> Result<Fonts, Fault> {
    let read = |path: &PathBuf| files::read(Path::new(path)).ok();
    Fonts::new(places.iter().filter_map(read).collect()).map_err(Fault::from)
}

/// Makes reports; the fonts are read when the first PDF asks for them, and once.
#[derive(Debug, Default)]
pub struct Press(std::sync::OnceLock<Fonts>);

impl Press {
    /// The report over a verdict's JSON.
    ///
    /// # Errors
    /// [`code::FONT`] for a PDF without a font that has Chinese.
    pub fn print(&self, verdict: &[u8], frame: &Frame, format: Format) -> Result<Vec<u8>, Fault> {
        let report = Report::from_json(verdict)?;
        Ok(match format {
            Format::Html => report::html(&report, frame)?.into_bytes(),
            Format::EtsiXml => report::etsi_xml(&report)?.into_bytes(),
            Format::Pdf => report::pdf(&report, frame, self.fonts()?)?,
        })
    }

    /// Reads the fonts now, so that their absence is told before anything else is done.
    ///
    /// # Errors
    /// [`code::FONT`].
    pub fn fonts(&self) -> Result<&Fonts, Fault> {
        if let Some(fonts) = self.0.get() {
            return Ok(fonts);
        }
        let fonts = fonts()?;
        Ok(self.0.get_or_init(|| fonts))
    }
}
