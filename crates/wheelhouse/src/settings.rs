//! All sections of the configuration, and where their values come from: file, environment, flags.
use std::path::{Path, PathBuf};

use wh_backup::{BackupConfig, Steps};
use wh_base::config::{self, Holds, Key, Layers, Mistake, Origins, Reading, Section, about};
use wh_base::{Error, ErrorCode, Result, Secret, codes};
use wh_db::{DbLimits, PostgresUrls};
use wh_identity::IdentityConfig;
use wh_server::ServerConfig;
use wh_system::SystemConfig;
use wh_telemetry::TelemetryConfig;

use crate::log::LogConfig;

const DATA: Section = Section {
    name: "data",
    doc: "Where everything lies.",
    keys: &[Key::new(
        "dir",
        Holds::Text,
        "\"./data\"",
        "Folder of the embedded database and of the objects.",
    )],
};

const DATABASE: Section = Section {
    name: "database",
    doc: "The embedded database, or PostgreSQL 15 and later. `wheelhouse db init` fills this in.",
    keys: &[
        Key::new("engine", Holds::OneOf(&["sqlite", "postgres"]), "\"sqlite\"", "sqlite or postgres."),
        Key::optional(
            "postgres_owner_url",
            Holds::Text,
            "URL of the login that owns and migrates the tables.",
        )
        .secret(),
        Key::optional("postgres_app_url", Holds::Text, "URL of the login that serves tenants.").secret(),
        Key::optional("postgres_id_url", Holds::Text, "URL of the login that reads users and sessions.")
            .secret(),
        Key::optional("postgres_sys_url", Holds::Text, "URL of the login for jobs across tenants.").secret(),
        Key::new(
            "connections_max",
            Holds::Integer { min: 1, max: 1_000 },
            "16",
            "Connections that read at the same time (SQLite), or connections of the app login (PostgreSQL).",
        ),
        Key::new(
            "queue_max",
            Holds::Integer { min: 1, max: 100_000 },
            "1024",
            "Requests that may wait for a connection; the next one is refused with db.busy.",
        ),
        Key::new(
            "wait_ms_max",
            Holds::Integer { min: 10, max: 60_000 },
            "5000",
            "How long a request waits for a connection, in milliseconds.",
        ),
        Key::new(
            "statement_ms_max",
            Holds::Integer { min: 10, max: 600_000 },
            "5000",
            "How long one statement may run, in milliseconds.",
        ),
        Key::new(
            "held_ms_max",
            Holds::Integer { min: 10, max: 60_000 },
            "50",
            "SQLite: how long one writing transaction may keep the others waiting, in milliseconds.",
        ),
        Key::new(
            "idle_in_transaction_ms_max",
            Holds::Integer { min: 100, max: 600_000 },
            "5000",
            "PostgreSQL: how long a transaction may wait for its next statement, in milliseconds.",
        ),
        Key::new(
            "file_mb_max",
            Holds::Integer { min: 16, max: 268_435_456 },
            "262144",
            "SQLite: how large the file may become, in megabytes.",
        ),
        Key::new(
            "slow_statement_ms",
            Holds::Integer { min: 0, max: 600_000 },
            "100",
            "Milliseconds from which a statement is listed on the admin page as slow.",
        ),
    ],
};

const DATASET: Section = Section {
    name: "dataset",
    doc: "The rows behind panels.",
    keys: &[
        Key::new(
            "hot_budget_mb",
            Holds::Integer { min: 16, max: 1_048_576 },
            "1024",
            "Megabytes of rows held in memory; whole datasets leave it, the longest unused first.",
        ),
        Key::new(
            "import_s_max",
            Holds::Integer { min: 1, max: 43_200 },
            "14400",
            "Seconds that one import may take from its first byte to its last; objects that nothing names are swept after 24 hours.",
        ),
        Key::optional(
            "store_adopt",
            Holds::Text,
            "Consent to take over objects of another installation: the word that the refusal (dataset.store_foreign) names. What the database does not name is removed.",
        ),
    ],
};

/// Every section, in the order of the manual.
pub const SECTIONS: &[Section] = &[
    DATA,
    wh_server::SECTION,
    DATABASE,
    DATASET,
    wh_identity::SECTION,
    wh_system::SECTION,
    wh_backup::SECTION,
    crate::log::SECTION,
    wh_telemetry::SECTION,
];

/// Variables of the test commands and of the command line as a client are no settings.
const FOREIGN_PREFIXES: [&str; 2] = ["WHEELHOUSE_TEST", wh_cli::ENVIRONMENT_PREFIX];
/// The file that is read when none is named.
pub const FILE_NAME: &str = "wheelhouse.toml";

/// Where settings come from, as the command line says.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// `--config`.
    pub file: Option<PathBuf>,
    /// Flags that set a key.
    pub flags: Vec<(&'static str, String)>,
}

