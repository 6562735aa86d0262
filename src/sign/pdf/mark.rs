//! The mark that is seen on a page: who, when, why, where, in lines of text.

use super::write::Writer;
use crate::doc::pdf::object::{Dictionary, Id, Object};
use crate::sign::{Picture, Refusal, Request};
use std::io::Write as _;

/// A mark on a page.
#[derive(Debug, Clone, PartialEq)]
pub struct Mark {
    /// Page, counted from 1.
    pub page: u32,
    /// Left, bottom, right, top, in points from the page's lower left corner.
    pub rect: [f64; 4],
}

/// Largest and smallest size of the letters, in points.
const SIZES: (f64, f64) = (12.0, 2.0);
/// Height of a line over the size of its letters.
const LEADING: f64 = 1.3;

impl Mark {
    /// A mark with a rectangle of some extent, inside what a page can have.
    ///
    /// # Errors
    /// [`Refusal::Request`] if it has none.
    pub fn new(page: u32, rect: [f64; 4]) -> Result<Self, Refusal> {
        let [left, bottom, right, top] = rect;
        let fits = rect.iter().all(|number| number.is_finite() && number.abs() <= 14_400.0);
        if page == 0 || !fits || right - left < 1.0 || top - bottom < 1.0 {
            return Err(Refusal::Request("--page counts from 1, and --rect is left,bottom,right,top in points"));
        }
        Ok(Self { page, rect })
    }

    /// Where a mark goes that was asked for without a place: at the lower left of the first page.
    pub fn usual() -> Self {
        Self { page: 1, rect: [36.0, 36.0, 236.0, 96.0] }
    }

    /// `/Rect`; without a mark it has no extent.
    pub(super) fn rectangle(mark: Option<&Self>) -> Object {
        Object::Array(match mark {
            Some(mark) => mark.rect.map(real).to_vec(),
            None => [0; 4].map(Object::Integer).to_vec(),
        })
    }

    /// Writes the appearance. Where no font is at hand the words name one that every reader has for the standard Chinese collection.
    pub(super) fn draw(&self, writer: &mut Writer, request: &Request) -> Result<Id, Refusal> {
        let lines = if request.seal.is_some() { Vec::new() } else { lines(request) };
        let [left, bottom, right, top] = self.rect;
        let (width, height) = (right - left, top - bottom);
        // A seal fills its place and stands alone: no frame, no words.
        let seal = request.seal.is_some();
        let frame = |picture| if seal { whole(picture, width, height) } else { frame(picture, width, height) };
        let picture = request.picture.as_ref().map(frame);
        // The text stands to the right of the picture.
        let indent = picture.map_or(3.0, |[left, _, across, _]| left + across + 3.0);
        let border = format!("q 0.7 w 0.75 0.1 0.1 RG 0.5 0.5 {:.2} {:.2} re S Q\n", width - 1.0, height - 1.0);
        let mut content = if seal { String::new() } else { border };
        if let Some([left, bottom, across, up]) = picture {
            content.push_str(&format!("q {across:.2} 0 0 {up:.2} {left:.2} {bottom:.2} cm /I1 Do Q\n"));
        }
        let mut resources = Dictionary::default();
        let room = Room { indent, width, height };
        match request.font.as_deref().and_then(|font| outlined(font, &lines, &room)) {
            _ if lines.is_empty() => (),
            Some(paths) => content.push_str(&paths),
            None => {
                content.push_str(&named(&lines, &room));
                let beyond_bmp = lines.iter().any(|line| line.chars().any(|letter| letter > '\u{ffff}'));
                let mut fonts = Dictionary::default();
                let font = font(writer, if beyond_bmp { "UniGB-UTF16-H" } else { "UniGB-UCS2-H" })?;
                fonts.insert(b"F1".into(), Object::Reference(font));
                resources.insert(b"Font".into(), Object::Dictionary(fonts));
            }
        }
        let id = writer.fresh()?;
        if let Some(picture) = &request.picture {
            let mut objects = Dictionary::default();
            objects.insert(b"I1".into(), Object::Reference(image(writer, picture)?));
            resources.insert(b"XObject".into(), Object::Dictionary(objects));
        }
        let mut form = Dictionary::default();
        form.insert(b"Type".into(), name("XObject"));
        form.insert(b"Subtype".into(), name("Form"));
        form.insert(b"BBox".into(), Object::Array([0.0, 0.0, width, height].map(real).to_vec()));
        form.insert(b"Resources".into(), Object::Dictionary(resources));
        writer.stream(id, form, content.as_bytes());
        Ok(id)
    }
}

