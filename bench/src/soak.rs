//! Minutes of mixed load, and how much the server has grown by their end: those who stay, and those who come and go.
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::json;

use crate::Arguments;
use crate::client::{Client, request};
use crate::data;
use crate::figures::Figures;
use crate::live;
use crate::server::Server;
use crate::session::{EMAIL, PASSWORD, Session};
use crate::view;

/// Minutes by name, and as one group of all.
const MINUTES_ALONE: u64 = 15;
const MINUTES_AMONG_ALL: u64 = 2;
/// Between two comings and goings of one kind.
const COMES_EVERY: Duration = Duration::from_millis(200);
const READERS: usize = 4;
const WRITERS: usize = 2;
const ROWS: usize = 100_000;
/// The first part of the time, in which caches and pools fill; growth counts from there.
const WARM_PARTS: u32 = 5;
/// Between two looks at the server's memory.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// `soak.rss_growth_pct`, and how much was answered meanwhile.
pub async fn measure(arguments: &Arguments, figures: &mut Figures) -> Result<()> {
    let folder = data::folder()?;
    let (key, place) = (folder.path().join("key"), folder.path().join("backups"));
    made_key(&arguments.binary, &key)?;
    let settings = [
        ("WHEELHOUSE_BACKUP_TARGET", place.to_str().context("a path")?),
        ("WHEELHOUSE_BACKUP_KEY_FILE", key.to_str().context("a path")?),
    ];
    let server = Server::start_with(&arguments.binary, &folder.path().join("data"), &settings)?;
    let mut session = Session::set_up(&server).await?;
    let panel = session.panel("soak").await?;
    let flights = Arc::new(data::flights(&arguments.flights, ROWS)?);
    session.import(&panel, data::pieces(&flights)).await?;
    let alone = arguments.only.is_some();
    let minutes = arguments.soak_minutes.unwrap_or(if alone { MINUTES_ALONE } else { MINUTES_AMONG_ALL });
    let (began, duration) = (Instant::now(), Duration::from_secs(minutes * 60));
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
    for kind in [Visit::Connection, Visit::SignIn, Visit::Socket, Visit::Panel] {
        let own = session.another().await?;
        tasks.push(tokio::spawn(visits(server.address, own, kind, began, duration)));
    }
    let looks = looks(&server, began, duration).await?;
    let mut done = 0;
    for task in tasks {
        done += task.await??;
    }
    // Imports make it go up and down: the first and the last fifth of the looks, each by its mean.
    let part = (looks.len() / 5).max(1);
    let mean = |looks: &[u64]| looks.iter().sum::<u64>() as f64 / looks.len() as f64;
    let first = looks.get(..part).map(mean).context("the time is too short for a look")?;
    let last = mean(&looks[looks.len() - part..]);
    figures.value("soak.minutes", "min", 1, minutes as f64);
    figures.value("soak.answers", "1/s", done, done as f64 / began.elapsed().as_secs_f64());
    figures.value("soak.rss_mb", "MB", looks.len(), last / 1e6);
    figures.value("soak.rss_growth_pct", "%", looks.len(), (last / first - 1.0) * 100.0);
    Ok(())
}

/// What the server keeps resident once all is warm.
async fn looks(server: &Server, began: Instant, duration: Duration) -> Result<Vec<u64>> {
    let mut looks = Vec::new();
    while began.elapsed() < duration {
        tokio::time::sleep(LOOK_EVERY).await;
        if began.elapsed() > duration / WARM_PARTS {
            looks.push(server.rss()?);
        }
    }
    Ok(looks)
}

/// Who comes and goes; what is kept of each of them is what leaks.
#[derive(Clone, Copy)]
enum Visit {
    /// A connection for one request.
    Connection,
    /// A session from its begin to its end.
    SignIn,
    /// A socket that hears one topic.
    Socket,
    /// A panel with a few rows, deleted again.
    Panel,
}

async fn visits(
    address: std::net::SocketAddr,
    mut own: Session,
    kind: Visit,
    began: Instant,
    duration: Duration,
) -> Result<usize> {
    let mut done = 0;
    while began.elapsed() < duration {
        match kind {
            Visit::Connection => {
                own.another().await?.call("GET", "/v1/panels", None).await?.expect(200)?;
            }
            Visit::SignIn => {
                let body = json!({ "email": EMAIL, "password": PASSWORD }).to_string();
                let headers = "Content-Type: application/json\r\n";
                let sign_in = request("POST", "/v1/identity/sessions", headers, body.as_bytes());
                let mut client = Client::connect(address).await?;
                let reply = client.send(&sign_in).await?.expect(201)?;
                let cookie = format!("Cookie: {}\r\n", reply.cookie.context("no cookie")?);
                client.send(&request("DELETE", "/v1/identity/session", &cookie, b"")).await?.expect(204)?;
            }
            Visit::Socket => drop(live::open(address, &own, "any").await?),
            Visit::Panel => {
                let panel = own.panel("visit").await?;
                own.import(&panel, std::iter::once(b"a,b\n1,2\n".to_vec())).await?;
                own.call("DELETE", &format!("/v1/panels/{panel}"), None).await?.expect(204)?;
            }
        }
        done += 1;
        tokio::time::sleep(COMES_EVERY).await;
    }
    Ok(done)
}

fn made_key(binary: &Path, key: &Path) -> Result<()> {
    let made = Command::new(binary).args(["backup", "key"]).arg(key).stderr(Stdio::null()).status()?;
    ensure!(made.success(), "no key");
    Ok(())
}
