//! From time to time the newest point is restored and looked at.
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use wh_backup::{DataFolder, Status, Stop, Wanted};
use wh_base::{Error, Result, Timestamp};

use super::aside::aside;
use super::{Backups, Queue};
use crate::compose;
use crate::serve::components::{self, Proofs};

/// Time between two looks whether a proof is due.
const PROOF_LOOK_EVERY: Duration = Duration::from_mins(1);
/// How soon a proof that failed is tried again, in seconds.
const PROOF_AGAIN_S: i64 = 3_600;

impl Backups {
    /// Prove the newest point from time to time.
    pub async fn prove(self, stop: CancellationToken) {
        if self.proofs() == Proofs::None {
            return;
        }
        let every_s = i64::try_from(self.config.verify_every_h.saturating_mul(3_600)).unwrap_or(i64::MAX);
        Queue::Proof.begin();
        let mut failed = None;
        loop {
            let status = Status::read(&self.data).unwrap_or_default();
            status.publish();
            let now = self.clock.now();
            let due = status.last_verified.is_none_or(|last| has_passed(last.at, every_s, now));
            if due
                && status.last_success.is_some()
                && failed.is_none_or(|(at, again_s)| has_passed(at, again_s, now))
            {
                let (own, until) = (self.clone(), Stop::default());
                let told = until.clone();
                let proving = move || {
                    let begun = own.tracer.begin();
                    let proven = begun.served().run(|| own.prove_newest(told));
                    begun.end("backup proof", &proven);
                    proven
                };
                let proven = aside(&stop, Duration::ZERO, &until, proving).await;
                let Some(proven) = proven else { return };
                failed = proven.and_then(|proven| proven).err().map(|error| {
                    self.unproven(&error);
                    (now, again_s(&error, every_s))
                });
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(PROOF_LOOK_EVERY) => {}
            }
        }
    }

    /// How the components tell of them.
    pub fn made(&self) -> components::Backups {
        components::Backups::Made(self.proofs())
    }

    /// Whether the settings ask for proofs and name what they need.
    fn proofs(&self) -> Proofs {
        let without_place = self.dumps_as.is_some() && self.config.scratch_url.is_none();
        if self.config.verify_every_h == 0 || without_place { Proofs::None } else { Proofs::Made }
    }

    fn prove_newest(&self, until: Stop) -> Result<()> {
        let mut repository = self.config.open(Arc::clone(&self.random))?;
        repository.until(until);
        let of = DataFolder::new(&self.data).installation()?;
        let now = self.clock.now();
        let chosen = repository.choose(&Wanted { at: None, now, of })?;
        if chosen.ahead > 0 {
            tracing::warn!(
                points = chosen.ahead,
                "points are dated later than now, by a clock that was ahead; the newest of the others is proven"
            );
        }
        let point = chosen.point;
        let scratch = crate::cli::scratch_dir(&self.config, &self.data);
        let proof = match &self.config.scratch_url {
            Some(url) if self.dumps_as.is_some() => {
                wh_backup::verify_postgres(&repository, &point, &scratch, url, now, compose::MIGRATIONS)?
            }
            _ => wh_backup::verify(&repository, &point, &scratch, compose::MIGRATIONS)?,
        };
        tracing::info!(point = %point.id, rows = proof.rows, took_ms = proof.took_ms, "a backup was proven");
        Status::verified(&self.data, self.clock.now(), &proof)?;
        Queue::Proof.done();
        Ok(())
    }

    fn unproven(&self, error: &Error) {
        Queue::Proof.undone(error);
        if error.is(&wh_backup::codes::STOPPED) {
            return tracing::info!("a proof was left undone, because the server ends");
        }
        tracing::error!(?error, "the newest backup was not proven; it is tried again");
        metrics::counter!("backup_failures_total", "work" => "verify").increment(1);
        if let Err(error) = Status::unproven(&self.data, self.clock.now(), error) {
            tracing::warn!(?error, "the status of the backups could not be written");
        }
    }
}

/// How soon a proof that failed is tried again. Where it found no room, it comes with its own time again: each try writes to the disk that
/// has too little, beside a live server.
fn again_s(error: &Error, every_s: i64) -> i64 {
    if error.is(&wh_backup::codes::NO_ROOM) { every_s.max(PROOF_AGAIN_S) } else { PROOF_AGAIN_S }
}

/// Whether so many seconds have gone by since a moment. One that is later than now was told by a clock that was ahead, and is none.
fn has_passed(since: Timestamp, seconds: i64, now: Timestamp) -> bool {
    since.plus_seconds(seconds) <= now || since > now
}
