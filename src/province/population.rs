//! The register of natural persons.

use super::{
    Heard, Unavailable,
    link::{Freshness, Link, Untrusted},
    phone::Phone,
};
use crate::{id::CitizenNumber, moment::Moment};
use serde::{Deserialize, Serialize};

/// What holds of a registered person at the asked moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PersonState {
    /// Alive, with this number.
    Alive,
    /// Deceased.
    Deceased,
    /// The person has another number now.
    NumberChanged,
}

/// A person whose name and number belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// What holds at the asked moment.
    pub state: PersonState,
    /// Since when.
    pub since: Moment,
    /// The register's phone, where it was asked for and there is one.
    pub phone: Option<Phone>,
}

/// The register's answer. `None`: name and number do not belong together; which of them is wrong is not said.
pub type Person = Option<Registered>;

/// The connector.
pub struct Population(Link);

#[derive(Serialize)]
struct Question<'a> {
    name: &'a str,
    number: &'a str,
    phone: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<Moment>,
}

#[derive(Deserialize)]
struct Answer {
    result: super::link::Match,
    state: Option<PersonState>,
    since: Option<Moment>,
    phone: Option<Phone>,
}

impl Population {
    pub(super) fn new(link: Link) -> Self {
        Self(link)
    }

    /// Whether name and number belong together, and what holds of the person at `at` (now, if none). `phone` asks for the
    /// register's phone too.
    pub async fn check(&self, name: &str, number: &CitizenNumber, phone: bool, at: Option<Moment>) -> Result<Heard<Person>, Unavailable> {
        let question = Question { name, number: number.expose(), phone, at };
        let heard: Heard<Answer> = self.0.ask("population/match", "population-match", &question, Freshness::Checked).await?;
        heard.try_map(read).map_err(|untrusted| self.0.unavailable(untrusted))
    }
}

fn read(answer: Answer) -> Result<Person, Untrusted> {
    if !answer.result.is_match() {
        return Ok(None);
    }
    let (state, since) = answer.state.zip(answer.since).ok_or(Untrusted::Form)?;
    Ok(Some(Registered { state, since, phone: answer.phone }))
}
