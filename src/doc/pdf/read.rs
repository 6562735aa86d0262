//! From an opened PDF to its facts.

use super::changes::{Border, Chain, Findings};
use super::document::{Document, Revision};
use super::fields::{Field, form};
use super::input::PdfError;
use super::mdp::{Permissions, add_lock, permissions};
use super::object::Object;
use super::pages::{Pages, pages};
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
    let form = form(latest)?;
    let fields: Vec<&Field> = form.fields.iter().filter(|field| field.kind == b"Sig").collect();
    let signed = fields.iter().filter(|field| field.value.is_some()).count();
    if signed > MAX_SIGNATURES {
        return Err(PdfError::Work);
    }
    let pages = pages(latest).unwrap_or_else(|error| {
        facts.problems.push(error.problem());
        Pages::default()
    });
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
    facts.certificates = store.certificates.iter().filter_map(|der| Certificate::familiar(der).ok()).collect();
    facts.crls = store.crls;
    facts.ocsps = store.ocsps;
    let mut extra: Vec<Certificate> = options.certificates.to_vec();
    extra.extend(facts.certificates.iter().cloned());

    let borders: Vec<Option<Border>> =
        found.iter().map(|(_, reading)| reading.as_ref().ok().and_then(|signature| border(&document, signature))).collect();
    let followed: Vec<Border> = borders.iter().flatten().copied().filter(|border| border.1 < document.input.len()).collect();
    let chain = Chain::new(&document, &followed, &form, &pages);
    let mut setting = Setting { document: &document, chain, extra: &extra, certified: None, signed: 0 };
    for ((field, reading), border) in found.iter().zip(borders) {
        match reading {
            Ok(signature) => {
                let mut found = setting.entries(field, signature, border);
                // A document time-stamp proves the security store as it was in the revision that it ends.
                for token in found.iter_mut().filter_map(|entry| entry.token.as_mut()) {
                    let revision = border.map(|(newest, _)| Revision { document: &document, newest });
                    token.covers = revision.and_then(|revision| security_store(revision).ok()).map(|store| store.ids()).unwrap_or_default();
                }
                facts.signatures.extend(found);
            }
            Err(error) => facts.signatures.push(unreadable(field, *error)),
        }
    }
    facts.licence = super::licence::read(latest, &pages);
    if !facts.signatures.is_empty() {
        facts.problems.extend(super::views::notes(latest)?);
        facts.problems.extend(super::views::other_kinds(source).map_err(|_| PdfError::Io)?);
    }
    facts.work = document.input.spent();
    orphans(&document, found.len(), facts)
}

