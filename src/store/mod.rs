//! SQLite and PostgreSQL behind two verbs, `read` and `write`; one file for a table family.
//!
//! ```no_run
//! # use xinyin::{fault::Fault, ids::AgencyId, moment::Moment, store::{Store, agencies}};
//! # async fn example(store: &Store, id: &AgencyId, name: &str, now: Moment) -> Result<(), Fault> {
//! let fresh = store
//!     .write("register an agency", |tx| {
//!         Box::pin(async move {
//!             if agencies::find(tx, id).await?.is_some() {
//!                 return Ok(false);
//!             }
//!             agencies::add(tx, id, name, now).await?;
//!             Ok(true)
//!         })
//!     })
//!     .await?;
//! # Ok(()) }
//! ```
//!
//! A closure may run several times: it captures by reference (bind `let x = &x;` before it), changes nothing outside, and does
//! no I/O but the store's. Whatever it returns as an error is rolled back, also when the future is dropped half-way. Writes are
//! serializable on both databases: SQLite takes its write lock first (BEGIN IMMEDIATE), PostgreSQL runs SERIALIZABLE and
//! [`Store::write`] repeats what it refuses (40001, 40P01), a bounded number of times. A committed write survives a crash.

pub mod agencies;
pub mod anchors;
pub mod audit;
pub mod audit_check;
pub mod canonical;
pub mod challenges;
pub mod clerks;
pub mod clients;
pub mod consents;
pub mod evidence;
pub mod grants;
pub mod intentions;
pub mod leases;
mod licence_batches;
mod licence_files;
pub mod licences;
pub mod logins;
pub mod logout_notices;
pub mod losses;
pub mod parties;
pub mod passkeys;
pub mod phone_codes;
pub mod prepared_signatures;
pub mod previews;
pub mod proofs;
pub mod receipts;
pub mod seal_grants;
pub mod sealer;
pub mod seals;
pub mod sessions;
pub mod sightings;
pub mod signing_keys;
pub mod verdicts;

mod row;

pub use row::Row;
pub use sealer::{PartyKey, SealError, Sealer};

use crate::fault::{Fault, code};
use crate::moment::Moment;
use futures_util::future::BoxFuture;
use row::Query;
use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::migrate::Migrate;
use sqlx::{Any, AnyPool, ConnectOptions, Executor, Transaction};
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Once};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("./migrations");

/// How often a refused write is repeated before it is given up as [`code::STORE_BUSY`].
const ATTEMPTS: u32 = 60;
/// How long to wait for a free connection.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why a query failed. Errors of the two databases are told apart by kind, never by message or constraint name.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A unique value is taken already.
    #[error("the value is taken")]
    Taken,
    /// A row that this one refers to does not exist.
    #[error("a row that this one refers to does not exist")]
    Dangling,
    /// Another transaction came first; [`Store::write`] repeats the closure.
    #[error("another transaction came first")]
    Conflict,
    /// The database does not answer.
    #[error("the database does not answer")]
    Unavailable(#[source] sqlx::Error),
    /// The Party was erased: its key is gone, its attributes cannot be read.
    #[error("the party was erased")]
    Erased,
    /// A sealed value that does not open.
    #[error("sealed value in {0}")]
    Sealed(&'static str, #[source] SealError),
    /// A stored value that is not what this program writes.
    #[error("column {0} holds what this program does not write")]
    Corrupt(&'static str),
    /// Anything else: a mistake in this program or a damaged database.
    #[error("database error")]
    Database(#[source] sqlx::Error),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        if let sqlx::Error::Database(database) = &error {
            if database.is_unique_violation() {
                return Self::Taken;
            }
            if database.is_foreign_key_violation() {
                return Self::Dangling;
            }
            // PostgreSQL: serialization failure, deadlock, lock not available. SQLite: BUSY and LOCKED in their extended forms.
            match database.code().as_deref() {
                Some("40001" | "40P01" | "55P03" | "5" | "6" | "261" | "262" | "517" | "773") => return Self::Conflict,
                Some(code) if code.starts_with("08") || code.starts_with("57P") || code.starts_with("53") => {
                    return Self::Unavailable(error);
                }
                _ => {}
            }
        }
        match error {
            sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => Self::Unavailable(error),
            sqlx::Error::WorkerCrashed => Self::Unavailable(error),
            other => Self::Database(other),
        }
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        let code = match &error {
            StoreError::Taken | StoreError::Dangling => code::CONFLICT,
            StoreError::Conflict => code::STORE_BUSY,
            StoreError::Unavailable(_) => code::STORE_DOWN,
            StoreError::Erased => code::ERASED,
            StoreError::Sealed(..) | StoreError::Corrupt(_) | StoreError::Database(_) => code::SYSTEM,
        };
        Self::new(code).because(error)
    }
}

/// The database. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    pool: AnyPool,
    sealer: Sealer,
    postgres: bool,
    /// SQLite lets one writer in: waiting here is fair and costs no lock polling.
    writer: Arc<Semaphore>,
    /// Committed writes since the start.
    written: Arc<AtomicU64>,
}

