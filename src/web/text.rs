//! Every word on the pages, Chinese first. One catalogue: a page never spells a sentence out itself.
//!
//! Words follow docs/glossary: 数字证书 is the X.509 certificate, 电子证照 the licence, 接入应用 the portal.

use crate::login::{Level, Method};

/// The language of a page.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Language {
    /// 简体中文.
    #[default]
    Zh,
    /// English.
    En,
}

impl Language {
    /// The BCP 47 tag of the `lang` attribute.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::Zh => "zh-CN",
            Self::En => "en",
        }
    }

    /// From a BCP 47 tag, as far as we speak the language.
    pub fn from_tag(tag: &str) -> Option<Self> {
        match tag.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase().as_str() {
            "zh" => Some(Self::Zh),
            "en" => Some(Self::En),
            _ => None,
        }
    }

    /// The best of an `Accept-Language` header (RFC 9110 §12.5.4) or a list of tags; quality values count, order breaks ties.
    pub fn preferred(header: &str) -> Option<Self> {
        let mut best: Option<(f32, Self)> = None;
        for item in header.split([',', ' ']).take(20) {
            let (tag, quality) = item.split_once(";q=").unwrap_or((item, "1"));
            let quality: f32 = quality.trim().parse().unwrap_or(0.0);
            if let Some(language) = Self::from_tag(tag.trim())
                && quality > best.map_or(0.0, |(quality, _)| quality)
            {
                best = Some((quality, language));
            }
        }
        best.map(|(_, language)| language)
    }
}

/// One text in both languages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Text {
    /// Chinese.
    pub zh: &'static str,
    /// English.
    pub en: &'static str,
}

impl Text {
    /// In one language.
    pub const fn say(self, language: Language) -> &'static str {
        match language {
            Language::Zh => self.zh,
            Language::En => self.en,
        }
    }

    /// In one language, with `{}` replaced in order.
    pub fn with(self, language: Language, values: &[&str]) -> String {
        let mut out = String::new();
        let mut values = values.iter();
        let mut rest = self.say(language);
        while let Some((before, after)) = rest.split_once("{}") {
            out.push_str(before);
            out.push_str(values.next().copied().unwrap_or_default());
            rest = after;
        }
        out.push_str(rest);
        out
    }
}

