//! The list of a package's files that GM/T 0099-2020 lets a producer sign: it shows smuggled and removed files by name.

use super::{Locator, Reader, coverage::Accounts, structure, value::signed_data};
use crate::{
    doc::facts::{Coverage, Integrity, Problem, ProblemKind, SignatureFacts},
    pki::Certificate,
};
use std::{collections::BTreeSet, io};

/// What the list says.
#[derive(Default)]
pub(super) struct Checked {
    pub problems: Vec<Problem>,
    /// The signature over the list; an entry of its own where the package bears no other.
    pub signature: Vec<SignatureFacts>,
    /// Names of the files of the list itself.
    files: Vec<String>,
}

impl Checked {
    /// Whether a file is the list's own, and the list was signed by the very signer of `entry`: a list that anybody put there is as
    /// unprotected as any other file.
    pub fn is_of(&self, entry: &SignatureFacts, name: &str) -> bool {
        let key = |entry: &SignatureFacts| match (&entry.signer.certificate, &entry.signer.integrity) {
            (Some(certificate), Integrity::Intact) => Some(certificate.der().to_vec()),
            _ => None,
        };
        let own = key(entry);
        self.files.iter().any(|file| file == name)
            && own.is_some()
            && !self.signature.is_empty()
            && self.signature.iter().all(|signature| key(signature) == own)
    }
}

/// Reads and compares the list, if there is one.
pub(super) fn check(
    locator: &Locator<'_, '_>,
    reader: &mut Reader<'_, '_>,
    accounts: &Accounts<'_>,
    extra: &[Certificate],
) -> io::Result<Checked> {
    let mut checked = Checked::default();
    let Some(list) = locator.find("", "/OFDEntries.xml") else { return Ok(checked) };
    let Some(octets) = reader.read(list.entry)? else { return Ok(checked) };
    let (names, written) = match structure::entries(&octets) {
        Ok(read) => read,
        Err(why) => {
            checked.problems.push(Problem::malformed("完整性列表（GM/T 0099）无法读取", format!("the integrity list (GM/T 0099): {why}")));
            return Ok(checked);
        }
    };
    let value = locator.find(locator.name(list.entry), written.as_deref().unwrap_or("/signedvalue.dat"));
    let value = match value {
        Some(found) => reader.read(found.entry)?.map(|octets| (found.entry, octets)),
        None => None,
    };
    let Some((entry, value)) = value else {
        let text = ("完整性列表（GM/T 0099）没有签名", "the integrity list (GM/T 0099) is not signed");
        checked.problems.push(Problem { kind: ProblemKind::Constraint, zh: text.0.into(), en: text.1.into() });
        return Ok(checked);
    };
    let mut signatures = signed_data("OFDEntries.xml", &value, &octets, extra);
    let intact = signatures.iter().all(|signature| signature.signer.integrity == Integrity::Intact);
    let found: Vec<Option<usize>> = names.iter().map(|name| locator.find("OFDEntries.xml", name).map(|found| found.entry)).collect();
    let present: BTreeSet<usize> = found.iter().flatten().copied().collect();
    let mut own: BTreeSet<usize> = [list.entry, entry].into();
    own.extend(accounts.own());
    let removed = names.iter().zip(&found).filter(|(_, found)| found.is_none()).map(|(name, _)| name.as_str());
    let files = reader.package.entries().iter().enumerate().filter(|(_, file)| !file.folder);
    let added = files.filter(|(entry, _)| !present.contains(entry) && !own.contains(entry));
    let (removed, added) = (few(removed), few(added.map(|(_, file)| file.name.as_str())));
    if !intact {
        checked.problems.push(Problem::malformed(
            "完整性列表（GM/T 0099）的签名不成立",
            "the signature over the integrity list (GM/T 0099) does not hold",
        ));
    } else {
        checked.files = [list.entry, entry].map(|entry| locator.name(entry).to_owned()).into();
        checked.problems.push(Problem::notice(
            "带有完整性列表（GM/T 0099），其签名值正确；列表只记文件名",
            "an integrity list (GM/T 0099) stands in it and its signature value holds; it names files only",
        ));
    }
    if !removed.is_empty() {
        let text = (format!("完整性列表中的文件已缺失：{removed}"), format!("files of the integrity list are missing: {removed}"));
        checked.problems.push(Problem::malformed(text.0, text.1));
    }
    if !added.is_empty() {
        let text = (format!("完整性列表中没有的文件：{added}"), format!("files that the integrity list does not name: {added}"));
        checked.problems.push(Problem { kind: ProblemKind::Constraint, zh: text.0, en: text.1 });
    }
    // It protects names, not contents.
    signatures.iter_mut().for_each(|signature| signature.coverage = Coverage::Partial);
    checked.signature = signatures;
    Ok(checked)
}

fn few<'n>(names: impl Iterator<Item = &'n str>) -> String {
    names.take(10).collect::<Vec<_>>().join(", ")
}
