//! Roles and permissions as data: which role is the lowest that holds each permission.
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a member is in one tenant. Declared from least to most, so that comparison means "at least".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Looks at everything that is not about people or money.
    Viewer,
    /// Changes content: panels and their data.
    Editor,
    /// Acts on what runs.
    Operator,
    /// Answers for people, settings and limits.
    Admin,
    /// Answers for the tenant itself; at least one remains at all times.
    Owner,
}

impl Role {
    /// All roles, from least to most.
    pub const ALL: [Self; 5] = [Self::Viewer, Self::Editor, Self::Operator, Self::Admin, Self::Owner];

    /// The word used in the API and in storage.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Editor => "editor",
            Self::Operator => "operator",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }

    /// The role of that word, if there is one.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.word() == word)
    }
}

/// The right to do one kind of thing: `area:verb`, the area being a context's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Permission {
    /// `area:verb`, for example `panels:write`.
    pub name: &'static str,
    /// What it allows, for the members page and the manual.
    pub summary: &'static str,
    /// The least role that holds it.
    pub lowest_role: Role,
}

impl Permission {
    const fn new(name: &'static str, lowest_role: Role, summary: &'static str) -> Self {
        Self { name, summary, lowest_role }
    }

    /// The context it belongs to: what stands before the colon.
    pub fn area(&self) -> &'static str {
        self.name.split(':').next().unwrap_or(self.name)
    }

    /// Whether it is about the installation as a whole and not about one company. Then the role alone does not give it: it
    /// must be held in the company that operates the installation.
    pub fn is_of_installation(&self) -> bool {
        self.area() == "system"
    }
}

/// One's own sessions, password and choice of tenant.
pub const IDENTITY_SELF: Permission = Permission::new(
    "identity:self",
    Role::Viewer,
    "Manage one's own sessions, API keys, password and choice of company",
);
/// Who is in the company.
pub const IDENTITY_READ: Permission = Permission::new("identity:read", Role::Viewer, "See the members");
/// Who may come in, and as what.
pub const IDENTITY_WRITE: Permission =
    Permission::new("identity:write", Role::Admin, "Invite, change and remove members and service accounts");
/// Further companies.
pub const IDENTITY_TENANT: Permission =
    Permission::new("identity:tenant", Role::Owner, "Create further companies");
/// Look at panels.
pub const PANELS_READ: Permission =
    Permission::new("panels:read", Role::Viewer, "Look at panels and their rows");
/// Make panels and fill them.
pub const PANELS_WRITE: Permission =
    Permission::new("panels:write", Role::Editor, "Create, rename, delete panels and import data");

/// Look at the installation: health, figures, companies and what they use. For its operator.
pub const SYSTEM_READ: Permission = Permission::new(
    "system:read",
    Role::Owner,
    "See how the installation is: health, figures, queues, what each company uses",
);
/// Act on the installation. For its operator.
pub const SYSTEM_WRITE: Permission = Permission::new(
    "system:write",
    Role::Owner,
    "Set the limits of companies, change the log level, retry parked events",
);
/// What one's own company uses. Not of the area `system`, which is the operator's alone.
pub const USAGE_READ: Permission =
    Permission::new("usage:read", Role::Admin, "See what the company uses and what it may use");

/// Every permission there is, in the order of the manual.
pub const PERMISSIONS: &[Permission] = &[
    IDENTITY_SELF,
    IDENTITY_READ,
    IDENTITY_WRITE,
    IDENTITY_TENANT,
    PANELS_READ,
    PANELS_WRITE,
    SYSTEM_READ,
    SYSTEM_WRITE,
    USAGE_READ,
];
