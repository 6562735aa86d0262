//! What a transition tells the audit log.

use crate::ids::{AgencyId, ClientId, PartyId, SessionId};

use crate::moment::Moment;
use serde::Serialize;

/// One line for the audit log. It names nobody but by our own random identifiers; `facts` never hold a number or a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuditEvent {
    /// What happened, dotted: `login.proved`, `login.granted`, `token.reused`.
    pub kind: &'static str,
    /// When.
    pub at: Moment,
    /// Whom it concerns.
    pub party: Option<PartyId>,
    /// At which session.
    pub session: Option<SessionId>,
    /// For which portal.
    pub client: Option<ClientId>,
    /// The portal's agency.
    pub agency: Option<AgencyId>,
    /// Further facts, in a fixed order.
    pub facts: Vec<(&'static str, String)>,
}

impl AuditEvent {
    /// An event of this kind.
    pub const fn new(kind: &'static str, at: Moment) -> Self {
        Self { kind, at, party: None, session: None, client: None, agency: None, facts: Vec::new() }
    }

    /// Concerning a Party.
    pub fn party(mut self, party: PartyId) -> Self {
        self.party = Some(party);
        self
    }

    /// In a session.
    pub fn session(mut self, session: SessionId) -> Self {
        self.session = Some(session);
        self
    }

    /// For a portal.
    pub fn client(mut self, client: &ClientId, agency: &AgencyId) -> Self {
        self.client = Some(client.clone());
        self.agency = Some(agency.clone());
        self
    }

    /// With a fact.
    pub fn fact(mut self, name: &'static str, value: impl ToString) -> Self {
        self.facts.push((name, value.to_string()));
        self
    }
}
