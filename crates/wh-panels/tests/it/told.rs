//! What an import tells of its file: keys without a column, bad lines that are kept, and a file of which nothing could be read.
use std::fmt::Write;

use serde_json::{Value, json};
use wh_testkit::{EDITOR, HOME, VIEWER, both_engines};

use crate::house::{House, MIGRATIONS, encoded, newest, said, text};

/// Rows of a sample that are looked at to detect how to read a file.
const SAMPLE_ROWS: usize = 10_000;
/// Bad lines of an import that are kept.
const KEPT_MAX: usize = 50_000;

/// Two columns, `a` of text and `b` of whole numbers.
fn two_columns() -> String {
    let plan = |name: &str, kind: &str| json!({ "source": name, "name": name, "kind": kind });
    encoded(&json!({ "format": "csv", "columns": [plan("a", "text"), plan("b", "integer")] }))
}

both_engines!(keys_behind_the_sample_are_named, MIGRATIONS, async |t| {
    let house = House::new(t);
    let panel = house.panel("log").await;
    let long = "k".repeat(200);
    let mut file = "{\"id\":1}\n".repeat(SAMPLE_ROWS);
    file.push_str("{\"id\":2,\"error_code\":7}\n");
    for _ in 0..2 {
        writeln!(file, "{{\"id\":3,\"error_code\":8,\"{long}\":1,\"nul\\u0000\":1,\"tab\\t\":1}}")
            .expect("a text grows");
    }
    let done = house.import(&panel, "mode=replace", &file).await;
    assert_eq!((&done["rows"], &done["bad_lines"]), (&json!(SAMPLE_ROWS + 3), &json!(0)));
    let named = json!(["error_code", "k".repeat(128), "nul\u{FFFD}", "tab\u{FFFD}"]);
    assert_eq!(done["unknown_keys"], named);
    let path = format!("/v1/panels/{panel}/imports");
    assert_eq!(house.get(&format!("{path}/{}", text(&done["id"]))).await["unknown_keys"], named);
    assert_eq!(house.get(&path).await["items"][0]["unknown_keys"], named);

    // The first twenty of many.
    let mut file = "{\"id\":1}\n".repeat(SAMPLE_ROWS);
    for key in 0..30 {
        writeln!(file, "{{\"id\":1,\"key {key}\":1}}").expect("a text grows");
    }
    let done = house.import(&panel, "mode=append", &file).await;
    let named: Vec<String> = (0..20).map(|key| format!("key {key}")).collect();
    assert_eq!(done["unknown_keys"], json!(named));

    // A column that a person leaves out is known.
    let plan =
        |name: &str, skip: bool| json!({ "source": name, "name": name, "kind": "integer", "skip": skip });
    let options = encoded(&json!({ "format": "ndjson", "columns": [plan("id", false), plan("size", true)] }));
    let query = format!("mode=replace&options={options}");
    let done = house.import(&panel, &query, "{\"id\":1,\"size\":2}\n").await;
    assert_eq!(done["unknown_keys"], json!([]));
});

both_engines!(how_many_bad_lines_are_kept_is_told, MIGRATIONS, async |t| {
    let house = House::new(t);
    let panel = house.panel("stock").await;
    let query = format!("mode=replace&options={}", two_columns());
    let file = format!("a,b\nnut,3\n{}", "x\n".repeat(KEPT_MAX + 3));
    let done = house.import(&panel, &query, &file).await;
    assert_eq!((&done["rows"], &done["bad_lines"]), (&json!(1), &json!(KEPT_MAX + 3)));
    assert_eq!(done["bad_lines_kept"], json!(KEPT_MAX));
    let path = format!("/v1/panels/{panel}/imports/{}", text(&done["id"]));
    assert_eq!(house.get(&path).await["bad_lines_kept"], json!(KEPT_MAX));
    let lines = house.page.get(VIEWER, &format!("{path}/bad-lines")).await.text();
    assert_eq!(lines.lines().count(), KEPT_MAX + 1, "and the names of the columns");
});

both_engines!(a_file_of_bad_lines_alone_takes_the_place_of_nothing, MIGRATIONS, async |t| {
    let house = House::new(t);
    let panel = house.panel("stock").await;
    house.import(&panel, "mode=replace", "a,b\nnut,3\n").await;
    let (shown, objects) = (house.get(&format!("/v1/panels/{panel}")).await, house.objects().await);
    let query = format!("mode=replace&options={}", two_columns());
    // A further column, another delimiter, and what a proxy answers with.
    for (file, detail) in [
        ("a,b,c\nnut,3,x\nbolt,5,y\n", "0 of 2 lines; line 2: too_many_fields; line 3: too_many_fields"),
        ("a;b\nnut;3\n", "0 of 1 lines; line 2: too_few_fields"),
        ("a,b\nnut,three\n", "0 of 1 lines; line 2: not_integer in column b"),
        (
            "<html>\n<h1>502</h1>\n<p>Bad\n<p>Gateway\n<p>here\n",
            "0 of 4 lines; line 2: too_few_fields; line 3: \
            too_few_fields; line 4: too_few_fields",
        ),
    ] {
        let refused = house.send(EDITOR, &panel, &query, file).await;
        assert_eq!(said(&refused), (422, "panels.nothing_read"), "{}", refused.text());
        assert_eq!(refused.json()["detail"], detail);
        let run = newest(&house, &panel).await;
        assert_eq!((&run["state"], &run["version"]), (&json!("failed"), &Value::Null));
        assert_eq!(run["problem"], json!({ "code": "panels.nothing_read", "detail": detail }));
        assert_eq!(house.objects().await, objects, "nothing of it is kept");
        assert_eq!(house.get(&format!("/v1/panels/{panel}")).await, shown);
        assert_eq!(house.cells(&panel).await, json!([["nut", 3]]));
    }
    let told = house.server.events(HOME).await;
    assert_eq!(told.iter().filter(|what| *what == "panels.import_failed").count(), 4);

    // Behind the rows it does no harm, and its lines can be looked at; names alone say that there are no rows.
    let query = format!("mode=append&options={}", two_columns());
    let done = house.import(&panel, &query, "a,b\nx\n").await;
    assert_eq!((&done["rows"], &done["bad_lines_kept"]), (&json!(0), &json!(1)));
    assert_eq!(house.cells(&panel).await, json!([["nut", 3]]));
    house.import(&panel, "mode=replace", "a,b\n").await;
    assert_eq!(house.cells(&panel).await, json!([]));
});
