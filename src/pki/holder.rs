//! Whom a certificate names, and the number that identifies them: GB/T 20518 extensions and where authorities really put it.
//!
//! A number counts only if it passes every check of its standard ([`crate::id`]). Two places that name different numbers
//! cancel each other: the certificate then names nobody by number. Whether the certificate itself is to be believed is
//! decided by path validation, never here.

use super::{
    certificate::Certificate,
    extensions::oid,
    name::{attribute, prepare, text},
    tlv::{Tlv, tag},
};
use crate::{
    crypto::Oid,
    id::{PersonNumber, UnifiedSocialCreditCode, mask},
};
use std::fmt;

/// What kind of holder the certificate names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HolderKind {
    /// A natural person.
    Person,
    /// An organisation; whose hand held the key is not proved.
    Organisation,
    /// Neither number is there, or both are and the subject is somebody within an organisation.
    Unknown,
}

/// Whom a certificate names.
#[derive(Clone, PartialEq, Eq)]
pub struct Holder {
    /// What kind.
    pub kind: HolderKind,
    /// The name of the person or organisation.
    pub name: String,
    /// The person's number in canonical form. In an organisation's certificate it is somebody's who acts for it.
    pub citizen_number: Option<String>,
    /// The organisation's unified social credit code in canonical form.
    pub uscc: Option<String>,
    /// Where the numbers stood, for people's eyes.
    pub where_found: String,
}

impl Holder {
    /// The person's number, masked.
    pub fn masked_number(&self) -> Option<String> {
        self.citizen_number.as_deref().map(mask)
    }
}

/// Masked.
impl fmt::Debug for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Holder({:?}, {:?}, {:?}, {})", self.kind, self.masked_number(), self.uscc, self.where_found)
    }
}

macro_rules! places {
    ($name:ident: $($oid:literal)*) => { const $name: &[Oid] = &[$(Oid::new_unwrap($oid)),*]; };
}

// GB/T 20518 and GM/T 0015-2023; then FJCA's and BJCA's older arcs.
places! { PERSON: "1.2.156.10260.4.1.1" "1.2.156.10260.4.1.1.1" "1.2.156.11.7.1" "1.2.86.11.7.1" "1.2.86.21.1.1" }
places! { ORGANISATION:
    "1.2.156.10260.4.1.3" "1.2.156.10260.4.1.4" "1.2.156.10260.4.1.5" "1.2.156.10260.4.4" "1.2.156.10260.4.4.4"
    "1.2.156.11.7.3" "1.2.156.11.7.4" "1.2.156.11.7.5" "1.2.86.11.7.3" "1.2.86.11.7.4" "1.2.86.11.7.5"
}

/// CFCA's letter for the kind of number that follows.
const CFCA_KINDS: &str = "0123456789ABCEFGHJKLMNPZ";

#[derive(Default)]
struct Found {
    persons: Vec<(PersonNumber, String)>,
    organisations: Vec<(UnifiedSocialCreditCode, String)>,
}

impl Found {
    fn person(&mut self, text: &str, place: &str) {
        if let Some(number) = person(text) {
            self.persons.push((number, place.to_owned()));
        }
    }

    fn organisation(&mut self, text: &str, place: &str) {
        if let Some(code) = organisation(text) {
            self.organisations.push((code, place.to_owned()));
        }
    }
}

fn plain(text: &str) -> String {
    text.chars().filter(|character| !character.is_whitespace() && *character != '-').collect()
}

/// A person's number of eighteen places, CFCA's kind letter before it allowed. The old form of fifteen places is no proof.
fn person(text: &str) -> Option<PersonNumber> {
    let text = plain(text);
    let candidates = [Some(text.as_str()), text.strip_prefix(['0', 'F', 'P', 'B', 'C'])];
    candidates.into_iter().flatten().filter(|text| text.len() == 18).find_map(|text| PersonNumber::parse(text).ok())
}

fn organisation(text: &str) -> Option<UnifiedSocialCreditCode> {
    let text = plain(text);
    let stripped = text.chars().next().filter(|letter| CFCA_KINDS.contains(*letter)).and_then(|letter| text.strip_prefix(letter));
    let candidates = [Some(text.as_str()), stripped];
    candidates.into_iter().flatten().filter(|text| text.len() == 18).find_map(|text| UnifiedSocialCreditCode::parse(text).ok())
}

