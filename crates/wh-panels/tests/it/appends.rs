//! Rows behind others: columns are found by their names, types are those that are there, and what does not fit is refused
//! before the file has come.
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use wh_testkit::{EDITOR, both_engines};

use crate::house::{House, MIGRATIONS, encoded, newest, said, text, until, upload_by};

/// Pieces of a file that is never sent to its end: much more than is looked at before it is read.
const PIECES_MAX: usize = 64;
/// How often a test asks for what comes by itself before it fails.
const ASKED_MAX: usize = 20_000;

/// The import that followed another, once it has failed.
async fn failed_after(house: &House, panel: &str, before: &Value) -> Value {
    for _ in 0..ASKED_MAX {
        let import = newest(house, panel).await;
        if import["id"] != before["id"] && import["state"] == "failed" {
            return import;
        }
    }
    panic!("no import has failed: {}", newest(house, panel).await);
}

both_engines!(a_file_that_looks_like_other_types_comes_behind, MIGRATIONS, async |t| {
    let house = House::new(t);
    let panel = house.panel("prices").await;
    house.import(&panel, "mode=replace", "item,price\nnut,1.5\nbolt,2.5\n").await;
    // Whole numbers alone, no value at all, and one that is no number among others.
    house.import(&panel, "mode=append", "item,price\nscrew,3\n").await;
    house.import(&panel, "mode=append", "item,price\nnail,\n").await;
    let done = house.import(&panel, "mode=append", "item,price\na,1\nb,x\nc,4\n").await;
    assert_eq!((&done["rows"], &done["bad_lines"]), (&json!(2), &json!(1)), "{done}");
    let shown = house.get(&format!("/v1/panels/{panel}")).await;
    let wanted = json!([{ "name": "item", "kind": "text" }, { "name": "price", "kind": "number" }]);
    assert_eq!(shown["columns"], wanted);
    let wanted = json!([["nut", 1.5], ["bolt", 2.5], ["screw", 3], ["nail", null], ["a", 1], ["c", 4]]);
    assert_eq!(house.cells(&panel).await, wanted);

    // Where most of it is something else, it is not the same column.
    let other = house.send(EDITOR, &panel, "mode=append", "item,price\nd,dear\ne,cheap\n").await;
    assert_eq!(said(&other), (409, "dataset.schema_differs"), "{}", other.text());
    assert!(text(&other.json()["detail"]).contains("column price is read as text"), "{}", other.text());
});

both_engines!(a_file_of_which_much_could_not_be_read_is_no_append, MIGRATIONS, async |t| {
    let house = House::new(t);
    let panel = house.panel("amounts").await;
    house.import(&panel, "mode=replace", "item,amount\nnut,3\n").await;
    // Less than half of it, and yet far from a slip: fractions, and words.
    for (odd, seen) in [("12.5", "number"), ("many", "text")] {
        let lines = (0..100).map(|n| if n % 5 < 2 { format!("i{n},{odd}\n") } else { format!("i{n},{n}\n") });
        let file: String = std::iter::once("item,amount\n".to_owned()).chain(lines).collect();
        let other = house.send(EDITOR, &panel, "mode=append", &file).await;
        assert_eq!(said(&other), (409, "dataset.schema_differs"), "{}", other.text());
        let wanted = format!("column amount is read as {seen}, and the dataset has integer");
        assert!(text(&other.json()["detail"]).contains(&wanted), "{}", other.text());
    }
    assert_eq!(house.cells(&panel).await, json!([["nut", 3]]), "nothing of them is kept");
    // One line in a hundred is a slip.
    let lines = (0..300).map(|n| if n % 100 == 7 { format!("i{n},many\n") } else { format!("i{n},{n}\n") });
    let file: String = std::iter::once("item,amount\n".to_owned()).chain(lines).collect();
    let done = house.import(&panel, "mode=append", &file).await;
    assert_eq!((&done["rows"], &done["bad_lines"]), (&json!(297), &json!(3)), "{done}");
});

both_engines!(names_of_text_columns_are_known_for_names, MIGRATIONS, async |t| {
    let house = House::new(t);
    let panel = house.panel("pairs").await;
    house.import(&panel, "mode=replace", "from,to\na,b\n").await;
    // With the words of its header among its values it looks like a file without one.
    house.import(&panel, "mode=append", "from,to\nfrom,to\nto,from\n").await;
    assert_eq!(house.cells(&panel).await, json!([["a", "b"], ["from", "to"], ["to", "from"]]));
});

