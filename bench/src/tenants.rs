//! Does a point read get slower when ten thousand other companies are there?
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::Arguments;
use crate::data;
use crate::figures::Figures;
use crate::postgres::Postgres;
use crate::server::Server;
use crate::session::Session;

const TENANTS: usize = 10_000;
/// Below what one person may belong to.
const TENANTS_PER_PERSON: usize = 90;
/// Of so many of them a panel is read in turn: caches of one company's rows are no help.
const READ_OF: usize = 100;
const READS: usize = 5_000;
const WARM_UP: usize = 500;

/// `tenants.read_ratio.10000` on both engines: median of reads in a hundred of all tenants over the median with one.
pub async fn measure(arguments: &Arguments, figures: &mut Figures) -> Result<()> {
    let (one, many) = (data::folder()?, data::folder()?);
    engine(arguments, one.path(), many.path(), "sqlite", figures).await?;
    let (one, many) = (data::folder()?, data::folder()?);
    let Some(_of_one) = Postgres::start(&arguments.binary, one.path())? else { return Ok(()) };
    let Some(_of_many) = Postgres::start(&arguments.binary, many.path())? else { return Ok(()) };
    engine(arguments, one.path(), many.path(), "postgres", figures).await
}

/// Two servers, read in turns: whatever else the machine does meanwhile falls on both.
async fn engine(
    arguments: &Arguments,
    one: &Path,
    many: &Path,
    name: &str,
    figures: &mut Figures,
) -> Result<()> {
    let servers = (Server::start(&arguments.binary, one)?, Server::start(&arguments.binary, many)?);
    let mut among_many = Session::set_up(&servers.1).await?;
    let mut maker = among_many.invite("maker-0@example.com").await?;
    let mut of_many = Vec::with_capacity(READ_OF);
    for n in 1..TENANTS {
        if n % TENANTS_PER_PERSON == 0 {
            // Where they are now, they stay: in the last company that they made.
            of_many.push(read(&mut maker).await?);
            maker = among_many.invite(&format!("maker-{n}@example.com")).await?;
        }
        maker.enter_new_tenant(&format!("Tenant {n}")).await?;
        maker.panel("point").await?;
    }
    of_many.truncate(READ_OF);
    ensure!(of_many.len() == READ_OF, "only {} people", of_many.len());
    // Now, because a connection that rests is closed.
    let mut alone = Session::set_up(&servers.0).await?;
    let of_one = read(&mut alone).await?;
    let mut among_many = among_many.another().await?;
    let mut times = (Vec::with_capacity(READS), Vec::with_capacity(READS));
    for round in 0..WARM_UP + READS {
        let took = alone.client.timed(&of_one, 200).await?;
        let took_of_many = among_many.client.timed(&of_many[round % READ_OF], 200).await?;
        if round >= WARM_UP {
            times.0.push(took);
            times.1.push(took_of_many);
        }
    }
    let medians = (median(times.0)?, median(times.1)?);
    figures.value(format!("tenants.read_alone.{name}"), "ms", READS, medians.0 * 1e3);
    figures.value(format!("tenants.read_ratio.10000.{name}"), "ratio", READS, medians.1 / medians.0);
    Ok(())
}

/// The request for a panel of its own.
async fn read(session: &mut Session) -> Result<Vec<u8>> {
    let panel = session.panel("point").await?;
    Ok(session.prepared("GET", &format!("/v1/panels/{panel}"), None))
}

/// In seconds.
fn median(mut times: Vec<Duration>) -> Result<f64> {
    times.sort_unstable();
    times.get(times.len() / 2).map(Duration::as_secs_f64).context("no reads")
}
