//! Opening a database, and the doors it has: tenants, identity, system jobs. Holds no SQL of a context.
use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use uuid::Uuid;
use wh_base::{Clock, IdSource, Random, Result, Timestamp};
use wh_contract::TenantId;

use crate::core::{Core, Meter};
use crate::engine::{Engine, Scope};
use crate::migrate::{Catalogue, Dialect, Migrations};
use crate::reads::{GlobalRead, Reading, Reads, SystemRead, TenantRead, first};
use crate::text::Texts;
use crate::tx::{Changing, GlobalTx, SystemTx, TenantTx};
use crate::{AuditLine, DbConfig, EngineConfig, Outbox, SlowStatement, args, audit, codes, postgres, sqlite};

/// One answer of the audit trail holds no more lines.
pub const AUDIT_LINES_MAX: u32 = 1_000;

/// The tenants' rows. Cheap to clone.
#[derive(Clone)]
pub struct Db {
    pub(crate) core: Arc<Core>,
}

impl Db {
    /// One tenant's rows as they are now, to be read.
    pub async fn read(&self, tenant: TenantId) -> Result<TenantRead> {
        Ok(TenantRead { tenant, reading: Reading::open(&self.core, Scope::Tenant(tenant)).await? })
    }

    /// One tenant's rows, to be changed.
    pub async fn begin(&self, tenant: TenantId) -> Result<TenantTx> {
        Ok(TenantTx { tenant, changing: Changing::open(&self.core, Scope::Tenant(tenant)).await? })
    }

    /// Whether the database answers: one statement of no tenant, within the usual limits.
    pub async fn ping(&self) -> Result<()> {
        let mut read = self.read(TenantId(Uuid::nil())).await?;
        read.rows("SELECT 1 AS n", &[]).await.map(drop)
    }

    /// The newest lines of a tenant's audit trail before `seq`, newest first.
    pub async fn audit_before(&self, tenant: TenantId, seq: i64, limit: u32) -> Result<Vec<AuditLine>> {
        let mut reading = Reading::open(&self.core, Scope::Tenant(tenant)).await?;
        let rows = reading.kernel_rows(audit::RECENT, args![tenant, seq, limit.min(AUDIT_LINES_MAX)]).await?;
        rows.iter().map(audit::line).collect()
    }

    /// The statements that were slow since the database was opened, the most time in all first.
    pub fn slow_statements(&self) -> Vec<SlowStatement> {
        self.core.meter.slow.list()
    }

    /// The word of the engine: `sqlite` or `postgres`.
    pub fn engine(&self) -> &'static str {
        self.core.engine.word()
    }
}

/// The global tables: users, sessions, credentials. For wh-identity only.
#[derive(Clone)]
pub struct IdentityDb {
    core: Arc<Core>,
}

impl IdentityDb {
    /// The global tables as they are now, to be read.
    pub async fn read(&self) -> Result<GlobalRead> {
        Ok(GlobalRead { reading: Reading::open(&self.core, Scope::Global).await? })
    }

    /// The global tables, to be changed.
    pub async fn begin(&self) -> Result<GlobalTx> {
        Ok(GlobalTx { changing: Changing::open(&self.core, Scope::Global).await? })
    }
}

/// Every tenant's rows, for system jobs. Each use is written down with its reason.
#[derive(Clone)]
pub struct SystemDb {
    core: Arc<Core>,
}

const INSTALLATION: &str = "SELECT id FROM kernel_installation";
const TENANT_LAST: &str = "SELECT at FROM kernel_audit WHERE tenant_id = $1 ORDER BY seq DESC LIMIT 1";
const SYSTEM_USE: &str = "INSERT INTO kernel_system_use (at, reason) VALUES ($1, $2)";

impl SystemDb {
    pub(crate) fn core(&self) -> &Arc<Core> {
        &self.core
    }

    /// Which installation this database is of: made with its first tables, and the same in every copy and restore of it.
    pub async fn installation(&self) -> Result<Uuid> {
        let mut reading = Reading::open(&self.core, Scope::Kernel).await?;
        first(reading.kernel_rows(INSTALLATION, args![]).await?)?.uuid("id")
    }

