//! Electronic licences (电子证照, GB/T 36901 to 36906): the metadata inside a file, and the text on its pages.
//!
//! Whether a file is a licence its metadata says: an identifier (ZZBS), or a name with a type code. Nothing here is believed; the
//! judge compares.

use std::fmt;
use time::{Date, Month};

/// Short names of GB/T 36903, as they stand in files: initials of the Chinese words.
pub mod name {
    /// 证照名称: name.
    pub const NAME: &str = "ZZMC";
    /// 证照类型代码: type code.
    pub const TYPE: &str = "ZZLXDM";
    /// 证照编号: the licence's number.
    pub const NUMBER: &str = "ZZBH";
    /// 证照标识: identifier (GB/T 36904).
    pub const IDENTIFIER: &str = "ZZBS";
    /// 证照颁发机构: issuer.
    pub const ISSUER: &str = "ZZBFJG";
    /// 证照颁发机构代码: issuer's credit code.
    pub const ISSUER_CODE: &str = "ZZBFJGDM";
    /// 证照颁发日期: day of issue.
    pub const ISSUED: &str = "ZZBFRQ";
    /// 持证主体: holder. Once for each holder.
    pub const HOLDER: &str = "CZZT";
    /// 持证主体代码: the holder's number, in the order of the holders.
    pub const HOLDER_NUMBER: &str = "CZZTDM";
    /// 持证主体代码类型: kind of that number, in words.
    pub const HOLDER_NUMBER_KIND: &str = "CZZTDMLX";
    /// 持证主体代码类型代码: kind of that number, as a code (111 citizen, 001 credit code).
    pub const HOLDER_NUMBER_KIND_CODE: &str = "CZZTDMLXDM";
    /// 证照有效期起始日期: first day.
    pub const VALID_FROM: &str = "ZZYXQQSRQ";
    /// 证照有效期截止日期: last day.
    pub const VALID_UNTIL: &str = "ZZYXQJZRQ";
    /// 创建时间.
    pub const CREATED: &str = "CJSJ";
    /// 证照签章名称: name of the seal.
    pub const SEAL_NAME: &str = "ZZQZMC";
    /// 加注件制作时间: when an annotated copy was made.
    pub const COPY_MADE: &str = "JZJZZSJ";
    /// 加注件制作者: who made it.
    pub const COPY_MAKER: &str = "JZJZZZ";
    /// 加注件制作事由: for what.
    pub const COPY_PURPOSE: &str = "JZJZZSY";
    /// 加注件有效期截止时间: until when.
    pub const COPY_UNTIL: &str = "JZJYXQJZSJ";
    /// Our own: the short names that the pages draw, so that every one can be compared.
    pub const DRAWN_LIST: &str = "KZ_YMYS";
}

/// Most entries of metadata that are read.
const MAX_ENTRIES: usize = 2_000;
/// Longest value.
const MAX_VALUE: usize = 64 * 1024;
/// Most text of pages that is read, in octets.
pub(super) const MAX_TEXT: usize = 4 * 1024 * 1024;

/// Metadata: short names with their values, in the order of the file. Names may stand several times (several holders).
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Metadata(Vec<(String, String)>);

impl Metadata {
    /// Adds an entry.
    pub fn push(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.0.push((name.into(), value.into()));
    }

    /// The entries in their order.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Every value under a name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.entries().filter(move |(own, _)| *own == name).map(|(_, value)| value)
    }

    /// The one value under a name; none if there is none or if two differ.
    pub fn one<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        let mut values = self.all(name);
        let first = values.next()?;
        values.all(|other| other == first).then_some(first)
    }

    /// Whether this is the metadata of a licence.
    pub fn is_licence(&self) -> bool {
        self.all(name::IDENTIFIER).next().is_some() || (self.all(name::TYPE).next().is_some() && self.all(name::NAME).next().is_some())
    }

    /// Adds what a file says, within bounds.
    pub(super) fn take(&mut self, name: &str, value: &str) {
        if self.0.len() < MAX_ENTRIES && name.len() <= 200 && value.len() <= MAX_VALUE {
            self.push(name.trim(), value.trim());
        }
    }
}

/// Values name people: only the short names are shown.
impl fmt::Debug for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

/// What a file says of the licence that it is.
#[derive(Clone, PartialEq, Eq)]
pub struct LicenceFacts {
    /// Its metadata.
    pub metadata: Metadata,
    /// All text of its pages, in the order in which it is drawn; `None` where it cannot be read.
    pub page: Option<String>,
    /// Whether the package holds other documents beside it, so that a reader may show another page.
    pub others: bool,
}

impl fmt::Debug for LicenceFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let page = self.page.as_ref().map(String::len);
        f.debug_struct("LicenceFacts").field("metadata", &self.metadata).field("page", &page).finish_non_exhaustive()
    }
}

/// A day as written by machines (`2026-11-24`, `20261124`) or people (`2026年11月24日`).
pub fn parse_day(text: &str) -> Option<Date> {
    let text = text.trim();
    let parts: Vec<&str> = match text.strip_suffix('日') {
        Some(text) => text.split(['年', '月']).collect(),
        None if text.len() == 8 && text.is_ascii() => vec![text.get(..4)?, text.get(4..6)?, text.get(6..)?],
        None => text.split(['-', '/', '.']).collect(),
    };
    let &[year, month, day] = parts.as_slice() else { return None };
    let digits = |text: &str| text.trim().parse::<u16>().ok().filter(|_| text.trim().bytes().all(|octet| octet.is_ascii_digit()));
    let month = Month::try_from(u8::try_from(digits(month)?).ok()?).ok()?;
    Date::from_calendar_date(i32::from(digits(year)?), month, u8::try_from(digits(day)?).ok()?).ok().filter(|date| date.year() >= 1900)
}
