//! The installation as its operator sees it: nodes, statements, queues, parked events, companies and what they use. It has
//! no tables of its own: it shows what the kernel and, through ports, the other contexts know.
pub mod codes;
pub mod model;
pub mod ports;
pub mod service;

mod http;

use wh_contract::{SYSTEM_READ, SYSTEM_WRITE};
use wh_server::Module;

pub use service::{System, SystemParts};

/// Everything the operator's view brings to the house.
pub fn module(system: &System) -> Module {
    Module::new("system")
        .operations(http::operations)
        .permissions(&[&SYSTEM_READ, &SYSTEM_WRITE])
        .errors(codes::ALL)
        .extension(system.clone())
}
