//! Sign-in, sign-out, and one's own sessions. A token is new at every sign-in and switch; nobody can read it again.
use serde_json::{Value, json};
use wh_base::{Actor, Result, Secret, Timestamp};
use wh_contract::events::{SessionRevoked, SessionStarted, SessionSwitched};
use wh_contract::{SessionId, TenantId, UserId};
use wh_db::Who;

use super::cache::Stale;
use super::change::Change;
use super::passwords::Verdict;
use super::{Identity, SignedIn, is_alive, me, password_costs, session_of, tokens};
use crate::codes;
use crate::model::{Client, Email, Membership, SESSIONS_PER_USER_MAX, Session, UserAgent};
use crate::store::{self, Account};

/// In the trail: a session was ended from elsewhere, or fell with something else.
pub(super) const SESSION_REVOKE: &str = "session_revoke";

/// One of one's own sessions.
pub struct SessionSeen {
    /// The session.
    pub session: Session,
    /// The company's name.
    pub tenant_name: String,
    /// Last use as this node knows it.
    pub used_at: Timestamp,
    /// When it ends for want of use.
    pub idle_ends_at: Timestamp,
    /// Whether it is the one that asks.
    pub current: bool,
}

/// Sign in: the same answer, after the same work, whether the account exists or not.
pub async fn session_create(
    identity: &Identity,
    client: &Client,
    email: &str,
    password: &Secret<String>,
) -> Result<SignedIn> {
    let email = Email::parse(email)?;
    let attempt = identity.0.throttle.take(identity.now(), Some(&email), client.origin.address)?;
    let compared = compare(identity, &email, password).await;
    let (account, stored, verdict) = attempt.judge(compared, &[&codes::CREDENTIALS])?;
    let hash = match verdict {
        Verdict::RightOutdated => identity.0.passwords.hash(password).await?,
        Verdict::Right | Verdict::Wrong => stored.clone(),
    };
    let signed_in = admit(identity, client, &account, &stored, &hash).await?;
    metrics::counter!("identity_sign_ins_total", "outcome" => "accepted").increment(1);
    Ok(signed_in)
}

/// The account whose password this is, the hash that says so, and whether that is out of date.
async fn compare(
    identity: &Identity,
    email: &Email,
    password: &Secret<String>,
) -> Result<(Account, String, Verdict)> {
    let account = store::account_by_email(&mut identity.0.db.read().await?, email).await?;
    let stored = account.as_ref().and_then(|account| account.password_hash.clone());
    let verdict = password_costs::check(identity, email, stored.clone(), password).await?;
    let (Some(account), Some(stored), Verdict::Right | Verdict::RightOutdated) = (account, stored, verdict)
    else {
        metrics::counter!("identity_sign_ins_total", "outcome" => "refused").increment(1);
        return Err(wrong());
    };
    Ok((account, stored, verdict))
}

async fn admit(
    identity: &Identity,
    client: &Client,
    account: &Account,
    compared: &str,
    hash: &str,
) -> Result<SignedIn> {
    let session = identity.0.cx.next_id();
    let mut change = Change::begin(identity, Who::user(account.user, Some(session), &client.origin)).await?;
    if !store::credential_replace(&mut change.tx, account.user, compared, hash, None).await? {
        return Err(wrong()); // the password was changed while it was compared
    }
    if compared != hash {
        change.password_kept(Some(compared), hash);
    }
    let memberships = store::membership_list(&mut change.tx, account.user).await?;
    let tenant = latest(&memberships).ok_or_else(|| codes::NO_TENANT.error("a member of no company"))?;
    let begin = Begin { session, user: account.user, tenant, expires_at: None };
    let token = begin.run(identity, &mut change, client).await?;
    let after = json!({"user_agent": client.agent.as_ref().map(UserAgent::as_str)});
    change.audit(tenant, "session_create", subject(session), [Value::Null, after]).await?;
    let me = me(identity, &mut change.tx, account.user, tenant, session).await?;
    change.commit().await?;
    Ok(SignedIn { token, max_age_s: max_age_s(identity), me })
}

fn wrong() -> wh_base::Error {
    codes::CREDENTIALS.error("the e-mail address or the password is wrong")
}

