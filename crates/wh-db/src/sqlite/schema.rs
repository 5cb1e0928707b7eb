//! Brings a file to the schema of this program: the kernel's own tables, then every context's migrations, each in one transaction.
use std::path::Path;

use rusqlite::Connection as Raw;
use wh_base::{Result, Timestamp};

use super::connection::open_raw;
use super::errors::translate;
use crate::codes;
use crate::migrate::{Applied, Dialect, Migrations, Pending, Statement, digest, plan};

/// "WHDB": tells our files from others.
pub(super) const APPLICATION_ID: i64 = 0x5748_4442;

/// The kernel's own migrations; only ever added to. Outbox and audit are append-only, in the order of their number.
const KERNEL: &[(&str, &str)] = &[
    (
        "0001_kernel",
        "CREATE TABLE kernel_outbox (seq INTEGER PRIMARY KEY, tenant_id BLOB NOT NULL, id BLOB NOT NULL, kind TEXT NOT NULL, \
       subject TEXT NOT NULL, at INTEGER NOT NULL, data TEXT NOT NULL) STRICT; \
     CREATE TABLE kernel_stream (ordinal INTEGER PRIMARY KEY, tenant_id BLOB NOT NULL, position INTEGER NOT NULL, \
       seq INTEGER NOT NULL, UNIQUE (tenant_id, position)) STRICT; \
     CREATE TABLE kernel_position (tenant_id BLOB NOT NULL PRIMARY KEY, position INTEGER NOT NULL) STRICT, WITHOUT ROWID; \
     CREATE TABLE kernel_cursor (name TEXT NOT NULL PRIMARY KEY, xid INTEGER NOT NULL, seq INTEGER NOT NULL, \
       ordinal INTEGER NOT NULL) STRICT, WITHOUT ROWID; \
     INSERT INTO kernel_cursor (name, xid, seq, ordinal) VALUES ('stream', 0, 0, 0), ('reactions', 0, 0, 0); \
     CREATE TABLE kernel_parked (ordinal INTEGER NOT NULL, reaction TEXT NOT NULL, tenant_id BLOB NOT NULL, \
       position INTEGER NOT NULL, id BLOB NOT NULL, kind TEXT NOT NULL, subject TEXT NOT NULL, at INTEGER NOT NULL, \
       data TEXT NOT NULL, state TEXT NOT NULL, attempts INTEGER NOT NULL, next_at INTEGER NOT NULL, reason TEXT, \
       PRIMARY KEY (ordinal, reaction)) STRICT, WITHOUT ROWID; \
     CREATE INDEX kernel_parked_due ON kernel_parked (state, next_at); \
     CREATE INDEX kernel_parked_queue ON kernel_parked (tenant_id, reaction, ordinal); \
     CREATE TABLE kernel_audit (seq INTEGER PRIMARY KEY, tenant_id BLOB NOT NULL, at INTEGER NOT NULL, action TEXT NOT NULL, \
       subject TEXT NOT NULL, before TEXT, after TEXT, user_id BLOB, session_id BLOB, address TEXT, \
       request_id BLOB NOT NULL) STRICT; \
     CREATE TABLE kernel_system_use (seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, reason TEXT NOT NULL) STRICT; \
     CREATE TABLE kernel_idempotency (tenant_id BLOB NOT NULL, key TEXT NOT NULL, fingerprint BLOB NOT NULL, run BLOB NOT NULL, \
       status INTEGER, headers TEXT, body BLOB, created_at INTEGER NOT NULL, PRIMARY KEY (tenant_id, key)) \
       STRICT, WITHOUT ROWID; \
     CREATE INDEX kernel_idempotency_age ON kernel_idempotency (created_at);",
    ),
    // A tenant's trail is read in pages: without this each page walks past what all the others did.
    ("0002_audit_by_tenant", "CREATE INDEX kernel_audit_tenant ON kernel_audit (tenant_id, seq);"),
    ("0003_audit_key", "ALTER TABLE kernel_audit ADD COLUMN key_id BLOB;"),
    // Whose this file is: made once, and kept by every copy and restore. The store of its objects is marked with the same.
    (
        "0004_installation",
        "CREATE TABLE kernel_installation (one INTEGER PRIMARY KEY CHECK (one = 1), id BLOB NOT NULL) STRICT; \
     INSERT INTO kernel_installation (one, id) VALUES (1, randomblob(16));",
    ),
];
const KERNEL_CONTEXT: &str = "kernel";
const LEDGER: &str = "CREATE TABLE IF NOT EXISTS kernel_migration (context TEXT NOT NULL, name TEXT NOT NULL, \
     checksum TEXT NOT NULL, applied_at INTEGER NOT NULL, PRIMARY KEY (context, name)) STRICT, WITHOUT ROWID";
