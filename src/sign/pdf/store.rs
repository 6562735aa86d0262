//! The document security store (ISO 32000-2 section 12.8.4.3): certificates, CRLs and OCSP responses, and which signature they
//! belong to.

use super::write::Writer;
use super::{Root, no};
use crate::crypto::Hash;
use crate::doc::pdf::document::Revision;
use crate::doc::pdf::fields::form;
use crate::doc::pdf::object::{Dictionary, Id, Object};
use crate::doc::pdf::signature::signature;
use crate::pki::build::additions::whole_response;
use crate::sign::{Material, Refusal};
use std::collections::{BTreeMap, HashMap};

/// Keys of the store and of its entries for single signatures, in the order of [`lists`].
const KEYS: [(&str, &str); 3] = [("Certs", "Cert"), ("CRLs", "CRL"), ("OCSPs", "OCSP")];

/// Adds the material of each signature, named by its field, to the store. False if nothing was missing.
pub(super) fn add(
    writer: &mut Writer,
    latest: Revision<'_, '_>,
    root: &mut Root,
    material: &[(String, Material)],
) -> Result<bool, Refusal> {
    let mut store = latest.dictionary(&root.dictionary, "DSS")?.unwrap_or_default();
    let mut entries = latest.dictionary(&store, "VRI")?.unwrap_or_default();
    if store.is_ambiguous() || entries.is_ambiguous() {
        return Err(no("验证资料（DSS）中有重复的键", "a key stands twice in the document security store"));
    }
    let keys = vri_keys(latest)?;
    let mut changed = false;
    for (kind, (list_key, entry_key)) in KEYS.iter().enumerate() {
        let mut list = array(latest, &store, list_key)?;
        let mut known: HashMap<Vec<u8>, Id> = HashMap::new();
        for item in &list {
            if let (Some(id), Object::Stream(stream)) = (item.as_reference(), latest.resolve(item)?) {
                known.insert(latest.decoded(&stream)?, id);
            }
        }
        let before = list.len();
        for (field, material) in material {
            let mut used = Vec::new();
            for octets in lists(material, kind) {
                let id = match known.get(&octets) {
                    Some(id) => *id,
                    None => {
                        let id = writer.fresh()?;
                        writer.stream(id, Dictionary::default(), &octets);
                        list.push(Object::Reference(id));
                        known.insert(octets, id);
                        id
                    }
                };
                used.push(Object::Reference(id));
            }
            let Some(key) = keys.get(field).filter(|_| !used.is_empty()) else { continue };
            let mut entry = latest.dictionary(&entries, key)?.unwrap_or_default();
            // Written by this call already, or standing in the file.
            if let Some(Object::Dictionary(written)) = entries.get(key) {
                entry = written.clone();
            }
            let mut named = array(latest, &entry, entry_key)?;
            let more: Vec<Object> = used.into_iter().filter(|item| !named.contains(item)).collect();
            if !more.is_empty() {
                named.extend(more);
                entry.replace(entry_key, Object::Array(named));
                entries.replace(key, Object::Dictionary(entry));
                changed = true;
            }
        }
        if list.len() > before {
            store.replace(list_key, Object::Array(list));
            changed = true;
        }
    }
    if !changed {
        return Ok(false);
    }
    store.replace("Type", Object::Name(b"DSS".into()));
    store.replace("VRI", Object::Dictionary(entries));
    match root.dictionary.reference("DSS") {
        Some(id) => writer.object(id, &Object::Dictionary(store)),
        None => {
            let id = writer.fresh()?;
            writer.object(id, &Object::Dictionary(store));
            root.set("DSS", Object::Reference(id));
        }
    }
    Ok(true)
}

fn lists(material: &Material, kind: usize) -> Vec<Vec<u8>> {
    match kind {
        0 => material.certificates.clone(),
        1 => material.crls.clone(),
        _ => material.ocsps.iter().map(|response| whole_response(response)).collect(),
    }
}

fn array(latest: Revision<'_, '_>, dictionary: &Dictionary, key: &str) -> Result<Vec<Object>, Refusal> {
    match latest.value(dictionary, key)? {
        Object::Array(items) => Ok(items),
        Object::Null => Ok(Vec::new()),
        _ => Err(no("验证资料（DSS）的结构不合规范", "the document security store is malformed")),
    }
}

/// The name of each signature's entry: SHA-1 of the octets of its `/Contents`, in capitals (table 263).
fn vri_keys(latest: Revision<'_, '_>) -> Result<BTreeMap<String, String>, Refusal> {
    let mut keys = BTreeMap::new();
    for field in form(latest)?.fields.iter().filter(|field| field.kind == b"Sig") {
        if let Some(value) = &field.value
            && let Ok(signature) = signature(latest, value)
        {
            keys.insert(field.name.clone(), hex::encode_upper(Hash::Sha1.digest(&signature.contents)));
        }
    }
    Ok(keys)
}
