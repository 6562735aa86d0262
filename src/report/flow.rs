//! Text that flows over A4 pages: lines are broken, pages are turned; nothing is drawn yet.

use super::font::{Drawn, Faces};

/// A4 in points.
pub const WIDTH: f32 = 595.28;
/// A4 in points.
pub const HEIGHT: f32 = 841.89;
/// White space around a page.
pub const MARGIN: f32 = 51.0;
const TOP: f32 = 56.0;
const BOTTOM: f32 = HEIGHT - 60.0;
/// Distance of lines in parts of the font size.
const LEADING: f32 = 1.5;

/// Colours of the sheet: print is light.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ink {
    /// Text.
    Black,
    /// Secondary text.
    Soft,
    /// Yes.
    Good,
    /// No.
    Bad,
    /// Open.
    Open,
    /// Rules.
    Line,
}

impl Ink {
    /// The colour of a mark.
    pub fn of(mark: &str) -> Self {
        match mark {
            "good" => Self::Good,
            "bad" => Self::Bad,
            _ => Self::Open,
        }
    }

    /// Red, green, blue.
    pub const fn rgb(self) -> (u8, u8, u8) {
        match self {
            Self::Black => (0x1b, 0x24, 0x30),
            Self::Soft => (0x58, 0x65, 0x75),
            Self::Good => (0x1c, 0x6b, 0x3c),
            Self::Bad => (0xa1, 0x21, 0x1a),
            Self::Open => (0x8a, 0x5a, 0x00),
            Self::Line => (0xd7, 0xdd, 0xe5),
        }
    }
}

/// A line of text that fits.
#[derive(Debug, Clone)]
pub struct Line {
    /// Letters as they are drawn.
    pub letters: Vec<(char, Drawn)>,
    /// Font size in points.
    pub size: f32,
    /// Colour.
    pub ink: Ink,
}

/// Something at its place on a page; y is the base line of text, the upper edge of anything else.
#[derive(Debug, Clone)]
pub enum Placed {
    /// A line of text.
    Text(f32, f32, Line),
    /// A filled rectangle: x, y, width, height.
    Rect(f32, f32, f32, f32, Ink),
}

/// Pages in the making.
pub struct Flow<'a> {
    faces: &'a Faces<'a>,
    /// Finished pages and the one at hand.
    pub pages: Vec<Vec<Placed>>,
    /// Where the next line begins.
    pub y: f32,
}

/// A cell of a row: left edge, width, lines.
pub type Cell = (f32, f32, Vec<Line>);

impl<'a> Flow<'a> {
    /// The first page, empty.
    pub fn new(faces: &'a Faces<'a>) -> Self {
        Self { faces, pages: vec![Vec::new()], y: TOP }
    }

    /// Puts something on the page at hand.
    pub fn place(&mut self, placed: Placed) {
        if let Some(page) = self.pages.last_mut() {
            page.push(placed);
        }
    }

    /// White space; none on top of a page.
    pub fn gap(&mut self, height: f32) {
        if self.y > TOP {
            self.y += height;
        }
    }

    /// Turns the page unless this much is left.
    pub fn need(&mut self, height: f32) {
        if self.y + height > BOTTOM {
            self.pages.push(Vec::new());
            self.y = TOP;
        }
    }

    /// A thin rule over the whole width.
    pub fn rule(&mut self) {
        self.need(6.0);
        self.place(Placed::Rect(MARGIN, self.y, WIDTH - 2.0 * MARGIN, 0.5, Ink::Line));
        self.y += 4.0;
    }

    /// A text in lines that fit.
    pub fn lines(&self, text: &str, size: f32, ink: Ink, width: f32) -> Vec<Line> {
        let mut lines = Vec::new();
        for paragraph in text.split('\n') {
            let mut line: Vec<(char, Drawn)> = Vec::new();
            let mut filled = 0.0;
            let mut may_break = 0;
            for letter in self.letters(paragraph) {
                if line.last().is_some_and(|last| breaks(last.0, letter.0)) {
                    may_break = line.len();
                }
                let advance = letter.1.advance * size;
                if filled + advance > width && !line.is_empty() {
                    let rest = line.split_off(if may_break > 0 { may_break } else { line.len() });
                    lines.push(Line { letters: std::mem::replace(&mut line, rest), size, ink });
                    filled = line.iter().map(|letter| letter.1.advance * size).sum();
                    may_break = 0;
                }
                filled += advance;
                line.push(letter);
            }
            lines.push(Line { letters: line, size, ink });
        }
        lines
    }

    /// Letters as some face has them; what none has is told by its number, never left out.
    fn letters(&self, text: &str) -> Vec<(char, Drawn)> {
        let mut letters = Vec::with_capacity(text.len());
        for letter in text.chars() {
            match self.faces.find(letter).filter(|_| !letter.is_control()) {
                Some(drawn) => letters.push((letter, drawn)),
                None => {
                    let number = format!("<U+{:04X}>", u32::from(letter));
                    letters.extend(number.chars().filter_map(|letter| Some((letter, self.faces.find(letter)?))));
                }
            }
        }
        letters
    }

    /// Cells side by side, line by line: a row may go on over the page.
    pub fn row(&mut self, cells: &[Cell]) {
        let rows = cells.iter().map(|(_, _, lines)| lines.len()).max().unwrap_or(0);
        for at in 0..rows {
            let here = || cells.iter().filter_map(|(x, _, lines)| Some((*x, lines.get(at)?)));
            let size = here().map(|(_, line)| line.size).fold(0.0, f32::max);
            self.need(size * LEADING);
            let y = self.y + size * 1.1;
            let placed: Vec<_> = here().map(|(x, line)| Placed::Text(x, y, line.clone())).collect();
            placed.into_iter().for_each(|placed| self.place(placed));
            self.y += size * LEADING;
        }
    }

    /// A paragraph.
    pub fn text(&mut self, x: f32, text: &str, size: f32, ink: Ink) {
        let width = WIDTH - MARGIN - x;
        let lines = self.lines(text, size, ink, width);
        self.row(&[(x, width, lines)]);
    }
}

/// Whether a line may end between these two (GB/T 15834 §5.1: no line begins with a closing mark).
fn breaks(last: char, next: char) -> bool {
    let wide = |letter: char| u32::from(letter) >= 0x2e80;
    let closing = "，。；：！？）》”’、】〕,.;:!?)]}>%";
    let opening = "（《“‘【〔([{<";
    !closing.contains(next) && !opening.contains(last) && (wide(last) || wide(next) || matches!(last, ' ' | '/' | '-' | ',' | ';' | '='))
}
