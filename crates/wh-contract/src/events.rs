//! What happened, in the past tense. Plain structs; the type name is the contract, fields are only ever added.
mod identity;
mod panels;

use serde::{Serialize, de::DeserializeOwned};

pub use identity::{
    ApiKeyCreated, ApiKeyRenamed, ApiKeyRevoked, InvitationAccepted, InvitationCreated, InvitationRevoked,
    MemberRemoved, MemberRoleChanged, PasswordChanged, ServiceAccountCreated, ServiceAccountDeleted,
    ServiceAccountUpdated, SessionRevoked, SessionStarted, SessionSwitched, TenantCreated, TenantRenamed,
    heard_by,
};
pub use panels::{
    ImportFailed, ImportMode, ImportStarted, PanelCreated, PanelDeleted, PanelImported, PanelRenamed,
};

/// A fact that other contexts may react to; written to the outbox in the transaction of the change.
pub trait Event: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// `area.past_tense`, stable for ever. In `CloudEvents`: `io.wheelhouse.<TYPE>.v1`.
    const TYPE: &'static str;

    /// The id of the thing it happened to: `subject` in `CloudEvents`, and the end of the live topic `<area>.<subject>`.
    fn subject(&self) -> String;
}
