//! The field that takes a signature: a new one with its widget, or an empty one that stands in the form (section 12.7.5.5).

use super::dictionary::parameters;
use super::mark::Mark;
use super::page;
use super::write::Writer;
use super::{Root, no, text};
use crate::doc::pdf::document::Revision;
use crate::doc::pdf::fields::{Field, Form};
use crate::doc::pdf::object::{Dictionary, Id, Object};
use crate::sign::{Refusal, Request};

/// Where a signature goes.
pub(super) enum Target {
    /// A new field on this page.
    New { name: String, page: (Id, Dictionary) },
    /// An empty field of the form, with the widget that shows it.
    Existing { id: Id, dictionary: Dictionary, widget: (Id, Dictionary) },
}

/// The field that the request names, or a new one.
pub(super) fn target(latest: Revision<'_, '_>, form: &Form, request: &Request) -> Result<Target, Refusal> {
    let named = |name: &String| form.fields.iter().filter(|field| field.name == *name).collect::<Vec<_>>();
    match request.field.as_ref().map(|name| (name, named(name))) {
        Some((_, fields)) if !fields.is_empty() => existing(latest, &fields, request),
        Some((name, _)) => {
            let clash = |field: &Field| {
                let below = |one: &str, other: &str| one.strip_prefix(other).is_some_and(|rest| rest.starts_with('.'));
                below(&field.name, name) || below(name, &field.name)
            };
            if name.is_empty() || name.contains('.') || form.fields.iter().any(clash) {
                return Err(Refusal::Request("--field names a group of fields, or holds a point"));
            }
            Target::on_page(latest, name.clone(), request)
        }
        None => Target::on_page(latest, free_name(form), request),
    }
}

fn existing(latest: Revision<'_, '_>, fields: &[&Field], request: &Request) -> Result<Target, Refusal> {
    let [field] = fields else { return Err(no("表单中有两个同名的域", "two fields of the form have this name")) };
    let empty = field.kind == b"Sig" && field.value.is_none() && !field.dictionary.is_ambiguous();
    let Some(id) = field.id.filter(|_| empty) else {
        return Err(no("该域不是空的签名域", "the field is no empty signature field"));
    };
    if request.mark.is_some() {
        return Err(Refusal::Request("the field has its own place; leave --page and --rect away"));
    }
    // A field with one widget is usually one object with it (section 12.5.6.19).
    let widget = match latest.value(&field.dictionary, "Kids")? {
        Object::Array(kids) => match kids.first().and_then(Object::as_reference) {
            Some(kid) => match latest.object(kid)? {
                Object::Dictionary(widget) if !widget.is_ambiguous() => (kid, widget),
                _ => return Err(no("签名域的显示部分无效", "the widget of the signature field is malformed")),
            },
            None => (id, field.dictionary.clone()),
        },
        _ => (id, field.dictionary.clone()),
    };
    Ok(Target::Existing { id, dictionary: field.dictionary.clone(), widget })
}

impl Target {
    fn on_page(latest: Revision<'_, '_>, name: String, request: &Request) -> Result<Self, Refusal> {
        let page = page::find(latest, request.mark.as_ref().map_or(1, |mark| mark.page))?;
        Ok(Self::New { name, page })
    }

    /// A new field on the first page, to which nothing is drawn.
    pub(super) fn invisible(latest: Revision<'_, '_>, form: &Form) -> Result<Self, Refusal> {
        Ok(Self::New { name: free_name(form), page: page::find(latest, 1)? })
    }

    /// The field's own dictionary, if it stands there already.
    pub(super) const fn dictionary(&self) -> Option<&Dictionary> {
        match self {
            Self::New { .. } => None,
            Self::Existing { dictionary, .. } => Some(dictionary),
        }
    }

    /// Writes field, widget and what refers to them, for the signature `value`.
    pub(super) fn write(
        self,
        writer: &mut Writer,
        latest: Revision<'_, '_>,
        root: &mut Root,
        request: &Request,
        value: Id,
    ) -> Result<(), Refusal> {
        match self {
            Self::New { name, page } => {
                // A picture without a place for it gets the usual one.
                let usual = request.picture.is_some().then(Mark::usual);
                let mark = request.mark.as_ref().or(usual.as_ref());
                let appearance = mark.map(|mark| mark.draw(writer, request)).transpose()?;
                let mut field = new_field(&name, page.0, value, mark, appearance);
                if let Some(lock) = &request.lock {
                    let mut own = Dictionary::default();
                    own.insert(b"Type".into(), Object::Name(b"SigFieldLock".into()));
                    parameters(lock).into_iter().for_each(|(key, value)| own.insert(key.into(), value));
                    field.insert(b"Lock".into(), Object::Dictionary(own));
                }
                add_new(writer, latest, root, page, field)
            }
            Self::Existing { id, mut dictionary, widget: (widget_id, mut widget) } => {
                let appearance = match place(latest, &widget)? {
                    Some(mark) => Some(mark.draw(writer, request)?),
                    None => None,
                };
                let shown = if widget_id == id { &mut dictionary } else { &mut widget };
                if let Some(appearance) = appearance {
                    shown.replace("AP", normal(appearance));
                }
                dictionary.replace("V", Object::Reference(value));
                writer.object(id, &Object::Dictionary(dictionary));
                if widget_id != id {
                    writer.object(widget_id, &Object::Dictionary(widget));
                }
                update_form(writer, latest, root, None)
            }
        }
    }

