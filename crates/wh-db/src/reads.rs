//! Reading: what every transaction can do, and the transactions that can do nothing else.
use std::sync::Arc;

use wh_base::{Error, Result};
use wh_contract::TenantId;

use crate::core::Core;
use crate::engine::{ReadHandle, Scope};
use crate::text::{Access, Class};
use crate::{Row, Value, codes};

/// A transaction of one tenant that can be asked for rows.
pub trait Reads: Send {
    /// Whose rows it sees.
    fn tenant(&self) -> TenantId;

    /// Whether all that it sees is committed. A transaction that writes sees what may never be.
    fn is_committed(&self) -> bool;

    /// All rows of a statement.
    fn rows(&mut self, sql: &str, args: &[Value]) -> impl Future<Output = Result<Vec<Row>>> + Send;

    /// The first row, which must be there.
    fn row(&mut self, sql: &str, args: &[Value]) -> impl Future<Output = Result<Row>> + Send {
        async move { first(self.rows(sql, args).await?) }
    }

    /// The first row, if there is one.
    fn row_opt(&mut self, sql: &str, args: &[Value]) -> impl Future<Output = Result<Option<Row>>> + Send {
        async move { Ok(self.rows(sql, args).await?.into_iter().next()) }
    }
}

pub(crate) fn first(rows: Vec<Row>) -> Result<Row> {
    rows.into_iter()
        .next()
        .ok_or_else(|| codes::ROW_MISSING.error("a statement that must give a row gave none"))
}

/// What the three reading types share.
pub(crate) struct Reading {
    core: Arc<Core>,
    handle: ReadHandle,
    class: Class,
    failed: Option<&'static str>,
}

impl Reading {
    pub(crate) async fn open(core: &Arc<Core>, scope: Scope) -> Result<Self> {
        let timer = core.meter.start();
        let handle = core.engine.read(scope).await;
        timer.opened(&handle);
        Ok(Self { core: Arc::clone(core), handle: handle?, class: Class::of(scope), failed: None })
    }

    pub(crate) async fn rows(&mut self, sql: &str, args: &[Value]) -> Result<Vec<Row>> {
        self.rows_as(self.class, sql, args).await
    }

    /// A statement of the kernel itself.
    pub(crate) async fn kernel_rows(&mut self, sql: &str, args: &[Value]) -> Result<Vec<Row>> {
        self.rows_as(Class::Kernel, sql, args).await
    }

    async fn rows_as(&mut self, class: Class, sql: &str, args: &[Value]) -> Result<Vec<Row>> {
        if let Some(code) = self.failed {
            return Err(poisoned(code));
        }
        let timer = self.core.meter.start();
        let answer = match self.core.texts.checked(class, Access::Read, sql, args) {
            Ok(sql) => self.handle.rows(&sql, args).await,
            Err(error) => Err(error),
        };
        timer.read(sql, &answer);
        answer.inspect_err(|error| self.failed = Some(error.code().code))
    }
}

pub(crate) fn poisoned(code: &'static str) -> Error {
    codes::POISONED.error(format!("the transaction failed before with {code}; begin a new one"))
}

/// One tenant's rows as they were at one moment. Over when it is dropped.
pub struct TenantRead {
    pub(crate) tenant: TenantId,
    pub(crate) reading: Reading,
}

impl Reads for TenantRead {
    fn tenant(&self) -> TenantId {
        self.tenant
    }

    fn is_committed(&self) -> bool {
        true
    }

    async fn rows(&mut self, sql: &str, args: &[Value]) -> Result<Vec<Row>> {
        self.reading.rows(sql, args).await
    }
}

macro_rules! untenanted_read {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        pub struct $name {
            pub(crate) reading: Reading,
        }

        impl $name {
            /// All rows of a statement.
            pub async fn rows(&mut self, sql: &str, args: &[Value]) -> Result<Vec<Row>> {
                self.reading.rows(sql, args).await
            }

            /// The first row, which must be there.
            pub async fn row(&mut self, sql: &str, args: &[Value]) -> Result<Row> {
                first(self.rows(sql, args).await?)
            }

            /// The first row, if there is one.
            pub async fn row_opt(&mut self, sql: &str, args: &[Value]) -> Result<Option<Row>> {
                Ok(self.rows(sql, args).await?.into_iter().next())
            }
        }
    };
}

untenanted_read! {
    /// The global tables as they were at one moment. Over when it is dropped.
    GlobalRead
}
untenanted_read! {
    /// Every tenant's rows as they were at one moment, for system jobs. Over when it is dropped.
    SystemRead
}
