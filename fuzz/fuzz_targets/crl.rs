//! Revocation lists: read in bounded time, and what is listed is found.
#![no_main]

use libfuzzer_sys::fuzz_target;
use xinyin::pki::{Crl, Name, bundle};

fuzz_target!(|data: &[u8]| {
    for list in bundle::crls(data).into_iter().chain(Crl::from_der(data).ok()) {
        let other = Name::build(&[]).expect("an empty name");
        let _ = (list.find_serial(&[1], list.issuer()), list.find_serial(&[], &other), list.number(), list.delta_base());
    }
});
