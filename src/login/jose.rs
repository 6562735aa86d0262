//! JSON Web Signatures, compact form (RFC 7515), with the two algorithms the provider uses: ES256 and RS256 (RFC 7518 §3).
//!
//! Signing takes any [`Signer`] and converts its ECDSA value from the DER of X.509 to the fixed form of JOSE. Verification takes
//! the algorithm from the *key*, never from the token's header, and refuses `crit`, `jku`, `jwk`, `x5u`: a token cannot bring its
//! own key (RFC 8725 §3.1, §3.10).

use crate::crypto::{KeyKind, PublicKey, SignError, Signer};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

/// Longest token we look at.
const LONGEST: usize = 16 * 1024;

/// BASE64URL(SHA-256(octets)).
pub fn sha256_base64url(octets: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(octets))
}

/// BASE64URL(octets), without padding.
pub fn base64url(octets: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(octets)
}

/// A public key as a JSON Web Key (RFC 7517), as published in the JWK set. Its `kid` is its thumbprint (RFC 7638).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Jwk {
    /// Key type.
    pub kty: String,
    /// Thumbprint.
    pub kid: String,
    /// The only algorithm it is used with.
    pub alg: String,
    /// `sig`.
    #[serde(rename = "use")]
    pub usage: String,
    /// Curve (EC).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crv: Option<String>,
    /// x coordinate (EC).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x: Option<String>,
    /// y coordinate (EC).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub y: Option<String>,
    /// Modulus (RSA).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n: Option<String>,
    /// Exponent (RSA).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub e: Option<String>,
}

/// Why a key, a signature or a token is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JoseError {
    /// Neither P-256 nor RSA of at least 2048 bits, or broken.
    #[error("the key is not one of the provider's kinds (P-256, RSA of 2048 bits or more)")]
    Key,
    /// The signer failed.
    #[error("signing failed: {0}")]
    Sign(String),
    /// Not a compact JWS of ours: shape, header, key or signature.
    #[error("not a token signed by this provider")]
    Token,
}

impl From<SignError> for JoseError {
    fn from(error: SignError) -> Self {
        Self::Sign(error.to_string())
    }
}

