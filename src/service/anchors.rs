//! Trust anchors of an installation.

use super::trust::certificates;
use crate::fault::{Fault, code};
use crate::moment::Moment;
use crate::pki::Certificate;
use crate::province::anchors::is_lab_anchor;
use crate::store::anchors::{self, StoredAnchor};
use crate::store::{Store, audit};
use crate::verify::{AnchorRow, Purpose};
use crate::world::World;
use serde_json::json;
use std::path::PathBuf;

/// Trusts the certificates of files and folders for some purposes, in addition to those they serve already. Anchors of a
/// stand-in province are refused outside the demo. Returns the anchors as they stand now.
pub async fn import(world: &World, files: &[PathBuf], purposes: &[Purpose]) -> Result<Vec<StoredAnchor>, Fault> {
    add(&world.store, &certificates(files)?, purposes, &[], world.config.demo, world.clock.now()).await
}

/// Like [`import`], for certificates that were read already; `rows` are recorded of each, beside those that stand there.
pub async fn add(
    store: &Store,
    certificates: &[Certificate],
    purposes: &[Purpose],
    rows: &[AnchorRow],
    demo: bool,
    now: Moment,
) -> Result<Vec<StoredAnchor>, Fault> {
    let fresh: Vec<_> = certificates
        .iter()
        .map(|certificate| StoredAnchor {
            sha256: hex::encode(certificate.fingerprint_sha256()),
            certificate: certificate.der().to_vec(),
            subject: certificate.subject().display(),
            purposes: purposes.iter().map(|purpose| purpose.name().to_owned()).collect(),
            is_lab: is_lab_anchor(certificate.der()),
            added_at: now,
            rows: rows.to_vec(),
        })
        .collect();
    if let Some(lab) = fresh.iter().find(|anchor| anchor.is_lab && !demo) {
        return Err(Fault::new(code::LAB_ANCHORS).detail(lab.subject.clone()));
    }
    let fresh = &fresh;
    let imported = store.write("import anchors", |tx| {
        Box::pin(async move {
            let known = anchors::list(tx).await?;
            let mut now_trusted = Vec::with_capacity(fresh.len());
            for anchor in fresh {
                let mut anchor = anchor.clone();
                if let Some(known) = known.iter().find(|known| known.sha256 == anchor.sha256) {
                    anchor.purposes.extend(known.purposes.iter().cloned());
                    anchor.rows.extend(known.rows.iter().cloned());
                }
                anchor.purposes.sort();
                anchor.purposes.dedup();
                anchor.rows.sort();
                anchor.rows.dedup();
                anchors::put(tx, &anchor).await?;
                let facts = json!({ "sha256": anchor.sha256, "purposes": anchor.purposes, "rows": anchor.rows });
                let entry = audit::Entry { agency: None, party: None, at: now, event: "anchor.imported", facts: &facts, personal: None };
                audit::append(tx, entry).await?;
                now_trusted.push(anchor);
            }
            Ok(now_trusted)
        })
    });
    imported.await
}

/// The anchors of an installation.
pub async fn list(world: &World) -> Result<Vec<StoredAnchor>, Fault> {
    world.store.read("anchors", |tx| Box::pin(async move { Ok(anchors::list(tx).await?) })).await
}

/// Trusts an anchor no more; verdicts given before stand.
pub async fn remove(world: &World, sha256: &str) -> Result<(), Fault> {
    let now = world.clock.now();
    let removed = world.store.write("remove an anchor", |tx| {
        Box::pin(async move {
            if !anchors::remove(tx, sha256, now).await? {
                return Err(Fault::new(code::NOT_FOUND).detail(format!("no anchor has the SHA-256 {sha256}")));
            }
            let facts = json!({ "sha256": sha256 });
            let entry = audit::Entry { agency: None, party: None, at: now, event: "anchor.removed", facts: &facts, personal: None };
            audit::append(tx, entry).await?;
            Ok(())
        })
    });
    removed.await
}

/// A real installation does not start with anchors of a stand-in province: their keys lie readable on somebody's disk.
pub async fn refuse_lab(world: &World) -> Result<(), Fault> {
    let lab = |anchor: &&StoredAnchor| anchor.is_lab || is_lab_anchor(&anchor.certificate);
    match list(world).await?.iter().find(lab) {
        Some(anchor) if !world.config.demo => Err(Fault::new(code::LAB_ANCHORS).detail(format!("{} {}", anchor.sha256, anchor.subject))),
        _ => Ok(()),
    }
}