both_engines!(columns_in_another_order_come_behind_by_their_names, MIGRATIONS, async |t| {
    let house = House::new(t);
    let look = async |file: &str| {
        let call = house.page.call(EDITOR, "POST", "/v1/panels/preview");
        let seen = call.body("application/octet-stream", file.to_owned()).send().await;
        assert_eq!(seen.status, 200, "{}", seen.text());
        seen.json()["options"].take()
    };
    let panel = house.panel("stock").await;
    house.import(&panel, "mode=replace", "item,count,day\nnut,3,2026-01-31\n").await;
    house.import(&panel, "mode=append", "day,item,count\n2026-02-01,bolt,5\n").await;
    // As a person saw it in the preview, with a column that is left out.
    let file = "count,extra,day,item\n7,x,2026-02-02,screw\n8,y,never,nail\n9,z,2026-02-03,tack\n";
    let mut options = look(file).await;
    options["columns"][1]["skip"] = json!(true);
    options["columns"][2]["kind"] = json!("date");
    let query = format!("mode=append&options={}", encoded(&options));
    let done = house.import(&panel, &query, file).await;
    assert_eq!((&done["rows"], &done["bad_lines"]), (&json!(2), &json!(1)));
    let path = format!("/v1/panels/{panel}/imports/{}/bad-lines", text(&done["id"]));
    let told = house.page.get(EDITOR, &path).await.text();
    assert!(told.contains(r#"3,not_date,"day","8,y,never,nail""#), "{told}");
    let wanted = json!([
        ["nut", 3, "2026-01-31"],
        ["bolt", 5, "2026-02-01"],
        ["screw", 7, "2026-02-02"],
        ["tack", 9, "2026-02-03"]
    ]);
    assert_eq!(house.cells(&panel).await, wanted);

    let panel = house.panel("objects").await;
    house.import(&panel, "mode=replace", "{\"id\":1,\"name\":\"a\",\"ok\":true}\n").await;
    house.import(&panel, "mode=append", "{\"ok\":false,\"name\":\"b\",\"id\":2}\n").await;
    let file = "{\"name\":\"c\",\"ok\":true,\"id\":3}\n";
    let query = format!("mode=append&options={}", encoded(&look(file).await));
    house.import(&panel, &query, file).await;
    // What an object has no value for it may leave out; what nobody knows is not lost in silence.
    house.import(&panel, "mode=append", "{\"id\":4}\n").await;
    let further = house.send(EDITOR, &panel, "mode=append", "{\"id\":5,\"name\":\"e\",\"size\":7}\n").await;
    assert_eq!(said(&further), (409, "dataset.schema_differs"), "{}", further.text());
    assert!(text(&further.json()["detail"]).contains("no column size"), "{}", further.text());
    let wanted = json!([[1, "a", true], [2, "b", false], [3, "c", true], [4, null, null]]);
    assert_eq!(house.cells(&panel).await, wanted);
});

both_engines!(other_columns_are_refused_before_the_file_has_come, MIGRATIONS, async |t| {
    let house = House::new(t);
    let panel = house.panel("stock").await;
    house.import(&panel, "mode=replace", "item,count\nnut,3\n").await;
    let objects = house.objects().await;
    // What is said of the file is enough: not one byte of it comes.
    let plan = |name: &str, kind: &str| json!({ "source": name, "name": name, "kind": kind });
    for (columns, wanted) in [
        (
            json!([plan("item", "text"), plan("size", "integer")]),
            "the file has no column count; the dataset has no column size",
        ),
        (
            json!([plan("item", "text"), plan("count", "text")]),
            "column count is read as text, and the dataset has integer",
        ),
        (json!([plan("count", "integer")]), "the file has no column item"),
    ] {
        let options = encoded(&json!({ "format": "csv", "columns": columns }));
        let before = newest(&house, &panel).await;
        let _stream = upload_by(&house, &panel, &format!("mode=append&options={options}"), 1_000).await;
        let failed = failed_after(&house, &panel, &before).await;
        assert_eq!(failed["problem"]["code"], "dataset.schema_differs", "{failed}");
        assert_eq!(failed["problem"]["detail"], wanted);
    }
    // Else its first megabyte is: a gigabyte is announced, and its end never sent.
    let before = newest(&house, &panel).await;
    let mut stream = upload_by(&house, &panel, "mode=append", 1 << 30).await;
    stream.write_all(b"item,size\n").await.expect("written");
    let lines = "nut,3\n".repeat(40_000);
    for _ in 0..PIECES_MAX {
        if stream.write_all(lines.as_bytes()).await.is_err() {
            break;
        }
        let run = newest(&house, &panel).await;
        if run["id"] != before["id"] && run["state"] == "failed" {
            break;
        }
    }
    let failed = failed_after(&house, &panel, &before).await;
    assert_eq!(failed["problem"]["code"], "dataset.schema_differs", "{failed}");
    assert_eq!(house.objects().await, objects);
    assert_eq!(house.cells(&panel).await, json!([["nut", 3]]));
});

both_engines!(columns_that_change_while_a_file_comes_are_seen_at_its_end, MIGRATIONS, async |t| {
    let house = House::new(t);
    let panel = house.panel("stock").await;
    house.import(&panel, "mode=replace", "item,count\nnut,3\n").await;
    let file = "item,count\nbolt,5\nx\n";
    let mut stream = upload_by(&house, &panel, "mode=append", file.len()).await;
    stream.write_all(&file.as_bytes()[..14]).await.expect("written");
    until(&house, &panel, "running").await;
    house.import(&panel, "mode=replace", "name\nwasher\n").await;
    let objects = house.objects().await;
    stream.write_all(&file.as_bytes()[14..]).await.expect("written");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 409") && answer.contains("dataset.schema_differs"), "{answer}");
    assert_eq!(house.objects().await, objects, "what was written for it is gone at once");
    assert_eq!(house.cells(&panel).await, json!([["washer"]]));
});
