//! Pages as pictures, for people who look at a document: PDF by hayro, OFD by our own small renderer. Seals and visible marks stand
//! where they are.
//!
//! A picture is an aid, never evidence: nothing of it goes into a verdict. Whoever made the document chose how much work it is, so
//! that a service draws in a process of its own with limits on time and memory (`service::preview`); here the number of pages and of
//! dots is bounded. What cannot be drawn says so.

mod ofd;
mod pdf;

use crate::doc::source::ByteSource;
use std::sync::Arc;

/// Most pages that are drawn of one document.
pub const MOST_PAGES: usize = 20;
/// Dots along the longer side of a page.
pub const LONGER_SIDE: f64 = 1200.0;
/// Largest document that is drawn from.
pub const LARGEST: u64 = 64 << 20;

/// A drawn page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Its number, from 1.
    pub number: usize,
    /// How many pages the document has.
    pub pages: usize,
    /// The picture, or why there is none.
    pub picture: Result<Picture, NotDrawn>,
}

/// A picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// In dots.
    pub width: u32,
    /// In dots.
    pub height: u32,
    /// PNG.
    pub png: Vec<u8>,
}

/// Why a page or document is not drawn, for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{zh} {en}")]
pub struct NotDrawn {
    /// Chinese.
    pub zh: &'static str,
    /// English.
    pub en: &'static str,
}

impl NotDrawn {
    /// Neither PDF nor OFD.
    pub const KIND: Self = Self { zh: "此类文件不提供预览", en: "No preview is made of files of this kind" };
    /// Larger than is drawn.
    pub const SIZE: Self = Self { zh: "文件过大，不提供预览", en: "The file is too large for a preview" };
    /// It cannot be read.
    pub const UNREADABLE: Self = Self { zh: "文件无法读取，不能预览", en: "The file cannot be read for a preview" };
    /// A page that cannot be drawn.
    pub const PAGE: Self = Self { zh: "此页无法绘制", en: "This page cannot be drawn" };
    /// It took too long, or too much memory.
    pub const LIMIT: Self = Self { zh: "绘制此页超出限额", en: "Drawing it takes more than is allowed" };
}

/// Draws pages of a document, the first ones: `most` at most. `font` is a font file with Chinese for text whose font the document does
/// not bring.
///
/// # Errors
/// What is amiss with the document as a whole; a page that cannot be drawn by itself is told at its place.
pub fn pages(document: &dyn ByteSource, font: Option<Arc<Vec<u8>>>, from: usize, most: usize) -> Result<Vec<Page>, NotDrawn> {
    if document.len() > LARGEST {
        return Err(NotDrawn::SIZE);
    }
    let start = document.slice(0, usize::try_from(document.len().min(1024)).unwrap_or(1024)).map_err(|_| NotDrawn::UNREADABLE)?;
    let range = from.max(1)..from.max(1).saturating_add(most.min(MOST_PAGES));
    if start.starts_with(b"PK\x03\x04") {
        return ofd::pages(document, font.as_deref().map(Vec::as_slice), range);
    }
    if start.windows(5).any(|window| window == b"%PDF-") {
        return pdf::pages(document, font, range);
    }
    Err(NotDrawn::KIND)
}

/// How many dots a unit takes so that the longer side is as long as it should be.
fn scale(width: f64, height: f64) -> Option<f64> {
    let longer = width.max(height);
    let sound = width.min(height) > 0.0 && longer.is_finite() && longer / width.min(height) < 50.0;
    sound.then(|| LONGER_SIDE / longer)
}
