//! The province's register of electronic seals: who made a seal elsewhere is asked what holds of it.

use super::{
    Heard, Unavailable,
    link::{Freshness, Link, Match, Untrusted},
};
use crate::{
    moment::Moment,
    verify::register::{Entry, Record, Turn},
};
use serde::{Deserialize, Serialize};

/// Most turns of a seal's history that are read.
const MAX_TURNS: usize = 200;

/// The connector.
pub struct Seals(Link);

/// A seal that the register knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnRecord {
    /// The number under which it is on record (备案); `None`: it is known, and not on record.
    pub filing: Option<String>,
    /// Its history.
    pub record: Record,
}

#[derive(Serialize)]
struct Question<'a> {
    code: &'a str,
    sha256: &'a str,
}

#[derive(Deserialize)]
struct Answer {
    result: Match,
    filing: Option<String>,
    filed: Option<Moment>,
    valid_from: Option<Moment>,
    valid_until: Option<Moment>,
    #[serde(default)]
    history: Vec<Since>,
}

#[derive(Deserialize)]
struct Since {
    state: Entry,
    since: Moment,
}

impl Seals {
    pub(super) fn new(link: Link) -> Self {
        Self(link)
    }

    /// What the register has of the seal with this code and these octets (SHA-256, hexadecimal). `None`: it does not know it.
    pub async fn status(&self, code: &str, sha256: &str) -> Result<Heard<Option<OnRecord>>, Unavailable> {
        let question = Question { code, sha256 };
        let heard: Heard<Answer> = self.0.ask("seal/status", "seal-status", &question, Freshness::Checked).await?;
        heard.try_map(read).map_err(|untrusted| self.0.unavailable(untrusted))
    }
}

fn read(answer: Answer) -> Result<Option<OnRecord>, Untrusted> {
    if !answer.result.is_match() {
        return Ok(None);
    }
    let (valid_from, valid_until) = answer.valid_from.zip(answer.valid_until).ok_or(Untrusted::Form)?;
    if answer.history.len() > MAX_TURNS || answer.filing.is_some() != answer.filed.is_some() {
        return Err(Untrusted::Form);
    }
    let turns = answer.history.iter().map(|turn| Turn { state: turn.state, since: turn.since }).collect();
    let record = Record { filed: answer.filed, valid_from, valid_until, turns };
    Ok(Some(OnRecord { filing: answer.filing, record }))
}
