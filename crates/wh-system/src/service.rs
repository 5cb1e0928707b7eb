//! What the operator may see and do. The front door has checked that the caller operates the installation.
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::json;
use wh_base::process::{ProcessFigures, process_figures};
use wh_base::{Actor, CompanyLimits, LimitSource, Result, Timestamp};
use wh_contract::{EventId, TenantId};
use wh_db::{AuditEntry, Context, Db, Parked, QueueState, Retried, SlowStatement, SystemDb, SystemTx, Who};
use wh_server::NodeName;
use wh_server::log::{Levels, LogControl};

use crate::model::{
    BackupState, Company, CompanyUsage, NODE_KEPT_S, Node, NodeFigures, NodeSeen, Used, WantedLimits,
    in_order,
};
use crate::ports::{Backups, Companies, Usage};
use crate::{codes, store};

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
    /// What a company may use for which nothing is set.
    pub defaults: CompanyLimits,
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

impl System {
    /// Whether further processes may serve the installation: where they may not, this one need not be told of.
    pub fn is_shared(&self) -> bool {
        self.0.db.is_shared()
    }

    /// This process, as answers that are of it alone name it.
    pub fn name(&self) -> NodeName {
        NodeName { id: self.0.node.id, host: self.0.node.host.clone() }
    }
}

fn figures() -> Option<NodeFigures> {
    let ProcessFigures { resident_bytes, cpu_s, threads, open_fds, max_fds, .. } = process_figures()?;
    Some(NodeFigures { resident_bytes, cpu_s, threads, open_fds, max_fds })
}

/// This process begins to serve: from here on the others list it. One that ran in its data folder before is gone.
pub async fn node_enter(system: &System, now: Timestamp) -> Result<()> {
    system.0.db.node_enter(&store::node_row(&system.0.node, figures(), now)).await
}

/// This process still serves. Nodes that were silent for long are forgotten with it.
pub async fn node_beat(system: &System, now: Timestamp) -> Result<()> {
    let row = store::node_row(&system.0.node, figures(), now);
    system.0.db.node_beat(&row, now.plus_seconds(-NODE_KEPT_S)).await
}

/// This process serves no more: the others list it no more.
pub async fn node_leave(system: &System) -> Result<()> {
    system.0.db.node_leave(system.0.node.id).await
}

