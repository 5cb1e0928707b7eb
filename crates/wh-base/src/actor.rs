//! Who acts: one person in one tenant with one role, from one place, in one request.
use std::net::IpAddr;

use uuid::Uuid;
use wh_contract::{Permission, Role, SessionId, TenantId, UserId};

/// Where a request comes from; part of every audit line.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The peer's address, or the forwarded one where a trusted proxy says so.
    pub address: Option<IpAddr>,
    /// The id under which the log holds this request.
    pub request: Uuid,
}

/// A signed-in member. The front door makes it; a use case may trust it.
#[derive(Clone, Debug)]
pub struct Actor {
    /// The company they act in.
    pub tenant: TenantId,
    /// Who.
    pub user: UserId,
    /// What they are there.
    pub role: Role,
    /// Their session.
    pub session: SessionId,
    /// From where.
    pub origin: Origin,
}

impl Actor {
    /// Whether the actor holds the permission.
    pub fn may(&self, permission: &Permission) -> bool {
        self.role >= permission.lowest_role
    }
}
