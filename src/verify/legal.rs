//! What a signature is worth under the Electronic Signature Law of the People's Republic of China (2019).
//!
//! Articles 3, 5, 6, 8, 9 to 11, 13, 14 and 16 as questions, answered from the checks of one signature: `yes` or `no` where
//! they show it, otherwise `not-shown`. Every answer names the checks that it rests on; none is `yes` by default. This is no
//! legal advice: it lists what the evidence supports.

use super::{
    anchor::{Recorded, RowKind, recorded},
    policy::row,
    verdict::SignatureVerdict,
};
use crate::moment::Moment;
use serde::Serialize;

/// The block on a verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Legal {
    /// Which law.
    pub law: &'static str,
    /// One for each signature and seal.
    pub signatures: Vec<LegalSignature>,
}

/// The articles for one signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LegalSignature {
    /// Which signature.
    pub id: String,
    /// Articles in order.
    pub articles: Vec<Article>,
}

/// One article's condition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Article {
    /// `3` … `16`.
    pub article: &'static str,
    /// The condition, Chinese.
    pub question: &'static str,
    /// `yes`, `no`, `not-shown`.
    pub answer: &'static str,
    /// What shows it, or why it is not shown, Chinese.
    pub evidence: String,
    /// The checks that it rests on.
    pub checks: Vec<&'static str>,
    /// The condition, English.
    pub question_en: &'static str,
    /// What shows it, English.
    pub evidence_en: String,
}

impl Legal {
    pub(super) fn new(signatures: Vec<LegalSignature>) -> Self {
        Self { law: "中华人民共和国电子签名法（2019年修正）", signatures }
    }
}

const YES: &str = "yes";
const NO: &str = "no";
const NOT_SHOWN: &str = "not-shown";

/// An answer with its words and the checks that it rests on.
struct Answer {
    answer: &'static str,
    zh: String,
    en: String,
    checks: Vec<&'static str>,
}

fn say(answer: &'static str, zh: impl Into<String>, en: impl Into<String>, checks: &[&'static str]) -> Answer {
    Answer { answer, zh: zh.into(), en: en.into(), checks: checks.to_vec() }
}

/// The checks of one signature.
struct Shown<'a> {
    signature: &'a SignatureVerdict,
    /// The answers in the order of the rules; of one rule the worst last.
    answers: Vec<(&'static str, Option<usize>, &'static str)>,
}

impl<'a> Shown<'a> {
    fn new(signature: &'a SignatureVerdict) -> Self {
        let rank = |status| ["pass", "warn", "unknown", "fail"].iter().position(|known| *known == status);
        let mut answers: Vec<_> = signature.checks.iter().map(|check| (check.id, rank(check.status), check.status)).collect();
        answers.sort_unstable();
        Self { signature, answers }
    }

    /// The worst answer that a rule got: `fail`, `unknown`, `warn`, `pass`; none if nobody asked.
    fn status(&self, rule: &str) -> Option<&'static str> {
        let end = self.answers.partition_point(|(id, ..)| *id <= rule);
        self.answers.get(end.checked_sub(1)?).filter(|(id, ..)| *id == rule).map(|(_, _, status)| *status)
    }

    /// Whether all of the rules were asked and met.
    fn all(&self, rules: &[&str]) -> bool {
        rules.iter().all(|rule| self.status(rule) == Some("pass"))
    }

    /// Whether one of the rules is definitely broken.
    fn broken(&self, rules: &[&str]) -> bool {
        rules.iter().any(|rule| self.status(rule) == Some("fail"))
    }

    /// The signature does what it should, all of it judged.
    fn intact(&self) -> bool {
        self.all(INTEGRITY) && self.status(row::JUDGED.id).is_none_or(|status| status == "pass")
    }
}

/// Content, value, algorithms, coverage and changes together show that nothing was altered.
const INTEGRITY: &[&str] = &[row::FORMAT.id, row::CONTENT.id, row::VALUE.id, row::ALGORITHMS.id, row::COVERAGE.id, row::CHANGES.id];
const CONTENT: &[&str] = &[row::CONTENT.id, row::CHANGES.id];
const TRUST: &[&str] = &[row::CHAIN.id, row::CHAIN_VALID.id, row::ANCHOR.id];
const IN_FORCE: &[&str] = &[row::VALIDITY.id, row::REVOKED.id, row::STATUS_KNOWN.id];

