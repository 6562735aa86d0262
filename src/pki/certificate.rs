//! X.509 certificates (RFC 5280 §4.1): the original bytes, and everything read from them once.
//!
//! x509-parser checks the frame; the slices that are signed and the extensions are then read from the same bytes without
//! re-encoding. Reading is tolerant where authorities deviate without changing the meaning; whether a certificate is fit for
//! a path is decided in [`super::path`], from [`Certificate::defects`] among others.

use super::{
    extensions::{AuthorityKeyId, BasicConstraints, DistributionPoint, Extension, Extensions, KeyUsage, oid},
    general_name::GeneralName,
    name::Name,
    timestamp::asn1_time,
    tlv::{Tlv, TlvError, tag},
};
use crate::{
    crypto::{Hash, KeyError, Oid, PublicKey, SignatureAlgorithm, VerifyError, verify_lasting},
    moment::Moment,
};
use std::{
    collections::BTreeSet,
    fmt,
    ops::Range,
    sync::{Arc, OnceLock},
};
use x509_parser::{certificate::X509CertificateParser, nom::Parser as _};

/// The largest certificate that is read.
pub const MAX_CERTIFICATE: usize = 1024 * 1024;

/// Why bytes are no certificate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// The ASN.1 is broken or shaped otherwise.
    #[error("not an X.509 certificate: {0}")]
    Malformed(#[from] TlvError),
    /// A field that every certificate has cannot be read.
    #[error("not an X.509 certificate: its {0} cannot be read")]
    Field(&'static str),
    /// Larger than [`MAX_CERTIFICATE`].
    #[error("the certificate is larger than allowed")]
    TooLarge,
}

/// A certificate. Cheap to clone; two are equal when their bytes are.
#[derive(Clone)]
pub struct Certificate(Arc<Inner>);

struct Inner {
    der: Vec<u8>,
    tbs: Range<usize>,
    serial: Range<usize>,
    algorithm: Range<usize>,
    signature: Range<usize>,
    version: u8,
    issuer: Name,
    subject: Name,
    not_before: Moment,
    not_after: Moment,
    key: Result<PublicKey, KeyError>,
    extensions: Extensions,
    fingerprint: OnceLock<[u8; 32]>,
}

impl Certificate {
    /// Reads one certificate that fills `der`.
    pub fn from_der(der: &[u8]) -> Result<Self, CertificateError> {
        if der.len() > MAX_CERTIFICATE {
            return Err(CertificateError::TooLarge);
        }
        let (_, frame) =
            X509CertificateParser::new().with_deep_parse_extensions(false).parse(der).map_err(|_| CertificateError::Field("structure"))?;
        let mut defects = Vec::new();

        let outer = Tlv::parse(der)?.expect(tag::SEQUENCE)?;
        let mut parts = outer.children();
        let tbs = parts.expect(tag::SEQUENCE)?;
        let algorithm = parts.expect(tag::SEQUENCE)?;
        let signature = parts.expect(tag::BIT_STRING)?;
        parts.end()?;
        let (unused, signature_bits) = signature.bits()?;
        if unused != 0 {
            defects.push("the signature does not end at a whole octet".into());
        }
        let tbs_start = der.len().saturating_sub(outer.value.len());
        let algorithm_start = tbs_start.saturating_add(tbs.raw.len());
        let tbs_range = tbs_start..algorithm_start;
        let algorithm_range = algorithm_start..algorithm_start.saturating_add(algorithm.raw.len());
        let signature_range = der.len().saturating_sub(signature_bits.len())..der.len();

        let mut fields = tbs.children();
        let version = match fields.optional(0xa0)? {
            None => 1,
            Some(version) => u8::try_from(version.inner()?.expect(tag::INTEGER)?.small_integer()?.saturating_add(1))
                .ok()
                .filter(|version| (1..=3).contains(version))
                .ok_or(CertificateError::Field("version"))?,
        };
        let serial = fields.expect(tag::INTEGER)?;
        let serial_end = algorithm_start.saturating_sub(fields.rest().len());
        let inner_algorithm = fields.expect(tag::SEQUENCE)?;
        let issuer = Name::from_der(fields.expect(tag::SEQUENCE)?.raw).map_err(|_| CertificateError::Field("issuer"))?;
        let mut validity = fields.expect(tag::SEQUENCE)?.children();
        let not_before = moment(&validity.read()?, &mut defects)?;
        let not_after = moment(&validity.read()?, &mut defects)?;
        validity.end()?;
        let subject = Name::from_der(fields.expect(tag::SEQUENCE)?.raw).map_err(|_| CertificateError::Field("subject"))?;
        let key = PublicKey::from_spki(fields.expect(tag::SEQUENCE)?.raw);
        for unique in [[0x81, 0xa1], [0x82, 0xa2]] {
            for tag in unique {
                if fields.optional(tag)?.is_some() && version < 2 {
                    defects.push("unique identifiers need version 2".into());
                }
            }
        }
        if fields.optional(0xa3)?.is_some() && version != 3 {
            defects.push("extensions need version 3".into());
        }
        fields.end()?;
        // RFC 5280 §4.1.1.2: the two algorithm fields must be the same; only the inner one is signed.
        if inner_algorithm.raw != algorithm.raw {
            defects.push("the two signature algorithm fields differ".into());
        }
        if serial.value.is_empty() {
            return Err(CertificateError::Field("serial number"));
        }

        let mut extensions = Extensions { defects, ..Extensions::default() };
        let mut seen = BTreeSet::new();
        for extension in frame.extensions() {
            let oid = Oid::from_bytes(extension.oid.as_bytes()).map_err(|_| CertificateError::Field("extension identifier"))?;
            extensions.push(Extension { oid, critical: extension.critical, value: extension.value.to_vec() }, &mut seen);
        }
        Ok(Self(Arc::new(Inner {
            tbs: tbs_range,
            serial: serial_end.saturating_sub(serial.value.len())..serial_end,
            algorithm: algorithm_range,
            signature: signature_range,
            version,
            issuer,
            subject,
            not_before,
            not_after,
            key,
            extensions,
            fingerprint: OnceLock::new(),
            der: der.to_vec(),
        })))
    }

    /// Reads one certificate from PEM (the first of its kind, text around it ignored), bare base64, or DER.
    pub fn from_pem_or_der(bytes: &[u8]) -> Result<Self, CertificateError> {
        super::bundle::first(bytes, &["CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"])
            .map_or_else(|| Self::from_der(bytes), |der| Self::from_der(&der))
    }

    /// The whole certificate as stored.
    pub fn der(&self) -> &[u8] {
        &self.0.der
    }

    fn slice(&self, range: &Range<usize>) -> &[u8] {
        self.0.der.get(range.clone()).unwrap_or_default()
    }

    /// TBSCertificate as stored: what the issuer signed.
    pub fn tbs(&self) -> &[u8] {
        self.slice(&self.0.tbs)
    }

    /// The signature's AlgorithmIdentifier as stored.
    pub fn signature_algorithm_der(&self) -> &[u8] {
        self.slice(&self.0.algorithm)
    }

    /// The issuer's signature value.
    pub fn signature(&self) -> &[u8] {
        self.slice(&self.0.signature)
    }

    /// SHA-256 of the whole certificate.
    pub fn fingerprint_sha256(&self) -> [u8; 32] {
        use digest::Digest as _;
        *self.0.fingerprint.get_or_init(|| sha2::Sha256::digest(self.der()).into())
    }

    /// The same, where it has been computed already.
    pub(super) fn has_fingerprint(&self, sha256: [u8; 32]) {
        let _ = self.0.fingerprint.set(sha256);
    }

    /// Whether both come of one reading.
    #[cfg(test)]
    pub(super) fn is_same_reading(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Version 1, 2 or 3.
    pub fn version(&self) -> u8 {
        self.0.version
    }

    /// Contents octets of the serial number.
    pub fn serial(&self) -> &[u8] {
        self.slice(&self.0.serial)
    }

    /// The serial number in upper-case hexadecimal without leading zeros.
    pub fn serial_hex(&self) -> String {
        serial_hex(self.serial())
    }

    /// Who issued it.
    pub fn issuer(&self) -> &Name {
        &self.0.issuer
    }

    /// Whom it names.
    pub fn subject(&self) -> &Name {
        &self.0.subject
    }

    /// First moment of validity.
    pub fn not_before(&self) -> Moment {
        self.0.not_before
    }

    /// Last moment of validity.
    pub fn not_after(&self) -> Moment {
        self.0.not_after
    }

    /// Whether `at` lies within the validity, both ends included (RFC 5280 §4.1.2.5). The end's whole second counts.
    pub fn is_valid_at(&self, at: Moment) -> bool {
        self.not_before() <= at && at.secs() <= self.not_after().secs()
    }

    /// The subject's key, or why it cannot be used.
    pub fn public_key(&self) -> Result<&PublicKey, &KeyError> {
        self.0.key.as_ref()
    }

    /// The same certificate with its key completed by the parameters of the issuer's (RFC 3279 §2.3.2); unchanged unless the
    /// key lacks them.
    pub(super) fn completed_by(&self, issuer: &Self) -> Self {
        let (Ok(key), Ok(issuer_key)) = (self.public_key(), issuer.public_key()) else { return self.clone() };
        let Some(key) = key.completed_by(issuer_key) else { return self.clone() };
        let Inner { der, tbs, serial, algorithm, signature, version, issuer, subject, not_before, not_after, extensions, .. } = &*self.0;
        Self(Arc::new(Inner {
            der: der.clone(),
            tbs: tbs.clone(),
            serial: serial.clone(),
            algorithm: algorithm.clone(),
            signature: signature.clone(),
            version: *version,
            issuer: issuer.clone(),
            subject: subject.clone(),
            not_before: *not_before,
            not_after: *not_after,
            key: Ok(key),
            extensions: extensions.clone(),
            fingerprint: OnceLock::new(),
        }))
    }

    /// Every extension, and the known ones read.
    pub fn extensions(&self) -> &Extensions {
        &self.0.extensions
    }

    /// What is wrong with the certificate's own form; anything here makes it unfit for a path.
    pub fn defects(&self) -> &[String] {
        &self.0.extensions.defects
    }

    /// keyUsage.
    pub fn key_usage(&self) -> Option<KeyUsage> {
        self.0.extensions.key_usage
    }

    /// extKeyUsage.
    pub fn extended_key_usage(&self) -> Option<&[Oid]> {
        self.0.extensions.extended_key_usage.as_deref()
    }

    /// basicConstraints.
    pub fn basic_constraints(&self) -> Option<BasicConstraints> {
        self.0.extensions.basic_constraints
    }

    /// Whether basicConstraints say that the subject is an authority.
    pub fn is_ca(&self) -> bool {
        self.basic_constraints().is_some_and(|constraints| constraints.ca)
    }

    /// subjectKeyIdentifier.
    pub fn subject_key_id(&self) -> Option<&[u8]> {
        self.0.extensions.subject_key_id.as_deref()
    }

    /// authorityKeyIdentifier.
    pub fn authority_key_id(&self) -> Option<&AuthorityKeyId> {
        self.0.extensions.authority_key_id.as_ref()
    }

    /// certificatePolicies, empty where there are none.
    pub fn policies(&self) -> &[Oid] {
        self.0.extensions.policies.as_deref().unwrap_or_default()
    }

    /// subjectAltName, empty where there is none.
    pub fn subject_alt_names(&self) -> &[GeneralName] {
        self.0.extensions.subject_alt_names.as_deref().unwrap_or_default()
    }

    /// cRLDistributionPoints, empty where there are none.
    pub fn crl_distribution_points(&self) -> &[DistributionPoint] {
        self.0.extensions.crl_distribution_points.as_deref().unwrap_or_default()
    }

    /// URIs of the CRL distribution points.
    pub fn crl_urls(&self) -> impl Iterator<Item = &str> {
        use super::extensions::DistributionPointName;
        let names = self.crl_distribution_points().iter().flat_map(|point| match &point.name {
            Some(DistributionPointName::Full(names)) => names.as_slice(),
            _ => &[],
        });
        names.filter_map(uri)
    }

    fn access(&self, method: Oid) -> impl Iterator<Item = &str> {
        let places = self.0.extensions.authority_info_access.as_deref().unwrap_or_default();
        places.iter().filter(move |(found, _)| *found == method).filter_map(|(_, place)| uri(place))
    }

    /// Where the issuer answers OCSP requests.
    pub fn ocsp_urls(&self) -> impl Iterator<Item = &str> {
        self.access(oid::ACCESS_OCSP)
    }

    /// Where the issuer's certificate is to be found.
    pub fn issuer_urls(&self) -> impl Iterator<Item = &str> {
        self.access(oid::ACCESS_CA_ISSUERS)
    }

    /// Whether issuer and subject are the same name.
    pub fn is_self_issued(&self) -> bool {
        self.issuer() == self.subject()
    }

    /// Whether the certificate is signed by its own key.
    pub fn is_self_signed(&self) -> bool {
        self.is_self_issued() && self.public_key().is_ok_and(|key| self.verify_signed_by(key).is_ok())
    }

    /// The signature algorithm as it applies to the issuer's key.
    pub fn signature_algorithm(&self, issuer_key: &PublicKey) -> Result<SignatureAlgorithm, VerifyError> {
        SignatureAlgorithm::from_der(self.signature_algorithm_der(), None, issuer_key)
    }

    /// Verifies the issuer's signature over the bytes as stored.
    pub fn verify_signed_by(&self, issuer_key: &PublicKey) -> Result<(), VerifyError> {
        verify_lasting(issuer_key, &self.signature_algorithm(issuer_key)?, self.tbs(), self.signature())
    }

    /// The key identifier of RFC 5280 §4.2.1.2 method 1: SHA-1 of the key's bits.
    pub fn key_hash_sha1(&self) -> Option<Vec<u8>> {
        self.public_key().ok().map(|key| Hash::Sha1.digest(key.bits()))
    }
}

/// A serial number's contents octets in upper-case hexadecimal without leading zeros.
pub fn serial_hex(octets: &[u8]) -> String {
    let digits = octets.get(octets.iter().take_while(|octet| **octet == 0).count()..).unwrap_or_default();
    if digits.is_empty() { "00".into() } else { hex::encode_upper(digits) }
}

fn uri(name: &GeneralName) -> Option<&str> {
    match name {
        GeneralName::Uri(uri) => Some(uri),
        _ => None,
    }
}

/// Time of a validity field. RFC 5280 §4.1.2.5 wants whole seconds and `Z`; other forms are read but count as a defect.
fn moment(value: &Tlv<'_>, defects: &mut Vec<String>) -> Result<Moment, CertificateError> {
    let at = asn1_time(*value).map_err(|_| CertificateError::Field("validity"))?;
    let digits = if value.tag == tag::UTC_TIME { 12 } else { 14 };
    let plain = value.value.len() == digits + 1 && value.value.iter().take(digits).all(u8::is_ascii_digit) && value.value.ends_with(b"Z");
    if !plain {
        defects.push("a validity time is not written in whole seconds of UTC".into());
    }
    Ok(at)
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.der() == other.der()
    }
}

impl Eq for Certificate {}

impl std::hash::Hash for Certificate {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.fingerprint_sha256().hash(state);
    }
}

/// The subject may hold a person's number: only the fingerprint is shown.
impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fingerprint = hex::encode(self.fingerprint_sha256());
        write!(f, "Certificate({})", fingerprint.get(..16).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn any_bytes_give_an_answer(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300)) {
            let _ = Certificate::from_pem_or_der(&bytes);
            let _ = super::super::bundle::certificates(&bytes);
        }
    }
}