macro_rules! texts {
    ($($name:ident = $zh:literal $en:literal;)*) => {
        $(#[doc = $en] pub const $name: Text = Text { zh: $zh, en: $en };)*
        /// The whole catalogue, in the order of the source.
        pub const ALL: &[Text] = &[$($name),*];
    };
}

texts! {
    // every page
    BRAND = "信印" "Xinyin";
    BRAND_LINE = "统一身份认证与电子签名服务" "Identity and electronic signature service";
    SKIP = "跳到正文" "Skip to content";
    OTHER_LANGUAGE = "English" "中文";
    CASE_NUMBER = "编号" "Case number";
    BACK = "返回" "Back";
    CONTINUE = "继续" "Continue";
    CANCEL = "取消" "Cancel";
    ACCOUNT = "我的账号" "My account";
    LOG_IN = "登录" "Log in";
    LOG_OUT = "退出登录" "Log out";
    LEVEL = "等级" "Level";
    REMEDY = "怎么办" "What to do";
    HOME = "首页" "Home";
    // check page
    CHECK = "电子证照和核验回执查验" "Check an electronic licence or receipt";
    CHECK_LEAD = "输入证照上二维码中的查验码或回执编号，或提交文件，即可查验真伪和当前状态。无需登录，不留存文件。" "Enter the code in the licence's QR code or a receipt's number, or hand in the file. No login is needed, and no file is kept.";
    CHECK_ABSENT = "没有查到" "Nothing is known under this code";
    CHECK_ABSENT_MORE = "没有以此查验码颁发的证照或出具的回执。请核对后重试；如证照由其他机构颁发，请到其指定的页面查验。" "No licence or receipt was given this code here. Compare it and try again; a licence of another issuer is checked on that issuer's page.";
    CHECK_SINCE = "自" "Since";
    CHECK_REASON = "原因：" "Reason:";
    CHECK_REPLACED = "已由以下证照替换：" "The licence in its place:";
    CHECK_NAME = "证照名称" "Licence";
    CHECK_IDENTIFIER = "电子证照标识" "Identifier";
    CHECK_NUMBER = "证照编号" "Number";
    CHECK_ISSUER = "颁发机构" "Issuer";
    CHECK_HOLDERS = "持证主体" "Holder";
    CHECK_DATES = "有效期" "Validity";
    CHECK_UNLIMITED = "长期" "unlimited";
    CHECK_COMPARE = "请与所持证照逐项核对；证照内容与此处不一致的，不是本机构颁发的证照。" "Compare with the licence at hand: one that says anything else is not the one that was issued.";
    CHECK_ASKED = "查验时间" "As of";
    CHECK_RECEIPT = "这是本服务出具的核验回执" "This is a receipt of this service";
    CHECK_RECEIPT_ID = "回执编号" "Receipt";
    CHECK_RECEIPT_SAYS = "所载结论" "It says";
    CHECK_BY_CODE = "用查验码查验" "By code";
    CHECK_CODE = "查验码或回执编号" "Code, or number of a receipt";
    CHECK_BY_FILE = "用文件查验" "By file";
    CHECK_FILE = "电子证照（OFD、PDF）或核验回执" "Licence (OFD, PDF) or receipt";
    CHECK_ASK = "查验" "Check";
    // start page
    HOME_TITLE = "信印" "Xinyin";
    HOME_LEAD = "一次证明身份，处处办事；电子签名，长久可验。" "Prove who you are once; sign so that it can be verified for good.";
    HOME_LOGIN = "查看登录状态、证明方式、通行密钥" "See your sessions, proofs and passkeys";
    HOME_DESK = "核验工作台" "Verification desk";
    HOME_DESK_LINE = "核验带电子签名的文件" "Verify documents with electronic signatures";
    // login
    LOGIN_TITLE = "登录" "Log in";
    LOGIN_TO = "登录到" "Log in to";
    LOGIN_HERE = "登录统一身份认证" "Log in";
    LOGIN_NEEDS = "此应用要求等级不低于“{}”。" "This application requires the level “{}” or higher.";
    LOGIN_STEP_UP = "您已登录，当前等级为“{}”；此应用要求“{}”，请再用下列方式之一证明。" "You are logged in at the level “{}”; this application requires “{}”. Prove yourself once more in one of these ways.";
    LOGIN_AGAIN = "此应用要求您重新证明身份。" "This application asks you to prove yourself again.";
    LOGIN_KIND_PERSON = "您以法人/其他组织身份登录，而此应用只面向个人。请用个人方式登录。" "You are logged in as an organisation, but this application serves persons. Log in as a person.";
    LOGIN_KIND_ORGANISATION = "您以个人身份登录，而此应用面向法人/其他组织。请用法人方式登录。" "You are logged in as a person, but this application serves organisations. Log in as an organisation.";
    LOGIN_OTHER = "此应用指定了另一个账号。请用该账号登录，或取消。" "This application asks for a different account. Log in with it, or cancel.";
    TAB_PERSON = "个人" "Individual";
    TAB_ORGANISATION = "法人/其他组织" "Organisation";
    METHODS = "选择登录方式" "Choose how to log in";
    METHOD_TOO_LOW = "等级低于此应用的要求" "Below the level this application requires";
    METHOD_DOWN = "暂不可用" "Not available at the moment";
    METHOD_LEVEL_SESSION = "与您的登录相同" "as your own login";
    METHOD_NEEDS = "需要" "You need";
    METHOD_USE = "使用此方式" "Use this";
    LOGIN_CANCEL = "取消，返回应用" "Cancel and return to the application";
    LOGIN_HELP = "都不可用？可取消后联系该应用，或到就近的政务服务窗口办理。" "None of these works for you? Cancel and ask the application, or visit a service counter.";
    METHOD_PHONE = "姓名与证件号码 + 短信验证码" "Name and number + text message";
    METHOD_PHONE_NEEDS = "在登记机关留有的手机" "the phone registered with the authority";
    METHOD_CERTIFICATE = "个人数字证书" "Personal digital certificate";
    METHOD_CERTIFICATE_NEEDS = "数字证书（UKey 或证书文件）和信印连接器" "a digital certificate (UKey or file) and the Xinyin connector";
    METHOD_PASSKEY = "通行密钥" "Passkey";
    METHOD_PASSKEY_NEEDS = "已绑定账号的手机、电脑或安全密钥" "a phone, computer or security key bound to your account";
    METHOD_ORGANISATION_CERTIFICATE = "单位数字证书" "Organisation's digital certificate";
    METHOD_ORGANISATION_CERTIFICATE_NEEDS = "单位数字证书（UKey 或证书文件）和信印连接器" "the organisation's certificate (UKey or file) and the Xinyin connector";
    METHOD_REPRESENTATIVE = "法定代表人" "Legal representative";
    METHOD_MANDATE = "单位授权" "Mandate of an organisation";
    METHOD_MANDATE_NEEDS = "登录后在个人中心提交单位签署的授权委托书" "log in, then hand in the mandate that the organisation signed";
    MANDATES = "经办授权" "Mandates";
    MANDATES_LEAD = "单位可以授权个人（经办人）以单位名义办理所列事项。授权委托书由单位的数字证书签署，经办人本人提交后生效；任一方随时可以终止，终止立即生效。" "An organisation can let a person (its agent) act in its name in the matters listed. The mandate is signed with the organisation's certificate and takes effect when the agent hands it in; either side can end it at any time, at once.";
    MANDATES_NONE = "没有有效的授权。" "No mandate stands.";
    MANDATES_LINK = "管理经办授权" "Manage mandates";
    MANDATE_GRANTOR_LABEL = "委托单位" "Grantor";
    MANDATE_AGENT = "经办人" "Agent";
    MANDATE_ITEMS = "事项" "Matters";
    MANDATE_ITEMS_HINT = "每行一项，最多 20 项" "One on each line, at most 20";
    MANDATE_UNTIL = "有效期至" "Until";
    MANDATE_DAYS = "天数（最多 366）" "Days (at most 366)";
    MANDATE_ACT = "以此单位名义办理" "Act for it";
    MANDATE_STOP = "恢复以本人名义办理" "Act for nobody";
    MANDATE_ACTING = "办理中" "acting";
    MANDATE_END = "终止" "End";
    MANDATE_NEW = "取得新的授权" "Get a new mandate";
    MANDATE_STEP_TEXT = "填写并下载授权委托书" "Fill in and download the mandate";
    MANDATE_STEP_SIGN = "请单位用其签名证书签署下载的文件，例如：" "Have the organisation sign the file with its signing certificate, for instance:";
    MANDATE_STEP_UPLOAD = "提交签署后的文件" "Hand in the signed file";
    MANDATE_DOWNLOAD = "下载" "Download";
    MANDATE_FILE = "签署后的文件" "The signed file";
    MANDATE_SUBMIT = "提交" "Hand in";
    MANDATE_TAKEN = "授权已生效。" "The mandate is in force.";
    METHOD_REPRESENTATIVE_NEEDS = "先以个人身份登录，再输入统一社会信用代码" "log in as a person first, then give the unified social credit code";
    METHOD_COUNTER = "窗口核验" "Service counter";
    METHOD_COUNTER_NEEDS = "本人持证件到窗口" "to come in person with your document";
    LEVEL_SELF = "自报" "self-asserted";
    LEVEL_NAME = "实名" "real name";
    LEVEL_PERSON = "实人" "real person";
    LEVEL_CREDENTIAL = "实证" "real credential";
    PASSKEY_FAILED = "未能使用通行密钥。可以重试，或换一种方式。" "The passkey could not be used. Try again, or choose another way.";
    PASSKEY_NO_SCRIPT = "通行密钥需要启用 JavaScript；其他方式不需要。" "Passkeys need JavaScript; the other ways do not.";
    // proofs
    OTHER_WAY = "换一种登录方式" "Log in another way";
    CITIZEN_NUMBER = "居民身份证号码" "Resident identity number";
    CITIZEN_NUMBER_HINT = "18 位；其他证件请用数字证书登录或到窗口办理。" "18 characters; with another document, log in with a certificate or visit a counter.";
    PHONE_HINT = "验证码将发送到您在人口登记中留存的手机，本页不能更改该手机号。" "A code goes to the phone in the population register; it cannot be changed here.";
    SEND_CODE = "获取验证码" "Send the code";
    CODE_TITLE = "输入验证码" "Enter the code";
    CODE_LEAD = "如果姓名、号码与登记信息相符，验证码已发往登记的手机，5 分钟内有效。" "If name and number agree with the register, a code is on its way to the registered phone. It is valid for 5 minutes.";
    CODE = "短信验证码" "Code from the message";
    CODE_LEFT = "还可尝试 {} 次。" "{} more tries.";
    CODE_NONE = "没有收到？请检查姓名和号码是否与证件一致，或登记的手机是否仍在使用；也可换一种登录方式，或到窗口办理。" "No message? Check that name and number are as on the document and that the registered phone is still yours; or log in another way, or visit a counter.";
    CODE_AGAIN = "重新填写" "Start over";
    CHALLENGE_TITLE = "将要签名的文字" "The text that will be signed";
    CHALLENGE_LEAD = "请核对网址和应用名称。这段文字只用于这一次登录，{} 分钟内有效。" "Check the address and the application. The text serves this one login, for {} minutes.";
    CONNECTOR_TITLE = "用本机连接器签名" "Sign with the connector on this machine";
    CONNECTOR_LEAD = "在本机启动连接器，插入 UKey 或准备好证书文件；连接器会显示同一段文字并请您确认。" "Start the connector on this machine with your UKey or certificate file; it shows the same text and asks you to confirm.";
    CONNECTOR_PORT = "连接器端口" "Port of the connector";
    CONNECTOR_USE = "签名并登录" "Sign and log in";
    CONNECTOR_WAIT = "请在连接器中核对并确认。" "Check the text in the connector and confirm.";
    CONNECTOR_NONE = "没有找到连接器。请确认它已启动并允许本网站，或用下面的文件方式。" "No connector was found. Make sure that it runs and allows this site, or use a file as described below.";
    CONNECTOR_NO_SCRIPT = "此方式需要启用 JavaScript；下面的文件方式不需要。" "This way needs JavaScript; the file way below does not.";
    FILE_TITLE = "用文件签名" "Sign with a file";
    FILE_DOWNLOAD = "下载登录质询" "Download the challenge";
    FILE_SIGN = "在存有证书的电脑上签名：" "Sign it on the machine that has the certificate:";
    FILE_UPLOAD = "在这里上传签名结果。" "Upload the answer here.";
    FILE_ANSWER = "签名结果文件" "The answer";
    REPRESENTATIVE_LEAD = "请先以个人身份登录，再填写您担任法定代表人的单位。" "Log in as a person first, then name the organisation that you represent.";
    REPRESENTATIVE_FIRST = "以个人身份登录" "Log in as a person";
    // stale pages
    STALE_TITLE = "页面停留太久了" "This page has been open too long";
    STALE_LEAD = "为了安全，请重新开始这次登录。您填写的内容没有被提交。" "For your safety, start this login again. Nothing you typed was sent.";
    STALE_OTHER = "这个登录页面不是在此浏览器中打开的。请在这里重新开始。" "This login page was not opened in this browser. Start again here.";
    STALE_COOKIE = "浏览器没有保存 Cookie，无法登录。请允许本网站的 Cookie 后重试。" "The browser keeps no cookies, so you cannot log in. Allow cookies for this site and try again.";
    STALE_GONE = "这个登录页面已失效。请回到您要使用的应用，重新点击登录。" "This login page is no longer valid. Go back to the application and start the login there.";
    START_AGAIN = "重新开始登录" "Start again";
    // consent
    CONSENT_TITLE = "同意提供信息" "Share your information";
    CONSENT_LEAD = "“{}”（{}）将获得：" "“{}” ({}) will receive:";
    CONSENT_LEVEL = "您的认证等级" "the level of your login";
    CONSENT_SUB = "只对此应用有效的标识" "an identifier that only this application knows";
    CONSENT_NAME = "姓名" "your name";
    CONSENT_NUMBER = "证件号码" "your identity number";
    CONSENT_NUMBER_BASIS = "依据" "basis";
    CONSENT_ORGANISATION = "所代表单位的名称和统一社会信用代码" "name and unified social credit code of the organisation you act for";
    CONSENT_OFFLINE = "在您退出登录之前，不在页面上时也可获取以上信息（最长 90 天）" "to ask for this while you are away, until you log out (90 days at most)";
    CONSENT_VERIFIED = "证明方式和时间" "how and when these were verified";
    CONSENT_AGREE = "同意并继续" "Agree and continue";
    CONSENT_LOG_IN = "同意并登录" "Agree and log in";
    CONSENT_NOTE = "以后可在“我的账号”中撤回。" "You can take this back later in “My account”.";
    YOU_ARE = "您是" "You are";
    ACTING_FOR = "您正代表" "You act for";
    // account
    ACCOUNT_TITLE = "我的账号" "My account";
    WHO_AM_I = "登录身份" "Who you are";
    NAME = "姓名" "Name";
    NUMBER = "证件号码" "Number";
    ORGANISATION_NAME = "单位名称" "Organisation";
    USCC = "统一社会信用代码" "Unified social credit code";
    NOW_AT_LEVEL = "本次登录等级" "Level of this session";
    NOT_LOGGED_IN = "您还没有登录。" "You are not logged in.";
    PROOFS = "身份证明记录" "How you were proved";
    PROOF_METHOD = "方式" "Method";
    PROOF_TIME = "时间" "Time";
    PROOF_VERIFIER = "核验方" "Checked by";
    SESSIONS = "登录会话" "Sessions";
    SESSION_BEGAN = "开始于" "Began";
    SESSION_SEEN = "最近使用" "Last used";
    SESSION_THIS = "当前会话" "this session";
    SESSION_END = "结束此会话" "End this session";
    SESSION_DEVICE = "设备" "Device";
    SESSION_DEVICE_UNKNOWN = "未知设备" "Unknown device";
    SESSIONS_END_OTHERS = "结束其他所有会话" "End all other sessions";
    TOLD = "退出通知" "Who was told of a logout";
    TOLD_PORTAL = "应用" "Application";
    TOLD_ENDED = "会话结束于" "Session ended";
    TOLD_STATE = "结果" "Result";
    TOLD_YES = "应用已确认" "Confirmed by the application";
    TOLD_TRYING = "正在通知" "Being told";
    TOLD_NO = "应用未答复，请到该应用退出" "No answer; log out at the application itself";
    TOLD_UNABLE = "该应用不接收通知，请到该应用退出" "It takes no such messages; log out at the application itself";
    LOSS = "账号挂失" "Report the account lost";
    LOSS_LEAD = "如果手机、电脑或数字证书丢失、被盗，或发现有人冒用您的账号，请立即挂失。挂失立即生效：所有设备上的登录全部结束，各应用不再获得您的信息，通行密钥全部移除；在您本人携带证件到窗口解除之前，任何人（包括您自己）都不能登录。" "If your phone, computer or certificate was lost or stolen, or somebody uses your account, report it at once. It takes effect at once: every login on every device ends, applications receive nothing more, all passkeys are removed; until you visit a service counter with your document, nobody can log in, you included.";
    LOSS_CONFIRM = "我明白：挂失后须到窗口才能恢复登录" "I understand that only a service counter can open the account again";
    LOSS_REPORT = "立即挂失" "Report lost now";
    LOSS_DONE = "账号已挂失，所有登录均已结束。请本人携带证件到窗口解除挂失。" "The account is reported lost and every login has ended. Visit a service counter with your document to open it again.";
    ACCOUNTS_DESK = "挂失与解除" "Lost accounts";
    ACCOUNTS_DESK_LEAD = "核对来人的证件原件后填写。挂失立即生效；解除挂失前须确认来人就是证件持有人。" "Enter this after checking the original document. A report takes effect at once; before lifting one, make sure that the visitor is the holder of the document.";
    ACCOUNTS_CHECKED = "我已核对证件原件，来人就是持证人" "I have checked the original document, and the visitor is its holder";
    ACCOUNTS_LIFT = "解除挂失" "Lift the report";
    ACCOUNTS_LIFTED = "已解除挂失，本人可以重新登录。" "The report is lifted; the holder can log in again.";
    ACCOUNTS_NONE = "没有姓名与号码都相符的账号，或该账号没有挂失。" "No account has this name and number, or it is not reported lost.";
    PASSKEYS = "通行密钥" "Passkeys";
    PASSKEYS_NONE = "尚未绑定通行密钥。" "No passkey yet.";
    PASSKEY_ADD = "绑定新的通行密钥" "Add a passkey";
    PASSKEY_LABEL = "名称（便于辨认）" "Name (for you to recognise)";
    PASSKEY_LABEL_DEFAULT = "我的设备" "My device";
    PASSKEY_REMOVE = "移除" "Remove";
    PASSKEY_ADDED = "绑定时间" "Added";
    PASSKEY_USED = "最近使用" "Last used";
    PASSKEY_NEEDS_PROOF = "仅凭短信登录不能绑定或移除通行密钥。请先用数字证书或通行密钥登录。" "A login by text message alone cannot add or remove passkeys. Log in with a certificate or passkey first.";
    CONSENTS = "已同意的应用" "Applications you share with";
    CONSENTS_NONE = "尚未同意任何应用。" "None yet.";
    CONSENT_WITHDRAW = "撤回" "Withdraw";
    CONSENT_GIVEN = "同意于" "Agreed";
    RAISE_LEVEL = "提升等级" "Raise the level";
    // logout
    LOGOUT_TITLE = "退出登录" "Log out";
    LOGOUT_ASK = "要退出统一身份认证吗？" "Do you want to log out?";
    LOGOUT_DONE = "您已退出登录。" "You are logged out.";
    LOGOUT_STAY = "保持登录" "Stay logged in";
    // errors
    ERROR_TITLE = "出错了" "Something went wrong";
    PORTAL_MISTAKE_TITLE = "这个应用的登录设置有误" "This application's login is set up wrongly";
    PORTAL_MISTAKE_LEAD = "您没有做错什么。请联系该应用的运营方，并告知下面的编号。" "You did nothing wrong. Contact the application's operator and quote the case number below.";
    PORTAL_UNKNOWN = "没有这个接入应用，或它已停用。" "There is no such application, or it has been disabled.";
    MISMATCH_TITLE = "redirect_uri 与登记的不一致" "redirect_uri is not a registered one";
    MISMATCH_SENT = "请求中的地址" "Sent";
    MISMATCH_NONE = "（没有 redirect_uri）" "(no redirect_uri)";
    MISMATCH_REGISTERED = "已登记的地址" "Registered";
    MISMATCH_DIFFERENCE = "不同之处" "Where they differ";
    MISMATCH_RULE = "地址逐字符比较，包括末尾的“/”、大小写和端口。" "Addresses are compared character by character: a trailing “/”, case and port all count.";
    MISMATCH_END = "（到此结束）" "(ends here)";
    TOO_MANY = "尝试次数过多，请稍后再试。" "Too many attempts. Try again later.";
    // desk
    DESK = "核验工作台" "Clerk's desk";
    DESK_LEAD = "上传收到的电子文件，查看它的电子签名是否有效。结论与程序接口给出的完全相同。" "Upload a document you received and see whether its electronic signatures are valid. Programs get the very same answer.";
    DESK_AGENCY = "所属机构" "Agency";
    DESK_FILE = "电子文件（PDF、CMS 签名、时间戳）" "Document (PDF, CMS signature, time-stamp)";
    DESK_CONTENT = "被签署的原文（仅分离式签名需要）" "The signed content (only for detached signatures)";
    DESK_AT = "核验时点（可不填，默认现在），如 2026-11-23T16:00:00+08:00" "Time to judge for (optional; now by default), as 2026-11-23T16:00:00+08:00";
    DESK_JUDGE = "核验" "Judge";
    DESK_NO_ROLE = "此账号没有任何机构的核验权限。请联系本机构管理员。" "This account has no role at any agency's desk. Ask your agency's administrator.";
    DESK_RECEIPT = "回执编号" "Receipt";
    DESK_RECEIPT_FILE = "核验回执（已签名）" "Receipt (signed)";
    DESK_REPORTS = "下载报告" "Download the report";
    DESK_REPORT_PDF = "打印报告（PDF）" "Print-out (PDF)";
    DESK_REPORT_HTML = "网页报告" "Page";
    DESK_REPORT_XML = "ETSI 报告（XML）" "ETSI report (XML)";
    DESK_DOWNLOAD = "下载 JSON" "Download JSON";
    DESK_PREVIEW = "文件预览" "The document";
    DESK_PREVIEW_NOTE = "预览仅供查看，不作为核验依据；核验结论以上文为准。" "The pictures are only for looking at; the verdict above does not rest on them.";
    DESK_EVIDENCE = "核验证据" "Evidence";
    DESK_ANOTHER = "核验另一份文件" "Judge another document";
    DESK_JSON = "完整结论（JSON）" "The whole verdict (JSON)";
    // seals
    SEALS = "电子印章" "Electronic seals";
    SEALS_LEAD = "制作、备案、用印和恢复须一人申请、另一人审批；停用和撤销一人即可，并写明原因。" "Making, filing, use and resumption take two: one asks, another approves. Suspending and revoking take one, with a reason.";
    SEALS_NONE = "还没有印章。" "No seals yet.";
    SEAL_OPEN = "待审批" "Waiting for approval";
    SEAL_REQUEST = "申请" "Request";
    SEAL_KIND = "事项" "What";
    SEAL_ASKED_BY = "申请人" "Asked by";
    SEAL_ASKED_AT = "申请时间" "Asked";
    SEAL_EXPIRES = "审批截止" "To be decided by";
    SEAL_DIGEST = "申请内容摘要（SM3）" "Digest of the request (SM3)";
    SEAL_SHOWN = "申请内容" "What is asked";
    SEAL_APPROVE = "批准" "Approve";
    SEAL_REFUSE = "不批准" "Refuse";
    SEAL_OWN_REQUEST = "这是您自己的申请，须由另一人审批；您可以撤回。" "You asked for this yourself: another has to decide. You may take it back.";
    SEAL_NEW = "申请制作印章" "Ask for a new seal";
    SEAL_IMPORT = "导入别处制作的印章" "Take in a seal made elsewhere";
    SEAL_OWNER = "印章所有者名称" "Name of the owner";
    SEAL_PURPOSE = "用途" "Purpose";
    SEAL_TEXT = "印文第二行（可不填；法定代表人名章填姓名）" "Second line (optional; for a representative's seal the name)";
    SEAL_DAYS = "有效天数" "Validity in days";
    SEAL_SIGNER = "签章人证书（PEM）" "Certificate of who may use it (PEM)";
    SEAL_FILE = "印章文件（.esl）" "The seal's file (.esl)";
    SEAL_ASK = "提出申请" "Ask";
    SEAL_CODE = "印章编码" "Code";
    SEAL_STATE = "状态" "State";
    SEAL_VALIDITY = "有效期" "Validity";
    SEAL_FILING = "备案号" "Filing number";
    SEAL_NOT_FILED = "未备案" "not on record";
    SEAL_ORIGIN_ELSEWHERE = "别处制作" "made elsewhere";
    SEAL_USES = "用印次数" "Uses";
    SEAL_HISTORY = "历史" "History";
    SEAL_EVENT_BY = "操作人" "By";
    SEAL_EVENT_AT = "生效时间" "From";
    SEAL_REASON = "原因" "Reason";
    SEAL_CONFIRM = "我确认以上操作" "I confirm this";
    SEAL_CONFIRM_NEEDED = "请先勾选确认" "Tick the confirmation first";
    SEAL_SUSPEND = "停用" "Suspend";
    SEAL_REVOKE = "撤销（不可恢复）" "Revoke (for good)";
    SEAL_DESTROY = "销毁" "Destroy";
    SEAL_RESUME = "申请恢复" "Ask to resume";
    SEAL_FILE_NUMBER = "申请登记备案号" "Ask to enter the filing number";
    SEAL_USE = "申请用印" "Ask for a use";
    SEAL_DOCUMENT = "文件摘要，如 sha256:…" "Digest of the document, as sha256:…";
    SEAL_ORDER = "导出制作要求" "Export the order for the maker";
    SEAL_MADE = "导入制成的印章" "Take in the finished seal";
    SEAL_PICTURE = "印模" "Picture";
    SEAL_NOW = "此刻" "Now";
    SEAL_BACK = "返回印章登记簿" "Back to the register";
    SEAL_ST_DRAFT = "待审批" "draft";
    SEAL_ST_APPROVED = "已批准，待制作" "approved, to be made";
    SEAL_ST_ACTIVE = "可用" "active";
    SEAL_ST_SUSPENDED = "已停用" "suspended";
    SEAL_ST_REVOKED = "已撤销" "revoked";
    SEAL_ST_DESTROYED = "已销毁" "destroyed";
    SEAL_ST_REFUSED = "未批准" "refused";
    SEAL_CH_ASKED = "申请" "asked for";
    SEAL_CH_APPROVED = "批准制作" "making approved";
    SEAL_CH_REFUSED = "不批准" "refused";
    SEAL_CH_ACTIVATED = "启用" "brought into force";
    SEAL_CH_FILED = "备案" "put on record";
    SEAL_CH_SUSPENDED = "停用" "suspended";
    SEAL_CH_RESUMED = "恢复" "resumed";
    SEAL_CH_REVOKED = "撤销" "revoked";
    SEAL_CH_DESTROYED = "销毁" "destroyed";
    SEAL_RQ_MAKE = "制作印章" "make a seal";
    SEAL_RQ_IMPORT = "导入印章" "take in a seal";
    SEAL_RQ_USE = "用印" "use";
    SEAL_RQ_FILE = "登记备案号" "enter the filing number";
    SEAL_RQ_RESUME = "恢复使用" "resume";
    SEAL_IN_FORCE = "已备案，可用" "on record and in force";
    SEAL_NOT_SHOWN = "没有备案记录" "not shown: not on record";
    SEAL_EXPIRED = "已过期" "expired";
    SEAL_UNKNOWN = "暂时查不到" "unknown: the source cannot be asked";
}

/// A level's name.
pub const fn level(level: Level) -> Text {
    match level {
        Level::SelfAsserted => LEVEL_SELF,
        Level::RealName => LEVEL_NAME,
        Level::RealPerson => LEVEL_PERSON,
        Level::RealCredential => LEVEL_CREDENTIAL,
    }
}

/// A method's name, and what it needs.
pub const fn method(method: Method) -> (Text, Text) {
    match method {
        Method::RegistryPhone => (METHOD_PHONE, METHOD_PHONE_NEEDS),
        Method::Certificate => (METHOD_CERTIFICATE, METHOD_CERTIFICATE_NEEDS),
        Method::OrganisationCertificate => (METHOD_ORGANISATION_CERTIFICATE, METHOD_ORGANISATION_CERTIFICATE_NEEDS),
        Method::OrganisationRepresentative => (METHOD_REPRESENTATIVE, METHOD_REPRESENTATIVE_NEEDS),
        Method::Passkey => (METHOD_PASSKEY, METHOD_PASSKEY_NEEDS),
        Method::Counter => (METHOD_COUNTER, METHOD_COUNTER_NEEDS),
        Method::Mandate => (METHOD_MANDATE, METHOD_MANDATE_NEEDS),
    }
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
        assert_eq!(LOGIN_NEEDS.with(Language::En, &["real {} name"]), "This application requires the level “real {} name” or higher.");
    }

    #[test]
    fn the_reader_s_preference() {
        assert_eq!(Language::preferred("en-GB,zh;q=0.9"), Some(Language::En));
        assert_eq!(Language::preferred("de, en;q=0.5, zh-Hans;q=0.7"), Some(Language::Zh));
        assert_eq!(Language::preferred("en;q=0, de"), None);
        assert_eq!(Language::preferred("en zh-CN"), Some(Language::En), "ui_locales: first wins");
        assert_eq!(Language::preferred(""), None);
    }
}
