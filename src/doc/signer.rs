//! One SignerInfo checked: which certificate, which digest, whether the value verifies, what the attributes say.

use super::{
    archive,
    cms::{Message, same_type, unreadable},
    facts::{
        CertificateReference, ContentRanges, Id, Imprint, Integrity, Problem, ProblemKind, Quirk, SignerFacts, TimestampFacts,
        TimestampKind, TokenFacts, Unjudged,
    },
};
use crate::{
    crypto::{Hash, LOGIN_CHALLENGE, MessageVerifier, PublicKey, SignatureAlgorithm, VerifyError, oid::is_key_or_signature, verify},
    pki::{
        Certificate, Name,
        signed_data::{Attributes, Dialect, SignedData, SignerId, SignerInfo, algorithm_oid, oid, read_oid, values},
        timestamp::{asn1_time, of_signed_data},
        tlv::{Tlv, TlvError, tag},
    },
};
use std::{cell::OnceCell, sync::Arc};

/// Most time-stamp tokens of one signer that are read.
const MAX_TIMESTAMPS: usize = 4;
/// Most certificates that are tried for one signer.
const MAX_CANDIDATES: usize = 8;

/// A SignedData with the certificates at hand.
pub(super) struct Frame<'a, 'b> {
    data: &'b SignedData<'a>,
    certificates: Arc<[Certificate]>,
    /// What it brings, by SHA-256.
    carried: Vec<Id>,
}

impl<'a, 'b> Frame<'a, 'b> {
    pub(super) fn new(data: &'b SignedData<'a>, certificates: Arc<[Certificate]>) -> Self {
        let carried = data.certificates.iter().chain(&data.crls).chain(&data.ocsps).map(|der| id_of(der)).collect();
        Self { data, certificates, carried }
    }

    /// A signer whose content could not even be looked at.
    pub(super) fn refused(&self, index: usize, integrity: Integrity) -> SignerFacts {
        let mut facts = self.blank(index);
        if let Some(info) = self.data.signers.get(index) {
            facts.certificate = self.candidates(&info.id).next().cloned();
            self.name_algorithms(info, &mut facts);
        }
        facts.integrity = integrity;
        facts
    }

    fn blank(&self, index: usize) -> SignerFacts {
        let owned = |list: &[&[u8]]| list.iter().map(|der| der.to_vec()).collect::<Vec<_>>();
        SignerFacts {
            index,
            gm: self.data.dialect == Dialect::Gm,
            certificates: Arc::clone(&self.certificates),
            crls: owned(&self.data.crls),
            ocsps: owned(&self.data.ocsps),
            carried: self.carried.clone(),
            ..SignerFacts::unreadable(Integrity::CertificateMissing)
        }
    }

    fn name_algorithms(&self, info: &SignerInfo<'_>, facts: &mut SignerFacts) {
        let digest = algorithm_oid(info.digest_algorithm);
        facts.digest = digest.as_ref().and_then(Hash::from_oid);
        facts.digest_algorithm = match (facts.digest, digest) {
            (Some(hash), _) => hash.name().into(),
            (None, Some(other)) => other.to_string(),
            (None, None) => String::new(),
        };
        facts.signature_algorithm = algorithm_oid(info.signature_algorithm).map(|name| name.to_string()).unwrap_or_default();
        facts.signature_value_sha256 = Hash::Sha256.digest(&info.signature).try_into().unwrap_or_default();
    }

    /// Certificates that the signer's identifier means (RFC 5652 §5.3).
    fn candidates<'c>(&'c self, id: &'c SignerId<'_>) -> impl Iterator<Item = &'c Certificate> {
        let read = OnceCell::new();
        let fits = move |certificate: &&Certificate| match id {
            SignerId::IssuerAndSerial { issuer, serial } => {
                // What is stored the same is the same name; what is not may be it all the same (RFC 5280 §7.1).
                let named = || read.get_or_init(|| Name::from_der(issuer).ok()).as_ref() == Some(certificate.issuer());
                same_integer(certificate.serial(), serial) && (certificate.issuer().der() == *issuer || named())
            }
            SignerId::KeyId(key_id) => match certificate.subject_key_id() {
                Some(own) => own == *key_id,
                None => certificate.public_key().is_ok_and(|key| Hash::Sha1.digest(key.bits()) == *key_id),
            },
        };
        self.certificates.iter().filter(fits).take(MAX_CANDIDATES)
    }
}

