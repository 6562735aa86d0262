//! What a seal looks like, drawn from its owner's name.
//!
//! The round seal follows the rules on seals of state organs (国发〔1999〕25号): a ring, the five-pointed star in the middle, the
//! owner's name along the arc from left to right, the purpose as a line below the star; the credit code stands along the lower
//! arc. A personal seal is square, its characters in columns from right to left.

use super::drawing::{Drawing, Point, Shape, Step, circle, rectangle, star};
use super::font::{Font, FontError};
use std::f64::consts::{PI, TAU};

/// What a round seal bears.
#[derive(Debug, Clone, Copy)]
pub struct Round<'a> {
    /// The owner's name, along the arc.
    pub owner: &'a str,
    /// Its purpose, such as 行政审批专用章, as a line below the star.
    pub purpose: Option<&'a str>,
    /// The credit code, along the lower arc.
    pub code: Option<&'a str>,
    /// Diameter in millimetres: 42 for most organs, 45 for those of a province.
    pub diameter: u32,
}

/// What an oval seal bears: 发票专用章 is 40 by 30 mm, the credit code across the middle (税务总局公告 2011 年第 7 号).
#[derive(Debug, Clone, Copy)]
pub struct Oval<'a> {
    /// The owner's name, along the upper arc.
    pub owner: &'a str,
    /// The credit code, across the middle.
    pub code: &'a str,
    /// Its purpose, below.
    pub purpose: &'a str,
}

/// What a square seal bears.
#[derive(Debug, Clone, Copy)]
pub struct Square<'a> {
    /// The person's name.
    pub owner: &'a str,
    /// Side in millimetres.
    pub side: u32,
}

/// Why a seal cannot be drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FaceError {
    /// The font does not serve.
    #[error(transparent)]
    Font(#[from] FontError),
    /// Too much or too little text for the space.
    #[error("the {0} has a length that no seal of this size can bear")]
    Text(&'static str),
    /// A letter of a script that joins its letters.
    #[error("{0:?} is of a script whose letters join, which is not drawn here: hand in the picture")]
    Script(char),
    /// A size that no seal has.
    #[error("a seal measures 10 to 60 millimetres")]
    Size,
}

/// Letters whose form depends on their neighbours (Arabic and Uyghur, Indic scripts, Tibetan, Mongolian) and marks that stand on
/// another letter: set one by one they would be wrong.
fn is_joined(letter: char) -> bool {
    matches!(u32::from(letter), 0x300..=0x36f | 0x590..=0xdff | 0xe31..=0xe4e | 0xf00..=0x109f | 0x1800..=0x18af | 0x200b..=0x200f
        | 0xfb1d..=0xfdff | 0xfe00..=0xfe0f | 0xfe20..=0xfe2f | 0xfe70..=0xfeff | 0x11660..=0x1167f | 0xe0100..=0xe01ef)
}

/// Characters of a text that are drawn; spaces are not.
fn characters(text: &str, what: &'static str, most: usize) -> Result<Vec<char>, FaceError> {
    let letters: Vec<char> = text.chars().filter(|letter| !letter.is_whitespace()).take(most + 1).collect();
    if let Some(letter) = letters.iter().find(|letter| is_joined(**letter)) {
        return Err(FaceError::Script(*letter));
    }
    if (1..=most).contains(&letters.len()) { Ok(letters) } else { Err(FaceError::Text(what)) }
}

impl Round<'_> {
    /// Draws it.
    pub fn draw(&self, font: &Font<'_>) -> Result<Drawing, FaceError> {
        if !(30..=60).contains(&self.diameter) {
            return Err(FaceError::Size);
        }
        let radius = f64::from(self.diameter) / 2.0;
        let middle = Point { x: radius, y: radius };
        // The ring of a seal of 42 mm is 1.2 mm wide.
        let ring = radius * 1.2 / 21.0;
        let inside = radius - ring;
        let mut shapes = vec![
            Shape { steps: [circle(middle, radius), circle(middle, inside)].concat(), even_odd: true },
            Shape { steps: star(middle, radius / 3.0), even_odd: false },
        ];
        let owner = characters(self.owner, "name of the owner", 60)?;
        // The name keeps clear of the code below.
        let span = if self.code.is_some() { 1.30 * PI } else { 1.45 * PI };
        let mut height = radius * 0.29;
        let pitch = |height: f64| (span / owner.len() as f64).min(height * 1.25 / (inside - height));
        // Long names are narrowed first, to half of their width, then made smaller.
        while pitch(height) * (inside - height) < height * 0.52 && height > radius * 0.08 {
            height *= 0.96;
        }
        let step = pitch(height);
        let line = Arc { middle, radius: inside - ring * 0.6 - height / 2.0, height, outward: true };
        let width = (step * line.radius * 0.96).min(height);
        shapes.extend(line.write(font, &owner, step, width)?);
        if let Some(purpose) = self.purpose {
            let letters = characters(purpose, "purpose", 24)?;
            let height = radius * 0.19;
            let y = radius + radius * 0.52;
            // The chord at the lower edge of the line, clear of the code.
            let free = inside * if self.code.is_some() { 0.80 } else { 0.92 };
            let depth = y - radius + height / 2.0;
            let chord = 2.0 * (free * free - depth * depth).max(0.0).sqrt();
            let width = (chord / letters.len() as f64).min(height * 1.05);
            let start = radius - width * letters.len() as f64 / 2.0;
            for (index, letter) in letters.iter().enumerate() {
                let centre = Point { x: start + width * (index as f64 + 0.5), y };
                shapes.push(letter_at(font, *letter, centre, width * 0.96, height, 0.0)?);
            }
        }
        if let Some(code) = self.code {
            let letters = characters(code, "code", 24)?;
            let height = radius * 0.11;
            let line = Arc { middle, radius: inside - ring * 0.7 - height / 2.0, height, outward: false };
            let step = (height * 0.78 / line.radius).min(0.5 * PI / letters.len() as f64);
            shapes.extend(line.write(font, &letters, step, step * line.radius)?);
        }
        Ok(Drawing { width: self.diameter, height: self.diameter, shapes })
    }
}

