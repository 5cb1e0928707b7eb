//! Reads a SQLite database while others write it: one moment, page by page. Never writes.
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};
use wh_base::{Error, Result};

use crate::codes;
use crate::key::{Digest, sha256};
use crate::manifest::Migration;

/// Bytes of the database in one part.
pub const CHUNK_BYTES: usize = 1 << 20;
/// How long to wait for a process that is just closing the file.
const OTHER_PROCESS_WAIT: std::time::Duration = std::time::Duration::from_secs(5);
/// Bytes of a page's digest that are kept.
const PAGE_DIGEST_BYTES: usize = 16;

/// The beginning of the SHA-256 of a page.
pub type PageDigest = [u8; PAGE_DIGEST_BYTES];

/// An object that the catalog names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Its path from the root of the objects.
    pub path: String,
    /// Its size, where the catalog knows it.
    pub bytes: Option<u64>,
}

/// A connection that only reads.
pub struct Source {
    raw: Connection,
    path: PathBuf,
}

impl Source {
    /// Open the file.
    pub fn open(path: &Path) -> Result<Self> {
        let failed = |cause| unreadable(path, cause);
        if !path.exists() {
            return Err(codes::SOURCE.error(format!("there is no database {}", path.display())));
        }
        // A log can only be read by who may also make its index; `query_only` keeps it at reading.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let raw = Connection::open_with_flags(path, flags).map_err(failed)?;
        raw.busy_timeout(OTHER_PROCESS_WAIT).map_err(failed)?;
        raw.execute_batch(
            "PRAGMA query_only = ON; PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -8192;",
        )
        .map_err(failed)?;
        Ok(Self { raw, path: path.to_owned() })
    }

    /// The database as it is now, for as long as the answer is held.
    pub fn snapshot(&self) -> Result<Snapshot<'_>> {
        let failed = |cause| unreadable(&self.path, cause);
        self.raw.execute_batch("BEGIN").map_err(failed)?;
        let snapshot = Snapshot { source: self };
        // BEGIN alone pins nothing; the first statement that reads does.
        let _tables: i64 = snapshot.number("SELECT COUNT(*) FROM sqlite_schema")?;
        Ok(snapshot)
    }

    /// The write-ahead log beside it.
    pub fn log(&self) -> PathBuf {
        let mut name = self.path.as_os_str().to_owned();
        name.push("-wal");
        PathBuf::from(name)
    }
}

/// One moment of the database.
pub struct Snapshot<'a> {
    source: &'a Source,
}

impl Drop for Snapshot<'_> {
    fn drop(&mut self) {
        if let Err(cause) = self.source.raw.execute_batch("ROLLBACK") {
            tracing::warn!(%cause, "a reading transaction could not be ended");
        }
    }
}

impl Snapshot<'_> {
    fn failed(&self, cause: rusqlite::Error) -> Error {
        unreadable(&self.source.path, cause)
    }

    fn number(&self, sql: &str) -> Result<i64> {
        self.source.raw.query_row(sql, [], |row| row.get(0)).map_err(|e| self.failed(e))
    }

    /// Bytes of a page.
    pub fn page_bytes(&self) -> Result<u32> {
        Ok(self.number("PRAGMA page_size")? as u32)
    }

    /// Pages in all.
    pub fn pages(&self) -> Result<u32> {
        Ok(self.number("PRAGMA page_count")? as u32)
    }

    /// Every page in order, with its number from 1.
    pub fn each_page(&self, each: &mut dyn FnMut(u32, &[u8]) -> Result<()>) -> Result<()> {
        let sql = "SELECT pgno, data FROM sqlite_dbpage ORDER BY pgno";
        let mut statement = self.source.raw.prepare(sql).map_err(|e| self.failed(e))?;
        let mut rows = statement.query([]).map_err(|e| self.failed(e))?;
        while let Some(row) = rows.next().map_err(|e| self.failed(e))? {
            let number: i64 = row.get(0).map_err(|e| self.failed(e))?;
            let page = row.get_ref(1).map_err(|e| self.failed(e))?;
            let page = page.as_blob().map_err(|e| self.failed(e.into()))?;
            each(number as u32, page)?;
        }
        Ok(())
    }

    /// Some pages.
    pub fn each_page_of(
        &self,
        numbers: impl Iterator<Item = u32>,
        each: &mut dyn FnMut(u32, &[u8]) -> Result<()>,
    ) -> Result<()> {
        let sql = "SELECT data FROM sqlite_dbpage WHERE pgno = ?1";
        let mut statement = self.source.raw.prepare(sql).map_err(|e| self.failed(e))?;
        for number in numbers {
            let mut rows = statement.query([number]).map_err(|e| self.failed(e))?;
            let row = rows.next().map_err(|e| self.failed(e))?;
            let row = row.ok_or_else(|| codes::SOURCE.error(format!("page {number} cannot be read")))?;
            let page = row.get_ref(0).map_err(|e| self.failed(e))?;
            each(number, page.as_blob().map_err(|e| self.failed(e.into()))?)?;
        }
        Ok(())
    }

    /// The objects that must be kept with it.
    pub fn objects(&self) -> Result<Vec<Named>> {
        self.all(wh_dataset::NAMED_OBJECTS, |row| {
            let bytes: Option<i64> = row.get(1)?;
            Ok(Named { path: row.get(0)?, bytes: bytes.map(i64::unsigned_abs) })
        })
    }

    /// The schema.
    pub fn migrations(&self) -> Result<Vec<Migration>> {
        self.all(wh_db::APPLIED_MIGRATIONS, |row| {
            Ok(Migration { context: row.get(0)?, name: row.get(1)?, checksum: row.get(2)? })
        })
    }

    /// Rows of each table.
    pub fn tables(&self) -> Result<BTreeMap<String, u64>> {
        let sql =
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";
        let names: Vec<String> = self.all(sql, |row| row.get(0))?;
        names
            .into_iter()
            .map(|name| {
                let count = self.number(&format!("SELECT COUNT(*) FROM \"{name}\""))?;
                Ok((name, count.unsigned_abs()))
            })
            .collect()
    }

    /// What the engine itself finds wrong; nothing for a sound file.
    pub fn complaints(&self) -> Result<Vec<String>> {
        let mut found: Vec<String> = self.all("PRAGMA integrity_check", |row| row.get(0))?;
        found.retain(|line| line != "ok");
        let keys = self.all("PRAGMA foreign_key_check", |row| {
            let (table, parent): (String, String) = (row.get(0)?, row.get(2)?);
            Ok(format!("a row of {table} refers to one of {parent} that is not there"))
        })?;
        found.extend(keys);
        Ok(found)
    }

    fn all<T>(
        &self,
        sql: &str,
        read: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>> {
        let run = || -> rusqlite::Result<Vec<T>> {
            let mut statement = self.source.raw.prepare(sql)?;
            statement.query_map([], read)?.collect()
        };
        run().map_err(|e| self.failed(e))
    }
}

/// The digest of a page.
pub fn page_digest(page: &[u8]) -> PageDigest {
    let mut out = [0; PAGE_DIGEST_BYTES];
    out.copy_from_slice(&sha256(page)[..PAGE_DIGEST_BYTES]);
    out
}

/// The digest of a whole file, from those of its pages.
pub fn whole_digest(pages: &[PageDigest]) -> Digest {
    sha256(pages.as_flattened())
}

fn unreadable(path: &Path, cause: rusqlite::Error) -> Error {
    codes::SOURCE.caused(format!("{} cannot be read", path.display()), cause)
}
