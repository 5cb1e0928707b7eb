//! Make, find, rename and delete panels.
use serde_json::json;
use wh_base::{Actor, Error, Result};
use wh_contract::events::{PanelCreated, PanelDeleted, PanelRenamed};
use wh_contract::{PanelId, TenantId};
use wh_dataset::Datasets;
use wh_db::{AuditEntry, Context, SystemDb, Who, like_holding};
use wh_server::PageOf;

use crate::codes;
use crate::model::{PANELS_PER_TENANT_MAX, Panel, Shows, Title};
use crate::store;

/// The operation whose cursors these are.
pub const PANEL_LIST: &str = "panel_list";

pub(crate) fn not_found(id: PanelId) -> Error {
    codes::NOT_FOUND.error(format!("no panel {id}"))
}

pub(crate) fn subject(id: PanelId) -> String {
    format!("panels.panel/{id}")
}

/// Make an empty panel.
pub async fn panel_create(cx: &Context, datasets: &Datasets, actor: &Actor, title: &str) -> Result<Panel> {
    let now = cx.clock.now();
    let panel = Panel {
        id: cx.next_id(),
        title: Title::parse(title)?,
        dataset: cx.next_id(),
        shows: Shows::nothing(),
        created_at: now,
        updated_at: now,
    };

    let own = cx.limits.of(actor.tenant).await?.panels;
    let mut tx = cx.db.begin(actor.tenant).await?;
    tx.lock("panels.limit").await?; // two creates at the limit wait for one another
    has_room(store::panel_count(&mut tx).await?, own)?;
    datasets.create(&mut tx, panel.dataset).await?;
    store::panel_insert(&mut tx, &panel).await?;
    tx.emit(PanelCreated { panel: panel.id }).await?;
    let after = Some(json!({ "title": panel.title.as_str() }));
    tx.audit(
        &Who::from(actor),
        AuditEntry { action: "panel_create", subject: subject(panel.id), before: None, after },
    )
    .await?;
    tx.commit().await?;
    Ok(panel)
}

/// Whether one more may come to so many; `own` is what the operator of the installation set for the company.
fn has_room(panels: i64, own: Option<i64>) -> Result<()> {
    let most = own.unwrap_or(PANELS_PER_TENANT_MAX).min(PANELS_PER_TENANT_MAX);
    if panels < most {
        return Ok(());
    }
    let whose = if most < PANELS_PER_TENANT_MAX {
        "the operator of the installation can raise the limit"
    } else {
        "no company can have more"
    };
    Err(codes::LIMIT.error(format!("{panels} of at most {most} panels; {whose}")))
}

/// One panel.
pub async fn panel_get(cx: &Context, actor: &Actor, id: PanelId) -> Result<Panel> {
    let mut read = cx.db.read(actor.tenant).await?;
    store::panel_by_id(&mut read, id).await?.ok_or_else(|| not_found(id))
}

/// Panels in the order of their titles, whose titles hold `search`.
pub async fn panel_list(
    cx: &Context,
    actor: &Actor,
    search: Option<&str>,
    after: Option<(String, PanelId)>,
    limit: u32,
) -> Result<PageOf<Panel>> {
    let pattern = search.map_or_else(|| "%".to_owned(), like_holding);
    let mut read = cx.db.read(actor.tenant).await?;
    let after = after.as_ref().map(|(title_key, id)| (title_key.as_str(), *id));
    let panels = store::panel_list(&mut read, &pattern, after, i64::from(limit) + 1).await?;
    PageOf::new(PANEL_LIST, panels, limit, |panel| (panel.title.key(), panel.id))
}

/// Give a panel another title.
pub async fn panel_update(cx: &Context, actor: &Actor, id: PanelId, title: &str) -> Result<Panel> {
    let title = Title::parse(title)?;
    let now = cx.clock.now();

    let mut tx = cx.db.begin(actor.tenant).await?;
    store::panel_lock(&mut tx, id).await?;
    let before = store::panel_by_id(&mut tx, id).await?.ok_or_else(|| not_found(id))?;
    store::panel_rename(&mut tx, id, &title, now).await?;
    tx.emit(PanelRenamed { panel: id }).await?;
    let entry = AuditEntry {
        action: "panel_update",
        subject: subject(id),
        before: Some(json!({ "title": before.title.as_str() })),
        after: Some(json!({ "title": title.as_str() })),
    };
    tx.audit(&Who::from(actor), entry).await?;
    tx.commit().await?;
    Ok(Panel { title, updated_at: now, ..before })
}

/// Delete a panel with its rows and the record of its imports.
pub async fn panel_delete(cx: &Context, datasets: &Datasets, actor: &Actor, id: PanelId) -> Result<()> {
    let mut tx = cx.db.begin(actor.tenant).await?;
    store::panel_lock(&mut tx, id).await?;
    let panel = store::panel_by_id(&mut tx, id).await?.ok_or_else(|| not_found(id))?;
    store::panel_delete(&mut tx, id).await?;
    datasets.delete(&mut tx, panel.dataset).await?;
    tx.emit(PanelDeleted { panel: id }).await?;
    let before = Some(json!({ "title": panel.title.as_str(), "rows": panel.shows.rows }));
    tx.audit(
        &Who::from(actor),
        AuditEntry { action: "panel_delete", subject: subject(id), before, after: None },
    )
    .await?;
    tx.commit().await
}

/// How many panels a company has.
pub async fn panel_count(cx: &Context, tenant: TenantId) -> Result<i64> {
    store::panel_count(&mut cx.db.read(tenant).await?).await
}

/// How many panels the companies from `first` to `last` have: for the operator of the installation, through a port.
pub async fn panel_counts(
    system: &SystemDb,
    first: TenantId,
    last: TenantId,
    limit: u32,
) -> Result<Vec<(TenantId, i64)>> {
    store::panel_counts(&mut system.read("panels by company").await?, first, last, limit).await
}
