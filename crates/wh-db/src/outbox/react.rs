//! Runs the contexts' reactions behind the delivery: in order per tenant and reaction, again after an error, parked in the end.
use std::collections::{BTreeMap, HashSet};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt, stream};
use metrics::counter;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use wh_base::{Result, Timestamp};
use wh_contract::{EventId, TenantId};

use super::{Delivered, PLACED, Progress, Reaction, delivered};
use crate::core::Core;
use crate::engine::Scope;
use crate::reads::Reading;
use crate::tx::Changing;
use crate::{Context, Row, Value, args, codes};

/// Events of one round.
const BATCH_MAX: i64 = 256;
/// Tenants whose reactions run at the same time.
const TENANTS_AT_ONCE_MAX: usize = 8;
/// A reaction that takes longer has failed.
const REACTION_S_MAX: u64 = 30;
/// After so many failures an event is parked.
const ATTEMPTS_MAX: i64 = 8;
/// The first pause after a failure; each further one is twice as long.
const PAUSE_S: i64 = 1;
/// Where no reaction waits for anything, the place is written down this rarely, in events.
const LAG_MAX: i64 = 5_000;
/// Waiting events of one tenant and reaction that run one after the other in one round, where all succeed.
const RUN_MAX: i64 = 64;
/// A tenant's next one is not begun after this time, but in a later round: the other tenants wait for the end of this one.
const RUN_S_MAX: u64 = 5;
/// How often waiting events are looked at.
const LOOK_MS: u64 = 500;
/// A reason is cut to this many characters.
const REASON_CHARS_MAX: usize = 500;

const CURSORS: &str = "SELECT name, ordinal FROM kernel_cursor ORDER BY name";
const MOVE: &str = "UPDATE kernel_cursor SET ordinal = $1 WHERE name = 'reactions' AND ordinal < $1";
const QUEUED: &str =
    "SELECT DISTINCT tenant_id, reaction FROM kernel_parked WHERE state = 'waiting' LIMIT 100000";
const QUEUE: &str = "INSERT INTO kernel_parked (ordinal, reaction, tenant_id, position, id, kind, subject, at, data, state, \
     attempts, next_at, reason) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'waiting', $10, $11, $12) \
     ON CONFLICT (ordinal, reaction) DO NOTHING";
const DUE: &str = "SELECT p.ordinal, p.reaction, p.tenant_id, p.position, p.id, p.kind, p.subject, p.at, p.data, p.attempts \
     FROM kernel_parked p WHERE p.state = 'waiting' AND p.next_at <= $1 AND NOT EXISTS (SELECT 1 FROM kernel_parked b \
     WHERE b.state = 'waiting' AND b.tenant_id = p.tenant_id AND b.reaction = p.reaction AND b.ordinal < p.ordinal) \
     ORDER BY p.ordinal LIMIT $2";
const RUN: &str = "SELECT ordinal, tenant_id, position, id, kind, subject, at, data, attempts, next_at FROM kernel_parked \
     WHERE state = 'waiting' AND tenant_id = $1 AND reaction = $2 AND ordinal >= $3 ORDER BY ordinal LIMIT $4";
const DONE: &str = "DELETE FROM kernel_parked WHERE ordinal = $1 AND reaction = $2";
const FAILED: &str = "UPDATE kernel_parked SET state = $3, attempts = $4, next_at = $5, reason = $6 \
     WHERE ordinal = $1 AND reaction = $2";

pub(super) struct Reactor<'a> {
    core: &'a Arc<Core>,
    context: Context,
    reactions: &'a [Reaction],
    wake: &'a Notify,
}

/// An event that must be tried again later.
struct Later {
    ordinal: i64,
    reaction: String,
    event: Delivered,
    attempts: i64,
    next_at: Timestamp,
    reason: Option<String>,
}

impl Reaction {
    fn key(&self) -> String {
        format!("{}:{}", self.context, self.kind)
    }
}

impl<'a> Reactor<'a> {
    pub(super) fn new(
        core: &'a Arc<Core>,
        context: Context,
        reactions: &'a [Reaction],
        wake: &'a Notify,
    ) -> Self {
        Self { core, context, reactions, wake }
    }

