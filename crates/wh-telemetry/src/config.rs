//! The `[telemetry]` section. Holds values and their rules.
use serde::Deserialize;
use url::Url;
use wh_base::config::{Holds, Key, Section, about};
use wh_base::{Error, Result, Secret, codes};

/// The keys, for `config default`, `config check` and the manual.
pub const SECTION: Section = Section {
    name: "telemetry",
    doc: "Traces and metrics for an OpenTelemetry collector. Nothing is sent without otlp_endpoint.",
    keys: &[
        Key::optional(
            "otlp_endpoint",
            Holds::Text,
            "URL of the collector's OTLP/HTTP receiver, `http://collector:4318`; /v1/traces and /v1/metrics are added to it.",
        ),
        Key::new(
            "otlp_headers",
            Holds::List,
            "[]",
            "Headers of each message as `name=value`, for a collector that asks for a token.",
        )
        .secret(),
        Key::new(
            "service_name",
            Holds::Text,
            "\"wheelhouse\"",
            "What this server is called there (`service.name`).",
        ),
        Key::new(
            "traces_percent",
            Holds::Integer { min: 0, max: 100 },
            "100",
            "How many of 100 requests that come without a trace are collected; one that comes with a trace follows its caller.",
        ),
        Key::new(
            "metrics_interval_ms",
            Holds::Integer { min: 1_000, max: 3_600_000 },
            "60000",
            "Milliseconds between two messages of metrics.",
        ),
    ],
};

/// The section, read.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TelemetryConfig {
    /// Where to; nothing is sent without it.
    pub otlp_endpoint: Option<String>,
    /// `name=value`.
    pub otlp_headers: Vec<Secret<String>>,
    /// `service.name`.
    pub service_name: String,
    /// 0 to 100.
    pub traces_percent: u8,
    /// Milliseconds.
    pub metrics_interval_ms: u64,
}

/// One header of each message.
pub(crate) struct Header {
    pub name: String,
    pub value: Secret<String>,
}

impl TelemetryConfig {
    /// The share of requests without a trace of their own that is collected, 0 to 1.
    pub fn ratio(&self) -> f64 {
        f64::from(self.traces_percent.min(100)) / 100.0
    }

    /// What of it cannot be used, each with its key.
    pub fn check(&self) -> Vec<Error> {
        let headers = self.otlp_headers.iter().enumerate().filter_map(|(at, text)| header(at, text).err());
        self.address("traces").err().into_iter().chain(headers).collect()
    }

    /// The address of a signal, if there is a collector.
    pub(crate) fn address(&self, signal: &str) -> Result<Option<String>> {
        let Some(text) = &self.otlp_endpoint else { return Ok(None) };
        // Without the text: what does not belong there may be a token.
        let wrong = |why: &str| {
            let error = codes::CONFIG.error(format!("telemetry.otlp_endpoint {why}"));
            about(error, &["telemetry.otlp_endpoint"])
        };
        let url = Url::parse(text).map_err(|e| wrong(&format!("does not parse: {e}")))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(wrong("is neither http nor https"));
        }
        let has_login = !url.username().is_empty() || url.password().is_some();
        if url.query().is_some() || url.fragment().is_some() || has_login {
            return Err(wrong("holds more than scheme, name, port and path; tokens go into otlp_headers"));
        }
        Ok(Some(format!("{}/v1/{signal}", url.as_str().trim_end_matches('/'))))
    }

    pub(crate) fn headers(&self) -> Result<Vec<Header>> {
        self.otlp_headers.iter().enumerate().map(|(at, text)| header(at, text)).collect()
    }
}

/// The header at this place of the list.
fn header(at: usize, text: &Secret<String>) -> Result<Header> {
    let (name, value) = text.expose().split_once('=').unwrap_or_default();
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let fits = |byte: u8| byte == b'\t' || (byte >= b' ' && byte != 0x7f);
    if name.is_empty() || !name.bytes().all(is_name) || !value.bytes().all(fits) {
        // The value may be a secret: the mistake is named by its place.
        let message = format!("telemetry.otlp_headers: entry {} is no `name=value`", at + 1);
        return Err(about(codes::CONFIG.error(message), &["telemetry.otlp_headers"]));
    }
    Ok(Header { name: name.to_owned(), value: Secret::new(value.to_owned()) })
}
