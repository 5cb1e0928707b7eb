//! What one may do with companies, people, sessions, invitations and API keys. Parse, rules, one transaction, one event.
mod account;
mod api_keys;
mod cache;
mod change;
mod cli_logins;
mod companies;
mod door;
mod invitations;
mod key_cache;
mod key_ends;
mod made_keys;
mod members;
mod passwords;
mod service_accounts;
mod sessions;
mod setup;
mod throttle;
mod tokens;
mod upkeep;

use std::sync::{Arc, OnceLock};

use wh_base::{Actor, Credential, Result, Secret, Timestamp};
use wh_contract::{PERMISSIONS, Permission, Role, SessionId, TenantId, UserId};
use wh_db::{Context, GlobalRead, IdentityDb};
use wh_server::Authenticator;

use crate::codes;
use crate::config::IdentityConfig;
use crate::model::{self, Me};
use crate::store::{self, GlobalReads};
use cache::SessionCache;
use key_cache::KeyCache;
use passwords::Passwords;
use throttle::Throttle;

pub use account::{me_get, password_change, tenant_create};
pub use api_keys::{
    IssuedKey, NewKey, api_key_create, api_key_list, api_key_revoke, api_key_update,
    service_account_key_create, service_account_key_list, service_account_key_revoke,
    service_account_key_update,
};
pub use cli_logins::{cli_login_create, cli_login_exchange};
pub use companies::{CompanyCount, CompanySeen, company_counts, company_get, company_list};
pub use invitations::{
    InvitationSeen, NewMember, invitation_accept, invitation_create, invitation_list, invitation_lookup,
    invitation_revoke,
};
pub use made_keys::made_key_list;
pub use members::{member_list, member_remove, member_update};
pub use service_accounts::{
    AccountChange, service_account_create, service_account_delete, service_account_list,
    service_account_update,
};
pub use sessions::{
    SessionSeen, session_create, session_end, session_list, session_revoke, session_revoke_others,
    session_switch,
};
pub use setup::{FirstCompany, setup_complete, setup_needed, setup_token_issue};

/// What identity is built from.
pub struct IdentityParts {
    /// Clock, randomness and ids.
    pub context: Context,
    /// The way to the global tables.
    pub db: IdentityDb,
    /// The `[identity]` section.
    pub config: IdentityConfig,
}

/// Identity at work: one per process, cheap to clone. Also the front door's [`wh_server::Authenticator`].
#[derive(Clone)]
pub struct Identity(Arc<Inner>);

struct Inner {
    cx: Context,
    db: IdentityDb,
    config: IdentityConfig,
    passwords: Passwords,
    throttle: Throttle,
    sessions: Arc<SessionCache>,
    operator: OnceLock<TenantId>,
    keys: Arc<KeyCache>,
}

impl Identity {
    /// Checks the configuration; asks the database nothing.
    pub fn new(parts: IdentityParts) -> Result<Self> {
        let config = parts.config.checked()?;
        let config_operator = config.operator_company.map_or_else(OnceLock::new, OnceLock::from);
        let passwords = Passwords::new(&config, Arc::clone(&parts.context.random))?;
        Ok(Self(Arc::new(Inner {
            cx: parts.context,
            db: parts.db,
            config,
            passwords,
            throttle: Throttle::new(),
            sessions: Arc::new(SessionCache::default()),
            operator: config_operator,
            keys: Arc::new(KeyCache::default()),
        })))
    }

    /// For the front door.
    pub fn authenticator(&self) -> Arc<dyn Authenticator> {
        Arc::new(self.clone())
    }

    /// Whether nobody owns a company yet; see [`setup_needed`].
    pub async fn needs_setup(&self) -> Result<bool> {
        setup_needed(self).await
    }

    /// A new one-time setup link's token; see [`setup_token_issue`].
    pub async fn setup_token_issue(&self) -> Result<Secret<String>> {
        setup_token_issue(self).await
    }

    /// The company that operates the installation: the configured one, else the first that there was.
    async fn operator(&self, db: &mut impl GlobalReads) -> Result<Option<TenantId>> {
        match self.0.operator.get() {
            Some(known) => Ok(Some(*known)),
            None => store::tenant_first(db).await,
        }
    }

    /// The same, remembered: what is committed stays the first, as companies are not taken away.
    async fn operator_committed(&self, db: &mut GlobalRead) -> Result<Option<TenantId>> {
        let first = self.operator(db).await?;
        Ok(first.map(|first| *self.0.operator.get_or_init(|| first)))
    }

    fn now(&self) -> Timestamp {
        self.0.cx.clock.now()
    }
}

/// Somebody has a new session; its token goes into the cookie and nowhere else.
pub struct SignedIn {
    /// The token.
    pub token: Secret<String>,
    /// For how long the cookie is worth keeping, in seconds.
    pub max_age_s: u32,
    /// Who they are now.
    pub me: Me,
}

/// Who this session is, as its owner sees it.
async fn me(
    identity: &Identity,
    db: &mut impl GlobalReads,
    user: UserId,
    tenant: TenantId,
    session: SessionId,
) -> Result<Me> {
    me_by(identity, db, user, tenant, &Credential::Session(session)).await
}

/// Who acts by this, as they see themselves.
async fn me_by(
    identity: &Identity,
    db: &mut impl GlobalReads,
    user: UserId,
    tenant: TenantId,
    credential: &Credential,
) -> Result<Me> {
    let gone = || wh_server::codes::UNAUTHENTICATED.error("the session or key has ended");
    let account = store::account_by_id(db, user).await?.ok_or_else(gone)?;
    let memberships = store::membership_list(db, user).await?;
    let here = memberships.iter().find(|membership| membership.tenant == tenant).cloned().ok_or_else(gone)?;
    let (session, key) = match credential {
        Credential::Session(session) => (Some(*session), None),
        Credential::Key(grant) => (None, Some(grant.key)),
    };
    // Only a key can belong to somebody who is no person.
    let is_person = key.is_none() || !store::is_service_account(db, tenant, user).await?;
    let operates = identity.operator(db).await? == Some(tenant);
    let reaches = |one: &Permission| operates || !one.is_of_installation();
    let held = PERMISSIONS
        .iter()
        .filter(|one| here.role >= one.lowest_role && credential.covers(one) && reaches(one));
    let permissions = held.map(|permission| permission.name).collect();
    let email = is_person.then_some(account.email);
    let (name, key_days_max) = (account.name, identity.0.config.api_key_days_max);
    Ok(Me { user, email, name, permissions, here, memberships, session, key, key_days_max })
}

/// The session of an operation that the front door opens to sessions only.
fn session_of(actor: &Actor) -> Result<SessionId> {
    actor.session().ok_or_else(|| wh_server::codes::BEARER_SESSION.error("needs a signed-in browser"))
}

/// What the actor is at this moment, inside the transaction: the front door's answer may be a second old.
async fn role_now(db: &mut impl GlobalReads, actor: &Actor, wanted: &Permission) -> Result<Role> {
    let role = store::member_role(db, actor.tenant, actor.user).await?;
    role.filter(|role| *role >= wanted.lowest_role)
        .ok_or_else(|| wh_server::codes::FORBIDDEN.error(format!("needs {}", wanted.name)))
}

fn no_such_member() -> wh_base::Error {
    codes::MEMBER_NOT_FOUND.error("no such member in this company")
}

fn is_alive(identity: &Identity, session: &model::Session, now: Timestamp) -> bool {
    let used_at = identity.0.sessions.last_use(session.id, session.used_at);
    model::alive(now, used_at, session.expires_at, identity.0.config.session_idle_s)
}
