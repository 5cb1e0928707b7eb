//! Backups that the server makes by itself: steps, full points, proofs, pruning. Each failure is told and tried again.
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, oneshot};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use wh_backup::{BackupConfig, DataFolder, Followed, Follower, Key, Repository, Status, Stop, Wanted};
use wh_base::{Clock, Error, Random, Result, Secret, Timestamp, codes};

use crate::compose::{self, Inputs};
use crate::settings::{Engine, Settings};

/// Time between two looks when only full points are made, and after a failure at most.
const LOOK_EVERY: Duration = Duration::from_mins(1);
/// Time between two looks whether a proof is due.
const PROOF_LOOK_EVERY: Duration = Duration::from_mins(1);
/// How soon a proof that failed is tried again, in seconds.
const PROOF_AGAIN_S: i64 = 3_600;
/// How soon old points are removed after somebody was just adding some, or a proof was reading them.
const FORGET_AGAIN: Duration = Duration::from_mins(10);
/// How often an idle database's status is written, in seconds.
const STATUS_EVERY_S: i64 = 60;
/// When the server ends, a step or a small full point that is under way has so long to end well.
const GRACE: Duration = Duration::from_secs(8);
/// And whatever is under way then has so long to stop between two parts.
const STOPPING: Duration = Duration::from_secs(3);

/// Whether another look comes after this one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Look {
    Usual,
    Last,
}

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
}

