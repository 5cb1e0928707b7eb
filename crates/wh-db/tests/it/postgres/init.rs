//! `wheelhouse db init`: from an administrator's URL to four logins; a second run changes nothing that works;
//! migrations with rows.
use std::sync::Arc;

use wh_base::{OsRandom, Secret};
use wh_db::{
    DbConfig, DbLimits, Elsewhere, EngineConfig, LoginsThere, MigrationFile, MigrationText, Migrations,
    PostgresInit, PostgresUrls, Reads, args, codes, init_postgres,
};
use wh_testkit::engines::TestDb;
use wh_testkit::one_engine;

use super::admin;
use crate::leaks::{ALL, LEAKS, two};

fn names(t: &TestDb, what: &str) -> PostgresInit {
    let name = format!("{}_{what}", t.fresh.login_prefix.as_deref().unwrap());
    PostgresInit { database: name.clone(), login_prefix: name, ..PostgresInit::default() }
}

fn exposed(urls: &PostgresUrls) -> [String; 4] {
    [&urls.owner_url, &urls.app_url, &urls.id_url, &urls.sys_url].map(|url| url.expose().clone())
}

async fn open(t: &TestDb, urls: &PostgresUrls, migrations: &[Migrations]) -> wh_base::Result<wh_db::Opened> {
    let config = DbConfig { engine: EngineConfig::Postgres(urls.clone()), limits: DbLimits::default() };
    wh_db::open(&config, migrations, t.clock.clone(), Arc::new(OsRandom)).await
}

one_engine!(postgres, a_second_init_keeps_what_works_and_mends_what_does_not, LEAKS, async |t| {
    let admin_url = Secret::new(t.fresh.admin_url.clone().unwrap());
    let init = names(&t, "twice");
    let first = init_postgres(&admin_url, &init, &OsRandom, |_| Ok(())).await.unwrap();
    let opened = open(&t, &first, LEAKS).await.unwrap();
    let again = PostgresInit { existing: Some(first.clone()), ..init.clone() };
    let second = init_postgres(&admin_url, &again, &OsRandom, |_| Ok(())).await.unwrap();
    assert_eq!(exposed(&first), exposed(&second));
    // Lost URLs: another installation may use these logins, so they keep their passwords.
    let refused = init_postgres(&admin_url, &init, &OsRandom, |_| Ok(())).await.unwrap_err();
    assert!(refused.is(&codes::LOGINS_TAKEN), "{refused:?}");
    assert!(refused.message().contains(&format!("{}_owner", init.login_prefix)), "{refused:?}");
    let mut stale = again.clone();
    let nobodys = first.sys_url.expose().replace(&format!("{}_sys:", init.login_prefix), "nobody:");
    stale.existing = Some(PostgresUrls { sys_url: Secret::new(nobodys), ..first.clone() });
    let refused = init_postgres(&admin_url, &stale, &OsRandom, |_| Ok(())).await.unwrap_err();
    assert!(refused.is(&codes::LOGINS_TAKEN), "{refused:?}");
    assert!(refused.message().contains(&format!("the logins {}_sys,", init.login_prefix)), "{refused:?}");
    open(&t, &first, LEAKS).await.unwrap();
    // Where it is wanted: new passwords, the same database.
    let rotate = PostgresInit { logins_there: LoginsThere::NewPasswords, ..again };
    let third = init_postgres(&admin_url, &rotate, &OsRandom, |_| Ok(())).await.unwrap();
    assert_ne!(exposed(&first), exposed(&third));
    assert!(open(&t, &first, LEAKS).await.is_err_and(|error| error.is(&codes::AWAY)));
    drop(opened);
    open(&t, &third, LEAKS).await.unwrap();
    admin(&t).await.batch_execute(&format!("DROP DATABASE {} WITH (FORCE)", init.database)).await.unwrap();
});

one_engine!(postgres, a_run_that_could_not_keep_the_passwords_makes_no_logins, LEAKS, async |t| {
    let admin_url = Secret::new(t.fresh.admin_url.clone().unwrap());
    let init = names(&t, "unkept");
    let full = |_: &PostgresUrls| Err(codes::SETUP.error("the disk is full"));
    let failed = init_postgres(&admin_url, &init, &OsRandom, full).await.unwrap_err();
    assert_eq!(failed.message(), "the disk is full");
    let urls = init_postgres(&admin_url, &init, &OsRandom, |_| Ok(())).await.unwrap();
    open(&t, &urls, LEAKS).await.unwrap();
    admin(&t).await.batch_execute(&format!("DROP DATABASE {} WITH (FORCE)", init.database)).await.unwrap();
});

