//! From a template and values to a sheet: every letter with its place, in millimetres from the upper left corner.

use super::MakeError;
use super::application::{Checked, shown, shown_value};
use super::definition::{Align, LicenceType, TextPiece, colour, keys};
use super::font::{Drawn, Faces};
use super::picture;
use crate::doc::licence::{Metadata, name};
use fast_qr::qr::QRBuilder;

/// Space between lines, in sizes.
const LEADING: f32 = 1.4;
/// Where the baseline stands below the top of a line, in sizes.
const ASCENT: f32 = 0.88;

/// One line of text.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// Where it begins.
    pub x: f32,
    /// Where its letters stand.
    pub baseline: f32,
    /// Size of the letters.
    pub size: f32,
    /// Colour.
    pub colour: [u8; 3],
    /// The letters.
    pub letters: Vec<Drawn>,
}

/// Something on a page.
#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    /// Text.
    Line(Line),
    /// A rectangle: place, width of its frame, colour of the frame, colour inside.
    Box([f32; 4], f32, [u8; 3], Option<[u8; 3]>),
    /// A picture: place, octets, whether it is a PNG.
    Picture([f32; 4], Vec<u8>, bool),
    /// Dark squares of a code: left, top, side of a square, the squares by column and row.
    Squares(f32, f32, f32, Vec<(usize, usize)>),
}

/// Pages with what stands on them.
#[derive(Debug, Clone, PartialEq)]
pub struct Sheet {
    /// Width of a page.
    pub width: f32,
    /// Height of a page.
    pub height: f32,
    /// The pages.
    pub pages: Vec<Vec<Item>>,
}

/// Lays a licence out: `metadata` for the texts, `checked` for the pictures, `address` for the QR code. An annotated copy bears its
/// purpose and last day across every page.
///
/// # Errors
/// [`MakeError`] names field and character.
pub fn lay_out(kind: &LicenceType, metadata: &Metadata, checked: &Checked, address: &str, faces: &Faces<'_>) -> Result<Sheet, MakeError> {
    let template = &kind.template;
    let mut pages: Vec<Vec<Item>> = vec![Vec::new(); template.pages()];
    let mut put = |page: usize, item: Item| {
        if let Some(page) = pages.get_mut(page.saturating_sub(1)) {
            page.push(item);
        }
    };
    let rgb = |text: &str| colour(text).unwrap_or([0; 3]);
    for piece in &template.boxes {
        let place = [piece.x, piece.y, piece.width, piece.height];
        put(piece.page, Item::Box(place, piece.line, rgb(&piece.colour), piece.fill.as_deref().map(rgb)));
    }
    for (at, piece) in template.picture.iter().enumerate() {
        let of = piece.field.clone().unwrap_or_else(|| format!("template.picture {}", at + 1));
        let data = piece.field.as_ref().map_or(piece.data.as_ref(), |key| checked.fields.get(key));
        // A picture that was not asked for leaves its place empty.
        let Some(data) = data else { continue };
        let (octets, png) = picture(data).ok_or(MakeError::Picture(of))?;
        put(piece.page, Item::Picture([piece.x, piece.y, piece.width, piece.height], octets, png));
    }
    for piece in &template.text {
        for line in lines(piece, metadata, faces)? {
            put(piece.page, Item::Line(line));
        }
    }
    let qr = template.qr;
    let (count, dark) = code(address).ok_or(MakeError::Address)?;
    let side = qr.size / (count + 8) as f32;
    put(qr.page, Item::Squares(qr.x + 4.0 * side, qr.y + 4.0 * side, side, dark));
    if metadata.all(name::COPY_PURPOSE).next().is_some() {
        for page in &mut pages {
            page.extend(watermark(template.width, template.height, metadata, faces)?.into_iter().map(Item::Line));
        }
    }
    Ok(Sheet { width: template.width, height: template.height, pages })
}

/// A QR code (ISO/IEC 18004): squares in a row, and the dark ones.
fn code(text: &str) -> Option<(usize, Vec<(usize, usize)>)> {
    let code = QRBuilder::new(text).ecl(fast_qr::ECL::M).build().ok()?;
    let mut dark = Vec::new();
    for row in 0..code.size {
        let line = code.data.get(row * code.size..(row + 1) * code.size)?;
        dark.extend(line.iter().enumerate().filter(|(_, module)| module.value()).map(|(column, _)| (column, row)));
    }
    Some((code.size, dark))
}

