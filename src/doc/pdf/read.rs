//! From an opened PDF to its facts.

use super::changes::{Findings, Level, Newest, after};
use super::document::{Document, Revision};
use super::fields::{Field, form};
use super::input::PdfError;
use super::mdp::{Permissions, permissions};
use super::object::Object;
use super::seed::seeds;
use super::signature::{Signature, SubFilter, date, signature};
use super::store::security_store;
use crate::doc::ReadOptions;
use crate::doc::facts::{
    Changes, ContentRanges, ContentRule, Coverage, Facts, Format, Integrity, Problem, ProblemKind, SignatureFacts, SignatureKind,
    SignerFacts, TimestampKind, Unjudged,
};
use crate::doc::source::ByteSource;
use crate::pki::Certificate;
use crate::pki::tlv::{Tlv, tag};

/// Most signatures of one file that are read.
const MAX_SIGNATURES: usize = 500;

/// Fills `facts` with what the PDF in `source` says about itself.
pub fn read(source: &dyn ByteSource, options: &ReadOptions<'_>, mut facts: Facts) -> Facts {
    facts.format = Format::Pades;
    if let Err(error) = read_into(source, options, &mut facts) {
        facts.problems.push(error.problem());
    }
    // A damaged file that holds nothing like a signature is a file without one, whatever else is wrong with it.
    let unsigned = facts.signatures.is_empty() && !mentions(source, b"/ByteRange");
    if unsigned {
        facts.problems.iter_mut().for_each(|problem| problem.kind = ProblemKind::Notice);
    }
    facts
}

fn read_into(source: &dyn ByteSource, options: &ReadOptions<'_>, facts: &mut Facts) -> Result<(), PdfError> {
    let document = Document::open(source)?;
    let latest = document.latest();
    if document.encrypted() {
        facts.problems.push(Problem::unsupported("ENCRYPTION_UNSUPPORTED", "文件已加密，暂不能核验", "the file is encrypted"));
    }
    let fields: Vec<Field> = form(latest)?.fields.into_iter().filter(|field| field.kind == b"Sig").collect();
    let signed = fields.iter().filter(|field| field.value.is_some()).count();
    if signed > MAX_SIGNATURES {
        return Err(PdfError::Work);
    }
    let mut found = Vec::new();
    for field in fields {
        if let Some(value) = &field.value {
            let reading = signature(latest, value);
            found.push((field, reading));
        }
    }
    // In the order of signing; what cannot be read comes last.
    found.sort_by_key(|(_, reading)| reading.as_ref().map_or(u64::MAX, |signature| signature.ranges[1].end));
    let store = security_store(latest)?;
    facts.certificates = store.certificates.iter().filter_map(|der| Certificate::from_der(der).ok()).collect();
    facts.crls = store.crls;
    facts.ocsps = store.ocsps;
    let mut extra: Vec<Certificate> = options.certificates.to_vec();
    extra.extend(facts.certificates.iter().cloned());

    let revisions: Vec<_> =
        found.iter().map(|(_, reading)| reading.as_ref().ok().and_then(|signature| covered(&document, signature))).collect();
    let oldest = revisions.iter().flatten().min_by_key(|revision| revision.newest).copied().unwrap_or(latest);
    let newest = Newest::new(&document, oldest);
    for ((field, reading), revision) in found.iter().zip(revisions) {
        match reading {
            Ok(signature) => {
                let mut found = entries(&newest, field, signature, revision, &extra);
                // A document time-stamp proves the security store as it was in the revision that it ends.
                for token in found.iter_mut().filter_map(|entry| entry.token.as_mut()) {
                    token.covers = revision.and_then(|revision| security_store(revision).ok()).map(|store| store.ids()).unwrap_or_default();
                }
                facts.signatures.extend(found);
            }
            Err(error) => facts.signatures.push(unreadable(field, *error)),
        }
    }
    orphans(&document, found.len(), facts)
}

/// The revision that a signature covers; `None` if its ranges end anywhere else.
fn covered<'d, 'a>(document: &'d Document<'a>, signature: &Signature) -> Option<Revision<'d, 'a>> {
    let end = signature.ranges[1].end;
    if end == document.input.len() { Some(document.latest()) } else { document.revision_ending_at(end) }
}

fn unreadable(field: &Field, error: PdfError) -> SignatureFacts {
    let problem = error.problem();
    let integrity = match &problem.kind {
        ProblemKind::Unsupported(name) => Integrity::Unsupported((*name).to_owned()),
        _ => Integrity::Malformed(problem.en.clone()),
    };
    let mut entry = SignatureFacts::new(field.name.clone(), SignatureKind::Signature, SignerFacts::unreadable(integrity));
    entry.coverage = Coverage::Partial;
    entry.problems.push(problem);
    entry
}

