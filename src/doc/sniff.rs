//! What kind of document bytes are, by their own marks and never by a file name.

use super::{facts::Format, source::ByteSource};
use crate::pki::{
    signed_data::{oid, read_oid},
    tlv::{Tlv, tag},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};

/// What the first octets say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// `%PDF-` within the first 1024 octets (ISO 32000-1 annex H).
    Pdf,
    /// A ContentInfo with SignedData, in binary.
    SignedData,
    /// A TimeStampResp.
    TimestampResponse,
    /// An OFD package.
    Ofd,
    /// An electronic seal, or a signature made with one.
    Seal,
    /// CMS in PEM or bare Base64.
    Armoured,
    /// Something else, already classified.
    Other(Format),
}

/// How much of a text-like document is searched for marks.
const SEARCHED: u64 = 16 * 1024 * 1024;

const fn unsupported(name: &'static str, sub_indication: &'static str) -> Kind {
    Kind::Other(Format::Unsupported { name, sub_indication })
}

/// Classifies a document.
pub(super) fn kind(source: &dyn ByteSource) -> std::io::Result<Kind> {
    let head = source.head(usize::try_from(source.len().min(64 * 1024)).unwrap_or(0))?;
    // What is a whole SignedData from its first octet is one, whatever its content is (a signed PDF, a signed package).
    if matches!(head.first(), Some(&0x30 | &0xa0))
        && let whole @ (Kind::SignedData | Kind::Seal) = der(&head)
    {
        return Ok(whole);
    }
    if contains(head.get(..head.len().min(1024 + 5)).unwrap_or_default(), b"%PDF-") {
        return Ok(Kind::Pdf);
    }
    if contains(&head, b"PK\x03\x04") {
        return zip(source);
    }
    Ok(match &*head {
        [] => Kind::Other(Format::Unsigned),
        [0x30 | 0xa0, ..] => der(&head),
        [0xd0, 0xcf, 0x11, 0xe0, ..] => unsupported("ole", "OLE_UNSUPPORTED"),
        [b'M', b'Z', ..] => unsupported("authenticode", "AUTHENTICODE_UNSUPPORTED"),
        _ => return text(source, &head),
    })
}

/// The structure inside decides; a broken or shortened SignedData is still recognised by its identifier.
fn der(head: &[u8]) -> Kind {
    // The head may be cut off: only the identifiers at the very start are read, without their lengths.
    let start = head.get(..head.len().min(64)).unwrap_or_default();
    let Some(first) = first_inside(start) else { return unsupported("asn1", "FORMAT_UNSUPPORTED") };
    match first {
        Inside::Type(name) if name == oid::SIGNED_DATA || name == oid::GM_SIGNED_DATA => Kind::SignedData,
        Inside::Type(_) => unsupported("cms-other", "CMS_TYPE_UNSUPPORTED"),
        Inside::Sequence if is_response(head) => Kind::TimestampResponse,
        Inside::Sequence if contains(start, b"\x16\x02ES") => Kind::Seal,
        Inside::Sequence if is_certificate_like(start) => unsupported("x509", "CERTIFICATE_UNSUPPORTED"),
        Inside::Sequence => unsupported("asn1", "FORMAT_UNSUPPORTED"),
        // The SignedData alone: version, then a SET of digest algorithms.
        Inside::Integer(rest) if rest.first() == Some(&tag::SET) => Kind::SignedData,
        Inside::Integer(_) if contains(start, b"\x16\x02ES") => unsupported("ses", "SEAL_UNSUPPORTED"),
        Inside::Integer(_) if is_evidence_record(head) => unsupported("ers", "EVIDENCE_RECORD_UNSUPPORTED"),
        Inside::Integer(_) => unsupported("asn1", "FORMAT_UNSUPPORTED"),
    }
}

enum Inside<'a> {
    Type(der::asn1::ObjectIdentifier),
    Sequence,
    /// And what follows it.
    Integer(&'a [u8]),
}

/// The first value inside the outer SEQUENCE, although the input may end early.
fn first_inside(start: &[u8]) -> Option<Inside<'_>> {
    let inside = match inside_of(start)? {
        // A SignedData in the explicit tag of the ContentInfo that is missing.
        inside if start.first() == Some(&tag::context(0)) => inside_of(inside)?,
        inside => inside,
    };
    match *inside.first()? {
        tag::OID => Some(Inside::Type(read_oid(Tlv::split(inside).ok()?.0).ok()?)),
        tag::SEQUENCE => Some(Inside::Sequence),
        tag::INTEGER => Some(Inside::Integer(Tlv::split(inside).ok()?.1)),
        _ => None,
    }
}

