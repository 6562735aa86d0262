//! The chain of a login: Asked → Proved → Granted → Spent. Each transition consumes the state and returns the next one with the
//! line for the audit log; a state that was consumed cannot be used again, and the store keeps it so between processes.

use super::{
    AuditEvent, Client, Level, Proof, Session, SubjectKind,
    request::{AuthorizationRequest, Prompt, Refusal, UNMET},
};
use crate::ids::{AgencyId, ClientId, PartyId, SessionId};
use crate::moment::Moment;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use subtle::ConstantTimeEq;

/// How long a code may be redeemed (RFC 6749 §4.1.2 advises at most ten minutes; portals redeem at once).
pub const CODE_LIFE: Duration = Duration::from_secs(60);
/// How long a login page may stand before it has to be renewed, kindly.
pub const ASKED_LIFE: Duration = Duration::from_secs(30 * 60);
/// How far our machines' clocks may differ when two moments of ours are compared.
const SKEW: Duration = Duration::from_secs(2);

/// A portal asked for a login.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Asked {
    /// What it asked.
    pub request: AuthorizationRequest,
    /// When.
    pub at: Moment,
}

/// What is still missing before a code may be given.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unmet {
    /// Nobody is logged in, or no act counts any more.
    Nobody,
    /// The portal wants a fresh act (`prompt=login`, `max_age`).
    Again,
    /// A higher level is needed than this session has.
    Level {
        /// What it has.
        have: Level,
        /// What is needed.
        need: Level,
    },
    /// The portal serves the other kind: persons or organisations.
    Kind(SubjectKind),
    /// The portal wants one certain subject and another is here.
    OtherSubject,
}

impl Unmet {
    /// What a portal that allowed no page is told (OpenID Connect Core §3.1.2.6).
    pub fn refusal(self) -> Refusal {
        match self {
            Self::Nobody => Refusal::new("login_required", "nobody is logged in"),
            Self::Again => Refusal::new("login_required", "the authentication is too old"),
            Self::Level { .. } => Refusal::new(UNMET, "the session's level is lower than asked"),
            Self::Kind(_) => Refusal::new("login_required", "the session is of the other subject kind"),
            Self::OtherSubject => Refusal::new("login_required", "another subject is logged in"),
        }
    }
}

/// Who is here, as far as a login needs it.
#[derive(Debug, Clone, Copy)]
pub struct Here<'a> {
    /// The session.
    pub session: &'a Session,
    /// Person or organisation.
    pub kind: SubjectKind,
    /// All proofs of the subject that stand.
    pub proofs: &'a [Proof],
    /// Its `sub` for this portal, if it has one already.
    pub sub: Option<&'a str>,
}

impl Asked {
    /// A portal's request, now.
    pub const fn new(request: AuthorizationRequest, at: Moment) -> Self {
        Self { request, at }
    }

    /// Whether the page has stood too long.
    pub fn expired(&self, at: Moment) -> bool {
        at >= self.at.plus(ASKED_LIFE)
    }

    /// Whether the portal allowed no page.
    pub fn silent(&self) -> bool {
        self.request.prompt.contains(&Prompt::None)
    }

    /// Whether who is here meets what was asked; if so, the login is proved.
    pub fn prove(self, client: &Client, here: Option<Here<'_>>, at: Moment) -> Result<(Proved, AuditEvent), Box<(Self, Unmet)>> {
        match self.unmet(client, here, at) {
            Err(unmet) => Err(Box::new((self, unmet))),
            Ok(facts) => {
                let event = AuditEvent::new("login.proved", at)
                    .party(facts.party.clone())
                    .session(facts.session.clone())
                    .client(&client.id, &client.agency)
                    .fact("level", facts.level)
                    .fact("amr", facts.amr.join(" "));
                Ok((Proved { asked: self, agency: client.agency.clone(), facts }, event))
            }
        }
    }

