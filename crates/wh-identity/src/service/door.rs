//! Who holds a session token: the answer to the front door's question at every request. Grants nothing by itself.
use async_trait::async_trait;
use wh_base::{Actor, Origin, Result, Secret};
use wh_server::Authenticator;

use super::Identity;
use super::cache::Standing;
use super::tokens::TokenHash;
use crate::model;
use crate::store::{self, Held};

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
        Ok(Some(Actor { tenant, user, role, session, origin: origin.clone() }))
    }

    async fn stands(&self, actor: &Actor) -> Result<bool> {
        let held = store::session_by_id(&mut self.0.db.read().await?, actor.session).await?;
        let Some(standing) = held.map(|held| self.standing(&held)) else { return Ok(false) };
        let same = (standing.user, standing.tenant, standing.role) == (actor.user, actor.tenant, actor.role);
        let idle_s = self.0.config.session_idle_s;
        Ok(same && model::alive(self.now(), standing.used_at, standing.expires_at, idle_s))
    }

    async fn operates(&self, actor: &Actor) -> Result<bool> {
        let operator = self.operator(&mut self.0.db.read().await?).await?;
        // What is committed stays the first: companies are not taken away.
        Ok(operator.is_some_and(|first| *self.0.operator.get_or_init(|| first) == actor.tenant))
    }
}

impl Identity {
    fn standing(&self, held: &Held) -> Standing {
        let Held { session, user, tenant, role, used_at, expires_at } = *held;
        let used_at = self.0.sessions.last_use(session, used_at);
        Standing { session, user, tenant, role, used_at, expires_at }
    }
}
