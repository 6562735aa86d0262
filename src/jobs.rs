//! What happens without anyone asking: linking the audit log, following the clock, settling, sweeping.

use crate::fault::Fault;
use crate::service::log_in::{self, Provider};
use crate::service::{audit, upkeep};
use crate::world::{World, random};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Starts the jobs. They end soon after `stop` turns true; wait for the set, so that the last audit rows are linked.
pub fn start(world: &Arc<World>, stop: &watch::Receiver<bool>) -> JoinSet<()> {
    let mut jobs = JoinSet::new();
    // Which machine and process holds a lease.
    let holder: Arc<str> = hex::encode(random::<8>(&*world.dice)).into();
    let (w, h) = (world.clone(), holder.clone());
    every(&mut jobs, "audit", Duration::from_millis(500), stop, move || {
        let (world, holder) = (w.clone(), h.clone());
        async move { audit::link(&world.store, &world.config.data, &holder, world.clock.now()).await.map(drop) }
    });
    let w = world.clone();
    every(&mut jobs, "settle", Duration::from_secs(60), stop, move || {
        let world = w.clone();
        async move { upkeep::settle(&world).await.map(drop) }
    });
    let w = world.clone();
    every(&mut jobs, "sweep", Duration::from_secs(300), stop, move || {
        let world = w.clone();
        async move { upkeep::sweep(&world).await.map(drop) }
    });
    let (w, provider) = (world.clone(), Arc::new(Provider::new(world)));
    every(&mut jobs, "tell portals", Duration::from_secs(1), stop, move || {
        let (world, provider) = (w.clone(), provider.clone());
        async move { log_in::tell(&world, &provider).await.map(drop) }
    });
    let w = world.clone();
    every(&mut jobs, "end sessions", Duration::from_secs(30), stop, move || {
        let world = w.clone();
        async move { log_in::expire(&world).await.map(drop) }
    });
    // The demo follows the province's clock closely; elsewhere an offset is only told.
    let pace = Duration::from_secs(if world.following.is_some() { 1 } else { 300 });
    let w = world.clone();
    every(&mut jobs, "clock", pace, stop, move || {
        let world = w.clone();
        async move { upkeep::clock(&world).await }
    });
    jobs
}

/// Runs a job at once and then again and again; a failure is logged and the job goes on. When stopped it runs once more.
fn every<F, W>(jobs: &mut JoinSet<()>, name: &'static str, pace: Duration, stop: &watch::Receiver<bool>, work: F)
where
    F: Fn() -> W + Send + 'static,
    W: Future<Output = Result<(), Fault>> + Send,
{
    let mut stop = stop.clone();
    jobs.spawn(async move {
        let mut failed = false;
        loop {
            let stopping = *stop.borrow();
            match work().await {
                Ok(()) if failed => {
                    tracing::info!(job = name, "works again");
                    failed = false;
                }
                Ok(()) => {}
                // Once, and not at every beat.
                Err(fault) if !failed => {
                    tracing::error!(job = name, code = fault.code.id, fault = ?fault, "job failed");
                    failed = true;
                }
                Err(_) => {}
            }
            if stopping {
                return;
            }
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => {}
                () = tokio::time::sleep(pace) => {}
            }
        }
    });
}
