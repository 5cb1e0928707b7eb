//! Events of identity: companies, members, sessions. Never a secret, never a token.
use serde::{Deserialize, Serialize};

use super::Event;
use crate::{ApiKeyId, IDENTITY_WRITE, InvitationId, Permission, Role, SessionId, TenantId, UserId};

macro_rules! events {
    ($($(#[$doc:meta])* $name:ident = $kind:literal about $subject:ident { $($(#[$field_doc:meta])* $field:ident: $ty:ty),* $(,)? })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        pub struct $name { $($(#[$field_doc])* pub $field: $ty),* }

        impl Event for $name {
            const TYPE: &'static str = $kind;

            fn subject(&self) -> String {
                self.$subject.to_string()
            }
        }
    )*};
}
pub(super) use events;

events! {
    /// A company came to be.
    TenantCreated = "identity.tenant_created" about tenant {
        /// The company.
        tenant: TenantId,
        /// Who made it, now its owner.
        owner: UserId,
    }
    /// A company has another name.
    TenantRenamed = "identity.tenant_renamed" about tenant {
        /// The company.
        tenant: TenantId,
    }
    /// Somebody may join.
    InvitationCreated = "identity.invitation_created" about invitation {
        /// The invitation.
        invitation: InvitationId,
        /// What they will be.
        role: Role,
    }
    /// An invitation was taken back.
    InvitationRevoked = "identity.invitation_revoked" about invitation {
        /// The invitation.
        invitation: InvitationId,
    }
    /// Somebody joined.
    InvitationAccepted = "identity.invitation_accepted" about invitation {
        /// The invitation.
        invitation: InvitationId,
        /// The new member.
        user: UserId,
        /// What they are now.
        role: Role,
    }
    /// A member is something else now.
    MemberRoleChanged = "identity.member_role_changed" about user {
        /// The member.
        user: UserId,
        /// What they are now.
        role: Role,
    }
    /// A member is no longer one.
    MemberRemoved = "identity.member_removed" about user {
        /// The former member.
        user: UserId,
    }
    /// Somebody signed in.
    SessionStarted = "identity.session_started" about user {
        /// Who.
        user: UserId,
        /// Their new session.
        session: SessionId,
    }
    /// A session ended before its time.
    SessionRevoked = "identity.session_revoked" about user {
        /// Whose.
        user: UserId,
        /// Which.
        session: SessionId,
    }
    /// Another session took the place of one: its person went on to another of their companies, or set another password.
    SessionSwitched = "identity.session_switched" about user {
        /// Who.
        user: UserId,
        /// The session that is over.
        session: SessionId,
    }
    /// Somebody has a new password.
    PasswordChanged = "identity.password_changed" about user {
        /// Who.
        user: UserId,
    }
    /// There is a new API key.
    ApiKeyCreated = "identity.api_key_created" about user {
        /// The key.
        key: ApiKeyId,
        /// Whose it is: a person's or a service account's.
        user: UserId,
    }
    /// An API key has another name.
    ApiKeyRenamed = "identity.api_key_renamed" about user {
        /// The key.
        key: ApiKeyId,
        /// Whose it is.
        user: UserId,
    }
    /// An API key opens nothing any more.
    ApiKeyRevoked = "identity.api_key_revoked" about user {
        /// The key.
        key: ApiKeyId,
        /// Whose it was.
        user: UserId,
    }
    /// There is a new member that is no person.
    ServiceAccountCreated = "identity.service_account_created" about account {
        /// The service account.
        account: UserId,
        /// What it is.
        role: Role,
    }
    /// A service account is something else now, or is called otherwise.
    ServiceAccountUpdated = "identity.service_account_updated" about account {
        /// The service account.
        account: UserId,
        /// What it is now.
        role: Role,
        /// Whether its keys open anything.
        enabled: bool,
    }
    /// A service account is gone, with its keys.
    ServiceAccountDeleted = "identity.service_account_deleted" about account {
        /// The former service account.
        account: UserId,
    }
}

/// Events that say more than every member should hear: who may hear them, besides the person they are about.
const RESERVED: &[(&str, &Permission)] = &[
    (InvitationCreated::TYPE, &IDENTITY_WRITE),
    (InvitationRevoked::TYPE, &IDENTITY_WRITE),
    (SessionStarted::TYPE, &IDENTITY_WRITE),
    (SessionRevoked::TYPE, &IDENTITY_WRITE),
    (SessionSwitched::TYPE, &IDENTITY_WRITE),
    (PasswordChanged::TYPE, &IDENTITY_WRITE),
    (ApiKeyCreated::TYPE, &IDENTITY_WRITE),
    (ApiKeyRenamed::TYPE, &IDENTITY_WRITE),
    (ApiKeyRevoked::TYPE, &IDENTITY_WRITE),
    (ServiceAccountCreated::TYPE, &IDENTITY_WRITE),
    (ServiceAccountUpdated::TYPE, &IDENTITY_WRITE),
    (ServiceAccountDeleted::TYPE, &IDENTITY_WRITE),
];

/// What somebody must hold to hear events of this kind about others; none where reading the area is enough.
pub fn heard_by(kind: &str) -> Option<&'static Permission> {
    RESERVED.iter().find(|(reserved, _)| *reserved == kind).map(|(_, permission)| *permission)
}