/// The processes that serve the installation: this one as it is now, the others as they were last heard of.
pub async fn node_list(cx: &Context, system: &System) -> Result<Vec<NodeSeen>> {
    let (own, now) = (&system.0.node, cx.clock.now());
    let mut all = vec![NodeSeen::itself(own.clone(), figures(), now)];
    for row in system.0.db.nodes().await? {
        if row.id != own.id {
            let seen_at = row.seen_at;
            let (node, figures) = store::node(row, own.engine);
            all.push(NodeSeen::other(node, figures, seen_at, now));
        }
    }
    Ok(in_order(all))
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

/// Events that a reaction failed on until they were put aside, oldest first: so many after this ordinal and reaction.
pub async fn parked_list(system: &System, after: Option<(i64, String)>, limit: u32) -> Result<Vec<Parked>> {
    system.0.db.parked(after, limit).await
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

/// Try the parked events of a reaction again: one cause parks many. Who did it, and for how many, stands in the trail of the
/// operator's company.
pub async fn parked_retry_all(system: &System, actor: &Actor, reaction: &str) -> Result<Retried> {
    let entry = |retried: u64| AuditEntry {
        action: "parked_retry_all",
        subject: format!("system.reaction/{reaction}"),
        before: Some(json!({ "state": "parked" })),
        after: Some(json!({ "state": "waiting", "events": retried })),
    };
    let done = system.0.db.parked_retry_all(reaction, actor.tenant, &Who::from(actor), entry).await?;
    if done.retried == 0 {
        let message = "no event of the reaction is parked";
        return Err(codes::REACTION_NOT_PARKED.error(message).at("/reaction", message));
    }
    Ok(done)
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
    let mut found = Vec::new();
    for usage in &system.0.usage {
        found.extend(usage.used(first, last).await?);
    }
    let mut read = system.0.db.read("limits by company").await?;
    let limits = store::limits_between(&mut read, first, last, limit).await?;
    drop(read);
    let usage = companies.into_iter().map(|company| {
        let own = limits.iter().find(|(of, _)| *of == company.id);
        let used = used_in_all(system, company.id, &found);
        let own = own.map(|(_, limits)| *limits).unwrap_or_default();
        CompanyUsage::new(company, used, own, system.0.defaults)
    });
    Ok(usage.collect())
}

/// Every kind of thing with how many the company has of it, also where it has none.
fn used_in_all(system: &System, company: TenantId, found: &[Used]) -> Vec<Used> {
    let mut all: Vec<Used> = system.0.usage.iter().flat_map(|usage| usage.nothing(company)).collect();
    for used in &mut all {
        if let Some(found) = found.iter().find(|one| one.tenant == company && one.what == used.what) {
            *used = found.clone();
        }
    }
    all
}

/// What the actor's own company uses and may use.
pub async fn company_usage_get(cx: &Context, system: &System, actor: &Actor) -> Result<CompanyUsage> {
    let company = company(system, actor.tenant).await?;
    let mut found = Vec::new();
    for usage in &system.0.usage {
        found.extend(usage.used_by(company.id).await?);
    }
    let limits = store::limits_own(&mut cx.db.read(actor.tenant).await?).await?;
    let used = used_in_all(system, company.id, &found);
    Ok(CompanyUsage::new(company, used, limits, system.0.defaults))
}

async fn company(system: &System, id: TenantId) -> Result<Company> {
    let found = system.0.companies.company(id).await?;
    found.ok_or_else(|| codes::COMPANY_NOT_FOUND.error(format!("there is no company {id}")))
}

/// The limits that the operator set for a company.
pub async fn company_limits_get(system: &System, id: TenantId) -> Result<CompanyLimits> {
    company(system, id).await?;
    let mut read = system.0.db.read("limits of a company").await?;
    let found = store::limits_between(&mut read, id, id, 1).await?;
    Ok(found.first().map(|(_, limits)| *limits).unwrap_or_default())
}

/// Set all limits of a company: one that is not named is not set any more. From the next request on they count here.
pub async fn company_limits_set(
    cx: &Context,
    system: &System,
    actor: &Actor,
    id: TenantId,
    wanted: WantedLimits,
) -> Result<CompanyLimits> {
    let house: Vec<Used> = system.0.usage.iter().flat_map(|usage| usage.nothing(id)).collect();
    let limits = wanted.parse(&house)?;
    company(system, id).await?;

    let mut tx = system.0.db.begin("an operator sets the limits of a company").await?;
    let before = store::limits_held(&mut tx, id).await?;
    store::limits_put(&mut tx, id, &limits, actor.user, cx.clock.now()).await?;
    let entry = limits_entry("company_limits_set", id, [before, Some(limits)]);
    tx.audit(actor.tenant, &Who::from(actor), entry).await?;
    forget(cx, &mut tx, id);
    tx.commit().await?;
    Ok(limits)
}

/// Take all limits from a company: those of every company count again. Nothing happens where there are none.
pub async fn company_limits_delete(cx: &Context, system: &System, actor: &Actor, id: TenantId) -> Result<()> {
    company(system, id).await?;

    let mut tx = system.0.db.begin("an operator removes the limits of a company").await?;
    let Some(before) = store::limits_held(&mut tx, id).await? else { return Ok(()) };
    store::limits_delete(&mut tx, id).await?;
    let entry = limits_entry("company_limits_delete", id, [Some(before), None]);
    tx.audit(actor.tenant, &Who::from(actor), entry).await?;
    forget(cx, &mut tx, id);
    tx.commit().await
}

/// Once it is durable, whoever asks for the company's limits reads them again.
fn forget(cx: &Context, tx: &mut SystemTx, company: TenantId) {
    let limits = cx.limits.clone();
    tx.on_commit(move || limits.changed(company));
}

fn limits_entry(action: &'static str, company: TenantId, states: [Option<CompanyLimits>; 2]) -> AuditEntry {
    let [before, after] = states.map(|limits| {
        limits.map(|CompanyLimits { requests_per_min, storage_bytes, panels, members }| {
            json!({ "requests_per_min": requests_per_min, "storage_bytes": storage_bytes,
                    "panels": panels, "members": members })
        })
    });
    AuditEntry { action, subject: format!("system.company/{company}"), before, after }
}

/// Where the house asks for the limits of a company.
pub struct LimitTable {
    db: Db,
    defaults: CompanyLimits,
}

impl LimitTable {
    /// In this database; a company for which nothing is set there has these.
    pub fn new(db: Db, defaults: CompanyLimits) -> Self {
        Self { db, defaults }
    }
}

#[async_trait]
impl LimitSource for LimitTable {
    async fn limits(&self, tenant: TenantId) -> Result<CompanyLimits> {
        let own = store::limits_own(&mut self.db.read(tenant).await?).await?;
        Ok(own.or(self.defaults))
    }
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
