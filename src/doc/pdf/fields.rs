//! The form's field tree (ISO 32000-2 section 12.7): every terminal field with what it inherits.

use super::document::Revision;
use super::input::PdfError;
use super::object::{Dictionary, Id, Object, readable};
use std::collections::{HashMap, HashSet};

/// How deep fields may nest.
const MAX_DEPTH: usize = 32;
/// How many fields a form may have.
const MAX_FIELDS: usize = 100_000;

/// A terminal field.
#[derive(Debug, Clone)]
pub struct Field {
    /// Fully qualified name (section 12.7.4.2).
    pub name: String,
    /// The field's own object, if it is one.
    pub id: Option<Id>,
    /// `Sig`, `Tx`, `Btn`, `Ch`; inherited.
    pub kind: Vec<u8>,
    /// The field's own dictionary.
    pub dictionary: Dictionary,
    /// Its value, inherited, unresolved.
    pub value: Option<Object>,
}

/// The form of a revision.
#[derive(Debug, Clone, Default)]
pub struct Form {
    /// The interactive form dictionary; empty if there is none.
    pub dictionary: Dictionary,
    /// Its own object, if it is one.
    pub id: Option<Id>,
    /// Terminal fields in order.
    pub fields: Vec<Field>,
    /// What each object of the field tree is, by object number.
    pub places: HashMap<u32, Place>,
}

/// The part that an object plays in the field tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A field that only holds other fields.
    Group,
    /// A terminal field; its position in [`Form::fields`].
    Field(usize),
    /// A widget of that field, with an object of its own.
    Widget(usize),
}

/// Reads the form of `revision`.
pub fn form(revision: Revision<'_, '_>) -> Result<Form, PdfError> {
    let catalog = revision.catalog()?;
    let Some(dictionary) = revision.dictionary(&catalog, "AcroForm")? else { return Ok(Form::default()) };
    let mut walk = Walk { revision, seen: HashSet::new(), fields: Vec::new(), places: HashMap::new() };
    if let Object::Array(roots) = revision.value(&dictionary, "Fields")? {
        for root in &roots {
            walk.field(root, &Inherited::default(), 0)?;
        }
    }
    Ok(Form { id: catalog.reference("AcroForm"), dictionary, fields: walk.fields, places: walk.places })
}

#[derive(Default, Clone)]
struct Inherited {
    name: String,
    kind: Option<Vec<u8>>,
    value: Option<Object>,
}

struct Walk<'d, 'a> {
    revision: Revision<'d, 'a>,
    seen: HashSet<Id>,
    fields: Vec<Field>,
    places: HashMap<u32, Place>,
}

impl Walk<'_, '_> {
    fn field(&mut self, node: &Object, above: &Inherited, depth: usize) -> Result<(), PdfError> {
        let id = node.as_reference();
        if depth > MAX_DEPTH || self.fields.len() >= MAX_FIELDS {
            return Err(PdfError::Work);
        }
        if id.is_some_and(|id| !self.seen.insert(id)) {
            return Err(PdfError::Structure(("同一表单域在域树中出现两次", "a form field stands twice in the field tree")));
        }
        let Object::Dictionary(dictionary) = self.revision.resolve(node)? else { return Ok(()) };
        let mut here = above.clone();
        if let Object::Text(part) = self.revision.value(&dictionary, "T")? {
            if !here.name.is_empty() {
                here.name.push('.');
            }
            here.name.push_str(&readable(&part.octets));
        }
        if let Object::Name(kind) = self.revision.value(&dictionary, "FT")? {
            here.kind = Some(kind);
        }
        if let Some(value) = dictionary.get("V") {
            here.value = Some(value.clone());
        }
        let kids = match self.revision.value(&dictionary, "Kids")? {
            Object::Array(kids) => kids,
            _ => Vec::new(),
        };
        // Kids without a partial name are widgets of this field (section 12.7.4.1).
        let mut children = Vec::new();
        for kid in &kids {
            if let Object::Dictionary(child) = self.revision.resolve(kid)?
                && child.get("T").is_some()
            {
                children.push(kid);
            }
        }
        if children.is_empty() {
            let at = self.fields.len();
            for widget in kids.iter().filter_map(Object::as_reference) {
                if self.places.len() > 4 * MAX_FIELDS {
                    return Err(PdfError::Work);
                }
                if self.places.insert(widget.number, Place::Widget(at)).is_some() {
                    return Err(PdfError::Structure(("同一控件属于两个表单域", "a widget belongs to two form fields")));
                }
            }
            if let Some(id) = id {
                self.places.insert(id.number, Place::Field(at));
            }
            let kind = here.kind.unwrap_or_default();
            self.fields.push(Field { name: here.name, id, kind, dictionary, value: here.value });
            return Ok(());
        }
        if let Some(id) = id {
            self.places.insert(id.number, Place::Group);
        }
        for child in children {
            self.field(child, &here, depth + 1)?;
        }
        Ok(())
    }
}
