//! The page tree (ISO 32000-2 section 7.7.3): which object is which page.

use super::document::Revision;
use super::input::PdfError;
use super::object::{Id, Object};
use std::collections::{HashMap, HashSet};

/// How many nodes a page tree may have.
const MAX_NODES: usize = 2_000_000;

/// The pages of a revision, by number from 1.
#[derive(Debug, Clone, Default)]
pub struct Pages {
    /// Page of a page object, or of the object that is its list of annotations.
    numbers: HashMap<u32, (u32, Id)>,
    order: Vec<Id>,
    /// How many pages there are.
    pub count: u32,
}

impl Pages {
    /// The page that the object `number` is, or whose list of annotations it is.
    pub fn of(&self, number: u32) -> Option<u32> {
        self.numbers.get(&number).map(|(page, _)| *page)
    }

    /// The page object that the object `number` is, or whose list of annotations it is.
    pub fn object_of(&self, number: u32) -> Option<Id> {
        self.numbers.get(&number).map(|(_, id)| *id)
    }

    /// Page numbers and page objects in order.
    pub fn in_order(&self) -> impl Iterator<Item = (u32, Id)> {
        (1..).zip(self.order.iter().copied())
    }
}

/// Walks the page tree. A node that stands in it twice breaks it: readers then show different pages, or none.
pub fn pages(revision: Revision<'_, '_>) -> Result<Pages, PdfError> {
    let mut pages = Pages::default();
    let Some(root) = revision.catalog()?.reference("Pages") else { return Ok(pages) };
    let mut seen: HashSet<Id> = HashSet::new();
    let mut todo = vec![root];
    while let Some(id) = todo.pop() {
        if !seen.insert(id) {
            return Err(PdfError::Structure((
                "页面树成环，或同一页出现两次",
                "the page tree runs in a circle, or a page stands in it twice",
            )));
        }
        if seen.len() > MAX_NODES {
            return Err(PdfError::Work);
        }
        let Object::Dictionary(node) = revision.object(id)? else { continue };
        match revision.value(&node, "Kids")? {
            Object::Array(kids) => todo.extend(kids.iter().rev().filter_map(Object::as_reference)),
            _ => {
                pages.count = pages.count.saturating_add(1);
                pages.order.push(id);
                pages.numbers.insert(id.number, (pages.count, id));
                if let Some(annotations) = node.reference("Annots") {
                    // A list that several pages share is the first one's.
                    pages.numbers.entry(annotations.number).or_insert((pages.count, id));
                }
            }
        }
    }
    Ok(pages)
}
