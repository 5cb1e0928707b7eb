//! Gives each event its position in its tenant's stream and hands it on. One round is one transaction.
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use metrics::{counter, histogram};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use wh_base::Result;
use wh_contract::TenantId;

use super::{Deliver, Delivered, Progress};
use crate::core::Core;
use crate::engine::Scope;
use crate::reads::Reading;
use crate::tx::Changing;
use crate::{Row, Value, args, codes};

/// Events of one round.
const BATCH_MAX: i64 = 512;
/// Pauses after a failed round grow from the first to the second.
const PAUSE_MS: (u64, u64) = (50, 5_000);

const CURSOR: &str = "SELECT xid, seq, ordinal FROM kernel_cursor WHERE name = 'stream'";
const MOVE: &str =
    "UPDATE kernel_cursor SET xid = $1, seq = $2, ordinal = $3 WHERE name = 'stream' AND ordinal = $4";
const ADVANCE: &str = "INSERT INTO kernel_position (tenant_id, position) VALUES ($1, $2) ON CONFLICT (tenant_id) \
     DO UPDATE SET position = kernel_position.position + excluded.position RETURNING position";
const PLACE: &str = "INSERT INTO kernel_stream (ordinal, tenant_id, position, seq) VALUES ($1, $2, $3, $4)";

pub(super) struct Dispatcher<'a> {
    core: &'a Arc<Core>,
    deliver: &'a Deliver,
    /// Tells the reactions that there is something new.
    wake: &'a Notify,
}

impl<'a> Dispatcher<'a> {
    pub(super) fn new(core: &'a Arc<Core>, deliver: &'a Deliver, wake: &'a Notify) -> Self {
        Self { core, deliver, wake }
    }

    pub(super) async fn run(self, stop: &CancellationToken) {
        let mut pause_ms = PAUSE_MS.0;
        while !stop.is_cancelled() {
            match self.round().await {
                Ok(Progress::Some) => pause_ms = PAUSE_MS.0,
                Ok(Progress::Idle) => {
                    pause_ms = PAUSE_MS.0;
                    tokio::select! {
                        () = stop.cancelled() => {}
                        () = self.core.engine.outbox_changed() => {}
                    }
                }
                Err(error) => {
                    tracing::error!(?error, "events could not be delivered; trying again in {pause_ms} ms");
                    tokio::select! {
                        () = stop.cancelled() => {}
                        () = tokio::time::sleep(Duration::from_millis(pause_ms)) => {}
                    }
                    pause_ms = (pause_ms * 2).min(PAUSE_MS.1);
                }
            }
        }
    }

    pub(super) async fn round(&self) -> Result<Progress> {
        let mut reading = Reading::open(self.core, Scope::Kernel).await?;
        let cursor = reading.kernel_rows(CURSOR, args![]).await?;
        let cursor = cursor.first().ok_or_else(|| codes::ROW_MISSING.error("the outbox has no cursor"))?;
        let (xid, seq, ordinal) = (cursor.int("xid")?, cursor.int("seq")?, cursor.int("ordinal")?);
        let rows = reading.kernel_rows(self.core.engine.outbox_behind(), args![xid, seq, BATCH_MAX]).await?;
        drop(reading);
        let Some(last) = rows.last() else { return Ok(Progress::Idle) };
        let mut tx = Changing::open(self.core, Scope::Kernel).await?;
        let end = ordinal + i64::try_from(rows.len()).unwrap_or(0);
        if tx.kernel_count(MOVE, args![last.int("xid")?, last.int("seq")?, end, ordinal]).await? == 0 {
            // Another dispatcher was faster; its round is not ours to repeat.
            return Ok(Progress::Some);
        }
        let events = place(&mut tx, &rows, ordinal).await?;
        tx.commit().await?;
        let now = self.core.clock.now();
        for event in &events {
            let late_s = (now.micros() - event.time.micros()).max(0) as f64 / 1e6;
            histogram!("outbox_delivery_delay_seconds").record(late_s);
            (self.deliver)(event);
        }
        counter!("outbox_delivered_total").increment(events.len() as u64);
        self.wake.notify_one();
        Ok(Progress::Some)
    }
}

/// Number the events, tenant by tenant.
async fn place(tx: &mut Changing, rows: &[Row], mut ordinal: i64) -> Result<Vec<Delivered>> {
    let mut count: HashMap<TenantId, i64> = HashMap::new();
    for row in rows {
        *count.entry(row.uuid("tenant_id")?).or_default() += 1;
    }
    let mut next = HashMap::with_capacity(count.len());
    for (tenant, count) in count {
        let advanced = tx.kernel_rows(ADVANCE, args![tenant, count]).await?;
        let end = advanced.first().map_or(Ok(count), |row| row.int("position"))?;
        next.insert(tenant, end - count + 1);
    }
    let mut events = Vec::with_capacity(rows.len());
    let mut places: Vec<Vec<Value>> = Vec::with_capacity(rows.len());
    for row in rows {
        let tenant: TenantId = row.uuid("tenant_id")?;
        let position = next.entry(tenant).or_insert(1);
        ordinal += 1;
        places.push(vec![ordinal.into(), tenant.into(), (*position).into(), row.int("seq")?.into()]);
        events.push(Delivered {
            tenant,
            position: *position,
            id: row.uuid("id")?,
            kind: row.text("kind")?.to_owned(),
            subject: row.text("subject")?.to_owned(),
            time: row.time("at")?,
            data: row.json("data")?,
        });
        *position += 1;
    }
    tx.kernel_many(PLACE, &places).await?;
    Ok(events)
}
