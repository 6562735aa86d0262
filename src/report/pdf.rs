//! The report on paper: A4, PDF/A-2u with its fonts embedded; the text can be copied out again.

use super::flow::{Flow, HEIGHT, Ink, Line, MARGIN, Placed, WIDTH};
use super::font::{Faces, Fonts};
use super::view::{CheckView, Said, SignatureView, Tongue, View};
use super::{Frame, Report, ReportError, qr, text};
use krilla::Document;
use krilla::SerializeSettings;
use krilla::color::rgb;
use krilla::configure::{Archival, ConfigurationBuilder};
use krilla::geom::{PathBuilder, Point, Rect};
use krilla::metadata::{DateTime, Metadata};
use krilla::page::PageSettings;
use krilla::paint::Fill;
use krilla::surface::Surface;
use krilla::text::{GlyphId, KrillaGlyph};

const BODY: f32 = 9.5;
const SMALL: f32 = 7.8;
/// Where the answers begin.
const ANSWERS: f32 = MARGIN + 150.0;
const RIGHT: f32 = WIDTH - MARGIN;

/// The print-out.
///
/// # Errors
/// [`ReportError::Font`] without a usable font; [`ReportError::Pdf`] if the validator finds anything that PDF/A forbids.
pub fn pdf(report: &Report, frame: &Frame, fonts: &Fonts) -> Result<Vec<u8>, ReportError> {
    let faces = fonts.open()?;
    let view = View::new(report, frame, Tongue::Both);
    let mut flow = Flow::new(&faces);
    head(&mut flow, &view, frame);
    told(&mut flow, &view);
    for signature in &view.signatures {
        self::signature(&mut flow, &view, signature);
    }
    for stamp in &view.stamps {
        flow.gap(10.0);
        heading(&mut flow, &view.say(text::TIMESTAMP), &stamp.time, &stamp.word, stamp.mark);
        flow.text(MARGIN, &stamp.authority, SMALL, Ink::Soft);
        checks(&mut flow, &stamp.checks);
    }
    draw(report, &view, &faces, flow.pages)
}

fn both(said: &Said) -> String {
    if said.also.is_empty() { said.main.clone() } else { format!("{}  {}", said.main, said.also) }
}

/// First language in ink, second one small below.
fn cell(flow: &Flow<'_>, said: &Said, ink: Ink, width: f32) -> Vec<Line> {
    let mut lines = flow.lines(&said.main, BODY, ink, width);
    if !said.also.is_empty() {
        lines.extend(flow.lines(&said.also, SMALL, Ink::Soft, width));
    }
    lines
}

fn heading(flow: &mut Flow<'_>, kind: &Said, id: &str, word: &Said, mark: &str) {
    flow.need(60.0);
    flow.rule();
    let width = RIGHT - MARGIN - 120.0;
    let left = flow.lines(&format!("{} {id}", both(kind)), 12.0, Ink::Black, width);
    let right = flow.lines(&both(word), 12.0, Ink::of(mark), 120.0);
    flow.row(&[(MARGIN, width, left), (RIGHT - 115.0, 120.0, right)]);
}

fn head(flow: &mut Flow<'_>, view: &View, frame: &Frame) {
    let title = view.say(text::TITLE);
    flow.text(MARGIN, &title.main, 18.0, Ink::Black);
    flow.text(MARGIN, &title.also, BODY, Ink::Soft);
    flow.gap(10.0);
    let top = flow.y;
    let code = frame.address.as_deref().and_then(qr::modules);
    let width = RIGHT - MARGIN - 14.0 - if code.is_some() { 110.0 } else { 0.0 };
    let x = MARGIN + 14.0;
    let mut lines = flow.lines(&format!("{}（{}）", view.outcome.main, view.word.main), 16.0, Ink::of(view.mark), width);
    lines.extend(flow.lines(&format!("{} ({})", view.outcome.also, view.word.also), BODY, Ink::of(view.mark), width));
    lines.extend(flow.lines(&view.file, 11.0, Ink::Black, width));
    lines.extend(cell(flow, &view.as_of, Ink::Black, width));
    for line in [format!("SHA-256 {}", view.sha256), view.indication.clone(), view.policy.clone()] {
        lines.extend(flow.lines(&line, SMALL, Ink::Soft, width));
    }
    if let Some(receipt) = &view.receipt {
        lines.extend(flow.lines(&format!("{} {receipt}", both(&view.say(text::RECEIPT))), BODY, Ink::Black, width));
    }
    flow.row(&[(x, width, lines)]);
    if let (Some((size, dark)), Some(address)) = (code, frame.address.as_deref()) {
        // Mathematics of at most 177 modules.
        let module = 90.0 / size as f32;
        for (column, row) in dark {
            flow.place(Placed::Rect(RIGHT - 90.0 + column as f32 * module, top + 4.0 + row as f32 * module, module, module, Ink::Black));
        }
        flow.y = flow.y.max(top + 100.0);
        let label = format!("{} {address}", both(&view.say(text::LOOK_UP)));
        flow.text(x, &label, SMALL, Ink::Soft);
    }
    let height = flow.y - top;
    flow.place(Placed::Rect(MARGIN, top, 4.0, height, Ink::of(view.mark)));
    flow.gap(10.0);
}

