//! Receipts on the check page: is this one ours, and what did it say?

use crate::doc::source::ByteSource;
use crate::fault::{Fault, code};
use crate::ids::ReceiptId;
use crate::moment::Moment;
use crate::service::receipt_check::check;
use crate::store::{receipts, verdicts};
use crate::verify::{Evidence, Revocation};
use crate::world::World;
use serde::Serialize;

/// Largest receipt.
const MAX: u64 = 8 << 20;

/// What anybody who holds a receipt may know of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckedReceipt {
    /// Its id.
    pub id: String,
    /// The document that it is about.
    pub document_sha256: String,
    /// What the verdict was.
    pub indication: String,
    /// Of what time the verdict was.
    pub judged_at: Moment,
}

/// What is known under the id of a receipt, as printed.
pub async fn receipt_by_code(world: &World, written: &str) -> Result<Option<CheckedReceipt>, Fault> {
    let written: String = written.trim().chars().take(64).collect();
    let id: ReceiptId = match written.parse() {
        Ok(id) => id,
        // Looked up all the same: nobody learns from the time what an id looks like.
        Err(_) => "none".parse().map_err(|error: crate::ids::NotAnId| Fault::new(code::SYSTEM).because(error))?,
    };
    let id = &id;
    let found = world.store.read("check a receipt", |tx| Box::pin(async move { Ok(verdicts::public(tx, id).await?) })).await?;
    Ok(found.map(|(document_sha256, indication, judged_at)| CheckedReceipt { id: id.to_string(), document_sha256, indication, judged_at }))
}

/// Of a file: `None` if it is no receipt, `Some(None)` if it is one that is not, octet for octet, ours.
pub async fn receipt_by_file(world: &World, document: &dyn ByteSource) -> Result<Option<Option<CheckedReceipt>>, Fault> {
    if document.len() > MAX || document.slice(0, 1).ok().as_deref() != Some(&[0x30]) {
        return Ok(None);
    }
    let length = usize::try_from(document.len()).unwrap_or(0);
    let octets = document.slice(0, length).map_err(|error| Fault::new(code::FILE).because(error))?;
    let read = check(&octets, &Evidence::default(), world.clock.now(), Revocation::Soft, None);
    let Some(id) = read.id.and_then(|id| id.parse::<ReceiptId>().ok()) else { return Ok(None) };
    let id = &id;
    let kept = world.store.read("a receipt's octets", |tx| Box::pin(async move { Ok(receipts::octets(tx, id).await?) })).await?;
    match kept {
        Some(kept) if *kept == octets => receipt_by_code(world, id.as_str()).await.map(Some),
        _ => Ok(Some(None)),
    }
}