/// Where the revision ends that a signature covers; `None` if its ranges end anywhere else.
fn border(document: &Document<'_>, signature: &Signature) -> Option<Border> {
    let end = signature.ranges[1].end;
    let revision = if end == document.input.len() { document.latest() } else { document.revision_ending_at(end)? };
    Some((revision.newest, end))
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

/// What the signatures of a file have in common, read in the order of signing.
struct Setting<'c, 'a> {
    document: &'c Document<'a>,
    chain: Chain,
    extra: &'c [Certificate],
    /// The strictest certification so far.
    certified: Option<i64>,
    /// How many signatures, document time-stamps not counted, were read so far.
    signed: usize,
}

impl Setting<'_, '_> {
    /// What one signature dictionary says: an entry for every signer in it.
    fn entries(&mut self, field: &Field, signature: &Signature, border: Option<Border>) -> Vec<SignatureFacts> {
        let mut entries = signers(self.document, field, signature, self.extra);
        let latest = self.document.latest();
        let claimed = match latest.value(&signature.dictionary, "M") {
            Ok(Object::Text(text)) => date(&text.octets),
            _ => None,
        };
        let around = self.surroundings(field, signature, border, entries.first().map(|entry| &entry.signer));
        for entry in &mut entries {
            // A seal's signature states its own time among what is signed with the seal.
            let own = entry.kind == SignatureKind::Seal && entry.signer.signing_time.is_some();
            entry.claimed_time = if own { None } else { claimed };
            entry.end = signature.ranges[1].end;
            match &around {
                Ok(around) => around.put_on(entry),
                Err(error) => entry.problems.push(error.problem()),
            }
        }
        entries
    }

    /// Coverage, later changes, permissions, demands of the field.
    fn surroundings(
        &mut self,
        field: &Field,
        signature: &Signature,
        border: Option<Border>,
        signer: Option<&SignerFacts>,
    ) -> Result<Surroundings, PdfError> {
        let mut around = Surroundings {
            coverage: Coverage::Partial,
            changes: Changes::None,
            problems: Vec::new(),
            met: Vec::new(),
            unjudged: Vec::new(),
        };
        let Some(border) = border else {
            around.problems.push(Problem::malformed("签名范围不是完整的修订", "the signed ranges are not a whole revision of the file"));
            return Ok(around);
        };
        let revision = Revision { document: self.document, newest: border.0 };
        // The dictionary must be the very one that stood in the signed revision.
        let moved = signature.id.is_some_and(|id| revision.entry(id.number) != self.document.latest().entry(id.number));
        if moved || signature.ranges[0].end >= border.1 {
            let en = "the signature dictionary is not part of the revision it signs";
            around.problems.push(Problem::malformed("签名字典不在其签名的修订中", en));
            return Ok(around);
        }
        let mut permissions = permissions(revision, &signature.dictionary)?;
        add_lock(revision, &field.dictionary, &mut permissions)?;
        if permissions.unknown {
            around.unjudged.push(Unjudged::Permissions);
        }
        if let Some(signer) = signer {
            let seeds = seeds(revision, &field.dictionary, &signature.dictionary, signer, &permissions)?;
            around.problems.extend(seeds.problems());
            around.met = seeds.met.iter().map(|(zh, en)| ((*zh).to_owned(), (*en).to_owned())).collect();
            if seeds.unjudged {
                around.unjudged.push(Unjudged::SeedValues);
            }
        }
        self.certify(revision, signature, &mut permissions, &mut around)?;
        if border.1 < self.document.input.len() {
            around.coverage = if revision.is_latest() { Coverage::WholeDocument } else { Coverage::EarlierRevision };
            around.weigh(self.chain.after(border, &permissions));
        } else {
            around.coverage = Coverage::WholeDocument;
        }
        Ok(around)
    }

    /// A certification binds all that comes after it, further signatures included; there is one, and it comes first
    /// (ISO 32000-2 section 12.8.2.2.1).
    fn certify(
        &mut self,
        revision: Revision<'_, '_>,
        signature: &Signature,
        permissions: &mut Permissions,
        around: &mut Surroundings,
    ) -> Result<(), PdfError> {
        let constraint = |zh: &str, en: &str| Problem { kind: ProblemKind::Constraint, zh: zh.into(), en: en.into() };
        if permissions.certification.is_some() {
            let (zh, en) = match (self.certified, self.signed) {
                (Some(_), _) => ("文件已有认证签名，不能再次认证", "the document was certified before; it can be certified once"),
                (None, 1..) => ("认证签名不是文件的第一个签名", "the certification is not the first signature of the document"),
                (None, 0) => ("", ""),
            };
            if !zh.is_empty() {
                around.problems.push(constraint(zh, en));
            }
            let marks = revision.dictionary(&revision.catalog()?, "Perms")?;
            let named = marks.and_then(|marks| marks.reference("DocMDP"));
            if named.is_none() || named != signature.id {
                let en = "the catalogue does not name this signature as the certification";
                around.problems.push(Problem::notice("文件目录没有把此签名列为认证签名", en));
            }
        }
        if signature.sub_filter != SubFilter::TimeStamp {
            self.signed += 1;
        }
        let strictest = [permissions.certification, self.certified].into_iter().flatten().min();
        self.certified = strictest;
        permissions.certification = [strictest, permissions.limit].into_iter().flatten().min();
        Ok(())
    }
}

/// What is to be said of a signature beside its signer.
struct Surroundings {
    coverage: Coverage,
    changes: Changes,
    problems: Vec<Problem>,
    met: Vec<(String, String)>,
    unjudged: Vec<Unjudged>,
}

impl Surroundings {
    fn weigh(&mut self, findings: Findings) {
        self.changes = if !findings.suspicious.is_empty() {
            Changes::Suspicious(findings.suspicious)
        } else if !findings.undecided.is_empty() {
            self.unjudged.push(Unjudged::LaterRevisions);
            Changes::Unjudged(findings.undecided.into_iter().chain(findings.permitted).collect())
        } else if self.coverage == Coverage::WholeDocument {
            Changes::None
        } else {
            Changes::Permitted(findings.permitted)
        };
    }

    fn put_on(&self, entry: &mut SignatureFacts) {
        entry.coverage = self.coverage;
        entry.changes = self.changes.clone();
        entry.problems.extend(self.problems.iter().cloned());
        entry.met.clone_from(&self.met);
        entry.unjudged.extend(self.unjudged.iter().copied());
    }
}

/// Who signed: the octets of `/Contents` judged over the ranges.
fn signers(document: &Document<'_>, field: &Field, signature: &Signature, extra: &[Certificate]) -> Vec<SignatureFacts> {
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
    let detached = || ContentRanges { source: document.input.source(), ranges: signature.ranges.to_vec(), rule: ContentRule::Detached };
    if is_seal(&blob) {
        let mut entry = match signature.sub_filter {
            SubFilter::Seal | SubFilter::Detached => crate::doc::ses::seal_entry(&field.name, blob.raw, &detached(), extra),
            _ => {
                return unsupported(
                    SignatureKind::Seal,
                    "SUBFILTER_UNSUPPORTED",
                    "电子签章数据使用了未知的签名编码名",
                    format!("an electronic seal (SES_Signature) under the encoding {name}, which is not known"),
                );
            }
        };
        if signature.sub_filter == SubFilter::Detached {
            let en = "the name of the encoding is that of a CMS message, and the value is a seal's";
            entry.problems.push(Problem::notice("签名编码名为 CMS，实为电子签章数据", en));
        }
        entry.problems.extend(padded(padding));
        return vec![entry];
    }
    let rule = match signature.sub_filter {
        SubFilter::Detached => ContentRule::Detached,
        SubFilter::Sha1 => ContentRule::Sha1OfRanges,
        SubFilter::TimeStamp => ContentRule::Detached,
        SubFilter::Seal | SubFilter::Other => {
            return unsupported(
                SignatureKind::Signature,
                "SUBFILTER_UNSUPPORTED",
                "签名编码暂不支持",
                format!("the signature encoding {name} is not supported"),
            );
        }
    };
    let content = ContentRanges { source: document.input.source(), ranges: signature.ranges.to_vec(), rule };
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
    entries.iter_mut().for_each(|entry| entry.problems.extend(padded(padding)));
    entries
}

/// What follows the structure in the space kept for it.
fn padded(padding: &[u8]) -> Option<Problem> {
    let is_odd = padding.iter().any(|octet| *octet != 0);
    is_odd.then(|| Problem::notice("签名数据之后的填充不全为零", "the padding after the signature is not all zero"))
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