/// `[database]`, read.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseSettings {
    /// Which engine.
    pub engine: Engine,
    /// Owner's login.
    pub postgres_owner_url: Option<Secret<String>>,
    /// Tenants' login.
    pub postgres_app_url: Option<Secret<String>>,
    /// Identity's login.
    pub postgres_id_url: Option<Secret<String>>,
    /// System jobs' login.
    pub postgres_sys_url: Option<Secret<String>>,
    /// See [`DbLimits`].
    pub connections_max: usize,
    /// See [`DbLimits`].
    pub queue_max: usize,
    /// See [`DbLimits`].
    pub wait_ms_max: u64,
    /// See [`DbLimits`].
    pub statement_ms_max: u64,
    /// See [`DbLimits`].
    pub held_ms_max: u64,
    /// See [`DbLimits`].
    pub idle_in_transaction_ms_max: u64,
    /// Megabytes (2^20 bytes).
    pub file_mb_max: u64,
    /// From when on a statement is slow, in milliseconds.
    pub slow_statement_ms: u64,
}

impl DatabaseSettings {
    /// The four logins; all of them or none.
    pub fn postgres_urls(&self) -> Result<PostgresUrls> {
        let [owner_url, app_url, id_url, sys_url] =
            self.logins().map(|(key, url)| url.cloned().ok_or_else(|| not_set(key)));
        Ok(PostgresUrls { owner_url: owner_url?, app_url: app_url?, id_url: id_url?, sys_url: sys_url? })
    }

    fn logins(&self) -> [(&'static str, Option<&Secret<String>>); 4] {
        [
            ("database.postgres_owner_url", self.postgres_owner_url.as_ref()),
            ("database.postgres_app_url", self.postgres_app_url.as_ref()),
            ("database.postgres_id_url", self.postgres_id_url.as_ref()),
            ("database.postgres_sys_url", self.postgres_sys_url.as_ref()),
        ]
    }

    /// What is wrong with the URLs where they are used, each with its key.
    fn check(&self) -> Vec<Error> {
        if self.engine != Engine::Postgres {
            return Vec::new();
        }
        let wrong = |(key, url): (&'static str, Option<&Secret<String>>)| match url {
            None => Some(not_set(key)),
            Some(url) => wh_db::check_url(url).err().map(|error| {
                let message = format!("{key}: {}", error.message());
                about(error.reworded(message), &[key])
            }),
        };
        self.logins().into_iter().filter_map(wrong).collect()
    }

    /// How much the database may take.
    pub fn limits(&self) -> DbLimits {
        DbLimits {
            connections_max: self.connections_max,
            queue_max: self.queue_max,
            wait_ms_max: self.wait_ms_max,
            statement_ms_max: self.statement_ms_max,
            held_ms_max: self.held_ms_max,
            idle_in_transaction_ms_max: self.idle_in_transaction_ms_max,
            file_bytes_max: self.file_mb_max << 20,
            slow_statement_ms: self.slow_statement_ms,
        }
    }
}

fn not_set(key: &str) -> Error {
    let message = format!("database.engine is postgres and {key} is not set; `wheelhouse db init` sets it");
    about(codes::CONFIG.error(message), &["database.engine"])
}

/// The two engines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// In the data folder.
    Sqlite,
    /// Somewhere else.
    Postgres,
}

/// `[dataset]`, read.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatasetSettings {
    /// Megabytes (2^20 bytes).
    pub hot_budget_mb: u64,
    /// The longest that one import may take.
    pub import_s_max: u64,
    /// The word of a store of another installation that may be taken over.
    pub store_adopt: Option<String>,
}

/// The whole configuration, read.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The file that was read, if there was one.
    pub file: Option<PathBuf>,
    /// The keys of that file itself that hold a password or a token: `section.key`.
    pub file_secrets: Vec<String>,
    /// The data folder.
    pub data_dir: PathBuf,
    /// The front door.
    pub server: ServerConfig,
    /// The database.
    pub database: DatabaseSettings,
    /// The rows behind panels.
    pub dataset: DatasetSettings,
    /// Sign-in.
    pub identity: IdentityConfig,
    /// What companies may use.
    pub system: SystemConfig,
    /// Backups.
    pub backup: BackupConfig,
    /// The log.
    pub log: LogConfig,
    /// Traces and metrics for a collector.
    pub telemetry: TelemetryConfig,
    /// Where each of them was set.
    origins: Origins,
}

/// The variables that are settings. Those of other programs may hold anything.
fn environment() -> Result<Vec<(String, String)>> {
    let mut found = Vec::new();
    for (name, value) in std::env::vars_os() {
        let Some(name) = name.to_str().filter(|name| name.starts_with(config::ENVIRONMENT_PREFIX)) else {
            continue;
        };
        if FOREIGN_PREFIXES.iter().any(|prefix| name.starts_with(prefix)) {
            continue;
        }
        let value = value
            .into_string()
            .map_err(|_| codes::CONFIG.error(format!("{name}: its value is not UTF-8")))?;
        found.push((name.to_owned(), value));
    }
    Ok(found)
}

