//! The manual: every page is there, no link leads nowhere, every code and every operation has its place, the search finds them.
use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use wh_testkit::engines::EngineKind;

use crate::house::{Person, Site, wheelhouse};

/// Addresses in `href`s of a document.
fn links(html: &str) -> BTreeSet<String> {
    let parts = html.split("href=\"").skip(1);
    parts.filter_map(|part| part.split_once('"')).map(|(link, _)| link.replace("&amp;", "&")).collect()
}

fn html(reader: &Person, path: &str) -> String {
    let answer = reader.get(path);
    assert_eq!(answer.status, 200, "{path}");
    assert_eq!(
        answer.headers.get("content-type").map(String::as_str),
        Some("text/html; charset=utf-8"),
        "{path}"
    );
    answer.text()
}

#[test]
fn no_link_of_the_manual_is_dead() {
    let house = Site::new(EngineKind::Sqlite).start();
    let reader = house.nobody();
    let mut pages: BTreeMap<String, String> = BTreeMap::new();
    let mut open = vec!["/docs".to_owned()];
    let mut wanted: BTreeSet<(String, String, String)> = BTreeSet::new();
    while let Some(path) = open.pop() {
        if pages.contains_key(&path) {
            continue;
        }
        let text = html(&reader, &path);
        for link in links(&text) {
            let (to, fragment) = link.split_once('#').unwrap_or((&link, ""));
            let to = if to.is_empty() { path.as_str() } else { to };
            if to == "/" || to == "/favicon.svg" || to == "/docs/style.css" || to.contains("://") {
                continue;
            }
            assert!(to.starts_with("/docs"), "{path} links to {link}, which is not in the manual");
            wanted.insert((path.clone(), to.to_owned(), fragment.to_owned()));
            open.push(to.to_owned());
        }
        pages.insert(path, text);
    }
    for (from, to, fragment) in wanted {
        let there = fragment.is_empty() || pages[&to].contains(&format!("id=\"{fragment}\""));
        assert!(there, "{from} links to {to}#{fragment}, which has no such place");
    }
    assert!(pages.len() > 30, "{} pages", pages.len());
}

#[test]
fn every_operation_code_permission_and_setting_has_its_place() {
    let house = Site::new(EngineKind::Sqlite).start();
    let reader = house.nobody();
    let spec = reader.get("/v1/openapi.json").json();
    for methods in spec["paths"].as_object().unwrap().values() {
        for operation in methods.as_object().unwrap().values() {
            let id = operation["operationId"].as_str().unwrap();
            let page = html(&reader, &format!("/docs/operations/{id}"));
            assert!(
                page.contains("curl -sS") && page.contains("wheelhouse "),
                "{id} does not say how it is called"
            );
        }
    }
    let errors = html(&reader, "/docs/errors");
    for code in spec["x-error-table"].as_object().unwrap().keys() {
        assert!(errors.contains(&format!("id=\"{code}\"")), "{code} has no place");
    }
    let permissions = html(&reader, "/docs/permissions");
    for permission in spec["x-permissions"].as_array().unwrap() {
        assert!(permissions.contains(permission["name"].as_str().unwrap()), "{permission}");
    }
    let settings = html(&reader, "/docs/settings");
    let keys = keys();
    assert!(keys.len() > 60, "{} keys", keys.len());
    for key in keys {
        let variable = format!("WHEELHOUSE_{}", key.replace('.', "_").to_uppercase());
        let places = settings.matches(&format!("id=\"{key}\"")).count();
        assert!(places == 1 && settings.contains(&format!("<code>{variable}</code>")), "{key}");
    }
}

/// `server.listen` and all the others, as the default file names them.
fn keys() -> Vec<String> {
    let output = wheelhouse().args(["config", "default"]).output().expect("it starts");
    let file = String::from_utf8(output.stdout).expect("text");
    let (mut section, mut keys) = (String::new(), Vec::new());
    for line in file.lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            name.clone_into(&mut section);
        } else if let Some((key, _)) = line.strip_prefix('#').and_then(|line| line.split_once(" = ")) {
            // A sentence begins behind a blank.
            if !key.starts_with(' ') {
                keys.push(format!("{section}.{key}"));
            }
        }
    }
    keys
}

#[test]
fn every_context_has_its_page() {
    let house = Site::new(EngineKind::Sqlite).start();
    let reader = house.nobody();
    let spec = reader.get("/v1/openapi.json").json();
    let operations =
        spec["paths"].as_object().unwrap().values().flat_map(|item| item.as_object().unwrap().values());
    // The module of each operation; what the front door answers itself belongs to no context.
    let contexts: BTreeSet<&str> = operations
        .map(|operation| operation["tags"][0].as_str().unwrap())
        .filter(|tag| *tag != "server")
        .collect();
    assert!(contexts.len() >= 3, "{contexts:?}");
    for context in contexts {
        let page = html(&reader, &format!("/docs/contexts/{context}"));
        assert!(page.contains(&format!("/v1/{context}/")), "the page of {context} does not say where it is");
    }
}

