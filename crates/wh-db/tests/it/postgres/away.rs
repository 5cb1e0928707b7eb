//! A server that ends connections, refuses new ones or is not there, and comes back; two transactions in each
//! other's way.
use std::sync::Arc;

use wh_base::{OsRandom, Secret};
use wh_db::{DbConfig, DbLimits, EngineConfig, PostgresUrls, args, codes};
use wh_testkit::one_engine;

use super::{admin, limited, until};
use crate::counted::refusals;
use crate::leaks::{ALL, LEAKS, sees, two};

const END_ALL: &str = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity \
     WHERE datname = current_database() AND pid <> pg_backend_pid()";

one_engine!(postgres, ended_connections_are_away_and_new_ones_serve, LEAKS, async |t| {
    let (a, _) = two(&t).await;
    let admin = admin(&t).await;
    let mut tx = t.cx.db.begin(a.tenant).await.unwrap();
    tx.run("UPDATE leaks_item SET n = 99 WHERE tenant_id = $1", args![a.tenant]).await.unwrap();
    admin.batch_execute(END_ALL).await.unwrap();
    let counted = refusals("postgres", &codes::AWAY);
    let error = tx.rows(ALL, args![]).await.unwrap_err();
    assert!(error.is(&codes::AWAY), "{error:?}");
    assert!(refusals("postgres", &codes::AWAY) > counted);
    drop(tx);
    assert_eq!(sees(&t, a.tenant).await, [(a.item, 1)], "served again, and nothing of the lost transaction");
});

one_engine!(postgres, a_server_that_refuses_is_away_until_it_is_back, LEAKS, async |t| {
    let (a, _) = two(&t).await;
    let name: String =
        admin(&t).await.query_one("SELECT current_database()::text", &[]).await.unwrap().get(0);
    // From another database: nobody may shut the one they are in.
    let url = t.fresh.admin_url.as_deref().unwrap().replace(&format!("/{name}"), "/postgres");
    let (admin, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    admin.batch_execute(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false")).await.unwrap();
    admin.batch_execute(&END_ALL.replace("current_database()", &format!("'{name}'"))).await.unwrap();
    let counted = refusals("postgres", &codes::AWAY);
    for _ in 0..3 {
        let answer = crate::leaks::ask(&t, a.tenant, ALL, args![]).await;
        assert!(answer.unwrap_err().is(&codes::AWAY));
    }
    assert!(refusals("postgres", &codes::AWAY) >= counted + 3);
    admin.batch_execute(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true")).await.unwrap();
    assert_eq!(sees(&t, a.tenant).await, [(a.item, 1)], "no restart was needed");
});

one_engine!(postgres, a_server_that_is_not_there_is_away_at_start, LEAKS, async |t| {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = Secret::new(format!("postgres://u:secretword@{}/d", listener.local_addr().unwrap()));
    drop(listener);
    let urls =
        PostgresUrls { owner_url: url.clone(), app_url: url.clone(), id_url: url.clone(), sys_url: url };
    let config = DbConfig { engine: EngineConfig::Postgres(urls), limits: DbLimits::default() };
    let error =
        wh_db::open(&config, LEAKS, t.clock.clone(), Arc::new(OsRandom)).await.map(|_| ()).unwrap_err();
    assert!(error.is(&codes::AWAY));
    assert!(!format!("{error:?}").contains("secretword"));
});

one_engine!(postgres, a_transaction_that_idles_is_ended_and_says_so, LEAKS, async |t| {
    let (a, _) = two(&t).await;
    let db = limited(&t, DbLimits { idle_in_transaction_ms_max: 50, ..DbLimits::default() }).await;
    let admin = admin(&t).await;
    let told = [&codes::HELD_TOO_LONG, &codes::AWAY, &codes::COMMIT_UNKNOWN];
    let counted = || told.iter().map(|code| refusals("postgres", code)).sum::<u64>();
    let before = counted();
    let mut tx = db.begin(a.tenant).await.unwrap();
    tx.run("UPDATE leaks_item SET n = 99 WHERE tenant_id = $1", args![a.tenant]).await.unwrap();
    let gone = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in trans%'";
    until(&admin, gone, 0).await;
    let error = tx.commit().await.unwrap_err();
    // The driver may learn that the connection has ended only after it took the commit.
    assert!(told.iter().any(|code| error.is(code)), "{error:?}");
    assert!(counted() > before);
    assert_eq!(sees(&t, a.tenant).await, [(a.item, 1)]);
});

one_engine!(postgres, of_two_in_each_others_way_one_is_told_to_retry, LEAKS, async |t| {
    let (a, _) = two(&t).await;
    let second = t.cx.next_id::<uuid::Uuid>();
    crate::leaks::change(&t, a.tenant, crate::leaks::INSERT, args![a.tenant, second, "second", 1])
        .await
        .unwrap();
    let sql = "UPDATE leaks_item SET n = n + 1 WHERE tenant_id = $1 AND id = $2";
    let mut one = t.cx.db.begin(a.tenant).await.unwrap();
    let mut other = t.cx.db.begin(a.tenant).await.unwrap();
    one.run(sql, args![a.tenant, a.item]).await.unwrap();
    other.run(sql, args![a.tenant, second]).await.unwrap();
    let first = async {
        one.run(sql, args![a.tenant, second]).await?;
        one.commit().await
    };
    let last = async {
        other.run(sql, args![a.tenant, a.item]).await?;
        other.commit().await
    };
    let answers: (wh_base::Result<()>, wh_base::Result<()>) = tokio::join!(first, last);
    let (fine, retried) = if answers.0.is_ok() { (answers.0, answers.1) } else { (answers.1, answers.0) };
    fine.unwrap();
    assert!(retried.unwrap_err().is(&codes::RETRY));
});
