//! The refusals of the edge: what is wrong with a request before any operation sees it.
use wh_base::{ErrorCode, Kind};

/// No Host, two of them, or one that cannot be read.
pub const HOST: ErrorCode = ErrorCode::new(
    "server.host",
    Kind::Malformed,
    "the request does not say for which host it is",
    "send exactly one `Host` header",
);
/// A host that is not ours: a wrong name, or a page that rebinds its name to this address.
pub const HOST_FOREIGN: ErrorCode = ErrorCode::new(
    "server.host_foreign",
    Kind::Misdirected,
    "this server does not answer for that host",
    "set `public_url` or `allowed_hosts` in [server] when the name is meant to lead here",
);
/// The request line and the Host header name different hosts.
pub const TARGET_MISMATCH: ErrorCode = ErrorCode::new(
    "server.target_mismatch",
    Kind::Malformed,
    "the request line and the Host header name different hosts",
    "send the same host in both, or only a path in the request line",
);
/// A path that means different things to different readers.
pub const ADDRESS: ErrorCode = ErrorCode::new(
    "server.address",
    Kind::Malformed,
    "the address is ambiguous",
    "send a plain path: no encoded slash, no backslash, no control character, no step above the root",
);
/// Too long an address.
pub const ADDRESS_LONG: ErrorCode = ErrorCode::new(
    "server.address_long",
    Kind::UriTooLong,
    "the address is too long",
    "shorten the query; `address_bytes_max` in [server] is the limit",
);
/// A change asked for by a page of another origin, or by nobody knows whom.
pub const CROSS_ORIGIN: ErrorCode = ErrorCode::new(
    "server.cross_origin",
    Kind::Forbidden,
    "the change does not come from a page of this server",
    "browsers send `Sec-Fetch-Site` or `Origin` by themselves; a program sends an API key, or `Sec-Fetch-Site: none`",
);
/// Two proofs of who somebody is, of which one must be meant.
pub const BEARER_AND_COOKIE: ErrorCode = ErrorCode::new(
    "server.bearer_and_cookie",
    Kind::Malformed,
    "the request carries both a session cookie and an API key",
    "send one of them: a browser its cookie, a program its key",
);
/// The client does not send its body.
pub const BODY_SLOW: ErrorCode = ErrorCode::new(
    "server.body_slow",
    Kind::RequestTimeout,
    "the body arrives too slowly",
    "send it again over a better line; `body_progress_timeout_ms` in [server] is the limit",
);
/// The client went away in the middle of its body.
pub const BODY_BROKEN: ErrorCode = ErrorCode::new(
    "server.body_broken",
    Kind::Malformed,
    "the body ended before its end",
    "send the whole body, as long as its Content-Length says",
);
/// The handler took too long.
pub const DEADLINE: ErrorCode = ErrorCode::new(
    "server.deadline",
    Kind::Timeout,
    "the request took longer than its limit",
    "try again; what the request had not committed by then was rolled back, or goes on where it came with an Idempotency-Key: then send it with the same one. `x-timeout-ms` of the operation is the limit, or `request_timeout_ms` in [server] where the operation sets none of its own",
);
/// No connection is left for this address, or for anybody.
pub const CONNECTIONS: ErrorCode = ErrorCode::new(
    "server.connections",
    Kind::Unavailable,
    "too many connections are open",
    "close some, or try again later; `connections_max` and `connections_per_address_max` in [server] are the limits",
);
/// There is more to do than the machine can do in time.
pub const OVERLOADED: ErrorCode = ErrorCode::new(
    "server.overloaded",
    Kind::Unavailable,
    "the server has too much to do at the moment",
    "nothing was begun: send the same request again after the time in Retry-After",
);

/// One sender asks too often.
pub const RATE_LIMITED: ErrorCode = ErrorCode::new(
    "server.rate_limited",
    Kind::TooMany,
    "too many requests in a short time",
    "wait for the time in Retry-After; `RateLimit` in every answer says what is left, `rate_*_per_min` in [server] are the limits, and what the operator set for the company",
);

/// All of them, for the error table.
pub const ALL: &[&ErrorCode] = &[
    &HOST,
    &HOST_FOREIGN,
    &TARGET_MISMATCH,
    &ADDRESS,
    &ADDRESS_LONG,
    &CROSS_ORIGIN,
    &BEARER_AND_COOKIE,
    &BODY_SLOW,
    &BODY_BROKEN,
    &DEADLINE,
    &CONNECTIONS,
    &OVERLOADED,
    &RATE_LIMITED,
];
