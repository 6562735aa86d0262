//! A signature or seal in an OFD package (GB/T 33190-2016 §18): entries are copied as stored, files of the signature are added,
//! and the two files that list signatures get one line each, at the place where it belongs. Nothing is serialised anew.
//!
//! The signature protects every file of the package but the lists of signatures, which change with each; `Lock::All` protects
//! the list as well, so that none may follow.

mod edit;
mod place;

pub use place::Place;

use super::{Lock, Refusal, Request, no};
use crate::crypto::Hash;
use crate::doc::facts::{Facts, Format, ProblemKind};
use crate::doc::ofd::location::Locator;
use crate::doc::ofd::pages::Pages;
use crate::doc::ofd::structure::{self, Body};
use crate::doc::ofd::xml;
use crate::doc::seal::Seal;
use crate::doc::source::ByteSource;
use crate::doc::zip::{EntryError, Package, PackageWriter};
use edit::{Description, Ids};
use std::collections::BTreeSet;
use std::ops::Range;

/// Largest package that is signed: it is written anew in memory.
pub const MAX_PACKAGE: u64 = 1 << 30;

/// Digest of the references and of what is signed.
pub(super) const DIGEST: Hash = Hash::Sm3;

/// The package but for the signature value.
#[derive(Debug, Clone)]
pub(super) struct Update {
    /// Signature.xml: what the value protects.
    pub description: Vec<u8>,
    /// Its path in the package, from the root.
    pub path: String,
    package: PackageWriter,
    value: String,
}

impl Update {
    /// Puts the signature value into the package.
    pub fn fill(mut self, value: &[u8]) -> Result<Vec<u8>, Refusal> {
        self.package.add(&self.value, value)?;
        Ok(self.package.finish()?)
    }
}

/// Refuses what cannot take a signature; `facts` is what our reader finds in the package.
pub(super) fn examine(facts: &Facts) -> Result<(), Refusal> {
    if facts.format != Format::Ofd {
        return Err(no("这不是 OFD 文件", "this is no OFD package"));
    }
    if let Some(problem) = facts.problems.iter().find(|problem| problem.kind != ProblemKind::Notice) {
        return Err(Refusal::Package(problem.zh.clone(), problem.en.clone()));
    }
    if facts.signatures.iter().any(|entry| entry.package.as_ref().is_some_and(|package| package.locked)) {
        return Err(no("文件已被签名锁定，不允许再签", "a signature locks the package: no further signature is allowed"));
    }
    Ok(())
}

/// Builds the package that bears a signature more.
pub(super) fn prepare(document: &dyn ByteSource, request: &Request, facts: &Facts, seal: Option<&Seal<'_>>) -> Result<Update, Refusal> {
    if document.len() > MAX_PACKAGE {
        return Err(no("OFD 文件过大，不能签署", "the OFD package is too large to be signed"));
    }
    let close = match &request.lock {
        None => false,
        Some(Lock::All) => true,
        Some(_) => return Err(Refusal::Request("a package is locked as a whole: --lock all")),
    };
    let package = Package::open(document)?;
    let locator = Locator::new(&package);
    let root = locator.find("", "/OFD.xml").ok_or(no("文件包没有 OFD.xml", "the package has no OFD.xml"))?.entry;
    let main = read(&package, root)?;
    let bodies = structure::bodies(&main).map_err(unreadable)?;
    let number = request.document.unwrap_or(1);
    let index = usize::try_from(number).ok().and_then(|number| number.checked_sub(1)).ok_or(NO_DOCUMENT)?;
    let body = bodies.get(index).ok_or(NO_DOCUMENT)?;
    let document_root = body.root.as_deref().and_then(|root| locator.find("OFD.xml", root));
    let document_root = document_root.ok_or(no("OFD 文件没有文档", "the package holds no document"))?.entry;

    let names = Names::new(&package, locator.name(document_root));
    let list = list(&package, &locator, body)?;
    let ids = Ids::new(list.as_ref().map(|(_, octets)| octets.as_slice()), &descriptions(&package, &locator, &list)?)?;
    let folder = names.free_folder(list.as_ref().map(|(entry, _)| locator.name(*entry)));
    let (description_name, value, seal_name) =
        (format!("{folder}/Signature.xml"), format!("{folder}/SignedValue.dat"), format!("{folder}/Seal.esl"));

    // Which files are written anew: the list, and OFD.xml where it names none.
    let kind = if seal.is_some() { "Seal" } else { "Sign" };
    let path = format!("/{description_name}");
    let stamps = match seal {
        None => Vec::new(),
        Some(seal) => place::stamps(&mut Pages::read(&package, &locator, document_root).map_err(unreadable)?, &request.places, seal)?,
    };
    let (own, last) = ids.take(stamps.len());
    let mut edited: Vec<(usize, Vec<u8>)> = Vec::new();
    let mut added: Vec<(String, Vec<u8>)> = Vec::new();
    let list_name = match list {
        Some((entry, octets)) => {
            edited.push((entry, edit::listed(&octets, &own, &last, kind, &path)?));
            locator.name(entry).to_owned()
        }
        None => {
            // OFD.xml has to change: whoever signed it would be broken.
            let unsigned = |package: &crate::doc::facts::PackageFacts| package.uncovered.iter().any(|name| name == locator.name(root));
            if facts.signatures.iter().any(|entry| entry.package.as_ref().is_some_and(|package| !unsigned(package))) {
                return Err(no(
                    "OFD.xml 已被签名保护，而本文档还没有签名列表，再签会破坏已有签名",
                    "OFD.xml is protected by a signature and names no list of signatures for this document: a further signature would break it",
                ));
            }
            let name = names.free_list();
            edited.push((root, edit::with_list(&main, index, &format!("/{name}"))?));
            added.push((name.clone(), edit::new_list(&own, &last, kind, &path)));
            name
        }
    };
    if let Some(seal) = seal {
        added.push((seal_name.clone(), seal.raw.to_vec()));
    }

    // Every file of the package as it will be, but the lists.
    let lists: BTreeSet<usize> =
        bodies.iter().filter_map(|body| locator.find("OFD.xml", body.signatures.as_deref()?)).map(|found| found.entry).collect();
    let mut references = Vec::new();
    for (position, entry) in package.entries().iter().enumerate().filter(|(_, entry)| !entry.folder) {
        let is_own_list = entry.name == list_name;
        if lists.contains(&position) && !(close && is_own_list) {
            continue;
        }
        let digest = match edited.iter().find(|(edited, _)| *edited == position) {
            Some((_, octets)) => DIGEST.digest(octets),
            None => digest(&package, position)?,
        };
        references.push((format!("/{}", entry.name), digest));
    }
    for (name, octets) in added.iter().filter(|(name, _)| close || *name != list_name) {
        references.push((format!("/{name}"), DIGEST.digest(octets)));
    }
    let description = edit::description(&Description {
        at: request.at,
        references: &references,
        stamps: &stamps,
        ids: &ids,
        seal: seal.map(|_| format!("/{seal_name}")),
        value: format!("/{value}"),
    });

    let mut writer = PackageWriter::with_capacity(usize::try_from(document.len()).unwrap_or(0).saturating_add(64 << 10));
    for (position, entry) in package.entries().iter().enumerate() {
        match edited.iter().find(|(edited, _)| *edited == position) {
            Some((_, octets)) => writer.add(&entry.name, octets)?,
            None => {
                let stored = package.stored(position)?.ok_or(no("文件包中有条目无法读取", "an entry of the package cannot be read"))?;
                writer.copy(document, &stored)?;
            }
        }
    }
    for (name, octets) in &added {
        writer.add(name, octets)?;
    }
    writer.add(&description_name, &description)?;
    Ok(Update { description, path, package: writer, value })
}

