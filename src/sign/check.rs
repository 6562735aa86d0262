//! Checks before the key moves and before anything is handed out.

use super::{Format, Level, Output, Refusal, Request, Terms};
use crate::crypto::KeyKind;
use crate::doc::facts::{Changes, Coverage, Facts, Imprint, Integrity, ProblemKind, SignatureFacts, SignatureKind, TimestampKind};
use crate::doc::source::ByteSource;
use crate::doc::{ReadOptions, read};
use crate::pki::Certificate;
use crate::pki::build::encode::{integer, sequence};

/// The certificate must be one that may sign now, with the key that will.
pub(super) fn certificate(request: &Request) -> Result<(), Refusal> {
    let certificate = &request.certificate;
    if certificate.key_usage().is_some_and(|usage| !usage.signs()) {
        return Err(Refusal::NotForSigning);
    }
    let key = certificate.public_key().map_err(|_| Refusal::OtherKey)?;
    if !request.algorithm.scheme().fits(key.kind()) {
        return Err(Refusal::OtherKey);
    }
    if request.at < certificate.not_before() {
        return Err(Refusal::NotYetValid(certificate.not_before()));
    }
    if request.at > certificate.not_after() {
        return Err(Refusal::Expired(certificate.not_after()));
    }
    Ok(())
}

/// A signature value of the greatest length that the key gives, and of no worth.
pub(super) fn worthless(certificate: &Certificate) -> Vec<u8> {
    let pair = |octets: usize| sequence([integer(&vec![0xff; octets]), integer(&vec![0xff; octets])]);
    match certificate.public_key().map(|key| key.kind()) {
        Ok(KeyKind::Rsa(bits)) => vec![0xff; bits.div_ceil(8)],
        Ok(KeyKind::Ed25519) => vec![0xff; 64],
        Ok(KeyKind::Ed448) => vec![0xff; 114],
        Ok(KeyKind::P384) => pair(48),
        Ok(KeyKind::P521) => pair(66),
        _ => pair(32),
    }
}

/// The signatures that stand in the document already, and whether shape and arithmetic of each are in order.
pub(super) fn earlier(document: &dyn ByteSource) -> Result<Vec<(String, bool)>, Refusal> {
    let facts = read(document, &ReadOptions::default())?;
    Ok(facts.signatures.iter().map(|entry| (entry.id.clone(), in_order(entry))).collect())
}

fn in_order(entry: &SignatureFacts) -> bool {
    entry.signer.integrity == Integrity::Intact && matches!(entry.changes, Changes::None | Changes::Permitted(_))
}

/// What a worthless signature value must still give: right digests, right coverage, and nothing else wrong.
pub(super) fn rehearsal(document: &dyn ByteSource, output: &Output, terms: &Terms) -> Result<(), Refusal> {
    examine(document, output, terms, &Integrity::BadSignature)
}

/// What is handed out must be intact.
pub(super) fn output(document: &dyn ByteSource, output: &Output, terms: &Terms) -> Result<(), Refusal> {
    examine(document, output, terms, &Integrity::Intact)
}

fn examine(document: &dyn ByteSource, output: &Output, terms: &Terms, expected: &Integrity) -> Result<(), Refusal> {
    let refused = |why: String| Err(Refusal::Check(why));
    let joined = output.over(document);
    let content = (terms.format != Format::Pades && terms.detached).then_some(document);
    let facts = read(&joined, &ReadOptions { content, certificates: &[] })?;
    if let Some(problem) = facts.problems.iter().find(|problem| problem.kind != ProblemKind::Notice) {
        return refused(problem.en.clone());
    }
    let Some(entry) = new_entry(&facts, terms) else { return refused("the new signature is not found".into()) };
    if entry.signer.integrity != *expected {
        return refused(format!("{:?}", entry.signer.integrity));
    }
    let problems = entry.problems.iter().chain(&entry.signer.problems);
    if let Some(problem) = problems.into_iter().find(|problem| problem.kind != ProblemKind::Notice) {
        return refused(problem.en.clone());
    }
    if entry.coverage != Coverage::WholeDocument || entry.changes != Changes::None {
        return refused("the signature does not cover the whole document".into());
    }
    if entry.signer.certificate.as_ref().is_none_or(|certificate| certificate.der() != terms.certificate.der()) {
        return refused("the signature names another certificate".into());
    }
    if *expected == Integrity::Intact && terms.level >= Level::T {
        let stamped = |stamp: &&crate::doc::facts::TimestampFacts| {
            stamp.kind == TimestampKind::Signature
                && stamp.signer.integrity == Integrity::Intact
                && stamp.token.as_ref().is_some_and(|token| token.imprint == Imprint::Matches)
        };
        if entry.signer.timestamps.iter().filter(stamped).count() != 1 {
            return refused("the time-stamp does not hold".into());
        }
    }
    for (id, was_in_order) in &terms.earlier {
        let now = facts.signatures.iter().find(|entry| entry.id == *id);
        if *was_in_order && !now.is_some_and(in_order) {
            return Err(Refusal::Document((
                "再签一次会破坏文件中已有的签名",
                "a further signature would break one that the document bears already (it may forbid changes)",
            )));
        }
    }
    Ok(())
}

/// The entry that was not there before.
fn new_entry<'f>(facts: &'f Facts, terms: &Terms) -> Option<&'f SignatureFacts> {
    let mut new = facts.signatures.iter().filter(|entry| !terms.earlier.iter().any(|(id, _)| *id == entry.id));
    match (new.next(), new.next()) {
        (Some(entry), None) if entry.kind == SignatureKind::Signature => Some(entry),
        _ => None,
    }
}
