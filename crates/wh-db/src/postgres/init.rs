//! `wheelhouse db init`: the database, the schema and the four logins, from an administrator's URL. Creates
//! no tables.
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;
use wh_base::{Random, Result, Secret};

use super::connect::{self, SCHEMA, Target};
use super::elsewhere::{self, Elsewhere};
use super::errors;
use crate::codes;
use crate::config::PostgresUrls;

/// Row-level security with `security_invoker` views came with 15.
const SERVER_VERSION_MIN: i32 = 150_000;
/// Random bytes of a password; hex on the wire, so that no URL needs escaping.
const PASSWORD_BYTES: usize = 24;
/// Two `db init` at once would alter the same roles; any number that nobody else uses.
const INIT_LOCK: i64 = 0x5748_4442_494e_4954;

/// What `init_postgres` makes.
#[derive(Clone, Debug)]
pub struct PostgresInit {
    /// The database; created when it is not there.
    pub database: String,
    /// The logins are called `<prefix>_owner`, `<prefix>_app`, `<prefix>_id`, `<prefix>_sys`. Roles belong to
    /// the whole server: two installations on one server need two prefixes.
    pub login_prefix: String,
    /// URLs of an earlier run: where they still work they are kept, so that a running server keeps its
    /// connections.
    pub existing: Option<PostgresUrls>,
    /// What becomes of those where they lead to another server or database.
    pub elsewhere: Elsewhere,
    /// What becomes of logins that are there before this run.
    pub logins_there: LoginsThere,
}

/// What becomes of logins that are there already. Another installation may sign in by them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LoginsThere {
    /// They keep their passwords; where no URL of an earlier run knows one, nothing is done.
    #[default]
    Keep,
    /// All four get new passwords: whoever signs in by the old ones is cut off.
    NewPasswords,
}

impl Default for PostgresInit {
    fn default() -> Self {
        Self {
            database: "wheelhouse".to_owned(),
            login_prefix: "wh".to_owned(),
            existing: None,
            elsewhere: Elsewhere::Refuse,
            logins_there: LoginsThere::Keep,
        }
    }
}

/// Make the database and its logins, or bring them into order; a second run changes nothing that works, and
/// logins that somebody else may use are left alone unless it is wanted (`logins_there`). The administrator needs CREATEROLE and CREATEDB, not SUPERUSER: managed services do not give it.
///
/// `keep` gets the URLs before the logins are there: where it fails, they are not made, and no password is lost.
pub async fn init_postgres(
    admin_url: &Secret<String>,
    init: &PostgresInit,
    random: &dyn Random,
    keep: impl FnOnce(&PostgresUrls) -> Result<()>,
) -> Result<PostgresUrls> {
    identifier(&init.database)?;
    identifier(&init.login_prefix)?;
    let target = connect::target(admin_url)?;
    let admin = open(&target).await?;
    version(&admin).await?;
    lock(&admin).await?;
    let known = elsewhere::known(&admin, &target, init).await?;
    let plans = plans(&admin, init, &known).await?;
    database(&admin, &init.database).await?;
    // Left open by an error, it is rolled back with the connection.
    run(&admin, "BEGIN").await?;
    let mut urls = Vec::with_capacity(LOGINS.len());
    for (name, plan) in plans {
        urls.push(match plan {
            Plan::Keep(url) => url,
            Plan::Create => login(&admin, admin_url, ("CREATE", &name), &init.database, random).await?,
            Plan::Alter => login(&admin, admin_url, ("ALTER", &name), &init.database, random).await?,
        });
    }
    let [owner_url, app_url, id_url, sys_url] =
        urls.try_into().map_err(|_| codes::SETUP.error("four logins make four URLs"))?;
    let urls = PostgresUrls { owner_url, app_url, id_url, sys_url };
    grants(&admin, init).await?;
    keep(&urls)?;
    run(&admin, "COMMIT").await?;
    schema(&urls.owner_url, init).await?;
    Ok(urls)
}

/// What the four logins are called behind their prefix.
pub(super) const LOGINS: [&str; 4] = ["owner", "app", "id", "sys"];

