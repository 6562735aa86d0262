//! What is to be said of an electronic licence beside the signatures on it: identifier, page against metadata, issuer, dates, status
//! at its source, annotated copy. Each is a field of its own; one definite no makes the licence invalid, whatever the file's
//! signatures are worth (GB/T 36904, 36903, 36905, 36906-2018).

use super::{
    Context,
    findings::{Detail, Findings},
    policy::{Row, row},
    verdict::{Check, Conclusion, Indication, SignatureVerdict},
};
use crate::{
    doc::licence::{LicenceFacts, Metadata, name, parse_day},
    id::{LicenceCheck, LicenceIdentifier},
    moment::Moment,
};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use time::{Time, UtcOffset, macros::format_description};
use unicode_normalization::UnicodeNormalization as _;

/// How long a register's word that a licence is in force is relied on.
const FRESH: Duration = Duration::from_secs(24 * 3600);
/// What is looked for on the page of a file that does not say what its pages draw.
const ALWAYS_DRAWN: [&str; 3] = [name::NAME, name::NUMBER, name::HOLDER];

/// What a register said of a licence, and when it was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LicenceStatus {
    /// The licence's identifier.
    pub identifier: String,
    /// `in-force`, `not-yet`, `expired`, `suspended`, `replaced`, `voided`, `revoked`, `withdrawn`, `cancelled`.
    pub state: String,
    /// The state in Chinese.
    pub state_zh: String,
    /// Since when.
    pub since: Moment,
    /// Why; empty where the calendar alone says so.
    pub reason: String,
    /// Identifier of the licence in its place.
    pub replaced_by: Option<String>,
    /// Who was asked.
    pub source: String,
    /// When.
    pub asked_at: Moment,
}

/// The sub-indication of a file whose signatures hold and whose licence does not, or cannot be shown to.
pub const SUB_INDICATION: &str = "LICENCE_CONSTRAINTS_FAILURE";

/// One field of a licence's verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Field {
    /// `yes`, `no`, `not-shown`, `unknown`.
    pub answer: &'static str,
    /// The rule; its full text stands under `checks`.
    pub check: &'static str,
    /// What the file says, where that is not a person's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// From when, or when a copy was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Until when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// What the register said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<LicenceStatus>,
}

/// The verdict over a licence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LicenceVerdict {
    /// `valid`, `invalid`, `undecided`: the file's signatures and every field together.
    pub verdict: &'static str,
    /// Name of the licence.
    pub name: Option<String>,
    /// Issuer.
    pub issuer: Option<String>,
    /// Holders, masked unless they are organisations.
    pub holders: Vec<String>,
    /// Does it name one identifier that agrees with type and issuer?
    pub identifier: Field,
    /// Does the check character follow?
    pub identifier_check: Field,
    /// Does the page say what the metadata say?
    pub metadata_matches_page: Field,
    /// Is the seal's credit code the issuer's?
    pub issuer_authority: Field,
    /// Is it within its dates?
    pub validity: Field,
    /// What the register said.
    pub status_at_source: Field,
    /// Is it an annotated copy that may still be used?
    pub annotated_copy: Field,
    /// The rules with their answers.
    pub checks: Vec<Check>,
}

/// An answer with what is told about it.
struct Answer {
    word: &'static str,
    zh: String,
    en: String,
}

fn answer(word: &'static str, zh: impl Into<String>, en: impl Into<String>) -> Answer {
    Answer { word, zh: zh.into(), en: en.into() }
}

struct Judge<'a, 'f> {
    findings: Findings<'f>,
    metadata: &'a Metadata,
    at: Moment,
}

/// Judges the licence that a file is; `signatures` and their `conclusion` are the file's own. With it what follows for the file.
pub(super) fn judge(
    context: &Context<'_>,
    facts: &LicenceFacts,
    conclusion: &Conclusion,
    signatures: &[SignatureVerdict],
    at: Moment,
) -> (LicenceVerdict, Conclusion) {
    let metadata = &facts.metadata;
    let mut judge = Judge { findings: Findings::new(context.policy), metadata, at };
    let (identifier, identifier_check) = judge.identifier();
    let metadata_matches_page = judge.page(facts);
    let issuer_authority = judge.issuer(signatures);
    let validity = judge.validity();
    let status_at_source = judge.status(&context.evidence.licences);
    let annotated_copy = judge.copy();
    let whole = conclusion.clone().worst(judge.findings.conclusion());
    let licence = LicenceVerdict {
        verdict: whole.indication.word(),
        name: metadata.one(name::NAME).map(brief),
        issuer: metadata.one(name::ISSUER).map(brief),
        holders: holders(metadata),
        identifier,
        identifier_check,
        metadata_matches_page,
        issuer_authority,
        validity,
        status_at_source,
        annotated_copy,
        checks: judge.findings.checks(),
    };
    (licence, whole)
}

