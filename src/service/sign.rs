//! Signing: the intention is committed before the key moves, the output is judged, and only a passing one is released.
//!
//! One call signs or seals for an agency: [`recorded`] with an [`Order`] over the document (OFD, PDF, anything for CMS), the key's
//! [`Identity`] and a [`Wish`] ([`Wish::sealing`] for the use of a seal). [`alone`] is the same without a record.

use super::raise::{Raising, raise};
use super::timestamp_client::Authority;
use super::verify::offline;
use crate::doc::facts::SignatureKind;
use crate::doc::source::ByteSource;
use crate::fault::{Fault, code};
use crate::ids::{AgencyId, IntentionId, PartyId};
use crate::keys::Identity;
use crate::moment::Moment;
use crate::net::Net;
use crate::pki::Certificate;
use crate::sign::{self, Format, Level, Lock, Mark, Output, Picture, Place, Prepared, Refusal, Request, Signed};
use crate::store::Store;
use crate::store::audit;
use crate::store::intentions::{self, IntentionState, NewIntention};
use crate::verify::{Evidence, Options, Policy, Revocation, Verdict, verdict::Indication};
use crate::world::{Clock, Dice, random};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

/// What the signer wants.
#[derive(Debug, Clone)]
pub struct Wish {
    /// The format; `None`: PAdES for a PDF, OFD for a package that gets a seal, otherwise CAdES.
    pub format: Option<Format>,
    /// How much around the signature.
    pub level: Level,
    /// Whether the content stays outside.
    pub detached: bool,
    /// Why (PDF).
    pub reason: Option<String>,
    /// Where (PDF).
    pub place: Option<String>,
    /// A mark to be seen (PDF).
    pub mark: Option<Mark>,
    /// A picture in it (PDF).
    pub picture: Option<Picture>,
    /// A font file for the mark's words (PDF).
    pub font: Option<Arc<[u8]>>,
    /// The field (PDF).
    pub field: Option<String>,
    /// Level of a certification (PDF).
    pub certify: Option<u8>,
    /// Fields that may not change any more (PDF); `Lock::All` in OFD: no signature may follow.
    pub lock: Option<Lock>,
    /// The electronic seal that is used, DER.
    pub seal: Option<Arc<[u8]>>,
    /// Where its mark is seen (OFD).
    pub places: Vec<Place>,
    /// Which document of the package, from 1 (OFD).
    pub document: Option<u32>,
}

impl Wish {
    /// A signature without time-stamp, in the document's own format.
    pub const fn plain() -> Self {
        Self {
            format: None,
            level: Level::B,
            detached: false,
            reason: None,
            place: None,
            mark: None,
            picture: None,
            font: None,
            field: None,
            certify: None,
            lock: None,
            seal: None,
            places: Vec::new(),
            document: None,
        }
    }

    /// The use of a seal, its mark in these places; no time-stamp.
    pub fn sealing(format: Format, seal: Arc<[u8]>, places: Vec<Place>) -> Self {
        Self { format: Some(format), seal: Some(seal), places, ..Self::plain() }
    }
}

/// What is signed, by whom, with what around.
#[derive(Clone)]
pub struct Order {
    /// The document.
    pub document: Arc<dyn ByteSource>,
    /// Key and certificates.
    pub identity: Arc<Identity>,
    /// What the signer wants.
    pub wish: Wish,
    /// Where time-stamps come from.
    pub authority: Option<Authority>,
}

/// Who asks for a recorded signature.
#[derive(Debug, Clone, Copy)]
pub struct Asker<'a> {
    /// The agency in whose name it happens.
    pub agency: &'a AgencyId,
    /// The signer, where it is a Party.
    pub party: Option<&'a PartyId>,
    /// The session or job that asked.
    pub actor: &'a str,
}

/// What the output is judged with, and raised above B-T.
#[derive(Clone)]
pub struct Bench {
    /// Anchors, certificates, revocation data.
    pub evidence: Evidence,
    /// The rules.
    pub policy: Policy,
    /// What an unknown revocation status weighs.
    pub revocation: Revocation,
    /// The way out to those who give revocation data; `None`: nobody is asked.
    pub net: Option<Net>,
}

/// A released signature.
#[derive(Debug)]
pub struct Released {
    /// Its intention.
    pub intention: IntentionId,
    /// The signed document.
    pub output: Output,
    /// What the judge said about it.
    pub verdict: Verdict,
}

/// Signs without a record: a person at her own machine, with her own key. The output's arithmetic is checked by our own
/// reader; whether its certificate is trusted is for whoever receives it. Above B-T it is raised with `bench` and must pass.
///
/// # Errors
/// Nothing comes out unless everything holds.
pub async fn alone(order: Order, bench: Option<&Bench>, clock: &dyn Clock, dice: &dyn Dice) -> Result<Output, Fault> {
    let prepared = prepare(&order, clock.now(), random(dice)).await?;
    let signed = use_key(&order, prepared).await?;
    let output = complete(&order, signed, dice).await?;
    match bench {
        Some(bench) => raised(&order, output, bench, clock, dice).await,
        None if order.wish.level > Level::T => Err(Refusal::Request("levels above B-T need trust anchors").into()),
        None => Ok(output),
    }
}

