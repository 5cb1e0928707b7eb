//! Builds the release binary and lets the benchmark driver loose on it.
use std::path::Path;

use anyhow::Result;

use crate::counterparts::Testbed;
use crate::run::{NPM_INSTALL, command, output, shown};

/// Build, then measure; the driver prints the table and writes `target/bench/latest.json`.
pub fn run(root: &Path, rest: &[String]) -> Result<()> {
    let testbed = Testbed::open()?;
    for missing in testbed.install()? {
        eprintln!("not measured for want of {missing}");
    }
    shown(&mut command("npm", NPM_INSTALL, &root.join("web")))?;
    shown(&mut command("npm", &["run", "build"], &root.join("web")))?;
    shown(&mut command("cargo", &["build", "--release", "-p", "wheelhouse", "-p", "bench"], root))?;
    let commit =
        output(&mut command("git", &["describe", "--always", "--dirty", "--abbrev=7", "--exclude=*"], root))
            .unwrap_or_default();
    let metadata =
        cargo_metadata::MetadataCommand::new().manifest_path(root.join("Cargo.toml")).no_deps().exec()?;
    let release = metadata.target_directory.join("release");
    let mut bench = command(release.join("bench"), &[], root);
    bench.arg("--binary").arg(release.join("wheelhouse")).arg("--flights").arg(testbed.flights()?);
    bench.arg("--commit").arg(commit.trim()).args(rest);
    shown(&mut bench)
}
