//! Numbers of eighteen places after GB 11643-1999: region, birthday, sequence, check character.

use super::{Canonical, NumberKind, Refusal, normalise, number};
use crate::moment::Moment;
use time::{Date, Month, UtcOffset};

/// Nobody alive or in any archive we serve was born earlier.
const EARLIEST: i32 = 1850;

/// What the odd or even last sequence digit says (GB 11643-1999 §3.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sex {
    /// Even.
    Female,
    /// Odd.
    Male,
}

/// A citizen identity number (GB 11643-1999), eighteen places, upper-case X.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CitizenNumber {
    text: Canonical,
}
number!(CitizenNumber);

impl CitizenNumber {
    /// Parses the eighteen-place number, or the old one of fifteen, which is lengthened: `19` before the year, `18` where
    /// the sequence 996 to 999 marks a centenarian, and the check character appended.
    ///
    /// The region need not stand in today's GB/T 2260, since abolished codes stay on cards; its province must exist.
    ///
    /// # Errors
    /// One [`Refusal`] for each reason; a residence permit or foreigner's number is [`Refusal::OtherKind`].
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let plain = normalise(text)?;
        match plain.len() {
            18 => {
                if let Some(other) = other_kind(&plain) {
                    // Only a number that is right for its own kind is called one of it.
                    eighteen(&plain)?;
                    return Err(Refusal::OtherKind(other));
                }
                Self::checked(&plain)
            }
            15 if plain.bytes().take(3).all(|c| c.is_ascii_uppercase()) => {
                super::ForeignerId::parse(&plain)?;
                Err(Refusal::OtherKind(NumberKind::ForeignerPermanentResidence))
            }
            15 => {
                let long = lengthen(&plain)?;
                // Permits and foreigners' cards came after numbers of fifteen places had ended: none was ever lengthened.
                if other_kind(&long).is_some() { Err(Refusal::Region) } else { Self::checked(&long) }
            }
            found => Err(Refusal::Length { found }),
        }
    }

    fn checked(plain: &str) -> Result<Self, Refusal> {
        province(plain)?;
        eighteen(plain)?;
        Ok(Self { text: Canonical::new(plain) })
    }

    /// Whether `text` is the old form of fifteen places, invalid as a document since 2013 and useful only to match archives.
    pub fn is_old_form(text: &str) -> bool {
        normalise(text).is_ok_and(|plain| plain.len() == 15)
    }

    /// The old form, where this number can have had one: born in the 1900s, or a centenarian's sequence in the 1800s.
    pub fn old_form(&self) -> Option<zeroize::Zeroizing<String>> {
        let text = self.expose();
        let (region, century, year_to_sequence) = (text.get(..6)?, text.get(6..8)?, text.get(8..17)?);
        let centenarian = matches!(text.get(14..17)?, "996" | "997" | "998" | "999");
        let fits = (century == "19" && !centenarian) || (century == "18" && centenarian);
        fits.then(|| zeroize::Zeroizing::new(format!("{region}{year_to_sequence}")))
    }

    /// Six digits of GB/T 2260, as they were when the number was given.
    pub fn region(&self) -> &str {
        self.expose().get(..6).unwrap_or_default()
    }

    /// The birthday.
    pub fn birthday(&self) -> Date {
        birthday(self.expose())
    }

    /// What the sequence says.
    pub fn sex(&self) -> Sex {
        sex(self.expose())
    }

    /// Refuses a birthday after the day of `at` in Beijing.
    ///
    /// # Errors
    /// [`Refusal::NotBornYet`].
    pub fn born_by(&self, at: Moment) -> Result<(), Refusal> {
        born_by(self.birthday(), at)
    }
}

/// Whence the holder of a residence permit comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Territory {
    /// Prefix 810000.
    HongKong,
    /// Prefix 820000.
    Macao,
    /// Prefix 830000.
    Taiwan,
}

/// The number on the residence permit of a resident of Hong Kong, Macao or Taiwan (since 2018; same check as GB 11643).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ResidencePermit {
    text: Canonical,
}
number!(ResidencePermit);

impl ResidencePermit {
    /// Parses eighteen places that begin with 810000, 820000 or 830000.
    ///
    /// # Errors
    /// One [`Refusal`] for each reason.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let plain = normalise(text)?;
        if plain.len() != 18 {
            return Err(Refusal::Length { found: plain.len() });
        }
        match other_kind(&plain) {
            Some(NumberKind::HongKongResidence | NumberKind::MacaoResidence | NumberKind::TaiwanResidence) => {
                eighteen(&plain)?;
                Ok(Self { text: Canonical::new(&plain) })
            }
            Some(other) => eighteen(&plain).and(Err(Refusal::OtherKind(other))),
            None => CitizenNumber::checked(&plain).and(Err(Refusal::OtherKind(NumberKind::Citizen))),
        }
    }

    /// Whence the holder comes.
    pub fn territory(&self) -> Territory {
        match self.expose().as_bytes().get(1) {
            Some(b'1') => Territory::HongKong,
            Some(b'2') => Territory::Macao,
            _ => Territory::Taiwan,
        }
    }

    /// The document's kind.
    pub fn kind(&self) -> NumberKind {
        match self.territory() {
            Territory::HongKong => NumberKind::HongKongResidence,
            Territory::Macao => NumberKind::MacaoResidence,
            Territory::Taiwan => NumberKind::TaiwanResidence,
        }
    }

    /// The birthday.
    pub fn birthday(&self) -> Date {
        birthday(self.expose())
    }

    /// What the sequence says.
    pub fn sex(&self) -> Sex {
        sex(self.expose())
    }

    /// Refuses a birthday after the day of `at` in Beijing.
    ///
    /// # Errors
    /// [`Refusal::NotBornYet`].
    pub fn born_by(&self, at: Moment) -> Result<(), Refusal> {
        born_by(self.birthday(), at)
    }
}

