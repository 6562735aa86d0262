//! The demo's folder, and what stands in a fresh installation: configuration, anchors, agencies, portals, clerks.

use super::province::Description;
use super::{read, write};
use crate::config::Config;
use crate::fault::{Fault, code};
use crate::files::{self, Access};
use crate::id::CitizenNumber;
use crate::ids::AgencyId;
use crate::service::install::{CONFIG, Plan, install};
use crate::service::{anchors, desk, portals};
use crate::verify::Purpose;
use crate::world::{Clock as _, SystemClock, World};
use secrecy::ExposeSecret as _;
use serde_json::json;
use std::path::{Path, PathBuf};

/// The agency that runs the demo.
const AGENCY: (&str, &str) = ("sample-agency", "样例区行政审批局");
/// Another one, to see that it is another.
const OTHER: (&str, &str) = ("other-agency", "邻县政务服务中心");
/// Who works at their desks, by the lab's names.
const CLERKS: [(&str, &str); 3] = [(AGENCY.0, "zhao-min"), (OTHER.0, "li-na"), (AGENCY.0, "lin-xiuying")];

/// The folder.
pub(super) struct Place {
    /// Absolute.
    pub folder: PathBuf,
    /// The first port.
    pub port: u16,
}

/// A portal's credentials.
pub(super) struct Credentials {
    pub id: String,
    pub secret: String,
}

impl Place {
    /// Makes the folder where it is missing. The port of the last start is kept: certificates of the lab name its address.
    pub(super) fn open(folder: &Path, port: Option<u16>) -> Result<Self, Fault> {
        let failed = |error: std::io::Error| Fault::new(code::FILE).detail(format!("{}: {error}", folder.display()));
        files::folder(folder, Access::Private).map_err(failed)?;
        let folder = folder.canonicalize().map_err(failed)?;
        let note = folder.join("port");
        let known = match files::read_if_there(&note).map_err(failed)? {
            Some(text) => String::from_utf8_lossy(&text).trim().parse::<u16>().ok(),
            None => None,
        };
        let port = match (known, port) {
            (Some(known), Some(wanted)) if known != wanted => {
                let text = format!(
                    "{} was made for port {known}, which its certificates and portals name; start it with --port {known}, or choose another folder with --data",
                    folder.display()
                );
                return Err(Fault::new(code::CONFIGURATION).detail(text));
            }
            (known, wanted) => known.or(wanted).unwrap_or(8440),
        };
        Ok(Self { folder, port })
    }

    /// The service's address.
    pub(super) fn issuer(&self) -> String {
        format!("http://localhost:{}", self.port)
    }

    /// The sample portal's address.
    pub(super) fn portal(&self) -> String {
        format!("http://localhost:{}", self.port + 1)
    }

    /// A path inside.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Installs on the first start; writes the configuration on every one. Returns its file.
    pub(super) async fn configure(&self, lab: &Description) -> Result<PathBuf, Fault> {
        let config = self.path(CONFIG);
        let (issuer, listen, database) = (self.issuer(), format!("127.0.0.1:{}", self.port), "sqlite://xinyin.db".to_owned());
        let agency: AgencyId = AGENCY.0.parse().map_err(|error| Fault::new(code::SYSTEM).because(anyhow::Error::from(error)))?;
        let plain = Config::template(&issuer, &listen, &database, AGENCY.0);
        let text = |value: &str| toml::Value::from(value).to_string();
        let outbound = format!("outbound = [{}]\ndemo = true", text(&lab.public));
        let authorities: Vec<_> = lab.timestamp_authorities.iter().map(|authority| text(&authority.url)).collect();
        let mut whole =
            plain.replace("outbound = []", &outbound).replace("timestamp = []", &format!("timestamp = [{}]", authorities.join(", ")));
        let sections: toml::Table =
            serde_json::from_value(json!({ "province": lab.connectors })).map_err(|error| Fault::new(code::SYSTEM).because(error))?;
        whole.push_str(&format!("\n{sections}"));
        whole.push_str(&super::licences::section(self, lab));
        if files::read_if_there(&config).is_ok_and(|found| found.is_none()) {
            let plan =
                Plan { folder: self.folder.clone(), issuer, listen, database, agency, agency_name: AGENCY.1.into(), more: String::new() };
            install(&plan, SystemClock.now()).await?;
        }
        write(&config, whole.as_bytes(), Access::Private)?;
        write(&self.path("port"), format!("{}\n", self.port).as_bytes(), Access::Private)?;
        Ok(config)
    }

