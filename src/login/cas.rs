//! CAS protocol 3.0 for portals that know nothing newer: the login request, the service ticket, what a validation answers.
//! The login itself is the same chain of [`states`](super::states); only the answer differs. Proxy tickets are never given.

use super::claims;
use super::request::{AuthorizationRequest, ClaimsWish, Parameters, PlaceWish, Prompt, Refusal, Reply};
use super::states::Granted;
use super::{Client, Level};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

/// How long a service ticket may be validated (CAS 3.0 §3.1.1 advises at most five minutes; portals validate at once).
pub const TICKET_LIFE: Duration = Duration::from_secs(60);

/// What is kept with a ticket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    /// The service that it was given to, as sent.
    pub service: String,
    /// Whether somebody proved who they are for it (`renew`), and it is not of a session that was there before.
    pub fresh: bool,
}

/// Whether a text can be a ticket of ours: `ST-` and 64 hexadecimal digits.
pub fn is_ticket(text: &str) -> bool {
    text.strip_prefix("ST-").is_some_and(|rest| rest.len() == 64 && rest.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')))
}

/// The parameters of a CAS address. A flag is set by being there, with or without a value (CAS 3.0 §2.1.1).
///
/// # Errors
/// As [`Parameters::parse`].
pub fn parameters<I: IntoIterator<Item = (String, String)>>(pairs: I) -> Result<Parameters, Refusal> {
    Parameters::parse(pairs.into_iter().map(|(name, value)| {
        let set = matches!(name.as_str(), "renew" | "gateway") && value.is_empty();
        (name, if set { "true".to_owned() } else { value })
    }))
}

/// A flag is set by being there; `false` is taken at its word (CAS 3.0 §2.1.1).
pub fn flag(parameters: &Parameters, name: &str) -> bool {
    parameters.value(name).is_some_and(|value| !value.eq_ignore_ascii_case("false"))
}

/// The request of a portal that was found by its service (CAS 3.0 §2.1). `renew` goes before `gateway`. What is released is all
/// that the portal is registered for: CAS has no way to ask for less.
pub fn request(client: &Client, service: &str, renew: bool, gateway: bool) -> AuthorizationRequest {
    let prompt = match (renew, gateway) {
        (true, _) => BTreeSet::from([Prompt::Login]),
        (false, true) => BTreeSet::from([Prompt::None]),
        (false, false) => BTreeSet::new(),
    };
    AuthorizationRequest {
        reply: Reply::Ticket,
        client: client.id.clone(),
        redirect_uri: service.to_owned(),
        state: None,
        nonce: None,
        code_challenge: String::new(),
        scope: ["openid", "profile", "citizen_number", "organisation"].map(str::to_owned).into(),
        prompt,
        max_age: None,
        level: client.minimum.max(Level::RealName),
        acr_choices: Vec::new(),
        wishes: ClaimsWish::default(),
        ui_locales: None,
    }
}

/// The service with its ticket. The service itself stays as registered.
pub fn answer(service: &str, ticket: &str) -> String {
    let joint = if service.contains('?') { '&' } else { '?' };
    format!("{service}{joint}ticket={ticket}")
}

/// Where a browser goes that gets no ticket: where the portal allowed no page (`gateway`), back to it without one (CAS 3.0
/// §2.1.1). Who cancels stays here: the portal would ask again at once.
pub(super) fn refuse(request: &AuthorizationRequest) -> String {
    if request.prompt.contains(&Prompt::None) { request.redirect_uri.clone() } else { "/".to_owned() }
}

/// Why a validation fails (CAS 3.0 §2.5.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// `service` or `ticket` is missing or there twice.
    Request,
    /// Unknown, lapsed, used before, or not fresh where `renew` asks for it.
    Ticket,
    /// The ticket is another service's; it is void now.
    Service,
    /// `pgtUrl`: proxying is switched off.
    Proxy,
}

impl Failure {
    /// The code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Request => "INVALID_REQUEST",
            Self::Ticket => "INVALID_TICKET",
            Self::Service => "INVALID_SERVICE",
            Self::Proxy => "UNAUTHORIZED_SERVICE_PROXY",
        }
    }

    /// For the portal's developer.
    pub const fn description(self) -> &'static str {
        match self {
            Self::Request => "service and ticket are required, each once",
            Self::Ticket => "the ticket is unknown, has expired or was used, or was not issued for renew",
            Self::Service => "the ticket was issued to another service; it is void now",
            Self::Proxy => "proxy authentication is switched off; do not send pgtUrl",
        }
    }
}