/// One transaction. The lifetime is that of what the closure captures.
pub struct Tx<'env> {
    inner: Transaction<'static, Any>,
    sealer: Sealer,
    conflict: bool,
    env: PhantomData<&'env ()>,
}

impl Store {
    /// Connects to `sqlite://PATH` (the file must exist) or `postgres://…`.
    pub async fn open(url: &str, sealer: Sealer) -> Result<Self, Fault> {
        Self::connect(url, sealer, false).await
    }

    /// Connects, makes the SQLite file where it is missing, and brings the schema to this version.
    pub async fn create(url: &str, sealer: Sealer) -> Result<Self, Fault> {
        let store = Self::connect(url, sealer, true).await?;
        store.migrate().await?;
        Ok(store)
    }

    async fn connect(url: &str, sealer: Sealer, create: bool) -> Result<Self, Fault> {
        static DRIVERS: Once = Once::new();
        DRIVERS.call_once(sqlx::any::install_default_drivers);
        let postgres = url.starts_with("postgres://") || url.starts_with("postgresql://");
        // The URL may hold a password: no message quotes it.
        let bad_url = || Fault::new(code::CONFIGURATION).detail("database: sqlite://PATH or postgres://USER@HOST/NAME is expected");
        if !postgres && !url.starts_with("sqlite:") {
            return Err(bad_url());
        }
        let url = match url.strip_prefix("sqlite://").or_else(|| url.strip_prefix("sqlite:")) {
            Some(path) => sqlite_url(path, create),
            None => url.to_owned(),
        };
        let url = url::Url::parse(&url).map_err(|_| bad_url())?;
        let options = AnyConnectOptions::from_url(&url).map_err(|_| bad_url())?.disable_statement_logging();
        let pool = AnyPoolOptions::new()
            .max_connections(if postgres { 16 } else { 8 })
            .acquire_timeout(PATIENCE)
            .after_connect(move |connection, _| {
                let settings = if postgres {
                    "SET statement_timeout = '60s'; SET idle_in_transaction_session_timeout = '60s'; SET client_min_messages = warning"
                } else {
                    // FULL: a committed transaction is on the disk. Freed pages are overwritten.
                    "PRAGMA busy_timeout = 20000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
                     PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON"
                };
                Box::pin(async move { connection.execute(sqlx::raw_sql(settings)).await.map(drop) })
            })
            .connect_with(options)
            .await
            .map_err(|error| Fault::new(code::STORE_DOWN).because(error))?;
        Ok(Self { pool, sealer, postgres, writer: Arc::new(Semaphore::new(1)), written: Arc::default() })
    }

    /// The keys that seal and look up.
    pub fn sealer(&self) -> &Sealer {
        &self.sealer
    }

    /// Whether this is PostgreSQL (many machines) and not SQLite (one).
    pub fn is_postgres(&self) -> bool {
        self.postgres
    }

