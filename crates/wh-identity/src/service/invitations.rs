//! Coming in by a link: single use, seven days, never above the role of whoever invites.
use serde_json::{Value, json};
use wh_base::{Actor, Error, Result, Secret, Timestamp};
use wh_contract::events::{InvitationAccepted, InvitationCreated, InvitationRevoked};
use wh_contract::{IDENTITY_WRITE, InvitationId, Role, UserId};
use wh_db::Who;

use super::account::{prove, tenants_have_room};
use super::change::Change;
use super::companies::MembersMax;
use super::sessions::{self, Begin};
use super::setup::user_insert;
use super::tokens::{self, TokenHash};
use super::{Identity, SignedIn, me, role_now};
use crate::codes;
use crate::model::{
    self, Client, Email, INVITATIONS_PER_TENANT_MAX, Invitation, Password, PersonName, TENANTS_PER_USER_MAX,
    User,
};
use crate::store::{self, Account};

/// In the trail: an invitation was taken back, or fell with whoever sent it.
pub(super) const INVITATION_REVOKE: &str = "invitation_revoke";

/// What the holder of a link may know before they accept.
pub struct InvitationSeen {
    /// The company's name.
    pub company: String,
    /// The invitation.
    pub invitation: Invitation,
    /// Whether to ask for the password of an account, or for a name and a new password.
    pub account_exists: bool,
}

/// What somebody types who accepts.
pub struct NewMember {
    /// The token of the link.
    pub token: Secret<String>,
    /// Their name, if they have no account yet.
    pub name: Option<String>,
    /// The password of their account, or of the account to be made.
    pub password: Secret<String>,
}

/// The open invitations in the order of their addresses, `limit` and one more.
pub async fn invitation_list(
    identity: &Identity,
    actor: &Actor,
    after_email: &str,
    limit: u32,
) -> Result<Vec<Invitation>> {
    let (now, limit) = (identity.now(), limit.saturating_add(1));
    store::invitation_list(&mut identity.0.db.read().await?, actor.tenant, now, after_email, limit).await
}

/// Invite somebody. The token is shown to the inviter this once.
pub async fn invitation_create(
    identity: &Identity,
    actor: &Actor,
    email: &str,
    role: Role,
) -> Result<(Invitation, Secret<String>)> {
    let now = identity.now();
    let invitation = Invitation {
        id: identity.0.cx.next_id::<InvitationId>(),
        tenant: actor.tenant,
        email: Email::parse(email)?,
        role,
        invited_by: actor.user,
        created_at: now,
        expires_at: now.plus_seconds(identity.0.config.invitation_valid_s),
    };
    let (token, hash) = tokens::issue(&*identity.0.cx.random)?;

    let mut change = Change::begin(identity, Who::from(actor)).await?;
    store::members_lock(&mut change.tx, actor.tenant).await?;
    let own = role_now(&mut change.tx, actor, &IDENTITY_WRITE).await?;
    model::role_within(own, role)?;
    may_be_invited(&mut change, &invitation).await?;
    store::invitation_insert(&mut change.tx, &invitation, hash.bytes()).await?;
    change.emit(actor.tenant, InvitationCreated { invitation: invitation.id, role }).await?;
    let after =
        json!({"email": invitation.email.as_str(), "role": role, "expires_at": invitation.expires_at});
    change.audit(actor.tenant, "invitation_create", subject(invitation.id), [Value::Null, after]).await?;
    change.commit().await?;
    Ok((invitation, token))
}

async fn may_be_invited(change: &mut Change, invitation: &Invitation) -> Result<()> {
    let (tenant, email) = (invitation.tenant, &invitation.email);
    store::invitation_delete_expired(&mut change.tx, tenant, email, invitation.created_at).await?;
    if let Some(account) = store::account_by_email(&mut change.tx, email).await?
        && store::member_role(&mut change.tx, tenant, account.user).await?.is_some()
    {
        return Err(codes::MEMBER_EXISTS.error("a member already").at("/email", "belongs to a member"));
    }
    if store::invitation_exists(&mut change.tx, tenant, email).await? {
        return Err(codes::INVITATION_EXISTS.error("invited already").at("/email", "has an open invitation"));
    }
    if store::invitation_count(&mut change.tx, tenant).await? >= INVITATIONS_PER_TENANT_MAX {
        return Err(
            codes::INVITATION_LIMIT.error(format!("at most {INVITATIONS_PER_TENANT_MAX} open invitations"))
        );
    }
    Ok(())
}

/// Take an invitation back.
pub async fn invitation_revoke(identity: &Identity, actor: &Actor, id: InvitationId) -> Result<()> {
    let missing = || codes::INVITATION_NOT_FOUND.error("no such open invitation");
    let mut change = Change::begin(identity, Who::from(actor)).await?;
    let invitation = store::invitation_get(&mut change.tx, actor.tenant, id).await?.ok_or_else(missing)?;
    let own = role_now(&mut change.tx, actor, &IDENTITY_WRITE).await?;
    model::role_within(own, invitation.role)?;
    if !store::invitation_delete(&mut change.tx, actor.tenant, id).await? {
        return Err(missing());
    }
    change.emit(actor.tenant, InvitationRevoked { invitation: id }).await?;
    let states = [told(&invitation), Value::Null];
    change.audit(actor.tenant, INVITATION_REVOKE, subject(id), states).await?;
    change.commit().await
}

