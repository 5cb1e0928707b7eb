//! Changing: one transaction, poisoned by its first error, undone when dropped, durable when `commit` returns.
use std::sync::Arc;

use wh_base::Result;
use wh_contract::{Event, TenantId};

use crate::core::Core;
use crate::engine::{AfterCommit, Emitted, Scope, WriteHandle};
use crate::idempotency::{IdempotentRun, MARK};
use crate::reads::{Reads, first, poisoned};
use crate::text::{Access, Class};
use crate::{AuditEntry, Row, Value, Who, audit, codes, outbox};

/// What the three writing types share.
pub(crate) struct Changing {
    core: Arc<Core>,
    handle: WriteHandle,
    class: Class,
    failed: Option<&'static str>,
    after: AfterCommit,
}

impl Changing {
    pub(crate) async fn open(core: &Arc<Core>, scope: Scope) -> Result<Self> {
        let timer = core.meter.start();
        let handle = core.engine.begin(scope).await;
        timer.opened(&handle);
        let class = Class::of(scope);
        Ok(Self {
            core: Arc::clone(core),
            handle: handle?,
            class,
            failed: None,
            after: AfterCommit::default(),
        })
    }

    fn usable(&self) -> Result<()> {
        self.failed.map_or(Ok(()), |code| Err(poisoned(code)))
    }

    fn poisoning<T>(&mut self, answer: Result<T>) -> Result<T> {
        answer.inspect_err(|error| self.failed = Some(error.code().code))
    }

    pub(crate) async fn rows(&mut self, sql: &str, args: &[Value]) -> Result<Vec<Row>> {
        self.rows_as(self.class, sql, args).await
    }

    pub(crate) async fn kernel_rows(&mut self, sql: &str, args: &[Value]) -> Result<Vec<Row>> {
        self.rows_as(Class::Kernel, sql, args).await
    }

    async fn rows_as(&mut self, class: Class, sql: &str, args: &[Value]) -> Result<Vec<Row>> {
        self.usable()?;
        let timer = self.core.meter.start();
        let answer = match self.core.texts.checked(class, Access::Write, sql, args) {
            Ok(sql) => self.handle.rows(&sql, args).await,
            Err(error) => Err(error),
        };
        timer.read(sql, &answer);
        self.poisoning(answer)
    }

    pub(crate) async fn count(&mut self, sql: &str, args: &[Value]) -> Result<u64> {
        self.count_as(self.class, sql, args).await
    }

    pub(crate) async fn kernel_count(&mut self, sql: &str, args: &[Value]) -> Result<u64> {
        self.count_as(Class::Kernel, sql, args).await
    }

    async fn count_as(&mut self, class: Class, sql: &str, args: &[Value]) -> Result<u64> {
        self.usable()?;
        let timer = self.core.meter.start();
        let answer = match self.core.texts.checked(class, Access::Write, sql, args) {
            Ok(sql) => self.handle.count(&sql, args).await,
            Err(error) => Err(error),
        };
        timer.write(sql, &answer);
        self.poisoning(answer)
    }

    pub(crate) async fn many(&mut self, sql: &str, values: &[Vec<Value>]) -> Result<()> {
        self.many_as(self.class, sql, values).await
    }

    pub(crate) async fn kernel_many(&mut self, sql: &str, values: &[Vec<Value>]) -> Result<()> {
        self.many_as(Class::Kernel, sql, values).await
    }

    async fn many_as(&mut self, class: Class, sql: &str, values: &[Vec<Value>]) -> Result<()> {
        self.usable()?;
        if values.is_empty() {
            return Ok(());
        }
        let timer = self.core.meter.start();
        let answer = match self.core.texts.checked_many(class, sql, values) {
            Ok(sql) => self.handle.many(&sql, values).await,
            Err(error) => Err(error),
        };
        timer.write(sql, &answer);
        self.poisoning(answer)
    }

    async fn later(&mut self, tenant: TenantId, sql: &str, args: Vec<Value>) -> Result<()> {
        self.usable()?;
        let timer = self.core.meter.start();
        let answer = match self.core.texts.checked(Class::Kernel, Access::Write, sql, &args) {
            Ok(sql) => self.handle.later(tenant, &sql, args).await,
            Err(error) => Err(error),
        };
        timer.write(sql, &answer);
        self.poisoning(answer)
    }

