//! SignedData checked against the bytes it signs: digests, signature values, signing-certificate references, time-stamps.
//!
//! RFC 5652 §5.4–5.6, RFC 5035, ETSI EN 319 122-1, GB/T 35275-2017. Shared by CMS files and PDF signatures. No opinion on
//! trust; every check is over the original octets.

use super::{
    facts::{ContentRanges, ContentRule, Integrity, Problem, SignatureFacts, SignatureKind, SignerFacts},
    signer::{Frame, signer},
};
use crate::{
    crypto::{Hash, Hasher, MessageVerifier},
    pki::{
        Certificate,
        signed_data::{SignedData, SignedDataError, oid},
    },
};
use std::{cell::RefCell, io, sync::Arc};

/// Checks every signer of the SignedData in `blob` over `content`. Octets after the structure must be zeros (padding of a
/// PDF's `/Contents`). A blob that cannot be read gives one signer whose `integrity` says why.
pub fn signer_facts(blob: &[u8], content: &ContentRanges<'_>, extra: &[Certificate]) -> Vec<SignerFacts> {
    let (data, rest) = match SignedData::parse_prefix(blob) {
        Ok(parsed) => parsed,
        Err(error) => return vec![SignerFacts::unreadable(unreadable(&error))],
    };
    let mut signers = signers(&data, content, extra);
    if rest.iter().any(|octet| *octet != 0) {
        let problem = Problem::malformed("签名结构之后还有多余的数据", "octets follow the signature structure");
        signers.iter_mut().for_each(|signer| signer.problems.push(problem.clone()));
    }
    signers
}

/// How an unreadable structure weighs: what is another type is unsupported, what is broken is malformed.
pub(super) fn unreadable(error: &SignedDataError) -> Integrity {
    match error {
        SignedDataError::OtherType(other) => Integrity::Unsupported(format!("content type {other}")),
        SignedDataError::TooMany(what) => Integrity::Unsupported(format!("more {what} than are read")),
        error => Integrity::Malformed(error.to_string()),
    }
}

/// Checks every signer of a parsed SignedData.
pub(super) fn signers(data: &SignedData<'_>, content: &ContentRanges<'_>, extra: &[Certificate]) -> Vec<SignerFacts> {
    let message = match Message::of(data, content) {
        Ok(message) => message,
        Err(integrity) => {
            let frame = Frame::new(data, certificates(data, extra));
            return each(data, |index| frame.refused(index, integrity.clone()));
        }
    };
    let frame = Frame::new(data, certificates(data, extra));
    each(data, |index| signer(&frame, index, &message))
}

fn each(data: &SignedData<'_>, check: impl Fn(usize) -> SignerFacts) -> Vec<SignerFacts> {
    if data.signers.is_empty() {
        return vec![SignerFacts::unreadable(Integrity::Malformed("the SignedData has no signer".into()))];
    }
    (0..data.signers.len()).map(check).collect()
}

/// Certificates inside, then those of the container; what does not parse is left out (its absence is then the finding).
fn certificates(data: &SignedData<'_>, extra: &[Certificate]) -> Arc<[Certificate]> {
    let inside = data.certificates.iter().filter_map(|der| Certificate::familiar(der).ok());
    inside.chain(extra.iter().cloned()).collect()
}

/// What is signed, hashed at most once for each digest algorithm.
pub(super) struct Message<'a> {
    body: Body<'a>,
    digests: RefCell<Vec<(Hash, Vec<u8>)>>,
}

enum Body<'a> {
    Octets(&'a [u8]),
    Ranges(&'a ContentRanges<'a>),
    Missing,
}

impl<'a> Message<'a> {
    /// Octets at hand.
    pub(super) fn octets(octets: &'a [u8]) -> Self {
        Self { body: Body::Octets(octets), digests: RefCell::default() }
    }

    /// Ranges outside; missing if the rule says that there is nothing.
    pub(super) fn outside(content: &'a ContentRanges<'a>) -> Self {
        let body = if content.rule == ContentRule::None { Body::Missing } else { Body::Ranges(content) };
        Self { body, digests: RefCell::default() }
    }

