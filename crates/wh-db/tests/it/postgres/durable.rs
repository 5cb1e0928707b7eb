//! What is acknowledged is on disk, whatever the server's settings say of its logins.
use wh_db::args;
use wh_testkit::one_engine;

use super::{admin, reopened};
use crate::leaks::{INSERT, LEAKS, two};

/// A column that remembers how the transaction that wrote the row was told to commit.
const SEEN: &str = "seen text DEFAULT current_setting('synchronous_commit')";

one_engine!(postgres, no_login_answers_before_a_commit_is_written, LEAKS, async |t| {
    let (a, _) = two(&t).await;
    let (admin, prefix) = (admin(&t).await, t.fresh.login_prefix.clone().unwrap());
    let database: String = admin.query_one("SELECT current_database()::text", &[]).await.unwrap().get(0);
    let tables = ["leaks_item", "leaks_person", "kernel_system_use"];
    for table in tables {
        admin.batch_execute(&format!("ALTER TABLE wheelhouse.{table} ADD COLUMN {SEEN}")).await.unwrap();
    }
    // What waits for less than this server's disk is switched on; what waits for more is the operator's choice.
    for (set, wanted) in [("off", "on"), ("remote_apply", "remote_apply"), ("local", "local")] {
        for login in ["app", "id", "sys"] {
            let alter =
                format!("ALTER ROLE {prefix}_{login} IN DATABASE {database} SET synchronous_commit = {set}");
            admin.batch_execute(&alter).await.unwrap();
        }
        let opened = reopened(&t, t.fresh.config.limits).await;
        let id = t.cx.next_id::<uuid::Uuid>();
        let mut tx = opened.db.begin(a.tenant).await.unwrap();
        tx.run(INSERT, args![a.tenant, id, set, 1]).await.unwrap();
        tx.commit().await.unwrap();
        let mut tx = opened.identity.begin().await.unwrap();
        tx.run("INSERT INTO leaks_person (id, name) VALUES ($1, $2)", args![id, set]).await.unwrap();
        tx.commit().await.unwrap();
        drop(opened.system.read(set).await.unwrap());
        for (table, which) in tables.into_iter().zip(["slug", "name", "reason"]) {
            let sql = format!("SELECT seen FROM wheelhouse.{table} WHERE {which} = $1");
            let seen: String = admin.query_one(&sql, &[&set]).await.unwrap().get(0);
            assert_eq!(seen, wanted, "{table} with {set}");
        }
    }
});
