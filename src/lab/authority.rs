//! The certification authorities at work: what they issued and revoked, their lists and their responders.

use super::{
    chaos::{Mood, Wrong},
    crooked::Crooked,
    folder::Folder,
    profile::{Family, Issuer},
};
use crate::{
    crypto::Signer as _,
    keys::SoftKey,
    moment::Moment,
    pki::{
        Certificate, Reason,
        build::{BuildError, CrlBuilder, OcspBuilder, ocsp::refusal},
        ocsp::{CertStatus, OcspRequest},
    },
};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard},
    time::Duration,
};

const DAY: Duration = Duration::from_secs(86_400);
/// How far behind "now" an answer says it was made, so that a verifier whose clock is a little behind takes it.
const BACKDATED: Duration = Duration::from_secs(60);

/// A revocation on record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revocation {
    /// Since when.
    pub at: Moment,
    /// CRLReason.
    pub reason: u8,
}

/// What an authority knows of its certificates, by serial number in hexadecimal.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    crl_number: u64,
    issued: BTreeMap<String, Option<Revocation>>,
}

/// Why a revocation was refused.
#[derive(Debug, thiserror::Error)]
pub enum RevokeError {
    /// No certificate with this serial number.
    #[error("no such certificate")]
    Unknown,
    /// Only a certificate on hold can be released.
    #[error("not on hold")]
    NotOnHold,
    /// The ledger could not be kept.
    #[error(transparent)]
    Lab(#[from] anyhow::Error),
}

/// One authority.
pub struct Ca {
    /// Its name in URLs: `sm2`, `p256`, `rsa`, and each with `-root`.
    pub id: &'static str,
    /// Its hierarchy.
    pub family: Family,
    /// Its certificate.
    pub certificate: Certificate,
    key: SoftKey,
    responder: Option<(Certificate, SoftKey)>,
    ledger: Mutex<Ledger>,
    folder: Folder,
}

impl Ca {
    /// An authority whose ledger is kept in the folder.
    pub fn open(
        id: &'static str,
        family: Family,
        certificate: Certificate,
        key: SoftKey,
        responder: Option<(Certificate, SoftKey)>,
        folder: &Folder,
    ) -> anyhow::Result<Self> {
        let ledger = folder.load(&ledger_file(id))?.unwrap_or_default();
        Ok(Self { id, family, certificate, key, responder, ledger: Mutex::new(ledger), folder: folder.clone() })
    }

    /// It as an issuer.
    pub fn issuer(&self) -> Issuer<'_> {
        Issuer { id: self.id, certificate: &self.certificate, key: &self.key }
    }

    /// Its responder's certificate.
    pub fn responder(&self) -> Option<&Certificate> {
        self.responder.as_ref().map(|(certificate, _)| certificate)
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Changes the ledger and keeps it, or changes nothing.
    fn change<T>(&self, change: impl FnOnce(&mut Ledger) -> T) -> anyhow::Result<T> {
        let mut ledger = self.ledger();
        let mut changed = ledger.clone();
        let outcome = change(&mut changed);
        self.folder.save(&ledger_file(self.id), &changed)?;
        *ledger = changed;
        Ok(outcome)
    }

    /// Enters certificates that it issued.
    pub fn enter<'a>(&self, certificates: impl IntoIterator<Item = &'a Certificate>) -> anyhow::Result<()> {
        self.change(|ledger| ledger.issued.extend(certificates.into_iter().map(|certificate| (certificate.serial_hex(), None))))
    }

    /// Revokes a certificate since a moment, which may lie in the past; `removeFromCRL` releases one on hold. A later call
    /// replaces what an earlier one said.
    pub fn revoke(&self, serial: &str, reason: Reason, at: Moment) -> Result<(), RevokeError> {
        let serial = serial.trim_start_matches("00");
        let (key, on_hold) = {
            let ledger = self.ledger();
            let found = ledger.issued.iter().find(|(known, _)| known.trim_start_matches("00").eq_ignore_ascii_case(serial));
            let (key, revocation) = found.ok_or(RevokeError::Unknown)?;
            (key.clone(), revocation.is_some_and(|known| known.reason == Reason::CertificateHold.number()))
        };
        let revocation = match reason {
            Reason::RemoveFromCrl if !on_hold => return Err(RevokeError::NotOnHold),
            Reason::RemoveFromCrl => None,
            reason => Some(Revocation { at, reason: reason.number() }),
        };
        Ok(self.change(|ledger| ledger.issued.insert(key, revocation)).map(|_| ())?)
    }

