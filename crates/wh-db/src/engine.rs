//! The border between what both engines share and what each does in its own way. Holds no SQL of a context.
use std::sync::Arc;

use wh_base::Result;
use wh_contract::TenantId;

use crate::{Row, Value, postgres, sqlite, text::Checked};

/// Whose rows a transaction may touch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// The tenant tables, and of them this tenant's rows. `PostgreSQL`: app login.
    Tenant(TenantId),
    /// The global tables. `PostgreSQL`: id login.
    Global,
    /// The tenant tables of every tenant. `PostgreSQL`: sys login.
    System,
    /// The kernel's own tables and nothing else. `PostgreSQL`: sys login.
    Kernel,
}

/// Run when the commit is durable, in the order of the commits, before its caller hears of it.
pub(crate) type Hook = Box<dyn FnOnce() + Send>;

/// What must happen once the commit is durable.
#[derive(Default)]
pub(crate) struct AfterCommit {
    /// The hooks of the transaction.
    pub hooks: Vec<Hook>,
    /// Whether it wrote to the outbox.
    pub emitted: Emitted,
}

/// Whether the outbox has something new.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Emitted {
    /// No.
    #[default]
    Nothing,
    /// Yes: wake the dispatcher.
    Events,
}

impl AfterCommit {
    /// Run the hooks, then wake the dispatcher. A hook that panics stops neither the others nor the writer.
    pub(crate) fn run(self, outbox: &tokio::sync::Notify) {
        for hook in self.hooks {
            if std::panic::catch_unwind(std::panic::AssertUnwindSafe(hook)).is_err() {
                tracing::error!("a hook after a commit panicked");
            }
        }
        if self.emitted == Emitted::Events {
            outbox.notify_one();
        }
    }
}

/// An opened database.
pub(crate) enum Engine {
    Sqlite(sqlite::Engine),
    Postgres(postgres::Engine),
}

/// An open reading transaction: one snapshot. Dropped = over.
#[expect(
    clippy::large_enum_variant,
    reason = "one per transaction and never in a list; a box would cost each request an allocation"
)]
pub(crate) enum ReadHandle {
    Sqlite(sqlite::Read),
    Postgres(postgres::Read),
}

/// An open writing transaction. Dropped = undone.
#[expect(
    clippy::large_enum_variant,
    reason = "one per transaction and never in a list; a box would cost each request an allocation"
)]
pub(crate) enum WriteHandle {
    Sqlite(sqlite::Write),
    Postgres(postgres::Write),
}

impl Engine {
    /// The word in metrics.
    pub(crate) const fn word(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "sqlite",
            Self::Postgres(_) => "postgres",
        }
    }

    /// Whether several processes may work on it at the same time.
    pub(crate) const fn is_shared(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }

    pub(crate) async fn read(&self, scope: Scope) -> Result<ReadHandle> {
        match self {
            Self::Sqlite(engine) => engine.read(scope).await.map(ReadHandle::Sqlite),
            Self::Postgres(engine) => engine.read(scope).await.map(ReadHandle::Postgres),
        }
    }

    pub(crate) async fn begin(&self, scope: Scope) -> Result<WriteHandle> {
        match self {
            Self::Sqlite(engine) => engine.begin(scope).await.map(WriteHandle::Sqlite),
            Self::Postgres(engine) => engine.begin(scope).await.map(WriteHandle::Postgres),
        }
    }

    /// Rows of the outbox behind a place, in the order of their commits and only as far as that order is settled.
    /// `$1` = xid, `$2` = seq of the last one seen, `$3` = how many. Gives xid, seq, `tenant_id`, id, kind, subject, at, data.
    pub(crate) const fn outbox_behind(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => sqlite::OUTBOX_BEHIND,
            Self::Postgres(_) => postgres::OUTBOX_BEHIND,
        }
    }

    /// Rows of the outbox behind a place, settled or not: `$1` to `$3` as above. Gives at, the oldest first.
    pub(crate) const fn outbox_waiting(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => sqlite::OUTBOX_WAITING,
            Self::Postgres(_) => postgres::OUTBOX_WAITING,
        }
    }

    /// How far the stream of events was when the database was opened.
    pub(crate) const fn stream_at_open(&self) -> i64 {
        match self {
            Self::Sqlite(engine) => engine.stream_at_open(),
            Self::Postgres(engine) => engine.stream_at_open(),
        }
    }

    /// Returns when the outbox may have something new: at a commit of this process, or when it is time to look.
    pub(crate) async fn outbox_changed(&self) {
        match self {
            Self::Sqlite(engine) => engine.outbox_changed().await,
            Self::Postgres(engine) => engine.outbox_changed().await,
        }
    }
}

