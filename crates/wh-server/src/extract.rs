//! What a handler may ask of a request. Every rejection is a problem with a stable code.
mod caller;
mod cookie;
mod json;
mod path;
mod peer;
mod query;

pub use caller::{Authenticator, Caller};
pub use cookie::{CookieScheme, SessionCookie};
pub use json::Json;
pub use path::Path;
pub use peer::Peer;
pub use query::Query;

pub(crate) use json::is_json;
