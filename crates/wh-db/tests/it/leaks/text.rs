//! Texts that reach around the guard: other names of the real tables, other verbs, second statements,
//! engine's own functions.
//! Each must be refused before it runs, on both engines, and leave everything as it was.
use wh_db::{Reads, args};
use wh_testkit::both_engines;

use super::{LEAKS, ask, change, code, sees, two};

/// Ask and change with a text as tenant B; then look whether A's row is as it was.
macro_rules! refused {
    ($($name:ident: [$($sql:expr),+ $(,)?];)+) => {$(
        both_engines!($name, LEAKS, async |t| {
            let (a, b) = two(&t).await;
            for sql in [$($sql),+] {
                assert_eq!(code(ask(&t, b.tenant, sql, args![]).await), "db.statement_refused", "asked: {sql}");
                assert_eq!(code(change(&t, b.tenant, sql, args![]).await), "db.statement_refused", "changed: {sql}");
            }
            assert_eq!(sees(&t, a.tenant).await, [(a.item, 1)]);
            assert_eq!(sees(&t, b.tenant).await, [(b.item, 1)]);
        });
    )+};
}

refused! {
    the_real_table_in_any_quoting: [
        "SELECT id FROM main.leaks_item",
        "SELECT id FROM \"main\".\"leaks_item\"",
        "SELECT id FROM [main].[leaks_item]",
        "SELECT id FROM `main`.`leaks_item`",
        "SELECT id FROM 'main'.'leaks_item'",
        "SELECT id FROM MAIN . leaks_item",
        "SELECT id FROM main/**/.leaks_item",
        "SELECT id FROM main\n.\nleaks_item",
        "SELECT id FROM wheelhouse.leaks_item",
        "SELECT id FROM \"wheelhouse\".leaks_item",
        "SELECT id FROM U&\"main\".leaks_item",
    ];
    a_subselect_from_the_real_table: [
        "SELECT (SELECT slug FROM main.leaks_item LIMIT 1) AS s FROM leaks_item",
        "SELECT id FROM leaks_item WHERE EXISTS (SELECT 1 FROM wheelhouse.leaks_item)",
        "SELECT id FROM leaks_item, main.leaks_part",
        "SELECT i.id FROM leaks_item i JOIN main.leaks_part p ON p.item_id = i.id",
        "UPDATE leaks_item SET slug = (SELECT slug FROM main.leaks_item LIMIT 1)",
        "DELETE FROM leaks_item WHERE id IN (SELECT id FROM main.leaks_item)",
    ];
    insert_select_from_the_real_table: [
        "INSERT INTO leaks_part (tenant_id, id, item_id, name) SELECT tenant_id, id, id, slug FROM main.leaks_item",
        "INSERT INTO main.leaks_item (tenant_id, id, slug, n) SELECT tenant_id, id, slug, n FROM leaks_item",
    ];
    a_cte_over_the_real_table: [
        "WITH leaks_item AS (SELECT id FROM main.leaks_item) SELECT id FROM leaks_item",
        "WITH x AS (SELECT id FROM wheelhouse.leaks_item) SELECT id FROM x",
    ];
    a_change_inside_a_question: [
        "WITH gone AS (DELETE FROM leaks_item RETURNING id) SELECT id FROM gone",
        "WITH more AS (INSERT INTO leaks_item DEFAULT VALUES RETURNING id) SELECT id FROM more",
        "WITH x AS (UPDATE leaks_item SET n = 2 RETURNING id) SELECT id FROM x",
    ];
    replace_in_any_form: [
        "REPLACE INTO leaks_item (tenant_id, id, slug, n) VALUES (NULL, NULL, 'box', 9)",
        "INSERT OR REPLACE INTO leaks_item (tenant_id, id, slug, n) VALUES (NULL, NULL, 'box', 9)",
        "UPDATE OR REPLACE leaks_item SET slug = 'box'",
        "WITH x AS (SELECT 1 AS y) REPLACE INTO leaks_item (slug) SELECT 'box' FROM x",
    ];
    a_rollback_hidden_in_a_conflict_clause: [
        "INSERT OR ROLLBACK INTO leaks_item (slug) VALUES ('box')",
        "UPDATE OR ROLLBACK leaks_item SET slug = 'box'",
        "INSERT OR IGNORE INTO leaks_item (slug) VALUES ('box')",
        "INSERT OR ABORT INTO leaks_item (slug) VALUES ('box')",
        "INSERT OR FAIL INTO leaks_item (slug) VALUES ('box')",
    ];
    two_statements_in_one_text: [
        "SELECT id FROM leaks_item; DELETE FROM leaks_item",
        "SELECT id FROM leaks_item;SELECT id FROM leaks_part",
        "SELECT id FROM leaks_item /* ; */ ; DELETE FROM leaks_part",
        "DELETE FROM leaks_part; --",
        "; DELETE FROM leaks_part",
    ];
    the_end_of_the_transaction: [
        "COMMIT", "ROLLBACK", "END", "BEGIN", "SAVEPOINT a", "RELEASE a", "ROLLBACK TO a", "ABORT",
        "START TRANSACTION",
        "PREPARE TRANSACTION 'a'", "SET TRANSACTION READ WRITE",
    ];
    the_schema_of_the_database: [
        "CREATE TABLE leaks_more (id integer)", "CREATE TEMP TABLE leaks_item (id integer)",
        "CREATE TEMP VIEW leaks_item AS SELECT 1 AS id", "CREATE VIEW v AS SELECT 1 AS x",
        "DROP VIEW leaks_item", "DROP TABLE leaks_item",
        "ALTER TABLE leaks_item RENAME TO theirs", "CREATE INDEX i ON leaks_item (n)", "DROP TRIGGER t",
        "CREATE TRIGGER t AFTER INSERT ON leaks_item BEGIN SELECT 1; END", "TRUNCATE leaks_item",
        "TRUNCATE TABLE leaks_item CASCADE",
        "GRANT ALL ON leaks_item TO PUBLIC", "SELECT id INTO leaks_copy FROM leaks_item",
        "CREATE FUNCTION f() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
    ];
    the_engine_behind_the_database: [
        "PRAGMA table_list", "SELECT name FROM pragma_table_list", "SELECT name FROM pragma_table_list()",
        "SELECT name FROM sqlite_schema", "SELECT name FROM sqlite_master",
        "SELECT name FROM sqlite_temp_master",
        "SELECT name FROM main.sqlite_schema", "ATTACH DATABASE 'x' AS y", "DETACH DATABASE main", "VACUUM",
        "VACUUM INTO 'copy'", "REINDEX", "ANALYZE",
        "EXPLAIN SELECT id FROM leaks_item", "EXPLAIN QUERY PLAN SELECT id FROM leaks_item",
        "SELECT load_extension('x') AS x", "SELECT current_tenant() AS x", "SELECT readfile('x') AS x",
        "SELECT writefile('x', 'y') AS x",
        "SELECT relname FROM pg_class", "SELECT tablename FROM pg_stats",
        "SELECT table_name FROM information_schema.tables",
        "SELECT usename FROM pg_stat_activity", "SELECT usename FROM pg_catalog.pg_stat_activity",
        "COPY leaks_item TO STDOUT", "DO $$ BEGIN END $$", "CALL f()", "LISTEN a", "NOTIFY a",
        "LOCK TABLE leaks_item", "VALUES (1)", "TABLE leaks_item",
        "SELECT pg_read_file('x') AS x", "SELECT pg_sleep(1) AS x", "SELECT lo_import('x') AS x",
        "SELECT dblink('x') AS x",
        "SELECT query_to_xml('x', true, true, 'y') AS x", "SELECT nextval('x') AS x",
    ];
    the_tenant_of_the_transaction: [
        "SELECT set_config('app.tenant_id', '00000000-0000-0000-0000-000000000000', true) AS x",
        "SELECT SET_CONFIG ('app.tenant_id', '', false) AS x",
        "SELECT \"set_config\"('app.tenant_id', '', false) AS x",
        "SELECT pg_catalog.set_config('app.tenant_id', '', false) AS x",
        "SELECT current_setting('app.tenant_id') AS x",
        "SET app.tenant_id = 'x'", "SET LOCAL app.tenant_id = 'x'", "RESET app.tenant_id", "RESET ALL",
        "DISCARD ALL", "SET ROLE wh_sys",
        "SET SESSION AUTHORIZATION wh_sys", "SET row_security = off",
        "SELECT id FROM leaks_item WHERE set_config('app.tenant_id', slug, true) IS NOT NULL",
    ];
    rows_by_their_place: [
        "SELECT rowid AS x FROM leaks_item", "SELECT _rowid_ AS x FROM leaks_item",
        "SELECT oid AS x FROM leaks_item",
        "SELECT ctid AS x FROM leaks_item", "SELECT xmin AS x FROM leaks_item",
        "SELECT tableoid AS x FROM leaks_item",
    ];
    text_that_the_engines_would_cut_differently: [
        "SELECT 'it\\'s' AS x FROM leaks_item", "SELECT E'a' AS x FROM leaks_item",
        "SELECT $$a$$ AS x FROM leaks_item", "SELECT $x$a$x$ AS x FROM leaks_item",
        "SELECT id FROM leaks_item WHERE slug = 'open", "SELECT id FROM leaks_item /* open",
        "SELECT id FROM leaks_item WHERE slug = \"open",
        "SELECT id FROM leaks_item /* a /* b */ c */", "SELECT ?1 AS x FROM leaks_item",
        "SELECT :a AS x FROM leaks_item", "SELECT @a AS x FROM leaks_item",
        "", " ", "--", "/* */",
    ];
}

