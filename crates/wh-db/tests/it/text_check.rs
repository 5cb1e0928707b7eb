//! The text check: a long table of what passes and what is refused, and a property over texts nobody thought of. Asked through a
//! transaction, on `SQLite` only: the check stands before both engines.
mod texts;

use proptest::prelude::*;
use wh_db::{MigrationFile, MigrationText, Migrations, Value, args};
use wh_testkit::engines::TestDb;
use wh_testkit::one_engine;

use texts::{PASS, REFUSED};

const TABLES: &str = "
CREATE TABLE check_item (tenant_id uuid NOT NULL, id uuid NOT NULL, slug text NOT NULL, n bigint, PRIMARY KEY (tenant_id, id));
-- class: global
CREATE TABLE check_person (id uuid NOT NULL, name text NOT NULL, PRIMARY KEY (id));
";
const CHECK: &[Migrations] = &[Migrations {
    context: "check",
    files: &[MigrationFile { name: "0001_check", text: MigrationText::Portable(TABLES) }],
}];

/// The code of a statement in a writing transaction; `ok` where it ran.
async fn code(t: &TestDb, sql: &str, values: usize) -> &'static str {
    let mut tx = t.cx.db.begin(t.cx.next_id()).await.unwrap();
    let args: Vec<Value> = (0..values).map(|_| Value::Int(1)).collect();
    tx.rows(sql, &args).await.map_or_else(|error| error.code().code, |_| "ok")
}

one_engine!(sqlite, what_both_engines_understand_passes, CHECK, async |t| {
    for (sql, values) in PASS {
        assert_eq!(code(&t, sql, *values).await, "ok", "{sql}");
    }
});

one_engine!(sqlite, what_reaches_around_the_walls_is_refused, CHECK, async |t| {
    for sql in REFUSED {
        assert_eq!(code(&t, sql, 0).await, "db.statement_refused", "{sql}");
    }
    let long = format!("SELECT '{}' AS x", "x".repeat(70_000));
    assert_eq!(code(&t, &long, 0).await, "db.statement_refused");
});

one_engine!(sqlite, values_are_counted, CHECK, async |t| {
    assert_eq!(code(&t, "SELECT $1 AS a", 2).await, "db.statement_refused");
    assert_eq!(code(&t, "SELECT 1 AS a", 1).await, "db.statement_refused");
    let mut tx = t.cx.db.begin(t.cx.next_id()).await.unwrap();
    let two = [vec![Value::Int(1)], vec![Value::Int(1), Value::Int(2)]];
    let error = tx.run_many("DELETE FROM check_item WHERE n = $1", &two).await.unwrap_err();
    assert!(error.is(&wh_db::codes::STATEMENT_REFUSED));
});

one_engine!(sqlite, the_authorizer_stands_behind_the_check, CHECK, async |t| {
    // A table that no migration knows: the text says nothing wrong about it.
    let wh_db::EngineConfig::Sqlite { path } = &t.fresh.config.engine else { return };
    let raw = rusqlite::Connection::open(path).unwrap();
    raw.execute_batch("CREATE TABLE stray (secret TEXT); INSERT INTO stray VALUES ('x')").unwrap();
    assert_eq!(code(&t, "SELECT secret FROM stray", 0).await, "db.statement_refused");
    assert_eq!(code(&t, "SELECT id FROM check_item, foo(id) AS x", 0).await, "db.statement_refused");
    assert_eq!(
        code(&t, "UPDATE check_item SET slug = (SELECT secret FROM stray)", 0).await,
        "db.statement_refused"
    );
    let mut read = t.cx.db.read(t.cx.next_id()).await.unwrap();
    let answer = wh_db::Reads::rows(&mut read, "SELECT secret FROM stray", args![]).await;
    assert!(answer.unwrap_err().is(&wh_db::codes::STATEMENT_REFUSED));
    let mut global = t.identity.read().await.unwrap();
    assert!(
        global
            .rows("SELECT secret FROM stray", args![])
            .await
            .unwrap_err()
            .is(&wh_db::codes::STATEMENT_REFUSED)
    );
});

/// Pieces from which an attacker would build.
fn piece() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "SELECT",
        "INSERT",
        "UPDATE",
        "DELETE",
        "FROM",
        "INTO",
        "WITH",
        "AS",
        "OR",
        "REPLACE",
        "ROLLBACK",
        "SET",
        "VALUES",
        "UNION",
        "WHERE",
        "ON",
        "CONFLICT",
        "DO",
        "NOTHING",
        "RETURNING",
        "FOR",
        "main",
        "temp",
        "check_item",
        "check_person",
        "sqlite_schema",
        "slug",
        "n",
        "id",
        "tenant_id",
        "x",
        "1",
        "$1",
        "*",
        "rowid",
        "JOIN",
        "DISTINCT",
        "IS",
        "RECURSIVE",
    ]);
    let signs = prop::sample::select(vec![
        ".", ",", "(", ")", "'", "''", "\"", "\"\"", "`", "[", "]", ";", "--", "\n", "/*", "*/", "$", "$$",
        "::", ":", "@", "?", "=", "\r", "\\", "E'", "U&\"", "x'", "\u{a0}", " ", "\t",
    ]);
    prop_oneof![4 => words.prop_map(str::to_owned), 3 => signs.prop_map(str::to_owned), 1 => "\\PC{0,6}"]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is put together: A's secret never comes to B, and A's row stays as it is.
    #[test]
    fn no_text_reaches_another_tenant(texts in prop::collection::vec((prop::collection::vec(piece(), 1..14), any::<bool>()), 60)) {
        let texts: Vec<String> = texts.into_iter().map(|(pieces, glued)| {
            let body = pieces.join(if glued { "" } else { " " });
            // Half of them get far enough to matter.
            if glued { body } else { format!("SELECT slug FROM check_item {body}") }
        }).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let t = TestDb::open(wh_testkit::engines::EngineKind::Sqlite, "text", CHECK).await.unwrap();
            let (a, b, id): (wh_contract::TenantId, wh_contract::TenantId, uuid::Uuid) =
                (t.cx.next_id(), t.cx.next_id(), t.cx.next_id());
            let mut tx = t.cx.db.begin(a).await.unwrap();
            let insert = "INSERT INTO check_item (tenant_id, id, slug, n) VALUES ($1, $2, 'SECRET', 1)";
            tx.run(insert, args![a, id]).await.unwrap();
            tx.commit().await.unwrap();
            for sql in &texts {
                for values in [vec![], vec![Value::Int(1)]] {
                    let mut tx = t.cx.db.begin(b).await.unwrap();
                    if let Ok(rows) = tx.rows(sql, &values).await {
                        for row in rows {
                            let leaked = row.columns().iter().any(|c| row.value(c).unwrap() == &Value::Text("SECRET".to_owned()));
                            assert!(!leaked, "{sql}");
                        }
                        let _ = tx.commit().await;
                    }
                }
            }
            let mut read = t.cx.db.read(a).await.unwrap();
            let row = wh_db::Reads::row(&mut read, "SELECT slug, n FROM check_item", args![]).await.unwrap();
            assert_eq!((row.text("slug").unwrap(), row.int("n").unwrap()), ("SECRET", 1));
        });
    }
}
