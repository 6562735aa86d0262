//! Outlines of characters, from a font file (skrifa).

use super::drawing::{Point, Step};
use skrifa::outline::{DrawSettings, OutlinePen};
use skrifa::raw::{FileRef, FontRef};
use skrifa::string::StringId;
use skrifa::{
    GlyphId, MetadataProvider,
    instance::{LocationRef, Size},
};

/// A font that can be drawn from.
pub struct Font<'a> {
    face: FontRef<'a>,
    units: f64,
}

/// One character, in units of the font's em; the origin is on the baseline, y grows upwards.
#[derive(Debug, Clone, PartialEq)]
pub struct Glyph {
    /// The outline.
    pub steps: Vec<Step>,
    /// How far the next character stands.
    pub advance: f64,
}

/// Why a font gives no glyph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FontError {
    /// The file is no font, or a broken one.
    #[error("the font file cannot be read")]
    Unreadable,
    /// The font lacks a character.
    #[error("the font has no glyph for {0} (U+{code:04X})", code = u32::from(*.0))]
    Missing(char),
}

impl<'a> Font<'a> {
    /// Reads a font file; of a collection the face for simplified Chinese where it says which one that is.
    pub fn read(octets: &'a [u8]) -> Result<Self, FontError> {
        let file = FileRef::new(octets).map_err(|_| FontError::Unreadable)?;
        let faces: Vec<FontRef<'a>> = file.fonts().flatten().take(64).collect();
        let simplified = |face: &&FontRef<'a>| {
            let mut names = face.localized_strings(StringId::FAMILY_NAME).take(64);
            names.any(|name| name.chars().take(200).collect::<String>().ends_with(" SC"))
        };
        let face = faces.iter().find(simplified).or(faces.first()).ok_or(FontError::Unreadable)?.clone();
        let units = f64::from(face.metrics(Size::unscaled(), LocationRef::default()).units_per_em);
        if units < 16.0 {
            return Err(FontError::Unreadable);
        }
        Ok(Self { face, units })
    }

    /// The outline of a character; one that the font lacks is refused, never drawn as an empty box.
    pub fn glyph(&self, character: char) -> Result<Glyph, FontError> {
        let missing = FontError::Missing(character);
        let id = self.face.charmap().map(character).filter(|id| id.to_u32() != 0).ok_or(missing)?;
        self.outline(id).map_err(|error| if error == FontError::Unreadable { error } else { missing })
    }

    /// The outline that has this number in the font.
    pub fn numbered(&self, number: u16) -> Result<Glyph, FontError> {
        self.outline(GlyphId::from(number))
    }

    fn outline(&self, id: GlyphId) -> Result<Glyph, FontError> {
        let outline = self.face.outline_glyphs().get(id).ok_or(FontError::Missing(char::REPLACEMENT_CHARACTER))?;
        let mut pen = Pen { steps: Vec::new(), units: self.units };
        let settings = DrawSettings::unhinted(Size::unscaled(), LocationRef::default());
        outline.draw(settings, &mut pen).map_err(|_| FontError::Unreadable)?;
        let metrics = self.face.glyph_metrics(Size::unscaled(), LocationRef::default());
        let advance = f64::from(metrics.advance_width(id).unwrap_or_default()) / self.units;
        Ok(Glyph { steps: pen.steps, advance })
    }
}

struct Pen {
    steps: Vec<Step>,
    units: f64,
}

impl Pen {
    fn at(&self, x: f32, y: f32) -> Point {
        Point { x: f64::from(x) / self.units, y: f64::from(y) / self.units }
    }
}

impl OutlinePen for Pen {
    fn move_to(&mut self, x: f32, y: f32) {
        self.steps.push(Step::Move(self.at(x, y)));
    }

    fn line_to(&mut self, x: f32, y: f32) {
        self.steps.push(Step::Line(self.at(x, y)));
    }

    fn quad_to(&mut self, cx: f32, cy: f32, x: f32, y: f32) {
        self.steps.push(Step::Quad(self.at(cx, cy), self.at(x, y)));
    }

    fn curve_to(&mut self, cx: f32, cy: f32, dx: f32, dy: f32, x: f32, y: f32) {
        self.steps.push(Step::Cubic(self.at(cx, cy), self.at(dx, dy), self.at(x, y)));
    }

    fn close(&mut self) {
        self.steps.push(Step::Close);
    }
}
