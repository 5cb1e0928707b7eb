//! The process's log: one line per event on standard error, JSON or text, filtered by level and target.
use tracing_subscriber::EnvFilter;
use wh_base::config::{Holds, Key, Section};
use wh_base::{Result, codes};

/// The `[log]` section.
pub const SECTION: Section = Section {
    name: "log",
    doc: "What the server tells on standard error.",
    keys: &[
        Key::new(
            "level",
            Holds::Text,
            "\"info\"",
            "error, warn, info, debug or trace; or per part: `info,wh_db=debug`.",
        ),
        Key::new("format", Holds::Text, "\"text\"", "text for people, json for machines."),
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
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

/// Start logging. Once per process.
pub fn start(config: &LogConfig) -> Result<()> {
    let filter = EnvFilter::try_new(&config.level)
        .map_err(|e| codes::CONFIG.caused(format!("log.level `{}` cannot be read", config.level), e))?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match config.format {
        Format::Text => lines.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).try_init(),
        Format::Json => lines.json().flatten_event(true).with_current_span(false).try_init(),
    };
    started.map_err(|e| codes::INTERNAL.caused("logging was started twice", e))
}
