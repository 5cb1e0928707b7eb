//! What no operation takes: problems under `/v1`, the console for everything else.
use std::convert::Infallible;

use axum::Router;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::Method;
use tower::Service;

use crate::{Problem, codes};

/// The router with its last answers: an unknown address or method of the API is a problem; all else goes to `web`, and
/// is a problem too when there is none.
pub fn with_fallbacks(router: Router, web: Option<Router>) -> Router {
    router
        .method_not_allowed_fallback(method_not_allowed)
        .fallback(move |request: Request| unknown(web.clone(), request))
}

async fn method_not_allowed(method: Method) -> Problem {
    codes::METHOD_NOT_ALLOWED.error(format!("the address does not take {method}")).into()
}

async fn unknown(web: Option<Router>, request: Request) -> Response {
    let path = request.uri().path();
    let is_api = path == "/v1" || path.starts_with("/v1/");
    match web {
        Some(mut web) if !is_api => {
            let answer: Result<Response, Infallible> = web.call(request).await;
            match answer {
                Ok(response) => response,
                Err(never) => match never {},
            }
        }
        _ => Problem::from(codes::NOT_FOUND.error("there is nothing at this address")).into_response(),
    }
}
