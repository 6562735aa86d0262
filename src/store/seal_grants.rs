//! Dual control over seals: what one asks and another decides, what a seal may then be used on, and each use.

use super::{Row, StoreError, Tx};
use crate::ids::{AgencyId, PartyId, SealGrantId, SealId, SealRequestId, SealUseId};
use crate::moment::Moment;
use zeroize::Zeroizing;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestKind {
    /// Make a seal.
    Make,
    /// Take in a seal that was made elsewhere.
    Import,
    /// Use a seal.
    Use,
    /// Enter the number under which a seal is on record.
    File,
    /// Let a suspended seal be used again.
    Resume,
}

/// How far a request got. An open one past its end can no longer be decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestState {
    /// It waits for another's decision.
    Open,
    /// It was approved, once.
    Approved,
    /// It was refused.
    Refused,
}

super::parties::stored_as!(RequestKind { Make = "make", Import = "import", Use = "use", File = "file", Resume = "resume" });
super::parties::stored_as!(RequestState { Open = "open", Approved = "approved", Refused = "refused" });

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRequest {
    /// Its id.
    pub id: SealRequestId,
    /// The agency.
    pub agency: AgencyId,
    /// The seal it is about.
    pub seal: SealId,
    /// What is asked for.
    pub kind: RequestKind,
    /// How far it got.
    pub state: RequestState,
    /// What exactly: canonical JSON.
    pub body: Zeroizing<Vec<u8>>,
    /// SM3 of the body, hexadecimal.
    pub digest: String,
    /// Who asked.
    pub asked_by: String,
    /// Who asked, where it is a person.
    pub asked_party: Option<PartyId>,
    /// When.
    pub asked_at: Moment,
    /// Until when it can be decided.
    pub expires_at: Moment,
    /// Who decided.
    pub decided_by: Option<String>,
    /// When.
    pub decided_at: Option<Moment>,
    /// Why it was refused.
    pub reason: Option<String>,
}

/// A request to be entered.
#[derive(Debug, Clone, Copy)]
pub struct NewRequest<'a> {
    /// The agency.
    pub agency: &'a AgencyId,
    /// The seal it is about.
    pub seal: &'a SealId,
    /// What is asked for.
    pub kind: RequestKind,
    /// What exactly: canonical JSON.
    pub body: &'a [u8],
    /// SM3 of the body.
    pub digest: &'a str,
    /// Who asks.
    pub asked_by: &'a str,
    /// Who asks, where it is a person.
    pub asked_party: Option<&'a PartyId>,
    /// Now.
    pub asked_at: Moment,
    /// Until when it can be decided.
    pub expires_at: Moment,
}

const COLUMNS: &str = "id, agency_id, seal_id, kind, state, body, digest, asked_by, asked_party, asked_at, expires_at, decided_by, decided_at, \
     reason";

fn context(id: &SealRequestId) -> String {
    format!("seal_requests/{id}")
}

fn read(tx: &Tx<'_>, row: &Row) -> Result<StoredRequest, StoreError> {
    let id: SealRequestId = row.parse("id")?;
    let body = tx.sealer.open(&context(&id), &row.bytes("body")?).map_err(|error| StoreError::Sealed("seal_requests", error))?;
    Ok(StoredRequest {
        id,
        agency: row.parse("agency_id")?,
        seal: row.parse("seal_id")?,
        kind: row.parse("kind")?,
        state: row.parse("state")?,
        body,
        digest: row.text("digest")?,
        asked_by: row.text("asked_by")?,
        asked_party: row.parse_or_null("asked_party")?,
        asked_at: row.moment("asked_at")?,
        expires_at: row.moment("expires_at")?,
        decided_by: row.text_or_null("decided_by")?,
        decided_at: row.moment_or_null("decided_at")?,
        reason: row.text_or_null("reason")?,
    })
}

