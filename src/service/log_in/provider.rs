//! The provider's signing keys and its published metadata.

use crate::crypto::KeyKind;
use crate::fault::{Fault, code};
use crate::ids::AgencyId;
use crate::keys::SoftKey;
use crate::login::jose::{self, Jwk};
use crate::login::{IdTokenAlgorithm, Level, request::SCOPES};
use crate::moment::Moment;
use crate::store::signing_keys::{self, KeyState, StoredKey};
use crate::store::{Store, agencies};
use crate::world::{Dice, World};
use serde_json::{Map, Value, json};
use std::sync::{Arc, RwLock};
use std::time::Duration;

/// How long keys are used before the store is asked again: a rotation is seen everywhere within this time.
const REFRESH: Duration = Duration::from_secs(30);

/// The keys as of one reading of the store.
pub struct Keys {
    signing: Vec<(SoftKey, Jwk)>,
    /// All published keys.
    pub published: Vec<Jwk>,
    read_at: Moment,
}

/// The OpenID Provider: its name and its keys.
pub struct Provider {
    issuer: String,
    agency: AgencyId,
    keys: RwLock<Option<Arc<Keys>>>,
}

impl Provider {
    /// The provider of this world; keys are read, or made, at first use.
    pub fn new(world: &World) -> Self {
        Self { issuer: world.config.issuer.clone(), agency: world.config.agency.clone(), keys: RwLock::new(None) }
    }

    /// The issuer identifier.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The keys, no older than `REFRESH`.
    pub async fn keys(&self, world: &World) -> Result<Arc<Keys>, Fault> {
        let now = world.clock.now();
        let fresh = |keys: &Arc<Keys>| keys.read_at <= now && now < keys.read_at.plus(REFRESH);
        if let Some(keys) = self.keys.read().ok().and_then(|keys| keys.clone()).filter(fresh) {
            return Ok(keys);
        }
        let mut stored = published(&world.store, now).await?;
        for (algorithm, kind) in [(IdTokenAlgorithm::Es256, KeyKind::P256), (IdTokenAlgorithm::Rs256, KeyKind::Rsa(2048))] {
            if !stored.iter().any(|key| key.algorithm == algorithm.name() && key.state == KeyState::Current) {
                self.make(world, algorithm, kind, now).await?;
                stored = published(&world.store, now).await?;
            }
        }
        let keys = Arc::new(read(stored, now)?);
        if let Ok(mut place) = self.keys.write() {
            *place = Some(keys.clone());
        }
        Ok(keys)
    }

    /// A first key. Two machines that start together end with one: the check and the writing are one transaction.
    async fn make(&self, world: &World, algorithm: IdTokenAlgorithm, kind: KeyKind, now: Moment) -> Result<(), Fault> {
        let dice = world.dice.clone();
        let system = |error: anyhow::Error| Fault::new(code::SYSTEM).because(error);
        let key = tokio::task::spawn_blocking(move || generate(kind, &*dice)).await.map_err(|error| system(error.into()))??;
        let jwk = Jwk::new(crate::crypto::Signer::public_key(&key)).map_err(|error| system(error.into()))?;
        let stored = StoredKey {
            id: jwk.kid.clone(),
            agency: self.agency.clone(),
            algorithm: algorithm.name().into(),
            state: KeyState::Current,
            public_jwk: json!(jwk),
            private: key.to_pkcs8_der(),
            created_at: now,
            retires_at: None,
        };
        let (stored, agency) = (&stored, &self.agency);
        world
            .store
            .write("make a provider key", |tx| {
                Box::pin(async move {
                    let there = signing_keys::published(tx, now).await?;
                    if there.iter().any(|key| key.algorithm == stored.algorithm && key.state == KeyState::Current) {
                        return Ok(());
                    }
                    if agencies::find(tx, agency).await?.is_none() {
                        agencies::add(tx, agency, agency.as_str(), now).await?;
                    }
                    Ok(signing_keys::add(tx, stored).await?)
                })
            })
            .await
    }

