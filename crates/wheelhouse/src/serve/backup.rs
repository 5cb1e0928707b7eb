//! Backups that the server makes by itself: steps, full points, proofs, pruning. Each failure is told and tried again.
mod aside;
mod dumps;
mod follow;
mod forget;
mod prove;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use wh_backup::{BackupConfig, DataFolder, Key, Repository, Status, Stop};
use wh_base::{Clock, Error, Random, Result, Secret, Tracer};

use crate::compose::Inputs;
use crate::settings::{Engine, Settings};
use aside::aside;

/// Time between two looks when only full points are made, and after a failure at most.
const LOOK_EVERY: Duration = Duration::from_mins(1);

/// What is backed up, where to.
#[derive(Clone)]
pub struct Backups {
    config: BackupConfig,
    data: PathBuf,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    /// The login that dumps, on PostgreSQL.
    dumps_as: Option<Secret<String>>,
    /// A full point was made: what is older than the settings keep may go.
    full_made: Arc<Notify>,
    tracer: Tracer,
}

/// What the server does by itself with backups, as queues whose jobs are counted.
#[derive(Clone, Copy)]
enum Queue {
    Backup,
    Proof,
    Prune,
}

impl Queue {
    const fn word(self) -> &'static str {
        match self {
            Self::Backup => "backup",
            Self::Proof => "backup_proof",
            Self::Prune => "backup_prune",
        }
    }

    /// Each series is there from the start, so that a first failure is seen as a change.
    fn begin(self) {
        for outcome in ["done", "failed", "stopped"] {
            metrics::counter!("queue_jobs_total", "queue" => self.word(), "outcome" => outcome).increment(0);
        }
    }

    fn done(self) {
        metrics::counter!("queue_jobs_total", "queue" => self.word(), "outcome" => "done").increment(1);
    }

    /// It ended with an error, or with the server.
    fn undone(self, error: &Error) {
        let outcome = if error.is(&wh_backup::codes::STOPPED) { "stopped" } else { "failed" };
        metrics::counter!("queue_jobs_total", "queue" => self.word(), "outcome" => outcome).increment(1);
    }
}

impl Backups {
    /// Nothing where no target is set, and where the data folder is a copy of another one that may still make its own backups.
    pub fn of(settings: &Settings, inputs: &Inputs, tracer: Tracer) -> Option<Self> {
        if !settings.backup.is_set() {
            return None;
        }
        if let Err(error) = DataFolder::new(&settings.data_dir).must_not_be_restored() {
            tracing::warn!(?error, "no backups are made");
            if let Err(error) = Status::failed(&settings.data_dir, inputs.clock.now(), &error) {
                tracing::warn!(?error, "the status of the backups could not be written");
            }
            return None;
        }
        if let Some(file) = &settings.backup.key_file
            && let Some(mode) = Key::open_to_others(file)
        {
            let mode = format!("{mode:o}");
            tracing::warn!(key_file = %file.display(), mode, "others on this machine may read the key of the backups");
        }
        let dumps_as = match settings.database.engine {
            Engine::Sqlite => None,
            Engine::Postgres => settings.database.postgres_sys_url.clone(),
        };
        Some(Self {
            config: settings.backup.clone(),
            data: settings.data_dir.clone(),
            clock: Arc::clone(&inputs.clock),
            random: Arc::clone(&inputs.random),
            dumps_as,
            full_made: Arc::default(),
            tracer,
        })
    }

    /// Follow the database until the server ends; the last look keeps what was written last.
    pub async fn keep(self, stop: CancellationToken) {
        Queue::Backup.begin();
        let scratch = crate::cli::scratch_dir(&self.config, &self.data);
        let until = Stop::default();
        let cleared = aside(&stop, Duration::ZERO, &until, move || wh_backup::remove_leftovers(&scratch));
        if let Some(Err(error)) = cleared.await {
            tracing::warn!(?error, "what an earlier server left was not looked for");
        }
        match self.dumps_as.clone() {
            Some(url) => self.keep_dumps(url, stop).await,
            None => self.follow(stop).await,
        }
    }

    fn open_or_begin(&self) -> Result<Repository> {
        self.config.open_or_begin(Arc::clone(&self.random), &Status::read(&self.data)?)
    }

    /// Name it where the points are gone that were kept; the full point that comes next ends that failure.
    fn tell_if_emptied(&self, repository: &Repository) -> Result<()> {
        if repository.points()?.is_empty()
            && let Err(gone) = Status::read(&self.data)?.must_not_have_kept_in(&repository.words())
        {
            self.failed(&gone);
        }
        Ok(())
    }

    fn failed(&self, error: &Error) {
        Queue::Backup.undone(error);
        if error.is(&wh_backup::codes::STOPPED) {
            return tracing::info!("a backup was left undone, because the server ends");
        }
        tracing::error!(?error, "the backup failed; it is tried again");
        metrics::counter!("backup_failures_total", "work" => "create").increment(1);
        if let Err(error) = Status::failed(&self.data, self.clock.now(), error) {
            tracing::warn!(?error, "the status of the backups could not be written");
        }
    }
}
