//! Read a file into a panel: preview it, run it, stop it, look at how it went.
mod count;
mod preview;
mod run;
mod running;

use serde_json::json;
use wh_base::{Actor, Result};
use wh_contract::events::ImportFailed;
use wh_contract::{ImportId, PanelId, TenantId};
use wh_dataset::Datasets;
use wh_dataset::ingest::bad_lines_csv;
use wh_db::{Context, SystemDb, Who, replayed};
use wh_server::PageOf;

use super::panel::not_found;
use crate::codes;
use crate::model::{Import, ImportState, Interruption};
use crate::store;

pub use preview::import_preview;
pub use run::{ImportRequest, Workplace, import_run};
pub use running::Running;

fn import_not_found(panel: PanelId, id: ImportId) -> wh_base::Error {
    codes::IMPORT_NOT_FOUND.error(format!("no import {id} of panel {panel}"))
}

/// One import of a panel.
pub async fn import_get(
    cx: &Context,
    running: &Running,
    actor: &Actor,
    panel: PanelId,
    id: ImportId,
) -> Result<Import> {
    let mut read = cx.db.read(actor.tenant).await?;
    let import = store::import_by_id(&mut read, panel, id).await?;
    import.map(|import| running.now(import)).ok_or_else(|| import_not_found(panel, id))
}

/// The imports of a panel, the newest first.
pub async fn import_list(
    cx: &Context,
    running: &Running,
    actor: &Actor,
    panel: PanelId,
    before: Option<ImportId>,
    limit: u32,
) -> Result<PageOf<Import>> {
    let mut read = cx.db.read(actor.tenant).await?;
    store::panel_by_id(&mut read, panel).await?.ok_or_else(|| not_found(panel))?;
    let imports = store::import_list(&mut read, panel, before, i64::from(limit) + 1).await?;
    let page = PageOf::new("import_list", imports, limit, |import| import.id)?;
    Ok(page.map(|import| running.now(import)))
}

/// The imports of all panels, the newest first; of one state, if it is given.
pub async fn import_recent(
    cx: &Context,
    running: &Running,
    actor: &Actor,
    state: Option<ImportState>,
    before: Option<ImportId>,
    limit: u32,
) -> Result<PageOf<Import>> {
    let mut read = cx.db.read(actor.tenant).await?;
    let imports = store::import_recent(&mut read, state, before, i64::from(limit) + 1).await?;
    let page = PageOf::new("import_recent", imports, limit, |import| import.id)?;
    Ok(page.map(|import| running.now(import)))
}

/// Stop an import: its record ends as failed, and the panel shows what it showed before. Who sends the file is refused the rest.
pub async fn import_stop(
    cx: &Context,
    running: &Running,
    actor: &Actor,
    panel: PanelId,
    id: ImportId,
) -> Result<Import> {
    let detail = format!("import {id} was stopped");
    let interruption = Interruption { code: codes::IMPORT_STOPPED.code.to_owned(), detail };
    let stopped = replayed(|| async {
        let mut tx = cx.db.begin(actor.tenant).await?;
        let before =
            store::import_by_id(&mut tx, panel, id).await?.ok_or_else(|| import_not_found(panel, id))?;
        let import = Import {
            state: ImportState::Failed,
            ended_at: Some(cx.clock.now()),
            interruption: Some(interruption.clone()),
            ..before
        };
        // Its row decides: one that has ended, or ends at this moment, stays as it is.
        if !store::import_end(&mut tx, &import).await? {
            return Err(codes::IMPORT_ENDED.error(format!("import {id} has ended")));
        }
        tx.emit(ImportFailed { panel, import: id, code: codes::IMPORT_STOPPED.code.to_owned() }).await?;
        tx.audit(&Who::from(actor), run::entry("import_stop", panel, json!({ "import": id }))).await?;
        tx.commit().await?;
        Ok(import)
    })
    .await?;
    running.stop(id);
    Ok(stopped)
}

/// The kept bad lines of an import as CSV.
pub async fn bad_lines(
    cx: &Context,
    datasets: &Datasets,
    actor: &Actor,
    panel: PanelId,
    id: ImportId,
) -> Result<bytes::Bytes> {
    let mut read = cx.db.read(actor.tenant).await?;
    let import =
        store::import_by_id(&mut read, panel, id).await?.ok_or_else(|| import_not_found(panel, id))?;
    drop(read);
    let none = || codes::NO_BAD_LINES.error(format!("import {id} kept no bad lines"));
    let path = import.bad_lines_path.ok_or_else(none)?;
    bad_lines_csv(datasets.ingest_host(), actor.tenant, &path).await?.ok_or_else(none)
}

/// When imports are looked for that nobody reads any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// At start, when nothing runs here: those of this node are of its life before.
    AtStart,
    /// While it runs: those of any node whose lease has ended, and of its own those that it does not read. It ends these itself,
    /// but may not have been able to write that down.
    Beside,
}

/// Imports that nobody reads any more have failed. Those that another node reads go on: it says so every few seconds.
/// Returns how many failed.
pub async fn imports_interrupted(
    cx: &Context,
    system: &SystemDb,
    running: &Running,
    look: Look,
) -> Result<u64> {
    let mut marked = 0;
    if look == Look::AtStart {
        count::begin();
    }
    loop {
        let mut read = system.read("imports do not outlive the process").await?;
        let now = cx.clock.now();
        let mut some = match look {
            Look::AtStart => store::imports_left(&mut read, running.node(), now).await?,
            Look::Beside => store::imports_unheard(&mut read, now).await?,
        };
        drop(read);
        // A lease that could not be renewed for want of a database says nothing of what is read here.
        some.retain(|(_, _, id)| !running.reads(*id));
        if some.is_empty() {
            return Ok(marked);
        }
        for (tenant, panel, id) in some {
            replayed(|| interrupted(cx, tenant, panel, id)).await?;
            marked += 1;
        }
    }
}

async fn interrupted(cx: &Context, tenant: TenantId, panel: PanelId, id: ImportId) -> Result<()> {
    let mut tx = cx.db.begin(tenant).await?;
    let Some(before) = store::import_by_id(&mut tx, panel, id).await? else { return Ok(()) };
    let (code, detail) = (codes::INTERRUPTED.code.to_owned(), codes::INTERRUPTED.summary.to_owned());
    let import = Import {
        state: ImportState::Failed,
        ended_at: Some(cx.clock.now()),
        interruption: Some(Interruption { code: code.clone(), detail }),
        ..before
    };
    let ended = store::import_end(&mut tx, &import).await?;
    if ended {
        let after = json!({ "import": id, "problem": code });
        tx.emit(ImportFailed { panel, import: id, code }).await?;
        tx.audit(&Who::system(cx.next_id()), run::entry("import_fail", panel, after)).await?;
    }
    tx.commit().await?;
    if ended {
        count::interrupted();
    }
    Ok(())
}
