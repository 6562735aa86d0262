//! Seed values: what a form's author demands of a signature in a field (ISO 32000-2 section 12.7.5.5, table 237).
//!
//! A value counts as a demand only where its bit in `/Ff` says so; otherwise it is a default for the signing program.

use super::document::Revision;
use super::input::PdfError;
use super::mdp::Permissions;
use super::object::{Dictionary, Object, readable};
use crate::doc::facts::{Problem, ProblemKind, SignerFacts, TimestampKind};
use crate::pki::{Certificate, Name, name::attribute};

/// How many certificates are climbed from the signer towards the roots.
const MAX_CLIMB: usize = 12;

/// A demand in Chinese and in English.
pub type Words = (&'static str, &'static str);

/// How a signature stands to the demands of its field.
#[derive(Debug, Clone, Default)]
pub struct Seeds {
    /// Demands that are met.
    pub met: Vec<Words>,
    /// Demands that are not met.
    pub broken: Vec<Words>,
    /// Demands that cannot be judged from the document.
    pub open: Vec<Words>,
    /// Whether a demand stands there that is not judged.
    pub unjudged: bool,
}

impl Seeds {
    fn weigh(&mut self, met: bool, demand: Words) {
        if met { self.met.push(demand) } else { self.broken.push(demand) }
    }

    fn leave_open(&mut self, demand: Words) {
        self.open.push(demand);
        self.unjudged = true;
    }

    /// The demands that are not met, as problems of the signature; those left open are told.
    pub fn problems(&self) -> impl Iterator<Item = Problem> {
        let broken = self.broken.iter().map(|(zh, en)| Problem {
            kind: ProblemKind::Constraint,
            zh: format!("未满足该域的要求：{zh}"),
            en: format!("the field demands {en}"),
        });
        let open = self.open.iter().map(|(zh, en)| {
            Problem::notice(format!("该域的要求无法核验：{zh}"), format!("it cannot be told whether the field's demand is met: {en}"))
        });
        broken.chain(open)
    }
}

/// Compares the signature `dictionary`, made by `signer`, with the seed values in `field`.
pub fn seeds(
    revision: Revision<'_, '_>,
    field: &Dictionary,
    dictionary: &Dictionary,
    signer: &SignerFacts,
    permissions: &Permissions,
) -> Result<Seeds, PdfError> {
    let mut seeds = Seeds::default();
    let Some(demands) = revision.dictionary(field, "SV")? else { return Ok(seeds) };
    let flags = demands.integer("Ff").unwrap_or(0);
    let set = |bit: u32| flags >> bit & 1 == 1;
    let demanded = |bit: u32, key: &str| set(bit) && demands.get(key).is_some();
    if demanded(0, "Filter") {
        let met = revision.value(&demands, "Filter")? == revision.value(dictionary, "Filter")?;
        seeds.weigh(met, ("指定的签名处理程序（Filter）", "its signature handler (Filter)"));
    }
    if demanded(1, "SubFilter") {
        let met = list(revision, &demands, "SubFilter")?.contains(&revision.value(dictionary, "SubFilter")?);
        seeds.weigh(met, ("指定的签名编码（SubFilter）", "one of its signature encodings (SubFilter)"));
    }
    if demanded(2, "V") && demands.get("V").and_then(Object::as_number).is_none_or(|version| version > 3.0) {
        seeds.leave_open(("更高版本的种子值（V）", "a later version of seed values (V)"));
    }
    // Without a list the demand forbids any reason (table 237).
    if set(3) {
        let met = reason_fits(&texts(revision, &demands, "Reasons")?, &reason(revision, dictionary)?);
        seeds.weigh(met, ("指定的签名理由（Reasons）", "one of its reasons for signing (Reasons)"));
    }
    if demanded(4, "LegalAttestation") {
        let legal = revision.dictionary(&revision.catalog()?, "Legal")?.unwrap_or_default();
        let used = revision.value(&legal, "Attestation")?.as_text().map(|text| readable(&text.octets));
        let met = used.is_some_and(|used| texts(revision, &demands, "LegalAttestation").is_ok_and(|wanted| wanted.contains(&used)));
        seeds.weigh(met, ("指定的法律声明（LegalAttestation）", "one of its legal attestations (LegalAttestation)"));
    }
    if set(5) && revision.value(&demands, "AddRevInfo")?.as_boolean() == Some(true) {
        // Only a PKCS#7 signature can carry the attribute that this demand asks for.
        let carried = !signer.crls.is_empty() || !signer.ocsps.is_empty();
        let met = carried && dictionary.name("SubFilter") != Some(b"ETSI.CAdES.detached");
        seeds.weigh(met, ("签名自带吊销资料（AddRevInfo）", "revocation material inside the signature (AddRevInfo)"));
    }
    if demanded(6, "DigestMethod") {
        let plain = |name: &str| name.to_ascii_uppercase().replace('-', "");
        let met = texts(revision, &demands, "DigestMethod")?.iter().any(|name| plain(name) == plain(&signer.digest_algorithm));
        seeds.weigh(met, ("指定的摘要算法（DigestMethod）", "one of its digest algorithms (DigestMethod)"));
    }
    if let Object::Name(lock) = revision.value(&demands, "LockDocument")?
        && set(7)
    {
        let locked = permissions.certification == Some(1) || permissions.limit == Some(1);
        let met = !(lock == b"true" && !locked || lock == b"false" && locked);
        seeds.weigh(met, ("是否锁定文件（LockDocument）", "that the document is locked or is not (LockDocument)"));
    }
    if demanded(8, "AppearanceFilter") {
        seeds.leave_open(("指定的外观（AppearanceFilter）", "its appearance (AppearanceFilter)"));
    }
    if let Some(stamp) = revision.dictionary(&demands, "TimeStamp")?
        && stamp.integer("Ff") == Some(1)
    {
        let met = signer.timestamps.iter().any(|stamp| stamp.kind == TimestampKind::Signature);
        seeds.weigh(met, ("签名带时间戳（TimeStamp）", "a time-stamp on the signature (TimeStamp)"));
    }
    if let Some(mdp) = revision.dictionary(&demands, "MDP")? {
        let met = mdp.integer("P").unwrap_or(2) == permissions.certification.unwrap_or(0);
        seeds.weigh(met, ("指定的认证级别（MDP）", "its certification level (MDP)"));
    }
    if let Some(certificate) = revision.dictionary(&demands, "Cert")? {
        certificate_demands(revision, &certificate, signer, &mut seeds)?;
    }
    Ok(seeds)
}

