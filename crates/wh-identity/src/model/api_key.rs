//! What an API key and a service account are, and how much a key may be given. Pure.
use std::collections::BTreeSet;

use wh_base::{Actor, ErrorCode, KeyGrant, Network, Result, Timestamp};
use wh_contract::{ApiKeyId, PERMISSIONS, Permission, Role, TenantId, UserId};

use super::key_text::PublicId;
use super::words::printable;
use crate::codes;

/// Living keys of one person in one company; more are forgotten scripts.
pub const API_KEYS_PER_PERSON_MAX: i64 = 20;
/// Living keys of one service account: the present one and the next, so that a program can change over without a gap.
pub const API_KEYS_PER_SERVICE_ACCOUNT_MAX: i64 = 2;
/// Service accounts of one company; more are a runaway script.
pub const SERVICE_ACCOUNTS_PER_TENANT_MAX: i64 = 500;
/// Living keys that one key made, directly or through others: all of them belong to service accounts of its company.
pub const MADE_KEYS_MAX: i64 = SERVICE_ACCOUNTS_PER_TENANT_MAX * API_KEYS_PER_SERVICE_ACCOUNT_MAX;
/// Networks of one key.
pub const NETWORKS_PER_KEY_MAX: usize = 32;
/// Days that a key lives when nothing is said.
pub const API_KEY_DAYS_DEFAULT: u32 = 90;
/// An expired key stays in the lists for so long, so that its owner sees why a program stopped.
pub const API_KEY_EXPIRED_SHOWN_S: i64 = 30 * DAY_S;
/// Seconds in a day.
pub const DAY_S: i64 = 86_400;

const NAME_LENGTH_MAX: usize = 80;

/// What a key or service account is called: trimmed, 1 to 80 printable characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label(String);

impl Label {
    /// The name, if it is one; the code says whose.
    pub fn parse(raw: &str, code: &'static ErrorCode) -> Result<Self> {
        printable(raw, NAME_LENGTH_MAX, code, "/name").map(Self)
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A key, without its secret, which nobody can read any more.
#[derive(Clone, Debug)]
pub struct ApiKey {
    /// Its id.
    pub id: ApiKeyId,
    /// Its public part.
    pub public_id: PublicId,
    /// The company it opens.
    pub tenant: TenantId,
    /// Who acts by it: a person or a service account.
    pub user: UserId,
    /// Its name.
    pub name: String,
    /// Names of permissions; of these, what the owner holds counts.
    pub scopes: Vec<String>,
    /// From where it may be used; from everywhere when there are none.
    pub networks: Vec<Network>,
    /// Who made it.
    pub created_by: UserId,
    /// The person at whose word it lives: its maker, or who made the key that made it. It falls with them.
    pub vouched_by: UserId,
    /// The key by which it was made; nothing where a person made it in a browser, or before this was written down.
    pub made_by: Option<Maker>,
    /// Since when.
    pub created_at: Timestamp,
    /// Until when.
    pub expires_at: Timestamp,
    /// Last use, to the minute.
    pub used_at: Option<Timestamp>,
    /// From where it was used then.
    pub used_address: Option<String>,
}

/// A key that made another. It may be gone.
#[derive(Clone, Debug)]
pub struct Maker {
    /// Its id.
    pub key: ApiKeyId,
    /// Its public part, by which people know it.
    pub public_id: PublicId,
}

/// A key of a service account that was made by a key, directly or through others.
#[derive(Clone, Debug)]
pub struct MadeKey {
    /// The key.
    pub key: ApiKey,
    /// What its service account is called.
    pub account: String,
    /// What its service account is.
    pub role: Role,
}

/// What becomes of the keys that a key made when it is revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MadeKeys {
    /// They live on: one of them may be its successor.
    Keep,
    /// They end with it: it leaked, and nobody knows for whom it made them.
    Revoke,
}

/// What a revocation took, and what it left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// Keys made with the revoked one that ended with it.
    pub made_keys_revoked: i64,
    /// Keys made with the revoked one that live on.
    pub made_keys_living: i64,
}

/// A member that is no person.
#[derive(Clone, Debug)]
pub struct ServiceAccount {
    /// Its id as a member.
    pub user: UserId,
    /// Its name, unique in the company.
    pub name: String,
    /// What it is there.
    pub role: Role,
    /// Whether its keys open anything.
    pub enabled: bool,
    /// Who made it.
    pub created_by: UserId,
    /// Since when.
    pub created_at: Timestamp,
    /// Its living keys.
    pub keys: i64,
    /// The last use of one of them, to the minute.
    pub used_at: Option<Timestamp>,
}

