//! `xinyin sign`: sign a document.

use super::bench::BenchArgs;
use crate::doc::source::ByteSource;
use crate::fault::Fault;
use crate::files::fonts::{Style, chinese};
use crate::files::{self, Access, FileSource};
use crate::keys::{self, Password};
use crate::service::sign::{Order, Wish, alone};
use crate::sign::seal::MAX_SEAL;
use crate::sign::{Format, Level, Lock, Mark, Picture, Place, Refusal};
use crate::world::{SystemClock, SystemDice};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

/// Arguments of `xinyin sign`.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  xinyin sign --key alice.p12 --password-file pin.txt contract.pdf signed.pdf\n  \
xinyin sign --key alice.pem --cert alice.crt --chain ca.crt --level B-T --tsa http://localhost:8442/tsa/p256 \\\n    \
--rect 36,36,236,96 --reason 同意 contract.pdf signed.pdf\n  \
xinyin sign --key alice.p12 --level B-LTA --tsa http://localhost:8442/tsa/p256 --trust root.pem --allow http://localhost:8442 \\\n    \
--field 甲方 --image seal.png contract.pdf signed.pdf\n  \
xinyin sign --key window.p12 --format ofd --seal approval.esl --keyword 审批机关盖章 --riding notice.ofd sealed.ofd\n  \
xinyin sign --key pkcs11:token=unit;object=alice --format cades --detached data.xml data.p7s\n\n\
Exit status: 0 signed; 3 not signed, with one sentence that says why. OUT is written whole or not at all.")]
pub struct Args {
    /// The document
    #[arg(value_name = "IN")]
    input: PathBuf,
    /// Where the signed document goes
    #[arg(value_name = "OUT")]
    output: PathBuf,
    /// The private key: a PEM, DER or PKCS#12 file, or a pkcs11: URI
    #[arg(long, value_name = "FILE|URI")]
    key: String,
    /// The signer's certificate, where the key file does not hold it
    #[arg(long, value_name = "FILE")]
    cert: Option<PathBuf>,
    /// Certificates between the signer's and the root (repeatable)
    #[arg(long, value_name = "FILE")]
    chain: Vec<PathBuf>,
    /// pades, cades, cms, gm-cms, ofd, ses (a seal's own structure in a PDF); default: pades for a PDF, ofd for a package with --seal,
    /// otherwise cades
    #[arg(long, value_parser = ["pades", "cades", "cms", "gm-cms", "ofd", "ses", "xades", "asic-e"])]
    format: Option<String>,
    /// Keep the document outside the signature
    #[arg(long)]
    detached: bool,
    /// B-B, B-T with a time-stamp, B-LT with validation material too, B-LTA with a time-stamp over all of it
    #[arg(long, default_value = "B-B", value_parser = ["B-B", "B-T", "B-LT", "B-LTA"])]
    level: String,
    #[command(flatten)]
    bench: BenchArgs,
    /// Why the document is signed (PDF)
    #[arg(long)]
    reason: Option<String>,
    /// Where it is signed (PDF)
    #[arg(long)]
    place: Option<String>,
    /// Page of the visible mark, from 1
    #[arg(long, value_name = "N")]
    page: Option<u32>,
    /// Place of the visible mark: in a PDF left,bottom,right,top in points; of a seal in OFD left,top,right,bottom in millimetres from
    /// the upper left corner of the page (default: its own size at the lower right)
    #[arg(long, value_name = "SIDES", allow_hyphen_values = true)]
    rect: Option<String>,
    /// The seal's middle over the first place of this text, on --page or anywhere (OFD)
    #[arg(long, value_name = "TEXT", conflicts_with = "rect")]
    keyword: Option<String>,
    /// The seal also across the right edges of all pages, a slice on each (OFD)
    #[arg(long)]
    riding: bool,
    /// Which document of a package that holds several, from 1 (OFD)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    document: Option<u32>,
    /// A picture in the visible mark: PNG or JPEG
    #[arg(long, value_name = "FILE")]
    image: Option<PathBuf>,
    /// The font of the mark's words; default: the Chinese font of this machine, if it has one
    #[arg(long, value_name = "FILE")]
    font: Option<PathBuf>,
    /// The signature field: an empty one of the form, or the name of a new one (PDF)
    #[arg(long, value_name = "NAME")]
    field: Option<String>,
    /// Certify: afterwards 1 nothing may change, 2 forms may be filled in and signed, 3 annotations too (PDF; the first signature only)
    #[arg(long, value_name = "1|2|3", value_parser = clap::value_parser!(u8).range(1..=3))]
    certify: Option<u8>,
    /// Fields that may not change any more: all, include:NAME,NAME or exclude:NAME,NAME (PDF); all: no signature may follow (OFD)
    #[arg(long, value_name = "FIELDS")]
    lock: Option<String>,
    /// An electronic seal (.esl) that lists the signer's certificate
    #[arg(long, value_name = "FILE")]
    seal: Option<PathBuf>,
    /// The key's password or PIN stands here; otherwise in the environment variable XINYIN_PASSWORD
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

/// Runs the command.
pub fn run(args: &Args) -> ExitCode {
    match sign(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => {
            eprintln!("xinyin sign: {text}");
            ExitCode::from(super::FAILED)
        }
    }
}

fn sign(args: &Args) -> Result<(), String> {
    let wish = wish(args)?;
    let document = FileSource::open(&args.input).map_err(|error| format!("{}: {error}", args.input.display()))?;
    let document: Arc<dyn ByteSource> = Arc::new(document);
    let identity = identity(args).map_err(told)?;
    let authority = args.bench.authority()?;
    let bench = if wish.level > Level::T { Some(args.bench.bench(&args.chain)?) } else { None };
    let order = Order { document: Arc::clone(&document), identity: Arc::new(identity), wish, authority };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())?;
    let output = runtime.block_on(alone(order, bench.as_ref(), &SystemClock, &SystemDice)).map_err(told)?;
    let written = files::write_atomic_from(&args.output, &output.over(&*document), Access::Public);
    written.map_err(|error| format!("{}: {error}", args.output.display()))
}

