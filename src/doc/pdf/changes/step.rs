//! One step: from one signed revision to the next border.

use super::edges::Edge;
use super::naming;
use super::roles::Role;
use super::{Border, Items, Level, Surroundings, tiles};
use crate::doc::pdf::document::Revision;
use crate::doc::pdf::input::PdfError;
use crate::doc::pdf::object::{Id, Object};
use crate::doc::pdf::xref::Entry;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap, HashSet};

/// An object whose place differs between the two revisions.
#[derive(Debug, Clone)]
pub(super) struct Change {
    /// Its number and generation in the newer revision.
    pub id: Id,
    /// Its value in the older one; `None` if it was free or missing there.
    pub old: Option<Object>,
    /// Its value in the newer one.
    pub new: Object,
}

/// The two revisions of a step, and what was found so far.
pub(super) struct Comparison<'c, 'd, 'a> {
    pub around: &'c Surroundings<'c, 'd, 'a>,
    pub old: Revision<'d, 'a>,
    pub new: Revision<'d, 'a>,
    pub changes: BTreeMap<u32, Change>,
    pub roles: HashMap<u32, Role>,
    /// New objects that repeat what was there before, found while comparing.
    pub copies: RefCell<Vec<Id>>,
    /// How many values may still be compared in depth.
    pub patience: Cell<usize>,
    pub items: &'c mut Items,
}

/// Compares two borders; the roles of changed objects.
pub(super) fn step<'d, 'a>(
    around: &Surroundings<'_, 'd, 'a>,
    from: Border,
    to: Border,
    items: &mut Items,
) -> Result<HashMap<u32, Role>, PdfError> {
    let document = around.document;
    if let Some(at) = tiles::unaccounted(document, from, to)? {
        items.suspect(
            format!("签名之后第 {at} 字节起有交叉引用未列出的内容"),
            format!("content after the signature that no cross-reference section lists, from octet {at}"),
        );
        return Ok(HashMap::new());
    }
    if from.0 >= to.0 {
        return Ok(HashMap::new());
    }
    if document.reach_up_to(from.0) >= from.1 {
        items.suspect(
            "签名时的交叉引用指向当时尚不存在的内容，后来被补上",
            "the signed revision points at content that did not exist then and was put there later",
        );
        return Ok(HashMap::new());
    }
    let (old, new) = (around.revision(from.0), around.revision(to.0));
    let patience = Cell::new(200_000);
    let roles = HashMap::new();
    let mut comparison = Comparison { around, old, new, changes: BTreeMap::new(), roles, copies: RefCell::default(), patience, items };
    if !comparison.find_changes(from.1)? {
        return Ok(HashMap::new());
    }
    comparison.claim_all()?;
    comparison.check_edges()?;
    Ok(comparison.roles)
}

