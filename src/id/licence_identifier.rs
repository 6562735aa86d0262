//! Identifiers of electronic licences (电子证照标识, GB/T 36904-2018):
//! `1.2.156.3005.2.TYPE.ISSUER.SERIAL.VERSION.CHECK`.
//!
//! The identifier names a file, not a person: it is shown whole.

use std::fmt;
use std::str::FromStr;

/// The arc under which every identifier stands.
pub const ROOT: &str = "1.2.156.3005.2";
/// Longest serial number that is read.
const MAX_SERIAL: usize = 64;
/// The places that a check character is computed over: digits and capitals, A = 10.
const PLACES: &[u8; 36] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// Why a text is no identifier of a licence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum IdentifierRefusal {
    /// It does not start with the arc of licences.
    #[error("it does not start with 1.2.156.3005.2")]
    Root,
    /// It has not five parts after the arc.
    #[error("five parts are expected after 1.2.156.3005.2: type, issuer, serial, version, check character")]
    Parts,
    /// The type code is not 21 digits and capitals.
    #[error("the type code is not 21 digits and capital letters")]
    Type,
    /// The issuer's code is not 1 to 18 digits and capitals.
    #[error("the issuer's code is not 6 to 18 digits and capital letters")]
    Issuer,
    /// The serial number is empty, too long or holds other characters.
    #[error("the serial number is not 1 to 64 digits and capital letters")]
    Serial,
    /// The version is not three digits from 001 on.
    #[error("the version is not three digits from 001 on")]
    Version,
    /// The check character follows from the rest by no known rule.
    #[error("the check character does not follow from the rest")]
    Check,
}

impl IdentifierRefusal {
    /// The same in Chinese.
    pub const fn zh(self) -> &'static str {
        match self {
            Self::Root => "不是以 1.2.156.3005.2 开头",
            Self::Parts => "根代码之后应有五段：类型、颁发机构、流水号、版本号、校验位",
            Self::Type => "证照类型代码不是 21 位数字或大写字母",
            Self::Issuer => "颁发机构代码不是 6 至 18 位数字或大写字母",
            Self::Serial => "流水号不是 1 至 64 位数字或大写字母",
            Self::Version => "版本号不是从 001 起的三位数字",
            Self::Check => "校验位不正确",
        }
    }
}

/// How the check character stands to the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LicenceCheck {
    /// ISO 7064 MOD 37,36, as the standard has it.
    Standard,
    /// By the rule of a generator that is in use in the field and departs from the standard (letters count from 11, moduli
    /// taken conditionally). Accepted with the warning `CHECK_VARIANT`.
    Variant,
}

/// An identifier whose check character follows.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LicenceIdentifier {
    kind: String,
    issuer: String,
    serial: String,
    version: u16,
    check: char,
}

impl LicenceIdentifier {
    /// Makes the identifier of one version of a licence, with its check character.
    ///
    /// # Errors
    /// The part that the standard does not allow.
    pub fn new(kind: &str, issuer: &str, serial: &str, version: u16) -> Result<Self, IdentifierRefusal> {
        let mut made = Self { kind: kind.into(), issuer: issuer.into(), serial: serial.into(), version, check: '0' };
        made.parts()?;
        made.check = standard(&made.body());
        Ok(made)
    }

    /// Reads an identifier. Space around it and small letters are passed over; nothing else is.
    ///
    /// # Errors
    /// One [`IdentifierRefusal`] for each reason.
    pub fn parse(text: &str) -> Result<Self, IdentifierRefusal> {
        use IdentifierRefusal as No;
        let upper = text.trim().to_ascii_uppercase();
        let rest = upper.strip_prefix(ROOT).and_then(|rest| rest.strip_prefix('.')).ok_or(No::Root)?;
        let mut parts = rest.split('.');
        let mut next = || parts.next().ok_or(No::Parts);
        let (kind, issuer, serial, version, check) = (next()?, next()?, next()?, next()?, next()?);
        if parts.next().is_some() {
            return Err(No::Parts);
        }
        let three = version.len() == 3 && version.bytes().all(|digit| digit.is_ascii_digit());
        let number = version.parse().ok().filter(|_| three).ok_or(No::Version)?;
        let mut letters = check.chars();
        let check = match (letters.next(), letters.next()) {
            (Some(letter), None) => letter,
            _ => return Err(No::Check),
        };
        let read = Self { kind: kind.into(), issuer: issuer.into(), serial: serial.into(), version: number, check };
        read.parts()?;
        read.follows().map(|_| read).ok_or(No::Check)
    }

