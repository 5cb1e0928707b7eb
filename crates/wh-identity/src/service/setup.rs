//! The first company: opened once, with the one-time link that the server prints. There is no default account.
use serde_json::{Value, json};
use wh_base::{Result, Secret};
use wh_contract::events::TenantCreated;
use wh_contract::{Role, TenantId, UserId};
use wh_db::Who;

use super::change::Change;
use super::tokens::{self, TokenHash};
use super::{Identity, SignedIn, me, sessions};
use crate::codes;
use crate::model::{Client, CompanyName, Email, Password, PersonName, Tenant, User};
use crate::store;

/// What the first person types.
pub struct FirstCompany {
    /// The one-time token of the link.
    pub token: Secret<String>,
    /// The company's name.
    pub company: String,
    /// The person's name.
    pub name: String,
    /// Their address.
    pub email: String,
    /// Their password.
    pub password: Secret<String>,
}

/// Whether nobody owns a company yet. Each company always keeps an owner, so this is true before the first one only.
pub async fn setup_needed(identity: &Identity) -> Result<bool> {
    Ok(!store::owner_exists(&mut identity.0.db.read().await?).await?)
}

/// A new setup link's token; the one before stops working. Refused once somebody owns a company: from then on
/// invitations open the door, and who can run a command on the server gets no company by it.
pub async fn setup_token_issue(identity: &Identity) -> Result<Secret<String>> {
    let (token, hash) = tokens::issue(&*identity.0.cx.random)?;
    let expires_at = identity.now().plus_seconds(identity.0.config.setup_link_valid_s);

    let mut tx = identity.0.db.begin().await?;
    store::setup_put(&mut tx, hash.bytes(), expires_at).await?;
    if store::owner_exists(&mut tx).await? {
        return Err(codes::SETUP_DONE.error("somebody owns a company"));
    }
    tx.commit().await?;
    Ok(token)
}

/// Make the first company and its owner, and sign them in.
pub async fn setup_complete(identity: &Identity, client: &Client, first: &FirstCompany) -> Result<SignedIn> {
    let attempt = identity.0.throttle.take(identity.now(), None, client.origin.address)?;
    let hash = TokenHash::of(&first.token);
    attempt.judge(link_opens(identity, hash).await, &[&codes::SETUP_DONE, &codes::SETUP_LINK])?;
    let now = identity.now();
    let company = CompanyName::parse(&first.company, "/company")?;
    let name = PersonName::parse(&first.name)?;
    let email = Email::parse(&first.email)?;
    let known = [email.local(), name.as_str(), company.as_str()];
    let password =
        Password::parse(&first.password, identity.0.config.password_length_min, &known, "/password")?;
    let tenant = Tenant { id: identity.0.cx.next_id::<TenantId>(), name: company, created_at: now };
    let user = User { id: identity.0.cx.next_id::<UserId>(), email, name, created_at: now };
    let password_hash = identity.0.passwords.hash_new(&password).await?;

    let session = identity.0.cx.next_id();
    let mut change = Change::begin(identity, Who::user(user.id, Some(session), &client.origin)).await?;
    if !store::setup_spend(&mut change.tx, hash.bytes(), now).await? {
        return Err(codes::SETUP_LINK.error("the setup link was used just now"));
    }
    if store::owner_exists(&mut change.tx).await? {
        return Err(codes::SETUP_DONE.error("somebody owns a company"));
    }
    store::tenant_insert(&mut change.tx, &tenant).await?;
    user_insert(&mut change, &user, &password_hash).await?;
    store::member_insert(&mut change.tx, tenant.id, user.id, Role::Owner, now).await?;
    change.emit(tenant.id, TenantCreated { tenant: tenant.id, owner: user.id }).await?;
    let after = json!({"company": tenant.name.as_str(), "owner": user.email.as_str()});
    let subject = format!("identity.tenant/{}", tenant.id);
    change.audit(tenant.id, "setup_complete", subject, [Value::Null, after]).await?;
    let begun = sessions::Begin { session, user: user.id, tenant: tenant.id, expires_at: None };
    let token = begun.run(identity, &mut change, client).await?;
    let me = me(identity, &mut change.tx, user.id, tenant.id, session).await?;
    change.commit().await?;
    Ok(SignedIn { token, max_age_s: sessions::max_age_s(identity), me })
}

/// Whether this link may still be used.
async fn link_opens(identity: &Identity, hash: TokenHash) -> Result<()> {
    let mut db = identity.0.db.read().await?;
    if store::owner_exists(&mut db).await? {
        return Err(codes::SETUP_DONE.error("somebody owns a company"));
    }
    if !store::setup_is_open(&mut db, hash.bytes(), identity.now()).await? {
        return Err(codes::SETUP_LINK.error("not the token of a living setup link"));
    }
    Ok(())
}

/// A new account with its password.
pub(super) async fn user_insert(change: &mut Change, user: &User, password_hash: &str) -> Result<()> {
    store::user_insert(&mut change.tx, user).await.map_err(|error| {
        if error.is(&wh_db::codes::UNIQUE) {
            return codes::ACCOUNT_EXISTS.caused("the address has an account by now", error);
        }
        error
    })?;
    change.password_kept(None, password_hash);
    store::credential_insert(&mut change.tx, user.id, password_hash, user.created_at).await
}
