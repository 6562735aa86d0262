//! A certificate: the holder's key signs a challenge that we made; signature, chain, key usage, revocation and the register's
//! word on the holder decide. Everything they rest on is kept as one piece of evidence.

use super::revocation::{self, Status};
use super::{HOUR, Landed, Visit, account, attribute_of, kind_text};
use crate::crypto::{self, Hash, KeyKind, Scheme, SignatureAlgorithm};
use crate::fault::{Fault, code};
use crate::id::{PersonNumber, UnifiedSocialCreditCode};
use crate::ids::{AgencyId, ChallengeId, PartyId};
use crate::login::challenge::{Answer, Answered, Challenge, LIFE, Purpose, Refused, plain_name};
use crate::login::{Level, Method, SubjectKind};
use crate::moment::Moment;
use crate::pki::{Certificate, HolderKind};
use crate::province::organisation::OrganisationState;
use crate::province::population::PersonState;
use crate::service::log_in::{Here, Shown, add_proof, here, land, witness};
use crate::store::evidence::{self, NewEvidence, Privacy};
use crate::store::parties::{self, AttributeKind, PartyKind};
use crate::store::{Tx, challenges, phone_codes};
use crate::world::random;
use serde::Serialize;
use std::time::Duration;
use subtle::ConstantTimeEq;

const KIND: &str = "certificate-login";

/// Whose certificate the page asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// A person's.
    Person,
    /// An organisation's.
    Organisation,
}

/// Refused answers of one address in an hour.
const REFUSED: i64 = 120;
const REFUSALS: &str = "certificate-refused";

/// Makes a challenge for this browser. It is written nowhere: its nonce tells that it is ours, for this browser, and unchanged.
///
/// # Errors
/// Those of the store.
pub async fn challenge(visit: Visit<'_>, wanted: Wanted) -> Result<Challenge, Fault> {
    let world = visit.world;
    let now = world.clock.now();
    let (portal, _) = visit.portal().await?;
    let cookie = visit.cookie;
    let here = world.store.read("who asks for a challenge", |tx| Box::pin(async move { here(tx, cookie, now).await })).await?;
    let purpose = purpose(wanted, here.as_ref());
    made(visit, &portal, purpose, now, random(&*world.dice))
}

/// The challenge of these fields and this salt, for this browser.
fn made(visit: Visit<'_>, portal: &str, purpose: Purpose, at: Moment, salt: [u8; 4]) -> Result<Challenge, Fault> {
    let challenge = |nonce: ChallengeId| {
        let made = Challenge::new(&visit.world.config.issuer, purpose, &plain_name(portal), nonce, at, at.plus(LIFE));
        made.map_err(|error| Fault::new(code::SYSTEM).because(error))
    };
    // First with an empty nonce: what the nonce vouches for is every other octet of the text.
    let bare = challenge(ChallengeId::from_random([0; 16]))?;
    challenge(nonce(visit, &bare.text(), salt)?)
}

/// 32 random bits, then 96 of a keyed hash over them, the browser and the text: nobody else can make one that we take, and no two
/// are alike. It is drawn anew for each page, and single use is kept by its spending.
fn nonce(visit: Visit<'_>, bare: &str, salt: [u8; 4]) -> Result<ChallengeId, Fault> {
    let salt = hex::encode(salt);
    let mac = visit.world.store.sealer().lookup(KIND, format!("{salt}\0{}\0{bare}", visit.bound()).as_bytes());
    let mac = mac.get(..24).unwrap_or_default();
    format!("{salt}{mac}").parse().map_err(|error: crate::ids::NotAnId| Fault::new(code::SYSTEM).because(error))
}

/// Whether we made this challenge for this browser.
fn ours(visit: Visit<'_>, challenge: &Challenge) -> Result<bool, Fault> {
    let mut salt = [0; 4];
    let given = challenge.nonce().as_str();
    if given.get(..8).is_none_or(|text| hex::decode_to_slice(text, &mut salt).is_err()) {
        return Ok(false);
    }
    let bare = challenge.text().replacen(&format!("\nnonce: {given}\n"), &format!("\nnonce: {}\n", "0".repeat(32)), 1);
    Ok(bool::from(nonce(visit, &bare, salt)?.as_str().as_bytes().ct_eq(given.as_bytes())))
}

/// A person's certificate raises a person's session; an organisation's adds for whom the person acts.
fn purpose(wanted: Wanted, here: Option<&Here>) -> Purpose {
    match (wanted, here.map(|here| here.kind)) {
        (Wanted::Person, Some(SubjectKind::Person)) => Purpose::StepUp,
        (Wanted::Organisation, Some(SubjectKind::Person)) => Purpose::Organisation,
        _ => Purpose::Login,
    }
}

