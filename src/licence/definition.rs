//! A licence type: one TOML file that says what stands in such a licence, how it looks, who issues and seals it, and for how long.

use crate::doc::licence::name;
use crate::id::{LicenceIdentifier, UnifiedSocialCreditCode};
use regex::Regex;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Largest definition that is read.
pub const MAX_DEFINITION: usize = 256 * 1024;
/// Most fields, texts and other pieces of one kind.
const MAX_PIECES: usize = 200;
/// Most pages of a template.
const MAX_PAGES: usize = 20;

/// Why a definition is refused: which place, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {why}")]
pub struct BadDefinition {
    /// Where, as a path of the TOML file.
    pub place: String,
    /// What is wrong.
    pub why: String,
}

fn bad<T>(place: impl Into<String>, why: impl Into<String>) -> Result<T, BadDefinition> {
    Err(BadDefinition { place: place.into(), why: why.into() })
}

/// What kind of value a field takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FieldKind {
    /// Text.
    Text,
    /// A day, `2026-11-24`.
    Date,
    /// A decimal number.
    Number,
    /// The number of a person (GB 11643 and its kin).
    PersonNumber,
    /// A unified social credit code (GB 32100).
    CreditCode,
    /// A picture, PNG or JPEG in Base64; it is drawn and stands in no metadata.
    Picture,
}

/// How a field is shown to those who hold only the file or the code.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mask {
    /// Whole.
    #[default]
    None,
    /// First and last places.
    Number,
    /// The first character.
    Name,
    /// Not at all.
    Hidden,
}

/// One field beyond those that every licence has.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// Short name in the metadata: `KZ_` and capitals, digits, `_`.
    pub key: String,
    /// Name for people.
    pub name: String,
    /// What it takes.
    #[serde(default = "text_kind")]
    pub kind: FieldKind,
    /// Whether it must be given.
    #[serde(default)]
    pub required: bool,
    /// A regular expression that the whole value matches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// Most characters.
    #[serde(default = "most_characters")]
    pub max: usize,
    /// How the check page shows it; hidden where nothing is said.
    #[serde(default = "hidden")]
    pub mask: Mask,
}

const fn text_kind() -> FieldKind {
    FieldKind::Text
}

const fn most_characters() -> usize {
    500
}

const fn hidden() -> Mask {
    Mask::Hidden
}

/// Who issues.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Issuer {
    /// Name, as it stands on the page.
    pub name: String,
    /// Unified social credit code.
    pub code: String,
}

/// Which seal, and where its mark stands.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SealUse {
    /// The seal's identifier in the register; the one of the issuer with this purpose where none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// What it is used for.
    #[serde(default = "approval")]
    pub purpose: String,
    /// Page, from 1.
    #[serde(default = "one")]
    pub page: usize,
    /// Centre of the mark from the left, millimetres.
    pub x: f32,
    /// Centre of the mark from the top, millimetres.
    pub y: f32,
}

fn approval() -> String {
    "行政审批专用章".into()
}

const fn one() -> usize {
    1
}

/// For how long a licence is in force.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Validity {
    /// Years from its first day.
    #[serde(default)]
    pub years: u16,
    /// Months from its first day, added to the years.
    #[serde(default)]
    pub months: u16,
    /// Whether the application says the last day itself.
    #[serde(default)]
    pub given: bool,
    /// Whether it has no last day (长期).
    #[serde(default)]
    pub unlimited: bool,
}

/// Where text stands in its box.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Align {
    /// At the left.
    #[default]
    Left,
    /// In the middle.
    Centre,
    /// At the right.
    Right,
}

/// Text with fields in braces: `证号：{ZZBH}`. It is broken into lines inside its box, never cut off.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TextPiece {
    /// Page, from 1.
    #[serde(default = "one")]
    pub page: usize,
    /// Left side of the box, millimetres from the left.
    pub x: f32,
    /// Upper side of the box, millimetres from the top.
    pub y: f32,
    /// Width of the box.
    pub width: f32,
    /// Height of the box; one line where none is given.
    #[serde(default)]
    pub height: Option<f32>,
    /// Size of the letters, millimetres.
    pub size: f32,
    /// Where it stands.
    #[serde(default)]
    pub align: Align,
    /// Colour, `#rrggbb`.
    #[serde(default = "black")]
    pub colour: String,
    /// The text.
    pub text: String,
}

fn black() -> String {
    "#000000".into()
}

/// A rectangle: filled, framed or both. One without height or width is a line.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct BoxPiece {
    /// Page, from 1.
    #[serde(default = "one")]
    pub page: usize,
    /// Left side.
    pub x: f32,
    /// Upper side.
    pub y: f32,
    /// Width.
    pub width: f32,
    /// Height.
    pub height: f32,
    /// Width of the frame's line; no frame without.
    #[serde(default)]
    pub line: f32,
    /// Colour of the frame.
    #[serde(default = "black")]
    pub colour: String,
    /// Colour inside; nothing without.
    #[serde(default)]
    pub fill: Option<String>,
}

