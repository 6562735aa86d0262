//! The verdict in plain words: seven questions of a clerk, then and now, what stands in the way, what it is worth in law.
//! The page, the print-out and the desk show this one view.

use super::model::{Check, Report, Signature, Signer, Timestamp};
use super::{Frame, text};
use crate::moment::Moment;
use crate::verify::policy::Text;

/// Which languages are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tongue {
    /// Chinese alone.
    Zh,
    /// English alone.
    En,
    /// Chinese first, then English.
    Both,
}

/// A text as it is shown: the first language, and the second one where both are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Said {
    /// First.
    pub main: String,
    /// Second; empty if there is none.
    pub also: String,
}

impl Said {
    /// As HTML, escaped.
    ///
    /// # Errors
    /// None that a string could give.
    pub fn html(&self) -> Result<String, askama::Error> {
        use askama::filters::{Html, escape};
        let main = escape(&self.main, Html)?.to_string();
        if self.also.is_empty() {
            return Ok(main);
        }
        Ok(format!("{main} <span class=\"also\" lang=\"en\">{}</span>", escape(&self.also, Html)?))
    }
}

impl Tongue {
    /// A pair of texts.
    pub fn pair(self, zh: impl Into<String>, en: impl Into<String>) -> Said {
        let (zh, en) = (zh.into(), en.into());
        match self {
            Self::Zh => Said { main: zh, also: String::new() },
            Self::En => Said { main: en, also: String::new() },
            Self::Both if zh == en => Said { main: zh, also: String::new() },
            Self::Both => Said { main: zh, also: en },
        }
    }

    /// A text of the catalogue.
    pub fn say(self, text: Text) -> Said {
        self.pair(text.zh, text.en)
    }

    /// A text of the catalogue with its values.
    pub fn with(self, text: Text, values: &[&str]) -> Said {
        let fill = |text: &str| {
            let mut parts = text.split("{}");
            let mut filled = parts.next().unwrap_or_default().to_owned();
            for (part, value) in parts.zip(values.iter().copied().chain(std::iter::repeat(""))) {
                filled.push_str(value);
                filled.push_str(part);
            }
            filled
        };
        self.pair(fill(text.zh), fill(text.en))
    }
}

/// The whole verdict.
#[derive(Debug, Clone)]
pub struct View {
    /// For the labels.
    pub tongue: Tongue,
    /// The outcome in the words of a desk.
    pub outcome: Said,
    /// Its colour: `good`, `bad`, `open`.
    pub mark: &'static str,
    /// The plain word.
    pub word: Said,
    /// The standard's words.
    pub indication: String,
    /// Name of the file.
    pub file: String,
    /// Its digest.
    pub sha256: String,
    /// For which time.
    pub as_of: Said,
    /// Under which policy.
    pub policy: String,
    /// What the caller chose, and what the policy relaxes.
    pub choices: Vec<Said>,
    /// Signatures in order.
    pub signatures: Vec<SignatureView>,
    /// Time-stamps in order.
    pub stamps: Vec<StampView>,
    /// What stands in the way.
    pub defects: Vec<DefectView>,
    /// Receipt id.
    pub receipt: Option<String>,
}

/// One signature.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the words say it")]
pub struct SignatureView {
    pub kind: Said,
    pub id: String,
    pub word: Said,
    pub mark: &'static str,
    pub indication: String,
    pub questions: Vec<Question>,
    pub then: Side,
    pub now: Side,
    pub legal: Vec<LegalView>,
    pub checks: Vec<CheckView>,
    pub technical: Vec<(Said, String)>,
}

/// The certificate's state at one time.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the words say it")]
pub struct Side {
    pub time: String,
    pub state: Said,
    pub mark: &'static str,
}

/// A question of a clerk.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the words say it")]
pub struct Question {
    pub question: Said,
    pub mark: &'static str,
    pub word: Said,
    pub answer: Said,
}

/// One rule.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the words say it")]
pub struct CheckView {
    pub id: String,
    pub mark: &'static str,
    pub word: Said,
    pub question: Said,
    pub answer: Said,
    pub clause: String,
}

