//! `xinyin verify`: judge signed documents.

use super::reports::Reports;
use crate::{
    config::Config,
    doc::source::ByteSource,
    fault::Fault,
    files::{self, Access, OpenFile},
    moment::Moment,
    net::{Net, NetOptions, Origin},
    service::{
        evidence,
        reports::Format,
        timestamp_client::Authority,
        trust::{TrustStore, default_path},
        verify::{Sources, offline, online},
    },
    verify::{
        Evidence, Options, Policy, Revocation, Verdict,
        frozen::{self, Provenance},
        render_text,
    },
    world::{Clock as _, SystemClock, SystemDice},
};
use std::{
    collections::BTreeMap,
    io::Write as _,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
};
use url::Url;

/// Arguments of `xinyin verify`.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  xinyin verify --trust province-root.pem --crl issuing.crl contract.pdf\n\n\
Exit status: 0 every file valid, 1 one is invalid, 2 one cannot be decided, 3 wrong use or one could not be read.")]
pub struct Args {
    /// Signed documents
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Trust anchors for every purpose: PEM, DER, PKCS#7, or a folder (repeatable; default: the trust store)
    #[arg(long, value_name = "PATH", conflicts_with = "no_trust")]
    trust: Vec<PathBuf>,
    /// Trust nothing, not even the trust store
    #[arg(long)]
    no_trust: bool,
    /// The trust store; default: $XDG_DATA_HOME/xinyin/trust.json
    #[arg(long, env = "XINYIN_TRUST_STORE", value_name = "FILE")]
    store: Option<PathBuf>,
    /// Further certificates that may fill gaps in chains (repeatable)
    #[arg(long, value_name = "PATH")]
    cert: Vec<PathBuf>,
    /// Revocation lists (repeatable)
    #[arg(long, value_name = "PATH")]
    crl: Vec<PathBuf>,
    /// OCSP responses (repeatable)
    #[arg(long, value_name = "PATH")]
    ocsp: Vec<PathBuf>,
    /// Fetch nothing
    #[arg(long)]
    offline: bool,
    /// A host that may be asked for revocation data, as in `http://crl.example.cn` (repeatable)
    #[arg(long, value_name = "ORIGIN")]
    allow: Vec<String>,
    /// Take the allow-list from a service's configuration
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// An unknown revocation status: hard, the verdict stays undecided; soft, a warning
    #[arg(long, default_value = "hard", value_parser = ["hard", "soft"])]
    revocation: String,
    /// The time for which the verdict is asked (RFC 3339); default: now
    #[arg(long, value_name = "RFC3339")]
    at: Option<Moment>,
    /// What a detached signature covers, or what a time-stamp was put on (repeatable: the one that fits is taken)
    #[arg(long, value_name = "FILE")]
    content: Vec<PathBuf>,
    /// Frozen evidence: certificates, CRLs, OCSP responses and tokens of an earlier verdict, taken like --cert, --crl and --ocsp
    #[arg(long, value_name = "FILE")]
    evidence: Option<PathBuf>,
    /// Judge as of the time that the frozen evidence names
    #[arg(long, requires = "evidence", conflicts_with_all = ["at"])]
    replay: bool,
    /// Write everything the verdict rests on beside the document here, for --evidence (one FILE only)
    #[arg(long, value_name = "FILE")]
    evidence_out: Option<PathBuf>,
    /// Put a time-stamp of this authority over what --evidence-out writes; with --evidence it renews what is in there
    #[arg(long, value_name = "URL", requires = "evidence_out")]
    tsa: Option<String>,
    /// strict, archive, or a policy file (TOML or JSON)
    #[arg(long, default_value = "strict", value_name = "NAME|FILE")]
    policy: String,
    /// text, json (one object a line), html, pdf, etsi-xml
    #[arg(long, default_value = "text", value_parser = ["text", "json", "html", "pdf", "etsi-xml"])]
    format: String,
    /// How many files at once
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: u16,
    /// Write the verdicts here instead of standard output; a folder for the reports of several files
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Everything that is the same for every file.
struct Desk {
    evidence: Evidence,
    policy: Policy,
    net: Option<(Net, tokio::runtime::Runtime)>,
    contents: Vec<OpenFile>,
    now: Moment,
    at: Option<Moment>,
    /// The time, and whether its caller chose it, of the verdict that is replayed.
    replay: Option<(Moment, bool)>,
    revocation: Revocation,
    evidence_out: Option<PathBuf>,
    /// Who stamps it.
    authority: Option<Authority>,
}

/// Runs the command.
pub fn run(args: Args) -> ExitCode {
    let desk = match prepare(&args) {
        Ok(desk) => desk,
        Err(text) => {
            eprintln!("xinyin verify: {text}");
            return ExitCode::from(super::FAILED);
        }
    };
    let mut collected = Vec::new();
    let mut worst = 0;
    let json = args.format == "json";
    let bare_trust = !args.trust.is_empty();
    let mut reports =
        match Format::named(&args.format).map(|format| Reports::new(format, args.out.as_deref(), args.files.len(), bare_trust)) {
            None => None,
            Some(Ok(reports)) => Some(reports),
            Some(Err(text)) => {
                eprintln!("xinyin verify: {text}");
                return ExitCode::from(super::FAILED);
            }
        };
    let done = in_order(&args.files, args.jobs.into(), &desk, |path, outcome| {
        if let (Some(reports), Ok(verdict)) = (&mut reports, &outcome) {
            worst = severity(worst, verdict.indication.exit());
            return reports.write(verdict);
        }
        let (text, exit) = shown(path, outcome, json, bare_trust);
        worst = severity(worst, exit);
        if args.out.is_some() {
            collected.extend_from_slice(text.as_bytes());
            return Ok(());
        }
        let mut out = std::io::stdout().lock();
        out.write_all(text.as_bytes()).and_then(|()| out.flush())
    });
    let written = match &args.out {
        Some(path) if reports.is_none() => done.and_then(|()| files::write_atomic(path, &collected, Access::Public)),
        _ => done,
    };
    match written {
        // Whoever reads our output may stop reading; that is no failure.
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            eprintln!("xinyin verify: the verdict could not be written: {error}");
            ExitCode::from(super::FAILED)
        }
        _ => ExitCode::from(worst),
    }
}

