//! Seed values: what a form's author demands of a signature in a field (ISO 32000-2 section 12.7.5.5, table 237).
//!
//! A value counts as a demand only where its bit in `/Ff` says so; otherwise it is a default for the signing program.

use super::document::Revision;
use super::input::PdfError;
use super::mdp::Permissions;
use super::object::{Dictionary, Object, readable};
use crate::doc::facts::SignerFacts;

/// How a signature stands to the demands of its field.
#[derive(Debug, Clone, Default)]
pub struct Seeds {
    /// Demands that are not met: Chinese and English.
    pub broken: Vec<(&'static str, &'static str)>,
    /// Whether a demand stands there that is not judged.
    pub unjudged: bool,
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
    let demanded = |bit: u32, key: &str| flags >> bit & 1 == 1 && demands.get(key).is_some();
    let mut broken = |zh, en| seeds.broken.push((zh, en));
    if demanded(0, "Filter") && revision.value(&demands, "Filter")? != revision.value(dictionary, "Filter")? {
        broken("签名处理程序不是该域要求的", "the signature handler is not the one the field demands");
    }
    if demanded(1, "SubFilter") {
        let wanted = list(revision, &demands, "SubFilter")?;
        let used = revision.value(dictionary, "SubFilter")?;
        if !wanted.contains(&used) {
            broken("签名编码不是该域要求的", "the signature encoding is not one the field demands");
        }
    }
    // Without a list the demand forbids any reason (table 237).
    if flags >> 3 & 1 == 1 && !reason_fits(&texts(revision, &demands, "Reasons")?, &reason(revision, dictionary)?) {
        broken("签名理由不是该域允许的", "the reason for signing is not one the field allows");
    }
    if demanded(6, "DigestMethod") {
        let wanted = texts(revision, &demands, "DigestMethod")?;
        let used = signer.digest_algorithm.to_ascii_uppercase().replace('-', "");
        if !wanted.iter().any(|name| name.to_ascii_uppercase().replace('-', "") == used) {
            broken("摘要算法不是该域要求的", "the digest algorithm is not one the field demands");
        }
    }
    if flags >> 5 & 1 == 1 && revision.value(&demands, "AddRevInfo")?.as_boolean() == Some(true) {
        // Only a PKCS#7 signature can carry the attribute that this demand asks for.
        let carried = !signer.crls.is_empty() || !signer.ocsps.is_empty();
        if dictionary.name("SubFilter") == Some(b"ETSI.CAdES.detached") || !carried {
            broken("该域要求签名自带吊销资料", "the field demands revocation material inside the signature");
        }
    }
    if let Some(stamp) = revision.dictionary(&demands, "TimeStamp")?
        && stamp.integer("Ff") == Some(1)
        && !signer.timestamps.iter().any(|stamp| stamp.kind == crate::doc::facts::TimestampKind::Signature)
    {
        broken("该域要求签名带时间戳", "the field demands a time-stamp on the signature");
    }
    if let Some(mdp) = revision.dictionary(&demands, "MDP")? {
        let wanted = mdp.integer("P").unwrap_or(2);
        if wanted != permissions.certification.unwrap_or(0) {
            broken("认证级别不是该域要求的", "the certification level is not the one the field demands");
        }
    }
    if let Object::Name(lock) = revision.value(&demands, "LockDocument")?
        && flags >> 7 & 1 == 1
    {
        let locked = permissions.certification == Some(1);
        if (lock == b"true" && !locked) || (lock == b"false" && locked) {
            broken("该域对锁定文件的要求未满足", "the field's demand about locking the document is not met");
        }
    }
    seeds.unjudged |= demanded(2, "V") && demands.get("V").and_then(Object::as_number).is_none_or(|version| version > 3.0);
    seeds.unjudged |= demanded(4, "LegalAttestation") || demanded(8, "AppearanceFilter");
    if let Some(certificate) = revision.dictionary(&demands, "Cert")? {
        certificate_demands(revision, &certificate, signer, &mut seeds)?;
    }
    Ok(seeds)
}

/// Demands on the certificate (table 238): subject and issuer are compared; others stay open.
fn certificate_demands(revision: Revision<'_, '_>, demands: &Dictionary, signer: &SignerFacts, seeds: &mut Seeds) -> Result<(), PdfError> {
    let flags = demands.integer("Ff").unwrap_or(0);
    let strings = |key: &str| -> Result<Vec<Vec<u8>>, PdfError> {
        let items = list(revision, demands, key)?;
        Ok(items.iter().filter_map(|item| item.as_text().map(|text| text.octets.clone())).collect())
    };
    if flags & 1 == 1 {
        let allowed = strings("Subject")?;
        let used = signer.certificate.as_ref().map(|certificate| certificate.der().to_vec());
        if used.is_none_or(|used| !allowed.contains(&used)) {
            seeds.broken.push(("签名证书不是该域允许的", "the signing certificate is not one the field allows"));
        }
    }
    if flags >> 1 & 1 == 1 {
        // The issuer may stand anywhere in the path, and the path is found later; only the direct issuer can be settled here.
        let allowed = strings("Issuer")?;
        let direct = signer.certificate.as_ref().is_some_and(|certificate| {
            let issuers = allowed.iter().filter_map(|der| crate::pki::Certificate::from_der(der).ok());
            issuers.into_iter().any(|issuer| issuer.public_key().is_ok_and(|key| certificate.verify_signed_by(key).is_ok()))
        });
        seeds.unjudged |= !direct;
    }
    seeds.unjudged |= flags & !0b100_0011 != 0 || (flags >> 6 & 1 == 1 && demands.get("URL").is_some());
    Ok(())
}

fn list(revision: Revision<'_, '_>, dictionary: &Dictionary, key: &str) -> Result<Vec<Object>, PdfError> {
    match revision.value(dictionary, key)? {
        Object::Array(items) => items.iter().map(|item| revision.resolve(item)).collect(),
        Object::Null => Ok(Vec::new()),
        one => Ok(vec![one]),
    }
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
