//! Whether a value means the same before and after, however it is written: direct or indirect, compressed or plain.

use super::roles::Role;
use super::step::Comparison;
use crate::doc::pdf::input::PdfError;
use crate::doc::pdf::object::{Dictionary, Object};

/// How deep values are compared.
const MAX_DEPTH: usize = 24;

impl Comparison<'_, '_, '_> {
    /// Whether the dictionaries mean the same under all keys but `except`. New objects that only repeat old ones are noted; claim
    /// them with [`Self::claim_copies`] once the whole comparison holds.
    pub(super) fn alike_but(&self, old: &Dictionary, new: &Dictionary, except: &[&str]) -> Result<bool, PdfError> {
        self.dictionaries(old, new, except, 0)
    }

    /// Whether the values mean the same.
    pub(super) fn alike(&self, old: &Object, new: &Object) -> Result<bool, PdfError> {
        self.values(old, new, 0)
    }

    /// The new objects found while comparing are copies of old ones.
    pub(super) fn claim_copies(&mut self) {
        let copies = self.copies.take();
        copies.into_iter().for_each(|id| self.claim(id, Role::Copy));
    }

    fn dictionaries(&self, old: &Dictionary, new: &Dictionary, except: &[&str], depth: usize) -> Result<bool, PdfError> {
        if old.is_ambiguous() || new.is_ambiguous() {
            return Ok(false);
        }
        let counts = |entry: &(&[u8], &Object)| !except.iter().any(|key| key.as_bytes() == entry.0);
        let (mut before, mut now) = (old.iter().filter(counts), new.iter().filter(counts));
        loop {
            match (before.next(), now.next()) {
                (None, None) => return Ok(true),
                (Some((key, old)), Some((same, new))) if key == same && self.values(old, new, depth + 1)? => (),
                _ => return Ok(false),
            }
        }
    }

    fn values(&self, old: &Object, new: &Object, depth: usize) -> Result<bool, PdfError> {
        // The same reference: if its object changed, a rule must claim that of its own.
        if let (Object::Reference(one), Object::Reference(other)) = (old, new)
            && one == other
        {
            return Ok(true);
        }
        let left = self.patience.get();
        if left == 0 {
            return Err(PdfError::Work);
        }
        if depth > MAX_DEPTH {
            return Ok(false);
        }
        self.patience.set(left - 1);
        if let Object::Reference(id) = new
            && self.is_new(*id)
        {
            self.copies.borrow_mut().push(*id);
        }
        Ok(match (self.old.resolve(old)?, self.new.resolve(new)?) {
            (Object::Dictionary(old), Object::Dictionary(new)) => self.dictionaries(&old, &new, &[], depth)?,
            (Object::Array(old), Object::Array(new)) => {
                if old.len() != new.len() {
                    return Ok(false);
                }
                for (old, new) in old.iter().zip(&new) {
                    if !self.values(old, new, depth + 1)? {
                        return Ok(false);
                    }
                }
                true
            }
            (Object::Stream(old), Object::Stream(new)) => {
                const WRITING: &[&str] = &["Length", "Filter", "DecodeParms", "DL"];
                if !self.dictionaries(&old.dictionary, &new.dictionary, WRITING, depth)? {
                    return Ok(false);
                }
                let same_filter = old.dictionary.get("Filter") == new.dictionary.get("Filter")
                    && old.dictionary.get("DecodeParms") == new.dictionary.get("DecodeParms");
                if same_filter && self.old.raw(&old)? == self.new.raw(&new)? {
                    return Ok(true);
                }
                matches!((self.old.decoded(&old), self.new.decoded(&new)), (Ok(one), Ok(other)) if one == other)
            }
            (old @ (Object::Integer(_) | Object::Real(_)), new @ (Object::Integer(_) | Object::Real(_))) => {
                old.as_number().zip(new.as_number()).is_some_and(|(old, new)| old == new)
            }
            (old, new) => old == new,
        })
    }
}
