//! The register of organisations.

use super::{
    Heard, Unavailable,
    link::{Freshness, Link, Match, Untrusted},
};
use crate::{
    id::{CitizenNumber, UnifiedSocialCreditCode},
    moment::Moment,
};
use serde::{Deserialize, Serialize};

/// What holds of a registered organisation at the asked moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OrganisationState {
    /// 存续
    Active,
    /// 注销: it has ceased to exist.
    Deregistered,
    /// 吊销: its licence was taken; it exists until it is deregistered.
    LicenceRevoked,
}

/// An organisation whose name and code belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// Its unified social credit code, also where the question had the older organisation code.
    pub uscc: UnifiedSocialCreditCode,
    /// What holds at the asked moment.
    pub state: OrganisationState,
    /// Since when.
    pub since: Moment,
    /// Whether the asked person is its legal representative; none where nobody was asked about.
    pub legal_representative: Option<bool>,
}

/// The register's answer. `None`: name and code do not belong together.
pub type Organisation = Option<Registered>;

/// The connector.
pub struct Organisations(Link);

#[derive(Serialize)]
struct Question<'a> {
    name: &'a str,
    code: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    legal_representative: Option<LegalRepresentative<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<Moment>,
}

#[derive(Serialize)]
struct LegalRepresentative<'a> {
    name: &'a str,
    number: &'a str,
}

#[derive(Deserialize)]
struct Answer {
    result: Match,
    uscc: Option<String>,
    state: Option<OrganisationState>,
    since: Option<Moment>,
    legal_representative: Option<Match>,
}

impl Organisations {
    pub(super) fn new(link: Link) -> Self {
        Self(link)
    }

    /// Whether name and code (unified social credit code, or the older organisation code) belong together, and what holds of
    /// the organisation at `at` (now, if none); with `legal_representative`, whether this person is it.
    pub async fn check(
        &self,
        name: &str,
        code: &str,
        legal_representative: Option<(&str, &CitizenNumber)>,
        at: Option<Moment>,
    ) -> Result<Heard<Organisation>, Unavailable> {
        let asked = legal_representative.is_some();
        let legal_representative = legal_representative.map(|(name, number)| LegalRepresentative { name, number: number.expose() });
        let question = Question { name, code, legal_representative, at };
        let heard: Heard<Answer> = self.0.ask("organisation/match", "organisation-match", &question, Freshness::Checked).await?;
        heard.try_map(|answer| read(answer, asked)).map_err(|untrusted| self.0.unavailable(untrusted))
    }
}

fn read(answer: Answer, asked: bool) -> Result<Organisation, Untrusted> {
    if !answer.result.is_match() {
        return Ok(None);
    }
    let (state, since) = answer.state.zip(answer.since).ok_or(Untrusted::Form)?;
    let uscc = UnifiedSocialCreditCode::parse(answer.uscc.as_deref().unwrap_or_default()).map_err(|_| Untrusted::Form)?;
    if asked && answer.legal_representative.is_none() {
        return Err(Untrusted::Form);
    }
    Ok(Some(Registered { uscc, state, since, legal_representative: answer.legal_representative.map(Match::is_match) }))
}