    /// The same without anything to be seen.
    pub(super) fn write_plain(self, writer: &mut Writer, latest: Revision<'_, '_>, root: &mut Root, value: Id) -> Result<(), Refusal> {
        match self {
            Self::New { name, page } => {
                let field = new_field(&name, page.0, value, None, None);
                add_new(writer, latest, root, page, field)
            }
            Self::Existing { .. } => Err(no("该域已在表单中", "the field stands in the form already")),
        }
    }
}

/// The place of a widget that can be seen.
fn place(latest: Revision<'_, '_>, widget: &Dictionary) -> Result<Option<Mark>, Refusal> {
    let Object::Array(corners) = latest.value(widget, "Rect")? else { return Ok(None) };
    let numbers: Option<Vec<f64>> = corners.iter().map(Object::as_number).collect();
    let Some(&[left, bottom, right, top]) = numbers.as_deref() else { return Ok(None) };
    Ok(Mark::new(1, [left.min(right), bottom.min(top), left.max(right), bottom.max(top)]).ok())
}

fn normal(appearance: Id) -> Object {
    let mut normal = Dictionary::default();
    normal.insert(b"N".into(), Object::Reference(appearance));
    Object::Dictionary(normal)
}

fn new_field(name: &str, page: Id, value: Id, mark: Option<&Mark>, appearance: Option<Id>) -> Dictionary {
    let mut field = Dictionary::default();
    field.insert(b"Type".into(), Object::Name(b"Annot".into()));
    field.insert(b"Subtype".into(), Object::Name(b"Widget".into()));
    field.insert(b"FT".into(), Object::Name(b"Sig".into()));
    field.insert(b"T".into(), text(name));
    field.insert(b"V".into(), Object::Reference(value));
    field.insert(b"P".into(), Object::Reference(page));
    // Print and Locked (table 167).
    field.insert(b"F".into(), Object::Integer(132));
    field.insert(b"Rect".into(), Mark::rectangle(mark));
    if let Some(appearance) = appearance {
        field.insert(b"AP".into(), normal(appearance));
    }
    field
}

fn add_new(
    writer: &mut Writer,
    latest: Revision<'_, '_>,
    root: &mut Root,
    (page_id, page): (Id, Dictionary),
    field: Dictionary,
) -> Result<(), Refusal> {
    let id = writer.fresh()?;
    writer.object(id, &Object::Dictionary(field));
    add_annotation(writer, latest, page_id, page, id)?;
    update_form(writer, latest, root, Some(id))
}

/// `Signature1`, `Signature2`, …: the first that no field bears.
fn free_name(form: &Form) -> String {
    let mut number = 1u64;
    loop {
        let name = format!("Signature{number}");
        if !form
            .fields
            .iter()
            .any(|field| field.name.strip_prefix(name.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')))
        {
            return name;
        }
        number += 1;
    }
}

/// Puts the widget at the end of the page's annotations.
fn add_annotation(writer: &mut Writer, latest: Revision<'_, '_>, id: Id, mut page: Dictionary, widget: Id) -> Result<(), Refusal> {
    let mut list = match latest.value(&page, "Annots")? {
        Object::Array(items) => items,
        Object::Null => Vec::new(),
        _ => return Err(no("页面的注释列表无效", "the page's list of annotations is no list")),
    };
    list.push(Object::Reference(widget));
    match page.reference("Annots") {
        Some(array) => writer.object(array, &Object::Array(list)),
        None => {
            page.replace("Annots", Object::Array(list));
            writer.object(id, &Object::Dictionary(page));
        }
    }
    Ok(())
}

/// Puts a new field at the end of the form's fields and says that there are signatures; makes a form where there is none.
fn update_form(writer: &mut Writer, latest: Revision<'_, '_>, root: &mut Root, field: Option<Id>) -> Result<(), Refusal> {
    let mut form = latest.dictionary(&root.dictionary, "AcroForm")?.unwrap_or_default();
    if form.is_ambiguous() {
        return Err(no("表单字典中有重复的键", "a key stands twice in the form dictionary"));
    }
    let mut list = match latest.value(&form, "Fields")? {
        Object::Array(items) => items,
        Object::Null => Vec::new(),
        _ => return Err(no("表单的域列表无效", "the form's list of fields is no list")),
    };
    let flags = latest.value(&form, "SigFlags")?.as_integer().unwrap_or(0);
    // SignaturesExist and AppendOnly (table 225).
    let mut changed = flags & 3 != 3;
    form.replace("SigFlags", Object::Integer(flags | 3));
    if let Some(field) = field {
        list.push(Object::Reference(field));
        match form.reference("Fields") {
            Some(array) => writer.object(array, &Object::Array(list)),
            None => {
                form.replace("Fields", Object::Array(list));
                changed = true;
            }
        }
    }
    match root.dictionary.reference("AcroForm") {
        _ if !changed => (),
        Some(id) => writer.object(id, &Object::Dictionary(form)),
        None => root.set("AcroForm", Object::Dictionary(form)),
    }
    Ok(())
}
