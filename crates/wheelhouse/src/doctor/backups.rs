//! What the doctor sees of the backups: their key, their place, how old the last one and the last proof are.
use std::sync::Arc;

use wh_backup::{BackupConfig, DataFolder, Key, Status, Store, Target, codes};
use wh_base::{Clock, OsRandom, Random, Result, SystemClock, Timestamp};

use super::{Finding, machine};
use crate::data_dir;
use crate::settings::{Engine, Settings};

const KEY: &str = "backup key";
const TARGET: &str = "backup target";
const LAST: &str = "last backup";
const PROOF: &str = "last proof";
const SCRATCH: &str = "backup scratch";
/// A running server that takes steps is late when nothing was kept for so many of them, and for so many seconds.
const STEPS_LATE: i64 = 4;
const STEPS_LATE_S_MIN: i64 = 120;
/// Full points and proofs are late at twice their time.
const TIMES_LATE: i64 = 2;

pub(super) async fn all(settings: &Settings) -> Vec<Finding> {
    if !settings.backup.is_set() {
        let advice =
            "set target and key_file in [backup]: docs/backup.md; `wheelhouse backup key` makes a key";
        return vec![Finding::warn(TARGET, "none is set: the server makes no backups", advice)];
    }
    let mistakes = settings.backup.check(settings.backup_steps());
    if !mistakes.is_empty() {
        return mistakes.iter().map(|error| Finding::error(TARGET, error)).collect();
    }
    if let Err(error) = DataFolder::new(&settings.data_dir).must_not_be_restored() {
        return vec![Finding::warn(TARGET, error.message(), codes::RESTORED.hint)];
    }
    let mut findings: Vec<_> = key(&settings.backup).into_iter().collect();
    match Status::read(&settings.data_dir) {
        Ok(status) => {
            findings.push(place(&settings.backup, status.clone()).await);
            findings.push(last(settings, &status, SystemClock.now()));
            findings.extend(proof(settings, &status, SystemClock.now()));
            findings.extend(scratch(settings, &status));
        }
        Err(error) => {
            findings.push(place(&settings.backup, Status::default()).await);
            findings.push(Finding::error(LAST, &error));
        }
    }
    findings
}

/// Whoever reads the key reads the backups.
fn key(config: &BackupConfig) -> Option<Finding> {
    let file = config.key_file.as_ref()?;
    let mode = Key::open_to_others(file)?;
    let found = format!("others on this machine may read {} ({mode:o})", file.display());
    Some(Finding::warn(KEY, found, format!("chmod 600 {}", file.display())))
}

/// Reached, writable, opened by our key, and not empty where points were kept.
async fn place(config: &BackupConfig, status: Status) -> Finding {
    let config = config.clone();
    let looked = tokio::task::spawn_blocking(move || look(&config, &status)).await;
    match looked {
        Ok(Ok(finding)) => finding,
        Ok(Err(error)) => Finding::error(TARGET, &error),
        Err(error) => Finding::fail(TARGET, error.to_string(), codes::STORE.hint),
    }
}

fn look(config: &BackupConfig, status: &Status) -> Result<Finding> {
    let random: Arc<dyn Random> = Arc::new(OsRandom);
    let store: Store = config.store(&random)?;
    if let Some(Target::Folder(folder)) = config.target.as_deref().map(Target::parse).transpose()? {
        if !folder.exists() {
            status.must_not_have_kept_in(&store.words())?;
        }
        store.must_have_room()?;
        let there = machine::nearest(&folder);
        machine::probe(&there)
            .map_err(|e| codes::STORE.caused(format!("{} cannot be written", there.display()), e))?;
        if !folder.exists() {
            return Ok(Finding::ok(TARGET, format!("{} is made by the first backup", folder.display())));
        }
    }
    store.probe()?;
    let words = store.words();
    let newest = match config.open(random).and_then(|repository| repository.points()) {
        Ok(points) => points.last().map(|point| point.at),
        // Nothing was begun there yet.
        Err(error) if error.is(&codes::POINT_UNKNOWN) => None,
        Err(error) => return Err(error),
    };
    Ok(match newest {
        Some(at) => Finding::ok(TARGET, format!("{words} can be written; its newest point keeps {at}")),
        None => {
            status.must_not_have_kept_in(&words)?;
            Finding::ok(TARGET, format!("{words} can be written; it holds no point yet"))
        }
    })
}