both_engines!(a_cte_with_the_tables_name_is_harmless, LEAKS, async |t| {
    let (_, b) = two(&t).await;
    let sql = "WITH leaks_item AS (SELECT 'mine' AS slug) SELECT slug FROM leaks_item";
    assert_eq!(ask(&t, b.tenant, sql, args![]).await.unwrap()[0].text("slug").unwrap(), "mine");
    let sql = "WITH leaks_part AS (SELECT id FROM leaks_item) SELECT COUNT(*) AS n FROM leaks_part";
    assert_eq!(ask(&t, b.tenant, sql, args![]).await.unwrap()[0].int("n").unwrap(), 1);
});

both_engines!(words_inside_strings_and_names_are_no_statements, LEAKS, async |t| {
    let (_, b) = two(&t).await;
    let sql = "SELECT 'main.leaks_item; DROP TABLE x -- REPLACE' AS x FROM leaks_item";
    assert_eq!(ask(&t, b.tenant, sql, args![]).await.unwrap().len(), 1);
    let sql = "SELECT id FROM leaks_item WHERE slug = $1";
    let text = "box'; DELETE FROM leaks_item; --";
    assert!(ask(&t, b.tenant, sql, args![text]).await.unwrap().is_empty());
    let mut read = t.cx.db.read(b.tenant).await.unwrap();
    let row = read.row("SELECT replace(slug, 'b', 'f') AS x FROM leaks_item", args![]).await.unwrap();
    assert_eq!(row.text("x").unwrap(), "fox");
});

both_engines!(a_mistyped_quoted_column_is_an_error_and_no_string, LEAKS, async |t| {
    let (_, b) = two(&t).await;
    let sql = "SELECT id FROM leaks_item WHERE \"slugg\" = 'slugg'";
    assert_eq!(code(ask(&t, b.tenant, sql, args![]).await), "db.statement");
});

both_engines!(a_text_with_nul_is_refused_at_the_door, LEAKS, async |t| {
    let (_, b) = two(&t).await;
    let sql = "SELECT id FROM leaks_item WHERE slug = $1";
    assert_eq!(code(ask(&t, b.tenant, sql, args!["a\0b"]).await), "db.text_nul");
});