/// A line of text along a circle: at the top with the feet inwards, or at the bottom with the feet outwards.
struct Arc {
    middle: Point,
    radius: f64,
    height: f64,
    outward: bool,
}

impl Arc {
    fn write(&self, font: &Font<'_>, letters: &[char], step: f64, width: f64) -> Result<Vec<Shape>, FontError> {
        let first = -(letters.len() as f64 - 1.0) / 2.0;
        let place = |(index, letter): (usize, &char)| {
            let along = (first + index as f64) * step;
            // Angles from the top, clockwise; text at the bottom runs against the clock.
            let (angle, turn) = if self.outward { (along, along) } else { (PI - along, -along) };
            let (sine, cosine) = (angle % TAU).sin_cos();
            let centre = Point { x: self.middle.x + self.radius * sine, y: self.middle.y - self.radius * cosine };
            letter_at(font, *letter, centre, width, self.height, turn)
        };
        letters.iter().enumerate().map(place).collect()
    }
}

/// A character whose cell is centred, stretched to width and height, and turned clockwise.
fn letter_at(font: &Font<'_>, letter: char, centre: Point, width: f64, height: f64, turn: f64) -> Result<Shape, FontError> {
    let glyph = font.glyph(letter)?;
    let (sine, cosine) = turn.sin_cos();
    // Full-width characters fill their cell; narrow ones (digits, Latin letters) keep their proportions within it.
    let advance = if glyph.advance > 0.0 { glyph.advance } else { 1.0 };
    let narrow = letter.is_ascii() && advance < 1.2;
    let across = if narrow { (width / advance).min(height * 1.35) } else { width / advance };
    let up = if narrow { height * 1.35 } else { height };
    // The middle of a Chinese character lies 0.38 em above the baseline, of a digit 0.36 em.
    let rise = if narrow { 0.36 } else { 0.38 };
    let place = |point: Point| {
        let (x, y) = ((point.x - advance / 2.0) * across, (rise - point.y) * up);
        Point { x: centre.x + x * cosine - y * sine, y: centre.y + x * sine + y * cosine }
    };
    Ok(Shape { steps: glyph.steps.into_iter().map(|step: Step| step.map(place)).collect(), even_odd: false })
}

