//! A portal (relying party) as registered: where it may be answered, how it shows itself, what it may learn.

use super::Level;
use super::policy::{GrantType, Policy};
use crate::ids::{AgencyId, ClientId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Whether a Party is a person or an organisation.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SubjectKind {
    /// A natural person.
    Person,
    /// A legal person or other organisation.
    Organisation,
}

impl SubjectKind {
    /// As stored.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Organisation => "organisation",
        }
    }

    /// From the stored name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Person, Self::Organisation].into_iter().find(|kind| kind.name() == name)
    }
}

/// How the portal authenticates at the token endpoint (OpenID Connect Core §9).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum ClientAuthentication {
    /// A public client: PKCE only.
    #[serde(rename = "none")]
    Public,
    /// HTTP Basic.
    #[serde(rename = "client_secret_basic")]
    SecretBasic,
    /// In the form.
    #[serde(rename = "client_secret_post")]
    SecretPost,
}

/// What `sub` looks like (OpenID Connect Core §8).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SubjectType {
    /// Different in each sector. The sector is stored, so that moving a redirect address never changes a `sub`.
    Pairwise {
        /// The sector identifier: portals of one sector see one `sub`.
        sector: String,
    },
    /// The same for all portals registered so.
    Public,
}

/// With which key ID tokens are signed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum IdTokenAlgorithm {
    /// ECDSA P-256 with SHA-256 (the default).
    #[serde(rename = "ES256")]
    Es256,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    #[serde(rename = "RS256")]
    Rs256,
}

impl IdTokenAlgorithm {
    /// The JWS `alg` (RFC 7518 §3.1).
    pub const fn name(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
        }
    }
}

/// What the portal may learn. The level always goes out; all else only as registered.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Release {
    /// The name (`name`).
    pub name: bool,
    /// The citizen number (`citizen_number`), with the legal basis it is released on; `None`: never.
    pub citizen_number: Option<String>,
    /// The organisation acted for, or logged in: name and unified social credit code.
    pub organisation: bool,
    /// `verified_claims` (OpenID Identity Assurance) over the above.
    pub verified_claims: bool,
}

/// A portal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Client {
    /// `client_id`.
    pub id: ClientId,
    /// Whose portal it is.
    pub agency: AgencyId,
    /// Its name on our pages, Chinese.
    pub name_zh: String,
    /// Its name on our pages, English.
    pub name_en: String,
    /// Where codes may be sent; compared character by character.
    pub redirect_uris: Vec<String>,
    /// Where a browser may be sent after logout; compared character by character.
    pub post_logout_redirect_uris: Vec<String>,
    /// Where this portal is told that a session ended (Back-Channel Logout 1.0 §2.2).
    pub backchannel_logout_uri: Option<String>,
    /// CAS services of a portal that speaks CAS; such a portal has no redirect address and OpenID is closed to it. Compared
    /// character by character.
    pub cas_services: Vec<String>,
    /// How it authenticates.
    pub authentication: ClientAuthentication,
    /// What `sub` looks like.
    pub subject_type: SubjectType,
    /// How its ID tokens are signed.
    pub id_token_alg: IdTokenAlgorithm,
    /// The level every login must have, whatever a request asks for.
    pub minimum: Level,
    /// Who may log in.
    pub kinds: Vec<SubjectKind>,
    /// What it may learn.
    pub release: Release,
    /// A developer's portal: mistakes are explained on the page.
    pub developer: bool,
    /// Which protocols it may use, and which it must.
    pub policy: Policy,
}

