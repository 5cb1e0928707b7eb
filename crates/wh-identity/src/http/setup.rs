//! `/v1/identity/setup`: the first company. Translates, decides nothing.
use axum::Extension;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wh_base::Secret;
use wh_server::{Answer, Json, SessionCookie};

use super::client::{From, Welcome};
use super::views::MeView;
use crate::service::{self, FirstCompany, Identity};

/// Whether setup is still to be done
#[derive(Serialize, ToSchema)]
pub(super) struct SetupStatus {
    needed: bool,
}

/// The first company and its owner
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SetupComplete {
    /// From the setup link, behind `#`
    #[schema(value_type = String, format = Password)]
    token: Secret<String>,
    /// The company's name
    #[schema(min_length = 1, max_length = 80, examples("Acme"))]
    company: String,
    /// The owner's name
    #[schema(min_length = 1, max_length = 100, examples("Ada Lovelace"))]
    name: String,
    /// The address that the owner signs in with
    #[schema(max_length = 254, examples("ada@acme.example"))]
    email: String,
    /// The owner's password
    #[schema(value_type = String, format = Password)]
    password: Secret<String>,
}

/// Say whether the first company is still to be set up
#[utoipa::path(get, path = "/v1/identity/setup", tag = "identity", responses((status = 200, body = SetupStatus)))]
pub(super) async fn setup_status(Extension(identity): Extension<Identity>) -> Answer<Json<SetupStatus>> {
    Ok(Json(SetupStatus { needed: service::setup_needed(&identity).await? }))
}

/// Set up the first company with the one-time setup link, and sign in as its owner
#[utoipa::path(post, path = "/v1/identity/setup", tag = "identity", request_body = SetupComplete,
    responses((status = 201, body = MeView)))]
pub(super) async fn setup_complete(
    Extension(identity): Extension<Identity>,
    cookie: SessionCookie,
    From(client): From,
    Json(body): Json<SetupComplete>,
) -> Answer<(StatusCode, Welcome)> {
    let SetupComplete { token, company, name, email, password } = body;
    let first = FirstCompany { token, company, name, email, password };
    let signed_in = service::setup_complete(&identity, &client, &first).await?;
    Ok((StatusCode::CREATED, Welcome(cookie, signed_in)))
}
