//! Which codes an operation can answer with beside its own: what the edge, the guard, the extractors and the database refuse.
use std::collections::{BTreeMap, BTreeSet};

use wh_base::{ErrorCode, Kind};

use super::op::{Access, By, Intake, Keyed, Plan};
use crate::codes;
use crate::edge::codes as edge;

/// All codes the operation can answer with, in order.
pub(crate) fn codes_of(plan: &Plan) -> BTreeMap<&'static str, &'static ErrorCode> {
    let mut all: Vec<&'static ErrorCode> = plan.op.errors.clone();
    all.extend([&wh_base::codes::INTERNAL, &codes::NUL, &codes::QUERY_UNKNOWN, &codes::QUERY]);
    // Every use case may meet a database that is busy, slow or away. Its internal errors are told as `base.internal`.
    all.extend(wh_db::codes::ALL.iter().filter(|code| passing(code.kind)));
    all.extend(edge(plan));
    match plan.op.access {
        Access::Open => {}
        Access::SignedIn => all.push(&codes::UNAUTHENTICATED),
        Access::Holds(_) => all.extend([&codes::UNAUTHENTICATED, &codes::FORBIDDEN]),
    }
    if plan.op.access != Access::Open {
        all.extend(bearer(plan));
    }
    if !plan.path_parameters.is_empty() {
        all.extend([&codes::PATH, &codes::NOT_FOUND]);
    }
    if plan.query.contains("cursor") {
        all.push(&codes::CURSOR);
    }
    if plan.has_body() {
        all.extend([
            &codes::BODY_TOO_LARGE,
            &codes::BODY_UNREADABLE,
            &codes::MEDIA_TYPE,
            &codes::CONTENT_CODING,
        ]);
    }
    if plan.takes_json() {
        all.push(&codes::BODY_INVALID);
    }
    if plan.refuses_key() {
        all.push(&codes::IDEMPOTENCY_KEY);
    }
    if plan.op.keyed == Keyed::Yes {
        all.extend([
            &codes::IDEMPOTENCY_KEY,
            &codes::IDEMPOTENCY_RUNNING,
            &codes::IDEMPOTENCY_NOT_KEPT,
            &codes::IDEMPOTENCY_MISMATCH,
        ]);
    }
    all.into_iter().map(|code| (code.code, code)).collect()
}

/// The statuses of those codes.
pub(crate) fn statuses_of(codes: &BTreeMap<&'static str, &'static ErrorCode>) -> BTreeSet<u16> {
    codes.values().map(|code| code.kind.status()).collect()
}

/// Kinds of database errors that pass through any use case; the others are turned into the context's own words.
fn passing(kind: Kind) -> bool {
    matches!(kind, Kind::Unavailable | Kind::Timeout | Kind::TooMany)
}

/// What may be wrong with an API key.
fn bearer(plan: &Plan) -> Vec<&'static ErrorCode> {
    let mut all: Vec<&'static ErrorCode> = vec![
        &codes::BEARER_MALFORMED,
        &codes::BEARER,
        &codes::BEARER_EXPIRED,
        &codes::BEARER_DISABLED,
        &codes::BEARER_NETWORK,
        &codes::BEARER_THROTTLED,
    ];
    match (plan.op.by, plan.op.access) {
        (By::Session, _) => all.push(&codes::BEARER_SESSION),
        (By::Any, Access::Holds(_)) => all.push(&codes::BEARER_SCOPE),
        (By::Any, Access::Open | Access::SignedIn) => {}
    }
    all
}

/// What the edge refuses before and while the router sees the request.
fn edge(plan: &Plan) -> Vec<&'static ErrorCode> {
    let mut all: Vec<&'static ErrorCode> = vec![
        &edge::HOST,
        &edge::HOST_FOREIGN,
        &edge::TARGET_MISMATCH,
        &edge::ADDRESS,
        &edge::ADDRESS_LONG,
        &edge::CONNECTIONS,
        &edge::RATE_LIMITED,
        &edge::BEARER_AND_COOKIE,
    ];
    // Without a turn, or without room for its body.
    if plan.class().is_some() || (plan.has_body() && plan.op.intake == Intake::Buffered) {
        all.push(&edge::OVERLOADED);
    }
    if plan.method != "get" {
        all.push(&edge::CROSS_ORIGIN);
    }
    if plan.has_body() {
        all.extend([&edge::BODY_SLOW, &edge::BODY_BROKEN]);
    }
    if plan.op.intake == Intake::Buffered {
        all.push(&edge::DEADLINE);
    }
    all
}
