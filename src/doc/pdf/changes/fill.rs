//! The rule for values filled into form fields: only the value and its appearance change, and what is shown is the value.

use super::appearance::{Drawn, same_text};
use super::naming::short;
use super::roles::Role;
use super::step::{Change, Comparison};
use super::{Level, Weight};
use crate::doc::pdf::content::Place;
use crate::doc::pdf::input::PdfError;
use crate::doc::pdf::object::{Dictionary, Object, readable};

/// Keys of a field or widget that filling it in may change.
const VALUE_KEYS: &[&str] = &["V", "AS", "AP", "M", "I", "F", "Ff", "RV", "DA", "Q"];
/// Flags of an annotation that decide whether it is seen: Invisible, Hidden, NoView, ToggleNoView (table 167).
const SEEN: i64 = 0b1_0010_0011;

/// A value that is none, in words.
const EMPTY: &str = "（空）";

/// How the appearance of a field stands to its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shown {
    /// It shows the value, or readers draw it themselves.
    Agrees,
    /// It shows the value by the word of a font with glyphs of its own.
    ByOwnFont,
    /// It shows something else.
    Differs(String),
    /// It cannot be told.
    Unknown(&'static str, &'static str),
}

impl Comparison<'_, '_, '_> {
    /// The field at position `at` of the newest form, of which these objects changed (none: an appearance was overwritten).
    pub(super) fn claim_filled(&mut self, form: &Dictionary, at: usize, changes: &[Change]) -> Result<(), PdfError> {
        let around = self.around;
        let Some(field) = around.form.fields.get(at) else { return Ok(()) };
        let name = short(&field.name);
        let (mut redrawn, mut values) = (changes.is_empty(), None);
        for change in changes {
            let (Some(Object::Dictionary(old)), Object::Dictionary(new)) = (&change.old, &change.new) else {
                let (zh, en) = (format!("表单域 {name} 被换成了别的对象"), format!("the form field {name} was replaced by something else"));
                self.items.suspect(zh, en);
                return Ok(());
            };
            let flags = |dictionary: &Dictionary, key: &str| dictionary.integer(key).unwrap_or(0);
            let seen = (flags(old, "F") ^ flags(new, "F")) & SEEN == 0;
            // A filled field may be made read-only, and nothing else.
            let settled = flags(old, "Ff") | 1 == flags(new, "Ff") | 1 && flags(old, "Ff") & 1 <= flags(new, "Ff") & 1;
            if !self.alike_but(old, new, VALUE_KEYS)? || self.mentions(new, &["AP", "V"]) || !seen || !settled {
                self.copies.take();
                let keys = self.differing(old, new, &["V", "AS", "AP", "M", "I", "RV", "DA", "Q"])?;
                self.items.suspect(
                    format!("表单域 {name} 的设置在签名之后有改动：{keys}"),
                    format!("settings of the form field {name} were changed after signing: {keys}"),
                );
                return Ok(());
            }
            self.claim_copies();
            if old.get("RV") != new.get("RV") {
                let (zh, en) = (format!("表单域 {name} 的富文本有改动"), format!("rich text of the form field {name} was changed"));
                self.items.field(&field.name, Weight::Undecided(Level::Filling), zh, en);
            }
            redrawn |= old.get("AP") != new.get("AP");
            if field.id.is_some_and(|id| id.number == change.id.number) && old.get("V") != new.get("V") {
                values = Some((self.words(&self.old.value(old, "V")?), self.words(&self.new.value(new, "V")?)));
            }
            self.claim(change.id, Role::OldField);
        }
        redrawn |= self.claim_appearances(at)?;
        // For the first time: what was signed is not drawn anew in letters that nobody can compare.
        let filled_in = values.as_ref().is_some_and(|(old, new)| old == EMPTY && new != EMPTY);
        let (zh, en) = match values {
            Some((old, new)) => (format!("表单域 {name}：{old} → {new}"), format!("form field {name}: {old} → {new}")),
            None => (format!("表单域 {name} 的显示有改动"), format!("form field {name}: drawn anew")),
        };
        self.items.field(&field.name, Weight::Permitted(Level::Filling), zh, en);
        let asks = form.get("NeedAppearances").and_then(Object::as_boolean) == Some(true);
        let shown = match self.shown(at, asks)? {
            // The old appearance stands still: readers that are asked to draw anew show the value, others what was signed.
            Shown::Differs(_) if !redrawn && asks => Shown::Agrees,
            Shown::Differs(_) if !redrawn => Shown::Unknown("显示的仍是原来的内容", "what is shown is still the old content"),
            // The font and its letters were signed; which of them are shown, whoever fills the field in decides.
            Shown::ByOwnFont if filled_in => {
                let zh = format!("表单域 {name}：以签名时已内嵌的字体显示，字形未作比对");
                let en = format!("form field {name}: shown in a font that was embedded when it was signed; its glyphs were not compared");
                self.items.field(&field.name, Weight::Permitted(Level::Filling), zh, en);
                Shown::Agrees
            }
            shown => shown,
        };
        self.weigh_shown(&field.name, shown);
        Ok(())
    }

    pub(super) fn weigh_shown(&mut self, field: &str, shown: Shown) {
        let name = short(field);
        match shown {
            Shown::Agrees => (),
            Shown::ByOwnFont => {
                self.weigh_shown(field, Shown::Unknown("所用字体无法核对显示的文字", "what its font shows cannot be compared"))
            }
            Shown::Differs(text) => {
                let text = short(&text);
                self.items.suspect(
                    format!("表单域 {name} 显示的内容不是它的值：{text}"),
                    format!("the form field {name} shows something else than its value: {text}"),
                );
            }
            Shown::Unknown(zh, en) => {
                let (zh, en) = (format!("表单域 {name}：{zh}"), format!("form field {name}: {en}"));
                self.items.field(field, Weight::Undecided(Level::Filling), zh, en);
            }
        }
    }

    /// A value in words.
    fn words(&self, value: &Object) -> String {
        let text = match value {
            Object::Null => return EMPTY.into(),
            Object::Text(text) => readable(&text.octets),
            Object::Name(name) => String::from_utf8_lossy(name).into_owned(),
            Object::Array(items) => items.iter().map(|item| self.words(item)).collect::<Vec<_>>().join("、"),
            _ => return "…".into(),
        };
        if text.trim().is_empty() { EMPTY.into() } else { short(&text) }
    }

    /// The widgets of a field in the newer revision: object number and dictionary.
    pub(super) fn widgets(&self, at: usize) -> Result<Vec<(Option<u32>, Dictionary)>, PdfError> {
        let Some(field) = self.around.form.fields.get(at) else { return Ok(Vec::new()) };
        let own = match field.id {
            Some(id) => self.new.object(id)?,
            None => Object::Dictionary(field.dictionary.clone()),
        };
        let Object::Dictionary(own) = own else { return Ok(Vec::new()) };
        let kids = match self.new.value(&own, "Kids")? {
            Object::Array(kids) => kids,
            _ => Vec::new(),
        };
        let mut widgets = vec![(field.id.map(|id| id.number), own)];
        for kid in &kids {
            if let Object::Dictionary(widget) = self.new.resolve(kid)? {
                widgets.push((kid.as_reference().map(|id| id.number), widget));
            }
        }
        Ok(widgets)
    }

    /// Claims new and overwritten appearances of a field's widgets; whether there are any.
    fn claim_appearances(&mut self, at: usize) -> Result<bool, PdfError> {
        let mut found = false;
        let is_button = self.around.form.fields.get(at).is_some_and(|field| field.kind == b"Btn");
        for (number, widget) in self.widgets(at)? {
            let appearance = self.new.dictionary(&widget, "AP")?.unwrap_or_default();
            let normal = if is_button { None } else { appearance.reference("N") };
            let parts: Vec<_> = [widget.reference("AP"), normal].into_iter().flatten().collect();
            let is_form = |object: &Object| match object {
                Object::Stream(stream) => stream.dictionary.name("Subtype") == Some(b"Form"),
                other => matches!(other, Object::Dictionary(_)),
            };
            for id in parts {
                if self.changed(id).is_some_and(|change| change.old.as_ref().is_none_or(is_form) && is_form(&change.new)) {
                    self.claim(id, Role::Part);
                    found = true;
                    let inner = self.changed(id).map(|change| change.new.clone());
                    self.claim_parts(inner.as_ref());
                }
            }
            self.claim_parts(widget.get("AP"));
            if let Some(number) = number {
                // Also where only its appearance changed.
                self.roles.entry(number).or_insert(Role::OldField);
            }
        }
        Ok(found)
    }

    /// Whether the field at `at` shows its value.
    pub(super) fn shown(&self, at: usize, asks: bool) -> Result<Shown, PdfError> {
        let Some(field) = self.around.form.fields.get(at) else { return Ok(Shown::Agrees) };
        let widgets = self.widgets(at)?;
        let Some((_, own)) = widgets.first() else { return Ok(Shown::Agrees) };
        let value = self.new.value(own, "V")?;
        let flags = self.flags(field, own)?;
        if field.kind == b"Btn" {
            return self.button_shown(flags, &value, &widgets);
        }
        let wanted = match self.texts(field, own, &value)? {
            Some(wanted) => wanted,
            None => return Ok(Shown::Unknown("值的形式不能核对", "the form of its value cannot be compared")),
        };
        let mut worst = Shown::Agrees;
        for (number, widget) in &widgets {
            let Some(appearance) = self.new.dictionary(widget, "AP")? else { continue };
            if appearance.get("R").is_some() || appearance.get("D").is_some() {
                return Ok(Shown::Unknown("另有按下或悬停时的图样", "it has further appearances, for the mouse"));
            }
            let Object::Stream(stream) = self.new.value(&appearance, "N")? else {
                return Ok(Shown::Unknown("图样不是单一的流", "its appearance is no single stream"));
            };
            match self.drawn(&stream)? {
                Drawn::Other(zh, en) => worst = Shown::Unknown(zh, en),
                Drawn::Text { text, filled, embedded } => {
                    if embedded && worst == Shown::Agrees {
                        worst = Shown::ByOwnFont;
                    }
                    let masked = flags >> 13 & 1 == 1 && text.chars().all(|letter| matches!(letter, '*' | '•' | '\u{95}'));
                    if text.trim().is_empty() && wanted.iter().all(|wanted| !wanted.trim().is_empty()) {
                        if !asks {
                            worst = Shown::Unknown("没有显示它的值", "its value is not shown");
                        }
                    } else if !masked && !wanted.iter().any(|wanted| same_text(wanted, &text)) {
                        return Ok(Shown::Differs(text));
                    }
                    if filled && self.covers_text(*number, widget)? {
                        worst = Shown::Unknown("底色遮住了页面上的文字", "its background covers text of the page");
                    }
                }
            }
        }
        Ok(worst)
    }

    /// Field flags, own or inherited from a group.
    fn flags(&self, field: &crate::doc::pdf::fields::Field, own: &Dictionary) -> Result<i64, PdfError> {
        let mut node = own.clone();
        for _ in 0..32 {
            if let Some(flags) = node.integer("Ff") {
                return Ok(flags);
            }
            match self.new.value(&node, "Parent")? {
                Object::Dictionary(parent) => node = parent,
                _ => break,
            }
        }
        Ok(field.dictionary.integer("Ff").unwrap_or(0))
    }

    /// What a text or choice field with this value may show; `None` if that cannot be told.
    fn texts(&self, field: &crate::doc::pdf::fields::Field, own: &Dictionary, value: &Object) -> Result<Option<Vec<String>>, PdfError> {
        let value = match value {
            Object::Null => String::new(),
            Object::Text(text) => readable(&text.octets),
            _ => return Ok(None),
        };
        let mut wanted = vec![value.clone()];
        if field.kind == b"Ch" {
            let mut all = String::new();
            if let Object::Array(options) = self.new.value(own, "Opt")? {
                for option in &options {
                    let words = |object: &Object| object.as_text().map(|text| readable(&text.octets)).unwrap_or_default();
                    let (export, display) = match self.new.resolve(option)? {
                        Object::Array(pair) => (pair.first().map(words).unwrap_or_default(), pair.get(1).map(words).unwrap_or_default()),
                        one => (words(&one), words(&one)),
                    };
                    all.push_str(&display);
                    if export == value {
                        wanted.push(display);
                    }
                }
            }
            // A list box shows all its options.
            wanted.push(all);
        }
        Ok(Some(wanted))
    }

    /// Check boxes and radio buttons: the states they show are those of the signed revision, and the value names them.
    fn button_shown(&self, flags: i64, value: &Object, widgets: &[(Option<u32>, Dictionary)]) -> Result<Shown, PdfError> {
        if flags >> 16 & 1 == 1 {
            return Ok(Shown::Unknown("按钮的图样有改动", "the picture of the button was changed"));
        }
        let value = match value {
            Object::Name(name) => name.clone(),
            Object::Text(text) => text.octets.clone(),
            Object::Null => b"Off".to_vec(),
            _ => return Ok(Shown::Unknown("值的形式不能核对", "the form of its value cannot be compared")),
        };
        let mut on = value == b"Off";
        for (number, widget) in widgets {
            if let (Some(number), Some(now)) = (number, self.new.dictionary(widget, "AP")?) {
                let before = match self.changes.get(number) {
                    Some(Change { old: Some(Object::Dictionary(old)), .. }) => self.old.dictionary(old, "AP")?,
                    _ => Some(now.clone()),
                };
                let kept = before.is_some_and(|before| matches!(self.alike_but(&before, &now, &[]), Ok(true)));
                self.copies.take();
                if !kept {
                    return Ok(Shown::Unknown("按钮的图样有改动", "the picture of the button was changed"));
                }
            }
            let state = widget.name("AS").unwrap_or(b"Off");
            if state == b"Off" {
                continue;
            }
            if state != value {
                return Ok(Shown::Differs(String::from_utf8_lossy(state).into_owned()));
            }
            on = true;
        }
        // Without any state the reader shows the value itself.
        let stated = widgets.iter().any(|(_, widget)| widget.get("AS").is_some());
        Ok(if on || !stated { Shown::Agrees } else { Shown::Differs("Off".into()) })
    }

    /// Whether a widget lies over text of its page.
    fn covers_text(&self, number: Option<u32>, widget: &Dictionary) -> Result<bool, PdfError> {
        let Some(number) = number else { return Ok(true) };
        let Some(place) = Place::of(&self.new.value(widget, "Rect")?) else { return Ok(true) };
        let from = self.around.edges.get(&number).into_iter().flatten().filter(|edge| edge.key == b"Annots");
        let on = from.filter_map(|edge| self.around.pages.object_of(edge.from?)).next();
        let page = on.or_else(|| widget.reference("P"));
        match page {
            Some(page) => Ok(self.around.text_on(self.around.document.latest(), page)?.meet(&place)),
            None => Ok(true),
        }
    }
}
