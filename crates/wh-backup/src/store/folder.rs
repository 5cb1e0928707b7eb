//! A folder as the place of the backups. What it acknowledged is on disk after `settle`.
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use wh_base::{Error, Result};

use super::Found;
use crate::codes;

/// Half-written files; nobody lists them.
const STAGING: &str = "staging";

/// A folder.
#[derive(Debug)]
pub(super) struct Folder {
    root: PathBuf,
    number: AtomicU64,
    /// Folders with new names that are not yet on disk.
    unsettled: Mutex<BTreeSet<PathBuf>>,
}

impl Folder {
    /// The folder, whether it is there or not.
    pub fn new(folder: &Path) -> Self {
        Self { root: folder.to_owned(), number: AtomicU64::new(0), unsettled: Mutex::default() }
    }

    /// How it is named to a person.
    pub fn words(&self) -> String {
        self.root.display().to_string()
    }

    /// Make what must be there before the first file.
    pub fn prepare(&self) -> Result<()> {
        self.must_have_room()?;
        let staging = self.root.join(STAGING);
        make(&staging).map_err(|e| self.failed(STAGING, e))
    }

    /// Refuses where neither the folder nor the one above it is there.
    pub fn must_have_room(&self) -> Result<()> {
        // A name without folders lies in the working folder, which is there.
        let above = self.root.parent().filter(|above| !above.as_os_str().is_empty());
        match above {
            Some(above) if !self.root.exists() && !above.is_dir() => {
                let message =
                    format!("{} is not there, so {} is not made below it", above.display(), self.words());
                Err(codes::STORE.error(message))
            }
            _ => Ok(()),
        }
    }

    /// Write a file. It appears whole or not at all; its name is on disk after [`Folder::settle`].
    pub fn put(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let (staged, mut file) = self.stage().map_err(|e| self.failed(name, e))?;
        let path = self.root.join(name);
        let mut write = || -> std::io::Result<()> {
            file.write_all(bytes)?;
            file.sync_data()?;
            let Some(above) = path.parent() else { return Ok(()) };
            if let Err(e) = fs::rename(&staged, &path) {
                // A place that was taken away meanwhile is not made anew below one of its files.
                if e.kind() != ErrorKind::NotFound || !self.root.is_dir() {
                    return Err(e);
                }
                make(above)?;
                fs::rename(&staged, &path)?;
                self.remember(above.parent());
            }
            self.remember(Some(above));
            Ok(())
        };
        write().map_err(|e| {
            // What could not be written whole is not left half.
            let _gone = fs::remove_file(&staged);
            self.failed(name, e)
        })
    }

    /// A new file with a name of its own. In containers several processes have the same id, and may write into one place: whoever made
    /// the file has it, everybody else takes the next number.
    fn stage(&self) -> std::io::Result<(PathBuf, File)> {
        loop {
            let number = self.number.fetch_add(1, Ordering::Relaxed);
            let staged = self.root.join(STAGING).join(format!("{}-{number}", std::process::id()));
            match File::create_new(&staged) {
                Ok(file) => return Ok((staged, file)),
                Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
                Err(e) => return Err(e),
            }
        }
    }

    /// Remove what was staged so long ago that nobody can still be writing it.
    pub fn sweep(&self, age_min: Duration) -> Result<()> {
        for left in self.list(STAGING)?.into_iter().filter(|file| file.age >= age_min) {
            self.remove(&left.name)?;
        }
        Ok(())
    }

    /// Everything that was put is on disk when this returns.
    pub fn settle(&self) -> Result<()> {
        let folders = std::mem::take(&mut *self.unsettled.lock().unwrap_or_else(PoisonError::into_inner));
        for folder in folders {
            File::open(&folder).and_then(|folder| folder.sync_all()).map_err(|e| self.failed("", e))?;
        }
        Ok(())
    }

    fn remember(&self, folder: Option<&Path>) {
        if let Some(folder) = folder {
            self.unsettled.lock().unwrap_or_else(PoisonError::into_inner).insert(folder.to_owned());
        }
    }

    /// The whole file, or nothing if there is none.
    pub fn get(&self, name: &str) -> Result<Option<Vec<u8>>> {
        match fs::read(self.root.join(name)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            Err(e) => Err(self.failed(name, e)),
        }
    }

    /// Whether it is there.
    pub fn has(&self, name: &str) -> Result<bool> {
        self.root.join(name).try_exists().map_err(|e| self.failed(name, e))
    }

    /// Remove a file; one that is not there is removed already.
    pub fn remove(&self, name: &str) -> Result<()> {
        match fs::remove_file(self.root.join(name)) {
            Ok(()) => Ok(()),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
            Err(e) => Err(self.failed(name, e)),
        }
    }

    /// Give a file another name.
    pub fn rename(&self, from: &str, to: &str) -> Result<()> {
        let target = self.root.join(to);
        let moved = match target.parent() {
            Some(above) => make(above).and_then(|()| fs::rename(self.root.join(from), &target)),
            None => Ok(()),
        };
        moved.map_err(|e| self.failed(from, e))
    }

    /// The files in a folder of the store and below, in the order of their names.
    pub fn list(&self, folder: &str) -> Result<Vec<Found>> {
        let mut found = Vec::new();
        self.walk(folder, &mut found)?;
        found.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    }

    fn walk(&self, folder: &str, found: &mut Vec<Found>) -> Result<()> {
        let entries = match fs::read_dir(self.root.join(folder)) {
            Ok(entries) => entries,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
            Err(e) => return Err(self.failed(folder, e)),
        };
        for entry in entries {
            let entry = entry.map_err(|e| self.failed(folder, e))?;
            let name = format!("{folder}/{}", entry.file_name().to_string_lossy());
            let meta = match entry.metadata() {
                Ok(meta) => meta,
                Err(e) if e.kind() == ErrorKind::NotFound => continue,
                Err(e) => return Err(self.failed(&name, e)),
            };
            if meta.is_dir() {
                self.walk(&name, found)?;
            } else {
                let age = meta.modified().ok().and_then(|at| at.elapsed().ok()).unwrap_or_default();
                found.push(Found { name, bytes: meta.len(), age });
            }
        }
        Ok(())
    }

    /// Hold a named lock alone, or be told that another process has it. It ends with the process.
    pub fn lock(&self, name: &str) -> Result<File> {
        let file = self.lock_file(name)?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(fs::TryLockError::WouldBlock) => {
                Err(codes::RUNNING.error(format!("another process works on the backups in {}", self.words())))
            }
            Err(fs::TryLockError::Error(e)) => Err(self.failed(name, e)),
        }
    }

    /// Hold a named lock together with others who share it; waits for whoever holds it alone.
    pub fn lock_shared(&self, name: &str) -> Result<File> {
        let file = self.lock_file(name)?;
        file.lock_shared().map_err(|e| self.failed(name, e))?;
        Ok(file)
    }

    fn lock_file(&self, name: &str) -> Result<File> {
        let path = self.root.join(name);
        let mut options = fs::OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        options.open(path).map_err(|e| self.failed(name, e))
    }

    fn failed(&self, name: &str, cause: std::io::Error) -> Error {
        codes::STORE.caused(format!("{} in {} cannot be used", name, self.words()), cause)
    }
}

fn make(folder: &Path) -> std::io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}
