//! Views: first page, filter with sort and count, deep offsets; latency of one client and throughput of sixteen.
use std::time::Duration;

use anyhow::Result;

use crate::Arguments;
use crate::data;
use crate::drive::drive;
use crate::figures::Figures;
use crate::server::Server;
use crate::session::Session;

const SIZES: [(&str, usize); 3] = [("100k", 100_000), ("336k", 336_776), ("1m", 1_000_000)];
const WARM_UP: usize = 50;
const ROUNDS: usize = 1_000;
const CONNECTIONS: usize = 16;

/// All figures whose names begin with `view.`.
pub async fn measure(arguments: &Arguments, figures: &mut Figures) -> Result<()> {
    let data_dir = data::folder()?;
    let server = Server::start(&arguments.binary, data_dir.path())?;
    let mut session = Session::set_up(&server).await?;
    let mut small = String::new();
    for (name, rows) in SIZES {
        let panel = session.panel(name).await?;
        session.import(&panel, data::pieces(&data::flights(&arguments.flights, rows)?)).await?;
        latencies(&mut session, &panel, name, rows, figures).await?;
        if small.is_empty() {
            small = panel;
        }
    }
    let seconds = Duration::from_secs(arguments.seconds);
    throughput(&server, &session, "view.first_page", seconds, figures, |_| first_page(&small)).await?;
    throughput(&server, &session, "view.filter_sort_count", seconds, figures, |n| filtered(&small, n)).await
}

async fn latencies(
    session: &mut Session,
    panel: &str,
    name: &str,
    rows: usize,
    figures: &mut Figures,
) -> Result<()> {
    let times = timed(session, |_| first_page(panel)).await?;
    figures.times(format!("view.first_page.{name}"), times);
    let times = timed(session, |n| filtered(panel, n)).await?;
    figures.times(format!("view.filter_sort_count.{name}"), times);
    let times = timed(session, |n| deep_page(panel, rows, n)).await?;
    figures.times(format!("view.offset_90pct.{name}"), times);
    Ok(())
}

async fn timed(session: &mut Session, path: impl Fn(usize) -> String) -> Result<Vec<Duration>> {
    let mut times = Vec::with_capacity(ROUNDS);
    for round in 0..WARM_UP + ROUNDS {
        let request = session.prepared("GET", &path(round), None);
        let took = session.client.timed(&request, 200).await?;
        if round >= WARM_UP {
            times.push(took);
        }
    }
    Ok(times)
}

fn first_page(panel: &str) -> String {
    format!("/v1/panels/{panel}/rows?limit=50")
}

/// Two conditions and a sort; the value differs in each request, so that nothing prepared can answer it.
pub fn filtered(panel: &str, n: usize) -> String {
    let conditions =
        [("distance", format!("{}.{n}", 100 + n * 7 % 2_400)), ("dep_delay", (n % 97).to_string())];
    view(panel, "-arr_delay", &conditions)
}

/// Four conditions and three columns to sort by: several times the work of [`filtered`].
pub fn heavy(panel: &str, n: usize) -> String {
    let conditions = [
        ("distance", format!("{}.{n}", 100 + n % 211)),
        ("dep_delay", format!("-{}", 10 + n % 53)),
        ("air_time", (n % 31).to_string()),
        ("month", "0".to_owned()),
    ];
    view(panel, "-arr_delay,dep_delay,-distance", &conditions)
}

/// A page so far down the same view that all its rows must be sorted: too much work for the threads that read requests.
pub fn sorted_whole(panel: &str, n: usize) -> String {
    format!("{}&offset=5000", heavy(panel, n))
}

/// The first rows where each of these columns is greater than its value.
fn view(panel: &str, sort: &str, conditions: &[(&str, String)]) -> String {
    let conditions = conditions
        .iter()
        .map(|(column, value)| format!(r#"{{"column":"{column}","op":"gt","value":{value}}}"#));
    let filter = format!(r#"{{"all":[{}]}}"#, conditions.collect::<Vec<_>>().join(","));
    format!("/v1/panels/{panel}/rows?limit=50&sort={sort}&filter={}", encoded(&filter))
}

/// The first row where this column is this text.
pub fn equal(panel: &str, column: &str, text: &str) -> String {
    let filter = format!(r#"{{"all":[{{"column":"{column}","op":"eq","value":"{text}"}}]}}"#);
    format!("/v1/panels/{panel}/rows?limit=1&filter={}", encoded(&filter))
}

/// Percent-encoded where an address needs it; cheap, as the load generator shares the machine with the server.
fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len() * 2);
    for character in text.chars() {
        match character {
            '{' => encoded.push_str("%7B"),
            '}' => encoded.push_str("%7D"),
            '[' => encoded.push_str("%5B"),
            ']' => encoded.push_str("%5D"),
            '"' => encoded.push_str("%22"),
            _ => encoded.push(character),
        }
    }
    encoded
}

/// The page at 90 % of a sorted view; its neighbours differ, so that the answer is not simply repeated.
fn deep_page(panel: &str, rows: usize, n: usize) -> String {
    let offset = rows * 9 / 10 + n % 100;
    format!("/v1/panels/{panel}/rows?limit=50&sort=-arr_delay&offset={offset}")
}

async fn throughput(
    server: &Server,
    session: &Session,
    name: &str,
    duration: Duration,
    figures: &mut Figures,
    path: impl Fn(usize) -> String,
) -> Result<()> {
    let mut connections = Vec::with_capacity(CONNECTIONS);
    for connection in 0..CONNECTIONS {
        let own = session.another().await?;
        let requests =
            (0..4_096).map(|n| own.prepared("GET", &path(n * CONNECTIONS + connection), None)).collect();
        connections.push((own, requests));
    }
    let driven = drive(server, connections, 200, duration).await?;
    figures.value(format!("{name}.rps"), "1/s", driven.done, driven.per_second());
    figures.value(format!("{name}.cpu_ms"), "ms", driven.done, driven.cpu_each() * 1e3);
    Ok(())
}
