//! The rule for tagged documents: the structure tree may gain elements for new signature fields (ISO 32000-2 section 14.7).

use super::Level;
use super::annotations::merged;
use super::roles::Role;
use super::rules::only;
use super::step::Comparison;
use crate::doc::pdf::input::PdfError;
use crate::doc::pdf::object::{Dictionary, Id, Object};
use std::collections::BTreeMap;

/// How many entries of a parent tree are compared.
const MAX_ENTRIES: usize = 200_000;

impl Comparison<'_, '_, '_> {
    /// Elements that only point at new signature fields may be added; what elements say of the text may not change.
    pub(super) fn claim_structure(&mut self, catalog: &Dictionary) -> Result<(), PdfError> {
        let Some(root) = catalog.reference("StructTreeRoot") else { return Ok(()) };
        let is_element =
            |object: &Object| object.as_dictionary().is_some_and(|element| element.get("S").is_some() && element.get("P").is_some());
        let mut grown = Vec::new();
        for change in self.changes.values().filter(|change| !self.roles.contains_key(&change.id.number)) {
            let (Some(Object::Dictionary(old)), Object::Dictionary(new)) = (&change.old, &change.new) else { continue };
            if change.id == root || is_element(&change.new) {
                grown.push((change.id, old.clone(), new.clone()));
            }
        }
        // The root's parent tree names elements, which are claimed with their parents.
        grown.sort_by_key(|(id, ..)| *id == root);
        let mut found = false;
        for (id, old, new) in grown {
            let free: &[&str] = if id == root { &["K", "ParentTree", "ParentTreeNextKey"] } else { &["K"] };
            let fits = self.alike_but(&old, &new, free)?;
            self.copies.take();
            if !fits || !self.only_elements_added(&old, &new)? || id == root && !self.parents_kept(&old, &new)? {
                continue;
            }
            self.claim_copies();
            self.claim(id, Role::Structure);
            if id == root {
                self.claim_tree(&new);
            }
            found = true;
        }
        if found {
            self.items.permit(Level::Signing, "为后续签名加了结构标记", "structure tags were added for further signatures");
        }
        Ok(())
    }

    /// Whether the children are the old ones and new elements for new signature fields, which are claimed.
    fn only_elements_added(&mut self, old: &Dictionary, new: &Dictionary) -> Result<bool, PdfError> {
        let list = |value: Option<&Object>| match value {
            Some(Object::Array(items)) => items.clone(),
            Some(one) => vec![one.clone()],
            None => Vec::new(),
        };
        let before = list(old.get("K"));
        let (kept, added) = merged(&before, &list(new.get("K")));
        if kept.len() != before.len() {
            return Ok(false);
        }
        let ids: Option<Vec<Id>> = added.iter().map(Object::as_reference).collect();
        let Some(ids) = ids else { return Ok(false) };
        for id in &ids {
            if !self.is_tag_of_field(*id)? {
                return Ok(false);
            }
        }
        ids.into_iter().for_each(|id| self.claim(id, Role::Structure));
        Ok(true)
    }

    /// Whether a new element says nothing but which new signature field it is.
    fn is_tag_of_field(&self, id: Id) -> Result<bool, PdfError> {
        let Some(Object::Dictionary(element)) = self.changed(id).filter(|change| change.old.is_none()).map(|change| &change.new) else {
            return Ok(false);
        };
        if element.is_ambiguous() || !only(element, &["Type", "S", "P", "K", "Pg"]) {
            return Ok(false);
        }
        let kids = match element.get("K") {
            Some(Object::Array(kids)) => kids.clone(),
            Some(one) => vec![one.clone()],
            None => Vec::new(),
        };
        for kid in &kids {
            let Object::Dictionary(kid) = self.new.resolve(kid)? else { return Ok(false) };
            let field = kid.reference("Obj").and_then(|id| self.roles.get(&id.number));
            if kid.name("Type") != Some(b"OBJR") || field != Some(&Role::NewField) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether the parent tree says the same for every old key, and of new keys names new elements.
    fn parents_kept(&self, old: &Dictionary, new: &Dictionary) -> Result<bool, PdfError> {
        let (mut before, mut now) = (BTreeMap::new(), BTreeMap::new());
        numbers(self.old, old.get("ParentTree"), 0, &mut before)?;
        numbers(self.new, new.get("ParentTree"), 0, &mut now)?;
        for (key, value) in &before {
            let Some(later) = now.remove(key) else { return Ok(false) };
            if !self.alike(value, &later)? {
                return Ok(false);
            }
        }
        Ok(now.values().all(|value| value.as_reference().is_some_and(|id| self.roles.get(&id.number) == Some(&Role::Structure))))
    }

    /// The nodes of the parent tree.
    fn claim_tree(&mut self, root: &Dictionary) {
        let mut todo: Vec<Id> = root.reference("ParentTree").into_iter().collect();
        while let Some(id) = todo.pop() {
            let node = self.changed(id).and_then(|change| change.new.as_dictionary()).cloned();
            if let Some(node) = node.filter(|_| !self.roles.contains_key(&id.number)) {
                self.claim(id, Role::Structure);
                todo.extend(node.get("Kids").and_then(Object::as_array).unwrap_or_default().iter().filter_map(Object::as_reference));
            }
        }
    }
}

/// The entries of a number tree (section 7.9.7).
fn numbers(
    revision: crate::doc::pdf::document::Revision<'_, '_>,
    node: Option<&Object>,
    depth: usize,
    found: &mut BTreeMap<i64, Object>,
) -> Result<(), PdfError> {
    let Some(node) = node else { return Ok(()) };
    let Object::Dictionary(node) = revision.resolve(node)? else { return Ok(()) };
    if let Object::Array(pairs) = revision.value(&node, "Nums")? {
        for pair in pairs.chunks_exact(2) {
            if let [key, value] = pair
                && let Some(key) = key.as_integer()
            {
                found.insert(key, value.clone());
            }
        }
    }
    if found.len() > MAX_ENTRIES || depth > 16 {
        return Err(PdfError::Work);
    }
    if let Object::Array(kids) = revision.value(&node, "Kids")? {
        for kid in &kids {
            numbers(revision, Some(kid), depth + 1, found)?;
        }
    }
    Ok(())
}
