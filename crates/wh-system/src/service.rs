//! What the operator may see and do. The front door has checked that the caller operates the installation.
use std::sync::Arc;

use serde_json::json;
use wh_base::{Actor, Result};
use wh_contract::{EventId, TenantId};
use wh_db::{AuditEntry, Context, Parked, QueueState, SlowStatement, SystemDb, Who};
use wh_server::log::{Levels, LogControl};

use crate::codes;
use crate::model::{BackupState, CompanyUsage, Node};
use crate::ports::{Backups, Companies, Usage};

/// Parked events in one answer. More at once is one cause, seen well enough in the first of them.
pub const PARKED_MAX: u32 = 200;

/// What the operator's view is made of.
pub struct SystemParts {
    /// The kernel's own tables.
    pub db: SystemDb,
    /// This process.
    pub node: Node,
    /// Its log.
    pub log: LogControl,
    /// Who the companies are.
    pub companies: Arc<dyn Companies>,
    /// What they have, by context.
    pub usage: Vec<Arc<dyn Usage>>,
    /// How the backups stand.
    pub backups: Arc<dyn Backups>,
}

/// The operator's view. One per process, cheap to clone.
#[derive(Clone)]
pub struct System(Arc<SystemParts>);

impl System {
    /// Put it together.
    pub fn new(parts: SystemParts) -> Self {
        Self(Arc::new(parts))
    }
}

/// The processes that serve the installation: this one.
pub fn node_list(system: &System) -> Vec<Node> {
    vec![system.0.node.clone()]
}

/// How the backups of the installation stand.
pub async fn backup_state(system: &System) -> Result<BackupState> {
    system.0.backups.state().await
}

/// The statements that were slow since the start, the most time first.
pub fn slow_statement_list(cx: &Context) -> Vec<SlowStatement> {
    cx.db.slow_statements()
}

/// What waits, and what was put aside.
pub async fn queue_list(system: &System) -> Result<Vec<QueueState>> {
    system.0.db.queues().await
}

/// Events that a reaction failed on until they were put aside, oldest first.
pub async fn parked_list(system: &System) -> Result<Vec<Parked>> {
    system.0.db.parked(PARKED_MAX).await
}

/// Try a parked event again, in every reaction that gave it up. Who did it stands in the trail of the operator's company.
pub async fn parked_retry(system: &System, actor: &Actor, event: EventId) -> Result<()> {
    let entry = AuditEntry {
        action: "parked_retry",
        subject: format!("system.parked/{event}"),
        before: Some(json!({ "state": "parked" })),
        after: Some(json!({ "state": "waiting" })),
    };
    let released = system.0.db.parked_retry(event, actor.tenant, &Who::from(actor), entry).await?;
    released.then_some(()).ok_or_else(|| codes::PARKED_NOT_FOUND.error(format!("no event {event} is parked")))
}

/// So many companies after this one, in the order of their ids, with what they use.
pub async fn company_usage_list(
    system: &System,
    after: Option<TenantId>,
    limit: u32,
) -> Result<Vec<CompanyUsage>> {
    let companies = system.0.companies.companies(after, limit).await?;
    let (Some(first), Some(last)) = (companies.first(), companies.last()) else { return Ok(Vec::new()) };
    let (first, last) = (first.id, last.id);
    let mut all: Vec<CompanyUsage> = companies
        .into_iter()
        .map(|company| {
            let used = system.0.usage.iter().flat_map(|usage| usage.nothing(company.id)).collect();
            CompanyUsage { company, used }
        })
        .collect();
    for usage in &system.0.usage {
        for found in usage.used(first, last).await? {
            let place = all.iter_mut().find(|one| one.company.id == found.tenant);
            let place = place.and_then(|one| one.used.iter_mut().find(|used| used.what == found.what));
            if let Some(place) = place {
                *place = found;
            }
        }
    }
    Ok(all)
}

/// The levels of this process's log.
pub fn log_levels(system: &System) -> String {
    system.0.log.levels()
}

/// Change the levels of this process's log until its end or the next change.
pub async fn log_levels_set(cx: &Context, system: &System, actor: &Actor, text: &str) -> Result<()> {
    let levels: Levels = text.parse().map_err(|error: wh_base::Error| {
        codes::LOG_LEVELS.error(error.message()).at("/levels", error.message())
    })?;
    let entry = AuditEntry {
        action: "log_level_set",
        subject: format!("system.node/{}", system.0.node.id),
        before: Some(json!({ "levels": log_levels(system) })),
        after: Some(json!({ "levels": text.trim() })),
    };
    let mut tx = cx.db.begin(actor.tenant).await?;
    tx.audit(&Who::from(actor), entry).await?;
    tx.commit().await?;
    system.0.log.set(levels)
}
