//! What can go wrong outside a verdict: a stable code, one sentence in Chinese and English, and the remedy.
//!
//! A bad document is a verdict, never a [`Fault`]. Inside, rooms have error types of their own; a `Fault` is made at the
//! border of a service and becomes a problem document (RFC 9457) on the web or one sentence on the command line.
//! Codes never change their meaning: XY-1xxx identity and login, XY-3xxx signing and keys, XY-4xxx requests,
//! XY-5xxx the provincial platform, XY-9xxx the system. XY-2xxx are the checks of a verdict (see `verify`).

use std::fmt;

/// A stable error code with its texts. `status` is the HTTP status it maps to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    /// Stable identifier, `XY-` and four digits.
    pub id: &'static str,
    /// HTTP status on the web.
    pub status: u16,
    /// What happened, in Chinese.
    pub zh: &'static str,
    /// What happened, in English.
    pub en: &'static str,
    /// What to do about it, in Chinese.
    pub remedy_zh: &'static str,
    /// What to do about it, in English.
    pub remedy_en: &'static str,
}

macro_rules! codes {
    ($($name:ident = $id:literal $status:literal $zh:literal $en:literal $remedy_zh:literal $remedy_en:literal;)*) => {
        $(#[doc = $en] pub const $name: Code = Code { id: $id, status: $status, zh: $zh, en: $en, remedy_zh: $remedy_zh, remedy_en: $remedy_en };)*
        /// Every code, in the order of the source.
        pub const ALL: &[Code] = &[$($name),*];
    };
}

/// The catalogue.
pub mod code {
    use super::Code;

    codes! {
        NUMBER_EMPTY = "XY-1101" 400 "没有填写号码" "No number was given" "请填写号码" "Enter the number";
        NUMBER_TOO_LONG = "XY-1102" 400 "号码过长" "The number is far too long" "请只填写号码本身" "Enter the number alone";
        NUMBER_LENGTH = "XY-1103" 400 "号码位数不正确" "The number has a wrong count of characters" "请对照证件检查位数" "Count the characters on the document";
        NUMBER_CHARACTER = "XY-1104" 400 "号码含有不允许的字符" "The number holds a character that cannot stand there" "请检查所示位置的字符" "Check the character at that place";
        NUMBER_REGION = "XY-1105" 400 "号码中的地区代码不存在" "The number names no existing region" "请对照证件检查前几位" "Check the first digits against the document";
        NUMBER_DATE = "XY-1106" 400 "号码中的出生日期不存在" "The date of birth in the number is no date" "请对照证件检查出生日期" "Check the date of birth against the document";
        NUMBER_TOO_OLD = "XY-1107" 400 "号码中的出生日期过早" "The date of birth in the number is before 1850" "请对照证件检查出生日期" "Check the date of birth against the document";
        NUMBER_NOT_BORN = "XY-1108" 400 "号码中的出生日期晚于今天" "The date of birth in the number is after today" "请对照证件检查出生日期" "Check the date of birth against the document";
        NUMBER_CHECK = "XY-1109" 400 "号码校验位不符" "The check character of the number does not match" "请逐位对照证件" "Compare every character with the document";
        NUMBER_INNER_CODE = "XY-1110" 400 "统一社会信用代码中的组织机构代码校验位不符" "The organisation code inside the credit code does not match its check character" "请逐位对照营业执照" "Compare every character with the licence";
        NUMBER_NATIONALITY = "XY-1111" 400 "号码中的国籍或签发国代码不存在" "The nationality or issuing state is none" "请检查国籍代码" "Check the code of the nationality";
        NUMBER_OTHER_KIND = "XY-1112" 400 "这是另一种证件的号码" "This is the number of another kind of document" "请选择对应的证件类型" "Choose the kind of document that bears it";
        NUMBER_UNKNOWN_KIND = "XY-1113" 400 "无法识别号码的证件类型" "The number is of no kind that can be told by its form" "请选择证件类型后重试" "Choose the kind of document and try again";
        KEY_UNREADABLE = "XY-3101" 400 "无法读取私钥" "The private key cannot be read" "请检查密钥文件或 PKCS#11 地址" "Check the key file or the PKCS#11 URI";
        KEY_PASSWORD = "XY-3102" 400 "密钥口令缺失或不正确" "The password of the key is missing or wrong" "请用 --password-file 或环境变量 XINYIN_PASSWORD 提供口令" "Give it by --password-file or the environment variable XINYIN_PASSWORD";
        KEY_DEVICE = "XY-3103" 503 "密码设备无法使用" "The key device cannot be used" "请检查设备、驱动和 PIN" "Check the device, its driver and the PIN";
        SIGN_REQUEST = "XY-3201" 400 "签署请求不正确" "The request to sign makes no sense" "请按提示修改选项" "Change the options as the message says";
        SIGN_CERTIFICATE = "XY-3202" 400 "此证书不能用于本次签署" "This certificate cannot sign this document" "请使用有效的签名证书" "Use a signing certificate that is valid now";
        SIGN_DOCUMENT = "XY-3203" 400 "此文件不能签署" "This document cannot be signed" "请检查文件，或改用分离式签名" "Check the document, or sign it detached";
        SIGN_TIMESTAMP = "XY-3204" 503 "没有取得可用的时间戳" "No usable time-stamp was obtained" "请稍后重试，或改用不带时间戳的级别" "Try again later, or sign without a time-stamp";
        SIGN_CHECK = "XY-3205" 500 "签署结果未通过自检，没有输出" "The signed document did not pass its own check; nothing was released" "请保留原文件并报告此问题" "Keep the original and report this";
        SIGN_LEVEL = "XY-3206" 422 "此签名不能提升到所要的级别" "This signature cannot be raised to that level" "请先用 xinyin verify 查看原因，补齐信任锚和吊销信息" "See with xinyin verify what is wrong; supply trust anchors and revocation data";
        SIGN_PICTURE = "XY-3207" 400 "此图片不能使用" "This picture cannot be used" "请使用不超过 4096×4096 的 PNG 或 JPEG 图片" "Use a PNG or JPEG picture of at most 4096 by 4096 pixels";
        SIGNING_LAPSED = "XY-3208" 410 "此次签署已完成或已过期" "This signing was completed before or is too old" "请重新准备签署" "Prepare the document again";
        SIGNATURE_VALUE = "XY-3209" 422 "签名值与证书或待签内容不符" "The signature value is not this certificate's over what was prepared" "请用所提交证书对应的密钥对返回的内容签名" "Sign what was returned with the key of the certificate that was sent";
        SIGN_REFUSED = "XY-3210" 422 "签署后的文件未通过核验，没有输出" "The signed document does not pass the judge; nothing was released" "请按提示检查证书及其状态" "Check the certificate and its status as the message says";
        SEAL_REQUEST = "XY-3301" 400 "印章制作要求不正确" "The request to make a seal makes no sense" "请按提示修改选项" "Change the options as the message says";
        SEAL_CERTIFICATE = "XY-3302" 400 "此证书不能用于制作或使用印章" "This certificate cannot make or use a seal" "请使用有效的 SM2 签名证书" "Use an SM2 signing certificate that is valid now";
        SEAL_PICTURE = "XY-3303" 400 "无法得到印章图片" "The picture of the seal cannot be had" "请换一张图片或一种字体，或用 --font 指定字体" "Use another picture or font, or name a font with --font";
        SEAL_UNREADABLE = "XY-3304" 400 "这不是电子印章文件，或已损坏" "This is no electronic seal, or a broken one" "请重新取得印章文件" "Get the seal's file again";
        SEAL_NOT_YOURS = "XY-3305" 403 "此证书不在印章的签章者列表中" "The seal does not list this certificate" "请使用印章所列的证书，或重新制作印章" "Use a certificate that the seal lists, or have the seal made anew";
        SEAL_OUT_OF_FORCE = "XY-3306" 400 "印章不在有效期内" "The seal is not valid now" "请使用有效期内的印章" "Use a seal that is valid now";
        SEAL_STATE = "XY-3307" 409 "印章现在的状态不允许这样做" "The state of the seal does not allow this" "请先查看印章的状态和历史" "Look at the state and the history of the seal first";
        SEAL_APPROVAL = "XY-3308" 409 "此申请不能审批：已处理、已过期或内容有变" "The request cannot be decided: it was decided, has expired or differs from what was shown" "请重新查看申请；需要时重新提出" "Look at the request again; ask anew where needed";
        SEAL_SAME_PERSON = "XY-3309" 403 "申请和审批须由不同的人作出，且至少一方为经办人员本人" "Two different ones ask and decide, at least one of them a person at the desk" "请由本机构另一位人员审批" "Have another clerk of the agency decide";
        SEAL_NOT_GRANTED = "XY-3310" 403 "没有可用的用印授权" "No grant allows this use of the seal" "请先申请用印并由另一人审批" "Ask for the use and have another approve it";
        SEAL_RESULT = "XY-3311" 400 "制成的印章与经审批的制作要求不符" "The seal differs from what was approved to be made" "请按导出的制作要求重新制作" "Make it anew from the exported request";
        LICENCE_TYPE = "XY-3401" 400 "证照类型定义不正确" "The definition of the licence type is wrong" "请按提示修改定义文件" "Correct the definition as the message says";
        LICENCE_TYPE_UNKNOWN = "XY-3402" 404 "没有登记这种证照类型" "No such licence type is registered" "请先用 xinyin licence type 登记" "Register it first with xinyin licence type";
        LICENCE_APPLICATION = "XY-3403" 422 "证照信息不完整或不正确" "The application for the licence is incomplete or wrong" "请按提示逐项更正" "Correct each field that is named";
        LICENCE_GLYPH = "XY-3404" 422 "字体中没有所需的汉字，未颁发" "No font has a character that is needed; nothing was issued" "请安装含有该字的字体（GB 18030-2022），或用环境变量 XINYIN_FONT 指定" "Install a font that has it (GB 18030-2022), or name one in XINYIN_FONT";
        LICENCE_FIT = "XY-3405" 422 "文字超出版面，未颁发" "A text does not fit into its place; nothing was issued" "请缩短该项，或修改证照模板" "Shorten the field, or change the template";
        LICENCE_SEAL = "XY-3406" 503 "没有可用的印章，未颁发" "No seal is at hand to seal the licence; nothing was issued" "请检查配置文件中的 licence_seal 和印章状态" "Check licence_seal in the configuration, and the seal";
        LICENCE_STATE = "XY-3407" 409 "证照的当前状态不允许此操作" "The licence's state does not allow this" "请先查询证照状态" "See the licence's status first";
        LICENCE_LEVEL = "XY-3408" 403 "申请人的实名等级不够" "The applicant's level of identity proofing is too low" "请申请人用等级更高的方式认证后重试" "Have the applicant prove identity in a stronger way";
        LICENCE_BATCH = "XY-3409" 409 "此批次属于另一个文件" "This batch belongs to another file" "请为新的文件使用新的批次名" "Use a new batch name for a new file";
        LICENCE_CHECK = "XY-3410" 500 "制成的证照未通过自检，没有颁发" "The finished licence did not pass its own check; nothing was issued" "请检查印章、证书和信任锚" "Check seal, certificates and trust anchors";
        LICENCE_ROWS = "XY-3411" 400 "CSV 文件不正确" "The CSV file is wrong" "请按提示修改文件" "Correct the file as the message says";
        CHALLENGE_FORM = "XY-1201" 400 "这不是本程序的登录质询，拒绝签名" "This is no login challenge; nothing else is signed" "请从登录页面重新下载质询" "Download the challenge from the login page again";
        CHALLENGE_ORIGIN = "XY-1202" 403 "登录质询不属于该网站" "The login challenge belongs to another site" "请确认网址，并从本站登录页面重新开始" "Check the address and start again from this site's login page";
        CHALLENGE_EXPIRED = "XY-1203" 400 "登录质询已过期或已使用" "The login challenge has expired or was used" "请重新开始登录" "Start the login again";
        CHALLENGE_DECLINED = "XY-1204" 403 "持有人没有确认签名" "The holder did not confirm the signature" "如需登录，请重试并在连接器中确认" "To log in, try again and confirm in the connector";
        CONNECTOR_ORIGIN = "XY-1205" 403 "该网站未获准使用本机连接器" "This site may not use the connector of this machine" "如信任该网站，请用 --origin 启动连接器" "If you trust the site, start the connector with --origin";
        TOO_MANY = "XY-4029" 429 "请求过于频繁" "Too many requests" "请稍后再试" "Try again later";
        LOGIN_NEEDED = "XY-1301" 401 "请先登录" "Log in first" "请登录后重试" "Log in and try again";
        LEVEL_TOO_LOW = "XY-1302" 403 "本次登录的等级不够" "The level of this session is too low" "请用等级更高的方式登录后重试" "Log in in a way that reaches a higher level and try again";
        PASSKEY = "XY-1303" 400 "未能使用通行密钥" "The passkey could not be used" "请重试，或换一种登录方式" "Try again, or choose another way to log in";
        PORTAL_UNKNOWN = "XY-1304" 400 "没有这个接入应用，或它已停用" "There is no such application, or it has been disabled" "请联系该应用的运营方" "Contact the application's operator";
        PORTAL_REQUEST = "XY-1305" 400 "接入应用发来的登录请求不正确" "The application sent a malformed login request" "请联系该应用的运营方" "Contact the application's operator";
        LOGIN_STALE = "XY-1306" 400 "登录页面已失效" "The login page is no longer valid" "请重新开始登录" "Start the login again";
        PORTAL_DESCRIPTION = "XY-1307" 400 "应用登记信息不正确" "The description of the application is wrong" "请按提示修改登记文件" "Correct the description as the message says";
        INSTALLED = "XY-9008" 409 "此目录已安装，未作任何更改" "This folder holds an installation; nothing was changed" "请换一个目录，或直接使用现有安装" "Choose another folder, or use the installation that is there";
        LAB_ANCHORS = "XY-9007" 500 "正式环境中存在实验环境的信任锚，拒绝启动" "Trust anchors of a stand-in province in a real installation; the service does not start" "请用 xinyin trust 移除后重试" "Remove them with xinyin trust, then start again";
        CROSS_SITE = "XY-4003" 403 "请求来自其他网站，已拒绝" "The request came from another site and was refused" "请在本网站的页面上操作" "Use the pages of this site";
        TIMEOUT = "XY-4008" 503 "处理超时" "The request took too long" "请稍后重试" "Try again later";
        METHOD = "XY-4005" 405 "此地址不支持该请求方法" "This address does not take that method" "请对照接口文档检查请求方法" "Compare the method with the interface description";
        NAME_FORM = "XY-1401" 400 "没有填写姓名或名称，或过长" "The name is missing or too long" "请照证件填写" "Enter it as on the document";
        NUMBER_NO_REGISTER = "XY-1402" 400 "此类证件暂不能用短信方式登录" "This kind of document cannot be used with a text message" "请改用数字证书登录，或到窗口办理" "Log in with a certificate, or visit a service counter";
        CODE_WRONG = "XY-1403" 400 "验证码不正确" "The code is wrong" "请检查短信后重试" "Check the message and try again";
        CODE_DEAD = "XY-1404" 400 "验证码已失效" "The code is no longer valid" "请重新获取验证码" "Ask for a new code";
        ACCOUNT_HIGHER = "XY-1405" 403 "此账号曾以更高等级的方式认证，不能用短信方式登录" "This account was proved in a stronger way and does not open by text message" "请用数字证书或通行密钥登录" "Log in with a certificate or passkey";
        ACCOUNT_NAME = "XY-1406" 403 "此号码的账号登记了另一个姓名" "The account of this number is under another name" "请携带证件到窗口办理" "Visit a service counter with your document";
        ANSWER_FORM = "XY-1411" 400 "提交的不是连接器的签名结果" "This is not an answer made by the connector" "请上传 xinyin connector sign 生成的文件" "Upload the file that xinyin connector sign wrote";
        CERTIFICATE_UNREADABLE = "XY-1412" 400 "无法读取数字证书" "The certificate cannot be read" "请确认选择了签名证书" "Make sure that the signing certificate was chosen";
        CERTIFICATE_WEAK = "XY-1413" 403 "数字证书的密钥强度不足或不受支持" "The certificate's key is too weak or not supported" "请向发证机构换发证书" "Ask the authority for a new certificate";
        SIGNATURE_WRONG = "XY-1414" 403 "签名与登录质询不符" "The signature does not match the challenge" "请重新开始登录" "Start the login again";
        CERTIFICATE_UNTRUSTED = "XY-1415" 403 "数字证书不是由受信任的机构签发的" "The certificate is not from a trusted authority" "请使用受信任机构签发的证书" "Use a certificate of a trusted authority";
        CERTIFICATE_REVOKED = "XY-1416" 403 "数字证书已被吊销" "The certificate was revoked" "请向发证机构换发证书" "Ask the authority for a new certificate";
        CERTIFICATE_EXPIRED = "XY-1417" 403 "数字证书已过期" "The certificate has expired" "请向发证机构办理更新" "Renew it with the authority";
        CERTIFICATE_NOT_YET = "XY-1418" 403 "数字证书尚未生效" "The certificate is not valid yet" "请在生效后使用" "Use it once it is valid";
        CERTIFICATE_USE = "XY-1419" 403 "此证书不能用于签名（可能选择了加密证书）" "This certificate is not for signing (it may be the encryption certificate)" "请选择签名证书" "Choose the signing certificate";
        CERTIFICATE_NUMBER = "XY-1420" 403 "证书中没有可用的证件号码" "The certificate holds no usable identity number" "请使用载有证件号码的证书" "Use a certificate that holds your number";
        CERTIFICATE_OTHER_KIND = "XY-1421" 403 "这不是所选类型（个人或单位）的证书" "This is not a certificate of the kind chosen (person or organisation)" "请选择对应的登录方式" "Choose the matching way to log in";
        CERTIFICATE_OTHER_PERSON = "XY-1422" 403 "证书属于另一个人，与已登录的账号不符" "The certificate belongs to another person than the one logged in" "请使用本人的证书，或先退出登录" "Use your own certificate, or log out first";
        REGISTER_DIFFERS = "XY-1423" 403 "证书中的名称和号码与登记信息不符" "The certificate's name and number do not agree with the register" "请向发证机构换发证书，或到窗口办理" "Ask the authority for a new certificate, or visit a counter";
        PERSON_DECEASED = "XY-1424" 403 "登记显示持证人已故，不能登录" "By the register the holder has died; no login" "如有疑问，请到窗口办理" "If this is wrong, visit a service counter";
        NUMBER_CHANGED = "XY-1425" 403 "登记显示此号码已变更" "By the register this number was changed" "请用新号码的证书登录" "Use a certificate with the new number";
        ORGANISATION_GONE = "XY-1426" 403 "登记显示该单位已注销" "By the register the organisation no longer exists" "如有疑问，请咨询登记机关" "If this is wrong, ask the registration authority";
        ORGANISATION_LICENCE = "XY-1427" 403 "登记显示该单位已被吊销执照" "By the register the organisation's licence was revoked" "如有疑问，请咨询登记机关" "If this is wrong, ask the registration authority";
        REPRESENTATIVE_DIFFERS = "XY-1428" 403 "单位名称、统一社会信用代码与法定代表人不相符" "Name, credit code and legal representative do not belong together" "请对照营业执照检查；经办人请由法定代表人授权" "Compare them with the licence; an agent needs the representative's mandate";
        ACCOUNT_LOST = "XY-1430" 403 "此账号已挂失，任何人都不能登录" "This account was reported lost; nobody can log in" "请本人携带证件到窗口解除挂失" "Visit a service counter with your document to have the report lifted";
        MANDATE_FIELDS = "XY-1440" 400 "授权委托书的内容填写有误" "The mandate's fields are not right" "请按提示修改：事项 1 至 20 项，期限不超过 366 天" "Correct them as the message says: 1 to 20 matters, at most 366 days";
        MANDATE_FORM = "XY-1441" 400 "提交的不是由本页面生成并签名的授权委托书" "This is not a signed mandate of the form made here" "请上传对所下载文本的 CMS 签名（含原文）" "Upload a CMS signature that holds the text downloaded here";
        MANDATE_OTHER = "XY-1442" 403 "授权委托书上的经办人不是当前登录的人" "The mandate's agent is not the person logged in" "请由经办人本人登录后提交" "The agent has to log in and hand it in";
        MANDATE_SIGNATURE = "XY-1443" 403 "授权委托书的签名无效" "The signature on the mandate is not valid" "请由单位用有效的签名证书重新签署" "Have the organisation sign it again with a valid signing certificate";
        MANDATE_UNDECIDED = "XY-1444" 503 "暂时不能确定授权委托书的签名是否有效" "Whether the mandate's signature is valid cannot be decided now" "请稍后重试；若仍如此，请由单位换用受信任机构签发的证书" "Try again later; if it stays so, have it signed with a certificate of a trusted authority";
        MANDATE_GRANTOR = "XY-1445" 403 "授权委托书不是由委托单位的证书签署的" "The mandate is not signed with the grantor's certificate" "请使用载有该统一社会信用代码的单位证书签署" "Have it signed with the organisation's certificate that bears this credit code";
        MANDATE_USED = "XY-1446" 409 "此授权委托书已提交过" "This mandate was handed in before" "如需再次授权，请生成新的授权委托书" "For another grant, make a new one";
        MANDATE_ENDED = "XY-1447" 403 "授权已结束或尚未开始" "The mandate has ended or not begun" "请联系委托单位重新授权" "Ask the organisation for a new one";
        BAD_REQUEST = "XY-4000" 400 "请求格式不正确" "The request is malformed" "请对照接口文档检查请求" "Compare the request with the interface description";
        NOT_FOUND = "XY-4004" 404 "没有找到所请求的内容" "Nothing was found at this address" "请检查地址" "Check the address";
        CLIENT_UNKNOWN = "XY-4001" 401 "未能确认接入应用的身份" "The portal's credentials are missing or wrong" "请用登记的 client_id 和 client_secret（HTTP Basic）" "Send the registered client_id and client_secret by HTTP Basic";
        NO_ROLE = "XY-4006" 403 "此账号没有该机构的核验权限" "This account has no role at this agency's desk" "请联系本机构管理员" "Ask your agency's administrator";
        IDEMPOTENCY_KEY = "XY-4022" 422 "同一 Idempotency-Key 已用于另一请求" "This Idempotency-Key was used with another request" "请为新的请求使用新的键" "Use a new key for a new request";
        TOO_LARGE = "XY-4013" 413 "提交的内容超过允许的大小" "What was sent is larger than allowed" "请减小文件后重试" "Send a smaller file";
        CONFLICT = "XY-4009" 409 "与已有的记录冲突" "This conflicts with what is already recorded" "请刷新后重试" "Reload and try again";
        ERASED = "XY-4010" 410 "该主体的信息已依法删除" "The information of this subject was lawfully erased" "无法恢复；如需使用请重新实名认证" "It cannot be restored; prove your identity anew";
        POPULATION_UNAVAILABLE = "XY-5001" 503 "人口库暂时无法核验" "The population register cannot be asked now" "请稍后重试，或改用数字证书登录" "Try again later, or log in with a certificate";
        ORGANISATIONS_UNAVAILABLE = "XY-5002" 503 "法人库暂时无法核验" "The organisation register cannot be asked now" "请稍后重试，或改用法人数字证书登录" "Try again later, or log in with the organisation's certificate";
        PHONE_UNAVAILABLE = "XY-5003" 503 "短信暂时无法发送" "Text messages cannot be sent now" "请稍后重试，或改用其他登录方式" "Try again later, or log in another way";
        CA_UNAVAILABLE = "XY-5004" 503 "证书状态暂时无法查询" "The certificate's status cannot be asked now" "请稍后重试，或改用其他登录方式" "Try again later, or log in another way";
        TIME_UNAVAILABLE = "XY-5005" 503 "全省统一时间暂时无法获取" "The province's time cannot be asked now" "请稍后重试" "Try again later";
        SEALS_UNAVAILABLE = "XY-5006" 503 "印章状态暂时无法查询" "The status of seals cannot be asked now" "请稍后重试；未查明状态前不用此印章" "Try again later; the seal is not used before its status is known";
        SYSTEM = "XY-9000" 500 "系统内部错误，已记录" "An internal error occurred and was recorded" "请稍后重试；如仍失败，请提供页面上的编号" "Try again later; if it persists, quote the case number";
        STORE_BUSY = "XY-9001" 503 "系统繁忙，操作未执行" "The system is busy; nothing was done" "请稍后重试" "Try again in a moment";
        STORE_DOWN = "XY-9002" 503 "数据库暂不可用" "The database does not answer" "请稍后重试；管理员请运行 xinyin doctor" "Try again later; operators run xinyin doctor";
        MIGRATION = "XY-9003" 500 "数据库结构与程序版本不符" "The database schema does not fit this program" "请先备份，再运行 xinyin migrate" "Back up, then run xinyin migrate";
        CONFIGURATION = "XY-9004" 500 "配置文件有误" "The configuration is wrong" "请按提示修改配置文件" "Correct the configuration file as the message says";
        FILE = "XY-9005" 500 "文件无法读写" "A file cannot be read or written" "请检查路径、权限和磁盘空间" "Check the path, its permissions and the disk space";
        RECEIPT_CHOICES = "XY-4011" 409 "此结论含有调用者的选择，不出具核验回执" "This verdict rests on the caller's choices and has no receipt" "请不带 policy 和 at 重新核验" "Judge the document again without policy and at";
        FONT = "XY-9009" 503 "没有可用的中文字体，无法生成 PDF 报告" "No font with Chinese characters is at hand; the PDF report cannot be made" "请安装 fonts-noto-cjk，或用环境变量 XINYIN_FONT 指定字体文件" "Install fonts-noto-cjk, or name a font file in the environment variable XINYIN_FONT";
        KEY_FILE = "XY-9006" 500 "密钥文件不可用" "The key file cannot be used" "请从备份恢复密钥文件" "Restore the key file from its backup";
    }
}

/// A failure with its code, an optional detail that is safe to show, and an optional cause that only the log sees.
pub struct Fault {
    /// The stable code.
    pub code: Code,
    /// What exactly, safe to show: never a number of a person, a key or a path outside the caller's own.
    pub detail: Option<String>,
    cause: Option<anyhow::Error>,
}

impl Fault {
    /// A fault without further detail.
    pub const fn new(code: Code) -> Self {
        Self { code, detail: None, cause: None }
    }

    /// Adds what exactly went wrong; the text is shown to the caller.
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Adds the cause for the log; it is never shown to the caller.
    pub fn because(mut self, cause: impl Into<anyhow::Error>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// The cause, for the log.
    pub fn cause(&self) -> Option<&anyhow::Error> {
        self.cause.as_ref()
    }
}

impl From<Code> for Fault {
    fn from(code: Code) -> Self {
        Self::new(code)
    }
}

/// `XY-4000 请求格式不正确 The request is malformed: detail`.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.code.id, self.code.zh, self.code.en)?;
        self.detail.as_ref().map_or(Ok(()), |detail| write!(f, ": {detail}"))
    }
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)?;
        self.cause.as_ref().map_or(Ok(()), |cause| write!(f, " ({cause:#})"))
    }
}

impl std::error::Error for Fault {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn codes_are_unique_and_complete() {
        let mut seen = HashSet::new();
        for code in code::ALL {
            assert!(seen.insert(code.id), "{} stands twice", code.id);
            assert!(code.id.starts_with("XY-") && code.id.len() == 7, "{}", code.id);
            assert!((400..600).contains(&code.status), "{}", code.id);
            assert!([code.zh, code.en, code.remedy_zh, code.remedy_en].iter().all(|text| !text.is_empty()), "{}", code.id);
        }
    }
}
