//! Certificates, as the lab's authority and the tests issue them (RFC 5280 §4, GB/T 20518).

use super::encode::{self, explicit, sequence};
use crate::{
    crypto::{Hash, Oid, PublicKey, Scheme, SignError, SignatureAlgorithm, Signer},
    moment::Moment,
    pki::{
        Certificate, CertificateError, Name,
        extensions::{Extension, oid},
        general_name::GeneralName,
        tlv::tag,
    },
};

/// Why nothing was built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The signer failed.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// What was built cannot be read back.
    #[error("what was built cannot be read back: {0}")]
    Unreadable(String),
}

impl From<CertificateError> for BuildError {
    fn from(error: CertificateError) -> Self {
        Self::Unreadable(error.to_string())
    }
}

/// A certificate in the making. Extensions stand in the order in which they are added.
#[derive(Debug, Clone)]
pub struct CertificateBuilder {
    serial: Vec<u8>,
    issuer: Name,
    not_before: Moment,
    not_after: Moment,
    subject: Name,
    key: PublicKey,
    extensions: Vec<Extension>,
    null_parameters: bool,
}

impl CertificateBuilder {
    /// A certificate without extensions. `serial` is an unsigned magnitude of at most 20 octets (RFC 5280 §4.1.2.2).
    pub fn new(issuer: &Name, subject: &Name, key: &PublicKey, serial: &[u8], not_before: Moment, not_after: Moment) -> Self {
        Self {
            serial: serial.to_vec(),
            issuer: issuer.clone(),
            not_before,
            not_after,
            subject: subject.clone(),
            key: key.clone(),
            extensions: Vec::new(),
            null_parameters: false,
        }
    }

    /// Adds any extension; `value` is the contents of extnValue.
    pub fn extension(mut self, oid: Oid, critical: bool, value: Vec<u8>) -> Self {
        self.extensions.push(Extension { oid, critical, value });
        self
    }

    /// Writes NULL parameters into SM2's AlgorithmIdentifier, as most Chinese authorities do; absent is the default.
    pub fn with_null_parameters(mut self) -> Self {
        self.null_parameters = true;
        self
    }

    /// Critical basicConstraints of an authority.
    pub fn authority(self, path_len: Option<u64>) -> Self {
        let path_len = path_len.map_or_else(Vec::new, encode::small_integer);
        self.extension(oid::BASIC_CONSTRAINTS, true, sequence([encode::boolean(true), path_len]))
    }

    /// Critical keyUsage with the bits of [`crate::pki::extensions::KeyUsage`].
    pub fn key_usage(self, bits: &[u8]) -> Self {
        self.extension(oid::KEY_USAGE, true, encode::named_bits(bits))
    }

    /// extKeyUsage.
    pub fn extended_key_usage(self, critical: bool, purposes: &[Oid]) -> Self {
        self.extension(oid::EXTENDED_KEY_USAGE, critical, sequence(purposes.iter().map(encode::oid)))
    }

    /// subjectKeyIdentifier: SHA-1 of the key's bits (RFC 5280 §4.2.1.2).
    pub fn subject_key_id(self) -> Self {
        let id = key_id(&self.key);
        self.extension(oid::SUBJECT_KEY_ID, false, encode::octet_string(&id))
    }

    /// authorityKeyIdentifier of the issuer's key.
    pub fn authority_key_id(self, issuer_key: &PublicKey) -> Self {
        self.extension(oid::AUTHORITY_KEY_ID, false, authority_key_id(issuer_key))
    }

    /// subjectAltName.
    pub fn subject_alt_names(self, names: &[GeneralName]) -> Self {
        self.extension(oid::SUBJECT_ALT_NAME, false, sequence(names.iter().map(GeneralName::to_der)))
    }

    /// cRLDistributionPoints: one point for each URL.
    pub fn crl_urls(self, urls: &[&str]) -> Self {
        let points = urls.iter().map(|url| sequence([explicit(0, &encode::tlv(0xa0, &uri(url)))]));
        let value = sequence(points);
        self.extension(oid::CRL_DISTRIBUTION_POINTS, false, value)
    }

