//! Who is in the company, and as what. At least one owner remains; nobody acts above their own role.
use serde_json::{Value, json};
use wh_base::{Actor, Result};
use wh_contract::events::{InvitationRevoked, MemberRemoved, MemberRoleChanged, SessionRevoked};
use wh_contract::{IDENTITY_WRITE, InvitationId, Role, UserId};
use wh_db::{Who, like_holding};

use super::cache::Stale;
use super::change::Change;
use super::{Identity, key_ends, no_such_member, role_now};
use crate::model::{self, Member};
use crate::store;

/// The members whose name or address holds `search`, in the order of their addresses, `limit` and one more.
pub async fn member_list(
    identity: &Identity,
    actor: &Actor,
    search: Option<&str>,
    after_email: &str,
    limit: u32,
) -> Result<Vec<Member>> {
    let pattern = search.map_or_else(|| "%".to_owned(), like_holding);
    let mut db = identity.0.db.read().await?;
    store::member_list(&mut db, actor.tenant, &pattern, after_email, limit.saturating_add(1)).await
}

/// Make a member something else. Their invitations, and the keys they made for service accounts, above the new role fall with
/// the old one.
pub async fn member_update(identity: &Identity, actor: &Actor, user: UserId, role: Role) -> Result<Member> {
    let mut change = Change::begin(identity, Who::from(actor)).await?;
    let member = held(&mut change, actor, user).await?;
    let own = role_now(&mut change.tx, actor, &IDENTITY_WRITE).await?;
    model::role_within(own, member.role)?;
    model::role_within(own, role)?;
    if member.role == role {
        return Ok(member);
    }
    // A person signs in without the scopes, networks and end of the key: it may take away, and give nothing.
    if role > member.role && actor.key().is_some() {
        return Err(wh_server::codes::BEARER_SESSION.error("an API key gives nobody a higher role"));
    }
    let owners = store::owner_count(&mut change.tx, actor.tenant).await?;
    model::owner_remains(owners, member.role, Some(role))?;
    store::member_role_set(&mut change.tx, actor.tenant, user, role).await?;
    revoke_invitations(&mut change, actor, user, Some(role)).await?;
    key_ends::end_led(&mut change, actor.tenant, user, Some(role), identity.now()).await?;
    change.stale(Stale::Member(actor.tenant, user));
    change.emit(actor.tenant, MemberRoleChanged { user, role }).await?;
    let states =
        [json!({"email": member.email, "role": member.role}), json!({"email": member.email, "role": role})];
    change.audit(actor.tenant, "member_update", subject(user), states).await?;
    change.commit().await?;
    Ok(Member { role, ..member })
}

/// Take a member out: their sessions and keys here end; their open invitations and the keys they made for service accounts fall.
pub async fn member_remove(identity: &Identity, actor: &Actor, user: UserId) -> Result<()> {
    let mut change = Change::begin(identity, Who::from(actor)).await?;
    let member = held(&mut change, actor, user).await?;
    let own = role_now(&mut change.tx, actor, &IDENTITY_WRITE).await?;
    model::role_within(own, member.role)?;
    let owners = store::owner_count(&mut change.tx, actor.tenant).await?;
    model::owner_remains(owners, member.role, None)?;
    revoke_invitations(&mut change, actor, user, None).await?;
    let sessions = store::session_hold_in(&mut change.tx, actor.tenant, user).await?;
    store::session_delete_in(&mut change.tx, actor.tenant, user).await?;
    key_ends::end_led(&mut change, actor.tenant, user, None, identity.now()).await?;
    store::member_delete(&mut change.tx, actor.tenant, user).await?;
    let sessions: Vec<_> = sessions.into_iter().map(|session| SessionRevoked { user, session }).collect();
    change.emit_many(actor.tenant, &sessions).await?;
    change.stale(Stale::Member(actor.tenant, user));
    change.emit(actor.tenant, MemberRemoved { user }).await?;
    let before = json!({"email": member.email, "name": member.name, "role": member.role});
    change.audit(actor.tenant, "member_remove", subject(user), [before, Value::Null]).await?;
    change.commit().await
}

/// The member, with the company's members held still until the end of the change.
async fn held(change: &mut Change, actor: &Actor, user: UserId) -> Result<Member> {
    store::members_lock(&mut change.tx, actor.tenant).await?;
    store::member_get(&mut change.tx, actor.tenant, user).await?.ok_or_else(no_such_member)
}

/// Whoever was sent out must not come back through a door they left open.
pub(super) async fn revoke_invitations(
    change: &mut Change,
    actor: &Actor,
    by: UserId,
    now: Option<Role>,
) -> Result<()> {
    let mut fallen = store::invitation_hold_by(&mut change.tx, actor.tenant, by).await?;
    fallen.retain(|(_, role)| !model::made_stays(now, *role));
    let events: Vec<_> = fallen.into_iter().map(|(invitation, _)| InvitationRevoked { invitation }).collect();
    let ids: Vec<InvitationId> = events.iter().map(|event| event.invitation).collect();
    store::invitation_delete_held(&mut change.tx, actor.tenant, &ids).await?;
    change.emit_many(actor.tenant, &events).await
}

fn subject(user: UserId) -> String {
    format!("identity.member/{user}")
}
