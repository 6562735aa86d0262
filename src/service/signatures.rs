//! Signatures by the holder's own key (UKey): prepare → what the key signs → complete.
//!
//! Preparing fixes every octet that the signature will cover, commits the intention and keeps the document sealed for a few minutes.
//! Completing takes the value that the key gave: checked against the certificate, put in, time-stamped where asked for, judged with
//! the installation's anchors; only a passing document is released, once, and to the same caller.

use super::sign::blocking;
use super::timestamp_client::Authority;
use super::{policies, verifications, verify};
use crate::crypto::{Hash, KeyKind, Scheme, SignatureAlgorithm, sm2, verify as verifies};
use crate::doc::source::ByteSource;
use crate::fault::{Fault, code};
use crate::ids::{AgencyId, IntentionId};
use crate::moment::Moment;
use crate::pki::Certificate;
use crate::pki::build::encode;
use crate::sign::{self, Format, Level, Mark, Output, Prepared, Request};
use crate::store::intentions::{self, IntentionState, NewIntention};
use crate::store::{audit, prepared_signatures};
use crate::verify::{Evidence, Indication, Options, Revocation, Verdict};
use crate::world::{World, random};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

/// How long a preparation can be completed; shorter than the time after which open intentions count as left by a crash.
const LASTING: Duration = Duration::from_secs(300);
/// Largest document that is kept meanwhile.
pub const LARGEST: u64 = 32 << 20;

/// What the holder wants signed.
pub struct Wish {
    /// The document.
    pub document: Vec<u8>,
    /// The holder's certificate first, then those that complete its chain.
    pub certificates: Vec<Certificate>,
    /// `pades`, `cades`, `cms`, `gm-cms`; by the document where none is named.
    pub format: Option<String>,
    /// `B-B` or `B-T`.
    pub level: Option<String>,
    /// Whether the content stays outside.
    pub detached: bool,
    /// Why (PDF).
    pub reason: Option<String>,
    /// Where (PDF).
    pub place: Option<String>,
    /// The page (from 1) and rectangle of a mark to be seen (PDF).
    pub mark: Option<(u32, [f64; 4])>,
}

/// What the key is to sign.
#[derive(Debug, Serialize)]
pub struct ToBeSigned {
    /// What completes it.
    pub id: String,
    /// Format of the signature.
    pub format: &'static str,
    /// How the key signs.
    pub signature_algorithm: String,
    /// The octets that are signed, Base64: for keys that hash themselves.
    pub to_be_signed: String,
    /// Their digest, Base64: for keys that sign a digest. For SM2 with Z of the certificate's key and the standard identifier
    /// (GB/T 32918.2 §6.1).
    pub digest: String,
    /// Its algorithm.
    pub digest_algorithm: &'static str,
    /// Digest of the document that the signature will cover, `algorithm:hexadecimal`.
    pub document_digest: String,
    /// Until when it can be completed.
    pub expires: Moment,
}

/// How a document was prepared: with the same the same comes out.
#[derive(Serialize, Deserialize)]
struct Terms {
    format: String,
    level: String,
    detached: bool,
    certificates: Vec<String>,
    reason: Option<String>,
    place: Option<String>,
    mark: Option<(u32, [f64; 4])>,
    at: Moment,
    nonce: String,
    /// SHA-256 of what the key signs.
    message: String,
}

impl Terms {
    fn request(&self) -> Result<Request, Fault> {
        let wrong = |what: &str| Fault::new(code::SIGN_REQUEST).detail(what);
        let mut certificates = Vec::new();
        for text in &self.certificates {
            let der = STANDARD.decode(text).map_err(|error| Fault::new(code::SYSTEM).because(error))?;
            certificates.push(Certificate::from_der(&der).map_err(|error| Fault::new(code::SIGN_CERTIFICATE).detail(error.to_string()))?);
        }
        let mut certificates = certificates.into_iter();
        let own = certificates.next().ok_or_else(|| Fault::new(code::SIGN_CERTIFICATE).detail("no certificate"))?;
        let format = match self.format.as_str() {
            "pades" => Format::Pades,
            "cades" => Format::Cades,
            "cms" => Format::Cms,
            "gm-cms" => Format::GmCms,
            _ => return Err(wrong("format: pades, cades, cms or gm-cms is expected")),
        };
        let level = self.level.parse::<Level>().ok().filter(|level| *level <= Level::T);
        let level = level.ok_or_else(|| wrong("level: B-B or B-T is expected"))?;
        let algorithm = algorithm(&own)?;
        let mark = self.mark.map(|(page, rect)| Mark::new(page, rect)).transpose()?;
        Ok(Request {
            level,
            detached: self.detached,
            chain: certificates.collect(),
            reason: self.reason.clone(),
            place: self.place.clone(),
            mark,
            ..Request::new(format, own, algorithm, self.at)
        })
    }

