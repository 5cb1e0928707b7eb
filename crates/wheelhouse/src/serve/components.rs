//! How everything is that the server stands on or works with: asked, or known to who does the work. Repairs nothing.
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use wh_backup::Status;
use wh_base::{Clock, ErrorCode, Kind, Result, codes};
use wh_dataset::segment::Objects;
use wh_db::{Context, SystemDb};
use wh_server::Component;
use wh_telemetry::Collector;

use crate::doctor::{Room, State};

/// Events go out late.
pub const DELIVERY_LATE: ErrorCode = ErrorCode::new(
    "wheelhouse.delivery_late",
    Kind::Unavailable,
    "events wait to be delivered",
    "a transaction that does not end may hold them back: docs/operations.md, \"Several nodes, one PostgreSQL\"",
);

/// The last backup or the last proof failed.
pub const BACKUP_FAILING: ErrorCode = ErrorCode::new(
    "wheelhouse.backup_failing",
    Kind::Unavailable,
    "the last backup, or the last proof of one, failed",
    "the admin page and `wheelhouse doctor` name the error; the server tries again",
);

/// The disk of the data folder is nearly full.
pub const DISK_LOW: ErrorCode = ErrorCode::new(
    "wheelhouse.disk_low",
    Kind::Unavailable,
    "little room is left for the data folder",
    "make room or grow the disk: imports and changes are refused when it is full",
);

/// The collector did not take the last message.
pub const COLLECTOR_AWAY: ErrorCode = ErrorCode::new(
    "wheelhouse.collector_away",
    Kind::Unavailable,
    "the collector did not take the last spans or figures",
    "look at the collector that otlp_endpoint in [telemetry] names; the log says what it answered",
);

/// All of them, for the error table.
pub const ALL: &[&ErrorCode] = &[&DELIVERY_LATE, &BACKUP_FAILING, &DISK_LOW, &COLLECTOR_AWAY];

/// An event that waits for so long is late: an idle look at the outbox comes every half second.
const LATE_S: i64 = 60;

/// What is looked at.
pub struct Looked {
    /// The database, and the clock.
    pub context: Context,
    /// Its queues.
    pub system: SystemDb,
    /// The objects.
    pub objects: Objects,
    /// The data folder.
    pub data: PathBuf,
    /// Whether backups are made here.
    pub backups: Backups,
    /// The way to the collector, where one is configured.
    pub collector: Option<Collector>,
}

/// Whether backups are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backups {
    /// By this server, with or without proofs.
    Made(Proofs),
    /// None is configured.
    None,
}

/// Whether this server proves the backups that it makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proofs {
    /// From time to time.
    Made,
    /// They are switched off, or have no place.
    None,
}

/// Those without which no request is served, and behind them those of the second rank.
pub fn all(looked: Looked) -> Vec<Component> {
    let Looked { context, system, objects, data, backups, collector } = looked;
    let db = context.db.clone();
    let database = Component::new("database", move || {
        let db = db.clone();
        async move { db.ping().await }
    });
    let objects = Component::new("object_store", move || {
        let objects = objects.clone();
        async move { objects.ping().await }
    });
    let mut components =
        vec![database, objects, delivery(system, Arc::clone(&context.clock)), disk(data.clone())];
    if let Backups::Made(proofs) = backups {
        components.push(backup(data, proofs));
    }
    components.extend(collector.map(telemetry));
    components
}

fn delivery(system: SystemDb, clock: Arc<dyn Clock>) -> Component {
    Component::beside("delivery", move || {
        let (system, clock) = (system.clone(), Arc::clone(&clock));
        async move {
            let queues = system.queues().await?;
            let oldest =
                queues.iter().find(|queue| queue.name == "delivery").and_then(|queue| queue.oldest_at);
            let waits_s = oldest.map_or(0, |at| (clock.now().micros() - at.micros()) / 1_000_000);
            if waits_s > LATE_S {
                return Err(DELIVERY_LATE.error(format!("the oldest waits for {waits_s} s")));
            }
            Ok(None)
        }
    })
}

fn disk(data: PathBuf) -> Component {
    Component::beside("disk", move || aside(data.clone(), room))
}

fn room(data: &Path) -> Result<Option<Duration>> {
    let room = Room::at(data).map_err(|e| DISK_LOW.caused("the file system does not say what is free", e))?;
    match room.judge(data).into_iter().find(|finding| finding.state != State::Ok) {
        Some(finding) => Err(DISK_LOW.error(finding.found)),
        None => Ok(None),
    }
}

fn backup(data: PathBuf, proofs: Proofs) -> Component {
    Component::beside("backup", move || aside(data.clone(), move |data| backed_up(data, proofs)))
}

/// The server writes down what became of each backup; asking the place again would tell nothing that it does not know.
fn backed_up(data: &Path, proofs: Proofs) -> Result<Option<Duration>> {
    let status = Status::read(data)?;
    // Where none is tried any more, none would end the failure of the last one; what that one found broken is broken all the same.
    let unproven = status.last_unproven.filter(|found| proofs == Proofs::Made || found.is_broken());
    match status.last_failure.or(unproven) {
        Some(failure) => Err(BACKUP_FAILING.error(format!("{} ({})", failure.message, failure.code))),
        None => Ok(None),
    }
}

fn telemetry(collector: Collector) -> Component {
    Component::beside("telemetry", move || {
        let last = collector.last();
        async move {
            match last {
                Some(heard) if !heard.is_taken => Err(COLLECTOR_AWAY.error("the last message was not taken")),
                heard => Ok(heard.map(|heard| heard.latency)),
            }
        }
    })
}

/// Files may block, for long where the disk is away.
async fn aside(
    data: PathBuf,
    look: impl FnOnce(&Path) -> Result<Option<Duration>> + Send + 'static,
) -> Result<Option<Duration>> {
    let looked = tokio::task::spawn_blocking(move || look(&data)).await;
    looked.map_err(|e| codes::INTERNAL.caused("looking at a component panicked", e))?
}
