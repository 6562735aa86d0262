//! What later revisions did to a signed one: permitted, suspicious, or not decided (ISO 32000-2 section 12.8.2.2).
//!
//! The signed revision is compared with the newest one. Every object whose place changed must be claimed by a rule that knows
//! its role and checks its old and new value (`rules`); then one walk over the newest revision checks that nothing refers
//! to a claimed object except as that role allows (`edges`), so that an object cannot be two things at once; and every octet
//! after the signed revision must be accounted for (`tiles`). What no rule claims is suspicious; what a rule recognises but
//! does not judge is undecided.

mod edges;
mod roles;
mod rules;
mod tiles;

use super::document::{Document, Revision};
use super::fields::{Form, form};
use super::input::PdfError;
use super::mdp::Permissions;
use super::object::{Id, Object};
use super::xref::Entry;
use edges::{Edge, Edges, edges};
use roles::Role;
use std::cell::OnceCell;
use std::collections::{BTreeMap, HashMap, HashSet};

/// A sentence in Chinese and in English.
pub type Sentence = (String, String);

/// How far later revisions go; each level holds the ones before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Level {
    /// Nothing.
    #[default]
    None,
    /// Validation material, document time-stamps, metadata.
    Preservation,
    /// Further signatures.
    Signing,
}

/// What was found after a signature.
#[derive(Debug, Clone, Default)]
pub struct Findings {
    /// How far the permitted changes go.
    pub level: Level,
    /// What is permitted.
    pub permitted: Vec<Sentence>,
    /// What nobody permitted.
    pub suspicious: Vec<Sentence>,
    /// What is not decided.
    pub undecided: Vec<Sentence>,
}

impl Findings {
    fn permit(&mut self, level: Level, zh: impl Into<String>, en: impl Into<String>) {
        self.level = self.level.max(level);
        self.permitted.push((zh.into(), en.into()));
    }

    fn suspect(&mut self, zh: impl Into<String>, en: impl Into<String>) {
        self.suspicious.push((zh.into(), en.into()));
    }

    fn doubt(&mut self, zh: impl Into<String>, en: impl Into<String>) {
        self.undecided.push((zh.into(), en.into()));
    }
}

/// The newest revision, looked at once for all signatures of a file.
pub struct Newest<'d, 'a> {
    document: &'d Document<'a>,
    form: Result<Form, PdfError>,
    /// Numbers of objects that changed after the oldest signed revision.
    changed: HashSet<u32>,
    edges: OnceCell<Result<Edges, PdfError>>,
}

impl<'d, 'a> Newest<'d, 'a> {
    /// Prepares the comparison; `oldest` is the oldest signed revision.
    pub fn new(document: &'d Document<'a>, oldest: Revision<'d, 'a>) -> Self {
        let changed = document.numbers_after(oldest.newest).into_iter().collect();
        Self { document, form: form(document.latest()), changed, edges: OnceCell::new() }
    }

    /// The newest revision.
    pub fn latest(&self) -> Revision<'d, 'a> {
        self.document.latest()
    }

    fn edges(&self) -> Result<&Edges, PdfError> {
        self.edges.get_or_init(|| edges(self.document.latest(), &self.changed)).as_ref().map_err(|error| *error)
    }
}

/// Compares the revision `signed`, which ends before octet `end`, with the newest one.
pub fn after(newest: &Newest<'_, '_>, signed: Revision<'_, '_>, end: u64, permissions: &Permissions) -> Findings {
    let mut findings = Findings::default();
    if let Err(error) = compare(newest, signed, end, permissions, &mut findings) {
        match error {
            PdfError::Syntax { .. } | PdfError::Structure(_) => {
                findings.suspect("签名之后的修订无法按规范读取", format!("a later revision cannot be read as the format demands: {error}"))
            }
            PdfError::Io | PdfError::Work | PdfError::Filter => findings.doubt("签名之后的修订未能核完", error.to_string()),
        }
    }
    findings
}

/// An object whose place differs between the two revisions.
#[derive(Debug, Clone)]
struct Change {
    /// Its number and generation in the newest revision.
    id: Id,
    /// Its value in the signed revision; `None` if it was free or missing there.
    old: Option<Object>,
    /// Its value now.
    new: Object,
}

struct Comparison<'c, 'd, 'a> {
    old: Revision<'d, 'a>,
    new: Revision<'d, 'a>,
    form: &'c Form,
    changes: BTreeMap<u32, Change>,
    roles: HashMap<u32, Role>,
    permissions: &'c Permissions,
    findings: &'c mut Findings,
}

