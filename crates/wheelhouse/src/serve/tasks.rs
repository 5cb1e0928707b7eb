//! What goes on beside the requests: delivery of events, sweeping of objects, saving of last use, this node's beats. Ends in order.
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use wh_base::{Result, Tracer, codes};
use wh_dataset::Datasets;
use wh_db::{Context, Outbox, Reaction, SystemDb};
use wh_identity::Identity;
use wh_panels::service::{Look, Running as Imports, imports_interrupted};
use wh_server::Hub;
use wh_server::log::LogControl;
use wh_system::System;

use crate::settings::{Settings, Sources};

use super::backup::Backups;
use super::nodes;

/// Time between two sweeps for objects that nothing names.
const SWEEP_EVERY: Duration = Duration::from_hours(1);
/// Time between two looks for imports that nobody reads any more.
const LOOK_EVERY: Duration = Duration::from_mins(1);

/// What the tasks need.
pub struct Work {
    /// Database and clock.
    pub context: Context,
    /// The imports that run here.
    pub imports: Imports,
    /// Events to deliver.
    pub outbox: Outbox,
    /// To whom.
    pub reactions: Vec<Reaction>,
    /// And to every open tab.
    pub hub: Hub,
    /// Across tenants.
    pub system: SystemDb,
    /// Objects to sweep.
    pub datasets: Datasets,
    /// Last uses to save.
    pub identity: Identity,
    /// Who tells the others of this node.
    pub operator: System,
    /// Backups to make, where they are configured.
    pub backups: Option<Backups>,
    /// Where spans of this work go.
    pub tracer: Tracer,
}

/// The running tasks.
pub struct Running {
    tasks: TaskTracker,
    stop: CancellationToken,
}

/// Start them.
pub fn start(work: Work) -> Running {
    let running = Running { tasks: TaskTracker::new(), stop: CancellationToken::new() };
    let Work {
        context,
        imports,
        outbox,
        reactions,
        hub,
        system,
        datasets,
        identity,
        operator,
        backups,
        tracer,
    } = work;
    let missing = hub.clone();
    let outbox = outbox.on_missed(Arc::new(move || missing.missed()));
    let deliver = Arc::new(move |event: &wh_db::Delivered| hub.deliver(event));
    running.tasks.spawn(outbox.run(reactions, deliver, running.stop.clone()));
    running.tasks.spawn(nodes::beat(context.clone(), operator, running.stop.clone()));
    running.tasks.spawn(imports_left(context, system.clone(), imports, running.stop.clone()));
    running.tasks.spawn(sweep(datasets, system, tracer, running.stop.clone()));
    let stop = running.stop.clone();
    running.tasks.spawn(async move { identity.save_last_uses(stop).await });
    if let Some(backups) = backups {
        running.tasks.spawn(backups.clone().keep(running.stop.clone()));
        running.tasks.spawn(backups.clone().forget(running.stop.clone()));
        running.tasks.spawn(backups.prove(running.stop.clone()));
    }
    running
}

impl Running {
    /// The door is closed: let them finish what they do.
    pub async fn end(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

async fn sweep(datasets: Datasets, system: SystemDb, tracer: Tracer, stop: CancellationToken) {
    for outcome in ["done", "failed"] {
        metrics::counter!("queue_jobs_total", "queue" => "object_sweep", "outcome" => outcome).increment(0);
    }
    loop {
        // It may be left at any point: what it has not removed, the next one does.
        let work = Box::pin(tracer.work("object sweep", Box::pin(datasets.sweep(&system))));
        let Some(swept) = stop.run_until_cancelled(work).await else { return };
        let outcome = match swept {
            Ok(_) => "done",
            Err(error) => {
                tracing::warn!(error = ?error, "objects were not swept");
                "failed"
            }
        };
        metrics::counter!("queue_jobs_total", "queue" => "object_sweep", "outcome" => outcome).increment(1);
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(SWEEP_EVERY) => {}
        }
    }
}

/// Imports whose node stopped and did not come back are ended by the others, and one's own whose end could not be written down,
/// because the disk was full or the database away.
async fn imports_left(context: Context, system: SystemDb, imports: Imports, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        let look = Box::pin(imports_interrupted(&context, &system, &imports, Look::Beside));
        match stop.run_until_cancelled(look).await {
            None => return,
            Some(Ok(0)) => {}
            Some(Ok(ended)) => tracing::info!(ended, "imports that nobody reads any more have failed"),
            Some(Err(error)) => tracing::warn!(error = ?error, "imports that nobody reads were not ended"),
        }
    }
}

/// SIGHUP reads the log's level from the configuration again: also the way back from a level set while running.
pub fn log_level_on_hangup(sources: Sources, log: LogControl) -> Result<impl Future<Output = ()>> {
    let mut hangup =
        signal(SignalKind::hangup()).map_err(|e| codes::INTERNAL.caused("cannot listen for signals", e))?;
    Ok(async move {
        while hangup.recv().await.is_some() {
            let level = Settings::load(&sources).map(|settings| settings.log.level);
            match level.and_then(|level| log.set(level.parse()?).map(|()| level)) {
                Ok(level) => tracing::info!(level, "the log level was read again"),
                Err(error) => tracing::error!(error = ?error, "the log level stays as it is"),
            }
        }
    })
}

/// SIGTERM and SIGINT begin the drain; a second one has nothing to add.
pub fn stop_on_signal(stop: CancellationToken) -> Result<impl Future<Output = ()>> {
    let listen = |kind| signal(kind).map_err(|e| codes::INTERNAL.caused("cannot listen for signals", e));
    let (mut terminate, mut interrupt) = (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        stop.cancel();
    })
}
