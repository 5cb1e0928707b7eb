//! A panel from its making to its end, and the list of all of them.
use serde_json::{Value, json};
use wh_testkit::{EDITOR, HOME, VIEWER, both_engines};

use crate::house::{House, MIGRATIONS, each, said, text};

both_engines!(a_panel_is_made_renamed_and_deleted, MIGRATIONS, async |t| {
    let house = House::new(t);
    let made = house.page.post(EDITOR, "/v1/panels", r#"{"title":"  Checkout \t"}"#).await;
    let panel = made.json();
    assert_eq!((made.status, &panel["title"]), (201, &json!("Checkout")));
    let (version, rows, columns) = (&panel["version"], &panel["rows"], &panel["columns"]);
    assert_eq!((version, rows, columns), (&json!(0), &json!(0), &json!([])));
    let path = format!("/v1/panels/{}", text(&panel["id"]));
    assert_eq!(house.get(&path).await, panel);
    let empty = json!({ "version": 0, "count": 0, "total": 0, "offset": 0, "columns": [], "rows": [] });
    assert_eq!(house.get(&format!("{path}/rows")).await, empty);

    house.server.clock.advance_seconds(60);
    let renamed = house.page.patch(EDITOR, &path, r#"{"title":"Tills"}"#).await;
    assert_eq!(renamed.status, 200);
    assert_eq!(house.get(&path).await, renamed.json());
    let renamed = renamed.json();
    assert_eq!(renamed["title"], "Tills");
    assert_eq!(renamed["created_at"], panel["created_at"]);
    assert!(text(&renamed["updated_at"]) > text(&panel["updated_at"]));
    assert_eq!(each(&house.get("/v1/panels").await, "title"), ["Tills"]);

    house.import(path.trim_start_matches("/v1/panels/"), "mode=replace", "a\n1\n").await;
    assert_eq!(house.page.delete(EDITOR, &path).await.status, 204);
    for gone in [
        house.page.get(EDITOR, &path).await,
        house.page.get(EDITOR, &format!("{path}/rows")).await,
        house.page.get(EDITOR, &format!("{path}/imports")).await,
        house.page.patch(EDITOR, &path, r#"{"title":"again"}"#).await,
        house.page.delete(EDITOR, &path).await,
    ] {
        assert_eq!(said(&gone), (404, "panels.not_found"));
    }
    assert_eq!(each(&house.get("/v1/panels").await, "title"), [] as [Value; 0]);
    let told = ["created", "renamed", "import_started", "imported", "deleted"];
    assert_eq!(house.server.events(HOME).await, told.map(|what| format!("panels.{what}")));
});

both_engines!(a_title_can_be_read, MIGRATIONS, async |t| {
    let house = House::new(t);
    let path = format!("/v1/panels/{}", house.panel("ok").await);
    for title in [String::new(), "   ".to_owned(), "x".repeat(81), "ä".repeat(81)] {
        let body = json!({ "title": title });
        for refused in
            [house.page.post(EDITOR, "/v1/panels", &body).await, house.page.patch(EDITOR, &path, &body).await]
        {
            assert_eq!(said(&refused), (422, "panels.title_length"));
            assert_eq!(refused.json()["errors"][0]["pointer"], "/title", "{}", refused.text());
        }
    }
    // Characters are counted, not bytes; and two panels may be called alike.
    for _ in 0..2 {
        let title = "ä".repeat(80);
        let made = house.page.post(EDITOR, "/v1/panels", json!({ "title": title })).await.json();
        assert_eq!(made["title"], title);
    }
    assert_eq!(house.get(&path).await["title"], "ok", "what was refused changed nothing");
});

both_engines!(the_list_comes_page_by_page_in_the_order_of_titles, MIGRATIONS, async |t| {
    let house = House::new(t);
    for title in ["beta", "Alpha", "Beta", "gamma", "alpha", "ALPHA", "Ärger"] {
        house.panel(title).await;
    }
    let (mut titles, mut ids, mut sizes) = (Vec::new(), Vec::new(), Vec::new());
    let mut address = "/v1/panels?limit=3".to_owned();
    loop {
        let page = house.get(&address).await;
        sizes.push(each(&page, "title").len());
        titles.extend(each(&page, "title").iter().map(text));
        ids.extend(each(&page, "id").iter().map(text));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        // What comes in before the cursor does not move what is behind it.
        house.panel("aaa").await;
        address = format!("/v1/panels?limit=3&cursor={cursor}");
    }
    assert_eq!(sizes, [3, 3, 1]);
    // Of equal titles the older one comes first.
    assert_eq!(titles, ["Alpha", "alpha", "ALPHA", "beta", "Beta", "gamma", "Ärger"]);
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 7, "every panel once");

    assert_eq!(each(&house.get("/v1/panels?q=LPH").await, "title"), ["Alpha", "alpha", "ALPHA"]);
    let first = house.get("/v1/panels?q=alpha&limit=2").await;
    let rest = format!("/v1/panels?q=alpha&limit=2&cursor={}", text(&first["next_cursor"]));
    assert_eq!(each(&house.get(&rest).await, "title"), ["ALPHA"]);
    let refused = house.page.get(EDITOR, "/v1/panels?cursor=AAAA").await;
    assert_eq!(said(&refused), (400, "server.cursor"));
});

both_engines!(a_search_takes_its_text_literally, MIGRATIONS, async |t| {
    let house = House::new(t);
    for title in ["100% done", "100 done", "a_b", "axb", "wow!", "back\\slash"] {
        house.panel(title).await;
    }
    for (search, found) in [
        ("100%25", "100% done"),
        ("a_b", "a_b"),
        ("w!", "wow!"),
        ("k%5Cs", "back\\slash"),
        ("0%20D", "100 done"),
    ] {
        let page = house.page.get(VIEWER, &format!("/v1/panels?q={search}")).await.json();
        assert_eq!(each(&page, "title"), [found], "{search}");
    }
});

both_engines!(the_same_key_makes_one_panel, MIGRATIONS, async |t| {
    let house = House::new(t);
    let keyed = async |method: &str, path: &str, title: &str| {
        let call = house.page.call(EDITOR, method, path).header("idempotency-key", "\"k1\"");
        call.json(json!({ "title": title })).send().await
    };
    let (first, second) =
        (keyed("POST", "/v1/panels", "once").await, keyed("POST", "/v1/panels", "once").await);
    assert_eq!((first.status, second.status), (201, 201));
    assert_eq!(first.body, second.body);
    assert_eq!(each(&house.get("/v1/panels").await, "title"), ["once"]);
    assert_eq!(said(&keyed("POST", "/v1/panels", "other").await), (422, "server.idempotency_mismatch"));
    let path = format!("/v1/panels/{}", text(&first.json()["id"]));
    let (first, second) = (keyed("PATCH", &path, "twice").await, keyed("PATCH", &path, "twice").await);
    assert_eq!((first.status, second.status), (200, 200));
    assert_eq!(first.body, second.body);
    assert_eq!(house.server.events(HOME).await, ["panels.created", "panels.renamed"]);
});
