//! What contexts know of one another: ids, permissions, events. Data only; append-only; decides nothing.
pub mod events;
mod ids;
mod permissions;

pub use events::Event;
pub use ids::{ApiKeyId, DatasetId, EventId, ImportId, InvitationId, PanelId, SessionId, TenantId, UserId};
pub use permissions::{
    IDENTITY_READ, IDENTITY_SELF, IDENTITY_TENANT, IDENTITY_WRITE, PANELS_READ, PANELS_WRITE, PERMISSIONS,
    Permission, Role, SYSTEM_READ, SYSTEM_WRITE, USAGE_READ,
};
