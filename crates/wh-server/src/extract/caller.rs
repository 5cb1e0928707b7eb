//! Who calls: made by the guard from the session cookie or the API key, handed to handlers. Never decides a permission.
use std::ops::Deref;

use async_trait::async_trait;
use axum::extract::FromRequestParts;
use http::request::Parts;
use wh_base::{Actor, Origin, Result, Secret};

use crate::{Problem, codes};

/// Knows sessions and API keys. Identity implements it.
#[async_trait]
pub trait Authenticator: Send + Sync {
    /// Who holds this token; nobody when it is unknown, ended or expired. Counts as use of the session.
    async fn actor(&self, token: &Secret<String>, origin: &Origin) -> Result<Option<Actor>>;

    /// Who acts by this API key. Counts as use of the key. Refuses with one of `server.bearer*` of the front door's table.
    async fn bearer(&self, token: &Secret<String>, origin: &Origin) -> Result<Actor>;

    /// Whether the session or key still stands for the same actor with the same role. Does not count as use: the live hub asks
    /// again and again for each open socket.
    async fn stands(&self, actor: &Actor) -> Result<bool>;

    /// Whether the actor is in the company that operates the installation. Asked in addition to the role, for operations
    /// that are about the installation and not about a company.
    async fn operates(&self, _actor: &Actor) -> Result<bool> {
        Ok(false)
    }
}

/// The member who calls; there is one in every operation that has a permission.
#[derive(Clone, Debug)]
pub struct Caller(pub Actor);

impl Deref for Caller {
    type Target = Actor;

    fn deref(&self) -> &Actor {
        &self.0
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        match parts.extensions.get::<Self>() {
            Some(caller) => Ok(caller.clone()),
            None => Err(codes::UNAUTHENTICATED.error("nobody is signed in").into()),
        }
    }
}