/// A picture: of a field, or fixed.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PicturePiece {
    /// Page, from 1.
    #[serde(default = "one")]
    pub page: usize,
    /// Left side.
    pub x: f32,
    /// Upper side.
    pub y: f32,
    /// Width.
    pub width: f32,
    /// Height.
    pub height: f32,
    /// The field that holds it.
    #[serde(default)]
    pub field: Option<String>,
    /// Or the picture itself, PNG or JPEG in Base64.
    #[serde(default)]
    pub data: Option<String>,
}

/// The QR code of the check address.
#[derive(Debug, Clone, Copy, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct QrPiece {
    /// Page, from 1.
    #[serde(default = "one")]
    pub page: usize,
    /// Left side.
    pub x: f32,
    /// Upper side.
    pub y: f32,
    /// Side of the square, quiet zone included.
    pub size: f32,
}

/// How a licence looks.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Template {
    /// Width of a page, millimetres.
    pub width: f32,
    /// Height of a page, millimetres.
    pub height: f32,
    /// Texts.
    pub text: Vec<TextPiece>,
    /// Rectangles and lines, under the texts.
    #[serde(default, rename = "box")]
    pub boxes: Vec<BoxPiece>,
    /// Pictures, under the texts.
    #[serde(default)]
    pub picture: Vec<PicturePiece>,
    /// The QR code.
    pub qr: QrPiece,
}

impl Template {
    /// How many pages it has.
    pub fn pages(&self) -> usize {
        let pieces = self.text.iter().map(|piece| piece.page).chain(self.boxes.iter().map(|piece| piece.page));
        pieces.chain(self.picture.iter().map(|piece| piece.page)).chain([self.qr.page]).max().unwrap_or(1)
    }
}

/// A licence type (证照类型).
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct LicenceType {
    /// Type code (ZZLXDM): the credit code of who defined it and three digits.
    pub code: String,
    /// Name of the licence (ZZMC).
    pub name: String,
    /// Who issues.
    pub issuer: Issuer,
    /// The seal.
    pub seal: SealUse,
    /// For how long.
    pub validity: Validity,
    /// The level of identity proofing that the applicant needs, 0 to 4; 0 where the agency answers for it itself.
    #[serde(default)]
    pub level: u8,
    /// Codes of the numbers that holders may have (GB/T 36903 appendix A: 111 citizen, 001 credit code); any where none is listed.
    #[serde(default)]
    pub holder: Vec<String>,
    /// Fields beyond those that every licence has.
    #[serde(default)]
    pub field: Vec<Field>,
    /// How it looks.
    pub template: Template,
}

/// Short names that a template may draw besides the type's own fields.
pub const DRAWN: &[&str] = &[
    name::NAME,
    name::TYPE,
    name::NUMBER,
    name::IDENTIFIER,
    name::ISSUER,
    name::ISSUER_CODE,
    name::ISSUED,
    name::HOLDER,
    name::HOLDER_NUMBER,
    name::HOLDER_NUMBER_KIND,
    name::VALID_FROM,
    name::VALID_UNTIL,
    name::COPY_PURPOSE,
    name::COPY_UNTIL,
    name::COPY_MAKER,
    name::COPY_MADE,
];

impl LicenceType {
    /// Reads and checks a definition.
    ///
    /// # Errors
    /// The first place that is wrong.
    pub fn parse(text: &str) -> Result<Self, BadDefinition> {
        if text.len() > MAX_DEFINITION {
            return bad("file", "it is larger than 256 KiB");
        }
        let read: Self = toml::from_str(text).or_else(|error| bad("file", error.to_string()))?;
        read.check()?;
        Ok(read)
    }

    fn check(&self) -> Result<(), BadDefinition> {
        LicenceIdentifier::new(&self.code, &self.issuer.code, "1", 1).or_else(|error| bad("code", error.to_string()))?;
        UnifiedSocialCreditCode::parse(&self.issuer.code).or_else(|error| bad("issuer.code", error.to_string()))?;
        for (place, text) in [("name", &self.name), ("issuer.name", &self.issuer.name), ("seal.purpose", &self.seal.purpose)] {
            if text.trim().is_empty() || text.chars().count() > 100 || text.chars().any(char::is_control) {
                return bad(place, "1 to 100 characters are expected");
            }
        }
        if self.level > 4 {
            return bad("level", "levels go from 0 to 4");
        }
        let Validity { years, months, given, unlimited } = self.validity;
        if [years > 0 || months > 0, given, unlimited].iter().filter(|rule| **rule).count() != 1 || years > 100 || months > 1200 {
            return bad("validity", "one rule is expected: years and months, given = true, or unlimited = true");
        }
        self.fields()?;
        self.pieces()
    }