/// What one signature dictionary says: an entry for every signer in it.
fn entries(
    newest: &Newest<'_, '_>,
    field: &Field,
    signature: &Signature,
    revision: Option<Revision<'_, '_>>,
    extra: &[Certificate],
) -> Vec<SignatureFacts> {
    let mut entries = signers(newest, field, signature, extra);
    for entry in &mut entries {
        entry.end = signature.ranges[1].end;
        let latest = newest.latest();
        if let Ok(Object::Text(text)) = latest.value(&signature.dictionary, "M") {
            entry.claimed_time = date(&text.octets);
        }
        if let Err(error) = surroundings(newest, field, signature, revision, entry) {
            entry.problems.push(error.problem());
        }
    }
    entries
}

/// Coverage, later changes, permissions, demands of the field.
fn surroundings(
    newest: &Newest<'_, '_>,
    field: &Field,
    signature: &Signature,
    revision: Option<Revision<'_, '_>>,
    entry: &mut SignatureFacts,
) -> Result<(), PdfError> {
    let Some(revision) = revision else {
        entry.coverage = Coverage::Partial;
        entry.problems.push(Problem::malformed("签名范围不是完整的修订", "the signed ranges are not a whole revision of the file"));
        return Ok(());
    };
    let end = signature.ranges[1].end;
    // The dictionary must be the very one that stood in the signed revision.
    let moved = signature.id.is_some_and(|id| revision.entry(id.number) != newest.latest().entry(id.number));
    if moved || signature.ranges[0].end >= end {
        entry.coverage = Coverage::Partial;
        entry
            .problems
            .push(Problem::malformed("签名字典不在其签名的修订中", "the signature dictionary is not part of the revision it signs"));
        return Ok(());
    }
    let permissions = permissions(revision, &signature.dictionary)?;
    if permissions.unknown {
        entry.unjudged.push(Unjudged::Permissions);
    }
    let seeds = seeds(revision, &field.dictionary, &signature.dictionary, &entry.signer, &permissions)?;
    entry.problems.extend(seeds.broken.into_iter().map(|(zh, en)| Problem { kind: ProblemKind::Constraint, zh: zh.into(), en: en.into() }));
    if seeds.unjudged {
        entry.unjudged.push(Unjudged::SeedValues);
    }
    if end < newest.latest().document.input.len() {
        entry.coverage = if revision.is_latest() { Coverage::WholeDocument } else { Coverage::EarlierRevision };
        let findings = after(newest, revision, end, &permissions);
        weigh(findings, &permissions, entry);
    }
    Ok(())
}

fn weigh(mut findings: Findings, permissions: &Permissions, entry: &mut SignatureFacts) {
    if permissions.certification == Some(1) && findings.level > Level::Preservation {
        findings.suspicious.push(("认证签名不允许任何后续签名".into(), "the certification permits no further signatures".into()));
    }
    entry.changes = if !findings.suspicious.is_empty() {
        Changes::Suspicious(findings.suspicious)
    } else if !findings.undecided.is_empty() {
        entry.unjudged.push(Unjudged::LaterRevisions);
        entry.problems.extend(findings.undecided.into_iter().map(|(zh, en)| Problem::notice(zh, en)));
        Changes::Unjudged
    } else if entry.coverage == Coverage::WholeDocument {
        Changes::None
    } else {
        Changes::Permitted(findings.permitted)
    };
}

