//! Asking: what another will decide on is fixed, to the octet, and shown with its digest.

use super::{Actor, absent, found, reason, witness, wrong_state};
use crate::doc::seal::{CertificateList, Seal};
use crate::fault::{Fault, code};
use crate::files::fonts;
use crate::id::UnifiedSocialCreditCode;
use crate::ids::{SealId, SealRequestId};
use crate::moment::Moment;
use crate::pki::Certificate;
use crate::sign::seal::order::Order;
use crate::sign::seal::register::{Change, Event, Purpose, State};
use crate::sign::seal::{FaceError, Font, Oval, Round, Square, inspect, picture_kind, png};
use crate::store::canonical::canonical;
use crate::store::seal_grants::{self, NewRequest, RequestKind};
use crate::store::seals::{self, NewSeal, Origin, StoredSeal};
use crate::store::{StoreError, Tx};
use crate::world::{World, random};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use sm3::{Digest as _, Sm3};
use std::time::Duration;

/// How long a request can be decided.
const OPEN: Duration = Duration::from_secs(24 * 3600);
/// Longest a grant may last.
const MAX_GRANT: Duration = Duration::from_secs(366 * 86_400);
/// Most uses of one grant.
const MAX_USES: i64 = 1_000_000;
/// Largest picture that is handed in with a wish.
const MAX_PICTURE: usize = 512 << 10;

/// How the seal is to look.
#[derive(Debug, Clone)]
pub enum Look {
    /// As its owner and purpose have it.
    Drawn,
    /// This picture, so wide and high in millimetres.
    Given(Vec<u8>, u32, u32),
}

/// A seal that is wanted.
#[derive(Debug, Clone)]
pub struct Wish {
    /// The owner's name.
    pub owner: String,
    /// The owner's credit code.
    pub uscc: String,
    /// What it is for.
    pub purpose: Purpose,
    /// The text below the star, where it is not the purpose's own; for a representative's seal the person's name.
    pub text: Option<String>,
    /// Begin of its validity.
    pub valid_from: Moment,
    /// Its end.
    pub valid_until: Moment,
    /// `v4` where nothing is said.
    pub standard: Option<String>,
    /// Its look.
    pub look: Look,
    /// Certificates of those who may use it, PEM or DER.
    pub signers: Vec<Vec<u8>>,
}

/// What a seal is to be used on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// One document, by the digest it has before sealing: `sha256:` or `sm3:` and hexadecimal; once.
    Document(String),
    /// Licences of a type, so often.
    Licences(String, i64),
}

/// SM3 of what is asked, in hexadecimal.
pub(super) fn digest(body: &[u8]) -> String {
    hex::encode(Sm3::digest(body))
}

fn fixed(body: &Value) -> Result<(String, String), Fault> {
    let text = canonical(body).ok_or(Fault::new(code::SYSTEM))?;
    let digest = digest(text.as_bytes());
    Ok((text, digest))
}

/// Enters a request about a seal and witnesses it; its id and digest.
async fn enter(
    tx: &mut Tx<'_>,
    actor: &Actor,
    seal: &SealId,
    kind: RequestKind,
    body: &Value,
    now: Moment,
) -> Result<SealRequestId, Fault> {
    let (text, digest) = fixed(body)?;
    let new = NewRequest {
        agency: &actor.agency,
        seal,
        kind,
        body: text.as_bytes(),
        digest: &digest,
        asked_by: &actor.actor,
        asked_party: actor.party.as_ref(),
        asked_at: now,
        expires_at: now.plus(OPEN),
    };
    let id = seal_grants::ask(tx, &new).await?;
    let facts = json!({ "actor": actor.actor, "seal": seal, "request": id, "kind": kind.as_str(), "digest": digest });
    witness(tx, actor, "seal.requested", &facts, now).await?;
    Ok(id)
}

fn refused(why: impl std::fmt::Display) -> Fault {
    Fault::new(code::SEAL_REQUEST).detail(why.to_string())
}

