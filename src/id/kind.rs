//! Kinds of parties and of the documents that number them.

use serde::{Deserialize, Serialize};

/// Whether a Party is a natural person or an organisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PartyKind {
    /// 个人.
    Person,
    /// 法人/其他组织.
    Organisation,
}

impl PartyKind {
    /// The word in files and on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Organisation => "organisation",
        }
    }

    /// From [`as_str`](Self::as_str)'s word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Person, Self::Organisation].into_iter().find(|kind| kind.as_str() == word)
    }
}

macro_rules! kinds {
    ($($name:ident $word:literal $zh:literal $en:literal $party:ident $cfca:expr;)*) => {
        /// What kind of document bears a number.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum NumberKind {
            $(#[doc = $en] #[serde(rename = $word)] $name,)*
        }

        impl NumberKind {
            /// Every kind.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The word in rows, claims and files.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            /// The name in Chinese.
            pub const fn zh(self) -> &'static str {
                match self { $(Self::$name => $zh,)* }
            }

            /// The name in English.
            pub const fn en(self) -> &'static str {
                match self { $(Self::$name => $en,)* }
            }

            /// Whose number it is.
            pub const fn party(self) -> PartyKind {
                match self { $(Self::$name => PartyKind::$party,)* }
            }

            /// The letter that CFCA's certificates put before a number of this kind.
            pub const fn cfca_letter(self) -> Option<char> {
                match self { $(Self::$name => $cfca,)* }
            }
        }
    };
}

kinds! {
    Citizen "citizen" "居民身份证" "resident identity card" Person Some('0');
    Passport "passport" "护照" "passport" Person Some('1');
    MilitaryOfficer "military-officer" "军官证" "military officer's card" Person Some('2');
    ArmedPolice "armed-police" "武警证" "armed police card" Person Some('A');
    HongKongMacaoPass "hk-macao-pass" "港澳居民来往内地通行证" "mainland travel permit for Hong Kong and Macao residents" Person Some('B');
    TaiwanPass "taiwan-pass" "台湾居民来往大陆通行证" "mainland travel permit for Taiwan residents" Person Some('C');
    HouseholdBook "household-book" "户口簿" "household register" Person Some('E');
    TemporaryIdentity "temporary-identity" "临时居民身份证" "temporary identity card" Person Some('F');
    HongKongResidence "hong-kong-residence" "香港居民居住证" "residence permit of a Hong Kong resident" Person None;
    MacaoResidence "macao-residence" "澳门居民居住证" "residence permit of a Macao resident" Person None;
    TaiwanResidence "taiwan-residence" "台湾居民居住证" "residence permit of a Taiwan resident" Person None;
    ForeignerPermanentResidence "foreigner-permanent-residence" "外国人永久居留身份证" "foreign permanent resident identity card" Person Some('P');
    UnifiedSocialCredit "uscc" "统一社会信用代码" "unified social credit code" Organisation Some('N');
    OrganisationCode "organisation-code" "组织机构代码" "organisation code" Organisation Some('7');
    BusinessRegistration "business-registration" "工商注册号" "business registration number" Organisation Some('3');
}

impl NumberKind {
    /// The kind that a letter in a CFCA certificate announces.
    pub fn from_cfca_letter(letter: char) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.cfca_letter() == Some(letter))
    }

    /// From [`as_str`](Self::as_str)'s word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == word)
    }
}
