//! A million flights by HTTP stream until they can be queried, and the memory that takes beside the hot data.
use std::time::Instant;

use anyhow::{Context, Result};

use crate::Arguments;
use crate::data;
use crate::figures::Figures;
use crate::server::Server;
use crate::session::Session;

const ROWS: usize = 1_000_000;
const ROUNDS: usize = 3;

/// `import.csv.rows_per_s`, `import.peak_mb`. The peak is what an import needed beyond what stays resident after it.
pub async fn measure(arguments: &Arguments, figures: &mut Figures) -> Result<()> {
    let csv = data::flights(&arguments.flights, ROWS)?;
    let data_dir = tempfile::tempdir()?;
    let server = Server::start(&arguments.binary, data_dir.path())?;
    let mut session = Session::set_up(&server).await?;
    let panel = session.panel("flights").await?;
    let (mut best, mut peak) = (0_f64, 0_f64);
    for _ in 0..ROUNDS {
        server.reset_peak()?;
        let began = Instant::now();
        let import = session.import(&panel, data::pieces(&csv)).await?;
        let window =
            session.call("GET", &format!("/v1/panels/{panel}/rows"), None).await?.expect(200)?.json()?;
        let took = began.elapsed();
        anyhow::ensure!(import["rows"] == ROWS && window["count"] == ROWS, "rows are missing: {import}");
        best = best.max(ROWS as f64 / took.as_secs_f64());
        let after = server.rss()?;
        peak = peak.max(server.rss_peak()?.saturating_sub(after) as f64 / 1e6);
    }
    figures.value("import.csv.rows_per_s", "rows/s", ROUNDS, best);
    figures.value("import.peak_mb", "MB", ROUNDS, peak);
    figures.value("import.hot_mb", "MB", 1, server.rss().context("rss")? as f64 / 1e6);
    Ok(())
}
