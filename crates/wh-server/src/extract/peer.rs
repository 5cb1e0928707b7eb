//! Where a request comes from: address and request id, put there by the edge.
use std::ops::Deref;

use axum::extract::FromRequestParts;
use http::request::Parts;
use wh_base::{Origin, Result};

use crate::{Problem, codes};

/// The origin of the request; for operations that nobody is signed in for.
#[derive(Clone, Debug)]
pub struct Peer(pub Origin);

impl Deref for Peer {
    type Target = Origin;

    fn deref(&self) -> &Origin {
        &self.0
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Peer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        match parts.extensions.get::<Origin>() {
            Some(origin) => Ok(Self(origin.clone())),
            None => Err(codes::UNWIRED.error("the edge set no origin").into()),
        }
    }
}
