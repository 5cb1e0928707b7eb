//! The error table of identity: every code this crate raises, and no other crate's.
use wh_base::{ErrorCode, Kind};

/// Sign-in failed; which half was wrong is not said.
pub const CREDENTIALS: ErrorCode = ErrorCode::new(
    "identity.credentials",
    Kind::Unauthenticated,
    "the e-mail address or the password is wrong",
    "check both; an owner or admin of the company can invite you if you have no account",
);
/// Too many attempts for this account or from this address.
pub const THROTTLED: ErrorCode = ErrorCode::new(
    "identity.throttled",
    Kind::TooMany,
    "too many attempts",
    "wait for the time in Retry-After; nothing was checked in the meantime",
);
/// More passwords are waiting to be checked than the machine can check soon.
pub const BUSY: ErrorCode = ErrorCode::new(
    "identity.busy",
    Kind::Unavailable,
    "too many passwords are being checked at the moment",
    "try again after the time in Retry-After",
);
/// Setup is over.
pub const SETUP_DONE: ErrorCode = ErrorCode::new(
    "identity.setup_done",
    Kind::Conflict,
    "the first company is already set up",
    "sign in, or ask an owner for an invitation",
);
/// A setup link that does not (or no longer) open anything.
pub const SETUP_LINK: ErrorCode = ErrorCode::new(
    "identity.setup_link",
    Kind::Gone,
    "the setup link is wrong, used or expired",
    "run `wheelhouse setup-link` on the server for a new one",
);
/// An invitation link that does not (or no longer) open anything.
pub const INVITATION_LINK: ErrorCode = ErrorCode::new(
    "identity.invitation_link",
    Kind::Gone,
    "the invitation link is wrong, used, revoked or expired",
    "ask whoever invited you for a new one",
);
/// There is a living invitation for that address.
pub const INVITATION_EXISTS: ErrorCode = ErrorCode::new(
    "identity.invitation_exists",
    Kind::Conflict,
    "this e-mail address is already invited",
    "revoke the open invitation first, then invite again",
);
/// No such invitation in this company.
pub const INVITATION_NOT_FOUND: ErrorCode = ErrorCode::new(
    "identity.invitation_not_found",
    Kind::NotFound,
    "there is no such invitation",
    "reload the list: it was used, revoked or has expired",
);
/// Too many open invitations.
pub const INVITATION_LIMIT: ErrorCode = ErrorCode::new(
    "identity.invitation_limit",
    Kind::Conflict,
    "the company has too many open invitations",
    "revoke some that nobody will use",
);
/// An account appeared while an invitation was being accepted.
pub const ACCOUNT_EXISTS: ErrorCode = ErrorCode::new(
    "identity.account_exists",
    Kind::Conflict,
    "an account with this e-mail address exists by now",
    "open the link again and give the password of that account",
);
/// No such member in this company.
pub const MEMBER_NOT_FOUND: ErrorCode = ErrorCode::new(
    "identity.member_not_found",
    Kind::NotFound,
    "there is no such member",
    "reload the list: they may have been removed",
);
/// That address belongs to a member already.
pub const MEMBER_EXISTS: ErrorCode = ErrorCode::new(
    "identity.member_exists",
    Kind::Conflict,
    "this person is already a member",
    "change their role on the members page instead",
);
/// Too many members.
pub const MEMBER_LIMIT: ErrorCode = ErrorCode::new(
    "identity.member_limit",
    Kind::Conflict,
    "the company has as many members as it may have",
    "remove members who have left, or ask the operator of the installation for a higher limit; none is above 10,000",
);
/// The company would be left without an owner.
pub const LAST_OWNER: ErrorCode = ErrorCode::new(
    "identity.last_owner",
    Kind::Conflict,
    "the last owner cannot be removed or made less",
    "make somebody else an owner first",
);
/// Beyond one's own role.
pub const ROLE_ABOVE: ErrorCode = ErrorCode::new(
    "identity.role_above",
    Kind::Forbidden,
    "that is above your own role",
    "ask a member whose role is high enough",
);
/// Signed in rightly, and a member of nothing.
pub const NO_TENANT: ErrorCode = ErrorCode::new(
    "identity.no_tenant",
    Kind::Forbidden,
    "your account belongs to no company",
    "ask an owner or admin of your company for an invitation",
);
/// No such company among one's own.
pub const TENANT_NOT_FOUND: ErrorCode = ErrorCode::new(
    "identity.tenant_not_found",
    Kind::NotFound,
    "there is no such company among yours",
    "choose one of the companies in the list of your account",
);
/// Too many companies.
pub const TENANT_LIMIT: ErrorCode = ErrorCode::new(
    "identity.tenant_limit",
    Kind::Conflict,
    "you belong to as many companies as one person may",
    "leave one first",
);
/// No such session among one's own.
pub const SESSION_NOT_FOUND: ErrorCode = ErrorCode::new(
    "identity.session_not_found",
    Kind::NotFound,
    "there is no such session",
    "reload the list: it has ended",
);
/// Not an e-mail address.
pub const EMAIL: ErrorCode = ErrorCode::new(
    "identity.email",
    Kind::Invalid,
    "this is not an e-mail address that Wheelhouse accepts",
    "give one address of the form name@example.com, in ASCII, at most 254 characters",
);
/// A person's name that is empty, too long or holds control characters.
pub const NAME: ErrorCode = ErrorCode::new(
    "identity.name",
    Kind::Invalid,
    "the name is empty, too long or holds control characters",
    "give 1 to 100 printable characters",
);
/// A company's name that is empty, too long or holds control characters.
pub const COMPANY: ErrorCode = ErrorCode::new(
    "identity.company",
    Kind::Invalid,
    "the company's name is empty, too long or holds control characters",
    "give 1 to 80 printable characters",
);
/// A new password that is too short or too long.
pub const PASSWORD_LENGTH: ErrorCode = ErrorCode::new(
    "identity.password_length",
    Kind::Invalid,
    "the password is too short or too long",
    "four unrelated words are easy to remember and long enough",
);
/// A new password that everybody tries first.
pub const PASSWORD_COMMON: ErrorCode = ErrorCode::new(
    "identity.password_common",
    Kind::Invalid,
    "the password is one of those that are tried first",
    "choose one that is not made of a common password, a keyboard row, your name or your company",
);
/// The present password was given as the new one.
pub const PASSWORD_SAME: ErrorCode = ErrorCode::new(
    "identity.password_same",
    Kind::Invalid,
    "the new password is the present one",
    "choose another",
);
/// The present password, asked for once more, was wrong.
pub const PASSWORD_WRONG: ErrorCode = ErrorCode::new(
    "identity.password_wrong",
    Kind::Invalid,
    "the present password is wrong",
    "give the password you signed in with",
);

