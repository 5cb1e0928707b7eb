//! Takes away what was kept long enough: delivered events, answered idempotency keys. In small transactions.
use std::sync::Arc;
use std::time::Duration;

use metrics::gauge;
use tokio_util::sync::CancellationToken;
use wh_base::Result;

use super::Progress;
use super::queues::delivery;
use crate::core::Core;
use crate::engine::Scope;
use crate::idempotency::IDEMPOTENCY_KEPT_S;
use crate::reads::Reading;
use crate::tx::Changing;
use crate::{Value, args};

/// How long delivered events are kept for those who were away.
const EVENTS_KEPT_S: i64 = 60 * 60;
/// More delivered events than this are not kept, however young.
const EVENTS_KEPT_MAX: i64 = 500_000;
/// Rows taken away in one transaction.
const BATCH_MAX: i64 = 500;
/// Pause between two rounds that found nothing.
const PAUSE_S: u64 = 60;
/// Events that wait for longer than this are held back by something.
const HELD_BACK_S: f64 = 60.0;

const CURSORS: &str = "SELECT MIN(ordinal) AS done, MAX(ordinal) AS delivered FROM kernel_cursor";
const OLDEST: &str = "SELECT s.ordinal, o.at FROM kernel_stream s JOIN kernel_outbox o ON o.seq = s.seq \
     WHERE s.ordinal <= $1 ORDER BY s.ordinal LIMIT $2";
const DROP_EVENTS: &str =
    "DELETE FROM kernel_outbox WHERE seq IN (SELECT seq FROM kernel_stream WHERE ordinal <= $1)";
const DROP_PLACES: &str = "DELETE FROM kernel_stream WHERE ordinal <= $1";
const OLD_KEYS: &str =
    "SELECT tenant_id, key FROM kernel_idempotency WHERE created_at < $1 ORDER BY created_at LIMIT $2";
const DROP_KEY: &str = "DELETE FROM kernel_idempotency WHERE tenant_id = $1 AND key = $2 AND created_at < $3";

pub(super) struct Tender<'a> {
    core: &'a Arc<Core>,
}

impl<'a> Tender<'a> {
    pub(super) fn new(core: &'a Arc<Core>) -> Self {
        Self { core }
    }

    pub(super) async fn run(self, stop: &CancellationToken) {
        while !stop.is_cancelled() {
            match self.round().await {
                Ok(Progress::Some) => {
                    tokio::task::yield_now().await;
                    continue;
                }
                Ok(Progress::Idle) => {}
                Err(error) => {
                    tracing::warn!(?error, "old events could not be taken away; trying again later");
                }
            }
            if let Err(error) = self.show().await {
                tracing::warn!(?error, "what waits to be delivered could not be counted");
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(Duration::from_secs(PAUSE_S)) => {}
            }
        }
    }

    /// Show how many events wait for their delivery and since when. On PostgreSQL any open transaction that writes, in whichever
    /// database of the server, holds back what was written after it began.
    async fn show(&self) -> Result<()> {
        let mut reading = Reading::open(self.core, Scope::Kernel).await?;
        let delivery = delivery(self.core, &mut reading).await?;
        let now = self.core.clock.now().micros();
        let oldest_s = delivery.oldest_at.map_or(0.0, |at| (now - at.micros()).max(0) as f64 / 1e6);
        gauge!("outbox_waiting_events").set(delivery.waiting as f64);
        gauge!("outbox_waiting_oldest_seconds").set(oldest_s);
        if oldest_s > HELD_BACK_S {
            tracing::warn!(
                waiting = delivery.waiting,
                oldest_s,
                "events wait for a long time; a transaction that does not end may hold them back"
            );
        }
        Ok(())
    }

    pub(super) async fn round(&self) -> Result<Progress> {
        let events = self.events().await?;
        Ok(events.and(self.keys().await?))
    }

    /// Delivered, reacted to, and old or too many. The newest one stays: its number must not be given again.
    async fn events(&self) -> Result<Progress> {
        let horizon = self.core.clock.now().plus_seconds(-EVENTS_KEPT_S);
        let mut reading = Reading::open(self.core, Scope::Kernel).await?;
        let cursors = reading.kernel_rows(CURSORS, args![]).await?;
        let Some(cursors) = cursors.first() else { return Ok(Progress::Idle) };
        let (done, delivered) = (cursors.int("done")?, cursors.int("delivered")?);
        let rows = reading.kernel_rows(OLDEST, args![done.min(delivered - 1), BATCH_MAX]).await?;
        drop(reading);
        let mut end = None;
        for row in &rows {
            let ordinal = row.int("ordinal")?;
            if row.time("at")? >= horizon && ordinal > delivered - EVENTS_KEPT_MAX {
                break;
            }
            end = Some(ordinal);
        }
        let Some(end) = end else { return Ok(Progress::Idle) };
        let mut tx = Changing::open(self.core, Scope::Kernel).await?;
        tx.kernel_count(DROP_EVENTS, args![end]).await?;
        tx.kernel_count(DROP_PLACES, args![end]).await?;
        tx.commit().await?;
        Ok(Progress::Some)
    }

    async fn keys(&self) -> Result<Progress> {
        let horizon = self.core.clock.now().plus_seconds(-IDEMPOTENCY_KEPT_S);
        let mut reading = Reading::open(self.core, Scope::Kernel).await?;
        let rows = reading.kernel_rows(OLD_KEYS, args![horizon, BATCH_MAX]).await?;
        drop(reading);
        if rows.is_empty() {
            return Ok(Progress::Idle);
        }
        let mut keys: Vec<Vec<Value>> = Vec::with_capacity(rows.len());
        for row in &rows {
            keys.push(vec![row.value("tenant_id")?.clone(), row.text("key")?.into(), horizon.into()]);
        }
        let mut tx = Changing::open(self.core, Scope::Kernel).await?;
        tx.kernel_many(DROP_KEY, &keys).await?;
        tx.commit().await?;
        Ok(Progress::Some)
    }
}
