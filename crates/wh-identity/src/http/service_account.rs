//! `/v1/identity/service-accounts`: members that are no people. Translates, decides nothing.
use axum::Extension;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;
use wh_contract::{Role, UserId};
use wh_server::{Answer, Caller, Json, Page, PageOf, Path, Query};

use super::key_views::ServiceAccountView;
use crate::service::{self, AccountChange, Identity};

const LIST: &str = "service_account_list";

/// A new service account
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ServiceAccountCreate {
    /// Unique in the company
    #[schema(min_length = 1, max_length = 80, examples("deploy"))]
    name: String,
    /// Not above one's own
    role: Role,
}

/// What is to be different; what is not named stays
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ServiceAccountUpdate {
    /// Unique in the company
    #[serde(default)]
    #[schema(min_length = 1, max_length = 80, examples("deploy"))]
    name: Option<String>,
    /// Not above one's own
    #[serde(default)]
    role: Option<Role>,
    /// Whether its keys open anything
    #[serde(default)]
    #[schema(examples(true))]
    enabled: Option<bool>,
}

/// List the service accounts of the company, by name
#[utoipa::path(get, path = "/v1/identity/service-accounts", tag = "identity", params(Page),
    responses((status = 200, body = PageOf<ServiceAccountView>)))]
pub(super) async fn service_account_list(
    Extension(identity): Extension<Identity>,
    caller: Caller,
    Query(page): Query<Page>,
) -> Answer<Json<PageOf<ServiceAccountView>>> {
    let (limit, after) = (page.limit()?, page.after::<String>(LIST)?.unwrap_or_default());
    let accounts = service::service_account_list(&identity, &caller, &after, limit).await?;
    let page = PageOf::new(LIST, accounts, limit, |account| account.name.clone())?;
    Ok(Json(page.map(Into::into)))
}

/// Create a service account: a member that is no person and acts by keys only
#[utoipa::path(post, path = "/v1/identity/service-accounts", tag = "identity", request_body = ServiceAccountCreate,
    responses((status = 201, body = ServiceAccountView)))]
pub(super) async fn service_account_create(
    Extension(identity): Extension<Identity>,
    caller: Caller,
    Json(body): Json<ServiceAccountCreate>,
) -> Answer<(StatusCode, Json<ServiceAccountView>)> {
    let account = service::service_account_create(&identity, &caller, &body.name, body.role).await?;
    Ok((StatusCode::CREATED, Json(account.into())))
}

/// Rename a service account, change its role, disable or enable it
///
/// A higher role ends those of its keys whose makers are below that role: they may have kept the text.
#[utoipa::path(patch, path = "/v1/identity/service-accounts/{account_id}", tag = "identity",
    request_body = ServiceAccountUpdate,
    params(("account_id" = UserId, Path, description = "The service account")),
    responses((status = 200, body = ServiceAccountView)))]
pub(super) async fn service_account_update(
    Extension(identity): Extension<Identity>,
    caller: Caller,
    Path(account): Path<UserId>,
    Json(body): Json<ServiceAccountUpdate>,
) -> Answer<Json<ServiceAccountView>> {
    let ServiceAccountUpdate { name, role, enabled } = body;
    let wanted = AccountChange { name, role, enabled };
    Ok(Json(service::service_account_update(&identity, &caller, account, &wanted).await?.into()))
}

/// Delete a service account with its keys
#[utoipa::path(delete, path = "/v1/identity/service-accounts/{account_id}", tag = "identity",
    params(("account_id" = UserId, Path, description = "The service account")), responses((status = 204)))]
pub(super) async fn service_account_delete(
    Extension(identity): Extension<Identity>,
    caller: Caller,
    Path(account): Path<UserId>,
) -> Answer<StatusCode> {
    service::service_account_delete(&identity, &caller, account).await?;
    Ok(StatusCode::NO_CONTENT)
}
