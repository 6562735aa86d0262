//! The validation report of ETSI TS 119 102-2, XML.
//!
//! Certificates and documents are named by their digests: a report must not spread what it was made from. A document without a
//! signature, and a time-stamp file, report as one entry. Names that the standard does not know bear our own URN.

use super::ReportError;
use super::model::{Check, Report, Signature, Timestamp};
use crate::moment::Moment;
use askama::Template;
use base64::{Engine as _, prelude::BASE64_STANDARD};

#[derive(Template)]
#[template(path = "etsi_report.xml")]
struct Etsi<'a> {
    report: &'a Report,
    signatures: Vec<One<'a>>,
    document: String,
    policy: String,
}

struct One<'a> {
    number: usize,
    id: &'a str,
    indication: &'static str,
    sub: Option<String>,
    best: Moment,
    claimed: Option<Moment>,
    process: &'static str,
    subject: Option<&'a str>,
    certificate: Option<String>,
    anchor: Option<String>,
    checks: Vec<Rule<'a>>,
}

struct Rule<'a> {
    id: &'a str,
    indication: &'static str,
}

/// The report.
///
/// # Errors
/// None that a verdict could cause.
pub fn etsi_xml(report: &Report) -> Result<String, ReportError> {
    let mut signatures: Vec<One<'_>> = report.signatures.iter().map(|signature| of_signature(report, signature)).collect();
    if signatures.is_empty() {
        signatures.extend(report.timestamps.iter().map(|stamp| of_timestamp(report, stamp)));
    }
    if signatures.is_empty() {
        signatures.push(One { id: "document", ..nothing(report) });
    }
    for (at, signature) in signatures.iter_mut().enumerate() {
        signature.number = at.saturating_add(1);
    }
    let policy = report.policy.digest.rsplit(':').next().unwrap_or_default();
    let page = Etsi { report, signatures, document: digest(&report.sha256), policy: digest(policy) };
    Ok(plain(&page.render()?))
}

fn nothing(report: &Report) -> One<'_> {
    One {
        number: 0,
        id: "",
        indication: main_indication(&report.indication),
        sub: report.sub_indication.as_deref().map(sub_indication),
        best: report.at,
        claimed: None,
        process: "urn:etsi:019102:validationprocess:Basic",
        subject: None,
        certificate: None,
        anchor: None,
        checks: Vec::new(),
    }
}

fn of_signature<'a>(report: &'a Report, signature: &'a Signature) -> One<'a> {
    let proven = signature.best_time.filter(|_| signature.best_time_source != "claimed");
    One {
        id: &signature.id,
        indication: main_indication(&signature.indication),
        sub: signature.sub_indication.as_deref().map(sub_indication),
        // The best signature time is the present where nothing proves an earlier one (EN 319 102-1 §5.5.4).
        best: proven.unwrap_or(report.at),
        claimed: signature.claimed_time,
        process: match signature.best_time_source.as_str() {
            "archive" | "document-timestamp" => "urn:etsi:019102:validationprocess:LTA",
            "signature-timestamp" => "urn:etsi:019102:validationprocess:LTVM",
            _ => "urn:etsi:019102:validationprocess:Basic",
        },
        subject: signature.signer.as_ref().map(|signer| signer.subject.as_str()),
        certificate: signature.signer.as_ref().map(|signer| digest(&signer.cert_sha256)),
        anchor: signature.signer.as_ref().and(signature.anchor.as_ref()).map(|anchor| digest(&anchor.cert_sha256)),
        checks: rules(&signature.checks),
        ..nothing(report)
    }
}

fn of_timestamp<'a>(report: &'a Report, stamp: &'a Timestamp) -> One<'a> {
    One {
        id: &stamp.kind,
        indication: main_indication(&stamp.indication),
        sub: stamp.sub_indication.as_deref().map(sub_indication),
        best: stamp.time.unwrap_or(report.at),
        subject: stamp.authority.as_ref().map(|authority| authority.subject.as_str()),
        certificate: stamp.authority.as_ref().map(|authority| digest(&authority.cert_sha256)),
        checks: rules(&stamp.checks),
        ..nothing(report)
    }
}

fn rules(checks: &[Check]) -> Vec<Rule<'_>> {
    let rule = |check: &'_ Check| match check.status.as_str() {
        "pass" | "warn" => "urn:etsi:019102:mainindication:passed",
        "fail" => "urn:etsi:019102:mainindication:failed",
        _ => "urn:etsi:019102:mainindication:indeterminate",
    };
    checks.iter().map(|check| Rule { id: &check.id, indication: rule(check) }).collect()
}

fn main_indication(name: &str) -> &'static str {
    match name {
        "TOTAL-PASSED" => "urn:etsi:019102:mainindication:total-passed",
        "TOTAL-FAILED" => "urn:etsi:019102:mainindication:total-failed",
        _ => "urn:etsi:019102:mainindication:indeterminate",
    }
}

fn sub_indication(name: &str) -> String {
    let ours = name == "NO_SIGNATURE" || name.ends_with("UNSUPPORTED");
    format!("urn:{}:subindication:{name}", if ours { "xinyin" } else { "etsi:019102" })
}

/// A digest in hexadecimal as Base64.
fn digest(hexadecimal: &str) -> String {
    BASE64_STANDARD.encode(hex::decode(hexadecimal).unwrap_or_default())
}

/// Without the characters that XML 1.0 §2.2 has no place for.
fn plain(text: &str) -> String {
    let allowed =
        |letter: char| matches!(letter, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..='\u{10ffff}');
    text.chars().map(|letter| if allowed(letter) { letter } else { '\u{fffd}' }).collect()
}