/// A portal's registration as an operator writes it (`xinyin client add portal.json`) and as the store keeps it. Names follow
/// OpenID Connect Dynamic Client Registration §2 where it has one.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Registration {
    /// The name on our pages, Chinese.
    pub client_name: String,
    /// The name on our pages, English; the Chinese one if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_name_en: Option<String>,
    /// At least one, unless the portal speaks CAS.
    #[serde(default)]
    pub redirect_uris: Vec<String>,
    /// Where it is told that a session ended; it is not told if missing (Back-Channel Logout 1.0 §2.2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backchannel_logout_uri: Option<String>,
    /// For a portal that speaks CAS instead of OpenID: its services, exactly as it will send them. A portal has either these or
    /// `redirect_uris`, never both.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cas_services: Vec<String>,
    /// None: after logout the browser stays here.
    #[serde(default)]
    pub post_logout_redirect_uris: Vec<String>,
    /// `client_secret_basic` if missing.
    #[serde(default = "basic")]
    pub token_endpoint_auth_method: ClientAuthentication,
    /// `pairwise` if missing.
    #[serde(default = "pairwise")]
    pub subject_type: String,
    /// The sector of pairwise identifiers; the host of the first redirect address if missing, and kept from then on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sector: Option<String>,
    /// `ES256` if missing.
    #[serde(default = "es256")]
    pub id_token_signed_response_alg: IdTokenAlgorithm,
    /// `real-name` if missing.
    #[serde(default = "real_name")]
    pub minimum_level: Level,
    /// Persons if missing.
    #[serde(default = "persons")]
    pub subject_kinds: Vec<SubjectKind>,
    /// Nothing if missing.
    #[serde(default)]
    pub release: Release,
    /// No if missing.
    #[serde(default)]
    pub developer: bool,
    /// `authorization_code` alone if missing.
    #[serde(default = "code_grant")]
    pub grant_types: BTreeSet<GrantType>,
}

fn basic() -> ClientAuthentication {
    ClientAuthentication::SecretBasic
}
fn pairwise() -> String {
    "pairwise".into()
}
fn es256() -> IdTokenAlgorithm {
    IdTokenAlgorithm::Es256
}
fn real_name() -> Level {
    Level::RealName
}
fn code_grant() -> BTreeSet<GrantType> {
    BTreeSet::from([GrantType::AuthorizationCode])
}
fn persons() -> Vec<SubjectKind> {
    vec![SubjectKind::Person]
}

