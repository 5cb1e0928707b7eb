//! Applies migrations as the owner: tables, row security, policies, grants. Decides nothing about what is
//! pending, and keeps nobody from a table for long.
use std::time::Duration;

use tokio_postgres::Client;
use wh_base::{Result, Timestamp};

use super::connect;
use super::durable;
use super::errors;
use super::init;
use super::kernel;
use super::verify::{Logins, verify};
use crate::codes;
use crate::config::PostgresUrls;
use crate::migrate::{Applied, Catalogue, Dialect, Migrations, Pending, Statement, Table, TableClass, plan};

/// Two starts at once would both migrate; the second waits here. Any number that nobody else uses.
const MIGRATION_LOCK: i64 = 0x5748_4d49_4752_4154;
/// How long a change of the schema may wait for a table: whoever comes to the table meanwhile queues behind it.
const LOCK_MS_MAX: u64 = 1_000;
/// Until it tries again. Others have the table to themselves for so long.
const PAUSE: Duration = Duration::from_secs(4);
const KERNEL_ONLY: &str = "context = 'kernel'";
pub(super) const CONTEXTS_ONLY: &str = "context <> 'kernel'";

/// Bring the schema up to this program, then hold the whole database against what tenancy needs.
pub(super) async fn migrate(
    urls: &PostgresUrls,
    catalogue: &Catalogue,
    migrations: &[Migrations],
    now: Timestamp,
) -> Result<()> {
    let logins = logins(urls)?;
    let owner = alone(urls).await?;
    kernel(&owner, &logins, now).await?;
    for pending in plan(&applied(&owner, CONTEXTS_ONLY).await?, migrations, Dialect::Postgres)? {
        apply(&owner, &logins, &pending, now).await?;
    }
    readable(&owner, &logins).await?;
    walled(&owner, catalogue).await?;
    verify(&owner, &logins).await?;
    durable::warn(&owner).await
}

/// The owner, and nobody else at the same time: the lock goes with the connection. Waits for it without limit, for a table only
/// shortly.
pub(super) async fn alone(urls: &PostgresUrls) -> Result<Client> {
    let owner = init::open(&connect::target(&urls.owner_url)?).await?;
    init::version(&owner).await?;
    let settings = format!(
        "SET search_path = {}; SELECT pg_advisory_lock({MIGRATION_LOCK}); SET lock_timeout = {LOCK_MS_MAX}",
        connect::SCHEMA
    );
    run(&owner, &settings).await?;
    Ok(owner)
}

/// End the transaction that `BEGIN` opened: as it was meant, or as if nothing had happened. Where a statement failed, COMMIT is
/// a rollback too; ROLLBACK says what is meant.
pub(super) async fn end(owner: &Client, done: Result<()>) -> Result<()> {
    run(owner, if done.is_ok() { "COMMIT" } else { "ROLLBACK" }).await.and(done)
}

/// Whether it failed only because somebody was at a table, a backup for example, which may take hours. Then it has waited a
/// little, and those who queued behind it are served.
pub(super) async fn again(what: &str, done: &Result<()>) -> bool {
    let Err(error) = done else { return false };
    if !error.is(&codes::BUSY) && !error.is(&codes::RETRY) {
        return false;
    }
    tracing::warn!(
        "{what} waits for a table that a long transaction holds, such as a backup's; trying again in {} s",
        PAUSE.as_secs()
    );
    tokio::time::sleep(PAUSE).await;
    true
}

/// The kernel's own tables, where they are missing.
async fn kernel(owner: &Client, logins: &Logins, now: Timestamp) -> Result<()> {
    let there = owner.query_one("SELECT to_regclass('kernel_migration') IS NOT NULL", &[]).await;
    let there: bool = there.map_err(errors::translate)?.get(0);
    let done = if there { applied(owner, KERNEL_ONLY).await? } else { Vec::new() };
    let own = kernel::migrations(logins);
    if let Some(row) = done.iter().find(|row| !own.iter().any(|(name, _)| *name == row.name)) {
        return Err(codes::SCHEMA_NEWER
            .error(format!("migration {} of the kernel is not part of this program", row.name)));
    }
    for (name, text) in own {
        if done.iter().any(|row| row.name == name) {
            continue;
        }
        let note = format!("INSERT INTO kernel_migration VALUES ('kernel', '{name}', '', {})", now.micros());
        loop {
            let done = run(owner, &format!("BEGIN; {text}; {note}")).await;
            let done = end(owner, done).await;
            if !again(&format!("migration {name} of the kernel"), &done).await {
                done?;
                break;
            }
        }
    }
    Ok(())
}

/// A backup is taken by the login for system jobs, which must be able to read everything: the ledger of migrations and the
/// counters too.
async fn readable(owner: &Client, logins: &Logins) -> Result<()> {
    let sql = "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
               WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p', 'S') \
               AND NOT CASE c.relkind WHEN 'S' THEN has_sequence_privilege($1::text::name, c.oid, 'SELECT') \
               ELSE has_table_privilege($1::text::name, c.oid, 'SELECT') END";
    let row = owner.query_one(sql, &[&logins.sys]).await.map_err(errors::translate)?;
    if row.get::<_, i64>(0) == 0 {
        return Ok(());
    }
    let (schema, sys) = (connect::SCHEMA, &logins.sys);
    let text = format!(
        "GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {sys}; \
         GRANT SELECT ON ALL SEQUENCES IN SCHEMA {schema} TO {sys}"
    );
    run(owner, &text).await
}

