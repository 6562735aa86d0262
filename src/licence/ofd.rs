//! A sheet as an OFD package (GB/T 33190-2016), within what GB/T 42133-2022 (OFD/A) allows: one document, everything inside, parts
//! of fonts embedded, no actions, nothing that moves.

use super::MakeError;
use super::font::Faces;
use super::layout::{Item, Line, Sheet};
use super::package::Writer;
use crate::doc::licence::{Metadata, name};
use std::collections::BTreeMap;
use std::fmt::Write as _;

const HEAD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
const SPACE: &str = "xmlns:ofd=\"http://www.ofdspec.org/2016\"";

/// The package. Equal sheets, metadata and fonts give equal octets.
///
/// # Errors
/// [`MakeError::File`] if a font gives no part of itself.
pub fn ofd(sheet: &Sheet, metadata: &Metadata, document_id: &str, faces: &Faces<'_>) -> Result<Vec<u8>, MakeError> {
    let failed = |what: &str| MakeError::File(what.into());
    let mut ids = Ids(sheet.pages.len());
    let mut package = Writer::default();
    let mut put = |name: &str, octets: &[u8], packed: bool| package.add(name, octets, packed).ok_or_else(|| failed("package"));
    put("OFD.xml", entry(metadata, document_id).as_bytes(), true)?;

    let mut used: BTreeMap<usize, BTreeMap<char, u32>> = BTreeMap::new();
    let mut pictures: Vec<(&[u8], bool)> = Vec::new();
    for item in sheet.pages.iter().flatten() {
        match item {
            Item::Line(line) => line.letters.iter().for_each(|drawn| {
                used.entry(drawn.face).or_default().insert(drawn.letter, drawn.glyph);
            }),
            Item::Picture(_, octets, png) => pictures.push((octets, *png)),
            _ => {}
        }
    }
    let mut resources = String::from("<ofd:Fonts>");
    let mut fonts: BTreeMap<usize, Font> = BTreeMap::new();
    for (face, letters) in &used {
        let (file, glyphs) = faces.subset(*face, letters).ok_or_else(|| failed("font"))?;
        let (id, at) = (ids.next(), fonts.len());
        let ending = if file.starts_with(b"OTTO") { "otf" } else { "ttf" };
        let family = escaped(&faces.family(*face));
        let _ = write!(
            resources,
            "<ofd:Font ID=\"{id}\" FontName=\"{family}\" FamilyName=\"{family}\"><ofd:FontFile>font_{at}.{ending}</ofd:FontFile></ofd:Font>"
        );
        put(&format!("Doc_0/Res/font_{at}.{ending}"), &file, true)?;
        fonts.insert(*face, Font { id, glyphs });
    }
    resources.push_str("</ofd:Fonts>");
    let mut picture_ids = Vec::new();
    if !pictures.is_empty() {
        resources.push_str("<ofd:MultiMedias>");
        for (at, (octets, png)) in pictures.iter().enumerate() {
            let (format, ending) = if *png { ("PNG", "png") } else { ("JPEG", "jpg") };
            let id = ids.next();
            let _ = write!(
                resources,
                "<ofd:MultiMedia ID=\"{id}\" Type=\"Image\" Format=\"{format}\"><ofd:MediaFile>image_{at}.{ending}</ofd:MediaFile></ofd:MultiMedia>"
            );
            put(&format!("Doc_0/Res/image_{at}.{ending}"), octets, false)?;
            picture_ids.push(id);
        }
        resources.push_str("</ofd:MultiMedias>");
    }
    put("Doc_0/PublicRes.xml", format!("{HEAD}<ofd:Res {SPACE} BaseLoc=\"Res\">{resources}</ofd:Res>").as_bytes(), true)?;

    let mut next_picture = picture_ids.into_iter();
    let (width, height) = (sheet.width, sheet.height);
    let mut list = String::new();
    for (at, page) in sheet.pages.iter().enumerate() {
        let layer = ids.next();
        let mut drawn = String::new();
        for item in page {
            object(item, &fonts, &mut ids, &mut next_picture, &mut drawn);
        }
        let content = format!(
            "{HEAD}<ofd:Page {SPACE}><ofd:Area><ofd:PhysicalBox>0 0 {width} {height}</ofd:PhysicalBox></ofd:Area>\
             <ofd:Content><ofd:Layer ID=\"{layer}\" Type=\"Body\">{drawn}</ofd:Layer></ofd:Content></ofd:Page>"
        );
        put(&format!("Doc_0/Pages/Page_{at}/Content.xml"), content.as_bytes(), true)?;
        let _ = write!(list, "<ofd:Page ID=\"{}\" BaseLoc=\"Pages/Page_{at}/Content.xml\"/>", at + 1);
    }
    let most = ids.0;
    let document = format!(
        "{HEAD}<ofd:Document {SPACE}><ofd:CommonData><ofd:MaxUnitID>{most}</ofd:MaxUnitID><ofd:PageArea><ofd:PhysicalBox>0 0 {width} {height}\
         </ofd:PhysicalBox></ofd:PageArea><ofd:PublicRes>PublicRes.xml</ofd:PublicRes></ofd:CommonData><ofd:Pages>{list}</ofd:Pages></ofd:Document>"
    );
    put("Doc_0/Document.xml", document.as_bytes(), true)?;
    package.finish().ok_or_else(|| failed("package"))
}