/// The company that was used last; the first by name when none was.
fn latest(memberships: &[Membership]) -> Option<TenantId> {
    let best =
        memberships.iter().reduce(|best, other| if other.seen_at > best.seen_at { other } else { best });
    best.map(|membership| membership.tenant)
}

/// A session about to begin.
pub(super) struct Begin {
    pub(super) session: SessionId,
    pub(super) user: UserId,
    pub(super) tenant: TenantId,
    /// The absolute end of the session whose place it takes; a switch must not make sessions immortal.
    pub(super) expires_at: Option<Timestamp>,
}

impl Begin {
    /// Write it, end what is beyond the limit, and give its token.
    pub(super) async fn run(
        self,
        identity: &Identity,
        change: &mut Change,
        client: &Client,
    ) -> Result<Secret<String>> {
        let (now, config) = (identity.now(), &identity.0.config);
        let (token, hash) = tokens::issue(&*identity.0.cx.random)?;
        let room = usize::try_from(SESSIONS_PER_USER_MAX - 1).unwrap_or(0);
        let list = store::session_list(&mut change.tx, self.user).await?;
        for old in list.into_iter().skip(room) {
            end(change, &old, SESSION_REVOKE).await?;
        }
        let session = Session {
            id: self.session,
            user: self.user,
            tenant: self.tenant,
            created_at: now,
            used_at: now,
            expires_at: self.expires_at.unwrap_or_else(|| now.plus_seconds(config.session_absolute_s)),
            address: client.origin.address.map(|address| address.to_string()),
            agent: client.agent.as_ref().map(|agent| agent.as_str().to_owned()),
        };
        store::session_insert(&mut change.tx, &session, hash.bytes()).await.map_err(|error| {
            if error.is(&wh_db::codes::FOREIGN_KEY) {
                return codes::NO_TENANT.caused("removed from the company just now", error);
            }
            error
        })?;
        store::member_seen(&mut change.tx, &[(self.tenant, self.user, now)]).await?;
        change.emit(self.tenant, SessionStarted { user: self.user, session: self.session }).await?;
        Ok(token)
    }
}

/// The cookie outlives no session.
pub(super) fn max_age_s(identity: &Identity) -> u32 {
    u32::try_from(identity.0.config.session_absolute_s).unwrap_or(u32::MAX)
}

pub(super) fn subject(session: SessionId) -> String {
    format!("identity.session/{session}")
}

/// How a session was, in the trail.
pub(super) fn told(session: &Session) -> Value {
    json!({"user": session.user, "address": session.address, "user_agent": session.agent})
}

/// End a session, with a line in the trail of the company that it was in; `false` when it had ended already.
async fn end(change: &mut Change, session: &Session, action: &'static str) -> Result<bool> {
    let ended = forget(change, session).await?;
    if ended {
        change.emit(session.tenant, SessionRevoked { user: session.user, session: session.id }).await?;
        let states = [told(session), Value::Null];
        change.audit(session.tenant, action, subject(session.id), states).await?;
    }
    Ok(ended)
}

/// Another session of the person takes the place of this one: its pages are not sent out, they come back with the new cookie.
/// `false` when it had ended already.
pub(super) async fn give_way(change: &mut Change, session: &Session) -> Result<bool> {
    let there = forget(change, session).await?;
    if there {
        change.emit(session.tenant, SessionSwitched { user: session.user, session: session.id }).await?;
    }
    Ok(there)
}

/// Take a session away without a word; `false` when it had ended already.
async fn forget(change: &mut Change, session: &Session) -> Result<bool> {
    let there = store::session_delete(&mut change.tx, session.user, session.id).await?;
    if there {
        change.stale(Stale::Session(session.id));
    }
    Ok(there)
}

/// Sign out.
pub async fn session_end(identity: &Identity, actor: &Actor) -> Result<()> {
    let mut change = Change::begin(identity, Who::from(actor)).await?;
    if let Some(session) = own(&mut change, actor, session_of(actor)?).await? {
        end(&mut change, &session, "session_end").await?;
    }
    change.commit().await
}

