//! Policy: a table of rules, each with its clause, level and texts; and until when an algorithm is trusted.
//!
//! The table is data: a verdict quotes it, a policy file may move a rule's level where moving it cannot make a wrong
//! document pass, and its digest stands on every verdict so that two verdicts can be compared.

use crate::{crypto::Hash, moment::Moment};
use serde::Deserialize;
use std::collections::BTreeMap;

/// A text in Chinese and English.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Text {
    /// Chinese.
    pub zh: &'static str,
    /// English.
    pub en: &'static str,
}

/// Remedies that serve where a rule's own would not help.
pub mod remedy {
    use super::Text;

    /// Where status data is newer than a certificate that has run out: waiting brings only newer data.
    pub const STATUS_OF_THEN: Text = Text {
        zh: "请提供证书有效期内签发的吊销列表或在线查询回应（例如当时保存的证据文件）；稍后重试没有用",
        en: "Supply a CRL or OCSP response from within the certificate's validity (evidence kept at the time, for example); trying again does not help",
    };
    /// Where status data is there and is not believed any more.
    pub const STATUS_BELIEVED: Text = Text {
        zh: "请提供由现行有效的签发者以现行算法签发的吊销列表或在线查询回应，或能证明其早已存在的时间戳",
        en: "Supply a CRL or OCSP response by a signer in force and with current algorithms, or a time-stamp that proves that this one is older",
    };
}

/// How an unmet rule weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// It decides the verdict.
    Fail,
    /// It is told as a warning.
    Warn,
    /// It is told.
    Inform,
    /// It is not even told.
    Ignore,
}

impl Level {
    const fn name(self) -> &'static str {
        match self {
            Self::Fail => "fail",
            Self::Warn => "warn",
            Self::Inform => "inform",
            Self::Ignore => "ignore",
        }
    }

    const fn weight(self) -> u8 {
        match self {
            Self::Fail => 3,
            Self::Warn => 2,
            Self::Inform => 1,
            Self::Ignore => 0,
        }
    }
}

/// One rule.
#[derive(Debug, PartialEq, Eq)]
pub struct Row {
    /// Stable identifier, `XY-2…`.
    pub id: &'static str,
    /// Where the rule comes from.
    pub clause: &'static str,
    /// How it weighs when unmet.
    pub level: Level,
    /// Whether a policy file may change the level.
    pub movable: bool,
    /// The question that a clerk reads.
    pub question: Text,
    /// The answer when the rule is met.
    pub met: Text,
    /// The answer when it is not.
    pub unmet: Text,
    /// The smallest thing that would help.
    pub remedy: Text,
}

macro_rules! rows {
    ($($name:ident $id:literal $level:ident $movable:literal $clause:literal
        [$qzh:literal $qen:literal] [$mzh:literal $men:literal] [$uzh:literal $uen:literal] [$rzh:literal $ren:literal];)*) => {
        $(#[doc = $qen] pub const $name: &Row = &Row {
            id: $id, clause: $clause, level: Level::$level, movable: $movable,
            question: Text { zh: $qzh, en: $qen }, met: Text { zh: $mzh, en: $men },
            unmet: Text { zh: $uzh, en: $uen }, remedy: Text { zh: $rzh, en: $ren },
        };)*
        /// Every rule in the order of the table.
        pub const ROWS: &[&Row] = &[$($name),*];
    };
}

/// The rules.
pub mod row {
    use super::{Level, Row, Text};

