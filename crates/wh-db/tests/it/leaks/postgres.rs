//! What only PostgreSQL can do wrong, asked with bare connections as its four logins and as a superuser: row
//! security must hold below our own types too, and a database in which it would not is refused at start.
use tokio_postgres::{Client, NoTls};
use wh_base::Secret;
use wh_contract::TenantId;
use wh_db::{DbConfig, EngineConfig, PostgresUrls};
use wh_testkit::engines::TestDb;
use wh_testkit::one_engine;

use super::{LEAKS, Owned, ask, code, sees, two};

/// A bare connection, schema included, as the pools have it.
async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client.batch_execute("SET search_path = wheelhouse").await.unwrap();
    client
}

fn urls(t: &TestDb) -> &PostgresUrls {
    match &t.fresh.config.engine {
        EngineConfig::Postgres(urls) => urls,
        EngineConfig::Sqlite { .. } => panic!("only for PostgreSQL"),
    }
}

async fn app(t: &TestDb) -> Client {
    connect(urls(t).app_url.expose()).await
}

async fn owner(t: &TestDb) -> Client {
    connect(urls(t).owner_url.expose()).await
}

async fn admin(t: &TestDb) -> Client {
    connect(t.fresh.admin_url.as_deref().unwrap()).await
}

fn role(t: &TestDb, which: &str) -> String {
    format!("{}_{which}", t.fresh.login_prefix.as_deref().unwrap())
}

/// Begin as a tenant, the way the engine does.
async fn begin(client: &Client, tenant: TenantId) {
    client.batch_execute("BEGIN").await.unwrap();
    client.execute("SELECT set_config('app.tenant_id', $1, true)", &[&tenant.to_string()]).await.unwrap();
}

async fn count(client: &Client, sql: &str) -> i64 {
    client.query_one(sql, &[]).await.unwrap().get(0)
}

/// The server's five letters for a refusal.
async fn refusal(client: &Client, sql: &str) -> String {
    let error = client.batch_execute(sql).await.unwrap_err();
    error.code().unwrap().code().to_owned()
}

/// Open the same database again: the check at start must name what is wrong.
async fn refused_at_start(t: &TestDb, what: &str) {
    let config: DbConfig = t.fresh.config.clone();
    let opened = wh_db::open(&config, LEAKS, t.clock.clone(), std::sync::Arc::new(wh_base::OsRandom)).await;
    let error = opened.map(|_| ()).unwrap_err();
    assert_eq!(error.code().code, "db.setup");
    assert!(error.message().contains(what), "{}", error.message());
}

one_engine!(postgres, without_a_tenant_there_are_no_rows, LEAKS, async |t| {
    two(&t).await;
    let app = app(&t).await;
    assert_eq!(count(&app, "SELECT count(*) FROM leaks_item").await, 0);
    let insert = "INSERT INTO leaks_item SELECT gen_random_uuid(), gen_random_uuid(), 'x', 1";
    assert_eq!(refusal(&app, insert).await, "42501");
    assert_eq!(app.execute("UPDATE leaks_item SET n = 9", &[]).await.unwrap(), 0);
    assert_eq!(app.execute("DELETE FROM leaks_item", &[]).await.unwrap(), 0);
});

one_engine!(postgres, the_owner_is_under_row_security_too, LEAKS, async |t| {
    two(&t).await;
    let owner = owner(&t).await;
    assert_eq!(count(&owner, "SELECT count(*) FROM leaks_item").await, 0);
});

one_engine!(postgres, views_and_functions_of_the_owner_show_only_ones_own_rows, LEAKS, async |t| {
    let (_, b) = two(&t).await;
    let (owner, app, login) = (owner(&t).await, app(&t).await, role(&t, "app"));
    owner
        .batch_execute(&format!(
            "CREATE VIEW plain AS SELECT * FROM leaks_item;
             CREATE VIEW invoker WITH (security_invoker = true) AS SELECT * FROM leaks_item;
             CREATE MATERIALIZED VIEW stored AS SELECT * FROM leaks_item;
             CREATE FUNCTION definer() RETURNS SETOF leaks_item LANGUAGE sql SECURITY DEFINER
               SET search_path = wheelhouse AS 'SELECT * FROM leaks_item';
             GRANT SELECT ON plain, invoker, stored TO {login};"
        ))
        .await
        .unwrap();
    begin(&app, b.tenant).await;
    for (source, rows) in [("plain", 1), ("invoker", 1), ("definer()", 1), ("stored", 0)] {
        assert_eq!(count(&app, &format!("SELECT count(*) FROM {source}")).await, rows, "{source}");
    }
    app.batch_execute("COMMIT").await.unwrap();
    for source in ["plain", "invoker", "definer()", "stored"] {
        assert_eq!(
            count(&app, &format!("SELECT count(*) FROM {source}")).await,
            0,
            "{source} without a tenant"
        );
    }
});

