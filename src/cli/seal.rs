//! `xinyin seal`: make electronic seals, say what one says, and the operator's part of the register.

mod register;

use crate::fault::{Fault, code};
use crate::files::{self, Access, fonts};
use crate::id::{CodeCheck, UnifiedSocialCreditCode};
use crate::keys::{self, Password};
use crate::moment::Moment;
use crate::pki::Certificate;
use crate::pki::build::seal::{ListKind, Version};
use crate::sign::seal::order::OrderFile;
use crate::sign::seal::{FaceError, Font, Inspection, Listed, Request, Round, Square, inspect, png, prepare};
use crate::world::{Clock as _, SystemClock, SystemDice, random};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// Arguments of `xinyin seal`.
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand, Debug)]
enum Command {
    /// Make an electronic seal with the maker's key
    Make(Box<MakeArgs>),
    /// Say what a seal says, and whether its maker's signature holds
    Inspect(InspectArgs),
    #[command(flatten)]
    Register(register::What),
}

#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  xinyin seal make --key maker.p12 --password-file pin.txt --owner 测试区行政审批局 --uscc 11350899MB00000021 \\\n    \
--purpose 行政审批专用章 --signer window.crt --days 365 approval.esl\n  \
xinyin seal make --key maker.pem --cert maker.crt --person --owner 张伟 --signer zhangwei.crt --picture-out zhangwei.svg zhangwei.esl\n  \
xinyin seal make --key pkcs11:token=maker --cert maker.crt --request seal-order.json approval.esl\n\n\
Exit status: 0 made; 3 not made, with one sentence that says why. OUT is written whole or not at all."
)]
struct MakeArgs {
    /// Where the seal goes
    #[arg(value_name = "OUT.esl")]
    output: PathBuf,
    /// The maker's private key: a PEM, DER or PKCS#12 file, or a pkcs11: URI
    #[arg(long, value_name = "FILE|URI")]
    key: String,
    /// The maker's certificate, where the key file does not hold it
    #[arg(long, value_name = "FILE")]
    cert: Option<PathBuf>,
    /// The approved order that a register exported; it says everything else
    #[arg(long, value_name = "FILE", conflicts_with_all = ["owner", "uscc", "person", "purpose", "name", "id", "kind", "signer", "digests", "standard", "from", "until", "days", "picture", "size", "font", "picture_out"])]
    request: Option<PathBuf>,
    /// The owner's name, as it stands along the arc
    #[arg(long, value_name = "NAME", required_unless_present = "request")]
    owner: Option<String>,
    /// The owner's unified social credit code (needed but with --person)
    #[arg(long, value_name = "CODE")]
    uscc: Option<String>,
    /// A person's seal: square, kind 2
    #[arg(long)]
    person: bool,
    /// What it is for, such as 行政审批专用章; the line below the star
    #[arg(long, value_name = "TEXT")]
    purpose: Option<String>,
    /// Name of the seal; default: owner and purpose
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Code of the seal: the region's six digits and eight more; default: a new one
    #[arg(long, value_name = "CODE")]
    id: Option<String>,
    /// Kind: 1 of an organisation, 2 of a person, others by agreement
    #[arg(long, value_name = "N")]
    kind: Option<u32>,
    /// Certificate of somebody who may use it (repeatable)
    #[arg(long, value_name = "FILE", required_unless_present = "request")]
    signer: Vec<PathBuf>,
    /// List digests of the certificates instead of the certificates
    #[arg(long)]
    digests: bool,
    /// The standard: v4 GB/T 38540-2020, v5 GM/T 0031-2025, v1 GM/T 0031-2014
    #[arg(long, default_value = "v4", value_parser = ["v1", "v4", "v5"])]
    standard: String,
    /// Begin of validity (RFC 3339); default: now
    #[arg(long, value_name = "RFC3339")]
    from: Option<Moment>,
    /// End of validity (RFC 3339)
    #[arg(long, value_name = "RFC3339", conflicts_with = "days")]
    until: Option<Moment>,
    /// Validity in days; default: 365
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=7300))]
    days: Option<u32>,
    /// The picture: PNG, JPEG, GIF, BMP or OFD; default: it is drawn
    #[arg(long, value_name = "FILE")]
    picture: Option<PathBuf>,
    /// Size in millimetres: diameter of a round seal (default 42), side of a square one (default 20)
    #[arg(long, value_name = "MM")]
    size: Option<u32>,
    /// Font to draw with; default: the best Chinese font of this machine
    #[arg(long, value_name = "FILE")]
    font: Option<PathBuf>,
    /// Also writes the drawn picture: .svg for paths, .png for a bitmap
    #[arg(long, value_name = "FILE", conflicts_with = "picture")]
    picture_out: Option<PathBuf>,
    /// The key's password or PIN stands here; otherwise in the environment variable XINYIN_PASSWORD
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  xinyin seal inspect --format json approval.esl\n\n\
Exit status: 0 the maker's signature holds (whom the maker is trusted by is not asked); 1 it does not, or the file is no seal; 2 its \
algorithm is not supported; 3 the file could not be read.")]
struct InspectArgs {
    /// The seals
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// text or json (one object a line)
    #[arg(long, default_value = "text", value_parser = ["text", "json"])]
    format: String,
    /// The moment for which its dates are judged (RFC 3339); default: now
    #[arg(long, value_name = "RFC3339")]
    at: Option<Moment>,
}

