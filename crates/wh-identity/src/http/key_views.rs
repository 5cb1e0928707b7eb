//! What identity answers about keys and service accounts. A key's text only where it was just made, and only once.
use serde::Serialize;
use utoipa::ToSchema;
use wh_base::{Network, Timestamp};
use wh_contract::{ApiKeyId, Role, UserId};

use crate::model::{ApiKey, MadeKey, Revocation, ServiceAccount};
use crate::service::IssuedKey;

/// An API key, without its secret
#[derive(Serialize, ToSchema)]
#[schema(as = ApiKey)]
pub(super) struct ApiKeyView {
    id: ApiKeyId,
    /// What the key begins with: names it, opens nothing
    prefix: String,
    name: String,
    /// Permissions; of these, what the owner holds at the moment of use counts
    scopes: Vec<String>,
    /// From where it may be used; from everywhere when empty
    networks: Vec<String>,
    created_by: UserId,
    /// The key by which it was made, which may be gone; null for a key that somebody made in a browser
    made_by: Option<ApiKeyId>,
    /// What that key began with
    made_by_prefix: Option<String>,
    created_at: Timestamp,
    expires_at: Timestamp,
    /// Last use, to the minute; null for a key that was never used
    used_at: Option<Timestamp>,
    /// From where it was used then
    used_address: Option<String>,
}

impl From<ApiKey> for ApiKeyView {
    fn from(key: ApiKey) -> Self {
        let (made_by, made_by_prefix) = maker(&key);
        Self {
            id: key.id,
            prefix: key.public_id.to_string(),
            name: key.name,
            scopes: key.scopes,
            networks: key.networks.iter().map(Network::to_string).collect(),
            created_by: key.created_by,
            made_by,
            made_by_prefix,
            created_at: key.created_at,
            expires_at: key.expires_at,
            used_at: key.used_at,
            used_address: key.used_address,
        }
    }
}

fn maker(key: &ApiKey) -> (Option<ApiKeyId>, Option<String>) {
    key.made_by.as_ref().map(|maker| (maker.key, maker.public_id.to_string())).unzip()
}

/// A key of a service account that was made by a key, directly or through others
#[derive(Serialize, ToSchema)]
#[schema(as = MadeKey)]
pub(super) struct MadeKeyView {
    id: ApiKeyId,
    /// What the key begins with: names it, opens nothing
    prefix: String,
    name: String,
    /// The service account that acts by it
    account: MadeKeyAccount,
    /// Permissions; of these, what the service account holds at the moment of use counts
    scopes: Vec<String>,
    /// The key by which it was made, which may be gone
    made_by: Option<ApiKeyId>,
    /// What that key began with
    made_by_prefix: Option<String>,
    created_at: Timestamp,
    expires_at: Timestamp,
    /// Last use, to the minute; null for a key that was never used
    used_at: Option<Timestamp>,
    /// From where it was used then
    used_address: Option<String>,
}

/// Whose key it is
#[derive(Serialize, ToSchema)]
pub(super) struct MadeKeyAccount {
    id: UserId,
    name: String,
}

impl From<MadeKey> for MadeKeyView {
    fn from(made: MadeKey) -> Self {
        let key = made.key;
        let (made_by, made_by_prefix) = maker(&key);
        Self {
            id: key.id,
            prefix: key.public_id.to_string(),
            name: key.name,
            account: MadeKeyAccount { id: key.user, name: made.account },
            scopes: key.scopes,
            made_by,
            made_by_prefix,
            created_at: key.created_at,
            expires_at: key.expires_at,
            used_at: key.used_at,
            used_address: key.used_address,
        }
    }
}

/// What became of the keys that a revoked key made, directly or through others
#[derive(Serialize, ToSchema)]
pub(super) struct ApiKeyRevocation {
    /// Keys that ended with it
    made_keys_revoked: i64,
    /// Keys that live on: look at them with `made_key_list`
    made_keys_living: i64,
}

impl From<Revocation> for ApiKeyRevocation {
    fn from(revocation: Revocation) -> Self {
        let Revocation { made_keys_revoked, made_keys_living } = revocation;
        Self { made_keys_revoked, made_keys_living }
    }
}

/// A new key with its text, which is shown this once
#[derive(Serialize, ToSchema)]
pub(super) struct ApiKeyIssued {
    api_key: ApiKeyView,
    /// For `Authorization: Bearer …`
    #[schema(format = Password)]
    secret: String,
}

impl From<IssuedKey> for ApiKeyIssued {
    fn from(issued: IssuedKey) -> Self {
        Self { api_key: issued.key.into(), secret: issued.text.expose().clone() }
    }
}

/// A member that is no person
#[derive(Serialize, ToSchema)]
#[schema(as = ServiceAccount)]
pub(super) struct ServiceAccountView {
    id: UserId,
    name: String,
    role: Role,
    /// Whether its keys open anything
    enabled: bool,
    /// Its living keys, two at most
    keys: i64,
    created_by: UserId,
    created_at: Timestamp,
    /// The last use of one of its keys, to the minute
    used_at: Option<Timestamp>,
}

impl From<ServiceAccount> for ServiceAccountView {
    fn from(account: ServiceAccount) -> Self {
        Self {
            id: account.user,
            name: account.name,
            role: account.role,
            enabled: account.enabled,
            keys: account.keys,
            created_by: account.created_by,
            created_at: account.created_at,
            used_at: account.used_at,
        }
    }
}
