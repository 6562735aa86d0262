//! Passport numbers: no check character stands in the number itself, so only its form can be judged.

use super::{Canonical, Refusal, normalise, number};

/// A passport's number with the state that issued it, as the holder or a certificate gives them.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Passport {
    /// `CHN:E12345678`, or the number alone where the issuer is not told.
    text: Canonical,
}
number!(Passport);

impl Passport {
    /// Parses a number whose issuer is not told: five to nine letters and digits (ICAO 9303-4 §4.2.2), one digit at least.
    ///
    /// # Errors
    /// One [`Refusal`] for each reason.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        if let Some((issuer, number)) = text.split_once(':') {
            return Self::of(issuer, number);
        }
        let plain = normalise(text)?;
        number_form(&plain)?;
        Ok(Self { text: Canonical::new(&plain) })
    }

    /// A number with its issuing state in three letters (ISO 3166-1 alpha-3, or one of ICAO 9303-3's own).
    ///
    /// # Errors
    /// [`Refusal::Nationality`] for a state that is not one to three letters; otherwise as [`parse`](Self::parse).
    pub fn of(issuer: &str, number: &str) -> Result<Self, Refusal> {
        let issuer = normalise(issuer).map_err(|_| Refusal::Nationality)?;
        if !matches!(issuer.len(), 1 | 3) || !issuer.bytes().all(|c| c.is_ascii_uppercase()) {
            return Err(Refusal::Nationality);
        }
        let plain = normalise(number)?;
        number_form(&plain)?;
        if issuer.as_str() == "CHN" {
            chinese(&plain)?;
        }
        Ok(Self { text: Canonical::new(&zeroize::Zeroizing::new(format!("{}:{}", *issuer, *plain))) })
    }

    /// The issuing state, where told.
    pub fn issuer(&self) -> Option<&str> {
        self.expose().split_once(':').map(|(issuer, _)| issuer)
    }

    /// The number without the issuer; as sensitive as [`expose`](Self::expose).
    pub fn number(&self) -> &str {
        self.expose().split_once(':').map_or(self.expose(), |(_, number)| number)
    }
}

fn number_form(plain: &str) -> Result<(), Refusal> {
    if !(5..=9).contains(&plain.len()) {
        return Err(Refusal::Length { found: plain.len() });
    }
    if plain.bytes().any(|c| c.is_ascii_digit()) { Ok(()) } else { Err(Refusal::Character { position: plain.len() }) }
}

/// One or two letters and digits to nine places (G12345678, E12345678, EA1234567, DE1234567; HK and Macao K, KJ, M, MA);
/// the oldest booklets had eight places.
fn chinese(plain: &str) -> Result<(), Refusal> {
    if !(8..=9).contains(&plain.len()) {
        return Err(Refusal::Length { found: plain.len() });
    }
    let letters = plain.bytes().take(2).take_while(u8::is_ascii_uppercase).count();
    if letters == 0 && plain.len() == 9 {
        return Err(Refusal::Character { position: 1 });
    }
    super::citizen::digits(plain.get(letters..).unwrap_or_default(), letters)
}
