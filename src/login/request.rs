//! The authorization request: OpenID Connect Core §3.1.2.1, RFC 6749 §4.1.1, RFC 7636 §4.3, parsed into a type.
//!
//! Two steps, because the answer to a mistake depends on it: [`Parameters::parse`] and [`Parameters::addressee`] say to whom the
//! answer may go (never to an unregistered address, RFC 9700 §4.11); [`Parameters::request`] reads the rest, and its
//! [`Refusal`]s may be sent to the portal.

use super::{Client, Level};
use crate::ids::ClientId;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Longest value of a parameter that we carry around.
const LONGEST: usize = 2048;
/// Longest `claims` parameter.
const LONGEST_CLAIMS: usize = 4096;
/// Most parameters in one request.
const MOST: usize = 40;

/// An error code of RFC 6749 §4.1.2.1 or OpenID Connect Core §3.1.2.6 with a description for the portal's developer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// `error`.
    pub error: &'static str,
    /// `error_description`: ASCII, no personal data.
    pub description: String,
}

impl Refusal {
    /// A refusal.
    pub fn new(error: &'static str, description: impl Into<String>) -> Self {
        Self { error, description: description.into() }
    }
}

/// Parameters of a query or form, each at most once (RFC 6749 §3.1).
#[derive(Clone, Debug, Default)]
pub struct Parameters(BTreeMap<String, String>);

impl Parameters {
    /// Takes the pairs; refuses repeated, overlong or too many parameters. Empty values count as absent (RFC 6749 §3.1).
    pub fn parse<I: IntoIterator<Item = (String, String)>>(pairs: I) -> Result<Self, Refusal> {
        let mut parameters = BTreeMap::new();
        for (count, (name, value)) in pairs.into_iter().enumerate() {
            if count >= MOST {
                return Err(Refusal::new("invalid_request", "too many parameters"));
            }
            let longest = if name == "claims" || name == "id_token_hint" { LONGEST_CLAIMS } else { LONGEST };
            if value.len() > longest || name.len() > 64 {
                return Err(Refusal::new("invalid_request", "a parameter is too long"));
            }
            if value.is_empty() {
                continue;
            }
            if value.contains('\0') {
                return Err(Refusal::new("invalid_request", "a parameter has a control character"));
            }
            if parameters.insert(name, value).is_some() {
                return Err(Refusal::new("invalid_request", "a parameter is repeated"));
            }
        }
        Ok(Self(parameters))
    }

    /// One parameter.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The portal that asks.
    pub fn client_id(&self) -> Option<ClientId> {
        self.value("client_id")?.parse().ok()
    }

    /// Whether answers may go to the requested address; the address must be sent, also by a portal with only one.
    pub fn addressee(&self, client: &Client) -> Result<String, RedirectMismatch> {
        match self.value("redirect_uri") {
            Some(address) if client.may_redirect_to(address) => Ok(address.to_owned()),
            sent => Err(RedirectMismatch { sent: sent.map(str::to_owned), registered: client.redirect_uris.clone() }),
        }
    }

