//! Parties: persons and organisations under our own random ids; numbers, names and phones are dated attributes.
//!
//! Values are sealed under the Party's own key and found by keyed hash. Callers pass numbers in their normal form (see the
//! `id` room): equal numbers must be equal text.

use super::{PartyKey, Row, StoreError, Tx, millis};
use crate::ids::{PartyId, ProofId};
use crate::moment::Moment;
use secrecy::{ExposeSecret, SecretString};

/// What a Party is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartyKind {
    /// A natural person.
    Person,
    /// A legal person or another organisation.
    Organisation,
}

/// What an attribute says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AttributeKind {
    /// 公民身份号码, 18 characters (GB 11643).
    CitizenNumber,
    /// 港澳台居民居住证号码.
    ResidencePermit,
    /// 外国人永久居留身份证号码.
    ForeignerId,
    /// Passport: country, colon, number.
    Passport,
    /// 统一社会信用代码 (GB 32100).
    CreditCode,
    /// 组织机构代码 (GB 11714).
    OrganisationCode,
    /// Name as registered.
    Name,
    /// Telephone number as the registry gave it.
    Phone,
}

macro_rules! stored_as {
    ($type:ident { $($variant:ident = $text:literal),* $(,)? }) => {
        impl $type {
            /// As it stands in the database.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),* }
            }
        }

        impl std::str::FromStr for $type {
            type Err = ();
            fn from_str(text: &str) -> Result<Self, ()> {
                match text { $($text => Ok(Self::$variant),)* _ => Err(()) }
            }
        }
    };
}
pub(crate) use stored_as;

stored_as!(PartyKind { Person = "person", Organisation = "organisation" });
stored_as!(AttributeKind {
    CitizenNumber = "citizen-number",
    ResidencePermit = "residence-permit",
    ForeignerId = "foreigner-id",
    Passport = "passport",
    CreditCode = "credit-code",
    OrganisationCode = "organisation-code",
    Name = "name",
    Phone = "phone",
});

impl AttributeKind {
    /// Whether a value belongs to one Party at a time. Names and phones are shared by many.
    pub const fn is_exclusive(self) -> bool {
        !matches!(self, Self::Name | Self::Phone)
    }
}

/// A Party.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Party {
    /// Our own random id.
    pub id: PartyId,
    /// Person or organisation.
    pub kind: PartyKind,
    /// When it was first known here.
    pub created_at: Moment,
    /// When its data were lawfully erased.
    pub erased_at: Option<Moment>,
}

/// A dated attribute. Its value stays out of `Debug`.
#[derive(Debug, Clone)]
pub struct Attribute {
    /// What it says.
    pub kind: AttributeKind,
    /// The value in the clear; to be shown masked.
    pub value: SecretString,
    /// The proof that it came from.
    pub proof: Option<ProofId>,
    /// When it was written down here.
    pub recorded_at: Moment,
    /// From when it holds.
    pub valid_from: Moment,
    /// Until when it held; `None` while it holds.
    pub valid_to: Option<Moment>,
}

fn read(row: &Row) -> Result<Party, StoreError> {
    Ok(Party {
        id: row.parse("id")?,
        kind: row.parse("kind")?,
        created_at: row.moment("created_at")?,
        erased_at: row.moment_or_null("erased_at")?,
    })
}

/// A new Party with its own data key.
pub async fn add(tx: &mut Tx<'_>, kind: PartyKind, now: Moment) -> Result<Party, StoreError> {
    let id = PartyId::from_random(tx.sealer.random());
    let query = sqlx::query("INSERT INTO parties (id, kind, created_at) VALUES ($1, $2, $3)");
    tx.execute(query.bind(id.as_str()).bind(kind.as_str()).bind(now.millis())).await?;
    let (_, wrapped) = tx.sealer.new_party_key(&id);
    let version = i64::from(tx.sealer.version());
    let query = sqlx::query("INSERT INTO party_keys (party_id, sealed, key_version) VALUES ($1, $2, $3)");
    tx.execute(query.bind(id.as_str()).bind(wrapped).bind(version)).await?;
    Ok(Party { id, kind, created_at: now, erased_at: None })
}

/// The Party of this id.
pub async fn find(tx: &mut Tx<'_>, id: &PartyId) -> Result<Option<Party>, StoreError> {
    let query = sqlx::query("SELECT id, kind, created_at, erased_at FROM parties WHERE id = $1");
    tx.optional(query.bind(id.as_str())).await?.as_ref().map(read).transpose()
}

