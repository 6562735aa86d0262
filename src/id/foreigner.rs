//! The foreigner's permanent residence identity card: eighteen places since December 2023, fifteen before.

use super::citizen::{birthday, born_by, date_of, digits, eighteen, is_province};
use super::{Canonical, NumberKind, Refusal, normalise, number};
use crate::moment::Moment;
use time::Date;

/// The number on a foreigner's permanent residence identity card. Old cards stay valid until they expire.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ForeignerId {
    text: Canonical,
}
number!(ForeignerId);

impl ForeignerId {
    /// Parses either form: `9`, province, numeric nationality (GB/T 2659), birthday, sequence, MOD 11-2 check; or three
    /// letters of nationality, four digits of the issuing area, `YYMMDD`, one digit, and a check digit weighted 7-3-1.
    ///
    /// The old form's check is described by public implementations only; the standard's text was not available.
    ///
    /// # Errors
    /// One [`Refusal`] for each reason.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let plain = normalise(text)?;
        match plain.len() {
            18 => new_form(&plain)?,
            15 => old_form(&plain)?,
            found => return Err(Refusal::Length { found }),
        }
        Ok(Self { text: Canonical::new(&plain) })
    }

    /// Whether this is the form of the cards issued before December 2023.
    pub fn is_old_form(&self) -> bool {
        self.expose().len() == 15
    }

    /// Nationality: three digits of GB/T 2659 in the new form, three letters in the old.
    pub fn nationality(&self) -> &str {
        let range = if self.is_old_form() { 0..3 } else { 3..6 };
        self.expose().get(range).unwrap_or_default()
    }

    /// Refuses a birthday after the day of `at` in Beijing; the old form's two-digit year is never after it.
    ///
    /// # Errors
    /// [`Refusal::NotBornYet`].
    pub fn born_by(&self, at: Moment) -> Result<(), Refusal> {
        match self.birthday() {
            Some(birthday) => born_by(birthday, at),
            None => Ok(()),
        }
    }

    /// The birthday; the old form does not tell the century.
    pub fn birthday(&self) -> Option<Date> {
        (!self.is_old_form()).then(|| birthday(self.expose()))
    }
}

fn new_form(plain: &str) -> Result<(), Refusal> {
    if !plain.starts_with('9') {
        super::PersonNumber::parse(plain)?;
        return Err(Refusal::OtherKind(NumberKind::Citizen));
    }
    digits(plain.get(..6).unwrap_or_default(), 0)?;
    if !plain.get(1..3).is_some_and(is_province) {
        return Err(Refusal::Region);
    }
    if plain.get(3..6) == Some("000") {
        return Err(Refusal::Nationality);
    }
    eighteen(plain)
}

fn old_form(plain: &str) -> Result<(), Refusal> {
    let letters = plain.get(..3).unwrap_or_default();
    if let Some(at) = letters.bytes().position(|c| !c.is_ascii_uppercase()) {
        return Err(Refusal::Character { position: at + 1 });
    }
    let rest = plain.get(3..).unwrap_or_default();
    digits(rest, 3)?;
    if !rest.get(..2).is_some_and(is_province) {
        return Err(Refusal::Region);
    }
    let short = rest.get(4..10).unwrap_or_default();
    if ["19", "20"].iter().all(|century| date_of(&format!("{century}{short}")).is_none()) {
        return Err(Refusal::Date);
    }
    let (body, check) = plain.split_at_checked(14).ok_or(Refusal::Length { found: plain.len() })?;
    let sum: u32 = body.chars().zip([7, 3, 1].into_iter().cycle()).map(|(c, weight)| c.to_digit(36).unwrap_or(0) * weight).sum();
    if check.parse() == Ok(sum % 10) { Ok(()) } else { Err(Refusal::CheckCharacter) }
}
