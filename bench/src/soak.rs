//! Minutes of mixed load, and how much the server has grown by their end. Only when it is asked for by name: it takes long.
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::json;

use crate::Arguments;
use crate::data;
use crate::figures::Figures;
use crate::server::Server;
use crate::session::Session;
use crate::view;

const READERS: usize = 4;
const WRITERS: usize = 2;
const ROWS: usize = 100_000;
/// The first part of the time, in which caches and pools fill; growth counts from there.
const WARM_PARTS: u32 = 5;
/// Between two looks at the server's memory.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// `soak.rss_growth_pct`, and how much was answered meanwhile.
pub async fn measure(arguments: &Arguments, figures: &mut Figures) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = Server::start(&arguments.binary, folder.path())?;
    let mut session = Session::set_up(&server).await?;
    let panel = session.panel("soak").await?;
    let flights = Arc::new(data::flights(&arguments.flights, ROWS)?);
    session.import(&panel, data::pieces(&flights)).await?;
    let (began, duration) = (Instant::now(), Duration::from_secs(arguments.soak_minutes * 60));
    let mut tasks = Vec::new();
    for reader in 0..READERS {
        let (mut own, panel) = (session.another().await?, panel.clone());
        tasks.push(tokio::spawn(async move {
            let mut done = 0_usize;
            while began.elapsed() < duration {
                let request = own.prepared("GET", &view::filtered(&panel, done * READERS + reader), None);
                own.client.timed(&request, 200).await?;
                done += 1;
            }
            anyhow::Ok(done)
        }));
    }
    for writer in 0..WRITERS {
        let (mut own, panel) = (session.another().await?, panel.clone());
        tasks.push(tokio::spawn(async move {
            let mut done = 0_usize;
            while began.elapsed() < duration {
                let body = json!({ "title": format!("soak {writer} {done}") });
                own.call("PATCH", &format!("/v1/panels/{panel}"), Some(&body)).await?.expect(200)?;
                done += 1;
            }
            anyhow::Ok(done)
        }));
    }
    let mut own = session.another().await?;
    tasks.push(tokio::spawn(async move {
        let mut done = 0_usize;
        while began.elapsed() < duration {
            own.import(&panel, data::pieces(&flights)).await?;
            done += 1;
        }
        Ok(done)
    }));
    let mut looks = Vec::new();
    while began.elapsed() < duration {
        tokio::time::sleep(LOOK_EVERY).await;
        if began.elapsed() > duration / WARM_PARTS {
            looks.push(server.rss()?);
        }
    }
    let mut done = 0;
    for task in tasks {
        done += task.await??;
    }
    // Imports make it go up and down: the first and the last fifth of the looks, each by its mean.
    let part = (looks.len() / 5).max(1);
    let mean = |looks: &[u64]| looks.iter().sum::<u64>() as f64 / looks.len() as f64;
    let first = looks.get(..part).map(mean).context("the time is too short for a look")?;
    let last = mean(&looks[looks.len() - part..]);
    figures.value("soak.answers", "1/s", done, done as f64 / began.elapsed().as_secs_f64());
    figures.value("soak.rss_mb", "MB", looks.len(), last / 1e6);
    figures.value("soak.rss_growth_pct", "%", looks.len(), (last / first - 1.0) * 100.0);
    Ok(())
}