    pub(super) async fn run(self, stop: &CancellationToken) {
        // A series that is there from the start shows its first failure as a change.
        for outcome in ["done", "failed", "parked"] {
            counter!("queue_jobs_total", "queue" => "reactions", "outcome" => outcome).increment(0);
        }
        while !stop.is_cancelled() {
            match self.round().await {
                Ok(Progress::Some) => continue,
                Ok(Progress::Idle) => {}
                Err(error) => tracing::error!(?error, "reactions could not be run; trying again"),
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.wake.notified() => {}
                () = tokio::time::sleep(Duration::from_millis(LOOK_MS)), if !self.reactions.is_empty() => {}
            }
        }
    }

    pub(super) async fn round(&self) -> Result<Progress> {
        let fresh = self.fresh().await?;
        let again = if self.reactions.is_empty() { Progress::Idle } else { self.again().await? };
        Ok(fresh.and(again))
    }

    /// Events that no reaction has seen.
    async fn fresh(&self) -> Result<Progress> {
        let mut reading = Reading::open(self.core, Scope::Kernel).await?;
        let (mut seen, mut end) = (0, 0);
        for row in reading.kernel_rows(CURSORS, args![]).await? {
            match row.text("name")? {
                "reactions" => seen = row.int("ordinal")?,
                "stream" => end = row.int("ordinal")?,
                _ => {}
            }
        }
        if seen >= end || (self.reactions.is_empty() && end - seen < LAG_MAX) {
            return Ok(Progress::Idle);
        }
        if self.reactions.is_empty() {
            drop(reading);
            return self.settle(end, Vec::new()).await.map(|()| Progress::Idle);
        }
        let rows = reading.kernel_rows(PLACED, args![seen, end, BATCH_MAX]).await?;
        let queued = queued(&mut reading).await?;
        drop(reading);
        let reached = rows.last().map_or(Ok(end), |row| row.int("ordinal"))?;
        let mut tenants: BTreeMap<TenantId, Vec<(i64, Delivered)>> = BTreeMap::new();
        for row in &rows {
            let event = delivered(row)?;
            if self.reactions.iter().any(|reaction| reaction.kind == event.kind) {
                tenants.entry(event.tenant).or_default().push((row.int("ordinal")?, event));
            }
        }
        let later: Vec<Vec<Later>> = stream::iter(tenants.into_values())
            .map(|events| self.react(events, &queued))
            .buffer_unordered(TENANTS_AT_ONCE_MAX)
            .collect()
            .await;
        self.settle(reached, later.into_iter().flatten().collect()).await?;
        Ok(Progress::Some)
    }

    /// One tenant's events, in order. What failed, what must wait behind it, and what there was no time for.
    async fn react(&self, events: Vec<(i64, Delivered)>, queued: &HashSet<(TenantId, String)>) -> Vec<Later> {
        let began = Instant::now();
        let mut later: Vec<Later> = Vec::new();
        for (ordinal, event) in events {
            for reaction in self.reactions.iter().filter(|reaction| reaction.kind == event.kind) {
                let key = reaction.key();
                let now = self.core.clock.now();
                let behind = began.elapsed() >= Duration::from_secs(RUN_S_MAX)
                    || queued.contains(&(event.tenant, key.clone()))
                    || later.iter().any(|l| l.reaction == key);
                let failed = if behind { None } else { self.try_one(reaction, &event).await.err() };
                if failed.is_none() && !behind {
                    continue;
                }
                let attempts = i64::from(!behind);
                let next_at = if behind { now } else { now.plus_seconds(PAUSE_S) };
                later.push(Later {
                    ordinal,
                    reaction: key,
                    event: event.clone(),
                    attempts,
                    next_at,
                    reason: failed,
                });
            }
        }
        later
    }

    /// Run one reaction. The reason, where it failed.
    async fn try_one(&self, reaction: &Reaction, event: &Delivered) -> Result<(), String> {
        let limit = Duration::from_secs(REACTION_S_MAX);
        let run = AssertUnwindSafe((reaction.run)(self.context.clone(), event.clone())).catch_unwind();
        let reason = match tokio::time::timeout(limit, run).await {
            Ok(Ok(Ok(()))) => {
                count_job("done");
                return Ok(());
            }
            Ok(Ok(Err(error))) => format!("{error:?}"),
            Ok(Err(_)) => "it panicked".to_owned(),
            Err(_) => format!("it took longer than {REACTION_S_MAX} s"),
        };
        count_job("failed");
        counter!("outbox_reactions_failed_total", "context" => reaction.context, "kind" => reaction.kind)
            .increment(1);
        tracing::warn!(context = reaction.context, kind = reaction.kind, event = %event.id, reason, "a reaction failed");
        Err(reason.chars().take(REASON_CHARS_MAX).filter(|sign| *sign != '\0').collect())
    }

