//! The signed value of a signature: a seal signature, a SignedData, or a bare value. GB/T 33190-2016 §18.2; GB/T 35275-2017.

use super::{Draft, structure::Described};
use crate::{
    crypto::{Hash, Scheme, SignatureAlgorithm, verify},
    doc::{
        cms::{signature_entries, signer_facts},
        facts::{ContentRanges, Integrity, Problem, ProblemKind, SignatureFacts, SignatureKind, SignerFacts},
        seal::SealSignature,
        ses::{parsed_entry, seal_entry},
    },
    pki::{
        Certificate,
        signed_data::SignedData,
        tlv::{Tlv, tag},
    },
};
use base64::{Engine as _, prelude::BASE64_STANDARD};

/// What a value protects.
pub(super) struct Protected<'a> {
    /// Signature.xml.
    pub xml: &'a Vec<u8>,
    /// Its name in the package.
    pub path: &'a str,
    pub described: &'a Described,
    pub draft: &'a Draft,
}

enum Kind {
    Seal,
    SignedData,
    Bare,
    Unknown,
}

/// By its shape, whatever the list says.
fn kind(value: &[u8]) -> Kind {
    if value.len() == 64 {
        return Kind::Bare;
    }
    let Ok((outer, _)) = Tlv::split(value) else { return Kind::Unknown };
    let mut fields = outer.children();
    match (outer.tag, fields.read().map(|first| first.tag), fields.read().map(|second| second.tag)) {
        (tag::SEQUENCE, Ok(tag::SEQUENCE), _) => Kind::Seal,
        (tag::SEQUENCE, Ok(tag::OID), _) | (tag::SEQUENCE, Ok(tag::INTEGER), Ok(tag::SET)) => Kind::SignedData,
        (tag::SEQUENCE, Ok(tag::INTEGER), Ok(tag::INTEGER)) => Kind::Bare,
        _ => Kind::Unknown,
    }
}

/// The facts of a signed value.
pub(super) fn entries(id: &str, value: &[u8], protected: &Protected<'_>, extra: &[Certificate]) -> Vec<SignatureFacts> {
    let mut entries = match kind(value) {
        Kind::Seal => vec![sealed(id, value, protected, extra)],
        Kind::SignedData => signed_data(id, value, protected.xml, extra),
        Kind::Bare => vec![bare(id, value, protected.xml, extra)],
        Kind::Unknown => {
            let signer = SignerFacts::unreadable(Integrity::Malformed("the signed value is of no known kind".into()));
            vec![SignatureFacts::new(id, SignatureKind::Signature, signer)]
        }
    };
    for entry in &mut entries {
        entry.problems.extend(protected.described.notices.iter().map(|(zh, en)| Problem::notice(*zh, *en)));
        match &protected.described.digest {
            // The weaker of the two digests decides how long the signature can be trusted.
            Ok(hash) => {
                let weaker = entry.signer.digest.map_or(*hash, |own| own.min(*hash));
                entry.signer.digest = Some(weaker);
                entry.signer.digest_algorithm = weaker.name().into();
            }
            Err(other) if !matches!(entry.signer.integrity, Integrity::Malformed(_)) => {
                entry.signer.integrity = Integrity::Unsupported(format!("digest {other}"));
            }
            Err(_) => {}
        }
    }
    entries
}

fn sealed(id: &str, value: &[u8], protected: &Protected<'_>, extra: &[Certificate]) -> SignatureFacts {
    let content = ContentRanges::detached(protected.xml, std::iter::once(0..protected.xml.len() as u64).collect());
    let Ok(signed) = SealSignature::parse(value) else { return seal_entry(id, value, &content, extra) };
    let mut entry = parsed_entry(id, &signed, &content, extra);
    if protected.draft.listed.sign {
        entry.problems.push(Problem::notice("签名列表写作数字签名，实为电子签章", "the list says signature and the value is a seal's"));
    }
    let said = signed.property.trim().trim_start_matches('/').replace('\\', "/");
    if said.is_empty() {
        entry.problems.push(Problem::notice("签章没有写明所保护的文件", "the seal signature does not name what it protects"));
    } else if !said.eq_ignore_ascii_case(protected.path) {
        // The digest is that of this file, but its references are read from here and may mean others elsewhere.
        entry.problems.push(Problem {
            kind: ProblemKind::Constraint,
            zh: "签章写明保护的是另一个文件".into(),
            en: "the seal signature names another file as what it protects".into(),
        });
    }
    match &protected.draft.seal {
        Some((_, seal)) if signed.seal.raw != seal.as_slice() => {
            let text = ("包内的印章文件与签章中的印章不同", "the seal's file in the package is not the seal of the signature");
            entry.problems.push(Problem::malformed(text.0, text.1));
        }
        None if protected.draft.seal_missing => {
            entry.problems.push(Problem::notice("包内没有所指的印章文件", "the seal's file that is named is not in the package"));
        }
        _ => {}
    }
    entry
}

