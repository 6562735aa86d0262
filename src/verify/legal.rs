//! What a signature is worth under the Electronic Signature Law of the People's Republic of China (2019).
//!
//! Articles 13, 14 and 16 as questions: answered `yes` or `no` where the file and its evidence show it, otherwise `not-shown`.
//! This is no legal advice: it lists what the evidence supports.

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
    /// `13(1)` … `16`.
    pub article: &'static str,
    /// The condition, Chinese.
    pub question: &'static str,
    /// `yes`, `no`, `not-shown`.
    pub answer: &'static str,
    /// What shows it, or why it is not shown, Chinese.
    pub evidence: &'static str,
    /// The condition, English.
    pub question_en: &'static str,
    /// What shows it, English.
    pub evidence_en: &'static str,
}

/// What the judge found, as far as the law asks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Findings {
    /// The signature verifies under the certificate's key.
    pub value: Option<bool>,
    /// The content is what was signed, and nothing changed since.
    pub unchanged: Option<bool>,
    /// The certificate is meant for signing.
    pub signing_key: Option<bool>,
    /// A chain leads to a trust anchor.
    pub trusted: bool,
    /// The certificate was unrevoked and within its validity when the signature was made.
    pub in_force: Option<bool>,
    /// The algorithms still protect it.
    pub strong: bool,
}

impl Legal {
    pub(super) fn new(signatures: Vec<LegalSignature>) -> Self {
        Self { law: "中华人民共和国电子签名法（2019年修正）", signatures }
    }
}

const YES: &str = "yes";
const NO: &str = "no";
const NOT_SHOWN: &str = "not-shown";

pub(super) fn articles(id: &str, found: &Findings) -> LegalSignature {
    let exclusive = match (found.signing_key, found.trusted, found.value) {
        (Some(false), ..) => (NO, "所用证书不是签名证书", "the certificate is not a signing certificate"),
        (_, _, Some(false)) => (NO, "签名值与证书不符", "the signature does not belong to the certificate's key"),
        (Some(true), true, Some(true)) => (
            YES,
            "签名值由该签名证书对应的私钥产生，证书由受信任的机构签发给签署人",
            "the value was made with the key of a signing certificate that a trusted authority issued to the signer",
        ),
        _ => (NOT_SHOWN, "证书不受信任或未能确定", "the certificate is not trusted or not identified"),
    };
    let control = match found.in_force {
        Some(false) => (NO, "签署时证书已吊销或不在有效期内", "the certificate was revoked or out of validity at signing"),
        _ => (
            NOT_SHOWN,
            "文件本身不能显示私钥由谁控制；签署时未发现吊销的，可作为佐证",
            "a file cannot show who controls a key; that no revocation was found at signing may support it",
        ),
    };
    let signature_change = match (found.value, found.strong) {
        (Some(true), true) => {
            (YES, "签名值经验证，对签名的任何改动都会使验证失败", "the value verifies; any change to it would make it fail")
        }
        (Some(true), false) => (NOT_SHOWN, "签名值经验证，但算法已过时", "the value verifies, but an algorithm is out of date"),
        (Some(false), _) => (NO, "签名值不正确", "the value does not verify"),
        (None, _) => (NOT_SHOWN, "未能验证签名值", "the value could not be verified"),
    };
    let content_change = match (found.unchanged, found.strong) {
        (Some(true), true) => {
            (YES, "内容摘要一致，对内容的任何改动都会被发现", "the digest of the content agrees; any change would be noticed")
        }
        (Some(true), false) => (NOT_SHOWN, "内容摘要一致，但算法已过时", "the digest agrees, but an algorithm is out of date"),
        (Some(false), _) => (NO, "内容与签署时不一致", "the content is not what was signed"),
        (None, _) => (NOT_SHOWN, "未能核对内容", "the content could not be compared"),
    };
    let conditions = [exclusive.0, control.0, signature_change.0, content_change.0];
    let reliable = if conditions.contains(&NO) {
        (NO, "不符合第十三条的一项条件", "a condition of article 13 is not met")
    } else if conditions.contains(&NOT_SHOWN) {
        (
            NOT_SHOWN,
            "第十三条的条件未全部得到显示；当事人可以约定其他可靠条件",
            "not all conditions of article 13 are shown; the parties may agree on others",
        )
    } else {
        (YES, "第十三条的条件均已显示", "all conditions of article 13 are shown")
    };
    let certified = if found.trusted {
        (
            YES,
            "证书由信任锚所属的电子认证服务机构签发；其许可由导入信任锚的管理员核对",
            "an authority under a trust anchor issued the certificate; whoever imported the anchor checks its licence",
        )
    } else {
        (
            NOT_SHOWN,
            "未能显示证书由依法设立的电子认证服务机构签发",
            "it is not shown that a lawfully established authority issued the certificate",
        )
    };
    let article = |article, question, question_en, (answer, evidence, evidence_en): (&'static str, &'static str, &'static str)| Article {
        article,
        question,
        answer,
        evidence,
        question_en,
        evidence_en,
    };
    LegalSignature {
        id: id.into(),
        articles: vec![
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
                reliable,
            ),
            article(
                "16",
                "需要第三方认证的，是否由依法设立的机构认证？",
                "Where certification is needed, did a lawfully established authority certify it?",
                certified,
            ),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(found: Findings) -> Vec<&'static str> {
        articles("s", &found).articles.iter().map(|article| article.answer).collect()
    }

    #[test]
    fn what_is_not_shown_is_never_claimed() {
        let good = Findings {
            value: Some(true),
            unchanged: Some(true),
            signing_key: Some(true),
            trusted: true,
            in_force: Some(true),
            strong: true,
        };
        // Sole control cannot be seen in a file, so that article 14 stays open even for the best signature.
        assert_eq!(answers(good), ["yes", "not-shown", "yes", "yes", "not-shown", "yes"]);
        assert_eq!(answers(Findings { trusted: false, ..good }), ["not-shown", "not-shown", "yes", "yes", "not-shown", "not-shown"]);
        assert_eq!(answers(Findings { unchanged: Some(false), ..good })[3..5], ["no", "no"]);
        assert_eq!(answers(Findings { signing_key: Some(false), ..good })[0], "no");
        assert_eq!(answers(Findings { in_force: Some(false), ..good })[1], "no");
        assert_eq!(answers(Findings { strong: false, ..good })[2..4], ["not-shown", "not-shown"]);
    }
}
