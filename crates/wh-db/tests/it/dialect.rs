//! `docs/dialect.md`, line by line, on both engines: what a portable statement may rely on.
use uuid::Uuid;
use wh_contract::TenantId;
use wh_db::{MigrationFile, MigrationText, Migrations, Reads, TenantTx, Value, args, codes};
use wh_testkit::both_engines;
use wh_testkit::engines::TestDb;

const TABLES: &str = "
CREATE TABLE dialect_thing (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  word text,
  n bigint,
  ratio double,
  flag boolean DEFAULT false,
  raw bytes,
  doc json,
  at micros,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, word),
  CHECK (n < 1000000)
);
CREATE INDEX dialect_thing_by_word ON dialect_thing (tenant_id, word);
";
const DIALECT: &[Migrations] = &[Migrations {
    context: "dialect",
    files: &[MigrationFile { name: "0001_dialect", text: MigrationText::Portable(TABLES) }],
}];

async fn begin(t: &TestDb) -> TenantTx {
    t.cx.db.begin(t.cx.next_id()).await.unwrap()
}

/// Rows with these words, in the order they are given.
async fn words(t: &TestDb, tx: &mut TenantTx, words: &[Option<&str>]) {
    for (n, word) in words.iter().enumerate() {
        let id: Uuid = t.cx.next_id();
        let sql = "INSERT INTO dialect_thing (tenant_id, id, word, n) VALUES ($1, $2, $3, $4)";
        tx.run(sql, args![tx.tenant(), id, *word, n as i64]).await.unwrap();
    }
}

async fn texts(tx: &mut TenantTx, sql: &str, args: &[Value]) -> Vec<String> {
    let rows = tx.rows(sql, args).await.unwrap();
    rows.iter().map(|row| row.text_opt("word").unwrap().unwrap_or("-").to_owned()).collect()
}

both_engines!(every_type_comes_back_as_it_went, DIALECT, async |t| {
    let tenant: TenantId = t.cx.next_id();
    let (id, now) = (t.cx.next_id::<Uuid>(), t.cx.clock.now());
    let doc = serde_json::json!({"b": [1, 2.5, null], "a": "ä\"\\"});
    let mut tx = t.cx.db.begin(tenant).await.unwrap();
    let sql = "INSERT INTO dialect_thing (tenant_id, id, word, n, ratio, flag, raw, doc, at) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    tx.run(sql, args![tenant, id, "Größe 🦀 '", -7, 0.1, true, vec![0_u8, 255], &doc, now]).await.unwrap();
    tx.commit().await.unwrap();
    let mut read = t.cx.db.read(tenant).await.unwrap();
    let row = read
        .row("SELECT * FROM dialect_thing WHERE tenant_id = $1 AND id = $2", args![tenant, id])
        .await
        .unwrap();
    assert_eq!(row.uuid::<TenantId>("tenant_id").unwrap(), tenant);
    assert_eq!(row.uuid::<Uuid>("id").unwrap(), id);
    assert_eq!(row.text("word").unwrap(), "Größe 🦀 '");
    assert_eq!(row.int("n").unwrap(), -7);
    assert!((row.double("ratio").unwrap() - 0.1).abs() < f64::EPSILON);
    assert!(row.bool("flag").unwrap());
    assert_eq!(row.bytes("raw").unwrap(), [0, 255]);
    assert_eq!(row.json("doc").unwrap(), doc);
    assert_eq!(row.time("at").unwrap(), now);
    assert!(row.int("word").unwrap_err().is(&codes::VALUE));
    assert!(row.int("nothing").unwrap_err().is(&codes::VALUE));
});

both_engines!(null_comes_back_as_none_and_defaults_apply, DIALECT, async |t| {
    let mut tx = begin(&t).await;
    words(&t, &mut tx, &[None]).await;
    let row = tx.row("SELECT word, ratio, flag, raw, doc, at FROM dialect_thing", args![]).await.unwrap();
    assert_eq!(row.text_opt("word").unwrap(), None);
    assert_eq!(row.double_opt("ratio").unwrap(), None);
    assert_eq!(row.bytes_opt("raw").unwrap(), None);
    assert_eq!(row.json_opt("doc").unwrap(), None);
    assert_eq!(row.time_opt("at").unwrap(), None);
    assert!(!row.bool("flag").unwrap());
    assert!(row.text("word").unwrap_err().is(&codes::VALUE));
});