/// The output at the level asked for.
async fn raised(order: &Order, output: Output, bench: &Bench, clock: &dyn Clock, dice: &dyn Dice) -> Result<Output, Fault> {
    if order.wish.level <= Level::T {
        return Ok(output);
    }
    let raising = Raising {
        document: output.document(&order.document),
        content: order.wish.detached.then(|| Arc::clone(&order.document)),
        level: order.wish.level,
        bench: bench.clone(),
        authority: order.authority.clone(),
    };
    Ok(output.then(raise(&raising, clock, dice).await?))
}

/// Signs for an agency: the intention is committed first, then the key moves; the output must pass the judge, and only then is
/// the intention settled as released and the document handed out. A crash in between leaves the intention open for
/// [`settle_left_open`].
///
/// # Errors
/// Whatever fails after the intention was committed settles it as abandoned; nothing comes out.
pub async fn recorded(
    store: &Store,
    asker: Asker<'_>,
    order: Order,
    bench: &Bench,
    clock: &dyn Clock,
    dice: &dyn Dice,
) -> Result<Released, Fault> {
    let now = clock.now();
    let prepared = prepare(&order, now, random(dice)).await?;
    let earlier = prepared.earlier();
    let intention = intend(store, asker, &order, &prepared, now).await?;
    let made = async {
        let signed = use_key(&order, prepared).await?;
        let output = complete(&order, signed, dice).await?;
        let output = raised(&order, output, bench, clock, dice).await?;
        let verdict = judged(&order, output.clone(), earlier, bench, clock.now()).await?;
        Ok::<_, Fault>((output, verdict))
    };
    match made.await {
        Ok((output, verdict)) => {
            settle(store, asker, &intention, IntentionState::Released, None, clock.now()).await?;
            Ok(Released { intention, output, verdict })
        }
        Err(fault) => {
            // The first fault is the one to tell; if this write fails too, the job settles the intention later.
            let _ = settle(store, asker, &intention, IntentionState::Abandoned, Some(&fault), clock.now()).await;
            Err(fault)
        }
    }
}

/// Settles as abandoned what a crash left open since before `age` ago. Nothing was released for any of them: an output leaves
/// only after its intention is settled. Returns how many there were.
pub async fn settle_left_open(store: &Store, age: Duration, now: Moment) -> Result<usize, Fault> {
    let before = now.minus(age);
    let open = store.read("open intentions", |tx| Box::pin(async move { Ok(intentions::left_open(tx, before).await?) })).await?;
    for intention in &open {
        let asker = Asker { agency: &intention.agency, party: intention.party.as_ref(), actor: "recovery" };
        match settle(store, asker, &intention.id, IntentionState::Abandoned, None, now).await {
            // It was still at work and has settled itself meanwhile, or another machine was faster.
            Err(fault) if fault.code == code::CONFLICT => (),
            other => other?,
        }
    }
    Ok(open.len())
}

async fn prepare(order: &Order, now: Moment, nonce: [u8; 16]) -> Result<Prepared, Fault> {
    let order = order.clone();
    blocking(move || {
        let request = request(&order, now)?;
        let prepared = sign::prepare(&*order.document, &request, nonce)?;
        prepared.rehearse(&*order.document)?;
        Ok(prepared)
    })
    .await
}

fn request(order: &Order, now: Moment) -> Result<Request, Fault> {
    let identity = &order.identity;
    let unreadable = |error: &dyn std::fmt::Display| Fault::new(code::SIGN_CERTIFICATE).detail(error.to_string());
    let own = identity.certificate().ok_or_else(|| unreadable(&"no certificate of this key was given; add it with --cert"))?;
    let others = identity.certificates.iter().filter(|der| der.as_slice() != own);
    let chain: Result<Vec<_>, _> = others.map(|der| Certificate::from_der(der)).collect();
    let usual = if order.document.slice(0, 5).is_ok_and(|start| start == b"%PDF-") {
        Format::Pades
    } else if order.document.slice(0, 4).is_ok_and(|start| start == b"PK\x03\x04") && order.wish.seal.is_some() {
        Format::Ofd
    } else {
        Format::Cades
    };
    let wish = order.wish.clone();
    Ok(Request {
        format: wish.format.unwrap_or(usual),
        level: wish.level,
        detached: wish.detached,
        certificate: Certificate::from_der(own).map_err(|error| unreadable(&error))?,
        chain: chain.map_err(|error| unreadable(&error))?,
        algorithm: identity.signer.algorithm(),
        at: now,
        reason: wish.reason,
        place: wish.place,
        mark: wish.mark,
        picture: wish.picture,
        font: wish.font,
        field: wish.field,
        certify: wish.certify,
        lock: wish.lock,
        seal: wish.seal,
        places: wish.places,
        document: wish.document,
    })
}

