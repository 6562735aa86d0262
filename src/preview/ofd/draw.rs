//! Drawing the objects of a page (GB/T 33190-2016 §8 to §11).

use super::path::path;
use super::resources::{Params, Resources, drawn_with};
use crate::doc::ofd::pages::{Deltas, number, numbers};
use crate::doc::ofd::xml::{children, content};
use crate::sign::seal::{Font, Glyph, Step};
use roxmltree::Node;
use std::collections::HashMap;
use tiny_skia::{Color, FillRule, FilterQuality, Paint, PathBuilder, Pattern, Pixmap, Rect, Shader, SpreadMode, Stroke, Transform};

/// Most objects and characters of a page.
const MAX_OBJECTS: usize = 100_000;
const MAX_GLYPHS: usize = 200_000;
/// Deepest nesting of blocks and of parameters.
const MAX_DEPTH: usize = 16;

/// A page in the making.
pub(super) struct Canvas<'c, 'r> {
    pixels: &'c mut Pixmap,
    resources: &'r Resources,
    fonts: HashMap<String, Option<Font<'r>>>,
    fallback: Option<&'r Font<'r>>,
    base: Transform,
    objects: usize,
    glyphs: usize,
}

#[expect(clippy::cast_possible_truncation, reason = "places on a page")]
const fn single(number: f64) -> f32 {
    number as f32
}

impl<'c, 'r> Canvas<'c, 'r> {
    pub fn new(pixels: &'c mut Pixmap, resources: &'r Resources, fallback: Option<&'r Font<'r>>, base: Transform) -> Self {
        Self { pixels, resources, fonts: HashMap::new(), fallback, base, objects: 0, glyphs: 0 }
    }

    /// The objects of a layer, block or appearance, in their order.
    pub fn block(&mut self, block: Node<'_, '_>, place: Transform, depth: usize) {
        let inherited = self.params(block, &Params::default());
        for node in block.children().filter(Node::is_element) {
            self.objects = self.objects.saturating_add(1);
            if self.objects > MAX_OBJECTS || depth > MAX_DEPTH {
                return;
            }
            if node.attribute("Visible") == Some("false") {
                continue;
            }
            match node.tag_name().name() {
                "PageBlock" => self.block(node, place, depth.saturating_add(1)),
                "TextObject" => self.text(node, place, &inherited),
                "PathObject" => self.shape(node, place, &inherited),
                "ImageObject" => self.image(node, place),
                _ => {}
            }
        }
    }

    /// What an element is drawn with: its own words, then those it refers to, then those around it.
    fn params(&self, node: Node<'_, '_>, around: &Params) -> Params {
        let mut found = drawn_with(node);
        for _ in 0..MAX_DEPTH {
            let Some(more) = found.relative.take().and_then(|id| self.resources.params.get(&id)) else { break };
            let more = more.clone();
            found = Params {
                relative: more.relative,
                line_width: found.line_width.or(more.line_width),
                fill: found.fill.or(more.fill),
                stroke: found.stroke.or(more.stroke),
            };
        }
        Params {
            relative: None,
            line_width: found.line_width.or(around.line_width),
            fill: found.fill.or(around.fill),
            stroke: found.stroke.or(around.stroke),
        }
    }

    /// From an object's own coordinates to dots; with its boundary.
    fn transform(&self, node: Node<'_, '_>, place: Transform) -> (Transform, [f64; 4]) {
        let boundary = node.attribute("Boundary").and_then(numbers::<4>).unwrap_or([0.0; 4]);
        let [a, b, c, d, e, f] = node.attribute("CTM").and_then(numbers::<6>).unwrap_or([1.0, 0.0, 0.0, 1.0, 0.0, 0.0]);
        let own = Transform::from_row(single(a), single(b), single(c), single(d), single(e), single(f));
        let at = Transform::from_translate(single(boundary[0]), single(boundary[1]));
        (self.base.pre_concat(place).pre_concat(at).pre_concat(own), boundary)
    }

    fn shape(&mut self, node: Node<'_, '_>, place: Transform, around: &Params) {
        let Some(outline) = children(node, "AbbreviatedData").next().map(content).and_then(|text| path(&text)) else { return };
        let (transform, _) = self.transform(node, place);
        let params = self.params(node, around);
        let opacity = opacity(node);
        if node.attribute("Fill") == Some("true") {
            let rule = if node.attribute("Rule") == Some("Even-Odd") { FillRule::EvenOdd } else { FillRule::Winding };
            self.pixels.fill_path(&outline, &paint(params.fill, opacity), rule, transform, None);
        }
        if node.attribute("Stroke") != Some("false") {
            let width = params.line_width.unwrap_or(0.353).clamp(0.0, 1000.0);
            let stroke = Stroke { width: single(width), ..Stroke::default() };
            self.pixels.stroke_path(&outline, &paint(params.stroke, opacity), &stroke, transform, None);
        }
    }

