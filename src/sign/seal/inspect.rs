//! What a seal says, for people and programs. Numbers of persons are masked. Whom the maker is trusted by is not asked here: that
//! is for the verdict on a document.

use super::make::{CREDIT_CODE, maker_signature};
use crate::crypto::{Hash, VerifyError};
use crate::doc::seal::{CertificateList, Seal};
use crate::fault::{Fault, code};
use crate::id::{UnifiedSocialCreditCode, mask_text};
use crate::moment::Moment;
use crate::pki::tlv::{Tlv, tag};
use crate::pki::{Certificate, HolderKind};
use serde::Serialize;

/// Largest file that is read as a seal.
pub const MAX_SEAL: usize = 16 << 20;

/// A certificate in a seal, or the digest of one.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Listed {
    /// A certificate.
    Certificate {
        /// Its subject.
        subject: String,
        /// `person`, `organisation` or `unknown`.
        kind: &'static str,
        /// Whom it names.
        name: String,
        /// A person's number, masked.
        id_masked: Option<String>,
        /// An organisation's credit code.
        uscc: Option<String>,
        /// Its issuer.
        issuer: String,
        /// Its serial number, hexadecimal.
        serial: String,
        /// Begin of its validity.
        valid_from: Moment,
        /// End of its validity.
        valid_until: Moment,
        /// Its SHA-256, hexadecimal.
        cert_sha256: String,
    },
    /// A digest.
    Digest {
        /// The algorithm as the seal names it.
        algorithm: String,
        /// The digest, hexadecimal.
        digest: String,
    },
    /// Octets that are no certificate.
    Unreadable {
        /// How many.
        unreadable_octets: usize,
    },
}

/// The picture of a seal.
#[derive(Debug, Serialize)]
pub struct PictureFacts {
    /// The kind that the seal names.
    pub kind: String,
    /// What its octets are.
    pub is: String,
    /// Width in millimetres.
    pub width: u64,
    /// Height in millimetres.
    pub height: u64,
    /// Its octets, counted.
    pub octets: usize,
    /// Their SHA-256, hexadecimal.
    pub sha256: String,
}

/// Something to know about a seal.
#[derive(Debug, Serialize)]
pub struct Warning {
    /// In Chinese.
    pub zh: String,
    /// In English.
    pub en: String,
}

/// What a seal says; the order of the fields is that of the JSON.
#[derive(Debug, Serialize)]
pub struct Inspection {
    /// SHA-256 of the file, hexadecimal.
    pub sha256: String,
    /// The standard it follows.
    pub standard: &'static str,
    /// 1, 4 or 5, as its header says.
    pub version: u64,
    /// Who made the program.
    pub vendor: String,
    /// Its code.
    pub id: String,
    /// 1 organisation, 2 person, others by agreement.
    pub kind: u64,
    /// Its name.
    pub name: String,
    /// The owner's credit code, where the seal itself states it.
    pub uscc: Option<String>,
    /// When it was made.
    pub created: Moment,
    /// Begin of its validity.
    pub valid_from: Moment,
    /// End of its validity.
    pub valid_until: Moment,
    /// `not-yet-valid`, `valid` or `expired` by its own dates; whether it was suspended or revoked only its register knows.
    pub now: &'static str,
    /// `intact`, `broken` or `unsupported`.
    pub maker_signature: &'static str,
    /// Who made it.
    pub maker: Listed,
    /// Who may sign with it.
    pub signers: Vec<Listed>,
    /// Its picture.
    pub picture: PictureFacts,
    /// Identifiers of its extensions.
    pub extensions: Vec<String>,
    /// Whether it bears a time-stamp (version 5); its worth is judged with a document.
    pub timestamp: bool,
    /// What departs from the standard or will keep it from being used.
    pub warnings: Vec<Warning>,
}

