//! Who refers to whom: one walk over the newest revision, noting every reference to an object that changed.

use crate::doc::pdf::document::Revision;
use crate::doc::pdf::input::PdfError;
use crate::doc::pdf::object::{Dictionary, Id, Object};
use crate::doc::pdf::xref::Entry;
use std::collections::{HashMap, HashSet};

/// How many objects are walked.
const MAX_OBJECTS: usize = 2_000_000;

/// One reference: the object it stands in (`None`: the trailer), and the dictionary key it stands under, however many arrays
/// lie between.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Edge {
    /// Number of the object that refers.
    pub from: Option<u32>,
    /// Key of the innermost dictionary around the reference.
    pub key: Vec<u8>,
    /// Whether that dictionary is the referring object itself, not one nested in it.
    pub top: bool,
}

/// References to changed objects, by the number of the object referred to.
pub type Edges = HashMap<u32, HashSet<Edge>>;

/// Walks everything that can be reached from the trailer of `revision`. An indirect array counts as standing where it is
/// referred to, so its items carry that key.
pub fn edges(revision: Revision<'_, '_>, changed: &HashSet<u32>) -> Result<Edges, PdfError> {
    let mut walk = Walk { changed, edges: Edges::new(), seen: HashSet::new(), arrays: HashSet::new(), todo: Vec::new() };
    if let Some(trailer) = revision.trailer() {
        walk.dictionary(trailer, None, true);
    }
    while let Some((number, key)) = walk.todo.pop() {
        if walk.seen.contains(&number) || walk.arrays.contains(&(number, key.clone())) {
            continue;
        }
        if walk.seen.len() + walk.arrays.len() > MAX_OBJECTS {
            return Err(PdfError::Work);
        }
        let generation = match revision.entry(number) {
            None | Some(Entry::Free) => continue,
            Some(Entry::At { generation, .. }) => generation,
            Some(Entry::In { .. }) => 0,
        };
        match revision.object(Id { number, generation })? {
            Object::Array(items) => {
                walk.array(&items, &key, Some(number), true);
                walk.arrays.insert((number, key));
            }
            other => {
                walk.seen.insert(number);
                if let Some(dictionary) = other.as_dictionary() {
                    walk.dictionary(dictionary, Some(number), true);
                }
            }
        }
    }
    Ok(walk.edges)
}

struct Walk<'c> {
    changed: &'c HashSet<u32>,
    edges: Edges,
    seen: HashSet<u32>,
    arrays: HashSet<(u32, Vec<u8>)>,
    todo: Vec<(u32, Vec<u8>)>,
}

// Objects nest at most as deep as the lexer allows, so this recursion is bounded.
impl Walk<'_> {
    fn object(&mut self, object: &Object, key: &[u8], from: Option<u32>, top: bool) {
        match object {
            Object::Reference(id) => {
                if self.changed.contains(&id.number) {
                    self.edges.entry(id.number).or_default().insert(Edge { from, key: key.to_vec(), top });
                }
                if !self.seen.contains(&id.number) {
                    self.todo.push((id.number, key.to_vec()));
                }
            }
            Object::Array(items) => self.array(items, key, from, top),
            Object::Dictionary(dictionary) => self.dictionary(dictionary, from, false),
            Object::Stream(stream) => self.dictionary(&stream.dictionary, from, false),
            _ => (),
        }
    }

    fn array(&mut self, items: &[Object], key: &[u8], from: Option<u32>, top: bool) {
        items.iter().for_each(|item| self.object(item, key, from, top));
    }

    fn dictionary(&mut self, dictionary: &Dictionary, from: Option<u32>, top: bool) {
        for (key, value) in dictionary.iter() {
            self.object(value, key, from, top);
        }
    }
}
