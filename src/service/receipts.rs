//! Receipts over kept verdicts: the verdict's own octets, signed by the service and time-stamped, as one CMS file (CAdES B-T)
//! that any CMS program checks without this service.
//!
//! A receipt is made when it is first asked for, and kept: whoever asks again gets the same octets. Only a verdict under the
//! service's own policy, without a choice of the caller, has one.

use super::timestamp_client::Authority;
use super::verifications::{self, Kept};
use crate::crypto::{KeyKind, Signer as _};
use crate::fault::{Fault, code};
use crate::ids::{AgencyId, ReceiptId};
use crate::keys::SoftKey;
use crate::moment::Moment;
use crate::pki::build::CertificateBuilder;
use crate::pki::extensions::KeyUsage;
use crate::pki::{Certificate, Name, name::attribute};
use crate::report::Report;
use crate::sign::{self, Format, Level, Request};
use crate::store::receipts::{self, ReceiptKey};
use crate::store::{agencies, audit};
use crate::world::{World, random};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use std::time::Duration;
use zeroize::Zeroizing;

/// How long a key's certificate holds.
const LASTING: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// The receipt over a kept verdict, for the agency that asked for the verdict; another agency's is not found.
///
/// # Errors
/// [`code::RECEIPT_CHOICES`] over a verdict that rests on the caller's choices; [`code::SIGN_TIMESTAMP`] while no time-stamp can
/// be had: nothing is kept then, and the next request tries again.
pub async fn receipt(world: &World, agency: &AgencyId, id: &ReceiptId) -> Result<Option<Zeroizing<Vec<u8>>>, Fault> {
    if let Some(kept) = kept(world, agency, id).await? {
        return Ok(Some(kept));
    }
    let Some(verdict) = verifications::recall(world, agency, id).await? else { return Ok(None) };
    let report = Report::from_json(&verdict.body)?;
    if report.policy.choices.as_ref().is_none_or(|choices| !choices.is_empty()) {
        let chosen = report.policy.choices.unwrap_or_default().join(", ");
        return Err(Fault::new(code::RECEIPT_CHOICES).detail(chosen));
    }
    let now = world.clock.now();
    let key = key(world, now).await?;
    let octets = Zeroizing::new(statement(world, agency, &verdict, &report, now)?);
    let receipt = sign(world, &key, octets, now).await?;
    let (body, facts) = (&receipt, json!({ "receipt": id.as_str(), "sha256": hex::encode(Sha256::digest(&receipt)), "key": key.id }));
    let facts = &facts;
    let stored = world.store.write("keep a receipt", |tx| {
        Box::pin(async move {
            // Two may ask at once: the first one's receipt is the receipt.
            if receipts::find(tx, agency, id).await?.is_some() {
                return Ok(());
            }
            receipts::add(tx, agency, id, body, now).await?;
            let entry = audit::Entry { agency: Some(agency), party: None, at: now, event: "receipt.issued", facts, personal: None };
            audit::append(tx, entry).await?;
            Ok(())
        })
    });
    stored.await?;
    kept(world, agency, id).await
}

async fn kept(world: &World, agency: &AgencyId, id: &ReceiptId) -> Result<Option<Zeroizing<Vec<u8>>>, Fault> {
    world.store.read("recall a receipt", |tx| Box::pin(async move { Ok(receipts::find(tx, agency, id).await?) })).await
}

/// What is signed. The report stands in it as the exact text that was given.
fn statement(world: &World, agency: &AgencyId, kept: &Kept, report: &Report, now: Moment) -> Result<Vec<u8>, Fault> {
    let text = std::str::from_utf8(&kept.body).map_err(|error| Fault::new(code::SYSTEM).because(error))?;
    let statement = json!({
        "type": "xinyin-receipt", "version": 1, "id": kept.receipt.as_str(), "issuer": world.config.issuer, "agency": agency.as_str(),
        "issued": now, "judged": report.at, "document_sha256": report.sha256, "indication": report.indication,
        "sub_indication": report.sub_indication, "policy": { "id": report.policy.id, "digest": report.policy.digest },
        "report_sha256": hex::encode(Sha256::digest(&kept.body)), "report": text,
    });
    Ok(statement.to_string().into_bytes())
}

/// The certificates of the keys that sign and signed receipts, DER, the one that signs now first: what an offline check trusts.
pub async fn certificates(world: &World) -> Result<Vec<Vec<u8>>, Fault> {
    let current = key(world, world.clock.now()).await?;
    let retired = listed(world).await?.into_iter().filter(|key| key.id != current.id).map(|key| key.certificate);
    Ok(std::iter::once(current.certificate.clone()).chain(retired).collect())
}

/// A key as the list shows it.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Key {
    /// SHA-256 of its certificate.
    pub certificate_sha256: String,
    /// When it was made.
    pub created_at: Moment,
    /// When it was retired.
    pub retired_at: Option<Moment>,
}

async fn listed(world: &World) -> Result<Vec<receipts::ListedKey>, Fault> {
    let agency = &world.config.agency;
    world.store.read("receipt keys", |tx| Box::pin(async move { Ok(receipts::list_keys(tx, agency).await?) })).await
}

