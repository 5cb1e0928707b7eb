//! What the doctor sees of this machine: configuration file, data folder, disk, open files, memory.
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::Finding;
use crate::serve::files;
use crate::settings::Settings;

const DISK: &str = "disk space";
/// Less room than this and the next import or commit fails.
const DISK_BYTES_MIN: u64 = 256 << 20;
/// Less room than this is soon used up.
const DISK_BYTES_SOON: u64 = 4 << 30;
/// Less than this part of the disk is soon used up, in percent.
const DISK_PERCENT_SOON: u64 = 5;
/// Everybody but the owner: nobody else has business in data and passwords.
const OTHERS: u32 = 0o077;

pub(super) fn configuration(settings: &Settings) -> Finding {
    const CHECK: &str = "configuration";
    let Some(file) = &settings.file else {
        return Finding::ok(CHECK, "no file; defaults and environment are right");
    };
    let found = format!("{} is right", file.display());
    match mode(file) {
        Some(mode) if mode & OTHERS != 0 && !settings.file_secrets.is_empty() => Finding::warn(
            CHECK,
            format!(
                "{found}, and others on this machine may read its secrets ({mode:o}): {}",
                settings.file_secrets.join(", ")
            ),
            format!("chmod 600 {}", file.display()),
        ),
        _ => Finding::ok(CHECK, found),
    }
}

fn mode(path: &Path) -> Option<u32> {
    fs::metadata(path).ok().map(|metadata| metadata.permissions().mode() & 0o777)
}

/// The nearest folder that is there already.
pub(super) fn nearest(folder: &Path) -> PathBuf {
    let whole = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    whole.ancestors().find(|above| above.exists()).map_or_else(|| PathBuf::from("/"), Path::to_owned)
}

/// Write, sync, read and remove a file: rights, a read-only mount and a full disk all show in it.
pub(super) fn probe(folder: &Path) -> std::io::Result<()> {
    let file = folder.join(format!(".wheelhouse-doctor-{}", std::process::id()));
    let written = (|| {
        let mut out = fs::OpenOptions::new().write(true).create_new(true).open(&file)?;
        out.write_all(b"probe")?;
        out.sync_all()?;
        fs::read(&file).map(drop)
    })();
    let removed = match fs::remove_file(&file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    };
    written.and(removed)
}

pub(super) fn folder(settings: &Settings) -> Vec<Finding> {
    const CHECK: &str = "data folder";
    let folder = &settings.data_dir;
    let place = nearest(folder);
    let shown = place.display();
    if !place.is_dir() {
        let advice = "name another folder with --data-dir, or move the file away";
        return vec![Finding::fail(CHECK, format!("{shown} is not a folder"), advice)];
    }
    if let Err(error) = probe(&place) {
        let user = rustix::process::geteuid().as_raw();
        let advice = format!(
            "let user {user} write there (chown {user} {shown}), or mount it writable with free space"
        );
        return vec![Finding::fail(CHECK, format!("cannot write in {shown}: {error}"), advice)];
    }
    if !folder.exists() {
        return vec![Finding::ok(CHECK, format!("{} is made at the first start", folder.display()))];
    }
    let mut findings = vec![Finding::ok(CHECK, format!("{} can be written", folder.display()))];
    if let Some(mode) = mode(folder).filter(|mode| mode & OTHERS != 0) {
        let found = format!("others on this machine may look into {} ({mode:o})", folder.display());
        findings.push(Finding::warn("data folder rights", found, format!("chmod 700 {}", folder.display())));
    }
    findings
}

pub(super) fn disk(settings: &Settings) -> Vec<Finding> {
    let place = nearest(&settings.data_dir);
    match Room::at(&place) {
        Ok(room) => room.judge(&place),
        Err(error) => {
            let advice = "look at the mount of the data folder";
            vec![Finding::fail(DISK, format!("{}: {error}", place.display()), advice)]
        }
    }
}

/// How much of a file system is free.
pub struct Room {
    pub(super) bytes_free: u64,
    pub(super) bytes: u64,
    pub(super) files_free: u64,
    /// 0 where the file system does not count them.
    pub(super) files: u64,
}

impl Room {
    /// Of the file system at this place.
    pub fn at(place: &Path) -> std::io::Result<Self> {
        let stat = rustix::fs::statvfs(place)?;
        Ok(Self {
            bytes_free: stat.f_bavail * stat.f_frsize,
            bytes: stat.f_blocks * stat.f_frsize,
            files_free: stat.f_favail,
            files: stat.f_files,
        })
    }

    /// Whether it is enough.
    pub fn judge(&self, place: &Path) -> Vec<Finding> {
        let (free, all, shown) = (self.bytes_free, self.bytes, place.display());
        let found = format!("{} MB free of {} MB at {shown}", free >> 20, all >> 20);
        let advice = "make room or grow the disk: imports and changes are refused when it is full";
        let mut findings = vec![if free < DISK_BYTES_MIN {
            Finding::fail(DISK, found, advice)
        } else if free < DISK_BYTES_SOON || free < all / 100 * DISK_PERCENT_SOON {
            Finding::warn(DISK, found, advice)
        } else {
            Finding::ok(DISK, found)
        }];
        if self.files > 0 && self.files_free < self.files / 100 {
            let found = format!("{} of {} files are left at {shown}", self.files_free, self.files);
            let advice = "remove small files: no new one can be made without";
            findings.push(Finding::warn("disk files", found, advice));
        }
        findings
    }
}

pub(super) fn open_files() -> Finding {
    const CHECK: &str = "open files";
    let (soft, hard) = files::limits();
    let found = format!("{} may be open, raised to {} at start", files::shown(soft), files::shown(hard));
    if hard.is_some_and(|hard| hard < files::FILES_WANTED_MIN) {
        let advice = "raise it: LimitNOFILE= in the systemd unit, `ulimit -Hn`, or the container's limits; every connection is a file";
        return Finding::warn(CHECK, found, advice);
    }
    Finding::ok(CHECK, found)
}

pub(super) fn memory(settings: &Settings) -> Finding {
    let info = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let total =
        info.lines().find_map(|line| line.strip_prefix("MemTotal:")?.split_whitespace().next()?.parse().ok());
    memory_of(settings.dataset.hot_budget_mb, total.map(|kb: u64| kb >> 10))
}

/// So many megabytes for rows on a machine with so many, where it says so.
pub(super) fn memory_of(budget_mb: u64, total_mb: Option<u64>) -> Finding {
    const CHECK: &str = "memory";
    let Some(total_mb) = total_mb else {
        return Finding::ok(
            CHECK,
            format!("{budget_mb} MB for rows; the machine does not say how much it has"),
        );
    };
    let found = format!("{budget_mb} MB for rows of {total_mb} MB");
    if budget_mb > total_mb / 2 {
        let advice = "lower hot_budget_mb in [dataset] to half of the machine's memory, or add memory";
        return Finding::warn(CHECK, found, advice);
    }
    Finding::ok(CHECK, found)
}
