//! Who acts: one member of one tenant with one role, by a session or by an API key, from one place, in one request.
use std::net::IpAddr;
use std::sync::Arc;

use uuid::Uuid;
use wh_contract::{ApiKeyId, Permission, Role, SessionId, TenantId, UserId};

use crate::{Network, Timestamp};

/// Where a request comes from; part of every audit line.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The peer's address, or the forwarded one where a trusted proxy says so.
    pub address: Option<IpAddr>,
    /// The id under which the log holds this request.
    pub request: Uuid,
}

/// By what somebody proves who they are.
#[derive(Clone, Debug)]
pub enum Credential {
    /// A signed-in browser: everything that the role may.
    Session(SessionId),
    /// An API key: what the role may, as far as the key's scopes go.
    Key(Arc<KeyGrant>),
}

/// What an API key allows, at most. Never changes in the life of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyGrant {
    /// The key.
    pub key: ApiKeyId,
    /// Names of permissions; of these, what the role holds counts.
    pub scopes: Vec<String>,
    /// From where it may be used; from everywhere when there are none.
    pub networks: Vec<Network>,
    /// Until when.
    pub expires_at: Timestamp,
}

/// A member who acts. The front door makes it; a use case may trust it.
#[derive(Clone, Debug)]
pub struct Actor {
    /// The company they act in.
    pub tenant: TenantId,
    /// Who: a person or a service account.
    pub user: UserId,
    /// What they are there.
    pub role: Role,
    /// By what they act.
    pub credential: Credential,
    /// From where.
    pub origin: Origin,
}

impl Actor {
    /// Whether the actor holds the permission: by role, and by scope where a key speaks.
    pub fn may(&self, permission: &Permission) -> bool {
        self.role >= permission.lowest_role && self.credential.covers(permission)
    }

    /// Their session, if they act by one.
    pub fn session(&self) -> Option<SessionId> {
        match self.credential {
            Credential::Session(session) => Some(session),
            Credential::Key(_) => None,
        }
    }

    /// Their key, if they act by one.
    pub fn key(&self) -> Option<&KeyGrant> {
        match &self.credential {
            Credential::Session(_) => None,
            Credential::Key(grant) => Some(grant),
        }
    }
}

impl Credential {
    /// Whether it stands in the way of that permission.
    pub fn covers(&self, permission: &Permission) -> bool {
        match self {
            Self::Session(_) => true,
            Self::Key(grant) => grant.scopes.iter().any(|scope| scope == permission.name),
        }
    }

    /// The id of the session or key; the two never meet, because both are unique of themselves.
    pub fn id(&self) -> Uuid {
        match self {
            Self::Session(session) => session.uuid(),
            Self::Key(grant) => grant.key.uuid(),
        }
    }
}
