//! Project Wycheproof: every vector through the whole-message and the streaming verification, which must agree.

use crate::corpus;
use aes_gcm::aead::{Aead as _, KeyInit as _, Payload};
use hmac::Mac as _;
use serde_json::Value;
use xinyin::{
    crypto::{Hash, MessageVerifier, PublicKey, Scheme, SignatureAlgorithm, verify, verify_fixed},
    login::jose,
};

fn octets(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap()).unwrap()
}

fn hash(name: &Value) -> Hash {
    match name.as_str().unwrap() {
        "SHA-1" => Hash::Sha1,
        "SHA-224" => Hash::Sha224,
        "SHA-256" => Hash::Sha256,
        "SHA-384" => Hash::Sha384,
        "SHA-512" => Hash::Sha512,
        "SHA3-224" => Hash::Sha3_224,
        "SHA3-256" => Hash::Sha3_256,
        "SHA3-384" => Hash::Sha3_384,
        "SHA3-512" => Hash::Sha3_512,
        other => panic!("digest {other}"),
    }
}

/// Whether we accept; both ways of verifying must say the same.
fn accepts(key: &PublicKey, algorithm: &SignatureAlgorithm, message: &[u8], signature: &[u8], fixed: bool) -> bool {
    if fixed {
        return verify_fixed(key, algorithm, message, signature).is_ok();
    }
    let whole = verify(key, algorithm, message, signature).is_ok();
    let mut pieces = MessageVerifier::new(key, algorithm).unwrap();
    message.chunks(3).for_each(|piece| pieces.update(piece));
    assert_eq!(pieces.finish(signature).is_ok(), whole, "streaming and whole-message verification differ");
    whole
}

fn signature_group(group: &Value, wrong: &mut Vec<String>) -> usize {
    let kind = group["type"].as_str().unwrap();
    let key = PublicKey::from_spki(&octets(&group["publicKeyDer"])).unwrap();
    let scheme = match kind {
        "EcdsaVerify" | "EcdsaP1363Verify" => Scheme::Ecdsa(hash(&group["sha"])),
        "RsassaPkcs1Verify" => Scheme::RsaPkcs1(hash(&group["sha"])),
        "RsassaPssVerify" => Scheme::RsaPss(hash(&group["sha"]), hash(&group["mgfSha"]), group["sLen"].as_u64().unwrap() as usize),
        "EddsaVerify" => Scheme::Ed25519,
        other => panic!("vectors of type {other}"),
    };
    let algorithm = SignatureAlgorithm::new(scheme);
    let tests = group["tests"].as_array().unwrap();
    for test in tests {
        let accepted = accepts(&key, &algorithm, &octets(&test["msg"]), &octets(&test["sig"]), kind == "EcdsaP1363Verify");
        let right = match test["result"].as_str().unwrap() {
            "valid" => accepted,
            "invalid" => !accepted,
            // "Acceptable" is what old signers did and RFC 8017 forbids: a DigestInfo without NULL. Refused.
            _ => !accepted,
        };
        if !right {
            wrong.push(format!("{kind} {}: {} is {}, accepted {accepted}", test["tcId"], test["comment"], test["result"]));
        }
    }
    tests.len()
}

/// The digests and ciphers behind our own constructions (HMAC-SM3 and SM4-GCM use the same code with other primitives).
fn secret_group(group: &Value, wrong: &mut Vec<String>) -> usize {
    let tests = group["tests"].as_array().unwrap();
    for test in tests {
        let key = octets(&test["key"]);
        let tag = octets(&test["tag"]);
        let accepted = if group["type"] == "MacTest" {
            let mut mac = <hmac::Hmac<sha2::Sha256> as hmac::KeyInit>::new_from_slice(&key).unwrap();
            mac.update(&octets(&test["msg"]));
            mac.verify_truncated_left(&tag).is_ok()
        } else {
            let nonce = octets(&test["iv"]);
            // Only the nonce of 96 bits is used here; others are refused before any cipher sees them.
            let Ok(nonce) = <[u8; 12]>::try_from(nonce) else { continue };
            let (sealed, aad) = ([octets(&test["ct"]), tag].concat(), octets(&test["aad"]));
            let payload = Payload { msg: &sealed, aad: &aad };
            let opened = match key.len() {
                16 => aes_gcm::Aes128Gcm::new_from_slice(&key).unwrap().decrypt(&nonce.into(), payload),
                32 => aes_gcm::Aes256Gcm::new_from_slice(&key).unwrap().decrypt(&nonce.into(), payload),
                _ => continue,
            };
            opened.is_ok_and(|plain| plain == octets(&test["msg"]))
        };
        if accepted != (test["result"] == "valid") {
            wrong.push(format!("{} {}: {}", group["type"], test["tcId"], test["comment"]));
        }
    }
    tests.len()
}

/// Tokens: none that is invalid may pass our reader, whatever key its group names.
fn token_group(group: &Value, wrong: &mut Vec<String>) -> usize {
    let tests = group["tests"].as_array().unwrap();
    let Some(key) = group.get("public") else { return 0 };
    let mut key = key.clone();
    key["use"] = "sig".into();
    for field in ["kid", "alg"] {
        if key.get(field).is_none() {
            key[field] = "".into();
        }
    }
    let Ok(key) = serde_json::from_value::<jose::Jwk>(key) else { return 0 };
    for test in tests {
        let Some(token) = test["jws"].as_str() else { continue };
        if test["result"] == "invalid" && jose::verify(token, std::slice::from_ref(&key)).is_ok() {
            wrong.push(format!("token {}: {}", test["tcId"], test["comment"]));
        }
    }
    tests.len()
}

#[test]
fn every_wycheproof_vector_is_judged_right() {
    let Some(corpus) = corpus("every_wycheproof_vector_is_judged_right") else { return };
    let (mut wrong, mut tried) = (Vec::new(), 0);
    for file in std::fs::read_dir(corpus.join("files/wycheproof")).unwrap() {
        let vectors: Value = serde_json::from_slice(&std::fs::read(file.unwrap().path()).unwrap()).unwrap();
        for group in vectors["testGroups"].as_array().unwrap() {
            tried += match group["type"].as_str().unwrap() {
                "MacTest" | "AeadTest" => secret_group(group, &mut wrong),
                "JsonWebSignature" => token_group(group, &mut wrong),
                _ => signature_group(group, &mut wrong),
            };
        }
    }
    assert!(tried > 2_500 && wrong.is_empty(), "{} of {tried} wrong:\n{}", wrong.len(), wrong.join("\n"));
}
