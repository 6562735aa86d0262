//! Pages of a PDF (hayro).

use super::{NotDrawn, Page, Picture, scale};
use crate::doc::source::ByteSource;
use hayro::hayro_interpret::InterpreterSettings;
use hayro::hayro_interpret::font::FontQuery;
use hayro::hayro_interpret::hayro_cmap::CidFamily;
use hayro::hayro_syntax::Pdf;
use hayro::vello_cpu::color::palette::css::WHITE;
use hayro::{PixmapSettings, RenderCache, RenderSettings, render};
use std::ops::Range;
use std::sync::Arc;

/// Draws the pages of a range.
pub(super) fn pages(document: &dyn ByteSource, font: Option<Arc<Vec<u8>>>, range: Range<usize>) -> Result<Vec<Page>, NotDrawn> {
    let whole = usize::try_from(document.len()).map_err(|_| NotDrawn::SIZE)?;
    let octets = document.slice(0, whole).map_err(|_| NotDrawn::UNREADABLE)?;
    let pdf = Pdf::new(octets).map_err(|_| NotDrawn::UNREADABLE)?;
    let settings = settings(font);
    let cache = RenderCache::new();
    let all = pdf.pages();
    let count = all.len();
    if count == 0 {
        return Err(NotDrawn::UNREADABLE);
    }
    let drawn = all.iter().enumerate().map(|(at, page)| (at.saturating_add(1), page)).filter(|(number, _)| range.contains(number));
    let drawn = drawn.map(|(number, page)| {
        let (width, height) = page.render_dimensions();
        let picture = scale(width.into(), height.into()).ok_or(NotDrawn::PAGE).and_then(|scale| {
            #[expect(clippy::cast_possible_truncation, reason = "a factor of drawing")]
            let scale = scale as f32;
            let pixmap = PixmapSettings { x_scale: scale, y_scale: scale, bg_color: WHITE };
            let pixmap = render(page, &cache, &settings, &RenderSettings::default(), &pixmap);
            let (width, height) = (pixmap.width().into(), pixmap.height().into());
            pixmap.into_png().map(|png| Picture { width, height, png }).map_err(|_| NotDrawn::PAGE)
        });
        Page { number, pages: count, picture }
    });
    Ok(drawn.collect())
}

/// Text in a Chinese font that the document names and does not bring is drawn with `font`.
fn settings(font: Option<Arc<Vec<u8>>>) -> InterpreterSettings {
    let index = font.as_deref().map_or(0, |octets| super::ofd::simplified(octets));
    InterpreterSettings {
        font_resolver: Arc::new(move |query| match query {
            FontQuery::Standard(standard) => Some(standard.get_font_data()),
            FontQuery::Fallback(wanted) => {
                let family = wanted.character_collection.as_ref().map(|collection| &collection.family);
                let chinese = family.is_some_and(|family| !matches!(family, CidFamily::AdobeIdentity));
                let ours = font.as_ref().filter(|_| chinese).map(|octets| (Arc::clone(octets) as _, index));
                ours.or_else(|| Some(wanted.pick_standard_font().get_font_data()))
            }
        }),
        ..InterpreterSettings::default()
    }
}