    /// Reads the request; the caller has checked the addressee.
    pub fn request(&self, client: &Client, redirect_uri: String) -> Result<AuthorizationRequest, Refusal> {
        for (name, error) in [
            ("request", "request_not_supported"),
            ("request_uri", "request_uri_not_supported"),
            ("registration", "registration_not_supported"),
        ] {
            if self.value(name).is_some() {
                return Err(Refusal::new(error, format!("{name} is not supported")));
            }
        }
        match self.value("response_type") {
            Some("code") => {}
            Some(_) => return Err(Refusal::new("unsupported_response_type", "only response_type=code")),
            None => return Err(Refusal::new("invalid_request", "response_type is missing")),
        }
        if self.value("response_mode").is_some_and(|mode| mode != "query") {
            return Err(Refusal::new("invalid_request", "only response_mode=query"));
        }
        let scope: BTreeSet<String> =
            self.value("scope").unwrap_or_default().split(' ').filter(|s| !s.is_empty()).map(str::to_owned).collect();
        if !scope.contains("openid") {
            return Err(Refusal::new("invalid_scope", "scope must contain openid"));
        }
        // RFC 7636 §4.4.1; RFC 9700 §2.1.1: forced, and never `plain`.
        match self.value("code_challenge_method") {
            Some("S256") => {}
            Some(_) => return Err(Refusal::new("invalid_request", "code_challenge_method must be S256")),
            None => return Err(Refusal::new("invalid_request", "PKCE is required: code_challenge and code_challenge_method=S256")),
        }
        let code_challenge = self.value("code_challenge").filter(|text| is_s256_challenge(text)).map(str::to_owned);
        let code_challenge =
            code_challenge.ok_or_else(|| Refusal::new("invalid_request", "code_challenge is not 43 characters of base64url"))?;
        let max_age = match self.value("max_age") {
            None => None,
            Some(text) => Some(text.parse().map_err(|_| Refusal::new("invalid_request", "max_age is not a number of seconds"))?),
        };
        let wishes = match self.value("claims") {
            None => ClaimsWish::default(),
            Some(text) => ClaimsWish::parse(text)?,
        };
        let prompt = prompts(self.value("prompt"))?;
        let wanted = self.wanted_level(client, &wishes)?;
        let mut request = AuthorizationRequest {
            reply: Reply::Code,
            client: client.id.clone(),
            redirect_uri,
            state: self.value("state").map(str::to_owned),
            nonce: self.value("nonce").map(str::to_owned),
            code_challenge,
            // Not registered for it: ignored (OpenID Connect Core §11).
            scope: scope
                .into_iter()
                .filter(|scope| SCOPES.contains(&scope.as_str()) && (scope != OFFLINE_ACCESS || client.policy.may_refresh()))
                .collect(),
            prompt,
            max_age,
            level: wanted.0,
            acr_choices: wanted.1,
            wishes,
            ui_locales: self.value("ui_locales").map(str::to_owned),
        };
        // `login_hint` is ignored on purpose: a hint could carry a number into a URL, and who logs in is shown by proofs alone.
        request.wishes.forget_unsupported();
        Ok(request)
    }

    /// The least level of this login, and the `acr` values of which the answer must be one (essential only).
    fn wanted_level(&self, client: &Client, wishes: &ClaimsWish) -> Result<(Level, Vec<Level>), Refusal> {
        let mut least = client.minimum.max(Level::RealName);
        // Voluntary values that we do not know are ignored (OpenID Connect Core §3.1.2.1); those we know are held to.
        let voluntary = self.value("acr_values").unwrap_or_default().split(' ').filter_map(Level::from_acr).min();
        least = voluntary.map_or(least, |level| least.max(level));
        let Some(acr) = &wishes.acr else { return Ok((least, Vec::new())) };
        let known: Vec<Level> = acr.values.iter().filter_map(|value| Level::from_acr(value)).collect();
        match known.iter().min() {
            Some(&lowest) => least = least.max(lowest),
            // Essential and unknown: no login can meet it (OpenID Connect Core §5.5.1.1).
            None if acr.essential && !acr.values.is_empty() => {
                return Err(Refusal::new(UNMET, "none of the essential acr values is supported"));
            }
            None => {}
        }
        Ok((least, if acr.essential { known } else { Vec::new() }))
    }
}

/// "Unmet authentication requirements" (OpenID Connect Core Error Code unmet_authentication_requirements 1.0).
pub const UNMET: &str = "unmet_authentication_requirements";

/// Scopes we know; others are ignored (OpenID Connect Core §3.1.2.1).
pub const SCOPES: [&str; 5] = ["openid", "profile", "citizen_number", "organisation", OFFLINE_ACCESS];

/// The scope that asks for a refresh token (OpenID Connect Core §11). The user agrees to it on the consent page.
pub const OFFLINE_ACCESS: &str = "offline_access";

/// `prompt` (OpenID Connect Core §3.1.2.1).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Prompt {
    /// No page may be shown.
    None,
    /// Prove again.
    Login,
    /// Ask again what may be released.
    Consent,
    /// Offer another account: the login page does.
    SelectAccount,
}

fn prompts(text: Option<&str>) -> Result<BTreeSet<Prompt>, Refusal> {
    let mut prompts = BTreeSet::new();
    for word in text.unwrap_or_default().split(' ').filter(|word| !word.is_empty()) {
        prompts.insert(match word {
            "none" => Prompt::None,
            "login" => Prompt::Login,
            "consent" => Prompt::Consent,
            "select_account" => Prompt::SelectAccount,
            _ => return Err(Refusal::new("invalid_request", "unknown prompt value")),
        });
    }
    if prompts.contains(&Prompt::None) && prompts.len() > 1 {
        return Err(Refusal::new("invalid_request", "prompt=none stands alone"));
    }
    Ok(prompts)
}

