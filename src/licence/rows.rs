//! Rows of a CSV file (RFC 4180) as applications, one at a time.
//!
//! The first line names the columns: by short name (`CZZT`) or as people call them (持证主体, or a field's own name). Several holders
//! of one licence stand in one cell each of name and number, parted by semicolons. UTF-8, or GB 18030 where the first line is not
//! UTF-8 (as spreadsheets write it).

use super::application::{Amiss, Application, Holder};
use super::definition::LicenceType;
use crate::doc::licence::name;
use csv::ByteRecord;

/// Longest row.
const MAX_ROW: usize = 1 << 20;

const COLUMNS: [(&str, &str); 6] = [
    (name::NUMBER, "证照编号"),
    (name::HOLDER, "持证主体"),
    (name::HOLDER_NUMBER, "持证主体代码"),
    (name::HOLDER_NUMBER_KIND_CODE, "持证主体代码类型代码"),
    (name::VALID_FROM, "有效期起始日期"),
    (name::VALID_UNTIL, "有效期截止日期"),
];

/// What the first line says.
#[derive(Debug, Clone)]
pub struct Columns {
    keys: Vec<String>,
    legacy: bool,
}

fn text(octets: &[u8], legacy: bool) -> Option<String> {
    if legacy {
        let (text, _, broken) = encoding_rs::GB18030.decode(octets);
        return (!broken).then(|| text.into_owned());
    }
    std::str::from_utf8(octets).ok().map(str::to_owned)
}

fn amiss(field: &str, zh: &str, en: &str) -> Amiss {
    Amiss { field: field.into(), zh: zh.into(), en: en.into() }
}

impl Columns {
    /// Reads the first line.
    ///
    /// # Errors
    /// A column that the type does not have, stands twice or is missing.
    pub fn read(kind: &LicenceType, first: &ByteRecord) -> Result<Self, Amiss> {
        let legacy = first.iter().any(|cell| std::str::from_utf8(cell).is_err());
        let mut keys = Vec::new();
        for cell in first {
            let cell = text(cell, legacy).ok_or_else(|| amiss("header", "不是 UTF-8 或 GB 18030 编码", "neither UTF-8 nor GB 18030"))?;
            let cell = cell.trim_start_matches('\u{feff}').trim();
            let common = COLUMNS.iter().find(|(key, zh)| *key == cell || *zh == cell).map(|(key, _)| (*key).to_owned());
            let own = || kind.field.iter().find(|field| field.key == cell || field.name == cell).map(|field| field.key.clone());
            let Some(key) = common.or_else(own) else {
                let short: String = cell.chars().take(40).collect();
                return Err(amiss(&short, "此类证照没有这一列", "this type has no such column"));
            };
            if keys.contains(&key) {
                return Err(amiss(&key, "此列出现两次", "the column stands twice"));
            }
            keys.push(key);
        }
        for needed in [name::HOLDER, name::HOLDER_NUMBER] {
            if !keys.iter().any(|key| key == needed) {
                return Err(amiss(needed, "缺少此列", "the column is missing"));
            }
        }
        Ok(Self { keys, legacy })
    }

    /// A row as an application.
    ///
    /// # Errors
    /// What is wrong with the row's shape.
    pub fn application(&self, row: &ByteRecord) -> Result<Application, Amiss> {
        if row.as_slice().len() > MAX_ROW {
            return Err(amiss("row", "此行过长", "the row is too long"));
        }
        if row.len() != self.keys.len() {
            return Err(amiss("row", "列数与表头不符", "it has not as many cells as the first line"));
        }
        let mut application = Application::default();
        let (mut names, mut numbers, mut kinds) = (Vec::new(), Vec::new(), Vec::new());
        let parts = |value: &str| value.split([';', '；']).map(|part| part.trim().to_owned()).collect::<Vec<_>>();
        for (key, cell) in self.keys.iter().zip(row) {
            let value =
                text(cell, self.legacy).ok_or_else(|| amiss(key, "编码与表头不同", "its encoding is not that of the first line"))?;
            let value = value.trim();
            if value.is_empty() {
                continue;
            }
            match key.as_str() {
                name::NUMBER => application.number = Some(value.into()),
                name::VALID_FROM => application.valid_from = Some(value.into()),
                name::VALID_UNTIL => application.valid_until = Some(value.into()),
                name::HOLDER => names = parts(value),
                name::HOLDER_NUMBER => numbers = parts(value),
                name::HOLDER_NUMBER_KIND_CODE => kinds = parts(value),
                _ => {
                    application.fields.insert(key.clone(), value.into());
                }
            }
        }
        if names.len() != numbers.len() || (!kinds.is_empty() && kinds.len() != names.len()) {
            return Err(amiss(name::HOLDER_NUMBER, "持证主体与号码的个数不符", "there are not as many numbers as holders"));
        }
        let mut kinds = kinds.into_iter();
        for (name, number) in names.into_iter().zip(numbers) {
            application.holders.push(Holder { name, number, kind: kinds.next().unwrap_or_default() });
        }
        Ok(application)
    }
}