/// Choices and defects.
fn told(flow: &mut Flow<'_>, view: &View) {
    if view.signatures.is_empty() && view.stamps.is_empty() {
        flow.text(MARGIN, &both(&view.say(text::NO_SIGNATURE)), BODY, Ink::Black);
    }
    if !view.choices.is_empty() {
        flow.text(MARGIN, &both(&view.say(text::CHOICES)), 11.0, Ink::Open);
        for choice in &view.choices {
            flow.text(MARGIN + 12.0, &both(choice), BODY, Ink::Black);
        }
        flow.text(MARGIN + 12.0, &both(&view.say(text::CHOICES_NOTE)), SMALL, Ink::Soft);
        flow.gap(8.0);
    }
    if !view.defects.is_empty() {
        flow.text(MARGIN, &both(&view.say(text::DEFECTS)), 11.0, Ink::Bad);
        for defect in &view.defects {
            let x = MARGIN + 52.0;
            let id = flow.lines(&defect.id, SMALL, Ink::Soft, 50.0);
            let mut lines = cell(flow, &defect.what, Ink::Black, RIGHT - x);
            let fix = Said { main: format!("→ {}", defect.fix.main), also: defect.fix.also.clone() };
            lines.extend(cell(flow, &fix, Ink::Good, RIGHT - x));
            if !defect.clause.is_empty() {
                lines.extend(flow.lines(&defect.clause, SMALL, Ink::Soft, RIGHT - x));
            }
            flow.row(&[(MARGIN + 8.0, 44.0, id), (x, RIGHT - x, lines)]);
            flow.gap(3.0);
        }
        flow.gap(8.0);
    }
}

fn signature(flow: &mut Flow<'_>, view: &View, signature: &SignatureView) {
    flow.gap(8.0);
    heading(flow, &signature.kind, &signature.id, &signature.word, signature.mark);
    flow.text(MARGIN, &signature.indication, SMALL, Ink::Soft);
    flow.gap(4.0);
    for question in &signature.questions {
        let left = cell(flow, &question.question, Ink::Black, 142.0);
        let mut right = Vec::new();
        if !question.word.main.is_empty() {
            right.extend(flow.lines(&both(&question.word), BODY, Ink::of(question.mark), RIGHT - ANSWERS));
        }
        right.extend(cell(flow, &question.answer, Ink::Black, RIGHT - ANSWERS));
        flow.row(&[(MARGIN, 142.0, left), (ANSWERS, RIGHT - ANSWERS, right)]);
        flow.gap(2.0);
    }
    // Then and now, side by side.
    flow.gap(4.0);
    let half = (RIGHT - MARGIN) / 2.0 - 6.0;
    let side = |label: crate::verify::policy::Text, side: &super::view::Side| {
        let mut lines = flow.lines(&format!("{} {}", both(&view.say(label)), side.time), BODY, Ink::Black, half);
        let state = format!("{}: {}", both(&view.say(text::CERTIFICATE)), both(&side.state));
        lines.extend(flow.lines(&state, BODY, Ink::of(side.mark), half));
        lines
    };
    let (then, now) = (side(text::AT_SIGNING, &signature.then), side(text::NOW, &signature.now));
    flow.need(40.0);
    flow.row(&[(MARGIN, half, then), (MARGIN + half + 12.0, half, now)]);
    if !signature.legal.is_empty() {
        flow.gap(6.0);
        flow.text(MARGIN, &both(&view.say(text::LEGAL)), 11.0, Ink::Black);
        flow.text(MARGIN, &both(&view.say(text::LEGAL_NOTE)), SMALL, Ink::Soft);
        for article in &signature.legal {
            let x = MARGIN + 92.0;
            let left = cell(flow, &article.article, Ink::Black, 86.0);
            let mut right = cell(flow, &article.question, Ink::Black, RIGHT - x);
            let answer = Said {
                main: format!("{} · {}", article.word.main, article.evidence.main),
                also: format!("{} · {}", article.word.also, article.evidence.also),
            };
            right.extend(cell(flow, &answer, Ink::of(article.mark), RIGHT - x));
            if !article.checks.is_empty() {
                right.extend(flow.lines(&article.checks, SMALL, Ink::Soft, RIGHT - x));
            }
            flow.row(&[(MARGIN, 86.0, left), (x, RIGHT - x, right)]);
            flow.gap(3.0);
        }
    }
    flow.gap(6.0);
    flow.text(MARGIN, &both(&view.say(text::DETAILS)), 11.0, Ink::Black);
    checks(flow, &signature.checks);
    for (label, value) in &signature.technical {
        let left = flow.lines(&both(label), SMALL, Ink::Soft, 142.0);
        let right = flow.lines(value, SMALL, Ink::Black, RIGHT - ANSWERS);
        flow.row(&[(MARGIN, 142.0, left), (ANSWERS, RIGHT - ANSWERS, right)]);
    }
}