/// Up to which moment everything is kept.
fn last(settings: &Settings, status: &Status, now: Timestamp) -> Finding {
    let backup = &settings.backup;
    let runs = data_dir::holder(&settings.data_dir).is_some();
    let follows = runs && settings.database.engine == Engine::Sqlite && backup.step_every_s > 0;
    let late_s = if follows {
        (seconds(backup.step_every_s) * STEPS_LATE).max(STEPS_LATE_S_MIN)
    } else {
        seconds(backup.full_every_h) * 3_600 * TIMES_LATE
    };
    let why = status.last_failure.as_ref().map_or_else(String::new, |failure| {
        format!("; the one at {} failed: {} ({})", failure.at, failure.message, failure.code)
    });
    let advice = "look at the log of the server for its error, or try `wheelhouse backup create`";
    let Some(success) = &status.last_success else {
        let advice =
            if why.is_empty() { "start the server, or run `wheelhouse backup create`" } else { advice };
        return Finding::warn(LAST, format!("there is none yet{why}"), advice);
    };
    let age_s = age_s(success.at, now);
    let found = format!("everything up to {} is kept, {} ago{why}", success.at, words(age_s));
    if age_s > late_s || status.last_failure.is_some() {
        return Finding::warn(LAST, found, advice);
    }
    Finding::ok(LAST, found)
}

/// The last restore that was proven, where the server makes proofs; what a proof found broken in any case.
fn proof(settings: &Settings, status: &Status, now: Timestamp) -> Option<Finding> {
    let every_s = seconds(settings.backup.verify_every_h) * 3_600;
    let without_place = settings.database.engine == Engine::Postgres && settings.backup.scratch_url.is_none();
    let proves = every_s > 0 && !without_place;
    let advice = "`wheelhouse backup verify` proves the newest point and says what is wrong";
    if let Some(failure) = status.last_unproven.as_ref().filter(|found| proves || found.is_broken()) {
        let found = format!("the one at {} failed: {} ({})", failure.at, failure.message, failure.code);
        return Some(Finding::warn(PROOF, found, advice));
    }
    if !proves {
        return None;
    }
    let Some(verified) = &status.last_verified else {
        return Some(Finding::warn(PROOF, "no restore was proven yet", advice));
    };
    let age_s = age_s(verified.at, now);
    let found = format!("a restore of {} was proven {} ago", verified.point_at, words(age_s));
    if age_s > every_s * TIMES_LATE {
        return Some(Finding::warn(PROOF, found, advice));
    }
    Some(Finding::ok(PROOF, found))
}

/// Whether the next proof, or the next archive of PostgreSQL, finds room where it is made.
fn scratch(settings: &Settings, status: &Status) -> Option<Finding> {
    let backup = &settings.backup;
    let dumps = settings.database.engine == Engine::Postgres;
    let proves = backup.verify_every_h > 0 && (!dumps || backup.scratch_url.is_some());
    if !dumps && !proves {
        return None;
    }
    let mut bytes = if proves { DataFolder::new(&settings.data_dir).bytes() } else { 0 };
    if dumps && proves {
        // The archive is no file of the data folder; the last proof says how large it was.
        bytes = bytes.max(status.last_verified.as_ref().map_or(0, |last| last.bytes));
    }
    let place = machine::nearest(&crate::cli::scratch_dir(backup, &settings.data_dir));
    // A proof leaves as much free as an archive does, or more.
    let room = if proves {
        wh_backup::must_have_room_for_proof(&place, bytes)
    } else {
        wh_backup::must_have_room_for_archive(&place)
    };
    Some(match room {
        Ok(()) => {
            Finding::ok(SCRATCH, format!("{} has room for {:.1} MB", place.display(), bytes as f64 / 1e6))
        }
        Err(error) => Finding::warn(SCRATCH, error.message(), codes::NO_ROOM.hint),
    })
}

fn seconds(setting: u64) -> i64 {
    i64::try_from(setting).unwrap_or(i64::MAX / 100_000)
}

fn age_s(at: Timestamp, now: Timestamp) -> i64 {
    ((now.micros() - at.micros()) / 1_000_000).max(0)
}

/// An age as people say it.
fn words(age_s: i64) -> String {
    match age_s {
        ..=119 => format!("{age_s} s"),
        120..=7_199 => format!("{} min", age_s / 60),
        7_200..=172_799 => format!("{} h", age_s / 3_600),
        _ => format!("{} days", age_s / 86_400),
    }
}
