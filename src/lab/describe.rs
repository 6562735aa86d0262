//! `province.json`: everything that a demo or a test needs to know about a running lab.

use super::{
    folder::Folder,
    making::{Condition, Credential, Made, P12_PASSWORD},
    profile::{Family, Places, Use},
    registry::{OrganisationState, PersonState, Registry, Since},
};
use crate::moment::Moment;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The file's contents. Paths are absolute.
#[derive(Clone, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Description {
    /// 1.
    pub version: u32,
    /// When the lab's keys were made.
    pub made: Moment,
    /// Base of the plain HTTP addresses.
    pub public: String,
    /// Base of the addresses under mutual TLS.
    pub secure: String,
    pub pages: Pages,
    pub tls: Tls,
    /// Certificate of the key that signs the registers' answers.
    pub answer_certificate: PathBuf,
    /// As the `[province]` section of the service's configuration wants them.
    pub connectors: Connectors,
    pub authorities: Vec<Authority>,
    pub timestamp_authorities: Vec<TimestampAuthority>,
    pub persons: Vec<PersonEntry>,
    pub organisations: Vec<OrganisationEntry>,
    /// Of every PKCS#12 file.
    pub p12_password: String,
}

/// The switches.
#[derive(Clone, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Pages {
    pub clock: String,
    pub chaos: String,
    pub inbox: String,
    pub inbox_json: String,
    pub revoke: String,
    pub status: String,
}

/// Files for mutual TLS.
#[derive(Clone, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Tls {
    pub ca: PathBuf,
    /// Certificate and key in one file.
    pub identity: PathBuf,
    pub certificate: PathBuf,
    pub key: PathBuf,
    /// An identity that the lab refuses.
    pub stranger_identity: PathBuf,
}

/// One section for each connector.
#[derive(Clone, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Connectors {
    pub population: Connector,
    pub organisation: Connector,
    pub phone: Connector,
    pub time: Connector,
    pub seal: Connector,
    pub ca: CaConnector,
}

/// A system under mutual TLS.
#[derive(Clone, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Connector {
    pub url: String,
    pub tls_ca: PathBuf,
    pub identity: PathBuf,
    pub answer_certificate: PathBuf,
}

/// Where certificate status is asked.
#[derive(Clone, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct CaConnector {
    pub issuers: Vec<IssuerPlaces>,
}

/// One authority's places.
#[derive(Clone, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct IssuerPlaces {
    pub certificate: PathBuf,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ocsp: Option<String>,
    pub crl: String,
}

/// A hierarchy.
#[derive(Clone, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Authority {
    pub family: Family,
    pub root: PathBuf,
    pub issuing: PathBuf,
    /// Issuing certificate and root in one file.
    pub chain: PathBuf,
    pub ocsp_certificate: PathBuf,
    pub crl: String,
    pub root_crl: String,
    pub ocsp: String,
    /// Another root with the same names.
    pub foreign_root: PathBuf,
    pub foreign_chain: PathBuf,
}

/// A time-stamping authority.
#[derive(Clone, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct TimestampAuthority {
    pub family: Family,
    pub url: String,
    pub certificate: PathBuf,
    pub chain: PathBuf,
    pub root: PathBuf,
}

/// A person of the register.
#[derive(Clone, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct PersonEntry {
    pub id: String,
    pub name: String,
    pub number: String,
    pub phone: Option<String>,
    pub history: Vec<Since<PersonState>>,
    pub certificates: Vec<CertificateEntry>,
}

/// An organisation of the register.
#[derive(Clone, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct OrganisationEntry {
    pub id: String,
    pub name: String,
    pub uscc: String,
    pub legal_representative: String,
    pub history: Vec<Since<OrganisationState>>,
    pub certificates: Vec<CertificateEntry>,
}

/// A certificate with its key.
#[derive(Clone, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct CertificateEntry {
    pub family: Family,
    #[serde(rename = "use")]
    pub for_use: Use,
    pub condition: Condition,
    pub serial: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Moment>,
    pub certificate: PathBuf,
    /// PKCS#8, PEM, not encrypted.
    pub key: PathBuf,
    pub p12: PathBuf,
    /// The certificates above it.
    pub chain: PathBuf,
}

