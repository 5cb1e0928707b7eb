//! Malformed, oversized, wrongly typed input on every operation: a problem with a code, and the server stays well.
use serde_json::{Value, json};
use wh_testkit::engines::EngineKind;

use crate::house::{House, Person, Site, sites};
use crate::http::Answer;

/// Beyond the limit of any buffered body.
const OVERSIZED: usize = 5 * 1024 * 1024;

struct Operation {
    id: String,
    method: String,
    path: String,
    takes_json: bool,
    takes_bytes: bool,
}

/// All operations of the spec, their path parameters filled with an id that exists nowhere.
fn operations(spec: &Value) -> Vec<Operation> {
    let mut all = Vec::new();
    for (path, item) in spec["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("an item") {
            let Some(id) = operation["operationId"].as_str() else { continue };
            let content = &operation["requestBody"]["content"];
            let mut filled = path.clone();
            while let (Some(open), Some(close)) = (filled.find('{'), filled.find('}')) {
                filled.replace_range(open..=close, "01890000-0000-7000-8000-000000000000");
            }
            all.push(Operation {
                id: id.to_owned(),
                method: method.to_uppercase(),
                path: filled,
                takes_json: content["application/json"].is_object(),
                takes_bytes: content["application/octet-stream"].is_object(),
            });
        }
    }
    all
}

fn is_a_problem(what: &str, operation: &Operation, answer: &Answer) {
    let kind = answer.headers.get("content-type").map_or("", String::as_str);
    assert!(
        (400..500).contains(&answer.status),
        "{what} on {}: {} {}",
        operation.id,
        answer.status,
        answer.text()
    );
    assert!(kind.starts_with("application/problem+json"), "{what} on {}: {kind}", operation.id);
    let problem = answer.json();
    assert!(
        !answer.code().is_empty() && problem["request_id"].is_string(),
        "{what} on {}: {problem}",
        operation.id
    );
}

/// Everything that can be wrong with one operation, whoever asks.
fn abuse(person: &Person, operation: &Operation) {
    let Operation { method, path, .. } = operation;
    let json = "Content-Type: application/json\r\n";
    if operation.takes_json {
        for (what, body) in [
            ("broken JSON", &b"{\"a\": "[..]),
            ("no JSON", b""),
            ("a list", b"[1, 2]"),
            ("an unknown field", b"{\"no_such_field_anywhere\": 1}"),
            ("invalid UTF-8", b"{\"title\": \"\xff\xfe\"}"),
            ("deep nesting", "[".repeat(20_000).as_bytes()),
            (
                "NUL",
                b"{\"title\": \"a\\u0000b\", \"name\": \"a\\u0000b\", \"email\": \"a\\u0000@b.example\"}",
            ),
        ] {
            is_a_problem(what, operation, &person.send(method, path, json, body));
        }
        is_a_problem(
            "another type",
            operation,
            &person.send(method, path, "Content-Type: text/plain\r\n", b"{}"),
        );
        let large = json!({ "title": "x".repeat(OVERSIZED) }).to_string();
        is_a_problem("an oversized body", operation, &person.send(method, path, json, large.as_bytes()));
    }
    if operation.takes_bytes {
        let empty = person.send(method, path, "Content-Type: application/octet-stream\r\n", b"");
        is_a_problem("no bytes", operation, &empty);
    }
    if operation.takes_json || operation.takes_bytes {
        let kind = if operation.takes_json { json } else { "Content-Type: application/octet-stream\r\n" };
        let packed =
            person.send(method, path, &format!("{kind}Content-Encoding: gzip\r\n"), b"\x1f\x8b\x08\0");
        is_a_problem("a compressed body", operation, &packed);
        assert!(matches!(packed.status, 401 | 415), "{}: {}", operation.id, packed.text());
    }
    let unknown = format!("{path}?no_such_parameter=1");
    is_a_problem("an unknown parameter", operation, &person.send(method, &unknown, json, b"{}"));
    if path.contains("01890000") {
        let wrong = path.replace("01890000-0000-7000-8000-000000000000", "not-an-id%00");
        is_a_problem("a wrong id", operation, &person.send(method, &wrong, json, b"{}"));
    }
    is_a_problem("a wrong method", operation, &person.send("PROPFIND", path, "", b""));
    let foreign =
        person.send(method, path, "Sec-Fetch-Site: cross-site\r\nOrigin: https://evil.example\r\n", b"");
    if method != "GET" {
        assert_eq!(foreign.status, 403, "{} from another site", operation.id);
    }
}