one_engine!(postgres, the_logins_of_one_database_go_to_another_with_their_passwords, LEAKS, async |t| {
    let admin_url = Secret::new(t.fresh.admin_url.clone().unwrap());
    let init = names(&t, "moves");
    let first = init_postgres(&admin_url, &init, &OsRandom, |_| Ok(())).await.unwrap();
    let other = format!("{}_on", init.database);
    let drop_it = |name: &str| format!("DROP DATABASE {name} WITH (FORCE)");
    // The old one is there; then it is gone, as after a disaster.
    for gone in [false, true] {
        if gone {
            admin(&t).await.batch_execute(&drop_it(&init.database)).await.unwrap();
        }
        let existing = Some(first.clone());
        let mut again = PostgresInit { database: other.clone(), existing, ..init.clone() };
        let refused = init_postgres(&admin_url, &again, &OsRandom, |_| Ok(())).await.unwrap_err();
        assert!(refused.is(&codes::ELSEWHERE), "{refused:?}");
        let there = "SELECT 1 FROM pg_database WHERE datname = $1";
        assert!(admin(&t).await.query_opt(there, &[&other]).await.unwrap().is_none(), "nothing was made");
        again.elsewhere = Elsewhere::Replace;
        let second = init_postgres(&admin_url, &again, &OsRandom, |_| Ok(())).await.unwrap();
        let moved = exposed(&first).map(|url| format!("{}/{other}", url.rsplit_once('/').unwrap().0));
        assert_eq!(exposed(&second), moved);
        open(&t, &second, LEAKS).await.unwrap();
        admin(&t).await.batch_execute(&drop_it(&other)).await.unwrap();
    }
});

one_engine!(postgres, a_server_is_the_same_by_each_of_its_names_and_no_other_one, LEAKS, async |t| {
    let admin_url = Secret::new(t.fresh.admin_url.clone().unwrap());
    let init = names(&t, "named");
    let first = init_postgres(&admin_url, &init, &OsRandom, |_| Ok(())).await.unwrap();
    let (_, host) = admin_url.expose().split_once('@').unwrap();
    let (host, _) = host.split_once('/').unwrap();
    let led = |to: &str| {
        let led = |url: &Secret<String>| Secret::new(url.expose().replace(host, to));
        let PostgresUrls { owner_url, app_url, id_url, sys_url } = &first;
        PostgresUrls {
            owner_url: led(owner_url),
            app_url: led(app_url),
            id_url: led(id_url),
            sys_url: led(sys_url),
        }
    };
    let named = led(&host.replace("127.0.0.1", "localhost"));
    let again = PostgresInit { existing: Some(named.clone()), ..init.clone() };
    let second = init_postgres(&admin_url, &again, &OsRandom, |_| Ok(())).await.unwrap();
    assert_eq!(exposed(&second), exposed(&named));

    // Nobody listens there: what was, has ended or is not to be reached from here.
    let gone = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().to_string();
    let mut other = PostgresInit { existing: Some(led(&gone)), ..init.clone() };
    let refused = init_postgres(&admin_url, &other, &OsRandom, |_| Ok(())).await.unwrap_err();
    assert!(refused.is(&codes::ELSEWHERE) && refused.message().contains(&gone), "{refused:?}");
    let (_, password) = first.owner_url.expose().split_once(':').unwrap();
    let (password, _) = password.rsplit_once('@').unwrap();
    assert!(!refused.message().contains(password.rsplit(':').next().unwrap()), "{refused:?}");
    // Its URLs say nothing of the logins of this one.
    other.elsewhere = Elsewhere::Replace;
    let refused = init_postgres(&admin_url, &other, &OsRandom, |_| Ok(())).await.unwrap_err();
    assert!(refused.is(&codes::LOGINS_TAKEN), "{refused:?}");
    admin(&t).await.batch_execute(&format!("DROP DATABASE {} WITH (FORCE)", init.database)).await.unwrap();
});

