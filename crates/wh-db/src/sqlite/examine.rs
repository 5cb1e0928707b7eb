//! Looks at the file without changing it: whose it is, whether it is sound, whether this program knows its schema.
use std::path::Path;

use rusqlite::{Connection as Raw, OpenFlags};
use wh_base::Result;

use super::errors::translate;
use super::schema::{self, APPLICATION_ID};
use crate::codes;
use crate::examine::{Examined, SCHEMA_CHECK, SCHEMA_CURRENT};
use crate::migrate::{Dialect, Migrations, plan};

/// Files above this are not read through: it would take minutes.
const READ_THROUGH_BYTES_MAX: u64 = 1 << 30;
const WHAT: &str = "database";

/// Everything there is to say about the file.
pub(crate) fn examine(path: &Path, migrations: &[Migrations]) -> Vec<Examined> {
    let bytes = match std::fs::metadata(path) {
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return vec![Examined::fine(WHAT, "sqlite: no file yet; the first start makes it")];
        }
        Err(error) => {
            let advice = "give the user that runs Wheelhouse the right to read and write the data folder";
            return vec![Examined::broken(WHAT, format!("{}: {error}", path.display()), advice)];
        }
    };
    match look(path, migrations, bytes) {
        Ok(found) => found,
        Err(error) => vec![Examined::failed(WHAT, &error)],
    }
}

/// What this statement finds, in microseconds; nothing where there is no file or no table yet.
pub(crate) fn newest(path: &Path, sql: &str) -> Result<Option<i64>> {
    if !path.exists() {
        return Ok(None);
    }
    let raw = reader(path)?;
    let there = "SELECT COUNT(*) FROM sqlite_schema WHERE name IN ('kernel_outbox', 'kernel_audit')";
    let tables: i64 = raw.query_row(there, [], |row| row.get(0)).map_err(translate)?;
    if tables < 2 {
        return Ok(None);
    }
    raw.query_row(sql, [], |row| row.get(0)).map_err(translate)
}

fn reader(path: &Path) -> Result<Raw> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Raw::open_with_flags(path, flags).map_err(translate)
}

fn look(path: &Path, migrations: &[Migrations], bytes: u64) -> Result<Vec<Examined>> {
    let raw = reader(path)?;
    let id: i64 = raw.query_row("PRAGMA application_id", [], |row| row.get(0)).map_err(translate)?;
    if id != APPLICATION_ID {
        return Err(codes::SETUP.error("the database file belongs to another program"));
    }
    let version: String =
        raw.query_row("SELECT sqlite_version()", [], |row| row.get(0)).map_err(translate)?;
    let mut found =
        vec![Examined::fine(WHAT, format!("sqlite {version}: {} is ours, {bytes} bytes", path.display()))];
    found.push(sound(&raw, bytes)?);
    found.push(schema(&raw, migrations)?);
    Ok(found)
}

fn sound(raw: &Raw, bytes: u64) -> Result<Examined> {
    const WHAT: &str = "database file";
    if bytes > READ_THROUGH_BYTES_MAX {
        let advice = "stop the server and run `PRAGMA quick_check` on a copy when in doubt";
        return Ok(Examined::doubtful(WHAT, "too large to be read through here", advice));
    }
    let word: String = raw.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(translate)?;
    if word == "ok" {
        return Ok(Examined::fine(WHAT, "read through, sound"));
    }
    Ok(Examined::broken(WHAT, word, "stop the server and restore the last backup: the file is damaged"))
}

fn schema(raw: &Raw, migrations: &[Migrations]) -> Result<Examined> {
    const WHAT: &str = SCHEMA_CHECK;
    let contexts: Vec<_> =
        schema::applied(raw).map_err(translate)?.into_iter().filter(|row| row.context != "kernel").collect();
    match plan(&contexts, migrations, Dialect::Sqlite) {
        Ok(pending) if pending.is_empty() => Ok(Examined::fine(WHAT, SCHEMA_CURRENT)),
        Ok(pending) => {
            Ok(Examined::fine(WHAT, format!("{} migrations to apply at the next start", pending.len())))
        }
        Err(error) => Ok(Examined::failed(WHAT, &error)),
    }
}
