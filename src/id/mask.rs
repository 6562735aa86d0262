//! Masking: of one number, and of every number inside a text that others wrote (distinguished names, log lines).

use super::citizen::{check_character, date_of, is_province};

/// Keeps the first and last four places of fifteen and more, the first and last two of seven and more, nothing of less:
/// `350899199001010013` → `3508**********0013`.
pub fn mask(number: &str) -> String {
    let length = number.chars().count();
    let kept = match length {
        0..=6 => 0,
        7..=14 => 2,
        _ => 4,
    };
    number.chars().enumerate().map(|(at, c)| if at < kept || at + kept >= length { c } else { '*' }).collect()
}

/// Masks in `text` what looks like a person's number: citizen and permit numbers of eighteen places (also full width, parted
/// by single spaces or hyphens, run together with other letters, or spelled as hexadecimal octets, as RFC 4514 spells
/// attributes it does not know), old numbers of fifteen, foreigners' old cards, mobile numbers.
///
/// It rather masks too much: eighteen places that stand alone and hold a possible birthday are masked even where the check
/// character is wrong, for a mistyped number still tells of somebody.
///
/// What is hidden once can leave beside it what looks like a number on its own, so the text is gone over until nothing changes.
pub fn mask_text(text: &str) -> String {
    let mut shown = mask_once(text);
    if shown == text {
        return shown;
    }
    // Every round hides at least one more character; a few rounds are the most that was ever seen.
    for _ in 0..16 {
        let again = mask_once(&shown);
        if again == shown {
            break;
        }
        shown = again;
    }
    shown
}

/// The fewest digits that anything to be hidden has: a mobile number's.
const FEWEST: usize = 11;

fn mask_once(text: &str) -> String {
    // Most names hold no number at all.
    if text.chars().filter(|c| matches!(c, '0'..='9' | '\u{ff10}'..='\u{ff19}')).take(FEWEST).count() < FEWEST {
        return text.into();
    }
    let mut shown: Vec<char> = text.chars().collect();
    let places = places(&shown);
    let mut at = 0;
    while at < places.len() {
        let taken = [eighteen, fifteen, foreigner, mobile]
            .iter()
            .find_map(|find| find(&places[at..], at.checked_sub(1).and_then(|before| places.get(before))));
        match taken {
            Some(length) => {
                hide(&mut shown, &places[at..at + length]);
                at += length;
            }
            None => at += 1,
        }
    }
    hide_hexadecimal(&mut shown);
    shown.into_iter().collect()
}

/// A letter or digit of the text: its ASCII form, where it stands, and whether it follows the one before without a gap.
#[derive(Clone, Copy)]
struct Place {
    ascii: u8,
    index: usize,
    adjacent: bool,
}

/// Letters and digits in order; a single space or hyphen between two of them is a gap, anything else an end (`ascii` 0).
fn places(text: &[char]) -> Vec<Place> {
    let mut places: Vec<Place> = Vec::with_capacity(text.len());
    let mut gap = 0usize;
    for (index, c) in text.iter().enumerate() {
        let ascii = match *c {
            '0'..='9' | 'a'..='z' | 'A'..='Z' => (*c as u8).to_ascii_uppercase(),
            '\u{ff10}'..='\u{ff19}' | '\u{ff21}'..='\u{ff3a}' => u8::try_from(u32::from(*c) - 0xfee0).unwrap_or(0),
            '\u{ff41}'..='\u{ff5a}' => u8::try_from(u32::from(*c) - 0xfee0).unwrap_or(0).to_ascii_uppercase(),
            ' ' | '-' | '\u{3000}' | '\u{ff0d}' if gap == 0 => {
                gap = 1;
                continue;
            }
            _ => 0,
        };
        places.push(Place { ascii, index, adjacent: gap == 0 && ascii != 0 && places.last().is_some_and(|last| last.ascii != 0) });
        gap = 0;
    }
    places
}

fn ascii<const N: usize>(places: &[Place]) -> Option<[u8; N]> {
    let mut octets = [0; N];
    for (octet, place) in octets.iter_mut().zip(places.get(..N)?) {
        *octet = place.ascii;
    }
    Some(octets)
}

