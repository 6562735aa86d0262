//! The time-stamp over a signature value (EN 319 122-1 section 5.3): what to ask, and whether the answer fits.

use super::Refusal;
use crate::crypto::Hash;
use crate::doc::facts::{ContentRanges, ContentRule, Imprint, Integrity, TimestampKind};
use crate::doc::timestamp_facts;
use crate::pki::build::timestamp::request;
use crate::pki::signed_data::SignedData;
use crate::pki::timestamp::{response, tst_info};

/// A request that waits for its answer.
#[derive(Debug, Clone)]
pub struct TimestampRequest {
    /// TimeStampReq, DER.
    pub der: Vec<u8>,
    stamped: Vec<u8>,
    nonce: [u8; 16],
}

impl TimestampRequest {
    pub(super) fn new(hash: Hash, signature: &[u8], nonce: [u8; 16]) -> Self {
        Self { der: request(hash, &hash.digest(signature), Some(&nonce), None), stamped: signature.to_vec(), nonce }
    }

    /// The token in an authority's answer, if it is one over the right octets, for this request, and intact.
    ///
    /// # Errors
    /// [`Refusal::Timestamp`] says why it is refused.
    pub fn accept(&self, answer: &[u8]) -> Result<Vec<u8>, Refusal> {
        let token = token_of(answer)?;
        let refused = |why: &str| Refusal::Timestamp(why.to_owned());
        let data = SignedData::parse(&token).map_err(|error| Refusal::Timestamp(error.to_string()))?;
        let info = tst_info(data.content.as_deref().unwrap_or_default()).map_err(|error| Refusal::Timestamp(error.to_string()))?;
        let magnitude = |octets: &[u8]| octets.iter().copied().skip_while(|octet| *octet == 0).collect::<Vec<u8>>();
        if info.nonce.as_deref().map(magnitude) != Some(magnitude(&self.nonce)) {
            return Err(refused("the authority's answer is to another request"));
        }
        let range = 0..self.stamped.len() as u64;
        let content = ContentRanges { source: &self.stamped, ranges: vec![range], rule: ContentRule::Detached };
        let facts = timestamp_facts(TimestampKind::Signature, &token, &content, &[]);
        if facts.token.as_ref().is_none_or(|token| token.imprint != Imprint::Matches) {
            return Err(refused("the authority stamped other octets"));
        }
        match facts.signer.integrity {
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
