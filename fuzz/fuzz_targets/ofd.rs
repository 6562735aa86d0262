//! OFD packages: any octets give facts, soon.
#![no_main]

use libfuzzer_sys::fuzz_target;
use xinyin::doc::{ReadOptions, read};

fuzz_target!(|data: &[u8]| {
    let mut source = data.to_vec();
    if source.first_chunk::<4>() != Some(b"PK\x03\x04") {
        source.splice(..0, *b"PK\x03\x04");
    }
    let facts = read(&source, &ReadOptions::default()).expect("memory delivers its bytes");
    assert!(facts.signatures.len() <= 10_000);
});
