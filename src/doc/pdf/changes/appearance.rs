//! What an appearance stream shows: its text where every reader shows the same, or that it draws something else.

use super::glyphs::{self, Mapping};
use super::rules::references;
use super::step::Comparison;
use crate::doc::pdf::content::{Place, operators, stream_places};
use crate::doc::pdf::document::Revision;
use crate::doc::pdf::input::PdfError;
use crate::doc::pdf::object::{Dictionary, Object, Stream};
use crate::doc::pdf::xref::Entry;
use std::collections::HashSet;
use std::rc::Rc;

/// Most objects that one font is made of.
const MAX_FONT_PARTS: usize = 256;

/// What an appearance draws.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Drawn {
    /// Text, lines and areas of plain colour.
    Text {
        /// The text in the order in which it is drawn.
        text: String,
        /// Whether areas are painted.
        filled: bool,
        /// Whether a font brings glyphs of its own for it: the text is what the font says, not what was compared.
        embedded: bool,
    },
    /// Something of which the text cannot be told.
    Other(&'static str, &'static str),
}

/// How the octets of a shown string stand for letters.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Letters {
    /// One octet a letter, Latin.
    Latin,
    /// One octet a letter; only ASCII is sure.
    Ascii,
    /// UTF-16, two octets and more.
    Utf16,
    /// GBK, one or two octets.
    Gbk,
    /// Two octets a letter, as an embedded font says.
    Mapped(Rc<Mapping>),
}

/// Whether two texts are the same but for white space.
pub(super) fn same_text(one: &str, other: &str) -> bool {
    let solid = |text: &str| text.chars().filter(|letter| !letter.is_whitespace() && !letter.is_control()).collect::<String>();
    solid(one) == solid(other)
}

