//! Runs a use case again when the database asks for it: two transactions met, one of them has to start over.
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::request::Parts;

use crate::problem::Refusal;

/// How often a use case starts over before its client is told to try again later.
const REPLAYS_MAX: u32 = 3;

/// A request behind the guard, and its handler.
pub(crate) struct Call {
    pub(crate) parts: Parts,
    pub(crate) body: Bytes,
    pub(crate) next: Next,
}

/// Run the handler with the buffered body; run it again, at most [`REPLAYS_MAX`] times, while the database asks for it. Safe,
/// because a use case touches nothing outside its transaction.
pub(crate) async fn run(call: Call) -> Response {
    let Call { parts, body, next } = call;
    for _ in 0..REPLAYS_MAX {
        let request = Request::from_parts(parts.clone(), Body::from(body.clone()));
        let response = next.clone().run(request).await;
        if !asks_for_replay(&response) {
            return response;
        }
        metrics::counter!("http_request_replays_total").increment(1);
    }
    next.clone().run(Request::from_parts(parts, Body::from(body))).await
}

fn asks_for_replay(response: &Response) -> bool {
    response
        .extensions()
        .get::<Refusal>()
        .is_some_and(|refusal| wh_db::codes::asks_for_replay(&refusal.error))
}
