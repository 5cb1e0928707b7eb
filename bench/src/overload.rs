//! Ten times more than the server can do: how much of what it can do it still does. The clients come again at their pace,
//! whatever they are told, which is worse than real ones. Once with operations that have threads of their own, and once with
//! short ones, that run on the threads which read the requests; of those, the clients ask as much as they can beside the
//! server on the same machine.
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::Arguments;
use crate::data;
use crate::figures::Figures;
use crate::server::Server;
use crate::session::Session;
use crate::view;

/// Rows of the panel whose views have threads of their own, and of the one whose views are short. An operation costs much
/// more than its refusal, as it does where a server has too much to do.
const ROWS: usize = 336_776;
const ROWS_SHORT: usize = 1_000_000;
/// Clients at which the server does as much as it can.
const BUSY: usize = 16;
/// Clients of the overload, and what they ask for together, in parts of the capacity.
const CLIENTS: usize = 1_000;
const TIMES: f64 = 10.0;
/// The part of that which must really have been asked.
const REACHED: f64 = 0.8;
/// An answer that takes longer is no use to anybody: it does not count.
const USEFUL: Duration = Duration::from_secs(1);
/// The server learns in this time; it does not count.
const WARM_UP: Duration = Duration::from_secs(3);

/// `overload.goodput_ratio`, and with `.short` the same of short operations, with what the clients saw meanwhile.
pub async fn measure(arguments: &Arguments, figures: &mut Figures) -> Result<()> {
    let folder = data::folder()?;
    let server = Server::start(&arguments.binary, folder.path())?;
    let session = Session::set_up(&server).await?;
    let works = [
        ("overload", ROWS, view::sorted_whole as fn(&str, usize) -> String),
        ("overload.short", ROWS_SHORT, view::heavy),
    ];
    for (name, rows, path) in works {
        // The connection of the one before was idle for longer than one may be.
        let mut session = session.another().await?;
        let panel = session.panel(name).await?;
        session.import(&panel, data::pieces(&data::flights(&arguments.flights, rows)?)).await?;
        let work = Arc::new(Work { panel, path, asked: AtomicUsize::new(0) });
        overload(name, &session, &work, Duration::from_secs(arguments.seconds), figures).await?;
    }
    Ok(())
}

async fn overload(
    name: &str,
    session: &Session,
    work: &Arc<Work>,
    duration: Duration,
    figures: &mut Figures,
) -> Result<()> {
    let before = run(session, work, BUSY, Duration::ZERO, duration).await?;
    if before.refused > 0 {
        bail!("{} of {BUSY} clients were refused without overload", before.refused);
    }
    let capacity = before.useful();
    figures.value(format!("{name}.capacity"), "1/s", before.served.len(), capacity);

    let pause = Duration::from_secs_f64(CLIENTS as f64 / (TIMES * capacity));
    let during = run(session, work, CLIENTS, pause, duration).await?;
    let asked = during.served.len() + during.refused;
    let asked_ratio = asked as f64 / during.took.as_secs_f64() / capacity;
    figures.value(format!("{name}.asked_ratio"), "", asked, asked_ratio);
    // Where the load generator could not ask for that much, the figure is another one, and says so.
    let goodput = match asked_ratio {
        ratio if ratio >= TIMES * REACHED => format!("{name}.goodput_ratio"),
        ratio => format!("{name}.goodput_ratio.at_{ratio:.1}x"),
    };
    figures.value(goodput, "", during.served.len(), during.useful() / capacity);
    figures.times(format!("{name}.served"), during.served);
    figures.times(format!("{name}.refused"), during.refusals);

    // Afterwards all is as before.
    let after = run(session, work, BUSY, Duration::ZERO, duration).await?;
    figures.value(format!("{name}.after_ratio"), "", after.served.len(), after.useful() / capacity);
    Ok(())
}

/// What is asked for: no two requests are the same, so that none can be answered from what another one left behind.
struct Work {
    panel: String,
    path: fn(&str, usize) -> String,
    asked: AtomicUsize,
}

/// What came of it.
#[derive(Default)]
struct Seen {
    took: Duration,
    served: Vec<Duration>,
    refusals: Vec<Duration>,
    refused: usize,
}

impl Seen {
    fn useful(&self) -> f64 {
        let useful = self.served.iter().filter(|took| **took <= USEFUL).count();
        useful as f64 / self.took.as_secs_f64()
    }
}

/// So many clients, each asking once in every `pause` or as soon as it was answered, for this long behind the warm-up.
async fn run(
    session: &Session,
    work: &Arc<Work>,
    clients: usize,
    pause: Duration,
    duration: Duration,
) -> Result<Seen> {
    let mut own = Vec::with_capacity(clients);
    for _ in 0..clients {
        own.push(session.another().await?);
    }
    let counts_from = Instant::now() + WARM_UP;
    let end = counts_from + duration;
    let tasks: Vec<_> = own
        .into_iter()
        .enumerate()
        .map(|(at, session)| {
            let first = pause.mul_f64(at as f64 / clients as f64);
            tokio::spawn(client(session, work.clone(), first, pause, counts_from, end))
        })
        .collect();
    let mut all = Seen { took: duration, ..Seen::default() };
    for task in tasks {
        let seen = task.await??;
        all.served.extend(seen.served);
        all.refusals.extend(seen.refusals);
        all.refused += seen.refused;
    }
    Ok(all)
}

async fn client(
    mut session: Session,
    work: Arc<Work>,
    first: Duration,
    pause: Duration,
    counts_from: Instant,
    end: Instant,
) -> Result<Seen> {
    let mut seen = Seen::default();
    let mut next = Instant::now() + first;
    while Instant::now() < end {
        tokio::time::sleep_until(next.into()).await;
        let path = (work.path)(&work.panel, work.asked.fetch_add(1, Ordering::Relaxed));
        let request = session.prepared("GET", &path, None);
        let began = Instant::now();
        let reply = session.client.send(&request).await?;
        next = (next + pause).max(Instant::now());
        if began < counts_from || Instant::now() > end {
            continue;
        }
        match reply.status {
            200 => seen.served.push(began.elapsed()),
            503 => {
                seen.refused += 1;
                seen.refusals.push(began.elapsed());
            }
            status => bail!("status {status}: {}", String::from_utf8_lossy(&reply.body)),
        }
    }
    Ok(seen)
}