/// Describes the lab in `folder` as it stands at `places`.
pub fn describe(folder: &Folder, places: &Places, port: u16, made: &Made, registry: &Registry) -> anyhow::Result<Description> {
    let at = |path: &str| format!("{}{path}", places.0);
    let certificate = |name: &str| folder.path(&format!("certs/{name}.pem"));
    let key = |name: &str| folder.path(&format!("keys/{name}.pem"));
    let secure = format!("https://127.0.0.1:{}", port.saturating_add(1));
    let connector = || Connector {
        url: format!("{secure}/"),
        tls_ca: certificate("tls-ca"),
        identity: key("tls-client-identity"),
        answer_certificate: certificate("answers"),
    };
    let entry = |credential: &Credential| {
        let id = credential.family.id();
        let foreign = if credential.condition == Condition::Foreign { "-foreign" } else { "" };
        CertificateEntry {
            family: credential.family,
            for_use: credential.for_use,
            condition: credential.condition,
            serial: credential.serial.clone(),
            revoked_at: credential.revoked_at,
            certificate: certificate(&credential.name),
            key: key(&credential.key),
            p12: folder.path(&format!("p12/{}.p12", credential.name)),
            chain: certificate(&format!("{id}{foreign}-chain")),
        }
    };
    let of = |holder: &str| made.credentials.iter().filter(|credential| credential.holder == holder).map(entry).collect();
    let issuers = Family::ALL.into_iter().flat_map(|family| {
        let id = family.id();
        let root = format!("{id}-root");
        [
            IssuerPlaces { certificate: certificate(id), ocsp: Some(places.ocsp(id)), crl: places.crl(id) },
            IssuerPlaces { certificate: certificate(&root), ocsp: None, crl: places.crl(&root) },
        ]
    });
    let authority = |family: Family| {
        let id = family.id();
        Authority {
            family,
            root: certificate(&format!("{id}-root")),
            issuing: certificate(id),
            chain: certificate(&format!("{id}-chain")),
            ocsp_certificate: certificate(&format!("{id}-ocsp")),
            crl: places.crl(id),
            root_crl: places.crl(&format!("{id}-root")),
            ocsp: places.ocsp(id),
            foreign_root: certificate(&format!("{id}-foreign-root")),
            foreign_chain: certificate(&format!("{id}-foreign-chain")),
        }
    };
    let timestamp = |family: Family| {
        let id = family.id();
        TimestampAuthority {
            family,
            url: at(&format!("/tsa/{id}")),
            certificate: certificate(&format!("{id}-tsa")),
            chain: certificate(&format!("{id}-chain")),
            root: certificate(&format!("{id}-root")),
        }
    };
    Ok(Description {
        version: 1,
        made: made.at,
        public: places.0.clone(),
        secure: secure.clone(),
        pages: Pages {
            clock: at("/lab/clock"),
            chaos: at("/lab/chaos"),
            inbox: at("/lab/inbox"),
            inbox_json: at("/lab/inbox.json"),
            revoke: at("/lab/revoke"),
            status: at("/lab/status"),
        },
        tls: Tls {
            ca: certificate("tls-ca"),
            identity: key("tls-client-identity"),
            certificate: certificate("tls-client"),
            key: key("tls-client"),
            stranger_identity: key("tls-stranger-identity"),
        },
        answer_certificate: certificate("answers"),
        connectors: Connectors {
            population: connector(),
            organisation: connector(),
            phone: connector(),
            time: connector(),
            seal: connector(),
            ca: CaConnector { issuers: issuers.collect() },
        },
        authorities: Family::ALL.into_iter().map(authority).collect(),
        timestamp_authorities: Family::ALL.into_iter().map(timestamp).collect(),
        persons: registry
            .persons
            .iter()
            .map(|person| PersonEntry {
                id: person.id.clone(),
                name: person.name.clone(),
                number: person.number.clone(),
                phone: person.phone.clone(),
                history: person.history.clone(),
                certificates: of(&person.id),
            })
            .collect(),
        organisations: registry
            .organisations
            .iter()
            .map(|entry| OrganisationEntry {
                id: entry.id.clone(),
                name: entry.name.clone(),
                uscc: entry.uscc.clone(),
                legal_representative: entry.legal_representative.clone(),
                history: entry.history.clone(),
                certificates: of(&entry.id),
            })
            .collect(),
        p12_password: P12_PASSWORD.into(),
    })
}
