//! A signature as an incremental update of a PDF (ISO 32000-2 sections 7.5.6 and 12.8): the original stays octet for octet.

mod dictionary;
mod field;
mod mark;
mod page;
mod store;
mod write;

pub use mark::Mark;

use super::{Material, Picture, Place, Refusal, Request, no};
use crate::crypto::Hash;
use crate::doc::pdf::document::{Document, Revision};
use crate::doc::pdf::fields::form;
use crate::doc::pdf::mdp::permissions;
use crate::doc::pdf::object::{Dictionary, Id, Object, Text};
use crate::doc::pdf::pages::pages;
use crate::doc::seal::Seal;
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

    /// What is signed, as `/ByteRange` names it.
    pub(super) fn ranges(&self) -> String {
        let before = self.octets.get(..self.gap.start).unwrap_or_default();
        let key = b"/ByteRange ";
        let at = before.windows(key.len()).rposition(|window| window == key).map_or(before.len(), |at| at + key.len());
        let text = before.get(at..).unwrap_or_default();
        let end = text.iter().position(|octet| *octet == b']').map_or(0, |end| end + 1);
        String::from_utf8_lossy(text.get(..end).unwrap_or_default()).into_owned()
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

/// Points in a millimetre.
const POINTS: f64 = 72.0 / 25.4;
/// Between the edge of a page and a seal in its corner, in points.
const MARGIN: f64 = 20.0 * POINTS;

/// The request with the seal's picture as its mark: where the request places it, or with its own size at the lower right of a page,
/// the last one if none is named, beside the marks that stand there already.
pub(super) fn sealed(document: &dyn ByteSource, request: &Request, seal: &Seal<'_>) -> Result<Request, Refusal> {
    if request.picture.is_some() {
        return Err(Refusal::Request("a seal brings its own picture; leave --image away"));
    }
    let mut request = Request { picture: Some(Picture::decode(seal.picture.data)?), ..request.clone() };
    let page = match request.places.as_slice() {
        [] => None,
        [Place::Corner { page }] => *page,
        _ => return Err(Refusal::Request("in a PDF a seal stands at --page and --rect, once")),
    };
    if request.mark.is_none() && request.field.is_none() {
        let pdf = open(document)?;
        let latest = pdf.latest();
        let last = pages(latest)?.count;
        let number = page.unwrap_or(last).max(1);
        let [_, bottom, right, _] = page::media_box(latest, number)?;
        let side = |length: u64| if (1..=500).contains(&length) { length as f64 * POINTS } else { 42.0 * POINTS };
        let (width, height) = (side(seal.picture.width), side(seal.picture.height));
        let corner = [right - MARGIN - width, bottom + MARGIN];
        let [left, bottom] = page::free_place(latest, number, corner, [width, height])?;
        request.mark = Some(Mark::new(number, [left, bottom, left + width, bottom + height])?);
    }
    Ok(request)
}

/// Builds the update that signs; `room` is how many octets the SignedData may take.
pub(super) fn prepare(document: &dyn ByteSource, request: &Request, nonce: &[u8; 16], room: usize) -> Result<Update, Refusal> {
    let pdf = open(document)?;
    let latest = pdf.latest();
    let mut root = Root::of(latest)?;
    forbid_closed(latest, &root.dictionary)?;
    let form = form(latest)?;
    let target = field::target(latest, &form, request)?;
    let terms = dictionary::terms(latest, &form, &target, request)?;
    let mut writer = writer(&pdf, document)?;
    let signature = writer.fresh()?;
    let gap = dictionary::signature(&mut writer, signature, request, &terms, root.id, room);
    if terms.certify.is_some() {
        root.certified_by(latest, signature)?;
    }
    target.write(&mut writer, latest, &mut root, request, signature)?;
    root.write(&mut writer);
    finish(writer, &pdf, nonce, gap)
}

/// Builds the update that bears a document time-stamp (section 12.8.5).
pub(super) fn timestamp(document: &dyn ByteSource, nonce: &[u8; 16], room: usize) -> Result<Update, Refusal> {
    let pdf = open(document)?;
    let latest = pdf.latest();
    let mut root = Root::of(latest)?;
    let target = field::Target::invisible(latest, &form(latest)?)?;
    let mut writer = writer(&pdf, document)?;
    let stamp = writer.fresh()?;
    let gap = dictionary::timestamp(&mut writer, stamp, room);
    target.write_plain(&mut writer, latest, &mut root, stamp)?;
    root.write(&mut writer);
    finish(writer, &pdf, nonce, gap)
}

/// Builds the update that adds validation material to the document security store; `None` if all of it stands there already.
pub(super) fn store(document: &dyn ByteSource, material: &[(String, Material)], nonce: &[u8; 16]) -> Result<Option<Vec<u8>>, Refusal> {
    let pdf = open(document)?;
    let mut root = Root::of(pdf.latest())?;
    let mut writer = writer(&pdf, document)?;
    if !store::add(&mut writer, pdf.latest(), &mut root, material)? {
        return Ok(None);
    }
    root.write(&mut writer);
    writer.finish(&pdf, nonce)?;
    Ok(Some(writer.into_octets().1))
}

fn open(document: &dyn ByteSource) -> Result<Document<'_>, Refusal> {
    let pdf = Document::open(document)?;
    if pdf.encrypted() {
        return Err(no("加密的 PDF 不能签署", "an encrypted PDF cannot be signed"));
    }
    Ok(pdf)
}