fn brief(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).take(200).collect()
}

fn holders(metadata: &Metadata) -> Vec<String> {
    let kinds: Vec<&str> = metadata.all(name::HOLDER_NUMBER_KIND_CODE).collect();
    let named = metadata.all(name::HOLDER).take(50).enumerate().map(|(at, holder)| {
        let organisation = kinds.get(at).is_some_and(|kind| *kind == "001");
        let hidden = |(at, letter): (usize, char)| if at == 0 { letter } else { '*' };
        if organisation { brief(holder) } else { holder.chars().enumerate().map(hidden).take(20).collect() }
    });
    named.collect()
}

impl Judge<'_, '_> {
    fn field(&mut self, row: &'static Row, answer: Answer, blocks: bool) -> Field {
        let Answer { word, zh, en } = answer;
        let detail = Detail::new(zh, en);
        match word {
            "yes" => self.findings.met_with(row, detail),
            "no" => self.findings.unmet(row, Conclusion::failed(SUB_INDICATION), detail),
            _ if blocks => self.findings.unmet(row, Conclusion::indeterminate(SUB_INDICATION), detail),
            _ => self.findings.warned(row, detail),
        }
        Field { answer: word, check: row.id, value: None, from: None, until: None, status: None }
    }

    fn identifier(&mut self) -> (Field, Field) {
        let metadata = self.metadata;
        let mut written = metadata.all(name::IDENTIFIER);
        let Some(first) = written.next() else {
            let missing = || answer("not-shown", "文件没有写明证照标识", "the file names no identifier");
            return (self.field(row::LICENCE_IDENTIFIER, missing(), true), self.field(row::LICENCE_CHECK, missing(), true));
        };
        if written.any(|other| other != first) {
            let two = || answer("no", "文件写有不同的证照标识", "the file names different identifiers");
            return (self.field(row::LICENCE_IDENTIFIER, two(), true), self.field(row::LICENCE_CHECK, two(), true));
        }
        let read = match LicenceIdentifier::parse(first) {
            Ok(read) => read,
            Err(refusal) => {
                let wrong = || answer("no", refusal.zh(), refusal.to_string());
                let own = match refusal {
                    crate::id::IdentifierRefusal::Check => answer("unknown", refusal.zh(), refusal.to_string()),
                    _ => wrong(),
                };
                let identifier = Field { value: Some(brief(first)), ..self.field(row::LICENCE_IDENTIFIER, own, true) };
                return (identifier, self.field(row::LICENCE_CHECK, wrong(), true));
            }
        };
        let differs = |name: &str, own: &str| metadata.all(name).any(|value| !value.eq_ignore_ascii_case(own));
        // A region code may stand in the identifier in place of the issuer's credit code.
        let agrees = if differs(name::TYPE, read.kind()) {
            answer("no", "证照类型代码与证照标识不一致", "the type code is not that of the identifier")
        } else if read.issuer().len() == 18 && differs(name::ISSUER_CODE, read.issuer()) {
            answer("no", "颁发机构代码与证照标识不一致", "the issuer's code is not that of the identifier")
        } else {
            answer("yes", "", "")
        };
        let identifier = Field { value: Some(read.to_string()), ..self.field(row::LICENCE_IDENTIFIER, agrees, true) };
        let check = match read.check() {
            LicenceCheck::Standard => answer("yes", "", ""),
            LicenceCheck::Variant => answer(
                "yes",
                "CHECK_VARIANT：按一种不合标准但通行的算法得出",
                "CHECK_VARIANT: by a rule in use that departs from the standard",
            ),
        };
        (identifier, self.field(row::LICENCE_CHECK, check, true))
    }

    fn page(&mut self, facts: &LicenceFacts) -> Field {
        let found = compare(facts);
        self.field(row::LICENCE_PAGE, found, true)
    }

