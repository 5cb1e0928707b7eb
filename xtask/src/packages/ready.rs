//! A release without its long build: packed from the binary of the tests, its sums checked, its SBOM read by others.
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::{Place, Scratch, said};
use crate::release;
use crate::run::{answers, command};

/// The schema of `CycloneDX`, strictly; the file's name is the argument.
const VALIDATE: &str = "import sys\n\
    from cyclonedx.schema import SchemaVersion\n\
    from cyclonedx.validation.json import JsonStrictValidator\n\
    found = JsonStrictValidator(SchemaVersion.V1_5).validate_str(open(sys.argv[1]).read())\n\
    sys.exit(str(found) if found else 0)\n";

pub(super) fn check(place: &Place<'_>) -> Result<()> {
    if !answers("strip", "--version") {
        return place.without("strip");
    }
    let scratch = Scratch::new("release")?;
    let refused = release::run(place.root, Some(place.binary.clone()), Some(scratch.0.join("refused")));
    let words = refused.err().map(|error| error.to_string()).unwrap_or_default();
    ensure!(words.contains("is not stripped"), "a binary with symbols is packed: {words}");
    let without = release::keeps_its_data(&scratch.0, "0.0.0");
    ensure!(without.is_err(), "a release is packed of which no data is kept");
    let binary = scratch.0.join("wheelhouse");
    said(Command::new("strip").arg("-o").arg(&binary).arg(&place.binary))?;
    let (one, two) = (scratch.0.join("one"), scratch.0.join("two"));
    release::run(place.root, Some(binary.clone()), Some(one.clone()))?;
    release::run(place.root, Some(binary), Some(two.clone()))?;
    said(&mut command("sha256sum", &["--check", "--strict", "SHA256SUMS"], &one))?;
    let (archive, sbom) = (file(&one, ".tar.gz")?, file(&one, ".cdx.json")?);
    for name in [&archive, &sbom] {
        ensure!(fs::read(one.join(name))? == fs::read(two.join(name))?, "{name} is another one each time");
    }
    unpacked(&scratch.0, &one.join(&archive))?;
    let sbom = one.join(sbom);
    inside(&fs::read_to_string(&sbom)?)?;
    let python = place.testbed.tool("python");
    said(&mut command(python, &["-c", VALIDATE, &sbom.to_string_lossy()], &scratch.0)).map(drop)
}

/// The one file with that ending.
fn file(folder: &Path, ending: &str) -> Result<String> {
    let sums = fs::read_to_string(folder.join("SHA256SUMS"))?;
    let names = sums.lines().filter_map(|line| line.split_once("  ")).map(|(_, name)| name);
    let found: Vec<&str> = names.filter(|name| name.ends_with(ending)).collect();
    ensure!(found.len() == 1, "files with {ending}: {found:?}");
    Ok(found[0].to_owned())
}

/// The archive holds a binary that runs.
fn unpacked(scratch: &Path, archive: &Path) -> Result<()> {
    said(command("tar", &["--extract", "--file"], scratch).arg(archive))?;
    let name = archive.file_name().and_then(|name| name.to_str()).context("a name")?;
    let folder: PathBuf = scratch.join(name.trim_end_matches(".tar.gz"));
    said(&mut command(folder.join("wheelhouse"), &["config", "default"], scratch))?;
    for companion in ["LICENSE", "CHANGELOG.md", "wheelhouse.service"] {
        ensure!(folder.join(companion).exists(), "{companion} is missing");
    }
    Ok(())
}

/// What runs is there, what only tests is not, and every reference leads to a component.
fn inside(text: &str) -> Result<()> {
    let document: Value = serde_json::from_str(text)?;
    let components = document["components"].as_array().context("it has components")?;
    let names: Vec<&str> = components.iter().filter_map(|one| one["name"].as_str()).collect();
    for wanted in ["tokio", "rustls", "libsqlite3-sys", "wh-db", "react", "wheelhouse-web"] {
        ensure!(names.contains(&wanted), "{wanted} is missing");
    }
    for foreign in ["proptest", "insta", "wh-testkit", "xtask", "bench", "vite", "vitest"] {
        ensure!(!names.contains(&foreign), "{foreign} is not part of a release");
    }
    let known: Vec<&str> = components.iter().filter_map(|one| one["bom-ref"].as_str()).collect();
    for edge in document["dependencies"].as_array().into_iter().flatten() {
        for on in edge["dependsOn"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            ensure!(known.contains(&on), "{} needs {on}, which is no component", edge["ref"]);
        }
    }
    Ok(())
}