    /// authorityInfoAccess: where OCSP answers and where the issuer's certificate is.
    pub fn authority_access(self, ocsp: &[&str], issuer: &[&str]) -> Self {
        let place = |method: &Oid, url: &&str| sequence([encode::oid(method), uri(url)]);
        let ocsp = ocsp.iter().map(|url| place(&oid::ACCESS_OCSP, url));
        let value = sequence(ocsp.chain(issuer.iter().map(|url| place(&oid::ACCESS_CA_ISSUERS, url))));
        self.extension(oid::AUTHORITY_INFO_ACCESS, false, value)
    }

    /// certificatePolicies without qualifiers.
    pub fn policies(self, policies: &[Oid]) -> Self {
        let value = sequence(policies.iter().map(|policy| sequence([encode::oid(policy)])));
        self.extension(oid::CERTIFICATE_POLICIES, false, value)
    }

    /// ocsp-nocheck (RFC 6960 §4.2.2.2.1).
    pub fn ocsp_no_check(self) -> Self {
        self.extension(oid::OCSP_NO_CHECK, false, encode::null())
    }

    /// A person's citizen number where GB/T 20518 and FJCA put it: IdentifyCode, `[0]` EXPLICIT PrintableString.
    pub fn citizen_number(self, number: &str) -> Self {
        let value = explicit(0, &encode::tlv(tag::PRINTABLE_STRING, number.as_bytes()));
        self.extension(oid::IDENTIFY_CODE, false, value)
    }

    /// An organisation's unified social credit code where GB/T 20518 and FJCA put it: ICRegistrationNumber and OrganizationCode.
    pub fn credit_code(self, code: &str) -> Self {
        self.extension(oid::IC_REGISTRATION, false, encode::tlv(tag::PRINTABLE_STRING, code.as_bytes())).extension(
            oid::ORGANISATION_CODE,
            false,
            encode::utf8(code),
        )
    }

    /// Signs.
    ///
    /// # Errors
    /// The signer failed, or a value given is such that the certificate cannot be read back.
    pub fn sign(self, signer: &dyn Signer) -> Result<Certificate, BuildError> {
        let algorithm = signature_algorithm(signer, self.null_parameters);
        let mut fields = vec![
            explicit(0, &encode::small_integer(2)),
            encode::integer(&self.serial),
            algorithm.identifier_der().to_vec(),
            self.issuer.der().to_vec(),
            sequence([encode::time(self.not_before), encode::time(self.not_after)]),
            self.subject.der().to_vec(),
            self.key.spki().to_vec(),
        ];
        if !self.extensions.is_empty() {
            fields.push(explicit(3, &extensions(&self.extensions)));
        }
        Ok(Certificate::from_der(&signed(&sequence(fields), &algorithm, signer)?)?)
    }
}

/// The algorithm a signer uses, for SM2 with NULL parameters if wished.
pub(super) fn signature_algorithm(signer: &dyn Signer, null_parameters: bool) -> SignatureAlgorithm {
    let algorithm = signer.algorithm();
    if null_parameters && algorithm.scheme() == Scheme::Sm2 { SignatureAlgorithm::sm2_with_null() } else { algorithm }
}

/// SEQUENCE { to be signed, algorithm, signature }.
pub(super) fn signed(tbs: &[u8], algorithm: &SignatureAlgorithm, signer: &dyn Signer) -> Result<Vec<u8>, SignError> {
    let signature = signer.sign(tbs)?;
    Ok(sequence([tbs, algorithm.identifier_der(), &encode::bit_string(&signature)]))
}

/// Extensions, a criticality of FALSE left out as DER wants it.
pub(super) fn extensions(list: &[Extension]) -> Vec<u8> {
    sequence(list.iter().map(|extension| {
        let critical = if extension.critical { encode::boolean(true) } else { Vec::new() };
        sequence([encode::oid(&extension.oid), critical, encode::octet_string(&extension.value)])
    }))
}

/// SHA-1 of the key's bits (RFC 5280 §4.2.1.2, method 1): an index, not a protection.
pub fn key_id(key: &PublicKey) -> Vec<u8> {
    Hash::Sha1.digest(key.bits())
}

/// AuthorityKeyIdentifier with the key identifier alone.
pub(super) fn authority_key_id(key: &PublicKey) -> Vec<u8> {
    sequence([encode::tlv(0x80, &key_id(key))])
}

fn uri(url: &str) -> Vec<u8> {
    encode::tlv(0x86, url.as_bytes())
}