/// Enters a request.
pub async fn ask(tx: &mut Tx<'_>, new: &NewRequest<'_>) -> Result<SealRequestId, StoreError> {
    let id = SealRequestId::from_random(tx.sealer.random());
    let body = tx.sealer.seal(&context(&id), new.body);
    let query = sqlx::query(
        "INSERT INTO seal_requests (id, agency_id, seal_id, kind, state, body, digest, asked_by, asked_party, asked_at, expires_at) \
         VALUES ($1, $2, $3, $4, 'open', $5, $6, $7, $8, $9, $10)",
    );
    let query = query.bind(id.as_str()).bind(new.agency.as_str()).bind(new.seal.as_str()).bind(new.kind.as_str()).bind(body);
    let query = query.bind(new.digest).bind(new.asked_by).bind(new.asked_party.map(PartyId::as_str));
    tx.execute(query.bind(new.asked_at.millis()).bind(new.expires_at.millis())).await?;
    Ok(id)
}

/// An agency's request; another agency's is not found.
pub async fn find(tx: &mut Tx<'_>, agency: &AgencyId, id: &SealRequestId) -> Result<Option<StoredRequest>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM seal_requests WHERE id = $1 AND agency_id = $2");
    let row = tx.optional(sqlx::query(sqlx::AssertSqlSafe(sql)).bind(id.as_str()).bind(agency.as_str())).await?;
    row.as_ref().map(|row| read(tx, row)).transpose()
}

/// The approved request that a seal was to be made by.
pub async fn making(tx: &mut Tx<'_>, agency: &AgencyId, seal: &SealId) -> Result<Option<StoredRequest>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM seal_requests WHERE agency_id = $1 AND seal_id = $2 AND kind = 'make' AND state = 'approved'");
    let row = tx.optional(sqlx::query(sqlx::AssertSqlSafe(sql)).bind(agency.as_str()).bind(seal.as_str())).await?;
    row.as_ref().map(|row| read(tx, row)).transpose()
}

/// An agency's open requests, the oldest first; those about one seal where it is named.
pub async fn open(tx: &mut Tx<'_>, agency: &AgencyId, seal: Option<&SealId>, now: Moment) -> Result<Vec<StoredRequest>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM seal_requests WHERE agency_id = $1 AND state = 'open' AND expires_at > $2 AND ($3 = '' OR seal_id = $3) \
         ORDER BY asked_at, id LIMIT 200"
    );
    let query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(agency.as_str()).bind(now.millis()).bind(seal.map_or("", SealId::as_str));
    let rows = tx.all(query).await?;
    rows.iter().map(|row| read(tx, row)).collect()
}

/// Decides an open request, once. `false` if it was decided before or its time is over.
pub async fn decide(
    tx: &mut Tx<'_>,
    id: &SealRequestId,
    state: RequestState,
    by: &str,
    reason: &str,
    now: Moment,
) -> Result<bool, StoreError> {
    let query = sqlx::query(
        "UPDATE seal_requests SET state = $2, decided_by = $3, decided_at = $4, reason = $5 \
         WHERE id = $1 AND state = 'open' AND expires_at > $4",
    );
    let query = query.bind(id.as_str()).bind(state.as_str()).bind(by).bind(now.millis()).bind(reason);
    Ok(tx.execute(query).await? == 1)
}

/// What a seal may be used on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Its id.
    pub id: SealGrantId,
    /// `document` or `licence-type`.
    pub scope: String,
    /// The document's digest, or the type.
    pub subject: String,
    /// How often it may still be used.
    pub uses_left: i64,
    /// Until when.
    pub ends_at: Moment,
}

/// A grant to be entered.
#[derive(Debug, Clone, Copy)]
pub struct NewGrant<'a> {
    /// The agency.
    pub agency: &'a AgencyId,
    /// The seal.
    pub seal: &'a SealId,
    /// The request that was approved.
    pub request: &'a SealRequestId,
    /// `document` or `licence-type`.
    pub scope: &'a str,
    /// The document's digest, or the type.
    pub subject: &'a str,
    /// How often.
    pub uses: i64,
    /// Until when.
    pub ends_at: Moment,
    /// Now.
    pub created_at: Moment,
}

