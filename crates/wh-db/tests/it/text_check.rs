//! The text check: a long table of what passes and what is refused, and a property over texts nobody thought of. Asked through a
//! transaction, on `SQLite` only: the check stands before both engines.
use proptest::prelude::*;
use wh_db::{MigrationFile, MigrationText, Migrations, Value, args};
use wh_testkit::engines::TestDb;
use wh_testkit::one_engine;

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

/// These are cut and understood by both engines in the same way.
const PASS: &[(&str, usize)] = &[
    ("SELECT 1 AS one", 0),
    ("select id from check_item", 0),
    ("SELECT i.id, i.slug FROM check_item i WHERE i.tenant_id = $1 AND i.id = $2", 2),
    ("SELECT i.* FROM check_item AS i", 0),
    ("SELECT id FROM \"check_item\" WHERE \"slug\" = $1", 1),
    ("SELECT check_item.id FROM check_item", 0),
    ("SELECT id FROM check_item -- all tenants: a reason\n WHERE n = 1", 0),
    ("SELECT id /* why */ FROM check_item", 0),
    ("-- first\nSELECT id FROM check_item", 0),
    ("SELECT id FROM check_item -- at the end", 0),
    ("SELECT 'main.item; DROP -- it''s text /*' AS t", 0),
    ("SELECT '$1 ? :x' AS t", 0),
    ("SELECT id FROM check_item WHERE n IN ($1, $2, 3)", 2),
    ("SELECT id FROM check_item WHERE n = $1 OR n = $1", 1),
    ("SELECT id FROM check_item WHERE slug = $2 AND n = $1", 2),
    ("SELECT id FROM check_item WHERE (slug, id) > ($1, $2) ORDER BY slug, id LIMIT $3", 3),
    ("SELECT id FROM check_item WHERE slug LIKE $1 ESCAPE '!'", 1),
    ("SELECT id FROM check_item WHERE n IS NULL AND slug IS NOT NULL", 0),
    ("SELECT i.id FROM check_item i JOIN check_item o ON o.n IS DISTINCT FROM i.n", 0),
    ("SELECT COUNT(*) AS n, MAX(n) AS m, COALESCE(SUM(n), 0) AS s FROM check_item", 0),
    ("SELECT COUNT(*) AS n FROM check_item", 0),
    ("SELECT COUNT(*) AS n FROM check_item i JOIN check_item o ON 1 = 1", 0),
    (
        "WITH RECURSIVE x (a) AS (SELECT 1 UNION ALL SELECT a + 1 FROM x WHERE a < 3) SELECT COUNT(*) AS n FROM x",
        0,
    ),
    ("SELECT (WITH x (a, b) AS (SELECT 1, 2), y (c) AS (SELECT a FROM x) SELECT c FROM y) AS d", 0),
    ("SELECT COUNT(DISTINCT slug) AS n FROM check_item GROUP BY n HAVING COUNT(*) > 1", 0),
    (
        "SELECT lower(slug) AS s, upper(slug) AS u, length(slug) AS l, replace(slug, 'a', 'b') AS r FROM check_item",
        0,
    ),
    ("SELECT CAST(n AS text) AS t FROM check_item", 0),
    ("SELECT CASE WHEN n > 1 THEN 'many' ELSE 'few' END AS word FROM check_item", 0),
    ("SELECT row_number() OVER (PARTITION BY slug ORDER BY n) AS r FROM check_item", 0),
    ("SELECT 1.5e3 AS a, .5 AS b, 2. AS c, -1 AS d", 0),
    ("SELECT slug || '-' || slug AS s FROM check_item", 0),
    ("SELECT id FROM check_item WHERE EXISTS (SELECT 1 FROM check_item o WHERE o.n = 2)", 0),
    ("SELECT x.id FROM (SELECT id FROM check_item) AS x", 0),
    ("WITH x AS (SELECT id FROM check_item) SELECT id FROM x", 0),
    ("WITH x (a) AS (SELECT n FROM check_item), y AS (SELECT a FROM x) SELECT a FROM y", 0),
    ("WITH RECURSIVE x (a) AS (SELECT 1 UNION ALL SELECT a + 1 FROM x WHERE a < 3) SELECT a FROM x", 0),
    ("SELECT id FROM check_item UNION ALL SELECT id FROM check_item", 0),
    ("SELECT id FROM check_item FOR UPDATE", 0),
    ("SELECT id FROM check_item ORDER BY n LIMIT 1 for update", 0),
    ("UPDATE check_item SET n = n + 1 WHERE tenant_id = $1", 1),
    ("UPDATE check_item AS i SET n = 2 WHERE i.tenant_id = $1", 1),
    ("UPDATE check_item SET n = x.n FROM (SELECT id, n FROM check_item) AS x WHERE check_item.id = x.id", 0),
    ("UPDATE \"check_item\" SET n = 1 WHERE n = 2 RETURNING id", 0),
    ("DELETE FROM check_item WHERE tenant_id = $1", 1),
    ("DELETE FROM CHECK_ITEM WHERE n = 1", 0),
    ("WITH x AS (SELECT id FROM check_item) DELETE FROM check_item WHERE id IN (SELECT id FROM x)", 0),
    ("INSERT INTO check_item (tenant_id, id, slug) SELECT tenant_id, id, slug FROM check_item", 0),
    (
        "INSERT INTO check_item (tenant_id, id, slug) SELECT tenant_id, id, slug FROM check_item WHERE n = 1 \
         ON CONFLICT (tenant_id, id) DO UPDATE SET slug = excluded.slug RETURNING slug",
        0,
    ),
    (
        "INSERT INTO check_item (tenant_id, id, slug) SELECT tenant_id, id, slug FROM check_item WHERE n = 1 \
         ON CONFLICT DO NOTHING",
        0,
    ),
];

