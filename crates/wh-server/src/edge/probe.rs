//! `/health` and `/metrics`: asked by machines, answered before any operation.
use std::sync::{Arc, LazyLock};

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use wh_base::{Error, Result};

use super::metrics::{self, Route};
use super::{Peer, forwarded};
use crate::serve::Sockets;
use crate::{Problem, codes};

/// Asked by `/health`: whether what the server stands on (its database) answers.
pub type HealthCheck = Arc<dyn Fn() -> BoxFuture<'static, Result<()>> + Send + Sync>;

pub(super) static HEALTH: LazyLock<Route> = LazyLock::new(|| Route::new("/health"));
pub(super) static METRICS: LazyLock<Route> = LazyLock::new(|| Route::new("/metrics"));

/// What Prometheus expects of its text format.
const TEXT_FORMAT: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

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

/// 200 while the server takes requests, 503 while it drains or its database is away.
pub(super) async fn health(asked: &Method, check: Option<&HealthCheck>, sockets: &Sockets) -> Response {
    if let Err(refusal) = method(asked) {
        return refuse(refusal);
    }
    if sockets.is_stopping() {
        return json(StatusCode::SERVICE_UNAVAILABLE, r#"{"status":"draining"}"#);
    }
    let outcome = match check {
        Some(check) => check().await,
        None => Ok(()),
    };
    match outcome {
        Ok(()) => json(StatusCode::OK, r#"{"status":"ok"}"#),
        Err(error) => {
            tracing::warn!(error = ?error, "the health check failed");
            json(StatusCode::SERVICE_UNAVAILABLE, r#"{"status":"unavailable"}"#)
        }
    }
}

/// The numbers, for a scraper on this machine. For everybody else, and through a proxy, the address does not exist.
pub(super) fn metrics(asked: &Method, peer: Option<Peer>, headers: &HeaderMap) -> Response {
    let is_local = peer.is_some_and(|peer| peer.address.ip().to_canonical().is_loopback());
    if !is_local || forwarded::is_forwarded(headers) {
        return refuse(codes::NOT_FOUND.error("there is nothing here"));
    }
    if let Err(refusal) = method(asked) {
        return refuse(refusal);
    }
    let mut response = Response::new(Body::from(metrics::recorder().render()));
    response.headers_mut().insert(header::CONTENT_TYPE, TEXT_FORMAT);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn refuse(error: Error) -> Response {
    let is_method = error.is(&codes::METHOD_NOT_ALLOWED);
    let mut response = Problem::from(error).into_response();
    if is_method {
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
    }
    response
}
