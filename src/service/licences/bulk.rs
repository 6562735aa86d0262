//! Bulk issue from CSV: row by row, each on its own, told as it goes; resumable, and memory stays flat.

use super::definition;
use super::issue::{Order, issue};
use crate::fault::{Fault, code};
use crate::licence::rows::Columns;
use crate::service::verifications::Asker;
use crate::store::licences;
use crate::world::World;
use csv::{ByteRecord, ReaderBuilder};
use serde::Serialize;
use sm3::{Digest, Sm3};
use std::io::{Read, Seek, SeekFrom};
use std::sync::Arc;

/// Most rows of a file.
const MAX_ROWS: i64 = 5_000_000;

/// What became of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RowState {
    /// Issued now.
    Issued,
    /// Issued by an earlier run of the same batch.
    IssuedBefore,
    /// Refused; nothing was issued for it.
    Refused,
}

/// A row's report.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// Line, the first line of data being 2.
    pub line: i64,
    /// What became of it.
    pub state: RowState,
    /// The licence.
    pub identifier: Option<String>,
    /// Why it was refused: code and text.
    pub code: Option<&'static str>,
    /// What is wrong, without any number of a person.
    pub detail: Option<String>,
}

/// How many rows ended how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Issued now.
    pub issued: u64,
    /// Issued before.
    pub before: u64,
    /// Refused.
    pub refused: u64,
}

/// Issues one licence for each row of `file`. `name` names the batch: the same file under the same name goes on where it stopped;
/// another file under it is refused. `tell` gets each row's report in turn.
///
/// # Errors
/// What concerns the whole file: its first line, the batch, the type; and what fails for every row alike (database, seal).
pub async fn bulk<F: Read + Seek + Send>(
    world: &Arc<World>,
    asker: &Asker,
    kind: &str,
    name: &str,
    mut file: F,
    mut tell: impl FnMut(&Row) + Send,
) -> Result<Tally, Fault> {
    if name.is_empty() || name.len() > 100 || !name.bytes().all(|octet| octet.is_ascii_alphanumeric() || b"._-".contains(&octet)) {
        return Err(Fault::new(code::BAD_REQUEST).detail("a batch is named by 1 to 100 of A-Z a-z 0-9 . _ -"));
    }
    let unreadable = |error: std::io::Error| Fault::new(code::FILE).because(error);
    let mut hash = Sm3::new();
    let mut piece = vec![0; 64 * 1024];
    loop {
        let read = file.read(&mut piece).map_err(unreadable)?;
        if read == 0 {
            break;
        }
        hash.update(piece.get(..read).unwrap_or_default());
    }
    file.seek(SeekFrom::Start(0)).map_err(unreadable)?;
    let digest = &hex::encode(hash.finalize());
    let (now, agency) = (world.clock.now(), &asker.agency);
    let stored = world.store.write("begin a batch", |tx| {
        Box::pin(async move {
            if let Some(batch) = licences::batch(tx, agency, name).await? {
                let stored = licences::type_by_id(tx, &batch.type_id).await?.ok_or_else(|| Fault::new(code::SYSTEM))?;
                let same = batch.file_sm3 == *digest && stored.code == kind;
                return if same { Ok(stored) } else { Err(Fault::new(code::LICENCE_BATCH).detail(name)) };
            }
            let stored = licences::find_type(tx, agency, kind).await?.ok_or_else(|| Fault::new(code::LICENCE_TYPE_UNKNOWN).detail(kind))?;
            licences::add_batch(tx, agency, name, &stored.id, digest, now).await?;
            Ok(stored)
        })
    });
    let of = definition(&stored.await?)?;
    let mut reader = ReaderBuilder::new().has_headers(false).flexible(true).from_reader(file);
    let broken = |error: csv::Error| Fault::new(code::LICENCE_ROWS).detail(error.to_string());
    let mut record = ByteRecord::new();
    if !reader.read_byte_record(&mut record).map_err(broken)? {
        return Err(Fault::new(code::LICENCE_ROWS).detail("the file is empty"));
    }
    let columns = Columns::read(&of, &record).map_err(|amiss| Fault::new(code::LICENCE_ROWS).detail(amiss.to_string()))?;
    let mut tally = Tally::default();
    let mut line = 1i64;
    while reader.read_byte_record(&mut record).map_err(broken)? {
        line = line.saturating_add(1);
        if line > MAX_ROWS {
            return Err(Fault::new(code::LICENCE_ROWS).detail("more rows than are issued from one file"));
        }
        let outcome = match columns.application(&record) {
            Err(amiss) => Err(Fault::new(code::LICENCE_APPLICATION).detail(amiss.to_string())),
            Ok(application) => issue(world, asker, &Order { kind, application, applicant: None, key: None, row: Some((name, line)) }).await,
        };
        let row = match outcome {
            Ok(issued) if issued.repeated => {
                Row { line, state: RowState::IssuedBefore, identifier: Some(issued.identifier), code: None, detail: None }
            }
            Ok(issued) => Row { line, state: RowState::Issued, identifier: Some(issued.identifier), code: None, detail: None },
            // A row's own fault is told and passed over; what would fail for every row ends the run, which can be continued.
            Err(fault) if fault.code.status < 500 => {
                Row { line, state: RowState::Refused, identifier: None, code: Some(fault.code.id), detail: fault.detail }
            }
            Err(fault) => return Err(fault),
        };
        match row.state {
            RowState::Issued => tally.issued += 1,
            RowState::IssuedBefore => tally.before += 1,
            RowState::Refused => tally.refused += 1,
        }
        tell(&row);
    }
    let now = world.clock.now();
    world.store.write("finish a batch", |tx| Box::pin(async move { Ok(licences::finish_batch(tx, agency, name, now).await?) })).await?;
    Ok(tally)
}
