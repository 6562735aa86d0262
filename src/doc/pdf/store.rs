//! The document security store: certificates, CRLs and OCSP responses kept in the file (ISO 32000-2 section 12.8.4.3).

use super::document::Revision;
use super::input::PdfError;
use super::object::{Dictionary, Object};
use crate::crypto::Hash;
use crate::doc::facts::Id;

/// How many items are read.
const MAX_ITEMS: usize = 2_000;

/// Validation material, DER.
#[derive(Debug, Clone, Default)]
pub struct SecurityStore {
    /// Whether there is a store at all.
    pub present: bool,
    /// Certificates.
    pub certificates: Vec<Vec<u8>>,
    /// CRLs.
    pub crls: Vec<Vec<u8>>,
    /// OCSP responses.
    pub ocsps: Vec<Vec<u8>>,
}

impl SecurityStore {
    /// SHA-256 of everything in it.
    pub fn ids(&self) -> Vec<Id> {
        let all = self.certificates.iter().chain(&self.crls).chain(&self.ocsps);
        all.map(|der| Hash::Sha256.digest(der).try_into().unwrap_or_default()).collect()
    }
}

/// Reads the store of `revision`, with what its VRI entries name besides.
pub fn security_store(revision: Revision<'_, '_>) -> Result<SecurityStore, PdfError> {
    let mut store = SecurityStore::default();
    let Some(dss) = revision.dictionary(&revision.catalog()?, "DSS")? else { return Ok(store) };
    store.present = true;
    collect(revision, &dss, ["Certs", "CRLs", "OCSPs"], &mut store)?;
    if let Some(entries) = revision.dictionary(&dss, "VRI")? {
        for (_, entry) in entries.iter() {
            if let Object::Dictionary(entry) = revision.resolve(entry)? {
                collect(revision, &entry, ["Cert", "CRL", "OCSP"], &mut store)?;
            }
        }
    }
    for list in [&mut store.certificates, &mut store.crls, &mut store.ocsps] {
        list.sort();
        list.dedup();
    }
    Ok(store)
}

fn collect(revision: Revision<'_, '_>, from: &Dictionary, keys: [&str; 3], store: &mut SecurityStore) -> Result<(), PdfError> {
    for (key, list) in keys.into_iter().zip([&mut store.certificates, &mut store.crls, &mut store.ocsps]) {
        let Object::Array(items) = revision.value(from, key)? else { continue };
        for item in &items {
            if list.len() >= MAX_ITEMS {
                return Err(PdfError::Work);
            }
            if let Object::Stream(stream) = revision.resolve(item)? {
                list.push(revision.decoded(&stream)?);
            }
        }
    }
    Ok(())
}