    fn unmet(&self, client: &Client, here: Option<Here<'_>>, at: Moment) -> Result<Facts, Unmet> {
        let here = here.filter(|here| here.session.alive(at)).ok_or(Unmet::Nobody)?;
        let session = here.session;
        let subject = &session.subject;
        let (Some(have), Some(auth_time)) = (session.level(here.proofs, at), session.events.auth_time(subject)) else {
            return Err(Unmet::Nobody);
        };
        if !client.kinds.contains(&here.kind) {
            return Err(Unmet::Kind(here.kind));
        }
        if self.request.wishes.sub.as_deref().is_some_and(|wanted| here.sub != Some(wanted)) {
            return Err(Unmet::OtherSubject);
        }
        // `prompt=login` and `select_account`: an act after the question (OpenID Connect Core §3.1.2.1); the login page is where
        // another account is chosen.
        let anew = [Prompt::Login, Prompt::SelectAccount].iter().any(|prompt| self.request.prompt.contains(prompt));
        if anew && auth_time.plus(SKEW) < self.at {
            return Err(Unmet::Again);
        }
        // Measured at the question, so that the way through our own pages does not eat the time up; an act made since is young enough.
        if let Some(max_age) = self.request.max_age
            && self.at.since(auth_time) > Duration::from_secs(max_age)
        {
            return Err(Unmet::Again);
        }
        let need = self.request.level;
        if have < need {
            return Err(Unmet::Level { have, need });
        }
        // Essential `acr`: the highest of the asked values that this login meets; otherwise the level as it is.
        let level = if self.request.acr_choices.is_empty() {
            have
        } else {
            let choice = self.request.acr_choices.iter().copied().filter(|&choice| choice <= have).max();
            choice.ok_or(Unmet::Level { have, need })?
        };
        let amr = session.events.amr(subject).into_iter().map(str::to_owned).collect();
        let proofs = here.proofs.iter().filter(|proof| proof.identity_level(at).is_some()).cloned().collect();
        Ok(Facts {
            party: subject.clone(),
            kind: here.kind,
            session: session.id.clone(),
            acting: session.acting.as_ref().map(|acting| acting.organisation.clone()),
            acting_basis: session.acting.as_ref().map(|acting| acting.basis.clone()),
            level,
            amr,
            auth_time,
            proofs,
        })
    }
}

/// Who logged in and how: what tokens will say.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Facts {
    /// The subject.
    pub party: PartyId,
    /// Person or organisation.
    pub kind: SubjectKind,
    /// In which session.
    pub session: SessionId,
    /// The organisation acted for.
    pub acting: Option<PartyId>,
    /// By which proof.
    pub acting_basis: Option<crate::ids::ProofId>,
    /// The effective level.
    pub level: Level,
    /// Methods used in this session.
    pub amr: Vec<String>,
    /// When the subject last authenticated.
    pub auth_time: Moment,
    /// The identity proofs that stand behind it.
    pub proofs: Vec<Proof>,
}

/// Who was asked for is here, at the level asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Proved {
    asked: Asked,
    agency: AgencyId,
    facts: Facts,
}

impl Proved {
    /// Who and how.
    pub const fn facts(&self) -> &Facts {
        &self.facts
    }

    /// What was asked.
    pub const fn asked(&self) -> &Asked {
        &self.asked
    }

    /// Gives the portal a code. `sub` is the Party's name in the portal's sector; the caller has made sure of the consent.
    pub fn grant(self, sub: String, at: Moment) -> (Granted, AuditEvent) {
        let Self { asked, agency, facts } = self;
        let event = AuditEvent::new("login.granted", at)
            .party(facts.party.clone())
            .session(facts.session.clone())
            .client(&asked.request.client, &agency)
            .fact("level", facts.level);
        (Granted { agency, request: asked.request, facts, sub, at, ticket: None, sid: None }, event)
    }
}

/// A code is out: bound to the portal, the redirect address and the PKCE challenge.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Granted {
    /// Whose portal.
    pub agency: AgencyId,
    /// What was asked.
    pub request: AuthorizationRequest,
    /// Who and how.
    pub facts: Facts,
    /// `sub` for this portal.
    pub sub: String,
    /// When the code was given.
    pub at: Moment,
    /// The service ticket, where the answer was one: a portal is told by it that the session ended (CAS 3.0 §2.3.3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
    /// The name of this login in ID token and logout token (`sid`): random, so that portals cannot compare sessions by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
}

/// What a portal brings to redeem a code.
#[derive(Debug, Clone, Copy)]
pub struct Redemption<'a> {
    /// The authenticated portal.
    pub client: &'a ClientId,
    /// `redirect_uri`, which must be the one of the request (RFC 6749 §4.1.3).
    pub redirect_uri: Option<&'a str>,
    /// `code_verifier` (RFC 7636 §4.5).
    pub verifier: Option<&'a str>,
}

