//! `xinyin cert`: judge certificate paths.

use crate::{
    config::Config,
    crypto::Oid,
    files,
    id::mask_text,
    moment::Moment,
    net::{Net, NetOptions, Origin},
    pki::{
        bundle,
        path::{self, Anchor, Outcome, PathFault, PathInput, PathResult, PolicyInput, Purpose, Revocation, RevocationEvidence, Status},
    },
    service::{
        trust::{TrustStore, default_path},
        verify::online_path,
    },
    verify,
    world::{Clock as _, SystemClock},
};
use serde::Serialize;
use std::{path::PathBuf, process::ExitCode};

/// Arguments of `xinyin cert`.
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand, Debug)]
enum Command {
    /// Judge one certificate's path
    Verify(VerifyArgs),
}

#[derive(clap::Args, Debug)]
#[command(
    after_help = "Example:\n  xinyin cert verify --trust province-root.pem --cert issuing-ca.pem --crl issuing.crl --purpose sign zhangsan.pem\n\n\
Exit status: 0 accepted, 1 rejected, 2 undecided, 3 wrong use or a file could not be read."
)]
struct VerifyArgs {
    /// The certificate: PEM or DER
    #[arg(value_name = "LEAF")]
    leaf: PathBuf,
    /// Trust anchors: PEM, DER, PKCS#7, or a folder (repeatable; default: the trust store)
    #[arg(long, value_name = "PATH")]
    trust: Vec<PathBuf>,
    /// The trust store; default: $XDG_DATA_HOME/xinyin/trust.json
    #[arg(long, env = "XINYIN_TRUST_STORE", value_name = "FILE")]
    store: Option<PathBuf>,
    /// Untrusted intermediates: PEM, DER, PKCS#7, or a folder (repeatable)
    #[arg(long, value_name = "PATH")]
    cert: Vec<PathBuf>,
    /// Revocation lists: files or folders (repeatable)
    #[arg(long, value_name = "PATH")]
    crl: Vec<PathBuf>,
    /// OCSP responses: files or folders (repeatable)
    #[arg(long, value_name = "PATH")]
    ocsp: Vec<PathBuf>,
    /// The moment for which the path is judged (RFC 3339); default: now
    #[arg(long, value_name = "RFC3339")]
    at: Option<Moment>,
    /// Fetch nothing
    #[arg(long)]
    offline: bool,
    /// A host that may be asked for revocation data, as in `http://crl.example.cn` (repeatable)
    #[arg(long, value_name = "ORIGIN")]
    allow: Vec<String>,
    /// Take the allow-list from a service's configuration
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// What the key is used for
    #[arg(long, default_value = "any", value_parser = ["server", "client", "sign", "timestamp", "ocsp", "any"])]
    purpose: String,
    /// DNS name, IP address or mail address that the certificate must bear
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Intermediates at most between certificate and anchor
    #[arg(long, value_name = "N", default_value_t = 12)]
    max_depth: u16,
    /// An acceptable certificate policy (repeatable; default: any)
    #[arg(long, value_name = "OID", value_parser = oid)]
    policy_oid: Vec<Oid>,
    /// Demand an acceptable policy all along the path
    #[arg(long)]
    explicit_policy: bool,
    /// Allow no policy mapping
    #[arg(long)]
    inhibit_mapping: bool,
    /// Let any-policy match nothing
    #[arg(long)]
    inhibit_any_policy: bool,
    /// An unknown revocation status: hard, the result stays undecided; soft, a warning; off, nothing is checked
    #[arg(long, default_value = "hard", value_parser = ["hard", "soft", "off"])]
    revocation: String,
    /// text or json (one object on one line)
    #[arg(long, default_value = "text", value_parser = ["text", "json"])]
    format: String,
}

fn oid(text: &str) -> Result<Oid, String> {
    Oid::new(text).map_err(|_| "not an object identifier such as 1.2.156.10260.4".into())
}

/// Runs the command.
pub fn run(args: Args) -> ExitCode {
    let Command::Verify(args) = args.command;
    match judge(&args) {
        Ok(answer) => {
            if args.format == "json" {
                match serde_json::to_string(&answer) {
                    Ok(line) => println!("{line}"),
                    Err(_) => return ExitCode::from(super::FAILED),
                }
            } else {
                print!("{}", text(&answer));
            }
            ExitCode::from(match answer.result {
                "accepted" => 0,
                "rejected" => 1,
                _ => 2,
            })
        }
        Err(error) => {
            eprintln!("xinyin cert verify: {error}");
            ExitCode::from(super::FAILED)
        }
    }
}

