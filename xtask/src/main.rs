//! Automation of the house in Rust: `cargo xtask tidy | gen | test | bench | release`. Reads and runs; decides no product behaviour.
mod advisories;
mod bench;
mod counterparts;
mod fuzz;
mod gen_files;
mod packages;
mod release;
mod run;
mod sbom;
mod suite;
mod tidy;

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "xtask", about = "Automation of the house", disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    job: Job,
}

#[derive(Subcommand)]
enum Job {
    /// Check the rules of STYLE that a program can check
    Tidy,
    /// Write everything that is generated; with --check only compare
    Gen {
        /// Compare and fail on a difference
        #[arg(long)]
        check: bool,
    },
    /// Install what the tests need and run all of them
    Test {
        /// Run only the named parts, for example `--only rust,e2e`
        #[arg(long, value_delimiter = ',')]
        only: Vec<String>,
    },
    /// Build the release binary and drive it through HTTP
    Bench {
        /// Passed on to the benchmark driver
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        rest: Vec<String>,
    },
    /// Build what is delivered for this machine's platform: archive, chart, SBOM, checksums
    Release {
        /// Pack this binary instead of building one
        #[arg(long)]
        binary: Option<PathBuf>,
        /// An empty folder for the files [default: release-artifacts in the target folder]
        #[arg(long)]
        into: Option<PathBuf>,
    },
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let root = root()?;
    match arguments.job {
        Job::Tidy => tidy::check(&root),
        Job::Gen { check } => {
            gen_files::generate(&root, if check { gen_files::Mode::Compare } else { gen_files::Mode::Write })
        }
        Job::Test { only } => suite::run(&root, &only),
        Job::Bench { rest } => bench::run(&root, &rest),
        Job::Release { binary, into } => release::run(&root, binary, into),
    }
}

/// Of the checkout that it is called in: two of them may share a target folder, and one's binary is fresh enough for the other.
#[expect(
    clippy::disallowed_methods,
    reason = "cargo tells a running program by the environment where its package lies"
)]
fn root() -> Result<PathBuf> {
    let here = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let here = here.context("call it by `cargo xtask`")?;
    here.parent().map(PathBuf::from).context("xtask lies beside the workspace's Cargo.toml")
}