/// What an object is known by.
pub(super) fn id_of(octets: &[u8]) -> Id {
    Hash::Sha256.digest(octets).try_into().unwrap_or_default()
}

/// INTEGER contents compared without regard to superfluous leading zeros.
fn same_integer(one: &[u8], other: &[u8]) -> bool {
    let significant = |octets| <[u8]>::iter(octets).skip_while(|octet| **octet == 0);
    one == other || significant(one).eq(significant(other))
}

/// Checks one signer over the message.
pub(super) fn signer(frame: &Frame<'_, '_>, index: usize, message: &Message<'_>) -> SignerFacts {
    match frame.data.signers.get(index) {
        Some(info) => signer_of(frame, index, info, message, Over::Content),
        None => frame.blank(index),
    }
}

/// What a SignerInfo stands over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Over {
    /// The content of the SignedData.
    Content,
    /// Another signature's value (RFC 5652 §11.4), so many levels down.
    Signature(u8),
}

/// Most levels of counter-signatures on counter-signatures that are read.
const MAX_COUNTER_DEPTH: u8 = 2;
/// Most counter-signatures on one signature that are read.
const MAX_COUNTERS: usize = 8;

fn signer_of(frame: &Frame<'_, '_>, index: usize, info: &SignerInfo<'_>, message: &Message<'_>, over: Over) -> SignerFacts {
    let mut facts = frame.blank(index);
    frame.name_algorithms(info, &mut facts);
    if info.signed.as_ref().is_some_and(|signed| signed.raw.indefinite) {
        facts.quirks.push(Quirk::Ber);
    }
    if let Some(signed) = &info.signed {
        read_signed(signed, message, &mut facts);
        protection(signed, info, &mut facts);
    } else {
        facts.quirks.push(Quirk::NoSignedAttributes);
    }
    facts.integrity = arithmetic(frame, info, message, over, &mut facts);
    if info.unsigned.is_some() {
        read_unsigned(frame, info, message, over, &mut facts);
    }
    facts.quirks.sort_unstable();
    facts.quirks.dedup();
    facts.unjudged.sort_unstable();
    facts.unjudged.dedup();
    facts
}

/// Digest and signature value (RFC 5652 §5.4, §5.6).
fn arithmetic(frame: &Frame<'_, '_>, info: &SignerInfo<'_>, message: &Message<'_>, over: Over, facts: &mut SignerFacts) -> Integrity {
    let candidates: Vec<&Certificate> = frame.candidates(&info.id).collect();
    let reference = match info.signed.as_ref().map(|signed| References::read(signed)).transpose() {
        Ok(reference) => reference.unwrap_or_default(),
        Err(why) => return Integrity::Malformed(why.into()),
    };
    facts.baseline = !reference.list.is_empty();
    // Among several certificates that fit, the one that the signer named by digest goes first.
    let mut ordered = candidates.clone();
    ordered.sort_by_key(|certificate| !reference.matches(certificate));
    facts.certificate = ordered.first().map(|certificate| (*certificate).clone());
    facts.certificate_reference = ordered.first().map_or(CertificateReference::Absent, |certificate| reference.check(certificate));

    let Some(digest) = facts.digest else { return no_digest(info, facts) };
    let attributes = match &info.signed {
        Some(signed) => match content_attributes(frame.data, signed, digest, message, over, facts) {
            Ok(()) => Some(signed),
            Err(integrity) => return integrity,
        },
        None if over == Over::Content && !matches!(frame.data.content_type, oid::DATA | oid::GM_DATA) => {
            return Integrity::Malformed("content other than plain data needs signed attributes".into());
        }
        None if message.is_missing() => return Integrity::ContentMissing,
        None if looks_like_attributes(message) => {
            return Integrity::Malformed("the content is the signed attributes of another signature".into());
        }
        None if is_login_challenge(message) => {
            return Integrity::Malformed("the content is a login challenge: what was signed to log in signs no document".into());
        }
        None => None,
    };
    if ordered.is_empty() {
        return Integrity::CertificateMissing;
    }
    let mut finding = Integrity::BadSignature;
    for certificate in ordered {
        let Ok(key) = certificate.public_key() else {
            finding = Integrity::Unsupported("the key of the certificate".into());
            continue;
        };
        match value(info, attributes, key, digest, message, facts) {
            Integrity::Intact => {
                facts.certificate = Some(certificate.clone());
                facts.certificate_reference = reference.check(certificate);
                return Integrity::Intact;
            }
            other => finding = other,
        }
    }
    finding
}