    fn issuer(&mut self, signatures: &[SignatureVerdict]) -> Field {
        let Some(code) = self.metadata.one(name::ISSUER_CODE).map(str::to_owned) else {
            let missing = answer("not-shown", "文件没有写明颁发机构代码", "the file names no code of the issuer");
            return self.field(row::LICENCE_ISSUER, missing, true);
        };
        let sealed = signatures.iter().filter(|signature| matches!(signature.kind, "seal" | "signature"));
        let (mut other, mut unsure) = (false, false);
        let mut found = None;
        for signature in sealed {
            let own = signature.signer.as_ref().and_then(|signer| signer.uscc.as_deref());
            match own {
                Some(own) if own.eq_ignore_ascii_case(&code) => {
                    if signature.indication == Indication::Passed {
                        found = Some(answer("yes", "", ""));
                    } else {
                        unsure = true;
                    }
                }
                Some(_) => other = true,
                None => unsure = true,
            }
        }
        let found = found.unwrap_or_else(|| match (unsure, other) {
            (true, _) => answer("unknown", "颁发机构的签章未能确认", "no seal of the issuer is confirmed"),
            (false, true) => answer("no", "印章属于另一机构", "the seal belongs to another organisation"),
            (false, false) => answer("unknown", "文件没有印章或签名", "the file bears neither seal nor signature"),
        });
        Field { value: Some(brief(&code)), ..self.field(row::LICENCE_ISSUER, found, true) }
    }

    fn validity(&mut self) -> Field {
        let (from, until) = (self.metadata.one(name::VALID_FROM), self.metadata.one(name::VALID_UNTIL));
        let two = [name::VALID_FROM, name::VALID_UNTIL]
            .into_iter()
            .any(|key| self.metadata.all(key).next().is_some() && self.metadata.one(key).is_none());
        let unlimited = until.is_some_and(|text| ["长期", "长期有效", "永久", "无固定期限"].contains(&text));
        let begins = from.map(|text| moment(text, false));
        let ends = until.filter(|_| !unlimited).map(|text| moment(text, true));
        let found = match (begins, ends) {
            _ if two => answer("no", "文件写有不同的有效期", "the file names different dates"),
            (Some(None), _) | (_, Some(None)) => answer("unknown", "有效期不能读出", "the dates cannot be read"),
            (Some(Some(begins)), _) if self.at < begins => answer("no", "尚未生效", "its first day has not come"),
            (_, Some(Some(ends))) if self.at >= ends => answer("no", "已过有效期", "its last day has passed"),
            (_, Some(Some(_))) => answer("yes", "", ""),
            (_, None) if unlimited => answer("yes", "长期有效", "without a last day"),
            _ => answer("not-shown", "文件没有写明有效期截止日期", "the file names no last day"),
        };
        let (from, until) = (from.map(brief), until.map(brief));
        let blocks = found.word == "unknown";
        Field { from, until, ..self.field(row::LICENCE_VALIDITY, found, blocks) }
    }

    fn status(&mut self, told: &[LicenceStatus]) -> Field {
        let own = self.metadata.one(name::IDENTIFIER).and_then(|text| LicenceIdentifier::parse(text).ok()).map(|own| own.to_string());
        // The latest word counts.
        let said = told.iter().filter(|status| Some(&status.identifier) == own.as_ref()).max_by_key(|status| status.asked_at);
        let Some(said) = said else {
            let nobody = answer("unknown", "没有查询颁发机构的登记", "no register was asked");
            return self.field(row::LICENCE_STATUS, nobody, false);
        };
        let ended = !matches!(said.state.as_str(), "in-force" | "not-yet");
        let told_zh = format!("{}（自 {} 起；查询时间 {}）", said.state_zh, said.since.beijing(), said.asked_at.beijing());
        let told_en = format!("{} since {}, asked at {}", said.state, said.since, said.asked_at);
        let found = if ended && said.since <= self.at {
            answer("no", told_zh, told_en)
        } else if self.at > said.asked_at.plus(FRESH) {
            answer("unknown", format!("查询结果已过时：{told_zh}"), format!("what was asked is out of date: {told_en}"))
        } else if ended || said.state == "in-force" {
            // What ended later was in force then.
            answer("yes", "", "")
        } else {
            answer("no", told_zh, told_en)
        };
        let status = Some(said.clone());
        let mut field = if found.word == "no" {
            // The register's no is a definite one, whatever level the rule has for silence.
            self.findings.refused(row::LICENCE_STATUS, Conclusion::failed(SUB_INDICATION), Detail::new(found.zh, found.en));
            Field { answer: "no", check: row::LICENCE_STATUS.id, value: None, from: None, until: None, status: None }
        } else {
            self.field(row::LICENCE_STATUS, found, false)
        };
        field.status = status;
        field
    }

