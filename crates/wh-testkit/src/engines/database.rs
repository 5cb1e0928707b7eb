//! One empty, migrated database per test: a file, or a copy of a migrated template on the shared server.
use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, OnceLock, mpsc};

use tokio::sync::Mutex;
use tokio_postgres::{Client, NoTls};
use wh_base::{ManualClock, OsRandom, Secret, Timestamp};
use wh_db::{
    DbConfig, DbLimits, Elsewhere, EngineConfig, LoginsThere, Migrations, PostgresInit, PostgresUrls,
};

use super::{EngineKind, available, shared};

/// Connections of one test's pools: many tests run at once on one server.
const CONNECTIONS_MAX: usize = 8;

/// Transactions of a database that wait for another's row.
const WAITING: &str =
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
/// How often that is asked before the test fails; each question costs a round trip.
const ASKED_MAX: usize = 20_000;

/// A database of one test; gone when it is dropped.
pub struct Fresh {
    /// For `wh_db::open`.
    pub config: DbConfig,
    /// A superuser's URL to this database, for tests that look behind the scenes. Only on PostgreSQL.
    pub admin_url: Option<String>,
    /// The four logins are called `<prefix>_owner` and so on. Only on PostgreSQL.
    pub login_prefix: Option<String>,
    _folder: Option<tempfile::TempDir>,
    database: Option<Database>,
}

impl Fresh {
    /// Until one transaction waits for another's row: then the one in the way may end, and the test knows who was first. On
    /// PostgreSQL only; an embedded database has one writer, and nobody waits inside a transaction.
    pub async fn one_waits(&self) {
        let admin = admin(self.admin_url.as_deref().expect("on PostgreSQL")).await;
        for _ in 0..ASKED_MAX {
            let row = admin.query_one(WAITING, &[]).await.expect("the server answers its administrator");
            if row.get::<_, i64>(0) == 1 {
                return;
            }
            tokio::task::yield_now().await;
        }
        panic!("nobody waits for a row");
    }

