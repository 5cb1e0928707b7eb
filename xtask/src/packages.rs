//! What is delivered besides the binary, tried as far as this machine can: image, compose file, unit, chart, release.
mod chart;
mod cluster;
mod compose;
mod context;
mod image;
mod ready;
mod unit;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use crate::counterparts::Testbed;
use crate::run::{command, output};

/// Looks at one package.
type Part = fn(&Place<'_>) -> Result<()>;

/// Try all of it with the binary that the tests built. Every part is tried, also after a failure.
pub fn check(root: &Path, testbed: &Testbed) -> Result<()> {
    let metadata =
        cargo_metadata::MetadataCommand::new().manifest_path(root.join("Cargo.toml")).no_deps().exec()?;
    let binary = PathBuf::from(metadata.target_directory.join("debug/wheelhouse"));
    ensure!(binary.exists(), "{} is not there: run the part `gen` or `rust` first", binary.display());
    let place = Place { root, testbed, binary };
    let parts: [(&str, Part); 5] = [
        ("image", image::check),
        ("unit", unit::check),
        ("compose", compose::check),
        ("chart", chart::check),
        ("release", ready::check),
    ];
    let mut failed = Vec::new();
    for (name, part) in parts {
        match part(&place) {
            Ok(()) => eprintln!("packages: {name} ok"),
            Err(error) => {
                eprintln!("packages: {name}: {error:#}");
                failed.push(name);
            }
        }
    }
    if failed.is_empty() { Ok(()) } else { bail!("not as they must be: {}", failed.join(", ")) }
}

/// What every check needs.
struct Place<'a> {
    root: &'a Path,
    testbed: &'a Testbed,
    binary: PathBuf,
}

impl Place<'_> {
    /// Something that is not there: a failure in CI, elsewhere a named skip.
    fn without(&self, what: &str) -> Result<()> {
        ensure!(!self.testbed.strict, "CI needs {what}");
        self.testbed.skip(&format!("{what} (packages)"));
        Ok(())
    }

    /// Whether this may make namespaces and mounts.
    fn is_root(&self) -> Result<bool> {
        Ok(output(&mut command("id", &["-u"], self.root))?.trim() == "0")
    }

    /// The binary with settings from the environment as a package gives them, and none of this machine.
    fn wheelhouse(&self, settings: &BTreeMap<String, String>) -> Command {
        let mut command = command(&self.binary, &[], self.root);
        command.env_clear().envs(settings);
        command
    }

    /// Whether the binary takes all of these settings. The keys and the certificate that it would read in the container lie elsewhere here.
    fn settings_are_right(&self, settings: &BTreeMap<String, String>) -> Result<()> {
        let (mut here, scratch) = (settings.clone(), tempfile::tempdir()?);
        if let Some(key) = here.get_mut("WHEELHOUSE_BACKUP_KEY_FILE") {
            let made = scratch.path().join("backup.key");
            said(self.wheelhouse(&BTreeMap::new()).args(["backup", "key"]).arg(&made))?;
            *key = made.to_string_lossy().into_owned();
        }
        if here.contains_key("WHEELHOUSE_SERVER_TLS_CERTIFICATE") {
            let [certificate, key] = ["tls.crt", "tls.key"].map(|name| scratch.path().join(name));
            // Comes with PostgreSQL's own packages.
            let mut make = Command::new("openssl");
            make.args([
                "req",
                "-x509",
                "-newkey",
                "rsa:2048",
                "-nodes",
                "-days",
                "1",
                "-subj",
                "/CN=localhost",
            ]);
            said(make.arg("-out").arg(&certificate).arg("-keyout").arg(&key))?;
            here.insert(
                "WHEELHOUSE_SERVER_TLS_CERTIFICATE".to_owned(),
                certificate.to_string_lossy().into_owned(),
            );
            here.insert("WHEELHOUSE_SERVER_TLS_KEY".to_owned(), key.to_string_lossy().into_owned());
        }
        let told = told(self.wheelhouse(&here).args(["config", "check"]))?;
        ensure!(told.well, "{settings:?} is refused: {}", told.errors);
        Ok(())
    }

    /// Whether the binary has such a command with such flags.
    fn knows(&self, words: &str) -> Result<()> {
        let verbs = words.split_whitespace().take_while(|word| !word.starts_with("--"));
        let help = said(command(&self.binary, &[], Path::new("/")).args(verbs).arg("--help"))?;
        for flag in words.split_whitespace().filter(|word| word.starts_with("--")) {
            let name = flag.split('=').next().unwrap_or_default();
            ensure!(help.words.contains(name), "`{words}`: no {name}");
        }
        Ok(())
    }
}

/// What a program said.
struct Told {
    well: bool,
    words: String,
    errors: String,
}

fn told(command: &mut Command) -> Result<Told> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("cannot start {program}"))?;
    Ok(Told {
        well: output.status.success(),
        words: String::from_utf8_lossy(&output.stdout).into_owned(),
        errors: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

/// The same, being a failure when it fails.
fn said(command: &mut Command) -> Result<Told> {
    let told = told(command)?;
    ensure!(told.well, "{} failed: {}", command.get_program().to_string_lossy(), told.errors);
    Ok(told)
}

/// A folder that is gone afterwards.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Result<Self> {
        let folder = std::env::temp_dir().join(format!("wheelhouse-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        Ok(Self(folder))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed lies in the folder for temporary things.
        let _gone = std::fs::remove_dir_all(&self.0);
    }
}
