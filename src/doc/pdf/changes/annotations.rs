//! The rules for pages: marks of signatures, and comments where a certification permits them.

use super::naming::short;
use super::roles::Role;
use super::rules::only;
use super::step::{Change, Comparison};
use super::{Border, Items, Level, Surroundings, Weight};
use crate::doc::pdf::content::{Place, drawn_annotations, inherited};
use crate::doc::pdf::document::Revision;
use crate::doc::pdf::input::PdfError;
use crate::doc::pdf::object::{Dictionary, Id, Object, readable};
use std::collections::{BTreeSet, HashMap, HashSet};

/// Keys of a comment; none of them runs anything or shows more than the comment.
const COMMENT_KEYS: &[&str] = &[
    "Type",
    "Subtype",
    "Rect",
    "Contents",
    "P",
    "NM",
    "M",
    "F",
    "AP",
    "AS",
    "C",
    "T",
    "Popup",
    "CA",
    "RC",
    "CreationDate",
    "IRT",
    "Subj",
    "RT",
    "QuadPoints",
    "Name",
    "Open",
    "Parent",
    "StateModel",
    "State",
    "Border",
    "BS",
    "StructParent",
    "Lang",
];
/// The largest side of the icon of a note.
const ICON: f64 = 40.0;

impl Comparison<'_, '_, '_> {
    /// Pages may gain the widgets of new signature fields, and comments.
    pub(super) fn claim_pages(&mut self) -> Result<(), PdfError> {
        let is_page = |object: &Object| object.as_dictionary().is_some_and(|page| page.name("Type") == Some(b"Page"));
        let mut pages: BTreeSet<Id> = BTreeSet::new();
        for (number, change) in &self.changes {
            if change.old.as_ref().is_some_and(is_page) {
                pages.insert(change.id);
            } else if let Some(page) = self.around.pages.object_of(*number) {
                // Its list of annotations.
                pages.insert(page);
            }
        }
        for id in pages {
            let (Object::Dictionary(old), Object::Dictionary(new)) = (self.old.object(id)?, self.new.object(id)?) else { continue };
            self.claim_page(id, &old, &new)?;
        }
        self.claim_old_comments()
    }

    fn claim_page(&mut self, id: Id, old: &Dictionary, new: &Dictionary) -> Result<(), PdfError> {
        let page = self.around.pages.of(id.number);
        if old.name("Type") != Some(b"Page") {
            return Ok(());
        }
        if !self.alike_but(old, new, &["Annots", "LastModified", "Tabs"])? {
            self.copies.take();
            let keys = self.differing(old, new, &["Annots", "LastModified", "Tabs"])?;
            let has = |key: &str| keys.split(", ").any(|name| name == key);
            let (zh, en) = if has("/Contents") {
                ("文字与图形在签名之后被换掉", "text and drawing were replaced after signing")
            } else if ["/MediaBox", "/CropBox", "/Rotate", "/UserUnit"].iter().any(|key| has(key)) {
                ("页面大小或方向在签名之后有改动", "size or rotation was changed after signing")
            } else {
                ("页面资源或设置在签名之后有改动", "its resources or settings were changed after signing")
            };
            self.items.on_page(page, Weight::Suspicious, &format!("{zh}：{keys}"), &format!("{en}: {keys}"));
            return Ok(());
        }
        self.claim_copies();
        let list = |value: Object| if let Object::Array(items) = value { items } else { Vec::new() };
        let before = list(self.old.value(old, "Annots")?);
        let now = list(self.new.value(new, "Annots")?);
        let (kept, added) = merged(&before, &now);
        if kept.len() < before.len() {
            let signature = before.iter().any(|item| !kept.contains(item) && self.is_signature_widget(item));
            let (zh, en) = ("签名之后删去或调换了批注或表单控件", "annotations or form controls were removed or reordered after signing");
            let weight = if signature { Weight::Suspicious } else { Weight::Undecided(Level::Annotating) };
            self.items.on_page(page, weight, zh, en);
        }
        self.claim(id, Role::Page);
        if let Some(list) = new.reference("Annots")
            && (self.is_new(list) || old.reference("Annots") == Some(list))
        {
            self.claim(list, Role::Annotations);
        }
        for item in added {
            match item.as_reference() {
                Some(id) if self.roles.get(&id.number) == Some(&Role::NewField) => (),
                Some(id) if self.is_new(id) => self.claim_comment(id, page)?,
                _ => {
                    let (zh, en) = ("签名之后放上了原有的对象", "an object of the signed revision was put on the page after signing");
                    self.items.on_page(page, Weight::Suspicious, zh, en);
                }
            }
        }
        Ok(())
    }

    fn is_signature_widget(&self, item: &Object) -> bool {
        use crate::doc::pdf::fields::Place;
        let place = item.as_reference().and_then(|id| self.around.form.places.get(&id.number));
        matches!(place, Some(Place::Field(_) | Place::Widget(_)))
    }

    /// A new annotation.
    fn claim_comment(&mut self, id: Id, page: Option<u32>) -> Result<(), PdfError> {
        let Some(Object::Dictionary(comment)) = self.changed(id).map(|change| change.new.clone()) else { return Ok(()) };
        let kind = comment.name("Subtype").unwrap_or_default().to_vec();
        if kind == b"Widget" {
            let (zh, en) = ("签名之后放上了表单控件", "a form control was put on the page after signing");
            self.items.on_page(page, Weight::Suspicious, zh, en);
            return Ok(());
        }
        let harmless = self.is_harmless(&comment, &kind, id)?;
        let weight = if harmless { Weight::Permitted(Level::Annotating) } else { Weight::Undecided(Level::Annotating) };
        let says = comment.get("Contents").and_then(Object::as_text).map(|text| short(&readable(&text.octets))).unwrap_or_default();
        let name: String = String::from_utf8_lossy(&kind).chars().filter(char::is_ascii_alphanumeric).take(30).collect();
        self.items.on_page(
            page,
            weight,
            &format!("签名之后加了批注（{name}）{says}"),
            &format!("the annotation {name} was added after signing {says}"),
        );
        self.claim(id, Role::Annotation);
        for (key, value) in comment.iter() {
            if !matches!(key, b"P" | b"Parent" | b"Popup" | b"IRT") {
                self.claim_parts(Some(value));
            }
        }
        Ok(())
    }

    /// Whether a comment neither hides nor imitates what was signed: notes beside the text, thin or see-through marks on it.
    fn is_harmless(&self, comment: &Dictionary, kind: &[u8], id: Id) -> Result<bool, PdfError> {
        let known = matches!(kind, b"Text" | b"Popup" | b"Highlight" | b"Underline" | b"StrikeOut" | b"Squiggly");
        if !known || comment.is_ambiguous() || !only(comment, COMMENT_KEYS) {
            return Ok(false);
        }
        if let Some(appearance) = self.new.dictionary(comment, "AP")? {
            if !only(&appearance, &["N"]) {
                return Ok(false);
            }
            let Object::Stream(stream) = self.new.value(&appearance, "N")? else { return Ok(false) };
            if !self.draws_lightly(&stream, kind == b"Text")? {
                return Ok(false);
            }
        }
        if kind == b"Text" {
            let Some(place) = Place::of(&self.new.value(comment, "Rect")?) else { return Ok(false) };
            let [left, bottom, right, top] = place.sides;
            let page = self.around.edges.get(&id.number).into_iter().flatten().find_map(|edge| self.around.pages.object_of(edge.from?));
            let Some(page) = page else { return Ok(false) };
            let icon = Place { sides: [left.min(right - 20.0), bottom.min(top - 20.0), right.max(left + 20.0), top] };
            return Ok(right - left <= ICON
                && top - bottom <= ICON
                && !self.around.text_on(self.around.document.latest(), page)?.meet(&icon));
        }
        Ok(true)
    }

    /// Comments of the signed revision whose words changed.
    fn claim_old_comments(&mut self) -> Result<(), PdfError> {
        let mut found = Vec::new();
        for (number, change) in &self.changes {
            let (Some(Object::Dictionary(old)), Object::Dictionary(new)) = (&change.old, &change.new) else { continue };
            let on = self.around.edges.get(number).into_iter().flatten().find(|edge| edge.key == b"Annots");
            if self.roles.contains_key(number) || self.around.form.places.contains_key(number) {
                continue;
            }
            if let Some(edge) = on
                && old.get("Subtype").is_some()
            {
                let page = edge.from.and_then(|from| self.around.pages.of(from));
                found.push((change.clone(), old.clone(), new.clone(), page));
            }
        }
        for (Change { id, .. }, old, new, page) in found {
            let words = self.alike_but(&old, &new, &["Contents", "RC", "M", "Popup", "Open", "State"])? && !self.mentions(&new, &["Popup"]);
            self.claim_copies();
            let drawn = matches!(old.name("Subtype"), Some(b"FreeText" | b"Stamp" | b"Widget"));
            let weight = Weight::Undecided(Level::Annotating);
            let weight = if words && !drawn { Weight::Permitted(Level::Annotating) } else { weight };
            self.claim(id, Role::Annotation);
            self.items.on_page(page, weight, "签名之后改动了批注", "an annotation was changed after signing");
            for key in ["AP", "Popup"] {
                self.claim_parts(new.get(key));
            }
        }
        Ok(())
    }
}