/// Reads a seal and says what it says at a moment.
///
/// # Errors
/// `SEAL_UNREADABLE`: the octets are no seal.
pub fn inspect(octets: &[u8], at: Moment) -> Result<Inspection, Fault> {
    let unreadable = |why: String| Fault::new(code::SEAL_UNREADABLE).detail(why);
    if octets.len() > MAX_SEAL {
        return Err(unreadable("larger than 16 MiB".into()));
    }
    let seal = Seal::parse(octets).map_err(|error| unreadable(error.to_string()))?;
    let property = &seal.property;
    let mut warnings: Vec<Warning> = seal.deviations.iter().map(|deviation| warning(deviation.words())).collect();
    let signers: Vec<Listed> = match &property.signers {
        CertificateList::Certificates(list) => list.iter().map(|der| listed(der)).collect(),
        CertificateList::Digests(list) => {
            let one = |(algorithm, digest): &(String, &[u8])| Listed::Digest { algorithm: algorithm.clone(), digest: hex::encode(digest) };
            list.iter().map(one).collect()
        }
    };
    if signers.is_empty() {
        warnings.push(warning(("印章没有签章者，任何人都不能使用", "the seal lists no signer: nobody can use it")));
    }
    let maker_signature = match maker_signature(&seal) {
        Ok(()) => "intact",
        Err(VerifyError::Unsupported(_)) => "unsupported",
        Err(_) => "broken",
    };
    let now = match at {
        _ if property.valid_from >= property.valid_until => "expired",
        at if at < property.valid_from => "not-yet-valid",
        at if at > property.valid_until => "expired",
        _ => "valid",
    };
    if property.valid_from >= property.valid_until {
        warnings.push(warning(("有效期的终止不晚于起始", "the validity does not end after it begins")));
    }
    dates(&seal, at, &mut warnings);
    let uscc = seal.extensions.iter().find(|extension| extension.id == CREDIT_CODE).and_then(|extension| credit_code(extension.value));
    if seal.extensions.iter().any(|extension| extension.critical && extension.id != CREDIT_CODE) {
        warnings.push(warning(("含有未知的关键扩展", "an unknown extension is marked critical")));
    }
    Ok(Inspection {
        sha256: hex::encode(Hash::Sha256.digest(octets)),
        standard: seal.version.standard(),
        version: seal.header.version,
        vendor: mask_text(&seal.header.vendor),
        id: mask_text(&seal.id),
        kind: property.kind,
        name: mask_text(&property.name),
        uscc,
        created: property.created,
        valid_from: property.valid_from,
        valid_until: property.valid_until,
        now,
        maker_signature,
        maker: listed(seal.maker),
        signers,
        picture: PictureFacts {
            kind: seal.picture.kind.clone(),
            is: format!("{:?}", seal.picture.sniffed()).to_lowercase(),
            width: seal.picture.width,
            height: seal.picture.height,
            octets: seal.picture.data.len(),
            sha256: hex::encode(Hash::Sha256.digest(seal.picture.data)),
        },
        extensions: seal.extensions.iter().map(|extension| extension.id.to_string()).collect(),
        timestamp: seal.timestamp.is_some(),
        warnings,
    })
}

fn warning((zh, en): (&str, &str)) -> Warning {
    Warning { zh: zh.into(), en: en.into() }
}

/// Certificates that do not cover what they should.
fn dates(seal: &Seal<'_>, at: Moment, warnings: &mut Vec<Warning>) {
    if let Ok(maker) = Certificate::from_der(seal.maker) {
        if !maker.is_valid_at(seal.property.created) {
            let text = ("制章时制章者证书不在有效期内", "the maker's certificate was not valid when the seal was made");
            warnings.push(warning(text));
        }
        if maker.key_usage().is_some_and(|usage| !usage.signs()) {
            warnings.push(warning(("制章者证书不能用于签名", "the maker's certificate is not for signing")));
        }
    }
    if let CertificateList::Certificates(list) = &seal.property.signers {
        let usable = |der: &&&[u8]| Certificate::from_der(der).is_ok_and(|certificate| certificate.is_valid_at(at));
        if !list.is_empty() && list.iter().filter(usable).count() == 0 {
            let text = ("签章者证书此刻均不在有效期内", "no signer's certificate is valid at this moment");
            warnings.push(warning(text));
        }
    }
}

/// The value of our extension: a string, or bare text.
fn credit_code(value: &[u8]) -> Option<String> {
    let text = match Tlv::parse(value) {
        Ok(inner) if [tag::UTF8_STRING, tag::PRINTABLE_STRING, tag::IA5_STRING].contains(&inner.tag) => inner.value,
        _ => value,
    };
    let code = UnifiedSocialCreditCode::parse(std::str::from_utf8(text).ok()?).ok()?;
    Some(code.expose().to_owned())
}

fn listed(der: &[u8]) -> Listed {
    let Ok(certificate) = Certificate::from_der(der) else { return Listed::Unreadable { unreadable_octets: der.len() } };
    let holder = certificate.holder();
    Listed::Certificate {
        subject: mask_text(&certificate.subject().display()),
        kind: match holder.kind {
            HolderKind::Person => "person",
            HolderKind::Organisation => "organisation",
            HolderKind::Unknown => "unknown",
        },
        name: mask_text(&holder.name),
        id_masked: holder.masked_number(),
        uscc: holder.uscc,
        issuer: mask_text(&certificate.issuer().display()),
        serial: certificate.serial_hex(),
        valid_from: certificate.not_before(),
        valid_until: certificate.not_after(),
        cert_sha256: hex::encode(certificate.fingerprint_sha256()),
    }
}
