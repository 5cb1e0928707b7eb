//! What happened, on its way out: written with the change, delivered after its commit, in order per tenant, at least once.
mod dispatch;
mod queues;
mod react;
mod tend;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures_util::future::BoxFuture;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use wh_base::{Result, Timestamp};
use wh_contract::{Event, EventId, TenantId};

pub use queues::{QueueState, RETRIED_MAX, Retried};
pub use react::Parked;

use crate::core::Core;
use crate::engine::Scope;
use crate::reads::Reading;
use crate::{Context, Db, Row, Value, args, codes};

/// One answer of [`Db::events_after`] holds no more events.
pub const EVENTS_AFTER_MAX: u32 = 1_000;

/// An event on its way to whoever listens.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivered {
    /// Whose.
    pub tenant: TenantId,
    /// Its place in the tenant's stream: from 1, without gaps.
    pub position: i64,
    /// The same in every delivery: receivers drop what they have seen.
    pub id: EventId,
    /// `panels.imported`.
    pub kind: String,
    /// The id of the thing it happened to.
    pub subject: String,
    /// When.
    pub time: Timestamp,
    /// The event's fields.
    pub data: serde_json::Value,
}

/// What a context does when something happened. Idempotent: it may be called again with the same event.
#[derive(Clone)]
pub struct Reaction {
    /// Who reacts.
    pub context: &'static str,
    /// To which kind of event.
    pub kind: &'static str,
    /// How. An error is tried again with growing pauses; in the end the event is parked with the reason.
    pub run: React,
}

/// What a reaction runs.
pub type React = Arc<dyn Fn(Context, Delivered) -> BoxFuture<'static, Result<()>> + Send + Sync>;

/// Receives every event once it has its position, whichever node gave it. Must not wait.
pub type Deliver = Arc<dyn Fn(&Delivered) + Send + Sync>;

/// Is told that events went by which can no longer be read. Must not wait.
pub type Missed = Arc<dyn Fn() + Send + Sync>;

/// The events of a tenant behind a position.
#[derive(Clone, Debug, PartialEq)]
pub struct EventsAfter {
    /// In order, as many as were asked for.
    pub events: Vec<Delivered>,
    /// Whether nothing is missing between the position and the first of them. Otherwise: fetch the state again.
    pub resumable: Resumable,
}

/// Whether a stream can be continued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resumable {
    /// Nothing is missing.
    Yes,
    /// Older events than are kept would be needed, or the position lies in the future.
    No,
}

/// The dispatcher of one opened database. Run it once.
pub struct Outbox {
    core: Arc<Core>,
    /// Events that are given their positions in one round. Held for as long as a round lasts, so that there is one at a time.
    batch: Mutex<i64>,
    missed: Missed,
}

impl Outbox {
    pub(crate) fn new(core: Arc<Core>) -> Self {
        Self { core, batch: Mutex::new(dispatch::BATCH_MAX), missed: Arc::new(|| ()) }
    }

    /// Have `missed` told where events were taken away before this process could hand them on: it was cut off from the database
    /// for longer than other nodes keep them, or the database itself went back.
    #[must_use]
    pub fn on_missed(self, missed: Missed) -> Self {
        Self { missed, ..self }
    }

    /// Deliver until `stop`. Events are given their positions in order, by whichever node is first, and every node hands all of them
    /// to its `deliver`; reactions run beside it, so that one that fails or takes its time holds up nobody else.
    pub async fn run(self, reactions: Vec<Reaction>, deliver: Deliver, stop: CancellationToken) {
        let db = Db { core: Arc::clone(&self.core) };
        let context = Context::new(db, Arc::clone(&self.core.clock), Arc::clone(&self.core.random));
        let wake = tokio::sync::Notify::new();
        // Boxed, because the compiler cannot see through three nested futures that they are `Send`.
        let dispatch: BoxFuture<'_, ()> =
            Box::pin(dispatch::Dispatcher::new(&self, &deliver, &wake).run(&stop));
        let react: BoxFuture<'_, ()> =
            Box::pin(react::Reactor::new(&self.core, context, &reactions, &wake).run(&stop));
        let tend: BoxFuture<'_, ()> = Box::pin(tend::Tender::new(&self.core).run(&stop));
        tokio::join!(dispatch, react, tend);
    }

    /// One round of everything, now: for tests and for tools that need no waiting. True while there was something to do.
    pub async fn step(&self, reactions: &[Reaction], deliver: &Deliver) -> Result<Progress> {
        let db = Db { core: Arc::clone(&self.core) };
        let context = Context::new(db, Arc::clone(&self.core.clock), Arc::clone(&self.core.random));
        let wake = tokio::sync::Notify::new();
        let delivered = dispatch::Dispatcher::new(self, deliver, &wake).round().await?;
        let reacted = react::Reactor::new(&self.core, context, reactions, &wake).round().await?;
        Ok(delivered.and(reacted))
    }

    /// Take away one batch of what was kept long enough, now: for tests and for tools that need no waiting.
    pub async fn tend(&self) -> Result<Progress> {
        tend::Tender::new(&self.core).round().await
    }
}