/// What is done with one login.
enum Plan {
    /// Its URL works.
    Keep(Secret<String>),
    /// It is not there.
    Create,
    /// It is there and gets a new password.
    Alter,
}

/// What is done with each of the four, decided before anything is changed.
async fn plans(
    admin: &Client,
    init: &PostgresInit,
    known: &[Option<Secret<String>>],
) -> Result<Vec<(String, Plan)>> {
    let (mut plans, mut taken) = (Vec::with_capacity(LOGINS.len()), Vec::new());
    for (suffix, url) in LOGINS.into_iter().zip(known) {
        let name = format!("{}_{suffix}", init.login_prefix);
        let there = exists(admin, "SELECT 1 FROM pg_roles WHERE rolname = $1", &[&name]).await?;
        let plan = match (there, init.logins_there) {
            (false, _) => Plan::Create,
            (true, LoginsThere::NewPasswords) => Plan::Alter,
            (true, LoginsThere::Keep) => {
                let Some(url) = kept(url.as_ref(), &name, &init.database).await? else {
                    taken.push(name);
                    continue;
                };
                Plan::Keep(url)
            }
        };
        plans.push((name, plan));
    }
    if taken.is_empty() {
        return Ok(plans);
    }
    Err(codes::LOGINS_TAKEN.error(format!(
        "the server already has the logins {}, and no URL in this configuration signs in as them",
        taken.join(", ")
    )))
}

/// The four in the order of [`LOGINS`].
pub(super) fn each(urls: &PostgresUrls) -> [&Secret<String>; 4] {
    [&urls.owner_url, &urls.app_url, &urls.id_url, &urls.sys_url]
}

/// One connection for as long as it is used; its driver task ends with it.
pub(super) async fn open(target: &Target) -> Result<Client> {
    let (client, connection) = target.config.connect(target.tls.clone()).await.map_err(errors::connecting)?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection for administration ended");
        }
    });
    Ok(client)
}

pub(super) async fn version(client: &Client) -> Result<()> {
    let row = client.query_one("SELECT current_setting('server_version_num')::int4", &[]).await;
    let version: i32 = row.map_err(errors::translate)?.get(0);
    if version < SERVER_VERSION_MIN {
        return Err(
            codes::SETUP.error(format!("PostgreSQL 15 or newer is needed; this is {}", version / 10_000))
        );
    }
    Ok(())
}

/// The names become part of statements, so only plain ones are taken.
fn identifier(name: &str) -> Result<()> {
    let plain = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        && name.bytes().next().is_some_and(|b| b.is_ascii_lowercase())
        && name.len() <= 50;
    if plain {
        return Ok(());
    }
    Err(codes::SETUP
        .error(format!("{name:?} is not a plain name: a-z, 0-9 and _, at most 50, a letter first")))
}

async fn lock(admin: &Client) -> Result<()> {
    run(admin, &format!("SELECT pg_advisory_lock({INIT_LOCK})")).await
}

async fn database(admin: &Client, name: &str) -> Result<()> {
    if exists(admin, "SELECT 1 FROM pg_database WHERE datname = $1", &[&name]).await? {
        return Ok(());
    }
    run(admin, &format!("CREATE DATABASE {name} ENCODING 'UTF8' LOCALE 'C' TEMPLATE template0")).await
}

/// A login with a new password: made or altered, as the verb says.
async fn login(
    admin: &Client,
    admin_url: &Secret<String>,
    (verb, name): (&str, &str),
    database: &str,
    random: &dyn Random,
) -> Result<Secret<String>> {
    let mut bytes = [0_u8; PASSWORD_BYTES];
    random.fill(&mut bytes)?;
    let password = bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
    // NOSUPERUSER and NOBYPASSRLS are what CREATE gives; only a superuser may even mention them. `verify`
    // checks them.
    let rights = "LOGIN NOCREATEDB NOCREATEROLE NOINHERIT";
    run(admin, &format!("{verb} ROLE {name} {rights} PASSWORD '{password}'")).await?;
    rewritten(admin_url, &format!("{name}:{password}"), database)
}

