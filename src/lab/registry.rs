//! The registers of persons and organisations, with statuses as of a date.

use crate::{
    id::{self, name::same},
    moment::Moment,
};
use serde::{Deserialize, Serialize};
use std::fmt;
use zeroize::Zeroizing;

/// What a person's entry says from some day on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PersonState {
    /// Alive, and this is the person's number.
    Alive,
    /// Deceased.
    Deceased,
    /// The person now has another number.
    NumberChanged,
}

/// What an organisation's entry says from some day on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OrganisationState {
    /// 存续
    Active,
    /// 注销: it has ceased to exist.
    Deregistered,
    /// 吊销: its licence was taken; it exists until it is deregistered.
    LicenceRevoked,
}

/// A state and the moment it began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Since<T> {
    /// What holds.
    pub state: T,
    /// From when.
    pub since: Moment,
}

/// The state that holds at a moment: the latest that began by then. None before the first.
pub fn as_of<T: Copy>(history: &[Since<T>], at: Moment) -> Option<Since<T>> {
    history.iter().filter(|entry| entry.since <= at).max_by_key(|entry| entry.since).copied()
}

/// A natural person's entry: one number; a changed number has an entry of its own.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Stable short name within the lab.
    pub id: String,
    /// As registered.
    pub name: String,
    /// Citizen number, 18 characters.
    pub number: String,
    /// Mobile phone, if the register has one.
    pub phone: Option<String>,
    /// States by date.
    pub history: Vec<Since<PersonState>>,
}

/// Neither name nor number.
impl fmt::Debug for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Person({})", self.id)
    }
}

/// An organisation's entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Organisation {
    /// Stable short name within the lab.
    pub id: String,
    /// As registered.
    pub name: String,
    /// Unified social credit code, 18 characters.
    pub uscc: String,
    /// The legal representative's [`Person::id`].
    pub legal_representative: String,
    /// States by date.
    pub history: Vec<Since<OrganisationState>>,
}

/// An electronic seal's entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seal {
    /// Its code, `esID`.
    pub code: String,
    /// SHA-256 of its octets, hexadecimal.
    pub sha256: String,
    /// The number under which it is on record, and since when; none: it is known, and not on record.
    pub filing: Option<(String, Moment)>,
    /// Begin of its validity.
    pub valid_from: Moment,
    /// Its end.
    pub valid_until: Moment,
    /// States by date.
    pub history: Vec<Since<SealState>>,
}

/// What a seal's entry says from some moment on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SealState {
    /// It may be used.
    Active,
    /// It may not be used for the time being.
    Suspended,
    /// It may never be used again.
    Revoked,
}

/// The registers; persisted as `registry.json`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registry {
    /// Natural persons.
    pub persons: Vec<Person>,
    /// Organisations.
    pub organisations: Vec<Organisation>,
    /// Electronic seals.
    #[serde(default)]
    pub seals: Vec<Seal>,
}

impl Registry {
    /// The entry whose name and number both fit. A wrong name and an unknown number look the same to the asker.
    pub fn person(&self, name: &str, number: &str) -> Option<&Person> {
        let number = fold_code(number)?;
        self.persons.iter().find(|person| person.number == *number && same(&person.name, name))
    }

    /// An entry by its short name.
    pub fn person_by_id(&self, id: &str) -> Option<&Person> {
        self.persons.iter().find(|person| person.id == id)
    }

    /// The organisation whose name and code both fit; the code is the 18-character one, or the 9-character organisation code
    /// inside it (with or without its hyphen).
    pub fn organisation(&self, name: &str, code: &str) -> Option<&Organisation> {
        let code = fold_code(code)?;
        let fits = |entry: &&Organisation| entry.uscc == *code || (code.len() == 9 && entry.uscc.get(8..17) == Some(code.as_str()));
        self.organisations.iter().filter(fits).find(|entry| same(&entry.name, name))
    }

    /// An entry by its short name.
    pub fn organisation_by_id(&self, id: &str) -> Option<&Organisation> {
        self.organisations.iter().find(|entry| entry.id == id)
    }
}

impl Registry {
    /// The seal whose code and octets both fit.
    pub fn seal(&self, code: &str, sha256: &str) -> Option<&Seal> {
        self.seals.iter().find(|seal| seal.code == code && seal.sha256 == sha256)
    }
}

/// Codes compare in half width and upper case, without spaces and hyphens; what is no code at all equals nothing.
fn fold_code(code: &str) -> Option<Zeroizing<String>> {
    id::normalise(code).ok()
}

#[cfg(test)]
mod tests {
    use super::{super::seed, *};

    #[test]
    fn a_match_needs_name_and_number_of_the_same_entry() {
        let registry = seed::registry();
        let zhang = registry.person("张伟", "350899198503120111").unwrap();
        assert_eq!(zhang.id, "zhang-wei");
        assert!(registry.person("李娜", "350899198503120111").is_none());
        assert!(registry.person("张伟", "350899199011240226").is_none());
        assert!(!format!("{zhang:?}").contains("3508"));
    }

    #[test]
    fn rare_names_match_with_every_dot_and_width() {
        let registry = seed::registry();
        for dot in ["·", "•", "‧", "・", "．", "."] {
            let name = format!("阿依古丽{dot}买买提");
            assert!(registry.person(&name, "３５０８９９１９８８０２２９０６６３").is_some(), "{dot}");
        }
        assert!(registry.person("𠮷永梅", "350899199308170441").is_some());
        assert!(registry.person("吉永梅", "350899199308170441").is_none());
        assert!(registry.person("王𬭎", "350899197806050339").is_some());
    }

    #[test]
    fn states_are_as_of_a_date() {
        let registry = seed::registry();
        let dead = registry.person_by_id("chen-guoqiang").unwrap();
        let state = |at: &str| as_of(&dead.history, at.parse().unwrap()).map(|since| since.state);
        assert_eq!(state("2026-03-09T15:59:59Z"), Some(PersonState::Alive));
        assert_eq!(state("2026-03-09T16:00:00Z"), Some(PersonState::Deceased));
        assert_eq!(state("1899-12-31T00:00:00Z"), None);
    }

    #[test]
    fn organisations_are_found_by_either_code() {
        let registry = seed::registry();
        let name = "信印样例科技有限公司";
        assert!(registry.organisation(name, "91350899MAXY00016T").is_some());
        assert!(registry.organisation(name, "maxy0001-6").is_some());
        assert!(registry.organisation(name, "MAXY00024").is_none());
        assert!(registry.organisation("别的公司", "91350899MAXY00016T").is_none());
    }
}