impl Comparison<'_, '_, '_> {
    /// What the appearance `stream` shows in the newer revision.
    pub(super) fn drawn(&self, stream: &Stream) -> Result<Drawn, PdfError> {
        const EMBEDDED: Drawn = Drawn::Other("所用字体无法核对显示的文字", "what its font shows cannot be compared");
        let revision = self.new;
        let octets = match revision.decoded(stream) {
            Ok(octets) => octets,
            Err(PdfError::Filter) => return Ok(Drawn::Other("图样的编码不受支持", "its appearance uses a filter that is not supported")),
            Err(error) => return Err(error),
        };
        let fonts = self.fonts(stream)?;
        let (mut text, mut filled, mut embedded, mut other) = (String::new(), false, false, None);
        let mut letters = Some(Letters::Latin);
        let outcome = operators(&octets, |operator, operands| {
            let shown = |object: &Object, text: &mut String| match (object, &letters) {
                (Object::Text(piece), Some(letters)) => match decoded(letters, &piece.octets) {
                    Some(piece) => {
                        text.push_str(&piece);
                        true
                    }
                    None => false,
                },
                (Object::Text(_), None) => false,
                _ => true,
            };
            match operator {
                b"Tf" => {
                    let name = operands.first().and_then(Object::as_name).unwrap_or_default();
                    let name = String::from_utf8_lossy(name);
                    letters = self.letters(&fonts, &name)?;
                    if matches!(letters, Some(Letters::Mapped(_))) {
                        embedded = true;
                        // What a font draws that came after the signature is its maker's choice, whatever letters it names.
                        if !self.font_was_signed(&fonts, &name)? {
                            letters = None;
                        }
                    }
                }
                b"Tj" | b"'" | b"\"" => {
                    if !operands.last().is_some_and(|object| shown(object, &mut text)) {
                        other = Some(EMBEDDED);
                    }
                }
                b"TJ" => {
                    for item in operands.first().and_then(Object::as_array).unwrap_or_default() {
                        if !shown(item, &mut text) {
                            other = Some(EMBEDDED);
                        }
                    }
                }
                b"f" | b"F" | b"f*" | b"B" | b"B*" | b"b" | b"b*" => filled = true,
                b"Tr" if operands.first().and_then(Object::as_integer) != Some(0) => {
                    other = Some(Drawn::Other("文字不以通常方式绘出", "its text is not drawn in the plain way"));
                }
                b"BDC" | b"DP" if operands.first().and_then(Object::as_name) == Some(b"OC") => {
                    other = Some(Drawn::Other("图样含可选内容", "its appearance holds optional content"));
                }
                _ if PLAIN.contains(&operator) => (),
                _ => other = Some(Drawn::Other("图样含图片或其他内容", "its appearance holds pictures or other content")),
            }
            Ok(())
        });
        match outcome {
            Ok(()) => (),
            Err(error @ (PdfError::Io | PdfError::Work)) => return Err(error),
            Err(_) => return Ok(Drawn::Other("图样无法读取", "its appearance cannot be read")),
        }
        if let Some(other) = other {
            return Ok(other);
        }
        // Text outside the box is cut off.
        let cut = match Place::of(&revision.value(&stream.dictionary, "BBox")?) {
            Some(whole) => !stream_places(revision, stream)?.places.iter().all(|place| place.meets(&whole)),
            None => true,
        };
        if cut && !text.trim().is_empty() {
            return Ok(Drawn::Other("部分文字在显示范围之外", "part of its text lies outside what is shown"));
        }
        Ok(Drawn::Text { text, filled, embedded })
    }

    /// The fonts that an appearance uses: its own, then those of the form.
    fn fonts(&self, stream: &Stream) -> Result<[Dictionary; 2], PdfError> {
        let own = self.new.dictionary(&stream.dictionary, "Resources")?.unwrap_or_default();
        let form = self.new.dictionary(&self.new.catalog()?, "AcroForm")?.unwrap_or_default();
        let shared = self.new.dictionary(&form, "DR")?.unwrap_or_default();
        let fonts = |resources: &Dictionary| self.new.dictionary(resources, "Font");
        Ok([fonts(&own)?.unwrap_or_default(), fonts(&shared)?.unwrap_or_default()])
    }

    /// How the font `name` stands for letters; `None` if only drawing it would tell. A font that is nowhere is replaced by a plain
    /// one in every reader.
    fn letters(&self, fonts: &[Dictionary; 2], name: &str) -> Result<Option<Letters>, PdfError> {
        for list in fonts {
            if list.get(name).is_some() {
                return letters_of(self.new, list, name);
            }
        }
        Ok(Some(Letters::Latin))
    }

    /// Whether the font shows what its codes say in every reader.
    pub(super) fn plain_font(&self, revision: Revision<'_, '_>, fonts: &Dictionary, name: &str) -> Result<bool, PdfError> {
        let symbols = matches!(revision.dictionary(fonts, name)?, Some(font) if font.name("BaseFont") == Some(b"ZapfDingbats"));
        Ok(symbols || matches!(letters_of(revision, fonts, name)?, Some(letters) if !matches!(letters, Letters::Mapped(_))))
    }

    /// Whether the font `name` stands as it was in the oldest signed revision, its letters and its program included.
    fn font_was_signed(&self, fonts: &[Dictionary; 2], name: &str) -> Result<bool, PdfError> {
        let signed = self.around.signed();
        let Some(font) = fonts.iter().find_map(|list| list.get(name)) else { return Ok(false) };
        let Some(id) = font.as_reference() else { return Ok(false) };
        let (mut seen, mut todo) = (HashSet::from([id]), vec![id]);
        while let Some(id) = todo.pop() {
            let entry = self.new.entry(id.number);
            if seen.len() > MAX_FONT_PARTS || matches!(entry, None | Some(Entry::Free)) || signed.entry(id.number) != entry {
                return Ok(false);
            }
            todo.extend(references(&self.new.object(id)?).into_iter().filter(|id| seen.insert(*id)));
        }
        Ok(true)
    }

    /// Whether an appearance draws lines and see-through areas alone, as marks on text do; with `opaque`, areas too.
    pub(super) fn draws_lightly(&self, stream: &Stream, opaque: bool) -> Result<bool, PdfError> {
        let Ok(octets) = self.new.decoded(stream) else { return Ok(false) };
        let resources = self.new.dictionary(&stream.dictionary, "Resources")?.unwrap_or_default();
        let states = self.new.dictionary(&resources, "ExtGState")?.unwrap_or_default();
        let (mut light, mut multiplied) = (true, false);
        let mut saved = Vec::new();
        let outcome = operators(&octets, |operator, operands| {
            match operator {
                b"q" if saved.len() < 1024 => saved.push(multiplied),
                b"Q" => multiplied = saved.pop().unwrap_or(false),
                b"gs" => {
                    let name = operands.first().and_then(Object::as_name).unwrap_or_default();
                    let state = self.new.dictionary(&states, &String::from_utf8_lossy(name))?.unwrap_or_default();
                    multiplied = match self.new.value(&state, "BM")? {
                        Object::Name(mode) => mode == b"Multiply",
                        _ => multiplied,
                    };
                    light &= state.get("SMask").is_none_or(|mask| mask.as_name() == Some(b"None"));
                }
                b"f" | b"F" | b"f*" | b"B" | b"B*" | b"b" | b"b*" => light &= opaque || multiplied,
                b"w" => light &= operands.first().and_then(Object::as_number).is_some_and(|width| (0.0..=4.0).contains(&width)),
                b"Tj" | b"TJ" | b"'" | b"\"" | b"BDC" => light = false,
                _ => light &= PLAIN.contains(&operator),
            }
            Ok(())
        });
        Ok(light && outcome.is_ok())
    }
}

