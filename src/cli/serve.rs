//! `xinyin serve`: the service.

use super::installation::Installation;
use super::{installation, logging};
use crate::config::Config;
use crate::fault::{Fault, code};
use crate::jobs;
use crate::service::anchors;
use crate::web::{self, listen::listen};
use crate::world::World;
use std::process::ExitCode;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Arguments of `xinyin serve`.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  xinyin serve --config /etc/xinyin/xinyin.toml\n\n\
    Logs are JSON lines on stderr; RUST_LOG chooses what is logged. SIGTERM and Ctrl-C let answers under way finish.")]
pub struct Args {
    #[command(flatten)]
    installation: Installation,
}

/// Runs the command.
pub fn run(args: Args) -> ExitCode {
    logging::start();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().thread_name("xinyin").build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return installation::failed("serve", &Fault::new(code::SYSTEM).because(error)),
    };
    let served = runtime.block_on(async {
        let config = args.installation.read()?;
        let (stop, stopped) = watch::channel(false);
        let mut interrupted = signal(SignalKind::interrupt()).map_err(|error| Fault::new(code::SYSTEM).because(error))?;
        let mut terminated = signal(SignalKind::terminate()).map_err(|error| Fault::new(code::SYSTEM).because(error))?;
        let service = Service::start(config, stopped).await?;
        tracing::info!(address = %service.address, issuer = service.world.config.issuer, "listening");
        tokio::select! {
            _ = interrupted.recv() => {}
            _ = terminated.recv() => {}
        }
        tracing::info!("stopping");
        let _ = stop.send(true);
        service.ended().await;
        Ok(())
    });
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => installation::failed("serve", &fault),
    }
}

/// The running service, with its jobs.
pub(super) struct Service {
    /// Its World.
    pub world: Arc<World>,
    /// Where it listens.
    pub address: std::net::SocketAddr,
    listening: tokio::task::JoinHandle<()>,
    jobs: tokio::task::JoinSet<()>,
}

impl Service {
    /// Opens the World, listens and starts the jobs; everything ends soon after `stop` turns true.
    pub(super) async fn start(config: Config, stop: watch::Receiver<bool>) -> Result<Self, Fault> {
        let world = Arc::new(World::open(config).await?);
        anchors::refuse_lab(&world).await?;
        let address = world.config.listen;
        let listener = TcpListener::bind(address).await.map_err(|error| {
            let text = format!("listen: {address}: {error}; is another one running?");
            Fault::new(code::CONFIGURATION).detail(text)
        })?;
        let address = listener.local_addr().unwrap_or(address);
        let router = web::router(world.clone());
        let jobs = jobs::start(&world, &stop);
        let listening = tokio::spawn(listen(listener, router, stop));
        Ok(Self { world, address, listening, jobs })
    }

    /// Waits until answers under way and jobs have ended.
    pub(super) async fn ended(self) {
        let _ = self.listening.await;
        self.jobs.join_all().await;
        self.world.store.close().await;
    }
}
