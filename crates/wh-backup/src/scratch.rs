//! Folders with decrypted content that are removed when their use ends; and what a process that was killed left of them.
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use uuid::Uuid;
use wh_base::Result;

use crate::restore::make_private;
use crate::room::code_of;

/// What they are called, before an id.
const NAME: &str = "wheelhouse-backup-";
/// One that is younger may not be locked yet.
const AGE_MIN: Duration = Duration::from_mins(1);

/// A folder for this user alone, removed when it is dropped.
pub(crate) struct Scratch {
    folder: PathBuf,
    _lock: Option<File>,
}

impl Scratch {
    /// A new one below a folder.
    pub(crate) fn make(below: &Path, id: Uuid) -> Result<Self> {
        let folder = below.join(format!("{NAME}{}", id.simple()));
        make_private(&folder).map_err(|e| {
            let message =
                format!("{} cannot be made; scratch_dir in [backup] names another place", folder.display());
            code_of(&e).caused(message, e)
        })?;
        let lock = lock(&folder);
        Ok(Self { folder, _lock: lock })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(e) = fs::remove_dir_all(&self.folder)
            && e.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(folder = %self.folder.display(), error = %e, "a scratch folder could not be removed");
        }
    }
}

/// Hold a folder for as long as its process lives: one that nobody holds was left behind. Not every file system can do it; there a
/// folder that was left behind stays.
pub(crate) fn lock(folder: &Path) -> Option<File> {
    let file = File::open(folder).ok()?;
    file.try_lock().ok().map(|()| file)
}

/// Remove what processes that were killed left below a folder.
pub fn remove_leftovers(below: &Path) {
    remove_left(below, NAME);
}

/// Remove the folders that begin so and that nobody holds.
pub(crate) fn remove_left(below: &Path, beginning: &str) {
    for entry in fs::read_dir(below).into_iter().flatten().flatten() {
        let ours = entry.file_name().to_string_lossy().starts_with(beginning);
        let Ok(meta) = entry.metadata() else { continue };
        let age = meta.modified().ok().and_then(|at| at.elapsed().ok()).unwrap_or_default();
        if !ours || !meta.is_dir() || age < AGE_MIN {
            continue;
        }
        let Ok(held) = File::open(entry.path()) else { continue };
        if held.try_lock().is_err() {
            continue;
        }
        match fs::remove_dir_all(entry.path()) {
            Ok(()) => {
                tracing::info!(folder = %entry.path().display(), "what a killed process left was removed");
            }
            Err(error) => {
                tracing::warn!(folder = %entry.path().display(), %error, "a scratch folder could not be removed");
            }
        }
    }
}
