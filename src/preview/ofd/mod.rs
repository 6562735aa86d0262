//! Pages of an OFD package (GB/T 33190-2016): text, paths, pictures, annotations, and the seals where they stand.

mod draw;
mod path;
mod resources;
mod stamps;

use super::{NotDrawn, Page, Picture, scale};
use crate::doc::ofd::location::Locator;
use crate::doc::ofd::pages::{Pages, numbers};
use crate::doc::ofd::{structure, xml};
use crate::doc::source::ByteSource;
use crate::doc::zip::Package;
use crate::sign::seal::Font;
use draw::Canvas;
use resources::Resources;
use roxmltree::Node;
use skrifa::MetadataProvider as _;
use skrifa::raw::FileRef;
use std::ops::Range;
use tiny_skia::{Pixmap, Transform};
use xml::{children, content};

/// Deepest nesting of a seal's picture that is an OFD itself.
const DEEPEST: usize = 1;

/// Draws the pages of a range, counted over all documents of the package.
pub(super) fn pages(document: &dyn ByteSource, font: Option<&[u8]>, range: Range<usize>) -> Result<Vec<Page>, NotDrawn> {
    drawn(document, font, range, 0)
}

/// The face for simplified Chinese in a font file.
pub(super) fn simplified(octets: &[u8]) -> u32 {
    let Ok(file) = FileRef::new(octets) else { return 0 };
    let is = |face: &skrifa::raw::FontRef<'_>| {
        let mut names = face.localized_strings(skrifa::string::StringId::FAMILY_NAME).take(64);
        names.any(|name| name.chars().take(200).collect::<String>().ends_with(" SC"))
    };
    let found = file.fonts().take(64).position(|face| face.as_ref().is_ok_and(is));
    found.and_then(|at| u32::try_from(at).ok()).unwrap_or(0)
}

fn drawn(document: &dyn ByteSource, font: Option<&[u8]>, range: Range<usize>, depth: usize) -> Result<Vec<Page>, NotDrawn> {
    let package = Package::open(document).map_err(|_| NotDrawn::UNREADABLE)?;
    let locator = Locator::new(&package);
    let read = |entry: usize| package.read(entry, xml::MAX_XML).ok();
    let root = locator.find("", "/OFD.xml").and_then(|found| read(found.entry)).ok_or(NotDrawn::UNREADABLE)?;
    let bodies = structure::bodies(&root).map_err(|_| NotDrawn::UNREADABLE)?;
    let fallback = font.and_then(|octets| Font::read(octets).ok());
    let mut found = Vec::new();
    let mut before = 0usize;
    for body in &bodies {
        let Some(root) = body.root.as_deref().and_then(|root| locator.find("OFD.xml", root)) else { continue };
        let Ok(pages) = Pages::read(&package, &locator, root.entry) else { continue };
        let wanted: Vec<_> =
            pages.list.iter().enumerate().filter(|(at, _)| range.contains(&before.saturating_add(*at).saturating_add(1))).collect();
        if !wanted.is_empty() {
            let resources = Resources::read(&package, &locator, root.entry);
            let stamps = stamps::read(&package, &locator, body.signatures.as_deref());
            for (at, page) in wanted {
                let setting =
                    Setting { package: &package, locator: &locator, resources: &resources, font: fallback.as_ref(), fallback: font, depth };
                let number = before.saturating_add(at).saturating_add(1);
                found.push(Page { number, pages: 0, picture: setting.page(root.entry, page, &stamps) });
            }
        }
        before = before.saturating_add(pages.list.len());
    }
    if before == 0 {
        return Err(NotDrawn::UNREADABLE);
    }
    found.iter_mut().for_each(|page| page.pages = before);
    Ok(found)
}

/// What every page of a document is drawn with.
struct Setting<'a, 's> {
    package: &'a Package<'s>,
    locator: &'a Locator<'a, 's>,
    resources: &'a Resources,
    /// The font for text whose own is not there.
    font: Option<&'a Font<'a>>,
    fallback: Option<&'a [u8]>,
    depth: usize,
}