/// A digest that is not known is not supported. An identifier that is known to name no digest at all breaks the standard so that
/// nothing can be verified (RFC 5652 §10.1.1; EN 319 102-1 §5.2.2, FORMAT_FAILURE).
fn no_digest(info: &SignerInfo<'_>, facts: &SignerFacts) -> Integrity {
    match algorithm_oid(info.digest_algorithm) {
        None => Integrity::Malformed("the digest algorithm cannot be read".into()),
        Some(name) if is_key_or_signature(&name) => {
            Integrity::Malformed(format!("{name} names a signature algorithm where a digest must be named"))
        }
        Some(_) => Integrity::Unsupported(format!("digest {}", facts.digest_algorithm)),
    }
}

/// The signature value under one key.
fn value(
    info: &SignerInfo<'_>,
    attributes: Option<&Attributes<'_>>,
    key: &PublicKey,
    digest: Hash,
    message: &Message<'_>,
    facts: &mut SignerFacts,
) -> Integrity {
    let algorithm = match SignatureAlgorithm::from_der(info.signature_algorithm, Some(digest), key) {
        Ok(algorithm) => algorithm,
        // RFC 5652 lets the two digests differ where attributes stand between them; it is told and judged by policy.
        Err(VerifyError::Mismatch) if attributes.is_some() => match SignatureAlgorithm::from_der(info.signature_algorithm, None, key) {
            Ok(algorithm) => {
                facts.problems.push(Problem {
                    kind: ProblemKind::Algorithm,
                    zh: "内容摘要算法与签名算法所用的摘要算法不一致".into(),
                    en: "the digest of the content and the digest of the signature algorithm differ".into(),
                });
                algorithm
            }
            Err(error) => return refused(&error),
        },
        Err(error) => return refused(&error),
    };
    facts.signature_algorithm = algorithm.name();
    facts.signature_digest = algorithm.hash();
    let Some(attributes) = attributes else {
        let result = MessageVerifier::new(key, &algorithm).map(|mut verifier| {
            message.verify_into(&mut verifier)?;
            Ok::<_, std::io::Error>(verifier.finish(&info.signature))
        });
        return match result {
            Ok(Ok(Ok(()))) => Integrity::Intact,
            Ok(Ok(Err(error))) | Err(error) => refused(&error),
            Ok(Err(_)) => Integrity::ContentMissing,
        };
    };
    match verify(key, &algorithm, &attributes.signed_bytes(), &info.signature) {
        Ok(()) => Integrity::Intact,
        Err(VerifyError::BadSignature) => match attributes.sorted_bytes() {
            Some(sorted) if verify(key, &algorithm, &sorted, &info.signature).is_ok() => {
                facts.quirks.push(Quirk::AttributesNotSorted);
                Integrity::Intact
            }
            _ => Integrity::BadSignature,
        },
        Err(error) => refused(&error),
    }
}

