//! Numbers of organisations: unified social credit code, organisation code, business registration number.

use super::citizen::digits;
use super::{Canonical, NumberKind, Refusal, normalise, number};

/// An organisation code (GB 11714-1997): eight letters or digits and a check character, without the hyphen.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OrganisationCode {
    text: Canonical,
}
number!(OrganisationCode);

impl OrganisationCode {
    /// Parses nine places; the usual hyphen before the last is dropped.
    ///
    /// # Errors
    /// One [`Refusal`] for each reason.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let plain = normalise(text)?;
        let (body, check) = match plain.len() {
            9 => plain.split_at(8),
            18 => {
                UnifiedSocialCreditCode::parse(&plain)?;
                return Err(Refusal::OtherKind(NumberKind::UnifiedSocialCredit));
            }
            found => return Err(Refusal::Length { found }),
        };
        if !matches!(check.as_bytes(), [b'0'..=b'9' | b'X']) {
            return Err(Refusal::Character { position: 9 });
        }
        if !check.starts_with(inner_check(body)) {
            return Err(Refusal::CheckCharacter);
        }
        Ok(Self { text: Canonical::new(&plain) })
    }

    /// As people write it: `M000100Y-4`.
    pub fn hyphenated(&self) -> String {
        let (body, check) = self.expose().split_at_checked(8).unwrap_or((self.expose(), ""));
        format!("{body}-{check}")
    }
}

/// GB 11714-1997: weights 3 7 9 10 5 8 4 2, `11 − Σ mod 11`, ten as X, eleven as 0.
fn inner_check(body: &str) -> char {
    let sum: u32 = body.chars().zip([3, 7, 9, 10, 5, 8, 4, 2]).map(|(c, weight)| c.to_digit(36).unwrap_or(0) * weight).sum();
    match 11 - sum % 11 {
        10 => 'X',
        11 => '0',
        digit => char::from_digit(digit, 10).unwrap_or('0'),
    }
}

/// How a unified social credit code stands to its check character.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CodeCheck {
    /// It follows from the other seventeen.
    Matches,
    /// It does not, but the code has the form of the early Fujian pilot codes (`9135…M000…`), some of which are legally in
    /// use with another character: only the register can tell.
    AskTheRegister,
}

/// A unified social credit code (GB 32100-2015), eighteen places.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UnifiedSocialCreditCode {
    text: Canonical,
}
number!(UnifiedSocialCreditCode);

/// GB 32100-2015 table: digits and capitals without I, O, S, V, Z.
const ALPHABET: &[u8; 31] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";

impl UnifiedSocialCreditCode {
    /// Parses eighteen places: alphabet, digits of the region, the organisation code's check inside, the check character.
    /// A pilot code that needs the register passes; see [`check`](Self::check). First places outside today's list pass,
    /// since the list is amended.
    ///
    /// # Errors
    /// One [`Refusal`] for each reason.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let plain = normalise(text)?;
        match plain.len() {
            18 => {}
            9 => {
                OrganisationCode::parse(&plain)?;
                return Err(Refusal::OtherKind(NumberKind::OrganisationCode));
            }
            15 => {
                BusinessRegistration::parse(&plain)?;
                return Err(Refusal::OtherKind(NumberKind::BusinessRegistration));
            }
            found => return Err(Refusal::Length { found }),
        }
        if let Some(at) = plain.bytes().position(|c| !ALPHABET.contains(&c)) {
            return Err(Refusal::Character { position: at + 1 });
        }
        digits(plain.get(2..8).unwrap_or_default(), 2)?;
        let inner = plain.get(8..17).unwrap_or_default();
        if !inner.ends_with(inner_check(inner.get(..8).unwrap_or_default())) {
            return Err(Refusal::InnerOrganisationCode);
        }
        if !follows(&plain) && !is_pilot(&plain) {
            return Err(Refusal::CheckCharacter);
        }
        Ok(Self { text: Canonical::new(&plain) })
    }

    /// Whether the check character follows, or the register must be asked before the code is believed.
    pub fn check(&self) -> CodeCheck {
        if follows(self.expose()) { CodeCheck::Matches } else { CodeCheck::AskTheRegister }
    }

    /// The organisation code in places 9 to 17. Equal codes alone link nothing: the register confirms (old certificates).
    pub fn organisation_code(&self) -> OrganisationCode {
        OrganisationCode { text: Canonical::new(self.expose().get(8..17).unwrap_or_default()) }
    }

    /// Six digits of the registering region; 100000 is national.
    pub fn region(&self) -> &str {
        self.expose().get(2..8).unwrap_or_default()
    }
}

/// GB 32100-2015 §5: weights 3^i mod 31, `31 − Σ mod 31`.
fn follows(plain: &str) -> bool {
    let value = |c: u8| ALPHABET.iter().position(|a| *a == c).unwrap_or(0);
    let (sum, _) = plain.bytes().take(17).fold((0, 1), |(sum, weight), c| (sum + value(c) * weight, weight * 3 % 31));
    let check = ALPHABET.get((31 - sum % 31) % 31);
    plain.as_bytes().get(17) == check
}

fn is_pilot(plain: &str) -> bool {
    plain.starts_with("9135") && plain.get(8..12) == Some("M000")
}

/// A business registration number (GS 15-2006): fifteen digits with a check, or the older thirteen without.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BusinessRegistration {
    text: Canonical,
}
number!(BusinessRegistration);

impl BusinessRegistration {
    /// Parses fifteen digits (ISO 7064 MOD 11,10) or thirteen.
    ///
    /// # Errors
    /// One [`Refusal`] for each reason.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let plain = normalise(text)?;
        if !matches!(plain.len(), 13 | 15) {
            return Err(Refusal::Length { found: plain.len() });
        }
        digits(&plain, 0)?;
        if plain.len() == 15 && hybrid_remainder(&plain) != 1 {
            return Err(Refusal::CheckCharacter);
        }
        Ok(Self { text: Canonical::new(&plain) })
    }

    /// Whether the number carries a check digit at all.
    pub fn has_check(&self) -> bool {
        self.expose().len() == 15
    }
}

/// ISO 7064 MOD 11,10: the remainder after the last digit, which a right number makes 1 (modulo 10).
fn hybrid_remainder(plain: &str) -> u32 {
    let Some((check, body)) = plain.as_bytes().split_last() else { return 0 };
    let digit = |c: &u8| u32::from(c.wrapping_sub(b'0'));
    let product = body.iter().fold(10, |product, c| {
        let sum = (product + digit(c)) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    (product + digit(check)) % 10
}
