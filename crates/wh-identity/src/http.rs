//! `/v1/identity`. Translates JSON to calls and back; decides nothing.
mod account;
mod api_key;
mod cli_login;
mod client;
mod invitation;
mod key_views;
mod member;
mod service_account;
mod session;
mod setup;
mod views;

use utoipa_axum::routes;
use wh_base::ErrorCode;
use wh_contract::{IDENTITY_READ, IDENTITY_SELF, IDENTITY_TENANT, IDENTITY_WRITE};
use wh_server::{Op, Registry};

use crate::codes;

/// Passwords and names; nothing here is larger.
const BODY_BYTES_MAX: u64 = 16 * 1024;
/// Lists are short and in indexes.
const QUICK_MS: u64 = 10_000;
/// Signing in waits for its turn to hash, and is refused when too many wait.
const SIGN_IN_MS: u64 = 15_000;
const PASSWORD_RULES: [&ErrorCode; 2] = [&codes::PASSWORD_LENGTH, &codes::PASSWORD_COMMON];
const HASHING: [&ErrorCode; 2] = [&codes::THROTTLED, &codes::BUSY];

pub(crate) fn operations(registry: &mut Registry) {
    setup_operations(registry);
    session_operations(registry);
    cli_login_operations(registry);
    company_operations(registry);
    invitation_operations(registry);
    api_key_operations(registry);
    service_account_operations(registry);
}

fn setup_operations(registry: &mut Registry) {
    registry.op(routes!(setup::setup_status), Op::open_read());
    let own = [
        &codes::SETUP_DONE,
        &codes::SETUP_LINK,
        &codes::COMPANY,
        &codes::NAME,
        &codes::EMAIL,
        &codes::ACCOUNT_EXISTS,
    ];
    let complete = open(&own).errors(&PASSWORD_RULES).errors(&HASHING);
    registry.op(routes!(setup::setup_complete), complete);
}

fn session_operations(registry: &mut Registry) {
    let create = open(&[&codes::CREDENTIALS, &codes::NO_TENANT, &codes::EMAIL]).errors(&HASHING);
    registry.op(routes!(session::session_create), create.within_ms(SIGN_IN_MS));
    // About a browser's sessions: nothing for a program with a key.
    let own = || Op::change(IDENTITY_SELF).session_only();
    // Getting out, elsewhere, or rid of somebody is never what a company's limit stops, here and below.
    registry.op(routes!(session::session_end), own().no_idempotency().beside_company_limit());
    let list = Op::read(IDENTITY_SELF).session_only().beside_company_limit();
    registry.op(routes!(session::session_list), list.within_ms(QUICK_MS));
    let revoke = own().errors(&[&codes::SESSION_NOT_FOUND]);
    registry.op(routes!(session::session_revoke), revoke.beside_company_limit());
    registry.op(routes!(session::session_revoke_others), own().beside_company_limit());
    let switch = secret(own()).errors(&[&codes::TENANT_NOT_FOUND, &codes::NO_TENANT]);
    registry.op(routes!(session::session_switch), switch.beside_company_limit());
}

fn cli_login_operations(registry: &mut Registry) {
    let create = secret(Op::change(IDENTITY_SELF).session_only()).errors(&[&codes::CLI_LOGIN_REQUEST]);
    registry.op(routes!(cli_login::cli_login_create), create);
    let exchange = open(&[&codes::CLI_LOGIN, &codes::THROTTLED, &codes::NO_TENANT]);
    registry.op(routes!(cli_login::cli_login_exchange), exchange);
}

fn company_operations(registry: &mut Registry) {
    let me = Op::read(IDENTITY_SELF).beside_company_limit().within_ms(QUICK_MS);
    registry.op(routes!(account::me_get), me);
    let password = secret(Op::change(IDENTITY_SELF).session_only())
        .errors(&[&codes::PASSWORD_WRONG, &codes::PASSWORD_SAME, &codes::NO_TENANT])
        .errors(&PASSWORD_RULES)
        .errors(&HASHING);
    registry.op(routes!(account::password_change), password.beside_company_limit());
    // A company is a person's, who must be able to come in by a browser.
    let create = Op::change(IDENTITY_TENANT)
        .session_only()
        .errors(&[&codes::COMPANY, &codes::TENANT_LIMIT])
        .body_max(BODY_BYTES_MAX);
    registry.op(routes!(account::tenant_create), create);
    let list = Op::read(IDENTITY_READ).beside_company_limit().within_ms(QUICK_MS);
    registry.op(routes!(member::member_list), list);
    let update = Op::change(IDENTITY_WRITE)
        .errors(&[&codes::MEMBER_NOT_FOUND, &codes::ROLE_ABOVE, &codes::LAST_OWNER])
        .errors(&[&wh_server::codes::BEARER_SESSION])
        .body_max(BODY_BYTES_MAX);
    registry.op(routes!(member::member_update), update);
    let remove = Op::danger(IDENTITY_WRITE).errors(&[
        &codes::MEMBER_NOT_FOUND,
        &codes::ROLE_ABOVE,
        &codes::LAST_OWNER,
    ]);
    registry.op(routes!(member::member_remove), remove.beside_company_limit());
}

