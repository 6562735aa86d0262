//! The configuration file: TOML, checked before anything starts. Every error names the file, the line and the remedy.
//!
//! Paths are taken from the folder of the file. Secrets stand in files of their own; a database password comes from the
//! environment (`PGPASSWORD`, `PGPASSFILE`).

use crate::fault::{Fault, code};
use crate::ids::AgencyId;
use crate::net::Origin;
use crate::{files, province};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use toml::Spanned;
use url::{Host, Url};

/// The checked configuration.
#[derive(Clone)]
pub struct Config {
    /// The issuer: scheme, host and port as browsers see the service, without a trailing slash.
    pub issuer: String,
    /// Where the service listens. TLS is the business of the gateway in front of it.
    pub listen: SocketAddr,
    /// `sqlite://PATH` (one machine) or `postgres://…` (many).
    pub database: String,
    /// The folder for what is neither database nor key: audit head copies, evidence bundles.
    pub data: PathBuf,
    /// The key file, mode 0600, in no backup of the database.
    pub keys: PathBuf,
    /// The agency that runs the service.
    pub agency: AgencyId,
    /// Whether this is the demo, on loopback.
    pub demo: bool,
    /// Which addresses may be called for revocation lists, OCSP and timestamps.
    pub outbound: Vec<Origin>,
    /// Time-stamping authorities, the preferred one first.
    pub timestamp: Vec<Url>,
    /// Files with the policies that portals may name by their id.
    pub policies: Vec<PathBuf>,
    /// The standing policy of an agency by its id; of others it is the built-in one.
    pub standing: BTreeMap<AgencyId, String>,
    /// Seals that licences are sealed with.
    pub licence_seals: Vec<LicenceSeal>,
    /// Who may call the sharing interface of licences.
    pub sharing_accounts: Vec<SharingAccount>,
    /// PEM files with the TLS anchors of portals that are told of logouts; relative to the configuration file.
    pub portal_anchors: Vec<PathBuf>,
    /// The provincial platform.
    pub province: province::Config,
    /// The folder of the file: paths in `province` are taken from it.
    pub folder: PathBuf,
}

impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The database URL may hold a password.
        write!(f, "Config({}, {}, demo {})", self.issuer, self.agency, self.demo)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    issuer: Spanned<String>,
    listen: Spanned<String>,
    database: Spanned<String>,
    data: PathBuf,
    keys: PathBuf,
    agency: Spanned<String>,
    #[serde(default)]
    demo: bool,
    #[serde(default)]
    outbound: Vec<Spanned<String>>,
    #[serde(default)]
    timestamp: Vec<Spanned<String>>,
    #[serde(default)]
    policies: Vec<PathBuf>,
    #[serde(default)]
    standing_policies: BTreeMap<AgencyId, String>,
    #[serde(default)]
    licence_seal: Vec<LicenceSeal>,
    #[serde(default)]
    sharing_account: Vec<SharingAccount>,
    #[serde(default)]
    portal_anchors: Vec<PathBuf>,
    #[serde(default)]
    province: province::Config,
}

/// An account of the sharing interface of licences. Paths are taken from the folder of the file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SharingAccount {
    /// Its id.
    pub id: String,
    /// Name of the caller, as it stands on copies.
    pub name: String,
    /// Whose licences it asks for.
    pub agency: AgencyId,
    /// Its SM2 certificate.
    pub certificate: PathBuf,
    /// Codes of the types that it may ask for; every type where none is listed.
    #[serde(default)]
    pub types: Vec<String>,
}

/// A seal that licences of one issuer are sealed with, and the key of its signatory. Paths are taken from the folder of the file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LicenceSeal {
    /// Credit code of the issuer.
    pub issuer: String,
    /// What the seal is used for, as licence types name it.
    pub purpose: String,
    /// The seal (.esl); the issuer's active seal of this purpose in the register, under its dual control, where none is named.
    #[serde(default)]
    pub seal: Option<PathBuf>,
    /// The signatory's key: a file, or a PKCS#11 URI.
    pub key: String,
    /// The signatory's certificate and those above it.
    pub certificates: Vec<PathBuf>,
    /// File with the key's password or PIN.
    #[serde(default)]
    pub password: Option<PathBuf>,
}

impl Config {
    /// Reads and checks a file.
    pub fn read(path: &Path) -> Result<Self, Fault> {
        let bytes = files::read(path).map_err(|error| {
            let text = format!("{}: {error}; name the file with --config, or make one with `xinyin init`", path.display());
            Fault::new(code::CONFIGURATION).detail(text)
        })?;
        let text = String::from_utf8(bytes)
            .map_err(|_| Fault::new(code::CONFIGURATION).detail(format!("{}: not UTF-8; save it as UTF-8", path.display())))?;
        Self::parse(&text, path)
    }

