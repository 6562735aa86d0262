//! A signature dictionary and the octets it covers (ISO 32000-2 section 12.8.1).

use super::document::{Document, Revision};
use super::input::PdfError;
use super::object::{Dictionary, Id, Object, Text};
use crate::moment::Moment;
use std::ops::Range;

/// How the octets in `/Contents` are to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubFilter {
    /// `adbe.pkcs7.detached`, `ETSI.CAdES.detached`: SignedData over the ranges.
    Detached,
    /// `adbe.pkcs7.sha1`: SignedData whose content is the SHA-1 of the ranges.
    Sha1,
    /// `ETSI.RFC3161`: a time-stamp token over the ranges.
    TimeStamp,
    /// `GM.sm2seal`: SES_Signature over the ranges (GB/T 38540, GM/T 0031).
    Seal,
    /// Something else, by name.
    Other,
}

impl SubFilter {
    /// By the name in the dictionary.
    pub fn of(name: Option<&[u8]>) -> Self {
        match name {
            Some(b"adbe.pkcs7.detached" | b"ETSI.CAdES.detached") => Self::Detached,
            Some(b"adbe.pkcs7.sha1") => Self::Sha1,
            Some(b"ETSI.RFC3161") => Self::TimeStamp,
            Some(b"GM.sm2seal") => Self::Seal,
            _ => Self::Other,
        }
    }
}

/// A signature dictionary found in the file.
#[derive(Debug, Clone)]
pub struct Signature {
    /// Its own object, if it is one.
    pub id: Option<Id>,
    /// The dictionary.
    pub dictionary: Dictionary,
    /// How to read `/Contents`.
    pub sub_filter: SubFilter,
    /// The octets of `/Contents`.
    pub contents: Vec<u8>,
    /// The two ranges that are signed.
    pub ranges: [Range<u64>; 2],
}

/// Reads the value of a signature field and checks that its two ranges leave out exactly the hexadecimal string of
/// `/Contents`, angle brackets included, and nothing else.
pub fn signature(revision: Revision<'_, '_>, value: &Object) -> Result<Signature, PdfError> {
    let id = value.as_reference();
    let Object::Dictionary(dictionary) = revision.resolve(value)? else {
        return Err(PdfError::Structure(("签名域的值不是字典", "the value of a signature field is no dictionary")));
    };
    if ["Contents", "ByteRange", "SubFilter", "Reference"].iter().any(|key| dictionary.is_twice(key)) {
        return Err(PdfError::Structure(("签名字典中有重复的键", "a key stands twice in the signature dictionary")));
    }
    // The string's place counts, so it must stand in the dictionary itself.
    let contents = match dictionary.get("Contents") {
        Some(Object::Text(text)) if text.hexadecimal => text.clone(),
        Some(_) => {
            return Err(PdfError::Structure((
                "签名的 /Contents 不是就地书写的十六进制串",
                "/Contents of the signature is no hexadecimal string in place",
            )));
        }
        None => return Err(PdfError::Structure(("签名没有 /Contents", "the signature has no /Contents"))),
    };
    let ranges = ranges(revision, &dictionary)?;
    let gap = (ranges[0].end, ranges[1].start);
    if gap != contents.span {
        return Err(PdfError::Structure(("/ByteRange 空出的不恰好是 /Contents", "/ByteRange leaves out something else than /Contents")));
    }
    if !stands_in_file(revision.document, &contents, gap)? {
        return Err(PdfError::Structure(("/ByteRange 空出的不恰好是 /Contents", "/ByteRange leaves out something else than /Contents")));
    }
    let sub_filter = SubFilter::of(dictionary.name("SubFilter"));
    Ok(Signature { id, sub_filter, contents: contents.octets, dictionary, ranges })
}

fn ranges(revision: Revision<'_, '_>, dictionary: &Dictionary) -> Result<[Range<u64>; 2], PdfError> {
    const BROKEN: PdfError = PdfError::Structure((
        "/ByteRange 不是从文件首字节起的两段范围",
        "/ByteRange is not two ranges of the file, the first from its first octet",
    ));
    let Object::Array(items) = revision.value(dictionary, "ByteRange")? else {
        return Err(PdfError::Structure(("签名没有 /ByteRange", "the signature has no /ByteRange")));
    };
    let numbers: Option<Vec<u64>> = items.iter().map(|item| u64::try_from(item.as_integer()?).ok()).collect();
    let Some(&[first, length, second, rest]) = numbers.as_deref() else { return Err(BROKEN) };
    let end = second.checked_add(rest).ok_or(BROKEN)?;
    if first != 0 || length == 0 || second <= length || end > revision.document.input.len() {
        return Err(BROKEN);
    }
    Ok([0..length, second..end])
}

/// Whether the gap in the file is one hexadecimal string of these octets. (A string in an object stream has a place in decoded
/// data only.)
fn stands_in_file(document: &Document<'_>, contents: &Text, gap: (u64, u64)) -> Result<bool, PdfError> {
    let found = document.input.read(gap.0, gap.1, |lexer| Ok((lexer.object()?, lexer.position())))?;
    Ok(matches!(found, (Object::Text(text), end) if end == gap.1 && text.span == gap && text.hexadecimal && text == *contents))
}

/// A PDF date (section 7.9.4): `D:YYYYMMDDHHmmSSOHH'mm`, missing parts filled in; without an offset it counts as UTC.
pub fn date(octets: &[u8]) -> Option<Moment> {
    let text = std::str::from_utf8(octets).ok()?.trim();
    let text = text.strip_prefix("D:").unwrap_or(text);
    let digits = text.len() - text.trim_start_matches(|digit: char| digit.is_ascii_digit()).len();
    let (digits, zone) = text.split_at_checked(digits)?;
    let part = |from: usize, to: usize, missing: u8| digits.get(from..to).map_or(Some(missing), |part| part.parse().ok());
    let year: i32 = digits.get(..4)?.parse().ok()?;
    let month = time::Month::try_from(part(4, 6, 1)?).ok()?;
    let day = time::Date::from_calendar_date(year, month, part(6, 8, 1)?).ok()?;
    let clock = time::Time::from_hms(part(8, 10, 0)?, part(10, 12, 0)?, part(12, 14, 0)?).ok()?;
    let zone: Vec<&str> = zone.split('\'').collect();
    let offset = match zone.first().copied().unwrap_or_default() {
        "" | "Z" | "z" => time::UtcOffset::UTC,
        hours => {
            let sign = if hours.starts_with('-') { -1 } else { 1 };
            let hours: i8 = hours.get(1..3)?.parse().ok()?;
            let minutes: i8 = zone.get(1).filter(|minutes| !minutes.is_empty()).map_or(Some(0), |minutes| minutes.parse().ok())?;
            time::UtcOffset::from_hms(hours.checked_mul(sign)?, minutes.checked_mul(sign)?, 0).ok()?
        }
    };
    let local = time::PrimitiveDateTime::new(day, clock);
    Some(local.assume_offset(offset).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_with_and_without_parts() {
        let at = |text: &str| date(text.as_bytes()).map(|at| at.to_string());
        assert_eq!(at("D:20201101083000+08'00'").unwrap(), "2020-11-01T00:30:00Z");
        assert_eq!(at("D:20201101083000+08'00").unwrap(), "2020-11-01T00:30:00Z");
        assert_eq!(at("D:2020").unwrap(), "2020-01-01T00:00:00Z");
        assert_eq!(at("D:20201341"), None);
        assert_eq!(at("yesterday"), None);
    }
}
