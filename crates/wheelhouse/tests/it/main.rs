//! The whole program as a user starts it: the real binary, both engines, over HTTP and signals.
mod backup;
mod certificate;
mod cli;
mod configuration;
mod crash;
mod database;
mod doctor;
mod drain;
mod floods;
mod fuzz;
mod healthcheck;
mod house;
mod http;
mod imports;
mod logs;
mod malformed;
mod manual;
mod manual_commands;
mod matrix;
mod moving;
mod nodes;
mod operator;
mod paths;
mod property;
#[expect(clippy::unwrap_used, reason = "a generator that fails fails its test")]
#[path = "../../../wh-dataset/tests/it/random.rs"]
mod random;
#[expect(clippy::unwrap_used, reason = "a reference that fails fails its test")]
#[path = "../../../wh-dataset/tests/it/reference.rs"]
mod reference;
mod refusing;
mod start;
mod telemetry;
mod upgrade;
mod views;
mod weather;
mod wire;
