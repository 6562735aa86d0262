//! Is the audit log whole? Every row against its hash, the rows against each other, the end against copies kept elsewhere.

use super::audit::{Chained, GENESIS, Head, commit, context};
use super::{Row, Store, StoreError, Tx, parties};
use crate::fault::Fault;
use crate::ids::PartyId;
use crate::moment::Moment;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// How many problems are named one by one; the rest are counted.
const NAMED: usize = 1000;
const PAGE: i64 = 1000;

/// What is wrong with the log.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case", tag = "problem")]
pub enum Problem {
    /// The row's content does not fit its hash, or its hash not the one that the next row was linked to.
    Altered {
        /// Its number.
        seq: i64,
        /// Its id.
        id: String,
    },
    /// Rows were deleted from inside the log.
    Missing {
        /// The first missing number.
        from: i64,
        /// The last missing number.
        to: i64,
    },
    /// Rows were deleted from the end: a copy of the head knew them.
    MissingAtEnd {
        /// The first missing number.
        from: i64,
        /// The last missing number.
        to: i64,
    },
    /// The personal part of the row is not the one it was committed with, or was removed without a lawful erasure.
    PersonalPart {
        /// Its number.
        seq: i64,
        /// Its id.
        id: String,
    },
    /// The log up to here was written anew: a copy of the head says otherwise.
    Rewritten {
        /// The number at which the copy was made.
        seq: i64,
    },
    /// A copy of the head is not authentic.
    Checkpoint {
        /// Its line in the file, from 1.
        line: usize,
    },
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Altered { seq, id } => write!(f, "row {seq} ({id}) was altered 第 {seq} 条被修改"),
            Self::Missing { from, to } => write!(f, "rows {from} to {to} were deleted 第 {from} 至 {to} 条被删除"),
            Self::MissingAtEnd { from, to } => {
                write!(f, "rows {from} to {to} at the end were deleted 末尾第 {from} 至 {to} 条被删除")
            }
            Self::PersonalPart { seq, id } => {
                write!(f, "the personal part of row {seq} ({id}) was altered 第 {seq} 条的个人信息部分被修改")
            }
            Self::Rewritten { seq } => write!(f, "the log up to row {seq} was written anew 第 {seq} 条之前的日志被重写"),
            Self::Checkpoint { line } => write!(f, "the head copy in line {line} is not authentic 第 {line} 行的链尾存证不真实"),
        }
    }
}

/// What a check found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Linked rows that were read.
    pub rows: i64,
    /// The last of them.
    pub head: Option<Head>,
    /// What is wrong, in the order of the log (at most 1000).
    pub problems: Vec<Problem>,
    /// Problems beyond those.
    pub more_problems: u64,
    /// Rows not linked yet: nothing protects them until they are.
    pub unlinked: i64,
    /// When the oldest of them happened.
    pub oldest_unlinked: Option<Moment>,
    /// Rows whose personal part was lawfully erased.
    pub erased: i64,
    /// Head copies that agree.
    pub checkpoints: usize,
}

impl Report {
    /// Whether nothing is wrong.
    pub fn is_whole(&self) -> bool {
        self.problems.is_empty()
    }

    /// Adds a problem, counting those beyond the limit.
    pub fn add(&mut self, problem: Problem) {
        if self.problems.len() < NAMED {
            self.problems.push(problem);
        } else {
            self.more_problems += 1;
        }
    }
}

struct Walk<'a> {
    report: Report,
    checkpoints: BTreeMap<i64, &'a str>,
    altered: BTreeSet<i64>,
    last_id: String,
}

/// Reads the whole log against the head copies made elsewhere.
pub async fn check(store: &Store, checkpoints: &[Head]) -> Result<Report, Fault> {
    let report = store.read("audit: check", |tx| {
        Box::pin(async move {
            let checkpoints = checkpoints.iter().map(|copy| (copy.seq, copy.hash.as_str())).collect();
            let mut walk = Walk { report: Report::default(), checkpoints, altered: BTreeSet::new(), last_id: String::new() };
            loop {
                let query = sqlx::query(
                    "SELECT id, seq, agency_id, party_id, happened_at, event, facts, sealed, commitment, prev, hash FROM audit_entries \
                     WHERE seq > $1 ORDER BY seq LIMIT $2",
                );
                let rows = tx.all(query.bind(walk.report.head.as_ref().map_or(i64::MIN, |head| head.seq)).bind(PAGE)).await?;
                if rows.is_empty() {
                    break;
                }
                for row in &rows {
                    walk.row(tx, row).await?;
                }
            }
            walk.end();
            let query = sqlx::query("SELECT COUNT(*) AS n, MIN(happened_at) AS oldest FROM audit_entries WHERE seq IS NULL");
            let row = tx.one(query).await?;
            walk.report.unlinked = row.int("n")?;
            walk.report.oldest_unlinked = row.moment_or_null("oldest")?;
            Ok(walk.report)
        })
    });
    report.await
}