/// 3 before 1 before 2 before 0.
fn severity(one: u8, other: u8) -> u8 {
    let rank = |exit| match exit {
        0 => 0,
        2 => 1,
        1 => 2,
        _ => 3,
    };
    if rank(other) > rank(one) { other } else { one }
}

fn prepare(args: &Args) -> Result<Desk, String> {
    if args.evidence_out.is_some() && args.files.len() != 1 {
        return Err("--evidence-out takes the evidence of one file: name one".into());
    }
    let mut sources = Sources {
        trust: args.trust.clone(),
        certificates: args.cert.clone(),
        crls: args.crl.clone(),
        ocsps: args.ocsp.clone(),
        ..Sources::default()
    };
    if args.trust.is_empty() && !args.no_trust {
        let path = args.store.clone().unwrap_or_else(default_path);
        sources.anchors = TrustStore::read(&path).and_then(|store| store.anchors()).map_err(|fault| fault.to_string())?;
    }
    let mut evidence = sources.load().map_err(|fault| fault.to_string())?;
    let frozen = args.evidence.as_deref().map(thawed).transpose()?;
    if let Some(frozen) = &frozen {
        if !frozen.same_anchors(&evidence.anchors) {
            eprintln!(
                "xinyin verify: other trust anchors than those of the frozen evidence; the verdict may differ from the one it was frozen for"
            );
        }
        evidence.extend(frozen.evidence.clone());
        if !args.replay {
            evidence.extend(frozen.added.clone());
        }
    }
    let frozen = frozen.filter(|_| args.replay);
    let contents = args.content.iter().map(|path| OpenFile::open(path).map_err(|error| format!("{}: {error}", path.display())));
    Ok(Desk {
        evidence,
        policy: policy(&args.policy)?,
        net: if args.offline || args.replay { None } else { net(args)? },
        contents: contents.collect::<Result<_, String>>()?,
        now: SystemClock.now(),
        at: args.at,
        replay: frozen.map(|frozen| (frozen.at, frozen.at_given)),
        evidence_out: args.evidence_out.clone(),
        authority: args.tsa.as_deref().map(authority).transpose()?,
        revocation: if args.revocation == "soft" { Revocation::Soft } else { Revocation::Hard },
    })
}

fn policy(name: &str) -> Result<Policy, String> {
    let path = Path::new(name);
    if path.extension().is_none() && path.components().count() == 1 {
        return Policy::named(name).map_err(|error| error.to_string());
    }
    let bytes = files::read(path).map_err(|error| format!("{name}: {error}"))?;
    let text = String::from_utf8(bytes).map_err(|_| format!("{name}: not UTF-8"))?;
    Policy::from_text(&text).map_err(|error| format!("{name}: {error}"))
}

/// The client for the hosts that may be asked; none if there are none.
fn net(args: &Args) -> Result<Option<(Net, tokio::runtime::Runtime)>, String> {
    let mut allow = Vec::new();
    if let Some(path) = &args.config {
        allow = Config::read(path).map_err(|fault| fault.to_string())?.outbound;
    }
    for origin in &args.allow {
        allow.push(origin.parse::<Origin>().map_err(|error| format!("--allow {origin}: {error}"))?);
    }
    if allow.is_empty() {
        return Ok(None);
    }
    let net = Net::new(NetOptions { allow, ..NetOptions::default() }).map_err(|error| error.to_string())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    Ok(Some((net, runtime.map_err(|error| error.to_string())?)))
}

