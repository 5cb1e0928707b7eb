//! A whole server of one test: the real edge and accept loop on a free port, on a fresh database, with a clock that stands still.
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use tokio_postgres::NoTls;
use tokio_util::sync::CancellationToken;
use wh_base::ManualClock;
use wh_contract::TenantId;
use wh_db::{Context, Deliver, Delivered, IdentityDb, Migrations, Outbox, Progress, Reaction, SystemDb};
use wh_server::edge::{Edge, EdgeParts};
use wh_server::serve::{Listener, Sockets, serve};
use wh_server::{App, AppParts, Authenticator, Component, CookieScheme, Health, Hub, Module, ServerConfig};

use crate::TestActors;
use crate::engines::{EngineKind, Fresh, TestDb};

/// Rounds of the outbox after which a test is told that it never comes to rest.
const ROUNDS_MAX: usize = 1_000;
/// Live connections of one session: few, so that a test can reach the limit.
const SOCKETS_PER_SESSION_MAX: usize = 32;
/// Events that a test looks at.
const EVENTS_MAX: u32 = 1_000;

/// What a test server is made of.
pub struct Parts {
    /// The contexts under test.
    pub modules: Vec<Module>,
    /// Who lets people in.
    pub authenticator: Arc<dyn Authenticator>,
    /// What answers outside `/v1`.
    pub web: Option<Router>,
    /// Limits and timeouts; the address is chosen free.
    pub config: ServerConfig,
    /// Live connections of one session.
    pub sockets_per_session_max: usize,
    /// What `/health/ready` asks.
    pub components: Vec<Component>,
}

impl Parts {
    /// These modules with the test actors.
    pub fn of(modules: Vec<Module>) -> Self {
        Self::with(modules, Arc::new(TestActors::default()))
    }

    /// These modules with this door.
    pub fn with(modules: Vec<Module>, authenticator: Arc<dyn Authenticator>) -> Self {
        let config =
            ServerConfig { listen: SocketAddr::from(([127, 0, 0, 1], 0)), ..ServerConfig::default() };
        Self {
            modules,
            authenticator,
            web: None,
            config,
            sockets_per_session_max: SOCKETS_PER_SESSION_MAX,
            components: Vec::new(),
        }
    }
}

/// A running server. It stops when it is dropped.
pub struct TestServer {
    /// Where it listens.
    pub address: SocketAddr,
    /// The engine below it.
    pub kind: EngineKind,
    /// What its use cases work with.
    pub cx: Context,
    /// The global tables.
    pub identity: IdentityDb,
    /// Across tenants.
    pub system: SystemDb,
    /// Its clock: it stands still until the test moves it.
    pub clock: Arc<ManualClock>,
    /// Its live hub.
    pub hub: Hub,
    /// How it is.
    pub health: Health,
    /// Its application.
    pub app: App,
    /// Cancelled: it drains.
    pub stop: CancellationToken,
    outbox: Outbox,
    reactions: Vec<Reaction>,
    served: Option<tokio::task::JoinHandle<()>>,
    /// Last, so that it goes after the connections.
    pub fresh: Fresh,
}

impl TestServer {
    /// Start one over this database, inside a tokio runtime.
    pub fn start(db: TestDb, parts: Parts) -> Self {
        let sockets = Sockets::new();
        let hub = Hub::with_session_max(sockets.clone(), parts.sockets_per_session_max);
        let health = Health::starting();
        let reactions = parts.modules.iter().flat_map(Module::reaction_list).cloned().collect();
        let app = App::build(AppParts {
            modules: parts.modules,
            context: db.cx.clone(),
            authenticator: parts.authenticator,
            hub: hub.clone(),
            health: health.clone(),
            cookies: CookieScheme::Plain,
            web: parts.web,
        });
        let app = app.unwrap_or_else(|error| panic!("the modules do not fit together: {error:?}"));
        let listener = Listener::bind(&parts.config).expect("a free port");
        let address = listener.address();
        let edge = Edge::new(EdgeParts {
            router: Some(app.router()),
            config: &parts.config,
            listen: address,
            ids: db.cx.ids.clone(),
            sockets,
            health: health.clone(),
        });
        let edge = edge.expect("the test's configuration is right");
        health.running(parts.components);
        let stop = CancellationToken::new();
        let (config, stopped) = (parts.config, stop.clone());
        let served = tokio::spawn(async move { serve(edge, listener, &config, stopped).await });
        Self {
            address,
            kind: db.kind,
            cx: db.cx,
            identity: db.identity,
            system: db.system,
            clock: db.clock,
            hub,
            health,
            app,
            stop,
            outbox: db.outbox.expect("nobody took the outbox"),
            reactions,
            served: Some(served),
            fresh: db.fresh,
        }
    }