/// The items of `before` that stand in `now` in the same order, and the items of `now` that are none of them.
pub(super) fn merged(before: &[Object], now: &[Object]) -> (Vec<Object>, Vec<Object>) {
    let (mut kept, mut added) = (Vec::new(), Vec::new());
    let known: HashSet<Id> = before.iter().filter_map(Object::as_reference).collect();
    let mut rest = before.iter();
    for item in now {
        let is_known = item.as_reference().map_or_else(|| rest.as_slice().first() == Some(item), |id| known.contains(&id));
        if is_known && rest.any(|earlier| earlier == item) {
            kept.push(item.clone());
        } else {
            added.push(item.clone());
        }
    }
    (kept, added)
}

/// New signature marks may be seen, but not take the place of what was signed: those of all later steps together at most half
/// of a page, and those at places that nobody had marked for a signature not over its text.
pub(super) fn weigh_cover(around: &Surroundings<'_, '_, '_>, borders: &[Border], steps: &mut [Items], roles: &[HashMap<u32, Role>]) {
    let mut covered: HashMap<u32, f64> = HashMap::new();
    for ((items, roles), border) in steps.iter_mut().zip(roles).zip(borders).rev() {
        let mut numbers: Vec<(u32, Role)> = roles.iter().map(|(number, role)| (*number, *role)).collect();
        numbers.sort_unstable_by_key(|(number, _)| *number);
        for (number, role) in numbers {
            if matches!(role, Role::NewField | Role::OldField)
                && let Err(error) = weigh_mark(around, around.revision(border.0), (number, role), &mut covered, items)
            {
                items.0.push(super::unread(error));
                return;
            }
        }
    }
}

