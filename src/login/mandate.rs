//! A mandate (授权委托书): text that an organisation signs so that a person may act for it. Fixed form, built and read exactly.
//!
//! ```text
//! xinyin mandate v1 / 信印授权委托书
//! mandate: 00112233445566778899aabbccddeeff
//! service: https://id.example.gov.cn
//! grantor: 信印样例科技有限公司
//! grantor-code: 91350899MAXY00016T
//! agent: 刘洋
//! agent-number: 350899197509200951
//! item: 道路挖掘许可
//! item: 占用绿地许可
//! from: 2026-11-23T08:00:00Z
//! until: 2026-12-23T08:00:00Z
//! 委托上述经办人在期限内以本单位名义办理所列事项 / The grantor lets the agent act in its name in these matters for this time
//! ```
//!
//! Every line ends with LF. The text is the content of a CMS message that the organisation's certificate signs: with it and the trust
//! anchors anybody can tell later who let whom do what, without asking this service (民法典 §165: name, matters, power and time).

use super::challenge::{canonical_origin, is_plain};
use crate::id::{CitizenNumber, UnifiedSocialCreditCode};
use crate::ids::ChallengeId;
use crate::moment::Moment;
use std::time::Duration;

const PREFIX: &str = "xinyin mandate v1 / 信印授权委托书";
const NOTICE: &str =
    "委托上述经办人在期限内以本单位名义办理所列事项 / The grantor lets the agent act in its name in these matters for this time";
/// Longest text, in octets.
pub const LONGEST: usize = 8 * 1024;
/// Most matters of one mandate.
pub const MOST_ITEMS: usize = 20;
/// The longest time for which one is given.
pub const LONGEST_TIME: Duration = Duration::from_secs(366 * 86_400);

/// Why a text is no mandate, or fields make none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAMandate {
    /// Not the exact form.
    #[error("the text has not the exact form of a mandate")]
    Form,
    /// A name or a matter is empty, too long, or holds characters that could deceive.
    #[error("a name or matter is empty, too long or holds invisible characters")]
    Name,
    /// A number is none.
    #[error("the credit code or the citizen number is not valid")]
    Number,
    /// No matter, or too many.
    #[error("a mandate names 1 to 20 different matters")]
    Items,
    /// It ends before it begins, or lasts too long.
    #[error("a mandate lasts at most 366 days")]
    Times,
}

/// The fields of a mandate, each checked.
#[derive(Clone, PartialEq, Eq)]
pub struct Mandate {
    id: ChallengeId,
    service: String,
    grantor: String,
    grantor_code: UnifiedSocialCreditCode,
    agent: String,
    agent_number: CitizenNumber,
    items: Vec<String>,
    from: Moment,
    until: Moment,
}

impl std::fmt::Debug for Mandate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Mandate({})", self.id)
    }
}

/// Fields as they come, before they are checked.
#[derive(Clone, Copy)]
pub struct Fields<'a> {
    /// Told apart by it; each is taken once.
    pub id: &'a ChallengeId,
    /// This service: scheme, host and port.
    pub service: &'a str,
    /// The organisation's name.
    pub grantor: &'a str,
    /// Its unified social credit code.
    pub grantor_code: &'a str,
    /// The agent's name.
    pub agent: &'a str,
    /// The agent's citizen number.
    pub agent_number: &'a str,
    /// The matters.
    pub items: &'a [String],
    /// From when.
    pub from: Moment,
    /// Until when, not included.
    pub until: Moment,
}

impl Mandate {
    /// Checks the fields and puts them together; times are cut to whole seconds.
    ///
    /// # Errors
    /// [`NotAMandate`].
    pub fn new(fields: Fields<'_>) -> Result<Self, NotAMandate> {
        let service = canonical_origin(fields.service).ok_or(NotAMandate::Form)?;
        let grantor_code = UnifiedSocialCreditCode::parse(fields.grantor_code).map_err(|_| NotAMandate::Number)?;
        let agent_number = CitizenNumber::parse(fields.agent_number).map_err(|_| NotAMandate::Number)?;
        let names = [fields.grantor, fields.agent].into_iter().chain(fields.items.iter().map(String::as_str));
        if names.into_iter().any(|name| !is_plain(name) || name.trim() != name) {
            return Err(NotAMandate::Name);
        }
        let items = fields.items.to_vec();
        let different: std::collections::BTreeSet<&String> = items.iter().collect();
        if items.is_empty() || items.len() > MOST_ITEMS || different.len() != items.len() {
            return Err(NotAMandate::Items);
        }
        let (from, until) = (Moment::from_secs(fields.from.secs()), Moment::from_secs(fields.until.secs()));
        if until <= from || until.since(from) > LONGEST_TIME || !(1970..=9998).contains(&from.date_time().year()) {
            return Err(NotAMandate::Times);
        }
        let (id, grantor, agent) = (fields.id.clone(), fields.grantor.to_owned(), fields.agent.to_owned());
        Ok(Self { id, service, grantor, grantor_code, agent, agent_number, items, from, until })
    }

    /// The octets that are signed.
    pub fn text(&self) -> String {
        let Self { id, service, grantor, grantor_code, agent, agent_number, items, from, until } = self;
        let items: String = items.iter().map(|item| format!("item: {item}\n")).collect();
        format!(
            "{PREFIX}\nmandate: {id}\nservice: {service}\ngrantor: {grantor}\ngrantor-code: {}\nagent: {agent}\nagent-number: {}\n\
             {items}from: {from}\nuntil: {until}\n{NOTICE}\n",
            grantor_code.expose(),
            agent_number.expose(),
        )
    }