impl Comparison<'_, '_, '_> {
    /// Collects the objects that differ; `false` if something suspicious was found on the way.
    fn find_changes(&mut self, end: u64) -> Result<bool, PdfError> {
        let (old, new) = (self.old, self.new);
        for number in old.document.numbers_between(old.newest, new.newest) {
            let (before, now) = (old.entry(number).unwrap_or(Entry::Free), new.entry(number).unwrap_or(Entry::Free));
            if before == now || number == 0 {
                continue;
            }
            let id = |entry| match entry {
                Entry::At { generation, .. } => Id { number, generation },
                _ => Id { number, generation: 0 },
            };
            let place = match now {
                Entry::At { offset, .. } => Some(offset),
                Entry::In { stream, .. } => match new.entry(stream) {
                    Some(Entry::At { offset, .. }) => Some(offset),
                    _ => None,
                },
                Entry::Free => {
                    // What nothing refers to may go; nobody could see it.
                    if self.around.edges.get(&number).is_some_and(|edges| !edges.is_empty()) {
                        self.items.suspect(
                            "签名之后删除了仍被引用的对象",
                            format!("object {number}, still referred to, was deleted after signing"),
                        );
                        return Ok(false);
                    }
                    self.items.permit(Level::Preservation, "清理了无处引用的对象", "an object to which nothing refers was deleted");
                    continue;
                }
            };
            if place.is_none_or(|place| place < end) {
                let en = format!("object {number} was redirected into the signed revision");
                self.items.suspect("签名之后的交叉引用改指已签名部分的内容", en);
                return Ok(false);
            }
            let value = new.object(id(now))?;
            let old_value = if before == Entry::Free { None } else { Some(old.object(id(before))?) };
            if let Some(old_value) = &old_value
                && id(before) == id(now)
                && self.same_value(old_value, &value)?
            {
                continue;
            }
            self.changes.insert(number, Change { id: id(now), old: old_value, new: value });
        }
        Ok(true)
    }

    /// Whether two values mean the same, the octets of streams included.
    fn same_value(&self, one: &Object, other: &Object) -> Result<bool, PdfError> {
        let ambiguous = |object: &Object| object.as_dictionary().is_some_and(|dictionary| dictionary.is_ambiguous());
        if ambiguous(one) || ambiguous(other) {
            return Ok(false);
        }
        Ok(match (one, other) {
            (Object::Stream(left), Object::Stream(right)) => {
                left.dictionary.same_but(&right.dictionary, &["Length"]) && self.old.raw(left)? == self.new.raw(right)?
            }
            (left, right) => left == right,
        })
    }

    pub(super) fn changed(&self, id: Id) -> Option<&Change> {
        self.changes.get(&id.number).filter(|change| change.id == id)
    }

    pub(super) fn is_new(&self, id: Id) -> bool {
        self.changed(id).is_some_and(|change| change.old.is_none())
    }

    pub(super) fn claim(&mut self, id: Id, role: Role) {
        if self.changes.contains_key(&id.number) {
            self.roles.entry(id.number).or_insert(role);
        }
    }

    /// Every changed object must be claimed, and be referred to only as its role allows.
    fn check_edges(&mut self) -> Result<(), PdfError> {
        let none = HashSet::new();
        let mut unclaimed = Vec::new();
        let undecided = self.items.0.iter().any(|item| matches!(item.weight, super::Weight::Undecided(_)));
        let suspicious = self.items.any_suspicious();
        for (number, change) in &self.changes {
            let references = self.around.edges.get(number).unwrap_or(&none);
            let from_changed = |edge: &Edge| edge.from.is_some_and(|from| self.changes.contains_key(&from));
            match self.roles.get(number) {
                None if change.old.is_some() => unclaimed.push((*number, true)),
                None if references.is_empty() && !could_be_a_root(&change.new) => self.items.permit(
                    Level::Preservation,
                    format!("加入了无处引用的对象 {number}"),
                    format!("object {number}, to which nothing refers, was added"),
                ),
                // A new part of something that is told already.
                None if (undecided || suspicious) && references.iter().all(from_changed) => (),
                None => unclaimed.push((*number, false)),
                Some(role) => {
                    // The length of a stream that is itself claimed belongs to it.
                    let is_length = |edge: &Edge| {
                        let claimed = edge.from.is_some_and(|from| self.changes.contains_key(&from) && self.roles.contains_key(&from));
                        edge.key == b"Length" && edge.top && claimed && change.old.is_none()
                    };
                    let unfit = references.iter().find(|edge| !role.allows(edge, &self.roles) && !is_length(edge));
                    let Some(edge) = unfit else { continue };
                    let key = String::from_utf8_lossy(&edge.key).into_owned();
                    let (zh, en) = (
                        format!("签名之后改动的对象 {number} 还从 /{key} 处被引用"),
                        format!("object {number}, changed after signing, is also referred to under /{key}"),
                    );
                    // A page may be named from many harmless places, and a reference that led nowhere when the document was
                    // signed may be an oversight; neither can be settled here.
                    if *role == Role::Page || change.old.is_none() { self.items.doubt(zh, en) } else { self.items.suspect(zh, en) }
                }
            }
        }
        if !unclaimed.is_empty() && !suspicious {
            naming::name(self, &unclaimed)?;
        }
        Ok(())
    }
}

/// Whether a reader that repairs a file might take the object, to which nothing refers, for the root of a document.
fn could_be_a_root(object: &Object) -> bool {
    object.as_dictionary().is_some_and(|dictionary| {
        dictionary.is_ambiguous()
            || matches!(dictionary.name("Type"), Some(b"Catalog" | b"Pages" | b"Page" | b"XRef" | b"ObjStm"))
            || ["Root", "Pages", "Kids"].iter().any(|key| dictionary.get(key).is_some())
    })
}
