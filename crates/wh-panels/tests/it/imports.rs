//! Files into panels: looked at first, taken in place of the rows or behind them, and what could not be read.
use serde_json::{Value, json};
use wh_testkit::{EDITOR, HOME, VIEWER, both_engines};

use crate::house::{House, MIGRATIONS, each, encoded, said, text};

both_engines!(a_preview_says_how_a_file_would_be_read, MIGRATIONS, async |t| {
    let house = House::new(t);
    let look = async |query: &str, file: &str| {
        let path = format!("/v1/panels/preview{query}");
        house.page.call(EDITOR, "POST", &path).body("text/csv", file.to_owned()).send().await
    };
    let seen = look("?file_name=sales.csv", "day;amount;note\n2026-01-31;5;'a;b'\n2026-02-01;x7;'c'\n").await;
    assert_eq!(seen.status, 200, "{}", seen.text());
    let seen = seen.json();
    let options = &seen["options"];
    assert_eq!((&options["delimiter"], &options["quote"]), (&json!(";"), &json!("'")));
    let names: Vec<&Value> =
        options["columns"].as_array().expect("columns").iter().map(|c| &c["name"]).collect();
    assert_eq!(names, ["day", "amount", "note"]);
    let kinds: Vec<&Value> =
        options["columns"].as_array().expect("columns").iter().map(|c| &c["kind"]).collect();
    assert_eq!(kinds, ["date", "text", "text"]);

    // What a person says is kept, and what comes out is what an import takes.
    let hints = encoded(&json!({ "columns": [{ "source": "amount", "kind": "integer", "name": "sum" }] }));
    let seen = look(&format!("?hints={hints}"), "day;amount\n2026-01-31;5\n2026-02-01;x7\n").await;
    assert_eq!(seen.status, 200, "{}", seen.text());
    let options = encoded(&seen.json()["options"]);
    let panel = house.panel("sales").await;
    let query = format!("mode=replace&options={options}");
    let done = house.import(&panel, &query, "day;amount\n2026-01-31;5\n2026-02-01;x7\n").await;
    assert_eq!((&done["rows"], &done["bad_lines"]), (&json!(1), &json!(1)));
    assert_eq!(house.cells(&panel).await, json!([["2026-01-31", 5]]));
    assert_eq!(
        each(&json!({ "items": house.get(&format!("/v1/panels/{panel}")).await["columns"] }), "name"),
        ["day", "sum"]
    );

    for (query, file, wanted) in [
        ("", "", (422, "panels.upload_empty")),
        ("", "\n \n", (422, "dataset.sample_empty")),
        ("", "[{\"a\": 1}]", (422, "dataset.json_document")),
        ("?hints=%7B", "a\n1\n", (400, "panels.query_malformed")),
        ("?hints=%7B%22delimiter%22%3A%22ab%22%7D", "a\n1\n", (422, "dataset.options")),
    ] {
        assert_eq!(said(&look(query, file).await), wanted, "{query} {file}");
    }
    assert_eq!(
        house.server.events(HOME).await,
        ["panels.created", "panels.import_started", "panels.imported"],
        "a preview leaves no trace"
    );
});

both_engines!(rows_take_the_place_of_others_or_come_behind, MIGRATIONS, async |t| {
    let house = House::new(t);
    let panel = house.panel("stock").await;
    let path = format!("/v1/panels/{panel}");
    let first = house.import(&panel, "mode=append&file_name=one.csv", "item,count\nnut,3\nbolt,5\n").await;
    for (field, wanted) in [
        ("panel_id", json!(panel)),
        ("mode", json!("append")),
        ("state", json!("done")),
        ("file_name", json!("one.csv")),
        ("rows", json!(2)),
        ("bad_lines", json!(0)),
        ("bad_lines_kept", json!(0)),
        ("unknown_keys", json!([])),
        ("bytes", json!(24)),
        ("version", json!(1)),
        ("problem", Value::Null),
        ("started_by", json!(EDITOR.user())),
    ] {
        assert_eq!(first[field], wanted, "{field}");
    }
    house.import(&panel, "mode=append", "item,count\nscrew,7\n").await;
    assert_eq!(house.cells(&panel).await, json!([["nut", 3], ["bolt", 5], ["screw", 7]]));
    let shown = house.get(&path).await;
    assert_eq!((&shown["version"], &shown["rows"]), (&json!(2), &json!(3)));

    // In place of the rows, other columns may come.
    house.import(&panel, "mode=replace", "name\nwasher\n").await;
    assert_eq!(house.cells(&panel).await, json!([["washer"]]));
    let shown = house.get(&path).await;
    assert_eq!((&shown["version"], &shown["rows"]), (&json!(3), &json!(1)));
    assert_eq!(shown["columns"], json!([{ "name": "name", "kind": "text" }]));

    let runs = house.get(&format!("{path}/imports?limit=2")).await;
    assert_eq!(each(&runs, "version"), [3, 2], "the newest first");
    let rest = format!("{path}/imports?limit=2&cursor={}", text(&runs["next_cursor"]));
    let rest = house.get(&rest).await;
    assert_eq!((each(&rest, "id"), &rest["next_cursor"]), (vec![first["id"].clone()], &Value::Null));
    assert_eq!(house.get(&format!("{path}/imports/{}", text(&first["id"]))).await, first);

    let events = house.server.delivered(HOME).await;
    let last = events.last().expect("events");
    assert_eq!((last.kind.as_str(), &last.subject), ("panels.imported", &panel));
    let (version, rows, mode) = (&last.data["version"], &last.data["rows"], &last.data["mode"]);
    assert_eq!((version, rows, mode), (&json!(3), &json!(1), &json!("replace")));
});

