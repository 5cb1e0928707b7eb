//! Where the rows lie and how much of the machine they may take. Plain data; reads no file and no environment.
use std::path::PathBuf;

use serde::Deserialize;
use wh_base::Secret;

/// The `[database]` section.
#[derive(Clone, Debug)]
pub struct DbConfig {
    /// Which engine, and where.
    pub engine: EngineConfig,
    /// How much it may take.
    pub limits: DbLimits,
}

impl DbConfig {
    /// `SQLite` in one file, with the usual limits.
    pub fn sqlite(path: impl Into<PathBuf>) -> Self {
        Self { engine: EngineConfig::Sqlite { path: path.into() }, limits: DbLimits::default() }
    }
}

/// One of the two engines.
#[derive(Clone, Debug)]
pub enum EngineConfig {
    /// One file on this machine.
    Sqlite {
        /// The file.
        path: PathBuf,
    },
    /// A server; four logins, so that none can do another's work.
    Postgres(PostgresUrls),
}

/// The four logins of PostgreSQL.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PostgresUrls {
    /// Owns the tables and migrates.
    pub owner_url: Secret<String>,
    /// Serves tenants; owns nothing.
    pub app_url: Secret<String>,
    /// Reads the global tables.
    pub id_url: Secret<String>,
    /// Runs system jobs.
    pub sys_url: Secret<String>,
}

/// Limits, each with its unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DbLimits {
    /// Connections that read at the same time (`SQLite`), or connections of the app login (`PostgreSQL`).
    pub connections_max: usize,
    /// Requests that may wait for a connection.
    pub queue_max: usize,
    /// How long a request waits for a connection.
    pub wait_ms_max: u64,
    /// How long one statement may run.
    pub statement_ms_max: u64,
    /// `SQLite`: how long one writing transaction may keep the others waiting.
    pub held_ms_max: u64,
    /// `PostgreSQL`: how long a transaction may wait for its next statement.
    pub idle_in_transaction_ms_max: u64,
    /// `SQLite`: how large the file may become.
    pub file_bytes_max: u64,
    /// From when on a statement is remembered as a slow one.
    pub slow_statement_ms: u64,
}

impl Default for DbLimits {
    fn default() -> Self {
        Self {
            connections_max: 16,
            queue_max: 1_024,
            wait_ms_max: 5_000,
            statement_ms_max: 5_000,
            held_ms_max: 50,
            idle_in_transaction_ms_max: 5_000,
            file_bytes_max: 256 * 1024 * 1024 * 1024,
            slow_statement_ms: 100,
        }
    }
}
