//! The manual: every page is there, no link leads nowhere, every code and every operation has its place, the search finds them.
use std::collections::{BTreeMap, BTreeSet};

use wh_testkit::engines::EngineKind;

use crate::house::{Person, Site};

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
    assert!(settings.contains("statement_ms_max") && settings.contains("session_idle_s"));
}

#[test]
fn the_search_finds_words_and_shows_none_of_them_as_markup() {
    let house = Site::new(EngineKind::Sqlite).start();
    let reader = house.nobody();
    assert!(
        links(&html(&reader, "/docs/search?q=db.busy")).iter().any(|link| link.starts_with("/docs/errors"))
    );
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
