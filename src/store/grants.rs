//! Grants and what hangs on them: authorization codes, access and refresh tokens, pairwise names.
//!
//! A code or refresh token is spent once, in one statement; who presents it again ends the whole family (RFC 9700 §4.14,
//! RFC 6749 §4.1.2). Tokens are 256 random bits kept as keyed hashes.

use super::{Row, StoreError, Tx};
use crate::ids::{AgencyId, ClientId, GrantId, PartyId, SessionId};
use crate::moment::Moment;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use zeroize::{Zeroize, Zeroizing};

/// What a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// Authorization code.
    Code,
    /// Access token.
    Access,
    /// Refresh token.
    Refresh,
    /// Service ticket (CAS 3.0 §3.1).
    Service,
}

super::parties::stored_as!(TokenKind { Code = "code", Access = "access", Refresh = "refresh", Service = "service" });

/// What a Party granted a portal in one login.
#[derive(Clone)]
pub struct Grant {
    /// Its id: the family of its codes and tokens.
    pub id: GrantId,
    /// The portal's agency.
    pub agency: AgencyId,
    /// The portal.
    pub client: ClientId,
    /// Who granted it.
    pub party: PartyId,
    /// The session that it was granted in.
    pub session: Option<SessionId>,
    /// The name of the Party at this portal (`sub`).
    pub subject: String,
    /// What was granted, as the `login` room serialised it.
    pub body: Zeroizing<Vec<u8>>,
    /// When.
    pub created_at: Moment,
    /// When it was revoked.
    pub revoked_at: Option<Moment>,
}

impl std::fmt::Debug for Grant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Grant({}, {})", self.id, self.client)
    }
}

/// A token that was found or spent, with its grant.
#[derive(Debug, Clone)]
pub struct Token {
    /// The family that it belongs to.
    pub grant: Grant,
    /// Its own detail (scope of an access token, PKCE challenge of a code).
    pub detail: serde_json::Value,
    /// When it was issued.
    pub created_at: Moment,
    /// When it lapses.
    pub expires_at: Moment,
}

/// What a rotated refresh token gave: the same is given again to who lost the answer.
#[derive(Clone, Serialize, Deserialize)]
pub struct Successor {
    /// The refresh token that took its place.
    pub refresh: String,
    /// The access token that was issued with it.
    pub access: String,
    /// When that lapses.
    pub access_expires_at: Moment,
    /// Its scope.
    pub scope: String,
}

impl Drop for Successor {
    fn drop(&mut self) {
        self.refresh.zeroize();
        self.access.zeroize();
    }
}

impl std::fmt::Debug for Successor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Successor(…)")
    }
}

/// What came of spending a token.
#[derive(Debug)]
pub enum Spend {
    /// Good, and spent by this transaction.
    Fresh(Box<Token>),
    /// A refresh token that was rotated a moment ago, and nobody has used its successor yet: an answer was lost, or several asked
    /// at once. Nothing is written.
    Again(Box<Token>, Successor),
    /// It was spent before: the family is revoked now. The closure must return `Ok` for that to be kept.
    Reused(GrantId),
    /// Lapsed or revoked.
    Dead,
    /// Not one of this client.
    Unknown,
}

/// A grant to be made.
#[derive(Debug, Clone, Copy)]
pub struct NewGrant<'a> {
    /// The portal's agency.
    pub agency: &'a AgencyId,
    /// The portal.
    pub client: &'a ClientId,
    /// Who grants.
    pub party: &'a PartyId,
    /// The session that it is granted in.
    pub session: Option<&'a SessionId>,
    /// The name of the Party at this portal (`sub`).
    pub subject: &'a str,
    /// What is granted.
    pub body: &'a [u8],
    /// Now.
    pub created_at: Moment,
}

const COLUMNS: &str = "g.id, g.agency_id, g.client_id, g.party_id, g.session_id, g.subject, g.body, g.created_at, g.revoked_at";

