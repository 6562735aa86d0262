//! OCSP requests and responses.
#![no_main]

use libfuzzer_sys::fuzz_target;
use xinyin::pki::{OcspResponse, bundle, ocsp::OcspRequest};

fuzz_target!(|data: &[u8]| {
    let _ = OcspRequest::from_der(data);
    for answer in bundle::ocsps(data).into_iter().chain(OcspResponse::from_der(data).ok()) {
        for certificate in answer.certificates() {
            let _ = (answer.is_by(certificate), certificate.public_key().map(|key| answer.verify_signed_by(key)));
        }
    }
});
