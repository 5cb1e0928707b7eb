//! A company has so many panels and no more, also when two are made at once; who can change that is said.
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use async_trait::async_trait;
use serde_json::json;
use wh_base::{CompanyLimits, LimitSource, Result};
use wh_contract::{DatasetId, PanelId, TenantId};
use wh_db::args;
use wh_panels::model::PANELS_PER_TENANT_MAX;
use wh_testkit::{EDITOR, HOME, STRANGER, both_engines};

use crate::house::{House, MIGRATIONS, said, text};

/// As many panels as wanted, without rows, at once.
async fn fill(house: &House, count: i64) {
    let sql = "INSERT INTO panels_panel (tenant_id, id, title, title_key, dataset_id, version, row_count, columns, \
               created_at, updated_at) VALUES ($1, $2, $3, $3, $4, 0, 0, $5, $6, $6)";
    let (cx, now) = (&house.server.cx, house.server.cx.clock.now());
    let rows: Vec<_> = (0..count)
        .map(|number| {
            let (id, dataset): (PanelId, DatasetId) = (cx.next_id(), cx.next_id());
            args![HOME, id, format!("panel {number}"), dataset, json!([]), now].to_vec()
        })
        .collect();
    for rows in rows.chunks(1_000) {
        let mut tx = cx.db.begin(HOME).await.expect("a transaction");
        tx.run_many(sql, rows).await.expect("written");
        tx.commit().await.expect("committed");
    }
}

both_engines!(of_two_panels_for_one_place_one_is_made, MIGRATIONS, async |t| {
    let house = House::new(t);
    fill(&house, PANELS_PER_TENANT_MAX - 1).await;
    let make = || house.page.post(EDITOR, "/v1/panels", r#"{"title":"the last"}"#);
    let both = tokio::join!(make(), make());
    let (made, refused) = if both.0.status == 201 { both } else { (both.1, both.0) };
    assert_eq!((made.status, said(&refused)), (201, (409, "panels.limit")));

    let elsewhere = house.page.post(STRANGER, "/v1/panels", r#"{"title":"theirs"}"#).await;
    assert_eq!(elsewhere.status, 201, "the limit is each company's own");
    let path = format!("/v1/panels/{}", text(&made.json()["id"]));
    assert_eq!(house.page.delete(EDITOR, &path).await.status, 204);
    assert_eq!(make().await.status, 201);
    assert_eq!(said(&make().await), (409, "panels.limit"));
});

/// What the operator set for every company.
struct Panels(AtomicI64);

#[async_trait]
impl LimitSource for Panels {
    async fn limits(&self, _: TenantId) -> Result<CompanyLimits> {
        Ok(CompanyLimits { panels: Some(self.0.load(Ordering::SeqCst)), ..CompanyLimits::default() })
    }
}

both_engines!(whose_limit_is_reached_is_said, MIGRATIONS, async |t| {
    let set = Arc::new(Panels(AtomicI64::new(1)));
    t.cx.limits.ask(Arc::clone(&set) as Arc<dyn LimitSource>);
    let house = House::new(t);
    let refused = async || {
        let refused = house.page.post(EDITOR, "/v1/panels", r#"{"title":"one more"}"#).await;
        assert_eq!(said(&refused), (409, "panels.limit"), "{}", refused.text());
        text(&refused.json()["detail"])
    };
    fill(&house, 1).await;
    let own = "1 of at most 1 panels; the operator of the installation can raise the limit";
    assert_eq!(refused().await, own);
    fill(&house, PANELS_PER_TENANT_MAX - 1).await;
    // Where the operator has set as much as there can be, nobody can raise it.
    for most in [PANELS_PER_TENANT_MAX, PANELS_PER_TENANT_MAX + 1] {
        set.0.store(most, Ordering::SeqCst);
        house.server.cx.limits.changed(HOME);
        assert_eq!(refused().await, "10000 of at most 10000 panels; no company can have more");
    }
});
