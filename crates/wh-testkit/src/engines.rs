//! Fresh databases for tests, on both engines, each test its own. The product never sees this.
mod database;
mod relay;
mod server;

use std::pin::Pin;
use std::sync::Arc;

use wh_base::{ManualClock, OsRandom, Timestamp};
use wh_db::{Context, IdentityDb, Migrations, Outbox, SystemDb};

pub use database::{Fresh, fresh};
pub use relay::{Cut, Heard, Relay};
pub use server::{PostgresServer, must_be_there, shared};

/// 2026-03-01 12:00 UTC: where the clock of a test stands at first.
const START_MICROS: i64 = 1_772_366_400_000_000;

/// Threads of one test's runtime; many tests run at once.
const WORKERS: usize = 2;

/// The two engines every store and HTTP test runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EngineKind {
    /// In the process, the default.
    Sqlite,
    /// A real server, 15 or newer.
    Postgres,
}

impl EngineKind {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Sqlite, Self::Postgres];

    /// For names of tests and folders.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }
}

/// The engines of this machine. With `CI=true` a missing one fails the test that asks for it.
pub fn engines() -> Vec<EngineKind> {
    EngineKind::ALL.into_iter().filter(|kind| available("engines", *kind)).collect()
}

/// Whether the engine is there; says by name what is skipped.
fn available(test: &str, kind: EngineKind) -> bool {
    let Err(reason) = (match kind {
        EngineKind::Sqlite => Ok(()),
        EngineKind::Postgres => shared().map(|_| ()),
    }) else {
        return true;
    };
    assert!(!must_be_there(), "{test} on {} needs its counterpart: {reason}", kind.word());
    println_skip(test, kind, reason);
    false
}

#[expect(clippy::print_stdout, reason = "a skipped test is named in the output of the test command")]
fn println_skip(test: &str, kind: EngineKind, reason: &str) {
    println!("skipped: {test} on {}: {reason}", kind.word());
}

/// An open database of one test, and everything a use case asks of its surroundings.
pub struct TestDb {
    /// The engine it runs on.
    pub kind: EngineKind,
    /// What use cases take.
    pub cx: Context,
    /// The global tables.
    pub identity: IdentityDb,
    /// Across tenants.
    pub system: SystemDb,
    /// The events; a test that wants them delivered takes it.
    pub outbox: Option<Outbox>,
    /// Stands still until the test moves it.
    pub clock: Arc<ManualClock>,
    /// Where it lies; last, so that it goes after the connections.
    pub fresh: Fresh,
}

impl TestDb {
    /// Open an empty, migrated database, or nothing where the engine is not to be had.
    pub async fn open(kind: EngineKind, test: &str, migrations: &[Migrations]) -> Option<Self> {
        let fresh = fresh(kind, test, migrations).await?;
        let clock = Arc::new(ManualClock::at(Timestamp::from_micros(START_MICROS)));
        let random = Arc::new(OsRandom);
        let opened = wh_db::open(&fresh.config, migrations, clock.clone(), random.clone()).await;
        let opened = opened.unwrap_or_else(|error| panic!("{test} on {}: {error:?}", kind.word()));
        let cx = Context::new(opened.db, clock.clone(), random);
        let (identity, system, outbox) = (opened.identity, opened.system, Some(opened.outbox));
        Some(Self { kind, cx, identity, system, outbox, clock, fresh })
    }
}

impl TestDb {
    /// The same database, opened anew behind a relay that cuts a connection there. On PostgreSQL only.
    pub async fn behind(self, cut: Cut, migrations: &[Migrations]) -> (Self, Relay) {
        let relay = Relay::start(&self.fresh.address(), cut).await;
        let (config, random) = (self.fresh.at(&relay.address), Arc::new(OsRandom));
        let opened = wh_db::open(&config, migrations, self.clock.clone(), random.clone()).await;
        let opened = opened.unwrap_or_else(|error| panic!("behind a relay: {error:?}"));
        let cx = Context::new(opened.db, self.clock.clone(), random);
        let (identity, system, outbox) = (opened.identity, opened.system, Some(opened.outbox));
        (Self { cx, identity, system, outbox, ..self }, relay)
    }
}

/// `both_engines!(name, MIGRATIONS, async |t| { ... });` makes the tests `name::sqlite` and `name::postgres`.
/// Inside, names are those of the module that calls it.
#[macro_export]
macro_rules! both_engines {
    ($name:ident, $migrations:expr, $body:expr) => {
        mod $name {
            use super::*;

            $crate::one_engine!(@body $body);

            #[test]
            fn sqlite() {
                $crate::engines::run($crate::engines::EngineKind::Sqlite, stringify!($name), $migrations, body);
            }

            #[test]
            fn postgres() {
                $crate::engines::run($crate::engines::EngineKind::Postgres, stringify!($name), $migrations, body);
            }
        }
    };
}

/// `one_engine!(postgres, name, MIGRATIONS, async |t| { ... });` for what one engine alone can do wrong: the
/// test `name::postgres`.
#[macro_export]
macro_rules! one_engine {
    (@body $body:expr) => {
        fn body(t: $crate::engines::TestDb) -> $crate::engines::Body {
            Box::pin(async move { $crate::engines::call(t, $body).await })
        }
    };
    (sqlite, $name:ident, $migrations:expr, $body:expr) => {
        mod $name {
            use super::*;

            $crate::one_engine!(@body $body);

            #[test]
            fn sqlite() {
                $crate::engines::run($crate::engines::EngineKind::Sqlite, stringify!($name), $migrations, body);
            }
        }
    };
    (postgres, $name:ident, $migrations:expr, $body:expr) => {
        mod $name {
            use super::*;

            $crate::one_engine!(@body $body);

            #[test]
            fn postgres() {
                $crate::engines::run($crate::engines::EngineKind::Postgres, stringify!($name), $migrations, body);
            }
        }
    };
}

/// What a test does with its database. Boxed, so that the runtime is compiled once and not once per test.
pub type Body = Pin<Box<dyn Future<Output = ()>>>;

/// What the macros call: one test on one engine.
pub fn run(kind: EngineKind, test: &str, migrations: &[Migrations], body: fn(TestDb) -> Body) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(WORKERS).enable_all().build();
    runtime.expect("a runtime").block_on(async {
        if let Some(db) = TestDb::open(kind, test, migrations).await {
            body(db).await;
        }
    });
}

/// Gives the closure of a test its type.
pub async fn call<F: AsyncFnOnce(TestDb)>(db: TestDb, body: F) {
    body(db).await;
}
