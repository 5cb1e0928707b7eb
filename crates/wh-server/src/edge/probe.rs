//! `/health`, `/health/ready` and `/metrics`: asked by machines, answered before any operation.
use std::sync::LazyLock;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use uuid::Uuid;
use wh_base::{Error, Result};

use super::metrics::{self, Route};
use super::{Peer, forwarded};
use crate::health::Health;
use crate::{Problem, codes, problem};

pub(super) static HEALTH: LazyLock<Route> = LazyLock::new(|| Route::new("health", "/health"));
pub(super) static READY: LazyLock<Route> = LazyLock::new(|| Route::new("health_ready", "/health/ready"));
pub(super) static METRICS: LazyLock<Route> = LazyLock::new(|| Route::new("metrics", "/metrics"));

/// What Prometheus expects of its text format.
pub(crate) const TEXT_FORMAT: HeaderValue =
    HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

fn json(status: StatusCode, text: &'static str) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")], text)
        .into_response()
}

fn method(method: &Method) -> Result<()> {
    if matches!(*method, Method::GET | Method::HEAD) {
        return Ok(());
    }
    Err(codes::METHOD_NOT_ALLOWED.error("only GET"))
}

/// 200 while the process answers at all. Asks nothing: a database that is away is no reason to restart the server.
pub(super) fn alive(asked: &Method) -> Response {
    match method(asked) {
        Ok(()) => json(StatusCode::OK, r#"{"status":"ok"}"#),
        Err(refusal) => refuse(refusal),
    }
}

/// 200 while requests can be served; a problem with 503 while it starts, drains, or a component is down.
pub(super) async fn ready(asked: &Method, health: &Health) -> Response {
    let outcome = match method(asked) {
        Ok(()) => health.ready().await,
        Err(refusal) => Err(refusal),
    };
    match outcome {
        Ok(()) => json(StatusCode::OK, r#"{"status":"ready"}"#),
        Err(refusal) => refuse(refusal),
    }
}

/// Whether the numbers are asked for on this machine, without a proxy that is known by its headers. Everybody else needs the
/// permission of the operation `metrics_get`; where `metrics_local` is not set, so does this machine.
pub(super) fn is_scraper_here(asked: &Method, peer: Option<Peer>, headers: &HeaderMap) -> bool {
    let is_local = peer.is_some_and(|peer| peer.address.ip().to_canonical().is_loopback());
    is_local && !forwarded::is_forwarded(headers) && method(asked).is_ok()
}

/// The numbers.
pub(crate) fn numbers() -> Response {
    let mut response = Response::new(Body::from(exposition()));
    response.headers_mut().insert(header::CONTENT_TYPE, TEXT_FORMAT);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// All figures of the process as Prometheus reads them.
pub fn exposition() -> String {
    let mut text = wh_base::process::exposition();
    text.push_str(&metrics::recorder().render());
    text
}

/// What the port for scrapers and probes answers.
pub(crate) async fn figures<B>(request: &Request<B>, health: &Health) -> Response {
    let response = match request.uri().path() {
        "/metrics" => match method(request.method()) {
            Ok(()) => numbers(),
            Err(refusal) => refuse(refusal),
        },
        "/health" => alive(request.method()),
        "/health/ready" => ready(request.method(), health).await,
        _ => refuse(codes::NOT_FOUND.error("this port answers /metrics, /health and /health/ready")),
    };
    problem::complete(response, Uuid::nil())
}

fn refuse(error: Error) -> Response {
    let is_method = error.is(&codes::METHOD_NOT_ALLOWED);
    let mut response = Problem::from(error).into_response();
    if is_method {
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
    }
    response
}
