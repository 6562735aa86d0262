//! What pages refer to: fonts, pictures, drawing parameters (GB/T 33190-2016 §7.9).

use crate::doc::ofd::location::Locator;
use crate::doc::ofd::pages::number;
use crate::doc::ofd::xml::{self, children, content};
use crate::doc::zip::Package;
use image::{ImageDecoder as _, ImageReader, Limits};
use roxmltree::Node;
use std::collections::HashMap;
use std::io::Cursor;
use tiny_skia::{IntSize, Pixmap};

/// How much of fonts and pictures is held for one document.
const MAX_HELD: u64 = 64 << 20;
/// Largest picture along a side, and how many dots are decoded of one document.
const MAX_SIDE: u32 = 10_000;
const MAX_DOTS: u64 = 40_000_000;

/// How something is drawn (DrawParam, §8.2).
#[derive(Debug, Clone, Default)]
pub(super) struct Params {
    pub relative: Option<String>,
    pub line_width: Option<f64>,
    pub fill: Option<[u8; 4]>,
    pub stroke: Option<[u8; 4]>,
}

/// Everything that pages refer to by an identifier.
#[derive(Default)]
pub(super) struct Resources {
    /// Font files.
    pub fonts: HashMap<String, Vec<u8>>,
    /// Pictures; `None` where one cannot be decoded.
    pub pictures: HashMap<String, Option<Pixmap>>,
    pub params: HashMap<String, Params>,
}

impl Resources {
    /// Reads what the document's root names; what cannot be read is missing later.
    pub fn read(package: &Package<'_>, locator: &Locator<'_, '_>, root: usize) -> Self {
        let mut resources = Self::default();
        let (mut left, mut dots) = (MAX_HELD, MAX_DOTS);
        let mut files = Vec::new();
        with_tree(package, root, &mut |document| {
            for common in children(document, "CommonData") {
                let named = children(common, "PublicRes").chain(children(common, "DocumentRes")).take(32);
                files.extend(named.filter_map(|node| locator.find(locator.name(root), &content(node))).map(|found| found.entry));
            }
            for page in children(document, "Pages").flat_map(|pages| children(pages, "Page")).take(64) {
                let found = page.attribute("BaseLoc").and_then(|location| locator.find(locator.name(root), location));
                files.extend(found.into_iter().flat_map(|found| of_page(package, locator, found.entry)));
            }
        });
        for entry in files {
            let own = locator.name(entry);
            with_tree(package, entry, &mut |list| {
                let base = list.attribute("BaseLoc").unwrap_or_default().trim();
                let mut file = |name: &str| {
                    let found = locator.find(own, &format!("{base}/{name}")).or_else(|| locator.find(own, name))?;
                    let octets = package.read(found.entry, left).ok()?;
                    left = left.saturating_sub(octets.len() as u64);
                    Some(octets)
                };
                for font in children(list, "Fonts").flat_map(|fonts| children(fonts, "Font")).take(1000) {
                    let octets = children(font, "FontFile").next().map(content).and_then(|name| file(&name));
                    if let (Some(id), Some(octets)) = (font.attribute("ID"), octets) {
                        resources.fonts.insert(id.trim().into(), octets);
                    }
                }
                for medium in children(list, "MultiMedias").flat_map(|media| children(media, "MultiMedia")).take(1000) {
                    let Some(id) = medium.attribute("ID") else { continue };
                    let octets = children(medium, "MediaFile").next().map(content).and_then(|name| file(&name));
                    let picture = octets.and_then(|octets| bounded(&octets, &mut dots));
                    resources.pictures.insert(id.trim().into(), picture);
                }
                for params in children(list, "DrawParams").flat_map(|list| children(list, "DrawParam")).take(1000) {
                    if let Some(id) = params.attribute("ID") {
                        resources.params.insert(id.trim().into(), drawn_with(params));
                    }
                }
            });
        }
        resources
    }
}

