//! A database for one proof, dropped at its end; and those that killed processes left, which hold all that a proof holds.
use std::path::Path;

use uuid::Uuid;
use wh_base::{Result, Secret, Timestamp};

use super::program::{Tool, with_database, without_password};
use super::{Content, SCHEMA, read_rows};
use crate::codes;
use crate::stop::Stop;

/// What they are called, before the moment in seconds and an id.
const NAME: &str = "wh_verify_";
/// Longer than any proof takes, in seconds.
const LEFT_AFTER_S: i64 = 2 * 86_400;
const MICROS_PER_S: i64 = 1_000_000;

/// A database for one proof; dropped at its end.
pub(super) struct ScratchDatabase<'a> {
    admin: &'a Secret<String>,
    stop: &'a Stop,
    name: String,
    url: Secret<String>,
    target: String,
}

impl<'a> ScratchDatabase<'a> {
    pub(super) fn make(admin: &'a Secret<String>, now: Timestamp, id: Uuid, stop: &'a Stop) -> Result<Self> {
        let name = format!("{NAME}{}_{}", now.micros() / MICROS_PER_S, id.simple());
        let mut make = Tool::new("createdb", admin, stop)?;
        make.args(["--template=template0", "--encoding=UTF8", "--locale=C", "--maintenance-db"]);
        make.arg(&without_password(admin)?.0).arg(&name).run()?;
        let url = Secret::new(with_database(admin.expose(), &name)?);
        let target = without_password(&url)?.0;
        Ok(Self { admin, stop, name, url, target })
    }

    /// A file of statements into it; removed when they are in.
    pub(super) fn load(&self, statements: &Path) -> Result<()> {
        let mut load = Tool::new("psql", &self.url, self.stop)?;
        load.args(["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--file"]).arg(statements);
        load.arg("--dbname").arg(&self.target).run()?;
        std::fs::remove_file(statements)
            .map_err(|e| codes::TARGET.caused("what was loaded cannot be removed", e))
    }

    /// What stands in it.
    pub(super) fn rows(&self) -> Result<Content> {
        let mut dump = Tool::new("pg_dump", &self.url, self.stop)?;
        dump.args(["--data-only", "--schema", SCHEMA]);
        read_rows(&mut dump, self.stop)
    }
}

impl Drop for ScratchDatabase<'_> {
    fn drop(&mut self) {
        // Also when the server ends: it is quick.
        if let Err(error) = drop_database(self.admin, &self.name) {
            tracing::warn!(?error, database = self.name, "a scratch database could not be dropped");
        }
    }
}

/// By force: what a program that was stopped had asked for, the server may still be doing. Where the login may not end everybody there, as
/// a vacuum of the server's own, without: the server ends those by itself.
fn drop_database(admin: &Secret<String>, name: &str) -> Result<()> {
    let drop = |by: &[&str]| {
        let mut tool = Tool::new("dropdb", admin, &Stop::default())?;
        for flag in by {
            tool.arg(flag);
        }
        tool.args(["--if-exists", "--maintenance-db"]).arg(&without_password(admin)?.0).arg(name).run()
    };
    drop(&["--force"]).or_else(|_| drop(&[]))
}

/// Drop what processes that were killed left there. What is there is written into a folder on the way.
pub(super) fn drop_left(admin: &Secret<String>, folder: &Path, now: Timestamp, stop: &Stop) {
    let there = match names(admin, folder, stop) {
        Ok(there) => there,
        Err(error) => {
            return tracing::warn!(?error, "it was not looked for scratch databases that were left");
        }
    };
    for name in there.lines().filter(|name| is_left(name, now)) {
        match drop_database(admin, name) {
            Ok(()) => tracing::info!(database = name, "what a killed process left was dropped"),
            Err(error) => {
                tracing::warn!(?error, database = name, "a scratch database could not be dropped");
            }
        }
    }
}

fn names(admin: &Secret<String>, folder: &Path, stop: &Stop) -> Result<String> {
    let file = folder.join("databases");
    let mut tool = Tool::new("psql", admin, stop)?;
    tool.args(["--no-psqlrc", "--tuples-only", "--no-align", "--command", "SELECT datname FROM pg_database"]);
    tool.arg("--output").arg(&file).arg("--dbname").arg(&without_password(admin)?.0).run()?;
    std::fs::read_to_string(&file).map_err(|e| codes::TOOL_FAILED.caused("what psql wrote cannot be read", e))
}

/// Whether its name says that it was made for a proof long ago.
fn is_left(name: &str, now: Timestamp) -> bool {
    let made = name.strip_prefix(NAME).and_then(|rest| rest.split_once('_')?.0.parse::<i64>().ok());
    made.is_some_and(|made| now.micros() / MICROS_PER_S - made > LEFT_AFTER_S)
}
