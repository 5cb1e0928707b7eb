//! Rules about SQL: whose tables a context names, that every write names its tenant, that every list has an end.
use super::{Finding, Source, text};

/// Crates that hold SQL, with the prefix of their own tables and whether those carry a tenant.
const OWNERS: &[(&str, &str)] = &[
    ("wh-identity", "identity_"),
    ("wh-panels", "panels_"),
    ("wh-dataset", "dataset_"),
    ("wh-system", "system_"),
];
const EXCEPTION: &str = "-- all tenants:";

pub fn check(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    let Some((name, prefix)) = OWNERS.iter().find(|(name, _)| source.crate_name() == Some(name)) else {
        return findings;
    };
    if source.is_test() || !source.is_rust() {
        return findings;
    }
    for literal in text::literals(&source.text) {
        let statement = literal.text.trim_start();
        let verb = statement.split_whitespace().next().unwrap_or("");
        if !matches!(verb, "SELECT" | "INSERT" | "UPDATE" | "DELETE" | "WITH")
            || statement.split_whitespace().count() < 3
        {
            continue;
        }
        for table in tables(statement).filter(|table| table.contains('_') && !table.starts_with(prefix)) {
            let message = format!("`{table}` is not a table of {name} ({prefix}*): ask through a port");
            findings.push(source.finding(literal.line, "tables", message));
        }
        let global = *name == "wh-identity";
        if !global && !statement.contains("tenant_id") && !statement.contains(EXCEPTION) {
            findings.push(source.finding(
                literal.line,
                "tenant",
                "every statement names tenant_id, or says `-- all tenants: <reason>`",
            ));
        }
    }
    if matches!(source.room(), Some("store" | "catalog")) {
        lists_end(source, &mut findings);
    }
    findings
}

/// The word after FROM, INTO, JOIN and a leading UPDATE.
fn tables(statement: &str) -> impl Iterator<Item = &str> {
    let words: Vec<&str> = statement.split_whitespace().collect();
    let mut found = Vec::new();
    for (at, pair) in words.windows(2).enumerate() {
        let names_table = matches!(pair[0], "FROM" | "INTO" | "JOIN") || (at == 0 && pair[0] == "UPDATE");
        let name = pair[1].trim_matches(|c: char| !c.is_alphanumeric() && c != '_');
        if names_table && !pair[1].starts_with('(') && !name.is_empty() {
            found.push(name);
        }
    }
    found.into_iter()
}

/// A function that fetches many rows holds a LIMIT, or says why its rows are few.
fn lists_end(source: &Source, findings: &mut Vec<Finding>) {
    let mut start = 0;
    let lines: Vec<&str> = source.text.lines().collect();
    for (number, line) in lines.iter().enumerate() {
        if line.contains("fn ") {
            start = number;
        }
        if line.contains(".rows(") {
            let body = lines[start..=number].join("\n");
            if !body.contains("LIMIT") && !body.contains("// bounded:") {
                findings.push(source.finding(
                    number + 1,
                    "limits",
                    "a list query needs a LIMIT, or `// bounded: <why>`",
                ));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules_of(text: &str) -> Vec<&'static str> {
        let path = "crates/wh-panels/src/store.rs".to_owned();
        check(&Source { path, text: text.to_owned() }).iter().map(|f| f.rule).collect()
    }

    #[test]
    fn each_rule_finds_what_it_is_for() {
        assert_eq!(rules_of("\"SELECT id FROM panels_panel WHERE tenant_id = $1\""), Vec::<&str>::new());
        assert_eq!(rules_of("\"SELECT id FROM identity_user WHERE tenant_id = $1\""), ["tables"]);
        assert_eq!(rules_of("\"INSERT INTO panels_panel (id) VALUES ($1)\""), ["tenant"]);
        assert_eq!(rules_of("\"DELETE FROM panels_panel -- all tenants: clean-up\""), Vec::<&str>::new());
        assert_eq!(rules_of("fn f() {\n tx.rows(sql, a)"), ["limits"]);
        assert_eq!(rules_of("fn f() {\n // bounded: five roles\n tx.rows(sql, a)"), Vec::<&str>::new());
    }
}
