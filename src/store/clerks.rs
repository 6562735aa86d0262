//! Clerks: Parties with a role at an agency's desk.

use super::{StoreError, Tx};
use crate::ids::{AgencyId, PartyId};
use crate::moment::Moment;

/// What somebody may do at a desk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Judges documents and sees the agency's verdicts.
    Clerk,
}

impl Role {
    /// As stored.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Clerk => "clerk",
        }
    }
}

/// Gives a Party a role at an agency, also anew after it ended.
pub async fn enrol(tx: &mut Tx<'_>, agency: &AgencyId, party: &PartyId, role: Role, now: Moment) -> Result<(), StoreError> {
    let query = sqlx::query(
        "INSERT INTO clerks (agency_id, party_id, role, enrolled_at) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (agency_id, party_id, role) DO UPDATE SET ended_at = NULL",
    );
    tx.execute(query.bind(agency.as_str()).bind(party.as_str()).bind(role.name()).bind(now.millis())).await.map(drop)
}

/// Ends a role. `false` if the Party had none there.
pub async fn end(tx: &mut Tx<'_>, agency: &AgencyId, party: &PartyId, role: Role, now: Moment) -> Result<bool, StoreError> {
    let query = sqlx::query("UPDATE clerks SET ended_at = $4 WHERE agency_id = $1 AND party_id = $2 AND role = $3 AND ended_at IS NULL");
    Ok(tx.execute(query.bind(agency.as_str()).bind(party.as_str()).bind(role.name()).bind(now.millis())).await? == 1)
}

/// The open agencies at which a Party has a role now, by identifier.
pub async fn agencies_of(tx: &mut Tx<'_>, party: &PartyId, role: Role) -> Result<Vec<AgencyId>, StoreError> {
    let query = sqlx::query(
        "SELECT c.agency_id FROM clerks c JOIN agencies a ON a.id = c.agency_id \
         WHERE c.party_id = $1 AND c.role = $2 AND c.ended_at IS NULL AND a.closed_at IS NULL ORDER BY c.agency_id LIMIT 100",
    );
    let rows = tx.all(query.bind(party.as_str()).bind(role.name())).await?;
    rows.iter().map(|row| row.parse("agency_id")).collect()
}