fn refused(error: &VerifyError) -> Integrity {
    match error {
        VerifyError::BadSignature => Integrity::BadSignature,
        VerifyError::Unsupported(what) => Integrity::Unsupported(what.clone()),
        // The key in the certificate cannot have made a signature of this algorithm.
        VerifyError::Mismatch => Integrity::BadSignature,
        VerifyError::Malformed => Integrity::Malformed("the algorithm identifier cannot be read".into()),
    }
}

/// The two mandatory attributes (RFC 5652 §11.1, §11.2).
fn content_attributes(
    data: &SignedData<'_>,
    signed: &Attributes<'_>,
    digest: Hash,
    message: &Message<'_>,
    over: Over,
    facts: &mut SignerFacts,
) -> Result<(), Integrity> {
    let malformed = |why: &str| Integrity::Malformed(why.into());
    let single = |name, missing: &str| match signed.single(name) {
        Ok(Some(value)) => Ok(value),
        Ok(None) => Err(malformed(missing)),
        Err(error) => Err(malformed(&error.to_string())),
    };
    if over == Over::Content {
        let named = single(oid::CONTENT_TYPE, "the content-type attribute is missing")?;
        let named = read_oid(named).map_err(|_| malformed("the content-type attribute cannot be read"))?;
        let (same, mixed) = same_type(named, data.content_type);
        if !same {
            return Err(malformed("the content-type attribute names another type than the content"));
        }
        if mixed {
            facts.quirks.push(Quirk::DialectMixed);
        }
    } else if signed.all(oid::CONTENT_TYPE).next().is_some() {
        // RFC 5652 §11.4: with one it would be a signature over a document whose octets are these.
        return Err(malformed("a counter-signature has no content type"));
    }
    let stored = single(oid::MESSAGE_DIGEST, "the message-digest attribute is missing")?;
    let stored = stored.expect(tag::OCTET_STRING).map_err(|_| malformed("the message-digest attribute cannot be read"))?.value;
    match message.digest(digest) {
        Ok(Some(computed)) if computed == stored => Ok(()),
        Ok(Some(_)) => Err(Integrity::HashMismatch),
        Ok(None) | Err(_) => Err(Integrity::ContentMissing),
    }
}

/// A signature over attributes, replayed as a signature over content, is refused: whoever signed those octets signed a
/// digest, not this "content".
fn looks_like_attributes(message: &Message<'_>) -> bool {
    let Some(octets) = message.short(64 * 1024) else { return false };
    let Ok(set) = Tlv::parse(&octets).and_then(|set| set.expect(tag::SET)) else { return false };
    set.children().any(|attribute| {
        let name = attribute.and_then(|attribute| attribute.expect(tag::SEQUENCE)?.children().read()).and_then(read_oid);
        name == Ok(oid::MESSAGE_DIGEST)
    })
}

/// A signature made to log in stands over a text of fixed beginning and over nothing else; shown as a document's it is refused.
fn is_login_challenge(message: &Message<'_>) -> bool {
    message.short(64 * 1024).is_some_and(|octets| octets.starts_with(LOGIN_CHALLENGE.as_bytes()))
}

