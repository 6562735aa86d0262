//! Making apart from using: the approved order goes out, what the maker made comes in.

use super::{Actor, ask, found, step};
use crate::crypto::Hash;
use crate::doc::seal::Seal;
use crate::fault::{Fault, code};
use crate::ids::{AgencyId, SealId};
use crate::moment::Moment;
use crate::pki::Certificate;
use crate::pki::path::{Anchor, Outcome, PathInput, Purpose, Revocation};
use crate::service::verify::online_path;
use crate::sign::seal::maker_signature;
use crate::sign::seal::order::OrderFile;
use crate::sign::seal::register::{Change, State};
use crate::store::{seal_grants, seals};
use crate::verify;
use crate::world::World;
use std::time::Duration;

/// How far ahead the clock of the maker's machine may be: it may stand apart from every network.
const AHEAD: Duration = Duration::from_secs(300);
/// Largest seal that is taken in.
pub const MAX_OCTETS: usize = 8 << 20;

/// The order of a seal whose making is approved.
///
/// # Errors
/// [`code::NOT_FOUND`]: no such seal of this agency, or its making is not approved.
pub async fn order(world: &World, agency: &AgencyId, id: &SealId) -> Result<OrderFile, Fault> {
    let read = world.store.read("an order for a seal", |tx| Box::pin(async move { Ok(seal_grants::making(tx, agency, id).await?) }));
    let request = read.await?.ok_or_else(super::absent)?;
    if ask::digest(&request.body) != request.digest {
        return Err(Fault::new(code::SEAL_APPROVAL));
    }
    Ok(OrderFile::new(ask::order_of(&request.body)?, request.digest))
}

/// Takes in the seal that the maker made. It is held against the order that was approved, field for field; its maker has to be
/// trusted here for seals. From then on it may be used.
///
/// # Errors
/// [`code::SEAL_RESULT`], [`code::SEAL_CERTIFICATE`], [`code::SEAL_STATE`], [`code::NOT_FOUND`].
pub async fn take_in(world: &World, actor: &Actor, id: &SealId, octets: &[u8]) -> Result<(), Fault> {
    let order = order(world, &actor.agency, id).await?.order;
    order.check(octets).map_err(|mismatch| Fault::new(code::SEAL_RESULT).detail(mismatch.to_string()))?;
    let now = world.clock.now();
    let maker = &judge(world, octets, now).await?;
    let sha256 = &hex::encode(Hash::Sha256.digest(octets));
    let taken = world.store.write("take in a seal", |tx| {
        Box::pin(async move {
            let seal = found(tx, &actor.agency, id).await?;
            if seal.state != State::Approved {
                return Err(super::wrong_state(&seal));
            }
            seals::set_octets(tx, id, octets, sha256, maker).await?;
            step(tx, actor, &seal, Change::Activated, now, now, "", None).await?;
            Ok(())
        })
    });
    taken.await
}

/// Whether the seal was made, as it stands, by somebody who is trusted here to make seals; SHA-256 of the maker's certificate.
/// A maker's certificate that has run out since is judged as of the making, as the standard has it.
pub(super) async fn judge(world: &World, octets: &[u8], now: Moment) -> Result<String, Fault> {
    let unreadable = |why: String| Fault::new(code::SEAL_UNREADABLE).detail(why);
    if octets.len() > MAX_OCTETS {
        return Err(unreadable("larger than 8 MiB".into()));
    }
    let seal = Seal::parse(octets).map_err(|error| unreadable(error.to_string()))?;
    maker_signature(&seal).map_err(|error| unreadable(format!("the maker's signature: {error}")))?;
    let refused = |why: String| Fault::new(code::SEAL_CERTIFICATE).detail(why);
    let maker = Certificate::from_der(seal.maker).map_err(|error| refused(error.to_string()))?;
    let created = seal.property.created;
    if created > now.plus(AHEAD) || !maker.is_valid_at(created) {
        return Err(refused("the maker's certificate was not valid when the seal was made".into()));
    }
    let serves = |anchor: &verify::TrustAnchor| anchor.purposes.contains(&verify::Purpose::Seal);
    let anchors: Vec<Anchor> =
        super::super::verifications::trusted(world).await?.into_iter().filter(serves).map(|anchor| anchor.certificate.into()).collect();
    let at = if maker.not_after() < now { created } else { now };
    let question = PathInput { purpose: Purpose::Sign, revocation: Revocation::Soft, now, ..PathInput::new(&maker, &anchors, at) };
    let result = online_path(&question, &world.net).await;
    if result.outcome != Outcome::Accepted {
        let why = result.reason.map_or_else(String::new, |reason| format!("{reason:?}"));
        return Err(refused(format!("the maker is not trusted here for seals: {why}")));
    }
    Ok(hex::encode(maker.fingerprint_sha256()))
}
