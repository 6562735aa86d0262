//! Making electronic licences (电子证照): a type is a definition ([`LicenceType`]), an application is checked against it
//! ([`check`]), one set of values becomes metadata and a laid-out sheet ([`lay_out`]), and the sheet an OFD package ([`ofd()`]) and a
//! PDF/A file ([`pdf()`]). What becomes of a licence afterwards is [`state`].
//!
//! ```text
//! definition + application → Checked → Metadata ─┬→ Sheet → OFD, PDF/A
//!                                                └→ in the file
//! ```

mod application;
mod definition;
mod font;
mod layout;
mod ofd;
mod package;
mod pdf;
pub mod rows;
pub mod state;

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests;

pub use application::{
    Amiss, Application, Checked, CopyNote, Holder, MAX_HOLDERS, check, day, iso, masked, masked_name, metadata, parse_day, shown_day,
    shown_holder,
};
pub use definition::{BadDefinition, Field, FieldKind, LicenceType, MAX_DEFINITION, Mask};
pub use font::{Fonts, is_private};
pub use layout::{Sheet, lay_out};
pub use ofd::ofd;
pub use pdf::pdf;

use base64::{Engine as _, prelude::BASE64_STANDARD};

/// Largest picture, in octets.
const MAX_PICTURE: usize = 4 << 20;
/// Most pixels of a side.
const MAX_SIDE: u32 = 8192;

/// Why no licence is made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MakeError {
    /// No font has a character: named with its field.
    #[error("{field}: no font has {letter} (U+{code:04X})", code = u32::from(*letter))]
    Glyph {
        /// The field, or `template`.
        field: String,
        /// The character.
        letter: char,
    },
    /// A text does not fit into its box; nothing is cut off.
    #[error("{0}: the text does not fit into its box")]
    Fit(String),
    /// A picture cannot be drawn.
    #[error("{0}: the picture cannot be drawn")]
    Picture(String),
    /// The address is too long for a QR code.
    #[error("the check address does not fit into a QR code")]
    Address,
    /// What the PDF/A validator refused, or a font that gives no part of itself.
    #[error("the file could not be made: {0}")]
    File(String),
}

/// A picture in Base64: its octets and whether it is a PNG.
fn picture(base64: &str) -> Option<(Vec<u8>, bool)> {
    if base64.len() > MAX_PICTURE / 3 * 4 + 4 {
        return None;
    }
    let compact: String = base64.chars().filter(|letter| !letter.is_whitespace()).collect();
    let octets = BASE64_STANDARD.decode(compact).ok()?;
    let format = image::guess_format(&octets).ok()?;
    let png = match format {
        image::ImageFormat::Png => true,
        image::ImageFormat::Jpeg => false,
        _ => return None,
    };
    let (width, height) = image::ImageReader::with_format(std::io::Cursor::new(&octets), format).into_dimensions().ok()?;
    (width <= MAX_SIDE && height <= MAX_SIDE && width > 0 && height > 0).then_some((octets, png))
}
