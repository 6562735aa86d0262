//! What a document says about itself, before anything is believed: signatures, certificates, times, coverage, changes.
//!
//! A reader ([`super::read`], `doc::pdf`) fills these; `verify::judge` weighs them. Facts hold the outcome of digest and
//! signature arithmetic ([`Integrity`]), because that needs the bytes, but no opinion on trust.

use super::source::ByteSource;
use crate::{crypto::Hash, moment::Moment, pki::Certificate};
use der::asn1::ObjectIdentifier as Oid;
use std::{ops::Range, sync::Arc, time::Duration};

/// Names an object: SHA-256 of its octets; of a signature, of its value.
pub type Id = [u8; 32];

/// A parsed document.
#[derive(Debug, Clone)]
pub struct Facts {
    /// What kind of document.
    pub format: Format,
    /// SHA-256 of the whole file.
    pub sha256: [u8; 32],
    /// Length of the file in octets.
    pub length: u64,
    /// How many octets of structure were parsed or inflated to read it, where the reader counts; no part of a verdict.
    pub work: u64,
    /// Signatures, seals and document time-stamps in document order.
    pub signatures: Vec<SignatureFacts>,
    /// Set if the file itself is a time-stamp (`.tst`, `.tsr`): it is then judged as one.
    pub timestamp: Option<Box<TimestampFacts>>,
    /// Certificates that the document carries beside its signatures (a DSS dictionary, for example).
    pub certificates: Vec<Certificate>,
    /// CRLs likewise, DER.
    pub crls: Vec<Vec<u8>>,
    /// OCSP responses likewise, DER.
    pub ocsps: Vec<Vec<u8>>,
    /// What is wrong with the document as a whole.
    pub problems: Vec<Problem>,
    /// What the document as a whole contains and nobody here judges yet.
    pub unjudged: Vec<Unjudged>,
    /// Set if the file is an electronic licence by its metadata.
    pub licence: Option<Box<super::licence::LicenceFacts>>,
}

impl Facts {
    /// Facts of a document in which nothing was found yet.
    pub fn new(format: Format, sha256: [u8; 32], length: u64) -> Self {
        Self {
            format,
            sha256,
            length,
            work: 0,
            signatures: Vec::new(),
            timestamp: None,
            certificates: Vec::new(),
            crls: Vec::new(),
            ocsps: Vec::new(),
            problems: Vec::new(),
            unjudged: Vec::new(),
            licence: None,
        }
    }
}

/// Kind of document. [`Format::name`] is the `format` field of a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// PDF (ISO 32000), its signatures in CMS or GB/T 35275.
    Pades,
    /// SignedData with CAdES attributes (ETSI EN 319 122-1).
    Cades,
    /// SignedData (RFC 5652, RFC 2315).
    Cms,
    /// SignedData with the identifiers of GB/T 35275.
    GmCms,
    /// OFD package (GB/T 33190).
    Ofd,
    /// An electronic seal, or a signature made with one, as a file of its own (GB/T 38540, GM/T 0031).
    Seal,
    /// RFC 3161 token.
    TimestampToken,
    /// RFC 3161 response.
    TimestampResponse,
    /// A signed format that is recognised and not judged: its name and the sub-indication that says so.
    Unsupported {
        /// Short name, lower case.
        name: &'static str,
        /// `…_UNSUPPORTED`.
        sub_indication: &'static str,
    },
    /// Nothing that could carry a signature.
    Unsigned,
}

impl Format {
    /// Short lower-case name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pades => "pades",
            Self::Cades => "cades",
            Self::Cms => "cms",
            Self::GmCms => "gm-cms",
            Self::Ofd => "ofd",
            Self::Seal => "seal",
            Self::TimestampToken => "tst",
            Self::TimestampResponse => "tsr",
            Self::Unsupported { name, .. } => name,
            Self::Unsigned => "unknown",
        }
    }
}