    /// Checks the text of the file at `path`.
    pub fn parse(text: &str, path: &Path) -> Result<Self, Fault> {
        let fail = |at: Option<usize>, what: String| {
            let line = at.map(|at| text.as_bytes().iter().take(at).filter(|&&b| b == b'\n').count() + 1);
            let place = line.map_or_else(|| path.display().to_string(), |line| format!("{}, line {line}", path.display()));
            Fault::new(code::CONFIGURATION).detail(format!("{place}: {what}"))
        };
        let written: Written =
            toml::from_str(text).map_err(|error| fail(error.span().map(|span| span.start), error.message().to_owned()))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };

        let (issuer, loopback) =
            issuer(written.issuer.get_ref()).map_err(|what| fail(Some(written.issuer.span().start), format!("issuer: {what}")))?;
        let listen: SocketAddr = written.listen.get_ref().parse().map_err(|_| {
            fail(Some(written.listen.span().start), "listen: an address and a port are expected, such as \"127.0.0.1:8440\"".into())
        })?;
        let database = database(written.database.get_ref(), folder)
            .map_err(|what| fail(Some(written.database.span().start), format!("database: {what}")))?;
        let agency =
            written.agency.get_ref().parse().map_err(|error| fail(Some(written.agency.span().start), format!("agency: {error}")))?;
        if written.demo && !(loopback && listen.ip().is_loopback()) {
            let what = "demo = true is for loopback only; set issuer and listen to localhost, or demo = false";
            return Err(fail(Some(written.listen.span().start), what.into()));
        }
        let bad = |entry: &Spanned<String>, name: &str, example: &str| {
            fail(Some(entry.span().start), format!("{name}: {:?} is not of the form {example:?}", entry.get_ref()))
        };
        let origin =
            |entry: &Spanned<String>| entry.get_ref().parse::<Origin>().map_err(|_| bad(entry, "outbound", "http://crl.example.cn"));
        let outbound = written.outbound.iter().map(origin).collect::<Result<_, _>>()?;
        let address = |entry: &Spanned<String>| {
            let url = Url::parse(entry.get_ref()).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
            url.ok_or_else(|| bad(entry, "timestamp", "http://tsa.example.cn/tsa"))
        };
        let timestamp = written.timestamp.iter().map(address).collect::<Result<_, _>>()?;
        Ok(Self {
            issuer,
            listen,
            database,
            data: folder.join(written.data),
            keys: folder.join(written.keys),
            agency,
            demo: written.demo,
            outbound,
            timestamp,
            policies: written.policies.into_iter().map(|path| folder.join(path)).collect(),
            standing: written.standing_policies,
            licence_seals: written.licence_seal,
            sharing_accounts: written.sharing_account,
            portal_anchors: written.portal_anchors,
            province: written.province,
            folder: folder.to_owned(),
        })
    }

    /// The text of a new configuration file.
    pub fn template(issuer: &str, listen: &str, database: &str, agency: &str) -> String {
        let [issuer, listen, database, agency] = [issuer, listen, database, agency].map(|text| toml::Value::from(text).to_string());
        format!(
            "# xinyin configuration. Paths are taken from this folder. `xinyin doctor --config THIS-FILE` says what is wrong.\n\n\
             # As browsers see the service; TLS ends at the gateway in front of it.\nissuer = {issuer}\n\
             # Where the service listens.\nlisten = {listen}\n\
             # sqlite://PATH for one machine, postgres://USER@HOST/NAME for many (the password comes from PGPASSWORD or PGPASSFILE).\n\
             database = {database}\n\
             # Audit head copies and other files.\ndata = \"data\"\n\
             # Sealing keys: keep a copy apart from the database and its backups.\nkeys = \"keys.toml\"\n\
             # The agency that runs this service.\nagency = {agency}\n\n\
             # Hosts that may be asked for revocation lists, OCSP and timestamps; nothing else is ever called.\noutbound = []\n\
             # Roots of portals that are told of logouts over https; without them none of those is told.\nportal_anchors = []\n\
             # Time-stamping authorities, the preferred one first.\ntimestamp = []\n\
             # Policy files that portals may name by the id in them, and which policy stands for an agency that names none.\npolicies = []\n\
             # standing_policies = {{ hall = \"town\" }}\n\n\
             # Seals that electronic licences are sealed with.\n             # [[licence_seal]]\n# issuer = \"113501000035000000\"\n# purpose = \"行政审批专用章\"\n\
             # seal = \"seals/approval.esl\"\n# key = \"seals/approval.pem\"\n# certificates = [\"seals/approval.crt\"]\n\n\
             # The provincial platform: one section for each system; one that is missing is told as not available.\n\
             # [province.population]\n# url = \"https://population.example.cn/\"\n# tls_ca = \"province/tls-ca.pem\"\n\
             # identity = \"province/client.pem\"\n# answer_certificate = \"province/population.pem\"\n"
        )
    }
}

