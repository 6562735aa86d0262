//! Where the marks of a seal stand: on a page, at a word, across the edges of pages.

use super::super::{Refusal, no};
use super::unreadable;
use crate::doc::ofd::pages::{Glyph, Page, Pages};
use crate::doc::seal::Seal;

/// Where a seal is to be seen in an OFD document. Millimetres from the upper left corner of the page; pages count from 1.
#[derive(Debug, Clone, PartialEq)]
pub enum Place {
    /// In this rectangle: left, top, right, bottom.
    Rectangle {
        /// The page.
        page: u32,
        /// Left, top, right, bottom.
        sides: [f64; 4],
    },
    /// Where seals usually stand, at the lower right of the page; without one, of the last page.
    Corner {
        /// The page.
        page: Option<u32>,
    },
    /// Its middle over the middle of the first place where this text stands, on one page or on any.
    Keyword {
        /// The text; spaces do not matter.
        text: String,
        /// The page.
        page: Option<u32>,
    },
    /// Across the right edges of all pages, a slice on each (骑缝章).
    Riding,
}

/// A mark as Signature.xml states it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Stamp {
    /// Identifier of the page.
    pub page: String,
    /// Left, top, width, height of the whole picture.
    pub boundary: [f64; 4],
    /// What of it is seen: left, top, width, height within the boundary.
    pub clip: Option<[f64; 4]>,
}

/// Between the edge of a page and a seal in its corner.
const MARGIN: f64 = 20.0;
/// Most slices of one picture; thinner ones show nothing.
const MAX_SLICES: usize = 20;
/// Largest side of a mark.
const MAX_SIDE: f64 = 1_000.0;

/// The marks of a seal; with no place given, in the corner of the last page.
pub(super) fn stamps(pages: &mut Pages<'_, '_>, places: &[Place], seal: &Seal<'_>) -> Result<Vec<Stamp>, Refusal> {
    let side = |length: u64, usual: f64| if (1..=500).contains(&length) { length as f64 } else { usual };
    let size = (side(seal.picture.width, 42.0), side(seal.picture.height, 42.0));
    let usual = [Place::Corner { page: None }];
    let mut stamps = Vec::new();
    for place in if places.is_empty() { &usual } else { places } {
        match place {
            Place::Rectangle { page, sides: [left, top, right, bottom] } => {
                let page = number(pages, *page)?;
                let inside = *left >= -MAX_SIDE && *top >= -MAX_SIDE && right - left <= MAX_SIDE && bottom - top <= MAX_SIDE;
                if ![left, top, right, bottom].iter().all(|side| side.is_finite()) || right - left < 1.0 || bottom - top < 1.0 || !inside {
                    return Err(Refusal::Request(
                        "the rectangle of a seal is left,top,right,bottom in millimetres, 1 to 1000 wide and high",
                    ));
                }
                let page = page_at(pages, page)?;
                if *left >= page.size.0 || *top >= page.size.1 || *right <= 0.0 || *bottom <= 0.0 {
                    return Err(Refusal::Request("the rectangle of the seal lies outside the page"));
                }
                stamps.push(whole(page, [*left, *top, right - left, bottom - top]));
            }
            Place::Corner { page } => {
                let page = match page {
                    Some(page) => number(pages, *page)?,
                    None => pages.list.len().saturating_sub(1),
                };
                let page = page_at(pages, page)?;
                let (left, top) = ((page.size.0 - MARGIN - size.0).max(0.0), (page.size.1 - MARGIN - size.1).max(0.0));
                stamps.push(whole(page, [left, top, size.0, size.1]));
            }
            Place::Keyword { text, page } => {
                let range = match page {
                    Some(page) => {
                        let page = number(pages, *page)?;
                        page..page.saturating_add(1)
                    }
                    None => 0..pages.list.len(),
                };
                let (page, (x, y)) = keyword(pages, range, text)?;
                let page = page_at(pages, page)?;
                stamps.push(whole(page, [x - size.0 / 2.0, y - size.1 / 2.0, size.0, size.1]));
            }
            Place::Riding => riding(&pages.list, size, &mut stamps)?,
        }
    }
    Ok(stamps)
}

fn whole(page: &Page, boundary: [f64; 4]) -> Stamp {
    Stamp { page: page.id.clone(), boundary, clip: None }
}

/// Position of the page of a number.
fn number(pages: &Pages<'_, '_>, number: u32) -> Result<usize, Refusal> {
    let position = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
    position.filter(|position| *position < pages.list.len()).ok_or(NO_PAGE)
}

const NO_PAGE: Refusal = no("文档没有这一页", "the document has no such page");

fn page_at<'p>(pages: &'p Pages<'_, '_>, position: usize) -> Result<&'p Page, Refusal> {
    pages.list.get(position).ok_or(NO_PAGE)
}

/// A slice on each page: the whole picture is shifted so far over the right edge that the slice next in turn ends there.
fn riding(pages: &[Page], size: (f64, f64), stamps: &mut Vec<Stamp>) -> Result<(), Refusal> {
    if pages.len() < 2 {
        return Err(no("骑缝章至少需要两页", "a seal across the edges needs at least two pages"));
    }
    // As many pictures as keep the slices visible, of about equally many slices, none alone.
    let groups = pages.len().div_ceil(MAX_SLICES);
    let each = pages.len().div_ceil(groups).max(2);
    let mut rest = pages;
    while !rest.is_empty() {
        let take = if rest.len() == each.saturating_add(1) { rest.len() } else { each.min(rest.len()) };
        let (group, others) = rest.split_at(take);
        let width = size.0 / group.len() as f64;
        for (position, page) in group.iter().enumerate() {
            let start = width * position as f64;
            let boundary = [page.size.0 - start - width, ((page.size.1 - size.1) / 2.0).max(0.0), size.0, size.1];
            stamps.push(Stamp { page: page.id.clone(), boundary, clip: Some([start, 0.0, width, size.1]) });
        }
        rest = others;
    }
    Ok(())
}