    /// Reads from one consistent snapshot. `name` is for the trace.
    pub async fn read<'env, T, F>(&self, name: &'static str, mut f: F) -> Result<T, Fault>
    where
        F: for<'t> FnMut(&'t mut Tx<'env>) -> BoxFuture<'t, Result<T, Fault>> + Send,
    {
        let begin = if self.postgres { "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" } else { "BEGIN" };
        let started = Instant::now();
        let mut tx = self.begin(begin).await?;
        let value = f(&mut tx).await?;
        tx.inner.rollback().await.map_err(StoreError::from)?;
        slow(name, started);
        Ok(value)
    }

    /// Writes in one serializable, durable transaction; all of it or nothing. `name` is for the trace.
    ///
    /// Errors: what the closure returns; [`code::STORE_BUSY`] when others kept coming first; [`code::STORE_DOWN`].
    pub async fn write<'env, T, F>(&self, name: &'static str, mut f: F) -> Result<T, Fault>
    where
        T: Send,
        F: for<'t> FnMut(&'t mut Tx<'env>) -> BoxFuture<'t, Result<T, Fault>> + Send,
    {
        let begin = if self.postgres { "BEGIN ISOLATION LEVEL SERIALIZABLE" } else { "BEGIN IMMEDIATE" };
        self.attempt(name, begin, &mut f).await
    }

    /// For the audit sequencer alone: its lease lets one in, and a serializable reader of the unlinked rows would make logins
    /// conflict with it.
    async fn write_committed<'env, T, F>(&self, name: &'static str, mut f: F) -> Result<T, Fault>
    where
        T: Send,
        F: for<'t> FnMut(&'t mut Tx<'env>) -> BoxFuture<'t, Result<T, Fault>> + Send,
    {
        let begin = if self.postgres { "BEGIN ISOLATION LEVEL READ COMMITTED" } else { "BEGIN IMMEDIATE" };
        self.attempt(name, begin, &mut f).await
    }

    async fn attempt<'env, T, F>(&self, name: &'static str, begin: &'static str, f: &mut F) -> Result<T, Fault>
    where
        T: Send,
        F: for<'t> FnMut(&'t mut Tx<'env>) -> BoxFuture<'t, Result<T, Fault>> + Send,
    {
        let started = Instant::now();
        for attempt in 0..ATTEMPTS {
            let permit = if self.postgres { None } else { self.writer.acquire().await.ok() };
            match self.once(begin, f).await {
                Ok(value) => {
                    self.written.fetch_add(1, Ordering::Relaxed);
                    slow(name, started);
                    return Ok(value);
                }
                Err(Attempt::Failed(fault)) => return Err(fault),
                Err(Attempt::Conflict) => drop(permit),
            }
            tracing::debug!(name, attempt, "repeated after a conflict");
            tokio::time::sleep(self.pause(attempt)).await;
        }
        Err(Fault::new(code::STORE_BUSY).detail(name))
    }

    async fn once<'env, T, F>(&self, begin: &'static str, f: &mut F) -> Result<T, Attempt>
    where
        F: for<'t> FnMut(&'t mut Tx<'env>) -> BoxFuture<'t, Result<T, Fault>> + Send,
    {
        let mut tx = self.begin(begin).await?;
        let outcome = f(&mut tx).await;
        let Tx { inner, conflict, .. } = tx;
        match outcome {
            // A closure may have swallowed the conflict: the database has not.
            _ if conflict => {
                let _ = inner.rollback().await;
                Err(Attempt::Conflict)
            }
            Ok(value) => {
                inner.commit().await.map_err(StoreError::from)?;
                Ok(value)
            }
            Err(fault) => {
                let _ = inner.rollback().await;
                Err(Attempt::Failed(fault))
            }
        }
    }

    async fn begin<'env>(&self, begin: &'static str) -> Result<Tx<'env>, StoreError> {
        let inner = self.pool.begin_with(begin).await?;
        Ok(Tx { inner, sealer: self.sealer.clone(), conflict: false, env: PhantomData })
    }

    /// Grows to about 50 ms, with jitter, so that the same transactions do not meet again.
    fn pause(&self, attempt: u32) -> Duration {
        let [jitter] = self.sealer.random::<1>();
        Duration::from_micros((500 << attempt.min(7)) * (128 + u64::from(jitter)) / 384)
    }

    /// Applies the migrations that the database has not seen; returns their names.
    pub async fn migrate(&self) -> Result<Vec<String>, Fault> {
        let pending = self.pending().await?;
        MIGRATIONS.run(&self.pool).await.map_err(|error| Fault::new(code::MIGRATION).because(error))?;
        Ok(pending)
    }

    /// The migrations that the database has not seen. An error if it was changed by a newer program or an applied migration
    /// differs from ours.
    pub async fn pending(&self) -> Result<Vec<String>, Fault> {
        let failed = |error: sqlx::migrate::MigrateError| Fault::new(code::MIGRATION).because(error);
        let mut connection = self.pool.acquire().await.map_err(StoreError::from)?;
        let table = &MIGRATIONS.table_name;
        connection.ensure_migrations_table(table).await.map_err(failed)?;
        let applied = connection.list_applied_migrations(table).await.map_err(failed)?;
        for migration in &applied {
            match MIGRATIONS.iter().find(|ours| ours.version == migration.version) {
                None => {
                    let text = format!("the database has migration {}, which this program does not know", migration.version);
                    return Err(Fault::new(code::MIGRATION).detail(text));
                }
                Some(ours) if ours.checksum != migration.checksum => {
                    return Err(Fault::new(code::MIGRATION).detail(format!("migration {} was applied in another form", ours.version)));
                }
                Some(_) => {}
            }
        }
        let is_new = |ours: &&sqlx::migrate::Migration| applied.iter().all(|seen| seen.version != ours.version);
        Ok(MIGRATIONS.iter().filter(is_new).map(|ours| format!("{:04} {}", ours.version, ours.description)).collect())
    }

    /// Answers if the database does.
    pub async fn ping(&self) -> Result<(), Fault> {
        self.read("ping", |tx| Box::pin(async move { Ok(tx.one(sqlx::query("SELECT 1 AS n")).await?.int("n").map(drop)?) })).await
    }

    /// How many write transactions were committed through this store since it was opened.
    pub fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// Closes the connections after the running transactions.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