/// A key's name that is empty, too long or holds control characters.
pub const API_KEY_NAME: ErrorCode = ErrorCode::new(
    "identity.api_key_name",
    Kind::Invalid,
    "the key's name is empty, too long or holds control characters",
    "give 1 to 80 printable characters that say which program uses it",
);
/// No scope, or one that is no permission.
pub const API_KEY_SCOPE: ErrorCode = ErrorCode::new(
    "identity.api_key_scope",
    Kind::Invalid,
    "the scopes are not permissions",
    "name one permission or more, each once; `x-permissions` of /v1/openapi.json lists them",
);
/// Not a network.
pub const API_KEY_NETWORK: ErrorCode = ErrorCode::new(
    "identity.api_key_network",
    Kind::Invalid,
    "the networks cannot be read, or are too many",
    "give addresses or networks such as 192.0.2.7, 10.0.0.0/8 or 2001:db8::/32, at most 32",
);
/// Ends too soon or too late.
pub const API_KEY_EXPIRY: ErrorCode = ErrorCode::new(
    "identity.api_key_expiry",
    Kind::Invalid,
    "the key would end too soon or too late",
    "give at least one day; `api_key_days_max` in [identity] is the most",
);
/// More than the maker holds.
pub const API_KEY_ABOVE: ErrorCode = ErrorCode::new(
    "identity.api_key_above",
    Kind::Forbidden,
    "the key would hold more than may be given",
    "leave out what you, or the service account, do not hold; a key made by a key ends no later and opens from nowhere else",
);
/// Too many keys of one person.
pub const API_KEY_LIMIT: ErrorCode = ErrorCode::new(
    "identity.api_key_limit",
    Kind::Conflict,
    "you have as many API keys as one person may have here",
    "revoke one that nothing uses any more",
);
/// No such key.
pub const API_KEY_NOT_FOUND: ErrorCode = ErrorCode::new(
    "identity.api_key_not_found",
    Kind::NotFound,
    "there is no such API key",
    "reload the list: it may have been revoked",
);
/// A third key of a service account.
pub const SERVICE_ACCOUNT_KEYS: ErrorCode = ErrorCode::new(
    "identity.service_account_keys",
    Kind::Conflict,
    "the service account has two living keys already",
    "two are for changing over from one to the next: revoke the old one first",
);
/// A service account's name that is empty, too long or holds control characters.
pub const SERVICE_ACCOUNT_NAME: ErrorCode = ErrorCode::new(
    "identity.service_account_name",
    Kind::Invalid,
    "the service account's name is empty, too long or holds control characters",
    "give 1 to 80 printable characters",
);
/// The name is taken.
pub const SERVICE_ACCOUNT_EXISTS: ErrorCode = ErrorCode::new(
    "identity.service_account_exists",
    Kind::Conflict,
    "there is a service account of that name",
    "choose another name",
);
/// No such service account.
pub const SERVICE_ACCOUNT_NOT_FOUND: ErrorCode = ErrorCode::new(
    "identity.service_account_not_found",
    Kind::NotFound,
    "there is no such service account",
    "reload the list: it may have been deleted",
);
/// Too many service accounts.
pub const SERVICE_ACCOUNT_LIMIT: ErrorCode = ErrorCode::new(
    "identity.service_account_limit",
    Kind::Conflict,
    "the company has as many service accounts as it may have",
    "delete those that nothing uses any more",
);