/// What a round did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// There was nothing to do.
    Idle,
    /// There may be more.
    Some,
}

impl Progress {
    pub(crate) const fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Idle, Self::Idle) => Self::Idle,
            _ => Self::Some,
        }
    }
}

pub(crate) const INSERT: &str =
    "INSERT INTO kernel_outbox (tenant_id, id, kind, subject, at, data) VALUES ($1, $2, $3, $4, $5, $6)";

/// What stands in the stream between two places, in order.
const PLACED: &str = "SELECT s.ordinal, s.tenant_id, s.position, o.id, o.kind, o.subject, o.at, o.data FROM kernel_stream s \
     JOIN kernel_outbox o ON o.seq = s.seq WHERE s.ordinal > $1 AND s.ordinal <= $2 ORDER BY s.ordinal LIMIT $3";
const POSITION: &str = "SELECT position FROM kernel_position WHERE tenant_id = $1";
const FIRST_KEPT: &str = "SELECT position FROM kernel_stream WHERE tenant_id = $1 ORDER BY position LIMIT 1";
const HANDED_ON: &str = "SELECT position FROM kernel_stream WHERE tenant_id = $1 AND ordinal <= $2 \
     ORDER BY position DESC LIMIT 1";
const AFTER: &str = "SELECT s.tenant_id, s.position, o.id, o.kind, o.subject, o.at, o.data FROM kernel_stream s \
     JOIN kernel_outbox o ON o.seq = s.seq WHERE s.tenant_id = $1 AND s.position > $2 ORDER BY s.position LIMIT $3";

pub(crate) fn values<E: Event>(core: &Core, tenant: TenantId, event: &E) -> Result<Vec<Value>> {
    let data = serde_json::to_string(event)
        .map_err(|e| codes::VALUE.caused("an event cannot be written as JSON", e))?;
    Ok(vec![
        tenant.into(),
        Value::Uuid(core.ids.next()),
        E::TYPE.into(),
        event.subject().into(),
        core.clock.now().into(),
        Value::Json(data),
    ])
}

fn delivered(row: &Row) -> Result<Delivered> {
    Ok(Delivered {
        tenant: row.uuid("tenant_id")?,
        position: row.int("position")?,
        id: row.uuid("id")?,
        kind: row.text("kind")?.to_owned(),
        subject: row.text("subject")?.to_owned(),
        time: row.time("at")?,
        data: row.json("data")?,
    })
}

impl Db {
    /// Where a tenant's stream of events ends now: 0 before its first one.
    pub async fn events_position(&self, tenant: TenantId) -> Result<i64> {
        let mut reading = Reading::open(&self.core, Scope::Tenant(tenant)).await?;
        reading.kernel_rows(POSITION, args![tenant]).await?.first().map_or(Ok(0), |row| row.int("position"))
    }

    /// Up to where a tenant's stream was handed on by this process, rather too low than too high. The stream itself may be ahead: its
    /// positions are stored before they are told, and other nodes lengthen it too.
    pub async fn events_handed_on(&self, tenant: TenantId) -> Result<i64> {
        // Looked at before the stream is, which only grows meanwhile.
        let handed_on = self.core.handed_on.load(Ordering::Acquire);
        let mut reading = Reading::open(&self.core, Scope::Tenant(tenant)).await?;
        if let Some(last) = reading.kernel_rows(HANDED_ON, args![tenant, handed_on]).await?.first() {
            return last.int("position");
        }
        // Of what is kept, nothing was handed on yet.
        if let Some(first) = reading.kernel_rows(FIRST_KEPT, args![tenant]).await?.first() {
            return Ok(first.int("position")? - 1);
        }
        reading.kernel_rows(POSITION, args![tenant]).await?.first().map_or(Ok(0), |row| row.int("position"))
    }

    /// A tenant's delivered events behind a position, in order, so that whoever was away catches up.
    pub async fn events_after(&self, tenant: TenantId, position: i64, limit: u32) -> Result<EventsAfter> {
        let mut reading = Reading::open(&self.core, Scope::Tenant(tenant)).await?;
        let end = reading.kernel_rows(POSITION, args![tenant]).await?;
        let end = end.first().map_or(Ok(0), |row| row.int("position"))?;
        if position >= end || position < 0 {
            let resumable = if position == end { Resumable::Yes } else { Resumable::No };
            return Ok(EventsAfter { events: Vec::new(), resumable });
        }
        let kept = reading.kernel_rows(FIRST_KEPT, args![tenant]).await?;
        let first = kept.first().map_or(Ok(i64::MAX), |row| row.int("position"))?;
        if position + 1 < first {
            return Ok(EventsAfter { events: Vec::new(), resumable: Resumable::No });
        }
        let rows = reading.kernel_rows(AFTER, args![tenant, position, limit.min(EVENTS_AFTER_MAX)]).await?;
        let events = rows.iter().map(delivered).collect::<Result<_>>()?;
        Ok(EventsAfter { events, resumable: Resumable::Yes })
    }
}
