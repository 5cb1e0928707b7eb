//! One connection: how it is opened, how a checked statement runs on it, with values bound by name. Knows no pool and no queue.
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Instant;

use rusqlite::config::DbConfig;
use rusqlite::functions::FunctionFlags;
use rusqlite::limits::Limit;
use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection as Raw, OpenFlags};
use wh_base::{Error, Result};

use super::errors::translate;
use super::session::{Rule, Session, Stopped};
use super::walls::Walls;
use crate::text::{Checked, Class, Verb};
use crate::{Row, Value, codes};

/// How long opening waits for another process that is just closing the file, or for `setup-link` with its one row.
const OTHER_PROCESS_WAIT: std::time::Duration = std::time::Duration::from_secs(1);
/// A statement's answer beyond this is a forgotten page limit, not a need.
const ROWS_MAX: usize = 100_000;
/// Statements kept prepared on one connection.
const PREPARED_MAX: usize = 256;
/// Steps of a statement between two looks at its limits: about 20 µs.
const STEPS_BETWEEN_LOOKS: i32 = 1_000;

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// Tenants, the global tables and the kernel: behind the walls.
    Walled,
    /// System jobs: every tenant's rows.
    System,
}

/// Whether a connection may write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Reader,
    Writer,
}

/// When a statement must be over.
#[expect(clippy::struct_field_names, reason = "each says what must be over by then")]
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// A statement that only reads is interrupted.
    pub read_by: Instant,
    /// A row that is written later fails.
    pub write_by: Instant,
    /// A statement that writes nothing and does not end is interrupted, which costs the whole group.
    pub end_by: Instant,
}

impl Limits {
    /// For a reader.
    pub(super) fn reading(by: Instant) -> Self {
        Self { read_by: by, write_by: by, end_by: by }
    }
}

pub(super) struct Connection {
    pub(super) raw: Raw,
    pub(super) session: Arc<Session>,
    pub(super) used_for: Use,
    /// Pages in the write-ahead log after the last commit of this connection.
    pub(super) log_pages: Arc<AtomicI32>,
}

/// The file and its settings, without walls: for the schema and for checkpoints.
pub(super) fn open_raw(path: &Path) -> rusqlite::Result<Raw> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let raw = opened(path, flags)?;
    raw.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
    raw.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DDL, false)?;
    raw.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    raw.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
    raw.busy_timeout(OTHER_PROCESS_WAIT)?;
    raw.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA recursive_triggers = ON; \
         PRAGMA temp_store = MEMORY; PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = 67108864;",
    )?;
    Ok(raw)
}

/// The library keeps to itself what the system said to it: the log gets to know.
fn opened(path: &Path, flags: OpenFlags) -> rusqlite::Result<Raw> {
    Raw::open_with_flags(path, flags).inspect_err(|cause| {
        // Never the file itself: closed again, it would take this process's locks on it along.
        let folder = path.parent().unwrap_or(path);
        if let Err(system) = std::fs::metadata(path).and_then(|_| std::fs::File::open(folder)) {
            tracing::error!(%cause, %system, path = %path.display(), "the database file cannot be opened");
        }
    })
}

impl Connection {
    pub(super) fn open(
        path: &Path,
        walls: &Arc<Walls>,
        used_for: Use,
        mode: Mode,
        file_bytes_max: u64,
    ) -> Result<Self> {
        Self::try_open(path, walls, used_for, mode, file_bytes_max).map_err(translate)
    }