/// Numbers of objects; pages have the first ones.
struct Ids(usize);

impl Ids {
    fn next(&mut self) -> usize {
        self.0 = self.0.saturating_add(1);
        self.0
    }
}

struct Font {
    id: usize,
    glyphs: BTreeMap<char, u16>,
}

/// OFD.xml with the metadata in `CustomDatas`.
fn entry(metadata: &Metadata, document_id: &str) -> String {
    let title = metadata.one(name::NAME).map(escaped).unwrap_or_default();
    let author = metadata.one(name::ISSUER).map(escaped).unwrap_or_default();
    let day = metadata.one(name::ISSUED).map(escaped).unwrap_or_default();
    let mut data = String::new();
    for (name, value) in metadata.entries() {
        let _ = write!(data, "<ofd:CustomData Name=\"{}\">{}</ofd:CustomData>", escaped(name), escaped(value));
    }
    format!(
        "{HEAD}<ofd:OFD {SPACE} Version=\"1.1\" DocType=\"OFD-A\"><ofd:DocBody><ofd:DocInfo><ofd:DocID>{}</ofd:DocID><ofd:Title>{title}</ofd:Title>\
         <ofd:Author>{author}</ofd:Author><ofd:CreationDate>{day}</ofd:CreationDate><ofd:Creator>xinyin</ofd:Creator>\
         <ofd:CustomDatas>{data}</ofd:CustomDatas></ofd:DocInfo><ofd:DocRoot>Doc_0/Document.xml</ofd:DocRoot></ofd:DocBody></ofd:OFD>",
        escaped(document_id)
    )
}