/// What the signed attributes say beside the digest.
fn read_signed(signed: &Attributes<'_>, message: &Message<'_>, facts: &mut SignerFacts) {
    // Claimed roles are nobody's basis for anything here; some programs put several values into the attribute.
    const SINGLE: [der::asn1::ObjectIdentifier; 7] = [
        oid::CONTENT_TYPE,
        oid::MESSAGE_DIGEST,
        oid::SIGNING_TIME,
        oid::SIGNING_CERTIFICATE,
        oid::SIGNING_CERTIFICATE_V2,
        oid::SIGNATURE_POLICY,
        oid::SIGNER_ATTRIBUTES_V2,
    ];
    for name in SINGLE {
        if signed.single(name).is_err() {
            let zh = format!("签名属性 {name} 只能出现一次");
            facts.problems.push(Problem::malformed(zh, format!("the signed attribute {name} must stand once with one value")));
        }
    }
    if let Ok(Some(value)) = signed.single(oid::SIGNING_TIME) {
        match asn1_time(value) {
            Ok(at) => facts.signing_time = Some(at),
            Err(_) => facts.problems.push(Problem::malformed("签名时间属性无法读取", "the signing-time attribute cannot be read")),
        }
    }
    if let Ok(Some(policy)) = signed.single(oid::SIGNATURE_POLICY)
        && policy.tag == tag::SEQUENCE
    {
        facts.policy = policy.children().read().and_then(read_oid).ok();
    }
    for archival in signed.values(oid::ADOBE_REVOCATION) {
        let parts = archival.children().filter_map(Result::ok).filter(|part| matches!(part.tag, 0xa0 | 0xa1));
        let lists = parts.filter_map(|part| part.inner().ok());
        facts.carried.extend(lists.flat_map(|list| values(list.value).take(64).map(id_of).collect::<Vec<_>>()));
        for part in archival.children().filter_map(Result::ok) {
            let list = match part.tag {
                tag if tag == tag::context(0) => &mut facts.crls,
                tag if tag == tag::context(1) => &mut facts.ocsps,
                _ => continue,
            };
            if let Ok(sequence) = part.inner() {
                list.extend(values(sequence.value).take(64).map(<[u8]>::to_vec));
            }
        }
    }
    for token in signed.values(oid::CONTENT_TIMESTAMP).take(MAX_TIMESTAMPS) {
        facts.timestamps.push(token_facts(TimestampKind::Content, token.raw, message, &facts.certificates));
    }
}

/// CMSAlgorithmProtection: the algorithms of the SignerInfo, which nothing else protects, repeated under the signature. RFC 6211 §3.
fn protection(signed: &Attributes<'_>, info: &SignerInfo<'_>, facts: &mut SignerFacts) {
    let read = |value: Tlv<'_>| -> Result<bool, TlvError> {
        let mut fields = value.expect(tag::SEQUENCE)?.children();
        let digest = fields.expect(tag::SEQUENCE)?.children().read().and_then(read_oid)?;
        let signature = fields.expect(tag::context(1))?.children().read().and_then(read_oid)?;
        Ok(algorithm_oid(info.digest_algorithm) == Some(digest) && algorithm_oid(info.signature_algorithm) == Some(signature))
    };
    let same = match signed.single(oid::ALGORITHM_PROTECTION) {
        Ok(None) => true,
        Ok(Some(value)) => read(value).unwrap_or(false),
        Err(_) => false,
    };
    if !same {
        facts.problems.push(Problem {
            kind: ProblemKind::Algorithm,
            zh: "签名内保护的算法与外部所写的算法不一致".into(),
            en: "the algorithms protected by the signature differ from those written outside it (RFC 6211)".into(),
        });
    }
}

