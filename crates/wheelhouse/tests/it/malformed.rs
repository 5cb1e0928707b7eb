//! Malformed, oversized, wrongly typed, slow input on every operation: refused for what is wrong with it, and the server stays well.
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::json;
use wh_testkit::engines::EngineKind;

use crate::house::{House, Person, Site, sites};
use crate::http::Answer;
use crate::matrix::Scene;

/// Beyond the limit of any body that is not a whole file.
const OVERSIZED: usize = 5 * 1024 * 1024;
const JSON: &str = "Content-Type: application/json\r\n";
const BYTES: &str = "Content-Type: application/octet-stream\r\n";

/// An operation of the spec, called upon a thing that exists.
struct Operation {
    id: String,
    method: &'static str,
    path: String,
    /// The same with no id where one belongs.
    wrong_path: Option<String>,
    takes_json: bool,
    takes_bytes: bool,
    /// It holds no more than this of a body.
    body_max: Option<u64>,
    asks_permission: bool,
}

fn operations(scene: &Scene) -> Vec<Operation> {
    let spec = scene.owner.get("/v1/openapi.json").json();
    let mut all = Vec::new();
    for (template, item) in spec["paths"].as_object().expect("paths") {
        for operation in item.as_object().expect("an item").values() {
            let Some(id) = operation["operationId"].as_str().filter(|id| *id != "openapi_get") else {
                continue;
            };
            let call = scene.call(id, "owner").unwrap_or_else(|| panic!("{id} has no row in the matrix"));
            let content = &operation["requestBody"]["content"];
            all.push(Operation {
                id: id.to_owned(),
                method: call.method,
                wrong_path: template.contains('{').then(|| without_ids(template)),
                path: call.path,
                takes_json: content["application/json"].is_object(),
                takes_bytes: content["application/octet-stream"].is_object(),
                body_max: operation["x-body-bytes-max"].as_u64(),
                asks_permission: operation["x-permission"].is_string(),
            });
        }
    }
    all
}

fn without_ids(template: &str) -> String {
    let steps = template.split('/').map(|step| if step.starts_with('{') { "not-an-id%00" } else { step });
    steps.collect::<Vec<_>>().join("/")
}

/// Who sends nonsense, and so what they are told.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Who {
    Owner,
    Nobody,
}

/// A problem with one of these statuses; nobody learns more than that they are nobody, where that matters.
fn refused(what: &str, operation: &Operation, who: Who, statuses: &[u16], answer: &Answer) {
    let id = &operation.id;
    let statuses: &[u16] = if who == Who::Nobody && operation.asks_permission { &[401] } else { statuses };
    // Whoever opens a socket is asked for a session too, without a permission of its own.
    let socket = who == Who::Nobody && id == "live_connect" && answer.status == 401;
    assert!(
        statuses.contains(&answer.status) || socket,
        "{what} on {id}: {} {}, not {statuses:?}",
        answer.status,
        answer.text()
    );
    is_a_problem(what, id, answer);
}

fn is_a_problem(what: &str, id: &str, answer: &Answer) {
    let kind = answer.headers.get("content-type").map_or("", String::as_str);
    assert!(kind.starts_with("application/problem+json"), "{what} on {id}: {kind}");
    let problem = answer.json();
    assert!(!answer.code().is_empty() && problem["request_id"].is_string(), "{what} on {id}: {problem}");
}

/// Everything that can be wrong with a body of JSON.
fn abuse_json(person: &Person, who: Who, operation: &Operation) {
    let nested = "[".repeat(10_000);
    let nonsense: [(&str, &[u8], &[u16]); 7] = [
        ("broken JSON", b"{\"", &[400]),
        ("no JSON", b"", &[400]),
        ("a list", b"[1, 2]", &[422]),
        ("an unknown field", b"{\"no_such_field_anywhere\": 1}", &[422]),
        ("invalid UTF-8", b"{\"\xff\xfe\": 1}", &[400]),
        ("deep nesting", nested.as_bytes(), &[400, 422]),
        ("NUL", b"{\"title\": \"a\\u0000b\"}", &[400]),
    ];
    for (what, body, statuses) in nonsense {
        let answer = person.send(operation.method, &operation.path, JSON, body);
        refused(what, operation, who, statuses, &answer);
    }
    let text = person.send(operation.method, &operation.path, "Content-Type: text/plain\r\n", b"{}");
    refused("another type", operation, who, &[415], &text);
    let large = json!({ "title": "x".repeat(OVERSIZED) }).to_string();
    let large = person.send(operation.method, &operation.path, JSON, large.as_bytes());
    refused("an oversized body", operation, who, &[413], &large);
}

