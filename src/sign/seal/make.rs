//! Making a seal: what is asked for is checked, the maker signs, the result is read back.

use crate::crypto::{Oid, Scheme, SignError, SignatureAlgorithm, VerifyError, oid, verify};
use crate::doc::seal::{PictureKind, Seal};
use crate::fault::{Fault, code};
use crate::id::UnifiedSocialCreditCode;
use crate::moment::Moment;
use crate::pki::Certificate;
use crate::pki::build::encode::utf8;
use crate::pki::build::seal::{ListKind, Picture, SealSpec, SealToBeSigned, Version, prepare_seal};

/// The extension that names the owner's credit code: the identifier that GB/T 20518 gives it in certificates. The standards have
/// no field for it.
pub const CREDIT_CODE: Oid = Oid::new_unwrap("1.2.156.10260.4.1.4");

/// Largest picture in a seal.
pub const MAX_PICTURE: usize = 4 << 20;

/// What seal to make.
#[derive(Debug, Clone)]
pub struct Request {
    /// Which standard.
    pub version: Version,
    /// The seal's code, `esID`.
    pub id: String,
    /// 1 of an organisation, 2 of a person; others are agreed locally.
    pub kind: u32,
    /// Name of the seal.
    pub name: String,
    /// The owner's credit code, where the owner is an organisation.
    pub code: Option<UnifiedSocialCreditCode>,
    /// Who may use it.
    pub signers: Vec<Certificate>,
    /// How they are named in it.
    pub list: ListKind,
    /// When it is made.
    pub created: Moment,
    /// Begin of its validity.
    pub from: Moment,
    /// End of its validity.
    pub until: Moment,
    /// Its picture.
    pub picture: Vec<u8>,
    /// Width and height of the picture in millimetres.
    pub size: (u32, u32),
    /// The maker's certificate.
    pub maker: Certificate,
}

