//! The embedded database: a step behind the last full point every few seconds, a full point from time to time.
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use wh_backup::{DataFolder, Followed, Follower, Status, Stop};
use wh_base::Result;

use super::aside::aside;
use super::{Backups, LOOK_EVERY, Queue};

/// How often an idle database's status is written, in seconds.
const STATUS_EVERY_S: i64 = 60;
/// When the server ends, a step or a small full point that is under way has so long to end well.
const GRACE: Duration = Duration::from_secs(8);

/// Whether another look comes after this one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Look {
    Usual,
    Last,
}

impl Backups {
    /// Look until the server ends; the last look keeps what was written last.
    pub(super) async fn follow(self, stop: CancellationToken) {
        let every = match self.config.step_every_s {
            0 => LOOK_EVERY,
            seconds => Duration::from_secs(seconds),
        };
        let mut follower: Option<Follower> = None;
        let mut written = None;
        loop {
            let ended = stop.is_cancelled();
            let (own, until) = (self.clone(), Stop::default());
            let told = until.clone();
            let which = if ended { Look::Last } else { Look::Usual };
            let looked = aside(&stop, GRACE, &until, move || own.look(follower, written, &told, which)).await;
            (follower, written) = match looked {
                None => return,
                Some(Ok(looked)) => looked,
                Some(Err(error)) => {
                    tracing::error!(?error, "a backup ended unexpectedly; the next one begins anew");
                    (None, None)
                }
            };
            if ended {
                return;
            }
            // Without any full point a look copies the whole database: old points need a moment to be removed between two.
            let has_none =
                |follower: &Follower| follower.behind().is_none() && follower.full_failed().is_some();
            let pause = if follower.as_ref().is_some_and(has_none) { every.max(LOOK_EVERY) } else { every };
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// One look. Blocks.
    fn look(
        &self,
        follower: Option<Follower>,
        written: Option<i64>,
        until: &Stop,
        which: Look,
    ) -> (Option<Follower>, Option<i64>) {
        // The first look of a new follower makes a full point, of which each part is there.
        let follower = follower.filter(|follower| which == Look::Last || !self.is_broken(follower));
        let begun = self.tracer.begin();
        let opened = follower.map_or_else(|| begun.served().run(|| self.begin()), Ok);
        let mut follower = match opened {
            Ok(follower) => follower,
            Err(error) => {
                self.failed(&error);
                begun.end::<()>("backup", &Err(error));
                return (None, written);
            }
        };
        follower.until(until.clone());
        let failed_before = follower.full_failed();
        let looked = begun.served().run(|| match which {
            Look::Usual => follower.look(),
            Look::Last => follower.look_last(),
        });
        // A look that finds nothing comes every few seconds and says nothing.
        if !matches!(looked, Ok(Followed::Nothing { .. })) {
            begun.end("backup", &looked);
        }
        match looked {
            Ok(followed) => {
                let written = self.succeeded(&follower, followed, written);
                (Some(follower), written)
            }
            Err(error) => {
                self.failed(&error);
                if follower.full_failed() != failed_before {
                    // There may be no room for a full point because nothing was removed since the last one.
                    self.full_made.notify_one();
                }
                // A place whose content is gone, and comes back or is begun anew, is another one: nothing is known of it.
                let gone = error.is(&wh_backup::codes::PLACE_GONE);
                ((!gone).then_some(follower), written)
            }
        }
    }

    /// Whether a proof found that a step would hang on broken points. One by hand tells it as this server's own does, by the status.
    fn is_broken(&self, follower: &Follower) -> bool {
        let status = Status::read(&self.data).unwrap_or_default();
        follower.behind().is_some_and(|full| status.is_broken_since(full.at, self.clock.now()))
    }

    fn begin(&self) -> Result<Follower> {
        let repository = self.open_or_begin()?;
        self.tell_if_emptied(&repository)?;
        let steps =
            if self.config.step_every_s == 0 { wh_backup::Steps::None } else { wh_backup::Steps::Each };
        let (data, clock) = (DataFolder::new(&self.data), Arc::clone(&self.clock));
        Follower::begin(repository, data, clock, self.config.full_every_h, steps)
    }

    fn succeeded(&self, follower: &Follower, followed: Followed, written: Option<i64>) -> Option<i64> {
        let (at, point, word) = match followed {
            Followed::Nothing { at, point } => (at, point, "nothing"),
            Followed::Step(point) => (point.at, point, "step"),
            Followed::Full(point) => (point.at, point, "full"),
        };
        metrics::counter!("backup_looks_total", "found" => word).increment(1);
        if word != "nothing" {
            Queue::Backup.done();
        }
        if word == "full" {
            tracing::info!(point = %point.id, "a full backup was made");
            self.full_made.notify_one();
        }
        let seconds = at.micros() / 1_000_000;
        // A clock that was ahead and is no more must not keep the status from being written.
        let lately = |last: i64| (last..last.saturating_add(STATUS_EVERY_S)).contains(&seconds);
        if word == "nothing" && written.is_some_and(lately) {
            return written;
        }
        let place = follower.repository().words();
        let tell = if follower.is_behind_an_old_one() { Status::went_on } else { Status::succeeded };
        if let Err(error) = tell(&self.data, self.clock.now(), at, &point, &place) {
            tracing::warn!(?error, "the status of the backups could not be written");
        }
        Some(seconds)
    }
}
