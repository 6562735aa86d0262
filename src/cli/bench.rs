//! What signing and raising judge their results with: trust anchors, revocation data, the hosts that may be asked.

use crate::{
    config::Config,
    net::{Net, NetOptions, Origin},
    service::{
        sign::Bench,
        timestamp_client::Authority,
        trust::{TrustStore, default_path},
        verify::Sources,
    },
    verify::{Policy, Revocation},
};
use std::path::PathBuf;
use url::Url;

/// Options that `sign` and `extend` share.
#[derive(clap::Args, Debug)]
pub struct BenchArgs {
    /// The time-stamp authority's address
    #[arg(long, value_name = "URL")]
    pub tsa: Option<Url>,
    /// Trust anchors for every purpose: PEM, DER, PKCS#7, or a folder (repeatable; default: the trust store)
    #[arg(long, value_name = "PATH")]
    trust: Vec<PathBuf>,
    /// The trust store; default: $XDG_DATA_HOME/xinyin/trust.json
    #[arg(long, env = "XINYIN_TRUST_STORE", value_name = "FILE")]
    store: Option<PathBuf>,
    /// Revocation lists (repeatable)
    #[arg(long, value_name = "PATH")]
    crl: Vec<PathBuf>,
    /// OCSP responses (repeatable)
    #[arg(long, value_name = "PATH")]
    ocsp: Vec<PathBuf>,
    /// Ask nobody for revocation data
    #[arg(long)]
    offline: bool,
    /// A host that may be asked for revocation data, as in `http://crl.example.cn` (repeatable)
    #[arg(long, value_name = "ORIGIN")]
    allow: Vec<String>,
    /// Take the allow-list from a service's configuration
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl BenchArgs {
    /// Anchors and evidence with further `certificates`; an error is one sentence.
    pub fn bench(&self, certificates: &[PathBuf]) -> Result<Bench, String> {
        let mut sources = Sources {
            trust: self.trust.clone(),
            certificates: certificates.to_vec(),
            crls: self.crl.clone(),
            ocsps: self.ocsp.clone(),
            ..Sources::default()
        };
        if self.trust.is_empty() {
            let path = self.store.clone().unwrap_or_else(default_path);
            sources.anchors = TrustStore::read(&path).and_then(|store| store.anchors()).map_err(|fault| fault.to_string())?;
        }
        let evidence = sources.load().map_err(|fault| fault.to_string())?;
        let policy = Policy::named("strict").map_err(|error| error.to_string())?;
        Ok(Bench { evidence, policy, revocation: Revocation::Hard, net: self.net()? })
    }

    fn net(&self) -> Result<Option<Net>, String> {
        if self.offline {
            return Ok(None);
        }
        let mut allow = match &self.config {
            Some(path) => Config::read(path).map_err(|fault| fault.to_string())?.outbound,
            None => Vec::new(),
        };
        for origin in &self.allow {
            allow.push(origin.parse::<Origin>().map_err(|error| format!("--allow {origin}: {error}"))?);
        }
        if allow.is_empty() {
            return Ok(None);
        }
        Net::new(NetOptions { allow, ..NetOptions::default() }).map(Some).map_err(|error| error.to_string())
    }

    /// The time-stamp authority, if one is named.
    pub fn authority(&self) -> Result<Option<Authority>, String> {
        let Some(url) = &self.tsa else { return Ok(None) };
        let origin = Origin::named(url).ok_or("--tsa is not an http address")?;
        let net = Net::new(NetOptions { allow: vec![origin], ..NetOptions::default() }).map_err(|error| error.to_string())?;
        Ok(Some(Authority { net, url: url.clone() }))
    }
}
