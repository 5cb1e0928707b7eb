//! Signing a command line in by a browser: somebody allows it there, it proves to be the one that asked. Codes live minutes and work once.
use serde_json::{Value, json};
use wh_base::{Actor, Error, Result, Secret, Timestamp};
use wh_contract::SessionId;
use wh_db::Who;

use super::change::Change;
use super::sessions::{Begin, max_age_s};
use super::tokens::{self, TokenHash};
use super::{Identity, SignedIn, me, session_of};
use crate::codes;
use crate::model::{self, CLI_LOGIN_S_MAX, Challenge, CliLogin, Client, Loopback, UserAgent};
use crate::store::{self, Held};

/// A sign-in that was allowed: where the browser goes, until when it may be used.
pub struct CliLoginAllowed {
    /// On the machine of the browser, with the code in it.
    pub address: String,
    /// Until when.
    pub expires_at: Timestamp,
}

/// Allow the command line that made this challenge to sign in as the caller.
pub async fn cli_login_create(
    identity: &Identity,
    actor: &Actor,
    challenge: &str,
    port: u16,
    state: &str,
) -> Result<CliLoginAllowed> {
    let (challenge, loopback) = (Challenge::parse(challenge)?, Loopback::parse(port, state)?);
    let (code, hash) = tokens::issue(&*identity.0.cx.random)?;
    let expires_at = identity.now().plus_seconds(CLI_LOGIN_S_MAX);
    let (user, tenant, session) = (actor.user, actor.tenant, session_of(actor)?);
    let login = CliLogin { id: identity.0.cx.next_id(), challenge, session, user, tenant, expires_at };
    let mut change = Change::begin(identity, Who::from(actor)).await?;
    store::cli_login_withdraw(&mut change.tx, session).await?;
    store::cli_login_insert(&mut change.tx, &login, hash.bytes()).await.map_err(|error| {
        if error.is(&wh_db::codes::FOREIGN_KEY) {
            return wh_server::codes::UNAUTHENTICATED.caused("the session has ended", error);
        }
        error
    })?;
    let after = json!({"expires_at": expires_at, "port": port});
    change.audit(tenant, "cli_login_create", subject(&login), [Value::Null, after]).await?;
    change.commit().await?;
    Ok(CliLoginAllowed { address: loopback.address(&code), expires_at })
}

/// Take the code for a session. Whatever comes of it, the code is used up.
pub async fn cli_login_exchange(
    identity: &Identity,
    client: &Client,
    code: &Secret<String>,
    verifier: &Secret<String>,
) -> Result<SignedIn> {
    let attempt = identity.0.throttle.take(identity.now(), None, client.origin.address)?;
    attempt.judge(exchange(identity, client, code, verifier).await, &[&codes::CLI_LOGIN])
}

async fn exchange(
    identity: &Identity,
    client: &Client,
    code: &Secret<String>,
    verifier: &Secret<String>,
) -> Result<SignedIn> {
    let hash = TokenHash::of(code).bytes();
    let found = store::cli_login_by_code(&mut identity.0.db.read().await?, hash).await?;
    let Some(login) = found else { return Err(refused()) };
    let session: SessionId = identity.0.cx.next_id();
    let mut change = Change::begin(identity, Who::user(login.user, Some(session), &client.origin)).await?;
    // A change of password and the end of all other sessions wait here, or we for them: what they end lets nobody in.
    store::user_lock(&mut change.tx, login.user).await?;
    if !store::cli_login_delete(&mut change.tx, login.id).await? {
        return Err(refused());
    }
    let browser = store::session_by_id(&mut change.tx, login.session).await?;
    let browser = browser.filter(|held| stands(identity, &login, held));
    let is_proven = identity.now() < login.expires_at && login.challenge.is_met_by(verifier);
    let Some(browser) = browser.filter(|_| is_proven) else {
        change.commit().await?; // used up all the same
        return Err(refused());
    };
    // No password was asked for: the new session ends when the one that allowed it would have, at the latest.
    let begin =
        Begin { session, user: login.user, tenant: login.tenant, expires_at: Some(browser.expires_at) };
    let token = begin.run(identity, &mut change, client).await?;
    let agent = client.agent.as_ref().map(UserAgent::as_str);
    let after = json!({"session": session, "allowed_by": login.session, "user_agent": agent});
    change.audit(login.tenant, "cli_login_exchange", subject(&login), [Value::Null, after]).await?;
    let me = me(identity, &mut change.tx, login.user, login.tenant, session).await?;
    change.commit().await?;
    metrics::counter!("identity_sign_ins_total", "outcome" => "accepted").increment(1);
    Ok(SignedIn { token, max_age_s: max_age_s(identity), me })
}

/// Whether the session that allowed it still counts, and in the same company.
fn stands(identity: &Identity, login: &CliLogin, held: &Held) -> bool {
    let used_at = identity.0.sessions.last_use(held.session, held.used_at);
    let idle_s = identity.0.config.session_idle_s;
    (held.user, held.tenant) == (login.user, login.tenant)
        && model::alive(identity.now(), used_at, held.expires_at, idle_s)
}

fn refused() -> Error {
    metrics::counter!("identity_sign_ins_total", "outcome" => "refused").increment(1);
    codes::CLI_LOGIN.error("not a living code of the one that asked")
}

fn subject(login: &CliLogin) -> String {
    format!("identity.cli_login/{}", login.id)
}