#[test]
fn nonsense_gets_a_problem_on_every_operation_and_the_server_stays_well() {
    for site in sites() {
        let house = site.start();
        let owner = house.set_up();
        let spec = owner.get("/v1/openapi.json").json();
        for operation in operations(&spec).iter().filter(|operation| operation.id != "openapi_get") {
            abuse(&owner, operation);
            abuse(&house.nobody(), operation);
        }
        assert_eq!(owner.get("/v1/identity/me").status, 200, "the session survived");
        assert_eq!(house.nobody().get("/health").status, 200);
    }
}

#[test]
fn wrong_parameters_of_views_are_named() {
    for site in sites() {
        let house = site.start();
        let owner = house.set_up();
        let panel = owner.panel("rows");
        assert_eq!(owner.import(&panel, "replace", b"carrier,delay\nUA,3\n").status, 201);
        for (query, status) in [
            ("filter=%7B", 400),
            ("filter=%7B%22column%22%3A%22nope%22%2C%22op%22%3A%22eq%22%2C%22value%22%3A1%7D", 422),
            (
                "filter=%7B%22column%22%3A%22delay%22%2C%22op%22%3A%22contains%22%2C%22value%22%3A%22x%22%7D",
                422,
            ),
            ("filter=%7B%22column%22%3A%22delay%22%2C%22op%22%3A%22eq%22%2C%22value%22%3A%22x%22%7D", 422),
            ("sort=nope", 422),
            ("columns=nope", 422),
            ("limit=0", 422),
            ("limit=1001", 422),
            ("limit=x", 400),
            ("offset=-1", 400),
        ] {
            let answer = owner.get(&format!("/v1/panels/{panel}/rows?{query}"));
            assert!(
                answer.status == status || matches!((answer.status, status), (400 | 422, 400 | 422)),
                "{query}: {} {}",
                answer.status,
                answer.text()
            );
            assert!(answer.status < 500 && !answer.code().is_empty(), "{query}: {}", answer.text());
        }
    }
}

#[test]
fn a_window_names_each_column_once() {
    for site in sites() {
        let house = site.start();
        let owner = house.set_up();
        let panel = owner.panel("rows");
        assert_eq!(owner.import(&panel, "replace", b"carrier,delay\nUA,3\n").status, 201);
        let answer = owner.get(&format!("/v1/panels/{panel}/rows?columns=delay,carrier,delay"));
        assert_eq!((answer.status, answer.code().as_str()), (422, "dataset.window"), "{}", answer.text());
    }
}

#[test]
fn a_window_of_long_texts_ends_at_its_limit() {
    let house = Site::new(EngineKind::Sqlite).start();
    let owner = house.set_up();
    let panel = owner.panel("texts");
    let line = format!("{}\n", "x".repeat(200_000));
    let file = format!("text\n{}", line.repeat(200));
    assert_eq!(owner.import(&panel, "replace", file.as_bytes()).status, 201);
    let all = owner.get(&format!("/v1/panels/{panel}/rows?limit=200"));
    assert_eq!((all.status, all.code().as_str()), (422, "dataset.window"), "{}", all.status);
    let some = owner.get(&format!("/v1/panels/{panel}/rows?limit=20"));
    assert_eq!(some.json()["rows"].as_array().map(Vec::len), Some(20));
}

#[test]
fn a_column_name_with_a_control_character_is_refused_before_anything_is_written() {
    for site in sites() {
        let house = site.start();
        let owner = house.set_up();
        let panel = owner.panel("names");
        let detected =
            owner.send("POST", "/v1/panels/preview", "Content-Type: text/csv\r\n", b"a,b\n1,2\n").json();
        let mut options = detected["options"].clone();
        options["columns"][0]["name"] = json!("a\u{0}");
        let options: String = url::form_urlencoded::byte_serialize(options.to_string().as_bytes()).collect();
        let path = format!("/v1/panels/{panel}/imports?mode=replace&options={options}");
        let refused = owner.send("POST", &path, "Content-Type: text/csv\r\n", b"a,b\n1,2\n");
        assert_eq!(
            (refused.status, refused.code().as_str()),
            (422, "dataset.column_name"),
            "{}",
            refused.text()
        );
        let imports = owner.get(&format!("/v1/panels/{panel}/imports")).json();
        assert!(
            imports["items"].as_array().unwrap().iter().all(|import| import["state"] != "running"),
            "{imports}"
        );
    }
}

#[test]
fn bodies_are_as_large_as_the_setting_says() {
    let site = Site::new(EngineKind::Sqlite);
    let house = House::start_with(site.folder.path(), &[("WHEELHOUSE_SERVER_BODY_BYTES_MAX", "2048")]);
    let owner = house.set_up();
    let body = json!({ "title": "x".repeat(4_096) }).to_string();
    let refused = owner.send("POST", "/v1/panels", "Content-Type: application/json\r\n", body.as_bytes());
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (413, "server.body_too_large"),
        "{}",
        refused.text()
    );
}
