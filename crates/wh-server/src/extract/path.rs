//! The parts of the address that a template names: ids and words.
use axum::extract::FromRequestParts;
use axum::extract::path::ErrorKind;
use axum::extract::rejection::PathRejection;
use http::request::Parts;
use serde::de::DeserializeOwned;
use wh_base::Result;

use crate::{Problem, codes};

/// The template's parameters as a `T`: one id, or a tuple of them in the order of the address.
#[derive(Clone, Copy, Debug)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match axum::extract::Path::<T>::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(value)) => Ok(Self(value)),
            Err(PathRejection::FailedToDeserializePathParams(failed)) => {
                let (name, detail) = name_of(failed.kind());
                Err(codes::PATH.error("a part of the address cannot be read").at(name, detail).into())
            }
            Err(_) => Err(codes::UNWIRED.error("the route has no such parameter").into()),
        }
    }
}

fn name_of(kind: &ErrorKind) -> (String, String) {
    match kind {
        ErrorKind::ParseErrorAtKey { key, value, expected_type } => {
            (key.clone(), format!("`{value}` is not {expected_type}"))
        }
        ErrorKind::DeserializeError { key, value, message } => (key.clone(), format!("`{value}`: {message}")),
        ErrorKind::InvalidUtf8InPathParam { key } => (key.clone(), "not UTF-8".to_owned()),
        ErrorKind::ParseErrorAtIndex { index, value, expected_type } => {
            (index.to_string(), format!("`{value}` is not {expected_type}"))
        }
        ErrorKind::ParseError { value, expected_type } => {
            ("id".to_owned(), format!("`{value}` is not {expected_type}"))
        }
        other => ("id".to_owned(), other.to_string()),
    }
}