    fn prepare(&self, document: &dyn ByteSource) -> Result<Prepared, Fault> {
        let nonce = hex::decode(&self.nonce).ok().and_then(|nonce| nonce.try_into().ok()).ok_or(Fault::new(code::SYSTEM))?;
        Ok(sign::prepare(document, &self.request()?, nonce)?)
    }
}

/// How a key of this kind signs today.
fn algorithm(certificate: &Certificate) -> Result<SignatureAlgorithm, Fault> {
    let unfit = |what: String| Fault::new(code::SIGN_CERTIFICATE).detail(what);
    let key = certificate.public_key().map_err(|error| unfit(error.to_string()))?;
    Ok(SignatureAlgorithm::new(match key.kind() {
        KeyKind::Sm2 => Scheme::Sm2,
        KeyKind::P256 => Scheme::Ecdsa(Hash::Sha256),
        KeyKind::P384 => Scheme::Ecdsa(Hash::Sha384),
        KeyKind::P521 => Scheme::Ecdsa(Hash::Sha512),
        KeyKind::Rsa(bits) if bits >= 2048 => Scheme::RsaPkcs1(Hash::Sha256),
        other => return Err(unfit(format!("no signatures are made with keys of the kind {other}"))),
    }))
}

/// The digest that a key which does not hash itself signs.
fn digest_of(certificate: &Certificate, algorithm: &SignatureAlgorithm, message: &[u8]) -> Result<(Hash, Vec<u8>), Fault> {
    let key = certificate.public_key().map_err(|error| Fault::new(code::SIGN_CERTIFICATE).detail(error.to_string()))?;
    let hash = algorithm.hash().unwrap_or(Hash::Sm3);
    let mut hasher = hash.hasher();
    if key.kind() == KeyKind::Sm2 {
        hasher.update(&sm2::z(key.bits()));
    }
    hasher.update(message);
    Ok((hash, hasher.finish()))
}

/// Prepares a document for a signature by the holder's own key. `actor` is who may complete it.
///
/// # Errors
/// As of [`sign::prepare`]; nothing is kept then.
pub async fn prepare(world: &World, agency: &AgencyId, actor: &str, wish: Wish) -> Result<ToBeSigned, Fault> {
    if wish.document.len() as u64 > LARGEST {
        return Err(
            Fault::new(code::TOO_LARGE).detail(format!("at most {LARGEST} octets are signed here; sign larger documents with xinyin sign"))
        );
    }
    let now = world.clock.now();
    let by_document = if wish.document.starts_with(b"%PDF-") { "pades" } else { "cades" };
    let nonce: [u8; 16] = random(&*world.dice);
    let mut terms = Terms {
        format: wish.format.unwrap_or_else(|| by_document.into()),
        level: wish.level.unwrap_or_else(|| Level::B.name().into()),
        detached: wish.detached,
        certificates: wish.certificates.iter().map(|certificate| STANDARD.encode(certificate.der())).collect(),
        reason: wish.reason,
        place: wish.place,
        mark: wish.mark,
        at: now,
        nonce: hex::encode(nonce),
        message: String::new(),
    };
    let own = wish.certificates.first().cloned().ok_or_else(|| Fault::new(code::SIGN_CERTIFICATE).detail("no certificate"))?;
    let document = Arc::new(wish.document);
    let (to_sign, terms, document_digest, format) = {
        let document = Arc::clone(&document);
        blocking(move || {
            let prepared = terms.prepare(&*document)?;
            prepared.rehearse(&*document)?;
            terms.message = hex::encode(Hash::Sha256.digest(prepared.message()));
            let (hash, digest) = prepared.content_digest();
            let digest = format!("{}:{}", hash.name(), hex::encode(digest));
            Ok((prepared.message().to_vec(), terms, digest, prepared.format().name()))
        })
        .await?
    };
    let algorithm = algorithm(&own)?;
    let (hash, digest) = digest_of(&own, &algorithm, &to_sign)?;
    let expires = now.plus(LASTING);
    let sealed = serde_json::to_vec(&terms).map_err(|error| Fault::new(code::SYSTEM).because(error))?;
    let key_id = hex::encode(own.fingerprint_sha256());
    let (sealed, octets, key_id, digest_told) = (&sealed, document.as_slice(), key_id.as_str(), document_digest.as_str());
    let intended = world.store.write("intend a signature by the holder's key", |tx| {
        Box::pin(async move {
            let detail = &json!({ "by": "holder" });
            let new = NewIntention { agency, party: None, actor, key_id, format, digest: digest_told, detail, created_at: now };
            let id = intentions::add(tx, new).await?;
            prepared_signatures::add(tx, &id, (agency, actor), (sealed, octets), now, expires).await?;
            let facts = json!({ "intention": id.as_str(), "digest": digest_told, "actor": actor });
            let entry =
                audit::Entry { agency: Some(agency), party: None, at: now, event: "signing.intended", facts: &facts, personal: None };
            audit::append(tx, entry).await?;
            Ok(id)
        })
    });
    Ok(ToBeSigned {
        id: intended.await?.to_string(),
        format,
        signature_algorithm: algorithm.name(),
        to_be_signed: STANDARD.encode(&to_sign),
        digest: STANDARD.encode(digest),
        digest_algorithm: hash.name(),
        document_digest,
        expires,
    })
}

