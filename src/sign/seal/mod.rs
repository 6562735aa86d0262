//! Electronic seals: their making ([`prepare`] → [`Prepared::finish`], read back and checked before it is handed out), and how
//! they look (`Round`, `Square`: paths, an SVG document or a bitmap). [`inspect()`] says what a seal made by anybody says.

mod inspect;
mod make;
pub mod order;
pub mod register;

#[cfg(feature = "service")]
mod drawing;
#[cfg(feature = "service")]
mod face;
#[cfg(feature = "service")]
mod font;
#[cfg(feature = "service")]
mod raster;

pub use inspect::{Inspection, Listed, MAX_SEAL, inspect};
pub use make::{CREDIT_CODE, Prepared, Request, SealRefusal, maker_signature, picture_kind, prepare};

#[cfg(feature = "service")]
pub use {
    drawing::{Drawing, Point, Shape, Step},
    face::{FaceError, Oval, Round, Square},
    font::{Font, FontError, Glyph},
    raster::{DENSITY, png},
};

#[cfg(all(test, feature = "service"))]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests;