/// One article of the law.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the words say it")]
pub struct LegalView {
    pub article: Said,
    pub question: Said,
    pub mark: &'static str,
    pub word: Said,
    pub evidence: Said,
    pub checks: String,
}

/// One time-stamp.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the words say it")]
pub struct StampView {
    pub time: String,
    pub word: Said,
    pub mark: &'static str,
    pub authority: String,
    pub checks: Vec<CheckView>,
}

/// One thing that stands in the way.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the words say it")]
pub struct DefectView {
    pub id: String,
    pub clause: String,
    pub what: Said,
    pub fix: Said,
}

/// Beijing time to the second.
pub fn beijing(at: Moment) -> String {
    at.beijing().get(..19).unwrap_or_default().replace('T', " ")
}

/// The outcome's words at the desk (not: 不予受理; a formal defect leads to correction, and only the authority refuses), its
/// colour and the plain word.
fn outcome(indication: &str) -> (Text, &'static str, Text) {
    match indication {
        "TOTAL-PASSED" => (text::VERIFIED, "good", text::VALID),
        "TOTAL-FAILED" => (text::NOT_VERIFIED, "bad", text::INVALID),
        _ => (text::TO_CHECK, "open", text::UNDECIDED),
    }
}

fn state(word: &str) -> (Text, &'static str) {
    match word {
        "valid" => (text::STATE_VALID, "good"),
        "expired" => (text::STATE_EXPIRED, "open"),
        "revoked" => (text::STATE_REVOKED, "bad"),
        _ => (text::STATE_UNKNOWN, "open"),
    }
}

fn status(status: &str) -> (&'static str, Text) {
    match status {
        "pass" => ("good", text::YES),
        "fail" => ("bad", text::NO),
        "warn" => ("open", text::WARN),
        _ => ("open", text::UNKNOWN),
    }
}

fn indication(main: &str, sub: Option<&str>) -> String {
    sub.map_or_else(|| main.to_owned(), |sub| format!("{main} / {sub}"))
}

impl View {
    /// The view of a verdict.
    pub fn new(report: &Report, frame: &Frame, tongue: Tongue) -> Self {
        let (word, mark, plain) = outcome(&report.indication);
        let mut choices = Vec::new();
        for choice in report.policy.choices.iter().flatten() {
            choices.push(match choice.as_str() {
                "policy" => tongue.with(text::CHOSE_POLICY, &[&report.policy.id]),
                "at" => tongue.with(text::CHOSE_AT, &[&beijing(report.at)]),
                "revocation" => tongue.say(text::CHOSE_REVOCATION),
                other => tongue.pair(other, other),
            });
        }
        if frame.bare_trust {
            choices.push(tongue.say(text::CHOSE_TRUST));
        }
        if !report.policy.relaxed.is_empty() {
            choices.push(tongue.with(text::RELAXED, &[&report.policy.relaxed.join(", ")]));
        }
        let defects = report.defects.iter().map(|defect| DefectView {
            id: defect.id.clone(),
            clause: defect.clause.clone(),
            what: tongue.pair(&defect.what, &defect.what_en),
            fix: tongue.pair(&defect.fix, &defect.fix_en),
        });
        Self {
            tongue,
            outcome: tongue.say(word),
            mark,
            word: tongue.say(plain),
            indication: indication(&report.indication, report.sub_indication.as_deref()),
            file: report.file.clone(),
            sha256: report.sha256.clone(),
            as_of: tongue.with(text::AS_OF, &[&beijing(report.at)]),
            policy: format!("{} ({})", report.policy.id, report.policy.digest),
            choices,
            signatures: report.signatures.iter().map(|one| signature(report, one, tongue)).collect(),
            stamps: report.timestamps.iter().map(|stamp| self::stamp(stamp, tongue)).collect(),
            defects: defects.collect(),
            receipt: frame.receipt.clone(),
        }
    }

    /// A label.
    pub fn say(&self, text: Text) -> Said {
        self.tongue.say(text)
    }
}

