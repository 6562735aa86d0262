//! Misbehaviour on purpose: delays, dropped and cut answers, error statuses, wrong answers.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What an endpoint belongs to; chaos rules name these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Endpoint {
    /// Persons.
    Population,
    /// Organisations.
    Organisation,
    /// The phone gateway.
    Phone,
    /// Certificate issuing.
    Issue,
    /// The signed clock.
    Time,
    /// Certificate revocation lists.
    Crl,
    /// Certificate status.
    Ocsp,
    /// RFC 3161 timestamps.
    Tsa,
    /// CA certificates.
    Ca,
    /// Electronic seals.
    Seal,
}

/// A lie. Where an endpoint cannot tell it (a CRL has no nonce), it answers rightly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wrong {
    /// Another nonce than the one asked with.
    Nonce,
    /// A signature that does not verify.
    Signature,
    /// A well-signed answer about somebody or something else.
    Subject,
    /// A well-signed answer of long ago.
    Stale,
}

/// One rule; the first that fits an answer is used.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Which endpoint; none means every one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<Endpoint>,
    /// Wait so many milliseconds before answering.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub delay_ms: u64,
    /// Close the connection without an answer.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub drop: bool,
    /// Send only so many octets of the body, then break off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub truncate: Option<usize>,
    /// Answer with this HTTP status and no body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Tell this lie.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wrong: Option<Wrong>,
    /// For so many answers; none means until the rules change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
}

fn is_zero(value: &u64) -> bool {
    *value == 0
}

/// All rules: the shape of the chaos file and of `/lab/chaos`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chaos {
    /// In order; the first that fits counts.
    #[serde(default)]
    pub rules: Vec<Rule>,
}

/// How one answer is to go.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Mood {
    /// Wait first.
    pub delay: Duration,
    /// No answer at all.
    pub drop: bool,
    /// Break off after so many octets.
    pub truncate: Option<usize>,
    /// Only this status.
    pub status: Option<u16>,
    /// The lie to tell.
    pub wrong: Option<Wrong>,
}

impl Chaos {
    /// How the next answer of this endpoint goes; uses up one of a rule's `times`.
    pub fn mood(&mut self, endpoint: Endpoint) -> Mood {
        let fits = |rule: &&mut Rule| rule.endpoint.is_none_or(|of| of == endpoint) && rule.times != Some(0);
        let Some(rule) = self.rules.iter_mut().find(fits) else {
            return Mood::default();
        };
        rule.times = rule.times.map(|left| left.saturating_sub(1));
        Mood {
            delay: Duration::from_millis(rule.delay_ms),
            drop: rule.drop,
            truncate: rule.truncate,
            status: rule.status,
            wrong: rule.wrong,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_fitting_rule_counts_and_is_used_up() {
        let text = r#"{"rules":[{"endpoint":"ocsp","wrong":"nonce","times":1},{"delay_ms":5,"drop":true}]}"#;
        let mut chaos: Chaos = serde_json::from_str(text).unwrap();
        assert_eq!(chaos.mood(Endpoint::Ocsp).wrong, Some(Wrong::Nonce));
        assert_eq!(chaos.mood(Endpoint::Ocsp), Mood { delay: Duration::from_millis(5), drop: true, ..Mood::default() });
        assert!(chaos.mood(Endpoint::Crl).drop);
        assert_eq!(Chaos::default().mood(Endpoint::Crl), Mood::default());
        assert!(serde_json::from_str::<Chaos>(r#"{"rules":[{"endpoint":"ocsp","slow":1}]}"#).is_err());
    }
}