    /// Decides between content inside and outside the SignedData; an error is the finding for every signer.
    fn of(data: &'a SignedData<'_>, content: &'a ContentRanges<'a>) -> Result<Self, Integrity> {
        let ranges = Self::outside(content);
        match (content.rule, data.content.as_deref()) {
            (ContentRule::Detached, Some(_)) => Err(Integrity::Malformed("a detached signature carries content of its own".into())),
            (ContentRule::Detached | ContentRule::Supplied, None) => Ok(ranges),
            (ContentRule::Sha1OfRanges, None) => Err(Integrity::Malformed("the signature carries no digest of the document".into())),
            (ContentRule::Sha1OfRanges, Some(inside)) => match ranges.digest(Hash::Sha1) {
                Ok(Some(digest)) if digest == inside => Ok(Self::octets(inside)),
                Ok(_) => Err(Integrity::HashMismatch),
                Err(error) => Err(Integrity::Malformed(error.to_string())),
            },
            (ContentRule::Supplied, Some(inside)) => match ranges.digest(Hash::Sha256) {
                Ok(Some(digest)) if digest == Hash::Sha256.digest(inside) => Ok(Self::octets(inside)),
                Ok(_) => Err(Integrity::HashMismatch),
                Err(error) => Err(Integrity::Malformed(error.to_string())),
            },
            (ContentRule::None, Some(inside)) => Ok(Self::octets(inside)),
            (ContentRule::None, None) => Ok(Self { body: Body::Missing, digests: RefCell::default() }),
        }
    }

    /// Whether the content is at hand.
    pub(super) fn is_missing(&self) -> bool {
        matches!(self.body, Body::Missing)
    }

    /// The digest; `None` if the content is not at hand.
    pub(super) fn digest(&self, hash: Hash) -> io::Result<Option<Vec<u8>>> {
        if self.is_missing() {
            return Ok(None);
        }
        if let Some((_, known)) = self.digests.borrow().iter().find(|(algorithm, _)| *algorithm == hash) {
            return Ok(Some(known.clone()));
        }
        let hasher = self.hashed(hash)?;
        let digest = hasher.finish();
        self.digests.borrow_mut().push((hash, digest.clone()));
        Ok(Some(digest))
    }

    fn hashed(&self, hash: Hash) -> io::Result<Hasher> {
        if let Body::Ranges(content) = &self.body
            && let Some((first, others)) = content.ranges.split_first()
            && first.start == 0
            && let Some(mut hasher) = content.source.hashed_to(hash, first.end)?
        {
            for range in others {
                let length = range.end.saturating_sub(range.start);
                content.source.stream(range.start, length, &mut |octets| hasher.update(octets))?;
            }
            return Ok(hasher);
        }
        let mut hasher = hash.hasher();
        self.feed(&mut |octets| hasher.update(octets))?;
        Ok(hasher)
    }

    /// Feeds a verifier that takes the content itself.
    pub(super) fn verify_into(&self, verifier: &mut MessageVerifier) -> io::Result<()> {
        self.feed(&mut |octets| verifier.update(octets))
    }

    /// Length in octets and, where the content is short, the octets themselves.
    pub(super) fn short(&self, limit: usize) -> Option<Vec<u8>> {
        let mut held = Vec::new();
        match &self.body {
            Body::Octets(octets) if octets.len() <= limit => held.extend_from_slice(octets),
            Body::Ranges(content) => {
                let length: u64 = content.ranges.iter().map(|range| range.end.saturating_sub(range.start)).fold(0, u64::saturating_add);
                if length > limit as u64 {
                    return None;
                }
                self.feed(&mut |octets| held.extend_from_slice(octets)).ok()?;
            }
            _ => return None,
        }
        Some(held)
    }

    fn feed(&self, sink: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        match &self.body {
            Body::Octets(octets) => sink(octets),
            Body::Ranges(content) => {
                for range in &content.ranges {
                    content.source.stream(range.start, range.end.saturating_sub(range.start), sink)?;
                }
            }
            Body::Missing => {}
        }
        Ok(())
    }
}

/// One entry for each signer of a CMS file.
pub(super) fn signature_entries(signers: Vec<SignerFacts>) -> Vec<SignatureFacts> {
    let entry = |signer: SignerFacts| {
        let id = format!("signer-{}", signer.index.saturating_add(1));
        SignatureFacts::new(id, SignatureKind::Signature, signer)
    };
    signers.into_iter().map(entry).collect()
}

/// Whether two content types mean the same: PKCS#7 data and GB/T 35275 data are taken for each other, which is told.
pub(super) fn same_type(one: crate::crypto::Oid, other: crate::crypto::Oid) -> (bool, bool) {
    let plain = |name| matches!(name, oid::DATA | oid::GM_DATA);
    (one == other || plain(one) && plain(other), one != other)
}