    async fn settle(&self, reached: i64, later: Vec<Later>) -> Result<()> {
        let mut tx = Changing::open(self.core, Scope::Kernel).await?;
        let rows: Vec<Vec<Value>> = later.into_iter().map(Later::values).collect();
        tx.kernel_many(QUEUE, &rows).await?;
        tx.kernel_count(MOVE, args![reached]).await?;
        tx.commit().await
    }

    /// Events whose pause is over: of each tenant and reaction the oldest, and what waits behind it.
    async fn again(&self) -> Result<Progress> {
        let mut reading = Reading::open(self.core, Scope::Kernel).await?;
        let rows = reading.kernel_rows(DUE, args![self.core.clock.now(), BATCH_MAX]).await?;
        drop(reading);
        let progress = if rows.is_empty() { Progress::Idle } else { Progress::Some };
        let attempts: Vec<BoxFuture<'_, Result<()>>> =
            rows.iter().map(|row| self.again_from(row).boxed()).collect();
        let results: Vec<Result<()>> =
            stream::iter(attempts).buffer_unordered(TENANTS_AT_ONCE_MAX).collect().await;
        results.into_iter().collect::<Result<()>>().map(|()| progress)
    }

    /// One tenant's and reaction's events from this one on, in order, until one fails.
    async fn again_from(&self, oldest: &Row) -> Result<()> {
        let (ordinal, key) = (oldest.int("ordinal")?, oldest.text("reaction")?);
        let Some(reaction) = self.reactions.iter().find(|reaction| reaction.key() == key) else {
            let mut tx = Changing::open(self.core, Scope::Kernel).await?;
            self.failed(&mut tx, oldest, key, "nobody reacts to it any more".to_owned(), Then::Park).await?;
            return tx.commit().await;
        };
        let tenant: TenantId = oldest.uuid("tenant_id")?;
        let mut reading = Reading::open(self.core, Scope::Kernel).await?;
        let rows = reading.kernel_rows(RUN, args![tenant, key, ordinal, RUN_MAX]).await?;
        drop(reading);
        let (began, now) = (Instant::now(), self.core.clock.now());
        let (mut done, mut failed): (Vec<Vec<Value>>, _) = (Vec::new(), None);
        for row in &rows {
            // One that has a pause of its own is not passed.
            if row.time("next_at")? > now || began.elapsed() >= Duration::from_secs(RUN_S_MAX) {
                break;
            }
            if let Err(reason) = self.try_one(reaction, &delivered(row)?).await {
                failed = Some((row, reason));
                break;
            }
            done.push(vec![row.int("ordinal")?.into(), key.into()]);
        }
        let mut tx = Changing::open(self.core, Scope::Kernel).await?;
        tx.kernel_many(DONE, &done).await?;
        if let Some((row, reason)) = failed {
            let last = row.int("attempts")? + 1 >= ATTEMPTS_MAX;
            self.failed(&mut tx, row, key, reason, if last { Then::Park } else { Then::Wait }).await?;
        }
        tx.commit().await
    }

    /// Write down that an event failed once more.
    async fn failed(
        &self,
        tx: &mut Changing,
        row: &Row,
        key: &str,
        reason: String,
        then: Then,
    ) -> Result<()> {
        let (ordinal, attempts) = (row.int("ordinal")?, row.int("attempts")? + 1);
        let state = match then {
            Then::Wait => "waiting",
            Then::Park => {
                let event: EventId = row.uuid("id")?;
                count_job("parked");
                counter!("outbox_parked_total").increment(1);
                tracing::error!(%event, reaction = key, reason, "an event was parked");
                "parked"
            }
        };
        let pause_s = PAUSE_S << attempts.clamp(0, 20);
        let next_at = self.core.clock.now().plus_seconds(pause_s);
        tx.kernel_count(FAILED, args![ordinal, key, state, attempts, next_at, reason]).await.map(drop)
    }
}

