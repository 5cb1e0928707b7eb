//! Tests of datasets: files in, windows out, on both engines.
#![expect(
    clippy::unwrap_used,
    reason = "a helper that fails fails its test; clippy.toml covers test functions only"
)]

mod commits;
mod detect;
mod files;
mod ingest;
mod memory;
mod ownership;
mod random;
mod readers;
mod reference;
mod upgrade;
mod views;
mod world;