    fn try_open(
        path: &Path,
        walls: &Arc<Walls>,
        used_for: Use,
        mode: Mode,
        file_bytes_max: u64,
    ) -> rusqlite::Result<Self> {
        let mut raw = open_raw(path)?;
        // From here on a wait would be a wait of the writer with everybody behind it.
        raw.busy_timeout(std::time::Duration::ZERO)?;
        raw.set_prepared_statement_cache_capacity(PREPARED_MAX);
        let session = Arc::new(Session::new());
        functions(&raw, &session)?;
        if used_for == Use::Walled {
            raw.execute_batch(&walls.views())?;
            if mode == Mode::Writer {
                raw.execute_batch(&walls.guards())?;
            }
        }
        let log_pages = Arc::new(AtomicI32::new(0));
        match mode {
            Mode::Reader => raw.execute_batch("PRAGMA cache_size = -8192; PRAGMA query_only = ON;")?,
            Mode::Writer => {
                let page_bytes: i64 = raw.query_row("PRAGMA page_size", [], |row| row.get(0))?;
                let pages_max =
                    (file_bytes_max / page_bytes.max(1).unsigned_abs()).min(u64::from(u32::MAX - 1));
                raw.execute_batch(&format!(
                    "PRAGMA cache_size = -32768; PRAGMA max_page_count = {pages_max};"
                ))?;
                let pages = Arc::clone(&log_pages);
                raw.wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, count: i32| {
                    pages.store(count, Ordering::Relaxed);
                    Ok(())
                }))?;
            }
        }
        let (clock, gate, walls) = (Arc::clone(&session), Arc::clone(&session), Arc::clone(walls));
        raw.progress_handler(STEPS_BETWEEN_LOOKS, Some(move || clock.interrupts()))?;
        raw.authorizer(Some(move |asked: rusqlite::hooks::AuthContext<'_>| {
            walls.authorize(&gate.rule(), &asked)
        }))?;
        Ok(Self { raw, session, used_for, log_pages })
    }

    /// BEGIN, SAVEPOINT, COMMIT and their like.
    pub(super) fn control(&self, sql: &'static str) -> rusqlite::Result<()> {
        self.session.arm(None, None);
        self.session.set_rule(Rule::Control);
        self.raw.prepare_cached(sql)?.raw_execute().map(|_| ())
    }

    /// All rows of a statement.
    pub(super) fn rows(&self, sql: &Arc<Checked>, args: &[Value], limits: Limits) -> Result<Vec<Row>> {
        let mut statement = self.start(sql, args, limits)?;
        let columns = sql.columns.get_or_init(|| statement.column_names().map(str::to_owned).collect());
        let mut rows = statement.raw_query();
        let mut found = Vec::new();
        while let Some(row) = rows.next().map_err(|cause| self.failure(cause, sql))? {
            let mut values = Vec::with_capacity(columns.len());
            for at in 0..columns.len() {
                let value = row.get_ref(at).map_err(translate)?;
                values.push(read(value)?);
            }
            if found.len() == ROWS_MAX {
                return Err(codes::ROWS_MAX.error(format!("more than {ROWS_MAX} rows")));
            }
            found.push(Row::new(Arc::clone(columns), values));
        }
        Ok(found)
    }

    /// Run a statement; how many rows it changed.
    pub(super) fn count(&self, sql: &Arc<Checked>, args: &[Value], limits: Limits) -> Result<u64> {
        let mut statement = self.start(sql, args, limits)?;
        if statement.column_count() == 0 {
            return statement
                .raw_execute()
                .map(|count| count as u64)
                .map_err(|cause| self.failure(cause, sql));
        }
        let mut rows = statement.raw_query();
        let mut count = 0;
        while rows.next().map_err(|cause| self.failure(cause, sql))?.is_some() {
            count += 1;
        }
        Ok(count)
    }

    /// Run a statement with many values, one after the other: everybody else waits for the writer meanwhile, so what is the
    /// same for all of them is done once.
    pub(super) fn many(&self, sql: &Arc<Checked>, values: &[Vec<Value>], limits: Limits) -> Result<()> {
        let mut statement = self.prepare(sql, limits)?;
        let numbers = numbers(&statement)?;
        for args in values {
            bind(&mut statement, &numbers, args)?;
            let mut rows = statement.raw_query();
            while rows.next().map_err(|cause| self.failure(cause, sql))?.is_some() {}
        }
        Ok(())
    }

    fn start(&self, sql: &Arc<Checked>, args: &[Value], limits: Limits) -> Result<CachedStatement<'_>> {
        let mut statement = self.prepare(sql, limits)?;
        let numbers = numbers(&statement)?;
        bind(&mut statement, &numbers, args)?;
        Ok(statement)
    }

    fn prepare(&self, sql: &Arc<Checked>, limits: Limits) -> Result<CachedStatement<'_>> {
        let interrupt_at = if sql.verb == Verb::Select { limits.read_by } else { limits.end_by };
        self.session.arm(Some(interrupt_at), Some(limits.write_by));
        self.session.set_rule(Rule::Statement(Arc::clone(sql)));
        self.raw.prepare_cached(&sql.sqlite).map_err(|cause| self.failure(cause, sql))
    }

    /// What a failed statement means: a limit of ours, or the database's own words.
    fn failure(&self, cause: rusqlite::Error, sql: &Checked) -> Error {
        match (self.session.stopped(), sql.class) {
            (Stopped::TimeUp, _) => {
                codes::STATEMENT_SLOW.caused("a statement ran longer than its limit", cause)
            }
            (Stopped::Abandoned, _) => codes::STATEMENT_SLOW.caused("a statement was abandoned", cause),
            (Stopped::No, Class::Kernel) => {
                tracing::debug!(sql = sql.portable, "a statement of the kernel failed");
                translate(cause)
            }
            (Stopped::No, _) => translate(cause),
        }
    }
}