/// Why a registration is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadRegistration {
    /// A redirect or logout address.
    #[error("{0}: {1}")]
    Redirect(String, BadRedirect),
    /// A portal on OpenID has CAS switched off, and the other way round.
    #[error("redirect_uris and cas_services exclude each other")]
    TwoProtocols,
    /// CAS knows no client authentication and no return after logout but to a service.
    #[error("{0} does not belong to a portal that speaks CAS")]
    NotCas(&'static str),
    /// A CAS service or an address for logout messages must be a web address.
    #[error("{0}: must be https, or http on loopback, with no ticket in its query")]
    Service(String),
    /// No redirect address.
    #[error("redirect_uris is empty")]
    NoRedirect,
    /// No name.
    #[error("client_name is empty")]
    NoName,
    /// Nobody may log in.
    #[error("subject_kinds is empty")]
    NoKind,
    /// Neither pairwise nor public.
    #[error("subject_type must be pairwise or public")]
    SubjectType,
    /// A basis that says nothing.
    #[error("release.citizen_number must name the legal basis")]
    NoBasis,
    /// Something that cannot be together, or is not well formed.
    #[error("{0}")]
    Policy(&'static str),
}

impl Registration {
    /// The portal, checked. The registration as returned has its sector filled in and is what to store.
    pub fn client(mut self, id: ClientId, agency: AgencyId) -> Result<(Client, Self), BadRegistration> {
        if let Some(address) = &self.backchannel_logout_uri
            && !is_web(address)
        {
            return Err(BadRegistration::Service(address.clone()));
        }
        for address in self.redirect_uris.iter().chain(&self.post_logout_redirect_uris) {
            check_redirect(address).map_err(|why| BadRegistration::Redirect(address.clone(), why))?;
        }
        if !self.cas_services.is_empty() {
            self.check_cas()?;
        }
        let first = self.redirect_uris.first().or(self.cas_services.first()).ok_or(BadRegistration::NoRedirect)?;
        if self.client_name.trim().is_empty() {
            return Err(BadRegistration::NoName);
        }
        if self.subject_kinds.is_empty() {
            return Err(BadRegistration::NoKind);
        }
        if self.release.citizen_number.as_ref().is_some_and(|basis| basis.trim().is_empty()) {
            return Err(BadRegistration::NoBasis);
        }
        let subject_type = match self.subject_type.as_str() {
            "public" => SubjectType::Public,
            "pairwise" => {
                let host = url::Url::parse(first).ok().and_then(|url| url.host_str().map(str::to_owned));
                let sector = self.sector.clone().or(host).unwrap_or_else(|| id.to_string());
                self.sector = Some(sector.clone());
                SubjectType::Pairwise { sector }
            }
            _ => return Err(BadRegistration::SubjectType),
        };
        let policy = Policy::new(&self)?;
        let stored = self.clone();
        let client = Client {
            id,
            agency,
            name_en: self.client_name_en.unwrap_or_else(|| self.client_name.clone()),
            name_zh: self.client_name,
            redirect_uris: self.redirect_uris,
            post_logout_redirect_uris: self.post_logout_redirect_uris,
            backchannel_logout_uri: self.backchannel_logout_uri,
            cas_services: self.cas_services,
            authentication: self.token_endpoint_auth_method,
            subject_type,
            id_token_alg: self.id_token_signed_response_alg,
            minimum: self.minimum_level,
            kinds: self.subject_kinds,
            release: self.release,
            developer: self.developer,
            policy,
        };
        Ok((client, stored))
    }
}

/// Whether we may call an address: https, or http on this machine.
fn is_web(address: &str) -> bool {
    check_redirect(address).is_ok() && url::Url::parse(address).is_ok_and(|url| matches!(url.scheme(), "https" | "http"))
}

impl Registration {
    fn check_cas(&mut self) -> Result<(), BadRegistration> {
        if !self.redirect_uris.is_empty() {
            return Err(BadRegistration::TwoProtocols);
        }
        if self.backchannel_logout_uri.is_some() {
            return Err(BadRegistration::NotCas("backchannel_logout_uri"));
        }
        if !self.post_logout_redirect_uris.is_empty() {
            return Err(BadRegistration::NotCas("post_logout_redirect_uris"));
        }
        if self.release.verified_claims {
            return Err(BadRegistration::NotCas("release.verified_claims"));
        }
        // CAS has no token endpoint: there is no secret to keep, whatever the default says.
        self.token_endpoint_auth_method = ClientAuthentication::Public;
        for service in &self.cas_services {
            check_redirect(service).map_err(|why| BadRegistration::Redirect(service.clone(), why))?;
            let url = url::Url::parse(service).ok().filter(|url| matches!(url.scheme(), "https" | "http"));
            // A ticket of its own in the address would hide ours.
            if url.is_none_or(|url| url.query_pairs().any(|(name, _)| name == "ticket")) {
                return Err(BadRegistration::Service(service.clone()));
            }
        }
        Ok(())
    }
}

/// Why a redirect address cannot be registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadRedirect {
    /// Not an absolute address.
    #[error("not an absolute address")]
    NotAbsolute,
    /// RFC 6749 §3.1.2.
    #[error("has a fragment")]
    Fragment,
    /// Would show a password.
    #[error("has a user name or password")]
    UserInfo,
    /// RFC 9700 §2.6: plain HTTP only on this machine.
    #[error("must be https, or http on loopback, or an app's reverse-domain scheme")]
    Scheme,
    /// Control characters, spaces, backslashes.
    #[error("has characters that do not belong in an address")]
    Characters,
}

/// Whether an address may be registered as a redirect (RFC 6749 §3.1.2, RFC 8252 §7, RFC 9700 §4.1).
pub fn check_redirect(address: &str) -> Result<(), BadRedirect> {
    if address.bytes().any(|b| !(0x21..=0x7e).contains(&b) || b"\\\"<>^`{|}".contains(&b)) {
        return Err(BadRedirect::Characters);
    }
    let url = url::Url::parse(address).map_err(|_| BadRedirect::NotAbsolute)?;
    if address.contains('#') {
        return Err(BadRedirect::Fragment);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(BadRedirect::UserInfo);
    }
    let loopback = match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    };
    match url.scheme() {
        "https" if url.has_host() => Ok(()),
        "http" if loopback => Ok(()),
        // RFC 8252 §7.1: a scheme under a domain name the app's maker controls.
        scheme if scheme.contains('.') => Ok(()),
        _ => Err(BadRedirect::Scheme),
    }
}

impl Client {
    /// Whether a code may be sent there: simple string comparison, nothing else (RFC 9700 §4.1).
    pub fn may_redirect_to(&self, address: &str) -> bool {
        self.redirect_uris.iter().any(|registered| registered == address)
    }

    /// Whether a ticket may be sent there (CAS 3.0 §2.1.1): simple string comparison, too.
    pub fn is_service(&self, address: &str) -> bool {
        self.cas_services.iter().any(|registered| registered == address)
    }