    /// Registers anchors, portals and clerks where they are missing. Returns the sample portal's credentials.
    pub(super) async fn fill(&self, world: &World, lab: &Description) -> Result<Credentials, Fault> {
        let roots: Vec<PathBuf> = lab.authorities.iter().map(|authority| authority.root.clone()).collect();
        if anchors::list(world).await?.len() < roots.len() {
            anchors::import(world, &roots, &Purpose::ALL).await?;
        }
        for (authority, root) in lab.authorities.iter().zip(&roots) {
            write(&self.path("anchors").join(format!("{}-root.pem", authority.family)), &read(root)?, Access::Public)?;
        }
        let other: AgencyId = OTHER.0.parse().map_err(|error| Fault::new(code::SYSTEM).because(anyhow::Error::from(error)))?;
        desk::open_agency(world, &other, OTHER.1).await?;
        let sample = json!({
            "client_id": "sample-portal", "client_name": "示例办事大厅", "client_name_en": "Sample portal",
            "redirect_uris": [format!("{}/callback", self.portal())], "post_logout_redirect_uris": [format!("{}/", self.portal())],
            "release": { "name": true, "organisation": true, "verified_claims": true }, "developer": true, "subject_kinds": ["person", "organisation"],
        });
        let program = json!({
            "client_id": "other-portal", "client_name": "邻县办事大厅", "client_name_en": "Portal of another agency",
            "redirect_uris": [format!("{}/other/callback", self.portal())],
        });
        let credentials = self.portal_of(world, &world.config.agency, &sample, "portal.credentials").await?;
        self.portal_of(world, &other, &program, "other-portal.credentials").await?;
        for (agency, clerk) in CLERKS {
            let agency: AgencyId = agency.parse().map_err(|error| Fault::new(code::SYSTEM).because(anyhow::Error::from(error)))?;
            let person = lab.person(clerk)?;
            let number = CitizenNumber::parse(&person.number).map_err(|_| Fault::new(code::SYSTEM).detail("the clerk's number"))?;
            desk::enrol(world, &agency, &number, &person.name).await?;
        }
        Ok(credentials)
    }

    /// The credentials of a portal: from the file, or registered now.
    async fn portal_of(&self, world: &World, agency: &AgencyId, description: &serde_json::Value, file: &str) -> Result<Credentials, Fault> {
        let path = self.path(file);
        let pair = match files::read_if_there(&path).map_err(|error| Fault::new(code::FILE).because(error))? {
            Some(pair) => String::from_utf8_lossy(&pair).trim().to_owned(),
            None => {
                let registered = portals::add(world, agency, description.to_string().as_bytes()).await?;
                let secret = registered.secret.as_ref().map(|secret| secret.expose_secret()).unwrap_or_default();
                let pair = format!("{}:{secret}", registered.id);
                write(&path, pair.as_bytes(), Access::Private)?;
                pair
            }
        };
        let (id, secret) = pair.split_once(':').ok_or_else(|| Fault::new(code::FILE).detail(path.display().to_string()))?;
        Ok(Credentials { id: id.to_owned(), secret: secret.to_owned() })
    }

    /// The clerks, by agency and the lab's name.
    pub(super) const fn clerks() -> [(&'static str, &'static str); 3] {
        CLERKS
    }
}
