//! One question and its signed answer: what all connectors over mutual TLS share.

use super::{System, Unavailable, Why};
use crate::{
    crypto::{Hash, PublicKey, Scheme, SignatureAlgorithm, verify},
    moment::Moment,
    net::{Answer, Budget, Identity, Net, NetError, NetOptions, Origin, certificates},
    pki::Certificate,
    world::{Clock, Dice, random},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use url::Url;

/// The configuration section of a system reached over mutual TLS.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Peer {
    /// Where it answers, `https://host:port/…`; paths of the protocol are appended.
    pub url: Url,
    /// PEM file with the TLS anchors for it, and no others.
    pub tls_ca: PathBuf,
    /// PEM file with our client certificate, its chain and its key.
    pub identity: PathBuf,
    /// PEM file with the certificate whose key signs its answers.
    pub answer_certificate: PathBuf,
    /// Milliseconds a whole exchange may take.
    #[serde(default = "timeout_ms")]
    pub timeout_ms: u64,
    /// Seconds by which an answer's time may differ from our clock.
    #[serde(default = "max_skew_seconds")]
    pub max_skew_seconds: u64,
}

const fn timeout_ms() -> u64 {
    5_000
}

const fn max_skew_seconds() -> u64 {
    300
}

/// Why an answer cannot be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Untrusted {
    /// No signature, or one that does not verify, or by another key.
    #[error("its signature is not the system's")]
    Signature,
    /// It answers another request.
    #[error("it carries another nonce")]
    Nonce,
    /// It is about somebody or something else.
    #[error("it answers another question")]
    Question,
    /// Its time is too far from ours.
    #[error("its time differs too much from this system's clock")]
    Time,
    /// It does not have the form the protocol says.
    #[error("it is malformed")]
    Form,
}

/// What a system said, with the octets that prove it.
#[derive(Clone)]
pub struct Heard<T> {
    /// The parsed answer.
    pub said: T,
    /// When it says it was given.
    pub at: Moment,
    /// The answer as it came, with its signature: [`verify_evidence`] checks it again at any time. It may hold a phone number,
    /// and its digest of the question would let a person's number be guessed: personal data, to be sealed at rest.
    pub evidence: Vec<u8>,
}

impl<T: fmt::Debug> fmt::Debug for Heard<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Heard").field("said", &self.said).field("at", &self.at).finish_non_exhaustive()
    }
}

impl<T> Heard<T> {
    /// The same answer read further.
    pub(super) fn try_map<U>(self, read: impl FnOnce(T) -> Result<U, Untrusted>) -> Result<Heard<U>, Untrusted> {
        Ok(Heard { said: read(self.said)?, at: self.at, evidence: self.evidence })
    }
}

/// Whether the asked facts belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Match {
    Match,
    NoMatch,
}

impl Match {
    pub(super) fn is_match(self) -> bool {
        self == Self::Match
    }
}

/// Evidence as it is kept: JSON, so that it can be read without this program.
#[derive(Serialize, Deserialize)]
struct Kept {
    address: String,
    received: Moment,
    body: String,
    signature: String,
    signer: String,
}

/// Checks kept evidence against the certificate that signed it; the answer's exact octets.
pub fn verify_evidence(evidence: &[u8], signer: &Certificate) -> Result<Vec<u8>, Untrusted> {
    let kept: Kept = serde_json::from_slice(evidence).map_err(|_| Untrusted::Form)?;
    let body = STANDARD.decode(kept.body).map_err(|_| Untrusted::Form)?;
    let signature = STANDARD.decode(kept.signature).map_err(|_| Untrusted::Form)?;
    let key = signer.public_key().map_err(|_| Untrusted::Signature)?;
    check_signature(key, &body, &signature).map(|()| body)
}

fn check_signature(key: &PublicKey, body: &[u8], signature: &[u8]) -> Result<(), Untrusted> {
    verify(key, &SignatureAlgorithm::new(Scheme::Sm2), body, signature).map_err(|_| Untrusted::Signature)
}

/// Whether the answer's time is held against our clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Freshness {
    Checked,
    /// Asking for the time itself; the nonce alone shows that the answer is new.
    ByNonce,
}

#[derive(Serialize)]
struct Question<'a, Q> {
    nonce: &'a str,
    #[serde(flatten)]
    content: &'a Q,
}

#[derive(Deserialize)]
struct Envelope<A> {
    kind: String,
    nonce: String,
    question_sm3: String,
    time: Moment,
    #[serde(flatten)]
    content: A,
}

/// A configured system.
pub(super) struct Link {
    system: System,
    net: Net,
    url: Url,
    signer: Certificate,
    key: PublicKey,
    budget: Budget,
    skew: Duration,
    clock: Arc<dyn Clock>,
    dice: Arc<dyn Dice>,
}

