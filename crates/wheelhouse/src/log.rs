//! The process's log: one line per event on standard error, JSON or text, filtered by level and target.
use std::io::{IsTerminal, stderr};

use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use wh_base::config::{Holds, Key, Section, about};
use wh_base::{Error, Result, codes};
use wh_server::log::{Form, Levels, LogControl};

/// The `[log]` section.
pub const SECTION: Section = Section {
    name: "log",
    doc: "What the server tells on standard error.",
    keys: &[
        Key::new(
            "level",
            Holds::Text,
            "\"info\"",
            "error, warn, info, debug, trace or off; or per part: `info,wh_db=debug`. Read again on SIGHUP.",
        ),
        Key::new(
            "format",
            Holds::OneOf(&["auto", "text", "json"]),
            "\"auto\"",
            "text for people, json for machines; auto is text on a terminal and json everywhere else.",
        ),
    ],
};

/// The section, read.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogConfig {
    /// A level or a list of `target=level`.
    pub level: String,
    /// How lines are written.
    pub format: Format,
}

/// How a log line is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Text on a terminal, JSON everywhere else.
    Auto,
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

impl LogConfig {
    /// How lines will look on this process's standard error.
    pub fn form(&self) -> Form {
        let is_terminal = stderr().is_terminal();
        let wants_colour = !std::env::vars().any(|(name, value)| name == "NO_COLOR" && !value.is_empty());
        match self.format {
            Format::Json => Form::Json,
            Format::Auto if !is_terminal => Form::Json,
            Format::Auto | Format::Text if is_terminal && wants_colour => Form::ColouredText,
            Format::Auto | Format::Text => Form::Text,
        }
    }
}

impl LogConfig {
    /// The levels, read.
    pub fn levels(&self) -> Result<Levels> {
        self.level.parse().map_err(|error: Error| about(error, &["log.level"]))
    }
}

/// Start logging. Once per process.
pub fn start(config: &LogConfig) -> Result<LogControl> {
    let (lines, control) = wh_server::log::lines(config.form(), config.levels()?, stderr);
    let started = tracing_subscriber::registry().with(lines).try_init();
    started.map_err(|e| codes::INTERNAL.caused("logging was started twice", e))?;
    Ok(control)
}