/// The type of a field, and what it may hold besides `null`.
fn resolved<'a>(spec: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str().and_then(|name| name.rsplit('/').next()) {
        Some(name) => &spec["components"]["schemas"][name],
        None => schema,
    }
}

#[test]
fn every_parameter_is_described_and_every_text_that_is_typed_has_an_example() {
    let house = Site::new(EngineKind::Sqlite).start();
    let spec = house.nobody().get("/v1/openapi.json").json();
    let is_free_text = |schema: &Value| {
        let is_text =
            schema["type"] == "string" || schema["type"].as_array().is_some_and(|all| all[0] == "string");
        is_text && schema["enum"].is_null() && schema["format"].is_null()
    };
    // Made by the server, or by whoever calls: there is nothing to copy.
    let is_own = |name: &str| matches!(name, "cursor" | "Idempotency-Key" | "options" | "hints");
    for operation in
        spec["paths"].as_object().unwrap().values().flat_map(|item| item.as_object().unwrap().values())
    {
        let id = &operation["operationId"];
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let name = parameter["name"].as_str().unwrap();
            assert!(parameter["description"].as_str().is_some_and(|text| !text.is_empty()), "{id} {name}");
            let shown = !is_free_text(&parameter["schema"]) || !parameter["example"].is_null();
            assert!(shown || is_own(name), "{id}: {name} has no example");
        }
        let body = resolved(&spec, &operation["requestBody"]["content"]["application/json"]["schema"]);
        for (name, field) in body["properties"].as_object().into_iter().flatten() {
            let list = &field["items"];
            let text = if list.is_object() { list } else { field };
            assert!(!is_free_text(text) || text["examples"].is_array(), "{id}: {name} has no example");
        }
    }
}

#[test]
fn a_page_tells_what_an_answer_holds_down_to_its_last_field() {
    let house = Site::new(EngineKind::Sqlite).start();
    let reader = house.nobody();
    let list = html(&reader, "/docs/operations/panel_list");
    assert!(
        list.contains("<code>items[].title</code>") && list.contains("href=\"#datasetcolumn\""),
        "{list}"
    );
    assert!(list.contains("1 to 200") && list.contains("default <code>50</code>"), "{list}");
    let rows = html(&reader, "/docs/operations/row_list");
    for place in ["datasetfilter", "datasetcondition", "datasetsortkey"] {
        assert!(rows.contains(&format!("<h3 id=\"{place}\">")), "{place}: {rows}");
    }
    assert!(
        rows.contains("<code>not_contains</code>") && rows.contains("list of list of anything"),
        "{rows}"
    );
    let import = html(&reader, "/docs/operations/import_create");
    assert!(import.contains("<h3 id=\"datasetreadoptions\">"), "{import}");
    assert!(html(&reader, "/docs/operations/import_preview").contains("<h3 id=\"datasetreadhints\">"));
}

#[test]
fn the_search_finds_words_and_shows_none_of_them_as_markup() {
    let house = Site::new(EngineKind::Sqlite).start();
    let reader = house.nobody();
    let codes = links(&html(&reader, "/docs/search?q=db.busy"));
    assert!(codes.contains("/docs/errors#db.busy"), "{codes:?}");
    let settings = links(&html(&reader, "/docs/search?q=statement_ms_max"));
    assert!(settings.contains("/docs/settings#database.statement_ms_max"), "{settings:?}");
    let panels = links(&html(&reader, "/docs/search?q=panel_create"));
    assert!(panels.contains("/docs/operations/panel_create#panel_create"), "{panels:?}");
    // The first eight different words count, however often they stand there: a long list of words is no long work.
    let hits = |words: &str| links(&html(&reader, &format!("/docs/search?q={words}"))).len();
    let none = hits("nosuchword");
    assert_eq!(hits("e+t+a+o+i+n+s+nosuchword"), none, "every one of them must be there");
    assert!(hits("e+t+a+o+i+n+s+r+nosuchword") > none);
    assert_eq!(hits("E+e+t+e+e+a+o+i+e+n+e+s+nosuchword"), none, "the same word is one word");
    let nasty = html(&reader, "/docs/search?q=%3Cscript%3Ealert(1)%3C/script%3E");
    assert!(!nasty.contains("<script>") && nasty.contains("&lt;script&gt;"));
    let missing = reader.get("/docs/no/%3Cb%3E");
    assert_eq!(missing.status, 404);
    assert!(!missing.text().contains("<b>"));
    let policy = reader.get("/docs").headers.get("content-security-policy").cloned().unwrap_or_default();
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe-inline"), "{policy}");
}
