//! The lab's own folder: JSON files, keys and certificates; all private to their owner.

use crate::{
    files::{self, Access},
    keys::SoftKey,
    pki::Certificate,
};
use anyhow::Context as _;
use serde::{Serialize, de::DeserializeOwned};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

/// The folder given with `--data`, taken for this process alone.
#[derive(Debug, Clone)]
pub struct Folder {
    path: PathBuf,
    _claim: Arc<std::fs::File>,
}

impl Folder {
    /// Makes it, where it is missing.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let absolute = std::path::absolute(path).with_context(|| path.display().to_string())?;
        for part in ["", "keys", "certs", "p12"] {
            let part = absolute.join(part);
            files::folder(&part, Access::Private).with_context(|| format!("cannot make {}", part.display()))?;
        }
        let claim = files::claim(&absolute).with_context(|| format!("cannot lock {}", absolute.display()))?;
        let claim = claim.with_context(|| format!("another lab runs in {}", absolute.display()))?;
        Ok(Self { path: absolute, _claim: Arc::new(claim) })
    }

    /// The absolute path of a file in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// A JSON file; none where it is missing.
    pub fn load<T: DeserializeOwned>(&self, name: &str) -> anyhow::Result<Option<T>> {
        let path = self.path(name);
        let bytes = files::read_if_there(&path).with_context(|| format!("cannot read {}", path.display()))?;
        bytes.map(|bytes| serde_json::from_slice(&bytes).with_context(|| format!("{} is damaged", path.display()))).transpose()
    }

    /// Replaces a JSON file.
    pub fn save<T: Serialize>(&self, name: &str, value: &T) -> anyhow::Result<()> {
        self.write(name, &serde_json::to_vec_pretty(value)?)
    }

    /// Replaces a file.
    pub fn write(&self, name: &str, bytes: &[u8]) -> anyhow::Result<()> {
        let path = self.path(name);
        files::write_atomic(&path, bytes, Access::Private).with_context(|| format!("cannot write {}", path.display()))
    }

    /// The key `keys/NAME.pem`.
    pub fn key(&self, name: &str) -> anyhow::Result<SoftKey> {
        let path = self.path(&format!("keys/{name}.pem"));
        let pem = zeroize::Zeroizing::new(files::read(&path).with_context(|| format!("cannot read {}", path.display()))?);
        SoftKey::from_pkcs8_pem(&String::from_utf8_lossy(&pem)).with_context(|| path.display().to_string())
    }

    /// Keeps a key as `keys/NAME.pem`.
    pub fn save_key(&self, name: &str, key: &SoftKey) -> anyhow::Result<()> {
        self.write(&format!("keys/{name}.pem"), key.to_pkcs8_pem().as_bytes())
    }

    /// The certificate `certs/NAME.pem`.
    pub fn certificate(&self, name: &str) -> anyhow::Result<Certificate> {
        let path = self.path(&format!("certs/{name}.pem"));
        let pem = files::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        Certificate::from_pem_or_der(&pem).with_context(|| path.display().to_string())
    }

    /// Keeps certificates as `certs/NAME.pem`, in the given order.
    pub fn save_certificates(&self, name: &str, certificates: &[&Certificate]) -> anyhow::Result<()> {
        let pem: String = certificates.iter().map(|certificate| super::pem("CERTIFICATE", certificate.der())).collect();
        self.write(&format!("certs/{name}.pem"), pem.as_bytes())
    }
}
