//! With what somebody calls: address, request and browser, taken from the request. Trusts none of it.
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use wh_server::{Json, Peer, Problem, SessionCookie};

use super::views::MeView;
use crate::model::{Client, UserAgent};
use crate::service::SignedIn;

/// The caller's client, for sessions and throttling.
pub(super) struct From(pub(super) Client);

impl<S: Send + Sync> FromRequestParts<S> for From {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Peer(origin) = Peer::from_request_parts(parts, state).await?;
        let agent = parts
            .headers
            .get(header::USER_AGENT)
            .and_then(|value| value.to_str().ok())
            .and_then(UserAgent::new);
        Ok(Self(Client { origin, agent }))
    }
}

/// Who somebody is now, with the cookie of the session that has just begun.
pub(super) struct Welcome(pub(super) SessionCookie, pub(super) SignedIn);

impl IntoResponse for Welcome {
    fn into_response(self) -> Response {
        let Self(cookie, signed_in) = self;
        let set = cookie.set(&signed_in.token, signed_in.max_age_s);
        (headers(set), Json(MeView::from(signed_in.me))).into_response()
    }
}

/// A `Set-Cookie` on an answer that nobody may keep.
pub(super) fn headers(cookie: HeaderValue) -> HeaderMap {
    HeaderMap::from_iter([
        (header::SET_COOKIE, cookie),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ])
}
