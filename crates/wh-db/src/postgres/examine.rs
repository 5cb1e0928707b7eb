//! Looks at a server with each of the four logins, without changing anything. Reads catalogs only.
use tokio_postgres::Client;
use uuid::Uuid;
use wh_base::{Result, Secret, Timestamp};

use super::connect::{self, SCHEMA};
use super::migrate::{CONTEXTS_ONLY, applied, logins};
use super::verify::flaws;
use super::{durable, errors, init};
use crate::codes;
use crate::config::{DbLimits, PostgresUrls};
use crate::examine::{Examined, SCHEMA_CHECK, SCHEMA_CURRENT, newest_sql};
use crate::migrate::{Dialect, Migrations, plan};

/// Clocks that differ by more make times look wrong.
const CLOCK_S_MAX: i64 = 5;
/// Connections that others of the same server may need.
const CONNECTIONS_SPARE: i64 = 10;

/// Everything there is to say about the server and the logins.
pub(crate) async fn examine(
    urls: &PostgresUrls,
    limits: &DbLimits,
    migrations: &[Migrations],
    now: Timestamp,
) -> Vec<Examined> {
    let mut found = Vec::new();
    let owner = match reach(&urls.owner_url).await {
        Ok(owner) => owner,
        Err(error) => return vec![Examined::failed("database owner login", &error)],
    };
    for looked in [
        version(&owner).await,
        clock(&owner, now).await,
        connections(&owner, limits).await,
        schema(&owner, migrations).await,
        durability(&owner).await,
    ] {
        found.push(looked.unwrap_or_else(|error| Examined::failed("database", &error)));
    }
    for (what, url) in [("app", &urls.app_url), ("id", &urls.id_url), ("sys", &urls.sys_url)] {
        let what = format!("database {what} login");
        found.push(match login(what.clone(), url).await {
            Ok(looked) => looked,
            Err(error) => Examined::failed(what, &error),
        });
    }
    match walls(&owner, urls).await {
        Ok(flaws) if flaws.is_empty() => {
            found.push(Examined::fine("database rights", "each login may do its own work and nothing more"));
        }
        Ok(flaws) => found.extend(flaws.into_iter().map(|flaw| {
            let advice = "run `wheelhouse db init` again, or take the right away by hand: the server refuses to start with it";
            Examined::broken("database rights", flaw, advice)
        })),
        Err(error) => found.push(Examined::failed("database rights", &error)),
    }
    found
}

/// Which installation the database is of; nothing where it has no tables yet, or those of an older build.
pub(crate) async fn installation(urls: &PostgresUrls) -> Result<Option<Uuid>> {
    let owner = reach(&urls.owner_url).await?;
    let there = format!("SELECT to_regclass('{SCHEMA}.kernel_installation') IS NOT NULL");
    if !one::<bool>(&owner, &there).await? {
        return Ok(None);
    }
    let id: String = one(&owner, &format!("SELECT id::text FROM {SCHEMA}.kernel_installation")).await?;
    id.parse()
        .map(Some)
        .map_err(|e: uuid::Error| codes::VALUE.caused("the id of the installation is none", e))
}

/// The newest moment of events and audit lines, in microseconds. The owner sees no row of either.
pub(crate) async fn newest(urls: &PostgresUrls) -> Result<Option<i64>> {
    let system = reach(&urls.sys_url).await?;
    let there = format!("SELECT to_regclass('{SCHEMA}.kernel_audit') IS NOT NULL");
    if !one::<bool>(&system, &there).await? {
        return Ok(None);
    }
    one(&system, &newest_sql(&format!("{SCHEMA}."))).await
}

async fn reach(url: &Secret<String>) -> Result<Client> {
    init::open(&connect::target(url)?).await
}

async fn one<T>(client: &Client, sql: &str) -> Result<T>
where
    T: for<'a> tokio_postgres::types::FromSql<'a>,
{
    client.query_one(sql, &[]).await.and_then(|row| row.try_get(0)).map_err(errors::translate)
}

async fn version(owner: &Client) -> Result<Examined> {
    init::version(owner).await?;
    let version: String = one(owner, "SELECT current_setting('server_version')").await?;
    Ok(Examined::fine("database", format!("postgres {version} answers")))
}

async fn clock(owner: &Client, now: Timestamp) -> Result<Examined> {
    let theirs: i64 = one(owner, "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint").await?;
    let apart_s = (theirs - now.micros()).abs() / 1_000_000;
    let found = format!("{apart_s} s between this machine and the database server");
    if apart_s > CLOCK_S_MAX {
        let advice = "run a time service (chrony, systemd-timesyncd) on both machines";
        return Ok(Examined::doubtful("database clock", found, advice));
    }
    Ok(Examined::fine("database clock", found))
}

async fn connections(owner: &Client, limits: &DbLimits) -> Result<Examined> {
    let max: i64 = one(owner, "SELECT current_setting('max_connections')::bigint").await?;
    let side = limits.connections_max.div_ceil(super::SIDE_POOL_PART).max(2);
    let wanted = i64::try_from(limits.connections_max + 2 * side).unwrap_or(i64::MAX);
    let found = format!("this node opens up to {wanted} of {max}");
    if wanted + CONNECTIONS_SPARE > max {
        let advice = "raise max_connections of the server: each node needs as many";
        return Ok(Examined::doubtful("database connections", found, advice));
    }
    Ok(Examined::fine("database connections", found))
}

/// Whether a login connects, and whether its commits would be answered before they are written.
async fn login(what: String, url: &Secret<String>) -> Result<Examined> {
    let client = reach(url).await?;
    let commits: String = one(&client, "SELECT current_setting('synchronous_commit')").await?;
    Ok(Examined::fine(
        what,
        if commits == "off" {
            "it connects; synchronous_commit is off for it, and the server's own connections switch it on"
        } else {
            "it connects"
        },
    ))
}

async fn durability(owner: &Client) -> Result<Examined> {
    const WHAT: &str = "database durability";
    let settings = durable::unsafe_settings(owner).await?;
    if settings.is_empty() {
        return Ok(Examined::fine(WHAT, "what is acknowledged is on the server's disk"));
    }
    let advice = "switch them on in postgresql.conf: when the machine crashes, acknowledged changes are lost or the whole database is damaged";
    Ok(Examined::doubtful(WHAT, settings, advice))
}

async fn schema(owner: &Client, migrations: &[Migrations]) -> Result<Examined> {
    const WHAT: &str = SCHEMA_CHECK;
    let there: bool =
        one(owner, &format!("SELECT to_regclass('{SCHEMA}.kernel_migration') IS NOT NULL")).await?;
    if !there {
        return Ok(Examined::fine(WHAT, "empty; the first start makes the tables"));
    }
    owner.batch_execute(&format!("SET search_path = {SCHEMA}")).await.map_err(errors::translate)?;
    Ok(match plan(&applied(owner, CONTEXTS_ONLY).await?, migrations, Dialect::Postgres) {
        Ok(pending) if pending.is_empty() => Examined::fine(WHAT, SCHEMA_CURRENT),
        Ok(pending) => {
            Examined::fine(WHAT, format!("{} migrations to apply at the next start", pending.len()))
        }
        Err(error) => Examined::failed(WHAT, &error),
    })
}

async fn walls(owner: &Client, urls: &PostgresUrls) -> Result<Vec<String>> {
    flaws(owner, &logins(urls)?).await
}
