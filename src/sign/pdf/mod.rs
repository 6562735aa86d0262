//! A signature as an incremental update of a PDF (ISO 32000-2 sections 7.5.6 and 12.8): the original stays octet for octet.

mod mark;
mod page;
mod write;

pub use mark::Mark;

use super::{Refusal, Request};
use crate::crypto::{Hash, KeyKind};
use crate::doc::pdf::document::{Document, Revision};
use crate::doc::pdf::fields::form;
use crate::doc::pdf::mdp::permissions;
use crate::doc::pdf::object::{Dictionary, Id, Object, Text};
use crate::doc::source::ByteSource;
use std::ops::Range;
use write::Writer;

/// The octets to append, with a space for the SignedData.
#[derive(Debug, Clone)]
pub(super) struct Update {
    octets: Vec<u8>,
    /// The hexadecimal string of `/Contents` in `octets`, angle brackets included.
    gap: Range<usize>,
}

impl Update {
    /// Digest of the two ranges around the gap.
    pub(super) fn digest(&self, document: &dyn ByteSource, hash: Hash) -> Result<Vec<u8>, Refusal> {
        let mut hasher = hash.hasher();
        document.stream(0, document.len(), &mut |piece| hasher.update(piece))?;
        hasher.update(self.octets.get(..self.gap.start).unwrap_or_default());
        hasher.update(self.octets.get(self.gap.end..).unwrap_or_default());
        Ok(hasher.finish())
    }

    /// Puts the SignedData into its space.
    pub(super) fn fill(mut self, message: &[u8]) -> Result<Vec<u8>, Refusal> {
        let room = self.gap.len().saturating_sub(2);
        let digits = hex::encode(message);
        if digits.len() > room {
            return Err(Refusal::Timestamp("the time-stamp is larger than the space kept for it".into()));
        }
        let start = self.gap.start + 1;
        if let Some(space) = self.octets.get_mut(start..start + digits.len()) {
            space.copy_from_slice(digits.as_bytes());
        }
        Ok(self.octets)
    }
}

const fn no(zh: &'static str, en: &'static str) -> Refusal {
    Refusal::Document((zh, en))
}

/// Builds the update; `room` is how many octets the SignedData may take.
pub(super) fn prepare(document: &dyn ByteSource, request: &Request, nonce: &[u8; 16], room: usize) -> Result<Update, Refusal> {
    let pdf = Document::open(document)?;
    if pdf.encrypted() {
        return Err(no("加密的 PDF 不能签署", "an encrypted PDF cannot be signed"));
    }
    let latest = pdf.latest();
    let catalog = latest.catalog()?;
    if catalog.is_ambiguous() {
        return Err(no("PDF 目录中有重复的键", "a key stands twice in the document catalogue"));
    }
    forbid_closed(latest, &catalog)?;
    let form = form(latest)?;
    let name = free_name(&form.fields.iter().map(|field| field.name.as_str()).collect::<Vec<_>>());
    let number = request.mark.as_ref().map_or(1, |mark| mark.page);
    let (page_id, page) = page::find(latest, number)?;

    let last = document.slice(document.len().saturating_sub(1), 1)?;
    let mut writer = Writer::new(&pdf, document.len(), last.first().is_none_or(|octet| !matches!(octet, b'\n' | b'\r')))?;
    let signature_id = writer.fresh()?;
    let field_id = writer.fresh()?;
    let appearance = match &request.mark {
        Some(mark) => Some(mark.draw(&mut writer, request)?),
        None => None,
    };

    let gap = signature_dictionary(&mut writer, signature_id, request, room);
    let mut field = Dictionary::default();
    field.insert(b"Type".into(), Object::Name(b"Annot".into()));
    field.insert(b"Subtype".into(), Object::Name(b"Widget".into()));
    field.insert(b"FT".into(), Object::Name(b"Sig".into()));
    field.insert(b"T".into(), text(&name));
    field.insert(b"V".into(), Object::Reference(signature_id));
    field.insert(b"P".into(), Object::Reference(page_id));
    // Print and Locked (table 167).
    field.insert(b"F".into(), Object::Integer(132));
    field.insert(b"Rect".into(), Mark::rectangle(request.mark.as_ref()));
    if let Some(appearance) = appearance {
        let mut normal = Dictionary::default();
        normal.insert(b"N".into(), Object::Reference(appearance));
        field.insert(b"AP".into(), Object::Dictionary(normal));
    }
    writer.object(field_id, &Object::Dictionary(field));
    add_annotation(&mut writer, latest, page_id, page, field_id)?;
    add_field(&mut writer, latest, &catalog, field_id)?;
    writer.finish(&pdf, nonce)?;

    let (base, mut octets) = writer.into_octets();
    fill_ranges(&mut octets, base, &gap)?;
    Ok(Update { octets, gap })
}

/// A certification of level 1 permits no further signature (section 12.8.2.2); it would be broken.
fn forbid_closed(latest: Revision<'_, '_>, catalog: &Dictionary) -> Result<(), Refusal> {
    let Some(perms) = latest.dictionary(catalog, "Perms")? else { return Ok(()) };
    let Some(signature) = latest.dictionary(&perms, "DocMDP")? else { return Ok(()) };
    match permissions(latest, &signature)?.certification {
        Some(1) => Err(no("文件已由认证签名封闭，不允许再签", "the document is certified so that no further signature is allowed")),
        _ => Ok(()),
    }
}