fn object(item: &Item, fonts: &BTreeMap<usize, Font>, ids: &mut Ids, pictures: &mut impl Iterator<Item = usize>, out: &mut String) {
    let rgb = |[red, green, blue]: [u8; 3]| format!("{red} {green} {blue}");
    match item {
        Item::Line(line) => text(line, fonts, ids, out),
        Item::Box([x, y, width, height], line, frame, fill) => {
            let id = ids.next();
            let stroke = if *line > 0.0 { format!(" LineWidth=\"{line}\"") } else { " Stroke=\"false\"".into() };
            let filled = if fill.is_some() { " Fill=\"true\"" } else { "" };
            // A frame reaches half its line beyond its box, and what lies outside the boundary is not drawn.
            let half = line / 2.0 + 0.1;
            let boundary = format!("{} {} {} {}", x - half, y - half, width + 2.0 * half, height + 2.0 * half);
            let (right, bottom) = (half + width, half + height);
            let _ = write!(out, "<ofd:PathObject ID=\"{id}\" Boundary=\"{boundary}\"{stroke}{filled}>");
            if let Some(fill) = fill {
                let _ = write!(out, "<ofd:FillColor Value=\"{}\"/>", rgb(*fill));
            }
            let _ = write!(
                out,
                "<ofd:StrokeColor Value=\"{}\"/><ofd:AbbreviatedData>M {half} {half} L {right} {half} L {right} {bottom} L {half} {bottom} C\
                 </ofd:AbbreviatedData></ofd:PathObject>",
                rgb(*frame)
            );
        }
        Item::Picture([x, y, width, height], _, _) => {
            let (id, resource) = (ids.next(), pictures.next().unwrap_or(0));
            let _ = write!(
                out,
                "<ofd:ImageObject ID=\"{id}\" Boundary=\"{x} {y} {width} {height}\" CTM=\"{width} 0 0 {height} 0 0\" ResourceID=\"{resource}\"/>"
            );
        }
        Item::Squares(left, top, side, dark) => {
            let id = ids.next();
            let whole = dark.iter().map(|(column, row)| column.max(row) + 1).max().unwrap_or(1) as f32 * side;
            let mut path = String::new();
            for (column, row) in dark {
                let (x, y) = (*column as f32 * side, *row as f32 * side);
                let (right, bottom) = (x + side, y + side);
                let _ = write!(path, "M {x:.3} {y:.3} L {right:.3} {y:.3} L {right:.3} {bottom:.3} L {x:.3} {bottom:.3} C ");
            }
            let _ = write!(
                out,
                "<ofd:PathObject ID=\"{id}\" Boundary=\"{left} {top} {whole} {whole}\" Stroke=\"false\" Fill=\"true\"><ofd:FillColor Value=\"0 0 0\"/>\
                 <ofd:AbbreviatedData>{}</ofd:AbbreviatedData></ofd:PathObject>",
                path.trim_end()
            );
        }
    }
}

/// One text object; of several faces, one object with the letters of each, in the order of reading.
fn text(line: &Line, fonts: &BTreeMap<usize, Font>, ids: &mut Ids, out: &mut String) {
    let size = line.size;
    let width = line.letters.iter().map(|drawn| drawn.advance).sum::<f32>() * size;
    let (top, height) = (line.baseline - size, size * 1.35);
    let mut x = 0.0f32;
    for run in line.letters.chunk_by(|one, next| one.face == next.face) {
        let Some(font) = run.first().and_then(|drawn| fonts.get(&drawn.face)) else { continue };
        let (red, green, blue) = (line.colour[0], line.colour[1], line.colour[2]);
        let mut deltas = String::new();
        let (mut glyphs, mut letters) = (String::new(), String::new());
        let own = x;
        for (at, drawn) in run.iter().enumerate() {
            if at + 1 < run.len() {
                let _ = write!(deltas, "{}{:.4}", if at == 0 { "" } else { " " }, drawn.advance * size);
            }
            let _ = write!(glyphs, "{}{}", if at == 0 { "" } else { " " }, font.glyphs.get(&drawn.letter).copied().unwrap_or(0));
            letters.push(drawn.letter);
            x += drawn.advance * size;
        }
        let delta = if deltas.is_empty() { String::new() } else { format!(" DeltaX=\"{deltas}\"") };
        let count = run.len();
        let _ = write!(
            out,
            "<ofd:TextObject ID=\"{}\" Boundary=\"{:.3} {top:.3} {:.3} {height:.3}\" Font=\"{}\" Size=\"{size}\"><ofd:FillColor Value=\"{red} {green} \
             {blue}\"/><ofd:CGTransform CodePosition=\"0\" CodeCount=\"{count}\" GlyphCount=\"{count}\"><ofd:Glyphs>{glyphs}</ofd:Glyphs>\
             </ofd:CGTransform><ofd:TextCode X=\"0\" Y=\"{size}\"{delta}>{}</ofd:TextCode></ofd:TextObject>",
            ids.next(),
            line.x + own,
            (width - own).max(0.1) + 0.2,
            font.id,
            escaped(&letters)
        );
    }
}

/// Text for XML. What XML 1.0 cannot hold never gets here: applications refuse control characters.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            letter => out.push(letter),
        }
    }
    out
}
