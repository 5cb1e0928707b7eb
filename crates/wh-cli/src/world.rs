//! What the command line is given instead of reaching for it: arguments, environment and randomness. Holds no setting of its own.
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use wh_base::Random;

use crate::fail::{Exit, Fail, Result};

/// Variables of the command line begin so; the server leaves them alone.
pub const ENVIRONMENT_PREFIX: &str = "WHEELHOUSE_CLI_";

/// The process around the command.
pub struct World {
    /// What was typed, the program first.
    pub arguments: Vec<OsString>,
    /// The environment.
    pub variables: BTreeMap<String, String>,
    /// The operating system's randomness: keys and verifiers are made of it.
    pub random: Arc<dyn Random>,
}

impl World {
    /// A variable that is set and not empty.
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// `WHEELHOUSE_CLI_<NAME>`.
    pub fn setting(&self, name: &str) -> Option<&str> {
        self.variable(&format!("{ENVIRONMENT_PREFIX}{name}"))
    }

    /// Where contexts are kept: `WHEELHOUSE_CLI_CONFIG`, else `wheelhouse/cli.toml` in the XDG folder.
    pub fn config_file(&self) -> Result<PathBuf> {
        if let Some(file) = self.setting("CONFIG") {
            return Ok(PathBuf::from(file));
        }
        let xdg = self.variable("XDG_CONFIG_HOME").map(PathBuf::from).filter(|folder| folder.is_absolute());
        let home = self.variable("HOME").map(|home| PathBuf::from(home).join(".config"));
        xdg.or(home).map(|folder| folder.join("wheelhouse").join("cli.toml")).ok_or_else(|| {
            Fail::usage("neither XDG_CONFIG_HOME nor HOME is set", "set WHEELHOUSE_CLI_CONFIG to a file")
        })
    }

    /// Fresh random bytes.
    pub fn random_bytes<const N: usize>(&self) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        self.random.fill(&mut bytes).map_err(|e| {
            Fail::new(Exit::Refused, "cli.random", e.message(), "the operating system must give randomness")
        })?;
        Ok(bytes)
    }

    /// Sixteen fresh bytes in hex.
    pub fn random_word(&self) -> Result<String> {
        use std::fmt::Write;
        let mut word = String::new();
        for byte in self.random_bytes::<16>()? {
            // Writing to a string cannot fail.
            let _ = write!(word, "{byte:02x}");
        }
        Ok(word)
    }
}
