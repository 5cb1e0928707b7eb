//! What is known of the backups of a data folder: the last one, the last proof, the last failure. For people and metrics.
use std::fs::{File, Permissions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde::{Deserialize, Serialize};
use wh_base::{Error, Result, Timestamp};

use crate::codes;
use crate::manifest::PointName;
use crate::verify::Proof;

/// Beside the database.
pub const FILE: &str = "backup-status.json";
/// Whoever changes the status holds this file's lock meanwhile; it ends with the process. It stays there: a lock on a file that somebody
/// removes is none.
pub const LOCK_FILE: &str = "backup-status.json.lock";
/// The status that is just being written.
const NEW_FILE: &str = "backup-status.json.new";

/// The whole status.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Status {
    /// The last moment that is kept.
    pub last_success: Option<Success>,
    /// The last proven restore.
    pub last_verified: Option<Verified>,
    /// The last failed backup since the last success.
    pub last_failure: Option<Failure>,
    /// The last failed proof since the last proven restore.
    pub last_unproven: Option<Failure>,
}

/// A backup that was made, or a look that found nothing new.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Success {
    /// The moment up to which everything is kept.
    pub at: Timestamp,
    /// The newest point.
    pub point: String,
    /// Where it lies; unknown of what an earlier build wrote.
    #[serde(default)]
    pub place: Option<String>,
}

/// A restore that was proven.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verified {
    /// When.
    pub at: Timestamp,
    /// Which point.
    pub point: String,
    /// The moment that it keeps.
    pub point_at: Timestamp,
    /// Rows of all tables.
    pub rows: u64,
    /// Objects.
    pub objects: u64,
    /// Bytes of database and objects.
    pub bytes: u64,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// When.
    pub at: Timestamp,
    /// The error's code.
    pub code: String,
    /// Its message.
    pub message: String,
}

impl Failure {
    fn of(at: Timestamp, error: &Error) -> Self {
        Self { at, code: error.code().code.to_owned(), message: error.message().to_owned() }
    }

    /// Whether it says that what is kept is broken, and not that it could not be looked at.
    pub fn is_broken(&self) -> bool {
        codes::BROKEN.iter().any(|code| code.code == self.code)
    }
}