/// The articles for a signature in a document of this format, as of the best time that is proven, or of the verdict.
pub(super) fn articles(format: &str, signature: &SignatureVerdict, at: Moment) -> LegalSignature {
    let shown = Shown::new(signature);
    let proven = signature.best_time.filter(|_| signature.best_time_source != "claimed");
    let reliable = [exclusive(&shown), control(&shown), signature_change(&shown), content_change(&shown)];
    let equal = equal(&reliable);
    let [exclusive, control, signature_change, content_change] = reliable;
    let article = |article, question, question_en, found: Answer| Article {
        article,
        question,
        answer: found.answer,
        evidence: found.zh,
        checks: found.checks,
        question_en,
        evidence_en: found.en,
    };
    LegalSignature {
        id: signature.id.clone(),
        articles: vec![
            article(
                "3",
                "所涉事项是否允许使用电子文书（不属于婚姻、收养、继承，停止供水、供热、供气，以及法律规定的其他除外情形）？",
                "May the matter be dealt with electronically (none of marriage, adoption, inheritance, the ending of water, heat or gas supply, or others that law excludes)?",
                say(
                    NOT_SHOWN,
                    "文件本身不能显示所涉事项，请经办人核对",
                    "a file does not show what matter it is about; whoever handles it checks",
                    &[],
                ),
            ),
            article(
                "5(1)",
                "能否有效表现所载内容并可随时调取查用？",
                "Can it show its content and be retrieved for later use?",
                readable(format, &shown),
            ),
            article(
                "5(2)",
                "能否可靠地保证自最终形成时起内容完整、未被更改？",
                "Is it reliably ensured that the content is complete and unaltered since it was final?",
                original(&shown),
            ),
            article(
                "6(2)",
                "格式是否与生成时相同，或者能准确表现原来的内容？",
                "Has it the form in which it was made, or does it show the content exactly?",
                original(&shown),
            ),
            article(
                "6(3)",
                "能否识别发件人、收件人以及发送、接收的时间？",
                "Can sender, recipient and the times of sending and receipt be told?",
                say(
                    NOT_SHOWN,
                    "文件能显示签署人和签署时间，不能显示收件人和收发时间；请保存接收记录",
                    "a file shows signer and signing time, not its recipient nor when it was sent or received; keep the record of receipt",
                    &[row::IDENTITY.id, row::TIME_PROVEN.id],
                ),
            ),
            article(
                "8(1)",
                "生成、储存或者传递的方法是否可靠？",
                "Is the way it was made, stored and transmitted reliable?",
                say(NOT_SHOWN, "取决于文件之外的系统，文件不能显示", "that depends on systems outside the file", &[]),
            ),
            article("8(2)", "保持内容完整性的方法是否可靠？", "Is the method that keeps the content whole reliable?", method(&shown)),
            article("8(3)", "用以鉴别发件人的方法是否可靠？", "Is the method that identifies the sender reliable?", identified(&shown)),
            article(
                "9(3)",
                "按照签署人采用的方法验证，结果是否相符？",
                "Does checking by the method that the signer adopted agree?",
                attributed(&shown),
            ),
            article(
                "10",
                "需要确认收讫的，是否已确认？",
                "Where receipt has to be acknowledged, was it?",
                say(
                    NOT_SHOWN,
                    "文件不含收讫确认；核验回执可作为收到的证明",
                    "the file holds no acknowledgement; a receipt of this service may serve as one",
                    &[],
                ),
            ),
            article("11", "能否确定发送和接收的时间？", "Are the times of sending and receipt established?", times(proven)),
            article(
                "13(1)",
                "制作数据用于电子签名时，是否属于电子签名人专有？",
                "Did the creation data belong to the signer alone?",
                exclusive,
            ),
            article("13(2)", "签署时制作数据是否仅由电子签名人控制？", "Were they under the signer's sole control at signing?", control),
            article(
                "13(3)",
                "签署后对电子签名的任何改动能否被发现？",
                "Can any later change to the signature be noticed?",
                signature_change,
            ),
            article(
                "13(4)",
                "签署后对内容和形式的任何改动能否被发现？",
                "Can any later change to content and form be noticed?",
                content_change,
            ),
            article(
                "14",
                "是否与手写签名或者盖章具有同等的法律效力？",
                "Has it the same effect as a handwritten signature or a seal?",
                equal,
            ),
            article(
                "16",
                "需要第三方认证的，是否由依法设立的机构认证？",
                "Where certification is needed, did a lawfully established authority certify it?",
                certified(&shown, proven, at),
            ),
        ],
    }
}

fn readable(format: &str, shown: &Shown<'_>) -> Answer {
    const RULES: &[&str] = &[row::FORMAT.id, row::CONTENT_AT_HAND.id];
    if shown.broken(&[row::FORMAT.id]) {
        say(NO, "文件或签名的结构不正确", "the structure of the file or signature is broken", &[row::FORMAT.id])
    } else if format == "pades" && shown.all(RULES) {
        say(YES, "内容在文件中，版式结构可以完整读取", "the content is in the file and its structure can be read whole", RULES)
    } else {
        say(NOT_SHOWN, "没有判断被签署内容能否显示", "whether the signed content can be shown was not judged", RULES)
    }
}