/// Made by a superuser these leak; nothing in SQL prevents it, so the start refuses a database that has one.
async fn leaks_and_is_refused(t: &TestDb, make: &str, source: &str, what: &str) {
    let (_, b) = two(t).await;
    let (admin, app) = (admin(t).await, app(t).await);
    admin.batch_execute(make).await.unwrap();
    if !source.ends_with("()") {
        admin.batch_execute(&format!("GRANT SELECT ON {source} TO {}", role(t, "app"))).await.unwrap();
    }
    begin(&app, b.tenant).await;
    assert_eq!(count(&app, &format!("SELECT count(*) FROM {source}")).await, 2, "the known leak");
    app.batch_execute("COMMIT").await.unwrap();
    refused_at_start(t, what).await;
}

one_engine!(postgres, a_superusers_view_leaks_and_is_refused_at_start, LEAKS, async |t| {
    leaks_and_is_refused(&t, "CREATE VIEW theirs AS SELECT * FROM leaks_item", "theirs", "security_invoker")
        .await;
});

one_engine!(postgres, a_superusers_definer_function_leaks_and_is_refused_at_start, LEAKS, async |t| {
    let make = "CREATE FUNCTION theirs() RETURNS SETOF leaks_item LANGUAGE sql SECURITY DEFINER \
                SET search_path = wheelhouse AS 'SELECT * FROM leaks_item'";
    leaks_and_is_refused(&t, make, "theirs()", "SECURITY DEFINER").await;
});

one_engine!(postgres, a_superusers_materialized_view_leaks_and_is_refused_at_start, LEAKS, async |t| {
    // Stored while it still saw everything: such views carry no row security at all.
    two(&t).await;
    let make = "CREATE MATERIALIZED VIEW theirs AS SELECT DISTINCT tenant_id FROM leaks_item LIMIT 2";
    leaks_and_is_refused(&t, make, "theirs", "materialized view").await;
});

one_engine!(postgres, the_setting_after_a_commit_is_empty_and_fails_closed, LEAKS, async |t| {
    let (_, b) = two(&t).await;
    let app = app(&t).await;
    begin(&app, b.tenant).await;
    assert_eq!(count(&app, "SELECT count(*) FROM leaks_item").await, 1);
    app.batch_execute("COMMIT").await.unwrap();
    let left: Option<String> =
        app.query_one("SELECT current_setting('app.tenant_id', true)", &[]).await.unwrap().get(0);
    assert_eq!(left.as_deref(), Some(""), "empty, not null: why the policy says nullif");
    assert_eq!(refusal(&app, "SELECT current_setting('app.tenant_id', true)::uuid").await, "22P02");
    assert_eq!(count(&app, "SELECT count(*) FROM leaks_item").await, 0);
});

one_engine!(postgres, a_bare_foreign_key_would_reach_across_and_is_refused_at_start, LEAKS, async |t| {
    let (a, b) = two(&t).await;
    let (owner, app) = (owner(&t).await, app(&t).await);
    owner
        .batch_execute(&format!(
            "ALTER TABLE leaks_item ADD CONSTRAINT bare_key UNIQUE (id);
             CREATE TABLE leaks_bare (tenant_id uuid NOT NULL, item_id uuid REFERENCES leaks_item (id));
             ALTER TABLE leaks_bare ENABLE ROW LEVEL SECURITY; ALTER TABLE leaks_bare FORCE ROW LEVEL SECURITY;
             CREATE POLICY tenant ON leaks_bare
               USING (tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid))
               WITH CHECK (tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid));
             GRANT INSERT ON leaks_bare TO {};",
            role(&t, "app")
        ))
        .await
        .unwrap();
    begin(&app, b.tenant).await;
    let sql = "INSERT INTO leaks_bare (tenant_id, item_id) VALUES ($1, $2)";
    assert_eq!(app.execute(sql, &[&b.tenant.uuid(), &a.item]).await.unwrap(), 1, "the known leak");
    app.batch_execute("COMMIT").await.unwrap();
    refused_at_start(&t, "foreign key").await;
});

