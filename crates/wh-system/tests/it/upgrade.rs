//! A database of a build without this context gets its table, and limits that an earlier start wrote count after the next one.
use std::sync::Arc;

use uuid::Uuid;
use wh_base::{CompanyLimits, OsRandom};
use wh_db::{Context, Migrations, args};
use wh_system::LimitTable;
use wh_testkit::engines::TestDb;
use wh_testkit::{AWAY, HOME, both_engines};

/// Before there was anything of the operator's.
const BEFORE: &[Migrations] = &[Migrations { context: "system", files: &[] }];
const SINCE: &[Migrations] = &[wh_system::MIGRATIONS];

both_engines!(limits_of_an_older_build_count, BEFORE, async |t| {
    let TestDb { fresh, clock, cx, identity, system, outbox, .. } = t;
    drop((cx, identity, system, outbox));
    for start in 0..2 {
        let random = Arc::new(OsRandom);
        let opened = wh_db::open(&fresh.config, SINCE, clock.clone(), random.clone()).await.expect("opened");
        let cx = Context::new(opened.db, clock.clone(), random);
        cx.limits.ask(Arc::new(LimitTable::new(cx.db.clone(), CompanyLimits::default())));
        let known = cx.limits.of(HOME).await.expect("the limits");
        let expected = CompanyLimits { panels: Some(3), members: Some(7), ..CompanyLimits::default() };
        assert_eq!(known, if start == 0 { CompanyLimits::default() } else { expected });
        assert_eq!(cx.limits.of(AWAY).await.expect("the limits"), CompanyLimits::default());
        if start == 0 {
            let mut tx = cx.db.begin(HOME).await.expect("the database answers");
            let sql = "INSERT INTO system_limit (tenant_id, panels, members, set_by, set_at) VALUES ($1, 3, 7, $2, $3)";
            tx.run(sql, args![HOME, Uuid::from_u128(1), cx.clock.now()]).await.expect("a row");
            tx.commit().await.expect("the database answers");
        }
    }
});
