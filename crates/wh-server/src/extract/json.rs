//! JSON bodies: strict on the way in (content type, one value, no NUL, fields named by JSON pointer), plain on the way out.
use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, header};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use wh_base::{Error, Result};

use crate::{Problem, codes};

/// A JSON body in or out.
#[derive(Clone, Copy, Debug)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(codes::MEDIA_TYPE.error("the content type is not application/json").into());
        }
        let body = Bytes::from_request(request, state)
            .await
            .map_err(|e| codes::BODY_UNREADABLE.caused("the body did not arrive whole", e))?;
        Ok(Self(parse(&body)?))
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(body) => ([(header::CONTENT_TYPE, "application/json")], body).into_response(),
            Err(e) => Problem::from(wh_base::codes::INTERNAL.caused("the answer does not serialise", e))
                .into_response(),
        }
    }
}

/// Whether the headers announce JSON; `charset=utf-8` is tolerated, because it is what JSON is.
pub(crate) fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()) else {
        return false;
    };
    let mut parts = value.split(';').map(str::trim);
    parts.next().is_some_and(|media| media.eq_ignore_ascii_case("application/json"))
        && parts.all(|parameter| {
            parameter.eq_ignore_ascii_case("charset=utf-8")
                || parameter.eq_ignore_ascii_case("charset=\"utf-8\"")
        })
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T> {
    refuse_nul(body)?;
    // A struct can be read from the list of its fields' values too: the spec says objects, and the next field would be another one.
    if body.trim_ascii_start().starts_with(b"[") {
        let detail = "a list, expected an object";
        return Err(codes::BODY_INVALID.error(detail).at("", detail));
    }
    let mut input = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut input).map_err(|e| {
        let pointer = pointer(e.path(), &e.inner().to_string());
        refused(&e.into_inner(), &pointer)
    })?;
    input.end().map_err(|e| refused(&e, ""))?;
    Ok(value)
}

fn refused(error: &serde_json::Error, pointer: &str) -> Error {
    let text = error.to_string();
    // `at line 1 column 7` helps with broken JSON; where a pointer names the field it is noise.
    let plain = text.split(" at line ").next().unwrap_or(&text).to_owned();
    match error.classify() {
        Category::Data => codes::BODY_INVALID.error(plain.clone()).at(pointer, plain),
        Category::Io | Category::Syntax | Category::Eof => codes::BODY_UNREADABLE.error(text),
    }
}

/// `a[0].b` of the path as `/a/0/b`; a missing or unknown field is named too.
fn pointer(path: &serde_path_to_error::Path, message: &str) -> String {
    use serde_path_to_error::Segment;
    let mut out = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => push(&mut out, &index.to_string()),
            Segment::Map { key } => push(&mut out, key),
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    for start in ["missing field `", "unknown field `", "duplicate field `"] {
        let Some(field) = message.strip_prefix(start).and_then(|rest| rest.split('`').next()) else {
            continue;
        };
        if out.rsplit('/').next() != Some(escaped(field).as_str()) {
            push(&mut out, field);
        }
    }
    out
}

fn push(out: &mut String, segment: &str) {
    out.push('/');
    out.push_str(&escaped(segment));
}

fn escaped(segment: &str) -> String {
    segment.replace('~', "~0").replace('/', "~1")
}

/// A quick look for the escape first: the walk is for the few bodies that hold one.
fn refuse_nul(body: &[u8]) -> Result<()> {
    if !body.windows(6).any(|window| window == b"\\u0000") {
        return Ok(());
    }
    let Ok(value) = serde_json::from_slice::<serde_json::Value>(body) else { return Ok(()) };
    match nul_at(&value, String::new()) {
        Some(pointer) => {
            Err(codes::NUL.error("a text holds U+0000").at(pointer, "holds the character U+0000"))
        }
        None => Ok(()),
    }
}

fn nul_at(value: &serde_json::Value, at: String) -> Option<String> {
    use serde_json::Value;
    match value {
        Value::String(text) => text.contains('\0').then_some(at),
        Value::Array(items) => {
            items.iter().enumerate().find_map(|(index, item)| nul_at(item, format!("{at}/{index}")))
        }
        Value::Object(fields) => fields.iter().find_map(|(name, item)| {
            if name.contains('\0') {
                return Some(at.clone());
            }
            let mut inner = at.clone();
            push(&mut inner, name);
            nul_at(item, inner)
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}