const STREAM: &str = "SELECT coalesce(max(ordinal), 0) FROM kernel_cursor WHERE name = 'stream'";
const NOTE: &str =
    "INSERT INTO kernel_migration (context, name, checksum, applied_at) VALUES (?1, ?2, ?3, ?4)";

/// The names of the kernel's own migrations.
pub(crate) fn names() -> Vec<&'static str> {
    KERNEL.iter().map(|(name, _)| *name).collect()
}

/// Apply what is missing. Gives how far the stream of events is.
pub(super) fn migrate(path: &Path, migrations: &[Migrations], now: Timestamp) -> Result<i64> {
    let mut raw = open_raw(path).map_err(translate)?;
    ours(&raw)?;
    raw.execute_batch(LEDGER).map_err(translate)?;
    let (kernel, contexts): (Vec<Applied>, Vec<Applied>) =
        applied(&raw).map_err(translate)?.into_iter().partition(|row| row.context == KERNEL_CONTEXT);
    known(&kernel)?;
    let pending = plan(&contexts, migrations, Dialect::Sqlite)?;
    for (name, sql) in KERNEL.iter().filter(|(name, _)| !kernel.iter().any(|row| row.name == *name)) {
        let texts = [(*sql).to_owned()];
        apply(&mut raw, (KERNEL_CONTEXT, name, &digest(sql)), &texts, now)?;
    }
    for one in &pending {
        apply_pending(&mut raw, one, now)?;
    }
    raw.query_row(STREAM, [], |row| row.get(0)).map_err(translate)
}

/// Every migration of the kernel that the file has is one of this program, with the text it had. Older builds wrote no digest.
fn known(kernel: &[Applied]) -> Result<()> {
    for row in kernel {
        let Some((name, sql)) = KERNEL.iter().find(|(name, _)| *name == row.name) else {
            return Err(codes::SCHEMA_NEWER
                .error(format!("migration {} of the kernel is not part of this program", row.name)));
        };
        if !row.checksum.is_empty() && row.checksum != digest(sql) {
            return Err(
                codes::MIGRATION_CHANGED.error(format!("the text of migration {name} of the kernel changed"))
            );
        }
    }
    Ok(())
}

/// A new file, or one of ours.
fn ours(raw: &Raw) -> Result<()> {
    let id: i64 = raw.query_row("PRAGMA application_id", [], |row| row.get(0)).map_err(translate)?;
    let tables: i64 =
        raw.query_row("SELECT COUNT(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(translate)?;
    if id == APPLICATION_ID {
        return Ok(());
    }
    if tables > 0 {
        return Err(codes::SETUP.error("the database file belongs to another program"));
    }
    raw.execute_batch(&format!("PRAGMA application_id = {APPLICATION_ID}")).map_err(translate)
}

pub(super) fn applied(raw: &Raw) -> rusqlite::Result<Vec<Applied>> {
    let mut statement =
        raw.prepare("SELECT context, name, checksum FROM kernel_migration ORDER BY context, name")?;
    let rows = statement.query_map([], |row| {
        Ok(Applied { context: row.get(0)?, name: row.get(1)?, checksum: row.get(2)? })
    })?;
    rows.collect()
}

fn apply_pending(raw: &mut Raw, pending: &Pending, now: Timestamp) -> Result<()> {
    let texts: Vec<String> = pending
        .statements
        .iter()
        .map(|statement| match statement {
            Statement::CreateTable(table) => table.create(Dialect::Sqlite),
            Statement::DropTable { sql, .. }
            | Statement::UniqueIndex { sql, .. }
            | Statement::Other { sql } => sql.clone(),
        })
        .collect();
    apply(raw, (pending.context, pending.name, &pending.checksum), &texts, now)
}

/// One migration in one transaction: it is there as a whole or not at all.
fn apply(
    raw: &mut Raw,
    (context, name, checksum): (&str, &str, &str),
    texts: &[String],
    now: Timestamp,
) -> Result<()> {
    let run = |raw: &mut Raw| -> rusqlite::Result<()> {
        let tx = raw.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        for sql in texts {
            tx.execute_batch(sql)?;
        }
        tx.execute(NOTE, (context, name, checksum, now.micros()))?;
        tx.commit()
    };
    run(raw).map_err(|cause| {
        let error = translate(cause);
        if error.is(&codes::STATEMENT) || error.is(&codes::CHECK) {
            return codes::MIGRATION
                .caused(format!("migration {name} of {context} failed: {}", error.message()), error);
        }
        error
    })
}
