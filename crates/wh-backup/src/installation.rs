//! Whose points are whose: the id that a data folder gets once and keeps, and the mark of a folder that a restore has made.
use std::fs::{self, File};
use std::io::{ErrorKind, Read, Seek, Write};
use std::path::Path;

use uuid::Uuid;
use wh_base::{Random, Result};

use crate::codes;
use crate::create::DataFolder;
use crate::manifest::PointName;
use crate::repository::new_id;

/// The id, beside the database. It is kept with the other small files; a restored folder gets one of its own before its backups go on.
const ID: &str = "installation-id";
/// Beside the database of a folder that a restore has made: it still has the id of the one that was backed up.
pub(crate) const RESTORED: &str = "restored-from-backup";

impl DataFolder {
    /// Which installation it is; nothing where no backup was made of it yet.
    pub fn installation(&self) -> Result<Option<Uuid>> {
        let file = self.path().join(ID);
        match fs::read_to_string(&file) {
            Ok(text) => Ok(text.trim().parse().ok()),
            Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
            Err(e) => Err(failed(&file, e)),
        }
    }

    /// Which installation it is: `fresh`, where it was none yet.
    pub fn installation_or(&self, fresh: Uuid) -> Result<Uuid> {
        if let Some(id) = self.installation()? {
            return Ok(id);
        }
        let path = self.path().join(ID);
        let write = || -> std::io::Result<Uuid> {
            let mut options = File::options();
            let mut file = options.read(true).write(true).create(true).truncate(false).open(&path)?;
            // Two processes may begin at the same time; what one of them left half is written anew.
            file.lock()?;
            let mut text = String::new();
            file.read_to_string(&mut text)?;
            if let Ok(id) = text.trim().parse() {
                return Ok(id);
            }
            file.rewind()?;
            file.set_len(0)?;
            writeln!(file, "{fresh}")?;
            file.sync_all()?;
            Ok(fresh)
        };
        write().map_err(|e| failed(&path, e))
    }

    /// Whether a restore made it, and nobody has said yet that its backups may go on.
    pub fn is_restored(&self) -> bool {
        self.path().join(RESTORED).exists()
    }

    /// Refuses where a restore made it: a copy for a drill must not write into the backups of what it is a copy of.
    pub fn must_not_be_restored(&self) -> Result<()> {
        if !self.is_restored() {
            return Ok(());
        }
        Err(codes::RESTORED.error(format!("{} was restored from a backup", self.path().display())))
    }

    /// Its backups may go on, as those of an installation of its own: the one that was backed up may still run somewhere, and each proves and
    /// removes only what is its own. Whether that was new.
    pub fn resume(&self, random: &dyn Random) -> Result<bool> {
        if !self.is_restored() {
            return Ok(false);
        }
        let (id, mark) = (self.path().join(ID), self.path().join(RESTORED));
        let fresh = new_id(random)?;
        let new = self.path().join(format!("{ID}.new"));
        let write = || -> std::io::Result<()> {
            let mut file = File::create(&new)?;
            writeln!(file, "{fresh}")?;
            file.sync_all()?;
            fs::rename(&new, &id)
        };
        write().map_err(|e| failed(&id, e))?;
        // Last: what ends before this is begun anew, and nothing was written under either id.
        fs::remove_file(&mark).map_err(|e| failed(&mark, e))?;
        Ok(true)
    }
}

/// Say in a folder that a restore made it.
pub(crate) fn mark(folder: &Path, point: &PointName) -> std::io::Result<()> {
    let PointName { id, at, .. } = point;
    let text = format!(
        "Restored from point {id}, which keeps {at}. `wheelhouse backup resume` lets the backups go on from here.\n"
    );
    fs::write(folder.join(RESTORED), text)
}

fn failed(file: &Path, cause: std::io::Error) -> wh_base::Error {
    codes::SOURCE.caused(format!("{} cannot be used", file.display()), cause)
}