/// BASE64URL of a SHA-256 value: 43 characters (RFC 7636 §4.2).
fn is_s256_challenge(text: &str) -> bool {
    text.len() == 43 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// What the `claims` parameter wishes for one claim.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct AcrWish {
    /// Without it, no login.
    pub essential: bool,
    /// Any of these.
    pub values: Vec<String>,
}

/// `verified_claims` wished for one place (OpenID Identity Assurance §6).
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct VerifiedWish {
    /// The trust framework it must be, if the portal says one.
    pub trust_framework: Option<String>,
    /// Elements of `verification` asked for.
    pub verification: BTreeSet<String>,
    /// Claims asked for.
    pub claims: BTreeSet<String>,
}

/// What one place (ID token or userinfo) is wished to hold.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct PlaceWish {
    /// Claims by name.
    pub claims: BTreeSet<String>,
    /// `verified_claims`.
    pub verified: Option<VerifiedWish>,
}

/// The `claims` parameter (OpenID Connect Core §5.5), as far as we honour it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct ClaimsWish {
    /// Wished in the ID token.
    pub id_token: PlaceWish,
    /// Wished from userinfo.
    pub userinfo: PlaceWish,
    /// `id_token.acr`.
    pub acr: Option<AcrWish>,
    /// `id_token.sub.value`: nobody else will do.
    pub sub: Option<String>,
    /// `id_token.auth_time` is always in the token; kept for completeness of reading.
    #[serde(skip)]
    auth_time: bool,
}

impl ClaimsWish {
    fn parse(text: &str) -> Result<Self, Refusal> {
        let bad = || Refusal::new("invalid_request", "the claims parameter is malformed");
        let claims: BTreeMap<String, serde_json::Value> = serde_json::from_str(text).map_err(|_| bad())?;
        let mut wish = Self::default();
        for (place, wished) in &claims {
            let serde_json::Value::Object(wished) = wished else { continue };
            let target = match place.as_str() {
                "id_token" => &mut wish.id_token,
                "userinfo" => &mut wish.userinfo,
                _ => continue,
            };
            for (name, value) in wished {
                match name.as_str() {
                    "verified_claims" => target.verified = Some(VerifiedWish::parse(value).ok_or_else(bad)?),
                    _ => {
                        target.claims.insert(name.clone());
                    }
                }
            }
            if place == "id_token" {
                wish.auth_time = wished.contains_key("auth_time");
                if let Some(acr) = wished.get("acr") {
                    wish.acr = Some(AcrWish::parse(acr));
                }
                wish.sub = wished.get("sub").and_then(|sub| sub.get("value")).and_then(|value| value.as_str()).map(str::to_owned);
            }
        }
        Ok(wish)
    }

    fn forget_unsupported(&mut self) {
        for place in [&mut self.id_token, &mut self.userinfo] {
            place.claims.retain(|name| super::claims::SUPPORTED.contains(&name.as_str()));
            if let Some(verified) = &mut place.verified {
                verified.claims.retain(|name| super::claims::SUPPORTED.contains(&name.as_str()));
                verified.verification.retain(|name| super::claims::VERIFICATION.contains(&name.as_str()));
            }
        }
    }
}

impl AcrWish {
    fn parse(value: &serde_json::Value) -> Self {
        let essential = value.get("essential").and_then(serde_json::Value::as_bool).unwrap_or(false);
        let one = value.get("value").and_then(|value| value.as_str()).map(str::to_owned);
        let many = value.get("values").and_then(|values| values.as_array());
        let many = many.into_iter().flatten().filter_map(|value| value.as_str()).map(str::to_owned);
        Self { essential, values: one.into_iter().chain(many).collect() }
    }
}

impl VerifiedWish {
    fn parse(value: &serde_json::Value) -> Option<Self> {
        // An array asks for several sets; the first is answered, we assert under one trust framework only.
        let value = match value {
            serde_json::Value::Array(sets) => sets.first()?,
            other => other,
        };
        let verification = value.get("verification")?.as_object()?;
        let trust_framework = verification.get("trust_framework").and_then(|t| t.get("value")).and_then(|v| v.as_str()).map(str::to_owned);
        // OpenID Identity Assurance §6.1: the `claims` element must be there and not be empty.
        let claims = value.get("claims")?.as_object().filter(|claims| !claims.is_empty())?;
        Some(Self { trust_framework, verification: verification.keys().cloned().collect(), claims: claims.keys().cloned().collect() })
    }
}

/// By which protocol a request is answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reply {
    /// An authorization code (OpenID Connect).
    #[default]
    Code,
    /// A service ticket (CAS 3.0).
    Ticket,
}