fn invitation_operations(registry: &mut Registry) {
    registry.op(routes!(invitation::invitation_list), Op::read(IDENTITY_WRITE).within_ms(QUICK_MS));
    // The link makes a session, which has no scopes, no networks and no end of a key: a key must not get one.
    let create = secret(Op::change(IDENTITY_WRITE).session_only()).errors(&[
        &codes::EMAIL,
        &codes::ROLE_ABOVE,
        &codes::MEMBER_EXISTS,
        &codes::INVITATION_EXISTS,
        &codes::INVITATION_LIMIT,
    ]);
    registry.op(routes!(invitation::invitation_create), create);
    let revoke = Op::change(IDENTITY_WRITE).errors(&[&codes::INVITATION_NOT_FOUND, &codes::ROLE_ABOVE]);
    registry.op(routes!(invitation::invitation_revoke), revoke);
    registry.op(routes!(invitation::invitation_lookup), open(&[&codes::INVITATION_LINK, &codes::THROTTLED]));
    let accept = open(&[
        &codes::INVITATION_LINK,
        &codes::PASSWORD_WRONG,
        &codes::NAME,
        &codes::ACCOUNT_EXISTS,
        &codes::MEMBER_EXISTS,
        &codes::MEMBER_LIMIT,
        &codes::TENANT_LIMIT,
        &codes::NO_TENANT,
    ]);
    registry.op(routes!(invitation::invitation_accept), accept.errors(&PASSWORD_RULES).errors(&HASHING));
}

/// What may be wrong with the wish for a key.
const KEY_RULES: [&ErrorCode; 5] = [
    &codes::API_KEY_NAME,
    &codes::API_KEY_SCOPE,
    &codes::API_KEY_NETWORK,
    &codes::API_KEY_EXPIRY,
    &codes::API_KEY_ABOVE,
];

fn api_key_operations(registry: &mut Registry) {
    let list = Op::read(IDENTITY_SELF).beside_company_limit().within_ms(QUICK_MS);
    registry.op(routes!(api_key::api_key_list), list);
    let create = secret(Op::change(IDENTITY_SELF).session_only());
    registry.op(routes!(api_key::api_key_create), create.errors(&KEY_RULES).errors(&[&codes::API_KEY_LIMIT]));
    let update = Op::change(IDENTITY_SELF)
        .errors(&[&codes::API_KEY_NAME, &codes::API_KEY_NOT_FOUND])
        .body_max(BODY_BYTES_MAX);
    registry.op(routes!(api_key::api_key_update), update);
    let revoke = Op::danger(IDENTITY_SELF).errors(&[&codes::API_KEY_NOT_FOUND, &codes::ROLE_ABOVE]);
    registry.op(routes!(api_key::api_key_revoke), revoke.beside_company_limit());
    let made = Op::read(IDENTITY_WRITE).errors(&[&codes::API_KEY_NOT_FOUND]);
    registry.op(routes!(api_key::made_key_list), made.beside_company_limit().within_ms(QUICK_MS));
}

fn service_account_operations(registry: &mut Registry) {
    let one = [&codes::SERVICE_ACCOUNT_NOT_FOUND, &codes::ROLE_ABOVE];
    let words = [&codes::SERVICE_ACCOUNT_NAME, &codes::SERVICE_ACCOUNT_EXISTS, &codes::ROLE_ABOVE];
    let list = Op::read(IDENTITY_WRITE).beside_company_limit();
    registry.op(routes!(service_account::service_account_list), list.within_ms(QUICK_MS));
    let create = Op::change(IDENTITY_WRITE)
        .errors(&words)
        .errors(&[&codes::SERVICE_ACCOUNT_LIMIT, &codes::MEMBER_LIMIT])
        .body_max(BODY_BYTES_MAX);
    registry.op(routes!(service_account::service_account_create), create);
    let update = Op::change(IDENTITY_WRITE).errors(&words).errors(&one).body_max(BODY_BYTES_MAX);
    registry.op(routes!(service_account::service_account_update), update.beside_company_limit());
    let delete = Op::danger(IDENTITY_WRITE).errors(&one).beside_company_limit();
    registry.op(routes!(service_account::service_account_delete), delete);

    let list = Op::read(IDENTITY_WRITE).errors(&[&codes::SERVICE_ACCOUNT_NOT_FOUND]);
    registry.op(routes!(api_key::service_account_key_list), list.beside_company_limit().within_ms(QUICK_MS));
    let create = secret(Op::change(IDENTITY_WRITE)).errors(&KEY_RULES).errors(&one);
    registry.op(routes!(api_key::service_account_key_create), create.errors(&[&codes::SERVICE_ACCOUNT_KEYS]));
    let update = Op::change(IDENTITY_WRITE)
        .errors(&one)
        .errors(&[&codes::API_KEY_NAME, &codes::API_KEY_NOT_FOUND])
        .body_max(BODY_BYTES_MAX);
    registry.op(routes!(api_key::service_account_key_update), update);
    let revoke = Op::danger(IDENTITY_WRITE).errors(&one).errors(&[&codes::API_KEY_NOT_FOUND]);
    registry.op(routes!(api_key::service_account_key_revoke), revoke.beside_company_limit());
}

fn open(errors: &[&'static ErrorCode]) -> Op {
    secret(Op::open_change()).errors(errors)
}

/// A body with a secret, or an answer with one: neither is kept for a repetition.
fn secret(op: Op) -> Op {
    op.no_idempotency().body_max(BODY_BYTES_MAX)
}