/// The issuer in its one form, and whether it is this machine.
fn issuer(text: &str) -> Result<(String, bool), String> {
    let url = Url::parse(text).map_err(|_| "an address is expected, such as \"https://id.example.cn\"".to_owned())?;
    let loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
        None => false,
    };
    if url.scheme() != "https" && !(url.scheme() == "http" && loopback) {
        return Err("https is needed, except on localhost".to_owned());
    }
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() || url.password().is_some() {
        return Err("only scheme, host and port are expected, such as \"https://id.example.cn\"".to_owned());
    }
    Ok((url.origin().ascii_serialization(), loopback))
}

/// The database URL; a relative SQLite path is taken from `folder`.
fn database(text: &str, folder: &Path) -> Result<String, &'static str> {
    const EXPECTED: &str = "\"sqlite://PATH\" or \"postgres://USER@HOST/NAME\" is expected";
    if text.starts_with("postgres://") || text.starts_with("postgresql://") {
        return Url::parse(text).map(|_| text.to_owned()).map_err(|_| EXPECTED);
    }
    let path = text.strip_prefix("sqlite://").filter(|path| !path.is_empty()).ok_or(EXPECTED)?;
    Ok(format!("sqlite://{}", folder.join(path).display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Config, String> {
        Config::parse(text, Path::new("/etc/xinyin/xinyin.toml")).map_err(|fault| fault.detail.unwrap_or_default())
    }

    fn with(line: &str, instead_of: &str) -> String {
        let text = Config::template("https://id.example.cn", "127.0.0.1:8440", "sqlite://xinyin.db", "main");
        assert!(text.contains(instead_of));
        text.replace(instead_of, line)
    }

    #[test]
    fn the_template_is_good() {
        let config = parse(&with("outbound = []", "outbound = []")).unwrap();
        assert_eq!(config.issuer, "https://id.example.cn");
        assert_eq!(config.database, "sqlite:///etc/xinyin/xinyin.db");
        assert_eq!(config.keys, Path::new("/etc/xinyin/keys.toml"));
        assert!(!config.demo);
    }

    #[test]
    fn errors_name_the_line_and_the_remedy() {
        for (line, instead_of, expected) in [
            ("issuer = \"http://id.example.cn\"", "issuer = \"https://id.example.cn\"", "line 4: issuer: https is needed"),
            ("issuer = \"https://id.example.cn/x\"", "issuer = \"https://id.example.cn\"", "line 4: issuer: only scheme"),
            ("listen = \"8440\"", "listen = \"127.0.0.1:8440\"", "line 6: listen: an address and a port"),
            ("database = \"mysql://x\"", "database = \"sqlite://xinyin.db\"", "line 8: database: \"sqlite://PATH\""),
            ("agency = \"a b\"", "agency = \"main\"", "line 14: agency: not an identifier"),
            ("outbound = [\"ftp://x\"]", "outbound = []", "line 17: outbound: \"ftp://x\""),
            ("demo = true", "outbound = []", "demo = true is for loopback only"),
            ("isuer = 1", "outbound = []", "line 17: unknown field `isuer`"),
            ("agency = ", "agency = \"main\"", "line 14"),
        ] {
            let error = parse(&with(line, instead_of)).unwrap_err();
            assert!(error.starts_with("/etc/xinyin/xinyin.toml, line") && error.contains(expected), "{line}: {error}");
        }
        assert!(parse("").unwrap_err().contains("missing field"));
    }

    #[test]
    fn no_error_quotes_a_database_password() {
        for url in ["postgres://u:s3cret@:x/y", "pstgres://u:s3cret@h/y", "postgres://u:s3cret@[/"] {
            let error = parse(&with(&format!("database = \"{url}\""), "database = \"sqlite://xinyin.db\"")).unwrap_err();
            assert!(!error.contains("s3cret"), "{error}");
        }
    }
}