one_engine!(postgres, a_unique_key_across_tenants_is_an_oracle_and_is_refused_at_start, LEAKS, async |t| {
    let (a, b) = two(&t).await;
    let (owner, app) = (owner(&t).await, app(&t).await);
    owner.batch_execute("CREATE UNIQUE INDEX leaks_item_id ON leaks_item (id)").await.unwrap();
    begin(&app, b.tenant).await;
    let sql = "INSERT INTO leaks_item (tenant_id, id, slug, n) VALUES ($1, $2, 'x', 1) ON CONFLICT (id) DO UPDATE SET n = 2";
    let error = app.execute(sql, &[&b.tenant.uuid(), &a.item]).await.unwrap_err();
    assert_eq!(
        error.code().unwrap().code(),
        "42501",
        "the known oracle: a hidden row answers otherwise than a missing one"
    );
    app.batch_execute("ROLLBACK").await.unwrap();
    refused_at_start(&t, "unique index").await;
});

one_engine!(postgres, a_statement_prepared_under_one_tenant_serves_the_other, LEAKS, async |t| {
    let (a, b) = two(&t).await;
    let app = app(&t).await;
    let statement = app.prepare("SELECT id FROM leaks_item").await.unwrap();
    // Often enough that the server keeps a generic plan.
    for _ in 0..8 {
        for Owned { tenant, item } in [&a, &b] {
            begin(&app, *tenant).await;
            let rows = app.query(&statement, &[]).await.unwrap();
            assert_eq!((rows.len(), rows[0].get::<_, uuid::Uuid>(0)), (1, *item));
            app.batch_execute("COMMIT").await.unwrap();
        }
    }
});

// The setting is no credential: whoever can run any SQL in a tenant's transaction can become another tenant.
// Accepted, because three things stand before it: statements are constants of the program with bound values;
// the text check refuses `set_config`, SET and RESET in any spelling (`text::the_tenant_of_the_transaction`),
// before the database sees the text; and the transaction types hand out no way to the connection.
one_engine!(postgres, injected_sql_could_switch_the_tenant_which_is_the_accepted_risk, LEAKS, async |t| {
    let (a, b) = two(&t).await;
    let app = app(&t).await;
    begin(&app, b.tenant).await;
    app.execute("SELECT set_config('app.tenant_id', $1, true)", &[&a.tenant.to_string()]).await.unwrap();
    let id: uuid::Uuid = app.query_one("SELECT id FROM leaks_item", &[]).await.unwrap().get(0);
    assert_eq!(id, a.item, "the known leak, out of reach through our types");
    app.batch_execute("ROLLBACK").await.unwrap();
    let sql = format!("SELECT set_config('app.tenant_id', '{}', true) AS x", a.tenant);
    assert_eq!(code(ask(&t, b.tenant, &sql, &[]).await), "db.statement_refused");
});

one_engine!(postgres, row_security_cannot_be_switched_off, LEAKS, async |t| {
    let (_, b) = two(&t).await;
    let app = app(&t).await;
    begin(&app, b.tenant).await;
    app.batch_execute("SET LOCAL row_security = off").await.unwrap();
    assert_eq!(refusal(&app, "SELECT id FROM leaks_item").await, "42501", "an error, no bypass");
});

one_engine!(postgres, truncate_is_granted_to_nobody_who_serves, LEAKS, async |t| {
    let (a, b) = two(&t).await;
    for url in [&urls(&t).app_url, &urls(&t).id_url, &urls(&t).sys_url] {
        let client = connect(url.expose()).await;
        assert_eq!(refusal(&client, "TRUNCATE leaks_item CASCADE").await, "42501");
    }
    assert_eq!(sees(&t, a.tenant).await.len() + sees(&t, b.tenant).await.len(), 2);
    admin(&t)
        .await
        .batch_execute(&format!("GRANT TRUNCATE ON leaks_item TO {}", role(&t, "app")))
        .await
        .unwrap();
    refused_at_start(&t, "truncated").await;
});

one_engine!(postgres, statistics_of_the_values_are_hidden, LEAKS, async |t| {
    two(&t).await;
    let (admin, app) = (admin(&t).await, app(&t).await);
    admin.batch_execute("ANALYZE leaks_item").await.unwrap();
    let sql = "SELECT count(*) FROM pg_stats WHERE tablename = 'leaks_item'";
    assert!(count(&admin, sql).await > 0);
    assert_eq!(count(&app, sql).await, 0);
});

