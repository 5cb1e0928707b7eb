//! What is older than the settings keep goes.
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use wh_backup::{DataFolder, Stop};
use wh_base::Result;

use super::aside::aside;
use super::{Backups, Queue};

/// How soon old points are removed after somebody was just adding some, or a proof was reading them.
const FORGET_AGAIN: Duration = Duration::from_mins(10);

impl Backups {
    /// Remove what is older than the settings keep, after each full point. Beside the steps: among many points it takes a while, in which
    /// steps go on.
    pub async fn forget(self, stop: CancellationToken) {
        Queue::Prune.begin();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.full_made.notified() => {}
            }
            let (own, until) = (self.clone(), Stop::default());
            let told = until.clone();
            let pruning = move || {
                let begun = own.tracer.begin();
                let pruned = begun.served().run(|| own.prune(told));
                begun.end("backup prune", &pruned);
                pruned
            };
            let pruned = aside(&stop, Duration::ZERO, &until, pruning).await;
            let Some(pruned) = pruned else { return };
            let pruned = pruned.and_then(|pruned| pruned);
            match &pruned {
                Ok(()) => Queue::Prune.done(),
                // Somebody adds or reads: it is its turn later.
                Err(error) if error.is(&wh_backup::codes::RUNNING) => {}
                Err(error) => Queue::Prune.undone(error),
            }
            match pruned {
                Ok(()) => {}
                Err(error) if error.is(&wh_backup::codes::STOPPED) => return,
                Err(error) if error.is(&wh_backup::codes::RUNNING) => {
                    tokio::select! {
                        () = stop.cancelled() => return,
                        () = tokio::time::sleep(FORGET_AGAIN) => self.full_made.notify_one(),
                    }
                }
                Err(error) => {
                    tracing::error!(?error, "old backups could not be removed");
                    metrics::counter!("backup_failures_total", "work" => "prune").increment(1);
                }
            }
        }
    }

    fn prune(&self, until: Stop) -> Result<()> {
        let mut repository = self.config.open(Arc::clone(&self.random))?;
        repository.until(until);
        let of = DataFolder::new(&self.data).installation()?;
        let pruned = wh_backup::prune(&repository, self.config.retention(), of, self.clock.now())?;
        tracing::debug!(points = pruned.points, parts = pruned.parts, "old backups removed");
        Ok(())
    }
}
