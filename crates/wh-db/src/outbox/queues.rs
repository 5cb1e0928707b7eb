//! How much waits on its way out, for whoever looks after the installation. Counts; moves nothing.
use wh_base::{Result, Timestamp};
use wh_contract::{EventId, TenantId};

use super::react::{PARKED_OF, RELEASE_ALL};
use super::{args, codes};
use crate::core::Core;
use crate::engine::Scope;
use crate::reads::Reading;
use crate::tx::Changing;
use crate::{AuditEntry, SystemDb, Who};

/// Undelivered events are counted up to here.
const DELIVERY_COUNTED_MAX: i64 = 1_000;

/// A queue and what is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueState {
    /// `delivery` (events not yet given their place) or `reactions` (events that a context must try again).
    pub name: &'static str,
    /// How many wait; of `delivery` no more than 1,000 are counted.
    pub waiting: i64,
    /// How many were put aside.
    pub parked: i64,
    /// Since when the oldest waits.
    pub oldest_at: Option<Timestamp>,
}

/// Parked events that go back at once: more would hold up everybody who writes.
pub const RETRIED_MAX: u32 = 10_000;

/// What became of the parked events of a reaction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retried {
    /// How many are tried again.
    pub retried: u64,
    /// How many are still parked.
    pub left: u64,
}

const PLACE: &str = "SELECT xid, seq FROM kernel_cursor WHERE name = 'stream'";
const STATES: &str =
    "SELECT state, COUNT(*) AS n, MIN(at) AS oldest FROM kernel_parked GROUP BY state ORDER BY state";

/// Events that have no place yet. What an open transaction holds back counts too: it is what one looks for here.
pub(super) async fn delivery(core: &Core, reading: &mut Reading) -> Result<QueueState> {
    let place = reading.kernel_rows(PLACE, args![]).await?;
    let place = place.first().ok_or_else(|| codes::ROW_MISSING.error("the cursor of the stream is gone"))?;
    let (xid, seq) = (place.int("xid")?, place.int("seq")?);
    let waiting = core.engine.outbox_waiting();
    let waiting = reading.kernel_rows(waiting, args![xid, seq, DELIVERY_COUNTED_MAX]).await?;
    Ok(QueueState {
        name: "delivery",
        waiting: i64::try_from(waiting.len()).unwrap_or(i64::MAX),
        parked: 0,
        oldest_at: waiting.first().map(|row| row.time("at")).transpose()?,
    })
}

impl SystemDb {
    /// The queues of the kernel.
    pub async fn queues(&self) -> Result<Vec<QueueState>> {
        let core = self.core();
        let mut reading = Reading::open(core, Scope::Kernel).await?;
        let delivery = delivery(core, &mut reading).await?;
        let mut reactions = QueueState { name: "reactions", waiting: 0, parked: 0, oldest_at: None };
        for row in reading.kernel_rows(STATES, args![]).await? {
            if row.text("state")? == "parked" {
                reactions.parked = row.int("n")?;
            } else {
                reactions.waiting = row.int("n")?;
                reactions.oldest_at = row.time_opt("oldest")?;
            }
        }
        Ok(vec![delivery, reactions])
    }

    /// Try a parked event again, with a line in the trail of the operator's company. Whether there was one.
    pub async fn parked_retry(
        &self,
        event: EventId,
        operator: TenantId,
        who: &Who,
        entry: AuditEntry,
    ) -> Result<bool> {
        let mut tx = Changing::open(self.core(), Scope::System).await?;
        let count = tx.kernel_count(super::react::RELEASE, args![self.core().clock.now(), event]).await?;
        if count == 0 {
            return Ok(false);
        }
        tx.audit(operator, who, entry).await?;
        // It is somebody's change, as those of the contexts are: a key that it is made under is done with it.
        tx.commit_change().await?;
        Ok(true)
    }

    /// Try all parked events of a reaction again, the oldest [`RETRIED_MAX`] of them, with a line in the trail of the operator's
    /// company that may tell how many. How many go back, and how many are left.
    pub async fn parked_retry_all(
        &self,
        reaction: &str,
        operator: TenantId,
        who: &Who,
        entry: impl FnOnce(u64) -> AuditEntry,
    ) -> Result<Retried> {
        let mut tx = Changing::open(self.core(), Scope::System).await?;
        let now = self.core().clock.now();
        let retried = tx.kernel_count(RELEASE_ALL, args![now, reaction, RETRIED_MAX]).await?;
        if retried == 0 {
            return Ok(Retried::default());
        }
        let left = tx.kernel_rows(PARKED_OF, args![reaction]).await?;
        let left = left.first().map_or(Ok(0), |row| row.int("n"))?;
        tx.audit(operator, who, entry(retried)).await?;
        tx.commit_change().await?;
        Ok(Retried { retried, left: left.unsigned_abs() })
    }
}
