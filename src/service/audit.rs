//! The audit log between store and files: linking, copies of the head outside the database, the check.
//!
//! `audit-heads.json` in the data folder holds the newest head and a thinned history, each with a keyed hash: whoever can write
//! the database, but neither the file nor the key file, cannot delete the newest rows unseen.

use crate::fault::{Fault, code};
use crate::files::{self, Access};
use crate::moment::Moment;
use crate::store::audit::{self, Head};
use crate::store::audit_check::{self, Problem, Report};
use crate::store::{Sealer, Store};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Heads kept besides the newest.
const KEPT: usize = 200;
/// A head is kept in the history when the one before it is so old or so many rows behind.
const EVERY: Duration = Duration::from_secs(600);
const EVERY_ROWS: i64 = 1000;

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Copy {
    seq: i64,
    hash: String,
    at: Moment,
    mac: String,
}

/// The file of head copies in a data folder.
pub fn heads_file(data: &Path) -> PathBuf {
    data.join("audit-heads.json")
}

fn mac(sealer: &Sealer, head: &Head, at: Moment) -> String {
    sealer.lookup("audit-head", format!("{}\0{}\0{}", head.seq, head.hash, at.millis()).as_bytes())
}

/// Links what is unlinked and copies the head. Returns the head if the chain grew.
pub async fn link(store: &Store, data: &Path, holder: &str, now: Moment) -> Result<Option<Head>, Fault> {
    let Some(head) = audit::link(store, holder, now).await? else { return Ok(None) };
    let path = heads_file(data);
    let unreadable = |error: &dyn std::fmt::Display| Fault::new(code::FILE).detail(format!("{}: {error}", path.display()));
    let mut copies: Vec<Copy> = match files::read_if_there(&path).map_err(|error| unreadable(&error))? {
        // A damaged file is kept for the check and not overwritten.
        Some(bytes) => serde_json::from_slice(&bytes).map_err(|error| unreadable(&error))?,
        None => Vec::new(),
    };
    add(&mut copies, Copy { mac: mac(store.sealer(), &head, now), seq: head.seq, hash: head.hash.clone(), at: now });
    let text = serde_json::to_vec(&copies).map_err(|error| unreadable(&error))?;
    files::write_atomic(&path, &text, Access::Private).map_err(|error| unreadable(&error))?;
    Ok(Some(head))
}

/// The newest replaces the one before it, unless that one is a milestone; the history is thinned evenly.
fn add(copies: &mut Vec<Copy>, newest: Copy) {
    let is_milestone = match copies.as_slice() {
        [.., before, last] => last.at.since(before.at) >= EVERY || last.seq.saturating_sub(before.seq) >= EVERY_ROWS,
        [_] => true,
        [] => false,
    };
    if !is_milestone {
        copies.pop();
    }
    copies.push(newest);
    if copies.len() > KEPT {
        let mut at = 0;
        let last = copies.len() - 1;
        copies.retain(|_| {
            at += 1;
            at % 2 == 1 || at > last
        });
    }
}

/// Checks the whole log against the head copies.
pub async fn check(store: &Store, data: &Path) -> Result<Report, Fault> {
    let path = heads_file(data);
    let bytes = files::read_if_there(&path).map_err(|error| Fault::new(code::FILE).detail(format!("{}: {error}", path.display())))?;
    let mut forged = Vec::new();
    let copies: Vec<Copy> = bytes.map_or_else(
        || Ok(Vec::new()),
        |bytes| {
            serde_json::from_slice(&bytes).or_else(|_| {
                forged.push(Problem::Checkpoint { line: 1 });
                Ok::<_, Fault>(Vec::new())
            })
        },
    )?;
    let mut heads = Vec::new();
    for (at, copy) in copies.into_iter().enumerate() {
        let head = Head { seq: copy.seq, hash: copy.hash };
        if mac(store.sealer(), &head, copy.at) == copy.mac {
            heads.push(head);
        } else {
            forged.push(Problem::Checkpoint { line: at + 1 });
        }
    }
    let mut report = audit_check::check(store, &heads).await?;
    forged.into_iter().for_each(|problem| report.add(problem));
    Ok(report)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn history_is_thinned_and_keeps_both_ends() {
        let mut copies = Vec::new();
        for n in 1..=100_000_i64 {
            add(&mut copies, Copy { seq: n * 7, hash: String::new(), at: Moment::from_secs(n), mac: String::new() });
        }
        assert!(copies.len() <= KEPT + 1, "{}", copies.len());
        assert!(copies.len() > 50, "{}", copies.len());
        assert_eq!((copies[0].seq, copies.last().unwrap().seq), (7, 700_000));
        assert!(copies.is_sorted_by_key(|copy| copy.seq));
    }
}