/// `Signature1`, `Signature2`, …: the first that no field bears.
fn free_name(taken: &[&str]) -> String {
    let mut number = 1u64;
    loop {
        let name = format!("Signature{number}");
        if !taken.iter().any(|field| *field == name || field.strip_prefix(name.as_str()).is_some_and(|rest| rest.starts_with('.'))) {
            return name;
        }
        number += 1;
    }
}

/// `/ByteRange` is written with this many characters and filled in at the end.
const RANGE_WIDTH: usize = 64;

/// Writes the signature dictionary and returns where its empty `/Contents` stands in the writer's octets.
fn signature_dictionary(writer: &mut Writer, id: Id, request: &Request, room: usize) -> Range<usize> {
    let sm2 = request.certificate.public_key().is_ok_and(|key| key.kind() == KeyKind::Sm2);
    // EN 319 142-1 knows no GB/T 35275 messages; Chinese readers look for them under the PKCS#7 name.
    let sub_filter = if sm2 { "adbe.pkcs7.detached" } else { "ETSI.CAdES.detached" };
    writer.begin(id);
    writer.raw(format!("<</Type/Sig/Filter/Adobe.PPKLite/SubFilter/{sub_filter}").as_bytes());
    let stated = request.at.date_time();
    let form = time::macros::format_description!("D:[year][month][day][hour][minute][second]Z");
    writer.raw(b"/M(");
    writer.raw(stated.format(form).unwrap_or_default().as_bytes());
    writer.raw(b")");
    for (key, value) in [("/Reason", &request.reason), ("/Location", &request.place)] {
        if let Some(value) = value {
            writer.raw(key.as_bytes());
            writer.value(&text(value));
        }
    }
    writer.raw(b"/ByteRange ");
    writer.raw(&[b' '; RANGE_WIDTH]);
    writer.raw(b"/Contents ");
    let start = writer.written();
    writer.raw(b"<");
    writer.raw("0".repeat(room * 2).as_bytes());
    writer.raw(b">");
    let gap = start..writer.written();
    writer.raw(b">>");
    writer.end();
    gap
}

fn fill_ranges(octets: &mut [u8], base: u64, gap: &Range<usize>) -> Result<(), Refusal> {
    let first = base + gap.start as u64;
    let second = base + gap.end as u64;
    let rest = (octets.len() - gap.end) as u64;
    let text = format!("[0 {first} {second} {rest}]");
    let start = gap.start.checked_sub(b"/Contents ".len() + RANGE_WIDTH);
    let space = start.and_then(|start| octets.get_mut(start..start + text.len())).filter(|_| text.len() <= RANGE_WIDTH);
    space.ok_or(no("文件过大", "the document is too large"))?.copy_from_slice(text.as_bytes());
    Ok(())
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

/// Puts the field at the end of the form's fields; makes a form where there is none.
fn add_field(writer: &mut Writer, latest: Revision<'_, '_>, catalog: &Dictionary, field: Id) -> Result<(), Refusal> {
    let root = latest.trailer().and_then(|trailer| trailer.reference("Root"));
    let root = root.ok_or(no("PDF 没有目录", "the PDF has no catalogue"))?;
    let mut form = latest.dictionary(catalog, "AcroForm")?.unwrap_or_default();
    if form.is_ambiguous() {
        return Err(no("表单字典中有重复的键", "a key stands twice in the form dictionary"));
    }
    let mut list = match latest.value(&form, "Fields")? {
        Object::Array(items) => items,
        Object::Null => Vec::new(),
        _ => return Err(no("表单的域列表无效", "the form's list of fields is no list")),
    };
    list.push(Object::Reference(field));
    let flags = latest.value(&form, "SigFlags")?.as_integer().unwrap_or(0);
    // SignaturesExist and AppendOnly (table 225).
    let changed_flags = flags & 3 != 3;
    form.replace("SigFlags", Object::Integer(flags | 3));
    let array = form.reference("Fields");
    match array {
        Some(array) => writer.object(array, &Object::Array(list)),
        None => form.replace("Fields", Object::Array(list)),
    }
    if array.is_some() && !changed_flags {
        return Ok(());
    }
    match catalog.reference("AcroForm") {
        Some(id) => writer.object(id, &Object::Dictionary(form)),
        None => {
            let mut catalog = catalog.clone();
            catalog.replace("AcroForm", Object::Dictionary(form));
            writer.object(root, &Object::Dictionary(catalog));
        }
    }
    Ok(())
}

/// A text string (section 7.9.2.2): ASCII as it is, anything else in UTF-16BE with its mark.
fn text(text: &str) -> Object {
    let octets = if text.is_ascii() {
        text.as_bytes().to_vec()
    } else {
        [0xfe, 0xff].into_iter().chain(text.encode_utf16().flat_map(u16::to_be_bytes)).collect()
    };
    Object::Text(Text { octets, hexadecimal: !text.is_ascii(), span: (0, 0) })
}