impl Link {
    pub(super) fn open(
        system: System,
        peer: &Peer,
        clock: Arc<dyn Clock>,
        dice: Arc<dyn Dice>,
        read: &dyn Fn(&Path) -> io::Result<Vec<u8>>,
    ) -> Result<Self, String> {
        let file = |path: &Path| read(path).map_err(|error| format!("{}: {error}", path.display()));
        let at = |path: &Path| {
            let shown = path.display().to_string();
            move |error: NetError| format!("{shown}: {error}")
        };
        let signer = Certificate::from_pem_or_der(&file(&peer.answer_certificate)?)
            .map_err(|error| format!("{}: {error}", peer.answer_certificate.display()))?;
        let key = signer.public_key().map_err(|error| format!("{}: {error}", peer.answer_certificate.display()))?.clone();
        if peer.url.scheme() != "https" {
            return Err(format!("url must begin with https://, not {}://", peer.url.scheme()));
        }
        let net = Net::new(NetOptions {
            allow: Origin::named(&peer.url).into_iter().collect(),
            roots: certificates(&file(&peer.tls_ca)?).map_err(at(&peer.tls_ca))?,
            identity: Some(Identity::from_pem(&file(&peer.identity)?).map_err(at(&peer.identity))?),
        })
        .map_err(|error| error.to_string())?;
        let budget = Budget { time: Duration::from_millis(peer.timeout_ms), bytes: 256 << 10 };
        Ok(Self { system, net, url: peer.url.clone(), signer, key, budget, skew: Duration::from_secs(peer.max_skew_seconds), clock, dice })
    }

    pub(super) fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// Says that this system gave nothing that counts.
    pub(super) fn unavailable(&self, why: impl Into<Why>) -> Unavailable {
        Unavailable { system: self.system, why: why.into() }
    }

    /// Puts a question to `path` and believes the answer only if all of it fits.
    pub(super) async fn ask<Q: Serialize, A: DeserializeOwned>(
        &self,
        path: &str,
        kind: &str,
        content: &Q,
        freshness: Freshness,
    ) -> Result<Heard<A>, Unavailable> {
        let nonce = hex::encode(random::<16>(&*self.dice));
        let question = serde_json::to_vec(&Question { nonce: &nonce, content }).map_err(|_| self.unavailable(Untrusted::Form))?;
        let mut url = self.url.clone();
        url.set_path(&format!("{}/{path}", self.url.path().trim_end_matches('/')));
        let json = "application/json";
        let answer = match self.net.post(&url, json, json, question.clone(), self.budget).await {
            Ok(answer) => answer,
            Err(NetError::Status(422)) => return Err(self.unavailable(Why::Refused)),
            Err(error) => return Err(self.unavailable(error)),
        };
        self.believe(&url, &answer, &nonce, &question, kind, freshness).map_err(|untrusted| self.unavailable(untrusted))
    }

    fn believe<A: DeserializeOwned>(
        &self,
        url: &Url,
        answer: &Answer,
        nonce: &str,
        question: &[u8],
        kind: &str,
        freshness: Freshness,
    ) -> Result<Heard<A>, Untrusted> {
        let signature = answer.header("province-signature").ok_or(Untrusted::Signature)?;
        check_signature(&self.key, &answer.body, &STANDARD.decode(signature).map_err(|_| Untrusted::Signature)?)?;
        let envelope: Envelope<A> = serde_json::from_slice(&answer.body).map_err(|_| Untrusted::Form)?;
        if envelope.nonce != nonce {
            return Err(Untrusted::Nonce);
        }
        if envelope.kind != kind || envelope.question_sm3 != hex::encode(Hash::Sm3.digest(question)) {
            return Err(Untrusted::Question);
        }
        let now = self.clock.now();
        let apart = envelope.time.since(now).max(now.since(envelope.time));
        if freshness == Freshness::Checked && apart > self.skew {
            return Err(Untrusted::Time);
        }
        let kept = Kept {
            address: url.to_string(),
            received: now,
            body: STANDARD.encode(&answer.body),
            signature: signature.to_owned(),
            signer: hex::encode(self.signer.fingerprint_sha256()),
        };
        let evidence = serde_json::to_vec(&kept).map_err(|_| Untrusted::Form)?;
        Ok(Heard { said: envelope.content, at: envelope.time, evidence })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn signer() -> Certificate {
        use crate::{
            crypto::{KeyKind, Signer as _},
            keys::SoftKey,
            pki::{Name, build::CertificateBuilder, name::attribute},
            world::SystemDice,
        };
        let key = SoftKey::generate(KeyKind::Sm2, &SystemDice).unwrap();
        let name = Name::build(&[(attribute::COMMON_NAME, "answers")]).unwrap();
        let (from, to) = (Moment::from_secs(0), Moment::from_secs(2_000_000_000));
        CertificateBuilder::new(&name, &name, key.public_key(), &[1], from, to).sign(&key).unwrap()
    }

    proptest! {
        #[test]
        fn no_evidence_is_believed_or_panics(octets in proptest::collection::vec(any::<u8>(), 0..300), parts in proptest::array::uniform4(".{0,40}")) {
            let signer = signer();
            prop_assert!(verify_evidence(&octets, &signer).is_err());
            let [address, body, signature, who] = parts;
            let kept = Kept { address, received: Moment::from_secs(1), body: STANDARD.encode(body), signature: STANDARD.encode(signature), signer: who };
            prop_assert_eq!(verify_evidence(&serde_json::to_vec(&kept).unwrap(), &signer), Err(Untrusted::Signature));
        }
    }
}