impl Backups {
    /// Nothing where no target is set, and where the data folder is a copy of another one that may still make its own backups.
    pub fn of(settings: &Settings, inputs: &Inputs) -> Option<Self> {
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
        })
    }

    /// Follow the database until the server ends; the last look keeps what was written last.
    pub async fn keep(self, stop: CancellationToken) {
        let scratch = crate::cli::scratch_dir(&self.config, &self.data);
        let until = Stop::default();
        let cleared = aside(&stop, Duration::ZERO, &until, move || wh_backup::remove_leftovers(&scratch));
        if let Some(Err(error)) = cleared.await {
            tracing::warn!(?error, "what an earlier server left was not looked for");
        }
        if let Some(url) = self.dumps_as.clone() {
            return self.keep_dumps(url, stop).await;
        }
        let every = match self.config.step_every_s {
            0 => LOOK_EVERY,
            seconds => Duration::from_secs(seconds),
        };
        let mut follower = None;
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
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(every) => {}
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
        let mut follower = match follower.map_or_else(|| self.begin(), Ok) {
            Ok(follower) => follower,
            Err(error) => {
                self.failed(&error);
                return (None, written);
            }
        };
        follower.until(until.clone());
        let looked = match which {
            Look::Usual => follower.look(),
            Look::Last => follower.look_last(),
        };
        match looked {
            Ok(followed) => {
                let written = self.succeeded(&follower, followed, written);
                (Some(follower), written)
            }
            Err(error) => {
                self.failed(&error);
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

    /// PostgreSQL: a full point from time to time.
    async fn keep_dumps(self, url: Secret<String>, stop: CancellationToken) {
        let every_s = i64::try_from(self.config.full_every_h.saturating_mul(3_600)).unwrap_or(i64::MAX);
        loop {
            let (own, url, until) = (self.clone(), url.clone(), Stop::default());
            let told = until.clone();
            let dumped =
                aside(&stop, Duration::ZERO, &until, move || own.dump_if_due(&url, every_s, told)).await;
            let Some(dumped) = dumped else { return };
            if let Err(error) = dumped.and_then(|dumped| dumped) {
                self.failed(&error);
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK_EVERY) => {}
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
        let created = wh_backup::create_full_postgres(&repository, &data, &*self.clock, url, &scratch)?;
        metrics::counter!("backup_looks_total", "found" => "full").increment(1);
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
        if let Err(error) = Status::succeeded(&self.data, self.clock.now(), at, &point, &place) {
            tracing::warn!(?error, "the status of the backups could not be written");
        }
        Some(seconds)
    }

    /// Remove what is older than the settings keep, after each full point. Beside the steps: among many points it takes a while, in which
    /// steps go on.
    pub async fn forget(self, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.full_made.notified() => {}
            }
            let (own, until) = (self.clone(), Stop::default());
            let told = until.clone();
            let pruned = aside(&stop, Duration::ZERO, &until, move || own.prune(told)).await;
            let Some(pruned) = pruned else { return };
            match pruned.and_then(|pruned| pruned) {
                Ok(()) => {}
                Err(error) if error.is(&wh_backup::codes::STOPPED) => return,
                Err(error) if error.is(&wh_backup::codes::RUNNING) => {
                    tokio::select! {
                        () = stop.cancelled() => return,
                        () = tokio::time::sleep(FORGET_AGAIN) => self.full_made.notify_one(),
                    }
                }
                Err(error) => tracing::warn!(?error, "old backups could not be removed"),
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

    fn failed(&self, error: &Error) {
        if error.is(&wh_backup::codes::STOPPED) {
            return tracing::info!("a backup was left undone, because the server ends");
        }
        tracing::error!(?error, "the backup failed; it is tried again");
        metrics::counter!("backup_failures_total", "work" => "create").increment(1);
        if let Err(error) = Status::failed(&self.data, self.clock.now(), error) {
            tracing::warn!(?error, "the status of the backups could not be written");
        }
    }

    fn unproven(&self, error: &Error) {
        if error.is(&wh_backup::codes::STOPPED) {
            return tracing::info!("a proof was left undone, because the server ends");
        }
        tracing::error!(?error, "the newest backup was not proven; it is tried again");
        metrics::counter!("backup_failures_total", "work" => "verify").increment(1);
        if let Err(error) = Status::unproven(&self.data, self.clock.now(), error) {
            tracing::warn!(?error, "the status of the backups could not be written");
        }
    }

    /// Prove the newest point from time to time.
    pub async fn prove(self, stop: CancellationToken) {
        let every_s = i64::try_from(self.config.verify_every_h.saturating_mul(3_600)).unwrap_or(i64::MAX);
        let without_place = self.dumps_as.is_some() && self.config.scratch_url.is_none();
        if every_s == 0 || without_place {
            return;
        }
        let mut failed_at = None;
        loop {
            let status = Status::read(&self.data).unwrap_or_default();
            status.publish();
            let now = self.clock.now();
            let due = status.last_verified.is_none_or(|last| has_passed(last.at, every_s, now));
            if due
                && status.last_success.is_some()
                && failed_at.is_none_or(|at| has_passed(at, PROOF_AGAIN_S, now))
            {
                let (own, until) = (self.clone(), Stop::default());
                let told = until.clone();
                let proven = aside(&stop, Duration::ZERO, &until, move || own.prove_newest(told)).await;
                let Some(proven) = proven else { return };
                failed_at = proven.and_then(|proven| proven).err().map(|error| {
                    self.unproven(&error);
                    now
                });
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(PROOF_LOOK_EVERY) => {}
            }
        }
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
        Status::verified(&self.data, self.clock.now(), &proof)
    }
}

/// Whether so many seconds have gone by since a moment. One that is later than now was told by a clock that was ahead, and is none.
fn has_passed(since: Timestamp, seconds: i64, now: Timestamp) -> bool {
    since.plus_seconds(seconds) <= now || since > now
}

/// Do what blocks, beside the runtime, which would wait for it without limit. When the server ends it has some time left; then it is told
/// to stop, and in the end it is left alone, which answers nothing. It ends with the process, and the next start clears up behind it.
async fn aside<T: Send + 'static>(
    ending: &CancellationToken,
    grace: Duration,
    until: &Stop,
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<Result<T>> {
    let (tell, mut told) = oneshot::channel();
    let begun = std::thread::Builder::new().name("backup".to_owned()).spawn(move || {
        // Nobody listens any more to what was left alone.
        let _unheard = tell.send(work());
    });
    if let Err(error) = begun {
        return Some(Err(codes::INTERNAL.caused("a thread for backups does not start", error)));
    }
    let unexpected =
        |e: oneshot::error::RecvError| codes::INTERNAL.caused("work on the backups ended unexpectedly", e);
    tokio::select! {
        done = &mut told => return Some(done.map_err(unexpected)),
        () = ending.cancelled() => {}
    }
    if let Ok(done) = tokio::time::timeout(grace, &mut told).await {
        return Some(done.map_err(unexpected));
    }
    until.set();
    if let Ok(done) = tokio::time::timeout(STOPPING, &mut told).await {
        return Some(done.map_err(unexpected));
    }
    tracing::warn!("work on the backups does not stop and is left alone");
    None
}
