//! Tests of the tenancy kernel through its public types, on both engines.
#![expect(
    clippy::unwrap_used,
    reason = "a helper that fails fails its test; clippy.toml covers test functions only"
)]

mod counted;
mod dialect;
mod kernel;
mod leaks;
mod migrations;
mod nodes;
mod once;
mod outbox;
mod postgres;
mod sqlite_group;
mod sqlite_read;
mod text_check;
