//! ZIP64: numbers that do not fit their fields, kept in a record of their own and in an extra field (APPNOTE §4.3.14, §4.5.3).
//!
//! Programs differ in which of two numbers they take where both are there; so both have to agree.

use super::{u16_at, u32_at, wide_at};
use crate::doc::source::ByteSource;
use std::io;

/// What stands in a field whose number is elsewhere.
const ELSEWHERE: u64 = u32::MAX as u64;
const LOCATOR: &[u8; 4] = b"PK\x06\x07";
const LOCATOR_LENGTH: u64 = 20;
const RECORD: &[u8; 4] = b"PK\x06\x06";
const RECORD_LENGTH: u64 = 56;

pub(super) type Words = (&'static str, &'static str);

/// What the end of a package says of its directory.
pub(super) struct Totals {
    /// Entries on this volume, and in all.
    pub here: u64,
    pub total: u64,
    pub size: u64,
    pub offset: u64,
    /// Where the records after the directory begin.
    pub at: u64,
}

fn u64_at(octets: &[u8], at: usize) -> u64 {
    wide_at(octets, at) | wide_at(octets, at.saturating_add(4)) << 32
}

/// The totals in the end record at `at`, or in the ZIP64 record before it.
pub(super) fn totals(source: &dyn ByteSource, at: u64, record: &[u8]) -> io::Result<Result<Totals, Words>> {
    const BROKEN: Words = ("文件包的 ZIP64 目录结尾已损坏", "the ZIP64 end record of the package is broken");
    const DIFFERS: Words = (
        "ZIP64 目录结尾与目录结尾不一致，不同软件会看到不同内容",
        "ZIP64 end record and end record differ: readers see different contents",
    );
    let plain = [u64::from(u16_at(record, 8)), u64::from(u16_at(record, 10)), wide_at(record, 12), wide_at(record, 16)];
    let is_elsewhere = [plain[0] == 0xffff, plain[1] == 0xffff, plain[2] == ELSEWHERE, plain[3] == ELSEWHERE];
    let place = at.checked_sub(LOCATOR_LENGTH);
    let locator = match place {
        Some(place) => Some(source.slice(place, 20)?).filter(|octets| octets.starts_with(LOCATOR)),
        None => None,
    };
    let (Some(place), Some(locator)) = (place, locator) else {
        if is_elsewhere.contains(&true) {
            return Ok(Err(BROKEN));
        }
        let [here, total, size, offset] = plain;
        return Ok(Ok(Totals { here, total, size, offset, at }));
    };
    // The record stands right before its locator; what the locator says of its place is meant from the package's start.
    let Some(start) = place.checked_sub(RECORD_LENGTH) else { return Ok(Err(BROKEN)) };
    let found = source.slice(start, 56)?;
    let whole = found.starts_with(RECORD) && u64_at(&found, 4) == RECORD_LENGTH.saturating_sub(12);
    let one_volume = wide_at(&locator, 4) == 0 && wide_at(&locator, 16) <= 1 && wide_at(&found, 16) == 0 && wide_at(&found, 20) == 0;
    let numbers = [24, 32, 40, 48].map(|at| u64_at(&found, at));
    let [here, total, size, offset] = numbers;
    if !whole || !one_volume || offset.checked_add(size) != Some(u64_at(&locator, 8)) {
        return Ok(Err(BROKEN));
    }
    let agrees = plain.iter().zip(is_elsewhere).zip(numbers).all(|((plain, elsewhere), wide)| elsewhere || *plain == wide);
    Ok(if agrees { Ok(Totals { here, total, size, offset, at: start }) } else { Err(DIFFERS) })
}

/// The body of the one ZIP64 extra field; an error where there are two.
fn extra(mut extras: &[u8]) -> Result<Option<&[u8]>, Words> {
    let mut found = None;
    while extras.len() >= 4 {
        let length = usize::from(u16_at(extras, 2));
        let Some(end) = length.checked_add(4) else { break };
        let Some(body) = extras.get(4..end) else { break };
        if u16_at(extras, 0) == 1 && found.replace(body).is_some() {
            return Err(("有两个 ZIP64 扩展字段", "bears two ZIP64 extra fields"));
        }
        extras = extras.get(end..).unwrap_or_default();
    }
    Ok(found)
}

/// Size, packed size and offset of a record in the central directory.
pub(super) fn numbers(header: &[u8], extras: &[u8]) -> Result<[u64; 3], Words> {
    let mut numbers = [24, 20, 42].map(|at| wide_at(header, at));
    let Some(body) = extra(extras)? else {
        if numbers.contains(&ELSEWHERE) {
            return Err(("缺少 ZIP64 扩展字段", "lacks its ZIP64 extra field"));
        }
        return Ok(numbers);
    };
    let mut at = 0usize;
    for number in numbers.iter_mut().filter(|number| **number == ELSEWHERE) {
        *number = u64_at(body, at);
        at = at.saturating_add(8);
    }
    if at == body.len() && at > 0 {
        Ok(numbers)
    } else {
        Err(("的 ZIP64 扩展字段与其目录项不符", "its ZIP64 extra field does not go with its record"))
    }
}

/// Packed size and size of a local header, and whether its data descriptor has numbers of eight octets.
pub(super) fn local(header: &[u8], extras: &[u8]) -> Result<(u64, u64, bool), Words> {
    let (packed, size) = (wide_at(header, 18), wide_at(header, 22));
    let Some(body) = extra(extras)? else { return Ok((packed, size, false)) };
    match (packed == ELSEWHERE, size == ELSEWHERE, body.len()) {
        (true, true, 16) => Ok((u64_at(body, 8), u64_at(body, 0), true)),
        // Room kept for numbers that turned out small.
        (false, false, 16) if u32_at(header, 18) == 0 && u32_at(header, 22) == 0 => Ok((u64_at(body, 8), u64_at(body, 0), true)),
        _ => Err(("本地头的 ZIP64 扩展字段与其不符", "the ZIP64 extra field of its local header does not go with it")),
    }
}

/// Whether a data descriptor without its own mark says this, with numbers of four or eight octets.
pub(super) fn descriptor(fields: &[u8], is_wide: bool, crc: u32, packed: u64, size: u64) -> bool {
    let (second, third, length) =
        if is_wide { (u64_at(fields, 4), u64_at(fields, 12), 20) } else { (wide_at(fields, 4), wide_at(fields, 8), 12) };
    fields.len() >= length && u32_at(fields, 0) == crc && (second, third) == (packed, size)
}
