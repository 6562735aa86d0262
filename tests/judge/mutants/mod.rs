//! Structured mutants of signed files: none may be accepted for more than the original says.
//!
//! `make mutants` tries 100,000 of each format, the ordinary tests a tenth. A mutant is made from its number alone: a finding
//! prints it, and `XINYIN_MUTANT=NUMBER` tries that one again.

mod cms;
mod ofd;
mod paths;
pub mod pdf;
mod tree;
mod zip;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Mutants of each format unless told otherwise.
const COUNT: u64 = 10_000;
/// A bound against hangs on a busy machine, not a measure.
const LONGEST: Duration = Duration::from_secs(30);
/// Findings printed at most.
const FINDINGS: usize = 20;

/// Numbers that follow from a seed alone (splitmix64).
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Below `end`, which is above zero.
    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }

    pub fn one<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len())]
    }

    pub fn octet(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }
}

/// What came of one mutant.
pub enum Fate {
    /// Refused, undecided, or the same octets again.
    Refused,
    /// Accepted for what the original says.
    Same,
    /// Accepted for something else: in words.
    False(String),
}

/// Tries the mutants that `mutate` makes of their numbers (a description and the octets), with `judge`. Mutants of every
/// description must have been there, and most of them refused: the trial would otherwise show nothing.
pub fn survive(format: &str, mutate: impl Fn(u64) -> (String, Vec<u8>) + Sync, judge: impl Fn(&[u8]) -> Fate + Sync) {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    let (from, to) = match number("XINYIN_MUTANT") {
        Some(one) => (one, one + 1),
        None => (0, number("XINYIN_MUTANTS").unwrap_or(COUNT)),
    };
    let next = AtomicU64::new(from);
    let (refused, same, findings) = (AtomicU64::new(0), AtomicU64::new(0), Mutex::new(Vec::new()));
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= to {
                return;
            }
            let (what, octets) = mutate(seed);
            let start = Instant::now();
            let fate = catch_unwind(AssertUnwindSafe(|| judge(&octets))).unwrap_or_else(|_| Fate::False("it panicked".into()));
            let found = match fate {
                Fate::False(why) => Some(why),
                _ if start.elapsed() > LONGEST => Some(format!("it took {:?}", start.elapsed())),
                Fate::Refused => {
                    refused.fetch_add(1, Ordering::Relaxed);
                    None
                }
                Fate::Same => {
                    same.fetch_add(1, Ordering::Relaxed);
                    None
                }
            };
            if let Some(why) = found {
                findings.lock().unwrap().push(format!("{format} mutant {seed} ({what}): {why}"));
            }
        }
    };
    std::thread::scope(|scope| (0..2).for_each(|_| drop(scope.spawn(work))));
    let (refused, same, findings) = (refused.into_inner(), same.into_inner(), findings.into_inner().unwrap());
    println!("{format}: {} mutants, {refused} refused, {same} accepted for what the original says", to - from);
    let shown: Vec<&String> = findings.iter().take(FINDINGS).collect();
    assert!(findings.is_empty(), "{} findings, among them {shown:#?}", findings.len());
    assert!(to - from == 1 || refused > same, "{format}: only {refused} refused, {same} the same");
}
