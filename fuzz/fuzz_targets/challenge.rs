//! Login challenges: what reads as one is the exact text of one.
#![no_main]

use libfuzzer_sys::fuzz_target;
use xinyin::login::challenge::{Answer, Challenge};

fuzz_target!(|data: &[u8]| {
    if let Ok(challenge) = Challenge::parse(data) {
        assert_eq!(challenge.text().as_bytes(), data);
    }
    let _ = Answer::unpack(data);
});
