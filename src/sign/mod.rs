//! Signing: prepare → [`Prepared`] (single use) → finish → a time-stamp where asked for → checked output.
//!
//! ```text
//! let prepared = prepare(document, &request, nonce)?;   // everything the signature covers is fixed
//! prepared.rehearse(document)?;                         // built once with a worthless value: shape and digests hold
//! let signed = prepared.finish(key.sign(prepared.message())?);
//! let output = signed.complete(document, None)?;        // judged by our own reader; only then is it handed out
//! ```
//!
//! Levels above B-T are raised on what is signed: [`material()`] collects what validates it, [`add_material`] puts it in, [`archive`]
//! stamps the whole; `xinyin extend` does the same to signatures of others.
//!
//! The document is never held whole: a signed PDF is the original, octet for octet, and what follows it.
//! No clock, dice, key or network here: time, nonce, signature value and time-stamp come from the caller.

mod check;
mod material;
mod ofd;
mod output;
mod pdf;
mod picture;
mod raise;
mod refusal;
pub mod seal;
mod stamp;

pub use crate::doc::pdf::mdp::Lock;
pub use material::{Material, material};
pub use ofd::{MAX_PACKAGE, Place};
pub use output::{Joined, Output};
pub use pdf::Mark;
pub use picture::Picture;
pub use raise::{Stamping, add_material, archive, stamp};
pub use refusal::Refusal;
pub use stamp::{TimestampRequest, token_of};

use crate::crypto::{Hash, KeyKind, SignatureAlgorithm};
use crate::doc::seal::Seal;
use crate::doc::source::ByteSource;
use crate::doc::{ReadOptions, read};
use crate::moment::Moment;
use crate::pki::Certificate;
use crate::pki::build::cms::{self, Content, Dialect, IssuerSerial, SignedDataSpec, digest_for};
use crate::pki::build::seal::{StampSpec, StampToBeSigned, Stamped, prepare_stamp};
use std::sync::Arc;

/// Largest document that is put into a signature as a whole; larger ones are signed detached.
pub const MAX_ATTACHED: u64 = 64 << 20;

/// What kind of signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// In a PDF: ETSI.CAdES.detached, or `adbe.pkcs7.detached` with a GB/T 35275 message for SM2.
    Pades,
    /// SignedData with CAdES attributes (ETSI EN 319 122-1).
    Cades,
    /// Plain SignedData (RFC 5652).
    Cms,
    /// SignedData with the identifiers of GB/T 35275; SM2 only.
    GmCms,
    /// In an OFD package (GB/T 33190): with a seal its SES_Signature (GB/T 38540, GM/T 0031), without one a detached GB/T 35275
    /// message over Signature.xml; SM2 only.
    Ofd,
    /// SES_Signature in a PDF, under the names that readers of electronic seals know (`Gomain.GMPkiLite`, `GM.sm2seal`); SM2 only.
    Ses,
}

impl Format {
    /// As the command line names it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pades => "pades",
            Self::Cades => "cades",
            Self::Cms => "cms",
            Self::GmCms => "gm-cms",
            Self::Ofd => "ofd",
            Self::Ses => "ses",
        }
    }

    /// Whether the signature stands in a PDF.
    const fn in_pdf(self) -> bool {
        matches!(self, Self::Pades | Self::Ses)
    }
}

/// How much is put around a signature (EN 319 122-1, EN 319 142-1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// The signature alone.
    B,
    /// With a time-stamp over its value.
    T,
    /// With the certificates and revocation data that validate it.
    Lt,
    /// With a time-stamp over all of it.
    Lta,
}

impl Level {
    /// Every level, lowest first.
    pub const ALL: [Self; 4] = [Self::B, Self::T, Self::Lt, Self::Lta];

    /// As the standards and the command line name it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::B => "B-B",
            Self::T => "B-T",
            Self::Lt => "B-LT",
            Self::Lta => "B-LTA",
        }
    }
}

impl std::str::FromStr for Level {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Self, Refusal> {
        let found = Self::ALL.into_iter().find(|level| level.name() == text);
        found.ok_or(Refusal::Request("the levels are B-B, B-T, B-LT and B-LTA"))
    }
}