/// A released document.
pub struct Completed {
    /// The whole signed document, or the signature alone where it is detached.
    pub octets: Vec<u8>,
    /// Its media type.
    pub media_type: &'static str,
    /// Ending of a file name.
    pub ending: &'static str,
}

/// Completes a preparation with the value that the key gave. A wrong value leaves the preparation as it is.
///
/// # Errors
/// [`code::NOT_FOUND`] for another caller's; [`code::SIGNING_LAPSED`] when it was completed before or is too old;
/// [`code::SIGNATURE_VALUE`] if the value is not the certificate's over what was prepared; [`code::SIGN_REFUSED`] if the result does
/// not pass: nothing is released then.
pub async fn complete(world: &Arc<World>, agency: &AgencyId, actor: &str, id: &IntentionId, value: Vec<u8>) -> Result<Completed, Fault> {
    let now = world.clock.now();
    let found =
        world.store.read("a prepared signature", |tx| Box::pin(async move { Ok(prepared_signatures::find(tx, agency, actor, id).await?) }));
    let found = found.await?.ok_or(Fault::new(code::NOT_FOUND))?;
    if found.spent_at.is_some() || found.expires_at <= now {
        return Err(Fault::new(code::SIGNING_LAPSED));
    }
    let terms: Terms = serde_json::from_slice(&found.terms).map_err(|error| Fault::new(code::SYSTEM).because(error))?;
    let request = terms.request()?;
    let document: Arc<Vec<u8>> = Arc::new(found.document.to_vec());
    let signed = {
        let (document, request) = (Arc::clone(&document), request.clone());
        blocking(move || {
            let prepared = terms.prepare(&*document)?;
            if hex::encode(Hash::Sha256.digest(prepared.message())) != terms.message {
                return Err(Fault::new(code::SYSTEM).detail("the preparation cannot be repeated"));
            }
            let value = structured(&request, value);
            let key = request.certificate.public_key().map_err(|error| Fault::new(code::SIGN_CERTIFICATE).detail(error.to_string()))?;
            verifies(key, &request.algorithm, prepared.message(), &value).map_err(|_| Fault::new(code::SIGNATURE_VALUE))?;
            Ok(prepared.finish(value))
        })
        .await?
    };
    let mut token = None;
    let mut refused = Fault::new(code::SIGN_TIMESTAMP).detail("no authority is configured under timestamp");
    for url in &world.config.timestamp {
        let Some(request) = signed.timestamp_request(random(&*world.dice)) else { break };
        match (Authority { net: world.net.clone(), url: url.clone() }).stamp(&request).await {
            Ok(stamped) => {
                token = Some(stamped);
                break;
            }
            Err(fault) => refused = fault,
        }
    }
    if token.is_none() && request.level == Level::T {
        return Err(refused);
    }
    let output = {
        let document = Arc::clone(&document);
        blocking(move || Ok(signed.complete(&*document, token.as_deref())?)).await?
    };
    let verdict = judged(world, agency, &document, &output, request.detached).await?;
    let own = verdict.signatures.iter().rfind(|entry| entry.kind != "document-timestamp");
    if own.is_none_or(|entry| entry.indication != Indication::Passed) {
        let why = own.and_then(|entry| entry.sub_indication.clone()).unwrap_or_default();
        let told = own.and_then(|entry| entry.checks.iter().find(|check| matches!(check.status, "fail" | "unknown")));
        let told = told.map(|check| format!(": {} {}", check.id, check.answer_en)).unwrap_or_default();
        return Err(Fault::new(code::SIGN_REFUSED).detail(format!("{why}{told}")));
    }
    release(world, agency, actor, id, &verdict).await?;
    let original: Arc<dyn ByteSource> = document;
    let whole = output.document(&original);
    let octets =
        whole.slice(0, usize::try_from(whole.len()).unwrap_or(usize::MAX)).map_err(|error| Fault::new(code::FILE).because(error))?;
    let (media_type, ending) = match (request.format, request.detached) {
        (Format::Pades, _) => ("application/pdf", "pdf"),
        (_, true) => ("application/pkcs7-signature", "p7s"),
        (_, false) => ("application/pkcs7-mime", "p7m"),
    };
    Ok(Completed { octets, media_type, ending })
}

