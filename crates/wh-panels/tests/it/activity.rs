//! What runs and what ended, over all panels: seen by whoever may see panels, stopped by whoever may fill them.
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use wh_testkit::{EDITOR, HOME, OWNER, STRANGER, VIEWER, both_engines};

use crate::house::{House, MIGRATIONS, each, newest, said, text, until, upload};

/// How often a test asks for what comes by itself before it fails.
const ASKED_MAX: usize = 20_000;

both_engines!(the_imports_of_all_panels_are_listed_together, MIGRATIONS, async |t| {
    let house = House::new(t);
    let (nuts, bolts) = (house.panel("nuts").await, house.panel("bolts").await);
    assert_eq!(house.get("/v1/panels/imports").await, json!({ "items": [] }));
    let first = house.import(&nuts, "mode=replace&file_name=n.csv", "a\n1\n").await;
    let second = house.import(&bolts, "mode=replace", "a\n1\n2\n").await;
    assert_eq!(house.send(EDITOR, &nuts, "mode=append", "other\n1\n").await.status, 409);
    let third = newest(&house, &nuts).await;

    let all = house.page.get(VIEWER, "/v1/panels/imports").await.json();
    assert_eq!(all["items"], json!([third, second, first]), "the newest first, each as its panel lists it");
    assert_eq!(each(&all, "panel_title"), ["nuts", "bolts", "nuts"]);
    assert_eq!(all["next_cursor"], Value::Null);

    let page = house.get("/v1/panels/imports?limit=2").await;
    assert_eq!(page["items"], json!([third, second]));
    let rest = format!("/v1/panels/imports?limit=2&cursor={}", text(&page["next_cursor"]));
    assert_eq!(house.get(&rest).await, json!({ "items": [first] }));

    assert_eq!(house.get("/v1/panels/imports?state=failed").await["items"], json!([third]));
    assert_eq!(house.get("/v1/panels/imports?state=running").await["items"], json!([]));
    let done = house.get("/v1/panels/imports?state=done&limit=1").await;
    assert_eq!(done["items"], json!([second]));
    let rest = format!("/v1/panels/imports?state=done&limit=1&cursor={}", text(&done["next_cursor"]));
    assert_eq!(house.get(&rest).await["items"], json!([first]));

    // A new title is the one that is told, a deleted panel takes its imports with it.
    house.page.patch(EDITOR, &format!("/v1/panels/{bolts}"), r#"{"title":"screws"}"#).await;
    assert_eq!(each(&house.get("/v1/panels/imports").await, "panel_title"), ["nuts", "screws", "nuts"]);
    assert_eq!(house.page.delete(EDITOR, &format!("/v1/panels/{nuts}")).await.status, 204);
    assert_eq!(each(&house.get("/v1/panels/imports").await, "panel_title"), ["screws"]);

    let theirs = house.page.get(STRANGER, "/v1/panels/imports").await;
    assert_eq!((theirs.status, &theirs.json()["items"]), (200, &json!([])));
    for query in ["state=lost", "limit=0", "panel=x", "cursor=x"] {
        let refused = house.page.get(EDITOR, &format!("/v1/panels/imports?{query}")).await;
        assert_eq!(refused.status, 400, "{query}: {}", refused.text());
    }
});

both_engines!(what_runs_is_seen_with_how_far_it_is_and_stopped, MIGRATIONS, async |t| {
    let house = House::new(t);
    let panel = house.panel("stock").await;
    house.import(&panel, "mode=replace", "n\n1\n").await;
    let objects = house.objects().await;
    let mut stream = upload(&house, &panel, 1_000).await;
    stream.write_all(b"n\n2\n3\n").await.expect("written");
    let mut run = until(&house, &panel, "running").await;
    for _ in 0..ASKED_MAX {
        if run["bytes"] != json!(0) {
            break;
        }
        run = house.get("/v1/panels/imports?state=running").await["items"][0].clone();
    }
    let (bytes, expected) = (&run["bytes"], &run["bytes_expected"]);
    assert_eq!((bytes, expected, &run["panel_title"]), (&json!(6), &json!(1_000), &json!("stock")));
    let path = format!("/v1/panels/{panel}/imports/{}", text(&run["id"]));
    assert_eq!(house.get(&path).await["bytes_expected"], 1_000);

    assert_eq!(said(&house.page.post(VIEWER, &format!("{path}/stop"), "").await), (403, "server.forbidden"));
    let stranger = house.page.post(STRANGER, &format!("{path}/stop"), "").await;
    assert_eq!(said(&stranger), (404, "panels.import_not_found"));
    let stopped = house.page.call(OWNER, "POST", &format!("{path}/stop")).send().await;
    assert_eq!(stopped.status, 200, "{}", stopped.text());
    let stopped = stopped.json();
    assert_eq!(
        (&stopped["state"], &stopped["problem"]["code"]),
        (&json!("failed"), &json!("panels.import_stopped"))
    );
    assert!(stopped["ended_at"].is_string());
    assert_eq!(house.get(&path).await, stopped);

    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 409") && answer.contains("panels.import_stopped"), "{answer}");
    assert_eq!(house.get(&path).await, stopped, "it ends once");
    assert_eq!(house.cells(&panel).await, json!([[1]]));
    assert_eq!(house.objects().await, objects);
    let again = house.page.call(OWNER, "POST", &format!("{path}/stop")).send().await;
    assert_eq!(said(&again), (409, "panels.import_ended"));
    assert_eq!(house.get("/v1/panels/imports?state=running").await["items"], json!([]));

    let events = house.server.delivered(HOME).await;
    let last = events.last().expect("events");
    assert_eq!((last.kind.as_str(), &last.subject), ("panels.import_failed", &panel));
    assert_eq!((&last.data["import"], &last.data["code"]), (&run["id"], &json!("panels.import_stopped")));
    let trail = house.server.cx.db.audit_before(HOME, i64::MAX, 10).await.expect("the trail");
    let line = trail.iter().find(|line| line.action == "import_stop").expect("who stopped it");
    assert_eq!((line.user, &line.after), (Some(OWNER.user()), &Some(json!({ "import": run["id"] }))));
    assert_eq!(line.subject, format!("panels.panel/{panel}"));
    // The place is free again.
    house.import(&panel, "mode=append", "n\n4\n").await;
    assert_eq!(house.cells(&panel).await, json!([[1], [4]]));
});
