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
        BAD_REQUEST = "XY-4000" 400 "请求格式不正确" "The request is malformed" "请对照接口文档检查请求" "Compare the request with the interface description";
        NOT_FOUND = "XY-4004" 404 "没有找到所请求的内容" "Nothing was found at this address" "请检查地址" "Check the address";
        TOO_LARGE = "XY-4013" 413 "提交的内容超过允许的大小" "What was sent is larger than allowed" "请减小文件后重试" "Send a smaller file";
        SYSTEM = "XY-9000" 500 "系统内部错误，已记录" "An internal error occurred and was recorded" "请稍后重试；如仍失败，请提供页面上的编号" "Try again later; if it persists, quote the case number";
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
