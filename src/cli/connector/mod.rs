//! `xinyin connector`: a helper on the holder's own machine. It lets login pages that the holder allowed use a certificate's key
//! (PEM, PKCS#12, PKCS#11), or signs a downloaded challenge; in both ways the holder sees the exact text and confirms it.

mod http;

use crate::cli::FAILED;
use crate::fault::{Fault, code};
use crate::keys::{self, Identity, Password};
use crate::login::challenge::{Challenge, canonical_origin};
use crate::service::connector::{Connector, Decision};
use crate::world::{SystemClock, SystemDice};
use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

/// Where login pages look for the connector.
pub const PORT: u16 = 8457;

/// Arguments of `xinyin connector`.
#[derive(clap::Args, Debug)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:\n  xinyin connector --key alice.p12 --password-file pin.txt --origin https://id.example.gov.cn\n  \
                  xinyin connector --key 'pkcs11:token=alice?module-path=/usr/lib/softhsm/libsofthsm2.so' --origin http://localhost:8440\n  \
                  xinyin connector sign challenge.txt --key alice.p12 --password-file pin.txt --out answer.json\n\n\
                  The password or PIN is read from --password-file or the environment variable XINYIN_PASSWORD."
)]
pub struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    keys: KeyArgs,
    /// A site whose login page may ask (repeatable), e.g. `https://id.example.gov.cn`
    #[arg(long = "origin", value_name = "ORIGIN")]
    origins: Vec<String>,
    /// Port on 127.0.0.1; 0 takes a free one
    #[arg(long, default_value_t = PORT)]
    port: u16,
    /// Sign without asking: for tests only, never on a person's machine
    #[arg(long)]
    yes: bool,
    /// What is printed once it listens: text, or one JSON object
    #[arg(long, default_value = "text", value_parser = ["text", "json"])]
    format: String,
}

#[derive(clap::Args, Debug)]
struct KeyArgs {
    /// The key: a file (PEM, DER, PKCS#12) or a pkcs11: URI (repeatable)
    #[arg(long = "key", value_name = "FILE|URI")]
    keys: Vec<String>,
    /// Certificates that do not stand in the key's file (repeatable): the key's own and those above it
    #[arg(long = "cert", value_name = "FILE")]
    certificates: Vec<PathBuf>,
    /// File with the password or PIN
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

#[derive(clap::Subcommand, Debug)]
enum Command {
    /// Sign a login challenge that was downloaded from the login page
    Sign(SignArgs),
}

#[derive(clap::Args, Debug)]
struct SignArgs {
    /// The downloaded challenge
    challenge: PathBuf,
    #[command(flatten)]
    keys: KeyArgs,
    /// Where the answer is written; without it, standard output
    #[arg(long)]
    out: Option<PathBuf>,
    /// Refuse a challenge of any other site
    #[arg(long)]
    origin: Option<String>,
    /// Sign without asking: for tests only
    #[arg(long)]
    yes: bool,
}

/// Runs the command.
pub fn run(args: Args) -> ExitCode {
    let done = match args.command {
        Some(Command::Sign(sign)) => sign_file(&sign),
        None => serve(args),
    };
    done.unwrap_or_else(|fault| {
        eprintln!("{fault}\n{} {}", fault.code.remedy_zh, fault.code.remedy_en);
        ExitCode::from(FAILED)
    })
}

fn open(args: &KeyArgs) -> Result<Connector, Fault> {
    if args.keys.is_empty() {
        return Err(Fault::new(code::KEY_UNREADABLE).detail("--key"));
    }
    let password = Password::find(args.password_file.as_deref())?;
    let mut extra = Vec::new();
    for path in &args.certificates {
        let bytes =
            crate::files::read(path).map_err(|error| Fault::new(code::KEY_UNREADABLE).detail(format!("{}: {error}", path.display())))?;
        extra.extend(keys::read_certificates(&bytes)?);
    }
    let mut identities: Vec<Identity> = Vec::new();
    for spec in &args.keys {
        identities.push(keys::open(spec, password.as_ref())?.with_certificates(extra.clone()));
    }
    Connector::new(identities, Arc::new(SystemClock), Arc::new(SystemDice))
}

fn serve(args: Args) -> Result<ExitCode, Fault> {
    let bad_origin = || Fault::new(code::CONNECTOR_ORIGIN).detail("--origin https://…");
    let origins = args.origins.iter().map(|origin| canonical_origin(origin).ok_or_else(bad_origin)).collect::<Result<Vec<_>, _>>()?;
    if origins.is_empty() {
        return Err(bad_origin());
    }
    let connector = Arc::new(open(&args.keys)?);
    let failed = |error: std::io::Error| Fault::new(code::SYSTEM).detail(format!("127.0.0.1:{}: {error}", args.port));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", args.port)).await.map_err(failed)?;
        let port = listener.local_addr().map_err(failed)?.port();
        let certificates = connector.certificates();
        if args.format == "json" {
            println!(
                "{}",
                serde_json::json!({"url": format!("http://127.0.0.1:{port}"), "origins": origins, "certificates": certificates})
            );
        } else {
            println!("http://127.0.0.1:{port}");
        }
        for certificate in &certificates {
            eprintln!("证书 certificate: {} ({})", certificate.subject, certificate.key);
        }
        eprintln!("允许的网站 allowed sites: {}\n确认页面 confirmation page: http://127.0.0.1:{port}/", origins.join(" "));
        if !args.yes {
            listen_to_holder(connector.clone());
        }
        let router = http::router(http::Served { connector, origins, port, ask: !args.yes });
        axum::serve(listener, router).await.map_err(failed)
    })?;
    Ok(ExitCode::SUCCESS)
}