impl Jwk {
    /// The public key as a JWK.
    pub fn new(key: &PublicKey) -> Result<Self, JoseError> {
        use der::Decode;
        let spki = spki::SubjectPublicKeyInfoRef::from_der(key.spki()).map_err(|_| JoseError::Key)?;
        let octets = spki.subject_public_key.as_bytes().ok_or(JoseError::Key)?;
        match key.kind() {
            KeyKind::P256 => {
                // SEC 1 §2.3.3, uncompressed: 04 ‖ x ‖ y.
                let point = octets.strip_prefix(&[4]).filter(|point| point.len() == 64).ok_or(JoseError::Key)?;
                let (x, y) = point.split_at(32);
                let (x, y) = (base64url(x), base64url(y));
                let kid = sha256_base64url(format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#).as_bytes());
                Ok(Self {
                    kty: "EC".into(),
                    kid,
                    alg: "ES256".into(),
                    usage: "sig".into(),
                    crv: Some("P-256".into()),
                    x: Some(x),
                    y: Some(y),
                    n: None,
                    e: None,
                })
            }
            KeyKind::Rsa(bits) if bits >= 2048 => {
                let (n, e) = rsa_numbers(octets).ok_or(JoseError::Key)?;
                let (n, e) = (base64url(&n), base64url(&e));
                let kid = sha256_base64url(format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#).as_bytes());
                Ok(Self {
                    kty: "RSA".into(),
                    kid,
                    alg: "RS256".into(),
                    usage: "sig".into(),
                    crv: None,
                    x: None,
                    y: None,
                    n: Some(n),
                    e: Some(e),
                })
            }
            _ => Err(JoseError::Key),
        }
    }

    fn verify(&self, message: &[u8], signature: &[u8]) -> Option<()> {
        let part = |text: &Option<String>| URL_SAFE_NO_PAD.decode(text.as_ref()?).ok();
        match self.alg.as_str() {
            "ES256" => {
                let point = [&[4][..], &part(&self.x)?, &part(&self.y)?].concat();
                let key = ring::signature::UnparsedPublicKey::new(&ring::signature::ECDSA_P256_SHA256_FIXED, point);
                key.verify(message, signature).ok()
            }
            "RS256" => {
                let key = ring::signature::RsaPublicKeyComponents { n: part(&self.n)?, e: part(&self.e)? };
                key.verify(&ring::signature::RSA_PKCS1_2048_8192_SHA256, message, signature).ok()
            }
            _ => None,
        }
    }
}

/// RSAPublicKey ::= SEQUENCE { modulus INTEGER, publicExponent INTEGER } (RFC 8017 A.1.1), without leading zeros.
fn rsa_numbers(octets: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    use der::{Decode, asn1::UintRef};
    #[derive(der::Sequence)]
    struct RsaPublicKey<'a> {
        modulus: UintRef<'a>,
        public_exponent: UintRef<'a>,
    }
    let key = RsaPublicKey::from_der(octets).ok()?;
    Some((key.modulus.as_bytes().to_vec(), key.public_exponent.as_bytes().to_vec()))
}

/// ECDSA-Sig-Value (RFC 3279 §2.2.3) to the fixed r ‖ s of RFC 7518 §3.4.
fn fixed_from_der(signature: &[u8]) -> Option<[u8; 64]> {
    use der::{Decode, asn1::UintRef};
    #[derive(der::Sequence)]
    struct EcdsaSigValue<'a> {
        r: UintRef<'a>,
        s: UintRef<'a>,
    }
    let value = EcdsaSigValue::from_der(signature).ok()?;
    let mut fixed = [0; 64];
    for (half, number) in fixed.chunks_exact_mut(32).zip([value.r.as_bytes(), value.s.as_bytes()]) {
        let start = half.len().checked_sub(number.len())?;
        half.get_mut(start..)?.copy_from_slice(number);
    }
    Some(fixed)
}

/// Signs claims: `typ` is `JWT` for ID tokens, `logout+jwt` and the like for others (RFC 8725 §3.11).
pub fn sign(key: &dyn Signer, jwk: &Jwk, typ: &str, claims: &Map<String, Value>) -> Result<String, JoseError> {
    let header = json!({ "alg": jwk.alg, "kid": jwk.kid, "typ": typ });
    let claims = serde_json::to_vec(claims).map_err(|error| JoseError::Sign(error.to_string()))?;
    let mut token = format!("{}.{}", base64url(header.to_string().as_bytes()), base64url(&claims));
    let signature = key.sign(token.as_bytes())?;
    let signature = match jwk.alg.as_str() {
        "ES256" => fixed_from_der(&signature).ok_or(JoseError::Key)?.to_vec(),
        _ => signature,
    };
    token.push('.');
    token.push_str(&base64url(&signature));
    Ok(token)
}

