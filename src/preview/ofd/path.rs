//! Paths as OFD abbreviates them (GB/T 33190-2016 §9.1): `M 0 0 L 10 0 C`.

use crate::doc::ofd::pages::number;
use tiny_skia::{Path, PathBuilder};

/// Most commands of a path.
const MAX_COMMANDS: usize = 200_000;

/// The path; `None` where it holds nothing that can be drawn.
pub(super) fn path(text: &str) -> Option<Path> {
    let mut builder = PathBuilder::new();
    let mut words = text.split_ascii_whitespace();
    let mut here = (0.0f32, 0.0f32);
    let mut open = false;
    for _ in 0..MAX_COMMANDS {
        let Some(command) = words.next() else { break };
        #[expect(clippy::cast_possible_truncation, reason = "places on a page")]
        let mut next = || words.next().and_then(number).map(|number| number as f32);
        match command {
            "M" | "S" => {
                here = (next()?, next()?);
                builder.move_to(here.0, here.1);
                open = true;
            }
            // A path that starts without a place starts at the origin.
            _ if !open && command != "C" => {
                builder.move_to(0.0, 0.0);
                open = true;
                continue_with(command, &mut builder, &mut here, &mut next)?;
            }
            _ => continue_with(command, &mut builder, &mut here, &mut next)?,
        }
    }
    builder.finish()
}

fn continue_with(command: &str, builder: &mut PathBuilder, here: &mut (f32, f32), next: &mut dyn FnMut() -> Option<f32>) -> Option<()> {
    match command {
        "L" => {
            *here = (next()?, next()?);
            builder.line_to(here.0, here.1);
        }
        "Q" => {
            let control = (next()?, next()?);
            *here = (next()?, next()?);
            builder.quad_to(control.0, control.1, here.0, here.1);
        }
        "B" => {
            let (first, second) = ((next()?, next()?), (next()?, next()?));
            *here = (next()?, next()?);
            builder.cubic_to(first.0, first.1, second.0, second.1, here.0, here.1);
        }
        "A" => {
            let arc = Arc { rx: next()?, ry: next()?, turn: next()?, large: next()? != 0.0, sweep: next()? != 0.0 };
            let end = (next()?, next()?);
            arc.draw(builder, *here, end);
            *here = end;
        }
        "C" => builder.close(),
        // An unknown word is passed over with what follows until the next command.
        _ => {}
    }
    Some(())
}

/// An arc of an ellipse, as SVG has it.
struct Arc {
    rx: f32,
    ry: f32,
    /// In degrees.
    turn: f32,
    large: bool,
    sweep: bool,
}

impl Arc {
    /// By cubic curves, a quarter of the ellipse each at most (SVG 1.1 appendix F.6).
    fn draw(&self, builder: &mut PathBuilder, from: (f32, f32), to: (f32, f32)) {
        let (mut rx, mut ry) = (self.rx.abs(), self.ry.abs());
        if rx < 1e-6 || ry < 1e-6 || from == to {
            builder.line_to(to.0, to.1);
            return;
        }
        let (sin, cos) = self.turn.to_radians().sin_cos();
        let (dx, dy) = ((from.0 - to.0) / 2.0, (from.1 - to.1) / 2.0);
        let (x, y) = (cos * dx + sin * dy, cos * dy - sin * dx);
        let stretch = (x / rx).powi(2) + (y / ry).powi(2);
        if stretch > 1.0 {
            (rx, ry) = (rx * stretch.sqrt(), ry * stretch.sqrt());
        }
        let under = (rx * ry).powi(2) - (rx * y).powi(2) - (ry * x).powi(2);
        let factor = (under.max(0.0) / ((rx * y).powi(2) + (ry * x).powi(2))).sqrt() * if self.large == self.sweep { -1.0 } else { 1.0 };
        let (cx, cy) = (factor * rx * y / ry, -factor * ry * x / rx);
        let centre = (cos * cx - sin * cy + (from.0 + to.0) / 2.0, sin * cx + cos * cy + (from.1 + to.1) / 2.0);
        let start = ((y - cy) / ry).atan2((x - cx) / rx);
        let mut sweep = ((-y - cy) / ry).atan2((-x - cx) / rx) - start;
        if self.sweep && sweep < 0.0 {
            sweep += std::f32::consts::TAU;
        } else if !self.sweep && sweep > 0.0 {
            sweep -= std::f32::consts::TAU;
        }
        if !sweep.is_finite() || !factor.is_finite() {
            builder.line_to(to.0, to.1);
            return;
        }
        let pieces = (sweep.abs() / std::f32::consts::FRAC_PI_2).ceil().clamp(1.0, 4.0);
        let step = sweep / pieces;
        let reach = 4.0 / 3.0 * (step / 4.0).tan();
        let place = |angle: f32, along: f32| {
            let (s, c) = angle.sin_cos();
            let (x, y) = (rx * (c - along * s), ry * (s + along * c));
            (cos * x - sin * y + centre.0, sin * x + cos * y + centre.1)
        };
        let mut angle = start;
        let mut done = 0.0;
        while done < pieces {
            let (first, second, end) = (place(angle, reach), place(angle + step, -reach), place(angle + step, 0.0));
            builder.cubic_to(first.0, first.1, second.0, second.1, end.0, end.1);
            angle += step;
            done += 1.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_have_the_bounds_that_they_should() {
        let square = path("M 1 2 L 11 2 L 11 12 L 1 12 C").unwrap().bounds();
        assert_eq!((square.left(), square.top(), square.right(), square.bottom()), (1.0, 2.0, 11.0, 12.0));
        let circle = path("M 0 5 A 5 5 0 1 1 10 5 A 5 5 0 1 1 0 5 C").unwrap();
        let bounds = circle.compute_tight_bounds().unwrap();
        for (found, wanted) in [(bounds.left(), 0.0), (bounds.top(), 0.0), (bounds.right(), 10.0), (bounds.bottom(), 10.0)] {
            assert!((found - wanted).abs() < 0.02, "{bounds:?}");
        }
        for broken in ["", "M", "M 1", "L", "C", "A 1 1", "M 0 0 A 1 1 0 0 0 nan 1", "X Y Z", "M 1e99 0 L 1 1"] {
            let _ = path(broken);
        }
    }
}