    /// Reads a text that [`text`](Self::text) made; anything else, to the octet, is refused.
    ///
    /// # Errors
    /// [`NotAMandate`].
    pub fn parse(text: &[u8]) -> Result<Self, NotAMandate> {
        const FORM: NotAMandate = NotAMandate::Form;
        if text.len() > LONGEST {
            return Err(FORM);
        }
        let mut lines = std::str::from_utf8(text).map_err(|_| FORM)?.split('\n').peekable();
        if lines.next() != Some(PREFIX) {
            return Err(FORM);
        }
        let value = |line: Option<&'_ str>, name: &str| {
            line.and_then(|line| line.strip_prefix(name)?.strip_prefix(": ")).map(str::to_owned).ok_or(FORM)
        };
        let id: ChallengeId = value(lines.next(), "mandate")?.parse().map_err(|_| FORM)?;
        let service = value(lines.next(), "service")?;
        let grantor = value(lines.next(), "grantor")?;
        let grantor_code = value(lines.next(), "grantor-code")?;
        let agent = value(lines.next(), "agent")?;
        let agent_number = value(lines.next(), "agent-number")?;
        let mut items = Vec::new();
        while lines.peek().is_some_and(|line| line.starts_with("item: ")) && items.len() <= MOST_ITEMS {
            items.push(value(lines.next(), "item")?);
        }
        let from = value(lines.next(), "from")?.parse().map_err(|_| FORM)?;
        let until = value(lines.next(), "until")?.parse().map_err(|_| FORM)?;
        let mandate = Self::new(Fields {
            id: &id,
            service: &service,
            grantor: &grantor,
            grantor_code: &grantor_code,
            agent: &agent,
            agent_number: &agent_number,
            items: &items,
            from,
            until,
        })?;
        // One text for one mandate: whatever else would read the same is none.
        if mandate.text().as_bytes() == text { Ok(mandate) } else { Err(FORM) }
    }

    /// What tells it apart.
    pub const fn id(&self) -> &ChallengeId {
        &self.id
    }

    /// For which service it was made.
    pub fn service(&self) -> &str {
        &self.service
    }

    /// The organisation's name.
    pub fn grantor(&self) -> &str {
        &self.grantor
    }

    /// The organisation's credit code.
    pub const fn grantor_code(&self) -> &UnifiedSocialCreditCode {
        &self.grantor_code
    }

    /// The agent's name.
    pub fn agent(&self) -> &str {
        &self.agent
    }

    /// The agent's citizen number.
    pub const fn agent_number(&self) -> &CitizenNumber {
        &self.agent_number
    }

    /// The matters.
    pub fn items(&self) -> &[String] {
        &self.items
    }

    /// From when.
    pub const fn from(&self) -> Moment {
        self.from
    }

    /// Until when, not included.
    pub const fn until(&self) -> Moment {
        self.until
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn made(items: &[&str], days: u64) -> Result<Mandate, NotAMandate> {
        let from = Moment::from_secs(1_795_420_800);
        let items: Vec<String> = items.iter().map(|item| (*item).to_owned()).collect();
        Mandate::new(Fields {
            id: &ChallengeId::from_random([7; 16]),
            service: "https://id.example.gov.cn/",
            grantor: "信印样例科技有限公司",
            grantor_code: "91350899MAXY00016T",
            agent: "刘洋",
            agent_number: "350899197509200951",
            items: &items,
            from,
            until: from.plus(Duration::from_secs(days * 86_400)),
        })
    }

    #[test]
    fn one_text_for_one_mandate() {
        let mandate = made(&["道路挖掘许可", "占用绿地许可"], 30).unwrap();
        let text = mandate.text();
        assert_eq!(Mandate::parse(text.as_bytes()).unwrap(), mandate);
        for (from, to) in [
            ("item: 占用绿地许可\n", ""),
            ("until: 2", "until: 3"),
            ("agent: ", "agent:  "),
            ("\nfrom", "\nitem: 道路挖掘许可\nfrom"),
            ("service: https://id.example.gov.cn", "service: https://id.example.gov.cn/"),
            ("91350899MAXY00016T", "91350899maxy00016t"),
            ("\n委托", "\n\n委托"),
            ("xinyin mandate v1", "xinyin mandate v2"),
        ] {
            let other = text.replacen(from, to, 1);
            assert_ne!(other, text, "{from}");
            assert!(Mandate::parse(other.as_bytes()).is_ok_and(|other| other != mandate) || Mandate::parse(other.as_bytes()).is_err());
        }
        assert!(Mandate::parse(text.trim_end().as_bytes()).is_err());
        assert!(!format!("{mandate:?}").contains("3508"));
    }

    #[test]
    fn wide_or_endless_powers_are_none() {
        assert_eq!(made(&[], 30).unwrap_err(), NotAMandate::Items);
        assert_eq!(made(&["a", "a"], 30).unwrap_err(), NotAMandate::Items);
        assert_eq!(made(&["a"; 21], 30).unwrap_err(), NotAMandate::Items);
        assert_eq!(made(&["a"], 367).unwrap_err(), NotAMandate::Times);
        assert_eq!(made(&["a"], 0).unwrap_err(), NotAMandate::Times);
        for name in ["", " ", "a\nb", "a\u{202e}b", " a"] {
            assert_eq!(made(&[name], 1).unwrap_err(), NotAMandate::Name, "{name:?}");
        }
    }

    proptest! {
        #[test]
        fn any_octets_give_an_answer(octets in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = Mandate::parse(&octets);
            let _ = Mandate::parse(&[PREFIX.as_bytes(), b"\n", &octets].concat());
        }
    }
}
