//! What people, companies, sessions and invitations are, and the rules between them. Pure: no database, no HTTP, no clock.
mod api_key;
mod cli_login;
mod key_text;
mod password;
mod words;

use wh_base::{Origin, Result, Timestamp};
use wh_contract::{ApiKeyId, IDENTITY_WRITE, InvitationId, Role, SessionId, TenantId, UserId};

use crate::codes;

pub use api_key::{
    API_KEY_DAYS_DEFAULT, API_KEY_EXPIRED_SHOWN_S, API_KEYS_PER_PERSON_MAX, API_KEYS_PER_SERVICE_ACCOUNT_MAX,
    ApiKey, Label, MADE_KEYS_MAX, MadeKey, MadeKeys, Maker, NETWORKS_PER_KEY_MAX, Revocation,
    SERVICE_ACCOUNTS_PER_TENANT_MAX, Scopes, ServiceAccount, expires_at, networks,
};
pub use cli_login::{CLI_LOGIN_S_MAX, Challenge, CliLogin, Loopback};
pub use key_text::{KEY_PREFIX, KeyText, PublicId, SecretHash, issue};
pub use password::{PASSWORD_LENGTH_MAX, Password};
pub use words::{CompanyName, Email, PersonName, UserAgent};

/// More sessions of one person than this are forgotten browsers: a new sign-in ends the oldest.
pub const SESSIONS_PER_USER_MAX: i64 = 50;
/// More open invitations than this are a runaway script.
pub const INVITATIONS_PER_TENANT_MAX: i64 = 1_000;
/// The members page and its rules are made for companies, not for the public.
pub const MEMBERS_PER_TENANT_MAX: i64 = 10_000;
/// More companies of one person than this are a runaway script.
pub const TENANTS_PER_USER_MAX: i64 = 100;

/// A company.
#[derive(Clone, Debug)]
pub struct Tenant {
    /// Its id.
    pub id: TenantId,
    /// Its name.
    pub name: CompanyName,
    /// Since when.
    pub created_at: Timestamp,
}

/// A person.
#[derive(Clone, Debug)]
pub struct User {
    /// Their id.
    pub id: UserId,
    /// Their address, folded; unique.
    pub email: Email,
    /// What others call them.
    pub name: PersonName,
    /// Since when.
    pub created_at: Timestamp,
}

/// A person in a company, as the members page shows them.
#[derive(Clone, Debug)]
pub struct Member {
    /// Who.
    pub user: UserId,
    /// Their address.
    pub email: String,
    /// Their name.
    pub name: String,
    /// What they are there.
    pub role: Role,
    /// Since when.
    pub joined_at: Timestamp,
    /// When they last used the company, to the minute; never yet for whoever has just been taken in.
    pub seen_at: Option<Timestamp>,
}

/// One of the companies a person belongs to.
#[derive(Clone, Debug)]
pub struct Membership {
    /// The company.
    pub tenant: TenantId,
    /// Its name.
    pub name: String,
    /// What the person is there.
    pub role: Role,
    /// When they last used it.
    pub seen_at: Option<Timestamp>,
}

/// An offer to join, without its token, which nobody can read any more.
#[derive(Clone, Debug)]
pub struct Invitation {
    /// Its id.
    pub id: InvitationId,
    /// The company it opens.
    pub tenant: TenantId,
    /// For whom.
    pub email: Email,
    /// As what.
    pub role: Role,
    /// By whom.
    pub invited_by: UserId,
    /// Since when.
    pub created_at: Timestamp,
    /// Until when.
    pub expires_at: Timestamp,
}

/// From where somebody signs in, and with what.
#[derive(Clone, Debug)]
pub struct Client {
    /// Address and request.
    pub origin: Origin,
    /// The browser's own words about itself.
    pub agent: Option<UserAgent>,
}

/// A signed-in browser, without its token.
#[derive(Clone, Debug)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// Whose.
    pub user: UserId,
    /// In which company.
    pub tenant: TenantId,
    /// Since when.
    pub created_at: Timestamp,
    /// Last use, to the minute.
    pub used_at: Timestamp,
    /// The absolute end.
    pub expires_at: Timestamp,
    /// From where it was begun.
    pub address: Option<String>,
    /// The browser that began it.
    pub agent: Option<String>,
}

impl Session {
    /// Whether it still counts: neither idle for too long nor past its absolute end.
    pub fn alive(&self, now: Timestamp, idle_s: i64) -> bool {
        alive(now, self.used_at, self.expires_at, idle_s)
    }
}

/// Somebody as they see themselves: who, where, as what, and where else they belong.
#[derive(Clone, Debug)]
pub struct Me {
    /// Who.
    pub user: UserId,
    /// Their address; a service account has none.
    pub email: Option<String>,
    /// Their name.
    pub name: String,
    /// What they may do here: by role, and by scope where a key speaks.
    pub permissions: Vec<&'static str>,
    /// The company they act in, with their role there.
    pub here: Membership,
    /// Every company they belong to, this one too.
    pub memberships: Vec<Membership>,
    /// The session they act in, if they act by one.
    pub session: Option<SessionId>,
    /// The key they act by, if they act by one.
    pub key: Option<ApiKeyId>,
    /// How many days a new key lives at most.
    pub key_days_max: u32,
}

/// Whether a session last used then, with that absolute end, still counts.
pub fn alive(now: Timestamp, used_at: Timestamp, expires_at: Timestamp, idle_s: i64) -> bool {
    now < expires_at && now < used_at.plus_seconds(idle_s)
}

/// Nobody gives or takes a role above their own.
pub fn role_within(own: Role, other: Role) -> Result<()> {
    if other <= own {
        return Ok(());
    }
    Err(codes::ROLE_ABOVE.error(format!("{} is above {}", other.word(), own.word())))
}

/// Whether what somebody made for others stays when they are this now: only what they could make still, at most with that role.
pub fn made_stays(now: Option<Role>, role: Role) -> bool {
    now.is_some_and(|now| role <= now && now >= IDENTITY_WRITE.lowest_role)
}

/// Whoever stops being an owner must leave one behind.
pub fn owner_remains(owners: i64, before: Role, after: Option<Role>) -> Result<()> {
    let stops = before == Role::Owner && after != Some(Role::Owner);
    if stops && owners <= 1 {
        return Err(codes::LAST_OWNER.error("the company would have no owner"));
    }
    Ok(())
}
