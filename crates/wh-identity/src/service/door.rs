//! Who holds a session token or an API key: the answer to the front door's question at every request. Grants nothing by itself.
use std::sync::Arc;

use async_trait::async_trait;
use wh_base::{Actor, Credential, Origin, Result, Secret, Timestamp};
use wh_server::{Authenticator, codes};

use super::Identity;
use super::cache::{Moment, Standing};
use super::key_cache::{KeyStanding, Seen};
use super::tokens::TokenHash;
use crate::model::{self, KeyText};
use crate::store::{self, Held, HeldKey};

#[async_trait]
impl Authenticator for Identity {
    async fn actor(&self, token: &Secret<String>, origin: &Origin) -> Result<Option<Actor>> {
        let (hash, now) = (TokenHash::of(token), self.now());
        let cache = &self.0.sessions;
        let (found, asked) = cache.find(&hash, now);
        let standing = if let Some(standing) = found {
            standing
        } else {
            let held = store::session_by_token(&mut self.0.db.read().await?, hash.bytes()).await?;
            let Some(held) = held else { return Ok(None) };
            let standing = self.standing(&held);
            cache.keep(hash, standing.clone(), now, asked);
            standing
        };
        if !model::alive(now, standing.used_at, standing.expires_at, self.0.config.session_idle_s) {
            return Ok(None);
        }
        cache.used(&hash, &standing, now);
        let Standing { session, user, tenant, role, .. } = standing;
        let credential = Credential::Session(session);
        Ok(Some(Actor { tenant, user, role, credential, origin: origin.clone() }))
    }

    async fn bearer(&self, token: &Secret<String>, origin: &Origin) -> Result<Actor> {
        let (hash, now) = (TokenHash::of_key(token), self.now());
        let standing = match self.0.keys.find(&hash, now) {
            (Seen::Now(standing), _) => standing,
            (Seen::Before, asked) => self.look_up(token, hash, now, asked).await?,
            (Seen::Never, asked) => {
                // What is wrong counts against its address; what cannot be asked does not.
                let attempt = self.0.throttle.take_bearer(now, origin.address)?;
                let found = self.look_up(token, hash, now, asked).await;
                if !found.as_ref().is_err_and(is_wrong) {
                    attempt.give_back();
                }
                found?
            }
        };
        usable(&standing, now, origin)?;
        self.0.keys.used(&hash, &standing, now, origin.address);
        let KeyStanding { grant, user, tenant, role, .. } = standing;
        Ok(Actor { tenant, user, role, credential: Credential::Key(grant), origin: origin.clone() })
    }

    async fn stands(&self, actor: &Actor) -> Result<bool> {
        let mut db = self.0.db.read().await?;
        let acts = (actor.user, actor.tenant, actor.role);
        match &actor.credential {
            Credential::Session(session) => {
                let held = store::session_by_id(&mut db, *session).await?;
                let Some(standing) = held.map(|held| self.standing(&held)) else { return Ok(false) };
                let idle_s = self.0.config.session_idle_s;
                Ok((standing.user, standing.tenant, standing.role) == acts
                    && model::alive(self.now(), standing.used_at, standing.expires_at, idle_s))
            }
            Credential::Key(grant) => {
                let Some(held) = store::api_key_held_by_id(&mut db, grant.key).await? else {
                    return Ok(false);
                };
                let lives = held.enabled && self.now() < held.grant.expires_at;
                Ok((held.user, held.tenant, held.role) == acts && lives)
            }
        }
    }

    async fn operates(&self, actor: &Actor) -> Result<bool> {
        let operator = self.operator_committed(&mut self.0.db.read().await?).await?;
        Ok(operator == Some(actor.tenant))
    }
}

/// Whether somebody tried a key that is none, as opposed to a database that did not answer.
fn is_wrong(error: &wh_base::Error) -> bool {
    error.is(&codes::BEARER) || error.is(&codes::BEARER_MALFORMED)
}

/// What may stand in the way of the right key. Whoever holds its secret may know.
fn usable(standing: &KeyStanding, now: Timestamp, origin: &Origin) -> Result<()> {
    let grant = &standing.grant;
    if now >= grant.expires_at {
        return Err(codes::BEARER_EXPIRED.error(format!("ended at {}", grant.expires_at)));
    }
    if !standing.enabled {
        return Err(codes::BEARER_DISABLED.error("the service account is disabled"));
    }
    let inside = |address| grant.networks.iter().any(|network| network.holds(address));
    if !grant.networks.is_empty() && !origin.address.is_some_and(inside) {
        let from = origin.address.map_or_else(|| "inside".to_owned(), |address| address.to_string());
        return Err(codes::BEARER_NETWORK.error(format!("{from} lies in none of the key's networks")));
    }
    Ok(())
}

impl Identity {
    fn standing(&self, held: &Held) -> Standing {
        let Held { session, user, tenant, role, used_at, expires_at } = *held;
        let used_at = self.0.sessions.last_use(session, used_at);
        Standing { session, user, tenant, role, used_at, expires_at }
    }

    /// Ask the database which key it is, and compare.
    async fn look_up(
        &self,
        token: &Secret<String>,
        hash: TokenHash,
        now: Timestamp,
        asked: Moment,
    ) -> Result<KeyStanding> {
        let malformed = || codes::BEARER_MALFORMED.error("not the text of an API key");
        let text = KeyText::parse(token).ok_or_else(malformed)?;
        let held = store::api_key_held(&mut self.0.db.read().await?, &text.public_id).await?;
        let Some(held) = held.filter(|held| text.secret.is(&held.secret_hash)) else {
            self.0.keys.gone(&hash);
            metrics::counter!("identity_api_keys_refused_total").increment(1);
            return Err(codes::BEARER.error("no such API key"));
        };
        let standing = self.key_standing(held);
        self.0.keys.keep(hash, standing.clone(), now, asked);
        Ok(standing)
    }

    fn key_standing(&self, held: HeldKey) -> KeyStanding {
        let HeldKey { grant, tenant, user, role, enabled, used_at, .. } = held;
        let used_at = self.0.keys.last_use(grant.key, used_at).map(|waiting| waiting.at).or(used_at);
        KeyStanding { grant: Arc::new(grant), tenant, user, role, enabled, used_at }
    }
}
