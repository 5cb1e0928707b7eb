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

/// `import.csv.rows_per_s` (the median round), `import.peak_mb`: the most that was resident beyond the empty server and what the server
/// itself counts as hot data. Each round fills a panel of its own, which is deleted before the next.
pub async fn measure(arguments: &Arguments, figures: &mut Figures) -> Result<()> {
    let csv = data::flights(&arguments.flights, ROWS)?;
    let folder = data::folder()?;
    let server = Server::start(&arguments.binary, folder.path())?;
    let mut session = Session::set_up(&server).await?;
    let before = server.rss()? as f64 / 1e6;
    let (mut rates, mut peak, mut hot) = (Vec::new(), 0_f64, 0_f64);
    for round in 0..ROUNDS {
        let panel = session.panel(&format!("flights {round}")).await?;
        server.reset_peak()?;
        let began = Instant::now();
        let import = session.import(&panel, data::pieces(&csv)).await?;
        let window =
            session.call("GET", &format!("/v1/panels/{panel}/rows"), None).await?.expect(200)?.json()?;
        let took = began.elapsed();
        anyhow::ensure!(import["rows"] == ROWS && window["count"] == ROWS, "rows are missing: {import}");
        rates.push(ROWS as f64 / took.as_secs_f64());
        hot = hot_mb(&mut session).await?;
        peak = peak.max(server.rss_peak()? as f64 / 1e6 - before - hot);
        session.call("DELETE", &format!("/v1/panels/{panel}"), None).await?.expect(204)?;
    }
    rates.sort_by(f64::total_cmp);
    figures.value("import.csv.rows_per_s", "rows/s", ROUNDS, rates[ROUNDS / 2]);
    figures.value("import.peak_mb", "MB", ROUNDS, peak);
    figures.value("import.hot_mb", "MB", 1, hot);
    drop(server);
    long_texts(arguments, figures).await
}

/// What the server itself counts as hot data.
async fn hot_mb(session: &mut Session) -> Result<f64> {
    let reply = session.call("GET", "/metrics", None).await?.expect(200)?;
    let text = String::from_utf8(reply.body)?;
    let line = text.lines().find_map(|line| line.strip_prefix("dataset_hot_bytes "));
    Ok(line.context("no figure of the hot data")?.trim().parse::<f64>()? / 1e6)
}

/// A gigabyte of which no two texts are the same, with far less room for hot data than that.
const TEXTS: usize = 1_000_000;
const TEXT_BYTES: usize = 1_000;
const HOT_BUDGET_MB: u64 = 64;
/// Lines of one piece.
const LINES: usize = 64;

/// `import.texts.peak_mb`: what such a file needs in all, without the budget of the hot data and what the server had before.
async fn long_texts(arguments: &Arguments, figures: &mut Figures) -> Result<()> {
    let folder = data::folder()?;
    let budget = HOT_BUDGET_MB.to_string();
    let settings = [("WHEELHOUSE_DATASET_HOT_BUDGET_MB", budget.as_str())];
    let server = Server::start_with(&arguments.binary, folder.path(), &settings)?;
    let mut session = Session::set_up(&server).await?;
    let panel = session.panel("texts").await?;
    server.reset_peak()?;
    let before = server.rss()?;
    let began = Instant::now();
    let header = std::iter::once(b"id,text,more\n".to_vec());
    let pieces =
        (0..TEXTS).step_by(LINES).map(|first| (first..TEXTS.min(first + LINES)).flat_map(line).collect());
    let import = session.import(&panel, header.chain(pieces)).await?;
    anyhow::ensure!(import["rows"] == TEXTS, "rows are missing: {import}");
    let peak = server.rss_peak()?.saturating_sub(before) as f64 / 1e6 - HOT_BUDGET_MB as f64;
    let mb = (TEXTS * TEXT_BYTES) as f64 / 1e6;
    figures.value("import.texts.mb_per_s", "MB/s", 1, mb / began.elapsed().as_secs_f64());
    figures.value("import.texts.peak_mb", "MB", 1, peak);
    Ok(())
}

/// A number and two texts that no other line has.
fn line(row: usize) -> Vec<u8> {
    let mut state = row as u64 + 1;
    let mut text = || {
        let mut text = String::with_capacity(TEXT_BYTES / 2 + 16);
        while text.len() < TEXT_BYTES / 2 {
            // xorshift: quick, and nothing a compressor finds a pattern in.
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            text.push_str(&format!("{state:016x}"));
        }
        text
    };
    format!("{row},{},{}\n", text(), text()).into_bytes()
}
