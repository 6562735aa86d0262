//! Signed answers: a JSON body with the question's nonce and digest, and an SM2 signature over the exact octets in a header.

use super::chaos::{Mood, Wrong};
use crate::{
    crypto::{Hash, SignError, Signer},
    moment::Moment,
};
use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Serialize;
use std::time::Duration;

/// The header with the base64 of the DER signature (SM2 with SM3, identifier 1234567812345678) over the body.
pub const SIGNATURE: &str = "province-signature";
/// The header with the SHA-256 fingerprint, in hexadecimal, of the certificate whose key signed.
pub const SIGNER: &str = "province-signer";

/// The part that every answer has.
#[derive(Serialize)]
struct Envelope<'a, T> {
    kind: &'a str,
    nonce: &'a str,
    /// SM3 of the question's exact octets, in hexadecimal: an answer belongs to one question.
    question_sm3: String,
    time: Moment,
    #[serde(flatten)]
    content: T,
}

/// Signs answers with the province's answer key.
pub struct Answers {
    key: Box<dyn Signer>,
    fingerprint: String,
}

impl Answers {
    /// `fingerprint` is that of the key's certificate, SHA-256 in hexadecimal.
    pub fn new(key: Box<dyn Signer>, fingerprint: String) -> Self {
        Self { key, fingerprint }
    }

    /// An answer to `question`, or the lie that `mood` asks for.
    pub fn answer<T: Serialize>(&self, kind: &str, nonce: &str, question: &[u8], now: Moment, content: T, mood: Mood) -> Response {
        let digest = |octets: &[u8]| hex::encode(Hash::Sm3.digest(octets));
        let envelope = Envelope {
            kind,
            nonce: if mood.wrong == Some(Wrong::Nonce) { "00000000000000000000000000000000" } else { nonce },
            question_sm3: digest(if mood.wrong == Some(Wrong::Subject) { b"somebody else" } else { question }),
            time: if mood.wrong == Some(Wrong::Stale) { now.minus(Duration::from_secs(86_400)) } else { now },
            content,
        };
        self.signed(&envelope, StatusCode::OK, mood).unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
    }

    /// A question that cannot be answered, and why; signed like every answer.
    pub fn refuse(&self, nonce: &str, question: &[u8], now: Moment, why: &str) -> Response {
        #[derive(Serialize)]
        struct Refusal<'a> {
            error: &'a str,
        }
        let envelope = Envelope {
            kind: "refusal",
            nonce,
            question_sm3: hex::encode(Hash::Sm3.digest(question)),
            time: now,
            content: Refusal { error: why },
        };
        self.signed(&envelope, StatusCode::UNPROCESSABLE_ENTITY, Mood::default())
            .unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
    }

    fn signed<T: Serialize>(&self, envelope: &Envelope<'_, T>, status: StatusCode, mood: Mood) -> Result<Response, SignError> {
        let body = serde_json::to_vec(envelope).map_err(|error| SignError::Device(error.to_string()))?;
        let mut signature = self.key.sign(&body)?;
        if mood.wrong == Some(Wrong::Signature) {
            super::tamper(&mut signature);
        }
        let text = |value: String| HeaderValue::from_str(&value).map_err(|error| SignError::Device(error.to_string()));
        let (signature, signer) = (text(STANDARD.encode(signature))?, text(self.fingerprint.clone())?);
        let mut response = (status, body).into_response();
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response.headers_mut().insert(SIGNATURE, signature);
        response.headers_mut().insert(SIGNER, signer);
        Ok(response)
    }
}
