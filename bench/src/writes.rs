//! Durable changes with sign-in, event and audit: 64 clients over 100 companies, on both engines.
use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use serde_json::json;

use crate::Arguments;
use crate::data;
use crate::drive::drive;
use crate::figures::Figures;
use crate::postgres::Postgres;
use crate::server::Server;
use crate::session::Session;

const CLIENTS: usize = 64;
const TENANTS: usize = 100;

/// `sqlite.writes_per_s`, `postgres.writes_per_s`.
pub async fn measure(arguments: &Arguments, figures: &mut Figures) -> Result<()> {
    let seconds = Duration::from_secs(arguments.seconds);
    let folder = data::folder()?;
    engine(&arguments.binary, folder.path(), seconds, "sqlite", figures).await?;
    let folder = data::folder()?;
    let Some(_postgres) = Postgres::start(&arguments.binary, folder.path())? else { return Ok(()) };
    engine(&arguments.binary, folder.path(), seconds, "postgres", figures).await
}

async fn engine(
    binary: &Path,
    data: &Path,
    duration: Duration,
    name: &str,
    figures: &mut Figures,
) -> Result<()> {
    let server = Server::start(binary, data)?;
    let mut first = Session::set_up(&server).await?;
    let mut requests = Vec::with_capacity(TENANTS);
    for n in 0..TENANTS {
        // A person for each company: one may have 50 sessions only, and a session looks at one company.
        let mut session = first.invite(&format!("writer-{n}@example.com")).await?;
        session.enter_new_tenant(&format!("Tenant {n}")).await?;
        let panel = session.panel("row").await?;
        let body = json!({ "title": format!("row {n}") });
        requests.push(session.prepared("PATCH", &format!("/v1/panels/{panel}"), Some(&body)));
    }
    let mut clients = Vec::with_capacity(CLIENTS);
    for client in 0..CLIENTS {
        let mut own = requests.clone();
        own.rotate_left(client * TENANTS / CLIENTS);
        clients.push((first.another().await?, own));
    }
    let driven = drive(&server, clients, 200, duration).await?;
    figures.value(format!("{name}.writes_per_s"), "1/s", driven.done, driven.per_second());
    figures.value(format!("{name}.writes.cpu_us"), "us", driven.done, driven.cpu_each() * 1e6);
    Ok(())
}