/// Runs the command.
pub fn run(args: &Args) -> ExitCode {
    match &args.command {
        Command::Inspect(args) => look(args),
        Command::Register(what) => register::run(what),
        Command::Make(args) => match make(args) {
            Ok(()) => ExitCode::SUCCESS,
            Err(fault) => {
                eprintln!("xinyin seal make: {fault} / {}", fault.code.remedy_en);
                ExitCode::from(super::FAILED)
            }
        },
    }
}

fn make(args: &MakeArgs) -> Result<(), Fault> {
    let request = |why: &str| Fault::new(code::SEAL_REQUEST).detail(why);
    let password = Password::find(args.password_file.as_deref())?;
    let own = args.cert.as_deref().map(certificates).transpose()?.unwrap_or_default();
    let identity = keys::open(&args.key, password.as_ref())?.with_certificates(own);
    let unreadable = |path: &str, error: &dyn std::fmt::Display| Fault::new(code::SEAL_CERTIFICATE).detail(format!("{path}: {error}"));
    let maker = identity.certificate().ok_or_else(|| unreadable("--cert", &"no certificate of this key was given"))?;
    let maker = Certificate::from_der(maker).map_err(|error| unreadable("--cert", &error))?;
    if let Some(path) = &args.request {
        let order = OrderFile::read(&read(path)?)?.order;
        let prepared = prepare(&order.request(maker, SystemClock.now())?)?;
        let signature = identity.signer.sign(prepared.message()).map_err(|error| Fault::new(code::KEY_DEVICE).detail(error.to_string()))?;
        let seal = prepared.finish(&signature)?;
        order.check(&seal).map_err(|mismatch| Fault::new(code::SEAL_RESULT).detail(mismatch.to_string()))?;
        return write(&args.output, &seal);
    }
    let mut signers = Vec::new();
    for path in &args.signer {
        // Of a bundle the first is the signer's own.
        let der = certificates(path)?.into_iter().next();
        let der = der.ok_or_else(|| unreadable(&path.display().to_string(), &"holds no certificate"))?;
        signers.push(Certificate::from_der(&der).map_err(|error| unreadable(&path.display().to_string(), &error))?);
    }
    let owner = args.owner.as_deref().unwrap_or_default();
    let code = match &args.uscc {
        Some(text) => Some(UnifiedSocialCreditCode::parse(text).map_err(Fault::from)?),
        None if args.person => None,
        None => return Err(request("--uscc is missing: a seal of an organisation bears its credit code")),
    };
    if code.as_ref().is_some_and(|code| code.check() != CodeCheck::Matches) {
        eprintln!(
            "xinyin seal make: 统一社会信用代码的校验字符不符，属早期试点代码，请向登记机关核实 The check character of the credit code does not follow; such codes of an early pilot exist: ask the register"
        );
    }
    let now = SystemClock.now();
    let created = Moment::from_secs(now.secs());
    let from = args.from.unwrap_or(created);
    let until = args.until.unwrap_or_else(|| from.plus(Duration::from_secs(u64::from(args.days.unwrap_or(365)) * 86_400)));
    let (picture, size) = picture(args, code.as_ref())?;
    let serial = u64::from_le_bytes(random(&SystemDice)) % 100_000_000;
    let region = code.as_ref().map_or("350899", UnifiedSocialCreditCode::region);
    let wish = Request {
        version: match args.standard.as_str() {
            "v1" => Version::V1,
            "v5" => Version::V5,
            _ => Version::V4,
        },
        id: args.id.clone().unwrap_or_else(|| format!("{region}{serial:08}")),
        kind: args.kind.unwrap_or(if args.person { 2 } else { 1 }),
        name: args.name.clone().unwrap_or_else(|| format!("{owner}{}", args.purpose.as_deref().unwrap_or_default())),
        code,
        signers,
        list: if args.digests { ListKind::Digests } else { ListKind::Certificates },
        created,
        from,
        until,
        picture,
        size,
        maker,
    };
    let prepared = prepare(&wish)?;
    let signature = identity.signer.sign(prepared.message()).map_err(|error| Fault::new(code::KEY_DEVICE).detail(error.to_string()))?;
    let seal = prepared.finish(&signature)?;
    write(&args.output, &seal)
}

