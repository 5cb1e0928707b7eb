//! Known holes and withdrawn versions among the crates, looked for where a copy of RUSTSEC's database is. No package registry serves
//! it, so its absence is a named skip, also in CI.
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use toml_edit::{DocumentMut, value};

use crate::counterparts::Testbed;
use crate::run::{command, output, shown};

/// Names a clone of the database's repository.
const VARIABLE: &str = "WHEELHOUSE_TEST_ADVISORIES";
/// The clone in the testbed's folder, where the variable names none.
const KEPT: &str = "advisory-db";
/// What cargo-deny calls its own copy of it: a name and a hash of the address.
const COPY: &str = "advisory-db-3157b0e258782691";

/// Look through the crates of `Cargo.lock`. Nothing is fetched.
pub fn check(root: &Path, testbed: &Testbed) -> Result<()> {
    let Some(database) = database(testbed)? else {
        let kept = testbed.folder.join(KEPT);
        testbed.skip(&format!(
            "RUSTSEC's advisory database: a clone named by {VARIABLE}, or {} (advisories and yanked crates)",
            kept.display()
        ));
        return Ok(());
    };
    let day = output(&mut command("git", &["log", "-1", "--format=%cs"], &database))?;
    eprintln!("counterpart: advisories of {}", day.trim());
    let copies = testbed.folder.join("advisories");
    fs::create_dir_all(&copies)?;
    let copy = copies.join(COPY);
    if copy.is_symlink() {
        fs::remove_file(&copy)?;
    }
    symlink(fs::canonicalize(&database)?, &copy)?;
    let mut settings: DocumentMut = fs::read_to_string(root.join("deny.toml"))?.parse()?;
    settings["advisories"]["db-path"] = value(copies.to_string_lossy().into_owned());
    let config = copies.join("deny.toml");
    fs::write(&config, settings.to_string())?;
    let mut deny = command(testbed.tool("cargo-deny"), &["--offline", "--locked", "--config"], root);
    shown(deny.arg(config).args(["check", "advisories"]))
}

/// The clone, if there is one. One that is named must be there.
#[expect(clippy::disallowed_methods, reason = "the test command is configured by the environment")]
fn database(testbed: &Testbed) -> Result<Option<PathBuf>> {
    if let Some(named) = std::env::var_os(VARIABLE).map(PathBuf::from) {
        ensure!(
            named.join("crates").is_dir(),
            "{VARIABLE} names {}, which is no such clone",
            named.display()
        );
        return Ok(Some(named));
    }
    let kept = testbed.folder.join(KEPT);
    Ok(kept.join("crates").is_dir().then_some(kept))
}
