//! What answers over mutual TLS: the registers, the phone gateway, the clock, certificate issuing. Every answer is signed.

use super::{
    Lab,
    chaos::{Endpoint, Mood},
    issue,
    misbehave::misbehaving,
    registry::{OrganisationState, PersonState, SealState, Since, as_of},
};
use crate::{moment::Moment, world::Clock as _};
use axum::{Extension, Router, body::Bytes, extract::State, response::Response, routing::post};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::sync::Arc;
use tower_http::timeout::RequestBodyTimeoutLayer;

/// The routes, each with its chaos.
pub fn router(lab: &Arc<Lab>) -> Router {
    Router::new()
        .route("/population/match", misbehaving(lab, Endpoint::Population, post(population)))
        .route("/organisation/match", misbehaving(lab, Endpoint::Organisation, post(organisation)))
        .route("/phone/deliver", misbehaving(lab, Endpoint::Phone, post(phone)))
        .route("/ca/issue", misbehaving(lab, Endpoint::Issue, post(certificate)))
        .route("/seal/status", misbehaving(lab, Endpoint::Seal, post(seal)))
        .route("/time", misbehaving(lab, Endpoint::Time, post(time)))
        .layer(axum::extract::DefaultBodyLimit::max(64 << 10))
        .layer(RequestBodyTimeoutLayer::new(super::serve::PATIENCE))
        .with_state(lab.clone())
}

/// Whether the asked facts belong together in the register. Which of them is wrong is never said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Match {
    Match,
    NoMatch,
}

/// A question has at least its nonce: 16 to 64 hexadecimal digits.
trait Question: DeserializeOwned {
    fn nonce(&self) -> &str;
}

macro_rules! questions {
    ($($name:ident)*) => { $(impl Question for $name { fn nonce(&self) -> &str { &self.nonce } })* };
}
questions! { PopulationQuestion OrganisationQuestion SealQuestion PhoneQuestion TimeQuestion IssueQuestion }

