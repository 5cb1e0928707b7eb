//! The fuzz targets, for a bounded time each: the committed corpus first, then what libFuzzer makes of it. The same seed and the
//! same number of runs each time, so that a change that has nothing to do with it is not held up by luck.
use std::path::Path;
use std::process::{Child, Command};

use anyhow::{Context, Result, bail};

use crate::counterparts::Testbed;
use crate::run::{command, shown};

/// Targets with how often each is run: what takes about ten seconds on one core.
const TARGETS: &[(&str, u32)] =
    &[("reader", 40_000), ("filter", 150_000), ("cursor", 60_000), ("config", 16_000)];
/// However slow the machine.
const SECONDS_MAX: u32 = 60;
/// An input that takes longer is a finding.
const INPUT_SECONDS_MAX: u32 = 10;
const MEMORY_MB_MAX: u32 = 1_024;

/// Build all targets, then run them, two at a time.
pub fn check(root: &Path, _: &Testbed) -> Result<()> {
    // The whole workspace, so that dependencies have the features that the tests gave them, and with examples, of which there
    // are none, because those of development count then too: nothing that is compiled already is compiled again.
    let mut build =
        command("cargo", &["build", "--workspace", "--features", "fuzz/libfuzzer", "--examples"], root);
    build.args(TARGETS.iter().flat_map(|(target, _)| ["--bin", target]));
    shown(build.env("RUSTC_WORKSPACE_WRAPPER", root.join("fuzz/instrument.sh")))?;
    let metadata =
        cargo_metadata::MetadataCommand::new().manifest_path(root.join("Cargo.toml")).no_deps().exec()?;
    let built = metadata.target_directory.join("debug");
    let found = metadata.target_directory.join("fuzz");
    std::fs::create_dir_all(&found)?;
    let mut failed = Vec::new();
    for pair in TARGETS.chunks(2) {
        let mut running = Vec::new();
        for (target, runs) in pair {
            let fresh = tempfile::tempdir()?;
            let mut fuzzer = command(built.join(target).as_std_path(), &[], root);
            fuzzer
                .arg(format!("-runs={runs}"))
                .args(["-seed=1", "-print_final_stats=1", "-verbosity=0"])
                .arg(format!("-max_total_time={SECONDS_MAX}"))
                .arg(format!("-timeout={INPUT_SECONDS_MAX}"))
                .arg(format!("-rss_limit_mb={MEMORY_MB_MAX}"))
                .arg(format!("-artifact_prefix={found}/{target}-"))
                .arg(fresh.path())
                .arg(root.join("fuzz/corpus").join(target));
            running.push((*target, start(&mut fuzzer)?, fresh));
        }
        for (target, mut child, _fresh) in running {
            let status = child.wait()?;
            let word = if status.success() { "ok" } else { "FAILED" };
            eprintln!("fuzz {target}: {word}");
            if !status.success() {
                failed.push(target);
            }
        }
    }
    if failed.is_empty() { Ok(()) } else { bail!("{} failed; the inputs lie in {found}", failed.join(", ")) }
}

fn start(fuzzer: &mut Command) -> Result<Child> {
    fuzzer.spawn().with_context(|| format!("cannot start {}", fuzzer.get_program().to_string_lossy()))
}
