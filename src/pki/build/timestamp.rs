//! Building RFC 3161 time-stamp requests, tokens and responses (GM/T 0033 for SM2: the same fields).

use super::cms::{Content, Dialect, IssuerSerial, SignedDataSpec, digest_for, prepare};
use super::encode::{algorithm, boolean, generalized_time, integer, named_bits, octet_string, oid, sequence, small_integer, tlv, utf8};
use crate::crypto::{Hash, Oid, SignError, Signer};
use crate::moment::Moment;
use crate::pki::signed_data::oid as oids;
use crate::pki::tlv::{TlvError, tag};

/// A TimeStampReq for a digest (RFC 3161 section 2.4.1). `nonce` is an unsigned magnitude; certificates are asked for.
pub fn request(hash: Hash, digest: &[u8], nonce: Option<&[u8]>, policy: Option<&Oid>) -> Vec<u8> {
    let mut fields = vec![small_integer(1), imprint(hash, digest)];
    fields.extend(policy.map(oid));
    fields.extend(nonce.map(integer));
    fields.push(boolean(true));
    sequence(fields)
}

/// What a token says (RFC 3161 section 2.4.2).
#[derive(Debug, Clone)]
pub struct TokenSpec<'a> {
    /// Digest algorithm of the imprint, as asked.
    pub hash: Hash,
    /// The imprint, as asked.
    pub digest: &'a [u8],
    /// The authority's policy.
    pub policy: &'a Oid,
    /// Serial number of the token, unsigned magnitude.
    pub serial: &'a [u8],
    /// The time it states.
    pub at: Moment,
    /// Accuracy in milliseconds, if stated.
    pub accuracy_millis: Option<u64>,
    /// Nonce of the request: contents octets of its INTEGER, echoed as they came.
    pub nonce: Option<&'a [u8]>,
    /// Object identifiers of the envelope.
    pub dialect: Dialect,
    /// Whether the authority's certificates are put in (`certReq`).
    pub embed: bool,
}

/// Why no token was made.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The authority's certificate cannot be read.
    #[error("the time-stamp authority's certificate cannot be read: {0}")]
    Certificate(#[from] TlvError),
    /// The key did not sign.
    #[error(transparent)]
    Sign(#[from] SignError),
}

/// A TimeStampToken signed by the authority: TSTInfo in SignedData with signing-certificate-v2 and signing time.
pub fn token(spec: &TokenSpec<'_>, signer: &dyn Signer, certificate: &[u8], chain: &[Vec<u8>]) -> Result<Vec<u8>, TokenError> {
    let info = info(spec);
    let signature_algorithm = signer.algorithm();
    let to_be_signed = prepare(&SignedDataSpec {
        dialect: spec.dialect,
        content_type: Some(oids::TST_INFO),
        digest: digest_for(&signature_algorithm),
        chain,
        embed: spec.embed,
        signing_time: Some(spec.at),
        signing_certificate: Some(IssuerSerial::Included),
        ..SignedDataSpec::new(&signature_algorithm, certificate, Content::Attached(&info))
    })?;
    Ok(to_be_signed.sign(signer)?.encode(None))
}

fn info(spec: &TokenSpec<'_>) -> Vec<u8> {
    let mut fields =
        vec![small_integer(1), oid(spec.policy), imprint(spec.hash, spec.digest), integer(spec.serial), generalized_time(spec.at)];
    fields.extend(spec.accuracy_millis.map(accuracy));
    fields.extend(spec.nonce.map(|contents| tlv(tag::INTEGER, contents)));
    sequence(fields)
}

/// `Accuracy ::= SEQUENCE { seconds, millis [0] (1..999), micros [1] }`: absent parts are zero.
fn accuracy(millis: u64) -> Vec<u8> {
    let mut parts = Vec::new();
    if millis >= 1000 {
        parts.push(small_integer(millis / 1000));
    }
    if !millis.is_multiple_of(1000) {
        let mut part = small_integer(millis % 1000);
        if let Some(first) = part.first_mut() {
            *first = tag::context_primitive(0);
        }
        parts.push(part);
    }
    sequence(parts)
}

fn imprint(hash: Hash, digest: &[u8]) -> Vec<u8> {
    sequence([algorithm(&hash.oid()), octet_string(digest)])
}

/// A TimeStampResp that grants `token`.
pub fn granted(token: &[u8]) -> Vec<u8> {
    sequence([sequence([small_integer(0)]), token.to_vec()])
}

/// Reasons of refusal (RFC 3161 section 2.4.2, PKIFailureInfo): the number is the bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Failure {
    /// Unrecognised or unsupported digest algorithm.
    BadAlgorithm = 0,
    /// Transaction not permitted or supported.
    BadRequest = 2,
    /// The request is malformed.
    BadDataFormat = 5,
    /// The time source is not available.
    TimeNotAvailable = 14,
    /// The policy asked for is not the authority's.
    UnacceptedPolicy = 15,
    /// The extension asked for is unknown.
    UnacceptedExtension = 16,
    /// The request cannot be handled due to a system failure.
    SystemFailure = 25,
}

/// A TimeStampResp that refuses (status 2, rejection), with a text for people.
pub fn rejected(failure: Failure, text: &str) -> Vec<u8> {
    sequence([sequence([small_integer(2), sequence([utf8(text)]), named_bits(&[failure as u8])])])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accuracy_leaves_out_zero_parts() {
        assert_eq!(accuracy(1000), [0x30, 3, 2, 1, 1]);
        assert_eq!(accuracy(1500), [0x30, 7, 2, 1, 1, 0x80, 2, 1, 0xf4]);
        assert_eq!(accuracy(0), [0x30, 0]);
    }

    #[test]
    fn a_refusal_carries_status_text_and_bit() {
        assert_eq!(rejected(Failure::BadAlgorithm, "x"), [0x30, 14, 0x30, 12, 2, 1, 2, 0x30, 3, 0x0c, 1, b'x', 3, 2, 7, 0x80]);
    }
}
