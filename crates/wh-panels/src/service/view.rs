//! Open the view of a panel: the handle of the rows it shows now.
use wh_base::{Actor, Result};
use wh_contract::PanelId;
use wh_dataset::{DatasetHandle, Datasets};
use wh_db::Context;

use super::panel::not_found;
use crate::store;

/// What a reader looks at: one version of a panel's rows, none before the first import.
pub struct View {
    /// The version shown.
    pub version: i64,
    /// The rows, if there are any yet.
    pub handle: Option<DatasetHandle>,
}

/// The rows that the panel shows now, in one snapshot.
pub async fn view_open(cx: &Context, datasets: &Datasets, actor: &Actor, id: PanelId) -> Result<View> {
    let mut read = cx.db.read(actor.tenant).await?;
    let panel = store::panel_by_id(&mut read, id).await?.ok_or_else(|| not_found(id))?;
    if panel.shows.version == 0 {
        return Ok(View { version: 0, handle: None });
    }
    let handle = datasets.handle(&mut read, panel.dataset).await?;
    Ok(View { version: panel.shows.version, handle: Some(handle) })
}