    rows! {
        FORMAT "XY-2001" Fail false "EN 319 102-1 §5.2.2"
            ["文件和签名的结构是否正确？" "Is the structure of the file and its signature correct?"]
            ["结构正确" "The structure is correct"]
            ["结构不符合格式标准" "The structure breaks the format's standard"]
            ["请向签署人索取原始文件" "Ask the signer for the original file"];
        SUPPORTED "XY-2002" Fail false "EN 319 102-1 §5.1.3"
            ["格式和算法是否受支持？" "Are format and algorithms supported?"]
            ["格式和算法均受支持" "Format and algorithms are supported"]
            ["格式或算法尚不支持，未作判断" "The format or an algorithm is not supported; nothing was judged"]
            ["请提供受支持格式的文件，或等待支持" "Provide the file in a supported format, or wait for support"];
        PRESENT "XY-2003" Fail false "EN 319 102-1 §5.2.2"
            ["文件中是否有电子签名？" "Does the file bear a signature?"]
            ["文件中有电子签名" "The file bears a signature"]
            ["文件中没有电子签名" "The file bears no signature"]
            ["请提交经电子签名的文件" "Submit the signed file"];
        SIGNER_FOUND "XY-2011" Fail false "EN 319 102-1 §5.2.3; RFC 5652 §5.3"
            ["能否确定签名所用的证书？" "Is the signer's certificate identified?"]
            ["已确定签名证书" "The signer's certificate is identified"]
            ["没有找到签名所用的证书" "The certificate that was used for signing is not at hand"]
            ["请同时提供签署人的证书" "Supply the signer's certificate as well"];
        REFERENCE "XY-2012" Fail false "EN 319 122-1 §5.2.2; RFC 5035 §4"
            ["签名内记载的证书与所用证书是否一致？" "Is the certificate the one that the signature names?"]
            ["一致，或签名未作记载" "It is, or the signature names none"]
            ["签名内记载的是另一张证书" "The signature names another certificate"]
            ["请向签署人索取原始文件" "Ask the signer for the original file"];
        CONTENT "XY-2013" Fail false "EN 319 102-1 §5.2.7; RFC 5652 §5.4"
            ["被签署的内容是否未改动？" "Is the signed content unchanged?"]
            ["内容未改动" "The content is unchanged"]
            ["内容与签署时不一致" "The content differs from what was signed"]
            ["请向签署人索取未改动的文件" "Ask the signer for the unchanged file"];
        CONTENT_AT_HAND "XY-2014" Fail false "EN 319 102-1 §5.2.7"
            ["被签署的内容是否齐全？" "Is the signed content at hand?"]
            ["内容齐全" "The content is at hand"]
            ["这是分离式签名，未提供被签署的内容" "The signature is detached and the signed content was not supplied"]
            ["请同时提供被签署的文件" "Supply the signed file as well"];
        VALUE "XY-2015" Fail false "EN 319 102-1 §5.2.7; RFC 5652 §5.6; GB/T 32918.2 §7"
            ["签名值是否正确？" "Does the signature value verify?"]
            ["签名值正确" "The signature value verifies"]
            ["签名值不正确" "The signature value does not verify"]
            ["请向签署人索取原始文件" "Ask the signer for the original file"];
        DEVIATIONS "XY-2016" Inform true "RFC 5652 §10; X.690 §8"
            ["编码是否完全符合标准？" "Does the encoding follow the letter of the standard?"]
            ["符合" "It does"]
            ["有不影响结论的编码偏差" "It deviates in ways that change nothing"]
            ["无需处理" "Nothing needs to be done"];
        CHAIN "XY-2021" Fail false "EN 319 102-1 §5.2.6; RFC 5280 §6.1"
            ["签名证书是否受信任？" "Does the signer's certificate lead to a trust anchor?"]
            ["证书链通向受信任的根证书" "The certificate chain leads to a trust anchor"]
            ["证书链未通向受信任的根证书，不受信任" "No chain leads to a trust anchor; the certificate is not trusted"]
            ["请核对签发机构；确属可信机构的，由管理员导入其根证书" "Check the issuing authority; if it is lawful, an administrator imports its root certificate"];
        CHAIN_VALID "XY-2022" Fail false "EN 319 102-1 §5.2.6; RFC 5280 §6.1.3"
            ["证书链是否符合规则？" "Does the certificate chain obey its rules?"]
            ["证书链符合规则" "The chain obeys its rules"]
            ["证书链违反规则" "The chain breaks a rule"]
            ["请联系证书签发机构" "Turn to the authority that issued the certificate"];
        KEY_USE "XY-2023" Fail false "RFC 5280 §4.2.1.3, §4.2.1.12; GB/T 20518 §5.2.4.2"
            ["证书是否用于签名？" "Is the certificate meant for signing?"]
            ["证书可用于签名" "The certificate may sign documents"]
            ["证书的用途不是签署文件（例如加密证书、网站证书）" "The certificate is not meant for signing documents (an encryption or TLS certificate, for example)"]
            ["请用签名证书重新签署" "Sign again with the signing certificate"];
        ANCHOR "XY-2024" Fail false "EN 319 102-1 §5.2.6; 电子签名法 §16, §18"
            ["信任锚在签署时是否有效？" "Was the trust anchor trusted when it was signed?"]
            ["信任锚在签署时有效" "The trust anchor was trusted then"]
            ["信任锚已撤销或已不用于此目的，且不能证明签署在先" "The trust anchor was withdrawn, or no longer serves this purpose, and nothing proves that the signature is older"]
            ["请提供证明签署在先的时间戳，或用现行机构的证书重新签署" "Supply a time-stamp that proves an earlier time, or sign again with a certificate of an authority that is trusted now"];
        LICENCE "XY-2025" Ignore true "电子签名法 §16, §18; 电子认证服务管理办法 §5"
            ["签署时签发机构是否持有电子认证服务许可证？" "Was the issuing authority licensed when it was signed?"]
            ["持有许可证" "It was licensed"]
            ["没有签署时的许可记录" "No licence is recorded for that time"]
            ["请由管理员核对并登记该机构的许可证" "An administrator checks and records the authority's licence"];
        VALIDITY "XY-2031" Fail false "EN 319 102-1 §5.2.6.4, §5.5.4; 电子签名法 §13"
            ["签署时证书是否在有效期内？" "Was the certificate within its validity at signing?"]
            ["签署时在有效期内" "It was within its validity"]
            ["不能证明签署时证书在有效期内" "It is not proven that it was within its validity"]
            ["请提供能证明签署时间的时间戳，或用有效证书重新签署" "Supply a time-stamp that proves when it was signed, or sign again with a valid certificate"];
        REVOKED "XY-2032" Fail false "EN 319 102-1 §5.2.6.4, §5.5.4; RFC 5280 §5.3"
            ["签署时证书是否未被吊销？" "Was the certificate unrevoked at signing?"]
            ["未发现吊销" "No revocation was found"]
            ["证书已被吊销" "The certificate is revoked"]
            ["请提供吊销之前的时间戳，或用有效证书重新签署" "Supply a time-stamp from before the revocation, or sign again with a valid certificate"];
        STATUS_KNOWN "XY-2033" Fail true "EN 319 102-1 §5.2.5, §5.2.6.4; RFC 6960; RFC 5280 §6.3"
            ["能否得知证书是否被吊销？" "Is the revocation status known?"]
            ["吊销状态已知" "The revocation status is known"]
            ["撤销状态暂不可得" "The revocation status cannot be had at present"]
            ["请稍后重试，或提供签发机构的吊销列表（CRL）或在线查询回应（OCSP）" "Try again later, or supply the authority's CRL or OCSP response"];
        TIME_PROVEN "XY-2041" Inform true "EN 319 102-1 §5.5; 电子签名法 §13"
            ["签署时间凭什么？" "What proves the time of signing?"]
            ["有时间戳证明" "A time-stamp proves it"]
            ["只有签署人自述的时间，没有时间戳证明" "Only the signer's own claim; no time-stamp proves it"]
            ["签署时附加可信时间戳" "Add a trusted time-stamp when signing"];
        TIMESTAMP "XY-2042" Warn true "EN 319 102-1 §5.4; RFC 3161 §2.4.2; GB/T 20520"
            ["时间戳是否有效？" "Is the time-stamp valid?"]
            ["时间戳有效" "The time-stamp is valid"]
            ["时间戳不能作为时间证明" "The time-stamp proves nothing"]
            ["请联系时间戳服务机构，或补加有效的时间戳" "Turn to the time-stamping authority, or add a valid time-stamp"];
        ORDER "XY-2043" Fail false "EN 319 102-1 §5.5.4"
            ["各时间戳的先后次序是否合理？" "Are the time-stamps in a possible order?"]
            ["次序合理" "The order is possible"]
            ["时间戳的先后次序矛盾" "The time-stamps contradict each other"]
            ["请向签署人索取原始文件" "Ask the signer for the original file"];
        CLAIM "XY-2044" Warn true "EN 319 102-1 §5.2.8"
            ["自述的签署时间是否可信？" "Is the claimed time plausible?"]
            ["与其他时间不矛盾，或未自述" "It contradicts nothing, or none is claimed"]
            ["自述的签署时间与其他时间矛盾" "The claimed time contradicts other times"]
            ["请以时间戳为准" "Rely on the time-stamp"];
        IMPRINT "XY-2045" Fail false "RFC 3161 §2.4.2"
            ["时间戳是否加盖在这份文件上？" "Was the time-stamp put on this file?"]
            ["是" "It was"]
            ["时间戳加盖在另一份文件上" "It was put on another file"]
            ["请提供加盖时间戳的原文件" "Supply the file that was stamped"];
        ALGORITHMS "XY-2051" Fail false "EN 319 102-1 §5.2.8.4.2; TS 119 312; GB/T 39786 §8"
            ["所用算法是否足够强？" "Are the algorithms strong enough?"]
            ["算法足够强" "The algorithms are strong enough"]
            ["算法已过时，无存在证明" "An algorithm is out of date and nothing proves that the signature existed before"]
            ["请用 SM2/SM3 等现行算法重新签署" "Sign again with current algorithms such as SM2 with SM3"];
        COVERAGE "XY-2061" Fail false "ISO 32000-1 §12.8.1; EN 319 142-1 §4; GB/T 33190-2016 §18"
            ["签名是否覆盖全文？" "Does the signature cover the whole document?"]
            ["覆盖全文" "It covers the whole document"]
            ["只覆盖文件的一部分" "It covers only a part"]
            ["请让签署人对完整文件签名" "Have the signer sign the complete file"];
        CHANGES "XY-2062" Fail false "ISO 32000-1 §12.8.2.2; EN 319 142-1 §5"
            ["签署后是否未改动？" "Was nothing changed after signing?"]
            ["签署后未改动，或只有允许的改动" "Nothing was changed, or only what is permitted"]
            ["签署后有未经允许的改动" "Something was changed that nobody permitted"]
            ["请以签署时的版本为准，或重新签署" "Rely on the signed revision, or sign again"];
        JUDGED "XY-2063" Fail false "EN 319 102-1 §5.2.8"
            ["是否全部内容都已判断？" "Was everything in it judged?"]
            ["全部内容都已判断" "Everything was judged"]
            ["含有尚未判断的内容" "It holds something that is not judged yet"]
            ["请交由人工核验" "Have it checked by a person"];
        CONSTRAINTS "XY-2064" Fail false "EN 319 102-1 §5.2.8; ISO 32000-1 §12.7.4.5"
            ["是否符合文件自定的签名要求？" "Does it meet the rules that the document sets for its signatures?"]
            ["符合，或文件未作要求" "It does, or there are none"]
            ["不符合文件自定的签名要求" "It breaks a rule that the document sets"]
            ["请按文件要求重新签署" "Sign again as the document demands"];
        SIGNATURE_POLICY "XY-2065" Inform true "EN 319 102-1 §5.2.4; EN 319 122-1 §5.2.9"
            ["签名是否指定了签名策略？" "Does the signature name a signature policy?"]
            ["未指定" "It names none"]
            ["签名指定了签名策略，本次按自有策略判断，未适用其规则" "It names one; this verdict follows its own policy and did not apply its rules"]
            ["需要时请按该策略另行核对" "Check it against that policy where it matters"];
        IDENTITY "XY-2071" Inform true "GB/T 20518 §5.2.4; 电子签名法 §2"
            ["谁签的？" "Who signed?"]
            ["证书载明签署人" "The certificate names the signer"]
            ["证书没有载明可识别的身份号码" "The certificate holds no identity number that could be read"]
            ["请向签发机构核实签署人身份" "Ask the issuing authority who the signer is"];
        REFERENCES "XY-2101" Fail false "GB/T 33190-2016 §18.2"
            ["文件包内受保护的条目是否齐全且未改动？" "Are the protected entries of the package there and unchanged?"]
            ["齐全且未改动" "They are"]
            ["受保护的条目被改动或缺失" "Protected entries are changed or missing"]
            ["请向签署人索取原始文件" "Ask the signer for the original file"];
        SEAL_MAKER "XY-2111" Fail false "GB/T 38540-2020; GM/T 0031-2014 §6 (b), (c)"
            ["印章是否由可信的制章者制作且未改动？" "Was the seal made by a trusted maker and is it unchanged?"]
            ["制章者的签名、证书和状态均成立" "The maker's signature, certificate and status hold"]
            ["印章的制章者签名或证书不成立" "The maker's signature or certificate does not hold"]
            ["请向用章单位核实印章，或由管理员导入制章者的根证书" "Ask the owner about the seal, or have the maker's root certificate imported"];
        SEAL_SIGNER "XY-2112" Fail false "GB/T 38540-2020; GM/T 0031-2014 §7"
            ["签章者是否在印章的签章者名单中？" "Is the signer on the seal's list of signers?"]
            ["在名单中" "The seal lists the signer"]
            ["签章者不在印章的名单中" "The seal does not list the signer"]
            ["请由有权使用该印章的人重新签章" "Have it sealed again by somebody who may use the seal"];
        SEAL_TIME "XY-2113" Fail false "GB/T 38540-2020; GM/T 0031-2014 §6 (d), §7 (d), (f)"
            ["用章时印章是否在有效期内？" "Was the seal within its validity when it was used?"]
            ["在有效期内" "It was"]
            ["不能证明用章时印章在有效期内" "It is not proven that it was"]
            ["请提供能证明签章时间的时间戳，或用有效的印章重新签章" "Supply a time-stamp that proves when it was sealed, or seal again with a valid seal"];
        SEAL_STATUS "XY-2114" Inform true "国务院关于在线政务服务的若干规定 §9; GB/T 38540-2020"
            ["印章是否备案、用章时是否有效？" "Is the seal on record, and was it in force when used?"]
            ["印章已备案，用章时有效" "It is on record and was in force"]
            ["未出示：文件本身不能说明印章的备案和状态" "Not shown: a file cannot tell whether its seal is on record and in force"]
            ["需要时请向印章备案机关查询" "Ask the authority that keeps the record where it matters"];
        SEAL_TIMESTAMP "XY-2115" Warn true "GM/T 0031-2025"
            ["印章自带的时间戳是否有效？" "Is the time-stamp on the seal itself good?"]
            ["有效" "It is"]
            ["印章自带的时间戳无效（TIMESTAMP_BAD），不作为证据" "It is not (TIMESTAMP_BAD) and proves nothing"]
            ["需要时请制章者重新制作印章" "Have the maker make the seal anew where it matters"];
        SEAL_IN_FORCE "XY-2116" Fail false "GB/T 38540-2020; GM/T 0031-2014 §7 (d); 国务院关于在线政务服务的若干规定 §9"
            ["用章时印章是否已停用、撤销或失效？" "Was the seal suspended, revoked or ended when it was used?"]
            ["登记机构的记录显示没有" "By the register's word it was not"]
            ["登记机构的记录显示印章当时不可用，或不能排除" "By the register's word it was, or that cannot be ruled out"]
            ["请向印章登记机构核实；需要时用有效的印章重新签章" "Ask the register of the seal; seal again with a seal in force where needed"];
        LICENCE_IDENTIFIER "XY-2301" Fail false "GB/T 36904-2018; GB/T 36903-2018"
            ["证照标识是否写明，且与类型、颁发机构一致？" "Does the licence name one identifier that agrees with its type and issuer?"]
            ["证照标识与类型、颁发机构一致" "It does"]
            ["证照标识缺失，或与类型、颁发机构不一致" "The identifier is missing, or does not agree with type and issuer"]
            ["请向颁发机构索取正确的电子证照" "Ask the issuer for the right electronic licence"];
        LICENCE_CHECK "XY-2302" Fail false "GB/T 36904-2018; ISO 7064 MOD 37,36"
            ["证照标识的校验位是否正确？" "Is the identifier's check character right?"]
            ["校验位正确" "It is right"]
            ["校验位不正确" "It is wrong"]
            ["请核对证照标识，或向颁发机构索取正确的电子证照" "Compare the identifier, or ask the issuer for the right electronic licence"];
        LICENCE_PAGE "XY-2303" Fail false "GB/T 36905-2018; GB/T 36903-2018"
            ["版面内容与元数据是否一致？" "Does the page say what the metadata say?"]
            ["版面与元数据一致" "It does"]
            ["不能确认版面与元数据一致" "The page is not shown to say what the metadata say"]
            ["请以颁发机构的登记为准，并索取正确的电子证照" "Rely on the issuer's register, and ask for the right electronic licence"];
        LICENCE_ISSUER "XY-2304" Fail false "GB/T 36905-2018; 国务院关于在线政务服务的若干规定 §10"
            ["印章是否属于颁发机构？" "Does the seal belong to the issuer?"]
            ["印章的统一社会信用代码即颁发机构代码" "The seal's credit code is the issuer's"]
            ["不能确认印章属于颁发机构" "The seal is not shown to belong to the issuer"]
            ["请向元数据所载的颁发机构核实" "Ask the issuer that the metadata name"];
        LICENCE_VALIDITY "XY-2305" Fail false "GB/T 36903-2018"
            ["证照是否在有效期内？" "Is the licence within its dates?"]
            ["在有效期内" "It is"]
            ["不在有效期内，或没有写明有效期" "It is not, or names no dates"]
            ["请提交有效期内的证照" "Submit a licence that is within its dates"];
        LICENCE_STATUS "XY-2306" Inform true "GB/T 36906-2018; 国务院关于在线政务服务的若干规定 §10"
            ["颁发机构的登记中证照处于何种状态？" "What does the issuer's register say of the licence?"]
            ["登记状态：有效" "By the register it is in force"]
            ["没有有效的登记状态" "The register does not say that it is in force"]
            ["请向颁发机构或核验页面查询" "Ask the issuer, or the page for checking"];
        LICENCE_COPY "XY-2307" Fail false "GB/T 36903-2018"
            ["是否为加注件？加注件是否仍可使用？" "Is it an annotated copy, and may it still be used?"]
            ["不是加注件，或加注件仍可用于所载用途" "It is none, or may still be used for the purpose that it names"]
            ["加注件已过使用期限，或没有写明期限" "The copy may no longer be used, or names no time"]
            ["请重新申请加注件" "Have a new copy made"];
    }
}
pub use row::ROWS;

