//! Making panels durably, and listing a tenant that has a thousand.
use anyhow::Result;
use serde_json::json;

use crate::Arguments;
use crate::data;
use crate::figures::Figures;
use crate::server::Server;
use crate::session::Session;

const PANELS: usize = 1_000;
const LISTS: usize = 500;
const WARM_UP: usize = 50;

/// `panel.create`, `panel.list.1000`.
pub async fn measure(arguments: &Arguments, figures: &mut Figures) -> Result<()> {
    let data_dir = data::folder()?;
    let server = Server::start(&arguments.binary, data_dir.path())?;
    let mut session = Session::set_up(&server).await?;
    let mut times = Vec::new();
    for n in 0..PANELS {
        let body = json!({ "title": format!("Panel {n}") });
        let request = session.prepared("POST", "/v1/panels", Some(&body));
        let took = session.client.timed(&request, 201).await?;
        if n >= WARM_UP {
            times.push(took);
        }
    }
    figures.times("panel.create", times);
    let list = session.prepared("GET", "/v1/panels", None);
    let mut times = Vec::new();
    for round in 0..WARM_UP + LISTS {
        let took = session.client.timed(&list, 200).await?;
        if round >= WARM_UP {
            times.push(took);
        }
    }
    figures.times("panel.list.1000", times);
    Ok(())
}