    fn image(&mut self, node: Node<'_, '_>, place: Transform) {
        let (mut transform, boundary) = self.transform(node, place);
        // Without a matrix the picture fills its boundary; with one it is the unit square.
        if node.attribute("CTM").is_none() {
            transform = transform.pre_scale(single(boundary[2]), single(boundary[3]));
        }
        let resources = self.resources;
        match node.attribute("ResourceID").and_then(|id| resources.pictures.get(id.trim())) {
            Some(Some(picture)) => self.picture(picture, transform, opacity(node), None),
            _ => self.missing(transform),
        }
    }

    /// A picture on the unit square, or the part of it (in the unit square) that is shown.
    fn picture(&mut self, picture: &Pixmap, transform: Transform, opacity: f32, part: Option<Rect>) {
        let (width, height) = (picture.width() as f32, picture.height() as f32);
        let transform = transform.pre_scale(1.0 / width, 1.0 / height);
        let paint = Paint {
            shader: Pattern::new(picture.as_ref(), SpreadMode::Pad, FilterQuality::Bilinear, opacity, Transform::identity()),
            anti_alias: true,
            ..Paint::default()
        };
        let part = part.or_else(|| Rect::from_xywh(0.0, 0.0, 1.0, 1.0));
        let shown =
            part.and_then(|part| Rect::from_ltrb(part.left() * width, part.top() * height, part.right() * width, part.bottom() * height));
        if let Some(shown) = shown {
            self.pixels.fill_rect(shown, &paint, transform, None);
        }
    }

    /// A frame in the place of a picture that cannot be shown.
    fn missing(&mut self, transform: Transform) {
        let Some(frame) = path("M 0 0 L 1 0 L 1 1 L 0 1 C M 0 0 L 1 1 M 1 0 L 0 1") else { return };
        let Some(frame) = frame.transform(transform) else { return };
        let stroke = Stroke { width: 1.0, ..Stroke::default() };
        self.pixels.stroke_path(&frame, &paint(Some([0x99, 0x99, 0x99, 0xff]), 1.0), &stroke, Transform::identity(), None);
    }

    /// A seal: `boundary` is where the whole would stand, `clip` the part of it that is shown, both in millimetres.
    pub fn stamp(&mut self, picture: Option<&Pixmap>, boundary: [f64; 4], clip: Option<[f64; 4]>) {
        let [left, top, width, height] = boundary;
        if width <= 0.0 || height <= 0.0 {
            return;
        }
        let transform = self.base.pre_translate(single(left), single(top)).pre_scale(single(width), single(height));
        let part = clip.and_then(|[x, y, w, h]| {
            let edge = |number: f64| single(number.clamp(0.0, 1.0));
            Rect::from_ltrb(edge(x / width), edge(y / height), edge((x + w) / width), edge((y + h) / height))
        });
        match (picture, clip.is_some() && part.is_none()) {
            (_, true) => {}
            (Some(picture), _) => self.picture(picture, transform, 1.0, part),
            (None, _) => self.missing(transform),
        }
    }

