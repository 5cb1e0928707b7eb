//! The error codes of the operator's view.
use wh_base::{ErrorCode, Kind};

/// No such event is parked.
pub const PARKED_NOT_FOUND: ErrorCode = ErrorCode::new(
    "system.parked_not_found",
    Kind::NotFound,
    "no event of that id is parked",
    "list the parked events again: somebody else may have retried it",
);
/// No event of such a reaction is parked.
pub const REACTION_NOT_PARKED: ErrorCode = ErrorCode::new(
    "system.reaction_not_parked",
    Kind::NotFound,
    "no event of that reaction is parked",
    "list the parked events again, and name their `reaction` as it stands there: `context:kind`",
);
/// Not a level of the log.
pub const LOG_LEVELS: ErrorCode = ErrorCode::new(
    "system.log_levels",
    Kind::Invalid,
    "the log levels cannot be read",
    "send a level (error, warn, info, debug, trace, off), or a list of parts: `info,wh_db=debug`",
);

/// No such company.
pub const COMPANY_NOT_FOUND: ErrorCode = ErrorCode::new(
    "system.company_not_found",
    Kind::NotFound,
    "there is no company of that id",
    "list the companies again",
);
/// Limits that cannot be set.
pub const LIMITS: ErrorCode = ErrorCode::new(
    "system.limits",
    Kind::Invalid,
    "the limits cannot be set like this",
    "name at least one limit, each within its bounds; delete the limits to have those of every company again",
);

/// All of them, for the error table.
pub const ALL: &[&ErrorCode] =
    &[&PARKED_NOT_FOUND, &REACTION_NOT_PARKED, &LOG_LEVELS, &COMPANY_NOT_FOUND, &LIMITS];