/// Who signed: the octets of `/Contents` judged over the ranges.
fn signers(newest: &Newest<'_, '_>, field: &Field, signature: &Signature, extra: &[Certificate]) -> Vec<SignatureFacts> {
    let unsupported = |kind, name: &'static str, zh: &str, en: String| {
        let mut entry = SignatureFacts::new(field.name.clone(), kind, SignerFacts::unreadable(Integrity::Unsupported(name.to_owned())));
        entry.problems.push(Problem::unsupported(name, zh, en));
        vec![entry]
    };
    let name = signature.dictionary.name("SubFilter").map(String::from_utf8_lossy).unwrap_or_default().into_owned();
    let (blob, padding) = match Tlv::split(&signature.contents) {
        Ok((blob, padding)) => (blob, padding),
        Err(_) => (Tlv { tag: 0, value: &[], raw: &signature.contents, indefinite: false }, &[][..]),
    };
    if is_seal(&blob) {
        return unsupported(
            SignatureKind::Seal,
            "SES_SIGNATURE_UNSUPPORTED",
            "电子签章数据（SES_Signature）暂不支持",
            format!("an electronic seal (SES_Signature) under {name} is not supported yet"),
        );
    }
    let rule = match signature.sub_filter {
        SubFilter::Detached => ContentRule::Detached,
        SubFilter::Sha1 => ContentRule::Sha1OfRanges,
        SubFilter::TimeStamp => ContentRule::Detached,
        SubFilter::Other => {
            return unsupported(
                SignatureKind::Signature,
                "SUBFILTER_UNSUPPORTED",
                "签名编码暂不支持",
                format!("the signature encoding {name} is not supported"),
            );
        }
    };
    let content = ContentRanges { source: newest.latest().document.input.source(), ranges: signature.ranges.to_vec(), rule };
    let mut entries = Vec::new();
    if signature.sub_filter == SubFilter::TimeStamp {
        let stamp = crate::doc::timestamp_facts(TimestampKind::Document, blob.raw, &content, extra);
        let mut entry = SignatureFacts::new(field.name.clone(), SignatureKind::DocumentTimestamp, stamp.signer);
        entry.token = stamp.token;
        entries.push(entry);
    } else {
        for signer in crate::doc::signer_facts(blob.raw, &content, extra) {
            let id = if entries.is_empty() { field.name.clone() } else { format!("{}#{}", field.name, entries.len() + 1) };
            entries.push(SignatureFacts::new(id, SignatureKind::Signature, signer));
        }
    }
    if padding.iter().any(|octet| *octet != 0) {
        let notice = Problem::notice("签名数据之后的填充不全为零", "the padding after the signature is not all zero");
        entries.iter_mut().for_each(|entry| entry.problems.push(notice.clone()));
    }
    entries
}

/// Whether the octets are a SES_Signature (GM/T 0031, GB/T 38540): a sequence whose first member is a sequence that starts with a
/// version number, where SignedData has an object identifier.
fn is_seal(blob: &Tlv<'_>) -> bool {
    let first = blob.expect(tag::SEQUENCE).and_then(|outer| outer.children().expect(tag::SEQUENCE));
    first.is_ok_and(|first| first.children().expect(tag::INTEGER).is_ok())
}

/// Names what looks like a signature and stands in no field: readers may show it, nothing here judges it.
fn orphans(document: &Document<'_>, in_fields: usize, facts: &mut Facts) -> Result<(), PdfError> {
    let latest = document.latest();
    if let Some(rights) = latest.dictionary(&latest.catalog()?, "Perms")?
        && (rights.get("UR3").is_some() || rights.get("UR").is_some())
    {
        facts
            .problems
            .push(Problem::notice("文件带有使用权限签名（不是签署）", "the file carries a usage-rights signature, which is no signing"));
        return Ok(());
    }
    if in_fields == 0 && mentions(document.input.source(), b"/ByteRange") {
        facts.problems.push(Problem::notice(
            "文件中有不属于任何签名域的签名字典",
            "the file holds a signature dictionary that belongs to no signature field",
        ));
    }
    Ok(())
}

/// Whether the octets stand anywhere in the file.
fn mentions(source: &dyn ByteSource, word: &[u8]) -> bool {
    let mut found = false;
    let mut carried: Vec<u8> = Vec::new();
    let streamed = source.stream(0, source.len(), &mut |piece| {
        let border = piece.len().min(word.len());
        carried.extend_from_slice(piece.get(..border).unwrap_or_default());
        found = found || contains(&carried, word) || contains(piece, word);
        let tail = piece.len().saturating_sub(word.len());
        carried = piece.get(tail..).unwrap_or_default().to_vec();
    });
    found || streamed.is_err()
}

fn contains(octets: &[u8], word: &[u8]) -> bool {
    use std::io::BufRead as _;
    let Some((&first, after)) = word.split_first() else { return true };
    let mut rest = octets;
    // Reading from a slice cannot fail; `skip_until` finds the next candidate faster than a loop over octets.
    while let Ok(skipped) = rest.skip_until(first) {
        if skipped == 0 {
            return false;
        }
        if rest.starts_with(after) {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_across_the_border_of_two_pieces() {
        for at in [0, 1, 65_530, 65_536, 131_071, 199_990] {
            let mut bytes = vec![b'/'; 200_000];
            bytes[at..at + 10].copy_from_slice(b"/ByteRange");
            assert!(mentions(&bytes, b"/ByteRange"), "{at}");
        }
        assert!(!mentions(&vec![b'/'; 200_000], b"/ByteRange"));
        assert!(!mentions(&b"/ByteRang".to_vec(), b"/ByteRange"));
    }
}
