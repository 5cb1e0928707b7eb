//! How long an empty start takes and how little it keeps.
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::Arguments;
use crate::client::{Client, request};
use crate::data;
use crate::figures::Figures;
use crate::server::Server;

const ROUNDS: usize = 5;

/// `start.ready`, `rss.idle_mb`.
pub async fn measure(arguments: &Arguments, figures: &mut Figures) -> Result<()> {
    let mut times = Vec::new();
    for round in 0..ROUNDS {
        let folder = data::folder()?;
        let began = Instant::now();
        let server = Server::start(&arguments.binary, folder.path())?;
        let mut client = Client::connect(server.address).await?;
        client.send(&request("GET", "/health/ready", "", b"")).await?.expect(200)?;
        times.push(began.elapsed());
        if round + 1 == ROUNDS {
            tokio::time::sleep(Duration::from_secs(5)).await;
            figures.value("rss.idle_mb", "MB", 1, server.rss()? as f64 / 1e6);
        }
    }
    figures.times("start.ready", times);
    Ok(())
}