    fn text(&mut self, node: Node<'_, '_>, place: Transform, around: &Params) {
        let (transform, _) = self.transform(node, place);
        let params = self.params(node, around);
        let size = node.attribute("Size").and_then(number).filter(|size| *size > 0.0).unwrap_or(3.5);
        let across = node.attribute("HScale").and_then(number).filter(|scale| *scale > 0.0).unwrap_or(1.0);
        let turn = node.attribute("CharDirection").and_then(number).unwrap_or(0.0);
        let down = node.attribute("ReadDirection").map(str::trim) == Some("90");
        let font = node.attribute("Font").unwrap_or_default().trim().to_owned();
        let paint = paint(params.fill, opacity(node));
        let filled = node.attribute("Fill") != Some("false");
        let stroked = node.attribute("Stroke") == Some("true");
        let mut numbered = numbers_of(node).into_iter();
        for code in children(node, "TextCode") {
            let start = |name| code.attribute(name).and_then(number);
            let (mut x, mut y) = (start("X").unwrap_or(0.0), start("Y").unwrap_or(0.0));
            let (mut right, mut below) = (Deltas::new(code.attribute("DeltaX")), Deltas::new(code.attribute("DeltaY")));
            let given = right.is_given || below.is_given;
            let text: String = code.children().filter(Node::is_text).filter_map(|piece| piece.text()).collect();
            for letter in text.chars().filter(|letter| !letter.is_control()) {
                self.glyphs = self.glyphs.saturating_add(1);
                if self.glyphs > MAX_GLYPHS {
                    return;
                }
                let glyph = self.glyph(&font, letter, numbered.next().flatten());
                let advance = glyph.as_ref().map_or(1.0, |glyph| glyph.advance) * size;
                if let Some(outline) = glyph.as_ref().and_then(outline) {
                    let at = transform.pre_translate(single(x), single(y)).pre_concat(Transform::from_rotate(single(turn)));
                    let at = at.pre_scale(single(size * across), single(-size));
                    if filled {
                        self.pixels.fill_path(&outline, &paint, FillRule::Winding, at, None);
                    }
                    if stroked || !filled {
                        let stroke = Stroke { width: single(params.line_width.unwrap_or(0.1) / size), ..Stroke::default() };
                        self.pixels.stroke_path(&outline, &paint, &stroke, at, None);
                    }
                }
                let usual = if given { 0.0 } else { advance };
                x += right.next().unwrap_or(if down { 0.0 } else { usual });
                y += below.next().unwrap_or(if down { usual } else { 0.0 });
            }
        }
    }

    /// A character's outline: by the number that the document gives it, from its own font, from ours.
    fn glyph(&mut self, font: &str, letter: char, number: Option<u16>) -> Option<Glyph> {
        let resources = self.resources;
        let own = self.fonts.entry(font.to_owned()).or_insert_with(|| Font::read(resources.fonts.get(font)?).ok());
        let by_number = |own: &Font<'_>| number.and_then(|number| own.numbered(number).ok());
        let own = own.as_ref().and_then(|own| by_number(own).or_else(|| own.glyph(letter).ok()));
        own.or_else(|| self.fallback?.glyph(letter).ok())
    }
}

/// Numbers of glyphs that stand for the characters (CGTransform, §11.4), in the order of the characters.
fn numbers_of(node: Node<'_, '_>) -> Vec<Option<u16>> {
    let mut list: Vec<Option<u16>> = Vec::new();
    for transform in children(node, "CGTransform").take(MAX_OBJECTS) {
        let attribute = |name| transform.attribute(name).and_then(|text| text.trim().parse::<usize>().ok());
        let (position, codes) = (attribute("CodePosition").unwrap_or(0), attribute("CodeCount").unwrap_or(1));
        if position > MAX_GLYPHS || codes > MAX_GLYPHS {
            continue;
        }
        let glyphs = children(transform, "Glyphs").next().map(content).unwrap_or_default();
        let glyphs: Vec<u16> = glyphs.split_ascii_whitespace().take(MAX_GLYPHS).filter_map(|number| number.parse().ok()).collect();
        // One glyph for each character is what is drawn; ligatures fall back to the characters.
        if glyphs.len() != codes {
            continue;
        }
        let end = position.saturating_add(codes);
        if list.len() < end {
            list.resize(end, None);
        }
        for (slot, glyph) in list.iter_mut().skip(position).zip(glyphs) {
            *slot = Some(glyph);
        }
    }
    list
}

fn opacity(node: Node<'_, '_>) -> f32 {
    node.attribute("Alpha").and_then(number).map_or(1.0, |alpha| single(alpha.clamp(0.0, 255.0) / 255.0))
}

fn paint(color: Option<[u8; 4]>, opacity: f32) -> Paint<'static> {
    let [red, green, blue, alpha] = color.unwrap_or([0, 0, 0, 255]);
    let mut color = Color::from_rgba8(red, green, blue, alpha);
    color.apply_opacity(opacity);
    Paint { shader: Shader::SolidColor(color), anti_alias: true, ..Paint::default() }
}

fn outline(glyph: &Glyph) -> Option<tiny_skia::Path> {
    let mut builder = PathBuilder::new();
    for step in &glyph.steps {
        match *step {
            Step::Move(end) => builder.move_to(single(end.x), single(end.y)),
            Step::Line(end) => builder.line_to(single(end.x), single(end.y)),
            Step::Quad(control, end) => builder.quad_to(single(control.x), single(control.y), single(end.x), single(end.y)),
            Step::Cubic(first, second, end) => {
                builder.cubic_to(single(first.x), single(first.y), single(second.x), single(second.y), single(end.x), single(end.y))
            }
            Step::Close => builder.close(),
        }
    }
    builder.finish()
}
