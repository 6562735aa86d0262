//! A picture as paths, in millimetres from the top left corner; y grows downwards.

use std::f64::consts::TAU;
use std::fmt::Write as _;

/// A place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// To the right.
    pub x: f64,
    /// Downwards in a drawing, upwards in a glyph.
    pub y: f64,
}

/// A step of a path.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Step {
    /// Begins a contour.
    Move(Point),
    /// A straight line.
    Line(Point),
    /// A quadratic curve: control point, end.
    Quad(Point, Point),
    /// A cubic curve: two control points, end.
    Cubic(Point, Point, Point),
    /// Ends a contour.
    Close,
}

impl Step {
    /// The same step elsewhere.
    pub fn map(self, place: impl Fn(Point) -> Point) -> Self {
        match self {
            Self::Move(end) => Self::Move(place(end)),
            Self::Line(end) => Self::Line(place(end)),
            Self::Quad(control, end) => Self::Quad(place(control), place(end)),
            Self::Cubic(first, second, end) => Self::Cubic(place(first), place(second), place(end)),
            Self::Close => Self::Close,
        }
    }
}

/// A filled path.
#[derive(Debug, Clone, PartialEq)]
pub struct Shape {
    /// Its contours.
    pub steps: Vec<Step>,
    /// Filled by the even-odd rule instead of the non-zero one: a ring.
    pub even_odd: bool,
}

/// A picture in one colour on nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct Drawing {
    /// Width in millimetres.
    pub width: u32,
    /// Height in millimetres.
    pub height: u32,
    /// What is filled.
    pub shapes: Vec<Shape>,
}

/// Red of an official seal: red, green, blue.
pub const RED: [u8; 3] = [0xdc, 0x00, 0x00];

/// A circle around a centre, as four cubic curves.
pub fn circle(centre: Point, radius: f64) -> Vec<Step> {
    const K: f64 = 0.552_284_749_8;
    let at = |x: f64, y: f64| Point { x: centre.x + radius * x, y: centre.y + radius * y };
    vec![
        Step::Move(at(1.0, 0.0)),
        Step::Cubic(at(1.0, K), at(K, 1.0), at(0.0, 1.0)),
        Step::Cubic(at(-K, 1.0), at(-1.0, K), at(-1.0, 0.0)),
        Step::Cubic(at(-1.0, -K), at(-K, -1.0), at(0.0, -1.0)),
        Step::Cubic(at(K, -1.0), at(1.0, -K), at(1.0, 0.0)),
        Step::Close,
    ]
}

/// A five-pointed star, one point upwards.
pub fn star(centre: Point, radius: f64) -> Vec<Step> {
    // The inner corners lie where the lines between the points cross: 1 / φ².
    let inner = radius * 0.381_966_011;
    let corner = |index: u32| {
        let angle = f64::from(index) * TAU / 10.0;
        let reach = if index.is_multiple_of(2) { radius } else { inner };
        Point { x: centre.x + reach * angle.sin(), y: centre.y - reach * angle.cos() }
    };
    let mut steps = vec![Step::Move(corner(0))];
    steps.extend((1..10).map(|index| Step::Line(corner(index))));
    steps.push(Step::Close);
    steps
}

/// A rectangle.
pub fn rectangle(left: f64, top: f64, right: f64, bottom: f64) -> Vec<Step> {
    let at = |x, y| Point { x, y };
    vec![Step::Move(at(left, top)), Step::Line(at(right, top)), Step::Line(at(right, bottom)), Step::Line(at(left, bottom)), Step::Close]
}

impl Drawing {
    /// As an SVG document.
    pub fn svg(&self) -> String {
        let (width, height, [red, green, blue]) = (self.width, self.height, RED);
        let mut out = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}mm\" height=\"{height}mm\" viewBox=\"0 0 {width} {height}\" \
             fill=\"#{red:02x}{green:02x}{blue:02x}\">\n"
        );
        for shape in &self.shapes {
            let rule = if shape.even_odd { " fill-rule=\"evenodd\"" } else { "" };
            let _ = writeln!(out, "<path{rule} d=\"{}\"/>", commands(&shape.steps));
        }
        out.push_str("</svg>\n");
        out
    }
}

/// Path data of SVG 1.1 section 8.3, to the micrometre.
fn commands(steps: &[Step]) -> String {
    let mut out = String::new();
    for step in steps {
        let (letter, points): (char, &[Point]) = match step {
            Step::Move(end) => ('M', &[*end]),
            Step::Line(end) => ('L', &[*end]),
            Step::Quad(control, end) => ('Q', &[*control, *end]),
            Step::Cubic(first, second, end) => ('C', &[*first, *second, *end]),
            Step::Close => ('Z', &[]),
        };
        out.push(letter);
        for (index, point) in points.iter().enumerate() {
            let gap = if index == 0 { "" } else { " " };
            let _ = write!(out, "{gap}{:.3} {:.3}", point.x, point.y);
        }
    }
    out
}
