//! What the server leans on, taken away and given back: a database, the folder of the objects, room on the disk.
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Result;
use rustix::fs::{CWD, RenameFlags, renameat_with};

use crate::postgres::Postgres;

/// One of them.
pub trait Support {
    /// Take it away at once.
    fn take(&mut self) -> Result<()>;
    /// Give it back; it can be used when this returns.
    fn give(&mut self) -> Result<()>;
}

impl Support for Postgres {
    fn take(&mut self) -> Result<()> {
        self.kill()
    }

    fn give(&mut self) -> Result<()> {
        self.run_again()
    }
}

/// The objects of a data folder.
pub struct Objects {
    there: PathBuf,
    aside: PathBuf,
}

impl Objects {
    /// Those of this data folder.
    pub fn below(data: &Path) -> Result<Self> {
        let own = Self { there: data.join("objects"), aside: data.join("aside") };
        fs::write(&own.aside, "")?;
        Ok(own)
    }

    /// A file for the folder, below which nothing can be made. In one step: otherwise the server makes the folder anew in between,
    /// and what it writes there is lost by us and not by it.
    fn exchange(&self) -> Result<()> {
        Ok(renameat_with(CWD, &self.there, CWD, &self.aside, RenameFlags::EXCHANGE)?)
    }
}

impl Support for Objects {
    fn take(&mut self) -> Result<()> {
        self.exchange()
    }

    fn give(&mut self) -> Result<()> {
        self.exchange()
    }
}

/// Room on the disk that a server has for itself.
pub struct Disk {
    filler: PathBuf,
}

impl Disk {
    /// The disk of this process on which the folder lies, as the process sees it.
    pub fn of(process: u32, folder: &Path) -> Result<Self> {
        let root = PathBuf::from(format!("/proc/{process}/root"));
        Ok(Self { filler: root.join(folder.strip_prefix("/")?).join("filler") })
    }
}

impl Support for Disk {
    fn take(&mut self) -> Result<()> {
        let mut filler = File::create(&self.filler)?;
        for piece in [65_536, 512] {
            let piece = vec![7; piece];
            while filler.write_all(&piece).is_ok() {}
        }
        Ok(())
    }

    fn give(&mut self) -> Result<()> {
        Ok(fs::remove_file(&self.filler)?)
    }
}
