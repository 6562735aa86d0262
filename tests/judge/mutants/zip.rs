//! ZIP packages put together part by part, every part as wanted, and read again as two kinds of readers would: from the
//! directory, and from the front.

use flate2::{Crc, read::DeflateDecoder, write::DeflateEncoder};
use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};

/// One entry, with what its headers say.
#[derive(Clone)]
pub struct Item {
    pub name: String,
    pub octets: Vec<u8>,
    pub deflated: bool,
    /// Lengths and checksum follow the octets.
    pub described: bool,
    /// The name in the local header, where it differs.
    pub local_name: Option<String>,
    /// Put on the checksum, the packed and the full length of the local header.
    pub local_more: [u32; 3],
    /// Put on those of the directory.
    pub listed_more: [u32; 3],
    pub flags: u16,
    pub extra: Vec<u8>,
    pub listed: bool,
    /// Octets before the local header.
    pub before: Vec<u8>,
}

impl Item {
    pub fn new(name: &str, octets: &[u8]) -> Self {
        Self {
            name: name.into(),
            octets: octets.into(),
            deflated: false,
            described: false,
            local_name: None,
            local_more: [0; 3],
            listed_more: [0; 3],
            flags: 0,
            extra: Vec::new(),
            listed: true,
            before: Vec::new(),
        }
    }
}

/// What stands around the entries.
#[derive(Default)]
pub struct Frame {
    pub prefix: Vec<u8>,
    pub before_directory: Vec<u8>,
    pub comment: Vec<u8>,
    pub suffix: Vec<u8>,
    /// Whether offsets count from the start of the file and not of the package.
    pub absolute: bool,
    /// The directory turned round.
    pub reversed: bool,
    /// More entries than there are, by the end record.
    pub more: u16,
}

fn packed(item: &Item) -> Vec<u8> {
    if !item.deflated {
        return item.octets.clone();
    }
    let mut encoder = DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(&item.octets).unwrap();
    encoder.finish().unwrap()
}

/// The package.
pub fn write(items: &[Item], frame: &Frame) -> Vec<u8> {
    let mut out = frame.prefix.clone();
    let base = if frame.absolute { 0 } else { out.len() };
    let mut directory = Vec::new();
    for item in items {
        out.extend(&item.before);
        let data = packed(item);
        let mut crc = Crc::new();
        crc.update(&item.octets);
        let numbers = [crc.sum(), data.len() as u32, item.octets.len() as u32];
        let offset = (out.len() - base) as u32;
        let flags = item.flags | 0x0800 | if item.described { 8 } else { 0 };
        let common = |name: &str, numbers: [u32; 3]| {
            let mut octets = vec![20, 0];
            octets.extend(flags.to_le_bytes());
            octets.extend([if item.deflated { 8 } else { 0 }, 0, 0, 0, 0, 0]);
            numbers.iter().for_each(|number| octets.extend(number.to_le_bytes()));
            octets.extend((name.len() as u16).to_le_bytes());
            octets.extend((item.extra.len() as u16).to_le_bytes());
            octets
        };
        let add = |more: [u32; 3]| std::array::from_fn(|at| numbers[at].wrapping_add(more[at]));
        let local_name = item.local_name.as_ref().unwrap_or(&item.name);
        out.extend(b"PK\x03\x04");
        out.extend(common(local_name, if item.described { [0; 3] } else { add(item.local_more) }));
        out.extend(local_name.as_bytes());
        out.extend(&item.extra);
        out.extend(&data);
        if item.described {
            out.extend(b"PK\x07\x08");
            add(item.local_more).iter().for_each(|number| out.extend(number.to_le_bytes()));
        }
        if item.listed {
            let mut entry = b"PK\x01\x02\x14\x00".to_vec();
            entry.extend(common(&item.name, add(item.listed_more)));
            entry.extend([0; 10]);
            entry.extend(offset.to_le_bytes());
            entry.extend(item.name.as_bytes());
            entry.extend(&item.extra);
            directory.push(entry);
        }
    }
    if frame.reversed {
        directory.reverse();
    }
    out.extend(&frame.before_directory);
    let (start, count) = ((out.len() - base) as u32, (directory.len() as u16).wrapping_add(frame.more));
    let directory = directory.concat();
    out.extend(&directory);
    out.extend(b"PK\x05\x06\0\0\0\0");
    [count, count].iter().for_each(|count| out.extend(count.to_le_bytes()));
    [directory.len() as u32, start].iter().for_each(|number| out.extend(number.to_le_bytes()));
    out.extend((frame.comment.len() as u16).to_le_bytes());
    out.extend(&frame.comment);
    out.extend(&frame.suffix);
    out
}

