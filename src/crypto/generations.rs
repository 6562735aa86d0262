//! A bounded memory in two generations: what was asked for lately stays, the rest goes.

use std::{collections::HashMap, hash::Hash, mem::take};

/// Keys with values; at most twice `room` of them.
#[derive(Debug)]
pub(crate) struct Generations<K, V> {
    room: usize,
    young: HashMap<K, V>,
    old: HashMap<K, V>,
}

impl<K: Hash + Eq, V: Clone> Generations<K, V> {
    /// Nothing is known yet.
    pub(crate) fn new(room: usize) -> Self {
        Self { room, young: HashMap::new(), old: HashMap::new() }
    }

    /// What is kept under the key; it is young again.
    pub(crate) fn get(&mut self, key: &K) -> Option<V> {
        if let Some(found) = self.young.get(key) {
            return Some(found.clone());
        }
        let (key, found) = self.old.remove_entry(key)?;
        self.keep(key, found.clone());
        Some(found)
    }

    /// Keeps a value. When the young fill their room they grow old, and what was old is forgotten.
    pub(crate) fn keep(&mut self, key: K, value: V) {
        if self.young.len() >= self.room && !self.young.contains_key(&key) {
            self.old = take(&mut self.young);
        }
        self.young.insert(key, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_bounded_and_what_is_asked_for_stays() {
        let mut known = Generations::new(100);
        known.keep(0, "kept");
        for number in 1..10_000 {
            assert_eq!(known.get(&0), Some("kept"), "{number}");
            known.keep(number, "once");
            assert!(known.young.len() <= 100 && known.old.len() <= 100);
        }
        assert_eq!(known.get(&1), None);
        assert_eq!(known.get(&9_999), Some("once"));
    }
}