/// The Party that holds this number now. `kind` must be exclusive; a name or a phone names nobody.
pub async fn by_number(tx: &mut Tx<'_>, kind: AttributeKind, number: &str) -> Result<Option<Party>, StoreError> {
    let lookup = tx.sealer.lookup(kind.as_str(), number.as_bytes());
    let query = sqlx::query(
        "SELECT p.id, p.kind, p.created_at, p.erased_at FROM party_attributes a JOIN parties p ON p.id = a.party_id \
         WHERE a.lookup = $1 AND a.is_exclusive = 1 AND a.valid_to IS NULL",
    );
    tx.optional(query.bind(lookup)).await?.as_ref().map(read).transpose()
}

/// Parties that held this number at some time: a number that changed still leads to its Party.
pub async fn by_former_number(tx: &mut Tx<'_>, kind: AttributeKind, number: &str) -> Result<Vec<Party>, StoreError> {
    let lookup = tx.sealer.lookup(kind.as_str(), number.as_bytes());
    let query = sqlx::query(
        "SELECT DISTINCT p.id, p.kind, p.created_at, p.erased_at FROM party_attributes a JOIN parties p ON p.id = a.party_id \
         WHERE a.lookup = $1 AND a.is_exclusive = 1 AND a.valid_to IS NOT NULL ORDER BY p.id LIMIT 100",
    );
    tx.all(query.bind(lookup)).await?.iter().map(read).collect()
}

/// The Party that holds this number, or a new one that holds it from now on. Two at once end with the same Party.
/// The flag says whether it is new.
pub async fn find_or_add(
    tx: &mut Tx<'_>,
    kind: PartyKind,
    number_kind: AttributeKind,
    number: &str,
    now: Moment,
) -> Result<(Party, bool), StoreError> {
    if let Some(party) = by_number(tx, number_kind, number).await? {
        return Ok((party, false));
    }
    let party = add(tx, kind, now).await?;
    match set(tx, &party.id, number_kind, number, None, now).await {
        // Nobody held it a moment ago: another transaction came first, so this one starts anew and finds its Party.
        Err(StoreError::Taken) => {
            tx.conflict = true;
            Err(StoreError::Conflict)
        }
        other => other.map(|()| (party, true)),
    }
}

/// Records that an attribute holds from `now` on; the former value of the same kind ends then. The same value again changes
/// nothing. [`StoreError::Taken`] if an exclusive value belongs to another Party.
pub async fn set(
    tx: &mut Tx<'_>,
    party: &PartyId,
    kind: AttributeKind,
    value: &str,
    proof: Option<&ProofId>,
    now: Moment,
) -> Result<(), StoreError> {
    let lookup = tx.sealer.lookup(kind.as_str(), value.as_bytes());
    let query = sqlx::query("SELECT lookup FROM party_attributes WHERE party_id = $1 AND kind = $2 AND valid_to IS NULL LIMIT 1");
    if let Some(row) = tx.optional(query.bind(party.as_str()).bind(kind.as_str())).await? {
        if row.text("lookup")? == lookup {
            return Ok(());
        }
        end(tx, party, kind, now).await?;
    }
    let id = hex::encode(tx.sealer.random::<16>());
    let sealed = key(tx, party).await?.seal(&context(kind, &id), value.as_bytes());
    let query = sqlx::query(
        "INSERT INTO party_attributes (id, party_id, kind, sealed, lookup, is_exclusive, proof_id, recorded_at, valid_from) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)",
    );
    let query = query.bind(id).bind(party.as_str()).bind(kind.as_str()).bind(sealed).bind(lookup);
    let query = query.bind(i64::from(kind.is_exclusive())).bind(proof.map(ProofId::as_str)).bind(now.millis());
    tx.execute(query).await.map(drop)
}

/// Ends an attribute: the number was given up, the phone changed hands.
pub async fn end(tx: &mut Tx<'_>, party: &PartyId, kind: AttributeKind, now: Moment) -> Result<bool, StoreError> {
    let query = sqlx::query("UPDATE party_attributes SET valid_to = $3 WHERE party_id = $1 AND kind = $2 AND valid_to IS NULL");
    Ok(tx.execute(query.bind(party.as_str()).bind(kind.as_str()).bind(now.millis())).await? > 0)
}

