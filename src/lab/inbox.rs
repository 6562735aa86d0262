//! What the phone gateway delivered, shown at `/lab/inbox` instead of on telephones.

use crate::moment::Moment;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// How many messages are kept.
const KEPT: usize = 200;

/// A delivered text message.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Delivery number.
    pub id: u64,
    /// When it arrived.
    pub at: Moment,
    /// Whose phone.
    pub phone: String,
    /// What it says.
    pub text: String,
}

/// The newest messages, oldest first.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Inbox {
    next: u64,
    messages: VecDeque<Message>,
}

impl Inbox {
    /// Delivers a text; the delivery number.
    pub fn deliver(&mut self, at: Moment, phone: &str, text: &str) -> u64 {
        self.next = self.next.saturating_add(1);
        if self.messages.len() >= KEPT {
            self.messages.pop_front();
        }
        self.messages.push_back(Message { id: self.next, at, phone: phone.to_owned(), text: text.to_owned() });
        self.next
    }

    /// Newest first, of one phone or of all.
    pub fn newest(&self, phone: Option<&str>) -> Vec<&Message> {
        self.messages.iter().rev().filter(|message| phone.is_none_or(|phone| message.phone == phone)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newest_first_and_bounded() {
        let mut inbox = Inbox::default();
        for number in 0..KEPT + 5 {
            inbox.deliver(Moment::from_secs(1), if number % 2 == 0 { "a" } else { "b" }, &number.to_string());
        }
        assert_eq!(inbox.newest(None).len(), KEPT);
        assert_eq!(inbox.newest(Some("a"))[0].text, (KEPT + 4).to_string());
    }
}
