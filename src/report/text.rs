//! The words of a report, in Chinese and English.

use crate::verify::policy::Text;

macro_rules! texts {
    ($($name:ident = $zh:literal $en:literal;)*) => {
        $(#[doc = $en] pub const $name: Text = Text { zh: $zh, en: $en };)*
        #[cfg(test)]
        pub(super) const ALL: &[Text] = &[$($name),*];
    };
}

texts! {
    TITLE = "电子签名核验报告" "Validation report of electronic signatures";
    VALID = "有效" "valid";
    INVALID = "无效" "invalid";
    UNDECIDED = "暂无法核验" "undecided";
    VERIFIED = "核验通过" "Verified";
    NOT_VERIFIED = "核验未通过" "Not verified";
    TO_CHECK = "待核实" "To be checked";
    AS_OF = "截至 {} 的状态（北京时间）" "As of {} (Beijing time)";
    NO_SIGNATURE = "这份文件没有电子签名。" "This document bears no electronic signature.";
    SIGNATURE = "签名" "Signature";
    SEAL = "签章" "Seal";
    TIMESTAMP = "时间戳" "Time-stamp";
    DOCUMENT_TIMESTAMP = "文档时间戳" "Document time-stamp";
    AT_SIGNING = "签署时" "At signing";
    NOW = "核验时" "At the time of this verdict";
    CERTIFICATE = "数字证书" "Certificate";
    STATE_VALID = "有效" "valid";
    STATE_EXPIRED = "已过期" "expired";
    STATE_REVOKED = "已吊销" "revoked";
    STATE_UNKNOWN = "未知" "unknown";
    Q_UNCHANGED = "内容未改动？" "Is the content unchanged?";
    Q_WHO = "谁签的？" "Who signed?";
    Q_FOR = "代表谁？" "For whom?";
    Q_TRUSTED = "证书受信？" "Is the certificate trusted?";
    Q_VALID_THEN = "签署时有效？" "Was it valid at signing?";
    Q_TIME = "时间凭什么？" "What does the time rest on?";
    Q_WHOLE = "覆盖全文？" "Does it cover the whole document?";
    YES = "是" "Yes";
    NO = "否" "No";
    WARN = "注意" "Note";
    UNKNOWN = "暂无法核验" "Cannot be decided";
    NOT_SHOWN = "未显示" "Not shown";
    FOR_SELF = "本人（文件未载明代理关系）" "Themselves (the document names nobody else)";
    FOR_NOBODY = "证书未载明" "The certificate does not say";
    TIME_CLAIMED = "{}，签署人自述，无时间戳证明" "{}, the signer's own claim; no time-stamp proves it";
    TIME_SIGNATURE = "{}，有签名时间戳证明" "{}, proven by a signature time-stamp";
    TIME_DOCUMENT = "{}，有文档时间戳证明" "{}, proven by a document time-stamp";
    TIME_ARCHIVE = "{}，有归档时间戳证明" "{}, proven by an archive time-stamp";
    TIME_NONE = "没有任何时间" "No time at all";
    WHOLE = "覆盖全文" "The whole document";
    EARLIER = "覆盖签署时的全文，之后文件又有追加" "The whole document as it was then; more was appended later";
    PARTIAL = "只覆盖一部分" "Only a part of it";
    DEFECTS = "需要处理的问题（一次告知）" "What stands in the way, all at once";
    REMEDY = "处理办法" "Remedy";
    DETAILS = "技术细节" "Technical details";
    CHECK = "检查" "Check";
    ANSWER = "结果" "Answer";
    CLAUSE = "依据" "Clause";
    LEGAL = "依《电子签名法》" "Under the Electronic Signature Law";
    LEGAL_NOTE = "只列出文件和证据所能显示的，不构成法律意见。" "Lists what the file and its evidence show; this is no legal advice.";
    ARTICLE = "第{}条" "Article {}";
    EVIDENCE = "依据的检查" "Rests on";
    CHOICES = "本次核验由调用者作出的选择" "What the caller chose";
    CHOICES_NOTE = "含有调用者选择的结论不出具核验回执。" "A verdict with choices yields no receipt.";
    CHOSE_POLICY = "核验策略：{}" "Policy: {}";
    CHOSE_AT = "核验时点：{}" "Time of the verdict: {}";
    CHOSE_REVOCATION = "吊销状态未知时只作提示（soft）" "An unknown revocation status is only a warning (soft)";
    CHOSE_TRUST = "信任锚由调用者指定" "The caller named the trust anchors";
    RELAXED = "策略放宽的规则：{}" "Rules that the policy relaxes: {}";
    POLICY = "核验策略" "Policy";
    RECEIPT = "回执编号" "Receipt";
    LOOK_UP = "扫码查询" "Look it up";
    PAGE = "第 {} 页，共 {} 页" "Page {} of {}";
    FILE = "文件" "File";
    SIGNER = "签署人证书" "Signer's certificate";
    ISSUER = "签发机构" "Issuer";
    ANCHOR = "信任锚" "Trust anchor";
    ALGORITHMS = "算法" "Algorithms";
    LEVEL = "签名级别" "Level";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_languages_are_complete_and_take_the_same_values() {
        for text in ALL {
            assert!(!text.zh.is_empty() && !text.en.is_empty());
            assert_eq!(text.zh.matches("{}").count(), text.en.matches("{}").count(), "{}", text.en);
        }
    }
}
