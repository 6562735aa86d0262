//! What validates a signature for good: the certificates of every path involved and the revocation data they rest on
//! (ETSI EN 319 122-1 section 6.3, EN 319 142-1 section 6.3, level B-LT).

use crate::doc::Facts;
use crate::doc::facts::{SignatureKind, SignerFacts};
use crate::moment::Moment;
use crate::pki::path::{self, Anchor, Limits, PathInput, Purpose, RevocationEvidence};
use crate::pki::{Certificate, Crl, OcspResponse};
use crate::verify::Evidence;

/// Most certificates whose paths are followed for one signature.
const MAX_PATHS: usize = 32;

/// Certificates, CRLs and OCSP responses, DER.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Material {
    /// Certificates, anchors included.
    pub certificates: Vec<Vec<u8>>,
    /// CRLs.
    pub crls: Vec<Vec<u8>>,
    /// OCSP responses.
    pub ocsps: Vec<Vec<u8>>,
}

impl Material {
    fn keep(list: &mut Vec<Vec<u8>>, octets: &[u8]) -> bool {
        let new = !list.iter().any(|kept| kept == octets);
        if new {
            list.push(octets.to_vec());
        }
        new
    }
}

/// The material for every signature and document time-stamp, named by its id. What is missing in `evidence` and in the document
/// is missing in the result: whether it suffices is for the judge, who is shown the result.
pub fn material(facts: &Facts, evidence: &Evidence, now: Moment) -> Vec<(String, Material)> {
    let pool = Pool::new(facts, evidence);
    let mut collected = Vec::new();
    for entry in &facts.signatures {
        let purpose = if entry.kind == SignatureKind::DocumentTimestamp { Purpose::Timestamp } else { Purpose::Sign };
        let mut todo: Vec<(Certificate, Purpose, Moment)> = Vec::new();
        let stamped =
            entry.signer.timestamps.iter().filter_map(|stamp| Some((stamp.signer.certificate.clone()?, stamp.token.as_ref()?.time)));
        let proven = entry.token.as_ref().map(|token| token.time);
        let earliest = stamped.clone().map(|(_, time)| time).min().or(proven).unwrap_or(now);
        todo.extend(entry.signer.certificate.clone().map(|leaf| (leaf, purpose, earliest)));
        todo.extend(stamped.map(|(leaf, time)| (leaf, Purpose::Timestamp, time)));
        collected.push((field_of(&entry.id).to_owned(), pool.collect(todo, now)));
    }
    collected
}

/// Several signers in one field of a PDF share its name.
fn field_of(id: &str) -> &str {
    match id.rsplit_once('#') {
        Some((field, number)) if number.parse::<u32>().is_ok() => field,
        _ => id,
    }
}

struct Pool {
    anchors: Vec<Anchor>,
    certificates: Vec<Certificate>,
    crls: Vec<Crl>,
    ocsps: Vec<OcspResponse>,
}

impl Pool {
    fn new(facts: &Facts, evidence: &Evidence) -> Self {
        let mut pool = Self {
            anchors: evidence.anchors.iter().map(|anchor| Anchor::from(anchor.certificate.clone())).collect(),
            certificates: evidence.certificates.clone(),
            crls: evidence.crls.clone(),
            ocsps: evidence.ocsps.clone(),
        };
        pool.certificates.extend(facts.certificates.iter().cloned());
        pool.carried(&facts.crls, &facts.ocsps);
        for signer in facts.signatures.iter().map(|entry| &entry.signer) {
            pool.signer(signer);
            signer.timestamps.iter().for_each(|stamp| pool.signer(&stamp.signer));
        }
        pool
    }

    fn signer(&mut self, signer: &SignerFacts) {
        for certificate in signer.certificates.iter() {
            if !self.certificates.contains(certificate) {
                self.certificates.push(certificate.clone());
            }
        }
        self.carried(&signer.crls, &signer.ocsps);
    }

    fn carried(&mut self, crls: &[Vec<u8>], ocsps: &[Vec<u8>]) {
        self.crls.extend(crls.iter().filter_map(|der| Crl::from_der(der).ok()));
        self.ocsps.extend(ocsps.iter().filter_map(|der| OcspResponse::from_der(der).ok()));
    }

    /// Follows the paths of those to be validated, of the responders and of the issuers of lists.
    fn collect(&self, mut todo: Vec<(Certificate, Purpose, Moment)>, now: Moment) -> Material {
        let mut material = Material::default();
        let mut followed: Vec<Certificate> = Vec::new();
        while let Some((leaf, purpose, proven)) = todo.pop() {
            if followed.contains(&leaf) || followed.len() >= MAX_PATHS {
                continue;
            }
            followed.push(leaf.clone());
            // As of now while the certificate is valid; later, as of the time that is proven.
            let at = if leaf.is_valid_at(now) { now } else { proven };
            let result = path::validate(&PathInput {
                intermediates: &self.certificates,
                crls: &self.crls,
                ocsps: &self.ocsps,
                now: now.max(at),
                purpose,
                limits: Limits { signatures: 120, paths: 16, steps: 1_000, name_comparisons: 20_000, ..Limits::default() },
                ..PathInput::new(&leaf, &self.anchors, at)
            });
            for certificate in &result.path {
                Material::keep(&mut material.certificates, certificate.der());
            }
            for fact in &result.revocation {
                match &fact.evidence {
                    Some(RevocationEvidence::Crl { base, delta }) => {
                        for list in [Some(base), delta.as_ref()].into_iter().flatten() {
                            if Material::keep(&mut material.crls, list.der()) {
                                // An indirect list has an issuer outside the path.
                                let issuers = self.certificates.iter().filter(|certificate| certificate.subject() == list.issuer());
                                let issuer = issuers
                                    .into_iter()
                                    .find(|certificate| certificate.public_key().is_ok_and(|key| list.verify_signed_by(key).is_ok()));
                                todo.extend(
                                    issuer
                                        .filter(|issuer| !result.path.contains(issuer))
                                        .map(|issuer| (issuer.clone(), Purpose::CrlSign, at)),
                                );
                            }
                        }
                    }
                    Some(RevocationEvidence::Ocsp(response)) if Material::keep(&mut material.ocsps, response.der()) => {
                        let at_hand = response.certificates().iter().chain(&self.certificates);
                        let responder = at_hand.into_iter().find(|certificate| response.is_by(certificate));
                        todo.extend(
                            responder
                                .filter(|responder| !result.path.contains(responder))
                                .map(|responder| (responder.clone(), Purpose::Ocsp, at)),
                        );
                    }
                    Some(RevocationEvidence::Ocsp(_)) | None => (),
                }
            }
        }
        material
    }
}
