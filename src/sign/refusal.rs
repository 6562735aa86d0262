//! Why no signature is made.

use crate::crypto::SignError;
use crate::crypto::tlv::TlvError;
use crate::doc::pdf::input::{PdfError, Words};
use crate::fault::{Fault, code};
use crate::moment::Moment;
use crate::pki::signed_data::SignedDataError;

/// Why no signature is made.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The request itself makes no sense.
    #[error("{0}")]
    Request(&'static str),
    /// The certificate cannot be read.
    #[error("the certificate cannot be read: {0}")]
    Certificate(#[from] TlvError),
    /// The certificate's key usage has neither digitalSignature nor nonRepudiation: an encryption certificate.
    #[error("the certificate is not for signing (its key usage has neither digitalSignature nor nonRepudiation)")]
    NotForSigning,
    /// The certificate's key and the algorithm do not go together.
    #[error("the key of the certificate does not go with the way of signing")]
    OtherKey,
    /// The time stated lies before the certificate's validity.
    #[error("the certificate is not valid before {0}")]
    NotYetValid(Moment),
    /// The time stated lies after the certificate's validity.
    #[error("the certificate expired at {0}")]
    Expired(Moment),
    /// The document cannot be put into a signature as a whole.
    #[error("the document is too large to be put into the signature; use --detached")]
    TooLarge,
    /// The document is no PDF that can be signed.
    #[error("the PDF cannot be read: {0}")]
    Pdf(#[from] PdfError),
    /// The PDF can be read, but must not or cannot be signed.
    #[error("{}", .0.1)]
    Document(Words),
    /// The package is not in order, Chinese and English.
    #[error("{1}")]
    Package(String, String),
    /// The octets given as a seal are none, or a broken one.
    #[error("the seal: {0}")]
    Seal(String),
    /// The seal does not list the signer's certificate.
    #[error("the seal lists {0} certificates, and the signer's is none of them")]
    SealNotYours(usize),
    /// The seal is not valid at the time stated.
    #[error("the seal is valid from {0} to {1}")]
    SealOutOfForce(Moment, Moment),
    /// The time-stamp is missing or does not fit.
    #[error("the time-stamp: {0}")]
    Timestamp(String),
    /// The signature that stands there cannot be raised to the level asked for.
    #[error("{0}")]
    Level(String),
    /// The picture for a mark cannot be used.
    #[error("the picture: {0}")]
    Picture(String),
    /// The message cannot be read.
    #[error(transparent)]
    Message(#[from] SignedDataError),
    /// The output does not hold; nothing was released.
    #[error("the signed document did not pass its own check: {0}")]
    Check(String),
    /// The document could not be read.
    #[error("the document could not be read: {0}")]
    Io(#[from] std::io::Error),
    /// The key did not sign.
    #[error(transparent)]
    Key(#[from] SignError),
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        let code = match refusal {
            Refusal::Request(_) => code::SIGN_REQUEST,
            Refusal::Certificate(_) | Refusal::NotForSigning | Refusal::OtherKey | Refusal::NotYetValid(_) | Refusal::Expired(_) => {
                code::SIGN_CERTIFICATE
            }
            Refusal::TooLarge | Refusal::Pdf(_) | Refusal::Document(_) | Refusal::Package(..) | Refusal::Message(_) => code::SIGN_DOCUMENT,
            Refusal::Seal(_) => code::SEAL_UNREADABLE,
            Refusal::SealNotYours(_) => code::SEAL_NOT_YOURS,
            Refusal::SealOutOfForce(..) => code::SEAL_OUT_OF_FORCE,
            Refusal::Level(_) => code::SIGN_LEVEL,
            Refusal::Picture(_) => code::SIGN_PICTURE,
            Refusal::Timestamp(_) => code::SIGN_TIMESTAMP,
            Refusal::Check(_) => code::SIGN_CHECK,
            Refusal::Io(_) => code::FILE,
            Refusal::Key(_) => code::KEY_DEVICE,
        };
        Self::new(code).detail(refusal.to_string())
    }
}