fn stamp(stamp: &Timestamp, tongue: Tongue) -> StampView {
    let (_, mark, plain) = outcome(&stamp.indication);
    StampView {
        time: stamp.time.map_or_else(|| "—".to_owned(), beijing),
        word: tongue.say(plain),
        mark,
        authority: stamp.authority.as_ref().map(|authority| authority.subject.clone()).unwrap_or_default(),
        checks: checks(&stamp.checks, tongue),
    }
}

fn checks(checks: &[Check], tongue: Tongue) -> Vec<CheckView> {
    let read = |check: &Check| {
        let (mark, word) = status(&check.status);
        CheckView {
            id: check.id.clone(),
            mark,
            word: tongue.say(word),
            question: tongue.pair(&check.question, &check.question_en),
            answer: tongue.pair(&check.answer, &check.answer_en),
            clause: check.clause.clone(),
        }
    };
    checks.iter().map(read).collect()
}

fn signature(report: &Report, signature: &Signature, tongue: Tongue) -> SignatureView {
    let (_, mark, plain) = outcome(&signature.indication);
    let legal = report.legal.signatures.iter().filter(|legal| legal.id == signature.id).flat_map(|legal| &legal.articles);
    let legal = legal.map(|article| {
        let (mark, word) = match article.answer.as_str() {
            "yes" => ("good", text::YES),
            "no" => ("bad", text::NO),
            _ => ("open", text::NOT_SHOWN),
        };
        LegalView {
            article: tongue.with(text::ARTICLE, &[&article.article]),
            question: tongue.pair(&article.question, &article.question_en),
            mark,
            word: tongue.say(word),
            evidence: tongue.pair(&article.evidence, &article.evidence_en),
            checks: article.checks.join(" "),
        }
    });
    let side = |word: &str, time: Option<Moment>| {
        let (word, mark) = state(word);
        Side { time: time.map_or_else(|| "—".to_owned(), beijing), state: tongue.say(word), mark }
    };
    SignatureView {
        kind: tongue.say(match signature.kind.as_str() {
            "seal" => text::SEAL,
            "document-timestamp" => text::DOCUMENT_TIMESTAMP,
            _ => text::SIGNATURE,
        }),
        id: signature.id.clone(),
        word: tongue.say(plain),
        mark,
        indication: indication(&signature.indication, signature.sub_indication.as_deref()),
        questions: questions(signature, tongue),
        then: side(&signature.at_signing, signature.best_time),
        now: side(&signature.now, Some(report.at)),
        legal: legal.collect(),
        checks: checks(&signature.checks, tongue),
        technical: technical(signature, tongue),
    }
}

fn technical(signature: &Signature, tongue: Tongue) -> Vec<(Said, String)> {
    let mut rows = Vec::new();
    if let Some(level) = &signature.level {
        rows.push((tongue.say(text::LEVEL), level.clone()));
    }
    rows.push((tongue.say(text::ALGORITHMS), format!("{} / {}", signature.signature_algorithm, signature.digest_algorithm)));
    if let Some(Signer { subject, issuer, serial, cert_sha256, .. }) = &signature.signer {
        rows.push((tongue.say(text::SIGNER), format!("{subject}\n{serial}\nSHA-256 {cert_sha256}")));
        rows.push((tongue.say(text::ISSUER), issuer.clone()));
    }
    if let Some(anchor) = &signature.anchor {
        let mut text = format!("{}\nSHA-256 {}", anchor.subject, anchor.cert_sha256);
        for row in &anchor.rows {
            let day = |moment: Option<Moment>| moment.map_or_else(|| "…".to_owned(), beijing);
            text.push_str(&format!(
                "\n{} {} {} – {}",
                row.kind.name(),
                row.what.as_deref().unwrap_or_default(),
                day(row.from),
                day(row.until)
            ));
        }
        rows.push((tongue.say(text::ANCHOR), text));
    }
    rows
}