/// Files by name, as a reader sees them.
pub type View = BTreeMap<String, Vec<u8>>;

fn number(octets: &[u8], at: usize, length: usize) -> Option<usize> {
    octets.get(at..at + length).map(|octets| octets.iter().rev().fold(0, |sum, octet| sum << 8 | usize::from(*octet)))
}

fn name(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).replace('\\', "/").trim_start_matches('/').to_lowercase()
}

fn unpacked(method: usize, data: &[u8]) -> Option<(Vec<u8>, usize)> {
    match method {
        0 => Some((data.to_vec(), data.len())),
        8 => {
            let mut decoder = DeflateDecoder::new(data);
            let mut out = Vec::new();
            decoder.read_to_end(&mut out).ok()?;
            Some((out, decoder.total_in() as usize))
        }
        _ => None,
    }
}

/// What a reader sees that follows the last end record; of entries of one name it takes the last. `None` where it sees no package.
pub fn by_directory(octets: &[u8]) -> Option<View> {
    let end = octets.windows(4).rposition(|window| window == b"PK\x05\x06")?;
    let (size, offset) = (number(octets, end + 12, 4)?, number(octets, end + 16, 4)?);
    let start = end.checked_sub(size)?;
    let prefix = start.checked_sub(offset)?;
    let mut view = View::new();
    let mut at = start;
    while octets.get(at..at + 4)? == b"PK\x01\x02" {
        let lengths = [28, 30, 32].map(|place| number(octets, at + place, 2).unwrap_or(0));
        let (method, packed, local) = (number(octets, at + 10, 2)?, number(octets, at + 20, 4)?, prefix + number(octets, at + 42, 4)?);
        let data = local + 30 + number(octets, local + 26, 2)? + number(octets, local + 28, 2)?;
        view.insert(name(octets.get(at + 46..at + 46 + lengths[0])?), unpacked(method, octets.get(data..data + packed)?)?.0);
        at += 46 + lengths.iter().sum::<usize>();
    }
    (at == end).then_some(view)
}

/// What a reader sees that goes from the front, entry by entry, and never looks at the directory.
pub fn by_stream(octets: &[u8]) -> Option<View> {
    let mut at = octets.windows(4).position(|window| window == b"PK\x03\x04")?;
    let mut view = View::new();
    while octets.get(at..at + 4)? == b"PK\x03\x04" {
        let (flags, method, packed) = (number(octets, at + 6, 2)?, number(octets, at + 8, 2)?, number(octets, at + 18, 4)?);
        let (length, extra) = (number(octets, at + 26, 2)?, number(octets, at + 28, 2)?);
        let data = at + 30 + length + extra;
        let described = flags & 8 != 0;
        // Stored octets without a length end at what looks like their description.
        let packed = match (described, method) {
            (false, _) => packed,
            (true, 8) => unpacked(8, octets.get(data..)?)?.1,
            (true, _) => octets.get(data..)?.windows(4).position(|window| window == b"PK\x07\x08")?,
        };
        view.insert(name(octets.get(at + 30..at + 30 + length)?), unpacked(method, octets.get(data..data + packed)?)?.0);
        at = data + packed + if described { 16 } else { 0 };
    }
    Some(view)
}

#[test]
fn both_readers_see_what_was_written() {
    let mut items = vec![Item::new("A/b.xml", b"<b/>"), Item::new("c", &[7; 1000])];
    items[1].deflated = true;
    items[1].described = true;
    let written = write(&items, &Frame { prefix: b"junk".to_vec(), ..Frame::default() });
    let view: View = [("a/b.xml".to_owned(), b"<b/>".to_vec()), ("c".to_owned(), vec![7; 1000])].into();
    assert_eq!(by_directory(&written).as_ref(), Some(&view));
    assert_eq!(by_stream(&written), Some(view));
}
