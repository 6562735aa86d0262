//! A session: who is here, by which acts, acting for whom. Levels, `amr` and `auth_time` are computed from the acts.

use super::{Level, Method, Proof};
use crate::ids::{PartyId, ProofId, SessionId};
use crate::moment::Moment;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, time::Duration};

/// A session ends this long after it began, whatever happens in it.
pub const SESSION_LIFE: Duration = Duration::from_secs(12 * 3600);
/// A session ends after this long without a request.
pub const SESSION_IDLE: Duration = Duration::from_secs(3600);

/// The acts of one session, in order. `amr`, `auth_time` and the authenticator level come from here and nowhere else: an
/// account's settings say nothing about what happened today.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionEvents(Vec<Proof>);

impl SessionEvents {
    /// No act yet.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Appends an act; a step-up is nothing else.
    pub fn push(&mut self, act: Proof) {
        self.0.push(act);
    }

    /// The acts, oldest first.
    pub fn acts(&self) -> &[Proof] {
        &self.0
    }

    fn authentications<'a>(&'a self, party: &'a PartyId) -> impl Iterator<Item = &'a Proof> {
        self.0.iter().filter(move |act| act.party == *party && act.method.authenticator_level().is_some())
    }

    /// What the acts say at `at` about this Party being here; `None`: nothing any more.
    pub fn authenticator_level(&self, party: &PartyId, at: Moment) -> Option<Level> {
        self.authentications(party).filter_map(|act| act.authenticator_level(at)).max()
    }

    /// When this Party last authenticated in this session (`auth_time`).
    pub fn auth_time(&self, party: &PartyId) -> Option<Moment> {
        self.authentications(party).map(|act| act.at).max()
    }

    /// The methods this Party used in this session (`amr`, RFC 8176), sorted, each once.
    pub fn amr(&self, party: &PartyId) -> Vec<&'static str> {
        let used: BTreeSet<_> = self.authentications(party).flat_map(|act| act.method.amr()).copied().collect();
        used.into_iter().collect()
    }

    /// The kinds of act this Party authenticated with, each once, in the order of use.
    pub fn methods(&self, party: &PartyId) -> Vec<Method> {
        let mut methods = Vec::new();
        for act in self.authentications(party) {
            if !methods.contains(&act.method) {
                methods.push(act.method);
            }
        }
        methods
    }
}

/// How sure we are who a Party is: the best of its proofs that still stand.
pub fn identity_level(proofs: &[Proof], party: &PartyId, at: Moment) -> Level {
    proofs.iter().filter(|proof| proof.party == *party).filter_map(|proof| proof.identity_level(at)).max().unwrap_or(Level::SelfAsserted)
}

/// The organisation a person acts for in this session.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Acting {
    /// The organisation.
    pub organisation: PartyId,
    /// The proof that allows it.
    pub basis: ProofId,
}

/// A session of a browser.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Session {
    /// Stays the same through step-ups; the cookie's secret does not.
    pub id: SessionId,
    /// Who is logged in: a person, or an organisation whose certificate was shown and whose hand is unknown.
    pub subject: PartyId,
    /// For whom, if for somebody else.
    pub acting: Option<Acting>,
    /// By which acts.
    pub events: SessionEvents,
    /// When it began.
    pub began: Moment,
    /// When it was last used.
    pub seen: Moment,
}

impl Session {
    /// Still alive: neither too old nor idle too long, and begun in the past.
    pub fn alive(&self, at: Moment) -> bool {
        self.began <= at && at < self.began.plus(SESSION_LIFE) && at < self.seen.plus(SESSION_IDLE)
    }