/// Everything that can be wrong with one operation, whoever asks.
fn abuse(person: &Person, who: Who, operation: &Operation) {
    let Operation { method, path, .. } = operation;
    if operation.takes_json {
        abuse_json(person, who, operation);
    }
    if operation.takes_bytes {
        refused("no bytes", operation, who, &[400, 422], &person.send(method, path, BYTES, b""));
        if operation.body_max.is_some_and(|most| most < OVERSIZED as u64) {
            let large = person.send(method, path, BYTES, &vec![b'x'; OVERSIZED]);
            refused("an oversized upload", operation, who, &[413], &large);
        }
    }
    if operation.takes_json || operation.takes_bytes {
        let kind = if operation.takes_json { JSON } else { BYTES };
        let headers = format!("{kind}Content-Encoding: gzip\r\n");
        let packed = person.send(method, path, &headers, b"\x1f\x8b\x08\0");
        refused("a compressed body", operation, who, &[415], &packed);
    }
    let sign = if path.contains('?') { '&' } else { '?' };
    let unknown = person.send(method, &format!("{path}{sign}no_such_parameter=1"), JSON, b"{}");
    refused("an unknown parameter", operation, who, &[400], &unknown);
    if let Some(wrong) = &operation.wrong_path {
        // The address is refused before anybody is asked who they are.
        refused("a wrong id", operation, Who::Owner, &[400], &person.send(method, wrong, JSON, b"{}"));
    }
    let other = person.send("PROPFIND", path, "", b"");
    assert_eq!(other.status, 405, "a wrong method on {}: {}", operation.id, other.text());
    is_a_problem("a wrong method", &operation.id, &other);
    let foreign =
        person.send(method, path, "Sec-Fetch-Site: cross-site\r\nOrigin: https://evil.example\r\n", b"");
    if *method != "GET" {
        assert_eq!(foreign.status, 403, "{} from another site", operation.id);
    }
}

#[test]
fn nonsense_is_refused_for_what_it_is_on_every_operation_and_the_server_stays_well() {
    for site in sites() {
        let scene = Scene::new(site.start());
        for operation in &operations(&scene) {
            abuse(&scene.owner, Who::Owner, operation);
            abuse(&scene.house.nobody(), Who::Nobody, operation);
        }
        assert_eq!(scene.owner.get("/v1/identity/me").status, 200, "the session survived");
        assert_eq!(scene.house.nobody().get("/health").status, 200);
    }
}

#[test]
fn a_body_that_stops_arriving_is_given_up_on_every_operation() {
    let site = Site::new(EngineKind::Sqlite);
    let settings = [("WHEELHOUSE_SERVER_BODY_PROGRESS_TIMEOUT_MS", "2000")];
    let scene = Scene::new(House::start_with(site.folder.path(), &settings));
    let (owner, all) = (&scene.owner, operations(&scene));
    let with_body = all.iter().filter(|operation| operation.takes_json || operation.takes_bytes);
    // All at once, so that their waiting costs the time of one.
    let open: Vec<(&Operation, TcpStream)> = with_body
        .map(|operation| {
            let kind = if operation.takes_json { JSON } else { BYTES };
            let head = format!(
                "{} {} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nSec-Fetch-Site: same-origin\r\n{}{kind}\
                 Content-Length: 1000\r\n\r\n{{",
                operation.method, operation.path, owner.address, owner.cookie
            );
            let mut stream = TcpStream::connect(owner.address).expect("a connection");
            stream.set_read_timeout(Some(Duration::from_mins(1))).expect("a limit");
            stream.write_all(head.as_bytes()).expect("it is taken");
            (operation, stream)
        })
        .collect();
    assert_eq!(owner.get("/v1/identity/me").status, 200, "others are answered meanwhile");
    for (operation, mut stream) in open {
        let mut answer = Vec::new();
        // A reset after the answer takes nothing away from it.
        let _end = stream.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.starts_with("HTTP/1.1 408 "), "{}: {answer}", operation.id);
    }
    assert_eq!(owner.get("/v1/identity/me").status, 200);
}

#[test]
fn a_list_of_values_is_no_object() {
    let house = Site::new(EngineKind::Sqlite).start();
    let refused = house.set_up().post("/v1/panels", &json!(["A title"]));
    assert_eq!((refused.status, refused.code().as_str()), (422, "server.body_invalid"), "{}", refused.text());
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
            assert_eq!(answer.status, status, "{query}: {}", answer.text());
            assert!(!answer.code().is_empty(), "{query}: {}", answer.text());
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
