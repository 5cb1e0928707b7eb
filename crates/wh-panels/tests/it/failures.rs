//! Imports that fail: the panel shows what it showed, the record says why, and nothing of them stays on the store.
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use wh_contract::PanelId;
use wh_testkit::{EDITOR, HOME, both_engines, one_engine};

use crate::house::{House, MIGRATIONS, newest, said, until, upload};

both_engines!(rows_of_other_columns_do_not_come_behind, MIGRATIONS, async |t| {
    let house = House::new(t);
    let panel = house.panel("stock").await;
    house.import(&panel, "mode=replace", "item,count\nnut,3\n").await;
    let path = format!("/v1/panels/{panel}");
    let (shown, objects) = (house.get(&path).await, house.objects().await);
    assert_eq!(objects.len(), 1);

    // With a bad line, so that there is more than rows to take away again.
    let refused = house.send(EDITOR, &panel, "mode=append", "name,size\nbolt,5\nx\n").await;
    assert_eq!(said(&refused), (409, "dataset.schema_differs"), "{}", refused.text());
    assert_eq!(house.objects().await, objects, "what was written for it is gone at once");
    assert_eq!(house.get(&path).await, shown);
    assert_eq!(house.cells(&panel).await, json!([["nut", 3]]));
    let run = newest(&house, &panel).await;
    assert_eq!((&run["state"], &run["version"]), (&json!("failed"), &Value::Null));
    assert_eq!(run["problem"]["code"], "dataset.schema_differs");
    assert!(run["ended_at"].is_string());
    let told = ["created", "import_started", "imported", "import_started", "import_failed"];
    assert_eq!(house.server.events(HOME).await, told.map(|what| format!("panels.{what}")));
});

both_engines!(a_file_for_a_panel_that_goes_meanwhile_leaves_nothing, MIGRATIONS, async |t| {
    let house = House::new(t);
    let panel = house.panel("short-lived").await;
    let file = "item,count\nnut,3\nx\nbolt,5\n";
    let mut stream = upload(&house, &panel, file.len()).await;
    stream.write_all(&file.as_bytes()[..14]).await.expect("written");
    until(&house, &panel, "running").await;
    assert_eq!(house.page.delete(EDITOR, &format!("/v1/panels/{panel}")).await.status, 204);
    stream.write_all(&file.as_bytes()[14..]).await.expect("written");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 404") && answer.contains("panels.not_found"), "{answer}");
    assert_eq!(house.objects().await, [] as [String; 0]);
});

// An embedded database has one writer: there nobody comes between.
one_engine!(postgres, a_file_for_a_panel_that_goes_as_it_begins, MIGRATIONS, async |t| {
    let house = House::new(t);
    let panel = house.panel("short-lived").await;
    let id: PanelId = panel.parse().expect("an id");
    let mut tx = house.server.cx.db.begin(HOME).await.expect("the database answers");
    let sql = "DELETE FROM panels_panel WHERE tenant_id = $1 AND id = $2";
    tx.run(sql, wh_db::args![HOME, id]).await.expect("nobody holds it");
    let (refused, ()) = tokio::join!(house.send(EDITOR, &panel, "mode=replace", "n\n1\n"), async {
        house.server.fresh.one_waits().await;
        tx.commit().await.expect("the database answers");
    });
    assert_eq!(said(&refused), (404, "panels.not_found"), "{}", refused.text());
});

both_engines!(a_file_that_breaks_off_changes_nothing, MIGRATIONS, async |t| {
    let house = House::new(t);
    let panel = house.panel("stock").await;
    house.import(&panel, "mode=replace", "n\n1\n").await;
    let objects = house.objects().await;
    let mut stream = upload(&house, &panel, 1_000).await;
    stream.write_all(b"n\n2\n3\n").await.expect("written");
    until(&house, &panel, "running").await;
    drop(stream);
    let run = until(&house, &panel, "failed").await;
    assert_eq!(run["problem"]["code"], "panels.upload_broken");
    assert_eq!(house.cells(&panel).await, json!([[1]]));
    assert_eq!(house.objects().await, objects);
});

both_engines!(a_file_that_cannot_be_read_says_why, MIGRATIONS, async |t| {
    let house = House::new(t);
    let panel = house.panel("stock").await;
    for (query, file, wanted) in [
        ("mode=replace", "", (422, "panels.upload_empty")),
        ("mode=replace", "[{\"a\": 1}]", (422, "dataset.json_document")),
        ("mode=replace&options=%7B", "a\n1\n", (400, "panels.query_malformed")),
        ("", "a\n1\n", (400, "server.query")),
    ] {
        let refused = house.send(EDITOR, &panel, query, file).await;
        assert_eq!(said(&refused), wanted, "{query} {file}");
    }
    let runs = house.get(&format!("/v1/panels/{panel}/imports")).await;
    let codes = runs["items"].as_array().expect("items").iter().map(|run| run["problem"]["code"].clone());
    assert_eq!(codes.collect::<Vec<_>>(), ["dataset.json_document", "panels.upload_empty"]);
    assert_eq!(house.objects().await, [] as [String; 0]);
    let missing = house.send(EDITOR, "01890000-0000-7000-8000-000000000000", "mode=replace", "a\n1\n").await;
    assert_eq!(said(&missing), (404, "panels.not_found"));
});
