//! Rules about a single file: how it opens, what it imports, what it must not hold.
use super::{Finding, Source, text};

/// What a room of a context must not import: the layer order without layer crates.
const FORBIDDEN_IMPORTS: &[(&str, &[&str])] = &[
    ("model", &["wh_db", "wh_server", "axum", "crate::store", "crate::service", "crate::http", "tokio"]),
    ("store", &["wh_server", "axum", "crate::service", "crate::http"]),
    ("service", &["axum", "crate::http"]),
    ("http", &["crate::store"]),
];
const CONTEXTS: &[&str] = &["wh-identity", "wh-panels", "wh-system"];
const LINES_FILE_MAX_NOTE: &str = "first line must be `//! <one sentence: what it is and what it is not>`";

pub fn check(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    if source.is_rust() {
        opens_with_a_sentence(source, &mut findings);
        imports(source, &mut findings);
        codes(source, &mut findings);
        attributes(source, &mut findings);
    }
    todos(source, &mut findings);
    findings
}

fn opens_with_a_sentence(source: &Source, findings: &mut Vec<Finding>) {
    let first = source.text.lines().next().unwrap_or("");
    if !(first.starts_with("//! ") && first.len() > 20) {
        findings.push(source.finding(1, "opening", LINES_FILE_MAX_NOTE));
    }
}

fn imports(source: &Source, findings: &mut Vec<Finding>) {
    let (Some(name), Some(room)) = (source.crate_name(), source.room()) else { return };
    if !CONTEXTS.contains(&name) || source.is_test() {
        return;
    }
    let Some((_, forbidden)) = FORBIDDEN_IMPORTS.iter().find(|(of, _)| *of == room) else { return };
    for (number, line) in text::code_only(&source.text).lines().enumerate() {
        for word in *forbidden {
            let used = line.trim_start().starts_with("use ") && line.contains(word)
                || line.contains(&format!("{word}::"));
            if used {
                findings.push(source.finding(number + 1, "layers", format!("{room} must not use {word}")));
            }
        }
        let listed =
            line.trim_start().starts_with("use crate::{") && room == "http" && line.contains("store");
        if listed {
            findings.push(source.finding(number + 1, "layers", "http must not use crate::store"));
        }
    }
}

/// Each `ErrorCode` constant stands in the `ALL` of its file, and its code begins with the crate's area.
fn codes(source: &Source, findings: &mut Vec<Finding>) {
    let Some(name) = source.crate_name().filter(|_| source.room() == Some("codes")) else { return };
    let area = match name {
        // The reader is a part of the datasets that has a crate of its own: its errors are theirs.
        "wh-reader" => "dataset",
        other => other.strip_prefix("wh-").unwrap_or(other),
    };
    let all = source.text.split_once("pub const ALL").map_or("", |(_, list)| list);
    for (number, line) in source.text.lines().enumerate() {
        let Some(constant) = line.strip_prefix("pub const ").and_then(|l| l.split_once(": ErrorCode")) else {
            continue;
        };
        if !all.contains(&format!("&{}", constant.0)) {
            findings.push(source.finding(number + 1, "codes", format!("{} is missing in ALL", constant.0)));
        }
        let rest: String = source.text.lines().skip(number).take(2).collect();
        if !rest.contains(&format!("\"{area}.")) {
            findings.push(source.finding(
                number + 1,
                "codes",
                format!("the code of {} must begin with `{area}.`", constant.0),
            ));
        }
    }
}

fn attributes(source: &Source, findings: &mut Vec<Finding>) {
    for (number, line) in text::code_only(&source.text).lines().enumerate() {
        let line = line.trim_start();
        if line.starts_with("#[allow(") || line.starts_with("#![allow(") {
            findings.push(source.finding(
                number + 1,
                "exceptions",
                "use #[expect(…, reason = \"…\")] instead of allow",
            ));
        }
        if line.starts_with("#[ignore") {
            findings.push(source.finding(number + 1, "tests", "a test that does not run proves nothing"));
        }
        if source.is_test() && line.contains("sleep(") {
            findings.push(source.finding(
                number + 1,
                "tests",
                "wait for what must happen, not for time to pass",
            ));
        }
    }
}

fn todos(source: &Source, findings: &mut Vec<Finding>) {
    for (number, line) in source.text.lines().enumerate() {
        let marker = ["TODO", "FIXME"]
            .iter()
            .any(|word| line.contains(&format!("{word} ")) || line.contains(&format!("{word}:")));
        if marker && !line.contains('#') && !source.path.starts_with("xtask/") {
            findings.push(source.finding(number + 1, "todo", "a TODO carries an issue number: `TODO #12`"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules_of(path: &str, text: &str) -> Vec<&'static str> {
        check(&Source { path: path.to_owned(), text: text.to_owned() }).iter().map(|f| f.rule).collect()
    }

    #[test]
    fn each_rule_finds_what_it_is_for() {
        let good = "//! What a panel is. Pure.\n";
        assert_eq!(rules_of("crates/wh-panels/src/model.rs", good), Vec::<&str>::new());
        assert_eq!(rules_of("crates/wh-panels/src/model.rs", "use x;\n"), ["opening"]);
        assert_eq!(
            rules_of("crates/wh-panels/src/model.rs", &format!("{good}use wh_db::Row;\n")),
            ["layers"]
        );
        assert_eq!(
            rules_of("crates/wh-panels/src/http/a.rs", &format!("{good}use crate::{{model, store}};\n")),
            ["layers"]
        );
        assert_eq!(
            rules_of("crates/wh-panels/src/x.rs", &format!("{good}#[allow(dead_code)]\n")),
            ["exceptions"]
        );
        assert_eq!(rules_of("crates/wh-panels/tests/it/x.rs", &format!("{good}sleep(1);\n")), ["tests"]);
        let code = "pub const A: ErrorCode = ErrorCode::new(\n    \"other.a\", Kind::Gone, \"\", \"\");\npub const ALL: &[&ErrorCode] = &[];\n";
        assert_eq!(rules_of("crates/wh-panels/src/codes.rs", &format!("{good}{code}")), ["codes", "codes"]);
    }
}
