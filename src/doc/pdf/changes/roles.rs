//! The role that a rule found for a changed object, and who may refer to an object in that role.

use super::edges::Edge;
use std::collections::HashMap;

/// What a changed object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The document catalogue.
    Catalog,
    /// The interactive form dictionary.
    Form,
    /// Its list of fields.
    FieldList,
    /// A field that stood in the signed revision: only its value and appearance changed.
    OldField,
    /// A new field, or a new widget of one.
    NewField,
    /// The dictionary of a new signature.
    Signature,
    /// The default resources of the form, or their list of fonts: fonts were added.
    Resources,
    /// A comment on a page, new or only its text changed.
    Annotation,
    /// A part of the structure tree: elements for new signature fields were added.
    Structure,
    /// A new object that repeats what stood elsewhere before.
    Copy,
    /// A page whose annotations alone changed.
    Page,
    /// A page's list of annotations.
    Annotations,
    /// The document security store or part of it.
    Store,
    /// The dictionary of extensions that the document announces.
    Extensions,
    /// The metadata stream of the document.
    Metadata,
    /// The document information dictionary.
    Information,
    /// A new object that only other new objects need.
    Part,
    /// An object stream or cross-reference stream.
    Container,
}

impl Role {
    /// Whether `edge` may lead to an object in this role.
    pub fn allows(self, edge: &Edge, roles: &HashMap<u32, Self>) -> bool {
        let key = edge.key.as_slice();
        let from = edge.from.and_then(|number| roles.get(&number)).copied();
        match self {
            Self::Catalog => (key == b"Root" && edge.from.is_none()) || key == b"Data",
            Self::Form => key == b"AcroForm",
            Self::FieldList => key == b"Fields",
            Self::OldField | Self::NewField => matches!(key, b"Fields" | b"Kids" | b"Annots" | b"Parent" | b"Obj" | b"CO"),
            Self::Resources => key == b"DR" || (key == b"Font" && (!edge.top && from == Some(Self::Form) || from == Some(Self::Resources))),
            Self::Annotation => matches!(key, b"Annots" | b"Popup" | b"Parent" | b"IRT"),
            Self::Structure => matches!(key, b"StructTreeRoot" | b"ParentTree" | b"K" | b"P" | b"Nums" | b"Kids"),
            Self::Copy => from.is_some(),
            Self::Signature => key == b"V" && edge.top && matches!(from, Some(Self::OldField | Self::NewField)),
            Self::Page => matches!(key, b"Kids" | b"P" | b"Pg" | b"Page" | b"D" | b"Dest" | b"Names" | b"OpenAction"),
            Self::Annotations => key == b"Annots",
            Self::Store => is_store_key(key) && (from == Some(Self::Store) || edge.top),
            Self::Extensions => key == b"Extensions" && edge.top,
            Self::Metadata => key == b"Metadata" && edge.top,
            Self::Information => key == b"Info" && edge.from.is_none(),
            Self::Part => match from {
                Some(Self::OldField | Self::Annotation) => key == b"AP" || !edge.top,
                Some(Self::NewField | Self::Signature | Self::Part) => true,
                Some(Self::Form) => key == b"DR" || !edge.top,
                Some(Self::Resources) => true,
                _ => false,
            },
            Self::Container => key == b"Extends",
        }
    }
}

/// Keys under which parts of a security store stand: its own, or the digest of a signature in its VRI dictionary. Nothing that
/// is shown stands under any of them as the type it must have here.
fn is_store_key(key: &[u8]) -> bool {
    matches!(key, b"DSS" | b"VRI" | b"Certs" | b"CRLs" | b"OCSPs" | b"Cert" | b"CRL" | b"OCSP")
        || (key.len() == 40 && key.iter().all(u8::is_ascii_hexdigit))
}