fn original(shown: &Shown<'_>) -> Answer {
    if shown.broken(CONTENT) {
        say(NO, "内容与签署时不一致", "the content is not what was signed", CONTENT)
    } else if shown.intact() {
        say(
            YES,
            "签名覆盖全部内容，自签署时起未被更改",
            "the signature covers all of the content, unaltered since it was signed",
            INTEGRITY,
        )
    } else {
        say(NOT_SHOWN, "完整性没有全部得到显示", "integrity is not shown in full", INTEGRITY)
    }
}

fn method(shown: &Shown<'_>) -> Answer {
    const RULES: &[&str] = &[row::VALUE.id, row::CONTENT.id, row::ALGORITHMS.id];
    if shown.broken(&[row::VALUE.id, row::CONTENT.id]) {
        say(NO, "签名值或内容摘要不符", "the value or the digest does not verify", RULES)
    } else if shown.all(RULES) {
        say(YES, "以现行算法的数字签名和摘要保持完整性", "a digital signature and digest with current algorithms keep it whole", RULES)
    } else {
        say(NOT_SHOWN, "未能验证，或算法已过时", "not verified, or an algorithm is out of date", RULES)
    }
}

fn identified(shown: &Shown<'_>) -> Answer {
    let rules = [&[row::VALUE.id, row::IDENTITY.id], TRUST, IN_FORCE].concat();
    if shown.broken(&[row::VALUE.id]) {
        say(NO, "签名值与证书不符", "the value does not belong to the certificate's key", &[row::VALUE.id])
    } else if shown.all(&rules) {
        say(
            YES,
            "受信任机构签发的有效证书载明签署人的身份号码",
            "a certificate in force, issued by a trusted authority, holds the signer's identity number",
            &rules,
        )
    } else {
        say(
            NOT_SHOWN,
            "证书不受信任、效力未明或没有载明身份号码",
            "the certificate is not trusted, not known to be in force, or holds no identity number",
            &rules,
        )
    }
}

fn attributed(shown: &Shown<'_>) -> Answer {
    let rules = [&[row::VALUE.id, row::CONTENT.id, row::CHANGES.id], TRUST, IN_FORCE].concat();
    if shown.broken(&[row::VALUE.id, row::CONTENT.id, row::CHANGES.id]) {
        say(NO, "验证结果不相符", "it does not agree", &rules)
    } else if shown.all(&rules) {
        say(YES, "以签署人所用证书验证，结果相符", "checked with the certificate that the signer used, it agrees", &rules)
    } else {
        say(NOT_SHOWN, "验证未能完成", "the check could not be completed", &rules)
    }
}

fn times(proven: Option<Moment>) -> Answer {
    match proven {
        Some(time) => say(
            NOT_SHOWN,
            format!("时间戳证明 {time} 已经存在；发送和接收时间须由系统记录证明"),
            format!("a time-stamp proves that it existed on {time}; when it was sent and received, systems have to record"),
            &[row::TIME_PROVEN.id],
        ),
        None => say(NOT_SHOWN, "没有时间证明", "nothing proves a time", &[row::TIME_PROVEN.id]),
    }
}

fn exclusive(shown: &Shown<'_>) -> Answer {
    let rules = [&[row::VALUE.id, row::KEY_USE.id], TRUST].concat();
    if shown.broken(&[row::KEY_USE.id]) {
        say(NO, "所用证书不是签名证书", "the certificate is not a signing certificate", &[row::KEY_USE.id])
    } else if shown.broken(&[row::VALUE.id]) {
        say(NO, "签名值与证书不符", "the signature does not belong to the certificate's key", &[row::VALUE.id])
    } else if shown.all(&rules) {
        say(
            YES,
            "签名值由该签名证书对应的私钥产生，证书由受信任的机构签发给签署人",
            "the value was made with the key of a signing certificate that a trusted authority issued to the signer",
            &rules,
        )
    } else {
        say(NOT_SHOWN, "证书不受信任或未能确定", "the certificate is not trusted or not identified", &rules)
    }
}

fn control(shown: &Shown<'_>) -> Answer {
    if shown.broken(&[row::VALIDITY.id, row::REVOKED.id]) {
        return say(
            NO,
            "签署时证书已吊销或不在有效期内",
            "the certificate was revoked or out of validity at signing",
            &[row::VALIDITY.id, row::REVOKED.id],
        );
    }
    say(
        NOT_SHOWN,
        "文件本身不能显示私钥由谁控制；签署时未发现吊销的，可作为佐证",
        "a file cannot show who controls a key; that no revocation was found at signing may support it",
        &[row::REVOKED.id],
    )
}