/// The answer as JSON; the order of the fields is fixed.
#[derive(Serialize)]
struct Answer {
    result: &'static str,
    reason: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub_indication: Option<&'static str>,
    at: Moment,
    path: Vec<Link>,
    faults: Vec<Finding>,
    warnings: Vec<Finding>,
    policies: Vec<String>,
}

#[derive(Serialize)]
struct Link {
    subject: String,
    issuer: String,
    serial: String,
    sha256: String,
    not_before: Moment,
    not_after: Moment,
    key: Option<String>,
    signature_algorithm: String,
    revocation: RevocationShown,
}

#[derive(Serialize)]
struct RevocationShown {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<Moment>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    this_update: Option<Moment>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_update: Option<Moment>,
}

#[derive(Serialize)]
struct Finding {
    kind: &'static str,
    certificate: Option<usize>,
    detail: String,
}

fn judge(args: &VerifyArgs) -> Result<Answer, String> {
    let bytes = files::read(&args.leaf).map_err(|error| format!("{}: {error}", args.leaf.display()))?;
    let now = SystemClock.now();
    let at = args.at.unwrap_or(now);
    let purpose = purpose(&args.purpose);
    let certificates = |bytes: &[u8]| bundle::certificates(bytes).unwrap_or_default();
    let mut anchors: Vec<Anchor> = objects(&args.trust, certificates)?.into_iter().map(Anchor::from).collect();
    if args.trust.is_empty() {
        let store = args.store.clone().unwrap_or_else(default_path);
        let stored = TrustStore::read(&store).and_then(|store| store.anchors()).map_err(|fault| fault.to_string())?;
        let fit = stored.into_iter().filter(|anchor| anchor.purposes.iter().any(|own| serves(*own, purpose)));
        anchors.extend(fit.map(|anchor| Anchor::from(anchor.certificate)));
    }
    let crls = objects(&args.crl, bundle::crls)?;
    let ocsps = objects(&args.ocsp, bundle::ocsps)?;
    let mut intermediates = objects(&args.cert, certificates)?;
    let (leaf, beside) =
        match bundle::certificates(&bytes).map(|found| found.split_first().map(|(leaf, rest)| (leaf.clone(), rest.to_vec()))) {
            Ok(Some(read)) => read,
            Ok(None) => return Ok(unreadable(at, "no certificate in the file")),
            Err(error) => return Ok(unreadable(at, &error.to_string())),
        };
    intermediates.extend(beside);
    let mut question = PathInput::new(&leaf, &anchors, at);
    question.intermediates = &intermediates;
    question.crls = &crls;
    question.ocsps = &ocsps;
    question.purpose = purpose;
    question.host = args.name.as_deref();
    question.limits.max_intermediates = args.max_depth.into();
    question.policies = PolicyInput {
        acceptable: args.policy_oid.clone(),
        explicit: args.explicit_policy,
        inhibit_mapping: args.inhibit_mapping,
        inhibit_any: args.inhibit_any_policy,
    };
    question.revocation = match args.revocation.as_str() {
        "soft" => Revocation::Soft,
        "off" => Revocation::Off,
        _ => Revocation::Hard,
    };
    let result = match net(args)? {
        None => path::validate(&question),
        Some((net, runtime)) => runtime.block_on(online_path(&question, &net)),
    };
    Ok(answer(&result, at))
}

/// What files and folders hold. What cannot be understood is left out and told: evidence that is none proves nothing.
fn objects<T>(paths: &[PathBuf], read: impl Fn(&[u8]) -> Vec<T>) -> Result<Vec<T>, String> {
    let mut found = Vec::new();
    for path in paths {
        let listed = files::list(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let folder = listed.as_slice() != [path.clone()];
        for file in listed {
            let objects = read(&files::read(&file).map_err(|error| format!("{}: {error}", file.display()))?);
            if objects.is_empty() && !folder {
                eprintln!("{}: 无法识别，已忽略 nothing usable in it, left out", file.display());
            }
            found.extend(objects);
        }
    }
    Ok(found)
}

/// The client for the hosts that may be asked; none if there are none.
fn net(args: &VerifyArgs) -> Result<Option<(Net, tokio::runtime::Runtime)>, String> {
    let mut allow = match &args.config {
        Some(path) => Config::read(path).map_err(|fault| fault.to_string())?.outbound,
        None => Vec::new(),
    };
    for origin in &args.allow {
        allow.push(origin.parse::<Origin>().map_err(|error| format!("--allow {origin}: {error}"))?);
    }
    if allow.is_empty() || args.offline {
        return Ok(None);
    }
    let net = Net::new(NetOptions { allow, ..NetOptions::default() }).map_err(|error| error.to_string())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())?;
    Ok(Some((net, runtime)))
}