both_engines!(parameters_go_by_number, DIALECT, async |t| {
    let mut tx = begin(&t).await;
    words(&t, &mut tx, &[Some("a"), Some("b"), Some("c")]).await;
    let sql = "SELECT word FROM dialect_thing WHERE word > $2 AND n <= $1 AND n <= $1 ORDER BY word";
    assert_eq!(texts(&mut tx, sql, args![2, "a"]).await, ["b", "c"]);
});

both_engines!(text_is_ordered_by_its_bytes, DIALECT, async |t| {
    let mut tx = begin(&t).await;
    words(&t, &mut tx, &[Some("b"), Some("B"), Some("ä"), Some("a"), Some("_"), Some("Z")]).await;
    let ordered = texts(&mut tx, "SELECT word FROM dialect_thing ORDER BY word", args![]).await;
    assert_eq!(ordered, ["B", "Z", "_", "a", "b", "ä"]);
});

both_engines!(null_order_is_said, DIALECT, async |t| {
    let mut tx = begin(&t).await;
    words(&t, &mut tx, &[Some("a"), None, Some("b")]).await;
    assert_eq!(
        texts(&mut tx, "SELECT word FROM dialect_thing ORDER BY word NULLS LAST", args![]).await,
        ["a", "b", "-"]
    );
    let sql = "SELECT word FROM dialect_thing ORDER BY word DESC NULLS FIRST";
    assert_eq!(texts(&mut tx, sql, args![]).await, ["-", "b", "a"]);
});

both_engines!(lower_makes_like_the_same_for_ascii, DIALECT, async |t| {
    let mut tx = begin(&t).await;
    words(&t, &mut tx, &[Some("Alpha"), Some("alps"), Some("100%")]).await;
    let sql = "SELECT word FROM dialect_thing WHERE lower(word) LIKE $1 ESCAPE '!' ORDER BY word";
    assert_eq!(texts(&mut tx, sql, args!["al%"]).await, ["Alpha", "alps"]);
    assert_eq!(texts(&mut tx, sql, args!["%!%"]).await, ["100%"]);
});

both_engines!(a_sum_of_integers_is_an_integer, DIALECT, async |t| {
    let mut tx = begin(&t).await;
    words(&t, &mut tx, &[Some("a"), Some("b"), Some("c")]).await;
    let sql = "SELECT COALESCE(SUM(n), 0) AS s, COUNT(*) AS c, MAX(n) AS m FROM dialect_thing";
    let row = tx.row(sql, args![]).await.unwrap();
    assert_eq!((row.int("s").unwrap(), row.int("c").unwrap(), row.int("m").unwrap()), (3, 3, 2));
    let row =
        tx.row("SELECT COALESCE(SUM(n), 0) AS s FROM dialect_thing WHERE n > 9", args![]).await.unwrap();
    assert_eq!(row.int("s").unwrap(), 0);
});

both_engines!(a_bare_parameter_is_cast, DIALECT, async |t| {
    let mut tx = begin(&t).await;
    words(&t, &mut tx, &[Some("a"), Some("b")]).await;
    let sql = "SELECT word FROM dialect_thing WHERE CAST($1 AS text) IS NULL OR word = $1 ORDER BY word";
    assert_eq!(texts(&mut tx, sql, args![None::<&str>]).await, ["a", "b"]);
    assert_eq!(texts(&mut tx, sql, args!["b"]).await, ["b"]);
});

both_engines!(rows_are_compared_as_rows, DIALECT, async |t| {
    let mut tx = begin(&t).await;
    words(&t, &mut tx, &[Some("a"), Some("b"), Some("c")]).await;
    let sql = "SELECT word FROM dialect_thing WHERE (word, n) > ($1, $2) ORDER BY word, n LIMIT $3";
    assert_eq!(texts(&mut tx, sql, args!["a", 0, 1]).await, ["b"]);
});

both_engines!(on_conflict_updates_and_returning_answers, DIALECT, async |t| {
    let mut tx = begin(&t).await;
    words(&t, &mut tx, &[Some("a")]).await;
    let sql = "INSERT INTO dialect_thing (tenant_id, id, word, n) VALUES ($1, $2, $3, 5) ON CONFLICT (tenant_id, word) \
               DO UPDATE SET n = excluded.n + dialect_thing.n RETURNING n";
    let id: Uuid = t.cx.next_id();
    assert_eq!(tx.row(sql, args![tx.tenant(), id, "a"]).await.unwrap().int("n").unwrap(), 5);
    let nothing =
        "INSERT INTO dialect_thing (tenant_id, id, word) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
    assert_eq!(tx.run_count(nothing, args![tx.tenant(), id, "a"]).await.unwrap(), 0);
});