impl Setting<'_, '_> {
    fn page(&self, root: usize, page: &crate::doc::ofd::pages::Page, stamps: &[stamps::Stamp]) -> Result<Picture, NotDrawn> {
        let (width, height) = page.size;
        let scale = scale(width, height).ok_or(NotDrawn::PAGE)?;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded by the longer side")]
        let dots = |length: f64| ((length * scale).round() as u32).clamp(1, 4096);
        let mut pixels = Pixmap::new(dots(width), dots(height)).ok_or(NotDrawn::PAGE)?;
        pixels.fill(tiny_skia::Color::WHITE);
        #[expect(clippy::cast_possible_truncation, reason = "a factor of drawing")]
        let base = Transform::from_scale(scale as f32, scale as f32);
        let mut canvas = Canvas::new(&mut pixels, self.resources, self.font, base);
        for entry in &page.contents {
            let octets = self.package.read(*entry, xml::MAX_XML).map_err(|_| NotDrawn::PAGE)?;
            let text = xml::text(&octets).map_err(|_| NotDrawn::PAGE)?;
            let tree = xml::tree(&text).map_err(|_| NotDrawn::PAGE)?;
            let root = tree.root_element();
            for layer in children(root, "Content").flat_map(|content| children(content, "Layer")) {
                canvas.block(layer, Transform::identity(), 0);
            }
        }
        self.annotations(root, &page.id, &mut canvas);
        for stamp in stamps.iter().filter(|stamp| stamp.page == page.id) {
            self.stamp(stamp, &mut canvas);
        }
        let png = pixels.encode_png().map_err(|_| NotDrawn::PAGE)?;
        Ok(Picture { width: pixels.width(), height: pixels.height(), png })
    }

    /// Appearances of annotations (§15); what cannot be read is left out.
    fn annotations(&self, root: usize, page: &str, canvas: &mut Canvas<'_, '_>) {
        let own = self.locator.name(root);
        let Some((list, entry)) = self.file(root, "Annotations", own) else { return };
        let Ok(text) = xml::text(&list) else { return };
        let Ok(tree) = xml::tree(&text) else { return };
        let of_page = children(tree.root_element(), "Page").filter(|node| node.attribute("PageID").map(str::trim) == Some(page));
        for node in of_page.take(16) {
            let Some(location) = children(node, "FileLoc").next().map(content) else { continue };
            let Some(found) = self.locator.find(self.locator.name(entry), &location) else { continue };
            let Ok(octets) = self.package.read(found.entry, xml::MAX_XML) else { continue };
            let Ok(text) = xml::text(&octets) else { continue };
            let Ok(tree) = xml::tree(&text) else { continue };
            let shown = |node: &Node<'_, '_>| node.attribute("Visible") != Some("false");
            for annotation in children(tree.root_element(), "Annot").filter(shown).take(1000) {
                for appearance in children(annotation, "Appearance") {
                    let [x, y, ..] = appearance.attribute("Boundary").and_then(numbers::<4>).unwrap_or([0.0; 4]);
                    #[expect(clippy::cast_possible_truncation, reason = "places on a page")]
                    canvas.block(appearance, Transform::from_translate(x as f32, y as f32), 0);
                }
            }
        }
    }

    /// A file that an element of the document's root names.
    fn file(&self, root: usize, name: &'static str, own: &str) -> Option<(Vec<u8>, usize)> {
        let octets = self.package.read(root, xml::MAX_XML).ok()?;
        let text = xml::text(&octets).ok()?;
        let tree = xml::tree(&text).ok()?;
        let location = children(tree.root_element(), name).next().map(content)?;
        let found = self.locator.find(own, &location)?;
        Some((self.package.read(found.entry, xml::MAX_XML).ok()?, found.entry))
    }

    /// A seal: its picture in its place, a slice of it where it rides across pages.
    fn stamp(&self, stamp: &stamps::Stamp, canvas: &mut Canvas<'_, '_>) {
        let picture = match stamp.picture.as_deref() {
            Some(octets) if octets.starts_with(b"PK\x03\x04") && self.depth < DEEPEST => self.seal(octets),
            Some(octets) => resources::decoded(octets),
            None => None,
        };
        canvas.stamp(picture.as_ref(), stamp.boundary, stamp.clip);
    }

    /// The picture of a seal that is itself an OFD, with nothing behind it.
    fn seal(&self, octets: &[u8]) -> Option<Pixmap> {
        let drawn = drawn(&octets.to_vec(), self.fallback, 1..2, self.depth.saturating_add(1)).ok()?;
        let mut picture = resources::decoded(&drawn.into_iter().next()?.picture.ok()?.png)?;
        resources::without_white(&mut picture);
        Some(picture)
    }
}