const NO_DOCUMENT: Refusal = no("OFD 文件中没有这个序号的文档", "the package has no document of that number");

fn unreadable(why: &'static str) -> Refusal {
    Refusal::Package("OFD 文件无法读取".into(), why.into())
}

fn broken(error: EntryError) -> Refusal {
    match error {
        EntryError::Io(error) => error.into(),
        other => Refusal::Package("文件包中有条目无法读取".into(), format!("an entry of the package cannot be read: {other}")),
    }
}

fn read(package: &Package<'_>, entry: usize) -> Result<Vec<u8>, Refusal> {
    package.read(entry, xml::MAX_XML).map_err(broken)
}

fn digest(package: &Package<'_>, entry: usize) -> Result<Vec<u8>, Refusal> {
    let mut hasher = DIGEST.hasher();
    package.stream(entry, &mut |piece| hasher.update(piece)).map_err(broken)?;
    Ok(hasher.finish())
}

/// The document's list of signatures.
fn list(package: &Package<'_>, locator: &Locator<'_, '_>, body: &Body) -> Result<Option<(usize, Vec<u8>)>, Refusal> {
    let Some(written) = body.signatures.as_deref() else { return Ok(None) };
    let gone = no("OFD.xml 所指的签名列表不存在", "the list of signatures that OFD.xml names is not there");
    let entry = locator.find("OFD.xml", written).ok_or(gone)?.entry;
    Ok(Some((entry, read(package, entry)?)))
}

/// The descriptions of signatures that stand in the list already.
fn descriptions(package: &Package<'_>, locator: &Locator<'_, '_>, list: &Option<(usize, Vec<u8>)>) -> Result<Vec<Vec<u8>>, Refusal> {
    let Some((entry, octets)) = list else { return Ok(Vec::new()) };
    let listed = structure::listed(octets).map_err(unreadable)?;
    let found = listed.iter().filter_map(|one| locator.find(locator.name(*entry), &one.location));
    found.map(|found| read(package, found.entry)).collect()
}

/// Names that are taken, whatever their case.
struct Names {
    taken: BTreeSet<String>,
    /// Folder of the document, with a slash at its end.
    folder: String,
}

impl Names {
    fn new(package: &Package<'_>, root: &str) -> Self {
        let folder = root.rsplit_once('/').map_or_else(String::new, |(folder, _)| format!("{folder}/"));
        Self { taken: package.entries().iter().map(|entry| entry.name.to_lowercase()).collect(), folder }
    }

    /// Whether nothing bears this name or stands in a folder of this name.
    fn is_free(&self, name: &str) -> bool {
        let name = name.to_lowercase();
        let within = format!("{name}/");
        !self.taken.contains(&name) && !self.taken.range(within.clone()..).next().is_some_and(|next| next.starts_with(&within))
    }

    fn free_list(&self) -> String {
        let name = |number: usize| match number {
            0 => format!("{}Signs/Signatures.xml", self.folder),
            _ => format!("{}Signs/Signatures_{number}.xml", self.folder),
        };
        NUMBERS.map(name).find(|name| self.is_free(name)).unwrap_or_default()
    }

    /// Beside the list where it stands in a folder of signatures, otherwise in one of its own.
    fn free_folder(&self, list: Option<&str>) -> String {
        let beside = list.and_then(|list| list.rsplit_once('/')).map(|(folder, _)| folder);
        let folder = beside.filter(|folder| folder.ends_with("Signs")).map_or_else(|| format!("{}Signs", self.folder), str::to_owned);
        NUMBERS.map(|number| format!("{folder}/Sign_{number}")).find(|name| self.is_free(name)).unwrap_or_default()
    }
}

/// More numbers than a package has entries.
const NUMBERS: Range<usize> = 0..100_000;
