//! Certificates and requests: whatever is read answers every question about itself.
#![no_main]

use libfuzzer_sys::fuzz_target;
use xinyin::pki::{Certificate, bundle, request::CertificationRequest};

fuzz_target!(|data: &[u8]| {
    let _ = CertificationRequest::from_pem_or_der(data);
    for certificate in bundle::certificates(data).unwrap_or_default().into_iter().chain(Certificate::from_der(data).ok()) {
        let _ = (certificate.subject().display(), certificate.holder(), certificate.serial_hex(), certificate.is_self_signed());
        let _ = (certificate.crl_urls().count(), certificate.ocsp_urls().count(), certificate.extensions().unknown_critical().count());
        assert!(certificate.der().windows(certificate.tbs().len()).any(|window| window == certificate.tbs()));
    }
});
