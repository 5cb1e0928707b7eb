//! What is told in the middle of a request, also by a task that it waits for, can be joined to it.
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::Logged;
use crate::house::{PASSWORD, Person, sites};

/// The rows of all panels are lost: their files are gone.
fn lose_rows(folder: &Path) -> usize {
    let mut lost = 0;
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            lost += lose_rows(&path);
        } else if path.extension().is_some_and(|extension| extension == "parquet") {
            fs::remove_file(&path).expect("it is there");
            lost += 1;
        }
    }
    lost
}

fn signed_in(house: &Logged, cookie: &str) -> Person {
    Person { cookie: format!("Cookie: {cookie}\r\n"), ..house.nobody.clone() }
}

#[test]
fn a_line_in_the_middle_of_a_request_names_it_and_who_asked() {
    for site in sites() {
        let house = Logged::start(site.folder.path(), "", &[]);
        let body = json!({ "token": house.token, "company": "Acme", "name": "Olga", "email": "olga@acme.example", "password": PASSWORD });
        let cookie = house.nobody.post("/v1/identity/setup", &body).cookie().expect("a cookie");
        let owner = signed_in(&house, &cookie);
        let panel = owner.panel("lost");
        assert_eq!(owner.import(&panel, "replace", b"a,b\n1,2\n").status, 201);
        house.end();
        assert!(lose_rows(&site.folder.path().join("objects")) > 0);

        let house = Logged::start(site.folder.path(), "", &[]);
        let answer = signed_in(&house, &cookie).get(&format!("/v1/panels/{panel}/rows"));
        assert!(answer.status >= 500, "{}", answer.text());
        let request = Value::from(answer.headers["x-request-id"].as_str());
        let (text, lines) = house.end();
        let told = |message: &str| {
            let is_it = |line: &&std::collections::BTreeMap<String, Value>| {
                line.get("message").is_some_and(|text| text == message)
            };
            let mut found = lines.iter().filter(is_it);
            found.next().unwrap_or_else(|| panic!("no `{message}` in {text}"))
        };
        let (inside, whole) = (told("a dataset could not be loaded"), told("request"));
        assert_eq!((&inside["requestId"], &whole["requestId"]), (&request, &request));
        assert_eq!(inside["operation"], "row_list");
        for name in ["operation", "userId", "tenantId"] {
            assert!(inside.get(name).is_some_and(Value::is_string), "{name} is missing in {inside:?}");
            assert_eq!(inside.get(name), whole.get(name));
        }
        // Nothing is said twice in a line.
        for line in text.lines() {
            for name in ["requestId", "operation", "userId", "tenantId"] {
                assert!(line.matches(&format!("\"{name}\":")).count() <= 1, "{line}");
            }
        }
    }
}
