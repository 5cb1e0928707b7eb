//! Query parameters as a typed struct. Names that the operation does not have are refused before, by the guard.
use axum::extract::FromRequestParts;
use http::request::Parts;
use serde::de::DeserializeOwned;
use wh_base::Result;

use crate::{Problem, codes};

/// The query string as a `T`. Name `T` in `params(..)` too, so that the spec lists its fields.
#[derive(Clone, Copy, Debug)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let raw = parts.uri.query().unwrap_or_default();
        let pairs = url::form_urlencoded::parse(raw.as_bytes());
        let input = serde_urlencoded::Deserializer::new(pairs);
        match serde_path_to_error::deserialize(input) {
            Ok(value) => Ok(Self(value)),
            Err(e) => {
                let name = e.path().to_string();
                let detail = e.into_inner().to_string();
                let name = named(&detail).unwrap_or(name);
                Err(codes::QUERY
                    .error(format!("the query parameter {name} cannot be read"))
                    .at(name, detail)
                    .into())
            }
        }
    }
}

/// The field that serde's message names, where the path does not.
fn named(detail: &str) -> Option<String> {
    let rest = detail.strip_prefix("missing field `").or_else(|| detail.strip_prefix("duplicate field `"))?;
    rest.split('`').next().map(ToOwned::to_owned)
}
