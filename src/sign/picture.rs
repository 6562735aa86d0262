//! A picture for a mark: PNG or JPEG, decoded under limits, so that nothing of a hostile file reaches the document.

use super::Refusal;
use image::{DynamicImage, ImageFormat, ImageReader, Limits};
use std::io::Cursor;

/// Greatest width and height, in pixels.
const MAX_SIDE: u32 = 4096;

/// A decoded picture.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    /// Width in pixels.
    pub(in crate::sign) width: u32,
    /// Height in pixels.
    pub(in crate::sign) height: u32,
    /// Red, green and blue of each pixel, row by row.
    pub(in crate::sign) colours: Vec<u8>,
    /// How opaque each pixel is, where one is not wholly so.
    pub(in crate::sign) opacity: Option<Vec<u8>>,
}

impl std::fmt::Debug for Picture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Picture({} × {})", self.width, self.height)
    }
}

impl Picture {
    /// Largest file, in octets.
    pub const MAX_FILE: usize = 16 << 20;

    /// Decodes a PNG or JPEG file, told by its first octets.
    ///
    /// # Errors
    /// [`Refusal::Picture`]: another kind of file, too large, or damaged.
    pub fn decode(file: &[u8]) -> Result<Self, Refusal> {
        let refused = |why: String| Refusal::Picture(why);
        if file.len() > Self::MAX_FILE {
            return Err(refused(format!("its file is larger than {} octets", Self::MAX_FILE)));
        }
        let format = image::guess_format(file).ok().filter(|format| matches!(format, ImageFormat::Png | ImageFormat::Jpeg));
        let format = format.ok_or_else(|| refused("it is neither PNG nor JPEG".into()))?;
        let mut limits = Limits::default();
        limits.max_image_width = Some(MAX_SIDE);
        limits.max_image_height = Some(MAX_SIDE);
        limits.max_alloc = Some(256 << 20);
        let mut reader = ImageReader::with_format(Cursor::new(file), format);
        reader.limits(limits);
        let picture = reader.decode().map_err(|error| refused(error.to_string()))?;
        let (width, height) = (picture.width(), picture.height());
        if width == 0 || height == 0 {
            return Err(refused("it has no extent".into()));
        }
        let opacity = picture.color().has_alpha().then(|| opacity(&picture)).filter(|values| values.iter().any(|value| *value != u8::MAX));
        Ok(Self { width, height, colours: picture.into_rgb8().into_raw(), opacity })
    }
}

fn opacity(picture: &DynamicImage) -> Vec<u8> {
    picture.to_rgba8().pixels().map(|pixel| pixel.0[3]).collect()
}