/// Asks for a seal to be made. The picture is drawn now: whoever decides sees it.
///
/// # Errors
/// [`code::SEAL_REQUEST`], [`code::SEAL_CERTIFICATE`], [`code::SEAL_PICTURE`], a number's refusal.
pub async fn ask_make(world: &World, actor: &Actor, wish: Wish) -> Result<(SealId, SealRequestId), Fault> {
    let now = world.clock.now();
    let uscc = UnifiedSocialCreditCode::parse(&wish.uscc)?.expose().to_owned();
    let person = wish.purpose == Purpose::Representative;
    if person && wish.text.is_none() {
        return Err(refused("text: the representative's name, as it stands on the seal"));
    }
    let name = match &wish.text {
        Some(text) => format!("{}{text}", wish.owner),
        None if wish.purpose == Purpose::Official => wish.owner.clone(),
        None => format!("{}{}", wish.owner, wish.purpose.zh()),
    };
    if wish.valid_until <= now {
        return Err(refused("the validity of the seal is over already"));
    }
    let (picture, width, height) = look(&wish, &uscc).await?;
    let seconds = |at: Moment| Moment::from_secs(at.secs());
    let mut order = Order {
        id: String::new(),
        name,
        kind: if person { 2 } else { 1 },
        standard: wish.standard.clone().unwrap_or_else(|| "v4".into()),
        list: "certificates".into(),
        owner: wish.owner.clone(),
        uscc: uscc.clone(),
        purpose: wish.purpose.as_str().into(),
        valid_from: seconds(wish.valid_from),
        valid_until: seconds(wish.valid_until),
        picture: STANDARD.encode(&picture),
        width,
        height,
        signers: wish.signers.iter().map(|octets| signer(octets)).collect::<Result<_, _>>()?,
    };
    // A code that is taken is drawn again.
    for _ in 0..8 {
        let serial = u64::from_le_bytes(random(&*world.dice)) % 100_000_000;
        order.id = format!("{}{serial:08}", uscc.get(2..8).unwrap_or("000000"));
        check(&order, now)?;
        let id = &SealId::from_random(random(&*world.dice));
        let body = &json!({ "kind": "make", "agency": actor.agency, "seal": id, "order": order });
        let (order, picture) = (&order, &picture);
        let asked = world.store.write("ask for a seal", |tx| {
            Box::pin(async move {
                let new = NewSeal {
                    agency: &actor.agency,
                    origin: Origin::Here,
                    owner: (&order.owner, &order.uscc),
                    purpose: order.purpose().ok_or(Fault::new(code::SYSTEM))?,
                    name: &order.name,
                    es_id: &order.id,
                    validity: (order.valid_from, order.valid_until),
                    picture: (picture, width, height),
                    created_at: now,
                };
                match seals::add(tx, id, &new).await {
                    Err(StoreError::Taken) => return Err(Fault::new(code::CONFLICT)),
                    other => other?,
                }
                begun(tx, actor, id, now).await?;
                enter(tx, actor, id, RequestKind::Make, body, now).await
            })
        });
        match asked.await {
            Ok(request) => return Ok((id.clone(), request)),
            Err(fault) if fault.code == code::CONFLICT => {}
            Err(fault) => return Err(fault),
        }
    }
    Err(Fault::new(code::STORE_BUSY))
}

fn signer(octets: &[u8]) -> Result<String, Fault> {
    let read = Certificate::from_pem_or_der(octets);
    let certificate = read.map_err(|error| Fault::new(code::SEAL_CERTIFICATE).detail(error.to_string()))?;
    Ok(STANDARD.encode(certificate.der()))
}

async fn begun(tx: &mut Tx<'_>, actor: &Actor, id: &SealId, now: Moment) -> Result<(), Fault> {
    let event = Event { change: Change::Asked, at: now, recorded_at: now, actor: actor.actor.clone(), reason: String::new() };
    Ok(seals::append(tx, id, &event, None).await?)
}

/// What a maker would refuse is refused now; the first signer stands in for the maker, who is not known yet.
fn check(order: &Order, now: Moment) -> Result<(), Fault> {
    let signers = order.certificates()?;
    let stand_in = signers.first().ok_or_else(|| refused("signers: at least one certificate"))?.clone();
    let created = if stand_in.is_valid_at(now) { now } else { stand_in.not_before() };
    crate::sign::seal::prepare(&order.request(stand_in, created)?)?;
    Ok(())
}