/// A checked authorization request.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AuthorizationRequest {
    /// By which protocol it is answered.
    #[serde(default)]
    pub reply: Reply,
    /// Who asks.
    pub client: ClientId,
    /// Where the answer goes; registered.
    pub redirect_uri: String,
    /// Returned as it came.
    pub state: Option<String>,
    /// Goes into the ID token as it came.
    pub nonce: Option<String>,
    /// S256 only.
    pub code_challenge: String,
    /// Known scopes only.
    pub scope: BTreeSet<String>,
    /// Wishes about pages.
    pub prompt: BTreeSet<Prompt>,
    /// How long ago the authentication may lie, seconds.
    pub max_age: Option<u64>,
    /// The least level this login must have.
    pub level: Level,
    /// Where not empty, `acr` must be one of these.
    pub acr_choices: Vec<Level>,
    /// The `claims` parameter.
    pub wishes: ClaimsWish,
    /// Preferred languages of the pages.
    pub ui_locales: Option<String>,
}

impl AuthorizationRequest {
    /// The address of the answer with these parameters, `state` as it came, and `iss` (RFC 9207 §2).
    pub fn answer(&self, issuer: &str, parameters: &[(&str, &str)]) -> String {
        answer(&self.redirect_uri, issuer, self.state.as_deref(), parameters)
    }

    /// The answer that says no.
    pub fn refuse(&self, issuer: &str, refusal: &Refusal) -> String {
        if self.reply == Reply::Ticket {
            return super::cas::refuse(self);
        }
        self.answer(issuer, &[("error", refusal.error), ("error_description", &refusal.description)])
    }
}

/// A registered address with the parameters of an authorization response. The address itself stays as registered.
pub fn answer(redirect_uri: &str, issuer: &str, state: Option<&str>, parameters: &[(&str, &str)]) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(parameters);
    if let Some(state) = state {
        query.append_pair("state", state);
    }
    query.append_pair("iss", issuer);
    let joint = if redirect_uri.contains('?') { '&' } else { '?' };
    format!("{redirect_uri}{joint}{}", query.finish())
}

/// The redirect address is none of the registered ones.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RedirectMismatch {
    /// As sent; `None`: not sent.
    pub sent: Option<String>,
    /// As registered.
    pub registered: Vec<String>,
}

impl RedirectMismatch {
    /// The registered address nearest to the one sent, cut where they part: (common start, rest sent, rest registered).
    pub fn difference(&self) -> Option<(String, String, String)> {
        let sent = self.sent.as_deref()?;
        let common = |registered: &str| {
            sent.char_indices()
                .zip(registered.chars())
                .take_while(|((_, a), b)| a == b)
                .map(|((at, a), _)| at + a.len_utf8())
                .last()
                .unwrap_or(0)
        };
        let nearest = self.registered.iter().max_by_key(|registered| common(registered))?;
        let (start, rest_sent) = sent.split_at_checked(common(nearest))?;
        let rest_registered = nearest.get(start.len()..)?;
        Some((start.to_owned(), rest_sent.to_owned(), rest_registered.to_owned()))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::login::{ClientAuthentication, IdTokenAlgorithm, Release, SubjectKind, SubjectType};

    pub(crate) fn client() -> Client {
        Client {
            id: "portal".parse().unwrap(),
            agency: "hall".parse().unwrap(),
            name_zh: "门户".into(),
            name_en: "Portal".into(),
            redirect_uris: vec!["https://portal.example/cb".into(), "https://portal.example/other?x=1".into()],
            post_logout_redirect_uris: vec!["https://portal.example/".into()],
            backchannel_logout_uri: None,
            cas_services: Vec::new(),
            authentication: ClientAuthentication::SecretBasic,
            subject_type: SubjectType::Pairwise { sector: "portal.example".into() },
            id_token_alg: IdTokenAlgorithm::Es256,
            minimum: Level::RealName,
            kinds: vec![SubjectKind::Person],
            release: Release::default(),
            developer: false,
            policy: crate::login::Policy::default(),
        }
    }

    pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    pub(crate) fn parameters(more: &[(&str, &str)]) -> Parameters {
        let mut all = BTreeMap::from([
            ("client_id", "portal"),
            ("redirect_uri", "https://portal.example/cb"),
            ("response_type", "code"),
            ("scope", "openid profile"),
            ("state", "s&t=ate"),
            ("nonce", "n"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ]);
        all.extend(more.iter().copied());
        Parameters::parse(all.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned()))).unwrap()
    }

