//! The whole judge over any bytes, with nothing trusted: a verdict every time, the same every time, never a pass.
#![no_main]

use libfuzzer_sys::fuzz_target;
use xinyin::doc::{ReadOptions, read};
use xinyin::moment::Moment;
use xinyin::verify::{Evidence, Indication, Options, Policy, Revocation, judge, render_text};

fuzz_target!(|data: &[u8]| {
    let source = data.to_vec();
    let facts = read(&source, &ReadOptions::default()).expect("memory delivers its bytes");
    let options = Options { file: "fuzzed".into(), at: Moment::from_secs(1_795_420_800), at_given: false, revocation: Revocation::Soft };
    let (evidence, policy) = (Evidence::default(), Policy::default());
    let verdict = judge(&facts, &evidence, &policy, &options);
    assert_ne!(verdict.indication, Indication::Passed);
    assert!(verdict.sub_indication.is_some());
    assert_eq!(judge(&facts, &evidence, &policy, &options), verdict);
    assert!(!render_text(&verdict, false).is_empty());
});
