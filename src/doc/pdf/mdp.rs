//! What a signature permits after itself: DocMDP and FieldMDP (ISO 32000-2 sections 12.8.2.2 and 12.8.2.4).

use super::document::Revision;
use super::input::PdfError;
use super::object::{Dictionary, Object, readable};

/// Permissions that a signature sets.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Permissions {
    /// Level of a certification: 1 nothing, 2 filling in and signing, 3 annotations too.
    pub certification: Option<i64>,
    /// The same levels, set by a field's lock for what comes after (table 236).
    pub limit: Option<i64>,
    /// Fields it locks.
    pub locks: Vec<Lock>,
    /// Whether a transform stands there that is none of the known ones.
    pub unknown: bool,
}

/// A set of fields, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lock {
    /// Every field.
    All,
    /// Those named, and what is below them.
    Include(Vec<String>),
    /// All but those named.
    Exclude(Vec<String>),
}

impl Lock {
    /// Whether the field called `name` is in the set.
    pub fn holds(&self, name: &str) -> bool {
        let named = |list: &[String]| {
            list.iter().any(|entry| name.strip_prefix(entry.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')))
        };
        match self {
            Self::All => true,
            Self::Include(list) => named(list),
            Self::Exclude(list) => !named(list),
        }
    }
}

/// Adds what the own lock of a signature's field names: it counts even where the signing program forgot to repeat it in the
/// signature.
pub fn add_lock(revision: Revision<'_, '_>, field: &Dictionary, permissions: &mut Permissions) -> Result<(), PdfError> {
    let Some(own) = revision.dictionary(field, "Lock")? else { return Ok(()) };
    match lock(revision, &own)? {
        Some(lock) => permissions.locks.push(lock),
        None => permissions.unknown = true,
    }
    permissions.limited(&revision.value(&own, "P")?);
    Ok(())
}

/// Reads the permissions of a signature dictionary.
pub fn permissions(revision: Revision<'_, '_>, signature: &Dictionary) -> Result<Permissions, PdfError> {
    let mut permissions = Permissions::default();
    let references = match revision.value(signature, "Reference")? {
        Object::Array(references) => references,
        none => {
            permissions.unknown = none != Object::Null;
            return Ok(permissions);
        }
    };
    for reference in &references {
        let Object::Dictionary(reference) = revision.resolve(reference)? else {
            permissions.unknown = true;
            continue;
        };
        let parameters = revision.dictionary(&reference, "TransformParams")?.unwrap_or_default();
        match reference.name("TransformMethod") {
            Some(b"DocMDP") => {
                let level = match revision.value(&parameters, "P")? {
                    Object::Null => 2,
                    // Zero is no level.
                    level => level.as_integer().unwrap_or(0),
                };
                permissions.certification = Some(permissions.certification.map_or(level, |other| other.min(level)));
                permissions.unknown |= !(1..=3).contains(&level);
            }
            Some(b"FieldMDP") => {
                match lock(revision, &parameters)? {
                    Some(lock) => permissions.locks.push(lock),
                    None => permissions.unknown = true,
                }
                permissions.limited(&revision.value(&parameters, "P")?);
            }
            // Usage rights say what a program may do, nothing about what may change (section 12.8.2.3); identity says nothing.
            Some(b"UR" | b"UR3" | b"Identity") => (),
            _ => permissions.unknown = true,
        }
    }
    Ok(permissions)
}

impl Permissions {
    fn limited(&mut self, level: &Object) {
        match level.as_integer() {
            Some(level) => {
                self.limit = Some(self.limit.map_or(level, |other| other.min(level)));
                self.unknown |= !(1..=3).contains(&level);
            }
            None => self.unknown |= *level != Object::Null,
        }
    }
}

/// A set of fields from a dictionary with `Action` and `Fields`: FieldMDP parameters or a signature field lock. `None` if it cannot
/// be told which fields it holds.
pub fn lock(revision: Revision<'_, '_>, dictionary: &Dictionary) -> Result<Option<Lock>, PdfError> {
    let items = match revision.value(dictionary, "Fields")? {
        Object::Array(items) => Some(items),
        _ => None,
    };
    let mut names = Vec::new();
    for item in items.iter().flatten() {
        if let Object::Text(text) = revision.resolve(item)? {
            names.push(readable(&text.octets));
        }
    }
    let all_read = items.is_some_and(|items| items.len() == names.len());
    Ok(match dictionary.name("Action") {
        Some(b"All") => Some(Lock::All),
        Some(b"Include") if all_read => Some(Lock::Include(names)),
        Some(b"Exclude") if all_read => Some(Lock::Exclude(names)),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_reaches_below_its_names() {
        let lock = Lock::Include(vec!["form.part".into()]);
        assert!(lock.holds("form.part") && lock.holds("form.part.1") && !lock.holds("form.partial") && !lock.holds("form"));
        assert!(!Lock::Exclude(vec!["a".into()]).holds("a.b") && Lock::Exclude(vec!["a".into()]).holds("b"));
    }
}