    fn parts(&self) -> Result<(), IdentifierRefusal> {
        use IdentifierRefusal as No;
        let plain = |text: &str| text.bytes().all(|place| PLACES.contains(&place));
        let whole = [
            (self.kind.len() == 21 && plain(&self.kind), No::Type),
            ((6..=18).contains(&self.issuer.len()) && plain(&self.issuer), No::Issuer),
            ((1..=MAX_SERIAL).contains(&self.serial.len()) && plain(&self.serial), No::Serial),
            ((1..=999).contains(&self.version), No::Version),
        ];
        whole.into_iter().find(|(fits, _)| !fits).map_or(Ok(()), |(_, refusal)| Err(refusal))
    }

    /// What the check character is computed over: the parts without the arc and without dots.
    fn body(&self) -> String {
        format!("{}{}{}{:03}", self.kind, self.issuer, self.serial, self.version)
    }

    fn follows(&self) -> Option<LicenceCheck> {
        let body = self.body();
        if standard(&body) == self.check {
            Some(LicenceCheck::Standard)
        } else {
            (variant(&body) == Some(self.check)).then_some(LicenceCheck::Variant)
        }
    }

    /// By which rule the check character follows.
    pub fn check(&self) -> LicenceCheck {
        self.follows().unwrap_or(LicenceCheck::Variant)
    }

    /// Code of the licence type: the credit code of who defined it and three digits.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// Credit code (or region code) of the issuer.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Serial number; the same in every version of one licence.
    pub fn serial(&self) -> &str {
        &self.serial
    }

    /// Version, 1 to 999.
    pub fn version(&self) -> u16 {
        self.version
    }

    /// The identifier of the version after this one; `None` after 999.
    pub fn next(&self) -> Option<Self> {
        Self::new(&self.kind, &self.issuer, &self.serial, self.version.checked_add(1)?).ok()
    }
}

impl fmt::Display for LicenceIdentifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, issuer, serial, version, check } = self;
        write!(f, "{ROOT}.{kind}.{issuer}.{serial}.{version:03}.{check}")
    }
}

impl FromStr for LicenceIdentifier {
    type Err = IdentifierRefusal;

    fn from_str(text: &str) -> Result<Self, IdentifierRefusal> {
        Self::parse(text)
    }
}

fn value(place: u8) -> u32 {
    char::from(place).to_digit(36).unwrap_or(0)
}

fn place(value: u32) -> char {
    PLACES.get(value as usize).map_or('0', |place| char::from(*place))
}

/// ISO 7064 MOD 37,36.
fn standard(body: &str) -> char {
    let product = body.bytes().fold(36, |product, place| {
        let sum = (product + value(place)) % 36;
        (if sum == 0 { 36 } else { sum }) * 2 % 37
    });
    place((37 - product) % 36)
}

