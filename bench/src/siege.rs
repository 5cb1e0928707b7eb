//! Attacks on the front door, and how the others are answered meanwhile: slow clients on HTTP/1.1, floods on HTTP/2 under TLS.
//! Everything comes from this machine, bounded in number and time.
mod floods;
mod others;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tempfile::TempDir;
use tokio_rustls::TlsConnector;
use wh_testkit::flood::{SLOW, SelfSigned, Slow, slowhttptest_is_there};

use crate::Arguments;
use crate::data;
use crate::figures::Figures;
use crate::server::Server;
use floods::Flood;
use others::Others;

/// Connections of a slow attack, all at once.
const SLOW_CLIENTS: u32 = 1_000;
/// The others before the attack: what they find then is the calm, and the server has its caches filled.
const WARM_UP: Duration = Duration::from_secs(1);
/// The attack before it is measured, and behind: what it costs is looked at while it stands.
const LEAD: Duration = Duration::from_secs(1);
const TAIL: Duration = Duration::from_millis(1_500);

/// `siege.others_ms.*`: a newcomer's signed-in read, from the connection to the answer. `siege.rss_growth_mb.*`: what the server
/// has more at the attack's end than before it. `siege.unanswered`.
pub async fn measure(arguments: &Arguments, figures: &mut Figures) -> Result<()> {
    let mut report = Report { figures, calm: Vec::new(), asked: 0, unanswered: 0 };
    let duration = Duration::from_secs(arguments.seconds);
    if slowhttptest_is_there() {
        let ground = Ground::prepare(arguments, Door::Clear).await?;
        for slow in SLOW {
            let name = slow.name;
            besiege(
                &ground,
                name,
                duration,
                move |address, until| slowly(&slow, address, until),
                &mut report,
            )
            .await?;
        }
        report.tell_calm("calm");
    } else {
        eprintln!("skipped for want of slowhttptest");
    }
    let ground = Ground::prepare(arguments, Door::Tls).await?;
    let own = ground.own.clone().context("a certificate")?;
    for flood in Flood::all() {
        let (name, own) = (flood.name, Arc::clone(&own));
        let attack = move |address, until| {
            flood.run(&own, address, until);
            Ok(())
        };
        besiege(&ground, name, duration, attack, &mut report).await?;
    }
    report.tell_calm("calm_tls");
    report.figures.value("siege.unanswered", "", report.asked, report.unanswered as f64);
    Ok(())
}

/// What came of it.
struct Report<'a> {
    figures: &'a mut Figures,
    calm: Vec<Duration>,
    asked: usize,
    unanswered: usize,
}

impl Report<'_> {
    /// What the others found before the attacks so far.
    fn tell_calm(&mut self, name: &str) {
        let calm = std::mem::take(&mut self.calm);
        self.figures.times(format!("siege.others_ms.{name}"), calm);
    }
}

/// How one gets in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Door {
    Clear,
    Tls,
}

/// A data folder that is set up; servers come and go on it.
struct Ground {
    folder: TempDir,
    binary: PathBuf,
    own: Option<Arc<SelfSigned>>,
    cookie: String,
}

impl Ground {
    async fn prepare(arguments: &Arguments, door: Door) -> Result<Self> {
        let folder = data::folder()?;
        let own = if door == Door::Tls { Some(Arc::new(SelfSigned::write(folder.path())?)) } else { None };
        let mut ground = Self { folder, binary: arguments.binary.clone(), own, cookie: String::new() };
        let server = ground.start()?;
        ground.cookie = ground.others(&server)?.set_up(&server).await?;
        Ok(ground)
    }

    fn start(&self) -> Result<Server> {
        let mut settings = Vec::new();
        if let Some(own) = &self.own {
            let certificate = own.certificate.to_str().context("a path")?;
            settings.push(("WHEELHOUSE_SERVER_TLS_CERTIFICATE", certificate));
            settings.push(("WHEELHOUSE_SERVER_TLS_KEY", own.key.to_str().context("a path")?));
        }
        Server::start_with(&self.binary, self.folder.path(), &settings)
    }

    fn others(&self, server: &Server) -> Result<Others> {
        let tls = match &self.own {
            Some(own) => Some(TlsConnector::from(own.client(&["http/1.1"])?)),
            None => None,
        };
        Ok(Others::new(server.address, tls, &self.cookie))
    }
}

/// One attack on a server of its own: what an earlier one left behind does not count.
async fn besiege(
    ground: &Ground,
    name: &str,
    duration: Duration,
    attack: impl FnOnce(SocketAddr, Instant) -> Result<()> + Send + 'static,
    report: &mut Report<'_>,
) -> Result<()> {
    let server = ground.start()?;
    let others = ground.others(&server)?;
    report.calm.extend(others.ask(WARM_UP).await?.times);
    let before = server.rss()?;
    let (address, until) = (server.address, Instant::now() + LEAD + duration + TAIL);
    let attack = tokio::task::spawn_blocking(move || attack(address, until));
    tokio::time::sleep(LEAD).await;
    let heard = others.ask(duration).await?;
    let grown = server.rss()? as f64 - before as f64;
    attack.await??;
    report.asked += heard.times.len();
    report.unanswered += heard.unanswered;
    report.figures.times(format!("siege.others_ms.{name}"), heard.times);
    report.figures.value(format!("siege.rss_growth_mb.{name}"), "MB", 1, grown / 1e6);
    Ok(())
}

/// The program ends when the server has closed all its connections: then it comes again.
fn slowly(slow: &Slow, address: SocketAddr, until: Instant) -> Result<()> {
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left < Duration::from_secs(1) {
            return Ok(());
        }
        slow.command(address, SLOW_CLIENTS, left).status()?;
    }
}