/// Unsigned attributes: time-stamps over the signature, counter-signatures, validation material, and what is only named.
fn read_unsigned(frame: &Frame<'_, '_>, info: &SignerInfo<'_>, message: &Message<'_>, over: Over, facts: &mut SignerFacts) {
    let Some(unsigned) = &info.unsigned else { return };
    for attribute in &unsigned.list {
        facts.carried.extend(attribute.values.iter().flat_map(|value| held_ids(attribute.oid, *value)));
        match attribute.oid {
            oid::EVIDENCE_RECORD_INTERNAL | oid::EVIDENCE_RECORD_EXTERNAL => facts.unjudged.push(Unjudged::EvidenceRecord),
            // They could only prove more; without them the signature is judged by what is left.
            oid::CERT_CRL_TIMESTAMP | oid::ESC_TIMESTAMP => facts
                .problems
                .push(Problem::notice("含有引用时间戳，未作为时间证明", "time-stamps over references are not taken for a proof of time")),
            oid::ARCHIVE_TIMESTAMP | oid::ARCHIVE_TIMESTAMP_V2 | oid::LONG_TERM_VALIDATION => facts.problems.push(Problem::notice(
                "含有旧式归档时间戳，未作为时间证明",
                "archive time-stamps of an older form are not taken for a proof of time",
            )),
            _ => {}
        }
    }
    validation_values(unsigned, facts);
    let signature = Message::octets(&info.signature);
    for (name, kind) in [(oid::SIGNATURE_TIMESTAMP, TimestampKind::Signature), (oid::ARCHIVE_TIMESTAMP_V3, TimestampKind::Archive)] {
        if unsigned.values(name).count() > MAX_TIMESTAMPS {
            let zh = format!("同类时间戳超过 {MAX_TIMESTAMPS} 个，其余未判断");
            facts
                .problems
                .push(Problem::notice(zh, format!("more than {MAX_TIMESTAMPS} time-stamps of a kind; the others were not judged")));
        }
        for value in unsigned.values(name).take(MAX_TIMESTAMPS) {
            let mut stamp = match kind {
                TimestampKind::Archive => token_facts(kind, value.raw, &Message::outside(&ContentRanges::none()), &facts.certificates),
                _ => token_facts(kind, value.raw, &signature, &facts.certificates),
            };
            if let (TimestampKind::Archive, Some(token), Ok(data)) = (kind, &mut stamp.token, SignedData::parse(value.raw)) {
                let imprint = (token.imprint_digest, token.imprint_value.as_slice());
                (token.imprint, token.covers, token.index_digest) = archive::compare(frame.data, info, message, &data, imprint);
            }
            facts.timestamps.push(stamp);
        }
    }
    let depth = if let Over::Signature(depth) = over { depth } else { 0 };
    let counters: Vec<Tlv<'_>> = unsigned.values(oid::COUNTER_SIGNATURE).collect();
    if counters.len() > MAX_COUNTERS || depth >= MAX_COUNTER_DEPTH && !counters.is_empty() {
        facts.unjudged.push(Unjudged::CounterSignature);
        return;
    }
    for (at, value) in counters.into_iter().enumerate() {
        facts.countersigners.push(match SignerInfo::parse(value) {
            Ok(counter) => signer_of(frame, at, &counter, &signature, Over::Signature(depth.saturating_add(1))),
            Err(error) => SignerFacts::unreadable(unreadable(&error)),
        });
    }
}

/// Certificates and revocation data kept in unsigned attributes (EN 319 122-1 annex A.1).
fn validation_values(unsigned: &Attributes<'_>, facts: &mut SignerFacts) {
    let carried =
        unsigned.values(oid::CERTIFICATE_VALUES).flat_map(|list| values(list.value).take(64).map(<[u8]>::to_vec).collect::<Vec<_>>());
    let carried: Vec<Certificate> = carried.filter_map(|der| Certificate::familiar(&der).ok()).collect();
    if !carried.is_empty() {
        facts.certificates = facts.certificates.iter().cloned().chain(carried).collect();
    }
    for list in unsigned.values(oid::REVOCATION_VALUES) {
        for part in list.children().filter_map(Result::ok) {
            let kept = match part.tag {
                tag if tag == tag::context(0) => &mut facts.crls,
                tag if tag == tag::context(1) => &mut facts.ocsps,
                _ => continue,
            };
            if let Ok(sequence) = part.inner() {
                kept.extend(values(sequence.value).take(64).map(<[u8]>::to_vec));
            }
        }
    }
}

