//! The imports that run in this process: how far each is, and the word that stops it. Nothing of it is stored.
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use uuid::Uuid;
use wh_contract::ImportId;
use wh_dataset::ingest::Progress;

use crate::model::{Import, ImportState};

/// What runs. Clones are the same.
#[derive(Clone)]
pub struct Running {
    node: Uuid,
    runs: Arc<Mutex<HashMap<ImportId, Run>>>,
}

#[derive(Default)]
struct Run {
    progress: Progress,
    bytes_expected: Option<i64>,
    stop: Arc<Notify>,
}

impl Running {
    /// Nothing yet, on this node among those that share the database; the next process that takes its place goes by the same id.
    pub fn on(node: Uuid) -> Self {
        Self { node, runs: Arc::default() }
    }

    /// Under which id this process keeps its imports.
    pub(super) fn node(&self) -> Uuid {
        self.node
    }

    /// Whether it runs here.
    pub(super) fn reads(&self, import: ImportId) -> bool {
        self.all().contains_key(&import)
    }

    /// From now on it runs, until the place is dropped.
    pub(super) fn enter(&self, import: ImportId, bytes_expected: Option<i64>) -> Place {
        let stop = Arc::new(Notify::new());
        let run = Run { bytes_expected, stop: Arc::clone(&stop), ..Run::default() };
        self.all().insert(import, run);
        Place { running: self.clone(), import, stop }
    }

    /// Tell it to stop, if it runs here.
    pub(super) fn stop(&self, import: ImportId) {
        if let Some(run) = self.all().get(&import) {
            run.stop.notify_one();
        }
    }

    /// The record with how far it is now, if it runs here.
    pub(super) fn now(&self, import: Import) -> Import {
        if import.state != ImportState::Running {
            return import;
        }
        let all = self.all();
        let Some(Run { progress, bytes_expected, .. }) = all.get(&import.id) else { return import };
        Import {
            rows: progress.rows.cast_signed(),
            bad_lines: progress.bad_lines.cast_signed(),
            bytes: progress.bytes.cast_signed(),
            bytes_expected: *bytes_expected,
            ..import
        }
    }

    fn all(&self) -> MutexGuard<'_, HashMap<ImportId, Run>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One import among those that run.
pub(super) struct Place {
    running: Running,
    import: ImportId,
    stop: Arc<Notify>,
}

impl Place {
    /// It is so far now.
    pub(super) fn is_at(&self, progress: Progress) {
        if let Some(run) = self.running.all().get_mut(&self.import) {
            run.progress = progress;
        }
    }

    /// Until somebody says stop.
    pub(super) async fn stopped(&self) {
        self.stop.notified().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.running.all().remove(&self.import);
    }
}
