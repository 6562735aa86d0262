//! Electronic seals and seal signatures: any octets are read or refused, and what is read can be asked everything.
#![no_main]

use libfuzzer_sys::fuzz_target;
use xinyin::doc::seal::{Seal, SealSignature};

fuzz_target!(|data: &[u8]| {
    if let Ok(seal) = Seal::parse(data) {
        assert!(!seal.to_be_signed().is_empty());
    }
    if let Ok(signature) = SealSignature::parse(data) {
        let _ = signature.all_deviations();
    }
});
