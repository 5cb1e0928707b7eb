//! The list of modules, and how they are given what they need. Nothing else in the house knows all contexts.
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;
use wh_base::process::{COMMIT, VERSION};
use wh_base::{Clock, IdSource, OsRandom, Random, Result, SystemClock};
use wh_dataset::ingest::IngestLimits;
use wh_dataset::segment::Objects;
use wh_dataset::{Datasets, DatasetsConfig};
use wh_db::{Context, DbConfig, DbLimits, EngineConfig, Migrations, Opened, SystemDb};
use wh_identity::{Identity, IdentityConfig, IdentityParts};
use wh_panels::service::Running;
use wh_server::log::LogControl;
use wh_server::{Module, NodeName};
use wh_system::model::Node;
use wh_system::{LimitTable, System, SystemConfig, SystemParts};

use crate::data_dir::{self, DataDir};
use crate::serve::components;
use crate::settings::{Engine, Settings};
use crate::{doctor, healthcheck, ports};

/// Every context's tables, in the order in which they are made.
pub const MIGRATIONS: &[Migrations] =
    &[wh_identity::MIGRATIONS, wh_dataset::MIGRATIONS, wh_panels::MIGRATIONS, wh_system::MIGRATIONS];

/// One crypto provider for the whole process, before anything speaks TLS.
pub fn install_crypto() {
    // A second call finds it installed, which is as good.
    let _installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

/// The inputs of the real world.
pub struct Inputs {
    /// The machine's clock.
    pub clock: Arc<dyn Clock>,
    /// The operating system's randomness.
    pub random: Arc<dyn Random>,
    /// New ids from both.
    pub ids: IdSource,
    /// This process among others; new at each start.
    pub node: Uuid,
}

impl Inputs {
    /// Clock and randomness of this machine.
    pub fn of_this_machine() -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let random: Arc<dyn Random> = Arc::new(OsRandom);
        let ids = IdSource::new(Arc::clone(&clock), Arc::clone(&random));
        let node = ids.next();
        Self { clock, random, ids, node }
    }
}

/// The contexts, in the order of the manual.
pub fn modules(identity: &Identity, datasets: Datasets, imports: Running, system: &System) -> Vec<Module> {
    vec![wh_identity::module(identity), wh_panels::module(datasets, imports), wh_system::module(system)]
}

/// What the operator of the installation sees, with the answers of the other contexts.
pub fn system(parts: OperatorParts<'_>) -> System {
    let OperatorParts { opened, context, identity, datasets, inputs, place, log, address, backups, config } =
        parts;
    let defaults = config.default_limits();
    context.limits.ask(Arc::new(LimitTable::new(context.db.clone(), defaults)));
    let people = Arc::new(ports::People(identity.clone()));
    let panels = Arc::new(ports::Panels(opened.system.clone(), context.clone()));
    let storage = Arc::new(ports::Storage(datasets.clone(), opened.system.clone(), context.clone()));
    let node = Node {
        id: inputs.node,
        place,
        host: host(),
        address,
        version: VERSION.to_owned(),
        commit: COMMIT.to_owned(),
        engine: opened.db.engine(),
        started_at: inputs.clock.now(),
    };
    let db = opened.system.clone();
    System::new(SystemParts {
        db,
        node,
        log,
        companies: people.clone(),
        usage: vec![people, panels, storage],
        backups: Arc::new(backups),
        defaults,
    })
}

/// This process, as answers that are of it alone name it.
pub fn node_name(inputs: &Inputs) -> NodeName {
    NodeName { id: inputs.node, host: host() }
}

/// The machine's name.
pub fn host() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .map_or_else(|_| "unknown".to_owned(), |name| name.trim().to_owned())
}

/// What the operator's view is put together from.
pub struct OperatorParts<'a> {
    /// The database.
    pub opened: &'a Opened,
    /// What use cases work with; from here on it knows the limits of companies.
    pub context: &'a Context,
    /// Companies and people.
    pub identity: &'a Identity,
    /// Bytes on the object store.
    pub datasets: &'a Datasets,
    /// Clock and ids.
    pub inputs: &'a Inputs,
    /// The data folder's own id.
    pub place: Uuid,
    /// The log of this process.
    pub log: LogControl,
    /// Where it listens.
    pub address: String,
    /// Its backups.
    pub backups: ports::OwnBackups,
    /// What companies may use.
    pub config: &'a SystemConfig,
}

