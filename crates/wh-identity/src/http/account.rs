//! `/v1/identity/me`, `/password` and `/tenants`: one's own account. Translates, decides nothing.
use axum::Extension;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;
use wh_base::Secret;
use wh_server::{Answer, Caller, Json, SessionCookie};

use super::client::{From, Welcome};
use super::views::{MeView, TenantView};
use crate::service::{self, Identity};

/// The present password and the next
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PasswordChange {
    /// The password until now
    #[schema(value_type = String, format = Password)]
    current: Secret<String>,
    /// The password from now on
    #[schema(value_type = String, format = Password)]
    new: Secret<String>,
}

/// A further company
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TenantCreate {
    /// What people will call it
    #[schema(min_length = 1, max_length = 80, examples("Acme Labs"))]
    name: String,
}

/// Say who the caller is, where, and what they may do
#[utoipa::path(get, path = "/v1/identity/me", tag = "identity", responses((status = 200, body = MeView)))]
pub(super) async fn me_get(Extension(identity): Extension<Identity>, caller: Caller) -> Answer<Json<MeView>> {
    Ok(Json(service::me_get(&identity, &caller).await?.into()))
}

/// Change the caller's password; every other session ends
#[utoipa::path(put, path = "/v1/identity/password", tag = "identity", request_body = PasswordChange,
    responses((status = 200, body = MeView)))]
pub(super) async fn password_change(
    Extension(identity): Extension<Identity>,
    cookie: SessionCookie,
    caller: Caller,
    From(client): From,
    Json(body): Json<PasswordChange>,
) -> Answer<Welcome> {
    let signed_in = service::password_change(&identity, &caller, &client, &body.current, &body.new).await?;
    Ok(Welcome(cookie, signed_in))
}

/// Create a further company, owned by the caller
#[utoipa::path(post, path = "/v1/identity/tenants", tag = "identity", request_body = TenantCreate,
    responses((status = 201, body = TenantView)))]
pub(super) async fn tenant_create(
    Extension(identity): Extension<Identity>,
    caller: Caller,
    Json(body): Json<TenantCreate>,
) -> Answer<(StatusCode, Json<TenantView>)> {
    let tenant = service::tenant_create(&identity, &caller, &body.name).await?;
    Ok((StatusCode::CREATED, Json(tenant.into())))
}