/// The picture given or drawn, and its size in millimetres.
fn picture(args: &MakeArgs, uscc: Option<&UnifiedSocialCreditCode>) -> Result<(Vec<u8>, (u32, u32)), Fault> {
    let side = args.size.unwrap_or(if args.person { 20 } else { 42 });
    if let Some(path) = &args.picture {
        return Ok((read(path)?, (side, side)));
    }
    let owner = args.owner.as_deref().unwrap_or_default();
    let refused = |error: &dyn std::fmt::Display| Fault::new(code::SEAL_PICTURE).detail(error.to_string());
    let octets = fonts::chinese(args.font.as_deref(), fonts::Style::Serif).map_err(|error| refused(&error))?;
    let octets = octets.ok_or_else(|| refused(&"no Chinese font is installed (Debian: fonts-noto-cjk)"))?;
    let font = Font::read(&octets).map_err(|error| refused(&error))?;
    let drawing = if args.person {
        Square { owner, side }.draw(&font)
    } else {
        let code = uscc.map(UnifiedSocialCreditCode::expose);
        Round { owner, purpose: args.purpose.as_deref(), code, diameter: side }.draw(&font)
    };
    let drawing = drawing.map_err(|error: FaceError| refused(&error))?;
    let bitmap = png(&drawing).ok_or_else(|| refused(&"the picture is too large"))?;
    if let Some(path) = &args.picture_out {
        match path.extension().and_then(|ending| ending.to_str()) {
            Some("svg") => write(path, drawing.svg().as_bytes())?,
            Some("png") => write(path, &bitmap)?,
            _ => return Err(Fault::new(code::SEAL_REQUEST).detail("--picture-out ends with .svg or .png")),
        }
    }
    Ok((bitmap, (side, side)))
}

fn read(path: &Path) -> Result<Vec<u8>, Fault> {
    files::read(path).map_err(|error| Fault::new(code::FILE).detail(format!("{}: {error}", path.display())))
}

fn write(path: &Path, octets: &[u8]) -> Result<(), Fault> {
    files::write_atomic(path, octets, Access::Public).map_err(|error| Fault::new(code::FILE).detail(format!("{}: {error}", path.display())))
}

