//! `/v1/identity/cli-logins`: a command line that signs in by a browser. Translates, decides nothing.
use axum::Extension;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wh_base::{Secret, Timestamp};
use wh_server::{Answer, Caller, Json, SessionCookie};

use super::client::{From, Welcome};
use super::views::MeView;
use crate::service::{self, Identity};

/// Which command line to let in
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CliLoginCreate {
    /// SHA-256 of its verifier, in base64url (RFC 7636, S256)
    #[schema(min_length = 43, max_length = 43, examples("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"))]
    challenge: String,
    /// On which it listens, on the machine of the browser
    #[schema(minimum = 1024, maximum = 65535, examples(49152))]
    port: u16,
    /// What it wants to see again
    #[schema(min_length = 1, max_length = 128, pattern = "^[A-Za-z0-9_-]+$", examples("af0ifjsldkj"))]
    state: String,
}

/// Where the browser goes now
#[derive(Serialize, ToSchema)]
pub(super) struct CliLoginAllowed {
    /// On the machine of the browser, and nowhere else; it holds a code that works once
    address: String,
    expires_at: Timestamp,
}

/// The code, and the proof of having asked for it
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CliLoginExchange {
    /// What the browser brought
    #[schema(value_type = String, format = Password)]
    code: Secret<String>,
    /// What was hashed to the challenge
    #[schema(value_type = String, format = Password)]
    verifier: Secret<String>,
}

/// Allow a command line on the machine of this browser to sign in as the caller
#[utoipa::path(post, path = "/v1/identity/cli-logins", tag = "identity", request_body = CliLoginCreate,
    responses((status = 201, body = CliLoginAllowed)))]
pub(super) async fn cli_login_create(
    Extension(identity): Extension<Identity>,
    caller: Caller,
    Json(body): Json<CliLoginCreate>,
) -> Answer<(StatusCode, Json<CliLoginAllowed>)> {
    let allowed =
        service::cli_login_create(&identity, &caller, &body.challenge, body.port, &body.state).await?;
    let view = CliLoginAllowed { address: allowed.address, expires_at: allowed.expires_at };
    Ok((StatusCode::CREATED, Json(view)))
}

/// Take the code that a browser brought for a session
#[utoipa::path(post, path = "/v1/identity/cli-logins/exchange", tag = "identity", request_body = CliLoginExchange,
    responses((status = 201, body = MeView)))]
pub(super) async fn cli_login_exchange(
    Extension(identity): Extension<Identity>,
    cookie: SessionCookie,
    From(client): From,
    Json(body): Json<CliLoginExchange>,
) -> Answer<(StatusCode, Welcome)> {
    let signed_in = service::cli_login_exchange(&identity, &client, &body.code, &body.verifier).await?;
    Ok((StatusCode::CREATED, Welcome(cookie, signed_in)))
}