/// The rule of the generator described at [`LicenceCheck::Variant`]; none where that generator fails.
fn variant(body: &str) -> Option<char> {
    let product = body.bytes().fold(36, |product, place| {
        let letter = place.is_ascii_uppercase();
        let sum = product + value(place) + u32::from(letter);
        let sum = match letter {
            true if sum > 37 => sum % 37,
            false if sum > 36 => sum % 36,
            _ => sum,
        } % 36;
        (if sum == 0 { 36 } else { sum }) * 2 % 37
    });
    (product > 0).then(|| place(36 - product))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Identifiers that stand in public documents and code.
    const SEEN: [&str; 4] = [
        "1.2.156.3005.2.11100000000013338W011.11430000006122244L.20230000403.001.U",
        "1.2.156.3005.2.11100000000013338W009.11330105002500287C.2025052201.002.0",
        "1.2.156.3005.2.11100000000013338W032.11220000013544541J.2430599.001.F",
        "1.2.156.3005.2.11100000MB03271699022.340100.000000016.001.9",
    ];
    const VARIANT: &str = "1.2.156.3005.2.11100000000013661B006.113700000045046442.209FA4E88F9E4C878F3E9BED2CE7EA49.001.M";

    #[test]
    fn identifiers_of_the_field_read_and_write() {
        for text in SEEN {
            let read = LicenceIdentifier::parse(text).unwrap();
            assert_eq!(read.to_string(), text);
            assert_eq!(read.check(), LicenceCheck::Standard);
            let made = LicenceIdentifier::new(read.kind(), read.issuer(), read.serial(), read.version()).unwrap();
            assert_eq!(made, read);
        }
        let read = LicenceIdentifier::parse(VARIANT).unwrap();
        assert_eq!(read.check(), LicenceCheck::Variant);
        let made = LicenceIdentifier::new(read.kind(), read.issuer(), read.serial(), 1).unwrap();
        assert!(made.to_string().ends_with(".D"), "our own are made by the standard");
    }

    #[test]
    fn every_wrong_place_is_noticed() {
        let text = SEEN[0];
        for (at, old) in text.char_indices().skip(ROOT.len() + 1).filter(|(_, old)| *old != '.') {
            for new in "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ".chars().filter(|new| *new != old) {
                let mut changed = text.to_owned();
                changed.replace_range(at..=at, &new.to_string());
                // One rule notices every single change; the second rule is a second chance of 1 in 36.
                if let Ok(read) = LicenceIdentifier::parse(&changed) {
                    assert_eq!(read.check(), LicenceCheck::Variant, "{changed}");
                }
            }
        }
    }

    #[test]
    fn what_is_none_is_refused_by_reason() {
        use IdentifierRefusal as No;
        for (text, why) in [
            ("", No::Root),
            ("1.2.156.3005.3.A", No::Root),
            ("1.2.156.3005.2.11100000000013338W011.11430000006122244L.20230000403.001", No::Parts),
            ("1.2.156.3005.2.11100000000013338W011.11430000006122244L.20230000403.001.U.X", No::Parts),
            ("1.2.156.3005.2.11100000000013338W01.11430000006122244L.20230000403.001.U", No::Type),
            ("1.2.156.3005.2.11100000000013338W011.1143.20230000403.001.U", No::Issuer),
            ("1.2.156.3005.2.11100000000013338W011.11430000006122244L.2023-403.001.U", No::Serial),
            ("1.2.156.3005.2.11100000000013338W011.11430000006122244L..001.U", No::Serial),
            ("1.2.156.3005.2.11100000000013338W011.11430000006122244L.20230000403.000.U", No::Version),
            ("1.2.156.3005.2.11100000000013338W011.11430000006122244L.20230000403.01.U", No::Version),
            ("1.2.156.3005.2.11100000000013338W011.11430000006122244L.20230000403.001.", No::Check),
            ("1.2.156.3005.2.11100000000013338W011.11430000006122244L.20230000403.001.V", No::Check),
        ] {
            assert_eq!(LicenceIdentifier::parse(text), Err(why), "{text}");
        }
    }

    #[test]
    fn versions_follow_one_another() {
        let first = LicenceIdentifier::parse(SEEN[0]).unwrap();
        let second = first.next().unwrap();
        assert_eq!((second.version(), second.serial()), (2, first.serial()));
        assert!(LicenceIdentifier::new(first.kind(), first.issuer(), "1", 999).unwrap().next().is_none());
    }
}