/// Why no seal is made.
#[derive(Debug, thiserror::Error)]
pub enum SealRefusal {
    /// The request makes no sense.
    #[error("{0}")]
    Request(&'static str),
    /// A certificate that cannot make or use a seal.
    #[error("{0}: {1}")]
    Certificate(String, &'static str),
    /// A picture that a seal cannot bear.
    #[error("{0}")]
    Picture(&'static str),
    /// The key did not sign.
    #[error(transparent)]
    Key(#[from] SignError),
    /// The finished seal does not hold; it was not handed out.
    #[error("the finished seal does not pass its own check: {0}")]
    Check(String),
}

impl From<SealRefusal> for Fault {
    fn from(refusal: SealRefusal) -> Self {
        let code = match refusal {
            SealRefusal::Request(_) => code::SEAL_REQUEST,
            SealRefusal::Certificate(..) => code::SEAL_CERTIFICATE,
            SealRefusal::Picture(_) => code::SEAL_PICTURE,
            SealRefusal::Key(_) => code::KEY_DEVICE,
            SealRefusal::Check(_) => code::SIGN_CHECK,
        };
        Self::new(code).detail(refusal.to_string())
    }
}

/// How seals name the kind of a picture; `None` for one that readers do not show (SVG and HTML among them).
pub fn picture_kind(data: &[u8]) -> Option<&'static str> {
    let seen = crate::doc::seal::Picture { kind: String::new(), data, width: 1, height: 1 };
    match seen.sniffed() {
        PictureKind::Png => Some("PNG"),
        PictureKind::Jpeg => Some("JPG"),
        PictureKind::Gif => Some("GIF"),
        PictureKind::Bmp => Some("BMP"),
        PictureKind::Ofd => Some("OFD"),
        PictureKind::Other => None,
    }
}

/// A seal that waits for its maker's signature.
#[derive(Debug)]
pub struct Prepared {
    fixed: SealToBeSigned,
    maker: Certificate,
}

/// Checks what is asked for and fixes what the maker signs.
///
/// # Errors
/// [`SealRefusal`] says what is wrong with it.
pub fn prepare(request: &Request) -> Result<Prepared, SealRefusal> {
    use SealRefusal::{Picture as BadPicture, Request as Bad};
    let plain = |text: &str, most: usize| {
        !text.trim().is_empty() && text.trim() == text && text.chars().count() <= most && !text.chars().any(char::is_control)
    };
    if !plain(&request.name, 200) {
        return Err(Bad("the name of a seal has 1 to 200 characters, none of them a control character"));
    }
    if !plain(&request.id, 64) || !request.id.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '-') {
        return Err(Bad("the code of a seal has 1 to 64 letters and digits, normally the region's six digits and eight more"));
    }
    if !(1..=255).contains(&request.kind) {
        return Err(Bad("the kind of a seal is a number from 1 to 255"));
    }
    if request.from >= request.until {
        return Err(Bad("the validity of the seal ends before it begins"));
    }
    if request.until.since(request.from).as_secs() > 20 * 366 * 86_400 {
        return Err(Bad("the validity of the seal is longer than twenty years"));
    }
    if request.version == Version::V1 && request.list == ListKind::Digests {
        return Err(Bad("seals of GM/T 0031-2014 list certificates, not digests"));
    }
    if request.picture.len() > MAX_PICTURE {
        return Err(BadPicture("the picture is larger than 4 MiB"));
    }
    let kind = picture_kind(&request.picture).ok_or(BadPicture("the picture is none of PNG, JPEG, GIF, BMP and OFD"))?;
    if ![request.size.0, request.size.1].iter().all(|side| (5..=200).contains(side)) {
        return Err(BadPicture("the sides of a seal's picture measure 5 to 200 millimetres"));
    }
    certificates(request)?;
    let signers: Vec<Vec<u8>> = request.signers.iter().map(|certificate| certificate.der().to_vec()).collect();
    let extensions: Vec<_> = request.code.iter().map(|code| (CREDIT_CODE, false, utf8(code.expose()))).collect();
    let spec = SealSpec {
        version: request.version,
        vendor: "XINYIN",
        id: &request.id,
        kind: request.kind,
        name: &request.name,
        list: request.list,
        signers: &signers,
        created: request.created,
        from: request.from,
        until: request.until,
        picture: Picture { kind, data: &request.picture, width: request.size.0, height: request.size.1 },
        extensions: &extensions,
        maker: request.maker.der(),
    };
    Ok(Prepared { fixed: prepare_seal(&spec), maker: request.maker.clone() })
}

/// Maker and signers: SM2, for signing, the maker's valid when the seal is made, the signers' at some time of its validity, and no
/// signer of another organisation than the owner.
fn certificates(request: &Request) -> Result<(), SealRefusal> {
    let named = |certificate: &Certificate| crate::id::mask_text(&certificate.subject().display());
    let refused = |certificate: &Certificate, why| Err(SealRefusal::Certificate(named(certificate), why));
    if request.signers.is_empty() || request.signers.len() > crate::doc::seal::MAX_SIGNERS {
        return Err(SealRefusal::Request("a seal lists 1 to 256 certificates of signers"));
    }
    for (place, certificate) in std::iter::once(&request.maker).chain(&request.signers).enumerate() {
        if !certificate.public_key().is_ok_and(|key| Scheme::Sm2.fits(key.kind())) {
            return refused(certificate, "the certificate's key is not SM2");
        }
        if certificate.key_usage().is_some_and(|usage| !usage.signs()) {
            return refused(certificate, "the certificate is not for signing (it may be the encryption certificate of a pair)");
        }
        if place == 0 && !certificate.is_valid_at(request.created) {
            return refused(certificate, "the maker's certificate is not valid at the time of making");
        }
        if place > 0 && (certificate.not_after() <= request.from || certificate.not_before() >= request.until) {
            return refused(certificate, "the signer's certificate is valid at no time at which the seal is");
        }
        if let (true, Some(code), Some(other)) = (place > 0, &request.code, certificate.holder().uscc)
            && code.expose() != other
        {
            return refused(certificate, "the signer's certificate belongs to another organisation than the seal");
        }
        if request.signers.iter().skip(place).any(|other| place > 0 && other.der() == certificate.der()) {
            return refused(certificate, "the certificate is listed twice");
        }
    }
    Ok(())
}

impl Prepared {
    /// The octets that the maker signs.
    pub fn message(&self) -> &[u8] {
        self.fixed.message()
    }

    /// The seal with its maker's signature value over [`Self::message`].
    ///
    /// # Errors
    /// [`SealRefusal::Check`] if it does not read back without deviation, or the signature is not the maker's.
    pub fn finish(self, signature: &[u8]) -> Result<Vec<u8>, SealRefusal> {
        let octets = self.fixed.finish(signature);
        let failed = |why: String| SealRefusal::Check(why);
        let seal = Seal::parse(&octets).map_err(|error| failed(error.to_string()))?;
        if let Some(deviation) = seal.deviations.first() {
            return Err(failed(deviation.words().1.to_owned()));
        }
        if seal.maker != self.maker.der() {
            return Err(failed("it names another maker".into()));
        }
        maker_signature(&seal).map_err(|error| failed(error.to_string()))?;
        Ok(octets)
    }
}

/// Whether the maker's signature holds over the seal as stored (GB/T 38540-2020 section 6, GM/T 0031-2014 section 5). Says
/// nothing about who the maker is.
pub fn maker_signature(seal: &Seal<'_>) -> Result<(), VerifyError> {
    let certificate = Certificate::from_der(seal.maker).map_err(|_| VerifyError::Malformed)?;
    let key = certificate.public_key().map_err(|_| VerifyError::Malformed)?;
    if ![oid::SM2_WITH_SM3, oid::SM2_WITH_SM3_MISTYPED, oid::SM2_SIGN].contains(&seal.algorithm) {
        return Err(VerifyError::Unsupported(seal.algorithm.to_string()));
    }
    verify(key, &SignatureAlgorithm::new(Scheme::Sm2), &seal.to_be_signed(), seal.signature)
}