impl ReadHandle {
    /// Run a SELECT.
    pub(crate) async fn rows(&mut self, sql: &Arc<Checked>, args: &[Value]) -> Result<Vec<Row>> {
        match self {
            Self::Sqlite(read) => read.rows(sql, args).await,
            Self::Postgres(read) => read.rows(sql, args).await,
        }
    }
}

impl WriteHandle {
    /// Run a SELECT, or a change with RETURNING.
    pub(crate) async fn rows(&mut self, sql: &Arc<Checked>, args: &[Value]) -> Result<Vec<Row>> {
        match self {
            Self::Sqlite(write) => write.rows(sql, args),
            Self::Postgres(write) => write.rows(sql, args).await,
        }
    }

    /// Run a change; how many rows it touched.
    pub(crate) async fn count(&mut self, sql: &Arc<Checked>, args: &[Value]) -> Result<u64> {
        match self {
            Self::Sqlite(write) => write.count(sql, args),
            Self::Postgres(write) => write.count(sql, args).await,
        }
    }

    /// Run the same change with many values, in order.
    pub(crate) async fn many(&mut self, sql: &Arc<Checked>, values: &[Vec<Value>]) -> Result<()> {
        match self {
            Self::Sqlite(write) => write.many(sql, values),
            Self::Postgres(write) => write.many(sql, values).await,
        }
    }

    /// A row of the kernel (outbox, audit) for a tenant. May be sent as late as with the commit; its error is the commit's then.
    pub(crate) async fn later(
        &mut self,
        tenant: TenantId,
        sql: &Arc<Checked>,
        args: Vec<Value>,
    ) -> Result<()> {
        match self {
            Self::Sqlite(write) => write.count(sql, &args).map(|_| ()),
            Self::Postgres(write) => write.later(tenant, sql, args).await,
        }
    }

    /// A row of the kernel for a tenant, at once: how many rows it touched. Behind it only rows for [`Self::later`] may come, and
    /// the end.
    pub(crate) async fn mark(&mut self, tenant: TenantId, sql: &Arc<Checked>, args: &[Value]) -> Result<u64> {
        match self {
            Self::Sqlite(write) => write.count(sql, args),
            Self::Postgres(write) => write.mark(tenant, sql, args).await,
        }
    }

    /// Many rows of the kernel for one tenant, in order; see [`Self::later`].
    pub(crate) async fn later_many(
        &mut self,
        tenant: TenantId,
        sql: &Arc<Checked>,
        rows: Vec<Vec<Value>>,
    ) -> Result<()> {
        match self {
            Self::Sqlite(write) => write.many(sql, &rows),
            Self::Postgres(write) => {
                for args in rows {
                    write.later(tenant, sql, args).await?;
                }
                Ok(())
            }
        }
    }

    /// Wait until no other transaction of the same scope holds this name; held until the end.
    pub(crate) async fn lock(&mut self, name: &str) -> Result<()> {
        match self {
            Self::Sqlite(_) => Ok(()),
            Self::Postgres(write) => write.lock(name).await,
        }
    }

    /// Durable when it returns; `after` has run by then.
    pub(crate) async fn commit(self, after: AfterCommit) -> Result<()> {
        match self {
            Self::Sqlite(write) => write.commit(after).await,
            Self::Postgres(write) => write.commit(after).await,
        }
    }

    /// Undone when it returns.
    pub(crate) async fn rollback(self) -> Result<()> {
        match self {
            Self::Sqlite(write) => {
                drop(write);
                Ok(())
            }
            Self::Postgres(write) => write.rollback().await,
        }
    }
}
