//! Looks at the file without changing it: whose it is, whether it is sound, whether this program knows its schema.
use std::path::Path;

use rusqlite::{Connection as Raw, OpenFlags};
use uuid::Uuid;
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

/// Whether somebody has changed anything in the file: each change leaves a line in a trail, the first owner's too. Nobody has in one that is
/// not there, or not ours. Changes nothing.
pub fn sqlite_in_use(path: &Path) -> Result<bool> {
    if !path.exists() {
        return Ok(false);
    }
    in_use(path).map_err(translate)
}

fn in_use(path: &Path) -> rusqlite::Result<bool> {
    let raw = read_only(path)?;
    if !has(&raw, "kernel_audit")? {
        return Ok(false);
    }
    raw.query_row("SELECT EXISTS (SELECT 1 FROM kernel_audit)", [], |row| row.get(0))
}

/// Which installation the file is of; nothing where it is not there, not ours, or of an older build.
pub(crate) fn installation(path: &Path) -> Result<Option<Uuid>> {
    if !path.exists() {
        return Ok(None);
    }
    let Some(id) = installation_bytes(path).map_err(translate)? else { return Ok(None) };
    Uuid::from_slice(&id).map(Some).map_err(|e| codes::VALUE.caused("the id of the installation is none", e))
}

fn installation_bytes(path: &Path) -> rusqlite::Result<Option<Vec<u8>>> {
    let raw = read_only(path)?;
    if !has(&raw, "kernel_installation")? {
        return Ok(None);
    }
    raw.query_row("SELECT id FROM kernel_installation", [], |row| row.get(0)).map(Some)
}

/// Whether the file is ours and has this table.
fn has(raw: &Raw, table: &str) -> rusqlite::Result<bool> {
    let id: i64 = raw.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    let there = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = ?1)";
    Ok(id == APPLICATION_ID && raw.query_row(there, [table], |row| row.get(0))?)
}

fn read_only(path: &Path) -> rusqlite::Result<Raw> {
    Raw::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)
}

/// What this statement finds, in microseconds; nothing where there is no file or no table yet.
pub(crate) fn newest(path: &Path, sql: &str) -> Result<Option<i64>> {
    if !path.exists() {
        return Ok(None);
    }
    newest_of(path, sql).map_err(translate)
}

fn newest_of(path: &Path, sql: &str) -> rusqlite::Result<Option<i64>> {
    let raw = read_only(path)?;
    if !has(&raw, "kernel_outbox")? || !has(&raw, "kernel_audit")? {
        return Ok(None);
    }
    raw.query_row(sql, [], |row| row.get(0))
}

fn look(path: &Path, migrations: &[Migrations], bytes: u64) -> Result<Vec<Examined>> {
    let raw = read_only(path).map_err(translate)?;
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
