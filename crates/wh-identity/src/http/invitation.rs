//! `/v1/identity/invitations`: coming in by a link. Translates, decides nothing.
use axum::Extension;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;
use wh_base::Secret;
use wh_contract::{InvitationId, Role};
use wh_server::{Answer, Caller, Json, Page, PageOf, Path, Query, SessionCookie};

use super::client::{From, Welcome};
use super::views::{InvitationIssued, InvitationOpened, InvitationView, MeView};
use crate::service::{self, Identity, NewMember};

const LIST: &str = "invitation_list";

/// Whom to invite, and as what
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct InvitationCreate {
    /// The address that they sign in with
    #[schema(max_length = 254, examples("grace@acme.example"))]
    email: String,
    /// Not above one's own
    role: Role,
}

/// A link to look at
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct InvitationLookup {
    /// From the link, behind `#`
    #[schema(value_type = String, format = Password)]
    token: Secret<String>,
}

/// A link to use
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct InvitationAccept {
    /// From the link, behind `#`
    #[schema(value_type = String, format = Password)]
    token: Secret<String>,
    /// For a new account
    #[serde(default)]
    #[schema(max_length = 100, examples("Grace Hopper"))]
    name: Option<String>,
    /// Of the account that exists, or of the new one
    #[schema(value_type = String, format = Password)]
    password: Secret<String>,
}

/// List the open invitations, by address
#[utoipa::path(get, path = "/v1/identity/invitations", tag = "identity", params(Page),
    responses((status = 200, body = PageOf<InvitationView>)))]
pub(super) async fn invitation_list(
    Extension(identity): Extension<Identity>,
    caller: Caller,
    Query(page): Query<Page>,
) -> Answer<Json<PageOf<InvitationView>>> {
    let (limit, after) = (page.limit()?, page.after::<String>(LIST)?.unwrap_or_default());
    let list = service::invitation_list(&identity, &caller, &after, limit).await?;
    let page = PageOf::new(LIST, list, limit, |invitation| invitation.email.as_str().to_owned())?;
    Ok(Json(page.map(Into::into)))
}

/// Invite somebody by a link that works once
#[utoipa::path(post, path = "/v1/identity/invitations", tag = "identity", request_body = InvitationCreate,
    responses((status = 201, body = InvitationIssued)))]
pub(super) async fn invitation_create(
    Extension(identity): Extension<Identity>,
    caller: Caller,
    Json(body): Json<InvitationCreate>,
) -> Answer<(StatusCode, Json<InvitationIssued>)> {
    let (invitation, token) = service::invitation_create(&identity, &caller, &body.email, body.role).await?;
    let issued = InvitationIssued { invitation: invitation.into(), token: token.expose().clone() };
    Ok((StatusCode::CREATED, Json(issued)))
}

/// Take an open invitation back
#[utoipa::path(delete, path = "/v1/identity/invitations/{id}", tag = "identity",
    params(("id" = InvitationId, Path, description = "The invitation")), responses((status = 204)))]
pub(super) async fn invitation_revoke(
    Extension(identity): Extension<Identity>,
    caller: Caller,
    Path(id): Path<InvitationId>,
) -> Answer<StatusCode> {
    service::invitation_revoke(&identity, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Say what an invitation link opens
#[utoipa::path(post, path = "/v1/identity/invitations/lookup", tag = "identity", request_body = InvitationLookup,
    responses((status = 200, body = InvitationOpened)))]
pub(super) async fn invitation_lookup(
    Extension(identity): Extension<Identity>,
    From(client): From,
    Json(body): Json<InvitationLookup>,
) -> Answer<Json<InvitationOpened>> {
    Ok(Json(service::invitation_lookup(&identity, &client, &body.token).await?.into()))
}

/// Accept an invitation and sign in
#[utoipa::path(post, path = "/v1/identity/invitations/accept", tag = "identity", request_body = InvitationAccept,
    responses((status = 201, body = MeView)))]
pub(super) async fn invitation_accept(
    Extension(identity): Extension<Identity>,
    cookie: SessionCookie,
    From(client): From,
    Json(body): Json<InvitationAccept>,
) -> Answer<(StatusCode, Welcome)> {
    let new = NewMember { token: body.token, name: body.name, password: body.password };
    let signed_in = service::invitation_accept(&identity, &client, &new).await?;
    Ok((StatusCode::CREATED, Welcome(cookie, signed_in)))
}
