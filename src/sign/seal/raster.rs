//! Drawings as bitmaps (tiny-skia).

use super::drawing::{Drawing, RED, Step};
use tiny_skia::{Color, FillRule, Paint, PathBuilder, Pixmap, Transform};

/// Dots to the millimetre: about 300 to the inch.
pub const DENSITY: u32 = 12;

/// The drawing as a PNG file with a transparent ground; `None` if it is larger than a page.
pub fn png(drawing: &Drawing) -> Option<Vec<u8>> {
    if drawing.width.max(drawing.height) > 300 {
        return None;
    }
    let mut pixels = Pixmap::new(drawing.width * DENSITY, drawing.height * DENSITY)?;
    let mut paint = Paint { anti_alias: true, ..Paint::default() };
    paint.set_color(Color::from_rgba8(RED[0], RED[1], RED[2], 0xff));
    for shape in &drawing.shapes {
        let Some(path) = path(&shape.steps) else { continue };
        let rule = if shape.even_odd { FillRule::EvenOdd } else { FillRule::Winding };
        pixels.fill_path(&path, &paint, rule, Transform::identity(), None);
    }
    pixels.encode_png().ok()
}

fn path(steps: &[Step]) -> Option<tiny_skia::Path> {
    #[expect(clippy::cast_possible_truncation, reason = "places on a page")]
    let dots = |millimetres: f64| (millimetres * f64::from(DENSITY)) as f32;
    let mut builder = PathBuilder::new();
    for step in steps {
        match *step {
            Step::Move(end) => builder.move_to(dots(end.x), dots(end.y)),
            Step::Line(end) => builder.line_to(dots(end.x), dots(end.y)),
            Step::Quad(control, end) => builder.quad_to(dots(control.x), dots(control.y), dots(end.x), dots(end.y)),
            Step::Cubic(first, second, end) => {
                builder.cubic_to(dots(first.x), dots(first.y), dots(second.x), dots(second.y), dots(end.x), dots(end.y));
            }
            Step::Close => builder.close(),
        }
    }
    builder.finish()
}