impl Status {
    /// Read it; empty where nothing was ever written.
    pub fn read(data: &Path) -> Result<Self> {
        let file = data.join(FILE);
        match std::fs::read(&file) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map_err(|e| codes::SOURCE.caused(format!("{} cannot be read", file.display()), e)),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(Self::default()),
            Err(e) => Err(codes::SOURCE.caused(format!("{} cannot be read", file.display()), e)),
        }
    }

    /// Refuses where the last point was kept in this place, which is said of one that holds none.
    pub fn must_not_have_kept_in(&self, place: &str) -> Result<()> {
        let kept = self.last_success.as_ref().filter(|success| success.place.as_deref() == Some(place));
        let Some(Success { at, point, .. }) = kept else { return Ok(()) };
        let message =
            format!("{place} holds no backups, and point {point} was kept there; the last moment is {at}");
        Err(codes::PLACE_GONE.error(message))
    }

    /// Whether a proof, made after the moment of a point, found the backups broken: what comes next must not hang on that point.
    pub fn is_broken_since(&self, moment: Timestamp, now: Timestamp) -> bool {
        let broken = self.last_unproven.as_ref().filter(|found| found.is_broken());
        // One that is later than now was told by a clock that was ahead: it would hold for ever.
        broken.is_some_and(|found| moment < found.at && found.at <= now)
    }

    /// Everything up to a moment is kept, in a place as a person reads it. Nothing is taken back of what another process told meanwhile: a
    /// later moment that is kept, a failure behind this one.
    pub fn succeeded(
        data: &Path,
        now: Timestamp,
        at: Timestamp,
        point: &PointName,
        place: &str,
    ) -> Result<()> {
        Self::change(data, |status| {
            status.keep(now, at, point, place);
            status.last_failure = status.last_failure.take().filter(|failure| is_told(failure.at, at, now));
        })
    }

    fn keep(&mut self, now: Timestamp, at: Timestamp, point: &PointName, place: &str) {
        if self.last_success.as_ref().is_none_or(|last| !is_told(last.at, at, now)) {
            let (point, place) = (point.id.to_string(), Some(place.to_owned()));
            self.last_success = Some(Success { at, point, place });
        }
    }

    /// Everything up to a moment is kept, behind a full point that is older than it should be: the failure of the one that is due stays.
    pub fn went_on(data: &Path, now: Timestamp, at: Timestamp, point: &PointName, place: &str) -> Result<()> {
        Self::change(data, |status| status.keep(now, at, point, place))
    }

    /// A point was proven, just now. What another process found while this proof went on stays: a newer point that is proven, one that is not.
    pub fn verified(data: &Path, now: Timestamp, proof: &Proof) -> Result<()> {
        let took_us = i64::try_from(proof.took_ms).unwrap_or(i64::MAX).saturating_mul(1_000);
        let began = Timestamp::from_micros(now.micros().saturating_sub(took_us));
        Self::change(data, |status| {
            let newer = |last: &Verified| is_told(last.at, began, now) && last.point_at > proof.point.at;
            if status.last_verified.as_ref().is_none_or(|last| !newer(last)) {
                status.last_verified = Some(Verified {
                    at: now,
                    point: proof.point.id.to_string(),
                    point_at: proof.point.at,
                    rows: proof.rows,
                    objects: proof.objects as u64,
                    bytes: proof.bytes,
                    took_ms: proof.took_ms,
                });
            }
            status.last_unproven = status.last_unproven.take().filter(|found| is_told(found.at, began, now));
        })
    }

    /// A backup failed.
    pub fn failed(data: &Path, at: Timestamp, error: &Error) -> Result<()> {
        Self::change(data, |status| status.last_failure = Some(Failure::of(at, error)))
    }

    /// The backups of a restored folder may go on: what kept them back is no failure any more.
    pub fn resumed(data: &Path) -> Result<()> {
        Self::change(data, |status| {
            let failure = status.last_failure.take();
            status.last_failure = failure.filter(|failure| failure.code != codes::RESTORED.code);
        })
    }

    /// A proof failed.
    pub fn unproven(data: &Path, at: Timestamp, error: &Error) -> Result<()> {
        Self::change(data, |status| status.last_unproven = Some(Failure::of(at, error)))
    }

    /// Tasks of a server write it and commands by hand: one after the other, so that none forgets what another one said. Whoever only
    /// reads it waits for nobody and never sees half a file.
    fn change(data: &Path, change: impl FnOnce(&mut Self)) -> Result<()> {
        let failed = |e| codes::STORE.caused(format!("{FILE} cannot be written in {}", data.display()), e);
        let _alone = lock(&data.join(LOCK_FILE)).map_err(failed)?;
        let before = Self::read(data).unwrap_or_default();
        let mut status = before.clone();
        change(&mut status);
        status.publish();
        if status == before {
            return Ok(());
        }
        let text = serde_json::to_vec_pretty(&status)
            .map_err(|e| wh_base::codes::INTERNAL.caused("a status cannot be written", e))?;
        let new = data.join(NEW_FILE);
        let write = || -> std::io::Result<()> {
            let mut file = File::create(&new)?;
            open_to_all(&file)?;
            file.write_all(&text)?;
            file.sync_all()?;
            std::fs::rename(&new, data.join(FILE))
        };
        write().map_err(|e| {
            // What could not be written whole is not left half.
            let _gone = std::fs::remove_file(&new);
            failed(e)
        })
    }

    /// Set the gauges; a moment that never was is 0.
    pub fn publish(&self) {
        let seconds = |at: Option<Timestamp>| at.map_or(0.0, |at| at.micros() as f64 / 1e6);
        let success = self.last_success.as_ref().map(|success| success.at);
        let verified = self.last_verified.as_ref().map(|verified| verified.at);
        metrics::gauge!("backup_last_success_timestamp_seconds").set(seconds(success));
        metrics::gauge!("backup_last_verified_timestamp_seconds").set(seconds(verified));
    }
}

/// Whether something was told behind a moment. What is later than now was told by a clock that was ahead: it would hold for ever.
fn is_told(at: Timestamp, behind: Timestamp, now: Timestamp) -> bool {
    behind < at && at <= now
}

/// Whoever has a way into the data folder may read it, whatever the mask of the one who wrote it: a command by root must not take it from
/// the server.
fn open_to_all(file: &File) -> std::io::Result<()> {
    file.set_permissions(Permissions::from_mode(0o644))
}

/// Wait for the lock, and hold it as long as the file is open.
fn lock(file: &Path) -> std::io::Result<File> {
    let mut options = File::options();
    let opened = match options.read(true).write(true).create(true).truncate(false).open(file) {
        // Made by a command that another user of this machine ran: it is there to be waited for, not to be written.
        Err(e) if e.kind() == ErrorKind::PermissionDenied => File::open(file)?,
        opened => {
            let opened = opened?;
            // Only who made it may; then it was done.
            let _done = open_to_all(&opened);
            opened
        }
    };
    opened.lock()?;
    Ok(opened)
}
