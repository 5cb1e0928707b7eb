//! The rules of STYLE as a program: reads files and `cargo metadata`, changes nothing, takes under two seconds.
mod layers;
mod rules;
mod sizes;
mod sql;
mod text;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use ignore::WalkBuilder;

/// One file with its path from the root.
pub struct Source {
    /// With forward slashes, for example `crates/wh-db/src/lib.rs`.
    pub path: String,
    /// Its whole text.
    pub text: String,
}

impl Source {
    /// The crate's folder name, if it lies in one.
    fn crate_name(&self) -> Option<&str> {
        self.path.strip_prefix("crates/")?.split('/').next()
    }

    /// `model`, `store`, `http` and so on for a file of a crate's `src`, folders counting as the file of their name.
    fn room(&self) -> Option<&str> {
        let (_, inside) = self.path.split_once("/src/")?;
        let first = inside.split('/').next()?;
        Some(first.strip_suffix(".rs").unwrap_or(first))
    }

    fn is_rust(&self) -> bool {
        Path::new(&self.path).extension().is_some_and(|ending| ending == "rs")
    }

    fn is_test(&self) -> bool {
        self.path.contains("/tests/")
    }

    fn finding(&self, line: usize, rule: &'static str, message: impl Into<String>) -> Finding {
        Finding { path: self.path.clone(), line, rule, message: message.into() }
    }
}

/// One broken rule.
#[derive(Debug, PartialEq, Eq)]
pub struct Finding {
    /// The file.
    pub path: String,
    /// From 1; 0 for the file as a whole.
    pub line: usize,
    /// The rule's short name.
    pub rule: &'static str,
    /// What is wrong and what to do.
    pub message: String,
}

/// Check the whole tree and print each finding.
pub fn check(root: &Path) -> Result<()> {
    let sources = sources(root)?;
    let mut findings = layers::check(root)?;
    for source in &sources {
        findings.extend(rules::check(source));
        findings.extend(sql::check(source));
    }
    let shrink = fs::read_to_string(root.join("xtask/tidy.toml")).context("xtask/tidy.toml")?;
    findings.extend(sizes::check(&sources, &shrink)?);
    findings.sort_by(|a, b| (&a.path, a.line).cmp(&(&b.path, b.line)));
    for finding in &findings {
        eprintln!("{}:{}: {}: {}", finding.path, finding.line, finding.rule, finding.message);
    }
    if !findings.is_empty() {
        bail!("tidy: {} findings in {} files", findings.len(), sources.len());
    }
    eprintln!("tidy: {} files, no findings", sources.len());
    Ok(())
}

fn sources(root: &Path) -> Result<Vec<Source>> {
    let mut sources = Vec::new();
    for entry in WalkBuilder::new(root).hidden(false).build() {
        let entry = entry?;
        let path = entry.path();
        let wanted = path.extension().is_some_and(|e| e == "rs" || e == "ts" || e == "tsx" || e == "sql");
        let inside = path.strip_prefix(root)?.to_string_lossy().replace('\\', "/");
        if !wanted || inside.starts_with("target/") || inside.starts_with(".git/") || inside.contains(".gen.")
        {
            continue;
        }
        sources.push(Source { path: inside, text: fs::read_to_string(path)? });
    }
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(sources)
}