    /// Shut the database, as when its server is away: connections end, and no new one is let in. On PostgreSQL only.
    pub async fn shut(&self) {
        let (name, server) = self.outside().await;
        run(&server, &format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false")).await;
        let all =
            format!("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{name}'");
        run(&server, &all).await;
    }

    /// Let connections in again.
    pub async fn reopen(&self) {
        let (name, server) = self.outside().await;
        run(&server, &format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true")).await;
    }

    /// `host:port` of its server. On PostgreSQL only.
    pub fn address(&self) -> String {
        let url = self.admin_url.as_deref().expect("on PostgreSQL");
        let (_, rest) = url.split_once("://").expect("a URL");
        let host = rest.split(['/', '?']).next().unwrap_or(rest);
        host.rsplit_once('@').map_or(host, |(_, host)| host).to_owned()
    }

    /// What opens it by another `host:port`. On PostgreSQL only.
    pub fn at(&self, address: &str) -> DbConfig {
        let EngineConfig::Postgres(urls) = &self.config.engine else { panic!("on PostgreSQL") };
        let own = self.address();
        let engine = EngineConfig::Postgres(changed(urls, |url| url.replace(&own, address)));
        DbConfig { engine, ..self.config.clone() }
    }

    /// Its name, and a connection to the server that is not in it.
    async fn outside(&self) -> (&str, Client) {
        let Database(name) = self.database.as_ref().expect("on PostgreSQL");
        (name.as_str(), admin(shared().expect("the server of the database").admin_url()).await)
    }
}

/// An empty, migrated database, or nothing (a printed, named skip) where the engine is not to be had.
pub async fn fresh(kind: EngineKind, test: &str, migrations: &[Migrations]) -> Option<Fresh> {
    if !available(test, kind) {
        return None;
    }
    Some(match kind {
        EngineKind::Sqlite => sqlite(),
        EngineKind::Postgres => postgres(migrations).await,
    })
}

fn sqlite() -> Fresh {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut config = DbConfig::sqlite(folder.path().join("wheelhouse.db"));
    // A test machine runs many tests at once: the limit has tests of its own and must not strike the others.
    config.limits.held_ms_max = 2_000;
    Fresh { config, admin_url: None, login_prefix: None, _folder: Some(folder), database: None }
}

async fn postgres(migrations: &[Migrations]) -> Fresh {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let server = shared().expect("checked by the caller");
    let (template, urls) = template(server.admin_url(), migrations).await;
    let name = format!("wh_test_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
    let admin = admin(server.admin_url()).await;
    run(&admin, &format!("CREATE DATABASE {name} TEMPLATE {template}")).await;
    let prefix = prefix();
    run(
        &admin,
        &format!(
            "REVOKE ALL ON DATABASE {name} FROM PUBLIC;
             GRANT CONNECT ON DATABASE {name} TO {prefix}_owner, {prefix}_app, {prefix}_id, {prefix}_sys;
             GRANT CREATE ON DATABASE {name} TO {prefix}_owner;"
        ),
    )
    .await;
    let limits = DbLimits { connections_max: CONNECTIONS_MAX, ..DbLimits::default() };
    let config = DbConfig { engine: EngineConfig::Postgres(moved(&urls, &name)), limits };
    let admin_url = Some(at(server.admin_url(), &name));
    Fresh { config, admin_url, login_prefix: Some(prefix), _folder: None, database: Some(Database(name)) }
}

/// Roles belong to the whole server, and another test process may use the same one.
fn prefix() -> String {
    format!("wht{}", std::process::id())
}

/// A migrated database that tests copy: made once per set of migrations and process.
async fn template(admin_url: &str, migrations: &[Migrations]) -> (String, PostgresUrls) {
    static TEMPLATES: LazyLock<Mutex<HashMap<u64, String>>> = LazyLock::new(Mutex::default);
    static URLS: OnceLock<PostgresUrls> = OnceLock::new();
    let mut hasher = DefaultHasher::new();
    format!("{migrations:?}").hash(&mut hasher);
    let key = hasher.finish();
    let mut templates = TEMPLATES.lock().await;
    if let (Some(name), Some(urls)) = (templates.get(&key), URLS.get()) {
        return (name.clone(), urls.clone());
    }
    let name = format!("wh_tpl_{}_{key:016x}", std::process::id());
    let init = PostgresInit {
        database: name.clone(),
        login_prefix: prefix(),
        existing: URLS.get().map(|urls| moved(urls, &name)),
        elsewhere: Elsewhere::Refuse,
        logins_there: LoginsThere::Keep,
    };
    // The passwords are given once per process; later templates keep them.
    let urls = wh_db::init_postgres(&Secret::new(admin_url.to_owned()), &init, &OsRandom, |_| Ok(())).await;
    let urls = urls.expect("the database and its logins");
    let config = DbConfig { engine: EngineConfig::Postgres(urls.clone()), limits: DbLimits::default() };
    let clock = Arc::new(ManualClock::at(Timestamp::from_micros(0)));
    drop(wh_db::open(&config, migrations, clock, Arc::new(OsRandom)).await.expect("the migrations apply"));
    let admin = admin(admin_url).await;
    // Nobody may be in a template while it is copied.
    run(&admin, &format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false")).await;
    let gone =
        format!("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{name}'");
    run(&admin, &gone).await;
    let urls = URLS.get_or_init(|| urls).clone();
    templates.insert(key, name.clone());
    (name, urls)
}

/// The same logins in another database.
fn moved(urls: &PostgresUrls, database: &str) -> PostgresUrls {
    changed(urls, |url| at(url, database))
}

/// Every URL, changed the same way.
fn changed(urls: &PostgresUrls, change: impl Fn(&str) -> String) -> PostgresUrls {
    let changed = |url: &Secret<String>| Secret::new(change(url.expose()));
    PostgresUrls {
        owner_url: changed(&urls.owner_url),
        app_url: changed(&urls.app_url),
        id_url: changed(&urls.id_url),
        sys_url: changed(&urls.sys_url),
    }
}

fn at(url: &str, database: &str) -> String {
    let (rest, query) =
        url.split_once('?').map_or((url, String::new()), |(rest, query)| (rest, format!("?{query}")));
    let server = rest.rsplit_once('/').map_or(rest, |(server, _)| server);
    format!("{server}/{database}{query}")
}

async fn admin(url: &str) -> Client {
    let (client, connection) =
        tokio_postgres::connect(url, NoTls).await.expect("the server answers its administrator");
    tokio::spawn(connection);
    client
}

async fn run(client: &Client, sql: &str) {
    if let Err(error) = client.batch_execute(sql).await {
        panic!("{sql}: {error:?}");
    }
}

/// Removes the database when the test is over; a thread of its own does it, because a drop cannot wait.
struct Database(String);

impl Drop for Database {
    fn drop(&mut self) {
        static REMOVER: LazyLock<mpsc::Sender<String>> = LazyLock::new(|| {
            let (sender, names) = mpsc::channel::<String>();
            std::thread::spawn(move || remove(&names));
            sender
        });
        let _ = REMOVER.send(std::mem::take(&mut self.0));
    }
}

fn remove(names: &mpsc::Receiver<String>) {
    let Ok(server) = shared() else { return };
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
    while let Ok(name) = names.recv() {
        runtime.block_on(async {
            let Ok((client, connection)) = tokio_postgres::connect(server.admin_url(), NoTls).await else {
                return;
            };
            let connection = tokio::spawn(connection);
            let _ = client.batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await;
            drop(client);
            let _ = connection.await;
        });
    }
}