fn certificates(path: &Path) -> Result<Vec<Vec<u8>>, Fault> {
    keys::read_certificates(&read(path)?).map_err(|error| Fault::new(code::SEAL_CERTIFICATE).detail(format!("{}: {error}", path.display())))
}

#[derive(Serialize)]
struct Line<'a> {
    file: &'a str,
    #[serde(flatten)]
    inspection: Option<Inspection>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Told>,
}

#[derive(Serialize)]
struct Told {
    code: &'static str,
    zh: &'static str,
    en: &'static str,
    detail: Option<String>,
}

fn look(args: &InspectArgs) -> ExitCode {
    let at = args.at.unwrap_or_else(|| SystemClock.now());
    let mut worst = 0;
    for path in &args.files {
        let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let answer = read(path).and_then(|octets| inspect(&octets, at));
        let status = match &answer {
            Ok(inspection) => match inspection.maker_signature {
                "intact" => 0,
                "unsupported" => 2,
                _ => 1,
            },
            Err(fault) if fault.code == code::SEAL_UNREADABLE => 1,
            Err(_) => super::FAILED,
        };
        // 3 before 1 before 2 before 0.
        let weight = |status: u8| [0, 2, 1, 3].get(usize::from(status)).copied().unwrap_or(3);
        if weight(status) > weight(worst) {
            worst = status;
        }
        let (inspection, error) = match answer {
            Ok(inspection) => (Some(inspection), None),
            Err(fault) => {
                eprintln!("xinyin seal inspect: {file}: {fault}");
                (None, Some(Told { code: fault.code.id, zh: fault.code.zh, en: fault.code.en, detail: fault.detail }))
            }
        };
        if args.format == "json" {
            match serde_json::to_string(&Line { file: &file, inspection, error }) {
                Ok(line) => println!("{line}"),
                Err(_) => return ExitCode::from(super::FAILED),
            }
        } else if let Some(inspection) = inspection {
            print!("{}", text(&file, &inspection));
        }
    }
    ExitCode::from(worst)
}

fn text(file: &str, seal: &Inspection) -> String {
    use std::fmt::Write as _;
    let clean = |text: &str| text.chars().map(|letter| if letter.is_control() { '\u{fffd}' } else { letter }).collect::<String>();
    let signature = match seal.maker_signature {
        "intact" => "完好 intact",
        "unsupported" => "算法不支持 algorithm not supported",
        _ => "不成立 broken",
    };
    let now = match seal.now {
        "valid" => "有效期内 valid by its dates",
        "expired" => "已过期 expired",
        _ => "尚未生效 not yet valid",
    };
    let picture = &seal.picture;
    let mut out = format!("{}\n", clean(file));
    let mut row = |label: &str, value: String| {
        let _ = writeln!(out, "  {label}: {}", clean(&value));
    };
    row("名称 name", seal.name.clone());
    row("印章编码 code", seal.id.clone());
    row("标准 standard", format!("{} (kind {}, {})", seal.standard, seal.kind, seal.vendor));
    if let Some(code) = &seal.uscc {
        row("统一社会信用代码 credit code", code.clone());
    }
    row("有效期 validity", format!("{} – {}, {now}", seal.valid_from, seal.valid_until));
    row("制章签名 maker's signature", signature.into());
    row("制章者 maker", shown(&seal.maker));
    for signer in &seal.signers {
        row("签章者 signer", shown(signer));
    }
    row("图片 picture", format!("{} {} × {} mm, {} octets", picture.kind, picture.width, picture.height, picture.octets));
    for warning in &seal.warnings {
        row("注意 warning", format!("{} {}", warning.zh, warning.en));
    }
    out
}

fn shown(listed: &Listed) -> String {
    match listed {
        Listed::Certificate { subject, serial, valid_from, valid_until, .. } => {
            format!("{subject}, {serial}, {valid_from} – {valid_until}")
        }
        Listed::Digest { algorithm, digest } => format!("{algorithm} {digest}"),
        Listed::Unreadable { unreadable_octets } => format!("无法读取的证书 an unreadable certificate of {unreadable_octets} octets"),
    }
}