/// The worst of these rules, with its answer: failed before unknown before warned before passed. None was looked at: unknown.
fn worst(signature: &Signature, rules: &[&str], tongue: Tongue) -> Question {
    let rank = |check: &&Check| match check.status.as_str() {
        "fail" => 3,
        "unknown" => 2,
        "warn" => 1,
        _ => 0,
    };
    let ours = rules.iter().rev().flat_map(|rule| signature.checks.iter().rev().filter(move |check| check.id == **rule));
    // `max_by_key` takes the last of equals: of rules that say the same, the first one answers the question.
    let found = ours.max_by_key(rank);
    let (mark, word) = status(found.map_or("unknown", |check| &check.status));
    let answer = found.map(|check| tongue.pair(&check.answer, &check.answer_en)).unwrap_or_default();
    Question { question: Said::default(), mark, word: tongue.say(word), answer }
}

/// The seven questions of a clerk.
fn questions(signature: &Signature, tongue: Tongue) -> Vec<Question> {
    let by_rules = |question: Text, rules: &[&str]| Question { question: tongue.say(question), ..worst(signature, rules, tongue) };
    let plain =
        |question: Text, mark: &'static str, answer: Said| Question { question: tongue.say(question), mark, word: Said::default(), answer };
    let same = |text: String| Said { main: text, also: String::new() };
    let found = worst(signature, &["XY-2011"], tongue);
    let who = signature.signer.as_ref().map(|signer| {
        let name = signer.name.as_deref().unwrap_or(&signer.subject);
        [Some(name), signer.id_masked.as_deref()].into_iter().flatten().collect::<Vec<_>>().join(" ")
    });
    let who = match who {
        Some(who) => plain(text::Q_WHO, found.mark, same(who)),
        None => Question { question: tongue.say(text::Q_WHO), ..found.clone() },
    };
    let whom = match signature.signer.as_ref().map(|signer| (signer.kind.as_str(), signer)) {
        Some(("organisation", signer)) => {
            let parts: Vec<_> = [signer.name.as_deref(), signer.uscc.as_deref()].into_iter().flatten().collect();
            plain(text::Q_FOR, found.mark, same(parts.join(" ")))
        }
        Some(("person", _)) => plain(text::Q_FOR, found.mark, tongue.say(text::FOR_SELF)),
        _ => plain(text::Q_FOR, "open", tongue.say(text::FOR_NOBODY)),
    };
    let best = signature.best_time.map(beijing);
    let (proven, rests) = match (&best, signature.best_time_source.as_str()) {
        (Some(at), "signature-timestamp") => (true, tongue.with(text::TIME_SIGNATURE, &[at])),
        (Some(at), "document-timestamp") => (true, tongue.with(text::TIME_DOCUMENT, &[at])),
        (Some(at), "archive") => (true, tongue.with(text::TIME_ARCHIVE, &[at])),
        (Some(at), _) => (false, tongue.with(text::TIME_CLAIMED, &[at])),
        (None, _) => (false, tongue.say(text::TIME_NONE)),
    };
    let mut whole = by_rules(text::Q_WHOLE, &["XY-2061", "XY-2014"]);
    let (mark, covers) = match signature.covers.as_str() {
        "whole-document" => (whole.mark, text::WHOLE),
        "earlier-revision" => ("open", text::EARLIER),
        _ => ("bad", text::PARTIAL),
    };
    (whole.mark, whole.answer) = (mark, tongue.say(covers));
    if mark == "open" {
        whole.word = tongue.say(text::WARN);
    }
    vec![
        by_rules(text::Q_UNCHANGED, &["XY-2013", "XY-2014", "XY-2015", "XY-2012", "XY-2062", "XY-2063", "XY-2001"]),
        who,
        whom,
        by_rules(text::Q_TRUSTED, &["XY-2021", "XY-2024", "XY-2022", "XY-2023"]),
        by_rules(text::Q_VALID_THEN, &["XY-2031", "XY-2032", "XY-2033"]),
        plain(text::Q_TIME, if proven { "good" } else { "open" }, rests),
        whole,
    ]
}
