//! Checks before the key moves and before anything is handed out.

use super::{Format, Level, Output, Refusal, Request, Terms, seal::maker_signature};
use crate::crypto::KeyKind;
use crate::doc::facts::{Changes, Coverage, Facts, Imprint, Integrity, ProblemKind, SignatureFacts, SignatureKind, TimestampKind};
use crate::doc::seal::Seal;
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

/// The seal must be readable, its maker's signature intact, in force at the time stated, and list the signer's certificate.
pub(super) fn seal<'s>(request: &Request, octets: &'s [u8]) -> Result<Seal<'s>, Refusal> {
    let seal = Seal::parse(octets).map_err(|error| Refusal::Seal(error.to_string()))?;
    maker_signature(&seal).map_err(|error| Refusal::Seal(format!("its maker's signature does not hold ({error})")))?;
    let property = &seal.property;
    if !property.signers.lists(request.certificate.der()) {
        return Err(Refusal::SealNotYours(property.signers.len()));
    }
    if request.at < property.valid_from || request.at > property.valid_until {
        return Err(Refusal::SealOutOfForce(property.valid_from, property.valid_until));
    }
    if request.level >= Level::T && seal.version == crate::doc::seal::Version::V1 {
        return Err(Refusal::Request("signatures with a seal of GM/T 0031-2014 have no place for a time-stamp over their value; use B-B"));
    }
    Ok(seal)
}

/// A signature that stands in the document already.
#[derive(Debug, Clone)]
pub(super) struct Earlier {
    pub id: String,
    /// Whether its shape and arithmetic are in order.
    in_order: bool,
    /// Whether it leaves parts unprotected.
    partial: bool,
}

impl Earlier {
    /// Whether it is now at least what it was.
    fn stands(&self, now: Option<&SignatureFacts>) -> bool {
        !self.in_order || now.is_some_and(|now| in_order(now) && (self.partial || now.coverage != Coverage::Partial))
    }
}

/// The signatures that stand in the document already, and whether shape and arithmetic of each are in order.
pub(super) fn earlier(facts: &Facts) -> Vec<Earlier> {
    let one =
        |entry: &SignatureFacts| Earlier { id: entry.id.clone(), in_order: in_order(entry), partial: entry.coverage == Coverage::Partial };
    // The signature over a package's list of files shows as one only where the package bears no other.
    let list_alone = |entry: &&SignatureFacts| facts.format == crate::doc::facts::Format::Ofd && entry.package.is_none();
    facts.signatures.iter().filter(|entry| !list_alone(entry)).map(one).collect()
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
    let content = (!terms.format.in_pdf() && terms.format != Format::Ofd && terms.detached).then_some(document);
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
    if let Some(seal) = &entry.seal
        && (!seal.signer_listed || seal.maker.integrity != Integrity::Intact)
    {
        return refused("the seal in the signature does not hold".into());
    }
    for earlier in &terms.earlier {
        if !earlier.stands(facts.signatures.iter().find(|entry| entry.id == earlier.id)) {
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
    let mut new = facts.signatures.iter().filter(|entry| !terms.earlier.iter().any(|earlier| earlier.id == entry.id));
    let kind = if terms.sealed { SignatureKind::Seal } else { SignatureKind::Signature };
    match (new.next(), new.next()) {
        (Some(entry), None) if entry.kind == kind => Some(entry),
        _ => None,
    }
}
