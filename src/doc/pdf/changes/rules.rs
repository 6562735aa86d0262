//! The rules that claim changed objects: each knows one place in a document and what may change there.

use super::roles::Role;
use super::{Change, Comparison, Level};
use crate::doc::pdf::fields::{Field, form};
use crate::doc::pdf::input::PdfError;
use crate::doc::pdf::object::{Dictionary, Id, Object};
use crate::doc::pdf::signature::SubFilter;
use std::collections::HashSet;

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

/// Keys of a trailer or cross-reference stream that belong to each revision of its own (tables 15, 17 and 5).
const TRAILER_KEYS: &[&str] = &[
    "Size",
    "Prev",
    "Root",
    "Encrypt",
    "Info",
    "ID",
    "XRefStm",
    "Type",
    "Index",
    "W",
    "Length",
    "Filter",
    "DecodeParms",
    "DL",
    "F",
    "FFilter",
    "FDecodeParms",
    "DocChecksum",
];

impl Comparison<'_, '_, '_> {
    /// Runs every rule.
    pub(super) fn claim_all(&mut self) -> Result<(), PdfError> {
        self.claim_containers();
        self.claim_trailer()?;
        let (old, new) = (self.old.catalog()?, self.new.catalog()?);
        self.claim_catalog(&old, &new);
        self.claim_metadata(&new);
        self.claim_store(&old, &new)?;
        self.claim_form(&old, &new)?;
        self.claim_pages()
    }

    fn changed(&self, id: Id) -> Option<&Change> {
        self.changes.get(&id.number).filter(|change| change.id == id)
    }

    fn is_new(&self, id: Id) -> bool {
        self.changed(id).is_some_and(|change| change.old.is_none())
    }

    fn claim(&mut self, id: Id, role: Role) {
        if self.changes.contains_key(&id.number) {
            self.roles.entry(id.number).or_insert(role);
        }
    }

    /// New object streams and cross-reference streams.
    fn claim_containers(&mut self) {
        let is_container = |change: &Change| match &change.new {
            Object::Stream(stream) => matches!(stream.dictionary.name("Type"), Some(b"XRef" | b"ObjStm")),
            _ => false,
        };
        let found: Vec<Id> =
            self.changes.values().filter(|change| change.old.is_none() && is_container(change)).map(|change| change.id).collect();
        found.into_iter().for_each(|id| self.claim(id, Role::Container));
    }

    /// The trailer must keep its catalogue and encryption, and name nothing unheard of; the information dictionary may change its texts.
    fn claim_trailer(&mut self) -> Result<(), PdfError> {
        let (Some(old), Some(new)) = (self.old.trailer(), self.new.trailer()) else { return Ok(()) };
        if old.get("Root") != new.get("Root") {
            self.findings.suspect("签名之后换了文件目录", "the document catalogue was replaced after signing");
        }
        if old.get("Encrypt") != new.get("Encrypt") {
            self.findings.suspect("签名之后改了加密", "the encryption was changed after signing");
        }
        if !old.same_but(new, TRAILER_KEYS) {
            self.findings.doubt("签名之后文件尾增改了不认识的条目", "unknown entries of the trailer were changed after signing");
        }
        let Some(id) = new.reference("Info") else { return Ok(()) };
        let plain = |change: &Change| match &change.new {
            Object::Dictionary(info) => {
                info.iter().all(|(_, value)| matches!(value, Object::Text(_) | Object::Name(_) | Object::Boolean(_)))
            }
            _ => false,
        };
        if self.changed(id).is_some_and(|change| plain(change) && (change.old.is_none() || old.reference("Info") == Some(id))) {
            self.claim(id, Role::Information);
            self.findings.permit(Level::Preservation, "更新了文档信息", "the document information was updated");
        }
        Ok(())
    }

    /// The catalogue may gain a form, a security store, extensions, a later version and metadata.
    fn claim_catalog(&mut self, old: &Dictionary, new: &Dictionary) {
        let Some(id) = self.new.trailer().and_then(|trailer| trailer.reference("Root")) else { return };
        if self.changed(id).is_none() {
            return;
        }
        let free = ["AcroForm", "DSS", "Extensions", "Version", "Metadata"];
        if old.same_but(new, &free) {
            self.claim(id, Role::Catalog);
        } else {
            self.findings.suspect("签名之后改动了文件目录", "the document catalogue was changed after signing");
        }
        if let Some(extensions) = new.reference("Extensions")
            && (self.is_new(extensions) || old.reference("Extensions") == Some(extensions))
        {
            self.claim(extensions, Role::Extensions);
        }
    }

    fn claim_metadata(&mut self, new: &Dictionary) {
        let Some(id) = new.reference("Metadata") else { return };
        let is_metadata = |object: &Object| matches!(object, Object::Stream(stream) if stream.dictionary.name("Type") == Some(b"Metadata"));
        if self.changed(id).is_some_and(|change| is_metadata(&change.new) && change.old.as_ref().is_none_or(is_metadata)) {
            self.claim(id, Role::Metadata);
            self.findings.permit(Level::Preservation, "更新了元数据", "the metadata was updated");
        }
    }

    /// The security store: objects of its own tree only, and only those that were in it before or are new.
    fn claim_store(&mut self, old: &Dictionary, new: &Dictionary) -> Result<(), PdfError> {
        let Some(root) = new.get("DSS") else { return Ok(()) };
        let mut before = HashSet::new();
        if let Some(root) = old.get("DSS") {
            let mut todo = vec![root.clone()];
            while let Some(node) = todo.pop() {
                for id in references(&node) {
                    if before.insert(id) {
                        todo.push(self.old.object(id)?);
                    }
                }
            }
        }
        if !self.is_store(root)? {
            self.findings.suspect("验证资料（DSS）的结构不合规范", "the document security store is not built as the format demands");
            return Ok(());
        }
        let mut touched = old.get("DSS") != Some(root);
        let mut seen = HashSet::new();
        let mut todo = vec![root.clone()];
        while let Some(node) = todo.pop() {
            for id in references(&node) {
                if !seen.insert(id) {
                    continue;
                }
                match self.changed(id) {
                    None => todo.push(self.new.object(id)?),
                    Some(change) if change.old.is_none() || before.contains(&id) => {
                        todo.push(change.new.clone());
                        touched = true;
                    }
                    Some(_) => continue,
                }
                // An unchanged part of the store has the role too, so that it may refer to changed ones.
                self.roles.entry(id.number).or_insert(Role::Store);
            }
        }
        if touched {
            self.findings.permit(Level::Preservation, "加入了验证资料（DSS）", "validation material was added (DSS)");
        }
        Ok(())
    }

    /// Whether a security store has only the entries it may have, each of its own type (tables 262 and 263).
    fn is_store(&self, root: &Object) -> Result<bool, PdfError> {
        let Object::Dictionary(dss) = self.new.resolve(root)? else { return Ok(false) };
        if dss.is_ambiguous()
            || dss.has_null()
            || !only(&dss, &["Type", "VRI", "Certs", "OCSPs", "CRLs"])
            || !self.holds_streams(&dss, &["Certs", "OCSPs", "CRLs"])?
        {
            return Ok(false);
        }
        match self.new.value(&dss, "VRI")? {
            Object::Null => Ok(true),
            Object::Dictionary(entries) => {
                if entries.is_ambiguous() || entries.has_null() {
                    return Ok(false);
                }
                for (_, entry) in entries.iter() {
                    let Object::Dictionary(entry) = self.new.resolve(entry)? else { return Ok(false) };
                    let fits = only(&entry, &["Type", "Cert", "CRL", "OCSP", "TU"]);
                    if !fits || !self.holds_streams(&entry, &["Cert", "CRL", "OCSP"])? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// Whether each of these entries is missing or an array of streams.
    fn holds_streams(&self, dictionary: &Dictionary, keys: &[&str]) -> Result<bool, PdfError> {
        for key in keys {
            match self.new.value(dictionary, key)? {
                Object::Null => (),
                Object::Array(items) => {
                    for item in &items {
                        if !matches!(self.new.resolve(item)?, Object::Stream(_)) {
                            return Ok(false);
                        }
                    }
                }
                _ => return Ok(false),
            }
        }
        Ok(true)
    }

    /// The form may gain signature fields, and empty signature fields may be signed.
    fn claim_form(&mut self, old: &Dictionary, new: &Dictionary) -> Result<(), PdfError> {
        let before = form(self.old)?;
        let now = self.form;
        let (was, is) = (&before.dictionary, &now.dictionary);
        let existed = old.get("AcroForm").is_some();
        if existed && old.get("AcroForm").and_then(Object::as_reference) != new.get("AcroForm").and_then(Object::as_reference) {
            self.findings.doubt("签名之后换了表单字典", "the form dictionary was replaced after signing");
        }
        // Default resources matter to fields that are drawn from them; a signature field is not.
        let drawn = before.fields.iter().any(|field| field.kind != b"Sig");
        let mut free = vec!["Fields", "SigFlags"];
        if !drawn {
            free.extend(["DR", "DA"]);
        }
        let kept = if existed { was.same_but(is, &free) } else { only(is, &free) };
        if !kept {
            self.findings.doubt("签名之后改动了表单设置", "settings of the form were changed after signing");
        }
        if let Some(id) = now.id {
            self.claim(id, Role::Form);
        }
        if !drawn {
            self.claim_parts(is.get("DR"));
        } else if let Some(resources) = is.reference("DR").filter(|id| self.changed(*id).is_some()) {
            self.claim(resources, Role::Resources);
            self.findings.doubt("签名之后改动了表单资源", "resources of the form were changed after signing");
        }
        if let Some(list) = is.reference("Fields") {
            self.claim(list, Role::FieldList);
        }
        let roots = |revision: super::Revision<'_, '_>, form: &Dictionary| match revision.value(form, "Fields") {
            Ok(Object::Array(items)) => Ok(items),
            Ok(_) => Ok(Vec::new()),
            Err(error) => Err(error),
        };
        self.claim_list(&roots(self.old, was)?, &roots(self.new, is)?);
        for id in &before.groups {
            self.claim_group(*id);
        }
        for field in &now.fields {
            let earlier = before.fields.iter().find(|earlier| earlier.id.is_some() && earlier.id == field.id);
            match (earlier, field.id) {
                (Some(earlier), Some(id)) => self.claim_old_field(id, earlier, field)?,
                (None, Some(id)) if self.is_new(id) => self.claim_new_field(id, field)?,
                _ => (),
            }
        }
        Ok(())
    }

    /// A list of fields may only grow at its end.
    fn claim_list(&mut self, old: &[Object], new: &[Object]) {
        if !new.starts_with(old) {
            self.findings.suspect("签名之后删去或调换了表单域", "form fields were removed or reordered after signing");
        }
        let added = new.get(old.len()..).unwrap_or_default();
        if added.iter().any(|item| item.as_reference().is_none_or(|id| !self.is_new(id))) {
            self.findings.suspect("签名之后把原有对象加入了表单", "an object of the signed revision was put into the form");
        }
    }

    fn claim_group(&mut self, id: Id) {
        let Some(Change { old: Some(Object::Dictionary(old)), new: Object::Dictionary(new), .. }) = self.changed(id).cloned() else {
            return;
        };
        let kids = |group: &Dictionary| group.get("Kids").and_then(Object::as_array).map(<[Object]>::to_vec);
        if let (true, Some(before), Some(now)) = (old.same_but(&new, &["Kids"]), kids(&old), kids(&new)) {
            self.claim_list(&before, &now);
            self.claim(id, Role::OldField);
            self.findings.doubt("签名之后在原有表单域组里加了域", "a field was put into an existing group of fields after signing");
        }
    }

    fn claim_old_field(&mut self, id: Id, before: &Field, now: &Field) -> Result<(), PdfError> {
        if before.kind == b"Sig" && before.value.is_none() && now.value.is_some() {
            if !before.dictionary.same_but(&now.dictionary, &["V", "AP", "F", "M"]) || self.mentions(&now.dictionary, &["V", "AP"]) {
                return Ok(());
            }
            if self.permissions.locks.iter().any(|lock| lock.holds(&now.name)) {
                self.findings.suspect(
                    format!("签名锁定的域 {} 后来被填写", now.name),
                    format!("the field {} was filled although the signature locks it", now.name),
                );
            }
            self.claim(id, Role::OldField);
            self.claim_parts(now.dictionary.get("AP"));
            self.claim_widgets(&now.dictionary)?;
            return self.claim_signature(now);
        }
        if before.kind == b"Sig" || now.kind != before.kind {
            return Ok(());
        }
        // Filling in a form: recognised, and left open until values can be judged.
        let mut filled = self.changed(id).is_some();
        self.claim(id, Role::OldField);
        if let Object::Array(kids) = self.new.value(&now.dictionary, "Kids")? {
            for kid in kids.iter().filter_map(Object::as_reference) {
                let is_widget = |object: &Object| object.as_dictionary().is_some_and(|kid| kid.name("Subtype") == Some(b"Widget"));
                if self.changed(kid).is_some_and(|change| is_widget(&change.new) && change.old.as_ref().is_some_and(is_widget)) {
                    self.claim(kid, Role::OldField);
                    filled = true;
                }
            }
        }
        if filled {
            self.findings
                .doubt(format!("签名之后表单域 {} 有改动", now.name), format!("the form field {} was changed after signing", now.name));
        }
        Ok(())
    }

    fn claim_new_field(&mut self, id: Id, field: &Field) -> Result<(), PdfError> {
        let plain = |dictionary: &Dictionary| !dictionary.is_ambiguous() && only(dictionary, FIELD_KEYS);
        if field.kind != b"Sig" || !plain(&field.dictionary) {
            return Ok(());
        }
        self.claim(id, Role::NewField);
        self.claim_widgets(&field.dictionary)?;
        for (key, value) in field.dictionary.iter() {
            if !matches!(key, b"P" | b"Parent" | b"Kids" | b"V") {
                self.claim_parts(Some(value));
            }
        }
        if field.value.is_some() {
            return self.claim_signature(field);
        }
        self.findings.permit(
            Level::Signing,
            format!("加入了空签名域 {}", field.name),
            format!("the empty signature field {} was added", field.name),
        );
        Ok(())
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

    fn claim_signature(&mut self, field: &Field) -> Result<(), PdfError> {
        let Some(value) = &field.value else { return Ok(()) };
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
        let name = &field.name;
        if SubFilter::of(signature.name("SubFilter")) == SubFilter::TimeStamp {
            self.findings.permit(
                Level::Preservation,
                format!("加入了文档时间戳 {name}"),
                format!("the document time-stamp {name} was added"),
            );
        } else {
            self.findings.permit(Level::Signing, format!("加入了后续签名 {name}"), format!("the further signature {name} was added"));
        }
        Ok(())
    }

    /// New objects that a claimed one needs, and what they need.
    fn claim_parts(&mut self, from: Option<&Object>) {
        let mut todo: Vec<Object> = from.cloned().into_iter().collect();
        while let Some(node) = todo.pop() {
            for id in references(&node) {
                if self.is_new(id) && !self.roles.contains_key(&id.number) {
                    self.claim(id, Role::Part);
                    todo.extend(self.changed(id).map(|change| change.new.clone()));
                }
            }
        }
    }

    /// Pages may gain the widgets of new signature fields at the end of their annotations.
    fn claim_pages(&mut self) -> Result<(), PdfError> {
        let widgets: HashSet<u32> = self.roles.iter().filter(|(_, role)| **role == Role::NewField).map(|(number, _)| *number).collect();
        let mut pages: HashSet<Id> = HashSet::new();
        for number in &widgets {
            pages.extend(self.changes.get(number).and_then(|change| change.new.as_dictionary()).and_then(|widget| widget.reference("P")));
        }
        let is_page = |object: &Object| object.as_dictionary().is_some_and(|page| page.name("Type") == Some(b"Page"));
        pages.extend(self.changes.values().filter(|change| change.old.as_ref().is_some_and(is_page)).map(|change| change.id));
        for id in pages {
            let (Object::Dictionary(old), Object::Dictionary(new)) = (self.old.object(id)?, self.new.object(id)?) else { continue };
            if old.name("Type") != Some(b"Page") || !old.same_but(&new, &["Annots"]) {
                continue;
            }
            let list = |value: Object| if let Object::Array(items) = value { items } else { Vec::new() };
            let before = list(self.old.value(&old, "Annots")?);
            let now = list(self.new.value(&new, "Annots")?);
            let added = now.get(before.len()..).unwrap_or_default();
            let only_widgets = added.iter().all(|item| item.as_reference().is_some_and(|id| widgets.contains(&id.number)));
            if self.permissions.certification == Some(3) && !only_widgets && now.starts_with(&before) {
                self.claim(id, Role::Page);
                self.findings.doubt("认证签名之后加了批注", "annotations were added, which the certification permits");
            }
            if now.starts_with(&before) && only_widgets {
                self.claim(id, Role::Page);
                if let Some(list) = new.reference("Annots")
                    && (self.is_new(list) || old.reference("Annots") == Some(list))
                {
                    self.claim(list, Role::Annotations);
                }
                self.weigh_cover(&new, added)?;
            }
        }
        Ok(())
    }

    /// New signature marks may be seen, but not take the place of what was signed: together at most half of the page.
    fn weigh_cover(&mut self, page: &Dictionary, added: &[Object]) -> Result<(), PdfError> {
        let area = |rectangle: &[Object]| -> Option<f64> {
            let corners: Option<Vec<f64>> = rectangle.iter().map(Object::as_number).collect();
            let &[left, bottom, right, top] = corners?.as_slice() else { return None };
            Some((right - left).abs() * (top - bottom).abs())
        };
        let mut covered = Some(0.0);
        for item in added {
            let Object::Dictionary(widget) = self.new.resolve(item)? else { continue };
            let own = self.new.value(&widget, "Rect")?.as_array().and_then(area);
            covered = covered.zip(own).map(|(sum, own)| sum + own);
        }
        if covered == Some(0.0) {
            return Ok(());
        }
        let whole = self.media_box(page)?.as_array().and_then(area);
        let leaves_half = covered.zip(whole).is_some_and(|(covered, whole)| covered <= whole / 2.0);
        if !leaves_half {
            self.findings.doubt("后续签名的可见标记遮住了大半页面", "the marks of further signatures cover more than half of the page");
        }
        Ok(())
    }

    /// The page's own media box, or one it inherits.
    fn media_box(&self, page: &Dictionary) -> Result<Object, PdfError> {
        let mut node = page.clone();
        for _ in 0..32 {
            match self.new.value(&node, "MediaBox")? {
                Object::Null => (),
                found => return Ok(found),
            }
            let Object::Dictionary(parent) = self.new.value(&node, "Parent")? else { break };
            node = parent;
        }
        Ok(Object::Null)
    }

    /// Whether the dictionary refers to a changed object under other keys than `except`: then a reference that led nowhere when
    /// the document was signed leads somewhere now.
    fn mentions(&self, dictionary: &Dictionary, except: &[&str]) -> bool {
        let others = dictionary.iter().filter(|(key, _)| !except.iter().any(|name| name.as_bytes() == *key));
        others.flat_map(|(_, value)| references(value)).any(|id| self.is_new(id))
    }
}

/// Whether the dictionary has no other keys than these.
fn only(dictionary: &Dictionary, keys: &[&str]) -> bool {
    dictionary.iter().all(|(key, _)| keys.iter().any(|name| name.as_bytes() == key))
}

/// The references in a value, those in nested arrays and dictionaries included.
fn references(value: &Object) -> Vec<Id> {
    let mut found = Vec::new();
    let mut todo = vec![value];
    while let Some(object) = todo.pop() {
        match object {
            Object::Reference(id) => found.push(*id),
            Object::Array(items) => todo.extend(items),
            Object::Dictionary(dictionary) => todo.extend(dictionary.iter().map(|(_, value)| value)),
            Object::Stream(stream) => todo.extend(stream.dictionary.iter().map(|(_, value)| value)),
            _ => (),
        }
    }
    found
}