/// The middle of the first place where a text stands.
fn keyword(pages: &mut Pages<'_, '_>, range: std::ops::Range<usize>, text: &str) -> Result<(usize, (f64, f64)), Refusal> {
    let wanted: Vec<char> = text.chars().filter(|letter| !letter.is_whitespace()).collect();
    if wanted.is_empty() || wanted.len() > 200 {
        return Err(Refusal::Request("a keyword has 1 to 200 characters"));
    }
    for page in range {
        let mut glyphs = pages.glyphs(page).map_err(unreadable)?;
        glyphs.retain(|glyph| !glyph.letter.is_whitespace());
        if let Some(found) = find(&glyphs, &wanted) {
            return Ok((page, found));
        }
        // Pieces of a line may be drawn in any order: once more as they stand on the page.
        let lines = in_lines(glyphs);
        if let Some(found) = find(&lines, &wanted) {
            return Ok((page, found));
        }
    }
    Err(no("文档中找不到该关键字", "the keyword stands nowhere in the document"))
}

/// Characters line by line, each from left to right.
fn in_lines(mut glyphs: Vec<Glyph>) -> Vec<Glyph> {
    glyphs.sort_by(|a, b| a.y.total_cmp(&b.y));
    let mut lines: Vec<Vec<Glyph>> = Vec::new();
    for glyph in glyphs {
        match lines.last_mut() {
            Some(line) if line.last().is_some_and(|last| glyph.y - last.y <= last.size.min(glyph.size) * 0.4) => line.push(glyph),
            _ => lines.push(vec![glyph]),
        }
    }
    lines.iter_mut().for_each(|line| line.sort_by(|a, b| a.x.total_cmp(&b.x)));
    lines.into_iter().flatten().collect()
}

/// The first run of these characters that stand one after another, also over the end of a line; the middle of those on the line
/// where it begins.
fn find(glyphs: &[Glyph], wanted: &[char]) -> Option<(f64, f64)> {
    let runs = glyphs.windows(wanted.len());
    let run = runs.into_iter().find(|run| run.iter().map(|glyph| glyph.letter).eq(wanted.iter().copied()) && holds_together(run))?;
    let first = run.first()?;
    let on_line: Vec<&Glyph> = run.iter().filter(|glyph| (glyph.y - first.y).abs() <= first.size).collect();
    let count = on_line.len().max(1) as f64;
    let sum = on_line.iter().fold((0.0, 0.0), |sum, glyph| (sum.0 + glyph.x, sum.1 + glyph.y));
    Some((sum.0 / count, sum.1 / count))
}

/// Whether characters stand near each other: on a line with gaps of a few characters, below each other, or on the next line.
fn holds_together(run: &[Glyph]) -> bool {
    run.windows(2).all(|pair| {
        let [first, second] = pair else { return false };
        let size = first.size.max(second.size);
        let (across, down) = ((second.x - first.x).abs(), (second.y - first.y).abs());
        down <= size && across <= 6.0 * size || down <= 3.0 * size
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(id: &str) -> Page {
        Page::sized(id, 210.0, 297.0)
    }

    fn glyphs(text: &str, x: f64, y: f64) -> Vec<Glyph> {
        text.chars().enumerate().map(|(place, letter)| Glyph { letter, x: x + 4.0 * place as f64, y, size: 4.0 }).collect()
    }

    #[test]
    fn slices_make_the_whole() {
        for count in [2, 3, 20, 21, 41, 100] {
            let pages: Vec<Page> = (0..count).map(|number| page(&number.to_string())).collect();
            let mut stamps = Vec::new();
            riding(&pages, (40.0, 42.0), &mut stamps).unwrap();
            assert_eq!(stamps.len(), count);
            for (stamp, page) in stamps.iter().zip(&pages) {
                let ([left, ..], Some([start, _, width, height])) = (stamp.boundary, stamp.clip) else { panic!("a slice") };
                assert!(stamp.page == page.id && (left + start + width - 210.0).abs() < 1e-9 && height == 42.0 && width >= 1.9);
            }
            let starts = stamps.iter().filter(|stamp| stamp.clip.is_some_and(|clip| clip[0] == 0.0)).count();
            let total: f64 = stamps.iter().filter_map(|stamp| stamp.clip).map(|clip| clip[2]).sum();
            assert!((total - 40.0 * starts as f64).abs() < 1e-6, "{count}");
        }
        assert!(riding(&[page("1")], (40.0, 40.0), &mut Vec::new()).is_err());
    }

    #[test]
    fn words_are_found_in_pieces() {
        let wanted: Vec<char> = "盖章处".chars().collect();
        // Drawn in the wrong order, on one line.
        let mut pieces = glyphs("章处", 14.0, 50.2);
        pieces.extend(glyphs("盖", 10.0, 50.0));
        assert!(find(&pieces, &wanted).is_none());
        let (x, y) = find(&in_lines(pieces), &wanted).unwrap();
        assert!((x - 14.0).abs() < 1e-9 && (y - 50.0).abs() < 0.2);
        // Neighbours in the file, far apart on the page.
        let mut apart = glyphs("盖", 10.0, 50.0);
        apart.extend(glyphs("章处", 10.0, 200.0));
        assert!(find(&apart, &wanted).is_none());
    }
}