    /// The effective level at `at`: the minimum of identity and authenticator. `None`: no act of the subject counts any more.
    pub fn level(&self, identity_proofs: &[Proof], at: Moment) -> Option<Level> {
        let here = self.events.authenticator_level(&self.subject, at)?;
        Some(here.min(identity_level(identity_proofs, &self.subject, at)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn party(n: u8) -> PartyId {
        PartyId::from_random([n; 16])
    }

    fn act(method: Method, who: u8, at: i64) -> Proof {
        let id = ProofId::from_random([who; 16]);
        Proof { id, party: party(who), method, at: Moment::from_secs(at), until: None, cap: None, evidence: None, verifier: "test".into() }
    }

    fn session(acts: Vec<Proof>) -> Session {
        let began = Moment::from_secs(0);
        Session { id: SessionId::from_random([9; 16]), subject: party(1), acting: None, events: SessionEvents(acts), began, seen: began }
    }

    #[test]
    fn effective_is_the_minimum() {
        let at = Moment::from_secs(10);
        let known_by_certificate = [act(Method::Certificate, 1, -1000), act(Method::RegistryPhone, 1, -2000)];
        let known_by_phone = [act(Method::RegistryPhone, 1, -2000)];
        assert_eq!(session(vec![act(Method::RegistryPhone, 1, 0)]).level(&known_by_certificate, at), Some(Level::RealName));
        assert_eq!(session(vec![act(Method::Passkey, 1, 0)]).level(&known_by_certificate, at), Some(Level::RealPerson));
        assert_eq!(session(vec![act(Method::Passkey, 1, 0)]).level(&known_by_phone, at), Some(Level::RealName));
        assert_eq!(session(vec![act(Method::Certificate, 1, 0)]).level(&known_by_certificate, at), Some(Level::RealCredential));
        assert_eq!(session(vec![act(Method::Passkey, 1, 0)]).level(&[], at), Some(Level::SelfAsserted));
        assert_eq!(session(vec![]).level(&known_by_certificate, at), None);
    }

    #[test]
    fn another_partys_acts_and_proofs_count_for_nothing() {
        let at = Moment::from_secs(10);
        let proofs = [act(Method::OrganisationCertificate, 2, 0), act(Method::RegistryPhone, 1, 0)];
        let here = session(vec![act(Method::RegistryPhone, 1, 0), act(Method::OrganisationCertificate, 2, 5)]);
        assert_eq!(here.level(&proofs, at), Some(Level::RealName));
        assert_eq!(here.events.amr(&party(1)), ["otp", "sms"]);
        assert_eq!(here.events.auth_time(&party(1)), Some(Moment::from_secs(0)));
    }

    #[test]
    fn a_step_up_appends_and_ages() {
        let mut here = session(vec![act(Method::RegistryPhone, 1, 0)]);
        let proofs = [act(Method::Certificate, 1, 100)];
        here.events.push(act(Method::Certificate, 1, 100));
        assert_eq!(here.level(&proofs, Moment::from_secs(101)), Some(Level::RealCredential));
        assert_eq!(here.events.amr(&party(1)), ["otp", "pop", "sms"]);
        assert_eq!(here.events.auth_time(&party(1)), Some(Moment::from_secs(100)));
        assert_eq!(here.level(&proofs, Moment::from_secs(100 + 1801)), Some(Level::RealPerson));
        assert_eq!(here.level(&proofs, Moment::from_secs(50)), Some(Level::SelfAsserted), "a proof from the future counts for nothing");
    }

    #[test]
    fn caps_and_ends_hold() {
        let at = Moment::from_secs(10);
        let mut proof = act(Method::Certificate, 1, 0);
        proof.cap = Some(Level::RealName);
        assert_eq!(identity_level(&[proof.clone()], &party(1), at), Level::RealName);
        assert_eq!(session(vec![proof.clone()]).level(&[act(Method::Certificate, 1, 0)], at), Some(Level::RealName));
        proof.until = Some(at);
        assert_eq!(identity_level(&[proof], &party(1), at), Level::SelfAsserted);
    }

    #[test]
    fn sessions_end() {
        let mut here = session(vec![]);
        assert!(here.alive(Moment::from_secs(3599)));
        assert!(!here.alive(Moment::from_secs(3600)), "idle");
        here.seen = Moment::from_secs(12 * 3600 - 1);
        assert!(!here.alive(Moment::from_secs(12 * 3600)), "too old");
        assert!(!here.alive(Moment::from_secs(-1)), "clock set back");
    }
}