one_engine!(postgres, an_administrator_without_superuser_is_enough, LEAKS, async |t| {
    let init = names(&t, "managed");
    let (admin, name) = (admin(&t).await, format!("{}_admin", init.database));
    let sql = format!("CREATE ROLE {name} LOGIN PASSWORD 'known' CREATEDB CREATEROLE");
    admin.batch_execute(&sql).await.unwrap();
    let url = t.fresh.admin_url.as_deref().unwrap();
    let (_, host) = url.split_once('@').unwrap();
    let (host, _) = host.split_once('/').unwrap();
    let url = Secret::new(format!("postgres://{name}:known@{host}/postgres"));
    let urls = init_postgres(&url, &init, &OsRandom, |_| Ok(())).await.unwrap();
    open(&t, &urls, LEAKS).await.unwrap();
    admin.batch_execute(&format!("DROP DATABASE {} WITH (FORCE)", init.database)).await.unwrap();
});

one_engine!(postgres, names_that_could_be_sql_are_refused, LEAKS, async |t| {
    let admin_url = Secret::new(t.fresh.admin_url.clone().unwrap());
    for name in ["", "a b", "a;drop", "A", "1a", "a\"b", "a-b"] {
        let init = PostgresInit { database: name.to_owned(), ..PostgresInit::default() };
        assert!(
            init_postgres(&admin_url, &init, &OsRandom, |_| Ok(()))
                .await
                .is_err_and(|error| error.is(&codes::SETUP)),
            "{name}"
        );
    }
});

const MORE: &[Migrations] = &[Migrations {
    context: "leaks",
    files: &[
        LEAKS[0].files[0],
        MigrationFile {
            name: "0002_more",
            text: MigrationText::Portable(
                "ALTER TABLE leaks_item ADD COLUMN note text;
                 UPDATE leaks_item SET note = 'kept', n = n + 1;
                 CREATE TABLE leaks_note (tenant_id uuid NOT NULL, id uuid NOT NULL, text text NOT NULL, PRIMARY KEY (tenant_id, id));
                 INSERT INTO leaks_note (tenant_id, id, text) SELECT tenant_id, id, slug FROM leaks_item;",
            ),
        },
    ],
}];

wh_testkit::both_engines!(
    a_migration_changes_the_rows_of_every_tenant_and_the_walls_stand_again,
    LEAKS,
    async |t| {
        let (a, b) = two(&t).await;
        // The first program ends, the next version starts on the same database.
        let TestDb { fresh, clock, cx, identity, system, outbox, .. } = t;
        drop((cx, identity, system, outbox));
        let opened = wh_db::open(&fresh.config, MORE, clock, Arc::new(OsRandom)).await.unwrap();
        for (tenant, item) in [(a.tenant, a.item), (b.tenant, b.item)] {
            let mut read = opened.db.read(tenant).await.unwrap();
            let rows = read.rows("SELECT id, n, note FROM leaks_item", args![]).await.unwrap();
            assert_eq!(
                (rows.len(), rows[0].uuid::<uuid::Uuid>("id").unwrap(), rows[0].int("n").unwrap()),
                (1, item, 2)
            );
            assert_eq!(rows[0].text("note").unwrap(), "kept");
            assert_eq!(read.rows("SELECT id FROM leaks_note", args![]).await.unwrap().len(), 1);
            assert_eq!(read.rows(ALL, args![]).await.unwrap().len(), 1);
        }
    }
);

one_engine!(postgres, a_prepared_statement_survives_a_change_of_its_table, LEAKS, async |t| {
    let (a, _) = two(&t).await;
    let star = "SELECT i.* FROM leaks_item i";
    assert_eq!(crate::leaks::ask(&t, a.tenant, star, args![]).await.unwrap()[0].columns().len(), 4);
    wh_db::open(&t.fresh.config, MORE, t.clock.clone(), Arc::new(OsRandom)).await.unwrap();
    // Each connection that had it prepared is told once to try again.
    let mut answers = 0;
    for _ in 0..16 {
        match crate::leaks::ask(&t, a.tenant, star, args![]).await {
            Ok(rows) => answers += usize::from(rows[0].columns().len() == 5),
            Err(error) => assert!(error.is(&codes::RETRY), "{error:?}"),
        }
    }
    assert!(answers > 0);
});