/// A challenge that this browser was shown, for the download. `None`: lapsed, spent, another browser's, or never made.
pub async fn certificate_text(visit: Visit<'_>, id: &ChallengeId, purpose: Purpose, issued: Moment) -> Result<Option<String>, Fault> {
    let world = visit.world;
    let (portal, _) = visit.portal().await?;
    let again = Challenge::new(&world.config.issuer, purpose, &plain_name(&portal), id.clone(), issued, issued.plus(LIFE));
    let Ok(again) = again else { return Ok(None) };
    let lives = again.answerable(&world.config.issuer, world.clock.now(), Duration::ZERO).is_ok() && ours(visit, &again)?;
    let fresh =
        lives && !world.store.read("a challenge again", |tx| Box::pin(async move { Ok(challenges::is_spent(tx, id).await?) })).await?;
    Ok(fresh.then(|| again.text()))
}

/// Judges an answer, the JSON of the connector; a good one enters.
///
/// # Errors
/// One code for each reason; [`code::CA_UNAVAILABLE`] where the certificate's state cannot be known now: nobody enters, try again.
pub async fn answer(visit: Visit<'_>, json: &[u8], wanted: Wanted) -> Result<Landed, Fault> {
    let world = visit.world;
    let now = world.clock.now();
    let answered = Answer::unpack(json).map_err(|_| Fault::new(code::ANSWER_FORM))?;
    let challenge = Challenge::parse(answered.text.as_bytes()).map_err(|_| Fault::new(code::CHALLENGE_FORM))?;
    challenge.answerable(&world.config.issuer, now, Duration::ZERO).map_err(|refused| match refused {
        Refused::OtherOrigin => Fault::new(code::CHALLENGE_ORIGIN),
        Refused::Expired | Refused::NotYet => Fault::new(code::CHALLENGE_EXPIRED),
    })?;
    // Before anybody is asked anything: ours, this browser's, not spent, and not one too many.
    let (portal, agency) = visit.portal().await?;
    if !ours(visit, &challenge)? || challenge.portal() != plain_name(&portal) {
        return Err(Fault::new(code::CHALLENGE_EXPIRED));
    }
    let (nonce, source) = (challenge.nonce(), visit.source);
    let (spent, refused) = world
        .store
        .read("an answer to a challenge", |tx| {
            Box::pin(async move { Ok((challenges::is_spent(tx, nonce).await?, phone_codes::attempts(tx, REFUSALS, source, now).await?)) })
        })
        .await?;
    if spent || refused >= REFUSED {
        return Err(if spent { code::CHALLENGE_EXPIRED } else { code::TOO_MANY }.into());
    }
    let landed = match judge(visit, &answered, wanted, now).await {
        Ok(judged) => enter(visit, &challenge, &judged, agency.as_ref(), now).await,
        Err(fault) => Err(fault),
    };
    if let Err(fault) = &landed {
        refuse(visit, &challenge, fault, agency.as_ref(), now).await?;
    }
    landed
}

/// A no stands in the audit log. A definite one spends the challenge; where somebody else failed, the same answer may come again
/// while the challenge lives.
async fn refuse(visit: Visit<'_>, challenge: &Challenge, fault: &Fault, agency: Option<&AgencyId>, now: Moment) -> Result<(), Fault> {
    let (bound, nonce, why, definite) = (visit.bound(), challenge.nonce(), fault.code.id, fault.code.status < 500);
    let (bound, source, ends) = (bound.as_str(), visit.source, challenge.expires());
    let refused = visit.world.store.write("a certificate refused", |tx| {
        Box::pin(async move {
            phone_codes::attempt(tx, REFUSALS, source, u32::MAX, HOUR, now).await?;
            if definite {
                challenges::spend_first(tx, nonce, KIND, bound, now, ends).await?;
            }
            let mut event = crate::login::AuditEvent::new("proof.refused", now).fact("method", "certificate").fact("why", why);
            event.agency = agency.cloned();
            Ok(witness(tx, &event).await?)
        })
    });
    refused.await
}

/// A certificate whose holder stands as shown.
struct Judged {
    holder: Who,
    name: String,
    /// What it may count for: less where the register could not be asked.
    cap: Option<Level>,
    verifier: String,
    evidence: Vec<u8>,
}

enum Who {
    Person(PersonNumber),
    Organisation(UnifiedSocialCreditCode),
}

/// What is kept: whoever has it and the anchors can judge again.
#[derive(Serialize)]
struct Kept<'a> {
    at: Moment,
    challenge: &'a str,
    certificate: String,
    path: Vec<String>,
    signature: String,
    ocsps: Vec<String>,
    crls: Vec<String>,
    /// The register's answer as it came, or why there is none.
    register: Register,
}