/// What a key may be used for: at least one permission, each once, in the order of the manual.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scopes(Vec<Permission>);

impl Scopes {
    /// The permissions of these names, if all of them exist.
    pub fn parse(names: &[String]) -> Result<Self> {
        let refused =
            |at: usize, why: String| codes::API_KEY_SCOPE.error(why.clone()).at(pointer("scopes", at), why);
        if names.is_empty() {
            return Err(codes::API_KEY_SCOPE.error("no scope at all").at("/scopes", "needs at least one"));
        }
        let mut seen = BTreeSet::new();
        for (at, name) in names.iter().enumerate() {
            if !PERMISSIONS.iter().any(|permission| permission.name == name) {
                return Err(refused(at, "not a permission".to_owned()));
            }
            if !seen.insert(name.as_str()) {
                return Err(refused(at, format!("{name} stands twice")));
            }
        }
        Ok(Self(PERMISSIONS.iter().filter(|permission| seen.contains(permission.name)).copied().collect()))
    }

    /// Their names.
    pub fn names(&self) -> Vec<String> {
        self.0.iter().map(|permission| permission.name.to_owned()).collect()
    }

    /// Nobody gives what they do not hold, nor to an account what it does not hold.
    /// What is about the installation is held in the company that operates it only.
    pub fn within(
        &self,
        maker: &Actor,
        (maker_role, owner_role): (Role, Role),
        operator: Option<TenantId>,
    ) -> Result<()> {
        let operates = operator == Some(maker.tenant);
        for permission in &self.0 {
            let name = permission.name;
            let reaches = operates || !permission.is_of_installation();
            let held = maker_role >= permission.lowest_role && maker.credential.covers(permission);
            let why = if !held || !reaches {
                format!("you do not hold {name} yourself")
            } else if owner_role < permission.lowest_role {
                format!("{} does not hold {name}", owner_role.word())
            } else {
                continue;
            };
            return Err(codes::API_KEY_ABOVE.error(why.clone()).at("/scopes", why));
        }
        Ok(())
    }
}

/// The networks of a new key. A key that makes a key lets it in from nowhere else than itself.
pub fn networks(raw: &[String], maker: Option<&KeyGrant>) -> Result<Vec<Network>> {
    if raw.len() > NETWORKS_PER_KEY_MAX {
        let why = format!("{} networks, not at most {NETWORKS_PER_KEY_MAX}", raw.len());
        return Err(codes::API_KEY_NETWORK.error(why.clone()).at("/networks", why));
    }
    let mut all: Vec<Network> = Vec::new();
    for (at, text) in raw.iter().enumerate() {
        let network: Network = text.trim().parse().map_err(|_| {
            let why = "no address and no network: 192.0.2.7, 10.0.0.0/8, 2001:db8::/32";
            codes::API_KEY_NETWORK.error("a network that cannot be read").at(pointer("networks", at), why)
        })?;
        if !all.contains(&network) {
            all.push(network);
        }
    }
    let bounds = maker.map(|grant| grant.networks.as_slice()).unwrap_or_default();
    let inside = |network: &Network| bounds.iter().any(|bound| bound.covers(network));
    if !bounds.is_empty() && (all.is_empty() || !all.iter().all(inside)) {
        let why = "must lie within the networks of the key that makes it";
        return Err(codes::API_KEY_ABOVE.error(why).at("/networks", why));
    }
    Ok(all)
}

/// When a new key ends. A key that makes a key is not outlived by it: a stolen one must not prolong itself.
pub fn expires_at(
    days: Option<u32>,
    days_max: u32,
    now: Timestamp,
    maker: Option<&KeyGrant>,
) -> Result<Timestamp> {
    let wanted = days.unwrap_or(API_KEY_DAYS_DEFAULT.min(days_max));
    if !(1..=days_max).contains(&wanted) {
        let why = format!("{wanted} days, not 1 to {days_max}");
        return Err(codes::API_KEY_EXPIRY.error(why.clone()).at("/valid_days", why));
    }
    let end = now.plus_seconds(i64::from(wanted) * DAY_S);
    match maker {
        Some(grant) if end > grant.expires_at && days.is_none() => Ok(grant.expires_at),
        Some(grant) if end > grant.expires_at => {
            let why = "must not end later than the key that makes it";
            Err(codes::API_KEY_ABOVE.error(why).at("/valid_days", why))
        }
        _ => Ok(end),
    }
}

fn pointer(field: &str, at: usize) -> String {
    format!("/{field}/{at}")
}
