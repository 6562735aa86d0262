//! Identity numbers of persons and organisations, how they are normalised, refused, masked and compared.
//!
//! Every number is parsed into a type of its own; a value of such a type has passed every check its standard knows.
//! `Debug` and `Display` show it masked (`3501**********0014`), [`expose`](CitizenNumber::expose) is the only way to the
//! whole, and the memory is wiped when it is dropped. A valid number proves nobody: duplicates and mistypings that pass
//! the check exist, so the register is always asked.
//!
//! Clauses: GB 11643-1999 (citizens), GB 11714-1997 (organisation codes), GB 32100-2015 (unified social credit codes),
//! GS 15-2006 (business registration numbers), GB/T 2659 (nationalities), ISO 7064 (check characters), GB/T 36904 (licences).

mod citizen;
mod foreigner;
mod kind;
mod licence_identifier;
pub mod mask;
pub mod name;
mod normal;
mod organisation;
mod passport;
mod refusal;

pub use citizen::{CitizenNumber, ResidencePermit, Sex, Territory};
pub use foreigner::ForeignerId;
pub use kind::{NumberKind, PartyKind};
pub use licence_identifier::{IdentifierRefusal, LicenceCheck, LicenceIdentifier};
pub use mask::{mask, mask_text};
pub use normal::normalise;
pub use organisation::{BusinessRegistration, CodeCheck, OrganisationCode, UnifiedSocialCreditCode};
pub use passport::Passport;
pub use refusal::Refusal;

use zeroize::{Zeroize, ZeroizeOnDrop};

/// A number's canonical text: wiped on drop, never shown whole by `Debug` or `Display`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Zeroize, ZeroizeOnDrop)]
struct Canonical(String);

impl Canonical {
    fn new(text: &str) -> Self {
        Self(text.to_owned())
    }
}

/// `expose`, masked `Display` and `Debug`, `FromStr` for a type whose field `text` is a [`Canonical`].
macro_rules! number {
    ($type:ident) => {
        impl $type {
            /// The whole number in its canonical form. For matching, sealing and certificates only: never for a log, a URL or a page.
            pub fn expose(&self) -> &str {
                &self.text.0
            }
        }

        /// Masked.
        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&crate::id::mask(&self.text.0))
            }
        }

        /// Masked.
        impl std::fmt::Debug for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}({self})", stringify!($type))
            }
        }

        impl std::str::FromStr for $type {
            type Err = crate::id::Refusal;

            fn from_str(text: &str) -> Result<Self, crate::id::Refusal> {
                Self::parse(text)
            }
        }
    };
}
use number;

/// A natural person's number, of whichever kind its form tells. Passports and passes share forms with other things and are
/// never guessed: parse them as what the person says they are.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum PersonNumber {
    /// Citizen identity number (GB 11643).
    Citizen(CitizenNumber),
    /// Residence permit of a resident of Hong Kong, Macao or Taiwan.
    Residence(ResidencePermit),
    /// Foreigner's permanent residence identity card.
    Foreigner(ForeignerId),
}

impl PersonNumber {
    /// Tells the kind by the form and parses it.
    ///
    /// # Errors
    /// The refusal of the kind that the text most looks like, or [`Refusal::UnknownKind`].
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let plain = normalise(text)?;
        match plain.as_bytes() {
            [b'8', b'1'..=b'3', b'0', b'0', b'0', b'0', rest @ ..] if rest.len() == 12 => {
                ResidencePermit::parse(&plain).map(Self::Residence)
            }
            [b'9', rest @ ..] if rest.len() == 17 => ForeignerId::parse(&plain).map(Self::Foreigner),
            [a, b, c, rest @ ..] if rest.len() == 12 && [a, b, c].iter().all(|letter| letter.is_ascii_uppercase()) => {
                ForeignerId::parse(&plain).map(Self::Foreigner)
            }
            [first, ..] if first.is_ascii_digit() => CitizenNumber::parse(&plain).map(Self::Citizen),
            _ => Err(Refusal::UnknownKind),
        }
    }

    /// The kind of document that bears the number.
    pub fn kind(&self) -> NumberKind {
        match self {
            Self::Citizen(_) => NumberKind::Citizen,
            Self::Residence(permit) => permit.kind(),
            Self::Foreigner(_) => NumberKind::ForeignerPermanentResidence,
        }
    }

    /// The whole number in its canonical form; see [`CitizenNumber::expose`].
    pub fn expose(&self) -> &str {
        match self {
            Self::Citizen(number) => number.expose(),
            Self::Residence(number) => number.expose(),
            Self::Foreigner(number) => number.expose(),
        }
    }

    /// Refuses a birthday after the day of `at` in Beijing.
    ///
    /// # Errors
    /// [`Refusal::NotBornYet`].
    pub fn born_by(&self, at: crate::moment::Moment) -> Result<(), Refusal> {
        match self {
            Self::Citizen(number) => number.born_by(at),
            Self::Residence(number) => number.born_by(at),
            Self::Foreigner(number) => number.born_by(at),
        }
    }
}

/// Masked.
impl std::fmt::Display for PersonNumber {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&mask(self.expose()))
    }
}

#[cfg(test)]
mod tests;
