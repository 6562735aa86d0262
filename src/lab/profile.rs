//! What the lab's certificates look like: names, extensions, places (RFC 5280, GB/T 20518, FJCA's numbers).

use crate::{
    crypto::{KeyKind, Oid, PublicKey, Signer},
    moment::Moment,
    pki::{
        Certificate, Name,
        build::{BuildError, CertificateBuilder, encode},
        extensions::{KeyUsage, oid},
        general_name::GeneralName,
        name::attribute,
    },
    province::anchors::LAB_MARKER,
};
use serde::{Deserialize, Serialize};

/// The unique key number of FJCA (福建CA证书编码): the token's serial number follows the last `@`.
const FJCA_KEY_NUMBER: Oid = Oid::new_unwrap("1.2.156.112578.1");

/// A hierarchy of one kind of key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// SM2 with SM3, double certificates.
    Sm2,
    /// ECDSA on P-256.
    P256,
    /// RSA-2048.
    Rsa,
}

impl Family {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Sm2, Self::P256, Self::Rsa];

    /// As it stands in URLs and file names.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Sm2 => "sm2",
            Self::P256 => "p256",
            Self::Rsa => "rsa",
        }
    }

    /// The kind of its keys.
    pub const fn kind(self) -> KeyKind {
        match self {
            Self::Sm2 => KeyKind::Sm2,
            Self::P256 => KeyKind::P256,
            Self::Rsa => KeyKind::Rsa(2048),
        }
    }
}

/// What a key is for: one half of a double certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Use {
    /// digitalSignature and nonRepudiation.
    Signing,
    /// keyEncipherment, dataEncipherment, keyAgreement: never to sign with.
    Encryption,
}

/// Whom a certificate is for.
#[derive(Clone, Copy)]
pub enum Holder<'a> {
    /// A person: name and citizen number.
    Person(&'a str, &'a str),
    /// An organisation: name and unified social credit code.
    Organisation(&'a str, &'a str),
}

/// An authority as it signs.
#[derive(Clone, Copy)]
pub struct Issuer<'a> {
    /// Its name in URLs.
    pub id: &'a str,
    /// Its certificate; none while it makes its own.
    pub certificate: &'a Certificate,
    /// Its key.
    pub key: &'a dyn Signer,
}

/// Serial number and validity.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    /// Serial number.
    pub serial: [u8; 16],
    /// First second.
    pub from: Moment,
    /// Last second.
    pub to: Moment,
}

/// The public address of this lab, without a trailing slash.
#[derive(Debug, Clone)]
pub struct Places(pub String);

impl Places {
    /// Where an authority's list lies.
    pub fn crl(&self, ca: &str) -> String {
        format!("{}/crl/{ca}.crl", self.0)
    }

    /// Where its responder answers.
    pub fn ocsp(&self, ca: &str) -> String {
        format!("{}/ocsp/{ca}", self.0)
    }

    /// Where its certificate lies.
    pub fn certificate(&self, ca: &str) -> String {
        format!("{}/ca/{ca}.cer", self.0)
    }
}

/// A name within the lab: country, the mark, and what it is.
pub fn lab_name(common: &str) -> Result<Name, BuildError> {
    build_name(&[(attribute::COUNTRY, "CN"), (attribute::ORGANISATION, LAB_MARKER), (attribute::COMMON_NAME, common)])
}

fn build_name(parts: &[(Oid, &str)]) -> Result<Name, BuildError> {
    Name::build(parts).map_err(|error| BuildError::Unreadable(error.to_string()))
}

/// A self-signed root.
pub fn root(name: &Name, key: &dyn Signer, terms: Terms) -> Result<Certificate, BuildError> {
    CertificateBuilder::new(name, name, key.public_key(), &terms.serial, terms.from, terms.to)
        .authority(None)
        .key_usage(&[KeyUsage::KEY_CERT_SIGN, KeyUsage::CRL_SIGN])
        .subject_key_id()
        .sign(key)
}

fn under(issuer: Issuer<'_>, subject: &Name, key: &PublicKey, terms: Terms) -> CertificateBuilder {
    CertificateBuilder::new(issuer.certificate.subject(), subject, key, &terms.serial, terms.from, terms.to)
        .authority_key_id(issuer.key.public_key())
        .subject_key_id()
}

/// An authority that issues to people and organisations; its own status is on the root's list.
pub fn issuing(root: Issuer<'_>, places: &Places, name: &Name, key: &PublicKey, terms: Terms) -> Result<Certificate, BuildError> {
    under(root, name, key, terms)
        .authority(Some(0))
        .key_usage(&[KeyUsage::KEY_CERT_SIGN, KeyUsage::CRL_SIGN])
        .crl_urls(&[&places.crl(root.id)])
        .authority_access(&[], &[&places.certificate(root.id)])
        .sign(root.key)
}