    /// Signs claims for a portal's chosen algorithm.
    pub async fn sign(&self, world: &World, algorithm: IdTokenAlgorithm, typ: &str, claims: &Map<String, Value>) -> Result<String, Fault> {
        let keys = self.keys(world).await?;
        let pair = keys.signing.iter().find(|(_, jwk)| jwk.alg == algorithm.name());
        let (key, jwk) = pair.ok_or_else(|| Fault::new(code::SYSTEM).detail("no signing key"))?;
        jose::sign(key, jwk, typ, claims).map_err(|error| Fault::new(code::SYSTEM).because(error))
    }

    /// The JWK set (RFC 7517 §5).
    pub async fn jwks(&self, world: &World) -> Result<Value, Fault> {
        Ok(json!({ "keys": self.keys(world).await?.published }))
    }

    /// The metadata of `/.well-known/openid-configuration` (OpenID Connect Discovery §3, RFC 8414, RFC 9207, Identity Assurance §8).
    pub fn metadata(&self) -> Value {
        let at = |path: &str| format!("{}{path}", self.issuer);
        let algorithms = [IdTokenAlgorithm::Es256.name(), IdTokenAlgorithm::Rs256.name()];
        json!({
            "issuer": self.issuer,
            "authorization_endpoint": at("/authorize"),
            "token_endpoint": at("/token"),
            "userinfo_endpoint": at("/userinfo"),
            "jwks_uri": at("/jwks"),
            "end_session_endpoint": at("/end-session"),
            "backchannel_logout_supported": true,
            "backchannel_logout_session_supported": true,
            "service_documentation": at("/openapi.json"),
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": ["authorization_code", "refresh_token"],
            "subject_types_supported": ["pairwise", "public"],
            "id_token_signing_alg_values_supported": algorithms,
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
            "code_challenge_methods_supported": ["S256"],
            "scopes_supported": SCOPES,
            "claim_types_supported": ["normal"],
            "claims_supported": ["iss", "sub", "sid", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "at_hash", "name", "citizen_number", "organisation", "subject_kind"],
            "claims_parameter_supported": true,
            "request_parameter_supported": false,
            "request_uri_parameter_supported": false,
            "require_request_uri_registration": false,
            "authorization_response_iss_parameter_supported": true,
            "acr_values_supported": Level::acr_values().collect::<Vec<_>>(),
            "ui_locales_supported": ["zh-CN", "en"],
            "prompt_values_supported": ["none", "login", "consent", "select_account"],
            "verified_claims_supported": true,
            "trust_frameworks_supported": [crate::login::claims::TRUST_FRAMEWORK],
            "evidence_supported": ["electronic_record", "electronic_signature", "document"],
            "claims_in_verified_claims_supported": ["name", "citizen_number", "organisation"],
        })
    }
}

async fn published(store: &Store, now: Moment) -> Result<Vec<StoredKey>, Fault> {
    store.read("provider keys", |tx| Box::pin(async move { Ok(signing_keys::published(tx, now).await?) })).await
}

fn generate(kind: KeyKind, dice: &dyn Dice) -> Result<SoftKey, Fault> {
    SoftKey::generate(kind, dice).map_err(|error| Fault::new(code::SYSTEM).because(error))
}

fn read(stored: Vec<StoredKey>, now: Moment) -> Result<Keys, Fault> {
    let mut keys = Keys { signing: Vec::new(), published: Vec::new(), read_at: now };
    for stored in stored {
        let jwk: Jwk = serde_json::from_value(stored.public_jwk).map_err(|error| Fault::new(code::SYSTEM).because(error))?;
        if stored.state == KeyState::Current {
            let key = SoftKey::from_pkcs8_der(&stored.private).map_err(|error| Fault::new(code::SYSTEM).because(error))?;
            keys.signing.push((key, jwk.clone()));
        }
        keys.published.push(jwk);
    }
    Ok(keys)
}