    /// A complete list as of `now`: revocations that begin later are not on it.
    pub fn crl(&self, now: Moment, mood: Mood) -> anyhow::Result<Vec<u8>> {
        let (number, issued) = self.change(|ledger| {
            ledger.crl_number = ledger.crl_number.saturating_add(1);
            (ledger.crl_number, ledger.issued.clone())
        })?;
        let made = if mood.wrong == Some(Wrong::Stale) { now.minus(60 * DAY) } else { now.minus(BACKDATED) };
        let mut list = CrlBuilder::new(self.certificate.subject(), number, made, made.plus(7 * DAY));
        let known = issued.iter().filter(|_| mood.wrong != Some(Wrong::Subject));
        for (serial, revocation) in known.filter_map(|(serial, entry)| Some((hex::decode(serial).ok()?, (*entry)?))) {
            if revocation.at <= now {
                list = list.revoked(&positive(serial), revocation.at, Reason::from_number(revocation.reason));
            }
        }
        Ok(list.sign(&Crooked::over(&self.key, mood))?.der().to_vec())
    }

    /// An OCSP answer as of `now`, or the refusal that the protocol has; none for an authority without a responder.
    pub fn ocsp(&self, request: &[u8], now: Moment, mood: Mood) -> Result<Option<Vec<u8>>, BuildError> {
        let Some((certificate, key)) = &self.responder else { return Ok(None) };
        let Ok(asked) = OcspRequest::from_der(request) else { return Ok(Some(refusal(1))) };
        if asked.ids.is_empty() || asked.ids.len() > 20 || asked.unknown_critical {
            return Ok(Some(refusal(1)));
        }
        let made = if mood.wrong == Some(Wrong::Stale) { now.minus(60 * DAY) } else { now.minus(BACKDATED) };
        let mut nonce = asked.nonce;
        if let Some(octet) = nonce.as_mut().filter(|_| mood.wrong == Some(Wrong::Nonce)).and_then(|nonce| nonce.last_mut()) {
            *octet ^= 1;
        }
        let mut answer = OcspBuilder::new(made).nonce(nonce.as_deref()).certificate(certificate);
        for mut id in asked.ids {
            let ours = id.is_of_issuer(self.certificate.subject(), self.key.public_key());
            let status = if ours { self.status(&id.serial, now) } else { CertStatus::Unknown };
            if mood.wrong == Some(Wrong::Subject) {
                // Somebody else's good standing: the serial number stands last in a CertID.
                super::tamper(&mut id.raw);
            }
            answer = answer.answer(&id, status, made, Some(made.plus(DAY)));
        }
        Ok(Some(answer.sign(&Crooked::over(key, mood))?.der().to_vec()))
    }

    fn status(&self, serial: &[u8], now: Moment) -> CertStatus {
        match self.ledger().issued.get(&crate::pki::certificate::serial_hex(serial)) {
            None => CertStatus::Unknown,
            Some(Some(revocation)) if revocation.at <= now => {
                CertStatus::Revoked { at: revocation.at, reason: Reason::from_number(revocation.reason) }
            }
            Some(_) => CertStatus::Good,
        }
    }
}

/// Contents octets of an INTEGER with this magnitude.
fn positive(mut magnitude: Vec<u8>) -> Vec<u8> {
    if magnitude.first().is_some_and(|first| first & 0x80 != 0) {
        magnitude.insert(0, 0);
    }
    magnitude
}

/// Where an authority's ledger is kept.
pub fn ledger_file(id: &str) -> String {
    format!("ledger-{id}.json")
}

/// All authorities of the lab.
pub struct Authorities(pub Vec<Ca>);

impl Authorities {
    /// By the name in URLs.
    pub fn ca(&self, id: &str) -> Option<&Ca> {
        self.0.iter().find(|ca| ca.id == id)
    }

    /// The one that issues to people and organisations.
    pub fn issuing(&self, family: Family) -> Option<&Ca> {
        self.ca(family.id())
    }

    /// The names.
    pub fn ids(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().map(|ca| ca.id)
    }
}

/// A reason by the standard's name, as in `keyCompromise`.
pub fn reason(name: &str) -> Option<Reason> {
    (0..=10).map(Reason::from_number).find(|reason| reason.name() == name)
}
