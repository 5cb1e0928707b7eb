//! Dependencies point down, contexts stand side by side: checked on `cargo metadata`.
use std::path::Path;

use anyhow::Result;
use cargo_metadata::{DependencyKind, MetadataCommand};

use super::Finding;

/// A crate may depend on crates of a lower tier only; `wh-dataset` and `wh-server` share one and do not meet.
const TIERS: &[(&str, u8)] = &[
    ("wh-contract", 0),
    ("wh-base", 1),
    ("wh-db", 2),
    ("wh-reader", 2),
    ("wh-cli", 2),
    ("wh-telemetry", 2),
    ("wh-server", 3),
    ("wh-dataset", 3),
    ("wh-identity", 4),
    ("wh-panels", 4),
    ("wh-system", 4),
    ("wh-backup", 4),
    ("wheelhouse", 5),
    ("wh-testkit", 5),
    ("xtask", 6),
    ("fuzz", 6),
    ("bench", 6),
];

pub fn check(root: &Path) -> Result<Vec<Finding>> {
    let metadata = MetadataCommand::new().manifest_path(root.join("Cargo.toml")).no_deps().exec()?;
    let mut findings = Vec::new();
    for package in &metadata.packages {
        let manifest = package.manifest_path.strip_prefix(&metadata.workspace_root)?.to_string();
        let mut wrong = |message: String| {
            findings.push(Finding { path: manifest.clone(), line: 0, rule: "dependencies", message });
        };
        let Some(own) = tier(&package.name) else {
            wrong(format!("{} has no tier in xtask/src/tidy/layers.rs", package.name));
            continue;
        };
        for dependency in &package.dependencies {
            let Some(other) = tier(&dependency.name) else { continue };
            if dependency.kind == DependencyKind::Normal && other >= own {
                wrong(format!(
                    "{} must not depend on {}: dependencies point down",
                    package.name, dependency.name
                ));
            }
        }
    }
    Ok(findings)
}

fn tier(name: &str) -> Option<u8> {
    TIERS.iter().find(|(of, _)| *of == name).map(|(_, tier)| *tier)
}