both_engines!(rows_can_be_locked, DIALECT, async |t| {
    let mut tx = begin(&t).await;
    words(&t, &mut tx, &[Some("a")]).await;
    let sql = "SELECT word FROM dialect_thing WHERE tenant_id = $1 FOR UPDATE";
    let tenant = tx.tenant();
    assert_eq!(texts(&mut tx, sql, args![tenant]).await, ["a"]);
    let mut read = t.cx.db.read(tx.tenant()).await.unwrap();
    assert!(read.rows(sql, args![tx.tenant()]).await.unwrap_err().is(&codes::STATEMENT_REFUSED));
});

both_engines!(violations_have_names, DIALECT, async |t| {
    let tenant: TenantId = t.cx.next_id();
    let insert = "INSERT INTO dialect_thing (tenant_id, id, word, n) VALUES ($1, $2, $3, $4)";
    let id: Uuid = t.cx.next_id();
    let mut tx = t.cx.db.begin(tenant).await.unwrap();
    tx.run(insert, args![tenant, id, "a", 1]).await.unwrap();
    tx.commit().await.unwrap();
    let other: Uuid = t.cx.next_id();
    for (values, code) in [
        (args![tenant, other, "a", 1], &codes::UNIQUE),
        (args![tenant, id, "b", 1], &codes::UNIQUE),
        (args![tenant, other, "b", 2_000_000], &codes::CHECK),
        (args![tenant, None::<Uuid>, "b", 1], &codes::CHECK),
        (args![tenant, other, "b", "text"], &codes::VALUE),
        (args![tenant, other, "b\0", 1], &codes::TEXT_NUL),
        (args![tenant, other, f64::NAN, 1], &codes::VALUE),
    ] {
        let mut tx = t.cx.db.begin(tenant).await.unwrap();
        let error = tx.run(insert, values).await.unwrap_err();
        assert!(error.is(code), "{error:?} is not {}", code.code);
    }
});

both_engines!(json_is_checked, DIALECT, async |t| {
    let mut tx = begin(&t).await;
    let id: Uuid = t.cx.next_id();
    let sql = "INSERT INTO dialect_thing (tenant_id, id, doc) VALUES ($1, $2, $3)";
    assert!(tx.run(sql, args![tx.tenant(), id, Value::Json("{".to_owned())]).await.is_err());
});

both_engines!(a_missing_row_is_an_error_and_poisons_nothing, DIALECT, async |t| {
    let mut tx = begin(&t).await;
    let sql = "SELECT word FROM dialect_thing WHERE n = 77";
    assert!(tx.row(sql, args![]).await.unwrap_err().is(&codes::ROW_MISSING));
    assert!(tx.row_opt(sql, args![]).await.unwrap().is_none());
    words(&t, &mut tx, &[Some("a")]).await;
    tx.commit().await.unwrap();
});

both_engines!(recursion_windows_and_set_operations_work, DIALECT, async |t| {
    let mut tx = begin(&t).await;
    words(&t, &mut tx, &[Some("a"), Some("b"), Some("c")]).await;
    let sql = "WITH RECURSIVE x (a) AS (SELECT CAST(1 AS bigint) UNION ALL SELECT a + 1 FROM x WHERE a < 4) \
               SELECT SUM(a) AS s FROM x";
    assert_eq!(tx.row(sql, args![]).await.unwrap().int("s").unwrap(), 10);
    let sql = "SELECT x.word FROM (SELECT word, row_number() OVER (ORDER BY word DESC) AS place FROM dialect_thing) AS x \
               WHERE x.place = 2";
    assert_eq!(texts(&mut tx, sql, args![]).await, ["b"]);
    let sql = "SELECT word FROM dialect_thing WHERE n = 0 UNION ALL SELECT word FROM dialect_thing WHERE n = 2 ORDER BY word";
    assert_eq!(texts(&mut tx, sql, args![]).await, ["a", "c"]);
});

both_engines!(integer_division_and_remainder_cut_towards_zero, DIALECT, async |t| {
    let mut tx = begin(&t).await;
    words(&t, &mut tx, &[Some("a")]).await;
    let row = tx.row("SELECT (n - 7) / 2 AS d, (n - 7) % 2 AS r FROM dialect_thing", args![]).await.unwrap();
    assert_eq!((row.int("d").unwrap(), row.int("r").unwrap()), (-3, -1));
});
