//! `xinyin demo`: everything on this machine, on loopback. The service runs in this process, the stand-in province in one of
//! its own, the sample portal speaks to the service over HTTP only. Everything is kept under one folder, made on the first start.

mod client;
mod documents;
mod licences;
mod place;
mod portal;
mod province;
mod shown;

use super::installation::{Format, failed};
use super::logging;
use super::serve::Service;
use crate::config::Config;
use crate::fault::{Fault, code};
use crate::files::{self, Access};
use crate::net::{Net, NetOptions, Origin};
use place::Place;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Arguments of `xinyin demo`.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  xinyin demo\n  xinyin demo --data /tmp/demo --port 9440 --format json\n\n\
    The service listens on http://localhost:N, the sample portal on N+1, the stand-in province on N+2 and N+3.\n\
    Ctrl-C stops everything; started again with the same folder it knows everything it knew.")]
pub struct Args {
    /// Where everything is kept; made where it is missing
    #[arg(long, value_name = "DIR", default_value = "xinyin-demo")]
    data: PathBuf,
    /// The first of four ports; by default that of the last start with this folder, at first 8440
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=65_532))]
    port: Option<u16>,
    /// What stands on stdout once everything answers
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Runs the command.
pub fn run(args: Args) -> ExitCode {
    logging::start();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().thread_name("xinyin").build();
    let outcome = match runtime {
        Ok(runtime) => runtime.block_on(demo(&args)),
        Err(error) => Err(Fault::new(code::SYSTEM).because(error)),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => failed("demo", &fault),
    }
}

async fn demo(args: &Args) -> Result<(), Fault> {
    let system = |error: std::io::Error| Fault::new(code::SYSTEM).because(error);
    let mut interrupted = signal(SignalKind::interrupt()).map_err(system)?;
    let mut terminated = signal(SignalKind::terminate()).map_err(system)?;
    let work = async {
        let place = Place::open(&args.data, args.port)?;
        free(&place).await?;
        start(args, place).await
    };
    let running = tokio::select! {
        running = work => running?,
        _ = interrupted.recv() => return Ok(()),
        _ = terminated.recv() => return Ok(()),
    };
    tokio::select! {
        _ = interrupted.recv() => {}
        _ = terminated.recv() => {}
    }
    eprintln!("xinyin demo: stopping 正在停止");
    running.stop().await;
    Ok(())
}

/// Says which port is taken before anything is made or started.
async fn free(place: &Place) -> Result<(), Fault> {
    for port in place.port..=place.port + 3 {
        if let Err(error) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await {
            let text = format!("port {port}: {error}; stop what uses it, or choose another first port with --port");
            return Err(Fault::new(code::CONFIGURATION).detail(text));
        }
    }
    Ok(())
}

/// Everything that runs.
struct Running {
    service: Service,
    portal: tokio::task::JoinHandle<()>,
    lab: province::Lab,
    stop: watch::Sender<bool>,
}

impl Running {
    /// The service first, while its province still answers.
    async fn stop(self) {
        let _ = self.stop.send(true);
        self.portal.abort();
        self.service.ended().await;
        self.lab.stop().await;
    }
}

async fn start(args: &Args, place: Place) -> Result<Running, Fault> {
    let lab = province::Lab::start(&place).await?;
    let config = place.configure(&lab.description).await?;
    let (stop, stopped) = watch::channel(false);
    let service = Service::start(Config::read(&config)?, stopped).await?;
    let registered = place.fill(&service.world, &lab.description).await?;
    documents::make(&place, &lab.description).await?;
    licences::make(&place, &service.world, &lab.description).await;
    let portal = start_portal(&place, &service, &registered).await?;
    shown::print(args.format, &place, &lab.description);
    Ok(Running { service, portal, lab, stop })
}

async fn start_portal(place: &Place, service: &Service, registered: &place::Credentials) -> Result<tokio::task::JoinHandle<()>, Fault> {
    let origin: Origin = format!("private {}", place.issuer()).parse().map_err(|error| Fault::new(code::SYSTEM).because(error))?;
    let net =
        Net::new(NetOptions { allow: vec![origin], ..NetOptions::default() }).map_err(|error| Fault::new(code::SYSTEM).because(error))?;
    let registration = client::Registration {
        issuer: place.issuer(),
        id: registered.id.clone(),
        secret: registered.secret.clone(),
        redirect: format!("{}/callback", place.portal()),
        after_logout: format!("{}/", place.portal()),
    };
    let (clock, dice) = (service.world.clock.clone(), service.world.dice.clone());
    let client = client::OpenIdClient::new(registration, net, clock, dice.clone());
    let router = portal::router(Arc::new(portal::Portal::new(client, dice, place.issuer())));
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, place.port + 1));
    let listener =
        TcpListener::bind(address).await.map_err(|error| Fault::new(code::CONFIGURATION).detail(format!("{address}: {error}")))?;
    Ok(tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, router).await {
            tracing::error!(%error, "the sample portal ended");
        }
    }))
}

/// Writes a file of the demo; an error names it.
fn write(path: &std::path::Path, bytes: &[u8], access: Access) -> Result<(), Fault> {
    let failed = |error: std::io::Error| Fault::new(code::FILE).detail(format!("{}: {error}", path.display()));
    if let Some(folder) = path.parent() {
        files::folder(folder, Access::Private).map_err(failed)?;
    }
    files::write_atomic(path, bytes, access).map_err(failed)
}

/// Reads a file of the demo or the lab.
fn read(path: &std::path::Path) -> Result<Vec<u8>, Fault> {
    files::read(path).map_err(|error| Fault::new(code::FILE).detail(format!("{}: {error}", path.display())))
}