    pub(crate) fn request(more: &[(&str, &str)]) -> Result<AuthorizationRequest, Refusal> {
        let client = client();
        let parameters = parameters(more);
        let to = parameters.addressee(&client).unwrap();
        parameters.request(&client, to)
    }

    #[test]
    fn a_good_request() {
        let request = request(&[("max_age", "60"), ("login_hint", "350899199001010018")]).unwrap();
        assert_eq!((request.max_age, request.level), (Some(60), Level::RealName));
        assert!(!format!("{request:?}").contains("350899"), "the hint goes nowhere");
        assert_eq!(
            request.answer("https://id.example", &[("code", "c")]),
            "https://portal.example/cb?code=c&state=s%26t%3Date&iss=https%3A%2F%2Fid.example"
        );
        assert_eq!(
            answer("https://p.example/?x=1", "https://i", None, &[("code", "c")]),
            "https://p.example/?x=1&code=c&iss=https%3A%2F%2Fi"
        );
    }

    #[test]
    fn each_refusal() {
        for (name, value, error) in [
            ("response_type", "token", "unsupported_response_type"),
            ("response_type", "code id_token", "unsupported_response_type"),
            ("response_type", "", "invalid_request"),
            ("response_mode", "fragment", "invalid_request"),
            ("scope", "profile", "invalid_scope"),
            ("code_challenge_method", "plain", "invalid_request"),
            ("code_challenge_method", "", "invalid_request"),
            ("code_challenge", "", "invalid_request"),
            ("code_challenge", "short", "invalid_request"),
            ("max_age", "-1", "invalid_request"),
            ("prompt", "none login", "invalid_request"),
            ("prompt", "dance", "invalid_request"),
            ("request", "x", "request_not_supported"),
            ("request_uri", "urn:x", "request_uri_not_supported"),
            ("registration", "{}", "registration_not_supported"),
            ("claims", "[", "invalid_request"),
            ("claims", r#"{"id_token":{"acr":{"essential":true,"values":["urn:other"]}}}"#, UNMET),
            ("claims", r#"{"userinfo":{"verified_claims":{"verification":{},"claims":{}}}}"#, "invalid_request"),
        ] {
            assert_eq!(request(&[(name, value)]).unwrap_err().error, error, "{name}={value}");
        }
    }

    #[test]
    fn repeated_parameters_are_refused() {
        let twice = [("state", "a"), ("state", "b")].map(|(n, v)| (n.to_owned(), v.to_owned()));
        assert!(Parameters::parse(twice).is_err());
        assert!(Parameters::parse((0..41).map(|n| (format!("p{n}"), "x".into()))).is_err());
    }

    #[test]
    fn levels_wanted() {
        let person = "urn:xinyin:acr:real-person";
        let credential = "urn:xinyin:acr:real-credential";
        assert_eq!(request(&[("acr_values", &format!("urn:other {credential} {person}"))]).unwrap().level, Level::RealPerson);
        assert_eq!(request(&[("acr_values", "urn:other")]).unwrap().level, Level::RealName);
        let essential = format!(r#"{{"id_token":{{"acr":{{"essential":true,"values":["{credential}","urn:other"]}}}}}}"#);
        let request = request(&[("claims", &essential)]).unwrap();
        assert_eq!((request.level, request.acr_choices), (Level::RealCredential, vec![Level::RealCredential]));
    }

    #[test]
    fn addresses_match_to_the_letter() {
        for near in [
            "https://portal.example/cb/",
            "https://portal.example/CB",
            "https://portal.example:443/cb",
            "https://portal.example/cb?",
            "https://portal.example/cb#",
            "https://portal.example/x/../cb",
            "https://portal.example/%63b",
            "https://portal.example@evil.example/cb",
            "https://portal.example.evil.example/cb",
            "//portal.example/cb",
            "https:\\\\portal.example\\cb",
            "http://portal.example/cb",
            " https://portal.example/cb",
            "https://pоrtal.example/cb",
        ] {
            let mismatch = parameters(&[("redirect_uri", near)]).addressee(&client()).unwrap_err();
            assert_eq!(mismatch.sent.as_deref(), Some(near));
            let (start, sent, _) = mismatch.difference().unwrap();
            assert_eq!(format!("{start}{sent}"), near);
        }
        let slash = parameters(&[("redirect_uri", "https://portal.example/cb/")]).addressee(&client()).unwrap_err();
        assert_eq!(slash.difference(), Some(("https://portal.example/cb".into(), "/".into(), String::new())));
    }
}