impl Walk<'_> {
    async fn row(&mut self, tx: &mut Tx<'_>, row: &Row) -> Result<(), StoreError> {
        let seq = row.int("seq")?;
        // A column that cannot even be read was not written by this program; its row then fits no hash.
        let entry = Chained::read(row).unwrap_or_default();
        let (prev, hash) = (row.text_or_null("prev")?.unwrap_or_default(), row.text_or_null("hash")?.unwrap_or_default());
        let (last_seq, last_hash) = self.report.head.as_ref().map_or((0, GENESIS), |head| (head.seq, head.hash.as_str()));
        let next_to_last = seq == last_seq.saturating_add(1);
        let last_was_replaced = next_to_last && prev != last_hash;
        if !next_to_last {
            self.report.add(Problem::Missing { from: last_seq.saturating_add(1), to: seq.saturating_sub(1) });
        }
        if entry.hash(seq, &prev) != hash {
            self.altered(seq, &entry.id);
        } else if last_was_replaced {
            // This row still remembers the hash that the one before it had.
            let id = std::mem::take(&mut self.last_id);
            self.altered(last_seq.max(1), if last_seq == 0 { &entry.id } else { &id });
        }
        if let Some(copy) = self.checkpoints.get(&seq) {
            if *copy == hash {
                self.report.checkpoints += 1;
            } else if !self.altered.contains(&seq) {
                self.report.add(Problem::Rewritten { seq });
            }
        }
        if !entry.commitment.is_empty() && !self.personal_part_fits(tx, &entry, row).await? {
            self.report.add(Problem::PersonalPart { seq, id: entry.id.clone() });
        }
        self.report.rows += 1;
        self.report.head = Some(Head { seq, hash });
        self.last_id = entry.id;
        Ok(())
    }

    fn altered(&mut self, seq: i64, id: &str) {
        if self.altered.insert(seq) {
            self.report.add(Problem::Altered { seq, id: id.to_owned() });
        }
    }

    async fn personal_part_fits(&mut self, tx: &mut Tx<'_>, entry: &Chained, row: &Row) -> Result<bool, StoreError> {
        let sealed = row.bytes_or_null("sealed")?;
        let opened = match entry.party.as_deref().map(str::parse::<PartyId>) {
            Some(Err(_)) => return Ok(false),
            Some(Ok(party)) => match parties::key(tx, &party).await {
                Ok(key) => sealed.and_then(|sealed| key.open(&context(&entry.id), &sealed).ok()),
                Err(StoreError::Erased) => {
                    self.report.erased += 1;
                    return Ok(parties::find(tx, &party).await?.is_some_and(|party| party.erased_at.is_some()));
                }
                Err(StoreError::Sealed(..)) => None,
                Err(other) => return Err(other),
            },
            None => sealed.and_then(|sealed| tx.sealer().open(&context(&entry.id), &sealed).ok()),
        };
        Ok(opened.is_some_and(|body| commit(&body) == entry.commitment))
    }

    fn end(&mut self) {
        let last = self.report.head.as_ref().map_or(0, |head| head.seq);
        if let Some(known) = self.checkpoints.keys().last().copied().filter(|&known| known > last) {
            self.report.add(Problem::MissingAtEnd { from: last + 1, to: known });
        }
        self.report.problems.sort_by_key(|problem| match problem {
            Problem::Altered { seq, .. } | Problem::PersonalPart { seq, .. } | Problem::Rewritten { seq } => *seq,
            Problem::Missing { from, .. } | Problem::MissingAtEnd { from, .. } => *from,
            Problem::Checkpoint { .. } => 0,
        });
    }
}