fn context(id: &GrantId) -> String {
    format!("grants/{id}")
}

fn read(tx: &Tx<'_>, row: &Row) -> Result<Grant, StoreError> {
    let id: GrantId = row.parse("id")?;
    let body = tx.sealer.open(&context(&id), &row.bytes("body")?).map_err(|error| StoreError::Sealed("grants", error))?;
    Ok(Grant {
        id,
        agency: row.parse("agency_id")?,
        client: row.parse("client_id")?,
        party: row.parse("party_id")?,
        session: row.parse_or_null("session_id")?,
        subject: row.text("subject")?,
        body,
        created_at: row.moment("created_at")?,
        revoked_at: row.moment_or_null("revoked_at")?,
    })
}

fn token_hash(tx: &Tx<'_>, kind: TokenKind, token: &str) -> String {
    tx.sealer.lookup(kind.as_str(), token.as_bytes())
}

/// Makes a grant.
pub async fn add(tx: &mut Tx<'_>, grant: NewGrant<'_>) -> Result<GrantId, StoreError> {
    let id = GrantId::from_random(tx.sealer.random());
    let body = tx.sealer.seal(&context(&id), grant.body);
    let query = sqlx::query(
        "INSERT INTO grants (id, agency_id, client_id, party_id, session_id, subject, body, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    );
    let query = query.bind(id.as_str()).bind(grant.agency.as_str()).bind(grant.client.as_str()).bind(grant.party.as_str());
    let query = query.bind(grant.session.map(SessionId::as_str)).bind(grant.subject).bind(body);
    tx.execute(query.bind(grant.created_at.millis())).await?;
    Ok(id)
}

/// The grant of this id.
pub async fn find(tx: &mut Tx<'_>, agency: &AgencyId, id: &GrantId) -> Result<Option<Grant>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM grants g WHERE g.id = $1 AND g.agency_id = $2");
    let row = tx.optional(sqlx::query(sqlx::AssertSqlSafe(sql)).bind(id.as_str()).bind(agency.as_str())).await?;
    row.as_ref().map(|row| read(tx, row)).transpose()
}

/// The living grants of a Party, for its account page; the newest first.
pub async fn of_party(tx: &mut Tx<'_>, party: &PartyId) -> Result<Vec<Grant>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM grants g WHERE g.party_id = $1 AND g.revoked_at IS NULL ORDER BY g.created_at DESC, g.id LIMIT 1000"
    );
    let rows = tx.all(sqlx::query(sqlx::AssertSqlSafe(sql)).bind(party.as_str())).await?;
    rows.iter().map(|row| read(tx, row)).collect()
}

/// The living grants of a session: the portals to be told when it ends.
pub async fn of_session(tx: &mut Tx<'_>, session: &SessionId) -> Result<Vec<Grant>, StoreError> {
    let sql =
        format!("SELECT {COLUMNS} FROM grants g WHERE g.session_id = $1 AND g.revoked_at IS NULL ORDER BY g.created_at, g.id LIMIT 1000");
    let rows = tx.all(sqlx::query(sqlx::AssertSqlSafe(sql)).bind(session.as_str())).await?;
    rows.iter().map(|row| read(tx, row)).collect()
}

/// Issues a token of a grant and returns its text, shown this once.
pub async fn issue(
    tx: &mut Tx<'_>,
    grant: &GrantId,
    kind: TokenKind,
    detail: &serde_json::Value,
    now: Moment,
    expires_at: Moment,
) -> Result<Zeroizing<String>, StoreError> {
    let token = Zeroizing::new(URL_SAFE_NO_PAD.encode(tx.sealer.random::<32>()));
    keep(tx, grant, kind, &token, detail, now, expires_at).await?;
    Ok(token)
}

/// The text of a service ticket: `ST-` and letters and digits alone (CAS 3.0 §3.7).
pub fn ticket(tx: &Tx<'_>) -> Zeroizing<String> {
    Zeroizing::new(format!("ST-{}", hex::encode(tx.sealer.random::<32>())))
}