/// What to make.
#[derive(Debug, Clone)]
pub struct Request {
    /// What kind.
    pub format: Format,
    /// How much around it.
    pub level: Level,
    /// Whether the content stays outside (not for PDF).
    pub detached: bool,
    /// The signer's certificate.
    pub certificate: Certificate,
    /// Certificates for the verifier's path, put in beside it.
    pub chain: Vec<Certificate>,
    /// How the key signs.
    pub algorithm: SignatureAlgorithm,
    /// The time of signing that is stated.
    pub at: Moment,
    /// Why (PDF).
    pub reason: Option<String>,
    /// Where (PDF).
    pub place: Option<String>,
    /// A mark to be seen on a page (PDF).
    pub mark: Option<Mark>,
    /// A picture in the mark (PDF).
    pub picture: Option<Picture>,
    /// A font file for the words of the mark: they are drawn from its outlines, so that every reader shows them. Without one the
    /// reader's own Chinese font is named (PDF).
    pub font: Option<Arc<[u8]>>,
    /// The name of the field: an empty one that stands in the form, or a new one (PDF).
    pub field: Option<String>,
    /// Certifies the document (DocMDP): 1 nothing may change, 2 forms may be filled in and signed, 3 annotations too (PDF).
    pub certify: Option<u8>,
    /// Fields that may not change any more (FieldMDP; PDF). [`Lock::All`] in OFD: no signature may follow.
    pub lock: Option<Lock>,
    /// The electronic seal that is used, DER (OFD; PDF, where its picture is the mark).
    pub seal: Option<Arc<[u8]>>,
    /// Where its mark is seen; none given: at the lower right of the last page (OFD; in PDF a corner alone, or [`Self::mark`]).
    pub places: Vec<Place>,
    /// Which document of the package, from 1; the first if not said (OFD).
    pub document: Option<u32>,
}

impl Request {
    /// A plain signature: level B-B, content inside, nothing to be seen.
    pub const fn new(format: Format, certificate: Certificate, algorithm: SignatureAlgorithm, at: Moment) -> Self {
        Self {
            format,
            level: Level::B,
            detached: false,
            certificate,
            chain: Vec::new(),
            algorithm,
            at,
            reason: None,
            place: None,
            mark: None,
            picture: None,
            font: None,
            field: None,
            certify: None,
            lock: None,
            seal: None,
            places: Vec::new(),
            document: None,
        }
    }
}

/// What the key signs.
#[derive(Debug, Clone)]
enum ToBeSigned {
    /// The signed attributes of a SignedData.
    Cms(cms::ToBeSigned),
    /// TBS_Sign of a signature with a seal.
    Seal(StampToBeSigned),
}

impl ToBeSigned {
    fn message(&self) -> &[u8] {
        match self {
            Self::Cms(fixed) => fixed.message(),
            Self::Seal(fixed) => fixed.message(),
        }
    }

    fn finish(self, signature: Vec<u8>) -> Value {
        match self {
            Self::Cms(fixed) => Value::Cms(fixed.finish(signature)),
            Self::Seal(fixed) => Value::Seal(fixed.finish(signature)),
        }
    }
}

/// The same with its signature value.
#[derive(Debug)]
enum Value {
    Cms(cms::Signed),
    Seal(Stamped),
}

impl Value {
    fn signature(&self) -> &[u8] {
        match self {
            Self::Cms(signed) => signed.signature(),
            Self::Seal(signed) => signed.signature(),
        }
    }

    fn encode(&self, token: Option<&[u8]>) -> Vec<u8> {
        match self {
            Self::Cms(signed) => signed.encode(token),
            Self::Seal(signed) => signed.encode(token),
        }
    }
}

/// A signature fixed but for its value. Using it up is the only way on: one preparation, one signature.
#[derive(Debug)]
pub struct Prepared {
    to_be_signed: ToBeSigned,
    body: Body,
    terms: Terms,
}

