//! Raising what is signed to a higher level (ETSI EN 319 122-1 and EN 319 142-1, section 6): only what stands outside the
//! signatures is added to; whatever anybody signed stays octet for octet.

use super::stamp::TimestampRequest;
use super::{Material, Output, Refusal, pdf};
use crate::crypto::Hash;
use crate::doc::facts::{Facts, Format, Imprint, Integrity, SignerFacts, TimestampKind};
use crate::doc::source::ByteSource;
use crate::pki::build::additions::{self, Additions};
use crate::pki::build::cms::attribute;
use crate::pki::signed_data::{SignedData, oid};

/// Octets kept free for a document time-stamp: tokens with their certificates take three to eight thousand.
const TOKEN_ROOM: usize = 16 << 10;

/// Time-stamps that are asked for; what they go into is fixed.
#[derive(Debug)]
pub struct Stamping {
    requests: Vec<TimestampRequest>,
    place: Place,
}

#[derive(Debug)]
enum Place {
    /// A document time-stamp in a PDF.
    Document(Box<pdf::Update>),
    /// Over the signature values of these signers.
    Signatures { message: Vec<u8>, signers: Vec<usize> },
    /// Over everything, for each signer with its index.
    Archive { message: Vec<u8>, indices: Vec<Vec<u8>> },
}

/// Which of the two ways of raising a document takes.
fn is_pdf(facts: &Facts) -> Result<bool, Refusal> {
    match facts.format {
        _ if facts.signatures.is_empty() => Err(Refusal::Level("the document bears no signature".into())),
        Format::Pades => Ok(true),
        Format::Cades | Format::Cms | Format::GmCms => Ok(false),
        other => Err(Refusal::Level(format!("documents of the format {} cannot be raised", other.name()))),
    }
}

/// The digest for time-stamps: the signature's own where it will last, otherwise SHA-256.
fn hash_for(signer: Option<&SignerFacts>) -> Hash {
    match signer.and_then(|signer| signer.digest) {
        Some(hash @ (Hash::Sm3 | Hash::Sha384 | Hash::Sha512)) => hash,
        _ => Hash::Sha256,
    }
}

/// Whether an intact time-stamp stands on the signature value.
fn is_stamped(signer: &SignerFacts) -> bool {
    signer.timestamps.iter().any(|stamp| {
        stamp.kind == TimestampKind::Signature
            && stamp.signer.integrity == Integrity::Intact
            && stamp.token.as_ref().is_some_and(|token| token.imprint == Imprint::Matches)
    })
}

fn whole(document: &dyn ByteSource) -> Result<Vec<u8>, Refusal> {
    Ok(document.slice(0, usize::try_from(document.len()).map_err(|_| Refusal::TooLarge)?)?)
}

/// Proof of the time of every signature that has none: B-T. In a message a time-stamp over each signature value; in a PDF, whose
/// signatures cannot be added to, one over the document (EN 319 142-1 section 6.3). `None` if every signature has one.
///
/// # Errors
/// A document that cannot be raised.
pub fn stamp(document: &dyn ByteSource, facts: &Facts, mut nonce: impl FnMut() -> [u8; 16]) -> Result<Option<Stamping>, Refusal> {
    if is_pdf(facts)? {
        let last = facts.signatures.iter().filter(|entry| entry.token.is_some()).map(|entry| entry.end).max().unwrap_or(0);
        let open = facts.signatures.iter().any(|entry| entry.token.is_none() && !is_stamped(&entry.signer) && entry.end >= last);
        return if open { archive(document, None, facts, nonce).map(Some) } else { Ok(None) };
    }
    let message = whole(document)?;
    let data = SignedData::parse_prefix(&message)?.0;
    let mut requests = Vec::new();
    let mut signers = Vec::new();
    for entry in facts.signatures.iter().filter(|entry| !is_stamped(&entry.signer)) {
        let info = data.signers.get(entry.signer.index).ok_or(Refusal::Level("a signer is missing".into()))?;
        requests.push(TimestampRequest::new(hash_for(Some(&entry.signer)), &info.signature, nonce()));
        signers.push(entry.signer.index);
    }
    Ok(if signers.is_empty() { None } else { Some(Stamping { requests, place: Place::Signatures { message, signers } }) })
}