/// The place for the words: from `indent` to the right edge.
struct Room {
    indent: f64,
    width: f64,
    height: f64,
}

impl Room {
    /// Size of the letters, for so many lines of which the longest is `longest` letters wide.
    fn size(&self, lines: usize, longest: f64) -> f64 {
        let up = (self.height - 4.0) / (lines as f64 * LEADING);
        up.min((self.width - self.indent - 3.0) / longest.max(1.0)).clamp(SIZES.1, SIZES.0)
    }

    /// The baseline of a line.
    fn baseline(&self, index: usize, size: f64) -> f64 {
        self.height - 2.0 - (index as f64 + 0.8) * size * LEADING
    }
}

/// The words in the reader's own font.
fn named(lines: &[String], room: &Room) -> String {
    let size = room.size(lines.len(), lines.iter().map(|line| extent(line)).fold(1.0, f64::max));
    let mut content = format!("BT /F1 {size:.2} Tf 0.1 g\n");
    for (index, line) in lines.iter().enumerate() {
        let codes: String = line.encode_utf16().map(|unit| format!("{unit:04X}")).collect();
        content.push_str(&format!("1 0 0 1 {:.2} {:.2} Tm <{codes}> Tj\n", room.indent, room.baseline(index, size)));
    }
    content + "ET\n"
}

/// The words as outlines of a font, with the text itself for search and for readers aloud (section 14.9.4). `None` where the font
/// cannot be read or lacks a letter: nobody's name is drawn with a hole in it.
#[cfg(feature = "service")]
fn outlined(font: &[u8], lines: &[String], room: &Room) -> Option<String> {
    use crate::sign::seal::{Font, Step};
    let font = Font::read(font).ok()?;
    let glyphs: Vec<Vec<_>> =
        lines.iter().map(|line| line.chars().map(|letter| font.glyph(letter).ok()).collect()).collect::<Option<_>>()?;
    let widths = glyphs.iter().map(|line| line.iter().map(|glyph| glyph.advance).sum::<f64>());
    let size = room.size(lines.len(), widths.fold(1.0, f64::max));
    let mut content = String::from("0.1 g\n");
    for (index, (line, glyphs)) in lines.iter().zip(&glyphs).enumerate() {
        let codes: String = line.encode_utf16().map(|unit| format!("{unit:04X}")).collect();
        content.push_str(&format!("/Span <</ActualText <FEFF{codes}>>> BDC\n"));
        let mut pen = 0.0;
        for glyph in glyphs {
            let at = |x: f64, y: f64| (room.indent + (pen + x) * size, room.baseline(index, size) + y * size);
            let mut last = (0.0, 0.0);
            for step in &glyph.steps {
                match step {
                    Step::Move(end) => {
                        last = at(end.x, end.y);
                        content.push_str(&format!("{:.2} {:.2} m ", last.0, last.1));
                    }
                    Step::Line(end) => {
                        last = at(end.x, end.y);
                        content.push_str(&format!("{:.2} {:.2} l ", last.0, last.1));
                    }
                    Step::Quad(control, end) => {
                        // A quadratic curve is a cubic one whose control points lie two thirds of the way.
                        let (control, end) = (at(control.x, control.y), at(end.x, end.y));
                        let third =
                            |from: (f64, f64)| (from.0 + (control.0 - from.0) * 2.0 / 3.0, from.1 + (control.1 - from.1) * 2.0 / 3.0);
                        let (one, two) = (third(last), third(end));
                        content.push_str(&format!("{:.2} {:.2} {:.2} {:.2} {:.2} {:.2} c ", one.0, one.1, two.0, two.1, end.0, end.1));
                        last = end;
                    }
                    Step::Cubic(one, two, end) => {
                        let (one, two) = (at(one.x, one.y), at(two.x, two.y));
                        last = at(end.x, end.y);
                        content.push_str(&format!("{:.2} {:.2} {:.2} {:.2} {:.2} {:.2} c ", one.0, one.1, two.0, two.1, last.0, last.1));
                    }
                    Step::Close => content.push_str("h "),
                }
            }
            if !glyph.steps.is_empty() {
                content.push_str("f\n");
            }
            pen += glyph.advance;
        }
        content.push_str("EMC\n");
    }
    Some(content)
}

#[cfg(not(feature = "service"))]
fn outlined(_: &[u8], _: &[String], _: &Room) -> Option<String> {
    None
}

