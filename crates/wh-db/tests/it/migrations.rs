//! Migrations: from empty, again without change, refused when edited, newer or outside the vocabulary. What they do to tables is
//! asked on both engines.
use std::sync::Arc;

use uuid::Uuid;
use wh_base::{Error, OsRandom};
use wh_contract::TenantId;
use wh_db::{DbConfig, EngineConfig, MigrationFile, MigrationText, Migrations, Opened, Reads, args, codes};
use wh_testkit::engines::TestDb;
use wh_testkit::{both_engines, one_engine};

const fn file(name: &'static str, text: &'static str) -> MigrationFile {
    MigrationFile { name, text: MigrationText::Portable(text) }
}

const FIRST: MigrationFile = file(
    "0001_shop",
    "CREATE TABLE shop_item (tenant_id uuid NOT NULL, id uuid NOT NULL, title text NOT NULL, PRIMARY KEY (tenant_id, id));
     CREATE INDEX shop_item_by_title ON shop_item (tenant_id, title, id);
     -- class: global
     CREATE TABLE shop_owner (id uuid NOT NULL PRIMARY KEY, open boolean NOT NULL DEFAULT true);",
);
const SECOND: MigrationFile = file(
    "0002_price",
    "ALTER TABLE shop_item ADD COLUMN price bigint NOT NULL DEFAULT 5;
     ALTER TABLE shop_item ADD COLUMN sold boolean NOT NULL DEFAULT false;
     UPDATE shop_item SET price = 7 WHERE title = 'bread';
     DROP INDEX shop_item_by_title;
     CREATE UNIQUE INDEX shop_item_one_title ON shop_item (tenant_id, title);",
);
const SHOP: &[Migrations] = &[Migrations { context: "shop", files: &[FIRST] }];
const SHOP_LATER: &[Migrations] = &[Migrations { context: "shop", files: &[FIRST, SECOND] }];
const SHOP_EDITED: &[Migrations] = &[Migrations {
    context: "shop",
    files: &[file("0001_shop", "CREATE TABLE shop_item (tenant_id uuid NOT NULL, PRIMARY KEY (tenant_id));")],
}];
const SHOP_GAP: &[Migrations] =
    &[Migrations { context: "shop", files: &[file("0000_before", "DELETE FROM shop_item;"), FIRST] }];

async fn open(t: &TestDb, migrations: &[Migrations]) -> Result<Opened, Error> {
    wh_db::open(&t.fresh.config, migrations, t.clock.clone(), Arc::new(OsRandom)).await
}

async fn refusal(t: &TestDb, migrations: &[Migrations]) -> Error {
    open(t, migrations).await.err().expect("a refusal")
}

both_engines!(again_changes_nothing_and_later_ones_are_added, SHOP, async |t| {
    let tenant: TenantId = t.cx.next_id();
    let id: Uuid = t.cx.next_id();
    let insert = "INSERT INTO shop_item (tenant_id, id, title) VALUES ($1, $2, 'bread')";
    let mut tx = t.cx.db.begin(tenant).await.unwrap();
    tx.run(insert, args![tenant, id]).await.unwrap();
    tx.commit().await.unwrap();
    let again = open(&t, SHOP).await.unwrap();
    let mut read = again.db.read(tenant).await.unwrap();
    assert_eq!(read.rows("SELECT id FROM shop_item", args![]).await.unwrap().len(), 1);
    drop(read);
    drop(again);
    let later = open(&t, SHOP_LATER).await.unwrap();
    let mut read = later.db.read(tenant).await.unwrap();
    let row =
        read.row("SELECT price, sold FROM shop_item WHERE tenant_id = $1", args![tenant]).await.unwrap();
    assert_eq!((row.int("price").unwrap(), row.bool("sold").unwrap()), (7, false));
    drop(read);
    let mut tx = later.db.begin(tenant).await.unwrap();
    let other: Uuid = t.cx.next_id();
    assert!(tx.run(insert, args![tenant, other]).await.unwrap_err().is(&codes::UNIQUE));
});

both_engines!(an_edited_migration_is_refused, SHOP, async |t| {
    let error = refusal(&t, SHOP_EDITED).await;
    assert!(error.is(&codes::MIGRATION_CHANGED), "{error:?}");
    assert!(error.message().contains("0001_shop"), "{error:?}");
});

both_engines!(a_newer_schema_is_refused, SHOP_LATER, async |t| {
    let error = refusal(&t, SHOP).await;
    assert!(error.is(&codes::SCHEMA_NEWER), "{error:?}");
    assert!(error.message().contains("0002_price"), "{error:?}");
    let error = refusal(&t, &[]).await;
    assert!(error.is(&codes::SCHEMA_NEWER), "{error:?}");
});

