//! Tests of datasets: files in, windows out, on both engines.
mod commits;
mod detect;
mod files;
mod ingest;
mod random;
mod readers;
mod reference;
mod views;
mod world;
