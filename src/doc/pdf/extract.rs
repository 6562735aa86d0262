//! The signed revision of a file: the octets that stood there when a signature was made.

use super::document::Document;
use super::fields::form;
use super::input::PdfError;
use super::signature::signature;
use crate::doc::source::ByteSource;

/// Why there is no signed revision to write.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExtractError {
    /// The file is no PDF that can be read.
    #[error("the file cannot be read as a PDF: {0}")]
    Unreadable(PdfError),
    /// No signature is called that; those that are there.
    #[error("no signature is called {wanted:?}; there are: {}", .found.join(", "))]
    Missing {
        /// The name asked for.
        wanted: String,
        /// The names in the file.
        found: Vec<String>,
    },
    /// The signature covers no revision of the file.
    #[error("the signature {0:?} does not cover a whole revision of the file")]
    Partial(String),
    /// The signature cannot be read.
    #[error("the signature {0:?} cannot be read: {1}")]
    Broken(String, PdfError),
}

/// How many octets from the start of the file are the revision that the signature called `id` covers. `id` is that of a verdict:
/// the field's name, for a further signer with `#2` after it.
pub fn signed_length(source: &dyn ByteSource, id: &str) -> Result<u64, ExtractError> {
    let document = Document::open(source).map_err(ExtractError::Unreadable)?;
    let latest = document.latest();
    let form = form(latest).map_err(ExtractError::Unreadable)?;
    let signed = form.fields.iter().filter(|field| field.kind == b"Sig" && field.value.is_some());
    let fields: Vec<_> = signed.collect();
    let plain = id.rsplit_once('#').filter(|(_, number)| number.parse::<u32>().is_ok_and(|number| number > 1)).map(|(name, _)| name);
    let called = |name: &str| fields.iter().find(|field| field.name == name);
    let Some(field) = called(id).or_else(|| plain.and_then(called)) else {
        let found = fields.iter().take(100).map(|field| field.name.clone()).collect();
        return Err(ExtractError::Missing { wanted: id.into(), found });
    };
    let Some(value) = &field.value else { return Err(ExtractError::Partial(id.into())) };
    let signature = signature(latest, value).map_err(|error| ExtractError::Broken(id.into(), error))?;
    let end = signature.ranges[1].end;
    let whole = end == source.len() || document.revision_ending_at(end).is_some();
    if whole { Ok(end) } else { Err(ExtractError::Partial(id.into())) }
}