    async fn later_many(&mut self, tenant: TenantId, sql: &str, rows: Vec<Vec<Value>>) -> Result<()> {
        self.usable()?;
        if rows.is_empty() {
            return Ok(());
        }
        let timer = self.core.meter.start();
        let answer = match self.core.texts.checked_many(Class::Kernel, sql, &rows) {
            Ok(sql) => self.handle.later_many(tenant, &sql, rows).await,
            Err(error) => Err(error),
        };
        timer.write(sql, &answer);
        self.poisoning(answer)
    }

    pub(crate) async fn lock(&mut self, name: &str) -> Result<()> {
        self.usable()?;
        let answer = self.handle.lock(name).await;
        self.poisoning(answer)
    }

    pub(crate) async fn emit<E: Event>(&mut self, tenant: TenantId, event: &E) -> Result<()> {
        let values = outbox::values(&self.core, tenant, event)?;
        self.later(tenant, outbox::INSERT, values).await?;
        self.after.emitted = Emitted::Events;
        Ok(())
    }

    pub(crate) async fn audit(&mut self, tenant: TenantId, who: &Who, entry: AuditEntry) -> Result<()> {
        let values = audit::values(tenant, self.core.clock.now(), who, entry);
        self.later(tenant, audit::INSERT, values).await
    }

    pub(crate) async fn emit_many<E: Event>(&mut self, tenant: TenantId, events: &[E]) -> Result<()> {
        if events.is_empty() {
            return Ok(());
        }
        let rows =
            events.iter().map(|event| outbox::values(&self.core, tenant, event)).collect::<Result<_>>()?;
        self.later_many(tenant, outbox::INSERT, rows).await?;
        self.after.emitted = Emitted::Events;
        Ok(())
    }

    pub(crate) async fn audit_many(
        &mut self,
        tenant: TenantId,
        who: &Who,
        entries: Vec<AuditEntry>,
    ) -> Result<()> {
        let now = self.core.clock.now();
        let rows = entries.into_iter().map(|entry| audit::values(tenant, now, who, entry)).collect();
        self.later_many(tenant, audit::INSERT, rows).await
    }

    pub(crate) fn on_commit(&mut self, hook: impl FnOnce() + Send + 'static) {
        self.after.hooks.push(Box::new(hook));
    }

    /// As a context commits: where this task does the work of an `Idempotency-Key`, the key is done with the change.
    pub(crate) async fn commit_change(mut self) -> Result<()> {
        if let Some(run) = IdempotentRun::current() {
            self.mark(&run).await?;
        }
        self.commit().await
    }

    /// Write that the key is done. Its row is held until the commit: nobody takes the key over in between.
    async fn mark(&mut self, run: &IdempotentRun) -> Result<()> {
        self.usable()?;
        let timer = self.core.meter.start();
        let args = run.mark();
        let answer = match self.core.texts.checked(Class::Kernel, Access::Write, MARK, &args) {
            Ok(sql) => self.handle.mark(run.tenant(), &sql, &args).await,
            Err(error) => Err(error),
        };
        timer.write(MARK, &answer);
        match self.poisoning(answer)? {
            0 => Err(codes::KEY_TAKEN.error("a repeat of the request has the key now").retry_after(1)),
            _ => Ok(()),
        }
    }

    pub(crate) async fn commit(self) -> Result<()> {
        self.usable()?;
        let timer = self.core.meter.start();
        let answer = self.handle.commit(self.after).await;
        timer.commit(&answer);
        answer
    }

    pub(crate) async fn rollback(self) -> Result<()> {
        self.handle.rollback().await
    }
}

/// One tenant's rows, to be changed. Dropped without `commit`: nothing happened.
pub struct TenantTx {
    pub(crate) tenant: TenantId,
    pub(crate) changing: Changing,
}

impl Reads for TenantTx {
    fn tenant(&self) -> TenantId {
        self.tenant
    }

    fn is_committed(&self) -> bool {
        false
    }

    async fn rows(&mut self, sql: &str, args: &[Value]) -> Result<Vec<Row>> {
        self.changing.rows(sql, args).await
    }
}

impl TenantTx {
    /// Whose rows it changes. (The same as [`Reads::tenant`], without the trait in scope.)
    pub fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// All rows of a statement.
    pub async fn rows(&mut self, sql: &str, args: &[Value]) -> Result<Vec<Row>> {
        self.changing.rows(sql, args).await
    }