/// Why a code is not redeemed. All are `invalid_grant` outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SpendError {
    /// Older than [`CODE_LIFE`].
    #[error("the code has expired")]
    Expired,
    /// Another portal's code.
    #[error("the code was given to another client")]
    OtherClient,
    /// Not the address of the request.
    #[error("redirect_uri is not the one of the authorization request")]
    OtherAddress,
    /// Missing or wrong.
    #[error("code_verifier does not match the code_challenge")]
    Verifier,
}

impl Granted {
    /// Redeems the code, once: the store lets only one caller come here.
    pub fn spend(self, redemption: Redemption<'_>, at: Moment) -> Result<(Spent, AuditEvent), Box<(SpendError, AuditEvent)>> {
        let error = if *redemption.client != self.request.client {
            Some(SpendError::OtherClient)
        } else if at >= self.at.plus(CODE_LIFE) || at.plus(SKEW) < self.at {
            Some(SpendError::Expired)
        } else if redemption.redirect_uri != Some(self.request.redirect_uri.as_str()) {
            Some(SpendError::OtherAddress)
        } else if !redemption.verifier.is_some_and(|verifier| verifies(verifier, &self.request.code_challenge)) {
            Some(SpendError::Verifier)
        } else {
            None
        };
        let event = |kind| {
            AuditEvent::new(kind, at)
                .party(self.facts.party.clone())
                .session(self.facts.session.clone())
                .client(&self.request.client, &self.agency)
        };
        match error {
            Some(error) => Err(Box::new((error, event("code.refused").fact("why", error)))),
            None => {
                let event = event("code.spent");
                Ok((Spent { granted: self, at }, event))
            }
        }
    }

    /// The line for the audit log when a spent code is shown again and the family is revoked (RFC 9700 §4.5).
    pub fn reused(&self, at: Moment) -> AuditEvent {
        AuditEvent::new("code.reused", at)
            .party(self.facts.party.clone())
            .session(self.facts.session.clone())
            .client(&self.request.client, &self.agency)
    }
}

/// BASE64URL(SHA-256(verifier)) = challenge (RFC 7636 §4.6), for a verifier of 43 to 128 unreserved characters (§4.1).
fn verifies(verifier: &str, challenge: &str) -> bool {
    let shaped = (43..=128).contains(&verifier.len()) && verifier.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b));
    shaped && bool::from(super::jose::sha256_base64url(verifier.as_bytes()).as_bytes().ct_eq(challenge.as_bytes()))
}

