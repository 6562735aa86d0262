//! The phone gateway: delivers text messages.

use super::{
    Heard, Unavailable,
    link::{Freshness, Link},
};
use serde::{Deserialize, Serialize};
use std::fmt;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// A phone number; shown as `140****0001`, wiped when dropped.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop, Deserialize)]
#[serde(transparent)]
pub struct Phone(String);

impl Phone {
    /// From text; nothing but digits, an optional leading `+`, and separators people type. None otherwise.
    pub fn parse(text: &str) -> Option<Self> {
        let digits: String = text.trim().chars().filter(|c| !matches!(c, ' ' | '-')).collect();
        let plain = digits.strip_prefix('+').unwrap_or(&digits);
        ((7..=15).contains(&plain.len()) && plain.bytes().all(|octet| octet.is_ascii_digit())).then_some(Self(digits))
    }

    /// The whole number: for sealing and sending only.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0.get(..3), self.0.len().checked_sub(4).and_then(|tail| self.0.get(tail..))) {
            (Some(head), Some(tail)) if self.0.len() >= 11 => write!(f, "{head}****{tail}"),
            _ => f.write_str("****"),
        }
    }
}

impl fmt::Debug for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Phone({self})")
    }
}

/// The connector.
pub struct Gateway(Link);

#[derive(Serialize)]
struct Question<'a> {
    phone: &'a str,
    text: &'a str,
}

#[derive(Deserialize)]
struct Answer {
    delivery: u64,
}

impl Gateway {
    pub(super) fn new(link: Link) -> Self {
        Self(link)
    }

    /// Calls the gateway without sending anything: an empty message, which it declines. Whoever must not show whether a message
    /// was sent calls it so; it takes the same way and fails the same way.
    pub async fn probe(&self) -> Result<(), Unavailable> {
        let question = Question { phone: "", text: "" };
        match self.0.ask::<_, Answer>("phone/deliver", "phone-delivery", &question, Freshness::Checked).await {
            Ok(_) | Err(Unavailable { why: super::Why::Refused, .. }) => Ok(()),
            Err(unavailable) => Err(unavailable),
        }
    }

    /// Hands a text over for delivery; the gateway's number of the delivery.
    pub async fn deliver(&self, phone: &Phone, text: &str) -> Result<Heard<u64>, Unavailable> {
        let question = Question { phone: phone.expose(), text };
        let heard: Heard<Answer> = self.0.ask("phone/deliver", "phone-delivery", &question, Freshness::Checked).await?;
        heard.try_map(|answer| Ok(answer.delivery)).map_err(|untrusted| self.0.unavailable(untrusted))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phones_are_shown_masked() {
        let phone = Phone::parse("140 0000-0001").unwrap();
        assert_eq!((phone.expose(), format!("{phone} {phone:?}")), ("14000000001", "140****0001 Phone(140****0001)".into()));
        assert_eq!(Phone::parse("1234567").unwrap().to_string(), "****");
        for bad in ["", "123", "14000x00001", "手机"] {
            assert!(Phone::parse(bad).is_none(), "{bad}");
        }
    }
}