/// Enters a grant. One request gives one.
pub async fn grant(tx: &mut Tx<'_>, new: &NewGrant<'_>) -> Result<SealGrantId, StoreError> {
    let id = SealGrantId::from_random(tx.sealer.random());
    let query = sqlx::query(
        "INSERT INTO seal_grants (id, agency_id, seal_id, request_id, scope, subject, uses_left, ends_at, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    );
    let query = query.bind(id.as_str()).bind(new.agency.as_str()).bind(new.seal.as_str()).bind(new.request.as_str());
    let query = query.bind(new.scope).bind(new.subject).bind(new.uses).bind(new.ends_at.millis()).bind(new.created_at.millis());
    tx.execute(query).await?;
    Ok(id)
}

/// The grants of a seal that can still be used, the one that ends first at the front.
pub async fn grants(tx: &mut Tx<'_>, agency: &AgencyId, seal: &SealId, now: Moment) -> Result<Vec<Grant>, StoreError> {
    let query = sqlx::query(
        "SELECT id, scope, subject, uses_left, ends_at FROM seal_grants \
         WHERE agency_id = $1 AND seal_id = $2 AND uses_left > 0 AND ends_at > $3 ORDER BY ends_at, id LIMIT 1000",
    );
    let read = |row: &Row| {
        Ok(Grant {
            id: row.parse("id")?,
            scope: row.text("scope")?,
            subject: row.text("subject")?,
            uses_left: row.int("uses_left")?,
            ends_at: row.moment("ends_at")?,
        })
    };
    tx.all(query.bind(agency.as_str()).bind(seal.as_str()).bind(now.millis())).await?.iter().map(read).collect()
}

/// Takes one use of a grant that covers the subject; `None` if there is none.
pub async fn take(
    tx: &mut Tx<'_>,
    agency: &AgencyId,
    seal: &SealId,
    scope: &str,
    subject: &str,
    now: Moment,
) -> Result<Option<SealGrantId>, StoreError> {
    let query = sqlx::query(
        "SELECT id FROM seal_grants WHERE agency_id = $1 AND seal_id = $2 AND scope = $3 AND subject = $4 AND uses_left > 0 \
         AND ends_at > $5 ORDER BY ends_at, id LIMIT 1",
    );
    let query = query.bind(agency.as_str()).bind(seal.as_str()).bind(scope).bind(subject).bind(now.millis());
    let Some(id) = tx.optional(query).await?.map(|row| row.parse::<SealGrantId>("id")).transpose()? else { return Ok(None) };
    let query = sqlx::query("UPDATE seal_grants SET uses_left = uses_left - 1 WHERE id = $1 AND uses_left > 0");
    Ok((tx.execute(query.bind(id.as_str())).await? == 1).then_some(id))
}

/// Ends every grant of a seal.
pub async fn end_all(tx: &mut Tx<'_>, seal: &SealId, now: Moment) -> Result<u64, StoreError> {
    let query = sqlx::query("UPDATE seal_grants SET ends_at = $2 WHERE seal_id = $1 AND ends_at > $2");
    tx.execute(query.bind(seal.as_str()).bind(now.millis())).await
}

/// Records a use.
pub async fn used(
    tx: &mut Tx<'_>,
    seal: &SealId,
    grant: &SealGrantId,
    document: &str,
    actor: &str,
    now: Moment,
) -> Result<SealUseId, StoreError> {
    let id = SealUseId::from_random(tx.sealer.random());
    let query = sqlx::query("INSERT INTO seal_uses (id, seal_id, grant_id, document, actor, used_at) VALUES ($1, $2, $3, $4, $5, $6)");
    let query = query.bind(id.as_str()).bind(seal.as_str()).bind(grant.as_str()).bind(document).bind(actor).bind(now.millis());
    tx.execute(query).await?;
    Ok(id)
}

/// How often a seal was used.
pub async fn uses(tx: &mut Tx<'_>, seal: &SealId) -> Result<i64, StoreError> {
    tx.one(sqlx::query("SELECT COUNT(*) AS n FROM seal_uses WHERE seal_id = $1").bind(seal.as_str())).await?.int("n")
}