#[derive(Serialize)]
enum Register {
    #[serde(rename = "answer")]
    Answer(String),
    #[serde(rename = "none")]
    None(String),
}

async fn judge(visit: Visit<'_>, answered: &Answered, wanted: Wanted, now: Moment) -> Result<Judged, Fault> {
    let unreadable = || Fault::new(code::CERTIFICATE_UNREADABLE);
    let certificate = Certificate::from_der(&answered.certificate).map_err(|_| unreadable())?;
    let key = certificate.public_key().map_err(|_| unreadable())?;
    // One scheme for each kind of key: the answer cannot choose a weaker one.
    let scheme = match key.kind() {
        KeyKind::Sm2 => Scheme::Sm2,
        KeyKind::P256 => Scheme::Ecdsa(Hash::Sha256),
        KeyKind::P384 => Scheme::Ecdsa(Hash::Sha384),
        KeyKind::P521 => Scheme::Ecdsa(Hash::Sha512),
        KeyKind::Rsa(2048..=8192) => Scheme::RsaPkcs1(Hash::Sha256),
        other => return Err(Fault::new(code::CERTIFICATE_WEAK).detail(other.to_string())),
    };
    crypto::verify(key, &SignatureAlgorithm::new(scheme), answered.text.as_bytes(), &answered.signature)
        .map_err(|_| Fault::new(code::SIGNATURE_WRONG))?;
    let holder = certificate.holder();
    let (who, purpose) = match (wanted, holder.kind) {
        (Wanted::Person, HolderKind::Person) => {
            let number = holder.citizen_number.as_deref().unwrap_or_default();
            (Who::Person(PersonNumber::parse(number).map_err(|_| Fault::new(code::CERTIFICATE_NUMBER))?), "person")
        }
        (Wanted::Organisation, HolderKind::Organisation) => {
            let number = holder.uscc.as_deref().unwrap_or_default();
            (Who::Organisation(UnifiedSocialCreditCode::parse(number).map_err(|_| Fault::new(code::CERTIFICATE_NUMBER))?), "organisation")
        }
        (_, HolderKind::Unknown) => return Err(code::CERTIFICATE_NUMBER.into()),
        _ => return Err(code::CERTIFICATE_OTHER_KIND.into()),
    };
    let chain: Vec<Certificate> = answered.chain.iter().filter_map(|der| Certificate::from_der(der).ok()).collect();
    let checked = revocation::check(visit.world, &certificate, &chain, purpose, now).await?;
    let (register, cap) = match &who {
        Who::Person(number) => person(visit, &holder.name, number, now).await?,
        Who::Organisation(code) => organisation(visit, &holder.name, code).await?,
    };
    let Status { path, ocsps, crls } = checked;
    let encode = |der: &[u8]| {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.encode(der)
    };
    let kept = Kept {
        at: now,
        challenge: &answered.text,
        certificate: encode(certificate.der()),
        path: path.iter().map(|one| encode(one.der())).collect(),
        signature: encode(&answered.signature),
        ocsps: ocsps.iter().map(|one| encode(one.der())).collect(),
        crls: crls.iter().map(|one| encode(one.der())).collect(),
        register,
    };
    let evidence = serde_json::to_vec(&kept).map_err(|error| Fault::new(code::SYSTEM).because(error))?;
    let issuer = certificate.issuer().common_name().unwrap_or("CA");
    Ok(Judged { holder: who, name: holder.name, cap, verifier: crate::id::mask_text(issuer), evidence })
}

/// Whether the person whom a good certificate names lives under this number. A register that cannot be asked lowers the level.
async fn person(visit: Visit<'_>, name: &str, number: &PersonNumber, now: Moment) -> Result<(Register, Option<Level>), Fault> {
    number.born_by(now)?;
    let PersonNumber::Citizen(citizen) = number else {
        // No register holds this kind here.
        return Ok((Register::None(kind_text(number.kind())), Some(Level::RealPerson)));
    };
    let heard = match visit.world.province.population() {
        Ok(register) => register.check(name, citizen, false, None).await,
        Err(missing) => Err(missing),
    };
    let heard = match heard {
        Ok(heard) => heard,
        Err(unavailable) => return Ok((Register::None(unavailable.to_string()), Some(Level::RealPerson))),
    };
    match heard.said.as_ref().map(|person| person.state) {
        Some(PersonState::Alive) => Ok((Register::Answer(String::from_utf8_lossy(&heard.evidence).into_owned()), None)),
        Some(PersonState::Deceased) => Err(code::PERSON_DECEASED.into()),
        Some(PersonState::NumberChanged) => Err(code::NUMBER_CHANGED.into()),
        None => Err(code::REGISTER_DIFFERS.into()),
    }
}