/// The attributes of a Party as of `at`, or those that hold now with `None`. [`StoreError::Erased`] after erasure.
pub async fn attributes(tx: &mut Tx<'_>, party: &PartyId, at: Option<Moment>) -> Result<Vec<Attribute>, StoreError> {
    let key = key(tx, party).await?;
    let query = sqlx::query(
        "SELECT id, kind, sealed, proof_id, recorded_at, valid_from, valid_to FROM party_attributes WHERE party_id = $1 \
         AND ((CAST($2 AS BIGINT) IS NULL AND valid_to IS NULL) OR (valid_from <= $2 AND (valid_to IS NULL OR valid_to > $2))) \
         ORDER BY kind, valid_from, id LIMIT 1000",
    );
    let rows = tx.all(query.bind(party.as_str()).bind(millis(at))).await?;
    rows.iter().map(|row| read_attribute(row, &key)).collect()
}

/// One attribute that holds now.
pub async fn attribute(tx: &mut Tx<'_>, party: &PartyId, kind: AttributeKind) -> Result<Option<SecretString>, StoreError> {
    let all = attributes(tx, party, None).await?;
    Ok(all.into_iter().find(|attribute| attribute.kind == kind).map(|attribute| attribute.value))
}

/// Whether the Party's attribute of this kind is exactly `value`; nothing is decrypted.
pub async fn has(tx: &mut Tx<'_>, party: &PartyId, kind: AttributeKind, value: &str) -> Result<bool, StoreError> {
    let lookup = tx.sealer.lookup(kind.as_str(), value.as_bytes());
    let query = sqlx::query("SELECT id FROM party_attributes WHERE party_id = $1 AND lookup = $2 AND valid_to IS NULL");
    Ok(tx.optional(query.bind(party.as_str()).bind(lookup)).await?.is_some())
}

/// The Party's data key; [`StoreError::Erased`] if it was destroyed or never was.
pub async fn key(tx: &mut Tx<'_>, party: &PartyId) -> Result<PartyKey, StoreError> {
    let query = sqlx::query("SELECT sealed FROM party_keys WHERE party_id = $1");
    let row = tx.optional(query.bind(party.as_str())).await?.ok_or(StoreError::Erased)?;
    tx.sealer.party_key(party, &row.bytes("sealed")?).map_err(|error| StoreError::Sealed("party_keys", error))
}

/// Lawful erasure (个人信息保护法 art. 47): the Party's key, attributes and passkeys are deleted, its sessions and grants end.
/// Proofs, evidence and audit rows stay, unreadable where they were personal; the audit chain stays whole.
pub async fn erase(tx: &mut Tx<'_>, party: &PartyId, now: Moment) -> Result<bool, StoreError> {
    let query = sqlx::query("UPDATE parties SET erased_at = $2 WHERE id = $1 AND erased_at IS NULL");
    if tx.execute(query.bind(party.as_str()).bind(now.millis())).await? == 0 {
        return Ok(false);
    }
    super::sessions::end_all(tx, party, "erased", now).await?;
    super::grants::revoke_of_party(tx, party, "erased", now).await?;
    for statement in [
        "DELETE FROM party_keys WHERE party_id = $1",
        "DELETE FROM party_attributes WHERE party_id = $1",
        "DELETE FROM passkeys WHERE party_id = $1",
        "DELETE FROM logins WHERE session_id IN (SELECT id FROM sessions WHERE party_id = $1)",
    ] {
        tx.execute(sqlx::query(statement).bind(party.as_str())).await?;
    }
    Ok(true)
}

fn context(kind: AttributeKind, id: &str) -> String {
    format!("party_attributes/{}/{id}", kind.as_str())
}

fn read_attribute(row: &Row, key: &PartyKey) -> Result<Attribute, StoreError> {
    let kind: AttributeKind = row.parse("kind")?;
    let plain =
        key.open(&context(kind, &row.text("id")?), &row.bytes("sealed")?).map_err(|error| StoreError::Sealed("party_attributes", error))?;
    let value = std::str::from_utf8(&plain).map_err(|_| StoreError::Corrupt("party_attributes.sealed"))?;
    Ok(Attribute {
        kind,
        value: SecretString::from(value),
        proof: row.parse_or_null("proof_id")?,
        recorded_at: row.moment("recorded_at")?,
        valid_from: row.moment("valid_from")?,
        valid_to: row.moment_or_null("valid_to")?,
    })
}

impl PartialEq for Attribute {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
            && self.value.expose_secret() == other.value.expose_secret()
            && (self.valid_from, self.valid_to) == (other.valid_from, other.valid_to)
    }
}
