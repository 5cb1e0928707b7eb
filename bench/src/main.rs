//! Benchmarks through the HTTP door: starts the release binary, drives it, prints a table, writes `target/bench/latest.json`. Asserts nothing.
mod backup;
mod client;
mod data;
mod drive;
mod figures;
mod http;
mod import;
mod live;
mod overload;
mod panels;
mod postgres;
mod recovery;
mod server;
mod session;
mod siege;
mod soak;
mod start;
mod tenants;
mod view;
mod writes;

use std::path::PathBuf;

use anyhow::Result;
use clap::Parser;

use figures::Figures;

/// What to measure, with what.
#[derive(Parser)]
pub struct Arguments {
    /// The server to measure
    #[arg(long)]
    binary: PathBuf,
    /// flights.csv of nycflights13
    #[arg(long)]
    flights: PathBuf,
    /// Written into the report
    #[arg(long, default_value = "")]
    commit: String,
    /// Only groups whose name begins so: start, http, import, view, panels, live, tenants, writes, overload, siege, recovery, backup, soak
    #[arg(long)]
    only: Option<String>,
    /// Seconds of each throughput measurement
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Minutes of the soak [default: 15 with `--only soak`, else 2]
    #[arg(long)]
    soak_minutes: Option<u64>,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let figures = runtime.block_on(measure(&arguments))?;
    figures.print();
    figures.write(&arguments.commit, arguments.only.as_deref())
}

async fn measure(arguments: &Arguments) -> Result<Figures> {
    let wanted = |group: &str| arguments.only.as_deref().is_none_or(|only| group.starts_with(only));
    let mut figures = Figures::default();
    if wanted("start") {
        start::measure(arguments, &mut figures).await?;
    }
    if wanted("http") {
        http::measure(arguments, &mut figures).await?;
    }
    if wanted("import") {
        import::measure(arguments, &mut figures).await?;
    }
    if wanted("view") {
        view::measure(arguments, &mut figures).await?;
    }
    if wanted("panels") {
        panels::measure(arguments, &mut figures).await?;
    }
    if wanted("live") {
        live::measure(arguments, &mut figures).await?;
    }
    if wanted("tenants") {
        tenants::measure(arguments, &mut figures).await?;
    }
    if wanted("writes") {
        writes::measure(arguments, &mut figures).await?;
    }
    if wanted("overload") {
        overload::measure(arguments, &mut figures).await?;
    }
    if wanted("siege") {
        siege::measure(arguments, &mut figures).await?;
    }
    if wanted("recovery") {
        recovery::measure(arguments, &mut figures).await?;
    }
    if wanted("backup") {
        backup::measure(arguments, &mut figures).await?;
    }
    if wanted("soak") {
        soak::measure(arguments, &mut figures).await?;
    }
    Ok(figures)
}