/// Where a picture goes in a mark: left, bottom, width, height; its shape kept, at most half of the mark's width.
fn frame(picture: &Picture, width: f64, height: f64) -> [f64; 4] {
    let room = ((width / 2.0 - 3.0).max(0.5), (height - 4.0).max(0.5));
    let scale = (room.0 / f64::from(picture.width)).min(room.1 / f64::from(picture.height));
    let (across, up) = (f64::from(picture.width) * scale, f64::from(picture.height) * scale);
    [2.0, (height - up) / 2.0, across, up]
}

/// Where a seal's picture goes: as large as its place, its shape kept, in the middle.
fn whole(picture: &Picture, width: f64, height: f64) -> [f64; 4] {
    let scale = (width / f64::from(picture.width)).min(height / f64::from(picture.height));
    let (across, up) = (f64::from(picture.width) * scale, f64::from(picture.height) * scale);
    [(width - across) / 2.0, (height - up) / 2.0, across, up]
}

/// The picture as an image object, with a mask where it is not opaque (sections 8.9.5 and 11.6.5.2).
fn image(writer: &mut Writer, picture: &Picture) -> Result<Id, Refusal> {
    let about = |space: &str| {
        let mut about = Dictionary::default();
        about.insert(b"Type".into(), name("XObject"));
        about.insert(b"Subtype".into(), name("Image"));
        about.insert(b"Width".into(), Object::Integer(picture.width.into()));
        about.insert(b"Height".into(), Object::Integer(picture.height.into()));
        about.insert(b"BitsPerComponent".into(), Object::Integer(8));
        about.insert(b"ColorSpace".into(), name(space));
        about.insert(b"Filter".into(), name("FlateDecode"));
        about
    };
    let mut colours = about("DeviceRGB");
    if let Some(opacity) = &picture.opacity {
        let mask = writer.fresh()?;
        writer.stream(mask, about("DeviceGray"), &deflated(opacity)?);
        colours.insert(b"SMask".into(), Object::Reference(mask));
    }
    let id = writer.fresh()?;
    writer.stream(id, colours, &deflated(&picture.colours)?);
    Ok(id)
}

fn deflated(octets: &[u8]) -> Result<Vec<u8>, Refusal> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(octets)?;
    Ok(encoder.finish()?)
}

fn lines(request: &Request) -> Vec<String> {
    let plain = |text: &str| text.chars().filter(|letter| !letter.is_control()).take(200).collect::<String>();
    let mut lines = vec![
        format!("签名人：{}", plain(&request.certificate.holder().name)),
        format!("时间：{}", request.at.beijing().get(..19).unwrap_or_default().replace('T', " ")),
    ];
    lines.extend(request.reason.as_deref().map(|reason| format!("事由：{}", plain(reason))));
    lines.extend(request.place.as_deref().map(|place| format!("地点：{}", plain(place))));
    lines
}

/// Width of a line in letters: ASCII counts half.
fn extent(line: &str) -> f64 {
    line.chars().map(|letter| if letter.is_ascii() { 0.5 } else { 1.0 }).sum()
}

fn name(name: &str) -> Object {
    Object::Name(name.into())
}

fn real(number: f64) -> Object {
    Object::Real(format!("{number:.2}").into_bytes())
}

/// The predefined Chinese font STSong-Light of the Adobe-GB1 collection (sections 9.7.5.2 and 9.7.6).
fn font(writer: &mut Writer, encoding: &str) -> Result<Id, Refusal> {
    let (font, descendant, descriptor) = (writer.fresh()?, writer.fresh()?, writer.fresh()?);
    let raw = [
        (
            font,
            format!(
                "<</Type/Font/Subtype/Type0/BaseFont/STSong-Light-{encoding}/Encoding/{encoding}/DescendantFonts[{} 0 R]>>",
                descendant.number
            ),
        ),
        (
            descendant,
            format!(
                "<</Type/Font/Subtype/CIDFontType0/BaseFont/STSong-Light/CIDSystemInfo<</Registry(Adobe)/Ordering(GB1)/Supplement 4>>\
                 /DW 1000/W[1 95 500 814 939 500]/FontDescriptor {} 0 R>>",
                descriptor.number
            ),
        ),
        (
            descriptor,
            "<</Type/FontDescriptor/FontName/STSong-Light/Flags 6/FontBBox[-25 -254 1000 880]/ItalicAngle 0/Ascent 880/Descent -120\
             /CapHeight 880/StemV 93>>"
                .to_owned(),
        ),
    ];
    for (id, text) in raw {
        writer.begin(id);
        writer.raw(text.as_bytes());
        writer.end();
    }
    Ok(font)
}
