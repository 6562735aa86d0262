//! PDFs: any octets give facts, soon; what has no signature gets none.
#![no_main]

use libfuzzer_sys::fuzz_target;
use xinyin::doc::facts::{Facts, Format};
use xinyin::doc::{ReadOptions, pdf};

fuzz_target!(|data: &[u8]| {
    let source = data.to_vec();
    let facts = pdf::read(&source, &ReadOptions::default(), Facts::new(Format::Pades, [0; 32], data.len() as u64));
    if !data.windows(9).any(|window| window == b"ByteRange") {
        assert!(facts.signatures.iter().all(|entry| !entry.problems.is_empty()));
    }
});