fn wish(args: &Args) -> Result<Wish, String> {
    let later = |what: &str| Err(format!("{what} is not available yet"));
    let format = match args.format.as_deref() {
        None => None,
        Some("pades") => Some(Format::Pades),
        Some("cades") => Some(Format::Cades),
        Some("cms") => Some(Format::Cms),
        Some("gm-cms") => Some(Format::GmCms),
        Some("ofd") => Some(Format::Ofd),
        Some("ses") => Some(Format::Ses),
        Some(other) => return later(&format!("--format {other}")),
    };
    let level: Level = args.level.parse().map_err(|refusal: Refusal| refusal.to_string())?;
    if level >= Level::T && args.bench.tsa.is_none() {
        return Err(format!("--level {} needs --tsa URL", level.name()));
    }
    if level == Level::B && args.bench.tsa.is_some() {
        return Err("--tsa is for --level B-T and above".into());
    }
    if args.detached && matches!(format, Some(Format::Pades | Format::Ses)) {
        return Err("--detached does not go with --format pades: a PDF holds its signature".into());
    }
    let seal = args.seal.as_deref().map(seal).transpose()?;
    // A package is told by its format or by the seal that it gets.
    let is_ofd = format == Some(Format::Ofd) || format.is_none() && seal.is_some() && is_package(&args.input);
    if !is_ofd && (args.keyword.is_some() || args.riding || args.document.is_some()) {
        return Err("--keyword, --riding and --document are for OFD".into());
    }
    Ok(Wish {
        format: if is_ofd { Some(Format::Ofd) } else { format },
        level,
        detached: args.detached,
        reason: args.reason.clone(),
        place: args.place.clone(),
        // A seal without a rectangle keeps its own size.
        mark: if is_ofd || seal.is_some() && args.rect.is_none() { None } else { mark(args)? },
        places: if is_ofd || seal.is_some() && args.rect.is_none() { places(args)? } else { Vec::new() },
        seal,
        document: args.document,
        picture: args.image.as_deref().map(picture).transpose()?,
        font: font(args)?,
        field: args.field.clone(),
        certify: args.certify,
        lock: args.lock.as_deref().map(lock).transpose()?,
    })
}

/// The font for words that may be drawn: a field may have a place of its own.
fn font(args: &Args) -> Result<Option<Arc<[u8]>>, String> {
    let seen = args.page.is_some() || args.rect.is_some() || args.image.is_some() || args.field.is_some();
    if !seen && args.font.is_none() {
        return Ok(None);
    }
    let named = |error: std::io::Error| format!("{}: {error}", args.font.as_deref().unwrap_or(Path::new("font")).display());
    Ok(chinese(args.font.as_deref(), Style::Sans).map_err(named)?.map(Arc::from))
}