/// Until when an algorithm is trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sunset {
    /// A digest, or `rsa`/`dsa` with a size below `bits`.
    pub algorithm: &'static str,
    /// Keys smaller than this are meant; 0 for digests.
    pub bits: usize,
    /// Unix seconds of the day it ended.
    pub ended: i64,
}

/// The sunset table. ETSI TS 119 312 and the national cryptography administration's notices of 2011 (RSA-1024, SHA-1).
pub const SUNSETS: &[Sunset] = &[
    Sunset { algorithm: "md5", bits: 0, ended: 1_091_318_400 },    // 2004-08-01
    Sunset { algorithm: "sha1", bits: 0, ended: 1_343_779_200 },   // 2012-08-01
    Sunset { algorithm: "sha224", bits: 0, ended: 1_767_225_600 }, // 2026-01-01
    Sunset { algorithm: "rsa", bits: 1024, ended: 946_684_800 },   // 2000-01-01
    Sunset { algorithm: "rsa", bits: 1536, ended: 1_293_840_000 }, // 2011-01-01
    Sunset { algorithm: "rsa", bits: 1900, ended: 1_451_606_400 }, // 2016-01-01
    Sunset { algorithm: "dsa", bits: 2048, ended: 1_451_606_400 }, // 2016-01-01
    Sunset { algorithm: "rsa", bits: 3000, ended: 1_861_920_000 }, // 2029-01-01
    Sunset { algorithm: "dsa", bits: 3000, ended: 1_861_920_000 }, // 2029-01-01
];