/// Demands on the certificate (table 238).
fn certificate_demands(revision: Revision<'_, '_>, demands: &Dictionary, signer: &SignerFacts, seeds: &mut Seeds) -> Result<(), PdfError> {
    let flags = demands.integer("Ff").unwrap_or(0);
    let set = |bit: u32| flags >> bit & 1 == 1;
    let own = signer.certificate.as_ref();
    if set(0) {
        let allowed = strings(revision, demands, "Subject")?;
        let met = own.is_some_and(|certificate| allowed.iter().any(|der| der == certificate.der()));
        seeds.weigh(met, ("指定的签名证书（Subject）", "one of its certificates (Subject)"));
    }
    if set(1) {
        let met = issued_by_one_of(signer, &strings(revision, demands, "Issuer")?);
        match met {
            true => seeds.met.push(("指定的签发机构（Issuer）", "one of its issuing authorities (Issuer)")),
            // The path may lead there through certificates that are not in the document.
            false => seeds.leave_open(("指定的签发机构（Issuer）", "one of its issuing authorities (Issuer)")),
        }
    }
    if set(2) && demands.get("OID").is_some() {
        let wanted = strings(revision, demands, "OID")?;
        let has = |certificate: &Certificate| {
            certificate.policies().iter().any(|policy| wanted.iter().any(|wanted| *wanted == policy.to_string().into_bytes()))
        };
        seeds.weigh(own.is_some_and(has), ("指定的证书策略（OID）", "one of its certificate policies (OID)"));
    }
    if set(3) {
        let mut met = false;
        for wanted in &list(revision, demands, "SubjectDN")? {
            if let (Object::Dictionary(wanted), Some(certificate)) = (wanted, own) {
                met |= names(revision, wanted, certificate.subject())?;
            }
        }
        seeds.weigh(met, ("指定的证书主体名称（SubjectDN）", "one of its subject names (SubjectDN)"));
    }
    if set(5) && demands.get("KeyUsage").is_some() {
        let usage = own.and_then(Certificate::key_usage);
        let fits = |wanted: &Vec<u8>| {
            wanted.iter().zip(0u8..9).all(|(wish, bit)| match wish {
                b'0' => usage.is_some_and(|usage| !usage.has(bit)),
                b'1' => usage.is_some_and(|usage| usage.has(bit)),
                _ => true,
            })
        };
        seeds.weigh(strings(revision, demands, "KeyUsage")?.iter().any(fits), ("指定的密钥用法（KeyUsage）", "its key usage (KeyUsage)"));
    }
    if set(4) || set(6) && demands.get("URL").is_some() {
        seeds.leave_open(("指定的证书来源（URL）", "where its certificate comes from (URL)"));
    }
    Ok(())
}

