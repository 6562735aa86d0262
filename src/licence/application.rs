//! What is applied for: values against a type, and the metadata that a file will bear. Page and metadata come from the same values.

use super::definition::{Field, FieldKind, LicenceType, Mask, compiled};
pub use crate::doc::licence::parse_day;
use crate::doc::licence::{Metadata, name};
use crate::id::{LicenceIdentifier, PersonNumber, UnifiedSocialCreditCode, mask};
use crate::moment::Moment;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use time::{Date, Month, UtcOffset};
use zeroize::Zeroize;

/// Most holders of one licence.
pub const MAX_HOLDERS: usize = 50;

/// A holder: a person or an organisation with the number that names it.
#[derive(Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Holder {
    /// Name.
    pub name: String,
    /// The number.
    pub number: String,
    /// Its kind by GB/T 36903: 111 citizen, 001 credit code; told by its form where not given.
    #[serde(default)]
    pub kind: String,
}

/// Masked.
impl fmt::Debug for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Holder({}, {})", masked_name(&self.name), mask(&self.number))
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        self.number.zeroize();
    }
}

/// What is applied for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Application {
    /// The licence's number (ZZBH); the serial number where none is given.
    #[serde(default)]
    pub number: Option<String>,
    /// Who holds it.
    pub holders: Vec<Holder>,
    /// First day, `2026-11-24`; the day of issue where none is given.
    #[serde(default)]
    pub valid_from: Option<String>,
    /// Last day, where the type lets the application say it.
    #[serde(default)]
    pub valid_until: Option<String>,
    /// The type's own fields by short name.
    #[serde(default)]
    pub fields: BTreeMap<String, String>,
}

/// One thing that is wrong with an application: the field and what about it. Never quotes a number of a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Amiss {
    /// Short name.
    pub field: String,
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

impl fmt::Display for Amiss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}：{} {}", self.field, self.zh, self.en)
    }
}

/// An application that passed every check of its type, completed with dates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checked {
    /// The licence's number.
    pub number: Option<String>,
    /// Who holds it, numbers in canonical form.
    pub holders: Vec<Holder>,
    /// Day of issue, `2026-11-24`, Beijing.
    pub issued: String,
    /// First day.
    pub valid_from: String,
    /// Last day; none: unlimited.
    pub valid_until: Option<String>,
    /// The type's own fields.
    pub fields: BTreeMap<String, String>,
}

/// The day of a moment in Beijing.
pub fn day(at: Moment) -> Date {
    at.date_time().to_offset(UtcOffset::from_hms(8, 0, 0).unwrap_or(UtcOffset::UTC)).date()
}

/// `2026-11-24`.
pub fn iso(day: Date) -> String {
    format!("{:04}-{:02}-{:02}", day.year(), u8::from(day.month()), day.day())
}

/// `2026年11月24日`.
pub fn shown_day(iso: &str) -> String {
    parse_day(iso).map_or_else(|| iso.to_owned(), |day| format!("{}年{}月{}日", day.year(), u8::from(day.month()), day.day()))
}

/// The day before the same day so many months later, as licences count: from 24 Nov 2026 for one year until 23 Nov 2027.
fn months_later(from: Date, months: u32) -> Option<Date> {
    let count = u32::from(u8::from(from.month())).checked_sub(1)?.checked_add(months)?;
    let year = from.year().checked_add(i32::try_from(count / 12).ok()?)?;
    let month = Month::try_from(u8::try_from(count % 12 + 1).ok()?).ok()?;
    let day = from.day().min(month.length(year));
    Date::from_calendar_date(year, month, day).ok()?.previous_day()
}

/// The first character, the others hidden.
pub fn masked_name(name: &str) -> String {
    name.chars().enumerate().map(|(at, letter)| if at == 0 { letter } else { '*' }).take(20).collect()
}

/// A holder's name as strangers see it: a person's masked, an organisation's whole.
pub fn shown_holder(holder: &Holder) -> (String, String) {
    if holder.kind == "001" { (holder.name.clone(), holder.number.clone()) } else { (masked_name(&holder.name), mask(&holder.number)) }
}

/// Kind of a holder's number in words.
pub fn kind_name(code: &str) -> &'static str {
    match code {
        "111" => "公民身份号码",
        "001" => "统一社会信用代码",
        _ => "其他证件号码",
    }
}

