//! `/v1/identity/members`: who is in the company. Translates, decides nothing.
use axum::Extension;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;
use wh_contract::{Role, UserId};
use wh_server::{Answer, Caller, Json, Page, PageOf, Path, Query};

use super::views::MemberView;
use crate::service::{self, Identity};

const LIST: &str = "member_list";

/// What the member is from now on
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MemberUpdate {
    /// What they are from now on; not above one's own
    role: Role,
}

/// Which members to list
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct MemberListQuery {
    /// Only those whose name or address holds this text, whatever the case
    #[param(max_length = 254, example = "ada")]
    q: Option<String>,
    /// Where to go on: `next_cursor` of the page before
    #[param(min_length = 1, max_length = 1024)]
    cursor: Option<String>,
    /// Rows per page
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
}

/// List the members of the company, by address
#[utoipa::path(get, path = "/v1/identity/members", tag = "identity", params(MemberListQuery),
    responses((status = 200, body = PageOf<MemberView>)))]
pub(super) async fn member_list(
    Extension(identity): Extension<Identity>,
    caller: Caller,
    Query(query): Query<MemberListQuery>,
) -> Answer<Json<PageOf<MemberView>>> {
    let page = Page { cursor: query.cursor, limit: query.limit };
    let (limit, after) = (page.limit()?, page.after::<String>(LIST)?.unwrap_or_default());
    let members = service::member_list(&identity, &caller, query.q.as_deref(), &after, limit).await?;
    let page = PageOf::new(LIST, members, limit, |member| member.email.clone())?;
    Ok(Json(page.map(Into::into)))
}

/// Change a member's role
#[utoipa::path(patch, path = "/v1/identity/members/{user_id}", tag = "identity", request_body = MemberUpdate,
    params(("user_id" = UserId, Path, description = "The member")), responses((status = 200, body = MemberView)))]
pub(super) async fn member_update(
    Extension(identity): Extension<Identity>,
    caller: Caller,
    Path(user): Path<UserId>,
    Json(body): Json<MemberUpdate>,
) -> Answer<Json<MemberView>> {
    Ok(Json(service::member_update(&identity, &caller, user, body.role).await?.into()))
}

/// Remove a member from the company
#[utoipa::path(delete, path = "/v1/identity/members/{user_id}", tag = "identity",
    params(("user_id" = UserId, Path, description = "The member")), responses((status = 204)))]
pub(super) async fn member_remove(
    Extension(identity): Extension<Identity>,
    caller: Caller,
    Path(user): Path<UserId>,
) -> Answer<StatusCode> {
    service::member_remove(&identity, &caller, user).await?;
    Ok(StatusCode::NO_CONTENT)
}
