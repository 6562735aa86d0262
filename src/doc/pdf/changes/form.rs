//! The rules for the form: its settings, its tree of fields, signature fields new and old.

use super::content_place;
use super::roles::Role;
use super::rules::only;
use super::step::{Change, Comparison};
use super::{Level, Weight};
use crate::doc::pdf::fields::{Field, Place};
use crate::doc::pdf::input::PdfError;
use crate::doc::pdf::object::{Dictionary, Id, Object};
use crate::doc::pdf::signature::SubFilter;

/// Keys of a new signature field and its widget; none of them runs anything.
const FIELD_KEYS: &[&str] = &[
    "Type",
    "Subtype",
    "FT",
    "T",
    "TU",
    "TM",
    "Ff",
    "V",
    "DV",
    "F",
    "Rect",
    "P",
    "AP",
    "AS",
    "MK",
    "DA",
    "DR",
    "Q",
    "Border",
    "BS",
    "C",
    "Lock",
    "SV",
    "Kids",
    "Parent",
    "NM",
    "M",
    "H",
    "StructParent",
    "Contents",
    "Lang",
];

impl Comparison<'_, '_, '_> {
    /// The form may gain signature fields, empty signature fields may be signed, other fields may be filled in.
    pub(super) fn claim_form(&mut self, old: &Dictionary, new: &Dictionary) -> Result<(), PdfError> {
        let was = self.old.dictionary(old, "AcroForm")?;
        let is = self.new.dictionary(new, "AcroForm")?;
        let (Some(is), existed) = (is, was.is_some()) else {
            if was.is_some() {
                self.items.suspect("签名之后去掉了表单", "the form was removed after signing");
            }
            return Ok(());
        };
        let was = was.unwrap_or_default();
        let moved = existed && old.get("AcroForm") != new.get("AcroForm");
        let touched = moved || new.reference("AcroForm").is_none_or(|id| self.changed(id).is_some());
        let resources = self.new.dictionary(&is, "DR")?.unwrap_or_default();
        let of_changed = |id: Option<Id>| id.is_some_and(|id| self.changed(id).is_some());
        if touched || of_changed(is.reference("DR")) || of_changed(resources.reference("Font")) {
            self.claim_settings(existed, &was, &is)?;
        }
        if let Some(id) = new.reference("AcroForm") {
            self.claim(id, Role::Form);
        }
        let (list, before) = (is.get("Fields"), was.get("Fields"));
        if list != before || list.and_then(Object::as_reference).is_some_and(|id| self.changed(id).is_some()) {
            let roots = |value: Object| if let Object::Array(items) = value { items } else { Vec::new() };
            let (before, now) = (roots(self.old.value(&was, "Fields")?), roots(self.new.value(&is, "Fields")?));
            self.claim_list(&before, &now);
            if let Some(list) = is.reference("Fields") {
                self.claim(list, Role::FieldList);
            }
        }
        self.claim_fields(&is)
    }

    /// Settings of the form, and its default resources.
    fn claim_settings(&mut self, existed: bool, was: &Dictionary, is: &Dictionary) -> Result<(), PdfError> {
        let form = self.around.form;
        // Default resources matter to fields that are drawn from them; a signature field is not.
        let drawn = form.fields.iter().any(|field| field.kind != b"Sig");
        let mut free = vec!["Fields", "SigFlags", "NeedAppearances", "DR", "XFA"];
        if was.get("XFA") != is.get("XFA") {
            // Readers that know XFA draw the form, or whole pages, from it.
            self.items.suspect("签名之后加入、改动或去掉了 XFA 表单", "an XFA form was put in, changed or taken out after signing");
        }
        if !drawn {
            free.push("DA");
        }
        let kept = if existed { self.alike_but(was, is, &free)? } else { only(is, &free) };
        if kept {
            self.claim_copies();
        } else {
            self.copies.take();
            self.items.doubt("签名之后改动了表单设置", "settings of the form were changed after signing");
        }
        let asks = |form: &Dictionary| form.get("NeedAppearances").and_then(Object::as_boolean) == Some(true);
        if asks(is) && !asks(was) && drawn {
            self.claim_redrawing()?;
        }
        if drawn {
            return self.claim_resources(was, is);
        }
        self.claim_parts(is.get("DR"));
        Ok(())
    }

    /// Readers are asked to draw fields anew from their values: what is shown then must be what was shown before.
    fn claim_redrawing(&mut self) -> Result<(), PdfError> {
        let form = self.around.form;
        for (at, field) in form.fields.iter().enumerate() {
            if matches!(field.kind.as_slice(), b"Tx" | b"Ch") {
                let shown = self.shown(at, true)?;
                self.weigh_shown(&field.name, shown);
            }
        }
        let (zh, en) = ("要求阅读器按域值重绘表单", "readers are asked to draw the form's fields from their values");
        self.items.permit(Level::Filling, zh, en);
        Ok(())
    }

    /// Default resources may gain fonts that every reader draws alike.
    fn claim_resources(&mut self, was: &Dictionary, is: &Dictionary) -> Result<(), PdfError> {
        let (before, now) = (self.old.dictionary(was, "DR")?.unwrap_or_default(), self.new.dictionary(is, "DR")?.unwrap_or_default());
        let (fonts, added) =
            (self.old.dictionary(&before, "Font")?.unwrap_or_default(), self.new.dictionary(&now, "Font")?.unwrap_or_default());
        let fresh: Vec<String> =
            added.iter().map(|(name, _)| String::from_utf8_lossy(name).into_owned()).filter(|name| fonts.get(name).is_none()).collect();
        let names: Vec<&str> = fresh.iter().map(String::as_str).collect();
        let mut fits = self.alike_but(&before, &now, &["Font", "Encoding", "ProcSet"])? && self.alike_but(&fonts, &added, &names)?;
        for name in &names {
            fits = fits && self.plain_font(self.new, &added, name)?;
        }
        if !fits {
            self.copies.take();
            self.items.doubt("签名之后改动了表单资源（字体等）", "resources of the form, such as fonts, were changed after signing");
        }
        self.claim_copies();
        for id in [is.reference("DR"), now.reference("Font")].into_iter().flatten() {
            self.claim(id, Role::Resources);
        }
        self.claim_parts(now.get("Encoding"));
        names.iter().for_each(|name| self.claim_parts(added.get(name)));
        Ok(())
    }

    /// A list of fields may only grow.
    fn claim_list(&mut self, old: &[Object], new: &[Object]) {
        let (kept, added) = super::annotations::merged(old, new);
        if kept.len() != old.len() {
            self.items.suspect("签名之后删去或调换了表单域", "form fields were removed or reordered after signing");
        }
        if added.iter().any(|item| item.as_reference().is_none_or(|id| !self.is_new(id))) {
            self.items.suspect("签名之后把原有对象加入了表单", "an object of the signed revision was put into the form");
        }
    }

    /// Every changed object that stands in the field tree.
    fn claim_fields(&mut self, form: &Dictionary) -> Result<(), PdfError> {
        let tree = self.around.form;
        let placed: Vec<(u32, Place)> =
            self.changes.keys().filter_map(|number| tree.places.get(number).map(|place| (*number, *place))).collect();
        let mut filled = std::collections::BTreeMap::new();
        for (number, place) in placed {
            let Some(change) = self.changes.get(&number).cloned() else { continue };
            let at = match place {
                Place::Group => {
                    let name = self.name_of(&change.new);
                    self.items.suspect(
                        format!("签名之后改动了表单域组 {name}（加入或删去了域）"),
                        format!("the group of form fields {name} was changed after signing: fields were added or removed"),
                    );
                    continue;
                }
                Place::Field(at) | Place::Widget(at) => at,
            };
            let Some(field) = tree.fields.get(at) else { continue };
            match (&change.old, field.kind.as_slice()) {
                (None, b"Sig") if matches!(place, Place::Field(_)) => self.claim_new_field(&change, field)?,
                (Some(_), b"Sig") if matches!(place, Place::Field(_)) => self.claim_old_field(&change, field)?,
                (_, b"Sig") => (),
                (Some(_), b"Tx" | b"Ch" | b"Btn") => {
                    filled.entry(at).or_insert_with(Vec::new).push(change);
                }
                (Some(_), _) => (),
                (None, _) => self.items.suspect(
                    format!("签名之后加入了表单域 {}", field.name),
                    format!("the form field {} was added after signing", field.name),
                ),
            }
        }
        // An appearance that was overwritten in place.
        let edges = &self.around.edges;
        let streams = self.changes.iter().filter(|(number, change)| change.old.is_some() && !tree.places.contains_key(number));
        for (number, _) in streams {
            for edge in edges.get(number).into_iter().flatten() {
                let Some(Place::Field(at) | Place::Widget(at)) = edge.from.and_then(|from| tree.places.get(&from)) else { continue };
                let drawn = tree.fields.get(*at).is_some_and(|field| field.kind != b"Sig");
                if drawn && matches!(edge.key.as_slice(), b"N" | b"AP") {
                    filled.entry(*at).or_insert_with(Vec::new);
                }
            }
        }
        for (at, changes) in filled {
            self.claim_filled(form, at, &changes)?;
        }
        Ok(())
    }

    fn name_of(&self, object: &Object) -> String {
        let text = object.as_dictionary().and_then(|dictionary| dictionary.get("T")).and_then(Object::as_text);
        super::naming::short(&text.map(|text| crate::doc::pdf::object::readable(&text.octets)).unwrap_or_default())
    }

    /// A signature field of the older revision: it may be signed if it was empty, else only be written again.
    fn claim_old_field(&mut self, change: &Change, field: &Field) -> Result<(), PdfError> {
        let (Some(Object::Dictionary(before)), Object::Dictionary(now)) = (&change.old, &change.new) else { return Ok(()) };
        if self.alike(&Object::Dictionary(before.clone()), &change.new)? {
            self.claim_copies();
            self.claim(change.id, Role::OldField);
            return Ok(());
        }
        self.copies.take();
        let signed = before.get("V").is_none() && now.get("V").is_some();
        if !signed || !before.same_but(now, &["V", "AP", "F", "M"]) || self.mentions(now, &["V", "AP"]) {
            return Ok(());
        }
        self.claim(change.id, Role::OldField);
        self.claim_parts(now.get("AP"));
        self.claim_widgets(now)?;
        self.claim_signature(field, now, false)
    }

    fn claim_new_field(&mut self, change: &Change, field: &Field) -> Result<(), PdfError> {
        let Object::Dictionary(new) = &change.new else { return Ok(()) };
        if new.is_ambiguous() || !only(new, FIELD_KEYS) {
            return Ok(());
        }
        // Two fields of one name are one field to a reader (section 12.7.4.2): the new one would speak for the old.
        if self.around.names.get(field.name.as_str()).is_some_and(|fields| *fields > 1) {
            self.items.suspect(
                format!("签名之后加入了与已有域同名的域 {}", field.name),
                format!("a field with the name of another, {}, was added after signing", field.name),
            );
            return Ok(());
        }
        self.claim(change.id, Role::NewField);
        self.claim_widgets(new)?;
        for (key, value) in new.iter() {
            if !matches!(key, b"P" | b"Parent" | b"Kids" | b"V") {
                self.claim_parts(Some(value));
            }
        }
        if new.get("V").is_some() {
            return self.claim_signature(field, new, true);
        }
        if self.is_visible(new)? {
            self.items.suspect(
                format!("签名之后加入的空签名域 {} 自带可见图样", field.name),
                format!("the empty signature field {}, added after signing, draws something on the page", field.name),
            );
        }
        self.items.permit(
            Level::Signing,
            format!("加入了空签名域 {}", field.name),
            format!("the empty signature field {} was added", field.name),
        );
        Ok(())
    }

    /// Whether a field, or a widget of it, draws something somewhere.
    fn is_visible(&self, field: &Dictionary) -> Result<bool, PdfError> {
        let draws = |widget: &Dictionary| -> Result<bool, PdfError> {
            let place = content_place(&self.new.value(widget, "Rect")?);
            let hidden = widget.integer("F").unwrap_or(0) & 0b10_0010 != 0;
            let paints = widget.get("AP").is_some() || widget.get("MK").is_some();
            Ok(paints && !hidden && place.is_none_or(|place| place.area() > 0.0))
        };
        if draws(field)? {
            return Ok(true);
        }
        if let Object::Array(kids) = self.new.value(field, "Kids")? {
            for kid in &kids {
                if let Object::Dictionary(kid) = self.new.resolve(kid)?
                    && draws(&kid)?
                {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// Separate widgets of a signature field: new ones, or old ones that only got an appearance.
    fn claim_widgets(&mut self, field: &Dictionary) -> Result<(), PdfError> {
        let Object::Array(kids) = self.new.value(field, "Kids")? else { return Ok(()) };
        for id in kids.iter().filter_map(Object::as_reference) {
            let Some(Change { old, new: Object::Dictionary(new), .. }) = self.changed(id).cloned() else { continue };
            let fits = match &old {
                None => only(&new, FIELD_KEYS) && !new.is_ambiguous(),
                Some(Object::Dictionary(old)) => old.same_but(&new, &["AP", "F", "M"]) && !self.mentions(&new, &["AP"]),
                Some(_) => false,
            };
            if fits {
                self.claim(id, if old.is_none() { Role::NewField } else { Role::OldField });
                self.claim_parts(new.get("AP"));
                self.claim_parts(new.get("MK"));
            }
        }
        Ok(())
    }

    fn claim_signature(&mut self, field: &Field, dictionary: &Dictionary, new: bool) -> Result<(), PdfError> {
        let Some(value) = dictionary.get("V") else { return Ok(()) };
        let Object::Dictionary(signature) = self.new.resolve(value)? else { return Ok(()) };
        if let Some(id) = value.as_reference()
            && self.is_new(id)
        {
            self.claim(id, Role::Signature);
        }
        for (key, value) in signature.iter() {
            if key != b"Contents" {
                self.claim_parts(Some(value));
            }
        }
        let name = super::naming::short(&field.name);
        if SubFilter::of(signature.name("SubFilter")) == SubFilter::TimeStamp {
            if self.is_visible(dictionary)? {
                self.items.suspect(
                    format!("签名之后加入的文档时间戳 {name} 带可见图样"),
                    format!("the document time-stamp {name}, added after signing, draws something on the page"),
                );
            }
            let (zh, en) = (format!("加入了文档时间戳 {name}"), format!("the document time-stamp {name} was added"));
            self.items.permit(Level::Preservation, zh, en);
            return Ok(());
        }
        let (zh, en) = (format!("加入了后续签名 {name}"), format!("the further signature {name} was added"));
        // A lock speaks of the fields that were there.
        if new {
            self.items.permit(Level::Signing, zh, en);
        } else {
            self.items.field(&field.name, Weight::Permitted(Level::Signing), zh, en);
        }
        Ok(())
    }
}