/// Something wrong with the shape of a document or a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// How it weighs.
    pub kind: ProblemKind,
    /// What exactly, in Chinese; never a number of a person.
    pub zh: String,
    /// What exactly, in English.
    pub en: String,
}

/// How a [`Problem`] weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProblemKind {
    /// The shape breaks a rule of the format: TOTAL-FAILED/FORMAT_FAILURE.
    Malformed,
    /// A rule that the document sets for its own signatures is not met: INDETERMINATE/SIG_CONSTRAINTS_FAILURE.
    Constraint,
    /// Something that is recognised but not supported: INDETERMINATE with this name (`…_UNSUPPORTED`).
    Unsupported(&'static str),
    /// Algorithms that do not belong together: INDETERMINATE/CRYPTO_CONSTRAINTS_FAILURE.
    Algorithm,
    /// Worth telling, changes no verdict.
    Notice,
}

impl Problem {
    /// A shape that breaks a rule of the format.
    pub fn malformed(zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self { kind: ProblemKind::Malformed, zh: zh.into(), en: en.into() }
    }

    /// Something recognised but not supported, under its own name (`…_UNSUPPORTED`).
    pub fn unsupported(name: &'static str, zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self { kind: ProblemKind::Unsupported(name), zh: zh.into(), en: en.into() }
    }

    /// Worth telling only.
    pub fn notice(zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self { kind: ProblemKind::Notice, zh: zh.into(), en: en.into() }
    }
}

/// What is present and not judged yet: the signature cannot pass while one of these stands, and the verdict names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unjudged {
    /// Revisions of a PDF after the signed one.
    LaterRevisions,
    /// Validation material whose effect is not judged (PDF document security store).
    SecurityStore,
    /// Constraints that a PDF form sets for the signature (seed values).
    SeedValues,
    /// Permissions that a certification or a field lock sets (DocMDP, FieldMDP).
    Permissions,
    /// Archive time-stamps and long-term validation attributes.
    ArchiveTimestamp,
    /// Time-stamps over references to certificates and revocation data.
    ReferenceTimestamp,
    /// Counter-signatures.
    CounterSignature,
    /// Evidence records (RFC 4998).
    EvidenceRecord,
    /// Content that is not what a reader shows (attachments, portfolios, external streams).
    ExternalContent,
}

/// What kind of signature an entry of a verdict is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignatureKind {
    /// A signature of a person or an organisation.
    Signature,
    /// An electronic seal.
    Seal,
    /// A time-stamp over the document.
    DocumentTimestamp,
}

impl SignatureKind {
    /// The `kind` field of a verdict.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Signature => "signature",
            Self::Seal => "seal",
            Self::DocumentTimestamp => "document-timestamp",
        }
    }
}

/// One signature, seal or document time-stamp.
#[derive(Debug, Clone)]
pub struct SignatureFacts {
    /// Stable inside the document: a PDF field name, `signer-1`.
    pub id: String,
    /// What kind.
    pub kind: SignatureKind,
    /// Who signed and whether the arithmetic holds.
    pub signer: SignerFacts,
    /// Of a document time-stamp: what it says.
    pub token: Option<TokenFacts>,
    /// The time the signer claims where the container says it (PDF `/M`); otherwise the signing-time attribute counts.
    pub claimed_time: Option<Moment>,
    /// Where the signed ranges end in the file; a document time-stamp that ends later proves that this signature existed. 0 if it
    /// does not apply.
    pub end: u64,
    /// How much of the document is signed.
    pub coverage: Coverage,
    /// What was changed after signing.
    pub changes: Changes,
    /// What is wrong with this signature's shape.
    pub problems: Vec<Problem>,
    /// Demands of the document on this signature that are met, in Chinese and English.
    pub met: Vec<(String, String)>,
    /// What is present and not judged.
    pub unjudged: Vec<Unjudged>,
    /// Of a seal signature: the seal.
    pub seal: Option<Box<SealFacts>>,
    /// Of a signature in a package: its entries.
    pub package: Option<Box<PackageFacts>>,
}