/// When this digest ended, if it has.
pub fn hash_ended(hash: Hash) -> Option<Moment> {
    SUNSETS.iter().find(|row| row.bits == 0 && row.algorithm == hash.name()).map(|row| Moment::from_secs(row.ended))
}

/// When keys of this family and size ended, if they have.
pub fn key_ended(family: &str, bits: usize) -> Option<Moment> {
    SUNSETS.iter().filter(|row| row.algorithm == family && bits < row.bits).map(|row| Moment::from_secs(row.ended)).min()
}

/// A policy in force: the table with the levels that it moves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Its name on verdicts.
    pub id: String,
    moved: BTreeMap<String, Level>,
    digest: String,
    /// Nobody chose it: it applies where nothing is said.
    own: bool,
}

/// Why a policy file is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// Neither TOML nor JSON, or of another shape.
    #[error("the policy file cannot be read: {0}")]
    Shape(String),
    /// A rule that does not exist.
    #[error("no rule {0} exists")]
    NoSuchRule(String),
    /// A rule whose level is fixed.
    #[error("the level of {0} is fixed: without it a wrong document could pass")]
    Fixed(String),
    /// The name of another policy, or none that can be printed.
    #[error(
        "the id {0:?} cannot be taken: 1 to 64 letters, digits, `.`, `_` and `-` are expected, and `xinyin-` and the built-in names are reserved"
    )]
    Name(String),
    /// A name that is not known.
    #[error("no policy named {0:?} exists; known are \"strict\" and \"archive\", or name a file")]
    NoSuchPolicy(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicyFile {
    id: String,
    #[serde(default)]
    levels: BTreeMap<String, Level>,
}

/// What a policy file holds, for whoever mistook it.
const EXPECTED: &str =
    "expected are `id`, a name, and a table `levels` of rules such as \"XY-2033\", each \"fail\", \"warn\", \"inform\" or \"ignore\"";

const STRICT: &str = "xinyin-strict-1";
const ARCHIVE: &str = "xinyin-archive-1";
/// What an archive asks beyond the table: a proven time, a named signer, and a record of every deviation.
const ARCHIVE_LEVELS: &[(&str, Level)] = &[
    (row::DEVIATIONS.id, Level::Warn),
    (row::LICENCE.id, Level::Warn),
    (row::TIME_PROVEN.id, Level::Fail),
    (row::TIMESTAMP.id, Level::Fail),
    (row::IDENTITY.id, Level::Warn),
];

/// The table itself.
impl Default for Policy {
    fn default() -> Self {
        Self::with(STRICT.into(), BTreeMap::new())
    }
}

impl Policy {
    /// The built-in policy of this name: `strict`, the default, or `archive`.
    pub fn named(name: &str) -> Result<Self, PolicyError> {
        match name {
            "strict" | STRICT => Ok(Self::default()),
            "archive" | ARCHIVE => {
                let moved = ARCHIVE_LEVELS.iter().map(|(rule, level)| ((*rule).to_owned(), *level));
                Ok(Self::with(ARCHIVE.into(), moved.collect()))
            }
            other => Err(PolicyError::NoSuchPolicy(other.into())),
        }
    }

    /// A policy file, TOML or JSON: `id = "…"` and `[levels]` with `"XY-2…" = "fail|warn|inform|ignore"`.
    pub fn from_text(text: &str) -> Result<Self, PolicyError> {
        let shape = |error: String| PolicyError::Shape(error);
        let file: PolicyFile = if text.trim_start().starts_with('{') {
            serde_json::from_str(text).map_err(|error| shape(format!("{error}; {EXPECTED}")))?
        } else {
            toml::from_str(text).map_err(|error| shape(format!("{}; {EXPECTED}", error.to_string().trim_end())))?
        };
        let plain = |letter: char| letter.is_alphanumeric() || matches!(letter, '.' | '_' | '-');
        let reserved = file.id.to_lowercase().starts_with("xinyin-") || Self::named(&file.id).is_ok();
        if reserved || file.id.is_empty() || file.id.chars().count() > 64 || !file.id.chars().all(plain) {
            return Err(PolicyError::Name(file.id));
        }
        for (id, level) in &file.levels {
            match ROWS.iter().find(|row| row.id == id) {
                None => return Err(PolicyError::NoSuchRule(id.clone())),
                Some(row) if !row.movable && *level != row.level => return Err(PolicyError::Fixed(id.clone())),
                Some(_) => {}
            }
        }
        Ok(Self::with(file.id, file.levels))
    }

    fn with(id: String, moved: BTreeMap<String, Level>) -> Self {
        let mut text = String::from("xinyin policy table 1\n");
        for row in ROWS {
            let level = moved.get(row.id).copied().unwrap_or(row.level);
            for part in [row.id, row.clause, level.name(), row.question.zh, row.met.zh, row.unmet.zh, row.remedy.zh] {
                text.push_str(part);
                text.push('\t');
            }
            text.push('\n');
        }
        for row in SUNSETS {
            text.push_str(&format!("{} {} {}\n", row.algorithm, row.bits, row.ended));
        }
        let digest = format!("sm3:{}", hex::encode(Hash::Sm3.digest(text.as_bytes())));
        let own = id == STRICT;
        Self { id, moved, digest, own }
    }

    /// How an unmet rule weighs under this policy.
    pub fn level(&self, row: &Row) -> Level {
        self.moved.get(row.id).copied().unwrap_or(row.level)
    }

    /// Whether it is the one that applies where nobody chooses.
    pub fn is_own(&self) -> bool {
        self.own
    }

    /// The same policy as the one that applies where nobody chooses (`standing`), or as a caller's choice. Only the operator of
    /// a service makes a policy stand.
    #[must_use]
    pub fn standing(self, standing: bool) -> Self {
        Self { own: standing, ..self }
    }

    /// Rules that weigh less than by the table.
    pub fn relaxed(&self) -> Vec<&'static str> {
        ROWS.iter().filter(|row| self.level(row).weight() < row.level.weight()).map(|row| row.id).collect()
    }

    /// Digest of the table under this policy.
    pub fn digest(&self) -> &str {
        &self.digest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn rules_are_unique_and_complete() {
        let mut seen = HashSet::new();
        for row in ROWS {
            assert!(seen.insert(row.id) && row.id.starts_with("XY-2") && row.id.len() == 7, "{}", row.id);
            for text in [row.question, row.met, row.unmet, row.remedy] {
                assert!(!text.zh.is_empty() && !text.en.is_empty(), "{}", row.id);
            }
        }
    }

    #[test]
    fn only_rules_that_cannot_let_a_wrong_document_pass_move() {
        let moved = Policy::from_text("id = \"town\"\n[levels]\n\"XY-2033\" = \"warn\"\n\"XY-2041\" = \"fail\"\n").unwrap();
        assert_eq!((moved.level(row::STATUS_KNOWN), moved.id.as_str()), (Level::Warn, "town"));
        assert_ne!(moved.digest(), Policy::default().digest());
        assert_eq!(moved.relaxed(), ["XY-2033"], "a stricter level is no relaxation");
        assert_eq!(Policy::from_text(r#"{"id":"town","levels":{"XY-2033":"warn","XY-2041":"fail"}}"#), Ok(moved), "JSON says the same");
        for row in ROWS.iter().filter(|row| !row.movable) {
            for level in ["warn", "inform", "ignore"] {
                let file = format!("id='x'\n[levels]\n'{}'='{level}'", row.id);
                assert_eq!(Policy::from_text(&file), Err(PolicyError::Fixed(row.id.into())));
            }
        }
        assert_eq!(Policy::from_text("id='x'\n[levels]\n'XY-2999'='ignore'"), Err(PolicyError::NoSuchRule("XY-2999".into())));
        for shape in ["level = 3", "{", "{\"id\":\"x\",\"more\":1}", "id='x'\n[levels]\n'XY-2033'='off'"] {
            let error = Policy::from_text(shape).unwrap_err();
            assert!(matches!(error, PolicyError::Shape(_)), "{shape}");
            let text = error.to_string();
            assert!(["`id`", "`levels`", "XY-2033", "\"ignore\""].iter().all(|member| text.contains(member)), "{text}");
        }
        assert!(Policy::named("lenient").is_err());
    }

    #[test]
    fn nobody_s_policy_passes_for_a_built_in_one() {
        for name in ["strict", "archive", "xinyin-strict-1", "Xinyin-town", "", "a b", "a\nb", &"x".repeat(65)] {
            let file = serde_json::json!({ "id": name }).to_string();
            assert_eq!(Policy::from_text(&file), Err(PolicyError::Name(name.into())));
        }
        assert_eq!(Policy::from_text("id = '福州-2026.1'").map(|policy| policy.is_own()), Ok(false));
    }

    #[test]
    fn the_rules_that_guard_against_false_accepts_are_fixed() {
        let guards = [
            row::FORMAT,
            row::SUPPORTED,
            row::PRESENT,
            row::SIGNER_FOUND,
            row::REFERENCE,
            row::CONTENT,
            row::CONTENT_AT_HAND,
            row::VALUE,
            row::CHAIN,
            row::CHAIN_VALID,
            row::KEY_USE,
            row::ANCHOR,
            row::VALIDITY,
            row::REVOKED,
            row::ORDER,
            row::IMPRINT,
            row::ALGORITHMS,
            row::COVERAGE,
            row::CHANGES,
            row::JUDGED,
            row::CONSTRAINTS,
        ];
        assert!(guards.iter().all(|row| !row.movable && row.level == Level::Fail));
        let archive = Policy::named("archive").unwrap();
        assert!(archive.relaxed().is_empty() && !archive.is_own(), "an archive asks for more, never for less");
    }

    #[test]
    fn sunsets() {
        assert_eq!(hash_ended(Hash::Sha1).unwrap().to_string(), "2012-08-01T00:00:00Z");
        assert_eq!(hash_ended(Hash::Sm3), None);
        assert_eq!(key_ended("rsa", 1024).unwrap().to_string(), "2011-01-01T00:00:00Z");
        assert_eq!(key_ended("rsa", 2048).unwrap().to_string(), "2029-01-01T00:00:00Z");
        assert_eq!(key_ended("rsa", 3072), None);
    }
}
