//! The error codes that the front door itself raises; those of a context stand in that context.
use wh_base::{ErrorCode, Kind};

/// Nobody is signed in.
pub const UNAUTHENTICATED: ErrorCode = ErrorCode::new(
    "server.unauthenticated",
    Kind::Unauthenticated,
    "nobody is signed in",
    "sign in; a session ends after half an hour without use and after twelve hours in any case",
);
/// Signed in, without the permission.
pub const FORBIDDEN: ErrorCode = ErrorCode::new(
    "server.forbidden",
    Kind::Forbidden,
    "your role does not hold the permission",
    "the operation's `x-permission` names it; an admin of the company gives roles",
);
/// A bearer token that is no API key: mistyped, cut off, or something else.
pub const BEARER_MALFORMED: ErrorCode = ErrorCode::new(
    "server.bearer_malformed",
    Kind::Unauthenticated,
    "the bearer token is not an API key",
    "send `Authorization: Bearer whk_…` once, with the whole key; a mistyped or cut one is recognised by its check sum",
);
/// A key that opens nothing.
pub const BEARER: ErrorCode = ErrorCode::new(
    "server.bearer",
    Kind::Unauthenticated,
    "the API key is unknown or was revoked",
    "make a new key; a key is gone when it is revoked and when its owner leaves the company",
);
/// The right key, too late.
pub const BEARER_EXPIRED: ErrorCode = ErrorCode::new(
    "server.bearer_expired",
    Kind::Unauthenticated,
    "the API key has expired",
    "make a new key and put it in the place of this one",
);
/// The right key of a service account that is switched off.
pub const BEARER_DISABLED: ErrorCode = ErrorCode::new(
    "server.bearer_disabled",
    Kind::Forbidden,
    "the service account of the API key is disabled",
    "an admin of the company can enable it",
);
/// The right key from the wrong place.
pub const BEARER_NETWORK: ErrorCode = ErrorCode::new(
    "server.bearer_network",
    Kind::Forbidden,
    "the API key may not be used from this address",
    "use it from one of its networks; behind a proxy, `trusted_proxies` in [server] says whose word about addresses counts",
);
/// The right key without the scope.
pub const BEARER_SCOPE: ErrorCode = ErrorCode::new(
    "server.bearer_scope",
    Kind::Forbidden,
    "the API key does not have the scope",
    "the operation's `x-permission` names it; make a key that has it",
);
/// An operation about a browser's session.
pub const BEARER_SESSION: ErrorCode = ErrorCode::new(
    "server.bearer_session",
    Kind::Forbidden,
    "the operation is not for API keys",
    "sign in with a browser; `x-auth` of the operation is `session`",
);
/// Too many wrong keys from one address.
pub const BEARER_THROTTLED: ErrorCode = ErrorCode::new(
    "server.bearer_throttled",
    Kind::TooMany,
    "too many wrong API keys came from this address",
    "wait for the time in Retry-After; nothing was checked in the meantime",
);
/// No such address.
pub const NOT_FOUND: ErrorCode = ErrorCode::new(
    "server.not_found",
    Kind::NotFound,
    "there is nothing at this address",
    "compare the address with /v1/openapi.json",
);
/// The address takes other methods.
pub const METHOD_NOT_ALLOWED: ErrorCode = ErrorCode::new(
    "server.method_not_allowed",
    Kind::MethodNotAllowed,
    "the address does not take this method",
    "the header `Allow` names those it takes",
);
/// The body is not JSON at all.
pub const BODY_UNREADABLE: ErrorCode = ErrorCode::new(
    "server.body_unreadable",
    Kind::Malformed,
    "the body cannot be read",
    "send one whole JSON value in UTF-8",
);
/// JSON, and not what the operation takes.
pub const BODY_INVALID: ErrorCode = ErrorCode::new(
    "server.body_invalid",
    Kind::Invalid,
    "the body is not what the operation takes",
    "`errors` names the fields by JSON pointer; compare with the operation's schema",
);
/// More bytes than the operation takes.
pub const BODY_TOO_LARGE: ErrorCode = ErrorCode::new(
    "server.body_too_large",
    Kind::TooLarge,
    "the body is larger than the operation takes",
    "send less; `x-body-bytes-max` of the operation is the limit",
);
/// Another content type.
pub const MEDIA_TYPE: ErrorCode = ErrorCode::new(
    "server.media_type",
    Kind::UnsupportedMediaType,
    "the body's content type is not one that the operation takes",
    "send the `Content-Type` that the operation names",
);
/// A compressed body.
pub const CONTENT_CODING: ErrorCode = ErrorCode::new(
    "server.content_coding",
    Kind::UnsupportedMediaType,
    "the body is compressed",
    "send it as it is, without `Content-Encoding`",
);
/// A NUL character in a text.
pub const NUL: ErrorCode = ErrorCode::new(
    "server.nul",
    Kind::Malformed,
    "a text holds the character U+0000",
    "remove it; no database stores it",
);
/// A query parameter that cannot be read.
pub const QUERY: ErrorCode = ErrorCode::new(
    "server.query",
    Kind::Malformed,
    "a query parameter cannot be read",
    "`errors` names the parameter; compare with the operation's parameters",
);
/// A query parameter that the operation does not have.
pub const QUERY_UNKNOWN: ErrorCode = ErrorCode::new(
    "server.query_unknown",
    Kind::Malformed,
    "the operation has no such query parameter",
    "remove it; `errors` names it",
);
/// A part of the path that cannot be read.
pub const PATH: ErrorCode = ErrorCode::new(
    "server.path",
    Kind::Malformed,
    "a part of the address cannot be read",
    "`errors` names the parameter; ids are UUIDs",
);
/// A cursor that no list gave out.
pub const CURSOR: ErrorCode = ErrorCode::new(
    "server.cursor",
    Kind::Malformed,
    "the cursor is not one that this list gave out",
    "start again without `cursor`",
);
/// `Idempotency-Key` is not a structured string, or stands where it means nothing.
pub const IDEMPOTENCY_KEY: ErrorCode = ErrorCode::new(
    "server.idempotency_key",
    Kind::Malformed,
    "the header Idempotency-Key cannot be read, or the operation takes none",
    "send one quoted string of 1 to 128 printable ASCII characters, for example \"6f1c…\"; leave the header out where the operation does not name it among its parameters",
);
/// The first request with that key has not ended.
pub const IDEMPOTENCY_RUNNING: ErrorCode = ErrorCode::new(
    "server.idempotency_running",
    Kind::Conflict,
    "a request with this Idempotency-Key is still running",
    "wait and send the same request again",
);
/// The change of that key is made, and its answer is not there to be given again.
pub const IDEMPOTENCY_NOT_KEPT: ErrorCode = ErrorCode::new(
    "server.idempotency_not_kept",
    Kind::Conflict,
    "the request with this Idempotency-Key was done, and its answer was lost or was too large to keep",
    "read what it changed instead of sending it again; under this key it is not done a second time",
);
/// The key was used for another request.
pub const IDEMPOTENCY_MISMATCH: ErrorCode = ErrorCode::new(
    "server.idempotency_mismatch",
    Kind::Invalid,
    "this Idempotency-Key belongs to another request",
    "make a new key for each new request",
);
/// The request came before the server knew where from. Our fault.
pub const UNWIRED: ErrorCode = ErrorCode::new(
    "server.unwired",
    Kind::Internal,
    "a part of the server is missing",
    "report the request id, under which the log holds the cause",
);
/// Two declarations contradict one another; found at start, never during a request.
pub const SPEC: ErrorCode = ErrorCode::new(
    "server.spec",
    Kind::Internal,
    "the declared operations contradict one another",
    "this is found at start; report the message",
);
/// Too many tabs of one session.
pub const LIVE_SOCKETS: ErrorCode = ErrorCode::new(
    "server.live_sockets",
    Kind::TooMany,
    "the session has too many live connections",
    "close some tabs",
);
/// Not a WebSocket handshake.
pub const LIVE_HANDSHAKE: ErrorCode = ErrorCode::new(
    "server.live_handshake",
    Kind::Malformed,
    "this address answers WebSocket handshakes only",
    "connect with a WebSocket client",
);
/// A live topic that does not exist.
pub const LIVE_TOPIC: ErrorCode = ErrorCode::new(
    "server.live_topic",
    Kind::Invalid,
    "there is no such topic",
    "a topic is `<area>` or `<area>.<subject>`, the area being one that holds an `<area>:read` permission",
);
/// More topics than one connection may hold.
pub const LIVE_TOPICS: ErrorCode = ErrorCode::new(
    "server.live_topics",
    Kind::TooMany,
    "the connection holds too many topics",
    "unsubscribe from some, or subscribe to the whole area",
);
/// A message that the live hub cannot read.
pub const LIVE_MESSAGE: ErrorCode = ErrorCode::new(
    "server.live_message",
    Kind::Malformed,
    "the live message cannot be read",
    "send subscribe, unsubscribe or ping as JSON text",
);

