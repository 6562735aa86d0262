//! Files that hold certificates, CRLs or OCSP responses: PEM (any number), bare base64, DER (any number in a row), PKCS#7.

use super::{
    certificate::{Certificate, CertificateError},
    crl::Crl,
    ocsp::OcspResponse,
    signed_data::SignedData,
    tlv::Tlv,
};
use base64::{Engine as _, engine::GeneralPurpose, engine::general_purpose};

/// Most objects read from one file.
pub const MAX_OBJECTS: usize = 10_000;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    general_purpose::GeneralPurposeConfig::new()
        .with_decode_padding_mode(base64::engine::DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let packed: Vec<u8> = text.iter().copied().filter(|octet| !octet.is_ascii_whitespace()).collect();
    BASE64.decode(packed).ok().filter(|bytes| !bytes.is_empty())
}

/// The PEM blocks of a file: label and contents (RFC 7468, read laxly). Blocks that cannot be decoded are left out.
pub fn pem_blocks(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut blocks = Vec::new();
    let mut open: Option<(String, Vec<u8>)> = None;
    for line in bytes.split(|octet| *octet == b'\n') {
        let line = line.trim_ascii();
        if let Some(label) = line.strip_prefix(b"-----BEGIN ").and_then(|rest| rest.strip_suffix(b"-----")) {
            open = Some((String::from_utf8_lossy(label).into_owned(), Vec::new()));
        } else if line.starts_with(b"-----END ") {
            if let Some((label, text)) = open.take()
                && let Some(contents) = decode(&text)
            {
                blocks.push((label, contents));
                if blocks.len() >= MAX_OBJECTS {
                    break;
                }
            }
        } else if let Some((_, text)) = &mut open
            && !line.contains(&b':')
        {
            text.extend_from_slice(line);
        }
    }
    blocks
}

/// DER of the first PEM block with one of the labels, or of bare base64; `None` if the bytes are neither.
pub(super) fn first(bytes: &[u8], labels: &[&str]) -> Option<Vec<u8>> {
    match bytes.trim_ascii_start().first()? {
        0x30 if Tlv::parse(bytes).is_ok() => None,
        _ if contains(bytes, b"-----BEGIN ") => {
            pem_blocks(bytes).into_iter().find(|(label, _)| labels.contains(&label.as_str())).map(|(_, der)| der)
        }
        _ => decode(bytes).filter(|der| Tlv::parse(der).is_ok()),
    }
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

/// The values in a file, whatever its wrapping.
fn values(bytes: &[u8]) -> Vec<Vec<u8>> {
    let split = |bytes: &[u8]| super::signed_data::values(bytes).take(MAX_OBJECTS).map(<[u8]>::to_vec).collect::<Vec<_>>();
    if Tlv::split(bytes).is_ok_and(|(value, _)| value.tag == 0x30) {
        return split(bytes);
    }
    if contains(bytes, b"-----BEGIN ") {
        return pem_blocks(bytes).into_iter().map(|(_, der)| der).collect();
    }
    decode(bytes).map(|der| split(&der)).unwrap_or_default()
}

/// Every certificate in a file: PEM, DER, or PKCS#7. An error where there is none at all.
pub fn certificates(bytes: &[u8]) -> Result<Vec<Certificate>, CertificateError> {
    let mut found = Vec::new();
    let mut refused = CertificateError::Field("structure");
    for value in values(bytes) {
        match Certificate::from_der(&value) {
            Ok(certificate) => found.push(certificate),
            Err(error) => match SignedData::parse(&value) {
                Ok(data) => found.extend(data.certificates.iter().filter_map(|der| Certificate::from_der(der).ok())),
                Err(_) => refused = error,
            },
        }
    }
    if found.is_empty() { Err(refused) } else { Ok(found) }
}

/// Every CRL in a file: PEM, DER, or carried by a PKCS#7; none where there is none.
pub fn crls(bytes: &[u8]) -> Vec<Crl> {
    let carried = |value: &[u8]| {
        let data = SignedData::parse(value);
        data.map(|data| data.crls.iter().filter_map(|der| Crl::from_der(der).ok()).collect::<Vec<_>>()).unwrap_or_default()
    };
    let values = values(bytes);
    values.iter().flat_map(|value| Crl::from_der(value).map_or_else(|_| carried(value), |crl| vec![crl])).collect()
}

/// Every OCSP response in a file: PEM or DER; none where there is none.
pub fn ocsps(bytes: &[u8]) -> Vec<OcspResponse> {
    values(bytes).iter().filter_map(|value| OcspResponse::from_der(value).ok()).collect()
}