    fn copy(&mut self) -> Field {
        let metadata = self.metadata;
        let marks = [name::COPY_MADE, name::COPY_MAKER, name::COPY_PURPOSE, name::COPY_UNTIL];
        if marks.iter().all(|key| metadata.all(key).all(str::is_empty)) {
            let none = answer("not-shown", "不是加注件", "it is no annotated copy");
            self.findings.met_with(row::LICENCE_COPY, Detail::new(none.zh, none.en));
            return Field { answer: none.word, check: row::LICENCE_COPY.id, value: None, from: None, until: None, status: None };
        }
        let purpose = metadata.one(name::COPY_PURPOSE).map(brief);
        let (made, until) = (metadata.one(name::COPY_MADE).map(brief), metadata.one(name::COPY_UNTIL).map(brief));
        let ends = until.as_deref().and_then(|text| moment(text, true));
        let found = match ends {
            None => answer("unknown", "没有写明使用期限", "it names no time until which it may be used"),
            Some(ends) if self.at > ends => answer("no", "加注件已过使用期限", "the time for which it was made has passed"),
            Some(_) => {
                let purpose = purpose.clone().unwrap_or_default();
                answer("yes", format!("仅限用于：{purpose}"), format!("for this purpose alone: {purpose}"))
            }
        };
        Field { value: purpose, from: made, until, ..self.field(row::LICENCE_COPY, found, true) }
    }
}

/// Text without anything that only arranges it.
fn plain(text: &str) -> String {
    text.nfkc().filter(|letter| !letter.is_whitespace() && !letter.is_control()).flat_map(char::to_lowercase).collect()
}

/// Whether every value that the page should draw stands on it.
fn compare(facts: &LicenceFacts) -> Answer {
    let metadata = &facts.metadata;
    if facts.others {
        return answer("unknown", "文件包中还有其他文档", "the package holds other documents beside the licence");
    }
    let Some(page) = facts.page.as_deref().map(plain).filter(|page| !page.is_empty()) else {
        return answer("unknown", "版面文字不能读出", "the text of the page cannot be read");
    };
    let listed = metadata.one(name::DRAWN_LIST);
    let keys: Vec<&str> =
        listed.map_or(ALWAYS_DRAWN.to_vec(), |list| list.split(',').map(str::trim).filter(|key| !key.is_empty()).collect());
    let mut missing: Vec<&str> = Vec::new();
    for key in keys.iter().take(300) {
        let mut values = metadata.all(key).peekable();
        let absent = values.peek().is_none() && listed.is_some();
        if absent || values.any(|value| !stands(&page, value)) {
            missing.push(key);
        }
    }
    if missing.is_empty() && !keys.is_empty() {
        return answer("yes", "", "");
    }
    let named = missing.iter().take(10).copied().collect::<Vec<_>>().join(", ");
    // A file that lists what its pages draw is held to it; of others it is not known how they draw their values.
    let word = if listed.is_some() && !keys.is_empty() { "no" } else { "unknown" };
    answer(word, format!("版面上没有元数据中的：{named}"), format!("not on the page as the metadata have it: {named}"))
}

fn stands(page: &str, value: &str) -> bool {
    let wanted = plain(value);
    let as_day = || {
        parse_day(value).is_some_and(|day| {
            let (year, month, day) = (day.year(), u8::from(day.month()), day.day());
            page.contains(&format!("{year}年{month}月{day}日")) || page.contains(&format!("{year}年{month:02}月{day:02}日"))
        })
    };
    wanted.is_empty() || page.contains(&wanted) || as_day()
}

/// A time or day; the day's end where `end` is set, since the last day counts whole. Beijing time where none is named.
fn moment(text: &str, end: bool) -> Option<Moment> {
    let text = text.trim();
    if let Ok(moment) = text.parse() {
        return Some(moment);
    }
    let beijing = UtcOffset::from_hms(8, 0, 0).ok()?;
    let format = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");
    if let Ok(moment) = time::PrimitiveDateTime::parse(text, &format) {
        return Some(moment.assume_offset(beijing).into());
    }
    let day = parse_day(text)?;
    let day = if end { day.next_day()? } else { day };
    Some(day.with_time(Time::MIDNIGHT).assume_offset(beijing).into())
}