/// Where the SignedData goes.
#[derive(Debug, Clone)]
enum Body {
    /// It is the output.
    Alone,
    /// Into the space kept free in an update of the PDF.
    Pdf(pdf::Update),
    /// Into a package.
    Ofd(Box<ofd::Update>),
}

/// What the checks of the output need to know.
#[derive(Debug, Clone)]
struct Terms {
    format: Format,
    level: Level,
    detached: bool,
    certificate: Certificate,
    content_digest: Vec<u8>,
    digest: Hash,
    /// Signatures that stood in the document before.
    earlier: Vec<check::Earlier>,
    /// Whether it is made with a seal.
    sealed: bool,
}

/// Fixes everything that a signature over `document` covers. `nonce` only makes the update of a PDF unique.
///
/// # Errors
/// [`Refusal`]: a certificate that may not sign or is not valid at the time stated, a document that cannot take a signature.
pub fn prepare(document: &dyn ByteSource, request: &Request, nonce: [u8; 16]) -> Result<Prepared, Refusal> {
    check::certificate(request)?;
    let digest = digest_for(&request.algorithm);
    let is_sm2 = request.certificate.public_key().is_ok_and(|key| key.kind() == KeyKind::Sm2);
    let only_pdf = request.field.is_some() || request.certify.is_some() || request.picture.is_some();
    let lock = request.lock.is_some() && request.format != Format::Ofd;
    if !request.format.in_pdf() && (only_pdf || lock) {
        return Err(Refusal::Request("fields, locks, certification and pictures are for PDF"));
    }
    if request.certify.is_some_and(|level| !(1..=3).contains(&level)) {
        return Err(Refusal::Request("a certification permits 1 nothing, 2 filling in and signing, 3 annotations too"));
    }
    if request.format == Format::GmCms && !is_sm2 {
        return Err(Refusal::Request("the GB/T 35275 format is for SM2 keys; use --format cades"));
    }
    let seal = request.seal.as_deref().map(|octets| check::seal(request, octets)).transpose()?;
    if request.format == Format::Ofd {
        return prepare_ofd(document, request, seal.as_ref());
    }
    if request.document.is_some() || !request.places.is_empty() && seal.is_none() {
        return Err(Refusal::Request("documents of a package, and places of a seal that is not given"));
    }
    let with_seal;
    let request = match &seal {
        None if request.format == Format::Ses => return Err(Refusal::Request("this format is a seal's; name one with --seal")),
        None => request,
        Some(_) if !request.format.in_pdf() || !is_sm2 => return Err(Refusal::Request("seals are for OFD and PDF, with SM2 keys")),
        Some(seal) => {
            with_seal = pdf::sealed(document, request, seal)?;
            &with_seal
        }
    };
    if request.format == Format::Ses && request.level > Level::T {
        return Err(Refusal::Request("a seal's signature has no place for validation material: B-T is its highest level"));
    }
    let earlier = if request.format.in_pdf() { check::earlier(&read(document, &ReadOptions::default())?) } else { Vec::new() };
    let chain: Vec<Vec<u8>> = request.chain.iter().map(|certificate| certificate.der().to_vec()).collect();
    let spec = |content| SignedDataSpec {
        dialect: if is_sm2 && matches!(request.format, Format::GmCms | Format::Pades) { Dialect::Gm } else { Dialect::Cms },
        digest,
        chain: &chain,
        // PAdES states the time in the signature dictionary instead (EN 319 142-1 section 6.3); a GB/T 35275 message in a PDF
        // is no PAdES, and its readers look for the attribute.
        signing_time: (request.format != Format::Pades || is_sm2).then_some(request.at),
        signing_certificate: (request.format != Format::Cms).then_some(IssuerSerial::Included),
        ..SignedDataSpec::new(&request.algorithm, request.certificate.der(), content)
    };
    let (to_be_signed, body, content_digest) = match request.format {
        Format::Ses => {
            let Some(seal) = &seal else { return Err(Refusal::Request("this format is a seal's; name one with --seal")) };
            let spec = |content: &[u8], property: &str| {
                prepare_stamp(&StampSpec {
                    version: seal.version.into(),
                    seal: seal.raw,
                    at: request.at,
                    digest: content,
                    property,
                    certificate: request.certificate.der(),
                })
            };
            // What is protected is named by its ranges: at most the sixty-four characters that are kept for them.
            let without = spec(&[0; 32], &"0".repeat(64)).finish(check::worthless(&request.certificate)).encode(None).len();
            let update = pdf::prepare(document, request, &nonce, room(without, request))?;
            let content = update.digest(document, Hash::Sm3)?;
            (ToBeSigned::Seal(spec(&content, &update.ranges())), Body::Pdf(update), content)
        }
        Format::Pades => {
            let room = space(&spec(Content::Detached(vec![0; digest.len()])), request)?;
            let update = pdf::prepare(document, request, &nonce, room)?;
            let content = update.digest(document, digest)?;
            (ToBeSigned::Cms(cms::prepare(&spec(Content::Detached(content.clone())))?), Body::Pdf(update), content)
        }
        Format::Ofd => return Err(Refusal::Request("an OFD package holds its signature")),
        _ if request.detached => {
            let mut hasher = digest.hasher();
            document.stream(0, document.len(), &mut |piece| hasher.update(piece))?;
            let content = hasher.finish();
            (ToBeSigned::Cms(cms::prepare(&spec(Content::Detached(content.clone())))?), Body::Alone, content)
        }
        _ => {
            if document.len() > MAX_ATTACHED {
                return Err(Refusal::TooLarge);
            }
            let whole = document.slice(0, usize::try_from(document.len()).map_err(|_| Refusal::TooLarge)?)?;
            (ToBeSigned::Cms(cms::prepare(&spec(Content::Attached(&whole)))?), Body::Alone, digest.digest(&whole))
        }
    };
    let terms = Terms {
        format: request.format,
        level: request.level,
        detached: request.detached,
        certificate: request.certificate.clone(),
        content_digest,
        digest,
        earlier,
        sealed: request.format == Format::Ses,
    };
    Ok(Prepared { to_be_signed, body, terms })
}

