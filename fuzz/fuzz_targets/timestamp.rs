//! Time-stamp requests, responses, token contents and the times in them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use xinyin::pki::timestamp::{generalized_time, request, response, tst_info};

fuzz_target!(|data: &[u8]| {
    if let Ok(response) = response(data) {
        assert!(response.token.is_none_or(|token| token.len() < data.len()));
    }
    let _ = (request(data), tst_info(data));
    if let Ok(at) = generalized_time(data) {
        assert!(!at.to_string().is_empty());
    }
});
