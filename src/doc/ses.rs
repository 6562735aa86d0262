//! A seal signature checked against what it protects: the arithmetic of signature and seal. GB/T 38540-2020, GM/T 0031-2014 §6, §7.
//!
//! The same in OFD (`SignedValue.dat` over `Signature.xml`) and in PDF (`/Contents` over the ranges). No opinion on trust.

use super::{
    cms::Message,
    facts::{ContentRanges, Integrity, Problem, ProblemKind, SealFacts, SignatureFacts, SignatureKind, SignerFacts, TimestampKind},
    seal::{Deviation, Extension, Seal, SealSignature, SigningTime, sequence},
    signer::token_facts,
};
use crate::{
    crypto::{Hash, PublicKey, SignatureAlgorithm, VerifyError, verify, verify_lasting},
    pki::Certificate,
};
use der::{Encode as _, asn1::ObjectIdentifier as Oid};
use std::sync::Arc;

/// Checks a seal signature over `content`.
pub(super) fn seal_entry(id: &str, blob: &[u8], content: &ContentRanges<'_>, extra: &[Certificate]) -> SignatureFacts {
    match SealSignature::parse(blob) {
        Ok(signed) => parsed_entry(id, &signed, content, extra),
        Err(error) => {
            let signer = SignerFacts::unreadable(Integrity::Malformed(error.to_string()));
            SignatureFacts::new(id, SignatureKind::Seal, signer)
        }
    }
}

/// The same of one that was read.
pub(super) fn parsed_entry(id: &str, signed: &SealSignature<'_>, content: &ContentRanges<'_>, extra: &[Certificate]) -> SignatureFacts {
    let seal = &signed.seal;
    let own = Certificate::from_der(signed.certificate).ok();
    let maker = Certificate::from_der(seal.maker).ok();
    let certificates: Arc<[Certificate]> = own.iter().chain(&maker).chain(extra).cloned().collect();

    let message = Message::outside(content);
    let mut signer = checked(verify, own, signed.algorithm, signed.to_be_signed, signed.signature, &certificates);
    signer.carried = own_and_maker(signed).map(|der| Hash::Sha256.digest(der).try_into().unwrap_or_default()).into();
    if let Some(hash) = signer.digest {
        signer.integrity = match message.digest(hash) {
            Ok(Some(digest)) if digest == signed.data_hash => signer.integrity,
            Ok(Some(_)) => Integrity::HashMismatch,
            Ok(None) | Err(_) => Integrity::ContentMissing,
        };
    }
    signer.timestamps.extend(
        signed.timestamp.map(|token| token_facts(TimestampKind::Signature, token, &Message::octets(signed.signature), &certificates)),
    );
    let mut problems = Vec::new();
    match signed.time {
        SigningTime::Claimed(at) => signer.signing_time = Some(at),
        // Version 1: the token was made before signing, over what is to be signed.
        SigningTime::Token(token) => signer.timestamps.push(token_facts(TimestampKind::Content, token, &message, &certificates)),
        SigningTime::Unreadable => problems.push(Problem::notice("签章时间无法读取", "the time of signing cannot be read")),
    }
    problems.extend(odd(&signed.all_deviations()));
    problems.extend(unknown(seal.extensions.iter().chain(&signed.extensions)));
    let facts = seal_facts(seal, maker, seal.property.signers.lists(signed.certificate), &certificates);
    let mut entry = SignatureFacts::new(id, SignatureKind::Seal, signer);
    entry.problems = problems;
    entry.seal = Some(Box::new(facts));
    entry
}

/// The certificates that stand in the structure.
fn own_and_maker<'a>(signed: &SealSignature<'a>) -> [&'a [u8]; 2] {
    [signed.certificate, signed.seal.maker]
}

/// A seal by itself: its maker is the one who signed.
pub(super) fn seal_alone(id: &str, seal: &Seal<'_>, extra: &[Certificate]) -> SignatureFacts {
    let maker = Certificate::from_der(seal.maker).ok();
    let certificates: Arc<[Certificate]> = maker.iter().chain(extra).cloned().collect();
    let facts = SealFacts { alone: true, ..seal_facts(seal, maker, false, &certificates) };
    let mut entry = SignatureFacts::new(id, SignatureKind::Seal, facts.maker.clone());
    entry.claimed_time = Some(seal.property.created);
    entry.problems = odd(&seal.deviations).into_iter().chain(unknown(seal.extensions.iter())).collect();
    entry.seal = Some(Box::new(facts));
    entry
}

