//! Gives each event its position in its tenant's stream, and hands every event on, whichever node gave it its position. One round
//! is at most one transaction.
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use metrics::{counter, histogram};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use wh_base::Result;
use wh_contract::TenantId;

use super::{Deliver, Delivered, Outbox, PLACED, Progress, delivered};
use crate::core::Core;
use crate::engine::Scope;
use crate::reads::Reading;
use crate::tx::Changing;
use crate::{Row, Value, args, codes};

/// Events of one round.
pub(super) const BATCH_MAX: i64 = 512;
/// Pauses after a failed round grow from the first to the second.
const PAUSE_MS: (u64, u64) = (50, 5_000);

const CURSOR: &str = "SELECT xid, seq, ordinal FROM kernel_cursor WHERE name = 'stream'";
const MOVE: &str = "UPDATE kernel_cursor SET xid = $1, seq = $2, ordinal = $3 \
     WHERE name = 'stream' AND ordinal = $4 AND xid = $5 AND seq = $6";
const ADVANCE: &str = "INSERT INTO kernel_position (tenant_id, position) VALUES ($1, $2) ON CONFLICT (tenant_id) \
     DO UPDATE SET position = kernel_position.position + excluded.position RETURNING position";
const PLACE: &str = "INSERT INTO kernel_stream (ordinal, tenant_id, position, seq) VALUES ($1, $2, $3, $4)";

pub(super) struct Dispatcher<'a> {
    outbox: &'a Outbox,
    core: &'a Arc<Core>,
    deliver: &'a Deliver,
    /// Tells the reactions that there is something new.
    wake: &'a Notify,
}

impl<'a> Dispatcher<'a> {
    pub(super) fn new(outbox: &'a Outbox, deliver: &'a Deliver, wake: &'a Notify) -> Self {
        Self { outbox, core: &outbox.core, deliver, wake }
    }

    pub(super) async fn run(self, stop: &CancellationToken) {
        for outcome in ["done", "failed"] {
            counter!("queue_jobs_total", "queue" => "delivery", "outcome" => outcome).increment(0);
        }
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
                    counter!("queue_jobs_total", "queue" => "delivery", "outcome" => "failed").increment(1);
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
        let mut batch = self.outbox.batch.lock().await;
        let answer = self.round_of(&mut batch).await;
        if let Err(error) = &answer
            && error.is(&codes::HELD_TOO_LONG)
        {
            // As many again would take as long again.
            *batch = (*batch / 2).max(1);
        }
        answer
    }

    /// Where the stream is further than this process, it hands on what lies between: other nodes lengthen it too, and so does a commit
    /// of ours whose answer was lost.
    async fn round_of(&self, batch: &mut i64) -> Result<Progress> {
        let reached = self.core.handed_on.load(Ordering::Acquire);
        let mut reading = Reading::open(self.core, Scope::Kernel).await?;
        let cursor = reading.kernel_rows(CURSOR, args![]).await?;
        let cursor = cursor.first().ok_or_else(|| codes::ROW_MISSING.error("the outbox has no cursor"))?;
        let (xid, seq, ordinal) = (cursor.int("xid")?, cursor.int("seq")?, cursor.int("ordinal")?);
        let placed = if reached < ordinal {
            reading.kernel_rows(PLACED, args![reached, ordinal, BATCH_MAX]).await?
        } else {
            Vec::new()
        };
        let rows = reading.kernel_rows(self.core.engine.outbox_behind(), args![xid, seq, *batch]).await?;
        drop(reading);
        let caught_up = self.catch_up(reached, ordinal, &placed)?;
        let Some(last) = rows.last() else {
            return Ok(if caught_up == reached { Progress::Idle } else { Progress::Some });
        };
        let mut tx = Changing::open(self.core, Scope::Kernel).await?;
        let end = ordinal + i64::try_from(rows.len()).unwrap_or(0);
        let (last_xid, last_seq) = (last.int("xid")?, last.int("seq")?);
        if tx.kernel_count(MOVE, args![last_xid, last_seq, end, ordinal, xid, seq]).await? == 0 {
            // Another node was faster; what it placed is handed on in the next round.
            return Ok(Progress::Some);
        }
        let events = number(&mut tx, &rows, ordinal).await?;
        tx.commit().await?;
        counter!("queue_jobs_total", "queue" => "delivery", "outcome" => "done").increment(rows.len() as u64);
        // Slowly: twice as many would fail every second time where the limit lies in between, and each failure holds up all who write.
        *batch = (*batch + *batch / 8 + 1).min(BATCH_MAX);
        // Where more stands before them than one round reads, they have their turn behind it.
        if caught_up == ordinal {
            self.hand_on(&events, end);
        }
        // The reactions of one node are enough: those of the others look by themselves, in case it does not come to it.
        self.wake.notify_one();
        Ok(Progress::Some)
    }

    /// Hand on what was placed without us, as far as it was read; up to where that is.
    fn catch_up(&self, reached: i64, ordinal: i64, placed: &[Row]) -> Result<i64> {
        if reached == ordinal {
            return Ok(reached);
        }
        if reached > ordinal {
            tracing::warn!(
                "the database went back to an earlier moment; whoever listens fetches everything again"
            );
            (self.outbox.missed)();
            self.hand_on(&[], ordinal);
            return Ok(ordinal);
        }
        let first = placed.first().map_or(Ok(ordinal + 1), |row| row.int("ordinal"))?;
        let end = placed.last().map_or(Ok(ordinal), |row| row.int("ordinal"))?;
        let events: Vec<Delivered> = placed.iter().map(delivered).collect::<Result<_>>()?;
        if first > reached + 1 {
            tracing::warn!(
                "{} events went by while this process could not read them; whoever listens fetches everything again",
                first - reached - 1
            );
            (self.outbox.missed)();
        }
        self.hand_on(&events, end);
        Ok(end)
    }

    /// Hand these on; then everything up to `end` is.
    fn hand_on(&self, events: &[Delivered], end: i64) {
        let now = self.core.clock.now();
        for event in events {
            let late_s = (now.micros() - event.time.micros()).max(0) as f64 / 1e6;
            histogram!("outbox_delivery_delay_seconds").record(late_s);
            (self.deliver)(event);
        }
        counter!("outbox_delivered_total").increment(events.len() as u64);
        self.core.handed_on.store(end, Ordering::Release);
    }
}

/// Number the events, tenant by tenant.
async fn number(tx: &mut Changing, rows: &[Row], mut ordinal: i64) -> Result<Vec<Delivered>> {
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
