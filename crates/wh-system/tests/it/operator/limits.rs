//! Limits that the operator gives a company: how they are set, what they refuse, and who is never locked out by them.
use serde_json::{Value, json};
use wh_base::CompanyLimits;
use wh_contract::TenantId;
use wh_testkit::{AWAY, Browser, EDITOR, HOME, OWNER, STRANGER, TestServer, VIEWER, both_servers};

use super::{MIGRATIONS, limits_of, parts, parts_with_defaults};

/// The limit of panels that the operator sees of the second company, and that it sees of itself.
async fn panels_seen(page: &Browser) -> (Value, Value) {
    let limit = |used: &Value| {
        let all = used.as_array().expect("a list");
        all.iter().find(|one| one["what"] == "panels").expect("it is there")["limit"].clone()
    };
    let companies = page.get(OWNER, "/v1/system/companies").await.json();
    let own = page.get(STRANGER, "/v1/system/usage").await.json();
    assert_eq!((&own["name"], &companies["items"][1]["limits"]), (&"Away".into(), &own["limits"]));
    (limit(&companies["items"][1]["used"]), limit(&own["used"]))
}

both_servers!(limits_are_set_seen_and_removed, MIGRATIONS, parts, async |server: TestServer| {
    let page = Browser::new(&server);
    let limits = limits_of(AWAY);
    assert_eq!(page.get(OWNER, &limits).await.json(), json!({}));
    assert_eq!(panels_seen(&page).await, (100.into(), 100.into()), "the limit of the house");

    let set = page.put(OWNER, &limits, json!({ "panels": 3, "storage_bytes": 5_000_000_000_i64 })).await;
    assert_eq!((set.status, set.json()), (200, json!({ "panels": 3, "storage_bytes": 5_000_000_000_i64 })));
    assert_eq!(page.get(OWNER, &limits).await.json(), set.json());
    assert_eq!(panels_seen(&page).await, (3.into(), 3.into()));
    let known = server.cx.limits.of(AWAY).await.expect("the limits");
    assert_eq!((known.panels, known.storage_bytes, known.members), (Some(3), Some(5_000_000_000), None));
    assert_eq!(server.cx.limits.of(HOME).await.expect("the limits"), CompanyLimits::default());

    // What is not named is not set any more, and it counts at once.
    let set = page.put(OWNER, &limits, json!({ "requests_per_min": 60, "panels": null })).await;
    assert_eq!((set.status, set.json()), (200, json!({ "requests_per_min": 60 })));
    let known = server.cx.limits.of(AWAY).await.expect("the limits");
    assert_eq!((known.requests_per_min, known.panels), (Some(60), None));

    assert_eq!(page.delete(OWNER, &limits).await.status, 204);
    assert_eq!(page.delete(OWNER, &limits).await.status, 204, "nothing is left to be removed");
    assert_eq!(server.cx.limits.of(AWAY).await.expect("the limits"), CompanyLimits::default());
    assert_eq!(panels_seen(&page).await, (100.into(), 100.into()));

    let trail = server.cx.db.audit_before(HOME, i64::MAX, 10).await.expect("the trail");
    let actions: Vec<&str> = trail.iter().map(|line| line.action.as_str()).collect();
    assert_eq!(actions, ["company_limits_delete", "company_limits_set", "company_limits_set"]);
    let (first, last) = (&trail[2], &trail[0]);
    assert_eq!((first.subject.clone(), first.user), (format!("system.company/{AWAY}"), Some(OWNER.user())));
    assert_eq!((&first.before, &first.after.as_ref().expect("it was set")["panels"]), (&None, &3.into()));
    assert_eq!(
        (&last.before.as_ref().expect("it was set")["requests_per_min"], &last.after),
        (&60.into(), &None)
    );
    assert!(server.cx.db.audit_before(AWAY, i64::MAX, 10).await.expect("the trail").is_empty());
});