/// GB/T 35275: attached over the digest of Signature.xml (also as Base64 text), or detached over Signature.xml.
pub(super) fn signed_data(id: &str, value: &[u8], xml: &Vec<u8>, extra: &[Certificate]) -> Vec<SignatureFacts> {
    let attached = match SignedData::parse_file(value) {
        Ok((data, _)) => data.content.map(std::borrow::Cow::into_owned),
        Err(_) => None,
    };
    let whole = |octets: &Vec<u8>| 0..octets.len() as u64;
    let digest = |hash: Hash| hash.digest(xml);
    let (mut signers, mut notice) = match attached {
        None => (signer_facts(value, &ContentRanges::detached(xml, vec![whole(xml)]), extra), None),
        Some(content) => {
            let mut signers = signer_facts(value, &ContentRanges::none(), extra);
            let hashes = [Hash::Sm3, Hash::Sha256];
            let plain = content == *xml || hashes.iter().any(|hash| digest(*hash) == content);
            let encoded = hashes.iter().any(|hash| BASE64_STANDARD.encode(digest(*hash)).as_bytes() == content.trim_ascii());
            if !plain && !encoded {
                signers
                    .iter_mut()
                    .filter(|signer| signer.integrity == Integrity::Intact)
                    .for_each(|signer| signer.integrity = Integrity::HashMismatch);
            }
            (signers, encoded.then_some(("所签摘要写成 Base64 文本", "the signed digest is written as Base64 text")))
        }
    };
    // Some sign the digest where the standard signs the file: the same octets are protected.
    if notice.is_none() && signers.iter().all(|signer| matches!(signer.integrity, Integrity::BadSignature | Integrity::HashMismatch)) {
        let hashed = digest(Hash::Sm3);
        let again = signer_facts(value, &ContentRanges::detached(&hashed, vec![whole(&hashed)]), extra);
        if !again.is_empty() && again.iter().all(|signer| signer.integrity == Integrity::Intact) {
            signers = again;
            notice = Some(("所签的是签名文件的摘要而非其本身", "the digest of the description is signed instead of itself"));
        }
    }
    let mut entries = signature_entries(signers);
    let several = entries.len() > 1;
    for (position, entry) in entries.iter_mut().enumerate() {
        entry.id = if several { format!("{id}#{}", position.saturating_add(1)) } else { id.into() };
        entry.problems.extend(notice.map(|(zh, en)| Problem::notice(zh, en)));
    }
    entries
}

/// A signature value alone: the signer's certificate has to be supplied.
fn bare(id: &str, value: &[u8], xml: &[u8], extra: &[Certificate]) -> SignatureFacts {
    let algorithm = SignatureAlgorithm::new(Scheme::Sm2);
    let good = |certificate: &&Certificate| certificate.public_key().is_ok_and(|key| verify(key, &algorithm, xml, value).is_ok());
    let found = extra.iter().take(256).find(good).cloned();
    let signer = SignerFacts {
        gm: true,
        certificates: extra.iter().cloned().collect(),
        integrity: if found.is_some() { Integrity::Intact } else { Integrity::CertificateMissing },
        certificate: found,
        signature_algorithm: algorithm.name(),
        signature_digest: algorithm.hash(),
        signature_value_sha256: Hash::Sha256.digest(value).try_into().unwrap_or_default(),
        ..SignerFacts::unreadable(Integrity::CertificateMissing)
    };
    let mut entry = SignatureFacts::new(id, SignatureKind::Signature, signer);
    entry.problems.push(Problem::notice("签名值不带证书", "the signed value carries no certificate"));
    entry
}