/// Operators that place, colour and outline.
const PLAIN: &[&[u8]] = &[
    b"q", b"Q", b"cm", b"BT", b"ET", b"Td", b"TD", b"Tm", b"T*", b"Tc", b"Tw", b"Tz", b"TL", b"Ts", b"Tr", b"g", b"rg", b"k", b"G", b"RG",
    b"K", b"cs", b"CS", b"sc", b"SC", b"re", b"m", b"l", b"c", b"v", b"y", b"h", b"n", b"W", b"W*", b"S", b"s", b"w", b"J", b"j", b"M",
    b"d", b"i", b"ri", b"BMC", b"BDC", b"EMC", b"MP", b"DP",
];

fn letters_of(revision: Revision<'_, '_>, fonts: &Dictionary, name: &str) -> Result<Option<Letters>, PdfError> {
    let Some(font) = revision.dictionary(fonts, name)? else { return Ok(None) };
    if font.is_ambiguous() {
        return Ok(None);
    }
    match font.name("Subtype") {
        Some(b"Type1" | b"TrueType" | b"MMType1") => {
            let base = String::from_utf8_lossy(font.name("BaseFont").unwrap_or_default()).to_ascii_lowercase();
            let symbols = ["symbol", "dingbat", "wingding", "webding"].iter().any(|word| base.contains(word));
            if symbols || is_embedded(revision, &font)? {
                return Ok(None);
            }
            Ok(match revision.value(&font, "Encoding")? {
                Object::Null => Some(Letters::Ascii),
                Object::Name(name) if name == b"WinAnsiEncoding" || name == b"PDFDocEncoding" => Some(Letters::Latin),
                Object::Name(name) if name == b"MacRomanEncoding" || name == b"StandardEncoding" => Some(Letters::Ascii),
                Object::Dictionary(encoding) => faithful(revision, &encoding)?.then_some(Letters::Ascii),
                _ => None,
            })
        }
        Some(b"Type0") => {
            let Object::Array(descendants) = revision.value(&font, "DescendantFonts")? else { return Ok(None) };
            for descendant in &descendants {
                let Object::Dictionary(descendant) = revision.resolve(descendant)? else { return Ok(None) };
                if is_embedded(revision, &descendant)? {
                    return Ok(glyphs::mapping(revision, &font)?.filter(|_| descendants.len() == 1).map(Rc::new).map(Letters::Mapped));
                }
            }
            let name = match revision.value(&font, "Encoding")? {
                Object::Name(name) => String::from_utf8_lossy(&name).into_owned(),
                _ => return Ok(None),
            };
            let unicode = name.starts_with("Uni") && (name.contains("-UCS2-") || name.contains("-UTF16-"));
            let national = ["GBK-EUC-H", "GBKp-EUC-H", "GBK2K-H", "GB-EUC-H"].contains(&name.as_str());
            Ok(if unicode { Some(Letters::Utf16) } else { national.then_some(Letters::Gbk) })
        }
        _ => Ok(None),
    }
}

