//! The signature dictionary: how it is encoded, what it permits and locks, where its value goes (section 12.8.1).

use super::field::Target;
use super::write::Writer;
use super::{no, text};
use crate::crypto::KeyKind;
use crate::doc::pdf::document::Revision;
use crate::doc::pdf::fields::Form;
use crate::doc::pdf::mdp::{Lock, lock};
use crate::doc::pdf::object::{Dictionary, Id, Object};
use crate::sign::{Format, Refusal, Request};
use std::ops::Range;

/// `/ByteRange` is written with this many characters and filled in at the end.
const RANGE_WIDTH: usize = 64;

/// What request and field together ask for.
pub(super) struct Terms {
    filter: &'static str,
    sub_filter: &'static str,
    /// Level of a certification.
    pub(super) certify: Option<u8>,
    lock: Option<Lock>,
}

/// Settles how to sign: the request, and what the field demands by seed values and lock. What is demanded and not met here is
/// found by the rehearsal.
pub(super) fn terms(latest: Revision<'_, '_>, form: &Form, target: &Target, request: &Request) -> Result<Terms, Refusal> {
    let sm2 = request.certificate.public_key().is_ok_and(|key| key.kind() == KeyKind::Sm2);
    // EN 319 142-1 knows no GB/T 35275 messages; Chinese readers look for them under the PKCS#7 name.
    // SES_Signature has no name in ISO 32000; those of the vendor that brought it up are what readers look for.
    let (filter, mut sub_filter) = match request.format {
        Format::Ses => ("Gomain.GMPkiLite", "GM.sm2seal"),
        _ if sm2 => ("Adobe.PPKLite", "adbe.pkcs7.detached"),
        _ => ("Adobe.PPKLite", "ETSI.CAdES.detached"),
    };
    let (mut certify, mut locked) = (request.certify, request.lock.clone());
    if let Some(field) = target.dictionary() {
        if let Some(own) = latest.dictionary(field, "Lock")? {
            let own = lock(latest, &own)?.ok_or(no("签名域的锁定设置无效", "the lock of the signature field is malformed"))?;
            if locked.replace(own).is_some() {
                return Err(Refusal::Request("the field has a lock of its own; leave --lock away"));
            }
        }
        let demands = latest.dictionary(field, "SV")?.unwrap_or_default();
        let wanted = match latest.value(&demands, "SubFilter")? {
            Object::Array(names) => names,
            _ => Vec::new(),
        };
        let demanded = demands.integer("Ff").unwrap_or(0) & 2 != 0;
        let pkcs7 = |name: &Object| name.as_name() == Some(b"adbe.pkcs7.detached");
        if demanded
            && request.format != Format::Ses
            && wanted.iter().any(pkcs7)
            && !wanted.iter().any(|name| name.as_name() == Some(sub_filter.as_bytes()))
        {
            sub_filter = "adbe.pkcs7.detached";
        }
        if let Some(mdp) = latest.dictionary(&demands, "MDP")?
            && certify.is_none()
        {
            certify = mdp.integer("P").and_then(|level| u8::try_from(level).ok()).filter(|level| (1..=3).contains(level));
        }
    }
    // Section 12.8.2.2.1: a certification is the first signature of a document.
    if certify.is_some() && form.fields.iter().any(|field| field.kind == b"Sig" && field.value.is_some()) {
        return Err(no("文件已有签名，不能再作认证签名", "the document is signed already; only its first signature can certify it"));
    }
    Ok(Terms { filter, sub_filter, certify, lock: locked })
}

/// Writes the signature dictionary and returns where its empty `/Contents` stands in the writer's octets.
pub(super) fn signature(writer: &mut Writer, id: Id, request: &Request, terms: &Terms, root: Id, room: usize) -> Range<usize> {
    writer.begin(id);
    writer.raw(format!("<</Type/Sig/Filter/{}/SubFilter/{}", terms.filter, terms.sub_filter).as_bytes());
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
    let references: Vec<Object> = [
        terms.certify.map(|level| reference("DocMDP", [("P", Object::Integer(level.into()))], None)),
        terms.lock.as_ref().map(|lock| reference("FieldMDP", parameters(lock), Some(root))),
    ]
    .into_iter()
    .flatten()
    .collect();
    if !references.is_empty() {
        writer.raw(b"/Reference");
        writer.value(&Object::Array(references));
    }
    contents(writer, room)
}

/// Writes the dictionary of a document time-stamp (section 12.8.5, EN 319 142-1 section 5.4.3).
pub(super) fn timestamp(writer: &mut Writer, id: Id, room: usize) -> Range<usize> {
    writer.begin(id);
    writer.raw(b"<</Type/DocTimeStamp/Filter/Adobe.PPKLite/SubFilter/ETSI.RFC3161");
    contents(writer, room)
}

fn contents(writer: &mut Writer, room: usize) -> Range<usize> {
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

fn name(name: &str) -> Object {
    Object::Name(name.into())
}

/// A signature reference dictionary (table 256).
fn reference(method: &str, parameters: impl IntoIterator<Item = (&'static str, Object)>, data: Option<Id>) -> Object {
    let mut own = Dictionary::default();
    own.insert(b"Type".into(), name("TransformParams"));
    own.insert(b"V".into(), name("1.2"));
    parameters.into_iter().for_each(|(key, value)| own.insert(key.into(), value));
    let mut reference = Dictionary::default();
    reference.insert(b"Type".into(), name("SigRef"));
    reference.insert(b"TransformMethod".into(), name(method));
    reference.insert(b"TransformParams".into(), Object::Dictionary(own));
    if let Some(data) = data {
        reference.insert(b"Data".into(), Object::Reference(data));
    }
    Object::Dictionary(reference)
}

/// `Action` and `Fields` of a lock (tables 236 and 259).
pub(super) fn parameters(lock: &Lock) -> Vec<(&'static str, Object)> {
    let names = |list: &[String]| Object::Array(list.iter().map(|name| text(name)).collect());
    match lock {
        Lock::All => vec![("Action", name("All"))],
        Lock::Include(list) => vec![("Action", name("Include")), ("Fields", names(list))],
        Lock::Exclude(list) => vec![("Action", name("Exclude")), ("Fields", names(list))],
    }
}

/// Writes the two ranges around the gap into their space.
pub(super) fn fill_ranges(octets: &mut [u8], base: u64, gap: &Range<usize>) -> Result<(), Refusal> {
    let first = base + gap.start as u64;
    let second = base + gap.end as u64;
    let rest = (octets.len() - gap.end) as u64;
    let text = format!("[0 {first} {second} {rest}]");
    let start = gap.start.checked_sub(b"/Contents ".len() + RANGE_WIDTH);
    let space = start.and_then(|start| octets.get_mut(start..start + text.len())).filter(|_| text.len() <= RANGE_WIDTH);
    space.ok_or(no("文件过大", "the document is too large"))?.copy_from_slice(text.as_bytes());
    Ok(())
}
