//! The trust store of the command line: one file of anchors, each with its purposes and when it was imported.

use crate::{
    fault::{Fault, code},
    files::{self, Access},
    moment::Moment,
    pki::{Certificate, bundle},
    verify::{AnchorRow, Purpose, TrustAnchor},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// One anchor in the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// SHA-256 of the certificate.
    pub sha256: String,
    /// Its subject (RFC 4514).
    pub subject: String,
    /// What it is trusted for.
    pub purposes: Vec<Purpose>,
    /// When it was imported.
    pub added: Moment,
    /// The certificate, Base64 of DER.
    pub certificate: String,
    /// What is recorded of it, with dates.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<AnchorRow>,
}

/// The anchors of one file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrustStore {
    /// In the order of import.
    pub anchors: Vec<Entry>,
}

/// Where the store lies unless another place is named: `$XDG_DATA_HOME/xinyin/trust.json`, or below `~/.local/share`.
pub fn default_path() -> PathBuf {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let data = set("XDG_DATA_HOME").or_else(|| set("HOME").map(|home| home.join(".local/share")));
    data.unwrap_or_else(|| PathBuf::from("/var/lib")).join("xinyin/trust.json")
}

/// The certificates of files and folders. An error names the file that holds none.
pub fn certificates(paths: &[PathBuf]) -> Result<Vec<Certificate>, Fault> {
    let mut found = Vec::new();
    for path in paths {
        let listed = files::list(path).map_err(|error| unreadable(path, &error))?;
        let folder = listed.as_slice() != [path.clone()];
        for file in listed {
            let bytes = files::read(&file).map_err(|error| unreadable(&file, &error))?;
            match bundle::certificates(&bytes) {
                Ok(certificates) => found.extend(certificates),
                // A folder may hold notes beside the certificates.
                Err(_) if folder => {}
                Err(error) => {
                    let text = format!("{}: no certificate in it ({error}); PEM, DER or PKCS#7 is read", file.display());
                    return Err(Fault::new(code::FILE).detail(text));
                }
            }
        }
    }
    Ok(found)
}

pub(super) fn unreadable(path: &Path, error: &std::io::Error) -> Fault {
    Fault::new(code::FILE).detail(format!("{}: {error}", path.display()))
}

impl TrustStore {
    /// Reads the store; an absent one is empty.
    pub fn read(path: &Path) -> Result<Self, Fault> {
        let Some(bytes) = files::read_if_there(path).map_err(|error| unreadable(path, &error))? else {
            return Ok(Self::default());
        };
        serde_json::from_slice(&bytes)
            .map_err(|error| Fault::new(code::FILE).detail(format!("{}: not a trust store: {error}", path.display())))
    }

    /// Adds anchors; of one that is there already, purposes and rows are added. Returns how many certificates are new.
    pub fn add(&mut self, certificates: &[Certificate], purposes: &[Purpose], rows: &[AnchorRow], now: Moment) -> usize {
        let before = self.anchors.len();
        for certificate in certificates {
            let sha256 = hex::encode(certificate.fingerprint_sha256());
            if let Some(entry) = self.anchors.iter_mut().find(|entry| entry.sha256 == sha256) {
                entry.purposes.extend(purposes);
                entry.purposes.sort_unstable();
                entry.purposes.dedup();
                entry.rows.extend_from_slice(rows);
                entry.rows.sort();
                entry.rows.dedup();
                continue;
            }
            self.anchors.push(Entry {
                sha256,
                subject: certificate.subject().display(),
                purposes: purposes.to_vec(),
                added: now,
                certificate: BASE64_STANDARD.encode(certificate.der()),
                rows: rows.to_vec(),
            });
        }
        self.anchors.len() - before
    }

    /// Writes the store whole or not at all.
    pub fn write(&self, path: &Path) -> Result<(), Fault> {
        let mut text = serde_json::to_vec_pretty(self).map_err(|error| Fault::new(code::SYSTEM).because(error))?;
        text.push(b'\n');
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            files::folder(folder, Access::Public).map_err(|error| unreadable(folder, &error))?;
        }
        files::write_atomic(path, &text, Access::Public).map_err(|error| unreadable(path, &error))
    }

    /// The anchors for the judge. An entry whose certificate does not agree with its fingerprint is refused.
    pub fn anchors(&self) -> Result<Vec<TrustAnchor>, Fault> {
        let mut anchors = Vec::with_capacity(self.anchors.len());
        for entry in &self.anchors {
            let der = BASE64_STANDARD.decode(&entry.certificate).ok();
            let certificate = der.and_then(|der| Certificate::from_der(&der).ok());
            match certificate {
                Some(certificate) if hex::encode(certificate.fingerprint_sha256()) == entry.sha256 => {
                    anchors.push(TrustAnchor { certificate, purposes: entry.purposes.clone(), rows: entry.rows.clone() });
                }
                _ => return Err(Fault::new(code::FILE).detail(format!("the trust store's entry {} is damaged", entry.sha256))),
            }
        }
        Ok(anchors)
    }
}
