//! Messages with archive time-stamps and their indexes, judged with nothing trusted: an answer to every octet, never a pass, and no
//! object that a time-stamp is said to cover unless its token can be read.
#![no_main]

use libfuzzer_sys::fuzz_target;
use xinyin::doc::facts::{Imprint, TimestampKind};
use xinyin::doc::{ReadOptions, read};
use xinyin::moment::Moment;
use xinyin::verify::{Evidence, Indication, Options, Policy, Revocation, judge};

fuzz_target!(|data: &[u8]| {
    let content = b"content".to_vec();
    let options = ReadOptions { content: Some(&content), ..ReadOptions::default() };
    for options in [ReadOptions::default(), options] {
        let facts = read(&data.to_vec(), &options).expect("memory delivers its bytes");
        for stamp in facts.signatures.iter().flat_map(|entry| &entry.signer.timestamps) {
            let covers = stamp.token.as_ref().is_some_and(|token| !token.covers.is_empty());
            let stands = stamp.token.as_ref().is_some_and(|token| token.imprint == Imprint::Matches);
            assert!(stamp.kind != TimestampKind::Archive || stands || !covers);
        }
        let choices = Options { file: "fuzzed".into(), at: Moment::from_secs(1_795_420_800), at_given: true, revocation: Revocation::Soft };
        let verdict = judge(&facts, &Evidence::default(), &Policy::default(), &choices);
        assert_ne!(verdict.indication, Indication::Passed);
    }
});
