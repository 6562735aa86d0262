//! Stream filters that the structure of a file needs: FlateDecode with predictors (ISO 32000-2 section 7.4.4).

use super::input::PdfError;
use super::object::{Dictionary, Object};
use std::io::Read as _;

/// The most octets one structural stream may inflate to.
const LARGEST: u64 = 64 << 20;

/// Decodes raw stream octets by the stream's dictionary. Filters other than FlateDecode are refused; indirect filter names
/// and parameters too (no structural stream needs them).
pub fn decode(dictionary: &Dictionary, raw: &[u8]) -> Result<Vec<u8>, PdfError> {
    let filters: Vec<&Object> = match dictionary.get("Filter") {
        None => Vec::new(),
        Some(Object::Array(filters)) => filters.iter().collect(),
        Some(one) => vec![one],
    };
    let parameters = |index: usize| match dictionary.get("DecodeParms") {
        Some(Object::Array(all)) => all.get(index).and_then(Object::as_dictionary),
        Some(Object::Dictionary(one)) if index == 0 => Some(one),
        _ => None,
    };
    match filters.as_slice() {
        [] => Ok(raw.to_vec()),
        [Object::Name(name)] if name == b"FlateDecode" || name == b"Fl" => {
            let plain = inflate(raw)?;
            match parameters(0) {
                Some(parameters) => predict(parameters, plain),
                None => Ok(plain),
            }
        }
        _ => Err(PdfError::Filter),
    }
}

fn inflate(raw: &[u8]) -> Result<Vec<u8>, PdfError> {
    let mut plain = Vec::new();
    let mut decoder = flate2::read::ZlibDecoder::new(raw).take(LARGEST + 1);
    decoder.read_to_end(&mut plain).map_err(|_| PdfError::Structure(("压缩流已损坏", "a compressed stream is damaged")))?;
    if plain.len() as u64 > LARGEST { Err(PdfError::Work) } else { Ok(plain) }
}

fn predict(parameters: &Dictionary, plain: Vec<u8>) -> Result<Vec<u8>, PdfError> {
    let number = |key: &str, default: i64, most: i64| {
        let value = parameters.integer(key).unwrap_or(default);
        usize::try_from(value)
            .ok()
            .filter(|_| (1..=most).contains(&value))
            .ok_or(PdfError::Structure(("流参数超出范围", "stream parameters out of range")))
    };
    let predictor = number("Predictor", 1, 15)?;
    let colours = number("Colors", 1, 32)?;
    let bits = number("BitsPerComponent", 8, 16)?;
    let columns = number("Columns", 1, 1 << 20)?;
    let pixel = (colours * bits).div_ceil(8);
    let row = (colours * bits * columns).div_ceil(8);
    match predictor {
        1 => Ok(plain),
        10..=15 => png(&plain, row, pixel),
        _ => Err(PdfError::Filter),
    }
}

/// PNG row filters (ISO/IEC 15948 section 9).
fn png(plain: &[u8], row: usize, pixel: usize) -> Result<Vec<u8>, PdfError> {
    let mut out: Vec<u8> = Vec::with_capacity(plain.len());
    let mut above = vec![0u8; row];
    for line in plain.chunks(row + 1) {
        let Some((&kind, deltas)) = line.split_first() else { break };
        let mut current = vec![0u8; row];
        for (index, delta) in deltas.iter().enumerate() {
            let left = index.checked_sub(pixel).and_then(|at| current.get(at)).copied().unwrap_or(0);
            let up = above.get(index).copied().unwrap_or(0);
            let corner = index.checked_sub(pixel).and_then(|at| above.get(at)).copied().unwrap_or(0);
            let guess = match kind {
                0 => 0,
                1 => left,
                2 => up,
                3 => u8::try_from((u16::from(left) + u16::from(up)) / 2).unwrap_or_default(),
                4 => paeth(left, up, corner),
                _ => return Err(PdfError::Structure(("流中有未知的行过滤方式", "unknown row filter in a stream"))),
            };
            if let Some(octet) = current.get_mut(index) {
                *octet = delta.wrapping_add(guess);
            }
        }
        out.extend_from_slice(current.get(..deltas.len()).unwrap_or_default());
        above = current;
    }
    Ok(out)
}

fn paeth(left: u8, up: u8, corner: u8) -> u8 {
    let (a, b, c) = (i16::from(left), i16::from(up), i16::from(corner));
    let estimate = a + b - c;
    let (da, db, dc) = ((estimate - a).abs(), (estimate - b).abs(), (estimate - c).abs());
    if da <= db && da <= dc {
        left
    } else if db <= dc {
        up
    } else {
        corner
    }
}