both_engines!(a_migration_before_an_applied_one_is_refused, SHOP, async |t| {
    assert!(refusal(&t, SHOP_GAP).await.is(&codes::MIGRATION));
});

both_engines!(a_migration_that_fails_leaves_nothing, SHOP, async |t| {
    const BROKEN: &[Migrations] = &[Migrations {
        context: "shop",
        files: &[
            FIRST,
            file(
                "0002_broken",
                "CREATE TABLE shop_half (tenant_id uuid NOT NULL, PRIMARY KEY (tenant_id));
                 UPDATE shop_item SET nothing = 1;",
            ),
        ],
    }];
    assert!(open(&t, BROKEN).await.is_err());
    let again = open(&t, SHOP_LATER).await.unwrap();
    let mut read = again.db.read(t.cx.next_id()).await.unwrap();
    assert!(read.rows("SELECT tenant_id FROM shop_half", args![]).await.is_err());
});

/// Each of these breaks a rule, and says which before anything is applied.
const REFUSED: &[(&str, &str)] = &[
    ("CREATE TABLE item (tenant_id uuid NOT NULL, PRIMARY KEY (tenant_id));", "does not start with shop_"),
    (
        "CREATE TABLE main.shop_x (tenant_id uuid NOT NULL, PRIMARY KEY (tenant_id));",
        "does not start with shop_",
    ),
    (
        "CREATE TABLE IF NOT EXISTS shop_x (tenant_id uuid NOT NULL, PRIMARY KEY (tenant_id));",
        "does not start with shop_",
    ),
    ("CREATE TABLE shop_x (id uuid NOT NULL, PRIMARY KEY (id));", "tenant_id"),
    (
        "CREATE TABLE shop_x (tenant_id uuid, id uuid NOT NULL, PRIMARY KEY (tenant_id, id));",
        "tenant_id uuid NOT NULL",
    ),
    ("CREATE TABLE shop_x (tenant_id text NOT NULL, PRIMARY KEY (tenant_id));", "tenant_id uuid NOT NULL"),
    ("CREATE TABLE shop_x (tenant_id uuid NOT NULL, id uuid NOT NULL);", "no PRIMARY KEY"),
    (
        "CREATE TABLE shop_x (tenant_id uuid NOT NULL, id uuid NOT NULL, PRIMARY KEY (id, tenant_id));",
        "start with tenant_id",
    ),
    (
        "CREATE TABLE shop_x (tenant_id uuid NOT NULL, id uuid NOT NULL, a text, PRIMARY KEY (tenant_id, id), UNIQUE (a));",
        "start with tenant_id",
    ),
    (
        "CREATE TABLE shop_x (tenant_id uuid NOT NULL, a text UNIQUE, PRIMARY KEY (tenant_id));",
        "start with tenant_id",
    ),
    (
        "CREATE TABLE shop_x (tenant_id uuid NOT NULL, i uuid, PRIMARY KEY (tenant_id), FOREIGN KEY (i) REFERENCES shop_y (id));",
        "start with tenant_id",
    ),
    (
        "CREATE TABLE shop_x (tenant_id uuid NOT NULL, i uuid REFERENCES shop_y (id), PRIMARY KEY (tenant_id));",
        "start with tenant_id",
    ),
    (
        "CREATE TABLE shop_x (tenant_id uuid NOT NULL, i uuid, PRIMARY KEY (tenant_id), \
         FOREIGN KEY (tenant_id, i) REFERENCES other_y (tenant_id, id));",
        "another context",
    ),
    (
        "CREATE TABLE shop_x (tenant_id uuid NOT NULL, i uuid, PRIMARY KEY (tenant_id), \
         FOREIGN KEY (tenant_id, i) REFERENCES shop_y (tenant_id, id) ON DELETE SET NULL);",
        "only cascade or restrict",
    ),
    (
        "CREATE TABLE shop_x (tenant_id uuid NOT NULL, i uuid, PRIMARY KEY (tenant_id), \
         FOREIGN KEY (tenant_id, i) REFERENCES shop_y (tenant_id, id) DEFERRABLE INITIALLY DEFERRED);",
        "DEFERRABLE",
    ),
    (
        "CREATE TABLE shop_x (tenant_id uuid NOT NULL, PRIMARY KEY (tenant_id) ON CONFLICT ROLLBACK);",
        "CONFLICT",
    ),
    ("CREATE TABLE shop_x (tenant_id uuid NOT NULL, n int, PRIMARY KEY (tenant_id));", "the type int"),
    ("CREATE TABLE shop_x (tenant_id uuid NOT NULL, n, PRIMARY KEY (tenant_id));", "no type"),
    ("CREATE TABLE shop_x (tenant_id uuid NOT NULL, PRIMARY KEY (tenant_id)) WITHOUT ROWID;", "WITHOUT"),
    ("CREATE TABLE shop_x (tenant_id uuid NOT NULL, PRIMARY KEY (tenant_id)) STRICT;", "STRICT"),
    ("CREATE TABLE shop_x AS SELECT 1;", "CREATE TABLE name"),
    ("-- class: nobody\nCREATE TABLE shop_x (tenant_id uuid NOT NULL, PRIMARY KEY (tenant_id));", "nobody"),
    ("CREATE UNIQUE INDEX shop_i ON shop_item (title);", "start with tenant_id"),
    ("CREATE INDEX other_i ON shop_item (title);", "does not start with shop_"),
    ("CREATE INDEX shop_i ON other_item (title);", "does not start with shop_"),
    ("CREATE TEMP TABLE shop_x (tenant_id uuid NOT NULL, PRIMARY KEY (tenant_id));", "TEMP"),
    ("CREATE VIEW shop_v AS SELECT 1;", "VIEW"),
    ("CREATE TRIGGER shop_t AFTER INSERT ON shop_item BEGIN SELECT 1; END;", "TRIGGER"),
    ("ALTER TABLE shop_item DROP COLUMN title;", "only ADD COLUMN"),
    ("ALTER TABLE shop_item ADD COLUMN x uuid REFERENCES other_item(id);", "a table of another context"),
    ("ALTER TABLE shop_item ADD COLUMN x uuid REFERENCES shop_owner(id);", "composite"),
    ("ALTER TABLE shop_item ADD COLUMN x text UNIQUE;", "composite"),
    ("ALTER TABLE other_item ADD COLUMN x text;", "does not start with shop_"),
    ("UPDATE other_item SET x = 1;", "does not start with shop_"),
    ("DELETE FROM kernel_audit;", "does not start with shop_"),
    ("PRAGMA foreign_keys = OFF;", "PRAGMA"),
    ("GRANT ALL ON shop_item TO public;", "outside the vocabulary"),
    ("SELECT 1;", "outside the vocabulary"),
    ("CREATE TABLE shop_x (tenant_id uuid NOT NULL", "parentheses"),
];