fn of_page(package: &Package<'_>, locator: &Locator<'_, '_>, page: usize) -> Vec<usize> {
    let mut files = Vec::new();
    with_tree(package, page, &mut |root| {
        let named = children(root, "PageRes").take(8).filter_map(|node| locator.find(locator.name(page), &content(node)));
        files.extend(named.map(|found| found.entry));
    });
    files
}

fn with_tree(package: &Package<'_>, entry: usize, take: &mut dyn FnMut(Node<'_, '_>)) {
    let Ok(octets) = package.read(entry, xml::MAX_XML) else { return };
    let Ok(text) = xml::text(&octets) else { return };
    if let Ok(tree) = xml::tree(&text) {
        take(tree.root_element());
    }
}

/// The parameters that an element states.
pub(super) fn drawn_with(node: Node<'_, '_>) -> Params {
    let attribute = |name| node.attribute(name);
    Params {
        relative: attribute("Relative").or_else(|| attribute("DrawParam")).map(|id| id.trim().to_owned()),
        line_width: attribute("LineWidth").and_then(number),
        fill: children(node, "FillColor").next().and_then(color),
        stroke: children(node, "StrokeColor").next().and_then(color),
    }
}

/// A colour: one to four values (grey, RGB, CMYK), 0 to 255 or `#` with hexadecimal digits, with its opacity.
fn color(node: Node<'_, '_>) -> Option<[u8; 4]> {
    let octet = |text: &str| {
        let value = match text.strip_prefix('#') {
            Some(digits) => f64::from(u8::from_str_radix(digits, 16).ok()?),
            None => number(text)?,
        };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to an octet")]
        Some(value.clamp(0.0, 255.0) as u8)
    };
    let values: Option<Vec<u8>> = node.attribute("Value")?.split_ascii_whitespace().take(5).map(octet).collect();
    let alpha = node.attribute("Alpha").and_then(octet).unwrap_or(255);
    let mixed = |ink: u8, key: u8| {
        let dots = u16::from(255 - ink) * u16::from(255 - key) / 255;
        u8::try_from(dots).unwrap_or(255)
    };
    match *values? {
        [grey] => Some([grey, grey, grey, alpha]),
        [red, green, blue] => Some([red, green, blue, alpha]),
        [cyan, magenta, yellow, key] => Some([mixed(cyan, key), mixed(magenta, key), mixed(yellow, key), alpha]),
        _ => None,
    }
}

fn bounded(octets: &[u8], dots: &mut u64) -> Option<Pixmap> {
    let (width, height) = ImageReader::new(Cursor::new(octets)).with_guessed_format().ok()?.into_dimensions().ok()?;
    *dots = dots.checked_sub(u64::from(width).checked_mul(u64::from(height))?)?;
    decoded(octets)
}

/// A picture's dots; `None` if it is of a kind that is not read, broken, or too large.
pub(super) fn decoded(octets: &[u8]) -> Option<Pixmap> {
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_DOTS * 8);
    let reader = ImageReader::new(Cursor::new(octets)).with_guessed_format().ok()?;
    let mut decoder = reader.into_decoder().ok()?;
    decoder.set_limits(limits).ok()?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > MAX_DOTS {
        return None;
    }
    let mut rgba = image::DynamicImage::from_decoder(decoder).ok()?.into_rgba8();
    for dot in rgba.pixels_mut() {
        let [red, green, blue, alpha] = dot.0;
        let color = tiny_skia::ColorU8::from_rgba(red, green, blue, alpha).premultiply();
        dot.0 = [color.red(), color.green(), color.blue(), color.alpha()];
    }
    Pixmap::from_vec(rgba.into_raw(), IntSize::from_wh(width, height)?)
}

/// Takes the white ground of a picture away: what a seal does not cover shows through.
pub(super) fn without_white(picture: &mut Pixmap) {
    for dot in picture.pixels_mut() {
        if dot.red() == 255 && dot.green() == 255 && dot.blue() == 255 {
            *dot = tiny_skia::PremultipliedColorU8::TRANSPARENT;
        }
    }
}
