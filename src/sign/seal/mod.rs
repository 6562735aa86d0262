//! Electronic seals: how they look ([`Round`], [`Square`]: paths, an SVG document or a bitmap).

mod drawing;
mod face;
mod font;
mod raster;

pub use drawing::{Drawing, Point, Shape, Step};
pub use face::{FaceError, Round, Square};
pub use font::{Font, FontError, Glyph};
pub use raster::{DENSITY, png};

#[cfg(test)]
mod tests;
