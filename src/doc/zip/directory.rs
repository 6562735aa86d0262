//! End record, central directory and names.

use super::{
    Entry, MAX_DIRECTORY, MAX_ENTRIES, u16_at, u32_at,
    wide::{self, Totals},
};
use crate::doc::{facts::Problem, source::ByteSource};
use std::{collections::HashMap, io};

const END: &[u8; 4] = b"PK\x05\x06";
const CENTRAL: &[u8; 4] = b"PK\x01\x02";
const END_LENGTH: usize = 22;

/// Where the parts after the entries stand in the file.
pub(super) struct End {
    /// Octets before the package; every offset inside it is meant from here.
    pub prefix: u64,
    /// Start of the central directory in the file.
    pub directory: u64,
    /// End of the end record and its comment.
    pub end: u64,
}

/// Finds the end record and reads the central directory.
pub(super) fn read(source: &dyn ByteSource, problems: &mut Vec<Problem>) -> io::Result<(Vec<Entry>, Option<End>)> {
    let nothing = |problems: &mut Vec<Problem>, zh: &str, en: &str| {
        problems.push(Problem::malformed(zh, en));
        Ok((Vec::new(), None))
    };
    let Some((at, record, comment)) = end_record(source, problems)? else {
        return nothing(problems, "文件包没有目录结尾，已损坏或不完整", "the package has no end record: broken or cut off");
    };
    let (disk, start_disk) = (u16_at(&record, 4), u16_at(&record, 6));
    let Totals { here, total, size, offset, at: records } = match wide::totals(source, at, &record)? {
        Ok(totals) => totals,
        Err((zh, en)) => return nothing(problems, zh, en),
    };
    if disk != 0 || start_disk != 0 || here != total {
        return nothing(problems, "文件包分为多卷", "the package is split over several volumes");
    }
    let Some(directory) = records.checked_sub(size) else {
        return nothing(problems, "文件包目录的长度不可能", "the length of the central directory is impossible");
    };
    let Some(prefix) = directory.checked_sub(offset) else {
        return nothing(problems, "文件包目录与目录结尾之间有多余数据", "octets stand between the central directory and the end record");
    };
    if size > MAX_DIRECTORY || total > MAX_ENTRIES as u64 {
        let text = ("文件包条目过多，未读取", "the package has more entries than are read");
        problems.push(Problem::unsupported("SIZE_UNSUPPORTED", text.0, text.1));
        return Ok((Vec::new(), None));
    }
    if comment > 0 {
        let after = at.saturating_add(END_LENGTH as u64);
        let octets = source.slice(after, usize::try_from(comment.min(source.len().saturating_sub(after))).unwrap_or(0))?;
        // Readers that take the last mark of an end, whatever its lengths say, would open a package inside the comment.
        if octets.windows(4).any(|four| matches!(four, b"PK\x03\x04" | b"PK\x01\x02" | b"PK\x05\x06" | b"PK\x06\x06" | b"PK\x06\x07")) {
            let text = ("文件包的注释中藏有另一文件包的结构", "the comment of the package holds parts of another package");
            problems.push(Problem::malformed(text.0, text.1));
        } else {
            problems.push(Problem::notice("文件包带有注释", "the package bears a comment"));
        }
    }
    let octets = source.slice(directory, usize::try_from(size).unwrap_or(0))?;
    let Some(entries) = central(&octets, directory, usize::try_from(total).unwrap_or(0), problems) else {
        return nothing(problems, "文件包目录已损坏", "the central directory is broken");
    };
    let end = at.saturating_add(END_LENGTH as u64).saturating_add(comment);
    Ok((entries, Some(End { prefix, directory, end })))
}

/// The end record: where it stands, its fixed part and the length of its comment. One whose comment ends with the file is meant;
/// where none does, the last one, and something follows the package.
fn end_record(source: &dyn ByteSource, problems: &mut Vec<Problem>) -> io::Result<Option<(u64, Vec<u8>, u64)>> {
    let length = source.len();
    let searched = length.min((END_LENGTH + usize::from(u16::MAX)) as u64 + 64 * 1024);
    let base = length.saturating_sub(searched);
    let tail = source.slice(base, usize::try_from(searched).unwrap_or(0))?;
    let mut exact = Vec::new();
    let mut last = None;
    for at in (0..tail.len().saturating_sub(END_LENGTH - 1)).rev() {
        let Some(record) = tail.get(at..at.saturating_add(END_LENGTH)).filter(|record| record.starts_with(END)) else { continue };
        let comment = usize::from(u16_at(record, 20));
        let end = at.saturating_add(END_LENGTH).saturating_add(comment);
        let found = (base.saturating_add(at as u64), record.to_vec(), comment as u64);
        if end == tail.len() {
            exact.push(found);
        } else if end < tail.len() && last.is_none() {
            last = Some(found);
        }
    }
    if exact.len() > 1 || !exact.is_empty() && last.is_some() {
        let text = (
            "文件包有不止一个目录结尾，不同软件会看到不同内容",
            "the package has more than one end record: readers see different contents",
        );
        problems.push(Problem::malformed(text.0, text.1));
    }
    Ok(exact.into_iter().next().or(last))
}

