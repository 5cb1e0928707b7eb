//! What the doctor makes of the clock: whether something keeps it right, and whether it was ahead. Asks; sets nothing.
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use std::{fs, thread};

use wh_backup::Status;
use wh_base::{Clock, SystemClock, Timestamp};

use super::{Finding, machine};
use crate::compose;
use crate::settings::Settings;

const CLOCK: &str = "clock";
const SERVICE: &str = "time service";
const HISTORY: &str = "clock history";
/// 2026-01-01: this program did not exist before.
const CLOCK_S_MIN: i64 = 1_767_225_600;
/// Two clocks that are further away than this from one another: one of them is wrong.
const APART_S_MAX: i64 = 5;
/// A program that does not answer for so long is not waited for.
const ASKED_FOR_MAX: Duration = Duration::from_secs(3);
/// The kernel's own word, as systemd reads it: true of any time service that disciplines the clock.
const OF_THE_KERNEL: (&str, &[&str]) = ("timedatectl", &["show", "--property=NTPSynchronized", "--value"]);
/// The word of chrony, where there is no systemd.
const OF_CHRONY: (&str, &[&str]) = ("chronyc", &["-n", "tracking"]);
/// Made by systemd-timesyncd once the clock is right.
const OF_TIMESYNCD: &str = "/run/systemd/timesync/synchronized";

/// A moment that was written down somewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Written {
    /// When.
    pub(super) at: Timestamp,
    /// Where, as a person reads it.
    pub(super) place: String,
}

/// All that is known of a clock.
pub(super) struct Seen {
    /// What it shows.
    pub(super) now: Timestamp,
    /// What the file system of the data folder takes for now, in seconds since 1970.
    pub(super) file_system_s: Option<i64>,
    /// Whether it is kept right; nothing where nobody says so.
    pub(super) is_synchronised: Option<bool>,
    /// The newest moment that was written down, before `now` was read.
    pub(super) newest: Option<Written>,
}

/// Look at the clock of this machine.
pub(super) async fn look(settings: &Settings) -> Vec<Finding> {
    let newest = newest(settings).await;
    let file_system_s = written_at_s(&machine::nearest(&settings.data_dir));
    judge(&Seen { now: SystemClock.now(), file_system_s, is_synchronised: is_synchronised(), newest })
}

pub(super) fn judge(seen: &Seen) -> Vec<Finding> {
    let now_s = seen.now.micros() / 1_000_000;
    let shows = if now_s < CLOCK_S_MIN {
        let advice = "set the clock and run a time service (chrony, systemd-timesyncd): sessions and links depend on it";
        Finding::fail(CLOCK, format!("{} is before this program was made", seen.now), advice)
    } else {
        match seen.file_system_s {
            Some(file_s) if (file_s - now_s).abs() > APART_S_MAX => Finding::warn(
                CLOCK,
                format!(
                    "{}; the file system of the data folder is {} s away",
                    seen.now,
                    (file_s - now_s).abs()
                ),
                "the folder lies on a machine with another clock: run a time service on both",
            ),
            _ => Finding::ok(CLOCK, seen.now.to_string()),
        }
    };
    let service = match seen.is_synchronised {
        Some(true) => Finding::ok(SERVICE, "the clock is synchronised"),
        Some(false) => Finding::warn(
            SERVICE,
            "the kernel says that nothing synchronises the clock",
            "run a time service (chrony, systemd-timesyncd): a clock that is wrong ends sessions and removes backups at the wrong time",
        ),
        None => Finding::ok(
            SERVICE,
            "neither timedatectl nor chronyc is here to ask: look at the machine around it",
        ),
    };
    let mut findings = vec![shows, service];
    if let Some(newest) = &seen.newest {
        findings.push(history(newest, seen.now));
    }
    findings
}

/// Whether something is dated later than now: then the clock was ahead and went back, or it is behind now.
fn history(newest: &Written, now: Timestamp) -> Finding {
    let ahead_s = (newest.at.micros() - now.micros()) / 1_000_000;
    if ahead_s <= APART_S_MAX {
        return Finding::ok(HISTORY, format!("nothing is dated later than now; the newest is {}", newest.at));
    }
    Finding::warn(
        HISTORY,
        format!("{} is dated {}, {ahead_s} s later than now", newest.place, newest.at),
        "the clock was ahead, or is behind now: set it right and keep it so with a time service; what is dated later counts as new until then",
    )
}

/// The newest of what the database, the files of the data folder and the backups' status are dated. What cannot be read is told by
/// other checks.
async fn newest(settings: &Settings) -> Option<Written> {
    let mut written = Vec::new();
    let config = compose::db_config(settings, &settings.data_dir.join("wheelhouse.db"));
    if let Ok(config) = config
        && let Ok(Some(at)) = wh_db::newest_moment(&config).await
    {
        written.push(Written { at, place: "an event or a line of the audit trail".to_owned() });
    }
    if let Ok(status) = Status::read(&settings.data_dir) {
        let moments = [
            status.last_success.map(|success| success.at),
            status.last_verified.map(|verified| verified.at),
            status.last_failure.map(|failure| failure.at),
            status.last_unproven.map(|failure| failure.at),
        ];
        let place = || "the status of the backups".to_owned();
        written.extend(moments.into_iter().flatten().map(|at| Written { at, place: place() }));
    }
    for entry in fs::read_dir(&settings.data_dir).into_iter().flatten().flatten() {
        if let Some(at) = entry.metadata().ok().and_then(|metadata| moment(metadata.modified().ok()?)) {
            written.push(Written { at, place: entry.path().display().to_string() });
        }
    }
    written.into_iter().max_by_key(|one| one.at)
}

fn moment(time: SystemTime) -> Option<Timestamp> {
    let since = time.duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(since.as_micros()).ok().map(Timestamp::from_micros)
}

/// What the file system thinks the time is.
fn written_at_s(folder: &Path) -> Option<i64> {
    let file: PathBuf = folder.join(format!(".wheelhouse-doctor-clock-{}", std::process::id()));
    let written = fs::write(&file, b"").ok().and_then(|()| fs::metadata(&file).ok()?.modified().ok());
    let _gone = fs::remove_file(&file);
    written.and_then(moment).map(|at| at.micros() / 1_000_000)
}

fn is_synchronised() -> Option<bool> {
    asked(OF_THE_KERNEL)
        .and_then(|text| word_of_the_kernel(&text))
        .or_else(|| asked(OF_CHRONY).and_then(|text| word_of_chrony(&text)))
        .or_else(|| Path::new(OF_TIMESYNCD).exists().then_some(true))
}

pub(super) fn word_of_the_kernel(text: &str) -> Option<bool> {
    match text.trim() {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    }
}

pub(super) fn word_of_chrony(text: &str) -> Option<bool> {
    let line = text.lines().find_map(|line| line.strip_prefix("Leap status"))?;
    Some(!line.contains("Not synchronised"))
}

/// What a program says, where it is there and ends well in time. Beside this thread: one that hangs is left alone and ends with us.
fn asked((program, arguments): (&'static str, &'static [&'static str])) -> Option<String> {
    let (tell, told) = mpsc::channel();
    let ask = move || {
        let mut command = Command::new(program);
        let output =
            command.args(arguments).env("LC_ALL", "C").stdin(Stdio::null()).stderr(Stdio::null()).output();
        // Nobody listens any more to what came too late.
        let _unheard = tell.send(output);
    };
    thread::Builder::new().name("clock".to_owned()).spawn(ask).ok()?;
    let output = told.recv_timeout(ASKED_FOR_MAX).ok()?.ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}
