//! Finding a page by its number in the page tree (ISO 32000-2 section 7.7.3).

use super::no;
use crate::doc::pdf::content::{Place, drawn_annotations, text_places};
use crate::doc::pdf::document::Revision;
use crate::doc::pdf::object::{Dictionary, Id, Object};
use crate::sign::Refusal;
use std::collections::HashSet;

/// How many nodes are visited.
const MAX_NODES: usize = 1_000_000;

/// The page with this number, counted from 1.
pub(super) fn find(latest: Revision<'_, '_>, number: u32) -> Result<(Id, Dictionary), Refusal> {
    let root = latest.catalog()?.reference("Pages").ok_or(no("PDF 没有页树", "the PDF has no page tree"))?;
    let mut left = number.max(1);
    let mut seen = HashSet::new();
    let mut todo = vec![root];
    while let Some(id) = todo.pop() {
        if !seen.insert(id) || seen.len() > MAX_NODES {
            return Err(no("页树成环或过大", "the page tree runs in a circle or is too large"));
        }
        let Object::Dictionary(node) = latest.object(id)? else { continue };
        match latest.value(&node, "Kids")? {
            Object::Array(kids) => {
                let kids: Option<Vec<Id>> = kids.iter().rev().map(Object::as_reference).collect();
                todo.extend(kids.ok_or(no("页树无效", "the page tree is malformed"))?);
            }
            _ => {
                left -= 1;
                if left == 0 {
                    let usable = !node.is_ambiguous() && node.name("Type") == Some(b"Page");
                    return if usable { Ok((id, node)) } else { Err(no("页面对象无效", "the page object is malformed")) };
                }
            }
        }
    }
    Err(no("文件没有这一页", "the document has no such page"))
}

/// The rectangle of a page (section 14.11.2), its own or inherited; A4 where none can be read.
pub(super) fn media_box(latest: Revision<'_, '_>, number: u32) -> Result<[f64; 4], Refusal> {
    let (_, mut node) = find(latest, number)?;
    for _ in 0..64 {
        if let Object::Array(corners) = latest.value(&node, "MediaBox")? {
            let numbers: Option<Vec<f64>> = corners.iter().map(Object::as_number).collect();
            if let Some(&[left, bottom, right, top]) = numbers.as_deref()
                && [left, bottom, right, top].iter().all(|number| number.is_finite())
            {
                return Ok([left.min(right), bottom.min(top), left.max(right), bottom.max(top)]);
            }
        }
        match latest.dictionary(&node, "Parent")? {
            Some(parent) => node = parent,
            None => break,
        }
    }
    Ok([0.0, 0.0, 595.28, 841.89])
}

/// Between marks, in points.
const GAP: f64 = 6.0;

/// Where a mark of this size may stand: at `corner`, unless an annotation is drawn there; then to the left of it and above, where the
/// page shows nothing yet. `corner` again if there is no such place.
pub(super) fn free_place(latest: Revision<'_, '_>, number: u32, corner: [f64; 2], [width, height]: [f64; 2]) -> Result<[f64; 2], Refusal> {
    let (_, page) = find(latest, number)?;
    let [left, _, _, top] = media_box(latest, number)?;
    let drawn = drawn_annotations(latest, &page)?;
    let at = |[x, y]: [f64; 2]| Place { sides: [x, y, x + width, y + height] };
    let marked = |place: &Place| drawn.iter().any(|(_, own)| own.meets(place));
    if !marked(&at(corner)) {
        return Ok(corner);
    }
    let shows = text_places(latest, &page)?;
    let steps = |from: f64, room: f64, size: f64| {
        (0..64).map(move |step| (from, f64::from(step) * (size + GAP))).take_while(move |(_, moved)| *moved <= room)
    };
    for (y, up) in steps(corner[1], top - height - corner[1], height) {
        for (x, aside) in steps(corner[0], corner[0] - left, width) {
            let place = at([x - aside, y + up]);
            if !marked(&place) && !shows.meet(&place) && !shows.pictured(&place) {
                return Ok([x - aside, y + up]);
            }
        }
    }
    Ok(corner)
}
