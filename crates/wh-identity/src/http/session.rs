//! `/v1/identity/session` (one's own, here) and `/v1/identity/sessions` (all of one's own). Translates, decides nothing.
use axum::Extension;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::Deserialize;
use utoipa::ToSchema;
use wh_base::Secret;
use wh_contract::{SessionId, TenantId};
use wh_server::{Answer, Caller, Json, Path, SessionCookie};

use super::client::{From, Welcome, headers};
use super::views::{MeView, SessionList, SessionsEnded};
use crate::service::{self, Identity};

/// Only what this site itself has stored: `cookies` would reach the neighbours under the same domain, and `cache` holds
/// nothing that is not public.
const CLEAR_SITE_DATA: (HeaderName, HeaderValue) =
    (HeaderName::from_static("clear-site-data"), HeaderValue::from_static("\"storage\""));

/// Address and password
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SessionCreate {
    /// The address of the account
    #[schema(max_length = 254, examples("ada@acme.example"))]
    email: String,
    /// Its password
    #[schema(value_type = String, format = Password)]
    password: Secret<String>,
}

/// The company to act in
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SessionSwitch {
    /// One of those that `me_get` names
    tenant_id: TenantId,
}

/// Sign in
#[utoipa::path(post, path = "/v1/identity/sessions", tag = "identity", request_body = SessionCreate,
    responses((status = 201, body = MeView)))]
pub(super) async fn session_create(
    Extension(identity): Extension<Identity>,
    cookie: SessionCookie,
    From(client): From,
    Json(body): Json<SessionCreate>,
) -> Answer<(StatusCode, Welcome)> {
    let signed_in = service::session_create(&identity, &client, &body.email, &body.password).await?;
    Ok((StatusCode::CREATED, Welcome(cookie, signed_in)))
}

/// Sign out
#[utoipa::path(delete, path = "/v1/identity/session", tag = "identity", responses((status = 204)))]
pub(super) async fn session_end(
    Extension(identity): Extension<Identity>,
    cookie: SessionCookie,
    caller: Caller,
) -> Answer<(StatusCode, HeaderMap)> {
    service::session_end(&identity, &caller).await?;
    let mut headers = headers(cookie.clear());
    headers.insert(CLEAR_SITE_DATA.0, CLEAR_SITE_DATA.1);
    Ok((StatusCode::NO_CONTENT, headers))
}

/// List the caller's own sessions
#[utoipa::path(get, path = "/v1/identity/sessions", tag = "identity", responses((status = 200, body = SessionList)))]
pub(super) async fn session_list(
    Extension(identity): Extension<Identity>,
    caller: Caller,
) -> Answer<Json<SessionList>> {
    let sessions = service::session_list(&identity, &caller).await?;
    Ok(Json(SessionList { items: sessions.into_iter().map(Into::into).collect() }))
}

/// End one of the caller's own sessions
#[utoipa::path(delete, path = "/v1/identity/sessions/{id}", tag = "identity",
    params(("id" = SessionId, Path, description = "The session")), responses((status = 204)))]
pub(super) async fn session_revoke(
    Extension(identity): Extension<Identity>,
    caller: Caller,
    Path(id): Path<SessionId>,
) -> Answer<StatusCode> {
    service::session_revoke(&identity, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// End all of the caller's own sessions but this one
#[utoipa::path(post, path = "/v1/identity/sessions/revoke-others", tag = "identity",
    responses((status = 200, body = SessionsEnded)))]
pub(super) async fn session_revoke_others(
    Extension(identity): Extension<Identity>,
    caller: Caller,
) -> Answer<Json<SessionsEnded>> {
    Ok(Json(SessionsEnded { ended: service::session_revoke_others(&identity, &caller).await? }))
}

/// Act in another of the caller's companies
#[utoipa::path(put, path = "/v1/identity/session/tenant", tag = "identity", request_body = SessionSwitch,
    responses((status = 200, body = MeView)))]
pub(super) async fn session_switch(
    Extension(identity): Extension<Identity>,
    cookie: SessionCookie,
    caller: Caller,
    From(client): From,
    Json(body): Json<SessionSwitch>,
) -> Answer<Welcome> {
    let signed_in = service::session_switch(&identity, &caller, &client, body.tenant_id).await?;
    Ok(Welcome(cookie, signed_in))
}
