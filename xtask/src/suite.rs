//! `make test`: installs what the tests need, runs every part, prints the runners' own closing lines, names what it skipped.
use std::path::Path;
use std::time::Instant;

use anyhow::{Result, bail};

use crate::advisories;
use crate::counterparts::{Testbed, VERSITYGW};
use crate::fuzz;
use crate::gen_files::{self, Mode};
use crate::packages;
use crate::run::{NPM_INSTALL, command, shown};
use crate::tidy;

/// Tests at once: one more than the two cores, because they wait for processes, disks and clocks too.
const RUST_TEST_THREADS: &str = "3";

type Part = (&'static str, fn(&Path, &Testbed) -> Result<()>);

/// In this order: quick refusals first; the web before the binary that embeds it.
const PARTS: &[Part] = &[
    ("check", checks),
    ("web", web),
    ("gen", generated),
    ("lint", lints),
    ("rust", rust),
    ("fuzz", fuzz::check),
    ("e2e", browser),
    ("packages", packages::check),
];

/// Run all parts, or those named. Each part's failure is kept until the end, so that one run shows all of them.
pub fn run(root: &Path, only: &[String]) -> Result<()> {
    if let Some(unknown) = only.iter().find(|name| !PARTS.iter().any(|(part, _)| part == name)) {
        let names: Vec<&str> = PARTS.iter().map(|(name, _)| *name).collect();
        bail!("no part `{unknown}`; there are: {}", names.join(", "));
    }
    let testbed = Testbed::open()?;
    let missing = testbed.install()?;
    for version in testbed.versions() {
        eprintln!("counterpart: {version}");
    }
    let mut lines = Vec::new();
    let mut failed = Vec::new();
    for (name, part) in PARTS.iter().filter(|(name, _)| only.is_empty() || only.iter().any(|o| o == name)) {
        let began = Instant::now();
        let result = part(root, &testbed);
        let word = if result.is_ok() { "ok" } else { "FAILED" };
        lines.push(format!("{name:<8} {word:<6} {:>5} s", began.elapsed().as_secs()));
        if let Err(e) = result {
            eprintln!("{name}: {e:#}");
            failed.push(*name);
        }
    }
    eprintln!("\n{}", lines.join("\n"));
    for want in missing.into_iter().chain(testbed.skipped()) {
        eprintln!("skipped for want of {want}");
    }
    if failed.is_empty() { Ok(()) } else { bail!("failed: {}", failed.join(", ")) }
}

fn checks(root: &Path, testbed: &Testbed) -> Result<()> {
    shown(&mut command("cargo", &["fmt", "--all", "--check"], root))?;
    tidy::check(root)?;
    shown(&mut command(testbed.tool("typos"), &[], root))?;
    shown(&mut command(testbed.tool("cargo-deny"), &["check", "bans", "licenses", "sources"], root))?;
    advisories::check(root, testbed)
}

fn web(root: &Path, _: &Testbed) -> Result<()> {
    let web = root.join("web");
    shown(&mut command("npm", NPM_INSTALL, &web))?;
    shown(&mut command("npm", &["run", "check"], &web))?;
    shown(&mut command("npm", &["test"], &web))?;
    shown(&mut command("npm", &["run", "build"], &web))
}

fn generated(root: &Path, _: &Testbed) -> Result<()> {
    gen_files::generate(root, Mode::Compare)
}

fn lints(root: &Path, _: &Testbed) -> Result<()> {
    shown(&mut command("cargo", &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"], root))
}

fn rust(root: &Path, testbed: &Testbed) -> Result<()> {
    let mut tests = command("cargo", &["test", "--workspace", "--no-fail-fast"], root);
    tests.env("RUST_TEST_THREADS", RUST_TEST_THREADS);
    tests.env("WHEELHOUSE_TESTBED", &testbed.folder).env("WHEELHOUSE_TEST_FLIGHTS", testbed.flights()?);
    match testbed.go_tool(&VERSITYGW) {
        Ok(gateway) => {
            tests.env("WHEELHOUSE_TEST_VERSITYGW", gateway);
        }
        Err(e) if testbed.strict => return Err(e),
        // The tests that need it say themselves that they are skipped.
        Err(e) => eprintln!("versitygw could not be had: {e:#}"),
    }
    shown(&mut tests)
}

fn browser(root: &Path, testbed: &Testbed) -> Result<()> {
    let e2e = root.join("e2e");
    shown(&mut command("npm", NPM_INSTALL, &e2e))?;
    shown(&mut command("npm", &["run", "types"], &e2e))?;
    let metadata =
        cargo_metadata::MetadataCommand::new().manifest_path(root.join("Cargo.toml")).no_deps().exec()?;
    let mut tests = command("npm", &["test"], &e2e);
    tests.env("WHEELHOUSE_TEST_BINARY", metadata.target_directory.join("debug/wheelhouse"));
    tests
        .env("WHEELHOUSE_TEST_FLIGHTS", testbed.flights()?)
        .env("WHEELHOUSE_TEST_PYTHON", testbed.tool("python"));
    shown(&mut tests)
}
