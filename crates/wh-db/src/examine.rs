//! Looks at a database without opening it for work and without changing anything: for `wheelhouse doctor`.
use uuid::Uuid;
use wh_base::{Error, Result, Timestamp};

use crate::{DbConfig, EngineConfig, Migrations, codes, postgres, sqlite};

/// What is looked at to learn whether a start would change the tables.
pub const SCHEMA_CHECK: &str = "database schema";
/// What is found of a schema that a start leaves as it is.
pub const SCHEMA_CURRENT: &str = "as this version needs it";

/// How something was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// As it must be.
    Fine,
    /// It works, and may not for long.
    Doubtful,
    /// It does not work.
    Broken,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Examined {
    /// Which: one or a few words.
    pub what: String,
    /// How it was found.
    pub verdict: Verdict,
    /// What was found, for a person.
    pub found: String,
    /// What to do about it.
    pub advice: Option<String>,
}

impl Examined {
    pub(crate) fn fine(what: impl Into<String>, found: impl Into<String>) -> Self {
        Self { what: what.into(), verdict: Verdict::Fine, found: found.into(), advice: None }
    }

    pub(crate) fn doubtful(
        what: impl Into<String>,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self { verdict: Verdict::Doubtful, advice: Some(advice.into()), ..Self::fine(what, found) }
    }

    pub(crate) fn broken(
        what: impl Into<String>,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self { verdict: Verdict::Broken, advice: Some(advice.into()), ..Self::fine(what, found) }
    }

    /// An error with its causes, and the advice of its code.
    pub(crate) fn failed(what: impl Into<String>, error: &Error) -> Self {
        let mut found = error.message().to_owned();
        let mut cause = std::error::Error::source(error);
        while let Some(source) = cause {
            found.push_str(": ");
            found.push_str(&source.to_string());
            cause = source.source();
        }
        Self::broken(what, found, error.code().hint)
    }
}

/// Look at reachability, version, logins, rights and schema. Changes nothing; works beside a running server.
pub async fn examine(config: &DbConfig, migrations: &[Migrations], now: Timestamp) -> Vec<Examined> {
    match &config.engine {
        EngineConfig::Sqlite { path } => {
            let (path, migrations) = (path.clone(), migrations.to_vec());
            let looking = tokio::task::spawn_blocking(move || sqlite::examine(&path, &migrations));
            looking.await.unwrap_or_else(|error| {
                vec![Examined::broken("database", format!("looking at it failed: {error}"), "report this")]
            })
        }
        EngineConfig::Postgres(urls) => postgres::examine(urls, &config.limits, migrations, now).await,
    }
}

/// Which installation a database is of, without opening it for work; nothing where it has no tables yet, or those of an older build.
pub async fn installation_of(config: &DbConfig) -> Result<Option<Uuid>> {
    match &config.engine {
        EngineConfig::Sqlite { path } => {
            let path = path.clone();
            let looking = tokio::task::spawn_blocking(move || sqlite::installation(&path));
            looking.await.map_err(|e| codes::SETUP.caused("looking at the database was stopped", e))?
        }
        EngineConfig::Postgres(urls) => postgres::installation(urls).await,
    }
}

/// The newest moment of the last thousands of events and audit lines: one that is ahead of now was told by a clock that was. Nothing
/// where there is no table or no row yet. Changes nothing.
pub async fn newest_moment(config: &DbConfig) -> Result<Option<Timestamp>> {
    let micros = match &config.engine {
        EngineConfig::Sqlite { path } => {
            let path = path.clone();
            let reading = tokio::task::spawn_blocking(move || sqlite::newest(&path, &newest_sql("")));
            reading.await.map_err(|e| codes::SETUP.caused("looking at the database was stopped", e))??
        }
        EngineConfig::Postgres(urls) => postgres::newest(urls).await?,
    };
    Ok(micros.map(Timestamp::from_micros))
}

/// Both tables are read from their ends, so that it takes no longer when they are large.
pub(crate) fn newest_sql(schema: &str) -> String {
    let last = |table: &str| {
        format!(
            "SELECT at FROM (SELECT at FROM {schema}{table} ORDER BY seq DESC LIMIT 10000) AS {table}_last"
        )
    };
    let (events, lines) = (last("kernel_outbox"), last("kernel_audit"));
    format!("SELECT MAX(at) FROM ({events} UNION ALL {lines}) AS moments")
}