fn seal(path: &Path) -> Result<Arc<[u8]>, String> {
    let said = |text: String| format!("{}: {text}", path.display());
    let file = FileSource::open(path).map_err(|error| said(error.to_string()))?;
    if file.len() > MAX_SEAL as u64 {
        return Err(told(Refusal::Seal(said("its file is too large".into())).into()));
    }
    Ok(files::read(path).map_err(|error| said(error.to_string()))?.into())
}

fn is_package(path: &Path) -> bool {
    FileSource::open(path).is_ok_and(|file| file.slice(0, 4).is_ok_and(|start| start == b"PK\x03\x04"))
}

/// Where a seal is seen in an OFD.
fn places(args: &Args) -> Result<Vec<Place>, String> {
    let mut places = Vec::new();
    if let Some(text) = &args.keyword {
        places.push(Place::Keyword { text: text.clone(), page: args.page });
    } else if let Some(text) = &args.rect {
        let sides = four(text).ok_or("--rect of a seal in OFD is left,top,right,bottom in millimetres")?;
        places.push(Place::Rectangle { page: args.page.unwrap_or(1), sides });
    } else if args.page.is_some() {
        places.push(Place::Corner { page: args.page });
    }
    if args.riding {
        places.push(Place::Riding);
    }
    Ok(places)
}

fn four(text: &str) -> Option<[f64; 4]> {
    let numbers: Option<Vec<f64>> = text.split(',').map(|number| number.trim().parse().ok()).collect();
    numbers.and_then(|numbers| numbers.try_into().ok())
}

fn picture(path: &Path) -> Result<Picture, String> {
    let said = |text: String| format!("{}: {text}", path.display());
    let file = FileSource::open(path).map_err(|error| said(error.to_string()))?;
    if file.len() > Picture::MAX_FILE as u64 {
        return Err(told(Refusal::Picture(said("its file is too large".into())).into()));
    }
    let octets = files::read(path).map_err(|error| said(error.to_string()))?;
    Picture::decode(&octets).map_err(|refusal| told(refusal.into()))
}

fn lock(text: &str) -> Result<Lock, String> {
    let names = |list: &str| list.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect::<Vec<_>>();
    let lock = match text.split_once(':') {
        None if text == "all" => Some(Lock::All),
        Some(("include", list)) => Some(Lock::Include(names(list))),
        Some(("exclude", list)) => Some(Lock::Exclude(names(list))),
        _ => None,
    };
    let empty = |lock: &Lock| matches!(lock, Lock::Include(list) | Lock::Exclude(list) if list.is_empty());
    lock.filter(|lock| !empty(lock)).ok_or_else(|| "--lock is all, include:NAME,NAME or exclude:NAME,NAME".into())
}

/// One sentence with its remedy.
fn told(fault: Fault) -> String {
    format!("{fault} / {}", fault.code.remedy_en)
}

fn mark(args: &Args) -> Result<Option<Mark>, String> {
    if args.page.is_none() && args.rect.is_none() {
        return Ok(None);
    }
    let rect = match &args.rect {
        None => [36.0, 36.0, 236.0, 96.0],
        Some(text) => four(text).ok_or("--rect is left,bottom,right,top in points")?,
    };
    Mark::new(args.page.unwrap_or(1), rect).map(Some).map_err(|refusal| refusal.to_string())
}

fn identity(args: &Args) -> Result<keys::Identity, Fault> {
    let password = Password::find(args.password_file.as_deref())?;
    let mut more = Vec::new();
    for path in args.cert.iter().chain(&args.chain) {
        more.extend(certificates(path)?);
    }
    Ok(keys::open(&args.key, password.as_ref())?.with_certificates(more))
}

fn certificates(path: &Path) -> Result<Vec<Vec<u8>>, Fault> {
    use crate::fault::code;
    let said = |text: String| Fault::new(code::FILE).detail(format!("{}: {text}", path.display()));
    let bytes = files::read(path).map_err(|error| said(error.to_string()))?;
    keys::read_certificates(&bytes).map_err(|error| said(error.to_string()))
}