/// The code was redeemed; tokens may be made from it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Spent {
    /// What was granted.
    pub granted: Granted,
    /// When it was redeemed.
    pub at: Moment,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::ProofId;
    use crate::login::{Acting, Method, SessionEvents, request::tests as requests};

    const NOW: Moment = Moment::from_secs(1_000_000);
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

    fn party() -> PartyId {
        PartyId::from_random([1; 16])
    }

    fn proof(method: Method, at: Moment) -> Proof {
        Proof {
            id: ProofId::from_random([3; 16]),
            party: party(),
            method,
            at,
            until: None,
            cap: None,
            evidence: None,
            verifier: "lab".into(),
        }
    }

    fn session(acts: &[Proof]) -> Session {
        let mut events = SessionEvents::new();
        acts.iter().cloned().for_each(|act| events.push(act));
        let acting = None::<Acting>;
        Session {
            id: SessionId::from_random([2; 16]),
            subject: party(),
            acting,
            events,
            began: NOW.minus(Duration::from_secs(600)),
            seen: NOW,
        }
    }

    fn prove(more: &[(&str, &str)], acts: &[Proof]) -> Result<(Proved, AuditEvent), Unmet> {
        let asked = Asked::new(requests::request(more).unwrap(), NOW);
        let here = session(acts);
        let here = Here { session: &here, kind: SubjectKind::Person, proofs: acts, sub: Some("pairwise") };
        asked.prove(&requests::client(), Some(here), NOW).map_err(|refused| refused.1)
    }

    fn ago(seconds: u64) -> Moment {
        NOW.minus(Duration::from_secs(seconds))
    }

    #[test]
    fn what_is_unmet_is_named() {
        let phone = proof(Method::RegistryPhone, ago(100));
        let asked = Asked::new(requests::request(&[]).unwrap(), NOW);
        assert_eq!(asked.prove(&requests::client(), None, NOW).unwrap_err().1, Unmet::Nobody);
        assert_eq!(prove(&[], &[]).unwrap_err(), Unmet::Nobody);
        assert!(prove(&[], std::slice::from_ref(&phone)).is_ok());
        assert_eq!(prove(&[("prompt", "login")], std::slice::from_ref(&phone)).unwrap_err(), Unmet::Again);
        assert!(prove(&[("prompt", "login")], &[proof(Method::RegistryPhone, NOW)]).is_ok());
        assert_eq!(prove(&[("prompt", "select_account")], std::slice::from_ref(&phone)).unwrap_err(), Unmet::Again);
        assert_eq!(prove(&[("max_age", "99")], std::slice::from_ref(&phone)).unwrap_err(), Unmet::Again);
        assert!(prove(&[("max_age", "100")], std::slice::from_ref(&phone)).is_ok());
        assert_eq!(prove(&[("max_age", "0")], std::slice::from_ref(&phone)).unwrap_err(), Unmet::Again);
        let high = [("acr_values", "urn:xinyin:acr:real-credential")];
        assert_eq!(
            prove(&high, std::slice::from_ref(&phone)).unwrap_err(),
            Unmet::Level { have: Level::RealName, need: Level::RealCredential }
        );
        assert!(prove(&high, &[phone.clone(), proof(Method::Certificate, NOW)]).is_ok(), "step-up in the same session");
        let other = [("claims", r#"{"id_token":{"sub":{"value":"another"}}}"#)];
        assert_eq!(prove(&other, &[phone]).unwrap_err(), Unmet::OtherSubject);
    }

    #[test]
    fn a_certificate_of_an_organisation_is_no_person() {
        let act = proof(Method::OrganisationCertificate, NOW);
        let here = session(std::slice::from_ref(&act));
        let here = Here { session: &here, kind: SubjectKind::Organisation, proofs: std::slice::from_ref(&act), sub: None };
        let asked = Asked::new(requests::request(&[]).unwrap(), NOW);
        assert_eq!(asked.prove(&requests::client(), Some(here), NOW).unwrap_err().1, Unmet::Kind(SubjectKind::Organisation));
    }

    #[test]
    fn essential_acr_answers_one_of_the_asked_values_and_never_a_higher_claim() {
        let wish = |value: &str| format!(r#"{{"id_token":{{"acr":{{"essential":true,"value":"urn:xinyin:acr:{value}"}}}}}}"#);
        let level = |value: &str, acts: &[Proof]| prove(&[("claims", &wish(value))], acts).map(|(proved, _)| proved.facts.level);
        let certificate = [proof(Method::Certificate, ago(10))];
        assert_eq!(level("real-name", &certificate), Ok(Level::RealName));
        assert_eq!(level("real-credential", &certificate), Ok(Level::RealCredential));
        let old = [proof(Method::Certificate, ago(1801))];
        assert_eq!(level("real-credential", &old), Err(Unmet::Level { have: Level::RealPerson, need: Level::RealCredential }));
    }

    fn granted() -> Granted {
        let (proved, event) = prove(&[], &[proof(Method::RegistryPhone, ago(1))]).unwrap();
        assert_eq!(event.kind, "login.proved");
        proved.grant("pairwise".into(), NOW).0
    }

    #[test]
    fn a_code_is_bound_to_portal_address_verifier_and_time() {
        let client = requests::client().id;
        let other: ClientId = "other".parse().unwrap();
        let good = Redemption { client: &client, redirect_uri: Some("https://portal.example/cb"), verifier: Some(VERIFIER) };
        assert!(granted().spend(good, NOW).is_ok());
        let refused = |redemption, at| granted().spend(redemption, at).unwrap_err().0;
        assert_eq!(refused(Redemption { client: &other, ..good }, NOW), SpendError::OtherClient);
        assert_eq!(refused(good, NOW.plus(CODE_LIFE)), SpendError::Expired);
        assert_eq!(refused(Redemption { redirect_uri: None, ..good }, NOW), SpendError::OtherAddress);
        assert_eq!(refused(Redemption { redirect_uri: Some("https://portal.example/other?x=1"), ..good }, NOW), SpendError::OtherAddress);
        for bad in [None, Some(""), Some(requests::CHALLENGE), Some("short"), Some(&*"a".repeat(129))] {
            assert_eq!(refused(Redemption { verifier: bad, ..good }, NOW), SpendError::Verifier, "{bad:?}");
        }
    }
}
