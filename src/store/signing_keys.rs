//! The OpenID Provider's signing keys. Private parts are sealed.

use super::{Row, StoreError, Tx, millis};
use crate::ids::AgencyId;
use crate::moment::Moment;
use zeroize::Zeroizing;

/// Where a key stands in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyState {
    /// Published, not used yet: portals learn it before it signs.
    Next,
    /// Signs.
    Current,
    /// Signs no more; published until the tokens it signed have lapsed.
    Retired,
}

super::parties::stored_as!(KeyState { Next = "next", Current = "current", Retired = "retired" });

/// A signing key.
#[derive(Clone)]
pub struct StoredKey {
    /// `kid`.
    pub id: String,
    /// The agency that runs this service.
    pub agency: AgencyId,
    /// JOSE algorithm.
    pub algorithm: String,
    /// Where it stands.
    pub state: KeyState,
    /// Its public JWK.
    pub public_jwk: serde_json::Value,
    /// The private key, as it was given to [`add`] (PKCS#8).
    pub private: Zeroizing<Vec<u8>>,
    /// When it was made.
    pub created_at: Moment,
    /// From when it need not be published.
    pub retires_at: Option<Moment>,
}

impl std::fmt::Debug for StoredKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "StoredKey({}, {}, {:?})", self.id, self.algorithm, self.state)
    }
}

fn read(tx: &Tx<'_>, row: &Row) -> Result<StoredKey, StoreError> {
    let id = row.text("id")?;
    let private = tx.sealer.open(&format!("signing_keys/{id}"), &row.bytes("sealed")?);
    Ok(StoredKey {
        agency: row.parse("agency_id")?,
        algorithm: row.text("algorithm")?,
        state: row.parse("state")?,
        public_jwk: row.json("public_jwk")?,
        private: private.map_err(|error| StoreError::Sealed("signing_keys", error))?,
        created_at: row.moment("created_at")?,
        retires_at: row.moment_or_null("retires_at")?,
        id,
    })
}

/// Stores a key; the private part is sealed here.
pub async fn add(tx: &mut Tx<'_>, key: &StoredKey) -> Result<(), StoreError> {
    let sealed = tx.sealer.seal(&format!("signing_keys/{}", key.id), &key.private);
    let query = sqlx::query(
        "INSERT INTO signing_keys (id, agency_id, algorithm, state, public_jwk, sealed, created_at, retires_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    );
    let query = query.bind(key.id.as_str()).bind(key.agency.as_str()).bind(key.algorithm.as_str()).bind(key.state.as_str());
    let query = query.bind(key.public_jwk.to_string()).bind(sealed).bind(key.created_at.millis()).bind(millis(key.retires_at));
    tx.execute(query).await.map(drop)
}

/// Keys that are to be published now, the newest first.
pub async fn published(tx: &mut Tx<'_>, now: Moment) -> Result<Vec<StoredKey>, StoreError> {
    let query = sqlx::query(
        "SELECT id, agency_id, algorithm, state, public_jwk, sealed, created_at, retires_at FROM signing_keys \
         WHERE retires_at IS NULL OR retires_at > $1 ORDER BY created_at DESC, id LIMIT 100",
    );
    let rows = tx.all(query.bind(now.millis())).await?;
    rows.iter().map(|row| read(tx, row)).collect()
}

/// Moves a key to another state.
pub async fn set_state(tx: &mut Tx<'_>, id: &str, state: KeyState, retires_at: Option<Moment>) -> Result<bool, StoreError> {
    let query = sqlx::query("UPDATE signing_keys SET state = $2, retires_at = $3 WHERE id = $1");
    Ok(tx.execute(query.bind(id).bind(state.as_str()).bind(millis(retires_at))).await? == 1)
}