/// Issues a token whose text was made before ([`ticket`]).
pub async fn keep(
    tx: &mut Tx<'_>,
    grant: &GrantId,
    kind: TokenKind,
    token: &str,
    detail: &serde_json::Value,
    now: Moment,
    expires_at: Moment,
) -> Result<(), StoreError> {
    let hash = token_hash(tx, kind, token);
    let query = sqlx::query(
        "INSERT INTO tokens (hash, kind, grant_id, agency_id, client_id, detail, created_at, expires_at) \
         SELECT $1, $2, g.id, g.agency_id, g.client_id, $4, $5, $6 FROM grants g WHERE g.id = $3 AND g.revoked_at IS NULL",
    );
    let query = query.bind(hash).bind(kind.as_str()).bind(grant.as_str()).bind(detail.to_string());
    match tx.execute(query.bind(now.millis()).bind(expires_at.millis())).await? {
        1 => Ok(()),
        _ => Err(StoreError::Dangling),
    }
}

/// Spends a code or refresh token of this client, once.
pub async fn spend(tx: &mut Tx<'_>, client: &ClientId, kind: TokenKind, token: &str, now: Moment) -> Result<Spend, StoreError> {
    spend_within(tx, client, kind, token, Duration::ZERO, now).await
}

/// Spends a token of this client, once. Within `grace` of its rotation a refresh token whose successor is unused
/// is [`Spend::Again`]; anything else that was spent before ends the family.
pub async fn spend_within(
    tx: &mut Tx<'_>,
    client: &ClientId,
    kind: TokenKind,
    token: &str,
    grace: Duration,
    now: Moment,
) -> Result<Spend, StoreError> {
    let hash = token_hash(tx, kind, token);
    let query = sqlx::query(
        "UPDATE tokens SET spent_at = $3 WHERE hash = $1 AND client_id = $2 AND spent_at IS NULL AND expires_at > $3 \
         RETURNING grant_id, detail, created_at, expires_at",
    );
    let spent = tx.optional(query.bind(hash.clone()).bind(client.as_str()).bind(now.millis())).await?;
    if let Some(row) = spent {
        let token = with_grant(tx, &row).await?;
        return Ok(if token.grant.revoked_at.is_some() { Spend::Dead } else { Spend::Fresh(Box::new(token)) });
    }
    let query = sqlx::query("SELECT grant_id, detail, created_at, expires_at, spent_at FROM tokens WHERE hash = $1 AND client_id = $2");
    let Some(row) = tx.optional(query.bind(hash.clone()).bind(client.as_str())).await? else { return Ok(Spend::Unknown) };
    let Some(spent_at) = row.moment_or_null("spent_at")? else { return Ok(Spend::Dead) };
    let token = with_grant(tx, &row).await?;
    if token.grant.revoked_at.is_none()
        && now < spent_at.plus(grace)
        && let Some(successor) = successor(tx, &hash, &token.detail)?
        && by_token(tx, TokenKind::Refresh, &successor.refresh, now).await?.is_some()
    {
        return Ok(Spend::Again(Box::new(token), successor));
    }
    revoke(tx, &token.grant.id, "token used twice", now).await?;
    Ok(Spend::Reused(token.grant.id))
}

async fn with_grant(tx: &mut Tx<'_>, token: &Row) -> Result<Token, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM grants g WHERE g.id = $1");
    let grant = tx.one(sqlx::query(sqlx::AssertSqlSafe(sql)).bind(token.text("grant_id")?)).await?;
    let (created_at, expires_at) = (token.moment("created_at")?, token.moment("expires_at")?);
    Ok(Token { grant: read(tx, &grant)?, detail: token.json("detail")?, created_at, expires_at })
}

fn successor_context(hash: &str) -> String {
    format!("tokens/{hash}/next")
}