impl Oval<'_> {
    /// Draws it.
    pub fn draw(&self, font: &Font<'_>) -> Result<Drawing, FaceError> {
        let (width, height) = (40.0, 30.0);
        let middle = Point { x: width / 2.0, y: height / 2.0 };
        let squeezed = |radius: f64, other: f64| -> Vec<Step> {
            let place = |point: Point| Point { x: point.x, y: middle.y + (point.y - middle.y) * other / radius };
            circle(middle, radius).into_iter().map(|step| step.map(place)).collect()
        };
        let mut shapes = vec![Shape { steps: [squeezed(20.0, 15.0), squeezed(19.0, 14.0)].concat(), even_odd: true }];
        let owner = characters(self.owner, "name of the owner", 40)?;
        // The line of the characters' middles: an ellipse, walked in steps of equal length.
        let tall = (4.4 * (16.0 / owner.len() as f64).min(1.0)).max(2.2);
        let (across, up) = (18.4 - tall / 2.0, 13.4 - tall / 2.0);
        let at = |angle: f64| Point { x: middle.x + across * angle.sin(), y: middle.y - up * angle.cos() };
        const PARTS: usize = 720;
        let span = 1.24 * PI;
        let angle_of = |part: usize| -span / 2.0 + span * part as f64 / PARTS as f64;
        let mut lengths = vec![0.0];
        let mut total = 0.0;
        for part in 1..=PARTS {
            let (before, after) = (at(angle_of(part - 1)), at(angle_of(part)));
            total += (after.x - before.x).hypot(after.y - before.y);
            lengths.push(total);
        }
        let pitch = (total / owner.len() as f64).min(tall * 1.3);
        for (index, letter) in owner.iter().enumerate() {
            let along = total / 2.0 + pitch * (index as f64 - (owner.len() as f64 - 1.0) / 2.0);
            let angle = angle_of(lengths.partition_point(|length| *length < along));
            // The characters stand upright on the ellipse.
            let turn = (up * angle.sin()).atan2(across * angle.cos());
            shapes.push(letter_at(font, *letter, at(angle), (pitch * 0.94).min(tall), tall, turn)?);
        }
        let line = |text: &str, what, y: f64, tall: f64, room: f64, shapes: &mut Vec<Shape>| -> Result<(), FaceError> {
            let letters = characters(text, what, 24)?;
            let pitch = (room / letters.len() as f64).min(tall * 1.08);
            let start = middle.x - pitch * letters.len() as f64 / 2.0;
            for (index, letter) in letters.iter().enumerate() {
                let centre = Point { x: start + pitch * (index as f64 + 0.5), y };
                shapes.push(letter_at(font, *letter, centre, pitch * 0.96, tall, 0.0)?);
            }
            Ok(())
        };
        line(self.code, "code", 15.6, 2.6, 26.0, &mut shapes)?;
        line(self.purpose, "purpose", 22.6, 3.6, 20.0, &mut shapes)?;
        Ok(Drawing { width: 40, height: 30, shapes })
    }
}

impl Square<'_> {
    /// Draws it: up to four characters fill a square of two by two, 印 or 之印 added where there is room.
    pub fn draw(&self, font: &Font<'_>) -> Result<Drawing, FaceError> {
        if !(10..=60).contains(&self.side) {
            return Err(FaceError::Size);
        }
        let mut letters = characters(self.owner, "name of the owner", 16)?;
        match letters.len() {
            1 => letters.push('印'),
            2 => letters.extend(['之', '印']),
            3 => letters.push('印'),
            _ => (),
        }
        let side = f64::from(self.side);
        let border = side * 0.05;
        let mut shapes = vec![Shape {
            steps: [rectangle(0.0, 0.0, side, side), rectangle(border, border, side - border, side - border)].concat(),
            even_odd: true,
        }];
        let columns = (1..=4).find(|columns| columns * columns >= letters.len()).unwrap_or(4);
        let rows = letters.len().div_ceil(columns);
        let free = side - 3.0 * border;
        let (width, height) = (free / columns as f64, free / rows as f64);
        for (index, letter) in letters.iter().enumerate() {
            let (column, row) = (index / rows, index % rows);
            let x = side - 1.5 * border - width * (column as f64 + 0.5);
            let y = 1.5 * border + height * (row as f64 + 0.5);
            shapes.push(letter_at(font, *letter, Point { x, y }, width * 0.92, height * 0.92, 0.0)?);
        }
        Ok(Drawing { width: self.side, height: self.side, shapes })
    }
}