/// The seal that a signature was made with (GB/T 38540-2020, GM/T 0031).
#[derive(Debug, Clone)]
pub struct SealFacts {
    /// The structure's standard.
    pub standard: &'static str,
    /// SHA-256 of the whole seal as stored.
    pub sha256: [u8; 32],
    /// Identifier of the seal (esID).
    pub id: String,
    /// Its name.
    pub name: String,
    /// When it was made.
    pub created: Moment,
    /// From when it may be used.
    pub valid_from: Moment,
    /// Until when.
    pub valid_until: Moment,
    /// The maker, and whether the maker's signature over the seal holds.
    pub maker: SignerFacts,
    /// Whether the seal lists the signer's certificate.
    pub signer_listed: bool,
    /// Whether it stands by itself: nobody has signed anything with it, and the entry's signer is its maker.
    pub alone: bool,
    /// Time-stamp over the maker's signature (version 5).
    pub timestamp: Option<TimestampFacts>,
}

/// What a signature says about the entries of its package, and what was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PackageFacts {
    /// Files of the package.
    pub entries: usize,
    /// Files that it protects and that are unchanged.
    pub covered: usize,
    /// Files that neither it nor the signatures' own rules protect.
    pub uncovered: Vec<String>,
    /// Protected files that are changed or cannot be read.
    pub changed: Vec<String>,
    /// Protected files that are missing.
    pub missing: Vec<String>,
    /// Whether it protects the list of signatures, so that none may follow.
    pub locked: bool,
    /// Places that show its mark.
    pub stamps: usize,
    /// How many of them show a slice of it (a seal across the edges of pages).
    pub slices: usize,
}

impl SignatureFacts {
    /// A signature over a whole document that nothing changed.
    pub fn new(id: impl Into<String>, kind: SignatureKind, signer: SignerFacts) -> Self {
        Self {
            id: id.into(),
            kind,
            signer,
            token: None,
            claimed_time: None,
            end: 0,
            coverage: Coverage::WholeDocument,
            changes: Changes::None,
            problems: Vec::new(),
            met: Vec::new(),
            unjudged: Vec::new(),
            seal: None,
            package: None,
        }
    }
}

/// How much of the document a signature covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coverage {
    /// Everything.
    WholeDocument,
    /// Everything up to a revision; others follow.
    EarlierRevision,
    /// Not even the revision it was made in.
    Partial,
}

impl Coverage {
    /// The `covers` field of a verdict.
    pub const fn name(self) -> &'static str {
        match self {
            Self::WholeDocument => "whole-document",
            Self::EarlierRevision => "earlier-revision",
            Self::Partial => "partial",
        }
    }
}

/// What was changed after signing; each entry one sentence, Chinese then English.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changes {
    /// Nothing.
    None,
    /// Only what the format or the signer permits.
    Permitted(Vec<(String, String)>),
    /// Something that nobody permitted.
    Suspicious(Vec<(String, String)>),
    /// Something of which it cannot be told whether it is permitted; what.
    Unjudged(Vec<(String, String)>),
}

impl Changes {
    /// The `changes_after` field of a verdict.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Permitted(_) => "permitted",
            Self::Suspicious(_) => "suspicious",
            Self::Unjudged(_) => "unjudged",
        }
    }
}

/// Whether digest and signature arithmetic holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Integrity {
    /// Digests agree and the signature value verifies.
    Intact,
    /// The digest of the content differs: HASH_FAILURE.
    HashMismatch,
    /// The signature value does not verify: SIG_CRYPTO_FAILURE.
    BadSignature,
    /// What was signed is not at hand: SIGNED_DATA_NOT_FOUND.
    ContentMissing,
    /// The signer's certificate is not at hand: NO_SIGNING_CERTIFICATE_FOUND.
    CertificateMissing,
    /// An algorithm or key that is not supported, by name.
    Unsupported(String),
    /// The structure breaks a rule: FORMAT_FAILURE.
    Malformed(String),
}

