//! Which entries of a package a signature protects, and which nobody protects. GB/T 33190-2016 §18.2.

use super::{Described, Digests, DocumentFiles, Draft};
use crate::{
    crypto::Hash,
    doc::{
        facts::{Changes, Coverage, Integrity, PackageFacts, SignatureFacts},
        zip::Package,
    },
};
use std::collections::BTreeSet;

/// Names at most this many entries.
const MAX_NAMED: usize = 200;

/// What every signature of the package may leave out.
pub(super) struct Accounts<'a> {
    package: &'a Package<'a>,
    documents: &'a [DocumentFiles],
    drafts: &'a [Draft],
    /// Files of the signatures themselves: descriptions with values that are made over them, lists, which change with each
    /// signature, and a seal's own file that is the very seal of its signature.
    own: BTreeSet<usize>,
    /// Which signatures are signatures over their description: what merely stands in a list leaves its files as unprotected as any other.
    sound: Vec<bool>,
}

impl<'a> Accounts<'a> {
    /// `judged`: the facts of each draft.
    pub fn new(package: &'a Package<'a>, documents: &'a [DocumentFiles], drafts: &'a [Draft], judged: &[Vec<SignatureFacts>]) -> Self {
        // A value that another key made, or none, is a signature in its form, and is judged as one.
        let form = |entry: &SignatureFacts| matches!(entry.signer.integrity, Integrity::Intact | Integrity::BadSignature);
        let sound: Vec<bool> = judged.iter().map(|entries| !entries.is_empty() && entries.iter().all(form)).collect();
        let mut own: BTreeSet<usize> = documents.iter().filter_map(|files| files.list).collect();
        for ((draft, entries), _) in drafts.iter().zip(judged).zip(&sound).filter(|(_, sound)| **sound) {
            own.extend(draft.xml.iter().chain(&draft.value).map(|(entry, _)| *entry));
            let seals = || entries.iter().filter_map(|entry| entry.seal.as_ref());
            if let Some((entry, seal)) = &draft.seal
                && seals().any(|inside| Hash::Sha256.digest(seal) == inside.sha256)
            {
                own.insert(*entry);
            }
        }
        Self { package, documents, drafts, own, sound }
    }

    /// Files that belong to signatures of the package and to the lists of them.
    pub fn own(&self) -> &BTreeSet<usize> {
        &self.own
    }

    /// What one signature protects.
    pub fn of(&self, position: usize, digests: &Digests) -> PackageFacts {
        let files = || self.package.entries().iter().enumerate().filter(|(_, entry)| !entry.folder);
        let mut facts = PackageFacts { entries: files().count(), ..PackageFacts::default() };
        let name = |entry: usize| self.package.entries().get(entry).map(|entry| entry.name.clone()).unwrap_or_default();
        let mut protected = BTreeSet::new();
        let Some(draft) = self.drafts.get(position) else { return facts };
        if let Ok(Described { digest, stamps, .. }) = &draft.described {
            facts.stamps = stamps.len();
            facts.slices = stamps.iter().filter(|(_, slice)| *slice).count();
            facts.missing = draft.missing.iter().take(MAX_NAMED).cloned().collect();
            for (entry, expected) in &draft.references {
                let found = digest.as_ref().ok().and_then(|hash| digests.get(&(*entry, *hash))).and_then(Option::as_ref);
                let read = digest.as_ref().is_ok_and(|hash| digests.contains_key(&(*entry, *hash)));
                if found == Some(expected) {
                    protected.insert(*entry);
                } else if !read && digest.is_ok() {
                    facts.missing.push(name(*entry));
                } else if facts.changed.len() < MAX_NAMED && digest.is_ok() {
                    facts.changed.push(name(*entry));
                }
            }
        }
        facts.covered = protected.len();
        let lists: Vec<usize> = self.documents.iter().filter_map(|files| files.list).collect();
        facts.locked = lists.iter().any(|list| protected.contains(list));
        let named: BTreeSet<usize> = draft.references.iter().map(|(entry, _)| *entry).collect();
        let mine: BTreeSet<usize> = draft.xml.iter().chain(&draft.value).map(|(entry, _)| *entry).collect();
        let open = files().filter(|(entry, _)| !named.contains(entry) && !self.own.contains(entry) && !mine.contains(entry));
        let open = open.filter(|(entry, file)| !self.of_another(draft.document, *entry, &file.name));
        facts.uncovered = open.map(|(_, file)| file.name.clone()).take(MAX_NAMED).collect();
        facts
    }

    /// Whether an entry belongs to another document of the package, and a signature of that document names it.
    fn of_another(&self, document: usize, entry: usize, name: &str) -> bool {
        let inside = |files: &DocumentFiles| !files.folder.is_empty() && name.starts_with(&files.folder);
        if self.documents.get(document).is_none_or(inside) {
            return false;
        }
        let others = self.drafts.iter().zip(&self.sound).filter(|(draft, sound)| **sound && draft.document != document);
        others.map(|(draft, _)| draft).any(|draft| {
            self.documents.get(draft.document).is_some_and(inside) && draft.references.iter().any(|(named, _)| *named == entry)
        })
    }
}

/// Puts what was found about the package on the signature.
pub(super) fn settle(entry: &mut SignatureFacts, package: &PackageFacts, later: &[String]) {
    let decided = matches!(entry.signer.integrity, Integrity::Malformed(_) | Integrity::Unsupported(_));
    if !package.changed.is_empty() && !decided {
        entry.signer.integrity = Integrity::HashMismatch;
    } else if !package.missing.is_empty()
        && !matches!(entry.signer.integrity, Integrity::HashMismatch | Integrity::BadSignature)
        && !decided
    {
        entry.signer.integrity = Integrity::ContentMissing;
    }
    if !package.uncovered.is_empty() || !package.missing.is_empty() {
        entry.coverage = Coverage::Partial;
    }
    if !later.is_empty() {
        let told = |id: &String| (format!("其后增加了签名 {id}"), format!("signature {id} was added later"));
        entry.changes = Changes::Permitted(later.iter().map(told).collect());
    }
}
