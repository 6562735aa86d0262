//! The ASN.1 reader: every value is a slice of the input, whatever the input.
#![no_main]

use libfuzzer_sys::fuzz_target;
use xinyin::pki::tlv::{MAX_DEPTH, Reader, Tlv};

fn walk(tlv: &Tlv<'_>, depth: usize) {
    assert!(tlv.value.len() <= tlv.raw.len());
    let _ = (tlv.octets(), tlv.bits(), tlv.small_integer(), tlv.inner());
    #[cfg(feature = "planted")]
    assert!(!(tlv.tag == 0x30 && tlv.small_integer() == Ok(0x0203)), "the planted panic");
    if tlv.is_constructed() && depth < MAX_DEPTH {
        for child in tlv.children().flatten() {
            walk(&child, depth + 1);
        }
    }
}

fuzz_target!(|data: &[u8]| {
    for tlv in Reader::new(data).flatten() {
        walk(&tlv, 0);
    }
});
