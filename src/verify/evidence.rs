//! What the world said: trust anchors with their purposes, certificates, CRLs, OCSP responses.

use super::{
    anchor::AnchorRow,
    poe::Id,
    record::{Record, Statement},
};
use crate::{
    crypto::Hash,
    doc::{
        Facts,
        facts::{ContentRanges, Imprint, SignerFacts, TimestampFacts, TimestampKind},
        timestamp_facts,
    },
    moment::Moment,
    pki::{Certificate, crl::Crl, ocsp::OcspResponse},
};
use serde::{Deserialize, Serialize};
use std::{collections::HashSet, sync::OnceLock};

/// What an anchor is trusted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Purpose {
    /// Certificates of persons.
    Person,
    /// Certificates of organisations.
    Organisation,
    /// Electronic seals.
    Seal,
    /// Time-stamping authorities.
    Timestamp,
    /// OCSP responders.
    Ocsp,
    /// Devices and servers.
    Device,
}

impl Purpose {
    /// Every purpose.
    pub const ALL: [Self; 6] = [Self::Person, Self::Organisation, Self::Seal, Self::Timestamp, Self::Ocsp, Self::Device];

    /// As the command line and stores spell it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Organisation => "organisation",
            Self::Seal => "seal",
            Self::Timestamp => "timestamp",
            Self::Ocsp => "ocsp",
            Self::Device => "device",
        }
    }
}

impl std::str::FromStr for Purpose {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let short = |purpose: Purpose| match purpose {
            Purpose::Organisation => text == "org",
            Purpose::Timestamp => text == "tsa",
            _ => false,
        };
        let found = Self::ALL.into_iter().find(|purpose| purpose.name() == text || short(*purpose));
        found.ok_or_else(|| format!("no purpose {text:?}; known are {}", Self::ALL.map(Self::name).join(", ")))
    }
}

/// A trust anchor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustAnchor {
    /// The anchor's certificate.
    pub certificate: Certificate,
    /// What it is trusted for.
    pub purposes: Vec<Purpose>,
    /// What is recorded of it, with dates.
    pub rows: Vec<AnchorRow>,
}

impl TrustAnchor {
    /// An anchor that serves every purpose.
    pub fn for_all(certificate: Certificate) -> Self {
        Self { certificate, purposes: Purpose::ALL.to_vec(), rows: Vec::new() }
    }
}

/// Everything the judge may rely on beside the document.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    /// Trust anchors.
    pub anchors: Vec<TrustAnchor>,
    /// Certificates that may fill gaps in chains; not trusted.
    pub certificates: Vec<Certificate>,
    /// Revocation lists; believed only after their signature was verified.
    pub crls: Vec<Crl>,
    /// OCSP responses likewise.
    pub ocsps: Vec<OcspResponse>,
    /// Time-stamp tokens kept beside the document, DER: over the document or over objects that help to judge it.
    pub tokens: Vec<Vec<u8>>,
    /// When objects were first seen. It proves that they existed: only what this installation recorded itself may stand here.
    pub first_seen: Vec<(Id, Moment)>,
    /// Time-stamps over the document together with all of this.
    pub records: Vec<Record>,
    /// What was said of the document's subject; not judged.
    pub statements: Vec<Statement>,
    /// Digests of the document under the records' algorithms (SHA-256 is among the facts): only whoever read the document itself
    /// may fill this in.
    pub document: Vec<(Hash, Vec<u8>)>,
    /// What registers of licences said.
    pub licences: Vec<super::licence::LicenceStatus>,
    /// What registers of seals said.
    pub seals: Vec<super::register::SealStatus>,
}

impl Evidence {
    /// Adds what another source said.
    pub fn extend(&mut self, other: Self) {
        self.anchors.extend(other.anchors);
        self.certificates.extend(other.certificates);
        self.crls.extend(other.crls);
        self.ocsps.extend(other.ocsps);
        self.tokens.extend(other.tokens);
        self.first_seen.extend(other.first_seen);
        self.records.extend(other.records);
        self.statements.extend(other.statements);
        self.document.extend(other.document);
        self.licences.extend(other.licences);
        self.seals.extend(other.seals);
    }
}

/// What an object is known by.
pub(super) fn id_of(der: &[u8]) -> Id {
    Hash::Sha256.digest(der).try_into().unwrap_or_default()
}

/// What is carried inside the document, together with what was supplied: the pools that chains are built from.
pub(super) struct Pool {
    pub certificates: Vec<Certificate>,
    pub crls: Vec<Crl>,
    pub ocsps: Vec<OcspResponse>,
    carried: HashSet<Id>,
    /// Time-stamps that were supplied.
    pub tokens: Vec<TimestampFacts>,
    /// Those of records, each with its record.
    pub records: Vec<(TimestampFacts, Record)>,
    statements: Vec<Statement>,
    document: Vec<(Hash, Vec<u8>)>,
    /// How many of the CRLs and OCSP responses were supplied; those after them came with the document.
    supplied: (usize, usize),
    ids: [Vec<OnceLock<Id>>; 2],
}

