//! One's own account: who one is, another password, a further company. Nobody else's.
use serde_json::{Value, json};
use wh_base::{Actor, Result, Secret, Timestamp};
use wh_contract::events::{PasswordChanged, TenantCreated};
use wh_contract::{IDENTITY_TENANT, Role, TenantId, UserId};
use wh_db::Who;

use super::cache::Stale;
use super::change::Change;
use super::passwords::Verdict;
use super::sessions::{self, Begin};
use super::{Identity, SignedIn, me, me_by, password_costs, role_now, session_of};
use crate::codes;
use crate::model::{Client, CompanyName, Email, Me, Password, TENANTS_PER_USER_MAX, Tenant};
use crate::store;

/// Who the caller is.
pub async fn me_get(identity: &Identity, actor: &Actor) -> Result<Me> {
    let mut db = identity.0.db.read().await?;
    identity.operator_committed(&mut db).await?;
    me_by(identity, &mut db, actor.user, actor.tenant, &actor.credential).await
}

/// Set another password. Every session ends, this one too; its place is taken by a new one, to which its pages come back.
pub async fn password_change(
    identity: &Identity,
    actor: &Actor,
    client: &Client,
    current: &Secret<String>,
    new: &Secret<String>,
) -> Result<SignedIn> {
    let now = identity.now();
    let gone = || wh_server::codes::UNAUTHENTICATED.error("the account is gone");
    let mut db = identity.0.db.read().await?;
    let account = store::account_by_id(&mut db, actor.user).await?.ok_or_else(gone)?;
    let company = store::tenant_name(&mut db, actor.tenant).await?;
    drop(db);
    let email = Email::parse(&account.email)?;
    let known = [email.local(), account.name.as_str(), company.as_str()];
    let password = Password::parse(new, identity.0.config.password_length_min, &known, "/new")?;
    let stored = prove(identity, client, &email, account.password_hash, current, "/current").await?;
    if new == current {
        return Err(codes::PASSWORD_SAME.error("the same password").at("/new", "is the present password"));
    }
    let hash = identity.0.passwords.hash_new(&password).await?;

    let session = identity.0.cx.next_id();
    let mut change = Change::begin(identity, Who::from(actor)).await?;
    store::user_lock(&mut change.tx, actor.user).await?;
    if !store::credential_replace(&mut change.tx, actor.user, &stored, &hash, Some(now)).await? {
        return Err(password_wrong("/current")); // somebody else changed it while it was compared
    }
    change.password_kept(Some(&stored), &hash);
    let own = sessions::own(&mut change, actor, session_of(actor)?).await?.ok_or_else(gone)?;
    let ended = sessions::end_others(&mut change, actor.user, own.id).await?;
    if !sessions::give_way(&mut change, &own).await? {
        return Err(gone());
    }
    store::session_delete_all(&mut change.tx, actor.user).await?;
    change.stale(Stale::User(actor.user));
    let begin = Begin { session, user: actor.user, tenant: actor.tenant, expires_at: None };
    let token = begin.run(identity, &mut change, client).await?;
    change.emit(actor.tenant, PasswordChanged { user: actor.user }).await?;
    let subject = format!("identity.user/{}", actor.user);
    let states = [json!({"session": own.id}), json!({"session": session, "other_sessions_ended": ended})];
    change.audit(actor.tenant, "password_change", subject, states).await?;
    let me = me(identity, &mut change.tx, actor.user, actor.tenant, session).await?;
    change.commit().await?;
    Ok(SignedIn { token, max_age_s: sessions::max_age_s(identity), me })
}

/// Ask for the password of an account once more; gives the hash it was compared with.
pub(super) async fn prove(
    identity: &Identity,
    client: &Client,
    email: &Email,
    stored: Option<String>,
    given: &Secret<String>,
    field: &str,
) -> Result<String> {
    let attempt = identity.0.throttle.take(identity.now(), Some(email), client.origin.address)?;
    match (password_costs::check(identity, email, stored.clone(), given).await, stored) {
        (Ok(Verdict::Right | Verdict::RightOutdated), Some(stored)) => {
            attempt.give_back();
            Ok(stored)
        }
        (Ok(_), _) => Err(password_wrong(field)),
        (Err(error), _) => {
            attempt.give_back();
            Err(error)
        }
    }
}

fn password_wrong(field: &str) -> wh_base::Error {
    codes::PASSWORD_WRONG.error("wrong password").at(field, "is not the password of the account")
}

/// Make a further company and own it. The session stays where it is; switch to go there.
pub async fn tenant_create(identity: &Identity, actor: &Actor, name: &str) -> Result<Tenant> {
    let now = identity.now();
    let name = CompanyName::parse(name, "/name")?;

    let mut change = Change::begin(identity, Who::from(actor)).await?;
    store::user_lock(&mut change.tx, actor.user).await?;
    role_now(&mut change.tx, actor, &IDENTITY_TENANT).await?;
    let created_at = after_the_first(&mut change, now).await?;
    let tenant = Tenant { id: identity.0.cx.next_id::<TenantId>(), name, created_at };
    // The operator makes companies for others; the limits of one of these must not be got round by making another.
    let operates = identity.operator(&mut change.tx).await? == Some(actor.tenant);
    let most = if operates { TENANTS_PER_USER_MAX } else { identity.0.config.companies_per_person_max };
    tenants_have_room(&mut change, actor.user, most).await?;
    store::tenant_insert(&mut change.tx, &tenant).await?;
    store::member_insert(&mut change.tx, tenant.id, actor.user, Role::Owner, now).await?;
    change.emit(tenant.id, TenantCreated { tenant: tenant.id, owner: actor.user }).await?;
    let after = json!({"name": tenant.name.as_str(), "owner": actor.user});
    let subject = format!("identity.tenant/{}", tenant.id);
    change.audit(tenant.id, "tenant_create", subject, [Value::Null, after]).await?;
    change.commit().await?;
    Ok(tenant)
}

/// Now, or just after the first company was made, where the clock was ahead then: the first one operates the installation, and no
/// later one may come before it.
async fn after_the_first(change: &mut Change, now: Timestamp) -> Result<Timestamp> {
    let Some(first) = store::tenant_first(&mut change.tx).await? else { return Ok(now) };
    let made = store::tenant_get(&mut change.tx, first).await?;
    Ok(made.map_or(now, |(_, made)| now.max(Timestamp::from_micros(made.micros() + 1))))
}

/// Call with the person's row held: `store::user_lock`.
pub(super) async fn tenants_have_room(change: &mut Change, user: UserId, most: i64) -> Result<()> {
    if store::tenant_count(&mut change.tx, user).await? >= most {
        return Err(codes::TENANT_LIMIT.error(format!("at most {most} companies")));
    }
    Ok(())
}