/// Checks everything and names all that is amiss at once.
///
/// # Errors
/// Every field that is wrong, in the order of the form.
pub fn check(kind: &LicenceType, application: &Application, now: Moment) -> Result<Checked, Vec<Amiss>> {
    let mut amiss = Vec::new();
    let mut wrong = |field: &str, zh: &str, en: &str| amiss.push(Amiss { field: field.into(), zh: zh.into(), en: en.into() });
    let plain = |text: &str, most: usize| !text.is_empty() && text.chars().count() <= most && !text.chars().any(char::is_control);
    let number = application.number.as_ref().map(|number| number.trim().to_owned()).filter(|number| !number.is_empty());
    if number.as_ref().is_some_and(|number| !plain(number, 60)) {
        wrong(name::NUMBER, "证照编号过长或含有不可见字符", "the number is too long or holds control characters");
    }
    if !(1..=MAX_HOLDERS).contains(&application.holders.len()) {
        wrong(name::HOLDER, "应有 1 至 50 个持证主体", "1 to 50 holders are expected");
    }
    let mut holders = Vec::new();
    for holder in application.holders.iter().take(MAX_HOLDERS) {
        let called = holder.name.trim();
        if !plain(called, 200) {
            wrong(name::HOLDER, "没有填写持证主体名称，或过长", "the holder's name is missing or too long");
        }
        match canonical(holder) {
            Ok((code, number)) if kind.holder.is_empty() || kind.holder.contains(&code) => {
                holders.push(Holder { name: called.into(), number, kind: code });
            }
            Ok(_) => wrong(name::HOLDER_NUMBER_KIND_CODE, "此类证照不能发给该类主体", "this kind of holder cannot have such a licence"),
            Err((zh, en)) => wrong(name::HOLDER_NUMBER, zh, en),
        }
    }
    let today = day(now);
    let mut date = |field: &str, text: &Option<String>| match text.as_deref().map(str::trim).filter(|text| !text.is_empty()) {
        None => None,
        Some(text) => {
            let read = parse_day(text);
            if read.is_none() {
                wrong(field, "不是日期，应写作 2026-11-24", "not a day; 2026-11-24 is expected");
            }
            read
        }
    };
    let from = date(name::VALID_FROM, &application.valid_from).unwrap_or(today);
    let given = date(name::VALID_UNTIL, &application.valid_until);
    let validity = kind.validity;
    let until = if validity.unlimited {
        None
    } else if validity.given {
        given
    } else {
        months_later(from, u32::from(validity.years) * 12 + u32::from(validity.months))
    };
    if validity.given && application.valid_until.as_deref().is_none_or(|text| text.trim().is_empty()) {
        wrong(name::VALID_UNTIL, "此类证照须填写有效期截止日期", "the last day must be given");
    }
    if !validity.given && given.is_some() && given != until {
        wrong(name::VALID_UNTIL, "此类证照的有效期由类型规定，不能另行填写", "the type says for how long; no other last day can be given");
    }
    if until.is_some_and(|until| until < from || until < today) {
        wrong(name::VALID_UNTIL, "有效期截止日期早于起始日期或今天", "the last day is before the first, or past");
    }
    let fields = fields(kind, &application.fields, &mut wrong);
    if !amiss.is_empty() {
        return Err(amiss);
    }
    Ok(Checked { number, holders, issued: iso(today), valid_from: iso(from), valid_until: until.map(iso), fields })
}

/// The holder's number by its kind.
fn canonical(holder: &Holder) -> Result<(String, String), (&'static str, &'static str)> {
    const NUMBER: (&str, &str) = ("持证主体号码不正确", "the holder's number is not a right one of its kind");
    let code = holder.kind.trim();
    match code {
        "001" => UnifiedSocialCreditCode::parse(&holder.number).map(|code| ("001".into(), code.expose().into())).map_err(|_| NUMBER),
        "111" => match PersonNumber::parse(&holder.number) {
            Ok(PersonNumber::Citizen(number)) => Ok(("111".into(), number.expose().into())),
            _ => Err(NUMBER),
        },
        "" => match PersonNumber::parse(&holder.number) {
            Ok(PersonNumber::Citizen(number)) => Ok(("111".into(), number.expose().into())),
            Ok(_) => Err(("请写明证件类型代码", "say the code of the number's kind")),
            Err(_) => UnifiedSocialCreditCode::parse(&holder.number).map(|code| ("001".into(), code.expose().into())).map_err(|_| NUMBER),
        },
        _ => {
            let fits = code.len() == 3 && code.bytes().all(|octet| octet.is_ascii_digit());
            let number = crate::id::normalise(&holder.number).map_err(|_| NUMBER)?;
            let plain = (4..=40).contains(&number.len()) && number.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'-');
            if fits && plain { Ok((code.into(), number.to_string())) } else { Err(NUMBER) }
        }
    }
}

fn fields(kind: &LicenceType, given: &BTreeMap<String, String>, wrong: &mut dyn FnMut(&str, &str, &str)) -> BTreeMap<String, String> {
    let mut kept = BTreeMap::new();
    for key in given.keys().filter(|key| kind.field(key).is_none()) {
        let short: String = key.chars().take(40).collect();
        wrong(&short, "此类证照没有这一项", "this type has no such field");
    }
    for field in &kind.field {
        let value = given.get(&field.key).map(|value| value.trim()).filter(|value| !value.is_empty());
        match value {
            None if field.required => wrong(&field.key, &format!("没有填写“{}”", field.name), "it is missing"),
            None => {}
            Some(value) => match one(field, value) {
                Ok(value) => {
                    kept.insert(field.key.clone(), value);
                }
                Err((zh, en)) => wrong(&field.key, &format!("“{}”{zh}", field.name), en),
            },
        }
    }
    kept
}