/// The strings inside an extension value, however it is wrapped: SET, SEQUENCE, explicit or implicit context tags, or bare text.
fn strings(value: &[u8], depth: usize, found: &mut Vec<String>) {
    if depth > 6 || found.len() >= 8 {
        return;
    }
    match Tlv::parse(value) {
        Ok(inner) => match text(&inner) {
            Some(text) => found.push(text),
            None if inner.is_constructed() => inner.children().flatten().for_each(|child| strings(child.raw, depth + 1, found)),
            None if inner.tag == tag::OCTET_STRING || inner.tag & 0xc0 == 0x80 => strings(inner.value, depth + 1, found),
            None => {}
        },
        Err(_) => found.extend(std::str::from_utf8(value).ok().filter(|text| !text.chars().any(char::is_control)).map(str::to_owned)),
    }
}

/// CFCA's common name: `041@Tnumber@name@serial` or `051@name@Tnumber@serial`; gives name and number with its letter.
fn cfca(common_name: &str) -> Option<(&str, &str)> {
    let parts: Vec<&str> = common_name.split('@').collect();
    let [head, first, second, _] = parts.as_slice() else { return None };
    match *head {
        "041" => Some((second, first)),
        "051" => Some((first, second)),
        _ => None,
    }
}

impl Certificate {
    /// Whom the certificate names.
    pub fn holder(&self) -> Holder {
        let subject = self.subject();
        let common_name = subject.common_name().unwrap_or_default();
        let organisation_name = subject.text_of(&attribute::ORGANISATION);
        let mut name = common_name;
        let mut found = Found::default();

        for extension in &self.extensions().list {
            let (person, organisation) = (PERSON.contains(&extension.oid), ORGANISATION.contains(&extension.oid));
            if person || organisation {
                let place = format!("extension {}", extension.oid);
                let mut texts = Vec::new();
                strings(&extension.value, 0, &mut texts);
                for text in texts {
                    if person { found.person(&text, &place) } else { found.organisation(&text, &place) }
                }
            }
        }
        if let Some((holder, number)) = cfca(common_name) {
            name = holder;
            found.person(number, "subject CN");
            found.organisation(number, "subject CN");
        }
        // Electronic-seal authorities write the credit code directly before the organisation's name.
        let mut without_code = organisation_name;
        if let Some((code, rest)) = organisation_name.and_then(|text| text.split_at_checked(18))
            && UnifiedSocialCreditCode::parse(code).is_ok()
        {
            found.organisation(code, "subject O");
            without_code = Some(rest).filter(|rest| !rest.trim().is_empty()).or(organisation_name);
        }
        if found.persons.is_empty() && found.organisations.is_empty() {
            for kind in [attribute::SERIAL_NUMBER, attribute::USER_ID, attribute::ORGANISATION_IDENTIFIER, attribute::TITLE] {
                let place = format!("subject {}", attribute::short_name(&kind).unwrap_or_default());
                for value in subject.attributes().iter().filter(|attribute| attribute.oid == kind).filter_map(|found| found.text.as_deref())
                {
                    found.person(value, &place);
                    found.organisation(value, &place);
                }
            }
        }

        let mut places: Vec<String> = Vec::new();
        let citizen_number = agreed(&found.persons, PersonNumber::expose, &mut places);
        let uscc = agreed(&found.organisations, UnifiedSocialCreditCode::expose, &mut places);
        let same_name = organisation_name.is_none_or(|organisation| {
            let own = prepare(common_name);
            own.is_empty()
                || own == prepare(organisation)
                || without_code.is_some_and(|plain| own == prepare(plain))
                || own.chars().all(|c| c.is_ascii_digit())
        });
        let kind = match (&citizen_number, &uscc) {
            (Some(_), None) => HolderKind::Person,
            (None, Some(_)) => HolderKind::Organisation,
            (Some(_), Some(_)) if same_name => HolderKind::Organisation,
            _ => HolderKind::Unknown,
        };
        let coded = name.is_empty() || name.chars().all(|character| character.is_ascii_digit());
        let name = if kind == HolderKind::Organisation && coded { without_code.unwrap_or(name) } else { name };
        Holder { kind, name: name.trim().to_owned(), citizen_number, uscc, where_found: places.join(", ") }
    }

    /// Whether GB/T 20518 identity extensions are there at all, readable or not.
    pub fn has_identity_extensions(&self) -> bool {
        self.extensions().find(&oid::IDENTIFY_CODE).is_some()
            || self.extensions().list.iter().any(|found| ORGANISATION.contains(&found.oid))
    }
}

/// The number all places agree on; none if they differ.
fn agreed<N: PartialEq>(found: &[(N, String)], expose: impl Fn(&N) -> &str, places: &mut Vec<String>) -> Option<String> {
    let (first, _) = found.first()?;
    for (_, place) in found {
        if !places.contains(place) {
            places.push(place.clone());
        }
    }
    if found.iter().any(|(number, _)| number != first) {
        places.push("contradicting".into());
        return None;
    }
    Some(expose(first).to_owned())
}
