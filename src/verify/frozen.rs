//! Frozen evidence: everything a verdict rested on beside the document, as one JSON object, so that it can be judged again with
//! everything else offline (docs/interfaces.md, "Frozen evidence").
//!
//! A file of evidence is not believed: certificates, lists, answers and tokens in it are verified like any other. Its anchors are
//! only told, never trusted, and its first-seen times prove nothing; both count only from this installation's own store.

use super::{Evidence, Options, Policy, Purpose, Record, Revocation, Statement, TrustAnchor, evidence::id_of, poe::Id};
use crate::{
    crypto::Hash,
    moment::Moment,
    pki::{Certificate, Crl, OcspResponse},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

/// The version that is written and read.
const VERSION: u32 = 1;
/// Digests under which records are kept.
const RECORDED: [Hash; 4] = [Hash::Sha256, Hash::Sm3, Hash::Sha384, Hash::Sha512];
/// Most objects of a kind in one file.
const MAX_OBJECTS: usize = 10_000;

/// Where frozen evidence comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provenance {
    /// A file that anybody could have written.
    File,
    /// This installation's own store.
    OwnStore,
}

/// Why a file is no frozen evidence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrozenError {
    /// Not JSON, or of another shape.
    #[error("not frozen evidence: {0}")]
    Shape(String),
    /// Of a version that is not read here.
    #[error("frozen evidence of version {0}; known is {VERSION}")]
    Version(u32),
    /// An object that cannot be read.
    #[error("{0} number {1} cannot be read")]
    Object(&'static str, usize),
    /// More objects than are read.
    #[error("more than {MAX_OBJECTS} objects of a kind")]
    TooMany,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    xinyin_evidence: u32,
    document_sha256: String,
    at: Moment,
    at_given: bool,
    revocation: String,
    policy: FilePolicy,
    anchors: Vec<FileAnchor>,
    certificates: Vec<String>,
    crls: Vec<String>,
    ocsps: Vec<String>,
    tokens: Vec<String>,
    first_seen: Vec<FileSeen>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    statements: Vec<FileStatement>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    records: Vec<FileRecord>,
    #[serde(default, skip_serializing_if = "FileAdded::is_empty")]
    added: FileAdded,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    licences: Vec<super::licence::LicenceStatus>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    seals: Vec<super::register::SealStatus>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileStatement {
    kind: String,
    source: String,
    body: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileRecord {
    digest: String,
    members: Vec<String>,
    token: String,
    /// Put over the evidence after the verdict.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    added: bool,
}

/// What vouches for the records that were added, fetched after the verdict too.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileAdded {
    certificates: Vec<String>,
    crls: Vec<String>,
    ocsps: Vec<String>,
}

impl FileAdded {
    fn is_empty(&self) -> bool {
        self.certificates.is_empty() && self.crls.is_empty() && self.ocsps.is_empty()
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FilePolicy {
    id: String,
    digest: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileAnchor {
    sha256: String,
    purposes: Vec<Purpose>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileSeen {
    sha256: String,
    at: Moment,
}

/// Evidence as it was read, with the choices of the verdict it was frozen for.
#[derive(Debug, Clone)]
pub struct Frozen {
    /// What may be relied on after verification; without anchors.
    pub evidence: Evidence,
    /// SHA-256 of the document, lower-case hexadecimal.
    pub document_sha256: String,
    /// The time of the verdict.
    pub at: Moment,
    /// Whether the caller chose it.
    pub at_given: bool,
    /// What an unknown status did.
    pub revocation: Revocation,
    /// Time-stamps put over the evidence after that verdict, and what vouches for them: further verdicts rest on them too, its
    /// replay does not.
    pub added: Evidence,
    /// Digest of the policy's table.
    pub policy_digest: String,
    /// The anchors that were trusted then: SHA-256 and purposes. Whoever replays has to trust them himself.
    pub anchors: Vec<(String, Vec<Purpose>)>,
}

impl Frozen {
    /// Whether these anchors are the ones of the frozen verdict.
    pub fn same_anchors(&self, anchors: &[TrustAnchor]) -> bool {
        listed(anchors) == self.anchors
    }
}

fn listed(anchors: &[TrustAnchor]) -> Vec<(String, Vec<Purpose>)> {
    let mut list: Vec<_> = anchors
        .iter()
        .map(|anchor| {
            let mut purposes = anchor.purposes.clone();
            purposes.sort_unstable();
            (hex::encode(anchor.certificate.fingerprint_sha256()), purposes)
        })
        .collect();
    list.sort();
    list.dedup();
    list
}

/// Freezes the evidence of a verdict: the same evidence gives the same octets.
pub fn freeze(evidence: &Evidence, policy: &Policy, options: &Options, document: &[u8; 32]) -> Vec<u8> {
    freeze_under(evidence, None, policy, options, document)
}

/// Freezes it with a time-stamp that was put over all of it afterwards, and the certificates, lists and answers that vouch for its
/// authority: a replay of the verdict leaves those out, every other verdict rests on them.
pub fn freeze_under(evidence: &Evidence, added: Option<&Evidence>, policy: &Policy, options: &Options, document: &[u8; 32]) -> Vec<u8> {
    let encoded = |ders: Vec<&[u8]>| {
        let mut list: Vec<String> = Vec::new();
        for der in ders {
            let text = STANDARD.encode(der);
            if !list.contains(&text) {
                list.push(text);
            }
        }
        list
    };
    let [certificates, crls, ocsps] = ders(evidence).map(encoded);
    let more = added.map(|added| {
        let [certificates, crls, ocsps] = ders(added).map(encoded);
        FileAdded { certificates, crls, ocsps }
    });
    let file = File {
        xinyin_evidence: VERSION,
        document_sha256: hex::encode(document),
        at: options.at,
        at_given: options.at_given,
        revocation: options.revocation.name().into(),
        policy: FilePolicy { id: policy.id.clone(), digest: policy.digest().into() },
        anchors: listed(&evidence.anchors).into_iter().map(|(sha256, purposes)| FileAnchor { sha256, purposes }).collect(),
        certificates,
        crls,
        ocsps,
        tokens: encoded(evidence.tokens.iter().map(Vec::as_slice).collect()),
        first_seen: evidence.first_seen.iter().map(|(id, at)| FileSeen { sha256: hex::encode(id), at: *at }).collect(),
        statements: evidence.statements.iter().map(written).collect(),
        records: evidence
            .records
            .iter()
            .map(|record| recorded(record, false))
            .chain(added.iter().flat_map(|added| &added.records).map(|record| recorded(record, true)))
            .collect(),
        added: more.unwrap_or_default(),
        licences: evidence.licences.clone(),
        seals: evidence.seals.clone(),
    };
    let mut octets = serde_json::to_vec(&file).unwrap_or_default();
    octets.push(b'\n');
    octets
}

/// Reads frozen evidence. First-seen times are taken over only from the installation's own store.
pub fn thaw(octets: &[u8], provenance: Provenance) -> Result<Frozen, FrozenError> {
    #[derive(Deserialize)]
    struct Head {
        xinyin_evidence: u32,
    }
    let shape = |error: serde_json::Error| FrozenError::Shape(error.to_string());
    let head: Head = serde_json::from_slice(octets).map_err(shape)?;
    if head.xinyin_evidence != VERSION {
        return Err(FrozenError::Version(head.xinyin_evidence));
    }
    let file: File = serde_json::from_slice(octets).map_err(shape)?;
    let revocation = match file.revocation.as_str() {
        "hard" => Revocation::Hard,
        "soft" => Revocation::Soft,
        other => return Err(FrozenError::Shape(format!("revocation {other:?}"))),
    };
    let first_seen = match provenance {
        Provenance::File => Vec::new(),
        Provenance::OwnStore => seen(&file.first_seen)?,
    };
    // What a register said is believed only of those who asked it themselves.
    let licences = if provenance == Provenance::OwnStore { file.licences } else { Vec::new() };
    if file.seals.len() > MAX_OBJECTS {
        return Err(FrozenError::TooMany);
    }
    // A file may speak against a seal; it does not show that one was in force.
    let seals = file.seals.into_iter().map(|status| if provenance == Provenance::OwnStore { status } else { status.told() }).collect();
    let evidence = Evidence {
        anchors: Vec::new(),
        certificates: objects("certificate", &file.certificates, |der| Certificate::from_der(&der).ok())?,
        crls: objects("CRL", &file.crls, |der| Crl::from_der(&der).ok())?,
        ocsps: objects("OCSP response", &file.ocsps, |der| OcspResponse::from_der(&der).ok())?,
        tokens: objects("token", &file.tokens, Some)?,
        first_seen,
        records: records(file.records.iter().filter(|record| !record.added))?,
        statements: statements(&file.statements)?,
        document: Vec::new(),
        licences,
        seals,
    };
    let added = Evidence {
        certificates: objects("added certificate", &file.added.certificates, |der| Certificate::from_der(&der).ok())?,
        crls: objects("added CRL", &file.added.crls, |der| Crl::from_der(&der).ok())?,
        ocsps: objects("added OCSP response", &file.added.ocsps, |der| OcspResponse::from_der(&der).ok())?,
        records: records(file.records.iter().filter(|record| record.added))?,
        ..Evidence::default()
    };
    Ok(Frozen {
        evidence,
        document_sha256: file.document_sha256,
        at: file.at,
        at_given: file.at_given,
        revocation,
        policy_digest: file.policy.digest,
        added,
        anchors: file.anchors.into_iter().map(|anchor| (anchor.sha256, anchor.purposes)).collect(),
    })
}

/// Certificates, lists and answers.
fn ders(evidence: &Evidence) -> [Vec<&[u8]>; 3] {
    [
        evidence.certificates.iter().map(Certificate::der).collect(),
        evidence.crls.iter().map(Crl::der).collect(),
        evidence.ocsps.iter().map(OcspResponse::der).collect(),
    ]
}

fn written(statement: &Statement) -> FileStatement {
    let Statement { kind, source, body } = statement;
    FileStatement { kind: kind.clone(), source: source.clone(), body: STANDARD.encode(body) }
}

fn recorded(record: &Record, added: bool) -> FileRecord {
    let members = record.members.iter().map(hex::encode).collect();
    FileRecord { digest: record.hash.name().into(), members, token: STANDARD.encode(&record.token), added }
}

fn statements(list: &[FileStatement]) -> Result<Vec<Statement>, FrozenError> {
    let bodies: Vec<String> = list.iter().map(|statement| statement.body.clone()).collect();
    let bodies = objects("statement", &bodies, Some)?;
    let read =
        |(statement, body): (&FileStatement, Vec<u8>)| Statement { kind: statement.kind.clone(), source: statement.source.clone(), body };
    Ok(list.iter().zip(bodies).map(read).collect())
}

fn records<'f>(list: impl Iterator<Item = &'f FileRecord>) -> Result<Vec<Record>, FrozenError> {
    let read = |(at, record): (usize, &FileRecord)| {
        let wrong = || FrozenError::Object("record", at.saturating_add(1));
        if record.members.len() > 4 * MAX_OBJECTS {
            return Err(FrozenError::TooMany);
        }
        let hash = RECORDED.into_iter().find(|hash| hash.name() == record.digest).ok_or_else(wrong)?;
        let digest = |text: &String| hex::decode(text).ok().filter(|digest| digest.len() == hash.len()).ok_or_else(wrong);
        let members = record.members.iter().map(digest).collect::<Result<_, _>>()?;
        Ok(Record { hash, members, token: STANDARD.decode(&record.token).map_err(|_| wrong())? })
    };
    list.enumerate().map(read).collect()
}

fn seen(list: &[FileSeen]) -> Result<Vec<(Id, Moment)>, FrozenError> {
    let read = |(at, seen): (usize, &FileSeen)| {
        let id = hex::decode(&seen.sha256).ok().and_then(|id| Id::try_from(id).ok());
        Ok((id.ok_or(FrozenError::Object("first-seen time", at.saturating_add(1)))?, seen.at))
    };
    list.iter().enumerate().map(read).collect()
}

fn objects<T>(what: &'static str, list: &[String], read: impl Fn(Vec<u8>) -> Option<T>) -> Result<Vec<T>, FrozenError> {
    if list.len() > MAX_OBJECTS {
        return Err(FrozenError::TooMany);
    }
    let one = |(at, text): (usize, &String)| {
        let object = STANDARD.decode(text).ok().and_then(&read);
        object.ok_or(FrozenError::Object(what, at.saturating_add(1)))
    };
    list.iter().enumerate().map(one).collect()
}

/// Records when everything at hand was first seen, for the installation's own store.
pub fn first_seen(evidence: &Evidence, now: Moment) -> Vec<(Id, Moment)> {
    let certificates = evidence.certificates.iter().map(Certificate::der);
    let ders = certificates.chain(evidence.crls.iter().map(Crl::der)).chain(evidence.ocsps.iter().map(OcspResponse::der));
    let mut seen: Vec<_> = ders.chain(evidence.tokens.iter().map(Vec::as_slice)).map(|der| (id_of(der), now)).collect();
    seen.sort_unstable();
    seen.dedup();
    seen
}
