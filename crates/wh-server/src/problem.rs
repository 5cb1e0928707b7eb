//! RFC 9457 problems: the one place where an error becomes an HTTP answer. It does not log; the edge does, once.
use std::sync::Arc;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;
use wh_base::{Error, FieldError, Kind};

/// The media type of a problem.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// How a program may say who it is (RFC 9110 11.6.1).
const BEARER: HeaderValue = HeaderValue::from_static("Bearer");

/// A handler's result.
pub type Answer<T> = Result<T, Problem>;

/// An error on its way to the client. Becomes `application/problem+json`.
#[derive(Clone, Debug)]
pub struct Problem(Arc<Error>);

impl Problem {
    /// The error inside.
    pub fn error(&self) -> &Error {
        &self.0
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self(Arc::new(error))
    }
}

/// What was refused and why: a response extension, for the edge's log line and the registry's replay.
#[derive(Clone)]
pub struct Refusal {
    /// The error with its cause.
    pub error: Arc<Error>,
}

/// The problem's body exists already.
#[derive(Clone)]
struct Written;

impl IntoResponse for Problem {
    /// The head only: the body is written by [`complete`] at the edge, which knows the request id.
    fn into_response(self) -> Response {
        let mut response = status(&self.0).into_response();
        if let Some(seconds) = self.0.retry_after_s() {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.0.kind() == Kind::Unauthenticated {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, BEARER);
        }
        response.extensions_mut().insert(Refusal { error: self.0 });
        response
    }
}

fn status(error: &Error) -> StatusCode {
    StatusCode::from_u16(error.kind().status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// Write the problem's body, if the response is a refusal without one. Doing it twice changes nothing.
pub fn complete(mut response: Response, request_id: Uuid) -> Response {
    if response.extensions().get::<Written>().is_some() {
        return response;
    }
    let Some(refusal) = response.extensions().get::<Refusal>().cloned() else { return response };
    let body = serde_json::to_vec(&body(&refusal.error, request_id)).unwrap_or_default();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
    *response.body_mut() = Body::from(body);
    response.extensions_mut().insert(Written);
    response
}

fn body(error: &Error, request_id: Uuid) -> ProblemBody<'_> {
    let code = error.code();
    // The message of an internal error may name tables and files: that is for the log.
    let detail = if code.kind.status() == 500 { code.hint } else { error.message() };
    ProblemBody {
        kind: format!("/docs/errors#{}", code.code),
        title: code.summary,
        status: code.kind.status(),
        detail,
        instance: format!("urn:uuid:{request_id}"),
        code: code.code,
        request_id,
        errors: error.fields(),
    }
}

#[derive(Serialize)]
struct ProblemBody<'a> {
    #[serde(rename = "type")]
    kind: String,
    title: &'static str,
    status: u16,
    detail: &'a str,
    instance: String,
    code: &'static str,
    request_id: Uuid,
    #[serde(skip_serializing_if = "<[FieldError]>::is_empty")]
    errors: &'a [FieldError],
}

/// A refusal (RFC 9457). `code` is stable and listed in the error table; `detail` is for people.
#[derive(ToSchema)]
#[schema(as = Problem)]
#[expect(dead_code, reason = "only its shape is used: it is the schema of `ProblemBody`, which borrows")]
pub(crate) struct ProblemSchema {
    /// The line of the error table.
    #[schema(rename = "type", format = "uri-reference")]
    kind: String,
    /// What happened, in general.
    title: String,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What happened this time.
    detail: String,
    /// This occurrence: the request's id as a URN.
    #[schema(format = "uri-reference")]
    instance: String,
    /// `area.what`, stable for ever.
    code: String,
    /// Under which the log holds the request.
    request_id: Uuid,
    /// What is wrong, field by field.
    #[schema(required = false)]
    errors: Vec<ProblemField>,
}

/// What is wrong with one field of the input.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its shape is used: it is the schema of wh_base::FieldError")]
pub(crate) struct ProblemField {
    /// JSON pointer into the body, or the name of the parameter.
    pointer: String,
    /// What is wrong with it.
    detail: String,
}