/// What the value of an unsigned attribute holds, by SHA-256: a token with what it brings, certificates, lists, answers.
pub(super) fn held_ids(attribute: der::asn1::ObjectIdentifier, value: Tlv<'_>) -> Vec<Id> {
    let each = |list: Tlv<'_>| values(list.value).take(64).map(id_of).collect::<Vec<_>>();
    match attribute {
        oid::CERTIFICATE_VALUES => each(value),
        oid::REVOCATION_VALUES => {
            let parts = value.children().filter_map(Result::ok).filter(|part| matches!(part.tag, 0xa0 | 0xa1));
            parts.filter_map(|part| part.inner().ok()).flat_map(each).collect()
        }
        oid::SIGNATURE_TIMESTAMP | oid::ARCHIVE_TIMESTAMP_V3 => {
            let mut ids = vec![id_of(value.raw)];
            if let Ok(data) = SignedData::parse(value.raw) {
                ids.extend(data.certificates.iter().chain(&data.crls).chain(&data.ocsps).map(|der| id_of(der)));
                let unsigned = data.signers.first().and_then(|signer| signer.unsigned.as_ref());
                for attribute in unsigned.iter().flat_map(|unsigned| &unsigned.list) {
                    // One level: a token's own attributes are not followed to further tokens.
                    if matches!(attribute.oid, oid::CERTIFICATE_VALUES | oid::REVOCATION_VALUES) {
                        ids.extend(attribute.values.iter().flat_map(|value| held_ids(attribute.oid, *value)));
                    }
                }
            }
            ids
        }
        oid::COUNTER_SIGNATURE => SignerInfo::parse(value).map(|counter| vec![id_of(&counter.signature)]).unwrap_or_default(),
        _ => Vec::new(),
    }
}

/// Checks a token: its own signature, and its imprint over `stamped`. RFC 3161 §2.4.2.
pub(super) fn token_facts(kind: TimestampKind, token: &[u8], stamped: &Message<'_>, extra: &[Certificate]) -> TimestampFacts {
    let refused = |integrity| TimestampFacts { kind, token: None, signer: SignerFacts::unreadable(integrity) };
    let data = match SignedData::parse(token) {
        Ok(data) => data,
        Err(error) => return refused(unreadable(&error)),
    };
    let info = match of_signed_data(&data) {
        Ok(info) => info,
        Err(error) => return refused(unreadable(&error)),
    };
    let [_] = data.signers.as_slice() else {
        return refused(Integrity::Malformed("a time-stamp token has exactly one signer".into()));
    };
    let inside = data.certificates.iter().filter_map(|der| Certificate::familiar(der).ok());
    let frame = Frame::new(&data, inside.chain(extra.iter().cloned()).collect());
    let Some(content) = data.content.as_deref() else {
        return refused(Integrity::ContentMissing);
    };
    // Attributes of a token's own signer are read one level deep: a time-stamp on a time-stamp is not followed.
    let mut signer = signer_of_token(&frame, content);
    let imprint_digest = algorithm_oid(&info.imprint.algorithm).as_ref().and_then(Hash::from_oid);
    let imprint = match imprint_digest.map(|hash| stamped.digest(hash)) {
        None => Imprint::Unsupported,
        Some(Ok(Some(digest))) if digest == info.imprint.digest => Imprint::Matches,
        Some(Ok(Some(_))) => Imprint::Differs,
        Some(Ok(None) | Err(_)) => Imprint::ContentMissing,
    };
    signer.timestamps.clear();
    let token = TokenFacts {
        time: info.time,
        accuracy: info.accuracy,
        serial: hex::encode(&info.serial),
        policy: info.policy,
        imprint_digest,
        imprint,
        critical_extension: info.critical_extension,
        id: id_of(token),
        imprint_value: info.imprint.digest,
        covers: Vec::new(),
        index_digest: None,
    };
    TimestampFacts { kind, token: Some(token), signer }
}

