//! What the world said: trust anchors with their purposes, certificates, CRLs, OCSP responses.

use super::anchor::AnchorRow;
use crate::{
    doc::{Facts, facts::SignerFacts},
    pki::{Certificate, crl::Crl, ocsp::OcspResponse},
};
use serde::{Deserialize, Serialize};

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
}

impl Evidence {
    /// Adds what another source said.
    pub fn extend(&mut self, other: Self) {
        self.anchors.extend(other.anchors);
        self.certificates.extend(other.certificates);
        self.crls.extend(other.crls);
        self.ocsps.extend(other.ocsps);
    }
}

/// What is carried inside the document, together with what was supplied: the pools that chains are built from.
pub(super) struct Pool {
    pub certificates: Vec<Certificate>,
    pub crls: Vec<Crl>,
    pub ocsps: Vec<OcspResponse>,
    /// How many of the CRLs and OCSP responses were supplied; those after them came with the document.
    supplied: (usize, usize),
}

impl Pool {
    pub fn new(facts: &Facts, evidence: &Evidence) -> Self {
        let mut pool = Self {
            certificates: evidence.certificates.clone(),
            crls: evidence.crls.clone(),
            ocsps: evidence.ocsps.clone(),
            supplied: (evidence.crls.len(), evidence.ocsps.len()),
        };
        pool.certificates.extend(facts.certificates.iter().cloned());
        pool.carried(&facts.crls, &facts.ocsps);
        let stamped = facts.timestamp.iter().map(|stamp| &stamp.signer);
        for signer in facts.signatures.iter().map(|entry| &entry.signer).chain(stamped) {
            pool.signer(signer);
            signer.timestamps.iter().for_each(|stamp| pool.signer(&stamp.signer));
        }
        pool
    }

    /// The revocation data that did not come with the document.
    pub fn supplied(&self) -> (&[Crl], &[OcspResponse]) {
        (self.crls.get(..self.supplied.0).unwrap_or_default(), self.ocsps.get(..self.supplied.1).unwrap_or_default())
    }

    /// Whether the document brought revocation data of its own.
    pub fn has_carried(&self) -> bool {
        self.crls.len() > self.supplied.0 || self.ocsps.len() > self.supplied.1
    }

    fn signer(&mut self, signer: &SignerFacts) {
        for certificate in signer.certificates.iter() {
            if !self.certificates.contains(certificate) {
                self.certificates.push(certificate.clone());
            }
        }
        self.carried(&signer.crls, &signer.ocsps);
    }

    /// What a document carries and cannot be read helps nobody; its absence is then the finding.
    fn carried(&mut self, crls: &[Vec<u8>], ocsps: &[Vec<u8>]) {
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