    fn fields(&self) -> Result<(), BadDefinition> {
        if self.field.len() > MAX_PIECES {
            return bad("field", "more than 200 fields");
        }
        let mut seen = BTreeSet::new();
        for field in &self.field {
            let place = format!("field {}", field.key);
            let plain = |octet: u8| octet.is_ascii_uppercase() || octet.is_ascii_digit() || octet == b'_';
            if !field.key.starts_with("KZ_") || field.key.len() > 40 || field.key.len() < 4 || !field.key.bytes().all(plain) {
                return bad(place, "a short name is KZ_ and up to 37 capitals, digits and underlines");
            }
            if field.key == name::DRAWN_LIST || !seen.insert(&field.key) {
                return bad(place, "the short name is taken");
            }
            if field.name.trim().is_empty() || field.max == 0 || field.max > 10_000_000 {
                return bad(place, "a name, and max from 1 to 10000000, are expected");
            }
            if let Some(pattern) = &field.pattern {
                compiled(pattern).or_else(|error| bad(place, format!("pattern: {error}")))?;
            }
        }
        Ok(())
    }

    fn pieces(&self) -> Result<(), BadDefinition> {
        let template = &self.template;
        if ![template.width, template.height].iter().all(|side| (30.0..=1000.0).contains(side)) {
            return bad("template", "the sides of a page measure 30 to 1000 mm");
        }
        if template.pages() > MAX_PAGES
            || [template.text.len(), template.boxes.len(), template.picture.len()].iter().any(|n| *n > MAX_PIECES)
        {
            return bad("template", "at most 20 pages and 200 pieces of a kind");
        }
        let inside = |page: usize, x: f32, y: f32, width: f32, height: f32| {
            let fits = |start: f32, length: f32, whole: f32| start >= 0.0 && length >= 0.0 && start + length <= whole + 0.001;
            page >= 1 && fits(x, width, template.width) && fits(y, height, template.height)
        };
        for (at, piece) in template.text.iter().enumerate() {
            let place = format!("template.text {}", at + 1);
            if !(1.0..=60.0).contains(&piece.size) || !inside(piece.page, piece.x, piece.y, piece.width, piece.height.unwrap_or(piece.size))
            {
                return bad(place, "it does not stand on the page, or its size is not 1 to 60 mm");
            }
            colour(&piece.colour).map_or_else(|| bad(place.clone(), "colours are written #rrggbb"), Ok)?;
            for key in keys(&piece.text).map_err(|why| BadDefinition { place: place.clone(), why: why.into() })? {
                if !DRAWN.contains(&key) && !self.field.iter().any(|field| field.key == key && field.kind != FieldKind::Picture) {
                    return bad(place, format!("there is no field {key}"));
                }
            }
        }
        for (at, piece) in template.boxes.iter().enumerate() {
            let place = format!("template.box {}", at + 1);
            let colours = colour(&piece.colour).is_some() && piece.fill.as_deref().is_none_or(|fill| colour(fill).is_some());
            if !inside(piece.page, piece.x, piece.y, piece.width, piece.height) || !(0.0..=20.0).contains(&piece.line) || !colours {
                return bad(place, "it does not stand on the page, or its line or colour is wrong");
            }
        }
        for (at, piece) in template.picture.iter().enumerate() {
            let place = format!("template.picture {}", at + 1);
            let of_field = |key: &String| self.field.iter().any(|field| field.key == *key && field.kind == FieldKind::Picture);
            let one_source = match (&piece.field, &piece.data) {
                (Some(key), None) => of_field(key),
                (None, Some(_)) => true,
                _ => false,
            };
            if !inside(piece.page, piece.x, piece.y, piece.width, piece.height) || !one_source {
                return bad(place, "it does not stand on the page, or it names neither one field of kind picture nor data");
            }
        }
        let qr = template.qr;
        if qr.size < 15.0 || !inside(qr.page, qr.x, qr.y, qr.size, qr.size) {
            return bad("template.qr", "the code measures at least 15 mm and stands on the page");
        }
        let seal = &self.seal;
        if seal.page > template.pages() || !inside(seal.page, seal.x, seal.y, 0.0, 0.0) {
            return bad("seal", "its mark does not stand on a page");
        }
        Ok(())
    }

    /// A field by its short name.
    pub fn field(&self, key: &str) -> Option<&Field> {
        self.field.iter().find(|field| field.key == key)
    }

    /// Short names that the template draws, sorted.
    pub fn drawn(&self) -> BTreeSet<&str> {
        self.template.text.iter().flat_map(|piece| keys(&piece.text).unwrap_or_default()).collect()
    }
}

/// Patterns match the whole value and cannot grow beyond a bound.
pub(super) fn compiled(pattern: &str) -> Result<Regex, regex::Error> {
    regex::RegexBuilder::new(&format!("^(?:{pattern})$")).size_limit(1 << 20).build()
}

/// `#rrggbb`.
pub(super) fn colour(text: &str) -> Option<[u8; 3]> {
    let octets = hex::decode(text.strip_prefix('#')?).ok()?;
    octets.try_into().ok()
}

/// The short names in braces.
pub(super) fn keys(text: &str) -> Result<Vec<&str>, &'static str> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        if before.contains('}') {
            return Err("a brace closes that was not opened");
        }
        let (key, behind) = after.split_once('}').ok_or("a brace is not closed")?;
        found.push(key);
        rest = behind;
    }
    if rest.contains('}') { Err("a brace closes that was not opened") } else { Ok(found) }
}