/// What becomes of an event that failed.
#[derive(Clone, Copy)]
enum Then {
    /// It is tried again.
    Wait,
    /// It is put aside.
    Park,
}

impl Later {
    fn values(self) -> Vec<Value> {
        let Self { ordinal, reaction, event, attempts, next_at, reason } = self;
        vec![
            ordinal.into(),
            reaction.into(),
            event.tenant.into(),
            event.position.into(),
            event.id.into(),
            event.kind.into(),
            event.subject.into(),
            event.time.into(),
            event.data.into(),
            attempts.into(),
            next_at.into(),
            reason.into(),
        ]
    }
}

/// One attempt of a reaction has ended.
fn count_job(outcome: &'static str) {
    counter!("queue_jobs_total", "queue" => "reactions", "outcome" => outcome).increment(1);
}

async fn queued(reading: &mut Reading) -> Result<HashSet<(TenantId, String)>> {
    let rows = reading.kernel_rows(QUEUED, args![]).await?;
    rows.iter().map(|row| Ok((row.uuid("tenant_id")?, row.text("reaction")?.to_owned()))).collect()
}

/// An event that a reaction failed on until it was put aside.
#[derive(Clone, Debug, PartialEq)]
pub struct Parked {
    /// Its place among all events: with the reaction, its place among the parked ones.
    pub ordinal: i64,
    /// The event.
    pub event: Delivered,
    /// Whose reaction: `context:kind`.
    pub reaction: String,
    /// How often it was tried.
    pub attempts: i64,
    /// Why it failed the last time.
    pub reason: String,
}

const PARKED: &str = "SELECT ordinal, tenant_id, position, id, kind, subject, at, data, reaction, attempts, reason \
     FROM kernel_parked WHERE state = 'parked' AND (ordinal > $1 OR (ordinal = $1 AND reaction > $2)) \
     ORDER BY ordinal, reaction LIMIT $3";
pub(super) const RELEASE: &str = "UPDATE kernel_parked SET state = 'waiting', attempts = 0, next_at = $1 WHERE state = 'parked' AND id = $2";
/// The oldest of one reaction, so many at once.
pub(super) const RELEASE_ALL: &str = "UPDATE kernel_parked SET state = 'waiting', attempts = 0, next_at = $1 \
     WHERE state = 'parked' AND reaction = $2 AND ordinal IN (SELECT p.ordinal FROM kernel_parked p \
     WHERE p.state = 'parked' AND p.reaction = $2 ORDER BY p.ordinal LIMIT $3)";
pub(super) const PARKED_OF: &str =
    "SELECT COUNT(*) AS n FROM kernel_parked WHERE state = 'parked' AND reaction = $1";

impl crate::SystemDb {
    /// Events that were put aside, oldest first: so many after this ordinal and reaction.
    pub async fn parked(&self, after: Option<(i64, String)>, limit: u32) -> Result<Vec<Parked>> {
        let mut reading = Reading::open(self.core(), Scope::Kernel).await?;
        // No event stands at a negative place.
        let (ordinal, reaction) = after.unwrap_or((-1, String::new()));
        let limit = limit.min(super::EVENTS_AFTER_MAX);
        let rows = reading.kernel_rows(PARKED, args![ordinal, reaction, limit]).await?;
        let parked = |row: &Row| {
            Ok(Parked {
                ordinal: row.int("ordinal")?,
                event: delivered(row)?,
                reaction: row.text("reaction")?.to_owned(),
                attempts: row.int("attempts")?,
                reason: row.text_opt("reason")?.unwrap_or_default().to_owned(),
            })
        };
        rows.iter().map(parked).collect()
    }

    /// Try a parked event again, once its cause is repaired.
    pub async fn parked_release(&self, event: EventId) -> Result<()> {
        let mut tx = Changing::open(self.core(), Scope::Kernel).await?;
        let count = tx.kernel_count(RELEASE, args![self.core().clock.now(), event]).await?;
        if count == 0 {
            return Err(codes::ROW_MISSING.error("no event of that id is parked"));
        }
        tx.commit().await
    }
}
