//! `/v1/identity/api-keys`, and the keys of service accounts. Translates, decides nothing.
use axum::Extension;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;
use wh_contract::{ApiKeyId, UserId};
use wh_server::{Answer, Caller, Json, Page, PageOf, Path, Query};

use super::key_views::{ApiKeyIssued, ApiKeyRevocation, ApiKeyView, MadeKeyView};
use crate::model::MadeKeys;
use crate::service::{self, Identity, NewKey};

const LIST: &str = "api_key_list";
const ACCOUNT_LIST: &str = "service_account_key_list";
const MADE_LIST: &str = "made_key_list";

/// What a new key is for
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ApiKeyCreate {
    /// Which program uses it
    #[schema(min_length = 1, max_length = 80, examples("reports"))]
    name: String,
    /// Permissions, each once; none that you do not hold
    #[schema(min_items = 1, examples("panels:read"))]
    scopes: Vec<String>,
    /// Addresses or networks from which it may be used; from everywhere when empty
    #[serde(default)]
    #[schema(max_items = 32, examples("10.0.0.0/8"))]
    networks: Vec<String>,
    /// How many days it lives; 90 where nothing is said
    #[serde(default)]
    #[schema(minimum = 1, maximum = 3650, examples(90))]
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
    /// Which program uses it
    #[schema(min_length = 1, max_length = 80, examples("nightly reports"))]
    name: String,
}

/// How far a revocation goes
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ApiKeyRevokeQuery {
    /// What becomes of the keys that it made, also through others: `keep`, as without a word, when it was replaced by one of them; `revoke` when it leaked, also of a key that was revoked before
    #[serde(default)]
    #[param(inline)]
    made_keys: MadeKeysFate,
}

/// What becomes of the keys that a key made
#[derive(Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum MadeKeysFate {
    #[default]
    Keep,
    Revoke,
}

impl From<MadeKeysFate> for MadeKeys {
    fn from(fate: MadeKeysFate) -> Self {
        match fate {
            MadeKeysFate::Keep => Self::Keep,
            MadeKeysFate::Revoke => Self::Revoke,
        }
    }
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
///
/// The answer says how many keys that it made live on. To end those with it needs `identity:write`.
#[utoipa::path(delete, path = "/v1/identity/api-keys/{id}", tag = "identity",
    params(("id" = ApiKeyId, Path, description = "The key"), ApiKeyRevokeQuery),
    responses((status = 200, body = ApiKeyRevocation)))]
pub(super) async fn api_key_revoke(
    Extension(identity): Extension<Identity>,
    caller: Caller,
    Path(id): Path<ApiKeyId>,
    Query(query): Query<ApiKeyRevokeQuery>,
) -> Answer<Json<ApiKeyRevocation>> {
    Ok(Json(service::api_key_revoke(&identity, &caller, id, query.made_keys.into()).await?.into()))
}

/// List the living keys that an API key of the company made, directly or through others, newest first
///
/// Also those of a key that was revoked. A key that somebody made in a browser was made by none.
#[utoipa::path(get, path = "/v1/identity/api-keys/{id}/made-keys", tag = "identity",
    params(("id" = ApiKeyId, Path, description = "The key that made them"), Page),
    responses((status = 200, body = PageOf<MadeKeyView>)))]
pub(super) async fn made_key_list(
    Extension(identity): Extension<Identity>,
    caller: Caller,
    Path(id): Path<ApiKeyId>,
    Query(page): Query<Page>,
) -> Answer<Json<PageOf<MadeKeyView>>> {
    let (limit, before) = (page.limit()?, page.after(MADE_LIST)?);
    let keys = service::made_key_list(&identity, &caller, id, before, limit).await?;
    Ok(Json(PageOf::new(MADE_LIST, keys, limit, |made| made.key.id)?.map(Into::into)))
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
///
/// The answer says how many keys that it made live on.
#[utoipa::path(delete, path = "/v1/identity/service-accounts/{account_id}/api-keys/{id}", tag = "identity",
    params(("account_id" = UserId, Path, description = "The service account"),
        ("id" = ApiKeyId, Path, description = "The key"), ApiKeyRevokeQuery),
    responses((status = 200, body = ApiKeyRevocation)))]
pub(super) async fn service_account_key_revoke(
    Extension(identity): Extension<Identity>,
    caller: Caller,
    Path((account, id)): Path<(UserId, ApiKeyId)>,
    Query(query): Query<ApiKeyRevokeQuery>,
) -> Answer<Json<ApiKeyRevocation>> {
    let made = query.made_keys.into();
    Ok(Json(service::service_account_key_revoke(&identity, &caller, account, id, made).await?.into()))
}
