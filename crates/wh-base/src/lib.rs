//! Words every crate uses: error, time, randomness, actor, limits, secrets, configuration. Knows no database and no HTTP server.
mod actor;
pub mod codes;
pub mod config;
mod error;
mod limits;
mod network;
pub mod process;
mod random;
mod secret;
mod served;
mod span;
mod time;

pub use actor::{Actor, Credential, KeyGrant, Origin};
pub use error::{Error, ErrorCode, FieldError, Kind, Result};
pub use limits::{CompanyLimits, LIMITS_FRESH_S, LIMITS_KNOWN_MAX, LimitSource, Limits};
pub use network::Network;
pub use random::{IdSource, OsRandom, Random, SeededRandom};
pub use secret::Secret;
pub use served::{RequestFacts, Served};
pub use span::{Attribute, Begun, ChildOf, Span, SpanKind, SpanSink, Traced, Tracer};
pub use time::{Clock, ManualClock, SystemClock, Timestamp};
