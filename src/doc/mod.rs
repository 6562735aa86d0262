//! Parsed signed documents: original bytes, never re-encoded.
//!
//! [`read`] tells what a document is and collects its [`Facts`]. A document that cannot be read is a fact too, never an error;
//! only a source that fails to deliver its own bytes is.

pub mod facts;
pub mod licence;
pub mod ofd;
pub mod pdf;
pub mod seal;
pub mod source;

mod archive;
mod cms;
mod ses;
mod signer;
mod sniff;
pub(crate) mod zip;

pub use cms::signer_facts;
pub use facts::Facts;

use crate::{
    crypto::Hash,
    pki::{
        Certificate,
        signed_data::{Dialect, SignedData, SignedDataError, oid},
        timestamp,
    },
};
use cms::Message;
use facts::{
    Changes, ContentRanges, Coverage, Format, Integrity, Problem, SignatureFacts, SignatureKind, SignerFacts, TimestampFacts, TimestampKind,
};
use source::{ByteSource, Hashed};
use std::{borrow::Cow, collections::HashSet, io};

/// Largest CMS file that is read; its content stands inside it, so that it must be held whole.
pub const MAX_CMS: u64 = 128 * 1024 * 1024;

/// What a reader is given beside the document.
#[derive(Clone, Copy, Default)]
pub struct ReadOptions<'a> {
    /// What a detached signature covers, or what a time-stamp file was put on.
    pub content: Option<&'a dyn ByteSource>,
    /// Certificates that may be the signer's where the document carries none.
    pub certificates: &'a [Certificate],
}

/// Reads a document of any kind.
pub fn read(source: &dyn ByteSource, options: &ReadOptions<'_>) -> io::Result<Facts> {
    let mut facts = by_kind(source, options)?;
    // One signature in two places, a field that waited for somebody else among them, would look like two. A PDF in which nothing
    // follows the signature was signed as it stands, with both fields.
    let values = facts.signatures.iter().map(|entry| entry.signer.signature_value_sha256).filter(|value| *value != [0; 32]);
    let mut seen = HashSet::new();
    if values.into_iter().any(|value| !seen.insert(value)) {
        let still = |entry: &SignatureFacts| entry.changes == Changes::None && entry.coverage == Coverage::WholeDocument;
        facts.problems.push(if facts.format == Format::Pades && facts.signatures.iter().all(still) {
            Problem::notice("不止一个签名域显示同一签名", "more than one field shows one and the same signature")
        } else {
            let text =
                ("同一签名值出现不止一次，看似多个签名", "one signature value stands more than once, as if it were several signatures");
            Problem::malformed(text.0, text.1)
        });
    }
    Ok(facts)
}

fn by_kind(source: &dyn ByteSource, options: &ReadOptions<'_>) -> io::Result<Facts> {
    let kind = sniff::kind(source)?;
    let hashed = Hashed::new(source);
    let sha256 = || hashed.digest(Hash::Sha256).map(|digest| digest.try_into().unwrap_or_default());
    let new = |format| sha256().map(|sha256| Facts::new(format, sha256, source.len()));
    Ok(match kind {
        sniff::Kind::Pdf => {
            // The digest of the whole comes last: it goes on where those of the signatures have got to.
            let facts = pdf::read(&hashed, options, Facts::new(Format::Pades, [0; 32], source.len()));
            Facts { sha256: sha256()?, ..facts }
        }
        sniff::Kind::Ofd => ofd::read(source, options, new(Format::Ofd)?)?,
        sniff::Kind::Other(format) => new(format)?,
        _ if source.len() > MAX_CMS => new(Format::Unsupported { name: "cms", sub_indication: "SIZE_UNSUPPORTED" })?,
        sniff::Kind::SignedData => signed_data(new(Format::Cms)?, &whole(source)?, options),
        sniff::Kind::TimestampResponse => response(new(Format::TimestampResponse)?, &whole(source)?, options),
        sniff::Kind::Seal => seal_file(new(Format::Seal)?, &whole(source)?, options),
        sniff::Kind::Armoured => match sniff::unarmour(&whole(source)?) {
            None => new(Format::Unsigned)?,
            Some(inside) => armoured(new(Format::Unsigned)?, &inside, options)?,
        },
    })
}

