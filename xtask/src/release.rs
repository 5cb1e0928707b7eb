//! `make release`: the stripped binary in an archive without time or user, the chart, what is inside, and the sums of all.
use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use cargo_metadata::MetadataCommand;
use sha2::{Digest, Sha256};

use crate::counterparts::{HELM, Testbed};
use crate::run::{NPM_INSTALL, answers, command, output, shown};
use crate::sbom;

/// Beside the binary in the archive: where it comes from in the repository.
const COMPANIONS: &[&str] = &["LICENSE", "CHANGELOG.md", "packages/systemd/wheelhouse.service"];
/// Data folders of the releases.
const FIXTURES: &str = "crates/wheelhouse/tests/fixtures";
/// How a program of this kind begins: ELF, 64 bits, little end first.
const ELF: &[u8] = b"\x7fELF\x02\x01";
/// The kind of a section that names functions.
const SYMBOLS: usize = 2;

/// What is released.
pub struct Release {
    /// As in Cargo.toml.
    pub version: String,
    /// As `rustc` calls it.
    pub target: String,
    /// The stripped binary.
    pub binary: PathBuf,
}

/// Build (unless there is a binary) and pack.
pub fn run(root: &Path, binary: Option<PathBuf>, into: Option<PathBuf>) -> Result<()> {
    let metadata = MetadataCommand::new().manifest_path(root.join("Cargo.toml")).no_deps().exec()?;
    let package = metadata.packages.iter().find(|package| package.name.as_str() == "wheelhouse");
    let version = package.context("the workspace holds wheelhouse")?.version.to_string();
    keeps_its_data(root, &version)?;
    let target_folder = PathBuf::from(metadata.target_directory);
    let binary = match binary {
        Some(binary) => std::path::absolute(binary)?,
        None => build(root, &target_folder)?,
    };
    let into = match into {
        Some(into) => std::path::absolute(into)?,
        None => {
            let own = target_folder.join("release-artifacts");
            if own.exists() {
                fs::remove_dir_all(&own)?;
            }
            own
        }
    };
    fs::create_dir_all(&into)?;
    ensure!(fs::read_dir(&into)?.next().is_none(), "{} is not empty", into.display());
    let release = Release { version, target: target(root)?, binary };
    release.examine()?;
    release.archive(root, &into)?;
    release.chart(root, &into)?;
    let name = format!("wheelhouse-{}-{}.cdx.json", release.version, release.target);
    fs::write(into.join(name), sbom::make(root, &release)?)?;
    sums(&into)?;
    eprintln!("release: {}", into.display());
    Ok(())
}

/// A release leaves a data folder of its own behind, which every later build is tried on; after the next change of the schema nobody
/// could make it any more.
pub fn keeps_its_data(root: &Path, version: &str) -> Result<()> {
    let fixture = root.join(FIXTURES).join(format!("data-{version}.tar.gz"));
    ensure!(
        fixture.is_file(),
        "{} is not there: a release keeps a data folder that its build made, so that later builds are tried on it",
        fixture.display()
    );
    Ok(())
}

fn build(root: &Path, target_folder: &Path) -> Result<PathBuf> {
    shown(&mut command("npm", NPM_INSTALL, &root.join("web")))?;
    shown(&mut command("npm", &["run", "build"], &root.join("web")))?;
    let commit = output(&mut command("git", &["rev-parse", "--short", "HEAD"], root)).unwrap_or_default();
    let arguments = ["build", "--locked", "--release", "--package", "wheelhouse"];
    shown(command("cargo", &arguments, root).env("WHEELHOUSE_BUILD_COMMIT", commit.trim()))?;
    Ok(target_folder.join("release/wheelhouse"))
}

/// This machine's platform, as `rustc` calls it.
pub fn target(root: &Path) -> Result<String> {
    let told = output(&mut command("rustc", &["-vV"], root))?;
    let host = told.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc names its host")?.to_owned())
}