fn functions(raw: &Raw, session: &Arc<Session>) -> rusqlite::Result<()> {
    let (own, guard) = (Arc::clone(session), Arc::clone(session));
    let stable = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    raw.create_scalar_function("current_tenant", 0, stable, move |_| Ok(own.tenant().map(Vec::from)))?;
    raw.create_scalar_function("tenant_guard", 1, FunctionFlags::SQLITE_UTF8, move |call| {
        if guard.row_is_late() {
            return Err(rusqlite::Error::UserFunctionError("the time of the change is up".into()));
        }
        let own = guard.tenant();
        Ok(match (call.get_raw(0), own) {
            (ValueRef::Blob(bytes), Some(own)) => bytes != own,
            _ => true,
        })
    })
}

/// To `SQLite`, `$1` is a name, numbered by its first appearance: so each place is asked for its name.
fn numbers(statement: &CachedStatement<'_>) -> Result<Vec<usize>> {
    (1..=statement.parameter_count())
        .map(|at| {
            let name = statement.parameter_name(at).and_then(|name| name.strip_prefix('$'));
            name.and_then(|number| number.parse().ok()).ok_or_else(no_value)
        })
        .collect()
}

/// Each place gets the value of its number.
fn bind(statement: &mut CachedStatement<'_>, numbers: &[usize], args: &[Value]) -> Result<()> {
    for (place, number) in numbers.iter().enumerate() {
        let value = args.get(number.wrapping_sub(1)).ok_or_else(no_value)?;
        statement.raw_bind_parameter(place + 1, Bound(value)).map_err(translate)?;
    }
    Ok(())
}

fn no_value() -> Error {
    codes::VALUE.error("a parameter without a value")
}

struct Bound<'a>(&'a Value);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            Value::Null => ValueRef::Null,
            Value::Bool(flag) => ValueRef::Integer(i64::from(*flag)),
            Value::Int(n) => ValueRef::Integer(*n),
            Value::Double(n) => ValueRef::Real(*n),
            Value::Text(text) | Value::Json(text) => ValueRef::Text(text.as_bytes()),
            Value::Bytes(bytes) => ValueRef::Blob(bytes),
            Value::Uuid(id) => ValueRef::Blob(id.as_bytes()),
        }))
    }
}

fn read(value: ValueRef<'_>) -> Result<Value> {
    Ok(match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(n) => Value::Int(n),
        ValueRef::Real(n) => Value::Double(n),
        ValueRef::Blob(bytes) => Value::Bytes(bytes.to_vec()),
        ValueRef::Text(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => Value::Text(text.to_owned()),
            Err(cause) => return Err(codes::CORRUPT.caused("a stored text is not UTF-8", cause)),
        },
    })
}