/// A URL with another login and database; host, port and TLS stay.
fn rewritten(url: &Secret<String>, login: &str, database: &str) -> Result<Secret<String>> {
    let UrlParts { scheme, hosts, query, .. } = parts(url)?;
    Ok(Secret::new(format!("{scheme}://{login}@{hosts}/{database}{query}")))
}

/// A URL in pieces; the query with its question mark.
struct UrlParts<'a> {
    scheme: &'a str,
    login: &'a str,
    hosts: &'a str,
    query: String,
}

fn parts(url: &Secret<String>) -> Result<UrlParts<'_>> {
    let unreadable = || {
        codes::SETUP.error(
            "the URL of a PostgreSQL server cannot be read; it looks like postgres://user@host/postgres",
        )
    };
    let (scheme, rest) = url.expose().split_once("://").ok_or_else(unreadable)?;
    let (rest, query) = rest.split_once('?').map_or((rest, None), |(rest, query)| (rest, Some(query)));
    let authority = rest.split_once('/').map_or(rest, |(authority, _)| authority);
    let (login, hosts) = authority.rsplit_once('@').unwrap_or(("", authority));
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    Ok(UrlParts { scheme, login, hosts, query })
}

/// The URL of an earlier run, where it still signs in as that login: for this database, also where it names another.
async fn kept(url: Option<&Secret<String>>, name: &str, database: &str) -> Result<Option<Secret<String>>> {
    let Some(url) = url else { return Ok(None) };
    let Ok(target) = connect::target(url) else { return Ok(None) };
    if target.config.get_user() != Some(name) || !signs_in(&target).await? {
        return Ok(None);
    }
    if target.config.get_dbname() == Some(database) {
        return Ok(Some(url.clone()));
    }
    rewritten(url, parts(url)?.login, database).map(Some)
}

/// Whether the server takes the password. A database that is gone, or that the login may not enter yet, is told only after it; a server
/// that is full, or ends, says nothing of it.
async fn signs_in(target: &Target) -> Result<bool> {
    let Err(error) = target.config.connect(target.tls.clone()).await else { return Ok(true) };
    let behind = [SqlState::INVALID_CATALOG_NAME, SqlState::INSUFFICIENT_PRIVILEGE];
    let refused = [SqlState::INVALID_PASSWORD, SqlState::INVALID_AUTHORIZATION_SPECIFICATION];
    match error.code() {
        Some(code) if behind.contains(code) => Ok(true),
        Some(code) if refused.contains(code) => Ok(false),
        Some(_) => Err(errors::connecting(error)),
        None => Ok(false),
    }
}

/// Who may enter the database, and nothing beyond that.
async fn grants(admin: &Client, init: &PostgresInit) -> Result<()> {
    let (database, prefix) = (&init.database, &init.login_prefix);
    let text = format!(
        "REVOKE ALL ON DATABASE {database} FROM PUBLIC;
         GRANT CONNECT ON DATABASE {database} TO {prefix}_owner, {prefix}_app, {prefix}_id, {prefix}_sys;
         GRANT CREATE ON DATABASE {database} TO {prefix}_owner;"
    );
    run(admin, &text).await
}

/// The schema belongs to the owner, so the owner makes it: the administrator need not be able to become it.
async fn schema(owner_url: &Secret<String>, init: &PostgresInit) -> Result<()> {
    let owner = open(&connect::target(owner_url)?).await?;
    let prefix = &init.login_prefix;
    let text = format!(
        "CREATE SCHEMA IF NOT EXISTS {SCHEMA};
         GRANT USAGE ON SCHEMA {SCHEMA} TO {prefix}_app, {prefix}_id, {prefix}_sys;"
    );
    run(&owner, &text).await
}

async fn exists(client: &Client, sql: &str, args: &[&(dyn ToSql + Sync)]) -> Result<bool> {
    client.query_opt(sql, args).await.map(|row| row.is_some()).map_err(errors::translate)
}

async fn run(client: &Client, sql: &str) -> Result<()> {
    client.batch_execute(sql).await.map_err(errors::translate)
}