/// A time-stamp over everything there is, validation material included: B-LTA, and its renewal. `content` is what a detached
/// signature covers.
///
/// # Errors
/// A document that cannot be raised, or detached content that is not at hand.
pub fn archive(
    document: &dyn ByteSource,
    content: Option<&dyn ByteSource>,
    facts: &Facts,
    mut nonce: impl FnMut() -> [u8; 16],
) -> Result<Stamping, Refusal> {
    if is_pdf(facts)? {
        let hash = hash_for(facts.signatures.last().map(|entry| &entry.signer));
        let update = pdf::timestamp(document, &nonce(), TOKEN_ROOM)?;
        let digest = update.digest(document, hash)?;
        let requests = vec![TimestampRequest::of_digest(hash, digest, nonce())];
        return Ok(Stamping { requests, place: Place::Document(Box::new(update)) });
    }
    let message = whole(document)?;
    let data = SignedData::parse_prefix(&message)?.0;
    let mut requests = Vec::new();
    let mut indices = Vec::new();
    for signer in 0..data.signers.len() {
        let facts = facts.signatures.iter().map(|entry| &entry.signer).find(|facts| facts.index == signer);
        let hash = hash_for(facts);
        let mut hasher = hash.hasher();
        match (&data.content, content) {
            (Some(inside), _) => hasher.update(inside),
            (None, Some(outside)) => outside.stream(0, outside.len(), &mut |piece| hasher.update(piece))?,
            (None, None) => return Err(Refusal::Level("what the detached signature covers is not at hand; name it with --content".into())),
        }
        let archive = additions::archive(&message, signer, hash, &hasher.finish())?;
        requests.push(TimestampRequest::new(hash, &archive.stamped, nonce()));
        indices.push(archive.index);
    }
    Ok(Stamping { requests, place: Place::Archive { message, indices } })
}

impl Stamping {
    /// What to ask a time-stamp authority, in this order.
    pub fn requests(&self) -> &[TimestampRequest] {
        &self.requests
    }

    /// Puts the tokens in their places, one for each request.
    ///
    /// # Errors
    /// A token is missing or larger than the space kept for it.
    pub fn complete(self, tokens: &[Vec<u8>]) -> Result<Output, Refusal> {
        if tokens.len() != self.requests.len() {
            return Err(Refusal::Timestamp("a time-stamp is missing".into()));
        }
        let (message, unsigned) = match self.place {
            Place::Document(update) => {
                let token = tokens.first().map(Vec::as_slice).unwrap_or_default();
                return Ok(Output { continues: true, octets: update.fill(token)? });
            }
            Place::Signatures { message, signers } => {
                let attributes = tokens.iter().map(|token| attribute(&oid::SIGNATURE_TIMESTAMP, token));
                (message, signers.into_iter().zip(attributes).collect())
            }
            Place::Archive { message, indices } => {
                let attributes = tokens.iter().zip(&indices).map(|(token, index)| additions::archive_attribute(token, index));
                let attributes = attributes.collect::<Result<Vec<_>, _>>()?;
                (message, attributes.into_iter().enumerate().collect())
            }
        };
        let octets = additions::add(&message, &Additions { unsigned, ..Additions::default() })?;
        Ok(Output { continues: false, octets })
    }
}

/// Puts in what validates each signature, named by its id: B-LT. Nothing is added twice.
///
/// # Errors
/// A document that cannot be raised.
pub fn add_material(document: &dyn ByteSource, facts: &Facts, material: &[(String, Material)], nonce: [u8; 16]) -> Result<Output, Refusal> {
    if is_pdf(facts)? {
        let octets = pdf::store(document, material, &nonce)?.unwrap_or_default();
        return Ok(Output { continues: true, octets });
    }
    let message = whole(document)?;
    let known = facts.signatures.first().map(|entry| &entry.signer);
    let mut additions = Additions::default();
    for (_, material) in material {
        let fresh = |list: &mut Vec<Vec<u8>>, more: &[Vec<u8>], known: &[Vec<u8>]| {
            for octets in more {
                if !known.contains(octets) && !list.contains(octets) {
                    list.push(octets.clone());
                }
            }
        };
        fresh(&mut additions.certificates, &material.certificates, &[]);
        fresh(&mut additions.crls, &material.crls, known.map_or(&[], |signer| &signer.crls));
        fresh(&mut additions.ocsps, &material.ocsps, known.map_or(&[], |signer| &signer.ocsps));
    }
    Ok(Output { continues: false, octets: additions::add(&message, &additions)? })
}
