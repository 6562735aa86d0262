//! Checking a receipt offline: every part by itself, so that it is said which one fails.
//!
//! The signer must be one of the certificates that are trusted, not merely certified by one: otherwise everybody under a trusted
//! authority could write receipts.

use crate::doc::{ReadOptions, read};
use crate::moment::Moment;
use crate::pki::signed_data::SignedData;
use crate::report::{Report, view::beijing};
use crate::verify::{self, Evidence, Indication, Options, Policy, Revocation, policy::row, verdict::SignatureVerdict};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// How a part stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// It holds.
    Pass,
    /// It cannot be decided with what is at hand.
    Unknown,
    /// It does not hold.
    Fail,
}

/// One part of a receipt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Part {
    /// `form`, `signature`, `signer`, `timestamp`, `report`, `document`.
    pub part: &'static str,
    /// How it stands.
    pub status: Standing,
    /// In words, Chinese.
    pub text: String,
    /// In words, English.
    pub text_en: String,
}

/// What a receipt says, and whether it holds.
#[derive(Debug, Clone, Serialize)]
pub struct Checked {
    /// The worst of the parts.
    pub status: Standing,
    /// Receipt id, if it could be read.
    pub id: Option<String>,
    /// Whose receipt it says it is.
    pub issuer: Option<String>,
    /// The document it is about.
    pub document_sha256: Option<String>,
    /// What the verdict was.
    pub indication: Option<String>,
    /// When it existed, by its time-stamp.
    pub time: Option<Moment>,
    /// The parts.
    pub parts: Vec<Part>,
}

/// What is signed.
#[derive(Debug, Deserialize)]
struct Statement {
    #[serde(rename = "type")]
    kind: String,
    version: u64,
    id: String,
    issuer: String,
    judged: Moment,
    document_sha256: String,
    indication: String,
    sub_indication: Option<String>,
    policy: StatedPolicy,
    report_sha256: String,
    report: String,
}

#[derive(Debug, Deserialize)]
struct StatedPolicy {
    id: String,
    digest: String,
}

fn part(part: &'static str, status: Standing, text: impl Into<String>, text_en: impl Into<String>) -> Part {
    Part { part, status, text: text.into(), text_en: text_en.into() }
}

/// Checks a receipt against trusted certificates. `document` holds the octets of the document that it should be about.
pub fn check(octets: &[u8], evidence: &Evidence, at: Moment, revocation: Revocation, document: Option<&[u8]>) -> Checked {
    let mut parts = Vec::new();
    let statement = statement(octets);
    match &statement {
        Ok(_) => parts.push(part("form", Standing::Pass, "是核验回执", "it is a receipt")),
        Err(why) => parts.push(part("form", Standing::Fail, format!("不是核验回执：{why}"), format!("it is no receipt: {why}"))),
    }
    let options = Options { file: String::new(), at, at_given: true, revocation };
    // Reading octets in memory cannot fail.
    let verdict =
        read(&octets.to_vec(), &ReadOptions::default()).map(|facts| verify::judge(&facts, evidence, &Policy::default(), &options));
    let mut time = None;
    if let (Ok(_), Ok(verdict)) = (&statement, &verdict) {
        match verdict.signatures.as_slice() {
            [signature] => {
                time = signature.best_time.filter(|_| signature.best_time_source == "signature-timestamp");
                parts.push(value(signature));
                parts.push(signer(signature, verdict.indication, evidence));
                parts.push(timestamp(signature, time));
            }
            _ => parts.push(part("signature", Standing::Fail, "不是由一人签署", "it is not signed by exactly one signer")),
        }
    }
    let statement = statement.ok();
    if let Some(statement) = &statement {
        parts.push(report(statement));
        if let Some(document) = document {
            let same = hex::encode(Sha256::digest(document)).eq_ignore_ascii_case(&statement.document_sha256);
            parts.push(if same {
                part("document", Standing::Pass, "回执针对这份文件", "the receipt is about this document")
            } else {
                part("document", Standing::Fail, "回执针对另一份文件", "the receipt is about another document")
            });
        }
    }
    Checked {
        status: parts.iter().map(|part| part.status).max().unwrap_or(Standing::Fail),
        id: statement.as_ref().map(|statement| statement.id.clone()),
        issuer: statement.as_ref().map(|statement| statement.issuer.clone()),
        document_sha256: statement.as_ref().map(|statement| statement.document_sha256.clone()),
        indication: statement.as_ref().map(|statement| statement.indication.clone()),
        time,
        parts,
    }
}

fn statement(octets: &[u8]) -> Result<Statement, String> {
    let (message, rest) = SignedData::parse_file(octets).map_err(|error| error.to_string())?;
    if !rest.is_empty() {
        return Err("octets follow it 其后有多余数据".into());
    }
    let content = message.content.as_deref().ok_or("it holds no content 不含内容")?;
    let statement: Statement = serde_json::from_slice(content).map_err(|error| error.to_string())?;
    if statement.kind != "xinyin-receipt" || statement.version != 1 {
        return Err("another kind or version 类型或版本不符".into());
    }
    Ok(statement)
}

