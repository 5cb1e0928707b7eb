//! The engine on PostgreSQL 15 and newer: three pools, one per login that serves; forced row security does
//! the rest. Holds no SQL of a context.
mod bind;
mod connect;
mod durable;
mod elsewhere;
mod errors;
mod examine;
mod init;
mod kernel;
mod migrate;
mod numbers;
mod rows;
mod session;
mod tls;
mod verify;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::sync::Notify;
use wh_base::{Error, Result, Secret, Served, Timestamp};
use wh_contract::TenantId;

use crate::config::{DbLimits, PostgresUrls};
use crate::engine::{AfterCommit, Scope};
use crate::migrate::{Catalogue, Migrations};
use crate::text::Checked;
use crate::{Row, Value, codes};

pub use connect::{check_url, database_of, tls_of_programs};
pub use elsewhere::Elsewhere;
pub(crate) use examine::{examine, installation, newest};
pub use init::{LoginsThere, PostgresInit, init_postgres};
pub(crate) use kernel::names as kernel_migrations;
use session::{Mode, SET_TENANT, Session, Shared};

/// Rows of the outbox behind a place, in the order of their transactions and only as far as that order is
/// settled: a number given by a sequence is given before the commit, so a reader that has seen 2 would lose a
/// slow 1. Everything below the oldest transaction that is still open can no longer change.
pub(crate) const OUTBOX_BEHIND: &str = "SELECT xid::text::bigint AS xid, seq, tenant_id, id, kind, subject, at, data \
     FROM kernel_outbox WHERE (xid, seq) > ($1::bigint::text::xid8, $2) \
     AND xid < pg_snapshot_xmin(pg_current_snapshot()) ORDER BY xid, seq LIMIT $3";
/// The same rows whether their order is settled or not: what an open transaction holds back is waiting too.
pub(crate) const OUTBOX_WAITING: &str = "SELECT at FROM kernel_outbox WHERE (xid, seq) > ($1::bigint::text::xid8, $2) \
     ORDER BY xid, seq LIMIT $3";
/// Connections of the id and sys logins, each, as a part of the app login's.
const SIDE_POOL_PART: usize = 4;
/// After a commit the outbox may have to wait for an older transaction: looks follow one another after these
/// times.
const LOOKS_MS: [u64; 6] = [2, 5, 10, 20, 50, 100];
/// Without a commit of this process: events of other nodes.
const LOOK_IDLE_MS: u64 = 500;
/// A statement's answer beyond this is a forgotten page limit, not a need.
const ROWS_MAX: usize = 100_000;

/// An opened server.
pub(crate) struct Engine {
    app: Arc<Shared>,
    id: Arc<Shared>,
    sys: Arc<Shared>,
    /// How far the stream of events was at the start.
    stream: i64,
    outbox: Arc<Notify>,
    looks: AtomicUsize,
}

/// An open reading transaction.
pub(crate) struct Read(Session);

/// An open writing transaction.
pub(crate) struct Write {
    session: Session,
    scope: Scope,
    outbox: Arc<Notify>,
    /// For whom the rows are that travel with the commit, since the last of them.
    later_for: Option<TenantId>,
}

impl Engine {
    /// Migrate as the owner, check the walls, make the pools, and look where the stream of events stands.
    pub(crate) async fn open(
        urls: &PostgresUrls,
        limits: &DbLimits,
        catalogue: &Catalogue,
        migrations: &[Migrations],
        now: Timestamp,
    ) -> Result<Self> {
        migrate::migrate(urls, catalogue, migrations, now).await?;
        let side = limits.connections_max.div_ceil(SIDE_POOL_PART).max(2);
        let sys = shared(&urls.sys_url, limits, side)?;
        let stream = numbers::stream_at_open(urls, &sys).await?;
        Ok(Self {
            app: shared(&urls.app_url, limits, limits.connections_max)?,
            id: shared(&urls.id_url, limits, side)?,
            sys,
            stream,
            outbox: Arc::new(Notify::new()),
            looks: AtomicUsize::new(LOOKS_MS.len()),
        })
    }

    pub(crate) async fn read(&self, scope: Scope) -> Result<Read> {
        let (shared, tenant) = self.login(scope);
        Session::open(shared, Mode::Read, tenant).await.map(Read)
    }

    pub(crate) async fn begin(&self, scope: Scope) -> Result<Write> {
        let (shared, tenant) = self.login(scope);
        let session = Session::open(shared, Mode::Write, tenant).await?;
        Ok(Write { session, scope, outbox: Arc::clone(&self.outbox), later_for: None })
    }

    pub(crate) const fn stream_at_open(&self) -> i64 {
        self.stream
    }

    fn login(&self, scope: Scope) -> (&Arc<Shared>, Option<TenantId>) {
        match scope {
            Scope::Tenant(tenant) => (&self.app, Some(tenant)),
            Scope::Global => (&self.id, None),
            Scope::System | Scope::Kernel => (&self.sys, None),
        }
    }

    /// Returns at a commit of this process, then a few times more for rows whose order was not settled yet,
    /// then slowly.
    pub(crate) async fn outbox_changed(&self) {
        let look = self.looks.fetch_add(1, Ordering::Relaxed);
        let wait = LOOKS_MS.get(look).copied().unwrap_or(LOOK_IDLE_MS);
        let told = tokio::time::timeout(Duration::from_millis(wait), self.outbox.notified()).await;
        if told.is_ok() {
            self.looks.store(0, Ordering::Relaxed);
        } else if look > LOOKS_MS.len() {
            self.looks.store(LOOKS_MS.len(), Ordering::Relaxed);
        }
    }
}

