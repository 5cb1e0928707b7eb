//! Read a file into a panel: preview it, run it, look at how it went.
mod preview;
mod run;

use wh_base::{Actor, Result};
use wh_contract::{ImportId, PanelId};
use wh_dataset::Datasets;
use wh_dataset::ingest::bad_lines_csv;
use wh_db::{Context, SystemDb, replayed};
use wh_server::PageOf;

use super::panel::not_found;
use crate::codes;
use crate::model::Import;
use crate::store;

pub use preview::import_preview;
pub use run::{ImportRequest, import_run};

/// One import of a panel.
pub async fn import_get(cx: &Context, actor: &Actor, panel: PanelId, id: ImportId) -> Result<Import> {
    let mut read = cx.db.read(actor.tenant).await?;
    store::import_by_id(&mut read, panel, id)
        .await?
        .ok_or_else(|| codes::IMPORT_NOT_FOUND.error(format!("no import {id} of panel {panel}")))
}

/// The imports of a panel, the newest first.
pub async fn import_list(
    cx: &Context,
    actor: &Actor,
    panel: PanelId,
    before: Option<ImportId>,
    limit: u32,
) -> Result<PageOf<Import>> {
    let mut read = cx.db.read(actor.tenant).await?;
    store::panel_by_id(&mut read, panel).await?.ok_or_else(|| not_found(panel))?;
    let imports = store::import_list(&mut read, panel, before, i64::from(limit) + 1).await?;
    PageOf::new("import_list", imports, limit, |import| import.id)
}

/// The kept bad lines of an import as CSV.
pub async fn bad_lines(
    cx: &Context,
    datasets: &Datasets,
    actor: &Actor,
    panel: PanelId,
    id: ImportId,
) -> Result<bytes::Bytes> {
    let import = import_get(cx, actor, panel, id).await?;
    let none = || codes::NO_BAD_LINES.error(format!("import {id} kept no bad lines"));
    let path = import.bad_lines_path.ok_or_else(none)?;
    bad_lines_csv(datasets.ingest_host(), actor.tenant, &path).await?.ok_or_else(none)
}

/// At start nothing runs: imports that were running when the server stopped have failed. Returns how many.
pub async fn imports_interrupted(cx: &Context, system: &SystemDb) -> Result<u64> {
    let now = cx.clock.now();
    let mut marked = 0;
    loop {
        let some = replayed(|| async {
            let mut tx = system.begin("imports do not outlive the process").await?;
            let problem = (codes::INTERRUPTED.code, codes::INTERRUPTED.summary);
            let some = store::import_mark_interrupted(&mut tx, problem, now).await?;
            tx.commit().await?;
            Ok(some)
        });
        match some.await? {
            0 => return Ok(marked),
            some => marked += some,
        }
    }
}
