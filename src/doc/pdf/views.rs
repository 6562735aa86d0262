//! What lets one reader show something else than another, although nothing was changed: forms in XFA and layers.

use super::document::Revision;
use super::input::PdfError;
use super::object::Object;
use crate::doc::facts::Problem;

/// Notes on a document that bears signatures.
pub(super) fn notes(revision: Revision<'_, '_>) -> Result<Vec<Problem>, PdfError> {
    let catalog = revision.catalog()?;
    let form = revision.dictionary(&catalog, "AcroForm")?.unwrap_or_default();
    let mut notes = Vec::new();
    let rendered = matches!(revision.value(&catalog, "NeedsRendering")?, Object::Boolean(true));
    if form.get("XFA").is_some() {
        // ISO 32000-1 section 12.7.8, annex K: a dynamic form is drawn from its XFA alone, and the pages say "please wait". Most readers
        // know no XFA (ISO 32000-2 has dropped it).
        notes.push(if rendered {
            Problem::unsupported(
                "XFA_UNSUPPORTED",
                "页面由 XFA 动态表单绘出，未作判断",
                "its pages are drawn from a dynamic XFA form, which is not judged".to_owned(),
            )
        } else {
            Problem::notice("文件带有 XFA 表单；判断的是其页面", "the document carries an XFA form; what is judged are its pages")
        });
    }
    if catalog.get("OCProperties").is_some() {
        let en = "the document has layers: what is shown depends on those that the reader switches on";
        notes.push(Problem::notice("文件含有图层，显示的内容取决于阅读器打开了哪些图层", en));
    }
    Ok(notes)
}