/// One of one's own, if it has not ended.
pub(super) async fn own(change: &mut Change, actor: &Actor, session: SessionId) -> Result<Option<Session>> {
    let list = store::session_list(&mut change.tx, actor.user).await?;
    Ok(list.into_iter().find(|own| own.id == session))
}

/// One's own living sessions, newest first.
pub async fn session_list(identity: &Identity, actor: &Actor) -> Result<Vec<SessionSeen>> {
    let now = identity.now();
    let mut db = identity.0.db.read().await?;
    let memberships = store::membership_list(&mut db, actor.user).await?;
    let list = store::session_list(&mut db, actor.user).await?;
    let seen = list.into_iter().filter(|session| is_alive(identity, session, now)).map(|session| {
        let tenant_name = memberships.iter().find(|membership| membership.tenant == session.tenant);
        let used_at = identity.0.sessions.last_use(session.id, session.used_at);
        SessionSeen {
            tenant_name: tenant_name.map(|membership| membership.name.clone()).unwrap_or_default(),
            used_at,
            idle_ends_at: used_at.plus_seconds(identity.0.config.session_idle_s),
            current: Some(session.id) == actor.session(),
            session,
        }
    });
    Ok(seen.collect())
}

/// End one of one's own sessions.
pub async fn session_revoke(identity: &Identity, actor: &Actor, session: SessionId) -> Result<()> {
    let missing = || codes::SESSION_NOT_FOUND.error("no such session among one's own");
    let mut change = Change::begin(identity, Who::from(actor)).await?;
    let found = own(&mut change, actor, session).await?.ok_or_else(missing)?;
    if !end(&mut change, &found, SESSION_REVOKE).await? {
        return Err(missing());
    }
    change.commit().await
}

/// End all of one's own sessions but the one that asks; how many.
pub async fn session_revoke_others(identity: &Identity, actor: &Actor) -> Result<u32> {
    let mut change = Change::begin(identity, Who::from(actor)).await?;
    store::user_lock(&mut change.tx, actor.user).await?;
    let ended = end_others(&mut change, actor.user, session_of(actor)?).await?;
    let subject = format!("identity.user/{}", actor.user);
    change
        .audit(actor.tenant, "session_revoke_others", subject, [Value::Null, json!({"ended": ended})])
        .await?;
    change.commit().await?;
    Ok(ended)
}

/// End a person's sessions, all but one.
pub(super) async fn end_others(change: &mut Change, user: UserId, but: SessionId) -> Result<u32> {
    let mut ended = 0;
    for session in store::session_list(&mut change.tx, user).await? {
        if session.id != but && end(change, &session, SESSION_REVOKE).await? {
            ended += 1;
        }
    }
    Ok(ended)
}

/// Act in another of one's companies: a new session takes the place of this one and ends when this one would have. The
/// company that is left hears of it, so that no page goes on listening there.
pub async fn session_switch(
    identity: &Identity,
    actor: &Actor,
    client: &Client,
    tenant: TenantId,
) -> Result<SignedIn> {
    let session = identity.0.cx.next_id();
    let mut change = Change::begin(identity, Who::from(actor)).await?;
    store::user_lock(&mut change.tx, actor.user).await?;
    let role = store::member_role(&mut change.tx, tenant, actor.user).await?;
    role.ok_or_else(|| codes::TENANT_NOT_FOUND.error("not a member of that company"))?;
    let gone = || wh_server::codes::UNAUTHENTICATED.error("the session has ended");
    let old = own(&mut change, actor, session_of(actor)?).await?.ok_or_else(gone)?;
    if !give_way(&mut change, &old).await? {
        return Err(gone());
    }
    // The trail of the company that is left does not say where somebody went.
    change.audit(old.tenant, "session_switch", subject(old.id), [told(&old), Value::Null]).await?;
    let begin = Begin { session, user: actor.user, tenant, expires_at: Some(old.expires_at) };
    let token = begin.run(identity, &mut change, client).await?;
    let states = [json!({"tenant": actor.tenant}), json!({"tenant": tenant})];
    change.audit(tenant, "session_switch", subject(session), states).await?;
    let me = me(identity, &mut change.tx, actor.user, tenant, session).await?;
    change.commit().await?;
    Ok(SignedIn { token, max_age_s: max_age_s(identity), me })
}
