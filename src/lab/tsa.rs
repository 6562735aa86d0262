//! The time-stamping authorities (RFC 3161; GM/T 0033 with SM2).

use super::{
    chaos::{Mood, Wrong},
    crooked::Crooked,
    profile::Family,
};
use crate::{
    crypto::{Hash, Oid},
    keys::SoftKey,
    moment::Moment,
    pki::{
        Certificate,
        build::{
            cms::Dialect,
            timestamp::{Failure, TokenError, TokenSpec, granted, rejected, token},
        },
        signed_data::read_oid,
        timestamp::request,
        tlv::{Tlv, tag},
    },
};
use std::time::Duration;

/// The policy under which the lab stamps; under the enterprise number for examples (RFC 5612).
pub const POLICY: Oid = Oid::new_unwrap("1.3.6.1.4.1.32473.3161.1");

/// One authority.
pub struct Tsa {
    /// Its hierarchy.
    pub family: Family,
    /// Its certificate.
    pub certificate: Certificate,
    /// Its key.
    pub key: SoftKey,
    /// The certificates above it, the issuing one first.
    pub chain: Vec<Certificate>,
}

impl Tsa {
    /// Answers a request. `serial` is fresh for every token.
    pub fn answer(&self, query: &[u8], serial: [u8; 16], now: Moment, mood: Mood) -> Result<Vec<u8>, TokenError> {
        let Ok(mut asked) = request(query) else { return Ok(rejected(Failure::BadDataFormat, "not a time-stamp request")) };
        let hash = Tlv::parse(&asked.imprint.algorithm).ok().and_then(|algorithm| algorithm.children().expect(tag::OID).ok());
        let hash = hash.and_then(|oid| read_oid(oid).ok()).and_then(|oid| Hash::from_oid(&oid));
        let accepted = [Hash::Sm3, Hash::Sha256, Hash::Sha384, Hash::Sha512, Hash::Sha3_256, Hash::Sha3_384, Hash::Sha3_512];
        let Some(hash) = hash.filter(|hash| accepted.contains(hash)) else {
            return Ok(rejected(Failure::BadAlgorithm, "digest algorithm not accepted"));
        };
        // GM/T 0033: an SM2 authority stamps nationally approved digests only.
        if self.family == Family::Sm2 && hash != Hash::Sm3 {
            return Ok(rejected(Failure::BadAlgorithm, "this authority stamps SM3 digests"));
        }
        if asked.imprint.digest.len() != hash.len() {
            return Ok(rejected(Failure::BadDataFormat, "the digest's length does not fit its algorithm"));
        }
        if asked.policy.is_some_and(|policy| policy != POLICY) {
            return Ok(rejected(Failure::UnacceptedPolicy, "unknown policy"));
        }
        if asked.extensions {
            return Ok(rejected(Failure::UnacceptedExtension, "no extension is known"));
        }
        match mood.wrong {
            Some(Wrong::Nonce) => asked.nonce.iter_mut().for_each(|nonce| super::tamper(nonce)),
            Some(Wrong::Subject) => super::tamper(&mut asked.imprint.digest),
            _ => {}
        }
        let spec = TokenSpec {
            hash,
            digest: &asked.imprint.digest,
            policy: &POLICY,
            serial: &serial,
            at: if mood.wrong == Some(Wrong::Stale) { now.minus(Duration::from_secs(86_400)) } else { now },
            accuracy_millis: Some(1000),
            nonce: asked.nonce.as_deref(),
            dialect: if self.family == Family::Sm2 { Dialect::Gm } else { Dialect::Cms },
            embed: asked.certificate,
        };
        let chain: Vec<_> = self.chain.iter().map(|certificate| certificate.der().to_vec()).collect();
        let token = token(&spec, &Crooked::over(&self.key, mood), self.certificate.der(), &chain)?;
        Ok(granted(&token))
    }
}