fn successor(tx: &Tx<'_>, hash: &str, detail: &serde_json::Value) -> Result<Option<Successor>, StoreError> {
    let Some(sealed) = detail.get("next").and_then(|next| next.as_str()) else { return Ok(None) };
    let sealed = URL_SAFE_NO_PAD.decode(sealed).map_err(|_| StoreError::Corrupt("tokens.detail"))?;
    let plain = tx.sealer.open(&successor_context(hash), &sealed).map_err(|error| StoreError::Sealed("tokens", error))?;
    serde_json::from_slice(&plain).map(Some).map_err(|_| StoreError::Corrupt("tokens.detail"))
}

/// Writes down, sealed, what a refresh token gave when this transaction spent it.
pub async fn succeed(tx: &mut Tx<'_>, token: &str, detail: &serde_json::Value, successor: &Successor) -> Result<(), StoreError> {
    let hash = token_hash(tx, TokenKind::Refresh, token);
    let plain = Zeroizing::new(serde_json::to_vec(successor).map_err(|_| StoreError::Corrupt("tokens.detail"))?);
    let mut detail = detail.as_object().cloned().unwrap_or_default();
    detail.insert("next".into(), URL_SAFE_NO_PAD.encode(tx.sealer.seal(&successor_context(&hash), &plain)).into());
    let query = sqlx::query("UPDATE tokens SET detail = $2 WHERE hash = $1");
    tx.execute(query.bind(hash).bind(serde_json::Value::Object(detail).to_string())).await.map(drop)
}

/// What came of showing a service ticket.
#[derive(Debug)]
pub enum Shown {
    /// Good, and spent by this transaction, whichever service shows it (CAS 3.0 §2.5.3 demands that).
    Fresh(Box<Token>),
    /// It was spent before; this is its grant.
    Again(Box<Grant>),
    /// Unknown, lapsed or revoked.
    Dead,
}

/// Whether there is such a service ticket, good or not.
pub async fn is_shown(tx: &mut Tx<'_>, ticket: &str) -> Result<bool, StoreError> {
    let hash = token_hash(tx, TokenKind::Service, ticket);
    Ok(tx.optional(sqlx::query("SELECT kind FROM tokens WHERE hash = $1 AND kind = 'service'").bind(hash)).await?.is_some())
}

/// Spends a service ticket, once, whoever shows it: the caller compares the service.
pub async fn show(tx: &mut Tx<'_>, ticket: &str, now: Moment) -> Result<Shown, StoreError> {
    let hash = token_hash(tx, TokenKind::Service, ticket);
    let query = sqlx::query(
        "UPDATE tokens SET spent_at = $2 WHERE hash = $1 AND kind = 'service' AND spent_at IS NULL AND expires_at > $2 \
         RETURNING grant_id, detail, created_at, expires_at",
    );
    if let Some(row) = tx.optional(query.bind(hash.clone()).bind(now.millis())).await? {
        let token = with_grant(tx, &row).await?;
        return Ok(if token.grant.revoked_at.is_some() { Shown::Dead } else { Shown::Fresh(Box::new(token)) });
    }
    let query = sqlx::query(
        "SELECT grant_id, detail, created_at, expires_at FROM tokens WHERE hash = $1 AND kind = 'service' AND spent_at IS NOT NULL",
    );
    match tx.optional(query.bind(hash)).await? {
        Some(row) => Ok(Shown::Again(Box::new(with_grant(tx, &row).await?.grant))),
        None => Ok(Shown::Dead),
    }
}

/// A living, unspent token with its grant: for access tokens and introspection. Nothing is consumed.
pub async fn by_token(tx: &mut Tx<'_>, kind: TokenKind, token: &str, now: Moment) -> Result<Option<Token>, StoreError> {
    let hash = token_hash(tx, kind, token);
    let sql = format!(
        "SELECT {COLUMNS}, t.detail, t.created_at AS issued_at, t.expires_at FROM tokens t JOIN grants g ON g.id = t.grant_id \
         WHERE t.hash = $1 AND t.spent_at IS NULL AND t.expires_at > $2 AND g.revoked_at IS NULL"
    );
    let Some(row) = tx.optional(sqlx::query(sqlx::AssertSqlSafe(sql)).bind(hash).bind(now.millis())).await? else { return Ok(None) };
    let (created_at, expires_at) = (row.moment("issued_at")?, row.moment("expires_at")?);
    Ok(Some(Token { grant: read(tx, &row)?, detail: row.json("detail")?, created_at, expires_at }))
}