fn is_embedded(revision: Revision<'_, '_>, font: &Dictionary) -> Result<bool, PdfError> {
    let Some(descriptor) = revision.dictionary(font, "FontDescriptor")? else { return Ok(false) };
    Ok(["FontFile", "FontFile2", "FontFile3"].iter().any(|key| descriptor.get(key).is_some()))
}

/// Whether the differences of an encoding leave every ASCII code its own letter.
fn faithful(revision: Revision<'_, '_>, encoding: &Dictionary) -> Result<bool, PdfError> {
    let Object::Array(items) = revision.value(encoding, "Differences")? else { return Ok(true) };
    let mut code = 0i64;
    for item in &items {
        match revision.resolve(item)? {
            Object::Integer(next) => code = next,
            Object::Name(glyph) => {
                if (32..=126).contains(&code) && u8::try_from(code).is_ok_and(|code| glyph_of(code) != glyph) {
                    return Ok(false);
                }
                code = code.saturating_add(1);
            }
            _ => return Ok(false),
        }
    }
    Ok(true)
}

/// The name of the glyph of an ASCII code (annex D.2).
fn glyph_of(code: u8) -> Vec<u8> {
    const DIGITS: [&str; 10] = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];
    const BEFORE: [&str; 16] = [
        "space",
        "exclam",
        "quotedbl",
        "numbersign",
        "dollar",
        "percent",
        "ampersand",
        "quotesingle",
        "parenleft",
        "parenright",
        "asterisk",
        "plus",
        "comma",
        "hyphen",
        "period",
        "slash",
    ];
    const BETWEEN: [&str; 7] = ["colon", "semicolon", "less", "equal", "greater", "question", "at"];
    const AFTER: [&str; 6] = ["bracketleft", "backslash", "bracketright", "asciicircum", "underscore", "grave"];
    const LAST: [&str; 4] = ["braceleft", "bar", "braceright", "asciitilde"];
    let of = |list: &[&str], first: u8| list.get(usize::from(code - first)).copied().unwrap_or_default().as_bytes().to_vec();
    match code {
        32..=47 => of(&BEFORE, 32),
        48..=57 => of(&DIGITS, 48),
        58..=64 => of(&BETWEEN, 58),
        91..=96 => of(&AFTER, 91),
        123..=126 => of(&LAST, 123),
        letter => vec![letter],
    }
}

fn decoded(letters: &Letters, octets: &[u8]) -> Option<String> {
    match letters {
        Letters::Latin => Some(encoding_rs::WINDOWS_1252.decode_without_bom_handling(octets).0.into_owned()),
        Letters::Ascii => octets.is_ascii().then(|| String::from_utf8_lossy(octets).into_owned()),
        Letters::Utf16 => Some(encoding_rs::UTF_16BE.decode_without_bom_handling(octets).0.into_owned()),
        Letters::Gbk => Some(encoding_rs::GB18030.decode_without_bom_handling(octets).0.into_owned()),
        Letters::Mapped(mapping) => glyphs::text(mapping, octets),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn glyphs_have_their_names() {
        for (code, name) in [(b' ', "space"), (b'9', "nine"), (b'@', "at"), (b'A', "A"), (b'`', "grave"), (b'z', "z"), (b'~', "asciitilde")]
        {
            assert_eq!(glyph_of(code), name.as_bytes());
        }
    }

    #[test]
    fn texts_are_compared_without_white_space() {
        assert!(same_text("a b\rc", "abc") && same_text("", " ") && !same_text("abc", "abd"));
    }
}