/// Whether one of `allowed` issued the signer's certificate or one above it, by the certificates at hand.
fn issued_by_one_of(signer: &SignerFacts, allowed: &[Vec<u8>]) -> bool {
    let allowed: Vec<Certificate> = allowed.iter().filter_map(|der| Certificate::from_der(der).ok()).collect();
    let issued = |issuer: &Certificate, below: &Certificate| {
        issuer.subject() == below.issuer() && issuer.public_key().is_ok_and(|key| below.verify_signed_by(key).is_ok())
    };
    let mut current = signer.certificate.as_ref();
    for _ in 0..MAX_CLIMB {
        let Some(certificate) = current else { return false };
        if allowed.iter().any(|issuer| issued(issuer, certificate)) {
            return true;
        }
        current = signer.certificates.iter().find(|issuer| *issuer != certificate && issued(issuer, certificate));
    }
    false
}

/// Whether the subject has every attribute that `wanted` names, by short name or identifier.
fn names(revision: Revision<'_, '_>, wanted: &Dictionary, subject: &Name) -> Result<bool, PdfError> {
    for (key, value) in wanted.iter() {
        let Object::Text(text) = revision.resolve(value)? else { return Ok(false) };
        let (key, text) = (String::from_utf8_lossy(key).into_owned(), readable(&text.octets));
        let has = subject.attributes().iter().any(|found| {
            let short = attribute::short_name(&found.oid).is_some_and(|short| short.eq_ignore_ascii_case(&key));
            (short || found.oid.to_string() == key) && found.text.as_deref() == Some(text.as_str())
        });
        if !has {
            return Ok(false);
        }
    }
    Ok(true)
}

fn list(revision: Revision<'_, '_>, dictionary: &Dictionary, key: &str) -> Result<Vec<Object>, PdfError> {
    match revision.value(dictionary, key)? {
        Object::Array(items) => items.iter().map(|item| revision.resolve(item)).collect(),
        Object::Null => Ok(Vec::new()),
        one => Ok(vec![one]),
    }
}

fn strings(revision: Revision<'_, '_>, dictionary: &Dictionary, key: &str) -> Result<Vec<Vec<u8>>, PdfError> {
    let items = list(revision, dictionary, key)?;
    Ok(items.iter().filter_map(|item| item.as_text().map(|text| text.octets.clone())).collect())
}

fn texts(revision: Revision<'_, '_>, dictionary: &Dictionary, key: &str) -> Result<Vec<String>, PdfError> {
    let items = list(revision, dictionary, key)?;
    Ok(items.iter().filter_map(|item| item.as_text().map(|text| readable(&text.octets))).collect())
}

fn reason(revision: Revision<'_, '_>, dictionary: &Dictionary) -> Result<Option<String>, PdfError> {
    Ok(revision.value(dictionary, "Reason")?.as_text().map(|text| readable(&text.octets)))
}

/// An empty list, or the single reason ".", forbids any reason (table 237).
fn reason_fits(allowed: &[String], used: &Option<String>) -> bool {
    let forbidden = allowed.is_empty() || allowed == ["."];
    match used {
        None => forbidden,
        Some(used) => !forbidden && allowed.contains(used),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_taken_from_the_list_or_forbidden() {
        let list = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        assert!(reason_fits(&list(&["a", "b"]), &Some("b".into())) && !reason_fits(&list(&["a"]), &Some("b".into())));
        assert!(!reason_fits(&list(&["a"]), &None) && reason_fits(&[], &None) && reason_fits(&list(&["."]), &None));
        assert!(!reason_fits(&list(&["."]), &Some(".".into())));
    }
}
