//! The thread that commits groups, tells their members, and takes the writer away from whoever keeps it too long.
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use metrics::{Histogram, counter, histogram};
use rusqlite::wal::CheckpointMode;
use rusqlite::{Connection as Raw, MAIN_DB};
use wh_base::Result;

use super::connection::{Connection, open_raw};
use super::errors::translate;
use super::writer::{Group, Writer, refuse};
use crate::codes;

/// Log pages after which they are copied into the file in the background: 8 MiB.
const CHECKPOINT_PAGES: i32 = 2_048;
/// Log pages after which the writer waits until the log can start again: 64 MiB.
const RESTART_PAGES: i32 = 16_384;
/// Pages between two attempts at it, should long readers be in the way.
const RESTART_EVERY_PAGES: i32 = 4_096;
/// How soon to look again at a lease whose statement is running.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

pub(super) struct Committer {
    writer: Arc<Writer>,
    checkpoint: SyncSender<()>,
    sizes: Histogram,
    restart_at: i32,
}

/// Start the thread and its helper.
pub(super) fn start(writer: &Arc<Writer>, path: &Path) -> Result<JoinHandle<()>> {
    let raw = open_raw(path).map_err(translate)?;
    let (checkpoint, asked) = sync_channel(1);
    spawn("wh-db-checkpoint", move || checkpoints(&raw, &asked))?;
    let sizes = histogram!("database_group_size", "engine" => "sqlite");
    let mut committer =
        Committer { writer: Arc::clone(writer), checkpoint, sizes, restart_at: RESTART_PAGES };
    spawn("wh-db-writer", move || committer.run())
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>> {
    let thread = std::thread::Builder::new().name(name.to_owned()).spawn(run);
    thread.map_err(|cause| codes::SETUP.caused("a thread of the database cannot be started", cause))
}

/// Copy the log into the file beside the writer, as far as readers allow.
fn checkpoints(raw: &Raw, asked: &Receiver<()>) {
    while asked.recv().is_ok() {
        match raw.wal_checkpoint_v2(Some(MAIN_DB), CheckpointMode::PASSIVE) {
            Ok(_) => counter!("database_checkpoints_total", "kind" => "passive").increment(1),
            Err(cause) => tracing::warn!(%cause, "the log could not be copied into the database file"),
        }
    }
}

/// What the thread does next.
enum Turn {
    Commit(Group, Box<Connection>),
    Expire(Arc<super::lease::Lease>),
    Stop,
}

impl Committer {
    fn run(&mut self) {
        loop {
            match self.turn() {
                Turn::Commit(group, connection) => self.commit(group, connection),
                Turn::Expire(lease) => {
                    counter!("database_held_too_long_total").increment(1);
                    lease.expire(&self.writer);
                }
                Turn::Stop => return,
            }
        }
    }

    /// Wait until there is something to do.
    fn turn(&self) -> Turn {
        let mut state = self.writer.state();
        loop {
            if state.closing
                && let Some(group) = state.group.take()
            {
                if let Some(connection) = state.home(group.used_for).take() {
                    return Turn::Commit(group, connection);
                }
                refuse(group.acks, &codes::AWAY, "the writer's connection is gone");
                state.closing = false;
            }
            let Some(lease) = state.lent.clone() else {
                if state.stop {
                    return Turn::Stop;
                }
                state.asleep = true;
                state = self.writer.bell.wait(state).unwrap_or_else(std::sync::PoisonError::into_inner);
                state.asleep = false;
                continue;
            };
            let now = Instant::now();
            let wait = match lease.due() {
                Some(due) if due <= now => return Turn::Expire(lease),
                Some(due) => due - now,
                None => LOOK_AGAIN,
            };
            let waited = self.writer.bell.wait_timeout(state, wait);
            state = waited.unwrap_or_else(std::sync::PoisonError::into_inner).0;
        }
    }

    /// The one moment at which changes become durable; only then does anybody hear of it.
    fn commit(&mut self, mut group: Group, connection: Box<Connection>) {
        let answer = connection.control("COMMIT");
        if answer.is_err() && !connection.raw.is_autocommit() {
            // Whatever the reason was, the next group must start clean.
            if let Err(cause) = connection.control("ROLLBACK") {
                tracing::error!(%cause, "a failed commit could not be rolled back");
            }
        }
        self.sizes.record(group.acks.len() as f64);
        if answer.is_ok() {
            for ack in &mut group.acks {
                std::mem::take(&mut ack.after).run(&self.writer.outbox);
            }
            self.tidy_log(&connection);
        }
        {
            let mut state = self.writer.state();
            state.bring_home(connection);
            state.closing = false;
            self.writer.next(&mut state);
        }
        match answer {
            Ok(()) => group.acks.into_iter().for_each(|ack| {
                // Whoever does not listen any more needs no answer.
                let _ = ack.answer.send(Ok(()));
            }),
            Err(cause) => {
                let error = translate(cause);
                tracing::error!(?error, changes = group.acks.len(), "a group could not be committed");
                refuse(group.acks, error.code(), error.message());
            }
        }
    }

    fn tidy_log(&mut self, connection: &Connection) {
        let pages = connection.log_pages.load(Ordering::Relaxed);
        if pages < CHECKPOINT_PAGES {
            self.restart_at = RESTART_PAGES;
            return;
        }
        if let Err(TrySendError::Disconnected(())) = self.checkpoint.try_send(()) {
            tracing::error!("the checkpoint thread is gone");
        }
        if pages >= self.restart_at {
            self.restart_at = pages + RESTART_EVERY_PAGES;
            connection.session.set_rule(super::session::Rule::Control);
            let restarted = connection.raw.wal_checkpoint_v2(Some(MAIN_DB), CheckpointMode::RESTART);
            match restarted {
                Ok(_) => counter!("database_checkpoints_total", "kind" => "restart").increment(1),
                Err(cause) => tracing::debug!(%cause, "readers keep the log from starting again"),
            }
        }
    }
}