one_engine!(sqlite, what_breaks_a_rule_is_refused_with_its_reason, SHOP, async |t| {
    for (text, reason) in REFUSED {
        // The texts are constants; a test may leak what a program has in its image.
        let files: &'static [MigrationFile] = Box::leak(Box::new([FIRST, file("0002_wrong", text)]));
        let error = refusal(&t, &[Migrations { context: "shop", files }]).await;
        assert!(error.is(&codes::MIGRATION), "{text}: {error:?}");
        assert!(
            error.message().contains(reason) || error.message().contains("CREATE TABLE name"),
            "{text}: {error:?}"
        );
    }
    for context in ["", "kernel", "Shop", "a_b"] {
        let error = refusal(&t, &[Migrations { context, files: &[] }]).await;
        assert!(error.is(&codes::MIGRATION), "{context}");
    }
});

one_engine!(sqlite, each_engine_may_have_its_own_words, SHOP, async |t| {
    const OWN: &[Migrations] = &[Migrations {
        context: "own",
        files: &[MigrationFile {
            name: "0001_own",
            text: MigrationText::PerEngine {
                sqlite: "CREATE TABLE own_thing (tenant_id BLOB NOT NULL, id INTEGER NOT NULL, PRIMARY KEY (tenant_id, id)) STRICT;",
                postgres: "CREATE TABLE own_thing (tenant_id uuid NOT NULL, id bigint NOT NULL, PRIMARY KEY (tenant_id, id));",
            },
        }],
    }];
    let folder = tempfile::tempdir().unwrap();
    let config = DbConfig {
        engine: EngineConfig::Sqlite { path: folder.path().join("deep/own.db") },
        limits: t.fresh.config.limits,
    };
    let opened = wh_db::open(&config, OWN, t.clock.clone(), Arc::new(OsRandom)).await.unwrap();
    let (a, b): (TenantId, TenantId) = (t.cx.next_id(), t.cx.next_id());
    let mut tx = opened.db.begin(a).await.unwrap();
    tx.run("INSERT INTO own_thing (tenant_id, id) VALUES ($1, 1)", args![a]).await.unwrap();
    tx.commit().await.unwrap();
    let mut read = opened.db.read(b).await.unwrap();
    assert!(
        read.rows("SELECT id FROM own_thing", args![]).await.unwrap().is_empty(),
        "walls stand around it all the same"
    );
});

