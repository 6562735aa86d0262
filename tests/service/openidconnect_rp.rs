//! The Rust crate `openidconnect` as a strict portal, over a real listener: discovery, PKCE, nonce, signatures, userinfo.

use crate::house::{CALLBACK, House};
use crate::postgres::Kind;
use http::StatusCode;
use openidconnect::core::{CoreAuthenticationFlow, CoreClient, CoreJwsSigningAlgorithm, CoreProviderMetadata, CoreUserInfoClaims};
use openidconnect::{
    AccessTokenHash, AsyncHttpClient, AuthenticationContextClass, AuthorizationCode, ClientId, ClientSecret, CsrfToken, HttpRequest,
    HttpResponse, IssuerUrl, Nonce, OAuth2TokenResponse, PkceCodeChallenge, RedirectUrl, Scope, TokenResponse,
};
use serde_json::json;
use std::future::Future;
use std::pin::Pin;
use xinyin::login::Method;

/// The client's HTTP, without redirects.
struct Http(reqwest::Client);

impl<'c> AsyncHttpClient<'c> for Http {
    type Error = reqwest::Error;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, reqwest::Error>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let answer = self.0.request(parts.method, parts.uri.to_string()).headers(parts.headers).body(body).send().await?;
            let mut response = http::Response::builder().status(answer.status());
            *response.headers_mut().unwrap() = answer.headers().clone();
            Ok(response.body(answer.bytes().await?.to_vec()).unwrap())
        })
    }
}

async fn portal(algorithm: &str) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let issuer = format!("http://localhost:{}", listener.local_addr().unwrap().port());
    let house = House::with_issuer("openidconnect", Kind::Sqlite, &issuer, true).await.unwrap();
    let app = house.app.clone();
    tokio::spawn(async move { axum::serve(listener, app).await });
    // The client judges times by the machine's clock.
    let real = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    house.pass(i64::try_from(real).unwrap() - house.world.clock.now().secs());
    let registration = json!({ "release": { "name": true }, "id_token_signed_response_alg": algorithm });
    let secret = house.portal("rp", registration).await;
    let person = house.person().await;

    let _ = rustls::crypto::ring::default_provider().install_default();
    let http = Http(reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap());
    let metadata = CoreProviderMetadata::discover_async(IssuerUrl::new(issuer.clone()).unwrap(), &http).await.expect("discovery");
    let client = CoreClient::from_provider_metadata(metadata, ClientId::new("rp".into()), Some(ClientSecret::new(secret)))
        .set_redirect_uri(RedirectUrl::new(CALLBACK.into()).unwrap())
        .set_auth_type(openidconnect::AuthType::RequestBody);
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let (address, state, nonce) = client
        .authorize_url(CoreAuthenticationFlow::AuthorizationCode, CsrfToken::new_random, Nonce::new_random)
        .add_scope(Scope::new("profile".into()))
        .add_auth_context_value(AuthenticationContextClass::new("urn:xinyin:acr:real-credential".into()))
        .set_pkce_challenge(challenge)
        .url();
    let mut browser = house.browser();
    let asked = browser.get(address.as_str().strip_prefix(&issuer).unwrap()).await;
    let ask = asked.sent("ask").expect("the login page");
    browser.prove(&house, Some(&ask), &person, Method::Certificate).await;
    let granted = browser.post("/login/consent", &[("ask", &ask), ("shown", "name")]).await;
    assert_eq!(granted.status, StatusCode::SEE_OTHER, "{}", granted.body);
    assert_eq!(granted.sent("state").as_ref(), Some(state.secret()));
    assert_eq!(granted.sent("iss").as_ref(), Some(&issuer));
    let code = AuthorizationCode::new(granted.sent("code").unwrap());
    let tokens = client.exchange_code(code).unwrap().set_pkce_verifier(verifier).request_async(&http).await.expect("tokens");
    let id_token = tokens.id_token().unwrap();
    let expected =
        if algorithm == "RS256" { CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256 } else { CoreJwsSigningAlgorithm::EcdsaP256Sha256 };
    assert_eq!(id_token.signing_alg().unwrap(), &expected);
    let checker = client.id_token_verifier().set_allowed_algs([expected]);
    let claims = id_token.claims(&checker, &nonce).expect("a good ID token");
    assert_eq!(claims.auth_context_ref().unwrap().as_str(), "urn:xinyin:acr:real-credential");
    assert!(claims.auth_time().is_some());
    let hash =
        AccessTokenHash::from_token(tokens.access_token(), &expected_alg(id_token), id_token.signing_key(&checker).unwrap()).unwrap();
    assert_eq!(claims.access_token_hash(), Some(&hash));
    assert!(id_token.claims(&checker, &Nonce::new("another".into())).is_err());
    let request = client.user_info(tokens.access_token().clone(), Some(claims.subject().clone())).unwrap();
    let info: CoreUserInfoClaims = request.request_async(&http).await.expect("userinfo");
    assert_eq!(info.name().unwrap().get(None).unwrap().as_str(), "阿依古丽·买买提");
}

fn expected_alg(token: &openidconnect::core::CoreIdToken) -> CoreJwsSigningAlgorithm {
    token.signing_alg().unwrap().clone()
}

#[tokio::test]
async fn a_rust_portal_with_es256() {
    portal("ES256").await;
}

#[tokio::test]
async fn a_rust_portal_with_rs256() {
    portal("RS256").await;
}