/// What a command line asks for in a browser cannot be meant.
pub const CLI_LOGIN_REQUEST: ErrorCode = ErrorCode::new(
    "identity.cli_login_request",
    Kind::Invalid,
    "this is not what a command line asks for",
    "begin again with `wheelhouse login`, and open its link whole",
);
/// A code that is wrong, used up, too old, or brought by somebody who did not ask.
pub const CLI_LOGIN: ErrorCode = ErrorCode::new(
    "identity.cli_login",
    Kind::Gone,
    "the sign-in of the command line cannot be used, or no longer",
    "begin again with `wheelhouse login`; a code lives five minutes and works once",
);

/// All of them, for the error table.
pub const ALL: &[&ErrorCode] = &[
    &CREDENTIALS,
    &THROTTLED,
    &BUSY,
    &SETUP_DONE,
    &SETUP_LINK,
    &INVITATION_LINK,
    &INVITATION_EXISTS,
    &INVITATION_NOT_FOUND,
    &INVITATION_LIMIT,
    &ACCOUNT_EXISTS,
    &MEMBER_NOT_FOUND,
    &MEMBER_EXISTS,
    &MEMBER_LIMIT,
    &LAST_OWNER,
    &ROLE_ABOVE,
    &NO_TENANT,
    &TENANT_NOT_FOUND,
    &TENANT_LIMIT,
    &SESSION_NOT_FOUND,
    &CLI_LOGIN_REQUEST,
    &CLI_LOGIN,
    &EMAIL,
    &NAME,
    &COMPANY,
    &PASSWORD_LENGTH,
    &PASSWORD_COMMON,
    &PASSWORD_SAME,
    &PASSWORD_WRONG,
    &API_KEY_NAME,
    &API_KEY_SCOPE,
    &API_KEY_NETWORK,
    &API_KEY_EXPIRY,
    &API_KEY_ABOVE,
    &API_KEY_LIMIT,
    &API_KEY_NOT_FOUND,
    &SERVICE_ACCOUNT_KEYS,
    &SERVICE_ACCOUNT_NAME,
    &SERVICE_ACCOUNT_EXISTS,
    &SERVICE_ACCOUNT_NOT_FOUND,
    &SERVICE_ACCOUNT_LIMIT,
];
