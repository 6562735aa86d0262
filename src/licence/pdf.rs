//! A sheet as PDF/A-3u (ISO 19005-3): fonts embedded, every letter copied out again as itself, the metadata as an embedded file.

use super::MakeError;
use super::font::Faces;
use super::layout::{Item, Line, Sheet};
use crate::doc::licence::{Metadata, name};
use crate::doc::pdf::licence::FILE;
use crate::moment::Moment;
use krilla::color::rgb;
use krilla::configure::{Archival, ConfigurationBuilder};
use krilla::embed::{AssociationKind, EmbeddedFile, MimeType};
use krilla::geom::{PathBuilder, Point, Rect, Size, Transform};
use krilla::image::Image;
use krilla::metadata::{DateTime, Metadata as About};
use krilla::page::PageSettings;
use krilla::paint::{Fill, Stroke};
use krilla::surface::Surface;
use krilla::text::{Font, GlyphId, KrillaGlyph};
use krilla::{Document, SerializeSettings};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// Points of a millimetre.
const POINT: f32 = 72.0 / 25.4;

/// The file. Equal sheets, metadata, fonts and times give equal octets.
///
/// # Errors
/// [`MakeError::File`] if the validator finds anything that PDF/A forbids, [`MakeError::Picture`] for a picture it cannot draw.
pub fn pdf(sheet: &Sheet, metadata: &Metadata, document_id: &str, created: Moment, faces: &Faces<'_>) -> Result<Vec<u8>, MakeError> {
    let refused = |error: String| MakeError::File(error);
    let configuration = ConfigurationBuilder::new().with_archival_validator(Archival::A3_U).finish();
    let configuration = configuration.map_err(|error| refused(format!("{error:?}")))?;
    let mut document = Document::new_with(SerializeSettings { configuration, ..SerializeSettings::default() });
    let mut fonts: BTreeMap<usize, Font> = BTreeMap::new();
    for drawn in sheet.pages.iter().flatten().flat_map(|item| if let Item::Line(line) = item { line.letters.as_slice() } else { &[] }) {
        if let Entry::Vacant(place) = fonts.entry(drawn.face) {
            let font = faces.file(drawn.face).and_then(|(file, index)| Font::new(file.clone().into(), index));
            place.insert(font.ok_or_else(|| refused("font".into()))?);
        }
    }
    let settings = PageSettings::from_wh(sheet.width * POINT, sheet.height * POINT).ok_or_else(|| refused("page size".into()))?;
    for items in &sheet.pages {
        let mut page = document.start_page_with(settings.clone());
        let mut surface = page.surface();
        for item in items {
            draw(&mut surface, item, &fonts)?;
        }
        surface.finish();
        page.finish();
    }
    let at = moment(created);
    let pairs: Vec<(&str, &str)> = metadata.entries().collect();
    let octets = serde_json::to_vec(&pairs).map_err(|error| refused(error.to_string()))?;
    document.embed_file(EmbeddedFile {
        path: FILE.into(),
        mime_type: MimeType::new("application/json"),
        description: Some("电子证照元数据（GB/T 36903） licence metadata".into()),
        association_kind: AssociationKind::Data,
        data: octets.into(),
        modification_date: Some(at),
        compress: Some(true),
        location: None,
    });
    let one = |key: &str| metadata.one(key).unwrap_or_default().to_owned();
    let about = About::new()
        .title(one(name::NAME))
        .description(one(name::IDENTIFIER))
        .keywords([name::IDENTIFIER, name::TYPE, name::ISSUER_CODE].iter().map(|key| format!("{key}={}", one(key))).collect())
        .authors(vec![one(name::ISSUER)])
        .language("zh-CN".into())
        .creator("xinyin".into())
        .producer("xinyin".into())
        .document_id(document_id.into())
        .creation_date(at);
    document.set_metadata(about);
    document.finish().map_err(|error| refused(format!("{error:?}")))
}

fn moment(at: Moment) -> DateTime {
    let at = at.date_time();
    DateTime::new(u16::try_from(at.year()).unwrap_or(1970))
        .month(at.month().into())
        .day(at.day())
        .hour(at.hour())
        .minute(at.minute())
        .second(at.second())
        .utc_offset_hour(0)
        .utc_offset_minute(0)
}

fn draw(surface: &mut Surface<'_>, item: &Item, fonts: &BTreeMap<usize, Font>) -> Result<(), MakeError> {
    match item {
        Item::Line(line) => letters(surface, line, fonts),
        Item::Box([x, y, width, height], line, frame, fill) => {
            let mut path = PathBuilder::new();
            path.move_to(x * POINT, y * POINT);
            path.line_to((x + width) * POINT, y * POINT);
            path.line_to((x + width) * POINT, (y + height) * POINT);
            path.line_to(x * POINT, (y + height) * POINT);
            path.close();
            if let Some(path) = path.finish() {
                surface.set_fill(fill.map(paint));
                let stroke = Stroke { paint: colour(*frame).into(), width: line * POINT, ..Stroke::default() };
                surface.set_stroke((*line > 0.0).then_some(stroke));
                surface.draw_path(&path);
                surface.set_stroke(None);
            }
        }
        Item::Squares(left, top, side, dark) => {
            let mut path = PathBuilder::new();
            for (column, row) in dark {
                let (x, y) = ((left + *column as f32 * side) * POINT, (top + *row as f32 * side) * POINT);
                if let Some(square) = Rect::from_xywh(x, y, side * POINT, side * POINT) {
                    path.push_rect(square);
                }
            }
            if let Some(path) = path.finish() {
                surface.set_fill(Some(paint([0; 3])));
                surface.draw_path(&path);
            }
        }
        Item::Picture([x, y, width, height], octets, png) => {
            let data = octets.clone().into();
            let image = if *png { Image::from_png(data, false) } else { Image::from_jpeg(data, false) };
            let image = image.map_err(MakeError::Picture)?;
            let size = Size::from_wh(width * POINT, height * POINT).ok_or_else(|| MakeError::Picture("size".into()))?;
            surface.push_transform(&Transform::from_translate(x * POINT, y * POINT));
            surface.draw_image(image, size);
            surface.pop();
        }
    }
    Ok(())
}

fn colour([red, green, blue]: [u8; 3]) -> rgb::Color {
    rgb::Color::new(red, green, blue)
}

fn paint(of: [u8; 3]) -> Fill {
    Fill { paint: colour(of).into(), ..Fill::default() }
}

/// Letters of one line, in runs of one face.
fn letters(surface: &mut Surface<'_>, line: &Line, fonts: &BTreeMap<usize, Font>) {
    surface.set_fill(Some(paint(line.colour)));
    let size = line.size * POINT;
    let mut x = line.x * POINT;
    for run in line.letters.chunk_by(|one, next| one.face == next.face) {
        let Some(font) = run.first().and_then(|drawn| fonts.get(&drawn.face)) else { continue };
        let (mut text, mut glyphs, mut width) = (String::new(), Vec::with_capacity(run.len()), 0.0);
        for drawn in run {
            let start = text.len();
            text.push(drawn.letter);
            glyphs.push(KrillaGlyph::new(GlyphId::new(drawn.glyph), drawn.advance, 0.0, 0.0, 0.0, start..text.len(), None));
            width += drawn.advance * size;
        }
        surface.draw_glyphs(Point::from_xy(x, line.baseline * POINT), &glyphs, font.clone(), &text, size, false);
        x += width;
    }
}
