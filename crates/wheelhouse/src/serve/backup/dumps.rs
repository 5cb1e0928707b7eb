//! PostgreSQL: a full point from time to time.
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use wh_backup::{DataFolder, Repository, Status, Stop, Wanted};
use wh_base::{Result, Secret, Timestamp};

use super::aside::aside;
use super::{Backups, LOOK_EVERY, Queue};
use crate::compose;

/// How soon a dump is tried again for which there was no room: it may write for long until that shows.
const NO_ROOM_AGAIN: Duration = Duration::from_mins(10);
/// Who works in the place for so long may have come to a stand, and would keep every point from being made without a word.
const WAITS_MAX: Duration = Duration::from_hours(1);

impl Backups {
    /// Dump until the server ends, whenever a full point is due.
    pub(super) async fn keep_dumps(self, url: Secret<String>, stop: CancellationToken) {
        let every_s = i64::try_from(self.config.full_every_h.saturating_mul(3_600)).unwrap_or(i64::MAX);
        let mut waits_since: Option<Instant> = None;
        loop {
            let (own, url, until) = (self.clone(), url.clone(), Stop::default());
            let told = until.clone();
            let dumped =
                aside(&stop, Duration::ZERO, &until, move || own.dump_if_due(&url, every_s, told)).await;
            let Some(dumped) = dumped else { return };
            let mut pause = LOOK_EVERY;
            match dumped.and_then(|dumped| dumped) {
                Ok(()) => waits_since = None,
                // Somebody by hand, or another node: a later look sees whether a point is still due.
                Err(error) if error.is(&wh_backup::codes::RUNNING) => {
                    let since = *waits_since.get_or_insert_with(Instant::now);
                    if since.elapsed() < WAITS_MAX {
                        tracing::info!("a backup waits, because another process works in its place");
                    } else {
                        waits_since = Some(Instant::now());
                        self.failed(&error);
                    }
                }
                Err(error) => {
                    waits_since = None;
                    self.failed(&error);
                    if error.is(&wh_backup::codes::NO_ROOM) {
                        pause = NO_ROOM_AGAIN;
                    }
                }
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    fn dump_if_due(&self, url: &Secret<String>, every_s: i64, until: Stop) -> Result<()> {
        let mut repository = self.open_or_begin()?;
        repository.until(until);
        let now = self.clock.now();
        let data = DataFolder::new(&self.data);
        let own = data.installation_or(repository.new_id()?)?;
        let due = repository.full_is_due(now, every_s, own)?;
        if due {
            self.tell_if_emptied(&repository)?;
        }
        if !due && !self.newest_is_broken(&repository, own, now)? {
            return Ok(());
        }
        let scratch = crate::cli::scratch_dir(&self.config, &self.data);
        let known = compose::MIGRATIONS;
        let begun = self.tracer.begin();
        let created = begun
            .served()
            .run(|| wh_backup::create_full_postgres(&repository, &data, &*self.clock, url, &scratch, known));
        begun.end("backup", &created);
        // There may be no room for it because nothing was removed since the last one.
        let created = created.inspect_err(|_| self.full_made.notify_one())?;
        metrics::counter!("backup_looks_total", "found" => "full").increment(1);
        Queue::Backup.done();
        self.full_made.notify_one();
        Status::succeeded(&self.data, self.clock.now(), created.point.at, &created.point, &repository.words())
    }

    /// Whether a proof found what the newest point needs broken. The place is asked for that point where the status says so: of one that
    /// could not be written the status knows nothing, and a dump would follow the other without end.
    fn newest_is_broken(&self, repository: &Repository, own: Uuid, now: Timestamp) -> Result<bool> {
        let status = Status::read(&self.data)?;
        if !status.last_success.as_ref().is_some_and(|last| status.is_broken_since(last.at, now)) {
            return Ok(false);
        }
        let newest = repository.choose(&Wanted { at: None, now, of: Some(own) })?.point;
        Ok(status.is_broken_since(newest.at, now))
    }
}