one_engine!(postgres, the_logins_own_nothing_and_become_nobody, LEAKS, async |t| {
    let sys = role(&t, "sys");
    for url in [&urls(&t).app_url, &urls(&t).id_url] {
        let client = connect(url.expose()).await;
        assert_eq!(refusal(&client, &format!("SET ROLE {sys}")).await, "42501");
        assert_eq!(refusal(&client, "CREATE TABLE wheelhouse.mine (x int)").await, "42501");
        assert_eq!(refusal(&client, "CREATE TEMP TABLE leaks_item (x int)").await, "42501");
        assert_eq!(refusal(&client, "CREATE TABLE public.mine (x int)").await, "42501");
        assert_eq!(refusal(&client, "ALTER TABLE leaks_item DISABLE ROW LEVEL SECURITY").await, "42501");
        assert_eq!(refusal(&client, "DROP POLICY tenant ON leaks_item").await, "42501");
        assert_eq!(refusal(&client, "CREATE POLICY mine ON leaks_item USING (true)").await, "42501");
    }
    let app = app(&t).await;
    assert_eq!(refusal(&app, "SELECT * FROM leaks_person").await, "42501");
    assert_eq!(refusal(&app, "SELECT * FROM kernel_migration").await, "42501");
    let id = connect(urls(&t).id_url.expose()).await;
    assert_eq!(refusal(&id, "SELECT * FROM leaks_item").await, "42501");
    assert_eq!(refusal(&id, "SELECT * FROM kernel_idempotency").await, "42501");
    // Where the processes are reached is for the operator alone.
    for client in [&app, &id] {
        for denied in ["SELECT * FROM kernel_node", "DELETE FROM kernel_node"] {
            assert_eq!(refusal(client, denied).await, "42501", "{denied}");
        }
    }
});

one_engine!(postgres, the_id_login_may_mark_a_key_of_its_tenant_and_no_more, LEAKS, async |t| {
    let (a, b) = two(&t).await;
    for tenant in [a.tenant, b.tenant] {
        t.cx.db.idempotency_begin(tenant, "k", b"one").await.unwrap();
    }
    let mark = "UPDATE kernel_idempotency SET status = 0 WHERE key = 'k'";
    let (id, sys) = (connect(urls(&t).id_url.expose()).await, connect(urls(&t).sys_url.expose()).await);
    assert_eq!(id.execute(mark, &[]).await.unwrap(), 0, "of no tenant");
    begin(&id, a.tenant).await;
    assert_eq!(id.execute(mark, &[]).await.unwrap(), 1, "of its own");
    id.batch_execute("ROLLBACK").await.unwrap();
    for denied in [
        "SELECT status FROM kernel_idempotency",
        "SELECT fingerprint FROM kernel_idempotency",
        "SELECT body FROM kernel_idempotency",
        "DELETE FROM kernel_idempotency WHERE key = 'k'",
        "INSERT INTO kernel_idempotency (tenant_id, key) VALUES (gen_random_uuid(), 'k')",
    ] {
        assert_eq!(refusal(&id, denied).await, "42501", "{denied}");
    }
    for column in ["body", "headers", "fingerprint", "run", "key", "tenant_id", "created_at"] {
        let denied = format!("UPDATE kernel_idempotency SET {column} = {column} WHERE key = 'k'");
        for client in [&id, &sys] {
            assert_eq!(refusal(client, &denied).await, "42501", "{denied}");
        }
    }
});

one_engine!(postgres, a_login_that_may_become_another_is_refused_at_start, LEAKS, async |t| {
    // On roles of its own: those of the other tests are shared by the whole server.
    let random = wh_base::OsRandom;
    let database = format!("{}_member", t.fresh.login_prefix.as_deref().unwrap());
    let (name, login_prefix) = (database.clone(), database.clone());
    let init = wh_db::PostgresInit { database: name, login_prefix, ..wh_db::PostgresInit::default() };
    let admin_url = Secret::new(t.fresh.admin_url.clone().unwrap());
    let urls = wh_db::init_postgres(&admin_url, &init, &random, |_| Ok(())).await.unwrap();
    let config = DbConfig { engine: EngineConfig::Postgres(urls), ..t.fresh.config.clone() };
    let open = async || {
        let random = std::sync::Arc::new(wh_base::OsRandom);
        wh_db::open(&config, LEAKS, t.clock.clone(), random).await.map(|_| ())
    };
    open().await.unwrap();
    let admin = admin(&t).await;
    for (break_it, mend_it, what) in [
        ("GRANT {p}_sys TO {p}_app", "REVOKE {p}_sys FROM {p}_app", "become another"),
        ("ALTER ROLE {p}_app BYPASSRLS", "ALTER ROLE {p}_app NOBYPASSRLS", "bypasses row security"),
        ("ALTER ROLE {p}_sys SUPERUSER", "ALTER ROLE {p}_sys NOSUPERUSER", "superuser"),
    ] {
        admin.batch_execute(&break_it.replace("{p}", &database)).await.unwrap();
        let error = open().await.unwrap_err();
        assert!(error.is(&wh_db::codes::SETUP) && error.message().contains(what), "{error:?}");
        admin.batch_execute(&mend_it.replace("{p}", &database)).await.unwrap();
    }
    open().await.unwrap();
    admin.batch_execute(&format!("DROP DATABASE {database} WITH (FORCE)")).await.unwrap();
});