async fn organisation(visit: Visit<'_>, name: &str, code_: &UnifiedSocialCreditCode) -> Result<(Register, Option<Level>), Fault> {
    let heard = match visit.world.province.organisations() {
        Ok(register) => register.check(name, code_.expose(), None, None).await,
        Err(missing) => Err(missing),
    };
    let heard = match heard {
        Ok(heard) => heard,
        // A code whose check character does not follow is nothing without the register's word.
        Err(unavailable) if code_.check() == crate::id::CodeCheck::AskTheRegister => return Err(unavailable.into()),
        Err(unavailable) => return Ok((Register::None(unavailable.to_string()), Some(Level::RealPerson))),
    };
    match heard.said.as_ref() {
        Some(found) if found.uscc != *code_ => Err(code::REGISTER_DIFFERS.into()),
        Some(found) => {
            standing(found.state)?;
            Ok((Register::Answer(String::from_utf8_lossy(&heard.evidence).into_owned()), None))
        }
        None => Err(code::REGISTER_DIFFERS.into()),
    }
}

/// An organisation that exists and may act.
pub(in crate::service) fn standing(state: OrganisationState) -> Result<(), Fault> {
    match state {
        OrganisationState::Active => Ok(()),
        OrganisationState::Deregistered => Err(code::ORGANISATION_GONE.into()),
        OrganisationState::LicenceRevoked => Err(code::ORGANISATION_LICENCE.into()),
    }
}

async fn enter(visit: Visit<'_>, challenge: &Challenge, judged: &Judged, agency: Option<&AgencyId>, now: Moment) -> Result<Landed, Fault> {
    let bound = visit.bound();
    let bound = bound.as_str();
    let landed = visit.world.store.write("log in by certificate", |tx| {
        Box::pin(async move {
            // Spent with the proof, or not at all: of two answers at once one enters.
            if !challenges::spend_first(tx, challenge.nonce(), KIND, bound, now, challenge.expires()).await? {
                return Err(code::CHALLENGE_EXPIRED.into());
            }
            let (party, new, method) = shown_party(tx, judged, now).await?;
            let here = here(tx, visit.cookie, now).await?;
            let subject = subject(challenge.purpose(), here.as_ref(), &party)?;
            let evidence = evidence::add(
                tx,
                NewEvidence {
                    agency,
                    kind: "certificate-login",
                    source: "certificate",
                    privacy: Privacy::Of(&party),
                    body: &judged.evidence,
                    seen_at: now,
                    this_update: None,
                    next_update: None,
                },
            )
            .await?;
            let shown = Shown {
                by: (subject != party).then_some(&subject),
                agency,
                cap: judged.cap,
                evidence: Some(&evidence),
                ..Shown::new(&party, method, now, &judged.verifier)
            };
            let proof = add_proof(tx, &shown).await?;
            // A new name is taken over only where the register confirmed it just now.
            if new || judged.cap.is_none() {
                parties::set(tx, &party, AttributeKind::Name, &judged.name, Some(&proof.id), now).await?;
            }
            let event = super::proved(&proof, visit, agency, now).fact("register_asked", judged.cap.is_none());
            witness(tx, &event).await?;
            land(tx, visit.provider, visit.ask, visit.cookie, &subject, &proof, now).await
        })
    });
    landed.await
}

async fn shown_party(tx: &mut Tx<'_>, judged: &Judged, now: Moment) -> Result<(PartyId, bool, Method), Fault> {
    match &judged.holder {
        Who::Person(number) => {
            let (party, new) = account(tx, PartyKind::Person, attribute_of(number), number.expose(), &judged.name, now).await?;
            Ok((party, new, Method::Certificate))
        }
        Who::Organisation(code) => {
            // One code, one organisation: it may take a new name, and the register or the authority just confirmed it.
            let kind = AttributeKind::CreditCode;
            let (party, new) = parties::find_or_add(tx, PartyKind::Organisation, kind, code.expose(), now).await?;
            Ok((party.id, new, Method::OrganisationCertificate))
        }
    }
}

/// Who shall be logged in: the challenge said for what it was signed, and the session must still be what it was then.
fn subject(purpose: Purpose, here: Option<&Here>, party: &PartyId) -> Result<PartyId, Fault> {
    let person = here.filter(|here| here.kind == SubjectKind::Person).map(|here| &here.session.subject);
    match purpose {
        Purpose::Login => Ok(party.clone()),
        Purpose::StepUp if person == Some(party) => Ok(party.clone()),
        Purpose::StepUp => Err(code::CERTIFICATE_OTHER_PERSON.into()),
        Purpose::Organisation => person.cloned().ok_or(Fault::new(code::LOGIN_NEEDED)),
    }
}
