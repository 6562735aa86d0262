//! Why a number is refused: one reason each, with a stable code and texts in the catalogue of [`crate::fault`].

use super::NumberKind;
use crate::fault::{Code, Fault, code};
use std::fmt;

/// Why a text is no number of the kind asked for. Carries no part of the text, so that it may be shown and logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Refusal {
    /// Nothing but separators.
    Empty,
    /// Longer than any number with its separators.
    TooLong,
    /// Another count of characters than the kind has.
    Length {
        /// How many there were after normalisation.
        found: usize,
    },
    /// A character that this place of the number cannot hold.
    Character {
        /// Counted from 1.
        position: usize,
    },
    /// The first digits name no province-level region.
    Region,
    /// Year, month and day form no date of the calendar.
    Date,
    /// Born before 1850.
    TooOld,
    /// Born after the day of the check.
    NotBornYet,
    /// The check character does not follow from the others.
    CheckCharacter,
    /// Inside a unified social credit code: the organisation code's own check character does not follow.
    InnerOrganisationCode,
    /// The nationality is none.
    Nationality,
    /// Well formed, but of another kind than asked for.
    OtherKind(NumberKind),
    /// Looks like none of the kinds that can be told by their form.
    UnknownKind,
}

impl Refusal {
    /// The stable code with its texts.
    pub const fn code(self) -> Code {
        match self {
            Self::Empty => code::NUMBER_EMPTY,
            Self::TooLong => code::NUMBER_TOO_LONG,
            Self::Length { .. } => code::NUMBER_LENGTH,
            Self::Character { .. } => code::NUMBER_CHARACTER,
            Self::Region => code::NUMBER_REGION,
            Self::Date => code::NUMBER_DATE,
            Self::TooOld => code::NUMBER_TOO_OLD,
            Self::NotBornYet => code::NUMBER_NOT_BORN,
            Self::CheckCharacter => code::NUMBER_CHECK,
            Self::InnerOrganisationCode => code::NUMBER_INNER_CODE,
            Self::Nationality => code::NUMBER_NATIONALITY,
            Self::OtherKind(_) => code::NUMBER_OTHER_KIND,
            Self::UnknownKind => code::NUMBER_UNKNOWN_KIND,
        }
    }

    /// The reason in Chinese.
    pub fn zh(self) -> String {
        match self {
            Self::Length { found } => format!("{}（共 {found} 位）", self.code().zh),
            Self::Character { position } => format!("{}（第 {position} 位）", self.code().zh),
            Self::OtherKind(kind) => format!("{}（{}）", self.code().zh, kind.zh()),
            _ => self.code().zh.to_owned(),
        }
    }

    /// The reason in English.
    pub fn en(self) -> String {
        match self {
            Self::Length { found } => format!("{} ({found} characters)", self.code().en),
            Self::Character { position } => format!("{} (place {position})", self.code().en),
            Self::OtherKind(kind) => format!("{} ({})", self.code().en, kind.en()),
            _ => self.code().en.to_owned(),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.code().id, self.zh(), self.en())
    }
}

impl std::error::Error for Refusal {}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        let fault = Self::new(refusal.code());
        match refusal {
            Refusal::Length { found } => fault.detail(format!("{found}")),
            Refusal::Character { position } => fault.detail(format!("{position}")),
            Refusal::OtherKind(kind) => fault.detail(format!("{} {}", kind.zh(), kind.en())),
            _ => fault,
        }
    }
}
