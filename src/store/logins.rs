//! Logins: runs from Asked to Spent. Each transition names the version that it saw and consumes it (compare-and-set).

use super::{Row, StoreError, Tx};
use crate::ids::{AgencyId, ClientId, LoginId, SessionId};
use crate::moment::Moment;
use zeroize::Zeroizing;

/// A login as stored: the state's name and its sealed body, which the `login` room reads.
#[derive(Clone)]
pub struct StoredLogin {
    /// Its id.
    pub id: LoginId,
    /// The agency of the portal.
    pub agency: AgencyId,
    /// The portal.
    pub client: ClientId,
    /// The session that it led to or runs in.
    pub session: Option<SessionId>,
    /// The name of the state.
    pub state: String,
    /// Rises with every transition.
    pub version: i64,
    /// The state, as the `login` room serialised it.
    pub body: Zeroizing<Vec<u8>>,
    /// When it was asked for.
    pub created_at: Moment,
    /// When it lapses.
    pub expires_at: Moment,
}

impl std::fmt::Debug for StoredLogin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "StoredLogin({}, {} v{})", self.id, self.state, self.version)
    }
}

/// A login that begins.
#[derive(Debug, Clone, Copy)]
pub struct NewLogin<'a> {
    /// The agency of the portal.
    pub agency: &'a AgencyId,
    /// The portal.
    pub client: &'a ClientId,
    /// The session that the browser already has.
    pub session: Option<&'a SessionId>,
    /// The secret that binds the login to the browser that began it.
    pub browser: &'a str,
    /// The name of the first state.
    pub state: &'a str,
    /// The state, serialised.
    pub body: &'a [u8],
    /// Now.
    pub created_at: Moment,
    /// When it lapses.
    pub expires_at: Moment,
}

fn context(id: &LoginId) -> String {
    format!("logins/{id}")
}

fn read(tx: &Tx<'_>, row: &Row) -> Result<StoredLogin, StoreError> {
    let id: LoginId = row.parse("id")?;
    let body = tx.sealer.open(&context(&id), &row.bytes("body")?).map_err(|error| StoreError::Sealed("logins", error))?;
    Ok(StoredLogin {
        id,
        agency: row.parse("agency_id")?,
        client: row.parse("client_id")?,
        session: row.parse_or_null("session_id")?,
        state: row.text("state")?,
        version: row.int("version")?,
        body,
        created_at: row.moment("created_at")?,
        expires_at: row.moment("expires_at")?,
    })
}

/// Begins a login.
pub async fn add(tx: &mut Tx<'_>, login: NewLogin<'_>) -> Result<LoginId, StoreError> {
    let id = LoginId::from_random(tx.sealer.random());
    let (browser, body) = (tx.sealer.lookup("login-browser", login.browser.as_bytes()), tx.sealer.seal(&context(&id), login.body));
    let query = sqlx::query(
        "INSERT INTO logins (id, agency_id, client_id, session_id, browser_hash, state, version, body, created_at, expires_at) \
         VALUES ($1, $2, $3, $4, $5, $6, 1, $7, $8, $9)",
    );
    let query = query.bind(id.as_str()).bind(login.agency.as_str()).bind(login.client.as_str());
    let query = query.bind(login.session.map(SessionId::as_str)).bind(browser).bind(login.state).bind(body);
    tx.execute(query.bind(login.created_at.millis()).bind(login.expires_at.millis())).await?;
    Ok(id)
}

/// The login of this id in the browser that began it, lapsed or not: a lapsed one restarts kindly.
pub async fn find(tx: &mut Tx<'_>, id: &LoginId, browser: &str) -> Result<Option<StoredLogin>, StoreError> {
    let browser = tx.sealer.lookup("login-browser", browser.as_bytes());
    let query = sqlx::query(
        "SELECT id, agency_id, client_id, session_id, state, version, body, created_at, expires_at FROM logins \
         WHERE id = $1 AND browser_hash = $2",
    );
    let row = tx.optional(query.bind(id.as_str()).bind(browser)).await?;
    row.as_ref().map(|row| read(tx, row)).transpose()
}

/// Moves a login that still has `version` to its next state. `false` if another transition came first or it lapsed.
pub async fn advance(
    tx: &mut Tx<'_>,
    id: &LoginId,
    version: i64,
    state: &str,
    body: &[u8],
    session: Option<&SessionId>,
    now: Moment,
) -> Result<bool, StoreError> {
    let body = tx.sealer.seal(&context(id), body);
    let query = sqlx::query(
        "UPDATE logins SET state = $3, body = $4, session_id = $5, version = version + 1 \
         WHERE id = $1 AND version = $2 AND expires_at > $6",
    );
    let query = query.bind(id.as_str()).bind(version).bind(state).bind(body).bind(session.map(SessionId::as_str));
    Ok(tx.execute(query.bind(now.millis())).await? == 1)
}

/// Deletes logins that lapsed before `before`; returns how many.
pub async fn sweep(tx: &mut Tx<'_>, before: Moment) -> Result<u64, StoreError> {
    tx.execute(sqlx::query("DELETE FROM logins WHERE expires_at < $1").bind(before.millis())).await
}