impl Pool {
    pub fn new(facts: &Facts, evidence: &Evidence) -> Self {
        let mut pool = Self {
            certificates: evidence.certificates.clone(),
            crls: evidence.crls.clone(),
            ocsps: evidence.ocsps.clone(),
            supplied: (evidence.crls.len(), evidence.ocsps.len()),
            ids: [Vec::new(), Vec::new()],
            carried: HashSet::new(),
            tokens: Vec::new(),
            records: Vec::new(),
            statements: evidence.statements.clone(),
            document: evidence.document.clone(),
        };
        for der in evidence.tokens.iter().take(MAX_TOKENS) {
            let stamp = timestamp_facts(TimestampKind::Archive, der, &ContentRanges::none(), &[]);
            pool.certificates.extend(stamp.signer.certificates.iter().cloned());
            pool.tokens.push(stamp);
        }
        for record in evidence.records.iter().take(MAX_TOKENS) {
            let stamp = timestamp_facts(TimestampKind::Archive, &record.token, &ContentRanges::none(), &[]);
            pool.certificates.extend(stamp.signer.certificates.iter().cloned());
            pool.records.push((stamp, record.clone()));
        }
        pool.certificates.extend(facts.certificates.iter().cloned());
        pool.carried.extend(facts.certificates.iter().map(Certificate::fingerprint_sha256));
        pool.carried.extend(facts.crls.iter().chain(&facts.ocsps).map(|der| id_of(der)));
        pool.take(&facts.crls, &facts.ocsps);
        let stamped = facts.timestamp.iter().map(|stamp| &stamp.signer);
        for signer in facts.signatures.iter().map(|entry| &entry.signer).chain(stamped) {
            pool.signer(signer);
        }
        pool.ids = [vec![OnceLock::new(); pool.crls.len()], vec![OnceLock::new(); pool.ocsps.len()]];
        pool
    }

    /// Whether the document holds the object.
    pub fn is_carried(&self, id: &Id) -> bool {
        self.carried.contains(id)
    }

    /// Everything that stands in the document.
    pub fn whole_document(&self, facts: &Facts) -> Vec<Id> {
        let mut covers: Vec<Id> = self.carried.iter().copied().collect();
        for entry in &facts.signatures {
            super::proofs::whole(&entry.signer, &mut covers);
            covers.extend(entry.token.iter().map(|token| token.id));
        }
        covers.extend(facts.timestamp.iter().filter_map(|stamp| Some(stamp.token.as_ref()?.id)));
        covers.sort_unstable();
        covers.dedup();
        covers
    }

    /// What has this digest among the certificates, lists, answers and tokens.
    fn with_digest(&self, hash: Hash, digest: &[u8]) -> Vec<Id> {
        let certificates = self.certificates.iter().map(|certificate| (certificate.fingerprint_sha256(), Some(certificate.der())));
        let crls = self.crls.iter().enumerate().map(|(at, crl)| (self.crl_id(at).0, Some(crl.der())));
        let ocsps = self.ocsps.iter().enumerate().map(|(at, ocsp)| (self.ocsp_id(at).0, Some(ocsp.der())));
        let tokens = self.stamps().filter_map(|stamp| Some((stamp.token.as_ref()?.id, None)));
        let same = |(id, der): &(Id, Option<&[u8]>)| match hash {
            Hash::Sha256 => id == digest,
            _ => der.is_some_and(|der| hash.digest(der) == digest),
        };
        certificates.chain(crls).chain(ocsps).chain(tokens).filter(same).map(|(id, _)| id).collect()
    }

    /// Every time-stamp that was supplied.
    pub fn stamps(&self) -> impl Iterator<Item = &TimestampFacts> {
        self.tokens.iter().chain(self.records.iter().map(|(stamp, _)| stamp))
    }

