//! The files of licences, annotated copies, and what others reported.

use super::licences::context;
use super::{StoreError, Tx};
use crate::ids::{AgencyId, LicenceId};
use crate::moment::Moment;
use zeroize::Zeroizing;

/// A released file.
#[derive(Clone)]
pub struct File {
    /// `ofd` or `pdf`.
    pub format: String,
    /// SHA-256 of its octets.
    pub sha256: String,
    /// Its octets.
    pub body: Zeroizing<Vec<u8>>,
}

impl std::fmt::Debug for File {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "File({}, {})", self.format, self.sha256)
    }
}

fn place(licence: &LicenceId, copy: &str, format: &str) -> String {
    context("licence_files", &format!("{licence}/{copy}/{format}"))
}

/// Keeps a file of a licence, or of a copy of it (`copy` is empty for its own).
pub async fn add_file(tx: &mut Tx<'_>, licence: &LicenceId, copy: &str, file: &File, now: Moment) -> Result<(), StoreError> {
    let sealed = tx.sealer.seal(&place(licence, copy, &file.format), &file.body);
    let query =
        sqlx::query("INSERT INTO licence_files (licence_id, copy_id, format, sha256, body, created_at) VALUES ($1, $2, $3, $4, $5, $6)");
    let query = query.bind(licence.as_str()).bind(copy).bind(file.format.as_str()).bind(file.sha256.as_str()).bind(sealed);
    tx.execute(query.bind(now.millis())).await.map(drop)
}

/// A file of a licence or copy.
pub async fn file(tx: &mut Tx<'_>, licence: &LicenceId, copy: &str, format: &str) -> Result<Option<File>, StoreError> {
    let query = sqlx::query("SELECT sha256, body FROM licence_files WHERE licence_id = $1 AND copy_id = $2 AND format = $3");
    let Some(row) = tx.optional(query.bind(licence.as_str()).bind(copy).bind(format)).await? else { return Ok(None) };
    let body = tx.sealer.open(&place(licence, copy, format), &row.bytes("body")?);
    let body = body.map_err(|error| StoreError::Sealed("licence_files", error))?;
    Ok(Some(File { format: format.into(), sha256: row.text("sha256")?, body }))
}

/// The licence that a file is of, by the file's digest.
pub async fn of_file(tx: &mut Tx<'_>, sha256: &str) -> Result<Option<LicenceId>, StoreError> {
    let query = sqlx::query("SELECT licence_id FROM licence_files WHERE sha256 = $1 ORDER BY licence_id LIMIT 1");
    tx.optional(query.bind(sha256)).await?.map(|row| row.parse("licence_id")).transpose()
}

/// An annotated copy to be recorded.
pub struct NewCopy<'a> {
    /// Its id.
    pub id: &'a str,
    /// Of which licence.
    pub licence: &'a LicenceId,
    /// Who asked, for which agency.
    pub agency: &'a AgencyId,
    /// The program or clerk.
    pub actor: &'a str,
    /// Purpose and maker, JSON.
    pub body: &'a [u8],
    /// When it was made.
    pub made: Moment,
    /// Until when it may be used.
    pub until: Moment,
}

/// Records an annotated copy.
pub async fn add_copy(tx: &mut Tx<'_>, new: &NewCopy<'_>) -> Result<(), StoreError> {
    let sealed = tx.sealer.seal(&context("licence_copies", new.id), new.body);
    let query = sqlx::query(
        "INSERT INTO licence_copies (id, licence_id, agency_id, actor, body, made_at, ends_at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
    );
    let query = query.bind(new.id).bind(new.licence.as_str()).bind(new.agency.as_str()).bind(new.actor).bind(sealed);
    tx.execute(query.bind(new.made.millis()).bind(new.until.millis())).await.map(drop)
}

/// How many copies were made of a licence.
pub async fn copies(tx: &mut Tx<'_>, licence: &LicenceId) -> Result<i64, StoreError> {
    let query = sqlx::query("SELECT COUNT(*) AS n FROM licence_copies WHERE licence_id = $1");
    tx.one(query.bind(licence.as_str())).await?.int("n")
}

/// Keeps what an account of the sharing interface reported; returns its receipt number.
pub async fn add_feedback(
    tx: &mut Tx<'_>,
    agency: &AgencyId,
    account: &str,
    kind: &str,
    body: &[u8],
    now: Moment,
) -> Result<String, StoreError> {
    let id = hex::encode(tx.sealer.random::<16>());
    let sealed = tx.sealer.seal(&context("licence_feedback", &id), body);
    let query =
        sqlx::query("INSERT INTO licence_feedback (id, agency_id, account, kind, body, created_at) VALUES ($1, $2, $3, $4, $5, $6)");
    let query = query.bind(id.clone()).bind(agency.as_str()).bind(account).bind(kind).bind(sealed);
    tx.execute(query.bind(now.millis())).await?;
    Ok(id)
}