impl Release {
    /// It is the version that it is called, and holds no symbols.
    fn examine(&self) -> Result<()> {
        let told = output(&mut command(&self.binary, &["--version"], Path::new("/")))?;
        let expected = format!("wheelhouse {}", self.version);
        ensure!(told.trim() == expected, "the binary says `{}`, not `{expected}`", told.trim());
        let bytes = fs::read(&self.binary)?;
        ensure!(!has_symbols(&bytes)?, "{} is not stripped", self.binary.display());
        Ok(())
    }

    fn archive(&self, root: &Path, into: &Path) -> Result<()> {
        let name = format!("wheelhouse-{}-{}", self.version, self.target);
        let folder = into.join(&name);
        fs::create_dir_all(&folder)?;
        let copy = |from: &Path, mode: u32| -> Result<()> {
            let to = folder.join(from.file_name().context("a file has a name")?);
            fs::copy(from, &to).with_context(|| format!("cannot copy {}", from.display()))?;
            Ok(fs::set_permissions(to, fs::Permissions::from_mode(mode))?)
        };
        let binary = folder.join("wheelhouse");
        fs::copy(&self.binary, &binary)?;
        fs::set_permissions(&binary, fs::Permissions::from_mode(0o755))?;
        for companion in COMPANIONS {
            copy(&root.join(companion), 0o644)?;
        }
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755))?;
        let time = output(&mut command("git", &["log", "-1", "--format=%ct"], root)).unwrap_or_default();
        let time = format!("--mtime=@{}", time.trim().parse::<u64>().unwrap_or(0));
        let file = format!("{name}.tar.gz");
        // Same content, same bytes: whoever builds it again can compare.
        let arguments =
            ["--sort=name", "--owner=0", "--group=0", "--numeric-owner", "--format=gnu", &time, "--create"];
        let mut tar = command("tar", &arguments, into);
        shown(tar.args(["--use-compress-program=gzip --no-name", "--file", &file, &name]))?;
        Ok(fs::remove_dir_all(folder)?)
    }

    /// The chart as one file. Without Go there is no helm, and the chart lies in the repository.
    fn chart(&self, root: &Path, into: &Path) -> Result<()> {
        if !answers("go", "version") {
            eprintln!("release: no chart for want of Go, which builds helm");
            return Ok(());
        }
        let helm = Testbed::open()?.go_tool(&HELM)?;
        let arguments = ["package", "packages/helm/wheelhouse", "--version", &self.version, "--app-version"];
        shown(command(helm, &arguments, root).arg(&self.version).arg("--destination").arg(into))
    }
}

/// Whether an ELF file has a symbol table. Files of other kinds are taken as they are.
fn has_symbols(bytes: &[u8]) -> Result<bool> {
    if !bytes.starts_with(ELF) {
        return Ok(false);
    }
    let number = |at: usize, length: usize| -> Result<usize> {
        let Some(found) = bytes.get(at..at + length) else { bail!("the file ends within its headers") };
        Ok(found.iter().rev().fold(0, |number, byte| (number << 8) | usize::from(*byte)))
    };
    let (table, entry, count) = (number(0x28, 8)?, number(0x3a, 2)?, number(0x3c, 2)?);
    for index in 0..count {
        if number(table + index * entry + 4, 4)? == SYMBOLS {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The sum of a file, as hexadecimal digits.
pub fn sum(file: &Path) -> Result<String> {
    let mut hash = Sha256::new();
    let mut reader = fs::File::open(file)?;
    let mut buffer = vec![0; 1 << 16];
    loop {
        match reader.read(&mut buffer)? {
            0 => break,
            length => hash.update(&buffer[..length]),
        }
    }
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

fn sums(folder: &Path) -> Result<()> {
    let mut lines = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().context("a file has a name")?.to_string_lossy().into_owned();
        lines.push(format!("{}  {name}\n", sum(&path)?));
    }
    lines.sort_by(|a, b| a[66..].cmp(&b[66..]));
    Ok(fs::write(folder.join("SHA256SUMS"), lines.concat())?)
}