/// The same for an OFD package.
fn prepare_ofd(document: &dyn ByteSource, request: &Request, seal: Option<&Seal<'_>>) -> Result<Prepared, Refusal> {
    if request.detached || request.mark.is_some() || request.reason.is_some() || request.place.is_some() {
        return Err(Refusal::Request(
            "an OFD package holds its signature, and has no place for a reason, a place or a mark without a seal",
        ));
    }
    if request.level > Level::T {
        return Err(Refusal::Request("OFD has no place for validation material: B-T is its highest level; keep frozen evidence beside it"));
    }
    if !request.places.is_empty() && seal.is_none() {
        return Err(Refusal::Request("only a seal has places to be seen at; name one with --seal"));
    }
    if request.certificate.public_key().is_ok_and(|key| key.kind() != KeyKind::Sm2) {
        return Err(Refusal::Request("OFD packages are signed with SM2 keys"));
    }
    let facts = read(document, &ReadOptions::default())?;
    ofd::examine(&facts)?;
    let update = ofd::prepare(document, request, &facts, seal)?;
    let content_digest = ofd::DIGEST.digest(&update.description);
    let to_be_signed = match seal {
        Some(seal) => ToBeSigned::Seal(prepare_stamp(&StampSpec {
            version: seal.version.into(),
            seal: seal.raw,
            at: request.at,
            digest: &content_digest,
            property: &update.path,
            certificate: request.certificate.der(),
        })),
        None => {
            let chain: Vec<Vec<u8>> = request.chain.iter().map(|certificate| certificate.der().to_vec()).collect();
            ToBeSigned::Cms(cms::prepare(&SignedDataSpec {
                dialect: Dialect::Gm,
                digest: ofd::DIGEST,
                chain: &chain,
                signing_time: Some(request.at),
                signing_certificate: Some(IssuerSerial::Included),
                ..SignedDataSpec::new(&request.algorithm, request.certificate.der(), Content::Detached(content_digest.clone()))
            })?)
        }
    };
    let terms = Terms {
        format: request.format,
        level: request.level,
        detached: false,
        certificate: request.certificate.clone(),
        content_digest,
        digest: ofd::DIGEST,
        earlier: check::earlier(&facts),
        sealed: seal.is_some(),
    };
    Ok(Prepared { to_be_signed, body: Body::Ofd(Box::new(update)), terms })
}

