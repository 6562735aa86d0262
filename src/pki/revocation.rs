//! What CRLs and OCSP answers have in common: reasons, serial numbers.

use std::fmt;

/// CRLReason (RFC 5280 §5.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)]
pub enum Reason {
    Unspecified,
    KeyCompromise,
    CaCompromise,
    AffiliationChanged,
    Superseded,
    CessationOfOperation,
    CertificateHold,
    RemoveFromCrl,
    PrivilegeWithdrawn,
    AaCompromise,
}

impl Reason {
    /// By its number; numbers that the standard does not assign count as unspecified.
    pub const fn from_number(number: u8) -> Self {
        match number {
            1 => Self::KeyCompromise,
            2 => Self::CaCompromise,
            3 => Self::AffiliationChanged,
            4 => Self::Superseded,
            5 => Self::CessationOfOperation,
            6 => Self::CertificateHold,
            8 => Self::RemoveFromCrl,
            9 => Self::PrivilegeWithdrawn,
            10 => Self::AaCompromise,
            _ => Self::Unspecified,
        }
    }

    /// Its number.
    pub const fn number(self) -> u8 {
        match self {
            Self::Unspecified => 0,
            Self::KeyCompromise => 1,
            Self::CaCompromise => 2,
            Self::AffiliationChanged => 3,
            Self::Superseded => 4,
            Self::CessationOfOperation => 5,
            Self::CertificateHold => 6,
            Self::RemoveFromCrl => 8,
            Self::PrivilegeWithdrawn => 9,
            Self::AaCompromise => 10,
        }
    }

    /// The standard's own name, as in `keyCompromise`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::KeyCompromise => "keyCompromise",
            Self::CaCompromise => "cACompromise",
            Self::AffiliationChanged => "affiliationChanged",
            Self::Superseded => "superseded",
            Self::CessationOfOperation => "cessationOfOperation",
            Self::CertificateHold => "certificateHold",
            Self::RemoveFromCrl => "removeFromCRL",
            Self::PrivilegeWithdrawn => "privilegeWithdrawn",
            Self::AaCompromise => "aACompromise",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The shortest contents octets of the same INTEGER, so that serial numbers compare whatever their encoding. The sign counts:
/// −1 (FF) and 255 (00 FF) are different certificates.
pub fn minimal_integer(contents: &[u8]) -> &[u8] {
    let mut shortest = contents;
    while let [first, rest @ ..] = shortest {
        let redundant = rest.first().is_some_and(|next| (*first == 0 && next & 0x80 == 0) || (*first == 0xff && next & 0x80 != 0));
        if !redundant {
            break;
        }
        shortest = rest;
    }
    shortest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serial_numbers_compare_as_integers() {
        assert_eq!(minimal_integer(&[0, 0, 1]), [1]);
        assert_eq!(minimal_integer(&[0, 0xff]), [0, 0xff]);
        assert_eq!(minimal_integer(&[0xff, 0xff]), [0xff]);
        assert_eq!(minimal_integer(&[0]), [0]);
        assert!(minimal_integer(&[]).is_empty());
    }

    #[test]
    fn reasons_have_their_numbers() {
        for number in [0, 1, 2, 3, 4, 5, 6, 8, 9, 10] {
            assert_eq!(Reason::from_number(number).number(), number);
        }
    }
}