/// What the ESS signing-certificate attribute says about the certificate (RFC 5035).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CertificateReference {
    /// No such attribute.
    Absent,
    /// It names the certificate that was used, by this digest.
    Matches(Hash),
    /// It names another certificate: substitution.
    Differs,
    /// It uses a digest that is not supported.
    Unsupported,
}

/// Deviations from the letter that are accepted and told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Quirk {
    /// BER where DER is usual.
    Ber,
    /// Signed attributes are stored in another order than the one that was signed.
    AttributesNotSorted,
    /// The content-type attribute names the other dialect's "data".
    DialectMixed,
    /// The signature algorithm field names a key or digest instead of a signature algorithm.
    AlgorithmFieldLoose,
    /// No signed attributes: nothing but the content is protected.
    NoSignedAttributes,
    /// Octets follow the structure.
    TrailingOctets,
}

/// Who signed, and whether the arithmetic holds.
#[derive(Debug, Clone)]
pub struct SignerFacts {
    /// Position in the SignedData, from 0.
    pub index: usize,
    /// Whether the frame uses the identifiers of GB/T 35275.
    pub gm: bool,
    /// The certificate that the signer's identifier means and, where several fit, whose key verifies.
    pub certificate: Option<Certificate>,
    /// Every certificate at hand in the SignedData and its container.
    pub certificates: Arc<[Certificate]>,
    /// CRLs in the SignedData and its attributes, DER.
    pub crls: Vec<Vec<u8>>,
    /// OCSP responses likewise, DER.
    pub ocsps: Vec<Vec<u8>>,
    /// Digest of the content.
    pub digest: Option<Hash>,
    /// Name of the digest algorithm, or its identifier if unknown.
    pub digest_algorithm: String,
    /// Name of the signature algorithm, or its identifier if unknown.
    pub signature_algorithm: String,
    /// Digest used with the signature where the algorithm has one.
    pub signature_digest: Option<Hash>,
    /// Arithmetic.
    pub integrity: Integrity,
    /// SHA-256 of the signature value, for the ledger and for finding duplicates.
    pub signature_value_sha256: [u8; 32],
    /// The signing-time attribute.
    pub signing_time: Option<Moment>,
    /// The ESS signing-certificate attribute.
    pub certificate_reference: CertificateReference,
    /// The signature-policy identifier.
    pub policy: Option<Oid>,
    /// Signature and content time-stamps.
    pub timestamps: Vec<TimestampFacts>,
    /// Accepted deviations.
    pub quirks: Vec<Quirk>,
    /// Shapes that break a rule although the arithmetic could be done.
    pub problems: Vec<Problem>,
    /// Present and not judged.
    pub unjudged: Vec<Unjudged>,
    /// Whether the attributes of a CAdES baseline signature are there.
    pub baseline: bool,
    /// SHA-256 of what the SignedData itself holds: certificates, CRLs, OCSP responses, tokens and what those hold.
    pub carried: Vec<Id>,
    /// Those who signed this signature's value (RFC 5652 §11.4).
    pub countersigners: Vec<SignerFacts>,
}

impl SignerFacts {
    /// A signer of whom nothing could be read.
    pub fn unreadable(integrity: Integrity) -> Self {
        Self {
            index: 0,
            gm: false,
            certificate: None,
            certificates: Arc::from([]),
            crls: Vec::new(),
            ocsps: Vec::new(),
            digest: None,
            digest_algorithm: String::new(),
            signature_algorithm: String::new(),
            signature_digest: None,
            integrity,
            signature_value_sha256: [0; 32],
            signing_time: None,
            certificate_reference: CertificateReference::Absent,
            policy: None,
            timestamps: Vec::new(),
            quirks: Vec::new(),
            problems: Vec::new(),
            unjudged: Vec::new(),
            baseline: false,
            carried: Vec::new(),
            countersigners: Vec::new(),
        }
    }
}