/// Whether the first `length` places stand without gaps between them and nothing of their kind touches them.
fn stands_alone(places: &[Place], before: Option<&Place>, length: usize) -> bool {
    let touches_before = before.is_some_and(|before| before.ascii != 0) && places.first().is_some_and(|first| first.adjacent);
    let touches_after = places.get(length).is_some_and(|after| after.adjacent);
    !touches_before && !touches_after && places.iter().take(length).skip(1).all(|place| place.adjacent)
}

fn eighteen(places: &[Place], before: Option<&Place>) -> Option<usize> {
    let octets: [u8; 18] = ascii(places)?;
    let (body, check) = octets.split_at(17);
    if !body.iter().all(u8::is_ascii_digit) || !matches!(check, [b'0'..=b'9' | b'X']) {
        return None;
    }
    let body = std::str::from_utf8(body).ok()?;
    date_of(body.get(6..14)?).filter(|date| (1800..2200).contains(&date.year()))?;
    let checked = check.first().is_some_and(|c| char::from(*c) == check_character(body));
    (checked || stands_alone(places, before, 18)).then_some(18)
}

fn fifteen(places: &[Place], before: Option<&Place>) -> Option<usize> {
    let octets: [u8; 15] = ascii(places)?;
    let text = std::str::from_utf8(&octets).ok().filter(|text| text.bytes().all(|c| c.is_ascii_digit()))?;
    date_of(&format!("19{}", text.get(6..12)?)).or_else(|| date_of(&format!("20{}", text.get(6..12).unwrap_or_default())))?;
    (is_province(text.get(..2)?) && stands_alone(places, before, 15)).then_some(15)
}

fn foreigner(places: &[Place], before: Option<&Place>) -> Option<usize> {
    let octets: [u8; 15] = ascii(places)?;
    let (letters, digits) = octets.split_at(3);
    if !letters.iter().all(u8::is_ascii_uppercase) || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let text = std::str::from_utf8(&octets).ok()?;
    (super::ForeignerId::parse(text).is_ok() && stands_alone(places, before, 15)).then_some(15)
}

fn mobile(places: &[Place], before: Option<&Place>) -> Option<usize> {
    let octets: [u8; 11] = ascii(places)?;
    (matches!(octets, [b'1', b'3'..=b'9', rest @ ..] if rest.iter().all(u8::is_ascii_digit)) && stands_alone(places, before, 11))
        .then_some(11)
}

fn hide(shown: &mut [char], places: &[Place]) {
    let kept = if places.len() >= 15 { 4 } else { 3 };
    for place in places.iter().take(places.len().saturating_sub(4)).skip(kept) {
        if let Some(c) = shown.get_mut(place.index) {
            *c = '*';
        }
    }
}

/// Hides eighteen digits spelled as hexadecimal octets of ASCII, UTF-16 or UTF-32 text (`333530…`, `00330035…`).
fn hide_hexadecimal(shown: &mut [char]) {
    for width in [2usize, 4, 8] {
        let length = 18 * width;
        let mut at = 0usize;
        while let Some(window) = at.checked_add(length).and_then(|end| shown.get(at..end)) {
            let digits: Option<Vec<Place>> = window.chunks_exact(width).enumerate().map(|(index, chunk)| hex_place(chunk, index)).collect();
            if digits.is_some_and(|digits| eighteen(&digits, None).is_some()) {
                for c in shown.iter_mut().skip(at + 4 * width).take(10 * width) {
                    *c = '*';
                }
                at += length;
            } else {
                at += 1;
            }
        }
    }
}

fn hex_place(chunk: &[char], index: usize) -> Option<Place> {
    let value = chunk.iter().try_fold(0u32, |value, c| Some(value << 4 | c.to_digit(16)?))?;
    let ascii = u8::try_from(value).ok().filter(|c| c.is_ascii_digit() || c.eq_ignore_ascii_case(&b'X'))?.to_ascii_uppercase();
    Some(Place { ascii, index, adjacent: index > 0 })
}