/// What a link opens, for whoever holds it.
pub async fn invitation_lookup(
    identity: &Identity,
    client: &Client,
    token: &Secret<String>,
) -> Result<InvitationSeen> {
    let (invitation, account) = open(identity, client, token).await?;
    let company = store::tenant_name(&mut identity.0.db.read().await?, invitation.tenant).await?;
    Ok(InvitationSeen { company, invitation, account_exists: account.is_some() })
}

/// The invitation of a living link and the account of its address; a wrong link counts as a try of that address.
async fn open(
    identity: &Identity,
    client: &Client,
    token: &Secret<String>,
) -> Result<(Invitation, Option<Account>)> {
    let now = identity.now();
    let attempt = identity.0.throttle.take(now, None, client.origin.address)?;
    attempt.judge(opened(identity, token, now).await, &[&codes::INVITATION_LINK])
}

async fn opened(
    identity: &Identity,
    token: &Secret<String>,
    now: Timestamp,
) -> Result<(Invitation, Option<Account>)> {
    let mut db = identity.0.db.read().await?;
    let found = store::invitation_by_token(&mut db, TokenHash::of(token).bytes(), now).await?;
    let invitation = found.ok_or_else(used_up)?;
    let account = store::account_by_email(&mut db, &invitation.email).await?;
    Ok((invitation, account))
}

fn used_up() -> Error {
    codes::INVITATION_LINK.error("not the token of a living invitation")
}

/// Who comes in: somebody who proved to hold the account, or an account that is yet to be written.
enum Comer {
    Known { user: UserId, compared: String },
    New { user: User, password_hash: String },
}

impl Comer {
    fn id(&self) -> UserId {
        match self {
            Self::Known { user, .. } => *user,
            Self::New { user, .. } => user.id,
        }
    }
}

/// Accept: join the company with one's account, or with a new one, and sign in.
pub async fn invitation_accept(identity: &Identity, client: &Client, new: &NewMember) -> Result<SignedIn> {
    let (invitation, account) = open(identity, client, &new.token).await?;
    let comer = match account {
        Some(account) => {
            let email = &invitation.email;
            let compared =
                prove(identity, client, email, account.password_hash, &new.password, "/password").await?;
            Comer::Known { user: account.user, compared }
        }
        None => newcomer(identity, &invitation, new).await?,
    };

    let (session, tenant, user) = (identity.0.cx.next_id(), invitation.tenant, comer.id());
    let most = MembersMax::of(identity, tenant).await?;
    let mut change = Change::begin(identity, Who::user(user, Some(session), &client.origin)).await?;
    store::members_lock(&mut change.tx, tenant).await?;
    if !store::invitation_delete(&mut change.tx, tenant, invitation.id).await? {
        return Err(used_up());
    }
    join(&mut change, &invitation, &comer, most, identity.now()).await?;
    change
        .emit(tenant, InvitationAccepted { invitation: invitation.id, user, role: invitation.role })
        .await?;
    let after = json!({"user": user, "email": invitation.email.as_str(), "role": invitation.role});
    change.audit(tenant, "invitation_accept", subject(invitation.id), [Value::Null, after]).await?;
    let begin = Begin { session, user, tenant, expires_at: None };
    let token = begin.run(identity, &mut change, client).await?;
    let me = me(identity, &mut change.tx, user, tenant, session).await?;
    change.commit().await?;
    Ok(SignedIn { token, max_age_s: sessions::max_age_s(identity), me })
}

async fn newcomer(identity: &Identity, invitation: &Invitation, new: &NewMember) -> Result<Comer> {
    let name = PersonName::parse(new.name.as_deref().unwrap_or_default())?;
    let company = store::tenant_name(&mut identity.0.db.read().await?, invitation.tenant).await?;
    let known = [invitation.email.local(), name.as_str(), company.as_str()];
    let password =
        Password::parse(&new.password, identity.0.config.password_length_min, &known, "/password")?;
    let password_hash = identity.0.passwords.hash_new(&password).await?;
    let (id, email) = (identity.0.cx.next_id::<UserId>(), invitation.email.clone());
    Ok(Comer::New { user: User { id, email, name, created_at: identity.now() }, password_hash })
}

/// Call with the company's members held still.
async fn join(
    change: &mut Change,
    invitation: &Invitation,
    comer: &Comer,
    most: MembersMax,
    now: Timestamp,
) -> Result<()> {
    let tenant = invitation.tenant;
    match comer {
        Comer::New { user, password_hash } => user_insert(change, user, password_hash).await?,
        Comer::Known { user, compared } => {
            store::user_lock(&mut change.tx, *user).await?;
            if !store::credential_replace(&mut change.tx, *user, compared, compared, None).await? {
                return Err(codes::PASSWORD_WRONG.error("the password was changed just now"));
            }
            tenants_have_room(change, *user, TENANTS_PER_USER_MAX).await?;
            if store::member_role(&mut change.tx, tenant, *user).await?.is_some() {
                return Err(codes::MEMBER_EXISTS.error("a member already"));
            }
        }
    }
    most.has_room(store::member_count(&mut change.tx, tenant).await?)?;
    store::member_insert(&mut change.tx, tenant, comer.id(), invitation.role, now).await
}

pub(super) fn subject(invitation: InvitationId) -> String {
    format!("identity.invitation/{invitation}")
}

/// How an invitation was, in the trail.
pub(super) fn told(invitation: &Invitation) -> Value {
    json!({"email": invitation.email.as_str(), "role": invitation.role})
}
