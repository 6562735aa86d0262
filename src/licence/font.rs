//! Fonts of a licence: which face draws a character, and the part of each face that goes into the file.
//!
//! A character that no face has refuses the licence: an empty box in a name is another name. Characters of the private use areas
//! are refused too, whatever a font draws for them: GB 18030-2022 has moved those that Chinese needs to places of their own, and
//! elsewhere they mean what each font wants.

use skrifa::{
    FontRef, GlyphId, MetadataProvider, Tag,
    charmap::Charmap,
    instance::{LocationRef, Size},
    metrics::GlyphMetrics,
    raw::{FileRef, TableProvider},
    string::StringId,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Font files, looked through in order for each character.
#[derive(Clone)]
pub struct Fonts(Vec<(Arc<Vec<u8>>, u32)>);

impl std::fmt::Debug for Fonts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Fonts({})", self.0.len())
    }
}

impl Fonts {
    /// Takes TrueType and OpenType files and collections; of a collection, the face with the forms of the mainland. What is no font
    /// is left out.
    pub fn new(files: Vec<Vec<u8>>) -> Self {
        Self(files.into_iter().filter_map(|file| Some((face(&file)?, file))).map(|(face, file)| (Arc::new(file), face)).collect())
    }

    /// Opened for measuring.
    pub fn open(&self) -> Faces<'_> {
        let faces = self.0.iter().filter_map(|(file, index)| {
            let font = FontRef::from_index(file, *index).ok()?;
            let units = f32::from(font.head().ok()?.units_per_em().max(16));
            let metrics = font.glyph_metrics(Size::unscaled(), LocationRef::default());
            Some(Face { map: font.charmap(), metrics, units, font })
        });
        Faces { faces: faces.collect(), files: &self.0 }
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

struct Face<'a> {
    font: FontRef<'a>,
    map: Charmap<'a>,
    metrics: GlyphMetrics<'a>,
    units: f32,
}

/// A character as a face draws it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Drawn {
    /// The character.
    pub letter: char,
    /// Which face.
    pub face: usize,
    /// Its glyph there.
    pub glyph: u32,
    /// How wide, in parts of the font size.
    pub advance: f32,
}

/// Faces, opened.
pub struct Faces<'a> {
    faces: Vec<Face<'a>>,
    files: &'a [(Arc<Vec<u8>>, u32)],
}

impl Faces<'_> {
    /// How a character is drawn; none if no face has it, or if it has no meaning of its own.
    pub fn find(&self, letter: char) -> Option<Drawn> {
        if is_private(letter) {
            return None;
        }
        self.faces.iter().enumerate().find_map(|(face, one)| {
            let glyph = one.map.map(letter).filter(|glyph| glyph.to_u32() != 0)?;
            let advance = one.metrics.advance_width(glyph)? / one.units;
            Some(Drawn { letter, face, glyph: glyph.to_u32(), advance })
        })
    }

    /// The file of a face and which face of it.
    pub fn file(&self, face: usize) -> Option<(&Arc<Vec<u8>>, u32)> {
        self.files.get(face).map(|(file, index)| (file, *index))
    }

    /// A name of a face, for readers that want one.
    pub fn family(&self, face: usize) -> String {
        let named = self.faces.get(face).and_then(|one| one.font.localized_strings(StringId::FAMILY_NAME).english_or_first());
        let name: String = named.map(|name| name.chars().take(60).collect()).unwrap_or_default();
        if name.is_empty() { format!("Face {face}") } else { name }
    }

    /// The part of a face that draws `letters` (character and glyph): a font file of its own with a character map, and the glyph of
    /// each character in it.
    pub fn subset(&self, face: usize, letters: &BTreeMap<char, u32>) -> Option<(Vec<u8>, BTreeMap<char, u16>)> {
        let (file, index) = self.file(face)?;
        let mut remapper = subsetter::GlyphRemapper::new();
        let mut places = BTreeMap::new();
        for (letter, glyph) in letters {
            places.insert(*letter, remapper.remap(u16::try_from(*glyph).ok()?));
        }
        let part = subsetter::subset(file, index, &remapper).ok()?;
        let one = self.faces.get(face)?;
        let kept = one.font.data_for_tag(Tag::new(b"OS/2")).map(|data| data.as_bytes().to_vec());
        Some((with_map(&part, &places, kept)?, places))
    }

    /// Whether a glyph draws anything, or is meant not to.
    pub fn draws(&self, drawn: &Drawn) -> bool {
        let outline = self.faces.get(drawn.face).and_then(|one| one.font.outline_glyphs().get(GlyphId::new(drawn.glyph)));
        outline.is_some() || drawn.letter.is_whitespace()
    }
}

