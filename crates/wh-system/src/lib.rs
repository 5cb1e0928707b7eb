//! The installation as its operator sees it: nodes, statements, queues, parked events, companies, what they use, and
//! what they may use. Only the limits are its own: everything else is what the kernel and, through ports, the other contexts know.
pub mod codes;
pub mod model;
pub mod ports;
pub mod service;

mod config;
mod http;
mod store;

use wh_contract::{SYSTEM_READ, SYSTEM_WRITE, USAGE_READ};
use wh_db::{Migrations, migrations};
use wh_server::Module;

pub use config::{SECTION, SystemConfig};
pub use service::{LimitTable, System, SystemParts};

/// The table `system_limit`.
pub const MIGRATIONS: Migrations = migrations!("system": "0001_limits");

/// Everything the operator's view brings to the house.
pub fn module(system: &System) -> Module {
    Module::new("system")
        .operations(http::operations)
        .migrations(MIGRATIONS)
        .permissions(&[&SYSTEM_READ, &SYSTEM_WRITE, &USAGE_READ])
        .errors(codes::ALL)
        .extension(system.clone())
}