impl Settings {
    /// Whether backups are made of steps too: of the embedded database, where that is wanted.
    pub fn backup_steps(&self) -> Steps {
        let follows = self.database.engine == Engine::Sqlite && self.backup.step_every_s > 0;
        if follows { Steps::Each } else { Steps::None }
    }

    /// Read all layers. What cannot be read is told together with everything else that is wrong, one mistake a line.
    pub fn load(sources: &Sources) -> Result<Self> {
        let environment = environment()?;
        let file = find_file(sources, &environment);
        let text = file.as_deref().map(read).transpose()?;
        let name = file.as_deref().map(|file| file.display().to_string());
        let layers = Layers {
            file: name.as_deref().zip(text.as_deref()),
            environment: &environment,
            flags: &sources.flags,
        };
        let Reading { settings: merged, mut mistakes, is_toml } = config::Settings::read(SECTIONS, layers);
        let file_secrets = text.as_deref().map(|text| config::secrets_in(SECTIONS, text)).unwrap_or_default();
        let settings = Self::of(&merged, file, file_secrets)?;
        // Of a file that cannot be read at all nobody knows what is missing in it.
        if !is_toml {
            return Err(refused(&codes::CONFIG, mistakes));
        }
        if mistakes.is_empty() && settings.identity.check().is_empty() {
            return Ok(settings);
        }
        mistakes.extend(settings.wrong().iter().map(|error| settings.origins.mistake(error)));
        Err(refused(&codes::CONFIG, mistakes))
    }

    fn of(merged: &config::Settings, file: Option<PathBuf>, file_secrets: Vec<String>) -> Result<Self> {
        let data_dir = merged.text("data", "dir").map_or_else(|| PathBuf::from("./data"), PathBuf::from);
        Ok(Self {
            file,
            file_secrets,
            data_dir,
            server: merged.section("server")?,
            database: merged.section("database")?,
            dataset: merged.section("dataset")?,
            identity: merged.section("identity")?,
            system: merged.section("system")?,
            backup: merged.section("backup")?,
            log: merged.section("log")?,
            telemetry: merged.section("telemetry")?,
            origins: merged.origins().clone(),
        })
    }
}

impl Settings {
    /// Whether a server can start with them, as far as that can be told without starting one. All that is wrong at once, each where it
    /// was set.
    pub fn check(&self) -> Result<()> {
        let wrong = self.wrong();
        let code = match wrong.as_slice() {
            [] => return Ok(()),
            [one] => one.code(),
            _ => &codes::CONFIG,
        };
        Err(refused(code, wrong.iter().map(|error| self.origins.mistake(error)).collect()))
    }

    fn wrong(&self) -> Vec<Error> {
        let mut wrong = self.server.check();
        wrong.extend(self.database.check());
        wrong.extend(self.identity.check());
        // A key file alone is for backups by hand, which name their place.
        if self.backup.is_set() {
            wrong.extend(self.backup.check(self.backup_steps()));
        }
        // For the programs of PostgreSQL alone, which take more than our own driver does.
        if self.database.engine == Engine::Postgres
            && self.backup.is_set()
            && self.backup.verify_every_h > 0
            && let Some(Err(error)) = self.backup.scratch_url.as_ref().map(wh_db::tls_of_programs)
        {
            let message = format!("backup.scratch_url: {}", error.message());
            wrong.push(about(error.reworded(message), &["backup.scratch_url"]));
        }
        wrong.extend(self.log.levels().err());
        wrong.extend(self.telemetry.check());
        wrong
    }
}

/// One mistake a line, those of the file in the order in which they stand there.
fn refused(code: &'static ErrorCode, mut mistakes: Vec<Mistake>) -> Error {
    mistakes.sort_by_key(|mistake| mistake.line.unwrap_or(usize::MAX));
    let lines: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
    code.error(lines.join("\n            "))
}

/// `--config`, or `wheelhouse.toml` in the data folder that flags and environment name.
fn find_file(sources: &Sources, environment: &[(String, String)]) -> Option<PathBuf> {
    if let Some(file) = &sources.file {
        return Some(file.clone());
    }
    let flag = sources.flags.iter().find(|(key, _)| *key == "data.dir").map(|(_, folder)| folder.as_str());
    let variable =
        environment.iter().find(|(name, _)| name == "WHEELHOUSE_DATA_DIR").map(|(_, folder)| folder.as_str());
    let file = Path::new(flag.or(variable).unwrap_or("./data")).join(FILE_NAME);
    file.exists().then_some(file)
}

fn read(file: &Path) -> Result<String> {
    std::fs::read_to_string(file)
        .map_err(|e| codes::CONFIG.caused(format!("cannot read the configuration {}", file.display()), e))
}
