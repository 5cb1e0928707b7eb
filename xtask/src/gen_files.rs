//! Everything that is generated is committed and compared: spec, error table, permissions, default configuration, web types.
use std::fs;
use std::path::Path;

use anyhow::{Result, bail};

use crate::run::{command, output, shown};

/// Write the files or only compare them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Take what was made.
    Write,
    /// Fail where a file differs from what would be made.
    Compare,
}

/// File and the arguments with which the binary prints it.
const PRINTED: &[(&str, &[&str])] = &[
    ("spec/openapi.json", &["spec", "openapi"]),
    ("docs/errors.gen.md", &["spec", "errors"]),
    ("docs/permissions.gen.md", &["spec", "permissions"]),
    ("docs/config.gen.toml", &["config", "default"]),
];

/// Make every generated file.
pub fn generate(root: &Path, mode: Mode) -> Result<()> {
    let mut stale = Vec::new();
    // As the tests build it, so that the same compiled dependencies serve both.
    shown(&mut command("cargo", &["test", "--workspace", "--no-run"], root))?;
    let metadata =
        cargo_metadata::MetadataCommand::new().manifest_path(root.join("Cargo.toml")).no_deps().exec()?;
    let binary = metadata.target_directory.join("debug/wheelhouse");
    for (file, arguments) in PRINTED {
        let made = output(&mut command(&binary, arguments, root))?;
        settle(root, file, &made, mode, &mut stale)?;
    }
    let types = "web/src/api/schema.gen.ts";
    let made = output(&mut command("npm", &["run", "--silent", "gen:print"], &root.join("web")))?;
    settle(root, types, &made, mode, &mut stale)?;
    if !stale.is_empty() {
        bail!("stale: {}; run `make gen` and commit", stale.join(", "));
    }
    Ok(())
}

fn settle(root: &Path, file: &str, made: &str, mode: Mode, stale: &mut Vec<String>) -> Result<()> {
    let path = root.join(file);
    let there = fs::read_to_string(&path).unwrap_or_default();
    if there == made {
        return Ok(());
    }
    if mode == Mode::Compare {
        stale.push(file.to_owned());
        return Ok(());
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    eprintln!("gen: {file}");
    Ok(fs::write(path, made)?)
}
