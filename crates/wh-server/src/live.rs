//! The live hub: one WebSocket per tab, topics, resume from a position. Tells what happened; stores nothing but a short memory.
mod handshake;
mod hub;
mod outgoing;
mod protocol;
mod room;
mod socket;

pub use hub::Hub;

#[doc(hidden)]
pub(crate) use handshake::__path_live_connect;
pub(crate) use handshake::live_connect;
