//! Does a point read get slower when ten thousand other companies are there?
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::Arguments;
use crate::figures::Figures;
use crate::server::Server;
use crate::session::Session;
use crate::writes::Postgres;

const TENANTS: usize = 10_000;
const READS: usize = 5_000;

/// `tenants.read_ratio.10000` on both engines: median with all tenants over median with one.
pub async fn measure(arguments: &Arguments, figures: &mut Figures) -> Result<()> {
    let data = tempfile::tempdir()?;
    engine(arguments, data.path(), "sqlite", figures).await?;
    let data = tempfile::tempdir()?;
    let Some(_postgres) = Postgres::start(&arguments.binary, data.path())? else { return Ok(()) };
    engine(arguments, data.path(), "postgres", figures).await
}

async fn engine(arguments: &Arguments, data: &Path, name: &str, figures: &mut Figures) -> Result<()> {
    let server = Server::start(&arguments.binary, data)?;
    let mut session = Session::set_up(&server).await?;
    let panel = session.panel("point").await?;
    let alone = median(&mut session, &panel).await?;
    let mut maker = Session::sign_in(server.address).await?;
    for n in 0..TENANTS {
        maker.enter_new_tenant(&format!("Tenant {n}")).await?;
        maker.panel("point").await?;
    }
    let among_many = median(&mut session, &panel).await?;
    figures.value(format!("tenants.read_alone.{name}"), "ms", READS, alone.as_secs_f64() * 1e3);
    let ratio = among_many.as_secs_f64() / alone.as_secs_f64();
    figures.value(format!("tenants.read_ratio.10000.{name}"), "ratio", READS, ratio);
    Ok(())
}

async fn median(session: &mut Session, panel: &str) -> Result<Duration> {
    let request = session.prepared("GET", &format!("/v1/panels/{panel}"), None);
    let mut times = Vec::with_capacity(READS);
    for _ in 0..READS {
        times.push(session.client.timed(&request, 200).await?);
    }
    times.sort_unstable();
    times.get(READS / 2).copied().context("no reads")
}