fn compare<'d, 'a>(
    newest: &Newest<'d, 'a>,
    signed: Revision<'d, 'a>,
    end: u64,
    permissions: &Permissions,
    findings: &mut Findings,
) -> Result<(), PdfError> {
    let document = newest.document;
    if let Some(at) = tiles::unaccounted(document, signed.newest, end)? {
        findings.suspect(
            format!("签名之后第 {at} 字节起有交叉引用未列出的内容"),
            format!("content after the signature that no cross-reference section lists, from octet {at}"),
        );
        return Ok(());
    }
    if signed.is_latest() {
        return Ok(());
    }
    let promised = document.sections.iter().take(signed.newest + 1).any(|section| section.reach >= end);
    if promised {
        findings.suspect(
            "签名时的交叉引用指向当时尚不存在的内容，后来被补上",
            "the signed revision points at content that did not exist then and was put there later",
        );
        return Ok(());
    }
    let new = document.latest();
    let Some(changes) = changes(signed, new, end, findings)? else { return Ok(()) };
    let form = newest.form.as_ref().map_err(|error| *error)?;
    let mut comparison = Comparison { old: signed, new, form, changes, roles: HashMap::new(), permissions, findings };
    comparison.claim_all()?;
    let (changes, roles) = (comparison.changes, comparison.roles);
    if findings.suspicious.is_empty() {
        check_edges(&changes, &roles, newest.edges()?, findings);
    }
    Ok(())
}

/// The objects that differ; `None` if something suspicious was found on the way.
fn changes(
    old: Revision<'_, '_>,
    new: Revision<'_, '_>,
    end: u64,
    findings: &mut Findings,
) -> Result<Option<BTreeMap<u32, Change>>, PdfError> {
    let mut changes = BTreeMap::new();
    for number in old.document.numbers_after(old.newest) {
        let (before, now) = (old.entry(number).unwrap_or(Entry::Free), new.entry(number).unwrap_or(Entry::Free));
        if before == now || number == 0 {
            continue;
        }
        let place = match now {
            Entry::At { offset, .. } => Some(offset),
            Entry::In { stream, .. } => match new.entry(stream) {
                Some(Entry::At { offset, .. }) => Some(offset),
                _ => None,
            },
            Entry::Free => {
                findings.suspect("签名之后删除了对象", format!("object {number} was deleted after signing"));
                return Ok(None);
            }
        };
        if place.is_none_or(|place| place < end) {
            findings.suspect("签名之后的交叉引用改指已签名部分的内容", format!("object {number} was redirected into the signed revision"));
            return Ok(None);
        }
        let id = |entry| match entry {
            Entry::At { generation, .. } => Id { number, generation },
            _ => Id { number, generation: 0 },
        };
        let value = new.object(id(now))?;
        let old_value = if before == Entry::Free { None } else { Some(old.object(id(before))?) };
        if let Some(old_value) = &old_value
            && id(before) == id(now)
            && same_value(old, old_value, new, &value)?
        {
            continue;
        }
        changes.insert(number, Change { id: id(now), old: old_value, new: value });
    }
    Ok(Some(changes))
}

/// Whether two values mean the same, the octets of streams included.
fn same_value(old: Revision<'_, '_>, one: &Object, new: Revision<'_, '_>, other: &Object) -> Result<bool, PdfError> {
    let ambiguous = |object: &Object| object.as_dictionary().is_some_and(|dictionary| dictionary.is_ambiguous());
    if ambiguous(one) || ambiguous(other) {
        return Ok(false);
    }
    Ok(match (one, other) {
        (Object::Stream(left), Object::Stream(right)) => {
            left.dictionary.same_but(&right.dictionary, &["Length"]) && old.raw(left)? == new.raw(right)?
        }
        (left, right) => left == right,
    })
}

/// Every changed object must be claimed, and be referred to only as its role allows.
fn check_edges(changes: &BTreeMap<u32, Change>, roles: &HashMap<u32, Role>, edges: &Edges, findings: &mut Findings) {
    let none = HashSet::new();
    for (number, change) in changes {
        let references = edges.get(number).unwrap_or(&none);
        let from_changed = |edge: &Edge| edge.from.is_some_and(|from| changes.contains_key(&from));
        match roles.get(number) {
            None if change.old.is_some() => {
                findings.suspect(format!("签名之后改动了对象 {number}"), format!("object {number} was changed after signing"));
            }
            None if references.is_empty() && !could_be_a_root(&change.new) => findings.permit(
                Level::Preservation,
                format!("加入了无处引用的对象 {number}"),
                format!("object {number}, to which nothing refers, was added"),
            ),
            // A new part of something that is undecided already.
            None if !findings.undecided.is_empty() && references.iter().all(from_changed) => (),
            None => findings.suspect(
                format!("签名之后加入了对象 {number}，用途不明"),
                format!("object {number} was added after signing for no known purpose"),
            ),
            Some(role) => {
                // The length of a stream that is itself claimed belongs to it.
                let is_length = |edge: &Edge| {
                    let claimed = edge.from.is_some_and(|from| changes.contains_key(&from) && roles.contains_key(&from));
                    edge.key == b"Length" && edge.top && claimed && change.old.is_none()
                };
                let Some(edge) = references.iter().find(|edge| !role.allows(edge, roles) && !is_length(edge)) else { continue };
                let key = String::from_utf8_lossy(&edge.key).into_owned();
                let (zh, en) = (
                    format!("签名之后改动的对象 {number} 还从 /{key} 处被引用"),
                    format!("object {number}, changed after signing, is also referred to under /{key}"),
                );
                // A page may be named from many harmless places, and a reference that led nowhere when the document was signed
                // may be an oversight; neither can be settled here.
                if *role == Role::Page || change.old.is_none() { findings.doubt(zh, en) } else { findings.suspect(zh, en) }
            }
        }
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
