//! Fonts of a print-out: given as octets, looked through in order for each character.

use super::ReportError;
use krilla::text::Font;
use skrifa::{
    FontRef, MetadataProvider,
    charmap::Charmap,
    instance::{LocationRef, Size},
    metrics::GlyphMetrics,
    raw::{FileRef, TableProvider},
    string::StringId,
};
use std::sync::Arc;

/// Font files that together have the characters of a report; the first that has a character draws it.
#[derive(Clone)]
pub struct Fonts(Vec<(Arc<Vec<u8>>, u32)>);

impl std::fmt::Debug for Fonts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Fonts({})", self.0.len())
    }
}

impl Fonts {
    /// Takes TrueType and OpenType files and collections; of a collection, the face with the forms of the mainland.
    ///
    /// # Errors
    /// [`ReportError::Font`] if none of them has Chinese.
    pub fn new(files: Vec<Vec<u8>>) -> Result<Self, ReportError> {
        let fonts: Vec<_> =
            files.into_iter().filter_map(|file| Some((face(&file)?, file))).map(|(face, file)| (Arc::new(file), face)).collect();
        let chinese = fonts.iter().any(|(file, face)| {
            FontRef::from_index(file, *face).is_ok_and(|font| "电子签名核验".chars().all(|letter| font.charmap().map(letter).is_some()))
        });
        if chinese { Ok(Self(fonts)) } else { Err(ReportError::Font) }
    }

    /// Ready to measure and draw.
    pub(super) fn open(&self) -> Result<Faces<'_>, ReportError> {
        let open = |(file, index): &'_ (Arc<Vec<u8>>, u32)| Font::new(file.clone().into(), *index);
        let drawn: Option<Vec<Font>> = self.0.iter().map(open).collect();
        let mut measured = Vec::with_capacity(self.0.len());
        for (file, index) in &self.0 {
            let font = FontRef::from_index(file, *index).map_err(|_| ReportError::Font)?;
            let units = font.head().map_err(|_| ReportError::Font)?.units_per_em();
            measured.push((font.charmap(), font.glyph_metrics(Size::unscaled(), LocationRef::default()), f32::from(units.max(1))));
        }
        Ok(Faces { drawn: drawn.ok_or(ReportError::Font)?, measured })
    }
}

/// The face of a file to take; none if it is no font.
fn face(file: &[u8]) -> Option<u32> {
    let FileRef::Collection(collection) = FileRef::new(file).ok()? else { return Some(0) };
    let mainland = |index: &u32| {
        let font = FontRef::from_index(file, *index).ok();
        let names = font.map(|font| font.localized_strings(StringId::FAMILY_NAME).map(|name| name.to_string()).collect::<Vec<_>>());
        names.unwrap_or_default().iter().any(|name| name.ends_with(" SC"))
    };
    Some((0..collection.len()).find(mainland).unwrap_or(0))
}

/// A character as a face draws it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Drawn {
    /// Which face.
    pub face: usize,
    /// Its glyph.
    pub glyph: u32,
    /// How wide, in parts of the font size.
    pub advance: f32,
}

/// Faces, opened.
pub(super) struct Faces<'a> {
    drawn: Vec<Font>,
    measured: Vec<(Charmap<'a>, GlyphMetrics<'a>, f32)>,
}

impl Faces<'_> {
    /// The face to draw with.
    pub fn font(&self, face: usize) -> Option<&Font> {
        self.drawn.get(face)
    }

    /// How a character is drawn; none if no face has it.
    pub fn find(&self, letter: char) -> Option<Drawn> {
        self.measured.iter().enumerate().find_map(|(face, (map, metrics, units))| {
            let glyph = map.map(letter).filter(|glyph| glyph.to_u32() != 0)?;
            Some(Drawn { face, glyph: glyph.to_u32(), advance: metrics.advance_width(glyph)? / units })
        })
    }
}