/// Who it is, as a validation answers. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Success {
    /// The Party's name at this portal, the same as `sub` would be.
    pub user: String,
    /// Name and value; a name may stand more than once.
    pub attributes: Vec<(&'static str, String)>,
}

impl std::fmt::Debug for Success {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Success(…)")
    }
}

/// What XML 1.0 §2.2 allows; a registry's slip must not break the portal's parser.
fn clean(text: &str) -> String {
    text.chars().filter(|&c| matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)).collect()
}

impl Success {
    /// What goes out about a login: as the portal is registered for now, by the same rule as at userinfo.
    pub fn new(client: &Client, granted: &Granted, person: &claims::Person, fresh: bool) -> Self {
        let facts = &granted.facts;
        let mut attributes = vec![
            ("authenticationDate", facts.auth_time.to_string()),
            ("longTermAuthenticationRequestTokenUsed", "false".to_owned()),
            ("isFromNewLogin", fresh.to_string()),
        ];
        attributes.extend(facts.level.acr().map(|acr| ("acr", acr.to_owned())));
        attributes.extend(facts.amr.iter().map(|method| ("amr", method.clone())));
        let claims = claims::place(client, &granted.request.scope, &PlaceWish::default(), true, facts.kind, person, &facts.proofs);
        let mut add = |name, value: Option<&Value>| attributes.extend(value.and_then(Value::as_str).map(|value| (name, clean(value))));
        for name in ["subject_kind", "name", "citizen_number"] {
            add(name, claims.get(name));
        }
        let organisation = claims.get("organisation");
        for (name, member) in [("organisation_name", "name"), ("organisation_uscc", "uscc"), ("organisation_basis", "basis")] {
            add(name, organisation.and_then(|organisation| organisation.get(member)));
        }
        Self { user: clean(&granted.sub), attributes }
    }

    /// As JSON (CAS 3.0 §2.5.7): a name that stands more than once is an array, always so for `amr`.
    pub fn json(&self, attributes: bool) -> Value {
        let mut out = Map::new();
        for (name, value) in self.attributes.iter().filter(|_| attributes) {
            if *name == "amr" {
                if let Value::Array(all) = out.entry(*name).or_insert_with(|| json!([])) {
                    all.push(json!(value));
                }
            } else {
                out.insert((*name).to_owned(), json!(value));
            }
        }
        let mut success = Map::from_iter([("user".to_owned(), json!(self.user))]);
        if attributes {
            success.insert("attributes".to_owned(), Value::Object(out));
        }
        json!({ "serviceResponse": { "authenticationSuccess": success } })
    }
}

#[cfg(test)]
mod tests {
    use super::super::request::tests as requests;
    use super::*;

    fn asked(renew: bool, gateway: bool) -> AuthorizationRequest {
        request(&requests::client(), "https://portal.example/cas?a=1", renew, gateway)
    }

    #[test]
    fn a_ticket_goes_to_the_service_as_it_was_sent() {
        assert_eq!(answer("https://p.example/cas", "ST-1"), "https://p.example/cas?ticket=ST-1");
        assert_eq!(answer("https://p.example/cas?a=%2f", "ST-1"), "https://p.example/cas?a=%2f&ticket=ST-1");
        assert_eq!(refuse(&asked(false, true)), "https://portal.example/cas?a=1", "gateway: back, without a ticket");
        assert_eq!(refuse(&asked(true, true)), "/", "renew goes before gateway");
    }

    #[test]
    fn only_our_own_tickets_are_looked_up() {
        let good = format!("ST-{}", "0a".repeat(32));
        assert!(is_ticket(&good));
        for bad in ["", "ST-", "ST-1", &good.replace("ST", "PT"), &good.to_uppercase(), &format!("{good}0"), &good.replace('a', "'")] {
            assert!(!is_ticket(bad), "{bad}");
        }
    }

    #[test]
    fn flags_are_set_by_being_there() {
        let parameters = |text: &str| parameters(url::form_urlencoded::parse(text.as_bytes()).into_owned()).unwrap();
        for (query, set) in [("renew=true", true), ("renew=", true), ("renew=false", false), ("", false), ("renew=1", true)] {
            assert_eq!(flag(&parameters(query), "renew"), set, "{query}");
        }
    }

    #[test]
    fn nothing_that_xml_forbids_goes_out() {
        assert_eq!(clean("李\u{0}娜\u{b}\u{fffe}<&\u{10000}"), "李娜<&\u{10000}");
    }
}