/// What is said of the seal itself.
fn seal_facts(seal: &Seal<'_>, maker: Option<Certificate>, signer_listed: bool, certificates: &Arc<[Certificate]>) -> SealFacts {
    let stamp = |token| token_facts(TimestampKind::Signature, token, &Message::octets(seal.signature), certificates);
    SealFacts {
        standard: seal.version.standard(),
        sha256: Hash::Sha256.digest(seal.raw).try_into().unwrap_or_default(),
        id: seal.id.clone(),
        name: seal.property.name.clone(),
        created: seal.property.created,
        valid_from: seal.property.valid_from,
        valid_until: seal.property.valid_until,
        // One seal is used many times: its maker's signature is remembered like that over a certificate.
        maker: checked(verify_lasting, maker, seal.algorithm, &seal.to_be_signed(), seal.signature, certificates),
        signer_listed,
        alone: false,
        timestamp: seal.timestamp.map(stamp),
    }
}

fn odd(deviations: &[Deviation]) -> Vec<Problem> {
    let told = |deviation: &Deviation| Problem::notice(deviation.words().0, deviation.words().1);
    deviations.iter().map(told).collect()
}

/// A critical extension binds whoever reads it; none is known.
fn unknown<'e>(mut extensions: impl Iterator<Item = &'e Extension<'e>>) -> Option<Problem> {
    extensions.find(|extension| extension.critical).map(|unknown| Problem {
        kind: ProblemKind::Constraint,
        zh: format!("印章含有不认识的关键扩展 {}", unknown.id),
        en: format!("the seal holds a critical extension that is not known: {}", unknown.id),
    })
}

/// [`verify`], or one that remembers.
type Verify = fn(&PublicKey, &SignatureAlgorithm, &[u8], &[u8]) -> Result<(), VerifyError>;

/// One signature value under one certificate.
fn checked(
    verify: Verify,
    own: Option<Certificate>,
    name: Oid,
    signed: &[u8],
    value: &[u8],
    certificates: &Arc<[Certificate]>,
) -> SignerFacts {
    let mut facts = SignerFacts {
        gm: true,
        certificates: Arc::clone(certificates),
        signature_algorithm: name.to_string(),
        signature_value_sha256: Hash::Sha256.digest(value).try_into().unwrap_or_default(),
        ..SignerFacts::unreadable(Integrity::CertificateMissing)
    };
    let Some(certificate) = own else {
        facts.integrity = Integrity::Malformed("the certificate in the seal structure cannot be read".into());
        return facts;
    };
    facts.certificate = Some(certificate.clone());
    let Ok(key) = certificate.public_key() else {
        facts.integrity = Integrity::Unsupported("the key of the certificate".into());
        return facts;
    };
    let identifier = sequence(&[&name.to_der().unwrap_or_default()]);
    // The field often names the key's algorithm; SM2 then means SM3.
    let algorithm =
        SignatureAlgorithm::from_der(&identifier, None, key).or_else(|_| SignatureAlgorithm::from_der(&identifier, Some(Hash::Sm3), key));
    facts.integrity = match algorithm {
        Ok(algorithm) => {
            facts.signature_algorithm = algorithm.name();
            facts.signature_digest = algorithm.hash();
            facts.digest = algorithm.hash();
            facts.digest_algorithm = algorithm.hash().map_or_else(String::new, |hash| hash.name().into());
            match verify(key, &algorithm, signed, value) {
                Ok(()) => Integrity::Intact,
                Err(VerifyError::Unsupported(what)) => Integrity::Unsupported(what),
                Err(_) => Integrity::BadSignature,
            }
        }
        Err(VerifyError::Unsupported(what)) => Integrity::Unsupported(what),
        Err(_) => Integrity::BadSignature,
    };
    if facts.digest.is_none() && facts.integrity == Integrity::Intact {
        facts.integrity = Integrity::Unsupported("a signature algorithm without a digest".into());
    }
    facts
}
