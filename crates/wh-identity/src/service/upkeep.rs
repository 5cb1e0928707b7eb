//! What identity does by itself: write last uses in batches, forget what has died. Runs beside the server, decides nothing.
use std::collections::BTreeMap;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use wh_base::{Result, Timestamp};
use wh_contract::{SessionId, TenantId, UserId};

use super::Identity;
use super::cache::Use;
use crate::model::API_KEY_EXPIRED_SHOWN_S;
use crate::store::{self, KeyUsed};

/// Between two rounds.
const UPKEEP_EVERY: Duration = Duration::from_mins(1);
/// Rows per transaction: a batch must not hold the writer for long.
const BATCH_ROWS: usize = 200;
/// Names put in lower case per transaction.
const FOLD_ROWS: i64 = 200;
/// Dead sessions, as many dead keys and lines of which key made which, or as many dead invitations, removed per transaction.
const SWEEP_ROWS: i64 = 500;

impl Identity {
    /// Once a minute until it is stopped: write the last uses that wait, remove what is dead. What waits at the end is
    /// written before it returns.
    pub async fn save_last_uses(&self, stop: CancellationToken) {
        let mut round = tokio::time::interval(UPKEEP_EVERY);
        round.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while stop.run_until_cancelled(round.tick()).await.is_some() {
            tell(self.upkeep_once().await);
        }
        tell(self.uses_write().await);
    }

    /// One round.
    pub async fn upkeep_once(&self) -> Result<()> {
        self.uses_write().await?;
        let swept = self.sweep().await;
        swept.and(self.names_fold().await)
    }

    /// Whom an older build let in is found by name as everybody is, also beyond ASCII.
    async fn names_fold(&self) -> Result<()> {
        loop {
            let names = store::user_unfolded(&mut self.0.db.read().await?, FOLD_ROWS).await?;
            if names.is_empty() {
                return Ok(());
            }
            let mut tx = self.0.db.begin().await?;
            store::user_fold(&mut tx, &names).await?;
            tx.commit().await?;
        }
    }

    async fn uses_write(&self) -> Result<()> {
        for batch in self.0.sessions.uses().chunks(BATCH_ROWS) {
            let sessions: Vec<(SessionId, Timestamp)> =
                batch.iter().map(|(id, used)| (*id, used.at)).collect();
            let mut tx = self.0.db.begin().await?;
            store::session_used(&mut tx, &sessions).await?;
            store::member_seen(&mut tx, &seen(batch)).await?;
            tx.commit().await?;
            self.0.sessions.written(batch);
        }
        for batch in self.0.keys.uses().chunks(BATCH_ROWS) {
            let uses: Vec<KeyUsed> = batch
                .iter()
                .map(|(key, used)| {
                    let address = used.address.map(|address| address.to_string());
                    KeyUsed { key: *key, at: used.at, address }
                })
                .collect();
            let mut tx = self.0.db.begin().await?;
            store::api_key_used(&mut tx, &uses).await?;
            tx.commit().await?;
            self.0.keys.written(batch);
        }
        Ok(())
    }

    /// Remove what nobody can use any more. Invitations on their own: what keeps them lying keeps nothing else.
    async fn sweep(&self) -> Result<()> {
        let access = self.access_sweep().await;
        access.and(self.invitations_sweep().await)
    }

    async fn invitations_sweep(&self) -> Result<()> {
        loop {
            let mut tx = self.0.db.begin().await?;
            let gone = store::invitation_sweep(&mut tx, self.now(), SWEEP_ROWS).await?;
            tx.commit().await?;
            if i64::try_from(gone).is_ok_and(|gone| gone < SWEEP_ROWS) {
                return Ok(());
            }
        }
    }

    /// Sessions, keys and allowed sign-ins.
    async fn access_sweep(&self) -> Result<()> {
        let now = self.now();
        let used_before = now.plus_seconds(-self.0.config.session_idle_s);
        let ended_before = now.plus_seconds(-API_KEY_EXPIRED_SHOWN_S);
        loop {
            let mut tx = self.0.db.begin().await?;
            let gone = store::session_sweep(&mut tx, used_before, SWEEP_ROWS).await?;
            store::cli_login_sweep(&mut tx, now).await?;
            let keys = store::api_key_sweep(&mut tx, ended_before, SWEEP_ROWS).await?;
            let made = store::made_key_sweep(&mut tx, ended_before, SWEEP_ROWS).await?;
            tx.commit().await?;
            if gone.max(keys).max(made) < SWEEP_ROWS.unsigned_abs() {
                return Ok(());
            }
        }
    }
}

/// The next round tries again; until then a session may end early, and none lives longer.
fn tell(done: Result<()>) {
    if let Err(error) = done {
        tracing::warn!(%error, "identity could not tidy up");
    }
}

/// The latest use per member, in the order of their keys, so that two nodes lock rows in one order.
fn seen(batch: &[(SessionId, Use)]) -> Vec<(TenantId, UserId, Timestamp)> {
    let mut latest: BTreeMap<(TenantId, UserId), Timestamp> = BTreeMap::new();
    for (_, used) in batch {
        let at = latest.entry((used.tenant, used.user)).or_insert(used.at);
        *at = (*at).max(used.at);
    }
    latest.into_iter().map(|((tenant, user), at)| (tenant, user, at)).collect()
}
