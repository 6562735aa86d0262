//! Time-stamps over signature values (EN 319 122-1 section 5.3), archives and documents: what to ask, and whether the answer fits.

use super::Refusal;
use crate::crypto::Hash;
use crate::doc::facts::{ContentRanges, Integrity, TimestampKind};
use crate::doc::timestamp_facts;
use crate::pki::build::timestamp::request;
use crate::pki::signed_data::{SignedData, algorithm_oid};
use crate::pki::timestamp::{of_signed_data, response};

/// A request that waits for its answer.
#[derive(Debug, Clone)]
pub struct TimestampRequest {
    /// TimeStampReq, DER.
    pub der: Vec<u8>,
    hash: Hash,
    digest: Vec<u8>,
    nonce: [u8; 16],
}

impl TimestampRequest {
    pub(super) fn new(hash: Hash, octets: &[u8], nonce: [u8; 16]) -> Self {
        Self::of_digest(hash, hash.digest(octets), nonce)
    }

    /// A request over octets with this digest. `nonce` must be fresh.
    pub fn of_digest(hash: Hash, digest: Vec<u8>, nonce: [u8; 16]) -> Self {
        Self { der: request(hash, &digest, Some(&nonce), None), hash, digest, nonce }
    }

    /// The token in an authority's answer, if it is one over the right octets, for this request, and intact.
    ///
    /// # Errors
    /// [`Refusal::Timestamp`] says why it is refused.
    pub fn accept(&self, answer: &[u8]) -> Result<Vec<u8>, Refusal> {
        let token = token_of(answer)?;
        let refused = |why: &str| Refusal::Timestamp(why.to_owned());
        let data = SignedData::parse(&token).map_err(|error| Refusal::Timestamp(error.to_string()))?;
        let info = of_signed_data(&data).map_err(|error| Refusal::Timestamp(error.to_string()))?;
        let magnitude = |octets: &[u8]| octets.iter().copied().skip_while(|octet| *octet == 0).collect::<Vec<u8>>();
        if info.nonce.as_deref().map(magnitude) != Some(magnitude(&self.nonce)) {
            return Err(refused("the authority's answer is to another request"));
        }
        let hash = algorithm_oid(&info.imprint.algorithm).as_ref().and_then(Hash::from_oid);
        if hash != Some(self.hash) || info.imprint.digest != self.digest {
            return Err(refused("the authority stamped other octets"));
        }
        match timestamp_facts(TimestampKind::Signature, &token, &ContentRanges::none(), &[]).signer.integrity {
            Integrity::Intact => Ok(token),
            other => Err(Refusal::Timestamp(format!("the authority's signature does not hold ({other:?})"))),
        }
    }
}

/// The token in a TimeStampResp.
///
/// # Errors
/// [`Refusal::Timestamp`] if the authority refused, or the answer is no response.
pub fn token_of(answer: &[u8]) -> Result<Vec<u8>, Refusal> {
    let response = response(answer).map_err(|error| Refusal::Timestamp(format!("the answer is no time-stamp response ({error})")))?;
    match response.token.filter(|_| response.granted()) {
        Some(token) => Ok(token.to_vec()),
        None => Err(Refusal::Timestamp(format!("the authority refused with status {}", response.status))),
    }
}
