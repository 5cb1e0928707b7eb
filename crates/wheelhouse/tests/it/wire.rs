//! The program's answers on the wire: the web app and its headers, spec, problems outside `/v1`.
use std::path::Path;

use wh_testkit::engines::EngineKind;

use crate::house::Site;

#[test]
fn a_page_has_a_strict_policy_with_a_new_nonce_each_time() {
    let house = Site::new(EngineKind::Sqlite).start();
    let (first, second) = (house.nobody().get("/panels"), house.nobody().get("/panels"));
    let policy = first.headers.get("content-security-policy").expect("a policy").clone();
    assert!(policy.contains("'nonce-") && policy.contains("require-trusted-types-for 'script'"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_ne!(Some(&policy), second.headers.get("content-security-policy"), "a nonce is used once");
    assert_eq!(first.headers.get("cache-control").map(String::as_str), Some("no-store"));
    assert_eq!(first.headers.get("x-content-type-options").map(String::as_str), Some("nosniff"));
}

#[test]
fn what_is_not_there_is_a_problem_and_not_the_app() {
    let house = Site::new(EngineKind::Sqlite).start();
    for path in ["/v1/nope", "/assets/nope.js", "/favicon-nope.png"] {
        let answer = house.nobody().get(path);
        assert_eq!(answer.status, 404, "{path}");
        assert!(!answer.code().is_empty(), "{path}: {}", answer.text());
    }
}

#[test]
fn every_page_of_the_app_is_there_and_no_other() {
    let house = Site::new(EngineKind::Sqlite).start();
    let router = concat!(env!("CARGO_MANIFEST_DIR"), "/../../web/src/app/router.tsx");
    let router = std::fs::read_to_string(router).unwrap();
    let paths: Vec<&str> = router
        .split("path: '")
        .skip(1)
        .filter_map(|rest| rest.split('\'').next())
        .filter(|path| path.starts_with('/'))
        .collect();
    assert!(paths.contains(&"/panels/$id/import"), "{paths:?}");
    for path in paths {
        let path = path.replace("$id", "0198c0de-0000-7000-8000-000000000000");
        assert_eq!(house.nobody().get(&path).status, 200, "{path}");
    }
    for path in ["/nowhere", "/panels/zzz", "/.git/config", "/panels/new/import"] {
        let answer = house.nobody().get(path);
        assert_eq!(answer.status, 404, "{path}");
        assert!(answer.text().contains("<title>"), "{path}: the app itself says that there is nothing");
    }
    assert_eq!(house.nobody().get("/favicon.ico").status, house.nobody().get("/favicon.svg").status);
}

#[test]
fn a_file_of_the_app_comes_in_a_coding_that_is_taken_and_only_once() {
    let house = Site::new(EngineKind::Sqlite).start();
    let nobody = house.nobody();
    let page = nobody.get("/").text();
    let is_script = |part: &&str| Path::new(part).extension().is_some_and(|ending| ending == "js");
    let script = page.split('"').filter(|part| part.starts_with("/assets/")).find(is_script);
    let script = script.expect("a script").to_owned();
    let coding = |accepted: &str| {
        let answer = nobody.send("GET", &script, &format!("Accept-Encoding: {accepted}\r\n"), b"");
        assert_eq!(answer.status, 200, "{accepted}");
        assert_eq!(
            answer.headers.get("cache-control").map(String::as_str),
            Some("public, max-age=31536000, immutable")
        );
        assert_eq!(answer.headers.get("vary").map(String::as_str), Some("accept-encoding"));
        answer.headers.get("content-encoding").cloned()
    };
    assert_eq!(coding("gzip, deflate, br, zstd").as_deref(), Some("br"));
    assert_eq!(coding("gzip;q=0.5, br;q=1.0").as_deref(), Some("br"));
    assert_eq!(coding("br;q=0, gzip").as_deref(), Some("gzip"));
    assert_eq!(coding("identity"), None);
    assert_eq!(coding("br;q=0, gzip;q=0.0"), None);

    let tag = nobody.get(&script).headers.get("etag").expect("a tag").clone();
    for known in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}"), "*".to_owned()] {
        let answer = nobody.send("GET", &script, &format!("If-None-Match: {known}\r\n"), b"");
        assert_eq!(answer.status, 304, "{known}");
    }
    assert_eq!(nobody.send("GET", &script, "If-None-Match: \"other\"\r\n", b"").status, 200);
}

#[test]
fn the_served_spec_is_the_committed_one() {
    let house = Site::new(EngineKind::Sqlite).start();
    let committed = concat!(env!("CARGO_MANIFEST_DIR"), "/../../spec/openapi.json");
    let committed: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(committed).unwrap()).unwrap();
    assert_eq!(house.nobody().get("/v1/openapi.json").json(), committed, "run `make gen`");
}

#[test]
fn a_foreign_host_is_refused() {
    let house = Site::new(EngineKind::Sqlite).start();
    let mut stream = std::net::TcpStream::connect(house.address).unwrap();
    std::io::Write::write_all(
        &mut stream,
        b"GET /health HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
    )
    .unwrap();
    let mut answer = String::new();
    std::io::Read::read_to_string(&mut stream, &mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 421"), "{answer}");
}

#[test]
fn what_browsers_report_is_counted_and_proves_nothing() {
    let site = Site::new(EngineKind::Sqlite);
    let house = site.start();
    let nobody = house.nobody();
    let report = |body: &[u8]| nobody.send("POST", "/csp-reports", "Sec-Fetch-Site: cross-site\r\n", body);
    let listed = r#"[{"type":"csp-violation","body":{"effectiveDirective":"script-src-elem","blockedURL":"inline"}},
        {"type":"deprecation","body":{}},
        {"type":"csp-violation","body":{"effectiveDirective":"made-up\nby somebody","documentURL":7}}]"#;
    let single =
        r#"{"csp-report":{"effective-directive":"img-src","blocked-uri":"https://evil.example/?secret"}}"#;
    for body in [listed, single, "[]", "{}", "7"] {
        assert_eq!(report(body.as_bytes()).status, 204, "{body}");
    }
    let operator = house.set_up();
    let figures = operator.get("/metrics").text();
    for directive in ["script-src-elem", "img-src", "other"] {
        let line = format!("csp_violations_total{{directive=\"{directive}\"}} 1");
        assert!(figures.contains(&line), "{line}");
    }
    assert!(!figures.contains("made-up"), "labels are ours");
    let many = format!(
        "[{}]",
        vec![r#"{"type":"csp-violation","body":{"effectiveDirective":"font-src"}}"#; 500].join(",")
    );
    assert_eq!(report(many.as_bytes()).status, 204);
    assert!(operator.get("/metrics").text().contains("csp_violations_total{directive=\"font-src\"} 500"));
    assert_eq!(report(b"no json").code(), "server.body_unreadable");
    let long = format!("[\"{}\"]", "x".repeat(70_000));
    assert_eq!(report(long.as_bytes()).code(), "server.body_too_large");
    assert_eq!(nobody.get("/csp-reports").status, 405);
    // Everything else still asks where a change comes from.
    let elsewhere = nobody.send("POST", "/csp-reports/", "Sec-Fetch-Site: cross-site\r\n", b"[]");
    assert_eq!(elsewhere.code(), "server.cross_origin");
}
