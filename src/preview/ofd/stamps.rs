//! Where seals stand and what they look like (GB/T 33190-2016 §18.2.4).

use crate::doc::ofd::location::Locator;
use crate::doc::ofd::pages::numbers;
use crate::doc::ofd::structure;
use crate::doc::ofd::xml::{self, children};
use crate::doc::seal::SealSignature;
use crate::doc::zip::Package;

/// Most signatures and stamps that are drawn.
const MOST: usize = 1000;
/// Largest signed value that is looked into.
const MAX_VALUE: u64 = 8 << 20;

/// A seal on a page.
pub(super) struct Stamp {
    /// The page's identifier.
    pub page: String,
    /// Left, top, width, height in millimetres.
    pub boundary: [f64; 4],
    /// The part that is shown, within the boundary.
    pub clip: Option<[f64; 4]>,
    /// The seal's picture as it stands in the seal.
    pub picture: Option<std::sync::Arc<[u8]>>,
}

/// Every stamp of a document's signatures; what cannot be read is left out.
pub(super) fn read(package: &Package<'_>, locator: &Locator<'_, '_>, signatures: Option<&str>) -> Vec<Stamp> {
    let mut stamps = Vec::new();
    let Some(list) = signatures.and_then(|written| locator.find("OFD.xml", written)) else { return stamps };
    let Ok(octets) = package.read(list.entry, xml::MAX_XML) else { return stamps };
    let Ok(listed) = structure::listed(&octets) else { return stamps };
    for one in listed.iter().take(MOST) {
        let _ = of_signature(package, locator, locator.name(list.entry), &one.location, &mut stamps);
    }
    stamps.truncate(MOST);
    stamps
}

fn of_signature(package: &Package<'_>, locator: &Locator<'_, '_>, list: &str, location: &str, stamps: &mut Vec<Stamp>) -> Option<()> {
    let found = locator.find(list, location)?;
    let octets = package.read(found.entry, xml::MAX_XML).ok()?;
    let text = xml::text(&octets).ok()?;
    let tree = xml::tree(&text).ok()?;
    let places: Vec<_> = children(tree.root_element(), "SignedInfo").flat_map(|signed| children(signed, "StampAnnot")).take(MOST).collect();
    if places.is_empty() {
        return None;
    }
    let described = structure::described(&octets).ok();
    let value = described.and_then(|described| locator.find(locator.name(found.entry), &described.value));
    let value = value.and_then(|value| package.read(value.entry, MAX_VALUE).ok());
    let picture = value.and_then(|value| Some(std::sync::Arc::<[u8]>::from(SealSignature::parse(&value).ok()?.seal.picture.data)));
    for place in places {
        let Some(boundary) = place.attribute("Boundary").and_then(numbers::<4>) else { continue };
        let clip = place.attribute("Clip").and_then(numbers::<4>);
        let pages = place.attribute("PageRef").unwrap_or_default().split_ascii_whitespace().take(MOST);
        stamps.extend(pages.map(|page| Stamp { page: page.to_owned(), boundary, clip, picture: picture.clone() }));
    }
    Some(())
}