/// The text of a piece with its fields, each letter with the field it comes from.
fn filled(piece: &TextPiece, metadata: &Metadata) -> Vec<(String, char)> {
    let mut all = Vec::new();
    let mut rest = piece.text.as_str();
    for key in keys(&piece.text).unwrap_or_default() {
        let (before, after) = rest.split_once('{').unwrap_or((rest, ""));
        all.extend(before.chars().map(|letter| ("template".to_owned(), letter)));
        all.extend(shown(metadata, key).chars().map(|letter| (key.to_owned(), letter)));
        rest = after.split_once('}').map_or("", |(_, behind)| behind);
    }
    all.extend(rest.chars().map(|letter| ("template".to_owned(), letter)));
    all
}

fn drawn(faces: &Faces<'_>, field: &str, letter: char) -> Result<Drawn, MakeError> {
    let missing = || MakeError::Glyph { field: field.into(), letter };
    let drawn = faces.find(letter).ok_or_else(missing)?;
    if faces.draws(&drawn) { Ok(drawn) } else { Err(missing()) }
}

/// Breaks a text into lines: anywhere between Chinese characters, between words elsewhere.
fn lines(piece: &TextPiece, metadata: &Metadata, faces: &Faces<'_>) -> Result<Vec<Line>, MakeError> {
    let letters = filled(piece, metadata);
    let mut rows: Vec<Vec<Drawn>> = vec![Vec::new()];
    let mut used = 0.0f32;
    let mut named = "template";
    let fits = |width: f32| width * piece.size <= piece.width + 0.01;
    for (field, letter) in &letters {
        if field != "template" {
            named = field;
        }
        if *letter == '\n' {
            rows.push(Vec::new());
            used = 0.0;
            continue;
        }
        let one = drawn(faces, field, *letter)?;
        if !fits(used + one.advance) {
            if !fits(one.advance) {
                return Err(MakeError::Fit(field.clone()));
            }
            let row = rows.last_mut().map(std::mem::take).unwrap_or_default();
            // A word of Latin letters and digits goes to the next line whole, where it is not longer than a line.
            let is_word = |drawn: &Drawn| drawn.letter.is_ascii_alphanumeric();
            let tail = if letter.is_ascii_alphanumeric() { row.iter().rev().take_while(|drawn| is_word(drawn)).count() } else { 0 };
            let cut = if tail < row.len() { row.len() - tail } else { row.len() };
            let (kept, moved) = row.split_at(cut);
            if let Some(last) = rows.last_mut() {
                *last = kept.to_vec();
            }
            rows.push(moved.to_vec());
            used = moved.iter().map(|drawn| drawn.advance).sum();
        }
        used += one.advance;
        if let Some(row) = rows.last_mut() {
            row.push(one);
        }
    }
    let height = piece.size * (1.0 + LEADING * rows.len().saturating_sub(1) as f32);
    if height > piece.height.unwrap_or(piece.size) + 0.01 {
        return Err(MakeError::Fit(named.into()));
    }
    let rgb = colour(&piece.colour).unwrap_or([0; 3]);
    Ok(rows
        .into_iter()
        .enumerate()
        .filter(|(_, row)| !row.is_empty())
        .map(|(at, letters)| {
            let free = piece.width - letters.iter().map(|drawn| drawn.advance).sum::<f32>() * piece.size;
            let shift = match piece.align {
                Align::Left => 0.0,
                Align::Centre => free / 2.0,
                Align::Right => free,
            };
            let baseline = piece.y + piece.size * (ASCENT + LEADING * at as f32);
            Line { x: piece.x + shift.max(0.0), baseline, size: piece.size, colour: rgb, letters }
        })
        .collect())
}

/// Purpose and last day in pale letters, three times down the page.
fn watermark(width: f32, height: f32, metadata: &Metadata, faces: &Faces<'_>) -> Result<Vec<Line>, MakeError> {
    let until = metadata.all(name::COPY_UNTIL).map(|value| shown_value(name::COPY_UNTIL, value)).collect::<String>();
    let until = until.get(..16).unwrap_or(&until).replace('T', " ");
    let purpose = shown(metadata, name::COPY_PURPOSE);
    let mut all = Vec::new();
    for (text, field) in [(format!("仅供{purpose}使用"), name::COPY_PURPOSE), (format!("加注件 有效期至 {until}"), name::COPY_UNTIL)]
    {
        let letters = text.chars().map(|letter| drawn(faces, field, letter)).collect::<Result<Vec<_>, _>>()?;
        let advance: f32 = letters.iter().map(|drawn| drawn.advance).sum();
        let size = (width * 0.8 / advance.max(1.0)).min(width * 0.05);
        let x = (width - advance * size) / 2.0;
        for third in [0.25f32, 0.5, 0.75] {
            let below = if field == name::COPY_PURPOSE { 0.0 } else { width * 0.06 };
            all.push(Line { x, baseline: height * third + below, size, colour: [0xc8; 3], letters: letters.clone() });
        }
    }
    Ok(all)
}
