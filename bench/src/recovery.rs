//! How soon changes are taken again when what was away is back: the database, the object store, room on the disk. Clients go on
//! asking all the while; what was acknowledged to them must be there at the end.
mod clients;
mod supports;

use std::collections::HashSet;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::Arguments;
use crate::data;
use crate::figures::Figures;
use crate::postgres::Postgres;
use crate::server::Server;
use crate::session::Session;
use crate::view;
use clients::{Change, Clients, rows_of};
use supports::{Disk, Objects, Support};

/// All is well for so long before each outage.
const CALM: Duration = Duration::from_secs(1);
const POSTGRES_ROUNDS: usize = 3;
const POSTGRES_AWAY: Duration = Duration::from_secs(5);
const STORE_ROUNDS: usize = 2;
const STORE_AWAY: Duration = Duration::from_mins(1);
const DISK_FULL: Duration = Duration::from_secs(3);
/// Who changes the database, and how often each.
const WRITERS: usize = 4;
const WRITERS_PACE: Duration = Duration::from_millis(20);
const IMPORTS_PACE: Duration = Duration::from_millis(50);

/// `recovery.postgres_s`, `recovery.store_s`, `recovery.disk_full_s`: from the moment in which it is back to the first change
/// that is acknowledged, in the slowest round. `recovery.lost`: acknowledged changes that are not there, whole and once, afterwards.
pub async fn measure(arguments: &Arguments, figures: &mut Figures) -> Result<()> {
    let mut kept = Kept::default();
    postgres(arguments, figures, &mut kept).await?;
    store(arguments, figures, &mut kept).await?;
    disk_full(arguments, figures, &mut kept).await?;
    figures.value("recovery.lost", "", kept.acknowledged, kept.lost as f64);
    Ok(())
}

/// What became of what was acknowledged.
#[derive(Default)]
struct Kept {
    acknowledged: usize,
    lost: usize,
}

async fn postgres(arguments: &Arguments, figures: &mut Figures, kept: &mut Kept) -> Result<()> {
    let folder = data::folder()?;
    let Some(mut postgres) = Postgres::start(&arguments.binary, folder.path())? else { return Ok(()) };
    let server = Server::start(&arguments.binary, folder.path())?;
    let session = Session::set_up(&server).await?;
    let mut clients = [Clients::start(&session, &Change::Panel, WRITERS, WRITERS_PACE).await?];
    let mut slowest = Duration::ZERO;
    for _ in 0..POSTGRES_ROUNDS {
        slowest = slowest.max(outage(&mut clients, &mut postgres, POSTGRES_AWAY).await?);
    }
    figures.value("recovery.postgres_s", "s", POSTGRES_ROUNDS, slowest.as_secs_f64());
    for clients in clients {
        kept.panels(&session, &clients.end().await?).await?;
    }
    Ok(())
}

async fn store(arguments: &Arguments, figures: &mut Figures, kept: &mut Kept) -> Result<()> {
    let folder = data::folder()?;
    let server = Server::start(&arguments.binary, folder.path())?;
    let mut session = Session::set_up(&server).await?;
    let panel = filled(&mut session).await?;
    let mut objects = Objects::below(folder.path())?;
    let mut clients = [Clients::start(&session, &Change::Import(panel.clone()), 1, IMPORTS_PACE).await?];
    let mut slowest = Duration::ZERO;
    for _ in 0..STORE_ROUNDS {
        slowest = slowest.max(outage(&mut clients, &mut objects, STORE_AWAY).await?);
    }
    figures.value("recovery.store_s", "s", STORE_ROUNDS, slowest.as_secs_f64());
    for clients in clients {
        kept.imports(&session, &panel, &clients.end().await?).await?;
    }
    Ok(())
}