/// Why the document cannot be signed.
const fn no(zh: &'static str, en: &'static str) -> Refusal {
    Refusal::Document((zh, en))
}

/// Octets that the SignedData may take at most, the time-stamp to come included.
fn space(spec: &SignedDataSpec<'_>, request: &Request) -> Result<usize, Refusal> {
    let without = cms::prepare(spec)?.finish(check::worthless(&request.certificate)).encode(None).len();
    Ok(room(without, request))
}

/// Signature values differ by a few octets; tokens with their certificates take three to eight thousand.
fn room(without: usize, request: &Request) -> usize {
    without + 64 + if request.level >= Level::T { 16 << 10 } else { 0 }
}

impl Prepared {
    /// The octets to sign: DER of the signed attributes, or of TBS_Sign.
    pub fn message(&self) -> &[u8] {
        self.to_be_signed.message()
    }

    /// What kind of signature it will be.
    pub const fn format(&self) -> Format {
        self.terms.format
    }

    /// Digest of the document that the signature covers, with its algorithm: for the record of the intention.
    pub fn content_digest(&self) -> (Hash, &[u8]) {
        (self.terms.digest, &self.terms.content_digest)
    }

    /// Identifiers of the signatures that stood in the document before.
    pub fn earlier(&self) -> Vec<String> {
        self.terms.earlier.iter().map(|entry| entry.id.clone()).collect()
    }

    /// Builds the output once with a worthless signature value and reads it back: its shape and digests must hold, and earlier
    /// signatures must stay as they were, before the key is asked for anything.
    ///
    /// # Errors
    /// [`Refusal::Check`] says what does not hold.
    pub fn rehearse(&self, document: &dyn ByteSource) -> Result<(), Refusal> {
        let signature = check::worthless(&self.terms.certificate);
        let message = self.to_be_signed.clone().finish(signature).encode(None);
        let output = assemble(self.body.clone(), message)?;
        check::rehearsal(document, &output, &self.terms)
    }

    /// Takes the signature value over [`Self::message`] (DER pair for SM2 and ECDSA).
    pub fn finish(self, signature: Vec<u8>) -> Signed {
        Signed { message: self.to_be_signed.finish(signature), body: self.body, terms: self.terms }
    }
}

/// A signed document but for its time-stamp and its last check.
#[derive(Debug)]
pub struct Signed {
    message: Value,
    body: Body,
    terms: Terms,
}

impl Signed {
    /// What to ask a time-stamp authority; `None` if the level needs no time-stamp. `nonce` must be fresh.
    pub fn timestamp_request(&self, nonce: [u8; 16]) -> Option<TimestampRequest> {
        (self.terms.level >= Level::T).then(|| TimestampRequest::new(self.terms.digest, self.message.signature(), nonce))
    }

    /// Puts everything together and judges the result: only an intact one comes out.
    ///
    /// # Errors
    /// [`Refusal`]: a missing or unfitting time-stamp, or an output that our own reader does not find intact.
    pub fn complete(self, document: &dyn ByteSource, token: Option<&[u8]>) -> Result<Output, Refusal> {
        if (self.terms.level >= Level::T) != token.is_some() {
            return Err(Refusal::Timestamp("the level asks for a time-stamp".into()));
        }
        let output = assemble(self.body, self.message.encode(token))?;
        check::output(document, &output, &self.terms)?;
        Ok(output)
    }
}

fn assemble(body: Body, message: Vec<u8>) -> Result<Output, Refusal> {
    match body {
        Body::Alone => Ok(Output { continues: false, octets: message }),
        Body::Pdf(update) => Ok(Output { continues: true, octets: update.fill(&message)? }),
        Body::Ofd(update) => Ok(Output { continues: false, octets: update.fill(&message)? }),
    }
}