    /// The first row, which must be there.
    pub async fn row(&mut self, sql: &str, args: &[Value]) -> Result<Row> {
        first(self.rows(sql, args).await?)
    }

    /// The first row, if there is one.
    pub async fn row_opt(&mut self, sql: &str, args: &[Value]) -> Result<Option<Row>> {
        Ok(self.rows(sql, args).await?.into_iter().next())
    }

    /// Say what happened. It goes out after the commit, or never.
    pub async fn emit<E: Event>(&mut self, event: E) -> Result<()> {
        self.changing.emit(self.tenant, &event).await
    }

    /// Write one line of the audit trail.
    pub async fn audit(&mut self, who: &Who, entry: AuditEntry) -> Result<()> {
        self.changing.audit(self.tenant, who, entry).await
    }
}

macro_rules! changes {
    ($name:ident) => {
        impl $name {
            /// Run a change.
            pub async fn run(&mut self, sql: &str, args: &[Value]) -> Result<()> {
                self.changing.count(sql, args).await.map(|_| ())
            }

            /// Run a change; how many rows it touched.
            pub async fn run_count(&mut self, sql: &str, args: &[Value]) -> Result<u64> {
                self.changing.count(sql, args).await
            }

            /// Run the same change with many values, in order and in as few round trips as possible.
            pub async fn run_many(&mut self, sql: &str, values: &[Vec<Value>]) -> Result<()> {
                self.changing.many(sql, values).await
            }

            /// Wait until no other transaction holds this name (of the same tenant, where there is one), and hold it to the end.
            pub async fn lock(&mut self, name: &str) -> Result<()> {
                self.changing.lock(name).await
            }

            /// Do this once the change is durable, before `commit` returns. Short and without waiting: the writer waits for it.
            pub fn on_commit(&mut self, hook: impl FnOnce() + Send + 'static) {
                self.changing.on_commit(hook);
            }

            /// Make it durable. Once this has begun, dropping it does not undo the change.
            pub async fn commit(self) -> Result<()> {
                self.changing.commit_change().await
            }

            /// Undo it.
            pub async fn rollback(self) -> Result<()> {
                self.changing.rollback().await
            }
        }
    };
}
changes!(TenantTx);
changes!(GlobalTx);
changes!(SystemTx);

macro_rules! untenanted_tx {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        pub struct $name {
            pub(crate) changing: Changing,
        }

        impl $name {
            /// All rows of a statement.
            pub async fn rows(&mut self, sql: &str, args: &[Value]) -> Result<Vec<Row>> {
                self.changing.rows(sql, args).await
            }

            /// The first row, which must be there.
            pub async fn row(&mut self, sql: &str, args: &[Value]) -> Result<Row> {
                first(self.rows(sql, args).await?)
            }

            /// The first row, if there is one.
            pub async fn row_opt(&mut self, sql: &str, args: &[Value]) -> Result<Option<Row>> {
                Ok(self.rows(sql, args).await?.into_iter().next())
            }

            /// Say what happened to this tenant. It goes out after the commit, or never.
            pub async fn emit<E: Event>(&mut self, tenant: TenantId, event: E) -> Result<()> {
                self.changing.emit(tenant, &event).await
            }

            /// The same for much that happened at once, in order and without a wait for each.
            pub async fn emit_many<E: Event>(&mut self, tenant: TenantId, events: &[E]) -> Result<()> {
                self.changing.emit_many(tenant, events).await
            }

            /// Write one line of this tenant's audit trail.
            pub async fn audit(&mut self, tenant: TenantId, who: &Who, entry: AuditEntry) -> Result<()> {
                self.changing.audit(tenant, who, entry).await
            }

            /// The same for many lines, in order and without a wait for each.
            pub async fn audit_many(
                &mut self,
                tenant: TenantId,
                who: &Who,
                entries: Vec<AuditEntry>,
            ) -> Result<()> {
                self.changing.audit_many(tenant, who, entries).await
            }
        }
    };
}

untenanted_tx! {
    /// The global tables, to be changed. Dropped without `commit`: nothing happened.
    GlobalTx
}
untenanted_tx! {
    /// Every tenant's rows, to be changed by a system job. Dropped without `commit`: nothing happened.
    SystemTx
}