fn signature_change(shown: &Shown<'_>) -> Answer {
    const RULES: &[&str] = &[row::VALUE.id, row::ALGORITHMS.id];
    if shown.broken(&[row::VALUE.id]) {
        say(NO, "签名值不正确", "the value does not verify", RULES)
    } else if shown.all(RULES) {
        say(YES, "签名值经验证，对签名的任何改动都会使验证失败", "the value verifies; any change to it would make it fail", RULES)
    } else {
        say(NOT_SHOWN, "未能验证签名值，或算法已过时", "the value could not be verified, or an algorithm is out of date", RULES)
    }
}

fn content_change(shown: &Shown<'_>) -> Answer {
    if shown.broken(CONTENT) {
        say(NO, "内容与签署时不一致", "the content is not what was signed", CONTENT)
    } else if shown.intact() {
        say(YES, "内容摘要一致，对内容的任何改动都会被发现", "the digest of the content agrees; any change would be noticed", INTEGRITY)
    } else {
        say(
            NOT_SHOWN,
            "未能核对全部内容，或算法已过时",
            "not all of the content could be compared, or an algorithm is out of date",
            INTEGRITY,
        )
    }
}

/// Article 14 follows from the four conditions of article 13.
fn equal(conditions: &[Answer; 4]) -> Answer {
    let mut checks: Vec<&'static str> = Vec::new();
    for check in conditions.iter().flat_map(|condition| &condition.checks) {
        if !checks.contains(check) {
            checks.push(check);
        }
    }
    let any = |answer| conditions.iter().any(|condition| condition.answer == answer);
    if any(NO) {
        say(NO, "不符合第十三条的一项条件", "a condition of article 13 is not met", &checks)
    } else if any(NOT_SHOWN) {
        say(
            NOT_SHOWN,
            "第十三条的条件未全部得到显示；当事人可以约定其他可靠条件",
            "not all conditions of article 13 are shown; the parties may agree on others",
            &checks,
        )
    } else {
        say(YES, "第十三条的条件均已显示", "all conditions of article 13 are shown", &checks)
    }
}

/// Article 16 as of the best time: the proven one, otherwise that of the verdict. What a signer claims moves nothing.
fn certified(shown: &Shown<'_>, proven: Option<Moment>, at: Moment) -> Answer {
    let best = proven.unwrap_or(at);
    let rules = [TRUST, &[row::LICENCE.id]].concat();
    let rows = shown.signature.anchor.as_ref().map(|anchor| anchor.rows.as_slice()).unwrap_or_default();
    if matches!(shown.status(row::ANCHOR.id), Some("fail" | "unknown")) {
        return say(
            NO,
            "签署时信任锚已撤销或不用于此目的",
            "the trust anchor was withdrawn or did not serve this purpose",
            &[row::ANCHOR.id],
        );
    }
    if !shown.all(TRUST) {
        let (zh, en) = (
            "未能显示证书由依法设立的电子认证服务机构签发",
            "it is not shown that a lawfully established authority issued the certificate",
        );
        return say(NOT_SHOWN, zh, en, &rules);
    }
    match recorded(rows, RowKind::Licence, best) {
        Recorded::Covered(row) => {
            let number = row.what.as_deref().unwrap_or("—");
            let (egov_zh, egov_en) = match recorded(rows, RowKind::Egov, best) {
                Recorded::Covered(_) => ("，并具备电子政务电子认证服务资质", ", and it was qualified for e-government"),
                Recorded::Outside => ("；当时不在电子政务资质期内", "; it was not qualified for e-government then"),
                Recorded::Nothing => ("；未登记电子政务资质", "; no qualification for e-government is recorded"),
            };
            say(
                YES,
                format!("签发机构在 {best} 持有电子认证服务许可证 {number}{egov_zh}"),
                format!("the authority held licence {number} on {best}{egov_en}"),
                &rules,
            )
        }
        Recorded::Outside => say(
            NO,
            format!("登记的电子认证服务许可证不包括 {best}"),
            format!("the licences recorded for the authority do not cover {best}"),
            &rules,
        ),
        Recorded::Nothing => say(
            NOT_SHOWN,
            "证书由信任锚所属机构签发，但没有登记其电子认证服务许可证",
            "an authority under a trust anchor issued it, and no licence of that authority is recorded",
            &rules,
        ),
    }
}

#[cfg(test)]
mod tests;