/// The authority that was named: naming it permits asking it.
fn authority(text: &str) -> Result<Authority, String> {
    let wrong = || format!("--tsa {text}: an address such as http://tsa.example.cn/tsa is expected");
    let url = Url::parse(text).map_err(|_| wrong())?;
    let allow = vec![Origin::named(&url).ok_or_else(wrong)?];
    let net = Net::new(NetOptions { allow, ..NetOptions::default() }).map_err(|error| error.to_string())?;
    Ok(Authority { net, url })
}

fn judge(path: &Path, desk: &Desk) -> Result<Verdict, String> {
    let file = OpenFile::open(path).map_err(|error| error.to_string())?;
    let (at, at_given) = desk.replay.unwrap_or((desk.at.unwrap_or(desk.now), desk.at.is_some()));
    let options = Options { file: base_name(path), at, at_given, revocation: desk.revocation };
    let contents: Vec<&dyn ByteSource> = desk.contents.iter().map(|content| content as &dyn ByteSource).collect();
    let judged = match &desk.net {
        None => offline(&file, &contents, &desk.evidence, &desk.policy, &options).map(|verdict| (verdict, Evidence::default())),
        Some((net, runtime)) => runtime.block_on(online(&file, &contents, &desk.evidence, &desk.policy, &options, net)),
    };
    let (verdict, fetched) = judged.map_err(|error| error.to_string())?;
    if let Some(out) = &desk.evidence_out {
        let mut all = desk.evidence.clone();
        all.extend(fetched);
        let document = hex::decode(&verdict.sha256).ok().and_then(|digest| digest.try_into().ok()).unwrap_or_default();
        let added = desk.authority.as_ref().map(|authority| stamped(&file, &all, authority)).transpose()?;
        let added = match (added, &desk.net) {
            (Some(added), Some((net, runtime))) => {
                let vouched = evidence::vouched((&file, &contents), &all, added, &desk.policy, &options, net);
                Some(runtime.block_on(vouched).map_err(|error| error.to_string())?)
            }
            (added, _) => added,
        };
        let frozen = frozen::freeze_under(&all, added.as_ref(), &desk.policy, &options, &document);
        files::write_atomic(out, &frozen, Access::Public).map_err(|error| format!("{}: {error}", out.display()))?;
    }
    Ok(verdict)
}

/// A time-stamp over the document and its evidence.
fn stamped(file: &OpenFile, all: &Evidence, authority: &Authority) -> Result<Evidence, String> {
    let told = |fault: Fault| format!("{fault} / {}", fault.code.remedy_en);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())?;
    let digests = evidence::digests(file).map_err(told)?;
    let record = runtime.block_on(evidence::stamp(all, &digests, std::slice::from_ref(authority), &SystemDice)).map_err(told)?;
    Ok(Evidence { records: vec![record], ..Evidence::default() })
}

/// Frozen evidence from a file, which anybody could have written.
fn thawed(path: &Path) -> Result<frozen::Frozen, String> {
    let octets = files::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    frozen::thaw(&octets, Provenance::File).map_err(|error| format!("{}: {error}", path.display()))
}

fn base_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// One file's line or paragraph, and its exit status.
fn shown(path: &Path, outcome: Result<Verdict, String>, json: bool, bare_trust: bool) -> (String, u8) {
    match outcome {
        Ok(verdict) => {
            let exit = verdict.indication.exit();
            let text = if json { serde_json::to_string(&verdict).unwrap_or_default() } else { render_text(&verdict, bare_trust) };
            (text + "\n", exit)
        }
        Err(error) => {
            eprintln!("xinyin verify: {}: {error}", path.display());
            let line = serde_json::json!({ "file": base_name(path), "error": error });
            (if json { format!("{line}\n") } else { String::new() }, super::FAILED)
        }
    }
}

/// Judges the files on `jobs` threads and hands the outcomes over in the order given.
fn in_order(
    paths: &[PathBuf],
    jobs: usize,
    desk: &Desk,
    mut take: impl FnMut(&Path, Result<Verdict, String>) -> std::io::Result<()>,
) -> std::io::Result<()> {
    if jobs == 1 || paths.len() < 2 {
        return paths.iter().try_for_each(|path| take(path, judge(path, desk)));
    }
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        // Bounded, so that a slow first file does not let all other verdicts pile up in memory.
        let (send, receive) = mpsc::sync_channel(jobs * 4);
        for _ in 0..jobs.min(paths.len()) {
            let (send, next) = (send.clone(), &next);
            scope.spawn(move || {
                while let Some((at, path)) = Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|at| paths.get(at).map(|path| (at, path)))
                {
                    if send.send((at, judge(path, desk))).is_err() {
                        break;
                    }
                }
            });
        }
        drop(send);
        let mut waiting = BTreeMap::new();
        let mut due = 0;
        for (at, outcome) in receive {
            waiting.insert(at, outcome);
            while let Some(outcome) = waiting.remove(&due) {
                if let Some(path) = paths.get(due) {
                    take(path, outcome)?;
                }
                due += 1;
            }
        }
        Ok(())
    })
}
