//! Who asks at the token endpoint and its neighbours (RFC 6749 §2.3, OpenID Connect Core §9).
//!
//! Every failure is one answer, `invalid_client` with one description, after one look into the store: who guesses learns neither
//! which portals there are nor how they authenticate.

use super::token::{TokenError, refused};
use super::{as_client, client};
use crate::ids::ClientId;
use crate::login::request::Parameters;
use crate::login::{Client, ClientAuthentication};
use crate::store::clients;
use crate::world::World;
use zeroize::Zeroizing;

/// What came to the token endpoint.
pub struct TokenRequest<'a> {
    /// The form.
    pub form: &'a Parameters,
    /// Client id and secret of an HTTP Basic header, decoded (RFC 6749 §2.3.1); `Err`: there was one and it is malformed.
    pub basic: Option<Result<(String, Zeroizing<String>), ()>>,
}

/// The one answer to whoever is not shown to be a portal.
const FAILED: TokenError = refused("invalid_client", "client authentication failed");

/// The portal that the request comes from, by exactly the method it is registered with.
pub async fn authenticate(world: &World, request: &TokenRequest<'_>) -> Result<Client, TokenError> {
    let now = world.clock.now();
    let form_id = request.form.value("client_id");
    let (id, secret, method) = match (&request.basic, request.form.value("client_secret")) {
        (Some(_), Some(_)) => return Err(refused("invalid_request", "more than one client authentication method")),
        (Some(Err(())), None) => return Err(FAILED),
        (Some(Ok((id, secret))), None) => {
            if form_id.is_some_and(|other| other != id) {
                return Err(refused("invalid_request", "client_id differs from the Authorization header"));
            }
            (id.as_str(), Some(secret.as_str()), ClientAuthentication::SecretBasic)
        }
        (None, Some(secret)) => (form_id.unwrap_or_default(), Some(secret), ClientAuthentication::SecretPost),
        (None, None) => (form_id.unwrap_or_default(), None, ClientAuthentication::Public),
    };
    let Ok(id) = id.parse::<ClientId>() else { return Err(FAILED) };
    let id = &id;
    let find = world.store.read("authenticate a portal", |tx| {
        Box::pin(async move {
            match secret {
                Some(secret) => clients::authenticate(tx, id, secret, now).await?.map(as_client).transpose(),
                None => client(tx, id).await,
            }
        })
    });
    find.await?.filter(|client| client.authentication == method).ok_or(FAILED)
}
