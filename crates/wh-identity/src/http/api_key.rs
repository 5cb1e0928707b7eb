//! `/v1/identity/api-keys`, and the keys of service accounts. Translates, decides nothing.
use axum::Extension;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;
use wh_contract::{ApiKeyId, UserId};
use wh_server::{Answer, Caller, Json, Page, PageOf, Path, Query};

use super::key_views::{ApiKeyIssued, ApiKeyView};
use crate::service::{self, Identity, NewKey};

const LIST: &str = "api_key_list";
const ACCOUNT_LIST: &str = "service_account_key_list";

/// What a new key is for
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ApiKeyCreate {
    /// Which program uses it
    #[schema(min_length = 1, max_length = 80)]
    name: String,
    /// Permissions, each once; none that you do not hold
    #[schema(min_items = 1)]
    scopes: Vec<String>,
    /// Addresses or networks from which it may be used; from everywhere when empty
    #[serde(default)]
    #[schema(max_items = 32)]
    networks: Vec<String>,
    /// How many days it lives; 90 where nothing is said
    #[serde(default)]
    #[schema(minimum = 1, maximum = 3650)]
    valid_days: Option<u32>,
}

impl From<ApiKeyCreate> for NewKey {
    fn from(body: ApiKeyCreate) -> Self {
        let ApiKeyCreate { name, scopes, networks, valid_days } = body;
        Self { name, scopes, networks, valid_days }
    }
}

/// What a key is called from now on
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ApiKeyUpdate {
    #[schema(min_length = 1, max_length = 80)]
    name: String,
}

/// List one's own API keys in the company, newest first
#[utoipa::path(get, path = "/v1/identity/api-keys", tag = "identity", params(Page),
    responses((status = 200, body = PageOf<ApiKeyView>)))]
pub(super) async fn api_key_list(
    Extension(identity): Extension<Identity>,
    caller: Caller,
    Query(page): Query<Page>,
) -> Answer<Json<PageOf<ApiKeyView>>> {
    let limit = page.limit()?;
    let keys = service::api_key_list(&identity, &caller, page.after(LIST)?, limit).await?;
    Ok(Json(PageOf::new(LIST, keys, limit, |key| key.id)?.map(Into::into)))
}

/// Make an API key for oneself; its text is shown this once
#[utoipa::path(post, path = "/v1/identity/api-keys", tag = "identity", request_body = ApiKeyCreate,
    responses((status = 201, body = ApiKeyIssued)))]
pub(super) async fn api_key_create(
    Extension(identity): Extension<Identity>,
    caller: Caller,
    Json(body): Json<ApiKeyCreate>,
) -> Answer<(StatusCode, Json<ApiKeyIssued>)> {
    let issued = service::api_key_create(&identity, &caller, &body.into()).await?;
    Ok((StatusCode::CREATED, Json(issued.into())))
}

/// Rename one of one's own API keys
#[utoipa::path(patch, path = "/v1/identity/api-keys/{id}", tag = "identity", request_body = ApiKeyUpdate,
    params(("id" = ApiKeyId, Path, description = "The key")), responses((status = 200, body = ApiKeyView)))]
pub(super) async fn api_key_update(
    Extension(identity): Extension<Identity>,
    caller: Caller,
    Path(id): Path<ApiKeyId>,
    Json(body): Json<ApiKeyUpdate>,
) -> Answer<Json<ApiKeyView>> {
    Ok(Json(service::api_key_update(&identity, &caller, id, &body.name).await?.into()))
}

/// Revoke one of one's own API keys at once
#[utoipa::path(delete, path = "/v1/identity/api-keys/{id}", tag = "identity",
    params(("id" = ApiKeyId, Path, description = "The key")), responses((status = 204)))]
pub(super) async fn api_key_revoke(
    Extension(identity): Extension<Identity>,
    caller: Caller,
    Path(id): Path<ApiKeyId>,
) -> Answer<StatusCode> {
    service::api_key_revoke(&identity, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// List the API keys of a service account, newest first
#[utoipa::path(get, path = "/v1/identity/service-accounts/{account_id}/api-keys", tag = "identity",
    params(("account_id" = UserId, Path, description = "The service account"), Page),
    responses((status = 200, body = PageOf<ApiKeyView>)))]
pub(super) async fn service_account_key_list(
    Extension(identity): Extension<Identity>,
    caller: Caller,
    Path(account): Path<UserId>,
    Query(page): Query<Page>,
) -> Answer<Json<PageOf<ApiKeyView>>> {
    let (limit, before) = (page.limit()?, page.after(ACCOUNT_LIST)?);
    let keys = service::service_account_key_list(&identity, &caller, account, before, limit).await?;
    Ok(Json(PageOf::new(ACCOUNT_LIST, keys, limit, |key| key.id)?.map(Into::into)))
}

/// Make an API key for a service account; its text is shown this once
///
/// Two may live at a time, so that a program can change over from one to the next. A key that is made by a key ends no later
/// and opens from nowhere else.
#[utoipa::path(post, path = "/v1/identity/service-accounts/{account_id}/api-keys", tag = "identity",
    request_body = ApiKeyCreate, params(("account_id" = UserId, Path, description = "The service account")),
    responses((status = 201, body = ApiKeyIssued)))]
pub(super) async fn service_account_key_create(
    Extension(identity): Extension<Identity>,
    caller: Caller,
    Path(account): Path<UserId>,
    Json(body): Json<ApiKeyCreate>,
) -> Answer<(StatusCode, Json<ApiKeyIssued>)> {
    let issued = service::service_account_key_create(&identity, &caller, account, &body.into()).await?;
    Ok((StatusCode::CREATED, Json(issued.into())))
}

/// Rename an API key of a service account
#[utoipa::path(patch, path = "/v1/identity/service-accounts/{account_id}/api-keys/{id}", tag = "identity",
    request_body = ApiKeyUpdate,
    params(("account_id" = UserId, Path, description = "The service account"),
        ("id" = ApiKeyId, Path, description = "The key")),
    responses((status = 200, body = ApiKeyView)))]
pub(super) async fn service_account_key_update(
    Extension(identity): Extension<Identity>,
    caller: Caller,
    Path((account, id)): Path<(UserId, ApiKeyId)>,
    Json(body): Json<ApiKeyUpdate>,
) -> Answer<Json<ApiKeyView>> {
    let key = service::service_account_key_update(&identity, &caller, account, id, &body.name).await?;
    Ok(Json(key.into()))
}

/// Revoke an API key of a service account at once
#[utoipa::path(delete, path = "/v1/identity/service-accounts/{account_id}/api-keys/{id}", tag = "identity",
    params(("account_id" = UserId, Path, description = "The service account"),
        ("id" = ApiKeyId, Path, description = "The key")),
    responses((status = 204)))]
pub(super) async fn service_account_key_revoke(
    Extension(identity): Extension<Identity>,
    caller: Caller,
    Path((account, id)): Path<(UserId, ApiKeyId)>,
) -> Answer<StatusCode> {
    service::service_account_key_revoke(&identity, &caller, account, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
