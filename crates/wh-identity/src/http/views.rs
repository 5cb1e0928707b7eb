//! What identity answers: an allow-list of fields per thing. No token but the one of a new invitation, no hash ever.
use serde::Serialize;
use utoipa::ToSchema;
use wh_base::Timestamp;
use wh_contract::{ApiKeyId, InvitationId, Role, SessionId, TenantId, UserId};

use crate::model::{API_KEY_DAYS_DEFAULT, Invitation, Me, Member, Membership, Tenant};
use crate::service::{InvitationSeen, SessionSeen};

/// Who the caller is
#[derive(Serialize, ToSchema)]
#[schema(as = Me)]
pub(super) struct MeView {
    user: MeUser,
    tenant: MeTenant,
    role: Role,
    /// What the caller may do here: by role, and by scope where a key speaks
    permissions: Vec<&'static str>,
    /// Every company the caller belongs to
    tenants: Vec<MeMembership>,
    /// The session they act in; null where a key speaks
    session_id: Option<SessionId>,
    /// The key they act by; null in a session
    api_key_id: Option<ApiKeyId>,
    /// How long new API keys live here
    api_keys: MeApiKeys,
}

#[derive(Serialize, ToSchema)]
pub(super) struct MeApiKeys {
    /// Days where nothing is said
    days_default: u32,
    /// Days at most
    days_max: u32,
}

#[derive(Serialize, ToSchema)]
pub(super) struct MeUser {
    id: UserId,
    name: String,
    /// Null for a service account, which is no person
    email: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct MeTenant {
    id: TenantId,
    name: String,
}

#[derive(Serialize, ToSchema)]
pub(super) struct MeMembership {
    id: TenantId,
    name: String,
    role: Role,
}

impl From<Me> for MeView {
    fn from(me: Me) -> Self {
        Self {
            user: MeUser { id: me.user, name: me.name, email: me.email },
            tenant: MeTenant { id: me.here.tenant, name: me.here.name },
            role: me.here.role,
            permissions: me.permissions,
            tenants: me.memberships.into_iter().map(MeMembership::from).collect(),
            session_id: me.session,
            api_key_id: me.key,
            api_keys: MeApiKeys {
                days_default: API_KEY_DAYS_DEFAULT.min(me.key_days_max),
                days_max: me.key_days_max,
            },
        }
    }
}

impl From<Membership> for MeMembership {
    fn from(membership: Membership) -> Self {
        Self { id: membership.tenant, name: membership.name, role: membership.role }
    }
}

/// A company
#[derive(Serialize, ToSchema)]
#[schema(as = Tenant)]
pub(super) struct TenantView {
    id: TenantId,
    name: String,
    created_at: Timestamp,
}

impl From<Tenant> for TenantView {
    fn from(tenant: Tenant) -> Self {
        Self { id: tenant.id, name: tenant.name.as_str().to_owned(), created_at: tenant.created_at }
    }
}

/// One of the caller's sessions
#[derive(Serialize, ToSchema)]
#[schema(as = Session)]
pub(super) struct SessionView {
    id: SessionId,
    tenant: MeTenant,
    /// Whether it is the one that asks
    current: bool,
    /// From where it was begun
    address: Option<String>,
    /// The browser's own words about itself; untrusted
    user_agent: Option<String>,
    created_at: Timestamp,
    /// Last use, to the minute
    used_at: Timestamp,
    /// When it ends if it is not used before
    idle_ends_at: Timestamp,
    /// When it ends in any case
    expires_at: Timestamp,
}

impl From<SessionSeen> for SessionView {
    fn from(seen: SessionSeen) -> Self {
        let session = seen.session;
        Self {
            id: session.id,
            tenant: MeTenant { id: session.tenant, name: seen.tenant_name },
            current: seen.current,
            address: session.address,
            user_agent: session.agent,
            created_at: session.created_at,
            used_at: seen.used_at,
            idle_ends_at: seen.idle_ends_at,
            expires_at: session.expires_at,
        }
    }
}

/// The caller's sessions, newest first
#[derive(Serialize, ToSchema)]
pub(super) struct SessionList {
    pub(super) items: Vec<SessionView>,
}

/// How many sessions ended
#[derive(Serialize, ToSchema)]
pub(super) struct SessionsEnded {
    pub(super) ended: u32,
}

/// A person in the company
#[derive(Serialize, ToSchema)]
#[schema(as = Member)]
pub(super) struct MemberView {
    user_id: UserId,
    name: String,
    email: String,
    role: Role,
    joined_at: Timestamp,
    /// Last use of the company, to the minute; null for whoever has not come yet
    seen_at: Option<Timestamp>,
}

impl From<Member> for MemberView {
    fn from(member: Member) -> Self {
        Self {
            user_id: member.user,
            name: member.name,
            email: member.email,
            role: member.role,
            joined_at: member.joined_at,
            seen_at: member.seen_at,
        }
    }
}

/// An open invitation
#[derive(Serialize, ToSchema)]
#[schema(as = Invitation)]
pub(super) struct InvitationView {
    id: InvitationId,
    email: String,
    role: Role,
    invited_by: UserId,
    created_at: Timestamp,
    expires_at: Timestamp,
}

impl From<Invitation> for InvitationView {
    fn from(invitation: Invitation) -> Self {
        Self {
            id: invitation.id,
            email: invitation.email.as_str().to_owned(),
            role: invitation.role,
            invited_by: invitation.invited_by,
            created_at: invitation.created_at,
            expires_at: invitation.expires_at,
        }
    }
}

/// A new invitation with its token, which is shown this once: the link is `/invite#<token>`
#[derive(Serialize, ToSchema)]
pub(super) struct InvitationIssued {
    pub(super) invitation: InvitationView,
    pub(super) token: String,
}

/// What an invitation link opens
#[derive(Serialize, ToSchema)]
pub(super) struct InvitationOpened {
    company: String,
    email: String,
    role: Role,
    /// If so, accept with the password of the account; if not, with a name and a new password
    account_exists: bool,
    expires_at: Timestamp,
}

impl From<InvitationSeen> for InvitationOpened {
    fn from(seen: InvitationSeen) -> Self {
        Self {
            company: seen.company,
            email: seen.invitation.email.as_str().to_owned(),
            role: seen.invitation.role,
            account_exists: seen.account_exists,
            expires_at: seen.invitation.expires_at,
        }
    }
}