fn writer(pdf: &Document<'_>, document: &dyn ByteSource) -> Result<Writer, Refusal> {
    let last = document.slice(document.len().saturating_sub(1), 1)?;
    Writer::new(pdf, document.len(), last.first().is_none_or(|octet| !matches!(octet, b'\n' | b'\r')))
}

fn finish(mut writer: Writer, pdf: &Document<'_>, nonce: &[u8; 16], gap: Range<usize>) -> Result<Update, Refusal> {
    writer.finish(pdf, nonce)?;
    let (base, mut octets) = writer.into_octets();
    dictionary::fill_ranges(&mut octets, base, &gap)?;
    Ok(Update { octets, gap })
}

/// The document catalogue as the update leaves it.
struct Root {
    id: Id,
    dictionary: Dictionary,
    changed: bool,
}

impl Root {
    fn of(latest: Revision<'_, '_>) -> Result<Self, Refusal> {
        let id = latest.trailer().and_then(|trailer| trailer.reference("Root")).ok_or(no("PDF 没有目录", "the PDF has no catalogue"))?;
        let dictionary = latest.catalog()?;
        if dictionary.is_ambiguous() {
            return Err(no("PDF 目录中有重复的键", "a key stands twice in the document catalogue"));
        }
        Ok(Self { id, dictionary, changed: false })
    }

    fn set(&mut self, key: &str, value: Object) {
        self.dictionary.replace(key, value);
        self.changed = true;
    }

    /// Names the certification (section 12.8.6).
    fn certified_by(&mut self, latest: Revision<'_, '_>, signature: Id) -> Result<(), Refusal> {
        let mut perms = latest.dictionary(&self.dictionary, "Perms")?.unwrap_or_default();
        perms.replace("DocMDP", Object::Reference(signature));
        self.set("Perms", Object::Dictionary(perms));
        Ok(())
    }

    fn write(self, writer: &mut Writer) {
        if self.changed {
            writer.object(self.id, &Object::Dictionary(self.dictionary));
        }
    }
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

/// A text string (section 7.9.2.2): ASCII as it is, anything else in UTF-16BE with its mark.
fn text(text: &str) -> Object {
    let octets = if text.is_ascii() {
        text.as_bytes().to_vec()
    } else {
        [0xfe, 0xff].into_iter().chain(text.encode_utf16().flat_map(u16::to_be_bytes)).collect()
    };
    Object::Text(Text { octets, hexadecimal: !text.is_ascii(), span: (0, 0) })
}
