//! Local headers against the central directory, and every octet of the file accounted for.

use super::{
    Entry,
    directory::{End, entry_words},
    u16_at, u32_at, wide,
};
use crate::doc::{
    facts::{Problem, ProblemKind},
    source::ByteSource,
};
use std::io;

const LOCAL: &[u8; 4] = b"PK\x03\x04";
const LOCAL_LENGTH: usize = 30;

/// Compares each local header with the directory and looks for octets that belong to nothing.
pub(super) fn check(source: &dyn ByteSource, entries: &mut [Entry], end: &End, problems: &mut Vec<Problem>) -> io::Result<()> {
    let mut extents = Vec::with_capacity(entries.len().saturating_add(2));
    for (position, entry) in entries.iter_mut().enumerate() {
        match local(source, entry, end)? {
            Ok(extent) => extents.push((extent, Some(position))),
            Err((zh, en)) => {
                let told = entry_words(&entry.name);
                problems.push(Problem::malformed(format!("{}{zh}", told.0), format!("{}: {en}", told.1)));
            }
        }
    }
    extents.push(((end.directory, end.end), None));
    extents.sort_unstable_by_key(|(extent, _)| *extent);
    // Where a local header could not be read, gaps say nothing.
    let complete = extents.len() == entries.len().saturating_add(1);
    let mut reached = 0;
    for ((start, stop), position) in extents {
        if start < reached {
            let told = position
                .and_then(|position| entries.get(position))
                .map_or_else(|| ("文件包目录".to_owned(), "the central directory".to_owned()), |entry| entry_words(&entry.name));
            problems.push(Problem::malformed(format!("{}与另一部分重叠", told.0), format!("{} overlaps another part", told.1)));
        } else if complete && start > reached {
            gap(source, reached, start, problems)?;
        }
        reached = reached.max(stop);
    }
    if complete && source.len() > reached {
        gap(source, reached, source.len(), problems)?;
    }
    Ok(())
}

/// Octets that belong to nothing. What a reader could take for an entry hides a second package; anything else is unsigned freight;
/// octets before the package and zeros after it are met in the field and told.
fn gap(source: &dyn ByteSource, start: u64, stop: u64, problems: &mut Vec<Problem>) -> io::Result<()> {
    let (mut hidden, mut zeros) = (false, true);
    let mut window: Vec<u8> = Vec::new();
    source.stream(start, stop.saturating_sub(start), &mut |piece| {
        zeros = zeros && piece.iter().all(|octet| *octet == 0);
        window.extend_from_slice(piece);
        hidden = hidden || window.windows(4).any(|four| matches!(four, b"PK\x03\x04" | b"PK\x01\x02" | b"PK\x05\x06"));
        let keep = window.len().saturating_sub(3);
        window.drain(..keep);
    })?;
    let length = stop.saturating_sub(start);
    let zh_where = if start == 0 {
        "之前"
    } else if stop == source.len() {
        "之后"
    } else {
        "各部分之间"
    };
    let en_where = if start == 0 {
        "before the package"
    } else if stop == source.len() {
        "after the package"
    } else {
        "between its parts"
    };
    problems.push(if hidden {
        let zh = format!("文件包{zh_where}藏有 {length} 字节不在目录中的条目");
        Problem::malformed(zh, format!("{length} octets {en_where} hide entries that no directory lists"))
    } else {
        let kind = if start == 0 || zeros && stop == source.len() { ProblemKind::Notice } else { ProblemKind::Constraint };
        let zh = format!("文件包{zh_where}有 {length} 字节不属于任何条目的数据");
        Problem { kind, zh, en: format!("{length} octets {en_where} belong to no entry") }
    });
    Ok(())
}

type Words = (&'static str, &'static str);

/// Reads the local header of an entry; returns from where to where its parts reach, or what does not agree.
fn local(source: &dyn ByteSource, entry: &mut Entry, end: &End) -> io::Result<Result<(u64, u64), Words>> {
    const OUTSIDE: Words = ("的位置超出文件", "lies beyond the end of the file");
    const DIFFERS: Words = ("的本地头与目录不一致", "its local header differs from the central directory");
    let Some(start) = end.prefix.checked_add(entry.header) else { return Ok(Err(OUTSIDE)) };
    if start.checked_add(LOCAL_LENGTH as u64).is_none_or(|stop| stop > end.directory) {
        return Ok(Err(OUTSIDE));
    }
    let header = source.slice(start, LOCAL_LENGTH)?;
    if !header.starts_with(LOCAL) {
        return Ok(Err(("没有本地头", "it has no local header")));
    }
    let (name, extra) = (usize::from(u16_at(&header, 26)), usize::from(u16_at(&header, 28)));
    let body = start.saturating_add(LOCAL_LENGTH as u64);
    let data = body.saturating_add(name as u64).saturating_add(extra as u64);
    let Some(stop) = data.checked_add(entry.packed).filter(|stop| *stop <= end.directory) else { return Ok(Err(OUTSIDE)) };
    let (flags, method) = (u16_at(&header, 6), u16_at(&header, 8));
    let crc = u32_at(&header, 14);
    let (packed, size, is_wide) = match wide::local(&header, &source.slice(body.saturating_add(name as u64), extra)?) {
        Ok(numbers) => numbers,
        Err(words) => return Ok(Err(words)),
    };
    // Encryption, data descriptor and strong encryption change how the entry is read; the others are hints.
    const MEANT: u16 = 1 | 1 << 3 | 1 << 6;
    if source.slice(body, name)? != entry.raw_name || method != entry.method || flags & MEANT != entry.flags & MEANT {
        return Ok(Err(DIFFERS));
    }
    let described = flags & 1 << 3 != 0;
    let same = |here: u64, there: u64| here == there || described && here == 0;
    if !same(packed, entry.packed) || !same(size, entry.size) || !same(u64::from(crc), u64::from(entry.crc)) {
        return Ok(Err(DIFFERS));
    }
    entry.data = Some(data);
    entry.start = start;
    entry.stop = stop;
    if !described {
        return Ok(Ok((start, stop)));
    }
    // APPNOTE §4.3.9: with or without a signature of its own.
    let room = usize::try_from(end.directory.saturating_sub(stop).min(24)).unwrap_or(0);
    let octets = source.slice(stop, room)?;
    let agrees = |fields: &[u8]| wide::descriptor(fields, is_wide, entry.crc, entry.packed, entry.size);
    let numbers = if is_wide { 20 } else { 12 };
    let length = match octets.strip_prefix(b"PK\x07\x08") {
        Some(fields) if agrees(fields) => numbers + 4,
        _ if agrees(&octets) => numbers,
        _ => return Ok(Err(("的数据描述与目录不一致", "its data descriptor differs from the central directory"))),
    };
    entry.stop = stop.saturating_add(length);
    Ok(Ok((start, entry.stop)))
}
