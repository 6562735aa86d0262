//! ST_Loc: where a file of the package stands, as another file of it writes it. GB/T 33190-2016 §7.3.

use crate::doc::zip::Package;
use std::collections::HashMap;

/// A file that was found, and how far the way to it departs from the letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Found {
    /// Position of its entry.
    pub entry: usize,
    /// Written with backslashes, in another case, or without the slash that starts at the root.
    pub loose: bool,
    /// Another file that the same words name to readers that start at the other place.
    pub other: Option<usize>,
}

/// Finds files of a package.
pub(crate) struct Locator<'p, 's> {
    package: &'p Package<'s>,
    /// Names in lower case; `None` where two differ only in case.
    folded: HashMap<String, Option<usize>>,
}

impl<'p, 's> Locator<'p, 's> {
    pub fn new(package: &'p Package<'s>) -> Self {
        let mut folded = HashMap::with_capacity(package.entries().len());
        for (position, _) in package.entries().iter().enumerate().filter(|(_, entry)| !entry.folder) {
            let Some(entry) = package.entries().get(position) else { continue };
            folded.entry(entry.name.to_lowercase()).and_modify(|place| *place = None).or_insert(Some(position));
        }
        Self { package, folded }
    }

    /// The file that `written` names, seen from the file `from`.
    pub fn find(&self, from: &str, written: &str) -> Option<Found> {
        let written = written.trim();
        let slashed = written.replace('\\', "/");
        let loose = slashed != written;
        let folder = from.rsplit_once('/').map_or("", |(folder, _)| folder);
        let own = match slashed.strip_prefix('/') {
            Some(absolute) => joined("", absolute),
            None => joined(folder, &slashed),
        };
        // Some producers leave the first slash out.
        let root = joined("", slashed.trim_start_matches('/'));
        let exact = |name: &Option<String>| name.as_deref().and_then(|name| self.package.find(name));
        let folded = |name: &Option<String>| name.as_deref().and_then(|name| *self.folded.get(&name.to_lowercase())?);
        let strict = exact(&own).map(|entry| (entry, loose));
        let (entry, loose) =
            strict.or_else(|| exact(&root).or_else(|| folded(&own)).or_else(|| folded(&root)).map(|entry| (entry, true)))?;
        let mut others = [exact(&own), exact(&root), folded(&own), folded(&root)].into_iter().flatten();
        Some(Found { entry, loose, other: others.find(|other| *other != entry) })
    }

    /// The name of an entry.
    pub fn name(&self, entry: usize) -> &'p str {
        self.package.entries().get(entry).map_or("", |entry| &entry.name)
    }
}

/// Folder and path put together; `None` if the path leads out of the package.
fn joined(folder: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    (!parts.is_empty()).then(|| parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_inside() {
        assert_eq!(joined("Doc_0/Signs", "../Document.xml").as_deref(), Some("Doc_0/Document.xml"));
        assert_eq!(joined("Doc_0", "../../etc/passwd"), None);
        assert_eq!(joined("", "./OFD.xml").as_deref(), Some("OFD.xml"));
        assert_eq!(joined("", ""), None);
    }
}
