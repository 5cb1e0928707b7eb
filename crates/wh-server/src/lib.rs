//! The front door: accept loop, edge, operation registry, problems, paging, live hub. Knows no context by name.
mod app;
pub mod codes;
pub mod config;
pub mod edge;
mod extract;
pub mod health;
mod idempotency;
pub mod limit;
pub mod live;
pub mod log;
mod module;
pub mod page;
pub mod problem;
mod provided;
mod registry;
pub mod serve;
mod tables;

pub use app::{App, AppParts, describe, spec_text};
pub use config::{SECTION, ServerConfig};
pub use extract::{Authenticator, Caller, CookieScheme, Json, Path, Peer, Query, SessionCookie};
pub use health::{Component, Health};
pub use live::Hub;
pub use module::{Module, Reacts};
pub use page::{Page, PageOf};
pub use problem::{Answer, Problem};
pub use registry::{Op, OperationId, Registry, Risk, Routes};
pub use tables::{error_table, permission_table};