fn signer_of_token(frame: &Frame<'_, '_>, content: &[u8]) -> SignerFacts {
    let message = Message::octets(content);
    let mut facts = frame.blank(0);
    let Some(info) = frame.data.signers.first() else { return facts };
    frame.name_algorithms(info, &mut facts);
    if let Some(Ok(Some(at))) = info.signed.as_ref().map(|signed| signed.single(oid::SIGNING_TIME)) {
        facts.signing_time = asn1_time(at).ok();
    }
    facts.integrity = arithmetic(frame, info, &message, Over::Content, &mut facts);
    if let Some(unsigned) = &info.unsigned {
        validation_values(unsigned, &mut facts);
        for attribute in &unsigned.list {
            if matches!(attribute.oid, oid::CERTIFICATE_VALUES | oid::REVOCATION_VALUES) {
                facts.carried.extend(attribute.values.iter().flat_map(|value| held_ids(attribute.oid, *value)));
            }
        }
    }
    facts
}

/// The ESS signing-certificate attributes: the digests that name the signer's certificate (RFC 5035 §3, §4; RFC 2634 §5.4).
#[derive(Default)]
struct References {
    /// Of each attribute, the first entry.
    list: Vec<Reference>,
}

/// ESSCertID, ESSCertIDv2.
struct Reference {
    /// The digest algorithm, if it is supported.
    hash: Option<Hash>,
    digest: Vec<u8>,
    /// Issuer (if it is a plain name) and serial number.
    issuer_serial: Option<(Option<Name>, Vec<u8>)>,
}

impl Reference {
    /// Digest and, where they stand, issuer and serial number must all be the certificate's.
    fn fits(&self, hash: Hash, certificate: &Certificate) -> bool {
        let named = self.issuer_serial.as_ref().is_none_or(|(issuer, serial)| {
            issuer.as_ref().is_none_or(|issuer| issuer == certificate.issuer()) && same_integer(certificate.serial(), serial)
        });
        named && hash.digest(certificate.der()) == self.digest
    }
}

impl References {
    fn read(signed: &Attributes<'_>) -> Result<Self, &'static str> {
        const BROKEN: &str = "the signing-certificate attribute cannot be read";
        let mut list = Vec::new();
        for (name, version) in [(oid::SIGNING_CERTIFICATE, 1), (oid::SIGNING_CERTIFICATE_V2, 2)] {
            let Some(value) = signed.single(name).map_err(|_| "the signing-certificate attribute stands more than once")? else { continue };
            list.push(first_reference(value, version).map_err(|_| BROKEN)?);
        }
        Ok(Self { list })
    }

    fn check(&self, certificate: &Certificate) -> CertificateReference {
        let mut result = CertificateReference::Absent;
        for reference in &self.list {
            match reference.hash {
                None => return CertificateReference::Unsupported,
                Some(hash) if !reference.fits(hash, certificate) => return CertificateReference::Differs,
                Some(hash) => result = CertificateReference::Matches(hash),
            }
        }
        result
    }

    fn matches(&self, certificate: &Certificate) -> bool {
        matches!(self.check(certificate), CertificateReference::Matches(_))
    }
}

fn first_reference(value: Tlv<'_>, version: u8) -> Result<Reference, TlvError> {
    let certs = value.expect(tag::SEQUENCE)?.children().expect(tag::SEQUENCE)?;
    let mut fields = certs.children().expect(tag::SEQUENCE)?.children();
    let hash = match (version, fields.optional(tag::SEQUENCE)?) {
        (1, None) => Some(Hash::Sha1),
        (1, Some(_)) => return Err(TlvError::Unexpected),
        (_, None) => Some(Hash::Sha256),
        (_, Some(algorithm)) => algorithm_oid(algorithm.raw).as_ref().and_then(Hash::from_oid),
    };
    let digest = fields.expect(tag::OCTET_STRING)?.value.to_vec();
    let issuer_serial = match fields.optional(tag::SEQUENCE)? {
        None => None,
        Some(pair) => {
            let mut parts = pair.children();
            let names = parts.expect(tag::SEQUENCE)?;
            let serial = parts.expect(tag::INTEGER)?.value.to_vec();
            let directory = names.children().filter_map(Result::ok).find(|name| name.tag == tag::context(4));
            Some((directory.and_then(|name| Name::from_der(name.value).ok()), serial))
        }
    };
    Ok(Reference { hash, digest, issuer_serial })
}