    /// What a record covers of the things at hand.
    fn under(&self, facts: &Facts, record: &Record) -> Vec<Id> {
        let mut covers = Vec::new();
        let hash = record.hash;
        let members: HashSet<&[u8]> = record.members.iter().map(Vec::as_slice).collect();
        let own = self.document.iter().filter(|(known, _)| *known == hash).map(|(_, digest)| digest.as_slice());
        let sha256 = (hash == Hash::Sha256).then_some(facts.sha256.as_slice());
        if own.chain(sha256).any(|digest| members.contains(digest)) {
            covers.push(facts.sha256);
            covers.extend(self.whole_document(facts));
        }
        let certificates = self.certificates.iter().map(|certificate| (certificate.fingerprint_sha256(), certificate.der()));
        let crls = self.crls.iter().enumerate().map(|(at, crl)| (self.crl_id(at).0, crl.der()));
        let ocsps = self.ocsps.iter().enumerate().map(|(at, ocsp)| (self.ocsp_id(at).0, ocsp.der()));
        let holds = |id: &Id, der: &[u8]| {
            if hash == Hash::Sha256 { members.contains(id.as_slice()) } else { members.contains(hash.digest(der).as_slice()) }
        };
        covers.extend(certificates.chain(crls).chain(ocsps).filter(|(id, der)| holds(id, der)).map(|(id, _)| id));
        for statement in &self.statements {
            let id = id_of(&statement.body);
            covers.extend(holds(&id, &statement.body).then_some(id));
        }
        for (stamp, other) in &self.records {
            let (list, stamped) = other.list();
            covers.extend(holds(&list, &stamped).then_some(list));
            let token = stamp.token.as_ref().map(|token| token.id);
            if token.is_some_and(|id| holds(&id, &other.token)) {
                covers.extend(token);
                covers.extend(&stamp.signer.carried);
            }
        }
        covers.sort_unstable();
        covers.dedup();
        covers
    }

    /// What a list is known by, and whether only the document brings it.
    pub fn crl_id(&self, at: usize) -> (Id, bool) {
        (self.id(0, at, self.crls.get(at).map(Crl::der)), at >= self.supplied.0)
    }

    /// The same of an OCSP response.
    pub fn ocsp_id(&self, at: usize) -> (Id, bool) {
        (self.id(1, at, self.ocsps.get(at).map(OcspResponse::der)), at >= self.supplied.1)
    }

    /// Long lists are digested once.
    fn id(&self, kind: usize, at: usize, der: Option<&[u8]>) -> Id {
        let known = self.ids.get(kind).and_then(|ids| ids.get(at));
        known.map(|known| *known.get_or_init(|| id_of(der.unwrap_or_default()))).unwrap_or_default()
    }

    fn signer(&mut self, signer: &SignerFacts) {
        for certificate in signer.certificates.iter() {
            if !self.certificates.contains(certificate) {
                self.certificates.push(certificate.clone());
            }
        }
        self.carried.extend(&signer.carried);
        self.take(&signer.crls, &signer.ocsps);
        signer.timestamps.iter().for_each(|stamp| self.signer(&stamp.signer));
        signer.countersigners.iter().for_each(|counter| self.signer(counter));
    }

    /// What a document carries and cannot be read helps nobody; its absence is then the finding.
    fn take(&mut self, crls: &[Vec<u8>], ocsps: &[Vec<u8>]) {
        for crl in crls.iter().filter_map(|der| Crl::from_der(der).ok()) {
            if !self.crls.contains(&crl) {
                self.crls.push(crl);
            }
        }
        for ocsp in ocsps.iter().filter_map(|der| OcspResponse::from_der(der).ok()) {
            if !self.ocsps.contains(&ocsp) {
                self.ocsps.push(ocsp);
            }
        }
    }
}

/// Most tokens of the evidence that are looked at.
const MAX_TOKENS: usize = 64;

/// The tokens of the evidence that stand on the document, or on certificates, CRLs, OCSP responses and other tokens at hand; what
/// each covers. Others prove nothing here and are left out.
pub(super) fn kept(pool: &Pool, facts: &Facts) -> Vec<Kept> {
    let mut kept = Vec::new();
    for stamp in &pool.tokens {
        let mut stamp = stamp.clone();
        let Some(token) = &mut stamp.token else { continue };
        let Some(hash) = token.imprint_digest else { continue };
        token.covers = if hash == Hash::Sha256 && token.imprint_value == facts.sha256 {
            pool.whole_document(facts)
        } else {
            pool.with_digest(hash, &token.imprint_value)
        };
        if !token.covers.is_empty() {
            token.imprint = Imprint::Matches;
            kept.push(Kept { stamp, list: None });
        }
    }
    for (stamp, record) in &pool.records {
        let mut stamp = stamp.clone();
        let Some(token) = &mut stamp.token else { continue };
        if token.imprint_digest != Some(record.hash) || token.imprint_value != Record::imprint(record.hash, &record.members) {
            continue;
        }
        token.covers = pool.under(facts, record);
        if !token.covers.is_empty() {
            token.imprint = Imprint::Matches;
            kept.push(Kept { stamp, list: Some((record.list().0, record.hash)) });
        }
    }
    kept
}

/// A time-stamp from the evidence.
pub(super) struct Kept {
    pub stamp: TimestampFacts,
    /// Of a record: the list of digests that leads from the token to its members, and its algorithm.
    pub list: Option<(Id, Hash)>,
}