/// Every key, the newest first.
pub async fn keys(world: &World) -> Result<Vec<Key>, Fault> {
    let shown = |key: receipts::ListedKey| Key { certificate_sha256: key.id, created_at: key.created_at, retired_at: key.retired_at };
    Ok(listed(world).await?.into_iter().map(shown).collect())
}

/// Retires the key that signs now and makes another, both or neither. What the old one signed stays good under its certificate.
pub async fn rotate(world: &World) -> Result<(), Fault> {
    let now = world.clock.now();
    let fresh = &new_key(world, now).await?;
    let agency = &world.config.agency;
    let rotated = world.store.write("rotate the receipt key", |tx| {
        Box::pin(async move {
            let retired = receipts::retire_keys(tx, agency, now).await?;
            receipts::add_key(tx, fresh).await?;
            let facts = json!({ "certificate": fresh.id, "retired": retired });
            let entry =
                audit::Entry { agency: Some(agency), party: None, at: now, event: "receipt-key.rotated", facts: &facts, personal: None };
            audit::append(tx, entry).await?;
            Ok(())
        })
    });
    rotated.await
}

/// The key that signs now; the first one is made when it is first needed.
async fn key(world: &World, now: Moment) -> Result<ReceiptKey, Fault> {
    let agency = &world.config.agency;
    let found = world.store.read("receipt key", |tx| Box::pin(async move { Ok(receipts::current_key(tx, agency).await?) }));
    if let Some(key) = found.await? {
        let running = Certificate::from_der(&key.certificate).is_ok_and(|certificate| certificate.is_valid_at(now));
        if running {
            return Ok(key);
        }
    }
    let fresh = &new_key(world, now).await?;
    let stored = world.store.write("make a receipt key", |tx| {
        Box::pin(async move {
            if let Some(key) = receipts::current_key(tx, agency).await?
                && Certificate::from_der(&key.certificate).is_ok_and(|certificate| certificate.is_valid_at(now))
            {
                return Ok(key);
            }
            receipts::add_key(tx, fresh).await?;
            let facts = json!({ "certificate": fresh.id });
            let entry =
                audit::Entry { agency: Some(agency), party: None, at: now, event: "receipt-key.made", facts: &facts, personal: None };
            audit::append(tx, entry).await?;
            Ok(fresh.clone())
        })
    });
    stored.await
}

/// A P-256 key with a certificate of its own: every program can check it, and nobody has to be asked for one.
async fn new_key(world: &World, now: Moment) -> Result<ReceiptKey, Fault> {
    let system = |error: &dyn std::fmt::Display| Fault::new(code::SYSTEM).because(anyhow::anyhow!("receipt key: {error}"));
    let id = &world.config.agency;
    let named = world.store.read("agency", |tx| Box::pin(async move { Ok(agencies::find(tx, id).await?) })).await?;
    let organisation = named.map_or_else(|| id.to_string(), |agency| agency.name);
    let key = SoftKey::generate(KeyKind::P256, &*world.dice).map_err(|error| system(&error))?;
    let common = format!("{} receipts", world.config.issuer);
    let subject = [(attribute::COUNTRY, "CN"), (attribute::ORGANISATION, organisation.as_str()), (attribute::COMMON_NAME, common.as_str())];
    let subject = Name::build(&subject).map_err(|error| system(&error))?;
    let mut serial: [u8; 16] = random(&*world.dice);
    if let Some(first) = serial.first_mut() {
        *first = *first & 0x7f | 0x40;
    }
    let builder = CertificateBuilder::new(&subject, &subject, key.public_key(), &serial, now, now.plus(LASTING))
        .key_usage(&[KeyUsage::DIGITAL_SIGNATURE, KeyUsage::NON_REPUDIATION])
        .subject_key_id();
    let certificate = builder.sign(&key).map_err(|error| system(&error))?;
    Ok(ReceiptKey {
        id: hex::encode(certificate.fingerprint_sha256()),
        agency: id.clone(),
        certificate: certificate.der().to_vec(),
        private: key.to_pkcs8_der(),
        created_at: now,
    })
}

async fn sign(world: &World, key: &ReceiptKey, octets: Zeroizing<Vec<u8>>, now: Moment) -> Result<Vec<u8>, Fault> {
    let system = |error: &dyn std::fmt::Display| Fault::new(code::SYSTEM).because(anyhow::anyhow!("receipt: {error}"));
    let signer = SoftKey::from_pkcs8_der(&key.private).map_err(|error| system(&error))?;
    let certificate = Certificate::from_der(&key.certificate).map_err(|error| system(&error))?;
    let request = Request { level: Level::T, ..Request::new(Format::Cades, certificate, signer.algorithm(), now) };
    let document: &Vec<u8> = &octets;
    let prepared = sign::prepare(document, &request, random(&*world.dice))?;
    prepared.rehearse(document)?;
    let value = signer.sign(prepared.message()).map_err(|error| system(&error))?;
    let signed = prepared.finish(value);
    let mut token = None;
    let mut refused = Fault::new(code::SIGN_TIMESTAMP).detail("no authority is configured under timestamp");
    // In the order of preference: one may be down, or not take this digest.
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
    let token = token.ok_or(refused)?;
    let output = signed.complete(document, Some(&token))?;
    Ok(output.octets)
}