/// Checks a compact JWS against our keys and returns its claims. Times and audience are the caller's to judge.
pub fn verify(token: &str, keys: &[Jwk]) -> Result<Map<String, Value>, JoseError> {
    let bad = JoseError::Token;
    if token.len() > LONGEST {
        return Err(bad);
    }
    let parts: Vec<&str> = token.split('.').collect();
    let [header, claims, signature] = parts[..] else { return Err(bad) };
    let signed = token.get(..header.len() + 1 + claims.len()).ok_or(JoseError::Token)?;
    let object = |text: &str| -> Option<Map<String, Value>> { serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok() };
    let fields = object(header).ok_or(JoseError::Token)?;
    if ["crit", "jku", "jwk", "x5u", "x5c", "b64"].iter().any(|name| fields.contains_key(*name)) {
        return Err(bad);
    }
    let text = |name: &str| fields.get(name).and_then(Value::as_str);
    let key =
        keys.iter().find(|key| Some(key.kid.as_str()) == text("kid") && Some(key.alg.as_str()) == text("alg")).ok_or(JoseError::Token)?;
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| JoseError::Token)?;
    key.verify(signed.as_bytes(), &signature).ok_or(JoseError::Token)?;
    object(claims).ok_or(bad)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::SoftKey;
    use crate::world::SystemDice;

    fn claims(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn both_algorithms_sign_and_verify_and_nothing_altered_does() {
        for kind in [KeyKind::P256, KeyKind::Rsa(2048)] {
            let key = SoftKey::generate(kind, &SystemDice).unwrap();
            let jwk = Jwk::new(key.public_key()).unwrap();
            let other = Jwk::new(SoftKey::generate(KeyKind::P256, &SystemDice).unwrap().public_key()).unwrap();
            let token = sign(&key, &jwk, "JWT", &claims(json!({ "sub": "a", "name": "名" }))).unwrap();
            let keys = [other.clone(), jwk.clone()];
            assert_eq!(verify(&token, &keys).unwrap()["name"], "名");
            assert_eq!(verify(&token, std::slice::from_ref(&other)), Err(JoseError::Token));
            for at in 0..token.len() {
                let mut altered = token.clone().into_bytes();
                altered[at] = if altered[at] == b'A' { b'B' } else { b'A' };
                // The last character of a part may carry unused bits; the strict decoder refuses those too.
                assert!(verify(&String::from_utf8(altered).unwrap(), &keys).is_err(), "{kind:?} octet {at}");
            }
            for bad in ["", ".", "..", "...", "a.b.c", token.trim_end_matches(|c| c != '.')] {
                assert_eq!(verify(bad, &keys), Err(JoseError::Token), "{bad}");
            }
        }
    }

    #[test]
    fn a_token_cannot_choose_its_key_or_algorithm() {
        let key = SoftKey::generate(KeyKind::P256, &SystemDice).unwrap();
        let jwk = Jwk::new(key.public_key()).unwrap();
        for header in [
            json!({ "alg": "none", "kid": jwk.kid }),
            json!({ "alg": "HS256", "kid": jwk.kid }),
            json!({ "alg": "RS256", "kid": jwk.kid }),
            json!({ "alg": "ES256" }),
            json!({ "alg": "ES256", "kid": jwk.kid, "crit": ["exp"] }),
            json!({ "alg": "ES256", "kid": jwk.kid, "jwk": jwk }),
            json!({ "alg": "ES256", "kid": jwk.kid, "jku": "https://evil.example/jwks" }),
        ] {
            let signed = format!("{}.{}", base64url(header.to_string().as_bytes()), base64url(b"{}"));
            let signature = fixed_from_der(&key.sign(signed.as_bytes()).unwrap()).unwrap();
            let token = format!("{signed}.{}", base64url(&signature));
            assert_eq!(verify(&token, std::slice::from_ref(&jwk)), Err(JoseError::Token), "{header}");
        }
    }

    #[test]
    fn short_numbers_are_padded_in_the_fixed_form() {
        // r = 1, s = 0x80 (two octets in DER).
        let fixed = fixed_from_der(&[0x30, 7, 2, 1, 1, 2, 2, 0, 0x80]).unwrap();
        assert_eq!((fixed[31], fixed[63]), (1, 0x80));
        assert_eq!(fixed.iter().filter(|octet| **octet != 0).count(), 2);
        assert!(fixed_from_der(&[0x30, 0]).is_none());
    }

    #[test]
    fn only_the_provider_s_kinds_become_keys() {
        let sm2 = SoftKey::generate(KeyKind::Sm2, &SystemDice).unwrap();
        assert_eq!(Jwk::new(sm2.public_key()), Err(JoseError::Key));
    }
}