/// Checks a time-stamp token (padding zeros may follow it) over the ranges that it should stand on.
pub fn timestamp_facts(kind: TimestampKind, blob: &[u8], content: &ContentRanges<'_>, extra: &[Certificate]) -> TimestampFacts {
    let token = crate::pki::tlv::Tlv::split(blob).map_or(blob, |(token, _)| token.raw);
    signer::token_facts(kind, token, &Message::outside(content), extra)
}

fn whole(source: &dyn ByteSource) -> io::Result<Cow<'_, [u8]>> {
    source.head(usize::try_from(source.len()).map_err(|_| io::ErrorKind::OutOfMemory)?)
}

fn armoured(facts: Facts, inside: &[u8], options: &ReadOptions<'_>) -> io::Result<Facts> {
    let source = inside.to_vec();
    Ok(match sniff::kind(&source)? {
        sniff::Kind::SignedData => signed_data(Facts { format: Format::Cms, ..facts }, inside, options),
        sniff::Kind::TimestampResponse => response(Facts { format: Format::TimestampResponse, ..facts }, inside, options),
        sniff::Kind::Other(format) => Facts { format, ..facts },
        sniff::Kind::Seal => seal_file(Facts { format: Format::Seal, ..facts }, inside, options),
        sniff::Kind::Pdf | sniff::Kind::Ofd | sniff::Kind::Armoured => facts,
    })
}

/// A seal by itself, or a signature made with one over content that is supplied.
fn seal_file(mut facts: Facts, bytes: &[u8], options: &ReadOptions<'_>) -> Facts {
    let content = options.content.map_or_else(ContentRanges::none, ContentRanges::supplied);
    facts.signatures.push(match seal::Seal::parse(bytes) {
        Ok(seal) => ses::seal_alone("seal-1", &seal, options.certificates),
        Err(_) => ses::seal_entry("seal-1", bytes, &content, options.certificates),
    });
    facts
}

/// A CMS file, or a time-stamp token.
fn signed_data(mut facts: Facts, bytes: &[u8], options: &ReadOptions<'_>) -> Facts {
    let (data, rest) = match SignedData::parse_file(bytes) {
        Ok(read) => read,
        Err(error) => {
            let entry = SignatureFacts::new("signer-1", SignatureKind::Signature, SignerFacts::unreadable(cms::unreadable(&error)));
            facts.signatures.push(entry);
            return facts;
        }
    };
    if data.content_type == oid::TST_INFO {
        facts.format = Format::TimestampToken;
        return token(facts, bytes, options);
    }
    // Programs pad files with zeros or end them with a line; anything else is not part of what was signed.
    if rest.iter().any(|octet| !matches!(octet, 0 | b'\n' | b'\r')) {
        facts.problems.push(Problem::malformed("签名结构之后还有多余的数据", "octets follow the signature structure"));
    }
    let content = options.content.map_or_else(ContentRanges::none, ContentRanges::supplied);
    facts.signatures = cms::signature_entries(cms::signers(&data, &content, options.certificates));
    facts.format = match data.dialect {
        Dialect::Gm => Format::GmCms,
        Dialect::Cms if facts.signatures.iter().any(|entry| entry.signer.baseline) => Format::Cades,
        Dialect::Cms => Format::Cms,
    };
    facts
}

fn response(facts: Facts, bytes: &[u8], options: &ReadOptions<'_>) -> Facts {
    match timestamp::response(bytes) {
        Ok(response) => match (response.granted(), response.token) {
            (true, Some(raw)) => token(facts, raw, options),
            _ => failed(facts, format!("the authority refused with status {}", response.status)),
        },
        Err(error) => failed(facts, SignedDataError::from(error).to_string()),
    }
}

fn failed(mut facts: Facts, why: String) -> Facts {
    let signer = SignerFacts::unreadable(Integrity::Malformed(why));
    facts.timestamp = Some(Box::new(TimestampFacts { kind: TimestampKind::Document, token: None, signer }));
    facts
}

fn token(mut facts: Facts, raw: &[u8], options: &ReadOptions<'_>) -> Facts {
    let content = options.content.map_or_else(ContentRanges::none, ContentRanges::supplied);
    let stamped = Message::outside(&content);
    facts.timestamp = Some(Box::new(signer::token_facts(TimestampKind::Document, raw, &stamped, options.certificates)));
    facts
}
