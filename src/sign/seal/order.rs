//! What a maker is ordered to make: the request as it was approved, carried to wherever the maker's key is, and what came back
//! held against it.

use super::make::{CREDIT_CODE, MAX_PICTURE, Request, SealRefusal, maker_signature};
use super::register::Purpose;
use crate::crypto::Hash;
use crate::doc::seal::{CertificateList, Seal};
use crate::id::UnifiedSocialCreditCode;
use crate::moment::Moment;
use crate::pki::Certificate;
use crate::pki::build::encode::utf8;
use crate::pki::build::seal::{ListKind, Version};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

/// The form of the file.
const VERSION: u32 = 1;

/// A seal to be made. Octets are Base64.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// The seal's code, `esID`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// 1 of an organisation, 2 of a person.
    pub kind: u32,
    /// `v1`, `v4` or `v5`.
    pub standard: String,
    /// `certificates` or `digests`.
    pub list: String,
    /// The owner's name.
    pub owner: String,
    /// The owner's credit code.
    pub uscc: String,
    /// What it is for.
    pub purpose: String,
    /// Begin of its validity.
    pub valid_from: Moment,
    /// Its end.
    pub valid_until: Moment,
    /// Its picture.
    pub picture: String,
    /// Width in millimetres.
    pub width: u32,
    /// Height in millimetres.
    pub height: u32,
    /// Certificates of those who may use it.
    pub signers: Vec<String>,
}

/// An order as it is exported.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrderFile {
    xinyin_seal_order: u32,
    /// SM3 of the order's canonical JSON, hexadecimal: what was approved.
    pub digest: String,
    /// The order.
    pub order: Order,
}

/// Why a seal is not what was ordered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// No seal, or not to the letter.
    #[error("it cannot be read as a seal to the letter: {0}")]
    Form(String),
    /// The maker's signature does not hold.
    #[error("the maker's signature does not hold")]
    Signature,
    /// A field differs.
    #[error("{0} differs")]
    Field(&'static str),
}

impl OrderFile {
    /// For export.
    pub fn new(order: Order, digest: String) -> Self {
        Self { xinyin_seal_order: VERSION, digest, order }
    }

    /// Reads an exported order. The digest is told, not believed: the register checks what comes back against what it approved.
    pub fn read(octets: &[u8]) -> Result<Self, SealRefusal> {
        let file: Self = serde_json::from_slice(octets).map_err(|_| SealRefusal::Request("this is no exported order for a seal"))?;
        if file.xinyin_seal_order == VERSION {
            Ok(file)
        } else {
            Err(SealRefusal::Request("the order is of a version that is not read here"))
        }
    }
}

impl Order {
    /// What it is for.
    pub fn purpose(&self) -> Option<Purpose> {
        self.purpose.parse().ok()
    }

    /// The picture's octets.
    pub fn picture(&self) -> Result<Vec<u8>, SealRefusal> {
        let octets = STANDARD.decode(&self.picture).map_err(|_| SealRefusal::Picture("the picture is not Base64"))?;
        if octets.len() > MAX_PICTURE { Err(SealRefusal::Picture("the picture is larger than 4 MiB")) } else { Ok(octets) }
    }

    fn version(&self) -> Result<Version, SealRefusal> {
        match self.standard.as_str() {
            "v1" => Ok(Version::V1),
            "v4" => Ok(Version::V4),
            "v5" => Ok(Version::V5),
            _ => Err(SealRefusal::Request("the standard is v1, v4 or v5")),
        }
    }

    fn kind_of_list(&self) -> Result<ListKind, SealRefusal> {
        match self.list.as_str() {
            "certificates" => Ok(ListKind::Certificates),
            "digests" => Ok(ListKind::Digests),
            _ => Err(SealRefusal::Request("the list is certificates or digests")),
        }
    }

    /// The certificates of those who may use it.
    pub fn certificates(&self) -> Result<Vec<Certificate>, SealRefusal> {
        let read = |text: &String| STANDARD.decode(text).ok().and_then(|der| Certificate::from_der(&der).ok());
        let all: Option<Vec<_>> = self.signers.iter().map(read).collect();
        all.ok_or(SealRefusal::Request("a signer's certificate cannot be read"))
    }

    /// The request of a maker.
    ///
    /// # Errors
    /// [`SealRefusal`] where the order cannot be read; [`super::prepare`] checks the rest.
    pub fn request(&self, maker: Certificate, created: Moment) -> Result<Request, SealRefusal> {
        let code = UnifiedSocialCreditCode::parse(&self.uscc).map_err(|_| SealRefusal::Request("the owner's credit code is none"))?;
        if self.purpose().is_none() {
            return Err(SealRefusal::Request("the purpose is none of the catalogue"));
        }
        Ok(Request {
            version: self.version()?,
            id: self.id.clone(),
            kind: self.kind,
            name: self.name.clone(),
            code: Some(code),
            signers: self.certificates()?,
            list: self.kind_of_list()?,
            created: Moment::from_secs(created.secs()),
            from: self.valid_from,
            until: self.valid_until,
            picture: self.picture()?,
            size: (self.width, self.height),
            maker,
        })
    }

    /// Whether a seal is what was ordered, field for field, and made by the maker whom it names. Who that is, is not asked here.
    ///
    /// # Errors
    /// The first [`Mismatch`].
    pub fn check(&self, octets: &[u8]) -> Result<(), Mismatch> {
        let form = |why: &dyn std::fmt::Display| Mismatch::Form(why.to_string());
        let seal = Seal::parse(octets).map_err(|error| form(&error))?;
        if let Some(deviation) = seal.deviations.first() {
            return Err(form(&deviation.words().1));
        }
        maker_signature(&seal).map_err(|_| Mismatch::Signature)?;
        let version = self.version().map_err(|error| form(&error))?;
        let list = self.kind_of_list().map_err(|error| form(&error))?;
        let picture = self.picture().map_err(|error| form(&error))?;
        let signers: Vec<Vec<u8>> = self.signers.iter().map(|text| STANDARD.decode(text).unwrap_or_default()).collect();
        let same_signers = match (&seal.property.signers, list) {
            (CertificateList::Certificates(found), ListKind::Certificates) => found.iter().copied().eq(signers.iter().map(Vec::as_slice)),
            (CertificateList::Digests(found), ListKind::Digests) => {
                found.len() == signers.len()
                    && found.iter().zip(&signers).all(|((_, digest), signer)| *digest == Hash::Sm3.digest(signer).as_slice())
                    && signers.iter().all(|signer| seal.property.signers.lists(signer))
            }
            _ => false,
        };
        let code = utf8(&self.uscc);
        let same_code = matches!(seal.extensions.as_slice(), [only] if only.id == CREDIT_CODE && only.value == code);
        let same: [(&'static str, bool); 9] = [
            ("the standard", seal.version.number() == version as u64),
            ("the code", seal.id == self.id),
            ("the kind", seal.property.kind == u64::from(self.kind)),
            ("the name", seal.property.name == self.name),
            ("the validity", (seal.property.valid_from, seal.property.valid_until) == (self.valid_from, self.valid_until)),
            ("the picture", seal.picture.data == picture),
            ("the size", (seal.picture.width, seal.picture.height) == (u64::from(self.width), u64::from(self.height))),
            ("the list of signers", same_signers),
            ("the owner's credit code or another extension", same_code),
        ];
        same.into_iter().find(|(_, same)| !same).map_or(Ok(()), |(what, _)| Err(Mismatch::Field(what)))
    }
}
