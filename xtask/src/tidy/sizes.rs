//! Small, and kept small: lines per file and per crate. Old sinners stand in `tidy.toml` and may only shrink.
use std::collections::BTreeMap;

use anyhow::{Context, Result};

use super::{Finding, Source};

const FILE_LINES_MAX: usize = 500;
const CRATE_LINES_MAX: usize = 10_000;
const BASE_LINES_MAX: usize = 3_000;
const CONTRACT_LINES_MAX: usize = 2_000;

#[derive(serde::Deserialize)]
struct Shrink {
    #[serde(default)]
    files: BTreeMap<String, usize>,
}

pub fn check(sources: &[Source], shrink: &str) -> Result<Vec<Finding>> {
    let shrink: Shrink = toml::from_str(shrink).context("xtask/tidy.toml")?;
    let mut findings = Vec::new();
    let mut crates: BTreeMap<&str, usize> = BTreeMap::new();
    for source in sources {
        let lines = source.text.lines().count();
        let listed = shrink.files.get(&source.path);
        match listed {
            None if lines > FILE_LINES_MAX => {
                findings.push(source.finding(
                    0,
                    "size",
                    format!("{lines} lines, at most {FILE_LINES_MAX}: split it"),
                ));
            }
            Some(before) if lines > *before => {
                findings.push(source.finding(
                    0,
                    "size",
                    format!("grew from {before} to {lines} lines: it may only shrink"),
                ));
            }
            Some(before) if lines < *before => {
                let message =
                    format!("shrank from {before} to {lines} lines: write that into xtask/tidy.toml");
                findings.push(source.finding(0, "size", message));
            }
            _ => {}
        }
        if let Some(name) = source.crate_name().filter(|_| source.path.contains("/src/")) {
            *crates.entry(name).or_default() += lines;
        }
    }
    for path in shrink.files.keys().filter(|path| !sources.iter().any(|source| &source.path == *path)) {
        findings.push(Finding {
            path: path.clone(),
            line: 0,
            rule: "size",
            message: "is gone: remove it from xtask/tidy.toml".to_owned(),
        });
    }
    for (name, lines) in crates {
        let most = match name {
            "wh-contract" => CONTRACT_LINES_MAX,
            "wh-base" => BASE_LINES_MAX,
            _ => CRATE_LINES_MAX,
        };
        if lines > most {
            let message = format!("{lines} lines, at most {most}");
            findings.push(Finding { path: format!("crates/{name}"), line: 0, rule: "size", message });
        }
    }
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listed_file_may_only_shrink_and_must_say_so() {
        let source =
            |lines: usize| vec![Source { path: "web/src/a.ts".to_owned(), text: "x\n".repeat(lines) }];
        let count = |lines, list| check(&source(lines), list).unwrap().len();
        assert_eq!(count(500, ""), 0);
        assert_eq!(count(501, ""), 1);
        let list = "[files]\n\"web/src/a.ts\" = 600\n";
        assert_eq!((count(600, list), count(601, list), count(599, list)), (0, 1, 1));
    }
}