    /// When anything was changed last in this company here: nothing shortens the audit trail. Nothing where the company is not known.
    pub async fn tenant_last(&self, tenant: TenantId) -> Result<Option<Timestamp>> {
        let mut reading = Reading::open(&self.core, Scope::Kernel).await?;
        let lines = reading.kernel_rows(TENANT_LAST, args![tenant]).await?;
        lines.first().map(|line| line.time("at")).transpose()
    }

    /// Every tenant's rows as they are now, to be read.
    pub async fn read(&self, reason: &'static str) -> Result<SystemRead> {
        let mut note = Changing::open(&self.core, Scope::Kernel).await?;
        note.kernel_count(SYSTEM_USE, args![self.core.clock.now(), reason]).await?;
        note.commit().await?;
        Ok(SystemRead { reading: Reading::open(&self.core, Scope::System).await? })
    }

    /// Every tenant's rows, to be changed. The reason is written in the same transaction.
    pub async fn begin(&self, reason: &'static str) -> Result<SystemTx> {
        let mut changing = Changing::open(&self.core, Scope::System).await?;
        changing.kernel_count(SYSTEM_USE, args![self.core.clock.now(), reason]).await?;
        Ok(SystemTx { changing })
    }
}

/// An opened database with all its doors. The binary hands each to whom it belongs.
pub struct Opened {
    /// For every context.
    pub db: Db,
    /// For wh-identity.
    pub identity: IdentityDb,
    /// For system jobs.
    pub system: SystemDb,
    /// To be run once.
    pub outbox: Outbox,
}

/// Open the database, apply what is missing of the schema, check that it can be used.
pub async fn open(
    config: &DbConfig,
    migrations: &[Migrations],
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
) -> Result<Opened> {
    check_contexts(migrations)?;
    let dialect = match config.engine {
        EngineConfig::Sqlite { .. } => Dialect::Sqlite,
        EngineConfig::Postgres(_) => Dialect::Postgres,
    };
    let catalogue = Arc::new(Catalogue::of(migrations, dialect)?);
    let engine = match &config.engine {
        EngineConfig::Sqlite { path } => {
            let (path, limits, now) = (path.clone(), config.limits, clock.now());
            let (tables, all) = (Arc::clone(&catalogue), migrations.to_vec());
            let opening =
                tokio::task::spawn_blocking(move || sqlite::Engine::open(&path, &limits, &tables, &all, now));
            Engine::Sqlite(
                opening.await.map_err(|e| codes::SETUP.caused("opening the database was stopped", e))??,
            )
        }
        EngineConfig::Postgres(urls) => Engine::Postgres(
            postgres::Engine::open(urls, &config.limits, &catalogue, migrations, clock.now()).await?,
        ),
    };
    let core = Arc::new(Core {
        meter: Meter::new(engine.word(), config.limits.slow_statement_ms, Arc::clone(&clock)),
        handed_on: AtomicI64::new(engine.stream_at_open()),
        engine,
        texts: Texts::new(catalogue),
        ids: IdSource::new(Arc::clone(&clock), Arc::clone(&random)),
        clock,
        random,
    });
    Ok(Opened {
        db: Db { core: Arc::clone(&core) },
        identity: IdentityDb { core: Arc::clone(&core) },
        system: SystemDb { core: Arc::clone(&core) },
        outbox: Outbox::new(core),
    })
}

fn check_contexts(migrations: &[Migrations]) -> Result<()> {
    for (at, one) in migrations.iter().enumerate() {
        let word = !one.context.is_empty() && one.context.bytes().all(|byte| byte.is_ascii_lowercase());
        let twice = migrations[..at].iter().any(|other| other.context == one.context);
        if !word || twice || one.context == "kernel" {
            return Err(codes::MIGRATION
                .error(format!("the context name `{}` is taken or is not a plain word", one.context)));
        }
    }
    Ok(())
}
