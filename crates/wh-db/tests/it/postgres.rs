//! How the PostgreSQL engine fails and recovers: dropped futures, slow statements, full pools, a server that
//! is away, two transactions in each other's way, events of slow transactions, a second `db init`.
mod away;
mod dropped;
mod durable;
mod events;
mod init;
mod wire;

use wh_db::{Db, DbConfig, DbLimits, Opened};
use wh_testkit::engines::TestDb;

use crate::leaks::LEAKS;

/// The test's database opened once more, with other limits.
pub(crate) async fn reopened(t: &TestDb, limits: DbLimits) -> Opened {
    let config = DbConfig { limits, ..t.fresh.config.clone() };
    wh_db::open(&config, LEAKS, t.clock.clone(), std::sync::Arc::new(wh_base::OsRandom)).await.unwrap()
}

pub(crate) async fn limited(t: &TestDb, limits: DbLimits) -> Db {
    reopened(t, limits).await.db
}

/// A superuser's connection to look at what the server does.
pub(crate) async fn admin(t: &TestDb) -> tokio_postgres::Client {
    let url = t.fresh.admin_url.as_deref().unwrap();
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// Ask the server until it answers so; a question costs a round trip, so this waits without sleeping.
pub(crate) async fn until(client: &tokio_postgres::Client, sql: &str, wanted: i64) {
    let asking = async {
        while client.query_one(sql, &[]).await.unwrap().get::<_, i64>(0) != wanted {
            tokio::task::yield_now().await;
        }
    };
    let limit = std::time::Duration::from_secs(20);
    tokio::time::timeout(limit, asking).await.unwrap_or_else(|_| panic!("never {wanted}: {sql}"));
}