/// Reads the question, or refuses it.
fn read<Q: Question>(lab: &Lab, body: &[u8]) -> Result<Q, Box<Response>> {
    let now = lab.clock.now();
    // serde's message may quote the value it stumbled over, which may be somebody's number.
    let question: Q = serde_json::from_slice(body).map_err(|_| Box::new(lab.answers.refuse("", body, now, "malformed-question")))?;
    let nonce = question.nonce();
    if !(16..=64).contains(&nonce.len()) || !nonce.bytes().all(|octet| octet.is_ascii_hexdigit()) {
        return Err(Box::new(lab.answers.refuse("", body, now, "malformed-nonce")));
    }
    Ok(question)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PopulationQuestion {
    nonce: String,
    name: String,
    number: String,
    /// Whether the register's phone is wanted.
    #[serde(default)]
    phone: bool,
    /// The moment whose state is wanted; now, if none.
    at: Option<Moment>,
}

#[derive(Serialize)]
struct PopulationAnswer {
    result: Match,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<PersonState>,
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<Moment>,
    #[serde(skip_serializing_if = "Option::is_none")]
    phone: Option<String>,
}

async fn population(State(lab): State<Arc<Lab>>, Extension(mood): Extension<Mood>, body: Bytes) -> Response {
    let question: PopulationQuestion = match read(&lab, &body) {
        Ok(question) => question,
        Err(refusal) => return *refusal,
    };
    let now = lab.clock.now();
    let content = {
        let registry = lab.registry();
        let found = registry.person(&question.name, &question.number);
        let known = found.and_then(|person| as_of(&person.history, question.at.unwrap_or(now)).map(|state| (person, state)));
        PopulationAnswer {
            result: known.map_or(Match::NoMatch, |_| Match::Match),
            state: known.map(|(_, state)| state.state),
            since: known.map(|(_, state)| state.since),
            phone: known
                .filter(|(_, state)| question.phone && state.state == PersonState::Alive)
                .and_then(|(person, _)| person.phone.clone()),
        }
    };
    tracing::info!(result = ?content.result, state = ?content.state, "population asked");
    lab.answers.answer("population-match", &question.nonce, &body, now, content, mood)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OrganisationQuestion {
    nonce: String,
    name: String,
    /// Unified social credit code, or the older organisation code.
    code: String,
    /// Who is said to be its legal representative.
    legal_representative: Option<LegalRepresentative>,
    /// The moment whose state is wanted; now, if none.
    at: Option<Moment>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LegalRepresentative {
    name: String,
    number: String,
}

#[derive(Serialize)]
struct OrganisationAnswer {
    result: Match,
    #[serde(skip_serializing_if = "Option::is_none")]
    uscc: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<OrganisationState>,
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<Moment>,
    /// Only where it was asked and the organisation matches.
    #[serde(skip_serializing_if = "Option::is_none")]
    legal_representative: Option<Match>,
}

async fn organisation(State(lab): State<Arc<Lab>>, Extension(mood): Extension<Mood>, body: Bytes) -> Response {
    let question: OrganisationQuestion = match read(&lab, &body) {
        Ok(question) => question,
        Err(refusal) => return *refusal,
    };
    let now = lab.clock.now();
    let content = {
        let registry = lab.registry();
        let found = registry.organisation(&question.name, &question.code);
        let known = found.and_then(|entry| as_of(&entry.history, question.at.unwrap_or(now)).map(|state| (entry, state)));
        let legal = known.zip(question.legal_representative.as_ref()).map(|((entry, _), asked)| {
            let person = registry.person(&asked.name, &asked.number);
            if person.is_some_and(|person| person.id == entry.legal_representative) { Match::Match } else { Match::NoMatch }
        });
        OrganisationAnswer {
            result: known.map_or(Match::NoMatch, |_| Match::Match),
            uscc: known.map(|(entry, _)| entry.uscc.clone()),
            state: known.map(|(_, state)| state.state),
            since: known.map(|(_, state)| state.since),
            legal_representative: legal,
        }
    };
    tracing::info!(result = ?content.result, state = ?content.state, "organisation asked");
    lab.answers.answer("organisation-match", &question.nonce, &body, now, content, mood)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PhoneQuestion {
    nonce: String,
    phone: String,
    text: String,
}

#[derive(Serialize)]
struct PhoneAnswer {
    delivery: u64,
}

async fn phone(State(lab): State<Arc<Lab>>, Extension(mood): Extension<Mood>, body: Bytes) -> Response {
    let question: PhoneQuestion = match read(&lab, &body) {
        Ok(question) => question,
        Err(refusal) => return *refusal,
    };
    let now = lab.clock.now();
    let phone_like = question.phone.len() == 11 && question.phone.bytes().all(|octet| octet.is_ascii_digit());
    if !phone_like || question.text.is_empty() || question.text.chars().count() > 500 {
        return lab.answers.refuse(&question.nonce, &body, now, "not-deliverable");
    }
    let delivery = match lab.deliver(now, &question.phone, &question.text) {
        Ok(delivery) => delivery,
        Err(error) => return lab.broken(&error),
    };
    tracing::info!(delivery, "text delivered to the inbox");
    lab.answers.answer("phone-delivery", &question.nonce, &body, now, PhoneAnswer { delivery }, mood)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SealQuestion {
    nonce: String,
    /// The seal's code, `esID`.
    code: String,
    /// SHA-256 of its octets, hexadecimal.
    sha256: String,
}

#[derive(Serialize)]
struct SealAnswer {
    result: Match,
    #[serde(skip_serializing_if = "Option::is_none")]
    filing: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    filed: Option<Moment>,
    #[serde(skip_serializing_if = "Option::is_none")]
    valid_from: Option<Moment>,
    #[serde(skip_serializing_if = "Option::is_none")]
    valid_until: Option<Moment>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    history: Vec<Since<SealState>>,
}

async fn seal(State(lab): State<Arc<Lab>>, Extension(mood): Extension<Mood>, body: Bytes) -> Response {
    let question: SealQuestion = match read(&lab, &body) {
        Ok(question) => question,
        Err(refusal) => return *refusal,
    };
    let now = lab.clock.now();
    let known = lab.registry().seal(&question.code, &question.sha256).cloned();
    let content = SealAnswer {
        result: if known.is_some() { Match::Match } else { Match::NoMatch },
        filing: known.as_ref().and_then(|seal| seal.filing.clone()).map(|(number, _)| number),
        filed: known.as_ref().and_then(|seal| seal.filing.as_ref()).map(|(_, since)| *since),
        valid_from: known.as_ref().map(|seal| seal.valid_from),
        valid_until: known.as_ref().map(|seal| seal.valid_until),
        history: known.map(|seal| seal.history).unwrap_or_default(),
    };
    tracing::info!(result = ?content.result, "seal asked");
    lab.answers.answer("seal-status", &question.nonce, &body, now, content, mood)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TimeQuestion {
    nonce: String,
}

#[derive(Serialize)]
struct TimeAnswer {}

async fn time(State(lab): State<Arc<Lab>>, Extension(mood): Extension<Mood>, body: Bytes) -> Response {
    match read::<TimeQuestion>(&lab, &body) {
        Ok(question) => lab.answers.answer("time", &question.nonce, &body, lab.clock.now(), TimeAnswer {}, mood),
        Err(refusal) => *refusal,
    }
}

#[derive(Deserialize)]
struct IssueQuestion {
    nonce: String,
    #[serde(flatten)]
    order: issue::Order,
}

async fn certificate(State(lab): State<Arc<Lab>>, Extension(mood): Extension<Mood>, body: Bytes) -> Response {
    let question: IssueQuestion = match read(&lab, &body) {
        Ok(question) => question,
        Err(refusal) => return *refusal,
    };
    let now = lab.clock.now();
    match issue::issue(&lab, &question.order, now) {
        Ok(issued) => lab.answers.answer("certificates", &question.nonce, &body, now, issued, mood),
        Err(issue::Refused::Order(why)) => lab.answers.refuse(&question.nonce, &body, now, why),
        Err(issue::Refused::Lab(error)) => lab.broken(&error),
    }
}