/// What a time-stamp was put on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimestampKind {
    /// The signature value: it proves that the signature existed then.
    Signature,
    /// The content, before signing: it proves that the signature was made later.
    Content,
    /// A document or file.
    Document,
    /// The signature with its validation material (archive time-stamp), or objects kept elsewhere.
    Archive,
    /// The signature and references to its validation material.
    Reference,
}

impl TimestampKind {
    /// The `kind` field of a verdict's time-stamp.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Signature => "signature-timestamp",
            Self::Content => "content-timestamp",
            Self::Document => "document-timestamp",
            Self::Archive => "archive-timestamp",
            Self::Reference => "reference-timestamp",
        }
    }
}

/// A time-stamp token.
#[derive(Debug, Clone)]
pub struct TimestampFacts {
    /// What it was put on.
    pub kind: TimestampKind,
    /// What it says; `None` if it could not be read, and then `signer.integrity` tells why.
    pub token: Option<TokenFacts>,
    /// The authority's signature over it.
    pub signer: SignerFacts,
}

/// What a token says (RFC 3161 §2.4.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenFacts {
    /// When.
    pub time: Moment,
    /// How far it may be off.
    pub accuracy: Option<Duration>,
    /// Contents octets of the serial number, lower-case hexadecimal.
    pub serial: String,
    /// The authority's policy.
    pub policy: Oid,
    /// Digest of the imprint.
    pub imprint_digest: Option<Hash>,
    /// The imprint.
    pub imprint_value: Vec<u8>,
    /// Whether the imprint is that of the bytes it should be on.
    pub imprint: Imprint,
    /// Whether an extension is marked critical; none is known, so it cannot be accepted.
    pub critical_extension: bool,
    /// SHA-256 of the token.
    pub id: Id,
    /// What the imprint covers beside the signature or document it stands on: SHA-256 of certificates, CRLs, OCSP responses and
    /// tokens, of a signature that of its value. It counts only where the imprint matches.
    pub covers: Vec<Id>,
    /// Digest through which an archive time-stamp covers them (`ats-hash-index`, EN 319 122-1 §5.5.2).
    pub index_digest: Option<Hash>,
}

/// Whether a token stands on the right bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Imprint {
    /// The digest is that of the bytes at hand.
    Matches,
    /// It is that of other bytes.
    Differs,
    /// The bytes are not at hand.
    ContentMissing,
    /// The digest algorithm is not supported.
    Unsupported,
}

/// What may be signed by a SignedData without content of its own, and what the container demands.
#[derive(Clone)]
pub struct ContentRanges<'a> {
    /// The document.
    pub source: &'a dyn ByteSource,
    /// The signed ranges in order.
    pub ranges: Vec<Range<u64>>,
    /// What the container demands.
    pub rule: ContentRule,
}

/// How content and SignedData fit together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContentRule {
    /// The ranges are the content; content inside the SignedData is refused (PDF `adbe.pkcs7.detached`, CAdES in PDF).
    Detached,
    /// The content inside the SignedData is the SHA-1 of the ranges (PDF `adbe.pkcs7.sha1`).
    Sha1OfRanges,
    /// The content inside the SignedData, if there is any, must equal the ranges; otherwise the ranges are the content.
    Supplied,
    /// There is nothing outside the SignedData.
    None,
}

impl<'a> ContentRanges<'a> {
    /// The ranges are the content.
    pub fn detached(source: &'a dyn ByteSource, ranges: Vec<Range<u64>>) -> Self {
        Self { source, ranges, rule: ContentRule::Detached }
    }

    /// A whole file that somebody supplied as the content.
    pub fn supplied(source: &'a dyn ByteSource) -> Self {
        let whole = 0..source.len();
        Self { source, ranges: vec![whole], rule: ContentRule::Supplied }
    }

    /// Nothing outside the SignedData.
    pub fn none() -> Self {
        static NOTHING: Vec<u8> = Vec::new();
        Self { source: &NOTHING, ranges: Vec::new(), rule: ContentRule::None }
    }
}
