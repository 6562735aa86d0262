//! CMS files: any bytes give facts, and what reads as a SignedData keeps its slices inside the input.
#![no_main]

use libfuzzer_sys::fuzz_target;
use xinyin::doc::{ReadOptions, read};
use xinyin::pki::signed_data::SignedData;

fuzz_target!(|data: &[u8]| {
    if let Ok((parsed, rest)) = SignedData::parse_file(data) {
        assert!(rest.len() < data.len());
        for signer in &parsed.signers {
            for attributes in signer.signed.iter().chain(&signer.unsigned) {
                assert!(attributes.raw.raw.len() <= data.len());
                let _ = (attributes.signed_bytes(), attributes.sorted_bytes());
            }
        }
    }
    let source = data.to_vec();
    let content = b"content".to_vec();
    for content in [None, Some(&content as _)] {
        let facts = read(&source, &ReadOptions { content, certificates: &[] }).expect("memory delivers its bytes");
        assert_eq!(facts.length, data.len() as u64);
    }
});