one_engine!(sqlite, a_file_from_before_gets_the_index_of_the_trail, SHOP, async |t| {
    let EngineConfig::Sqlite { path } = &t.fresh.config.engine else { panic!("this is SQLite") };
    let raw = || rusqlite::Connection::open(path).unwrap();
    let before =
        "DROP INDEX kernel_audit_tenant; DELETE FROM kernel_migration WHERE name = '0002_audit_by_tenant'";
    raw().execute_batch(before).unwrap();
    let _again = open(&t, SHOP).await.unwrap();
    let plan = "EXPLAIN QUERY PLAN SELECT at FROM kernel_audit WHERE tenant_id = x'01' AND seq < 9 ORDER BY seq DESC";
    let plan: String = raw().query_row(plan, [], |row| row.get("detail")).unwrap();
    assert!(plan.contains("kernel_audit_tenant (tenant_id=? AND seq<?)"), "{plan}");
});

one_engine!(postgres, a_migration_that_waits_for_a_table_lets_others_pass, SHOP, async |t| {
    let tenant: TenantId = t.cx.next_id();
    // As a backup does it until it ends.
    let dump = crate::postgres::admin(&t).await;
    dump.batch_execute("BEGIN; LOCK TABLE wheelhouse.shop_item IN ACCESS SHARE MODE").await.unwrap();
    let beside = async {
        t.fresh.one_waits().await;
        let mut read = t.cx.db.read(tenant).await.unwrap();
        let served = read.rows("SELECT id FROM shop_item WHERE tenant_id = $1", args![tenant]).await;
        assert!(served.is_ok(), "{served:?}");
        drop(read);
        dump.batch_execute("COMMIT").await.unwrap();
    };
    let (later, ()) = futures_util::future::join(Box::pin(open(&t, SHOP_LATER)), beside).await;
    let later = later.unwrap();
    let mut read = later.db.read(tenant).await.unwrap();
    assert!(read.rows("SELECT price FROM shop_item WHERE tenant_id = $1", args![tenant]).await.is_ok());
});

one_engine!(sqlite, a_text_of_the_kernel_that_changed_is_refused, SHOP, async |t| {
    let EngineConfig::Sqlite { path } = &t.fresh.config.engine else { panic!("this is SQLite") };
    let note = |checksum: &str| {
        let sql =
            "UPDATE kernel_migration SET checksum = ?1 WHERE context = 'kernel' AND name = '0003_audit_key'";
        assert_eq!(rusqlite::Connection::open(path).unwrap().execute(sql, [checksum]).unwrap(), 1);
    };
    note("another text");
    let error = refusal(&t, SHOP).await;
    assert!(error.is(&codes::MIGRATION_CHANGED) && error.message().contains("0003_audit_key"), "{error:?}");
    // As older builds left it.
    note("");
    assert!(open(&t, SHOP).await.is_ok());
});

both_engines!(an_installation_is_named_once_also_in_a_database_of_an_older_build, SHOP, async |t| {
    let id = t.system.installation().await.unwrap();
    assert_eq!(open(&t, SHOP).await.unwrap().system.installation().await.unwrap(), id);
    assert_eq!(wh_db::installation_of(&t.fresh.config).await.unwrap(), Some(id));
    let without = |schema: &str| {
        format!(
            "DROP TABLE {schema}.kernel_installation; \
             DELETE FROM {schema}.kernel_migration WHERE context = 'kernel' AND name = '0004_installation'"
        )
    };
    match &t.fresh.config.engine {
        EngineConfig::Sqlite { path } => {
            rusqlite::Connection::open(path).unwrap().execute_batch(&without("main")).unwrap();
        }
        EngineConfig::Postgres(_) => {
            crate::postgres::admin(&t).await.batch_execute(&without("wheelhouse")).await.unwrap();
        }
    }
    assert_eq!(wh_db::installation_of(&t.fresh.config).await.unwrap(), None);
    let first = open(&t, SHOP).await.unwrap().system.installation().await.unwrap();
    assert_ne!(first, id);
    assert_eq!(open(&t, SHOP).await.unwrap().system.installation().await.unwrap(), first);
});