    /// Deliver every event and run every reaction until nothing is left to do.
    pub async fn settle(&self) {
        let hub = self.hub.clone();
        let deliver: Deliver = Arc::new(move |delivered: &Delivered| hub.deliver(delivered));
        for _ in 0..ROUNDS_MAX {
            match self.outbox.step(&self.reactions, &deliver).await {
                Ok(Progress::Idle) if self.held_back().await == 0 => return,
                Ok(_) => {}
                Err(error) => panic!("the outbox does not deliver: {error:?}"),
            }
        }
        panic!("the outbox never comes to rest");
    }

    /// Events that PostgreSQL does not let out yet: a transaction of another test of the same server, older than they are, is
    /// still open. SQLite's only writer holds back nothing.
    async fn held_back(&self) -> i64 {
        let Some(url) = &self.fresh.admin_url else { return 0 };
        let (client, connection) =
            tokio_postgres::connect(url, NoTls).await.expect("the database of the test");
        let connection = tokio::spawn(connection);
        let sql = "SELECT count(*) FROM wheelhouse.kernel_outbox o WHERE NOT EXISTS \
                   (SELECT 1 FROM wheelhouse.kernel_stream s WHERE s.seq = o.seq)";
        let count = client.query_one(sql, &[]).await.expect("the outbox can be counted").get(0);
        connection.abort();
        count
    }

    /// The kinds of a tenant's events so far, in order: `["panels.created"]`.
    pub async fn events(&self, tenant: TenantId) -> Vec<String> {
        self.delivered(tenant).await.into_iter().map(|event| event.kind).collect()
    }

    /// A tenant's events so far, in order.
    pub async fn delivered(&self, tenant: TenantId) -> Vec<Delivered> {
        self.settle().await;
        self.cx.db.events_after(tenant, 0, EVENTS_MAX).await.expect("the events can be read").events
    }

    /// Stop it and wait until it has drained.
    pub async fn shut_down(&mut self) {
        self.stop.cancel();
        if let Some(served) = self.served.take() {
            served.await.expect("the server did not panic");
        }
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// `both_servers!(name, MIGRATIONS, parts, async |server| { ... });` makes the tests `name::sqlite` and `name::postgres`.
/// `parts` is `fn(&TestDb) -> Parts`.
#[macro_export]
macro_rules! both_servers {
    ($name:ident, $migrations:expr, $parts:expr, $body:expr) => {
        mod $name {
            use super::*;

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                let kind = $crate::engines::EngineKind::Sqlite;
                $crate::run_server(kind, stringify!($name), $migrations, $parts, $body).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                let kind = $crate::engines::EngineKind::Postgres;
                $crate::run_server(kind, stringify!($name), $migrations, $parts, $body).await;
            }
        }
    };
}

/// What the macro calls.
pub async fn run_server<P, F>(kind: EngineKind, test: &str, migrations: &[Migrations], parts: P, body: F)
where
    P: FnOnce(&TestDb) -> Parts,
    F: AsyncFnOnce(TestServer),
{
    if let Some(db) = TestDb::open(kind, test, migrations).await {
        let parts = parts(&db);
        body(TestServer::start(db, parts)).await;
    }
}
