//! Evidence that outlives the authorities: what a verdict rests on, frozen and time-stamped as a whole, and renewed in time.
//!
//! Whoever issues or accepts a document calls [`stamp`] over the evidence of its verdict and keeps the file that
//! [`crate::verify::frozen::freeze_under`] makes of it. Judged with that file years later, the document needs nobody who is gone by
//! then: the time-stamp proves that everything existed while it was in force.

use super::timestamp_client::Authority;
use super::verify::{digest, online};
use crate::crypto::Hash;
use crate::doc::source::ByteSource;
use crate::fault::{Fault, code};
use crate::net::Net;
use crate::sign::TimestampRequest;
use crate::verify::{Evidence, Options, Policy, Record, members};
use crate::world::{Dice, random};

/// Digests that are tried: what every authority takes, then what a national one demands (GM/T 0033).
const HASHES: [Hash; 2] = [Hash::Sha256, Hash::Sm3];

/// What the document is to be stamped by: its digest under each algorithm that is tried.
pub fn digests(document: &dyn ByteSource) -> Result<Vec<(Hash, Vec<u8>)>, Fault> {
    let one = |hash| Ok((hash, digest(document, hash)?));
    HASHES.into_iter().map(one).collect::<std::io::Result<_>>().map_err(|error| Fault::new(code::FILE).because(error))
}

/// A time-stamp over the document and all of the evidence, by the first authority that gives one. Evidence that holds records
/// already is renewed by it: they are among its members.
///
/// # Errors
/// [`code::SIGN_TIMESTAMP`] while none is to be had.
pub async fn stamp(evidence: &Evidence, document: &[(Hash, Vec<u8>)], authorities: &[Authority], dice: &dyn Dice) -> Result<Record, Fault> {
    let mut refused = Fault::new(code::SIGN_TIMESTAMP).detail("no time-stamp authority is named");
    for authority in authorities {
        for (hash, digest) in document {
            let members = members(evidence, *hash, digest.clone());
            let request = TimestampRequest::of_digest(*hash, Record::imprint(*hash, &members), random(dice));
            match authority.stamp(&request).await {
                Ok(token) => return Ok(Record { hash: *hash, members, token }),
                Err(fault) => refused = fault,
            }
        }
    }
    Err(refused)
}

/// `added` with what vouches for its time-stamps, fetched where the allow-list permits it: an authority's own status can be had while
/// it lives. It stands outside of what the time-stamps cover.
pub async fn vouched(
    (document, contents): (&dyn ByteSource, &[&dyn ByteSource]),
    evidence: &Evidence,
    mut added: Evidence,
    policy: &Policy,
    options: &Options,
    net: &Net,
) -> std::io::Result<Evidence> {
    let mut all = evidence.clone();
    all.extend(added.clone());
    let (_, fetched) = online(document, contents, &all, policy, options, net).await?;
    added.extend(fetched);
    Ok(added)
}