    /// Whether a request may still be answered as it was asked, after its registration may have changed.
    pub fn may_answer(&self, request: &super::request::AuthorizationRequest) -> bool {
        match request.reply {
            super::request::Reply::Code => self.may_redirect_to(&request.redirect_uri),
            super::request::Reply::Ticket => self.is_service(&request.redirect_uri),
        }
    }

    /// Whether a browser may be sent there after logout.
    pub fn may_return_to(&self, address: &str) -> bool {
        self.post_logout_redirect_uris.iter().any(|registered| registered == address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_safe_addresses_are_registered() {
        for good in [
            "https://portal.example/cb",
            "http://localhost:8441/cb",
            "http://127.0.0.1:3000/cb?x=1",
            "http://[::1]/cb",
            "cn.example.app:/cb",
        ] {
            assert_eq!(check_redirect(good), Ok(()), "{good}");
        }
        for (bad, why) in [
            ("/cb", BadRedirect::NotAbsolute),
            ("https://portal.example/cb#x", BadRedirect::Fragment),
            ("https://user@portal.example/cb", BadRedirect::UserInfo),
            ("http://portal.example/cb", BadRedirect::Scheme),
            ("http://localhost.evil.example/cb", BadRedirect::Scheme),
            ("javascript:alert(1)", BadRedirect::Scheme),
            ("data:text/html,x", BadRedirect::Scheme),
            ("https://portal.example\\@evil.example/cb", BadRedirect::Characters),
            ("https://portal.example/ cb", BadRedirect::Characters),
            ("https://门户.example/cb", BadRedirect::Characters),
        ] {
            assert_eq!(check_redirect(bad), Err(why), "{bad}");
        }
    }

    #[test]
    fn a_registration_is_checked_and_keeps_its_sector() {
        let text = r#"{"client_name":"门户","redirect_uris":["https://portal.example/cb"]}"#;
        let registration: Registration = serde_json::from_str(text).unwrap();
        let (client, stored) = registration.client("p".parse().unwrap(), "a".parse().unwrap()).unwrap();
        assert_eq!(client.subject_type, SubjectType::Pairwise { sector: "portal.example".into() });
        let mut moved: Registration = serde_json::from_value(serde_json::to_value(stored).unwrap()).unwrap();
        moved.redirect_uris = vec!["https://moved.example/cb".into()];
        let (client, _) = moved.client("p".parse().unwrap(), "a".parse().unwrap()).unwrap();
        assert_eq!(client.subject_type, SubjectType::Pairwise { sector: "portal.example".into() }, "moving changes no sub");
        for bad in [
            r#"{"client_name":"","redirect_uris":["https://portal.example/cb"]}"#,
            r#"{"client_name":"x","redirect_uris":[]}"#,
            r#"{"client_name":"x","redirect_uris":["http://portal.example/cb"]}"#,
            r#"{"client_name":"x","redirect_uris":["https://p.example/cb"],"cas_services":["https://p.example/cas"]}"#,
            r#"{"client_name":"x","cas_services":["https://p.example/cas"],"post_logout_redirect_uris":["https://p.example/"]}"#,
            r#"{"client_name":"x","cas_services":["http://p.example/cas"]}"#,
            r#"{"client_name":"x","cas_services":["cn.example.app:/cas"]}"#,
            r#"{"client_name":"x","cas_services":["https://p.example/cas?ticket=ST-1"]}"#,
            r#"{"client_name":"x","cas_services":["https://p.example/cas"],"release":{"verified_claims":true}}"#,
            r#"{"client_name":"x","redirect_uris":["https://p.example/cb"],"subject_type":"x"}"#,
            r#"{"client_name":"x","redirect_uris":["https://p.example/cb"],"subject_kinds":[]}"#,
            r#"{"client_name":"x","redirect_uris":["https://p.example/cb"],"release":{"citizen_number":" "}}"#,
        ] {
            let registration: Registration = serde_json::from_str(bad).unwrap();
            assert!(registration.client("p".parse().unwrap(), "a".parse().unwrap()).is_err(), "{bad}");
        }
        assert!(serde_json::from_str::<Registration>(r#"{"client_name":"x","redirect_uris":[],"implicit":true}"#).is_err());
    }
}
