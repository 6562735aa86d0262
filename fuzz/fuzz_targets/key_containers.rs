//! Key files: PEM, DER, PKCS#12 under a known password.
#![no_main]

use libfuzzer_sys::fuzz_target;
use xinyin::keys::{self, Password};

fuzz_target!(|data: &[u8]| {
    let password = Password::new("x");
    let _ = keys::from_bytes(data, Some(&password));
    let _ = keys::read_certificates(data);
});
