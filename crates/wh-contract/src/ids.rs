//! One type per thing that has an id, so that an id of one kind cannot stand where another is meant.
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// The bare UUID, for storage.
            pub fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }

        impl From<$name> for Uuid {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::from_str(text).map(Self)
            }
        }
    )*};
}

ids! {
    /// A company: the wall between customers. Every row of every context carries one.
    TenantId
    /// A person or a service account. Global: one person may be a member of several tenants.
    UserId
    /// A signed-in browser.
    SessionId
    /// A key for programs.
    ApiKeyId
    /// An offer to join a tenant.
    InvitationId
    /// One event in the outbox; receivers drop what they have seen.
    EventId
    /// A live table.
    PanelId
    /// The rows behind a panel.
    DatasetId
    /// One run of reading a file into a dataset.
    ImportId
}