/// Each of these is refused before it reaches an engine.
const REFUSED: &[&str] = &[
    // nothing, or not one statement
    "",
    "   -- nothing\n",
    ";",
    "SELECT 1;",
    "SELECT 1; SELECT 2",
    "SELECT 1 ;-- x",
    "SELECT 1\0; DELETE FROM check_item",
    // other verbs
    "VALUES (1)",
    "REPLACE INTO check_item (slug) VALUES ('x')",
    "INSERT OR REPLACE INTO check_item (slug) VALUES ('x')",
    "INSERT OR ROLLBACK INTO check_item (slug) VALUES ('x')",
    "INSERT OR IGNORE INTO check_item (slug) VALUES ('x')",
    "INSERT or/**/rollback INTO check_item (slug) VALUES ('x')",
    "UPDATE OR ROLLBACK check_item SET n = 1",
    "UPDATE OR REPLACE check_item SET n = 1",
    "WITH x AS (SELECT 1) REPLACE INTO check_item (slug) SELECT 'x'",
    "WITH x AS (SELECT 1) INSERT OR ROLLBACK INTO check_item (slug) SELECT 'x'",
    "WITH x AS (SELECT 1) VALUES (1)",
    "WITH x AS (DELETE FROM check_item RETURNING id) SELECT id FROM x",
    "WITH x AS (SELECT 1)",
    "BEGIN",
    "COMMIT",
    "ROLLBACK",
    "SAVEPOINT x",
    "RELEASE one",
    "ROLLBACK TO one",
    "EXPLAIN SELECT 1",
    "PRAGMA table_list",
    "ATTACH 'x' AS y",
    "DETACH main",
    "VACUUM",
    "ANALYZE",
    "REINDEX",
    "CREATE TABLE x (a)",
    "CREATE TEMP VIEW check_item AS SELECT 1",
    "DROP TABLE check_item",
    "DROP VIEW temp.check_item",
    "ALTER TABLE check_item ADD COLUMN x",
    "TRUNCATE check_item",
    "COPY check_item TO STDOUT",
    "SET app.tenant_id = 'x'",
    "LISTEN x",
    "DO $$ BEGIN END $$",
    "CALL x()",
    "MERGE INTO check_item USING check_item ON true WHEN MATCHED THEN DELETE",
    "SELECT 1 INTO x",
    "SELECT id INTO check_copy FROM check_item",
    "TABLE check_item",
    // the real table, and schemas in any spelling
    "SELECT id FROM main.check_item",
    "SELECT id FROM MAIN.check_item",
    "SELECT id FROM \"main\".check_item",
    "SELECT id FROM \"MAIN\".\"check_item\"",
    "SELECT id FROM [main].check_item",
    "SELECT id FROM `main`.check_item",
    "SELECT id FROM 'main'.check_item",
    "SELECT id FROM 'main'.'check_item'",
    "SELECT id FROM main.'check_item'",
    "SELECT id FROM main . check_item",
    "SELECT id FROM main/**/./**/check_item",
    "SELECT id FROM main--\n.check_item",
    "SELECT id FROM temp.check_item",
    "SELECT main.check_item.id FROM check_item",
    "SELECT a.b.c FROM check_item",
    "SELECT id FROM check_item, main.check_item",
    "SELECT id FROM check_item JOIN main.check_item ON 1 = 1",
    "SELECT id FROM other.check_item",
    "SELECT (SELECT id FROM main.check_item) AS x",
    "SELECT id FROM public.check_item",
    "SELECT id FROM pg_catalog.pg_class",
    "SELECT id FROM information_schema.tables",
    "INSERT INTO main.check_item (slug) VALUES ('x')",
    "UPDATE main.check_item SET n = 1",
    "DELETE FROM main.check_item",
    "DELETE FROM temp.check_item",
    "UPDATE check_item SET n = (SELECT n FROM main.check_item LIMIT 1)",
    "DELETE FROM check_item WHERE id IN (SELECT id FROM main.check_item)",
    "INSERT INTO check_item (slug) SELECT slug FROM main.check_item",
    "WITH check_item AS (SELECT * FROM main.check_item) SELECT id FROM check_item",
    "SELECT DISTINCT FROM other.check_item",
    // tables of others
    "SELECT id FROM check_person",
    "SELECT id FROM \"CHECK_PERSON\"",
    "INSERT INTO check_person (name) VALUES ('x')",
    "INSERT INTO unknown (name) VALUES ('x')",
    "UPDATE unknown SET n = 1",
    "DELETE FROM unknown",
    "SELECT seq FROM kernel_outbox",
    "SELECT \"seq\" FROM \"kernel_outbox\"",
    "INSERT INTO kernel_audit (seq) VALUES (1)",
    "SELECT name FROM sqlite_schema",
    "SELECT name FROM sqlite_master",
    "SELECT name FROM sqlite_temp_schema",
    "SELECT name FROM pragma_table_list",
    "SELECT name FROM pragma_table_info('check_item')",
    "SELECT relname FROM pg_class",
    // targets that are not plain names
    "INSERT INTO 'check_item' (slug) VALUES ('x')",
    "INSERT check_item (slug) VALUES ('x')",
    "UPDATE ONLY check_item SET n = 1",
    "DELETE check_item",
    "DELETE FROM (SELECT 1)",
    "UPDATE",
    "INSERT INTO",
    // functions of one engine
    "SELECT set_config('app.tenant_id', 'x', true)",
    "SELECT \"set_config\"('app.tenant_id', 'x', true)",
    "SELECT current_setting('app.tenant_id')",
    "SELECT current_tenant()",
    "SELECT tenant_guard(tenant_id) FROM check_item",
    "SELECT load_extension('x')",
    "SELECT pg_sleep(1)",
    "SELECT query_to_xml('select 1', true, true, '')",
    "SELECT random()",
    "SELECT now()",
    "SELECT CURRENT_TIMESTAMP",
    "SELECT datetime('now')",
    "SELECT changes()",
    "SELECT json_extract(slug, '$.x') FROM check_item",
    "SELECT x FROM generate_series(1, 3) AS x",
    "SELECT value FROM json_each('[1]')",
    "SELECT gen_random_uuid()",
    // rows by their place
    "SELECT rowid FROM check_item",
    "SELECT _rowid_ FROM check_item",
    "SELECT oid FROM check_item",
    "SELECT ctid FROM check_item",
    "SELECT xmin FROM check_item",
    "SELECT tableoid FROM check_item",
    // row locks anywhere else
    "SELECT id FROM check_item FOR SHARE",
    "SELECT id FROM check_item FOR UPDATE NOWAIT",
    "SELECT id FROM (SELECT id FROM check_item FOR UPDATE) AS x",
    // parameters
    "SELECT ?",
    "SELECT ?1",
    "SELECT :a",
    "SELECT @a",
    "SELECT $a",
    "SELECT $0",
    "SELECT $01",
    "SELECT $2",
    "SELECT $1 + $3",
    "SELECT $1000",
    "SELECT $1::text",
    "SELECT $1(x)",
    "SELECT $1$2",
    "SELECT $$text$$",
    "SELECT $a$text$a$",
    "SELECT $1",
    // cut differently by the two engines
    "SELECT 'open",
    "SELECT \"open",
    "SELECT /* open",
    "SELECT /* a /* b */ c */ 1",
    "SELECT 1 -- x\r, 2",
    "SELECT 1\r, 2",
    "SELECT 1\u{b}, 2",
    "SELECT\u{a0}1",
    "SELECT 1 AS größe",
    "SELECT E'\\'' AS x",
    "SELECT e'a' AS x",
    "SELECT U&'x' AS x",
    "SELECT U&\"main\".x FROM check_item",
    "SELECT x'00' AS x",
    "SELECT N'a' AS x",
    "SELECT 0x10",
    "SELECT 1_000",
    "SELECT 1a",
    "SELECT 1e",
    "SELECT 1.2.3",
    "SELECT a$1 FROM check_item",
    "SELECT \"a b\" FROM check_item",
    "SELECT \"a\"\"b\" FROM check_item",
    "SELECT \"\" FROM check_item",
    "SELECT slug::text FROM check_item",
    "SELECT slug[1] FROM check_item",
    "SELECT ARRAY[1]",
    "SELECT slug ~ 'x' FROM check_item",
    "SELECT n & 1 FROM check_item",
    "SELECT n # 1 FROM check_item",
    "SELECT `id` FROM check_item",
    "SELECT (1",
    "SELECT 1)",
    "SELECT )1(",
    "SELECT id FROM check_item INDEXED BY x",
    "SELECT id FROM check_item TABLESAMPLE system(1)",
    "SELECT x FROM check_item, LATERAL (SELECT 1 AS x) AS y",
];

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
