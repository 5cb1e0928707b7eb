//! The data folder and its lock: one process at a time, the second one is told who holds it.
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use uuid::Uuid;
use wh_base::{ErrorCode, Kind, Result};

/// Another process works on the folder.
pub const LOCKED: ErrorCode = ErrorCode::new(
    "wheelhouse.data_dir_locked",
    Kind::Conflict,
    "another process holds the data folder",
    "stop that process, or give this one a folder of its own with --data-dir",
);
/// The folder cannot be used.
pub const UNUSABLE: ErrorCode = ErrorCode::new(
    "wheelhouse.data_dir_unusable",
    Kind::Unavailable,
    "the data folder cannot be used",
    "check that the path exists, is a folder, can be written by this user, and that the disk has room",
);

/// All of them, for the error table.
pub const ALL: &[&ErrorCode] = &[&LOCKED, &UNUSABLE];

const LOCK_FILE: &str = "wheelhouse.lock";
const NODE_FILE: &str = "wheelhouse.node";
/// How often the lock is asked for before the folder counts as held.
const LOCK_TRIES: u32 = 20;
/// Between two of these.
const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// A data folder that is ours until this is dropped, also after a kill: the lock is the kernel's.
#[derive(Debug)]
pub struct DataDir {
    folder: PathBuf,
    lock: File,
}

impl DataDir {
    /// Make the folder if needed and take its lock.
    pub fn open(folder: &Path) -> Result<Self> {
        let unusable = |e: std::io::Error| {
            UNUSABLE.caused(format!("cannot use the data folder {}", folder.display()), e)
        };
        make_private(folder).map_err(unusable)?;
        let path = folder.join(LOCK_FILE);
        let mut lock = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(unusable)?;
        match taken(&lock) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                lock.read_to_string(&mut holder).map_err(unusable)?;
                let holder = holder.lines().next().unwrap_or_default();
                return Err(
                    LOCKED.error(format!("the data folder {} is held by process {holder}", folder.display()))
                );
            }
            Err(TryLockError::Error(e)) => return Err(unusable(e)),
        }
        lock.set_len(0).map_err(unusable)?;
        lock.rewind().map_err(unusable)?;
        writeln!(lock, "{}", std::process::id()).map_err(unusable)?;
        lock.sync_all().map_err(unusable)?;
        Ok(Self { folder: folder.to_owned(), lock })
    }

    /// Write down where the server is reached, for commands that run beside it.
    pub fn reached_at(&mut self, origin: &str) -> Result<()> {
        writeln!(self.lock, "{origin}")
            .map_err(|e| UNUSABLE.caused(format!("cannot write in {}", self.folder.display()), e))
    }

    /// Where the server that runs on this folder is reached; none when none does.
    pub fn origin_of_running(folder: &Path) -> Option<String> {
        let mut lock = OpenOptions::new().read(true).open(folder.join(LOCK_FILE)).ok()?;
        // What is in the file of a server that has ended does not count.
        if !matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock)) {
            return None;
        }
        let mut text = String::new();
        lock.read_to_string(&mut text).ok()?;
        text.lines().nth(1).map(str::to_owned)
    }

    /// The id of this folder's server among those that share its database: made once, and ours alone as long as the lock is.
    pub fn node(&self, new: Uuid) -> Result<Uuid> {
        let path = self.folder.join(NODE_FILE);
        let unusable = |e: std::io::Error| UNUSABLE.caused(format!("cannot use {}", path.display()), e);
        let known = match fs::read_to_string(&path) {
            Ok(text) => text.trim().parse().ok(),
            Err(e) if e.kind() == ErrorKind::NotFound => None,
            Err(e) => return Err(unusable(e)),
        };
        if let Some(known) = known {
            return Ok(known);
        }
        let mut file = File::create(&path).map_err(unusable)?;
        writeln!(file, "{new}").and_then(|()| file.sync_all()).map_err(unusable)?;
        Ok(new)
    }

    /// The embedded database.
    pub fn database(&self) -> PathBuf {
        self.folder.join("wheelhouse.db")
    }

    /// Where datasets' objects lie.
    pub fn objects(&self) -> PathBuf {
        self.folder.join("objects")
    }
}

/// The lock, unless somebody keeps it: a command that only asks who holds the folder has it for a moment, and a server that has just taken it
/// needs one to write down who it is.
fn taken(lock: &File) -> Result<(), TryLockError> {
    for _ in 0..LOCK_TRIES {
        match lock.try_lock() {
            Err(TryLockError::WouldBlock) => std::thread::sleep(LOCK_PAUSE),
            answer => return answer,
        }
    }
    lock.try_lock()
}

/// The process that holds the folder now, if there is one. Takes the lock for a moment to know.
pub fn holder(folder: &Path) -> Option<String> {
    let mut lock = File::open(folder.join(LOCK_FILE)).ok()?;
    if !matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock)) {
        return None;
    }
    let mut holder = String::new();
    lock.read_to_string(&mut holder).ok()?;
    Some(format!("process {}", holder.lines().next().unwrap_or_default()))
}

/// Rows, sessions and files of a company are nobody else's business: only this user may look in, also where the folder was
/// there before.
fn make_private(folder: &Path) -> std::io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true).mode(0o700);
    builder.create(folder)?;
    let mode = fs::metadata(folder)?.permissions().mode();
    if mode & 0o077 != 0 {
        tracing::warn!(folder = %folder.display(), mode = format!("{:o}", mode & 0o777), "others could look into the data folder: closed to them");
        fs::set_permissions(folder, fs::Permissions::from_mode(mode & 0o700))?;
    }
    Ok(())
}
