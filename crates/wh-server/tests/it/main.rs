//! Tests of the front door: through HTTP and WebSocket, over real sockets.
#![expect(
    clippy::unwrap_used,
    reason = "a helper that fails fails its test; clippy.toml covers test functions only"
)]

mod bearer;
mod bodies;
mod connections;
mod desk;
mod door;
mod edge;
mod health;
mod idempotency;
mod limits;
mod live;
mod log;
mod overload;
mod paging;
mod panics;
mod problems;
mod rates;
mod raw;
mod registry;
mod tls;
