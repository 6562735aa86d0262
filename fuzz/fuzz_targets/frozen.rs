//! Frozen evidence: any octets are read or refused; what is read trusts nobody, proves nothing by its own word, and is the same when it
//! is frozen again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use xinyin::verify::frozen::{Provenance, freeze, thaw};
use xinyin::verify::{Options, Policy};

fuzz_target!(|data: &[u8]| {
    let Ok(read) = thaw(data, Provenance::File) else { return };
    assert!(read.evidence.anchors.is_empty() && read.evidence.first_seen.is_empty());
    let options = Options { file: "fuzzed".into(), at: read.at, at_given: read.at_given, revocation: read.revocation };
    let again = freeze(&read.evidence, &Policy::default(), &options, &[0; 32]);
    let thawed = thaw(&again, Provenance::OwnStore).expect("what was written can be read");
    assert_eq!(freeze(&thawed.evidence, &Policy::default(), &options, &[0; 32]), again);
});