/// The private use areas of Unicode.
pub fn is_private(letter: char) -> bool {
    matches!(u32::from(letter), 0xe000..=0xf8ff | 0xf_0000..=0x10_ffff)
}

/// The font file with a character map (OpenType `cmap`, format 12) and, where there is one, the table `OS/2`: parts for PDF have
/// neither, and readers of other formats look for them.
fn with_map(part: &[u8], places: &BTreeMap<char, u16>, kept: Option<Vec<u8>>) -> Option<Vec<u8>> {
    let number = |at: usize, length: usize| {
        part.get(at..at + length).map(|octets| octets.iter().fold(0usize, |number, octet| (number << 8) | usize::from(*octet)))
    };
    let mut tables: BTreeMap<[u8; 4], Vec<u8>> = BTreeMap::new();
    for table in 0..number(4, 2)? {
        let record = 12 + table * 16;
        let (start, length) = (number(record + 8, 4)?, number(record + 12, 4)?);
        tables.insert(part.get(record..record + 4)?.try_into().ok()?, part.get(start..start.checked_add(length)?)?.to_vec());
    }
    tables.insert(*b"cmap", cmap(places));
    if let Some(kept) = kept {
        tables.insert(*b"OS/2", kept);
    }
    // The whole font's checksum is left at zero: readers ignore it (OpenType 1.9, `head`).
    if let Some(sum) = tables.get_mut(b"head").and_then(|head| head.get_mut(8..12)) {
        sum.fill(0);
    }
    let count = u16::try_from(tables.len()).ok()?;
    let power = count.checked_ilog2()?;
    let mut file = part.get(..4)?.to_vec();
    for field in [count, 16 << power, u16::try_from(power).ok()?, count * 16 - (16 << power)] {
        file.extend(field.to_be_bytes());
    }
    let mut at = 12 + 16 * tables.len();
    for (tag, data) in &tables {
        let sum = data.chunks(4).fold(0u32, |sum, four| {
            let mut padded = [0; 4];
            padded.iter_mut().zip(four).for_each(|(place, octet)| *place = *octet);
            sum.wrapping_add(u32::from_be_bytes(padded))
        });
        file.extend(tag);
        for field in [sum, u32::try_from(at).ok()?, u32::try_from(data.len()).ok()?] {
            file.extend(field.to_be_bytes());
        }
        at += data.len().next_multiple_of(4);
    }
    for data in tables.values() {
        file.extend(data);
        file.resize(file.len().next_multiple_of(4), 0);
    }
    Some(file)
}

/// One subtable for Unicode with every character its own group.
fn cmap(places: &BTreeMap<char, u16>) -> Vec<u8> {
    let groups = u32::try_from(places.len()).unwrap_or(0);
    let mut table = Vec::with_capacity(28 + 12 * places.len());
    let header: [u16; 6] = [0, 1, 3, 10, 0, 12];
    header.iter().for_each(|field| table.extend(field.to_be_bytes()));
    table.extend([0, 12, 0, 0]);
    for field in [16 + 12 * groups, 0, groups] {
        table.extend(field.to_be_bytes());
    }
    for (letter, glyph) in places {
        for field in [u32::from(*letter), u32::from(*letter), u32::from(*glyph)] {
            table.extend(field.to_be_bytes());
        }
    }
    table
}