fn status<'v>(signature: &'v SignatureVerdict, rules: &[&str]) -> (Standing, Option<&'v verify::verdict::Check>) {
    let amiss = |wanted| signature.checks.iter().find(|check| check.status == wanted && rules.contains(&check.id));
    match (amiss("fail"), amiss("unknown")) {
        (Some(check), _) => (Standing::Fail, Some(check)),
        (None, Some(check)) => (Standing::Unknown, Some(check)),
        (None, None) => (Standing::Pass, None),
    }
}

fn value(signature: &SignatureVerdict) -> Part {
    let rules =
        [row::FORMAT, row::SUPPORTED, row::SIGNER_FOUND, row::REFERENCE, row::CONTENT, row::CONTENT_AT_HAND, row::VALUE, row::ALGORITHMS];
    let verified = signature.checks.iter().any(|check| check.id == row::VALUE.id && check.status == "pass");
    match status(signature, &rules.map(|row| row.id)) {
        (Standing::Pass, _) if verified => {
            part("signature", Standing::Pass, "签名值正确，内容未改动", "the signature verifies, the content is unchanged")
        }
        (Standing::Pass, _) => part("signature", Standing::Unknown, "未能验证签名值", "the signature could not be verified"),
        (standing, check) => {
            let told = check.map(|check| (check.answer.clone(), check.answer_en.clone())).unwrap_or_default();
            part("signature", standing, told.0, told.1)
        }
    }
}

fn signer(signature: &SignatureVerdict, whole: Indication, evidence: &Evidence) -> Part {
    let shown = signature.signer.as_ref();
    let named = evidence
        .anchors
        .iter()
        .any(|anchor| shown.is_some_and(|signer| signer.cert_sha256 == hex::encode(anchor.certificate.fingerprint_sha256())));
    let name = shown.map(|signer| signer.subject.clone()).unwrap_or_default();
    if !named {
        let (zh, en) = ("签署者不在受信任的证书之列", "the signer is none of the certificates that are trusted");
        return part("signer", Standing::Unknown, format!("{zh}：{name}"), format!("{en}: {name}"));
    }
    let all: Vec<&str> = signature.checks.iter().map(|check| check.id).filter(|id| *id != row::TIMESTAMP.id).collect();
    match status(signature, &all) {
        (Standing::Pass, _) if whole == Indication::Passed => {
            part("signer", Standing::Pass, format!("由受信任的服务签发：{name}"), format!("issued by a trusted service: {name}"))
        }
        (Standing::Pass, _) => part("signer", Standing::Unknown, "签署者的证书未能核实", "the signer's certificate could not be verified"),
        (standing, check) => {
            let told = check.map(|check| (check.answer.clone(), check.answer_en.clone())).unwrap_or_default();
            part("signer", standing, told.0, told.1)
        }
    }
}

fn timestamp(signature: &SignatureVerdict, time: Option<Moment>) -> Part {
    if let Some(time) = time {
        return part(
            "timestamp",
            Standing::Pass,
            format!("时间戳证明 {} 已存在", beijing(time)),
            format!("a time-stamp proves that it existed on {time}"),
        );
    }
    let check = signature.checks.iter().find(|check| check.id == row::TIMESTAMP.id && check.status != "pass");
    match check {
        Some(check) => part("timestamp", Standing::Unknown, check.answer.clone(), check.answer_en.clone()),
        None => part("timestamp", Standing::Fail, "没有时间戳", "it bears no time-stamp"),
    }
}

/// The report in the receipt is the one that it names, and says what the receipt says.
fn report(statement: &Statement) -> Part {
    let fail = |zh: &str, en: &str| part("report", Standing::Fail, zh, en);
    if hex::encode(Sha256::digest(statement.report.as_bytes())) != statement.report_sha256 {
        return fail("所附报告与摘要不符", "the report in it does not have the digest that it names");
    }
    let Ok(report) = Report::from_json(statement.report.as_bytes()) else {
        return fail("所附报告无法读取", "the report in it cannot be read");
    };
    let same = report.sha256 == statement.document_sha256
        && report.indication == statement.indication
        && report.sub_indication == statement.sub_indication
        && report.policy.id == statement.policy.id
        && report.policy.digest == statement.policy.digest
        && report.at == statement.judged;
    if !same {
        return fail("回执与所附报告矛盾", "the receipt contradicts the report in it");
    }
    if report.policy.choices.as_ref().is_none_or(|choices| !choices.is_empty()) {
        return fail("报告含有调用者的选择，不应有回执", "the report rests on the caller's choices and must not have a receipt");
    }
    let word = report.indication;
    part("report", Standing::Pass, format!("所附报告完整：{word}"), format!("the report in it is whole: {word}"))
}
