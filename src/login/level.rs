//! Levels of assurance: one internal scale, published as `acr` values and mapped to the schemes others use.
//!
//! The table [`LEVELS`] is the map; `docs/levels.md` prints it and a test compares the two. The effective level of a session is
//! the minimum of the identity level (how the Party was ever proved) and the authenticator level (what showed in *this*
//! session that the same Party is here): GB/T 40651-2021 keeps the two apart, and neither can raise the other.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr, time::Duration};

/// How sure we are, weakest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Nobody but the applicant says so. Never issued in a token.
    SelfAsserted,
    /// 实名: name and number agree with the registry, and a code reached the phone that the registry gives.
    RealName,
    /// 实人: two factors, or the person was present.
    RealPerson,
    /// 实证: a digital certificate, or a check at the counter.
    RealCredential,
}

/// One row of the published map.
#[derive(Debug, Clone, Copy)]
pub struct LevelRow {
    /// The internal level.
    pub level: Level,
    /// The `acr` value (OpenID Connect Core §2); `None` if never issued.
    pub acr: Option<&'static str>,
    /// On pages, Chinese.
    pub zh: &'static str,
    /// On pages, English.
    pub en: &'static str,
    /// The level of identity and authenticator assurance it is meant to meet in GB/T 40651-2021 (1 to 4).
    pub gbt_40651: u8,
    /// The level of the Guangdong portal (2 to 5), the most widely published provincial ladder.
    pub guangdong: u8,
    /// Regulation (EU) 910/2014 art. 8; `None` below low.
    pub eidas: Option<&'static str>,
    /// For how long after the act an authenticator supports this level in a session.
    pub fresh_for: Duration,
}

const HOUR: u64 = 3600;

/// The published map, weakest first.
pub const LEVELS: [LevelRow; 4] = [
    LevelRow {
        level: Level::SelfAsserted,
        acr: None,
        zh: "自报",
        en: "self-asserted",
        gbt_40651: 1,
        guangdong: 2,
        eidas: None,
        fresh_for: Duration::from_secs(12 * HOUR),
    },
    LevelRow {
        level: Level::RealName,
        acr: Some("urn:xinyin:acr:real-name"),
        zh: "实名",
        en: "real name",
        gbt_40651: 2,
        guangdong: 3,
        eidas: Some("low"),
        fresh_for: Duration::from_secs(12 * HOUR),
    },
    LevelRow {
        level: Level::RealPerson,
        acr: Some("urn:xinyin:acr:real-person"),
        zh: "实人",
        en: "real person",
        gbt_40651: 3,
        guangdong: 4,
        eidas: Some("substantial"),
        fresh_for: Duration::from_secs(2 * HOUR),
    },
    LevelRow {
        level: Level::RealCredential,
        acr: Some("urn:xinyin:acr:real-credential"),
        zh: "实证",
        en: "real credential",
        gbt_40651: 4,
        guangdong: 5,
        eidas: Some("high"),
        fresh_for: Duration::from_secs(HOUR / 2),
    },
];

impl Level {
    /// This level's row of the map.
    pub const fn row(self) -> &'static LevelRow {
        match self {
            Self::SelfAsserted => &LEVELS[0],
            Self::RealName => &LEVELS[1],
            Self::RealPerson => &LEVELS[2],
            Self::RealCredential => &LEVELS[3],
        }
    }

    /// The `acr` value, or `None` for a level that no token may carry.
    pub const fn acr(self) -> Option<&'static str> {
        self.row().acr
    }

    /// The level an `acr` value of ours names.
    pub fn from_acr(acr: &str) -> Option<Self> {
        LEVELS.iter().find(|row| row.acr == Some(acr)).map(|row| row.level)
    }

    /// The `acr` values we issue, weakest first: `acr_values_supported` in the provider's metadata.
    pub fn acr_values() -> impl Iterator<Item = &'static str> {
        LEVELS.iter().filter_map(|row| row.acr)
    }

    /// What is left of this level after so long in a session: an old act supports only the levels it is fresh enough for.
    /// `None` once it supports nothing.
    pub fn aged(self, age: Duration) -> Option<Self> {
        LEVELS.iter().rev().find(|row| row.level <= self && age <= row.fresh_for).map(|row| row.level)
    }

    const fn name(self) -> &'static str {
        match self {
            Self::SelfAsserted => "self-asserted",
            Self::RealName => "real-name",
            Self::RealPerson => "real-person",
            Self::RealCredential => "real-credential",
        }
    }
}

/// `real-name`, as stored and in configuration.
impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The text names no level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a level: use self-asserted, real-name, real-person or real-credential")]
pub struct NotALevel;

impl FromStr for Level {
    type Err = NotALevel;

    fn from_str(text: &str) -> Result<Self, NotALevel> {
        LEVELS.iter().map(|row| row.level).find(|level| level.name() == text).ok_or(NotALevel)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_map_is_ordered_and_reversible() {
        for pair in LEVELS.windows(2) {
            assert!(pair[0].level < pair[1].level && pair[0].gbt_40651 < pair[1].gbt_40651 && pair[0].guangdong < pair[1].guangdong);
            assert!(pair[0].fresh_for >= pair[1].fresh_for);
        }
        for row in LEVELS {
            assert_eq!(row.level.row().level, row.level);
            assert_eq!(row.level.to_string().parse(), Ok(row.level));
            assert_eq!(row.acr.and_then(Level::from_acr), row.acr.map(|_| row.level));
        }
        assert_eq!(Level::from_acr("urn:xinyin:acr:self-asserted"), None);
    }

    #[test]
    fn levels_fade_with_age_and_never_rise() {
        let minutes = |n: u64| Duration::from_secs(n * 60);
        assert_eq!(Level::RealCredential.aged(minutes(30)), Some(Level::RealCredential));
        assert_eq!(Level::RealCredential.aged(minutes(31)), Some(Level::RealPerson));
        assert_eq!(Level::RealCredential.aged(minutes(121)), Some(Level::RealName));
        assert_eq!(Level::RealCredential.aged(minutes(721)), None);
        assert_eq!(Level::RealName.aged(minutes(1)), Some(Level::RealName));
    }

    #[test]
    fn the_published_table_is_this_one() {
        let published = include_str!("../../docs/levels.md");
        for row in LEVELS {
            let acr = row.acr.map_or("never issued".to_owned(), |acr| format!("`{acr}`"));
            let minutes = row.fresh_for.as_secs() / 60;
            let fresh = if minutes < 60 { format!("{minutes} min") } else { format!("{} h", minutes / 60) };
            let (name, eidas) = (row.en, row.eidas.unwrap_or("–"));
            let line = format!("| {name} | {} | {acr} | {} | {} | {eidas} | {fresh} |", row.zh, row.gbt_40651, row.guangdong);
            assert!(published.contains(&line), "docs/levels.md lacks {line}");
        }
    }
}
