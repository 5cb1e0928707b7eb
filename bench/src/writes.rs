//! Durable changes with sign-in, event and audit: 64 clients over 100 companies, on both engines.
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::json;

use crate::Arguments;
use crate::figures::Figures;
use crate::postgres::Postgres;
use crate::server::Server;
use crate::session::Session;

const CLIENTS: usize = 64;
const TENANTS: usize = 100;

/// `sqlite.writes_per_s`, `postgres.writes_per_s`.
pub async fn measure(arguments: &Arguments, figures: &mut Figures) -> Result<()> {
    let seconds = Duration::from_secs(arguments.seconds);
    let data = tempfile::tempdir()?;
    engine(&arguments.binary, data.path(), seconds, "sqlite", figures).await?;
    let data = tempfile::tempdir()?;
    let Some(_postgres) = Postgres::start(&arguments.binary, data.path())? else { return Ok(()) };
    engine(&arguments.binary, data.path(), seconds, "postgres", figures).await
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
    let began = Instant::now();
    let mut tasks = Vec::new();
    for client in 0..CLIENTS {
        let mut own = first.another().await?;
        let requests = requests.clone();
        tasks.push(tokio::spawn(async move {
            let mut done = 0_usize;
            while began.elapsed() < duration {
                own.client.timed(&requests[(client + done * CLIENTS) % TENANTS], 200).await?;
                done += 1;
            }
            anyhow::Ok(done)
        }));
    }
    let mut done = 0;
    for task in tasks {
        done += task.await??;
    }
    figures.value(format!("{name}.writes_per_s"), "1/s", done, done as f64 / began.elapsed().as_secs_f64());
    Ok(())
}
