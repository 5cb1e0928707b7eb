//! For tests: fresh databases on both engines; with the feature `server` also a server, actors and event probes; with `flood`
//! attackers. Never part of the product.
pub mod engines;

#[cfg(feature = "flood")]
pub mod flood;

#[cfg(feature = "server")]
mod actors;
#[cfg(feature = "server")]
mod browser;
#[cfg(feature = "server")]
mod declared;
#[cfg(feature = "server")]
mod live;
#[cfg(feature = "server")]
mod server;

#[cfg(feature = "server")]
pub use actors::{
    ACTORS, ADMIN, AWAY, Cookie, EDITOR, HOME, NOBODY, OPERATOR, OWNER, STRANGER, Signs, TestActor,
    TestActors, VIEWER,
};
#[cfg(feature = "server")]
pub use browser::{Answer, Browser, Call};
#[cfg(feature = "server")]
pub use live::Live;
#[cfg(feature = "server")]
pub use server::{Parts, TestServer, run_server};