fn one(field: &Field, value: &str) -> Result<String, (&'static str, &'static str)> {
    if value.chars().count() > field.max && field.kind != FieldKind::Picture {
        return Err(("过长", "it is too long"));
    }
    if value.chars().any(|letter| letter.is_control() && letter != '\n') {
        return Err(("含有不可见字符", "it holds control characters"));
    }
    if let Some(pattern) = &field.pattern
        && !compiled(pattern).is_ok_and(|pattern| pattern.is_match(value))
    {
        return Err(("不符合规定的格式", "it does not match the pattern"));
    }
    match field.kind {
        FieldKind::Text => Ok(value.into()),
        FieldKind::Date => parse_day(value).map(iso).ok_or(("不是日期", "it is no day")),
        FieldKind::Number => {
            let plain = value.strip_prefix('-').unwrap_or(value);
            let (whole, part) = plain.split_once('.').unwrap_or((plain, "0"));
            let digits = |text: &str| !text.is_empty() && text.len() <= 30 && text.bytes().all(|octet| octet.is_ascii_digit());
            if digits(whole) && digits(part) { Ok(value.into()) } else { Err(("不是数字", "it is no number")) }
        }
        FieldKind::PersonNumber => {
            PersonNumber::parse(value).map(|number| number.expose().into()).map_err(|_| ("不是有效的证件号码", "it is no right number"))
        }
        FieldKind::CreditCode => UnifiedSocialCreditCode::parse(value)
            .map(|code| code.expose().into())
            .map_err(|_| ("不是有效的统一社会信用代码", "it is no right credit code")),
        FieldKind::Picture => match super::picture(value) {
            Some(_) => Ok(value.into()),
            None => Err(("不是可用的 PNG 或 JPEG 图片", "it is no PNG or JPEG picture of at most 4 MiB in Base64")),
        },
    }
}

/// An annotated copy (加注件): for one use, until a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopyNote {
    /// When it was made.
    pub made: Moment,
    /// Who had it made.
    pub maker: String,
    /// For what.
    pub purpose: String,
    /// Until when it may be used.
    pub until: Moment,
}

/// Everything that a page may draw and the metadata say, from one set of values.
pub fn metadata(
    kind: &LicenceType,
    identifier: &LicenceIdentifier,
    checked: &Checked,
    created: Moment,
    copy: Option<&CopyNote>,
) -> Metadata {
    let mut all = Metadata::default();
    let number = checked.number.clone().unwrap_or_else(|| identifier.serial().to_owned());
    for (key, value) in [
        (name::IDENTIFIER, identifier.to_string()),
        (name::NAME, kind.name.clone()),
        (name::TYPE, kind.code.clone()),
        (name::NUMBER, number),
        (name::ISSUER, kind.issuer.name.clone()),
        (name::ISSUER_CODE, kind.issuer.code.clone()),
        (name::ISSUED, checked.issued.clone()),
        (name::VALID_FROM, checked.valid_from.clone()),
        (name::VALID_UNTIL, checked.valid_until.clone().unwrap_or_else(|| "长期".into())),
        (name::CREATED, created.beijing()),
    ] {
        all.push(key, value);
    }
    for holder in &checked.holders {
        all.push(name::HOLDER, holder.name.clone());
        all.push(name::HOLDER_NUMBER, holder.number.clone());
        all.push(name::HOLDER_NUMBER_KIND, kind_name(&holder.kind));
        all.push(name::HOLDER_NUMBER_KIND_CODE, holder.kind.clone());
    }
    for field in kind.field.iter().filter(|field| field.kind != FieldKind::Picture) {
        if let Some(value) = checked.fields.get(&field.key) {
            all.push(field.key.clone(), value.clone());
        }
    }
    if let Some(copy) = copy {
        all.push(name::COPY_MADE, copy.made.beijing());
        all.push(name::COPY_MAKER, copy.maker.clone());
        all.push(name::COPY_PURPOSE, copy.purpose.clone());
        all.push(name::COPY_UNTIL, copy.until.beijing());
    }
    let drawn = kind.drawn();
    let present: Vec<&str> = drawn.into_iter().filter(|key| all.all(key).next().is_some()).collect();
    all.push(name::DRAWN_LIST, present.join(","));
    all
}

/// How the page writes the values under a short name: several with 、 between them, days as people write them.
pub fn shown(metadata: &Metadata, key: &str) -> String {
    metadata.all(key).map(|value| shown_value(key, value)).collect::<Vec<_>>().join("、")
}

/// How the page writes one value.
pub fn shown_value(key: &str, value: &str) -> String {
    let is_day = matches!(key, name::ISSUED | name::VALID_FROM | name::VALID_UNTIL) || key.starts_with("KZ_");
    let plain = value.len() == 10 && value.get(4..5) == Some("-") && value.get(7..8) == Some("-");
    if is_day && plain { shown_day(value) } else { value.to_owned() }
}

/// What strangers may see of a field.
pub fn masked(mask_as: Mask, value: &str) -> Option<String> {
    match mask_as {
        Mask::None => Some(value.into()),
        Mask::Number => Some(mask(value)),
        Mask::Name => Some(masked_name(value)),
        Mask::Hidden => None,
    }
}
