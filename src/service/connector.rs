//! What `xinyin connector` does with the holder's keys: it signs login challenges that it built itself and that the holder
//! confirmed, and nothing else. A bare digest or ready-made octets never reach a key: callers hand over the challenge's fields.

use crate::crypto::SignError;
use crate::fault::{Fault, code};
use crate::id::mask_text;
use crate::keys::Identity;
use crate::login::challenge::{Answer, Challenge, Refused};
use crate::moment::Moment;
use crate::pki::Certificate;
use crate::world::{Clock, Dice, random};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;

/// How far the clocks of this machine and of the service may differ.
const SKEW: Duration = Duration::from_secs(5 * 60);
/// How many requests may wait for the holder at once.
const WAITING: usize = 8;

/// A certificate of the holder, as a login page may list it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Shown {
    /// SHA-256 of the certificate, hexadecimal.
    pub id: String,
    /// The subject, numbers masked.
    pub subject: String,
    /// The issuer, numbers masked.
    pub issuer: String,
    /// `sm2`, `p-256`, `rsa-2048`, …
    pub key: String,
    /// Until when it is valid.
    pub not_after: Moment,
}

struct Holder {
    identity: Identity,
    certificate: Certificate,
}

/// What the holder decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Sign.
    Confirmed,
    /// Do not sign.
    Declined,
}

struct Waiting {
    challenge: Challenge,
    certificate: String,
    decided: oneshot::Sender<Decision>,
}

/// A request that waits for the holder, as the connector's own page shows it.
#[derive(Debug, Clone)]
pub struct Request {
    /// Random; whoever knows it may decide, and only the connector's own page and terminal know it.
    pub token: String,
    /// The exact text that would be signed.
    pub text: String,
    /// The certificate, numbers masked.
    pub certificate: String,
}

/// The holder's keys and the requests that wait.
pub struct Connector {
    holders: Vec<Holder>,
    clock: Arc<dyn Clock>,
    dice: Arc<dyn Dice>,
    waiting: Mutex<BTreeMap<String, Waiting>>,
}

impl Connector {
    /// Takes the keys; each needs its certificate.
    ///
    /// # Errors
    /// [`code::KEY_UNREADABLE`] for a key without a readable certificate.
    pub fn new(identities: Vec<Identity>, clock: Arc<dyn Clock>, dice: Arc<dyn Dice>) -> Result<Self, Fault> {
        let mut holders = Vec::new();
        for identity in identities {
            let der = identity.certificate().ok_or_else(|| {
                Fault::new(code::KEY_UNREADABLE)
                    .detail("私钥旁没有证书，请用 --cert 提供 / no certificate stands beside the key: give it with --cert")
            })?;
            let certificate = Certificate::from_der(der).map_err(|error| Fault::new(code::KEY_UNREADABLE).detail(error.to_string()))?;
            holders.push(Holder { identity, certificate });
        }
        Ok(Self { holders, clock, dice, waiting: Mutex::default() })
    }

    /// The certificates, in the order the keys were given.
    pub fn certificates(&self) -> Vec<Shown> {
        self.holders.iter().map(Holder::shown).collect()
    }

    fn holder(&self, id: Option<&str>) -> Result<&Holder, Fault> {
        let found = match id {
            Some(id) => self.holders.iter().find(|holder| holder.id() == id),
            None if self.holders.len() == 1 => self.holders.first(),
            None => None,
        };
        found.ok_or_else(|| Fault::new(code::NOT_FOUND).detail("证书 / certificate"))
    }

    /// Checks that a challenge may be answered now: right origin where one is known, alive.
    fn check(&self, challenge: &Challenge, origin: Option<&str>) -> Result<(), Fault> {
        let origin = origin.unwrap_or(challenge.origin());
        challenge.answerable(origin, self.clock.now(), SKEW).map_err(|refused| match refused {
            Refused::OtherOrigin => Fault::new(code::CHALLENGE_ORIGIN),
            Refused::Expired | Refused::NotYet => Fault::new(code::CHALLENGE_EXPIRED),
        })
    }

    /// Signs without asking: for the caller who asked the holder already.
    ///
    /// # Errors
    /// [`code::CHALLENGE_ORIGIN`], [`code::CHALLENGE_EXPIRED`], [`code::KEY_DEVICE`].
    pub fn sign(&self, certificate: Option<&str>, challenge: &Challenge, origin: Option<&str>) -> Result<Answer, Fault> {
        self.check(challenge, origin)?;
        let holder = self.holder(certificate)?;
        let text = challenge.text();
        let signature = holder.identity.signer.sign(text.as_bytes()).map_err(|error| match error {
            SignError::Key(why) => Fault::new(code::KEY_UNREADABLE).detail(why),
            SignError::Device(why) => Fault::new(code::KEY_DEVICE).detail(why),
        })?;
        let chain = holder.identity.certificates.get(1..).unwrap_or_default();
        Ok(Answer::pack(text, holder.certificate.der(), chain, &signature))
    }

    /// Puts a request before the holder and waits for the decision, at most as long as the challenge lives.
    ///
    /// # Errors
    /// As [`sign`](Self::sign); [`code::CHALLENGE_DECLINED`] if the holder says no or nothing.
    pub async fn ask(&self, certificate: &str, challenge: Challenge, origin: &str) -> Result<Answer, Fault> {
        self.check(&challenge, Some(origin))?;
        self.holder(Some(certificate))?;
        let (decided, decision) = oneshot::channel();
        let token = hex::encode(random::<16>(&*self.dice));
        let patience = challenge.expires().since(self.clock.now());
        {
            let mut waiting = self.waiting();
            waiting.retain(|_, other| !other.decided.is_closed());
            if waiting.len() >= WAITING {
                return Err(Fault::new(code::TOO_MANY));
            }
            waiting.insert(token.clone(), Waiting { challenge: challenge.clone(), certificate: certificate.to_owned(), decided });
        }
        let decision = tokio::time::timeout(patience, decision).await;
        self.waiting().remove(&token);
        match decision {
            Ok(Ok(Decision::Confirmed)) => self.sign(Some(certificate), &challenge, Some(origin)),
            Ok(_) => Err(Fault::new(code::CHALLENGE_DECLINED)),
            Err(_) => Err(Fault::new(code::CHALLENGE_EXPIRED)),
        }
    }

    /// The requests that wait.
    pub fn requests(&self) -> Vec<Request> {
        let shown = |id: &str| self.holder(Some(id)).map(|holder| holder.shown().subject).unwrap_or_default();
        let waiting = self.waiting();
        let open = waiting.iter().filter(|(_, waiting)| !waiting.decided.is_closed());
        open.map(|(token, waiting)| Request {
            token: token.clone(),
            text: waiting.challenge.text(),
            certificate: shown(&waiting.certificate),
        })
        .collect()
    }

    /// The holder's word on one request; `false` if it waits no longer.
    pub fn decide(&self, token: &str, decision: Decision) -> bool {
        let taken = self.waiting().remove(token);
        taken.is_some_and(|waiting| waiting.decided.send(decision).is_ok())
    }

    fn waiting(&self) -> MutexGuard<'_, BTreeMap<String, Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Holder {
    fn id(&self) -> String {
        hex::encode(self.certificate.fingerprint_sha256())
    }

    fn shown(&self) -> Shown {
        Shown {
            id: self.id(),
            subject: mask_text(&self.certificate.subject().display()),
            issuer: mask_text(&self.certificate.issuer().display()),
            key: self.identity.signer.public_key().kind().to_string(),
            not_after: self.certificate.not_after(),
        }
    }
}