/// The picture given, or drawn on a thread of its own.
async fn look(wish: &Wish, uscc: &str) -> Result<(Vec<u8>, u32, u32), Fault> {
    let bad = |error: &dyn std::fmt::Display| Fault::new(code::SEAL_PICTURE).detail(error.to_string());
    if let Look::Given(picture, width, height) = &wish.look {
        if picture.len() > MAX_PICTURE || picture_kind(picture).is_none() {
            return Err(bad(&"none of PNG, JPEG, GIF, BMP and OFD of at most 512 KiB"));
        }
        return Ok((picture.clone(), *width, *height));
    }
    let (wish, uscc) = (wish.clone(), uscc.to_owned());
    let drawn = tokio::task::spawn_blocking(move || {
        let octets = fonts::chinese(None, fonts::Style::Serif).map_err(|error| bad(&error))?;
        let octets = octets.ok_or_else(|| bad(&"no Chinese font is installed (Debian: fonts-noto-cjk)"))?;
        let font = Font::read(&octets).map_err(|error| bad(&error))?;
        let text = wish.text.as_deref();
        let drawing = match wish.purpose {
            Purpose::Representative => Square { owner: text.unwrap_or(&wish.owner), side: 20 }.draw(&font),
            Purpose::Invoice => Oval { owner: &wish.owner, code: &uscc, purpose: text.unwrap_or(Purpose::Invoice.zh()) }.draw(&font),
            purpose => {
                let line = text.or((purpose != Purpose::Official).then(|| purpose.zh()));
                Round { owner: &wish.owner, purpose: line, code: Some(&uscc), diameter: 42 }.draw(&font)
            }
        };
        let drawing = drawing.map_err(|error: FaceError| bad(&error))?;
        let bitmap = png(&drawing).ok_or_else(|| bad(&"the picture is too large"))?;
        Ok((bitmap, drawing.width, drawing.height))
    });
    drawn.await.map_err(|error| Fault::new(code::SYSTEM).because(error))?
}

/// Asks to take in a seal that was made elsewhere. It has to read as a seal, its maker's signature has to hold and its maker has to
/// be trusted here; what its source says of it is asked when it is used.
///
/// # Errors
/// [`code::SEAL_UNREADABLE`], [`code::SEAL_CERTIFICATE`], [`code::CONFLICT`] if the agency has it, [`code::SEAL_STATE`] if it had it
/// and revoked it: what ended does not come back under another entry.
pub async fn ask_import(world: &World, actor: &Actor, octets: &[u8], purpose: Purpose) -> Result<(SealId, SealRequestId), Fault> {
    let now = world.clock.now();
    let judged = super::making::judge(world, octets, now).await?;
    let seen = inspect(octets, now)?;
    let seal = Seal::parse(octets).map_err(|error| Fault::new(code::SEAL_UNREADABLE).detail(error.to_string()))?;
    let kind = picture_kind(seal.picture.data).ok_or(Fault::new(code::SEAL_PICTURE))?;
    let side = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
    let owner = seen.uscc.clone().unwrap_or_else(|| signer_code(&seal.property.signers));
    let id = &SealId::from_random(random(&*world.dice));
    let body = &json!({
        "kind": "import", "agency": actor.agency, "seal": id, "sha256": seen.sha256, "code": seen.id, "name": seen.name, "uscc": owner,
        "purpose": purpose.as_str(), "valid_from": seen.valid_from, "valid_until": seen.valid_until, "maker_sha256": judged,
        "picture": kind,
    });
    let (seal, seen, owner, judged) = (&seal, &seen, &owner, &judged);
    let asked = world.store.write("ask to take in a seal", |tx| {
        Box::pin(async move {
            let new = NewSeal {
                agency: &actor.agency,
                origin: Origin::Elsewhere,
                owner: (&seen.name, owner),
                purpose,
                name: &seen.name,
                es_id: &seen.id,
                validity: (seen.valid_from, seen.valid_until),
                picture: (seal.picture.data, side(seal.picture.width), side(seal.picture.height)),
                created_at: now,
            };
            if let Some(held) = seals::of_octets(tx, &actor.agency, &seen.sha256).await? {
                let ended = matches!(held.state, State::Revoked | State::Destroyed);
                let told = format!("{}: {}", held.id, held.state.as_str());
                return Err(Fault::new(if ended { code::SEAL_STATE } else { code::CONFLICT }).detail(told));
            }
            seals::add(tx, id, &new).await?;
            seals::set_octets(tx, id, octets, &seen.sha256, judged).await?;
            begun(tx, actor, id, now).await?;
            enter(tx, actor, id, RequestKind::Import, body, now).await
        })
    });
    Ok((id.clone(), asked.await?))
}