/// A delegated OCSP responder: nobody asks for its own status.
pub fn responder(issuer: Issuer<'_>, name: &Name, key: &PublicKey, terms: Terms) -> Result<Certificate, BuildError> {
    under(issuer, name, key, terms)
        .key_usage(&[KeyUsage::DIGITAL_SIGNATURE])
        .extended_key_usage(false, &[oid::OCSP_SIGNING])
        .ocsp_no_check()
        .sign(issuer.key)
}

/// A time-stamping authority: extendedKeyUsage timeStamping alone, critical (RFC 3161 section 2.3).
pub fn time_stamping(issuer: Issuer<'_>, places: &Places, name: &Name, key: &PublicKey, terms: Terms) -> Result<Certificate, BuildError> {
    revocable(under(issuer, name, key, terms), issuer, places)
        .key_usage(&[KeyUsage::DIGITAL_SIGNATURE, KeyUsage::NON_REPUDIATION])
        .extended_key_usage(true, &[oid::TIME_STAMPING])
        .sign(issuer.key)
}

/// The key that signs the registers' answers.
pub fn answers(issuer: Issuer<'_>, places: &Places, name: &Name, key: &PublicKey, terms: Terms) -> Result<Certificate, BuildError> {
    revocable(under(issuer, name, key, terms), issuer, places).key_usage(&[KeyUsage::DIGITAL_SIGNATURE]).sign(issuer.key)
}

fn revocable(builder: CertificateBuilder, issuer: Issuer<'_>, places: &Places) -> CertificateBuilder {
    builder.crl_urls(&[&places.crl(issuer.id)]).authority_access(&[&places.ocsp(issuer.id)], &[&places.certificate(issuer.id)])
}

/// A certificate of a person or an organisation, with the number where GB/T 20518 and FJCA put it.
pub fn holder(
    issuer: Issuer<'_>,
    places: &Places,
    holder: Holder<'_>,
    key: &PublicKey,
    for_use: Use,
    terms: Terms,
) -> Result<Certificate, BuildError> {
    let subject = match holder {
        Holder::Person(name, _) => build_name(&[(attribute::COUNTRY, "CN"), (attribute::STATE, "福建省"), (attribute::COMMON_NAME, name)])?,
        Holder::Organisation(name, _) => build_name(&[
            (attribute::COUNTRY, "CN"),
            (attribute::STATE, "福建省"),
            (attribute::ORGANISATION, name),
            (attribute::COMMON_NAME, name),
        ])?,
    };
    let bits: &[u8] = match (for_use, key.kind()) {
        (Use::Signing, _) => &[KeyUsage::DIGITAL_SIGNATURE, KeyUsage::NON_REPUDIATION],
        (Use::Encryption, KeyKind::Rsa(_)) => &[KeyUsage::KEY_ENCIPHERMENT, KeyUsage::DATA_ENCIPHERMENT],
        (Use::Encryption, _) => &[KeyUsage::KEY_ENCIPHERMENT, KeyUsage::DATA_ENCIPHERMENT, KeyUsage::KEY_AGREEMENT],
    };
    let builder = revocable(under(issuer, &subject, key, terms), issuer, places).key_usage(bits);
    let builder = match for_use {
        Use::Signing => builder.extended_key_usage(false, &[oid::CLIENT_AUTH, oid::EMAIL_PROTECTION]),
        Use::Encryption => builder,
    };
    let builder = match holder {
        Holder::Person(_, number) => builder.citizen_number(number),
        Holder::Organisation(_, code) => builder.credit_code(code),
    };
    let token: String = terms.serial.iter().take(5).map(|octet| format!("{octet:02X}")).collect();
    let builder = builder.extension(FJCA_KEY_NUMBER, false, encode::utf8(&format!("1@350899LAB@{token}")));
    // Half of China's authorities write NULL parameters; the lab's people carry them, its authorities do not.
    builder.with_null_parameters().sign(issuer.key)
}

/// A TLS server on this machine.
pub fn tls_server(issuer: Issuer<'_>, name: &Name, key: &PublicKey, terms: Terms) -> Result<Certificate, BuildError> {
    under(issuer, name, key, terms)
        .key_usage(&[KeyUsage::DIGITAL_SIGNATURE])
        .extended_key_usage(false, &[oid::SERVER_AUTH])
        .subject_alt_names(&[GeneralName::Dns("localhost".into()), GeneralName::Ip(vec![127, 0, 0, 1])])
        .sign(issuer.key)
}

/// A TLS client.
pub fn tls_client(issuer: Issuer<'_>, name: &Name, key: &PublicKey, terms: Terms) -> Result<Certificate, BuildError> {
    under(issuer, name, key, terms)
        .key_usage(&[KeyUsage::DIGITAL_SIGNATURE])
        .extended_key_usage(false, &[oid::CLIENT_AUTH])
        .subject_alt_names(&[GeneralName::Dns("xinyin.test".into())])
        .sign(issuer.key)
}