/// The address of a file whose name may hold any character.
fn sqlite_url(path: &str, create: bool) -> String {
    let plain = |octet: u8| octet.is_ascii_alphanumeric() || b"/._~-".contains(&octet);
    let encoded: String =
        path.bytes().map(|octet| if plain(octet) { char::from(octet).to_string() } else { format!("%{octet:02X}") }).collect();
    format!("sqlite:{encoded}?mode={}", if create { "rwc" } else { "rw" })
}

enum Attempt {
    Conflict,
    Failed(Fault),
}

impl From<StoreError> for Attempt {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict => Self::Conflict,
            other => Self::Failed(other.into()),
        }
    }
}

fn slow(name: &'static str, started: Instant) {
    let took = started.elapsed();
    if took > Duration::from_secs(1) {
        tracing::warn!(name, millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX), "slow transaction");
    }
}

impl Tx<'_> {
    /// The keys that seal and look up.
    pub fn sealer(&self) -> Sealer {
        self.sealer.clone()
    }

    /// Runs a statement; returns how many rows it changed.
    pub(crate) async fn execute(&mut self, query: Query<'_>) -> Result<u64, StoreError> {
        let result = query.execute(&mut *self.inner).await;
        self.note(result.map(|done| done.rows_affected()))
    }

    /// The first row, if there is one.
    pub(crate) async fn optional(&mut self, query: Query<'_>) -> Result<Option<Row>, StoreError> {
        let result = query.fetch_optional(&mut *self.inner).await;
        self.note(result.map(|row| row.map(Row)))
    }

    /// The one row that there must be.
    pub(crate) async fn one(&mut self, query: Query<'_>) -> Result<Row, StoreError> {
        let result = query.fetch_one(&mut *self.inner).await;
        self.note(result.map(Row))
    }

    /// All rows; give the statement a LIMIT wherever their number is not bounded by nature.
    pub(crate) async fn all(&mut self, query: Query<'_>) -> Result<Vec<Row>, StoreError> {
        let result = query.fetch_all(&mut *self.inner).await;
        self.note(result.map(|rows| rows.into_iter().map(Row).collect()))
    }

    fn note<T>(&mut self, result: Result<T, sqlx::Error>) -> Result<T, StoreError> {
        result.map_err(StoreError::from).inspect_err(|error| self.conflict |= matches!(error, StoreError::Conflict))
    }
}

/// `Moment` as a column.
pub(crate) fn millis(at: Option<Moment>) -> Option<i64> {
    at.map(Moment::millis)
}

/// An empty database in a temporary folder, for unit tests; drop the folder last.
#[cfg(test)]
pub(crate) mod testing {
    use super::{Sealer, Store};

    pub(crate) async fn store() -> (Store, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let sealer: Sealer = super::sealer::tests::sealer();
        let store = Store::create(&format!("sqlite://{}/test.db", folder.path().display()), sealer).await.unwrap();
        (store, folder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::AgencyId;

    #[tokio::test]
    async fn closures_borrow_and_futures_are_send() {
        fn send<T: Send>(value: T) -> T {
            value
        }
        let (store, _folder) = testing::store().await;
        let owned: AgencyId = "lianjiang".parse().unwrap();
        let (id, name) = (&owned, &String::from("连江县"));
        let now = Moment::from_secs(1);
        let add = store.write("add", |tx| Box::pin(async move { Ok(agencies::add(tx, id, name, now).await?) }));
        send(add).await.unwrap();
        let found = send(store.read("find", |tx| Box::pin(async move { Ok(agencies::find(tx, id).await?) }))).await.unwrap();
        assert_eq!(found.unwrap().name, *name);
        let twice = store.write("add", |tx| Box::pin(async move { Ok(agencies::add(tx, id, name, now).await?) })).await;
        assert_eq!(twice.unwrap_err().code, code::CONFLICT);
        assert!(store.pending().await.unwrap().is_empty());
        store.ping().await.unwrap();
    }
}