both_servers!(
    a_company_without_limits_has_those_of_every_company,
    MIGRATIONS,
    parts_with_defaults,
    async |server: TestServer| {
        let page = Browser::new(&server);
        let of_panels = async || {
            let own = page.get(STRANGER, "/v1/system/usage").await.json();
            let panels = own["used"].as_array().expect("a list").iter().find(|one| one["what"] == "panels");
            let panels = panels.expect("it is there");
            (panels["limit"].clone(), panels["limit_from"].clone(), own["limits"].clone())
        };
        let everybodys = json!({ "storage_bytes": 1_000, "panels": 5 });
        let companies = page.get(OWNER, "/v1/system/companies").await.json();
        for company in companies["items"].as_array().expect("a list") {
            assert_eq!((&company["limits"], &company["default_limits"]), (&json!({}), &everybodys));
        }
        let chairs = &companies["items"][0]["used"][0];
        assert_eq!((&chairs["limit"], &chairs["limit_from"]), (&7.into(), &"house".into()));
        assert_eq!(of_panels().await, (5.into(), "default".into(), json!({})));
        let known = server.cx.limits.of(AWAY).await.expect("the limits");
        assert_eq!((known.panels, known.storage_bytes, known.members), (Some(5), Some(1_000), None));

        // What is set for a company counts in its place, also where it is more; of what is not named the default stays.
        let limits = limits_of(AWAY);
        assert_eq!(page.put(OWNER, &limits, r#"{"panels":50}"#).await.json(), json!({ "panels": 50 }));
        assert_eq!(of_panels().await, (50.into(), "company".into(), json!({ "panels": 50 })));
        let known = server.cx.limits.of(AWAY).await.expect("the limits");
        assert_eq!((known.panels, known.storage_bytes), (Some(50), Some(1_000)));
        assert_eq!(page.delete(OWNER, &limits).await.status, 204);
        assert_eq!(of_panels().await, (5.into(), "default".into(), json!({})));
    }
);

both_servers!(limits_that_cannot_be_are_refused, MIGRATIONS, parts, async |server: TestServer| {
    let page = Browser::new(&server);
    for (wrong, field) in [
        (json!({}), None),
        (json!({ "panels": null }), None),
        (json!({ "requests_per_min": 59 }), Some("/requests_per_min")),
        (json!({ "requests_per_min": 500_000_001 }), Some("/requests_per_min")),
        (json!({ "storage_bytes": 0 }), Some("/storage_bytes")),
        (json!({ "storage_bytes": 1_i64 << 53 }), Some("/storage_bytes")),
        (json!({ "panels": 101 }), Some("/panels")),
        (json!({ "panels": 1, "members": 0 }), Some("/members")),
    ] {
        let refused = page.put(OWNER, &limits_of(AWAY), &wrong).await;
        assert_eq!((refused.status, refused.code.as_str()), (422, "system.limits"), "{wrong}");
        assert_eq!(refused.json()["errors"][0]["pointer"].as_str(), field, "{wrong}");
    }
    let nobody = TenantId(uuid::Uuid::from_u128(7));
    for (method, body) in [("GET", None), ("PUT", Some(json!({ "panels": 1 }))), ("DELETE", None)] {
        let call = page.call(OWNER, method, &limits_of(nobody));
        let refused = match body {
            Some(body) => call.json(body).send().await,
            None => call.send().await,
        };
        assert_eq!((refused.status, refused.code.as_str()), (404, "system.company_not_found"), "{method}");
    }
});

both_servers!(
    a_company_may_ask_as_often_as_the_operator_says,
    MIGRATIONS,
    parts,
    async |server: TestServer| {
        let page = Browser::new(&server);
        assert_eq!(page.put(OWNER, &limits_of(AWAY), r#"{"requests_per_min":60}"#).await.status, 200);
        let mut answers = 0;
        let refused = loop {
            let answer = page.get(STRANGER, "/v1/system/usage").await;
            if answer.status != 200 {
                break answer;
            }
            let policy = answer.header("ratelimit-policy").expect("it is told").to_owned();
            assert!(policy.ends_with("\"sender\";q=30;w=60, \"tenant\";q=60;w=60"), "{policy}");
            answers += 1;
            assert!(answers < 10_000, "the limit is never reached");
        };
        assert_eq!(
            (refused.status, refused.code.as_str()),
            (429, "server.rate_limited"),
            "{}",
            refused.text()
        );
        assert!(answers >= 30, "one sender has half of it: {answers}");
        // Others have what the house gives, and the operator lifts it.
        let other = page.get(OWNER, "/v1/system/usage").await;
        assert_eq!(other.status, 200);
        assert!(!other.header("ratelimit-policy").expect("it is told").contains("q=60;"));
        assert_eq!(page.delete(OWNER, &limits_of(AWAY)).await.status, 204);
        assert_eq!(page.get(STRANGER, "/v1/system/usage").await.status, 200);
    }
);

both_servers!(the_operator_gets_out_of_its_own_limit, MIGRATIONS, parts, async |server: TestServer| {
    let page = Browser::new(&server);
    let limits = limits_of(HOME);
    assert_eq!(page.put(OWNER, &limits, r#"{"requests_per_min":60}"#).await.status, 200);
    // Everybody of the company asks until there is nothing left, its owner last.
    for who in [VIEWER, EDITOR, OWNER] {
        let mut asked = 0;
        while page.get(who, "/v1/system/usage").await.status != 429 {
            asked += 1;
            assert!(asked < 10_000, "the limit is never reached");
        }
    }
    // None of this is counted for the company: it would be refused before long.
    for _ in 0..70 {
        let seen = page.get(OWNER, &limits).await;
        assert_eq!(seen.status, 200, "{}", seen.text());
        assert!(!seen.header("ratelimit-policy").expect("it is told").contains("\"tenant\""));
    }
    assert_eq!(page.get(OWNER, "/v1/system/companies").await.status, 200);
    assert_eq!(page.put(OWNER, &limits, r#"{"requests_per_min":61}"#).await.status, 200);
    assert_eq!(page.delete(OWNER, &limits).await.status, 204);
    assert_eq!(page.get(OWNER, "/v1/system/usage").await.status, 200);
});