async fn disk_full(arguments: &Arguments, figures: &mut Figures, kept: &mut Kept) -> Result<()> {
    let folder = data::folder()?;
    let Some(flags) = mounting(folder.path()) else {
        eprintln!("skipped for want of the right to mount");
        return Ok(());
    };
    // The disk is the server's alone and goes with it.
    let script =
        "mount -t tmpfs -o size=48m tmpfs \"$1\" && exec \"$0\" serve --listen 127.0.0.1:0 --data-dir \"$1\"";
    let mut command = Server::command(Path::new("unshare"));
    command.arg(flags).args(["sh", "-c", script]).arg(&arguments.binary).arg(folder.path());
    let server = Server::run(command)?;
    let mut session = Session::set_up(&server).await?;
    let panel = filled(&mut session).await?;
    let mut disk = Disk::of(server.pid(), folder.path())?;
    let mut clients = [
        Clients::start(&session, &Change::Panel, WRITERS, WRITERS_PACE).await?,
        Clients::start(&session, &Change::Import(panel.clone()), 1, IMPORTS_PACE).await?,
    ];
    let took = outage(&mut clients, &mut disk, DISK_FULL).await?;
    figures.value("recovery.disk_full_s", "s", 1, took.as_secs_f64());
    let [writers, importer] = clients;
    kept.panels(&session, &writers.end().await?).await?;
    kept.imports(&session, &panel, &importer.end().await?).await
}

/// The flags with which `unshare` lets us mount something on this folder; none where the machine does not allow it.
fn mounting(folder: &Path) -> Option<&'static str> {
    // As root, and as anybody where users may have a namespace of their own.
    ["-m", "-rm"].into_iter().find(|flags| {
        let mut command = Command::new("unshare");
        command.args([*flags, "mount", "-t", "tmpfs", "tmpfs"]).arg(folder);
        command.stderr(Stdio::null()).status().is_ok_and(|status| status.success())
    })
}

/// A panel with rows.
async fn filled(session: &mut Session) -> Result<String> {
    let panel = session.panel("filled").await?;
    session.import(&panel, std::iter::once(rows_of("first").into_bytes())).await?;
    Ok(panel)
}

/// Take it away, see all clients refused, give it back: how long until each kind of change is acknowledged again.
async fn outage(clients: &mut [Clients], support: &mut dyn Support, away: Duration) -> Result<Duration> {
    tokio::time::sleep(CALM).await;
    support.take()?;
    let taken = Instant::now();
    for clients in &mut *clients {
        clients.refused_after(taken).await?;
    }
    tokio::time::sleep_until((taken + away).into()).await;
    support.give()?;
    let given = Instant::now();
    let mut slowest = Duration::ZERO;
    for clients in &mut *clients {
        let acknowledged = clients.acknowledged_after(given).await?;
        slowest = slowest.max(acknowledged.saturating_duration_since(given));
    }
    Ok(slowest)
}

impl Kept {
    /// These panels were acknowledged.
    async fn panels(&mut self, session: &Session, acknowledged: &[String]) -> Result<()> {
        // A connection that rests is closed.
        let mut session = session.another().await?;
        let mut titles = HashSet::new();
        let mut path = "/v1/panels?limit=200".to_owned();
        loop {
            let page = session.call("GET", &path, None).await?.expect(200)?.json()?;
            let items = page["items"].as_array().context("no list")?;
            titles.extend(items.iter().filter_map(|panel| panel["title"].as_str().map(str::to_owned)));
            let Some(cursor) = page["next_cursor"].as_str() else { break };
            path = format!("/v1/panels?limit=200&cursor={cursor}");
        }
        self.acknowledged += acknowledged.len();
        self.lost += acknowledged.iter().filter(|title| !titles.contains(*title)).count();
        Ok(())
    }

    /// These imports into this panel were acknowledged: each names itself in its rows, which are there once.
    async fn imports(&mut self, session: &Session, panel: &str, acknowledged: &[String]) -> Result<()> {
        let mut session = session.another().await?;
        for name in acknowledged {
            let path = view::equal(panel, "change", name);
            let rows = session.call("GET", &path, None).await?.expect(200)?.json()?;
            let count = rows["count"].as_u64().context("no count")? as usize;
            self.lost += usize::from(count != rows_of(name).lines().count() - 1);
        }
        self.acknowledged += acknowledged.len();
        Ok(())
    }
}
