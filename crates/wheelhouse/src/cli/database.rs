//! `wheelhouse db init`: PostgreSQL in one command, its logins written into the configuration.
use std::path::{Path, PathBuf};

use clap::Subcommand;
use toml_edit::{DocumentMut, Item, Table, value};
use wh_base::{Result, Secret, codes};
use wh_db::{Elsewhere, LoginsThere, PostgresInit, PostgresUrls, database_of, init_postgres};

use super::{CommonFlags, with_password};
use crate::settings::{Engine, FILE_NAME, Settings};
use crate::{compose, data_dir, print};

/// Where neither the command line nor the configuration names one.
const DATABASE: &str = "wheelhouse";

/// What can be done with a database.
#[derive(Subcommand)]
pub enum Verb {
    /// Make database and logins on a PostgreSQL 15 or later, write their URLs into the configuration, migrate
    Init {
        /// URL of a login that may make databases and logins: `postgres://admin:password@host/postgres`
        #[arg(long, value_name = "URL")]
        admin_url: String,
        /// File with that login's password, for a URL without one: no password on the command line
        #[arg(long, value_name = "FILE")]
        admin_password_file: Option<PathBuf>,
        /// The database to make [default: the one that the configuration names, else `wheelhouse`]
        #[arg(long)]
        database: Option<String>,
        /// Logins are called so, with _owner, _app, _id and _sys behind it
        #[arg(long, default_value = "wh")]
        login_prefix: String,
        /// Give logins that are there already new passwords: cuts off whoever uses the old ones
        #[arg(long)]
        rotate_passwords: bool,
        /// Let the configuration lead to this server and database where it leads to others now; those stay as they are
        #[arg(long)]
        repoint: bool,
        /// Begin without the companies, people and panels of the embedded database in the data folder; it stays as it is
        #[arg(long)]
        start_empty: bool,
        #[command(flatten)]
        common: CommonFlags,
    },
}

/// Do it. A second run keeps the logins that work, and touches none that it has no working URL of.
pub async fn run(verb: &Verb) -> Result<()> {
    let Verb::Init {
        admin_url,
        admin_password_file,
        database,
        login_prefix,
        rotate_passwords,
        repoint,
        start_empty,
        common,
    } = verb;
    compose::install_crypto();
    let settings = Settings::load(&common.sources())?;
    let left_behind = leaves_behind(&settings)?;
    if left_behind && !start_empty {
        return Err(wh_db::codes::NOT_EMPTY.error(format!(
            "{} holds a company, and nothing of it moves to PostgreSQL",
            embedded(&settings).display()
        )));
    }
    let existing = settings.database.postgres_urls().ok();
    let named = existing.as_ref().and_then(|urls| database_of(&urls.owner_url));
    let database = database.clone().or(named).unwrap_or_else(|| DATABASE.to_owned());
    let init = PostgresInit {
        database: database.clone(),
        login_prefix: login_prefix.clone(),
        existing,
        elsewhere: if *repoint { Elsewhere::Replace } else { Elsewhere::Refuse },
        logins_there: if *rotate_passwords { LoginsThere::NewPasswords } else { LoginsThere::Keep },
    };
    let random = wh_base::OsRandom;
    let admin_url = match admin_password_file {
        Some(file) => with_password(admin_url, file, "--admin-url")?,
        None => Secret::new(admin_url.clone()),
    };
    let objects = settings.data_dir.join("objects");
    let file = settings.file.clone().unwrap_or_else(|| settings.data_dir.join(FILE_NAME));
    let urls = init_postgres(&admin_url, &init, &random, |urls| write_urls(&file, urls)).await?;
    let mut migrated = settings;
    migrated.database.engine = Engine::Postgres;
    migrated.database.postgres_owner_url = Some(urls.owner_url);
    migrated.database.postgres_app_url = Some(urls.app_url);
    migrated.database.postgres_id_url = Some(urls.id_url);
    migrated.database.postgres_sys_url = Some(urls.sys_url);
    compose::migrate(&migrated).await?;
    print::line(&format!("The database `{database}` is ready; {} names its four logins.", file.display()));
    if left_behind {
        print::notice(&format!(
            "It begins empty. The rows in {} stay those of wheelhouse.db: move both away before the next start.",
            objects.display()
        ));
    }
    Ok(())
}

fn embedded(settings: &Settings) -> PathBuf {
    settings.data_dir.join("wheelhouse.db")
}

/// Whether the configuration leads to an embedded database that somebody has set up.
fn leaves_behind(settings: &Settings) -> Result<bool> {
    if settings.database.engine == Engine::Postgres {
        return Ok(false);
    }
    wh_db::sqlite_in_use(&embedded(settings))
}

/// Comments and other keys of the file stay. The file holds passwords: only its owner may read it.
fn write_urls(file: &Path, urls: &PostgresUrls) -> Result<()> {
    let failed = |e: std::io::Error| data_dir::UNUSABLE.caused(format!("cannot write {}", file.display()), e);
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(e) => return Err(failed(e)),
    };
    let mut document: DocumentMut =
        text.parse().map_err(|e| codes::CONFIG.caused(format!("{} is not TOML", file.display()), e))?;
    let section = document.entry("database").or_insert(Item::Table(Table::new()));
    section["engine"] = value("postgres");
    section["postgres_owner_url"] = value(urls.owner_url.expose());
    section["postgres_app_url"] = value(urls.app_url.expose());
    section["postgres_id_url"] = value(urls.id_url.expose());
    section["postgres_sys_url"] = value(urls.sys_url.expose());
    if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    let new: PathBuf = file.with_extension("toml.new");
    write_private(&new, document.to_string().as_bytes()).map_err(failed)?;
    std::fs::rename(&new, file).map_err(failed)
}

fn write_private(file: &Path, bytes: &[u8]) -> std::io::Result<()> {
    use std::io::Write;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(file)?;
    file.write_all(bytes)?;
    file.sync_all()
}