/// Spends the preparation and settles its intention, both or neither; whoever comes second gets nothing.
async fn release(world: &World, agency: &AgencyId, actor: &str, id: &IntentionId, verdict: &Verdict) -> Result<(), Fault> {
    let now = world.clock.now();
    let facts = json!({ "intention": id.as_str(), "state": IntentionState::Released.as_str(), "document": verdict.sha256 });
    let facts = &facts;
    let released = world.store.write("release a signature", |tx| {
        Box::pin(async move {
            let detail = json!({ "document": verdict.sha256 });
            if !prepared_signatures::spend(tx, agency, actor, id, now).await?
                || !intentions::settle(tx, agency, id, IntentionState::Released, &detail, now).await?
            {
                return Err(Fault::new(code::SIGNING_LAPSED));
            }
            let entry = audit::Entry { agency: Some(agency), party: None, at: now, event: "signing.settled", facts, personal: None };
            audit::append(tx, entry).await?;
            Ok(())
        })
    });
    released.await
}

/// The verdict over the output, with the installation's anchors and what the allow-listed hosts give.
async fn judged(world: &Arc<World>, agency: &AgencyId, document: &Arc<Vec<u8>>, output: &Output, detached: bool) -> Result<Verdict, Fault> {
    let policy = policies::choose(&world.config, agency, None)?;
    let known = Evidence { anchors: verifications::trusted(world).await?, ..Evidence::default() };
    let options = Options { file: String::new(), at: world.clock.now(), at_given: false, revocation: Revocation::Hard };
    let (world, document, output) = (Arc::clone(world), Arc::clone(document), output.clone());
    let runtime = tokio::runtime::Handle::current();
    blocking(move || {
        let original: &dyn ByteSource = &*document;
        let joined = output.over(original);
        let content = detached.then_some(original);
        let judged = runtime.block_on(verify::online(&joined, content.as_slice(), &known, &policy, &options, &world.net));
        judged.map(|(verdict, _)| verdict).map_err(|error| Fault::new(code::FILE).because(error))
    })
    .await
}

/// The value as it stands in CMS: devices give r‖s, the standards want SEQUENCE { r, s }.
fn structured(request: &Request, value: Vec<u8>) -> Vec<u8> {
    let half = match request.certificate.public_key().map(|key| key.kind()) {
        Ok(KeyKind::Sm2 | KeyKind::P256) => 32,
        Ok(KeyKind::P384) => 48,
        Ok(KeyKind::P521) => 66,
        _ => return value,
    };
    match (value.len() == 2 * half, value.split_at_checked(half)) {
        (true, Some((r, s))) => encode::sequence([encode::integer(r), encode::integer(s)]),
        _ => value,
    }
}