fn shared(url: &Secret<String>, limits: &DbLimits, connections_max: usize) -> Result<Arc<Shared>> {
    let target = connect::target(url)?;
    let pool = connect::pool(&target, limits, connections_max)?;
    Ok(Arc::new(Shared { pool, tls: target.tls, limits: *limits, waiting: AtomicUsize::new(0) }))
}

impl Read {
    pub(crate) async fn rows(&mut self, sql: &Arc<Checked>, args: &[Value]) -> Result<Vec<Row>> {
        self.0.rows(&sql.portable, args).await.and_then(|rows| read(sql, &rows))
    }
}

impl Write {
    pub(crate) async fn rows(&mut self, sql: &Arc<Checked>, args: &[Value]) -> Result<Vec<Row>> {
        self.session.rows(&sql.portable, args).await.and_then(|rows| read(sql, &rows))
    }

    pub(crate) async fn count(&mut self, sql: &Arc<Checked>, args: &[Value]) -> Result<u64> {
        self.session.count(&sql.portable, args).await
    }

    pub(crate) async fn many(&mut self, sql: &Arc<Checked>, values: &[Vec<Value>]) -> Result<()> {
        self.session.many(&sql.portable, values).await
    }

    /// Sent in the same packet as the commit.
    #[expect(clippy::unused_async, reason = "to its callers a write like the others, which may wait")]
    pub(crate) async fn later(
        &mut self,
        tenant: TenantId,
        sql: &Arc<Checked>,
        args: Vec<Value>,
    ) -> Result<()> {
        if self.scope == Scope::Global && self.later_for != Some(tenant) {
            // The id login knows no tenant before; from here to the commit right behind, or to the next
            // tenant, it writes for this one.
            self.session.later(SET_TENANT.to_owned(), vec![Value::Text(tenant.to_string())])?;
            self.later_for = Some(tenant);
        }
        self.session.later(sql.portable.clone(), args)
    }

    /// Whatever tenant the transaction is of, this row is of the one who sent the key; what goes with the commit is not.
    pub(crate) async fn mark(&mut self, tenant: TenantId, sql: &Arc<Checked>, args: &[Value]) -> Result<u64> {
        let own = match self.scope {
            Scope::Tenant(own) => Some(own),
            Scope::Global => None,
            Scope::System | Scope::Kernel => return self.session.count(&sql.portable, args).await,
        };
        if own != Some(tenant) {
            self.session.rows(SET_TENANT, &[Value::Text(tenant.to_string())]).await?;
        }
        let marked = self.session.count(&sql.portable, args).await?;
        if let Some(own) = own.filter(|own| *own != tenant) {
            self.session.rows(SET_TENANT, &[Value::Text(own.to_string())]).await?;
        }
        Ok(marked)
    }

    /// An advisory lock of the name, within the tenant where there is one. Two names in one bucket of 2^64
    /// only wait in vain.
    pub(crate) async fn lock(&mut self, name: &str) -> Result<()> {
        let mut hash = Sha256::new();
        if let Scope::Tenant(tenant) = self.scope {
            hash.update(tenant.uuid().as_bytes());
        }
        hash.update(name.as_bytes());
        let digest = hash.finalize();
        let key = digest.iter().take(8).fold(0_i64, |key, byte| (key << 8) | i64::from(*byte));
        self.session.rows("SELECT pg_advisory_xact_lock($1)", &[Value::Int(key)]).await.map(|_| ())
    }

    /// In a task of its own: once `COMMIT` is on its way, a caller that goes away must not lose what hangs on
    /// it.
    pub(crate) async fn commit(self, after: AfterCommit) -> Result<()> {
        let Self { session, outbox, .. } = self;
        let committing = async move {
            session.commit().await?;
            after.run(&outbox);
            Ok::<(), Error>(())
        };
        let committing = tokio::spawn(Served::current().within(committing));
        committing.await.map_err(|e| codes::COMMIT_UNKNOWN.caused("the commit was interrupted", e))?
    }

    pub(crate) async fn rollback(self) -> Result<()> {
        self.session.rollback().await
    }
}

fn read(sql: &Checked, rows: &[tokio_postgres::Row]) -> Result<Vec<Row>> {
    let Some(first) = rows.first() else { return Ok(Vec::new()) };
    if rows.len() > ROWS_MAX {
        return Err(codes::ROWS_MAX.error(format!("more than {ROWS_MAX} rows")));
    }
    let columns = columns(sql, first);
    rows.iter()
        .map(|row| {
            let values = (0..columns.len()).map(|at| row.try_get::<_, rows::Read>(at).map(|read| read.0));
            let values = values.collect::<Result<Vec<_>, _>>().map_err(errors::translate)?;
            Ok(Row::new(Arc::clone(&columns), values))
        })
        .collect()
}

/// The names of the columns: shared by all answers to a text, unless a table changed under its `*`.
fn columns(sql: &Checked, row: &tokio_postgres::Row) -> Arc<[String]> {
    let names = || row.columns().iter().map(tokio_postgres::Column::name);
    let known = sql.columns.get_or_init(|| names().map(str::to_owned).collect());
    if known.iter().map(String::as_str).eq(names()) {
        Arc::clone(known)
    } else {
        names().map(str::to_owned).collect()
    }
}