/// Revokes a family. `false` if it was revoked before.
pub async fn revoke(tx: &mut Tx<'_>, grant: &GrantId, why: &str, now: Moment) -> Result<bool, StoreError> {
    let query = sqlx::query("UPDATE grants SET revoked_at = $2, revoked_why = $3 WHERE id = $1 AND revoked_at IS NULL");
    Ok(tx.execute(query.bind(grant.as_str()).bind(now.millis()).bind(why)).await? == 1)
}

/// Revokes all families of a session (logout).
pub async fn revoke_of_session(tx: &mut Tx<'_>, session: &SessionId, why: &str, now: Moment) -> Result<u64, StoreError> {
    let query = sqlx::query("UPDATE grants SET revoked_at = $2, revoked_why = $3 WHERE session_id = $1 AND revoked_at IS NULL");
    tx.execute(query.bind(session.as_str()).bind(now.millis()).bind(why)).await
}

/// Revokes all families of a Party (挂失, erasure).
pub async fn revoke_of_party(tx: &mut Tx<'_>, party: &PartyId, why: &str, now: Moment) -> Result<u64, StoreError> {
    let query = sqlx::query("UPDATE grants SET revoked_at = $2, revoked_why = $3 WHERE party_id = $1 AND revoked_at IS NULL");
    tx.execute(query.bind(party.as_str()).bind(now.millis()).bind(why)).await
}

/// Revokes all families of a Party at one portal (consent withdrawn).
pub async fn revoke_at(tx: &mut Tx<'_>, party: &PartyId, client: &ClientId, why: &str, now: Moment) -> Result<u64, StoreError> {
    let query =
        sqlx::query("UPDATE grants SET revoked_at = $3, revoked_why = $4 WHERE party_id = $1 AND client_id = $2 AND revoked_at IS NULL");
    tx.execute(query.bind(party.as_str()).bind(client.as_str()).bind(now.millis()).bind(why)).await
}

/// The name of a Party in a sector: random, made at first use, the same ever after.
pub async fn subject(tx: &mut Tx<'_>, sector: &str, party: &PartyId, now: Moment) -> Result<String, StoreError> {
    let fresh = hex::encode(tx.sealer.random::<20>());
    let query = sqlx::query(
        "INSERT INTO subjects (sector, party_id, subject, created_at) VALUES ($1, $2, $3, $4) ON CONFLICT (sector, party_id) DO NOTHING",
    );
    tx.execute(query.bind(sector).bind(party.as_str()).bind(fresh).bind(now.millis())).await?;
    let query = sqlx::query("SELECT subject FROM subjects WHERE sector = $1 AND party_id = $2");
    tx.one(query.bind(sector).bind(party.as_str())).await?.text("subject")
}

/// The name of a Party in a sector, if it has one there already.
pub async fn known_subject(tx: &mut Tx<'_>, sector: &str, party: &PartyId) -> Result<Option<String>, StoreError> {
    let query = sqlx::query("SELECT subject FROM subjects WHERE sector = $1 AND party_id = $2");
    tx.optional(query.bind(sector).bind(party.as_str())).await?.map(|row| row.text("subject")).transpose()
}

/// Deletes tokens that lapsed before `before`; returns how many.
pub async fn sweep(tx: &mut Tx<'_>, before: Moment) -> Result<u64, StoreError> {
    tx.execute(sqlx::query("DELETE FROM tokens WHERE expires_at < $1").bind(before.millis())).await
}
