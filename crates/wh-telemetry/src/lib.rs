//! Spans and figures of this process, sent to an OpenTelemetry collector as OTLP over HTTP. Read this first.
//!
//! `config` says where to, [`Telemetry`] is the thread that collects and sends, `spans` and `figures` are the two
//! translations into the protocol's messages, `post` speaks HTTP. Nothing here waits on a request's path: what the thread
//! cannot take in time is dropped and counted.
mod config;
mod figures;
mod post;
mod run;
mod spans;
mod words;

pub use config::{SECTION, TelemetryConfig};
pub use run::{Collector, Heard, Source, Telemetry};
