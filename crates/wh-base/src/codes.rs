//! The error codes that belong to no single crate.
use crate::{ErrorCode, Kind};

/// Our fault.
pub const INTERNAL: ErrorCode = ErrorCode::new(
    "base.internal",
    Kind::Internal,
    "something in Wheelhouse failed",
    "try again; if it stays, report the request id, under which the log holds the cause",
);
/// An id, time or other word that does not parse.
pub const MALFORMED: ErrorCode = ErrorCode::new(
    "base.malformed",
    Kind::Malformed,
    "a value cannot be read",
    "compare the value with the operation's schema",
);
/// The configuration is wrong.
pub const CONFIG: ErrorCode = ErrorCode::new(
    "base.config",
    Kind::Invalid,
    "the configuration is wrong",
    "run `wheelhouse config check`; `wheelhouse config default` prints every key with its meaning",
);

/// All of them, for the error table.
pub const ALL: &[&ErrorCode] = &[&INTERNAL, &MALFORMED, &CONFIG];
