//! The servers one works with and how one is known there: a file that only its owner may read. Speaks to nobody.
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::fail::{Exit, Fail, Result};

/// Only the owner may read and write.
const FILE_MODE: u32 = 0o600;
const FOLDER_MODE: u32 = 0o700;

/// The file.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contexts {
    /// The one that is used when none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<String>,
    /// By name.
    #[serde(default)]
    pub contexts: BTreeMap<String, Entry>,
}

/// One server. Holds a credential, so it has no `Debug`.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// `https://ops.acme.example`.
    pub url: String,
    /// `name=value` of the session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cookie: Option<String>,
    /// An API key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// As whom, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// In which company, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub company: Option<String>,
    /// Certificates that this server's is signed by, beside those of the machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
}

impl Contexts {
    /// Read the file; none is an empty one. A file that others may read is refused.
    pub fn load(file: &Path) -> Result<Self> {
        let text = match fs::read_to_string(file) {
            Ok(text) => text,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Self::default()),
            Err(e) => return Err(Fail::file(file.display(), &e)),
        };
        let mode =
            fs::metadata(file).map_err(|e| Fail::file(file.display(), &e))?.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(Fail::new(
                Exit::Usage,
                "cli.config",
                format!("{} holds credentials, and others may read it (mode {mode:o})", file.display()),
                "chmod 600 the file; where others may have read it, revoke what it holds",
            ));
        }
        toml::from_str(&text).map_err(|e| {
            let detail = format!("{} cannot be read: {}", file.display(), e.message());
            Fail::new(Exit::Usage, "cli.config", detail, "mend the file, or remove it and sign in again")
        })
    }

    /// Change the file: read, change, write in place of the old one, while no other command does.
    pub fn change<T>(file: &Path, change: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let failed = |e: std::io::Error| Fail::file(file.display(), &e);
        if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            fs::DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(folder).map_err(failed)?;
        }
        let lock = private(&file.with_extension("lock")).map_err(failed)?;
        lock.lock().map_err(failed)?;
        let mut contexts = Self::load(file)?;
        let made = change(&mut contexts)?;
        let text = toml::to_string(&contexts)
            .map_err(|e| Fail::new(Exit::Refused, "cli.config", e.to_string(), "report this"))?;
        let new = file.with_extension("toml.new");
        // A leftover of a crash may have another mode.
        let _absent = fs::remove_file(&new);
        let mut out = private(&new).map_err(failed)?;
        out.write_all(text.as_bytes()).and_then(|()| out.sync_all()).map_err(failed)?;
        fs::rename(&new, file).map_err(failed)?;
        Ok(made)
    }

    /// A context by name.
    pub fn get(&self, name: &str) -> Result<&Entry> {
        self.contexts.get(name).ok_or_else(|| {
            let known: Vec<&str> = self.contexts.keys().map(String::as_str).collect();
            let detail = if known.is_empty() {
                format!("no context `{name}`; there is none yet")
            } else {
                format!("no context `{name}`; there are: {}", known.join(", "))
            };
            Fail::usage(detail, "`wheelhouse login URL` makes one")
        })
    }
}

fn private(file: &Path) -> std::io::Result<File> {
    fs::OpenOptions::new().write(true).create(true).truncate(true).mode(FILE_MODE).open(file)
}