/// PKIStatusInfo starts with an INTEGER of one octet (0–5), and a token or nothing follows.
fn is_response(head: &[u8]) -> bool {
    let Some(status) = inside_of(head).and_then(inside_of) else { return false };
    let Some([tag::INTEGER, 1, 0..=5, rest @ ..]) = status.get(..status.len()) else { return false };
    // A certificate's or a key's first SEQUENCE would go on with other fields; a token is a ContentInfo.
    let needle = [0x06u8, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
    let gm = [0x06u8, 0x0a, 0x2a, 0x81, 0x1c, 0xcf, 0x55, 0x06, 0x01, 0x04, 0x02, 0x02];
    let near = rest.get(..rest.len().min(600)).unwrap_or_default();
    contains(near, &needle) || contains(near, &gm) || head.len() < 600 && crate::pki::timestamp::response(head).is_ok()
}

/// Contents of the value at the start, without regard to its length (the input may be cut off).
fn inside_of(input: &[u8]) -> Option<&[u8]> {
    let (&first, &length) = (input.first()?, input.get(1)?);
    if first != tag::SEQUENCE && first != tag::context(0) {
        return None;
    }
    input.get(if length & 0x80 == 0 { 2 } else { 2 + usize::from(length & 0x7f) }..)
}

/// Certificate, CRL, certificate request, OCSP response: SEQUENCE of SEQUENCE with version or serial.
fn is_certificate_like(start: &[u8]) -> bool {
    let inner = inside_of(start).and_then(inside_of).unwrap_or_default();
    matches!(inner.first(), Some(&0xa0 | &tag::INTEGER))
}

/// RFC 4998 §3.1: version 1, then a SEQUENCE of digest algorithms.
fn is_evidence_record(head: &[u8]) -> bool {
    let Some([tag::INTEGER, 1, 1, rest @ ..]) = inside_of(head) else { return false };
    inside_of(rest).and_then(inside_of).is_some_and(|algorithm| algorithm.first() == Some(&tag::OID))
}

/// Names in a package are stored in clear, so that a search finds them wherever the package starts.
fn zip(source: &dyn ByteSource) -> std::io::Result<Kind> {
    let marks: [(&[u8], Kind); 6] = [
        (b"OFD.xml", Kind::Ofd),
        (b"application/vnd.etsi.asic", unsupported("asic", "ASIC_UNSUPPORTED")),
        (b"META-INF/signature", unsupported("asic", "ASIC_UNSUPPORTED")),
        (b"META-INF/documentsignatures", unsupported("odf", "ODF_UNSUPPORTED")),
        (b"_xmlsignatures/", unsupported("ooxml", "OOXML_UNSUPPORTED")),
        (b"META-INF/", unsupported("asic", "ASIC_UNSUPPORTED")),
    ];
    let found = search(source, marks.map(|(mark, _)| mark))?;
    let known = marks.into_iter().zip(found).find(|(_, found)| *found);
    Ok(known.map_or(unsupported("zip", "ZIP_UNSUPPORTED"), |((_, kind), _)| kind))
}

fn text(source: &dyn ByteSource, head: &[u8]) -> std::io::Result<Kind> {
    let body = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    if head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff") {
        return Ok(unsupported("xml", "XML_UNSUPPORTED"));
    }
    if body.starts_with(b"-----BEGIN PGP") {
        return Ok(unsupported("pgp", "PGP_UNSUPPORTED"));
    }
    if body.starts_with(b"-----BEGIN ") || is_base64_der(body) {
        return Ok(Kind::Armoured);
    }
    if body.starts_with(b"<") {
        let [signature, record] = search(source, [b"http://www.w3.org/2000/09/xmldsig#".as_slice(), b"EvidenceRecord"])?;
        return Ok(match (signature, record) {
            (_, true) => unsupported("ers-xml", "EVIDENCE_RECORD_UNSUPPORTED"),
            (true, false) => unsupported("xades", "XADES_UNSUPPORTED"),
            (false, false) if source.len() > SEARCHED => unsupported("xml", "XML_UNSUPPORTED"),
            (false, false) => Kind::Other(Format::Unsigned),
        });
    }
    if body.starts_with(b"{") {
        let [payload, signatures, signature] = search(source, [b"\"payload\"".as_slice(), b"\"signatures\"", b"\"signature\""])?;
        if payload || signatures || signature {
            return Ok(unsupported("jades", "JADES_UNSUPPORTED"));
        }
    }
    if body.starts_with(b"eyJ") && contains(body, b".") {
        return Ok(unsupported("jades", "JADES_UNSUPPORTED"));
    }
    if contains(body, b"application/pkcs7-") || contains(body, b"application/x-pkcs7-") {
        return Ok(unsupported("smime", "SMIME_UNSUPPORTED"));
    }
    Ok(Kind::Other(Format::Unsigned))
}

/// Whether bare Base64 text starts a DER SEQUENCE.
fn is_base64_der(body: &[u8]) -> bool {
    let line: Vec<u8> = body.iter().copied().filter(|octet| !octet.is_ascii_whitespace()).take(64).collect();
    line.len() >= 16
        && line.starts_with(b"M")
        && BASE64_STANDARD.decode(line.get(..16).unwrap_or_default()).is_ok_and(|head| head.first() == Some(&0x30))
}

/// The binary inside PEM or Base64.
pub(super) fn unarmour(text: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(text).ok()?;
    let body = match text.split_once("-----BEGIN ") {
        Some((_, rest)) => rest.split_once("-----")?.1.split("-----END").next()?,
        None => text,
    };
    let compact: String = body.chars().filter(|letter| !letter.is_ascii_whitespace()).collect();
    BASE64_STANDARD.decode(compact).ok()
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

/// Which of the needles occur in the first [`SEARCHED`] octets.
fn search<const N: usize>(source: &dyn ByteSource, needles: [&[u8]; N]) -> std::io::Result<[bool; N]> {
    let mut found = [false; N];
    let overlap = needles.iter().map(|needle| needle.len()).max().unwrap_or(0);
    let mut window: Vec<u8> = Vec::new();
    source.stream(0, source.len().min(SEARCHED), &mut |piece| {
        window.extend_from_slice(piece);
        for (found, needle) in found.iter_mut().zip(needles) {
            *found = *found || contains(&window, needle);
        }
        let keep = window.len().saturating_sub(overlap);
        window.drain(..keep);
    })?;
    Ok(found)
}