/// Open (and migrate) the database that the settings name.
pub async fn database(settings: &Settings, data: &Path, inputs: &Inputs) -> Result<Opened> {
    let config = db_config(settings, data)?;
    wh_db::open(&config, MIGRATIONS, Arc::clone(&inputs.clock), Arc::clone(&inputs.random)).await
}

/// Where the database is and how much of it one node takes.
pub fn db_config(settings: &Settings, data: &Path) -> Result<DbConfig> {
    let engine = match settings.database.engine {
        Engine::Sqlite => EngineConfig::Sqlite { path: data.to_owned() },
        Engine::Postgres => EngineConfig::Postgres(settings.database.postgres_urls()?),
    };
    Ok(DbConfig { engine, limits: settings.database.limits() })
}

/// Bring the database to this version, and nothing else.
pub async fn migrate(settings: &Settings) -> Result<()> {
    let inputs = Inputs::of_this_machine();
    let path = settings.data_dir.join("wheelhouse.db");
    database(settings, &path, &inputs).await.map(drop)
}

/// The dataset engine over the objects in the data folder, which must be those of the database.
pub async fn datasets(
    settings: &Settings,
    data: &DataDir,
    inputs: &Inputs,
    system: &SystemDb,
) -> Result<(Objects, Datasets)> {
    let objects = Objects::local(&data.objects())?;
    let imports = IngestLimits {
        hot_budget_bytes: settings.dataset.hot_budget_mb << 20,
        time_max: Duration::from_secs(settings.dataset.import_s_max),
        ..IngestLimits::default()
    };
    let config = DatasetsConfig { imports, ..DatasetsConfig::default() };
    let datasets = Datasets::open(objects.clone(), inputs.ids.clone(), Arc::clone(&inputs.clock), config);
    // Before anything in there is changed.
    datasets.store_take(system, settings.dataset.store_adopt.as_deref()).await?;
    objects.clean_staging().await?;
    Ok((objects, datasets))
}

/// Identity over its own door to the database.
pub fn identity(opened: &Opened, context: &Context, config: IdentityConfig) -> Result<Identity> {
    Identity::new(IdentityParts { db: opened.identity.clone(), context: context.clone(), config })
}

/// What is generated from the operations.
pub struct Documents {
    /// `spec/openapi.json`.
    pub openapi: String,
    /// `docs/errors.gen.md`.
    pub errors: String,
    /// `docs/permissions.gen.md`.
    pub permissions: String,
}

/// Compose the house over an empty database in a folder that is gone afterwards, and describe it.
pub async fn documents() -> Result<Documents> {
    let folder = std::env::temp_dir().join(format!("wheelhouse-spec-{}", std::process::id()));
    let described = describe(&folder).await;
    std::fs::remove_dir_all(&folder)
        .map_err(|e| data_dir::UNUSABLE.caused("cannot remove a temporary folder", e))?;
    described
}

async fn describe(folder: &Path) -> Result<Documents> {
    let data = DataDir::open(folder)?;
    let inputs = Inputs::of_this_machine();
    let config =
        DbConfig { engine: EngineConfig::Sqlite { path: data.database() }, limits: DbLimits::default() };
    let opened =
        wh_db::open(&config, MIGRATIONS, Arc::clone(&inputs.clock), Arc::clone(&inputs.random)).await?;
    let context = Context::new(opened.db.clone(), Arc::clone(&inputs.clock), Arc::clone(&inputs.random));
    let objects = Objects::local(&data.objects())?;
    let datasets =
        Datasets::open(objects, inputs.ids.clone(), Arc::clone(&inputs.clock), DatasetsConfig::default());
    let identity = identity(&opened, &context, IdentityConfig::default())?;
    let parts = OperatorParts {
        opened: &opened,
        context: &context,
        identity: &identity,
        datasets: &datasets,
        inputs: &inputs,
        place: inputs.node,
        log: LogControl::silent(),
        address: String::new(),
        backups: ports::OwnBackups { target: None, data: folder.to_owned() },
        config: &SystemConfig::default(),
    };
    let modules = modules(&identity, datasets.clone(), Running::on(inputs.node), &system(parts));
    Ok(Documents {
        openapi: wh_server::spec_text(&wh_server::describe(&modules)?)?,
        errors: wh_server::error_table(
            &modules,
            &[data_dir::ALL, doctor::ALL, healthcheck::ALL, components::ALL, wh_backup::codes::ALL],
        ),
        permissions: wh_server::permission_table(&modules),
    })
}