fn checks(flow: &mut Flow<'_>, checks: &[CheckView]) {
    for check in checks {
        let x = MARGIN + 52.0;
        let id = flow.lines(&check.id, SMALL, Ink::Soft, 50.0);
        let mut lines =
            flow.lines(&format!("{} {} · {}", check.question.main, check.word.main, check.answer.main), SMALL + 0.7, Ink::Black, RIGHT - x);
        lines.extend(flow.lines(
            &format!("{} {} · {} ({})", check.question.also, check.word.also, check.answer.also, check.clause),
            SMALL - 0.8,
            Ink::Soft,
            RIGHT - x,
        ));
        flow.row(&[(MARGIN, 50.0, id), (x, RIGHT - x, lines)]);
    }
}

fn draw(report: &Report, view: &View, faces: &Faces<'_>, pages: Vec<Vec<Placed>>) -> Result<Vec<u8>, ReportError> {
    let refused = |error: String| ReportError::Pdf(error);
    let configuration = ConfigurationBuilder::new().with_archival_validator(Archival::A2_U).finish();
    let configuration = configuration.map_err(|error| refused(format!("{error:?}")))?;
    let mut document = Document::new_with(SerializeSettings { configuration, ..SerializeSettings::default() });
    let settings = PageSettings::from_wh(WIDTH, HEIGHT).ok_or_else(|| refused("page size".into()))?;
    let (total, measure) = (pages.len().to_string(), Flow::new(faces));
    for (at, placed) in pages.iter().enumerate() {
        let mut page = document.start_page_with(settings.clone());
        let mut surface = page.surface();
        for placed in placed {
            match placed {
                Placed::Rect(x, y, width, height, ink) => rectangle(&mut surface, (*x, *y, *width, *height), *ink),
                Placed::Text(x, y, line) => letters(&mut surface, faces, *x, *y, line),
            }
        }
        let number = view.tongue.with(text::PAGE, &[&(at + 1).to_string(), &total]);
        let foot = format!("{}    {}", both(&number), view.sha256);
        for line in measure.lines(&foot, 7.0, Ink::Soft, RIGHT - MARGIN).iter().take(1) {
            letters(&mut surface, faces, MARGIN, HEIGHT - 34.0, line);
        }
        surface.finish();
        page.finish();
    }
    document.set_metadata(metadata(report, view));
    document.finish().map_err(|error| refused(format!("{error:?}")))
}

/// Dates and identifiers come from the verdict: equal verdicts, equal octets.
fn metadata(report: &Report, view: &View) -> Metadata {
    let at = report.at.date_time();
    let field = |value: u8| value;
    let date = DateTime::new(u16::try_from(at.year()).unwrap_or(1970))
        .month(field(at.month().into()))
        .day(field(at.day()))
        .hour(field(at.hour()))
        .minute(field(at.minute()))
        .second(field(at.second()))
        .utc_offset_hour(0)
        .utc_offset_minute(0);
    Metadata::new()
        .title(format!("{}：{}", view.say(text::TITLE).main, view.outcome.main))
        .language("zh-CN".into())
        .creator("xinyin".into())
        .producer("xinyin".into())
        .document_id(format!("{}-{}-{}", report.sha256, report.policy.digest, report.at))
        .creation_date(date)
}

fn fill(surface: &mut Surface<'_>, ink: Ink) {
    let (red, green, blue) = ink.rgb();
    surface.set_fill(Some(Fill { paint: rgb::Color::new(red, green, blue).into(), ..Fill::default() }));
}

fn rectangle(surface: &mut Surface<'_>, (x, y, width, height): (f32, f32, f32, f32), ink: Ink) {
    let mut path = PathBuilder::new();
    if let Some(rect) = Rect::from_xywh(x, y, width, height) {
        path.push_rect(rect);
    }
    if let Some(path) = path.finish() {
        fill(surface, ink);
        surface.draw_path(&path);
    }
}

/// Letters of one line, in runs of one face.
fn letters(surface: &mut Surface<'_>, faces: &Faces<'_>, mut x: f32, y: f32, line: &Line) {
    fill(surface, line.ink);
    for run in line.letters.chunk_by(|one, next| one.1.face == next.1.face) {
        let Some(font) = run.first().and_then(|letter| faces.font(letter.1.face)) else { continue };
        let (mut text, mut glyphs, mut width) = (String::new(), Vec::with_capacity(run.len()), 0.0);
        for (letter, drawn) in run {
            let start = text.len();
            text.push(*letter);
            glyphs.push(KrillaGlyph::new(GlyphId::new(drawn.glyph), drawn.advance, 0.0, 0.0, 0.0, start..text.len(), None));
            width += drawn.advance * line.size;
        }
        surface.draw_glyphs(Point::from_xy(x, y), &glyphs, font.clone(), &text, line.size, false);
        x += width;
    }
}