/// The credit code on which all certificates of a list agree; nothing where they do not.
fn signer_code(list: &CertificateList<'_>) -> String {
    let CertificateList::Certificates(list) = list else { return String::new() };
    let mut codes: Vec<_> =
        list.iter().map(|der| Certificate::from_der(der).ok().and_then(|certificate| certificate.holder().uscc)).collect();
    codes.dedup();
    match codes.as_slice() {
        [Some(code)] => code.clone(),
        _ => String::new(),
    }
}

/// Asks for a use.
///
/// # Errors
/// [`code::BAD_REQUEST`], [`code::SEAL_STATE`], [`code::NOT_FOUND`].
pub async fn ask_use(world: &World, actor: &Actor, id: &SealId, scope: &Scope, until: Moment, why: &str) -> Result<SealRequestId, Fault> {
    let (now, why) = (world.clock.now(), reason(why)?);
    let bad = |what: &str| Fault::new(code::BAD_REQUEST).detail(what.to_owned());
    if until <= now || until.since(now) > MAX_GRANT {
        return Err(bad("until: later than now, at most a year"));
    }
    let (scope, subject, uses) = match scope {
        Scope::Document(digest) => {
            let plain = |hex: &str| hex.len() == 64 && hex.bytes().all(|digit| digit.is_ascii_digit() || (b'a'..=b'f').contains(&digit));
            let known = digest.strip_prefix("sha256:").or_else(|| digest.strip_prefix("sm3:"));
            if !known.is_some_and(plain) {
                return Err(bad("document: sha256: or sm3: and 64 hexadecimal digits"));
            }
            ("document", digest, 1)
        }
        Scope::Licences(kind, uses) => {
            if !(1..=MAX_USES).contains(uses) || kind.is_empty() || kind.len() > 128 || kind.chars().any(char::is_control) {
                return Err(bad("licence_type and uses (1 to 1,000,000)"));
            }
            ("licence-type", kind, *uses)
        }
    };
    let body = json!({
        "kind": "use", "agency": actor.agency, "seal": id, "scope": scope, "subject": subject, "uses": uses, "until": until, "reason": why,
    });
    about(world, actor, id, RequestKind::Use, body, |seal| seal.state == State::Active && until <= seal.valid_until).await
}

/// Asks to enter the number under which a seal made here is on record (备案), by which authority.
///
/// # Errors
/// As [`ask_use`].
pub async fn ask_filing(world: &World, actor: &Actor, id: &SealId, number: &str) -> Result<SealRequestId, Fault> {
    let number = number.trim();
    if !(1..=64).contains(&number.chars().count()) || number.chars().any(char::is_control) {
        return Err(Fault::new(code::BAD_REQUEST).detail("filing: 1 to 64 characters"));
    }
    let body = json!({ "kind": "file", "agency": actor.agency, "seal": id, "filing": number });
    let allowed =
        |seal: &StoredSeal| seal.origin == Origin::Here && seal.filing.is_none() && matches!(seal.state, State::Active | State::Suspended);
    about(world, actor, id, RequestKind::File, body, allowed).await
}

/// Asks that a suspended seal may be used again.
///
/// # Errors
/// As [`ask_use`].
pub async fn ask_resume(world: &World, actor: &Actor, id: &SealId, why: &str) -> Result<SealRequestId, Fault> {
    let body = json!({ "kind": "resume", "agency": actor.agency, "seal": id, "reason": reason(why)? });
    about(world, actor, id, RequestKind::Resume, body, |seal| seal.state == State::Suspended).await
}

async fn about(
    world: &World,
    actor: &Actor,
    id: &SealId,
    kind: RequestKind,
    body: Value,
    allowed: impl Fn(&StoredSeal) -> bool + Send + Sync,
) -> Result<SealRequestId, Fault> {
    let (now, body, allowed) = (world.clock.now(), &body, &allowed);
    let asked = world.store.write("ask about a seal", |tx| {
        Box::pin(async move {
            let seal = found(tx, &actor.agency, id).await?;
            if !allowed(&seal) {
                return Err(wrong_state(&seal));
            }
            enter(tx, actor, id, kind, body, now).await
        })
    });
    asked.await
}

/// The order inside a request to make a seal.
pub(super) fn order_of(body: &[u8]) -> Result<Order, Fault> {
    let body: Value = serde_json::from_slice(body).map_err(|error| Fault::new(code::SYSTEM).because(error))?;
    let order = body.get("order").cloned().ok_or_else(absent)?;
    serde_json::from_value(order).map_err(|error| Fault::new(code::SYSTEM).because(error))
}
