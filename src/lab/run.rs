//! Starting and stopping a lab.

use super::{
    Lab,
    answer::Answers,
    chaos::Chaos,
    clock::{LabClock, Setting},
    describe::{self, Description},
    folder::Folder,
    making::{self, Made},
    profile::{Family, Places},
    public,
    registry::Registry,
    secure, seed, serve,
    tsa::Tsa,
};
use crate::{files, moment::Moment, world::Clock};
use anyhow::{Context as _, bail};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use std::{
    net::Ipv4Addr,
    path::PathBuf,
    sync::{Arc, Mutex},
};
use tokio::{net::TcpListener, sync::watch, task::JoinSet};

/// How a lab is started.
#[derive(Debug, Clone)]
pub struct Options {
    /// Its folder; made where it is missing.
    pub data: PathBuf,
    /// Port of the public listener; the one above it takes mutual TLS. 0: any two, and the same ones again next time.
    pub port: u16,
    /// Misbehaviour from the first request on: a JSON file shaped like `/lab/chaos`.
    pub chaos: Option<PathBuf>,
}

/// A lab that answers.
pub struct Running {
    /// What stands in `province.json`.
    pub description: Description,
    /// Where that file is.
    pub file: PathBuf,
    stop: watch::Sender<bool>,
    listeners: JoinSet<()>,
}

impl Running {
    /// Stops accepting and lets answers under way finish.
    pub async fn stop(self) {
        let Self { stop, listeners, .. } = self;
        let _ = stop.send(true);
        listeners.join_all().await;
    }
}

/// Both listeners, on this machine only.
async fn bind(port: u16) -> anyhow::Result<(TcpListener, TcpListener, u16)> {
    let at = |port: u16| TcpListener::bind((Ipv4Addr::LOCALHOST, port));
    if port != 0 {
        let above = port.checked_add(1).context("--port must be below 65535")?;
        let public = at(port).await.with_context(|| format!("port {port} is taken; choose another with --port"))?;
        let secure = at(above).await.with_context(|| format!("port {above} is taken; choose another with --port"))?;
        return Ok((public, secure, port));
    }
    for _ in 0..64 {
        let public = at(0).await.context("no port is free")?;
        let port = public.local_addr()?.port();
        if let Some(above) = port.checked_add(1)
            && let Ok(secure) = at(above).await
        {
            return Ok((public, secure, port));
        }
    }
    bail!("no two neighbouring ports are free")
}

/// Starts a lab: the first time with new keys, later with those in its folder.
pub async fn start(options: &Options, machine: Box<dyn Clock>) -> anyhow::Result<Running> {
    let folder = Folder::open(&options.data)?;
    let chaos = match &options.chaos {
        Some(path) => read_chaos(path)?,
        None => Chaos::default(),
    };
    let made: Option<Made> = folder.load("lab.json")?;
    let wanted = if options.port == 0 { made.as_ref().map_or(0, |made| made.port) } else { options.port };
    let (public, secure, port) = bind(wanted).await?;
    let places = Places(format!("http://127.0.0.1:{port}"));
    let now = machine.now();
    let (folder, made) = {
        let places = places.clone();
        // Minutes of arithmetic do not belong on a thread that serves.
        tokio::task::spawn_blocking(move || prepare(folder, made, &places, port, now)).await??
    };
    let registry: Registry = folder.load("registry.json")?.context("registry.json is missing")?;
    let description = describe::describe(&folder, &places, port, &made, &registry)?;
    folder.save("province.json", &description)?;
    let setting: Setting = folder.load("clock.json")?.unwrap_or_default();
    let tls = serve::mutual_tls(
        vec![folder.certificate("tls-server")?.der().to_vec().into()],
        PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(folder.key("tls-server")?.to_pkcs8_der().to_vec())),
        folder.certificate("tls-ca")?.der().to_vec().into(),
    )?;
    let fingerprint = hex::encode(folder.certificate("answers")?.fingerprint_sha256());
    let lab = Arc::new(Lab {
        clock: LabClock::new(machine, setting),
        registry: Mutex::new(registry),
        inbox: Mutex::new(folder.load("inbox.json")?.unwrap_or_default()),
        chaos: Mutex::new(chaos),
        authorities: making::open(&folder)?,
        tsas: Family::ALL.into_iter().map(|family| tsa(&folder, family)).collect::<anyhow::Result<_>>()?,
        answers: Answers::new(Box::new(folder.key("answers")?), fingerprint),
        places,
        folder: folder.clone(),
    });
    let (stop, stopped) = watch::channel(false);
    let mut listeners = JoinSet::new();
    listeners.spawn(serve::serve(public, None, public::router(&lab), stopped.clone()));
    listeners.spawn(serve::serve(secure, Some(tls), secure::router(&lab), stopped));
    Ok(Running { description, file: folder.path("province.json"), stop, listeners })
}

fn prepare(folder: Folder, made: Option<Made>, places: &Places, port: u16, now: Moment) -> anyhow::Result<(Folder, Made)> {
    let made = match made {
        Some(made) => made,
        None => {
            let registry = seed::registry();
            folder.save("registry.json", &registry)?;
            making::make(&folder, places, port, &registry, now)?
        }
    };
    Ok((folder, made))
}

fn read_chaos(path: &std::path::Path) -> anyhow::Result<Chaos> {
    let bytes = files::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_slice(&bytes).with_context(|| format!("{} is no chaos file (see docs/lab.md)", path.display()))
}

fn tsa(folder: &Folder, family: Family) -> anyhow::Result<Tsa> {
    let id = family.id();
    let name = format!("{id}-tsa");
    let chain = vec![folder.certificate(id)?, folder.certificate(&format!("{id}-root"))?];
    Ok(Tsa { family, certificate: folder.certificate(&name)?, key: folder.key(&name)?, chain })
}