/// Which kind other than the citizen's the first places of eighteen announce.
fn other_kind(plain: &str) -> Option<NumberKind> {
    match plain.as_bytes() {
        [b'8', b'1', b'0', b'0', b'0', b'0', ..] => Some(NumberKind::HongKongResidence),
        [b'8', b'2', b'0', b'0', b'0', b'0', ..] => Some(NumberKind::MacaoResidence),
        [b'8', b'3', b'0', b'0', b'0', b'0', ..] => Some(NumberKind::TaiwanResidence),
        [b'9', ..] => Some(NumberKind::ForeignerPermanentResidence),
        _ => None,
    }
}

/// Digits, date and check character of eighteen places; says nothing about the region.
pub(super) fn eighteen(plain: &str) -> Result<(), Refusal> {
    let (body, check) = plain.split_at_checked(17).ok_or(Refusal::Length { found: plain.len() })?;
    digits(body, 0)?;
    if !matches!(check.as_bytes(), [b'0'..=b'9' | b'X']) {
        return Err(Refusal::Character { position: 18 });
    }
    let date = date_of(body.get(6..14).unwrap_or_default()).ok_or(Refusal::Date)?;
    if date.year() < EARLIEST {
        return Err(Refusal::TooOld);
    }
    if check.starts_with(check_character(body)) { Ok(()) } else { Err(Refusal::CheckCharacter) }
}

/// ISO 7064 MOD 11-2 over the first seventeen digits.
pub(super) fn check_character(body: &str) -> char {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let sum: u32 = body.chars().zip(WEIGHTS).map(|(c, weight)| c.to_digit(10).unwrap_or(0) * weight).sum();
    "10X98765432".chars().nth((sum % 11) as usize).unwrap_or('0')
}

/// Requires ASCII digits; `before` is how many places precede the text.
pub(super) fn digits(text: &str, before: usize) -> Result<(), Refusal> {
    match text.bytes().position(|c| !c.is_ascii_digit()) {
        Some(at) => Err(Refusal::Character { position: before + at + 1 }),
        None => Ok(()),
    }
}

/// The province-level prefixes that were ever given (GB/T 2260).
pub(super) fn is_province(two: &str) -> bool {
    matches!(two.parse::<u8>(), Ok(11..=15 | 21..=23 | 31..=37 | 41..=46 | 50..=54 | 61..=65 | 71 | 81..=83 | 91))
}

fn province(plain: &str) -> Result<(), Refusal> {
    let two = plain.get(..2).unwrap_or_default();
    digits(two, 0)?;
    if is_province(two) { Ok(()) } else { Err(Refusal::Region) }
}

/// `YYYYMMDD` as a calendar date.
pub(super) fn date_of(eight: &str) -> Option<Date> {
    let year = eight.get(..4)?.parse().ok()?;
    let month = eight.get(4..6)?.parse::<u8>().ok()?;
    let day = eight.get(6..8)?.parse().ok()?;
    Date::from_calendar_date(year, Month::try_from(month).ok()?, day).ok()
}

pub(super) fn born_by(birthday: Date, at: Moment) -> Result<(), Refusal> {
    let beijing = UtcOffset::from_hms(8, 0, 0).unwrap_or(UtcOffset::UTC);
    let today = at.date_time().checked_to_offset(beijing).unwrap_or_else(|| at.date_time()).date();
    if birthday > today { Err(Refusal::NotBornYet) } else { Ok(()) }
}

pub(super) fn birthday(canonical: &str) -> Date {
    canonical.get(6..14).and_then(date_of).unwrap_or(Date::MIN)
}

pub(super) fn sex(canonical: &str) -> Sex {
    match canonical.as_bytes().get(16) {
        Some(digit) if digit % 2 == 1 => Sex::Male,
        _ => Sex::Female,
    }
}

fn lengthen(fifteen: &str) -> Result<zeroize::Zeroizing<String>, Refusal> {
    digits(fifteen, 0)?;
    let (region, rest) = fifteen.split_at_checked(6).ok_or(Refusal::Length { found: fifteen.len() })?;
    let century = if matches!(rest.get(6..), Some("996" | "997" | "998" | "999")) { "18" } else { "19" };
    let mut text = zeroize::Zeroizing::new(format!("{region}{century}{rest}"));
    let check = check_character(&text);
    text.push(check);
    Ok(text)
}