fn central(octets: &[u8], at: u64, total: usize, problems: &mut Vec<Problem>) -> Option<Vec<Entry>> {
    let mut entries = Vec::new();
    let mut rest = octets;
    while !rest.is_empty() {
        let own = at.saturating_add(octets.len().saturating_sub(rest.len()) as u64);
        let header = rest.get(..46).filter(|header| header.starts_with(CENTRAL))?;
        let lengths = [28, 30, 32].map(|at| usize::from(u16_at(header, at)));
        let [name, extra, comment] = lengths;
        let raw_name = rest.get(46..46usize.checked_add(name)?)?.to_vec();
        let extras = rest.get(46 + name..46usize.checked_add(name)?.checked_add(extra)?)?;
        rest = rest.get(46usize.checked_add(name)?.checked_add(extra)?.checked_add(comment)?..)?;
        let flags = u16_at(header, 8);
        let numbers = wide::numbers(header, extras);
        let shown = shown(&raw_name, flags);
        let told = entry_words(&shown);
        let malformed = |zh: &str, en: &str| Problem::malformed(format!("{}：{zh}", told.0), format!("{}: {en}", told.1));
        if u16_at(header, 34) != 0 {
            problems.push(malformed("在另一分卷上", "on another volume"));
        }
        if extra_name(extras).is_some_and(|other| other != raw_name && other != shown.as_bytes()) {
            problems.push(malformed("另有一个不同的名称", "bears a second, different name"));
        }
        let unix = header.get(5) == Some(&3);
        if unix && u32_at(header, 38) >> 28 == 0o12 {
            problems.push(malformed("是符号链接", "is a symbolic link"));
        }
        let [size, packed, offset] = numbers.unwrap_or_else(|(zh, en)| {
            problems.push(malformed(zh, en));
            [0; 3]
        });
        let method = u16_at(header, 10);
        if flags & 1 != 0 {
            let text = (format!("{}已加密", told.0), format!("{} is encrypted", told.1));
            problems.push(Problem::unsupported("ENCRYPTION_UNSUPPORTED", text.0, text.1));
        } else if !matches!(method, 0 | 8) {
            let text = (format!("{}的压缩方法不受支持", told.0), format!("{} is packed by an unsupported method", told.1));
            problems.push(Problem::unsupported("COMPRESSION_UNSUPPORTED", text.0, text.1));
        }
        let folder = shown.ends_with(['/', '\\']);
        if folder && (size != 0 || packed > 2) {
            problems.push(malformed("是文件夹却带有内容", "is a folder and has contents"));
        }
        let name = normal(&shown, problems);
        let length = 46usize.checked_add(lengths.iter().sum())?;
        entries.push(Entry {
            name,
            folder,
            size,
            packed,
            crc: u32_at(header, 16),
            method,
            flags,
            raw_name,
            header: offset,
            start: 0,
            data: None,
            stop: 0,
            record: (own, length),
        });
    }
    if entries.len() != total {
        problems.push(Problem::malformed(
            "文件包目录的条目数与目录结尾所写不符",
            "the central directory has another number of entries than the end record says",
        ));
    }
    Some(entries)
}

/// An entry as problems name it.
pub(super) fn entry_words(name: &str) -> (String, String) {
    let short: String = name.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).take(120).collect();
    (format!("条目“{short}”"), format!("entry {short:?}"))
}

/// The name as text: UTF-8 where it is, otherwise GB 18030, as the programs of the field write it.
fn shown(raw: &[u8], _flags: u16) -> String {
    match std::str::from_utf8(raw) {
        Ok(text) => text.into(),
        Err(_) => encoding_rs::GB18030.decode_without_bom_handling(raw).0.into_owned(),
    }
}

/// The Info-ZIP Unicode path extra field: a second name, which some readers prefer.
fn extra_name(mut extras: &[u8]) -> Option<Vec<u8>> {
    while let Some(length) = extras.get(2..4).map(|_| usize::from(u16_at(extras, 2))) {
        let body = extras.get(4..4usize.checked_add(length)?)?;
        if u16_at(extras, 0) == 0x7075 {
            return body.get(5..).map(<[u8]>::to_vec);
        }
        extras = extras.get(4usize.checked_add(length)?..)?;
    }
    None
}

/// The name with `/` and without one at the start. Names that lead out of the package are refused.
fn normal(shown: &str, problems: &mut Vec<Problem>) -> String {
    let told = entry_words(shown);
    if shown.contains('\\') {
        problems.push(Problem::notice(format!("{}以反斜杠分隔", told.0), format!("{} is separated by backslashes", told.1)));
    }
    let slashed = shown.replace('\\', "/");
    let stripped = slashed.strip_prefix('/').unwrap_or(&slashed);
    if stripped.len() != slashed.len() {
        problems.push(Problem::notice(format!("{}以斜杠开头", told.0), format!("{} starts with a slash", told.1)));
    }
    let plain = stripped.strip_suffix('/').unwrap_or(stripped);
    let leads_out = plain.split('/').any(|part| matches!(part, "" | "." | "..")) || plain.contains(':');
    if leads_out || plain.chars().any(char::is_control) {
        let text = ("的路径不合规则（可能越出文件包）", "has a path that breaks the rules (it may lead out of the package)");
        problems.push(Problem::malformed(format!("{}{}", told.0, text.0), format!("{} {}", told.1, text.1)));
    }
    plain.into()
}

/// No two entries may be taken for each other.
pub(super) fn names(entries: &[Entry], problems: &mut Vec<Problem>) {
    let mut seen: HashMap<String, &Entry> = HashMap::with_capacity(entries.len());
    for entry in entries {
        let Some(other) = seen.insert(entry.name.to_lowercase(), entry) else { continue };
        if entry.folder && other.folder {
            continue;
        }
        let told = entry_words(&entry.name);
        let (zh, en) = match (other.name == entry.name, other.folder == entry.folder) {
            (true, true) => ("出现不止一次，不同软件会看到不同内容", "stands more than once: readers see different contents"),
            (true, false) => ("既是文件又是文件夹", "is a file and a folder"),
            (false, _) => ("与另一条目只差大小写", "differs from another only in case"),
        };
        problems.push(Problem::malformed(format!("{}{zh}", told.0), format!("{} {en}", told.1)));
    }
}