both_engines!(the_same_question_is_answered_once_per_version, MIGRATIONS, async |t| {
    let house = House::new(t);
    let panel = house.panel("stock").await;
    let path = format!("/v1/panels/{panel}/rows?sort=-n&limit=1");
    let again =
        async |tag: &str| house.page.call(VIEWER, "GET", &path).header("if-none-match", tag).send().await;
    house.import(&panel, "mode=replace", "n\n1\n2\n").await;
    let first = house.page.get(VIEWER, &path).await;
    assert_eq!(first.json()["rows"], json!([[2]]));
    let tag = first.header("etag").expect("a tag").to_owned();
    let known = again(&tag).await;
    assert_eq!((known.status, known.body.len()), (304, 0));
    house.import(&panel, "mode=append", "n\n3\n").await;
    let fresh = again(&tag).await;
    assert_eq!((fresh.status, &fresh.json()["rows"]), (200, &json!([[3]])));
});

both_engines!(what_could_not_be_read_can_be_downloaded, MIGRATIONS, async |t| {
    let house = House::new(t);
    let panel = house.panel("stock").await;
    let columns = json!([{ "source": "item", "name": "item", "kind": "text" }, { "source": "count", "name": "count", "kind": "integer" }]);
    let options = house
        .page
        .call(
            EDITOR,
            "POST",
            &format!("/v1/panels/preview?hints={}", encoded(&json!({ "columns": columns }))),
        )
        .body("text/csv", "item,count\nnut,3\n")
        .send()
        .await;
    let query = format!("mode=replace&options={}", encoded(&options.json()["options"]));
    let file = "item,count\nnut,3\nbolt,many\nscrew\n\"a \"\"b\"\"\",5,6\nwasher,9\n";
    let done = house.import(&panel, &query, file).await;
    assert_eq!((&done["rows"], &done["bad_lines"]), (&json!(2), &json!(3)));
    assert_eq!(done["bad_lines_kept"], 3);
    assert_eq!(house.cells(&panel).await, json!([["nut", 3], ["washer", 9]]));

    let path = format!("/v1/panels/{panel}/imports/{}/bad-lines", text(&done["id"]));
    let lines = house.page.get(VIEWER, &path).await;
    assert_eq!(lines.status, 200, "{}", lines.text());
    assert_eq!(lines.header("content-type"), Some("text/csv; charset=utf-8"));
    assert_eq!(lines.header("content-disposition"), Some("attachment; filename=\"bad-lines.csv\""));
    let mut told: Vec<String> = lines.text().lines().map(str::to_owned).collect();
    assert_eq!(told.remove(0), "line,reason,column,text");
    told.sort();
    let wanted = [
        r#"3,not_integer,"count","bolt,many""#,
        r#"4,too_few_fields,"","screw""#,
        r#"5,too_many_fields,"","""a """"b"""""",5,6""#,
    ];
    assert_eq!(told, wanted);

    let clean = house.import(&panel, "mode=append", "item,count\nnail,1\n").await;
    let none =
        house.page.get(VIEWER, &format!("/v1/panels/{panel}/imports/{}/bad-lines", text(&clean["id"]))).await;
    assert_eq!(said(&none), (404, "panels.no_bad_lines"));
});
