//! The rule for the document security store (ISO 32000-2 section 12.8.4.3).

use super::Level;
use super::roles::Role;
use super::rules::{only, references};
use super::step::Comparison;
use crate::doc::pdf::input::PdfError;
use crate::doc::pdf::object::{Dictionary, Object};
use std::collections::HashSet;

impl Comparison<'_, '_, '_> {
    /// The security store: objects of its own tree only, and only those that were in it before or are new. What did not change
    /// is not opened, so that a store that every signature enlarges is not read again and again.
    pub(super) fn claim_store(&mut self, old: &Dictionary, new: &Dictionary) -> Result<(), PdfError> {
        let Some(root) = new.get("DSS") else {
            if old.get("DSS").is_some() {
                self.items.doubt("签名之后去掉了验证资料（DSS）", "the document security store was removed after signing");
            }
            return Ok(());
        };
        // What was in the store at the end of the step before is in it at the start of this one.
        let known = self.around.store.borrow_mut().take();
        let before = match (known, old.get("DSS")) {
            (Some(known), _) => known,
            (None, Some(before)) => self.old_store(before)?,
            (None, None) => HashSet::new(),
        };
        if old.get("DSS") == Some(root) && !self.changes.keys().any(|number| before.contains(number)) {
            self.around.store.replace(Some(before));
            return Ok(());
        }
        if !self.is_store(root, &before)? {
            self.items.suspect("验证资料（DSS）的结构不合规范", "the document security store is not built as the format demands");
            return Ok(());
        }
        let added = self.added_to_store(root, &before)?;
        for number in added.iter().chain(before.iter().filter(|number| self.changes.contains_key(number))) {
            self.roles.entry(*number).or_insert(Role::Store);
        }
        // Unchanged, these have the role too, so that they may refer to changed parts.
        let Object::Dictionary(dss) = self.new.resolve(root)? else { return Ok(()) };
        for id in [root.as_reference(), dss.reference("VRI")].into_iter().flatten() {
            self.roles.entry(id.number).or_insert(Role::Store);
        }
        let mut after = before;
        after.extend(added);
        self.around.store.replace(Some(after));
        self.items.permit(Level::Preservation, "加入了验证资料（DSS）", "validation material was added (DSS)");
        Ok(())
    }

    /// Numbers of the new objects in the store. An object of the signed revision that was not in the store gets no role here.
    fn added_to_store(&self, root: &Object, before: &HashSet<u32>) -> Result<Vec<u32>, PdfError> {
        let mut added = Vec::new();
        let mut opened = HashSet::new();
        let changed = self.changes.iter().filter(|(number, _)| before.contains(number)).map(|(_, change)| change.new.clone());
        let mut todo: Vec<Object> = changed.chain([root.clone()]).collect();
        while let Some(node) = todo.pop() {
            for id in references(&node) {
                if before.contains(&id.number) || !opened.insert(id.number) {
                    continue;
                }
                match self.changed(id) {
                    Some(change) => {
                        if change.old.is_none() {
                            added.push(id.number);
                        }
                        todo.push(change.new.clone());
                    }
                    None => todo.push(self.new.object(id)?),
                }
            }
        }
        Ok(added)
    }

    /// Numbers of the objects in the store of the older revision.
    fn old_store(&self, root: &Object) -> Result<HashSet<u32>, PdfError> {
        let mut before = HashSet::new();
        let mut todo = vec![root.clone()];
        while let Some(node) = todo.pop() {
            for id in references(&node) {
                if before.insert(id.number) {
                    todo.push(self.old.object(id)?);
                }
            }
        }
        Ok(before)
    }

    /// Whether a security store has only the entries it may have, each of its own type (tables 262 and 263). Parts that were in
    /// the store before and did not change need no second look.
    fn is_store(&self, root: &Object, before: &HashSet<u32>) -> Result<bool, PdfError> {
        let Object::Dictionary(dss) = self.new.resolve(root)? else { return Ok(false) };
        if dss.is_ambiguous()
            || dss.has_null()
            || !only(&dss, &["Type", "VRI", "Certs", "OCSPs", "CRLs"])
            || !self.holds_streams(&dss, &["Certs", "OCSPs", "CRLs"], before)?
        {
            return Ok(false);
        }
        match self.new.value(&dss, "VRI")? {
            Object::Null => Ok(true),
            Object::Dictionary(entries) => {
                if entries.is_ambiguous() || entries.has_null() {
                    return Ok(false);
                }
                for (_, entry) in entries.iter() {
                    if self.known(entry, before) {
                        continue;
                    }
                    let Object::Dictionary(entry) = self.new.resolve(entry)? else { return Ok(false) };
                    let fits = only(&entry, &["Type", "Cert", "CRL", "OCSP", "TU", "TS"]);
                    if !fits || !self.holds_streams(&entry, &["Cert", "CRL", "OCSP"], before)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// Whether a part is a reference to something that was in the store before and did not change.
    fn known(&self, part: &Object, before: &HashSet<u32>) -> bool {
        part.as_reference().is_some_and(|id| before.contains(&id.number) && !self.changes.contains_key(&id.number))
    }

    /// Whether each of these entries is missing or an array of streams.
    fn holds_streams(&self, dictionary: &Dictionary, keys: &[&str], before: &HashSet<u32>) -> Result<bool, PdfError> {
        for key in keys {
            match self.new.value(dictionary, key)? {
                Object::Null => (),
                Object::Array(items) => {
                    for item in &items {
                        if !self.known(item, before) && !matches!(self.new.resolve(item)?, Object::Stream(_)) {
                            return Ok(false);
                        }
                    }
                }
                _ => return Ok(false),
            }
        }
        Ok(true)
    }
}
