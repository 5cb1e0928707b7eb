//! What is known of the backups of a data folder: the last one, the last proof, the last failure. For people and metrics.
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use wh_base::{Error, Result, Timestamp};

use crate::codes;
use crate::manifest::PointName;
use crate::verify::Proof;

/// Beside the database.
pub const FILE: &str = "backup-status.json";

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
        let broken = |found: &&Failure| codes::BROKEN.iter().any(|code| code.code == found.code);
        // One that is later than now was told by a clock that was ahead: it would hold for ever.
        self.last_unproven.as_ref().filter(broken).is_some_and(|found| moment < found.at && found.at <= now)
    }

    /// Everything up to a moment is kept, in a place as a person reads it.
    pub fn succeeded(data: &Path, at: Timestamp, point: &PointName, place: &str) -> Result<()> {
        Self::change(data, |status| {
            let (point, place) = (point.id.to_string(), Some(place.to_owned()));
            status.last_success = Some(Success { at, point, place });
            status.last_failure = None;
        })
    }

    /// A point was proven.
    pub fn verified(data: &Path, at: Timestamp, proof: &Proof) -> Result<()> {
        Self::change(data, |status| {
            status.last_verified = Some(Verified {
                at,
                point: proof.point.id.to_string(),
                point_at: proof.point.at,
                rows: proof.rows,
                objects: proof.objects as u64,
                bytes: proof.bytes,
                took_ms: proof.took_ms,
            });
            status.last_unproven = None;
        })
    }

    /// A backup failed.
    pub fn failed(data: &Path, at: Timestamp, error: &Error) -> Result<()> {
        Self::change(data, |status| status.last_failure = Some(Failure::of(at, error)))
    }

    /// The backups of a restored folder may go on: what kept them back is no failure any more.
    pub fn resumed(data: &Path) -> Result<()> {
        let status = Self::read(data)?;
        if status.last_failure.is_none_or(|failure| failure.code != codes::RESTORED.code) {
            return Ok(());
        }
        Self::change(data, |status| status.last_failure = None)
    }

    /// A proof failed.
    pub fn unproven(data: &Path, at: Timestamp, error: &Error) -> Result<()> {
        Self::change(data, |status| status.last_unproven = Some(Failure::of(at, error)))
    }

    /// Two tasks of a server write it: one after the other, so that neither forgets what the other one said. Another process may write
    /// it too; the last one wins, and neither leaves half a file.
    fn change(data: &Path, change: impl FnOnce(&mut Self)) -> Result<()> {
        static ONE: Mutex<u64> = Mutex::new(0);
        let mut number = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        let mut status = Self::read(data).unwrap_or_default();
        change(&mut status);
        status.publish();
        let failed = |e| codes::STORE.caused(format!("{FILE} cannot be written in {}", data.display()), e);
        let text = serde_json::to_vec_pretty(&status)
            .map_err(|e| wh_base::codes::INTERNAL.caused("a status cannot be written", e))?;
        let (new, mut file) = loop {
            *number += 1;
            let new = data.join(format!("{FILE}.{}-{}.new", std::process::id(), *number));
            match File::create_new(&new) {
                Ok(file) => break (new, file),
                // In containers two processes may have the same id.
                Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
                Err(e) => return Err(failed(e)),
            }
        };
        let written = file.write_all(&text).and_then(|()| file.sync_all());
        written.and_then(|()| std::fs::rename(&new, data.join(FILE))).map_err(|e| {
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