fn weigh_mark(
    around: &Surroundings<'_, '_, '_>,
    before: Revision<'_, '_>,
    (number, role): (u32, Role),
    covered: &mut HashMap<u32, f64>,
    items: &mut Items,
) -> Result<(), PdfError> {
    use crate::doc::pdf::fields::Place as InTree;
    let latest = around.document.latest();
    let is_signature = match around.form.places.get(&number) {
        Some(InTree::Field(at) | InTree::Widget(at)) => around.form.fields.get(*at).is_some_and(|field| field.kind == b"Sig"),
        _ => false,
    };
    let pages: BTreeSet<Id> = around
        .edges
        .get(&number)
        .into_iter()
        .flatten()
        .filter(|edge| edge.key == b"Annots")
        .filter_map(|edge| around.pages.object_of(edge.from?))
        .collect();
    let Some(id) = around.document.latest().id_of(number).filter(|_| is_signature && !pages.is_empty()) else { return Ok(()) };
    let Object::Dictionary(widget) = latest.object(id)? else { return Ok(()) };
    let place = Place::of(&latest.value(&widget, "Rect")?);
    if widget.get("AP").is_none() || place.is_some_and(|place| place.area() == 0.0) {
        return Ok(());
    }
    for page in pages {
        let Object::Dictionary(dictionary) = latest.object(page)? else { continue };
        let whole = Place::of(&inherited(latest, &dictionary, "MediaBox")?);
        let sum = covered.entry(page.number).or_insert(0.0);
        *sum += place.map_or(f64::INFINITY, |place| place.area());
        if !whole.is_some_and(|whole| *sum <= whole.area() / 2.0) {
            let (zh, en) = ("后续签名的可见标记遮住了大半页面", "the marks of further signatures cover more than half of the page");
            items.on_page(around.pages.of(page.number), Weight::Undecided(Level::None), zh, en);
        }
        if role != Role::NewField {
            continue;
        }
        let shows = around.text_on(latest, page)?;
        let over = if place.is_none_or(|place| shows.meet(&place)) {
            ("后续签名的可见标记遮住了已签署的文字", "the mark of a further signature lies over text that was signed")
        } else if place.is_none_or(|place| shows.pictured(&place)) {
            ("后续签名的可见标记遮住了已签署的图片", "the mark of a further signature lies over a picture that was signed")
        } else if over_annotation(before, page, number, place)? {
            (
                "后续签名的可见标记遮住了已有的表单域、签名或批注",
                "the mark of a further signature lies over a form field, a signature or an annotation that was there",
            )
        } else {
            continue;
        };
        items.on_page(around.pages.of(page.number), Weight::Undecided(Level::None), over.0, over.1);
    }
    Ok(())
}

/// Whether something that was drawn by an annotation other than `number` lies at `place`.
fn over_annotation(before: Revision<'_, '_>, page: Id, number: u32, place: Option<Place>) -> Result<bool, PdfError> {
    let Object::Dictionary(page) = before.object(page)? else { return Ok(false) };
    let drawn = drawn_annotations(before, &page)?;
    let mut others = drawn.iter().filter(|(id, _)| id.is_none_or(|id| id.number != number));
    Ok(others.any(|(_, own)| place.is_none_or(|place| own.meets(&place))))
}