/// The one place where the key moves.
async fn use_key(order: &Order, prepared: Prepared) -> Result<Signed, Fault> {
    let identity = Arc::clone(&order.identity);
    blocking(move || {
        let signature = identity.signer.sign(prepared.message()).map_err(Refusal::from)?;
        Ok(prepared.finish(signature))
    })
    .await
}

async fn complete(order: &Order, signed: Signed, dice: &dyn Dice) -> Result<Output, Fault> {
    let token = match (signed.timestamp_request(random(dice)), &order.authority) {
        (None, _) => None,
        (Some(request), Some(authority)) => Some(authority.stamp(&request).await?),
        (Some(_), None) => return Err(Refusal::Request("this level needs a time-stamp authority; name one with --tsa").into()),
    };
    let document = Arc::clone(&order.document);
    blocking(move || Ok(signed.complete(&*document, token.as_deref())?)).await
}

async fn judged(order: &Order, output: Output, earlier: Vec<String>, bench: &Bench, now: Moment) -> Result<Verdict, Fault> {
    let (document, identity, bench) = (Arc::clone(&order.document), Arc::clone(&order.identity), bench.clone());
    let detached = order.wish.detached;
    blocking(move || {
        let joined = output.over(&*document);
        let options = Options { file: String::new(), at: now, at_given: false, revocation: bench.revocation };
        let content = detached.then_some(&*document);
        let mut evidence = bench.evidence;
        // A signature with a seal has no place for the certificates of its path.
        evidence.certificates.extend(identity.certificates.iter().filter_map(|der| Certificate::from_der(der).ok()));
        let verdict = offline(&joined, content.as_slice(), &evidence, &bench.policy, &options);
        let verdict = verdict.map_err(|error| Fault::new(code::FILE).because(error))?;
        // Earlier signatures have their own fate; the one just made must pass.
        let is_new = |id: &String| !earlier.contains(id);
        let own = verdict.signatures.iter().rfind(|entry| entry.kind != SignatureKind::DocumentTimestamp.name() && is_new(&entry.id));
        match own {
            Some(entry) if entry.indication == Indication::Passed => Ok(verdict),
            other => {
                let found = other.map_or(&verdict.sub_indication, |entry| &entry.sub_indication).clone().unwrap_or_default();
                Err(Fault::new(code::SIGN_CHECK).detail(format!("the judge does not pass it: {found}")))
            }
        }
    })
    .await
}

async fn intend(store: &Store, asker: Asker<'_>, order: &Order, prepared: &Prepared, now: Moment) -> Result<IntentionId, Fault> {
    let (hash, digest) = prepared.content_digest();
    let digest = format!("{}:{}", hash.name(), hex::encode(digest));
    let own = order.identity.certificate().unwrap_or_default();
    let key_id = hex::encode(crate::crypto::Hash::Sha256.digest(own));
    let seal = order.wish.seal.as_deref().map(|seal| hex::encode(crate::crypto::Hash::Sha256.digest(seal)));
    let (detail, format) = (json!({ "seal_sha256": seal }), prepared.format().name());
    let (digest, key_id, detail) = (digest.as_str(), key_id.as_str(), &detail);
    store
        .write("intend to sign", |tx| {
            Box::pin(async move {
                let new = NewIntention {
                    agency: asker.agency,
                    party: asker.party,
                    actor: asker.actor,
                    key_id,
                    format,
                    digest,
                    detail,
                    created_at: now,
                };
                let id = intentions::add(tx, new).await?;
                let facts = json!({ "intention": id.as_str(), "digest": digest });
                let event = "signing.intended";
                let entry = audit::Entry { agency: Some(asker.agency), party: asker.party, at: now, event, facts: &facts, personal: None };
                audit::append(tx, entry).await?;
                Ok(id)
            })
        })
        .await
}

async fn settle(
    store: &Store,
    asker: Asker<'_>,
    id: &IntentionId,
    state: IntentionState,
    fault: Option<&Fault>,
    now: Moment,
) -> Result<(), Fault> {
    let detail = json!({ "fault": fault.map(|fault| fault.code.id) });
    let detail = &detail;
    store
        .write("settle a signing", |tx| {
            Box::pin(async move {
                if !intentions::settle(tx, asker.agency, id, state, detail, now).await? {
                    return Err(Fault::new(code::CONFLICT).detail("the signing was settled before"));
                }
                let facts = json!({ "intention": id.as_str(), "state": state.as_str() });
                let event = "signing.settled";
                let entry = audit::Entry { agency: Some(asker.agency), party: asker.party, at: now, event, facts: &facts, personal: None };
                audit::append(tx, entry).await?;
                Ok(())
            })
        })
        .await
}

/// Long arithmetic and key devices off the threads that serve others.
pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Fault> + Send + 'static) -> Result<T, Fault> {
    tokio::task::spawn_blocking(work).await.map_err(|error| Fault::new(code::SYSTEM).because(error))?
}