/// The house is being put together.
pub const STARTING: ErrorCode = ErrorCode::new(
    "server.starting",
    Kind::Unavailable,
    "the server is starting",
    "try again in a moment; a first start after an upgrade changes the tables, which may take its time",
);
/// The house is being closed.
pub const DRAINING: ErrorCode = ErrorCode::new(
    "server.draining",
    Kind::Unavailable,
    "the server is being stopped",
    "send new requests to another server, or try again when this one is back",
);
/// Something the server stands on does not answer.
pub const NOT_READY: ErrorCode = ErrorCode::new(
    "server.not_ready",
    Kind::Unavailable,
    "a component that every request needs is down",
    "the detail names it; `/health/detailed` says more to the operator, `wheelhouse doctor` says what to do",
);
/// A component said nothing at all.
pub const SILENT: ErrorCode = ErrorCode::new(
    "server.component_silent",
    Kind::Timeout,
    "a component did not answer in time",
    "look at the component itself and at the way to it; `wheelhouse doctor` asks it from here",
);

/// All of them, for the error table.
pub const ALL: &[&ErrorCode] = &[
    &UNAUTHENTICATED,
    &FORBIDDEN,
    &BEARER_MALFORMED,
    &BEARER,
    &BEARER_EXPIRED,
    &BEARER_DISABLED,
    &BEARER_NETWORK,
    &BEARER_SCOPE,
    &BEARER_SESSION,
    &BEARER_THROTTLED,
    &NOT_FOUND,
    &METHOD_NOT_ALLOWED,
    &BODY_UNREADABLE,
    &BODY_INVALID,
    &BODY_TOO_LARGE,
    &MEDIA_TYPE,
    &CONTENT_CODING,
    &NUL,
    &QUERY,
    &QUERY_UNKNOWN,
    &PATH,
    &CURSOR,
    &IDEMPOTENCY_KEY,
    &IDEMPOTENCY_RUNNING,
    &IDEMPOTENCY_NOT_KEPT,
    &IDEMPOTENCY_MISMATCH,
    &UNWIRED,
    &SPEC,
    &LIVE_SOCKETS,
    &LIVE_HANDSHAKE,
    &LIVE_TOPIC,
    &LIVE_TOPICS,
    &LIVE_MESSAGE,
    &STARTING,
    &DRAINING,
    &NOT_READY,
    &SILENT,
];