/// Every tenant table of this program is there and stands behind its wall, whatever was done by hand since.
async fn walled(owner: &Client, catalogue: &Catalogue) -> Result<()> {
    let forced = forced_tables(owner).await?;
    for (table, class) in catalogue.tables() {
        if class == TableClass::Tenant && !forced.iter().any(|name| name == table) {
            return Err(
                codes::SETUP.error(format!("{table}: this table is missing or has no forced row security"))
            );
        }
    }
    Ok(())
}

pub(super) fn logins(urls: &PostgresUrls) -> Result<Logins> {
    Ok(Logins {
        owner: connect::login(&urls.owner_url)?,
        app: connect::login(&urls.app_url)?,
        id: connect::login(&urls.id_url)?,
        sys: connect::login(&urls.sys_url)?,
    })
}

pub(super) async fn applied(owner: &Client, which: &str) -> Result<Vec<Applied>> {
    let sql = format!("SELECT context, name, checksum FROM kernel_migration WHERE {which}");
    let rows = owner.query(&sql, &[]).await.map_err(errors::translate)?;
    Ok(rows
        .iter()
        .map(|row| Applied { context: row.get(0), name: row.get(1), checksum: row.get(2) })
        .collect())
}

/// One migration in one transaction: it is there as a whole or not at all.
async fn apply(owner: &Client, logins: &Logins, pending: &Pending, now: Timestamp) -> Result<()> {
    let what = format!("migration {} of {}", pending.name, pending.context);
    loop {
        run(owner, "BEGIN").await?;
        let done = inside(owner, logins, pending, now).await;
        let done = end(owner, done).await;
        if !again(&what, &done).await {
            return done;
        }
    }
}

async fn inside(owner: &Client, logins: &Logins, pending: &Pending, now: Timestamp) -> Result<()> {
    let changes_rows = pending.statements.iter().any(changes_rows);
    let forced = if changes_rows { forced_tables(owner).await? } else { Vec::new() };
    // Under FORCE the owner sees no row at all, and a change of rows would silently change none.
    for table in &forced {
        run(owner, &format!("ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")).await?;
    }
    for statement in &pending.statements {
        match statement {
            Statement::CreateTable(table) => {
                run(owner, &table.create(Dialect::Postgres)).await?;
                run(owner, &walls(table, logins)).await?;
                if changes_rows && table.class == TableClass::Tenant {
                    run(owner, &format!("ALTER TABLE {} NO FORCE ROW LEVEL SECURITY", table.name)).await?;
                }
            }
            Statement::DropTable { sql, .. }
            | Statement::UniqueIndex { sql, .. }
            | Statement::Other { sql } => run(owner, sql).await?,
        }
    }
    if changes_rows {
        for table in all_tables(owner).await? {
            run(owner, &format!("ALTER TABLE {table} FORCE ROW LEVEL SECURITY")).await?;
        }
    }
    let sql = "INSERT INTO kernel_migration (context, name, checksum, at) VALUES ($1, $2, $3, $4)";
    let args: [&(dyn tokio_postgres::types::ToSql + Sync); 4] =
        [&pending.context, &pending.name, &pending.checksum, &now.micros()];
    owner.execute(sql, &args).await.map(|_| ()).map_err(errors::translate)
}

fn changes_rows(statement: &Statement) -> bool {
    let Statement::Other { sql } = statement else { return false };
    let first = sql.split_whitespace().next().unwrap_or_default();
    !["CREATE", "ALTER", "DROP"].iter().any(|word| first.eq_ignore_ascii_case(word))
}

/// Row security and rights of a new table.
fn walls(table: &Table, logins: &Logins) -> String {
    let Logins { app, id, sys, .. } = logins;
    let name = &table.name;
    match table.class {
        TableClass::Tenant => format!(
            "{} GRANT SELECT, INSERT, UPDATE, DELETE ON {name} TO {app}, {sys};",
            kernel::tenant_walls(name, sys)
        ),
        TableClass::Global => format!(
            "GRANT SELECT, INSERT, UPDATE, DELETE ON {name} TO {id}; GRANT SELECT ON {name} TO {sys};"
        ),
    }
}

async fn forced_tables(owner: &Client) -> Result<Vec<String>> {
    names(owner, "AND c.relforcerowsecurity").await
}

/// Every table with row security, forced or not at the moment.
async fn all_tables(owner: &Client) -> Result<Vec<String>> {
    names(owner, "AND c.relrowsecurity AND NOT c.relforcerowsecurity").await
}

async fn names(owner: &Client, which: &str) -> Result<Vec<String>> {
    let sql = format!(
        "SELECT c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p') {which} ORDER BY 1"
    );
    let rows = owner.query(&sql, &[]).await.map_err(errors::translate)?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

pub(super) async fn run(owner: &Client, sql: &str) -> Result<()> {
    owner.batch_execute(sql).await.map_err(errors::translate)
}