fn purpose(word: &str) -> Purpose {
    match word {
        "server" => Purpose::Server,
        "client" => Purpose::Client,
        "sign" => Purpose::Sign,
        "timestamp" => Purpose::Timestamp,
        "ocsp" => Purpose::Ocsp,
        _ => Purpose::Any,
    }
}

/// Whether an anchor of the trust store may be used for the purpose asked about.
fn serves(anchor: verify::Purpose, purpose: Purpose) -> bool {
    use verify::Purpose as Own;
    match purpose {
        Purpose::Any | Purpose::CrlSign => true,
        Purpose::Sign => matches!(anchor, Own::Person | Own::Organisation | Own::Seal),
        Purpose::Client => matches!(anchor, Own::Person | Own::Organisation | Own::Device),
        Purpose::Server => anchor == Own::Device,
        Purpose::Timestamp => anchor == Own::Timestamp,
        Purpose::Ocsp => anchor == Own::Ocsp,
    }
}

/// A file that holds no certificate is a verdict, not a failure.
fn unreadable(at: Moment, why: &str) -> Answer {
    Answer {
        result: Outcome::Rejected.name(),
        reason: format!("malformed: {why}"),
        sub_indication: Some("FORMAT_FAILURE"),
        at,
        path: Vec::new(),
        faults: vec![Finding { kind: "malformed", certificate: None, detail: why.into() }],
        warnings: Vec::new(),
        policies: Vec::new(),
    }
}

fn answer(result: &PathResult, at: Moment) -> Answer {
    let links = result.path.iter().zip(&result.links).zip(&result.revocation).map(|((certificate, link), fact)| {
        let (status, at, reason) = match &fact.status {
            Status::Good => ("good", None, None),
            Status::Revoked { at, reason } => ("revoked", Some(*at), Some(reason.to_string())),
            Status::Unknown(why) => ("unknown", None, Some(why.clone())),
            Status::NotChecked => ("not-checked", None, None),
        };
        let evidence = fact.evidence.as_ref().map(|evidence| match evidence {
            RevocationEvidence::Crl { delta: None, .. } => "crl",
            RevocationEvidence::Crl { .. } => "delta-crl",
            RevocationEvidence::Ocsp(_) => "ocsp",
        });
        Link {
            subject: mask_text(&certificate.subject().display()),
            issuer: mask_text(&certificate.issuer().display()),
            serial: certificate.serial_hex(),
            sha256: hex::encode(certificate.fingerprint_sha256()),
            not_before: certificate.not_before(),
            not_after: certificate.not_after(),
            key: link.key.map(|key| key.to_string()),
            signature_algorithm: link.algorithm.clone(),
            revocation: RevocationShown { status, at, reason, evidence, this_update: fact.this_update, next_update: fact.next_update },
        }
    });
    let findings = |list: &[PathFault]| {
        let shown =
            list.iter().map(|fault| Finding { kind: fault.kind.name(), certificate: fault.certificate, detail: fault.detail.clone() });
        shown.collect()
    };
    Answer {
        result: result.outcome.name(),
        reason: result.reason.as_ref().map_or_else(|| "every check passed".into(), ToString::to_string),
        sub_indication: result.reason.as_ref().map(PathFault::sub_indication),
        at,
        path: links.collect(),
        faults: findings(&result.faults),
        warnings: findings(&result.warnings),
        policies: result.policies.iter().map(ToString::to_string).collect(),
    }
}

/// The answer for people, Chinese first.
fn text(answer: &Answer) -> String {
    use std::fmt::Write as _;
    let word = match answer.result {
        "accepted" => "有效",
        "rejected" => "无效",
        _ => "暂无法核验",
    };
    let mut text = format!("{word} {}\n{}\n", answer.result, answer.reason);
    // Writing to a String cannot fail.
    for (at, link) in answer.path.iter().enumerate() {
        let _ = writeln!(text, "{at}  {}", link.subject);
        let _ = writeln!(
            text,
            "   序列号 serial {}  有效期 validity {} – {}",
            link.serial,
            link.not_before.beijing(),
            link.not_after.beijing()
        );
        let key = link.key.as_deref().unwrap_or("?");
        let _ = writeln!(text, "   {key}, {}; 吊销 revocation: {}", link.signature_algorithm, link.revocation.status);
    }
    for (label, list) in [("问题 fault", &answer.faults), ("提示 warning", &answer.warnings)] {
        for finding in list {
            let place = finding.certificate.map_or_else(String::new, |at| format!(" [{at}]"));
            let _ = writeln!(text, "{label}{place} {}: {}", finding.kind, finding.detail);
        }
    }
    text
}