/// The holder may decide on the terminal as well: a line `y` confirms the request shown last, `n` declines it.
fn listen_to_holder(connector: Arc<Connector>) {
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            let waiting = connector.requests();
            // With several waiting, a line could mean either: the page tells them apart.
            let [request] = waiting.as_slice() else { continue };
            let decision = if line.trim().eq_ignore_ascii_case("y") { Decision::Confirmed } else { Decision::Declined };
            connector.decide(&request.token, decision);
        }
    });
}

fn sign_file(args: &SignArgs) -> Result<ExitCode, Fault> {
    let unreadable = |error: std::io::Error| Fault::new(code::CHALLENGE_FORM).detail(format!("{}: {error}", args.challenge.display()));
    let bytes = crate::files::read(&args.challenge).map_err(unreadable)?;
    let challenge = Challenge::parse(&bytes).map_err(|error| Fault::new(code::CHALLENGE_FORM).detail(error.to_string()))?;
    let connector = open(&args.keys)?;
    eprintln!("{challenge}");
    if !args.yes && !confirmed() {
        return Ok(ExitCode::from(1));
    }
    let answer = connector.sign(None, &challenge, args.origin.as_deref())?;
    let json = serde_json::to_string(&answer).map_err(|error| Fault::new(code::SYSTEM).because(error))? + "\n";
    match &args.out {
        Some(path) => crate::files::write_atomic(path, json.as_bytes(), crate::files::Access::Private)
            .map_err(|error| Fault::new(code::SYSTEM).detail(format!("{}: {error}", path.display())))?,
        None => print!("{json}"),
    }
    Ok(ExitCode::SUCCESS)
}

/// Asks on the terminal; nobody there means no.
fn confirmed() -> bool {
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        eprintln!("没有终端可供确认 no terminal to confirm on");
        return false;
    }
    eprint!("签名并登录？ Sign and log in? [y/N] ");
    let _ = std::io::stderr().flush();
    let mut line = String::new();
    stdin.lock().read_line(&mut line).is_ok() && line.trim().eq_ignore_ascii_case("y")
}
