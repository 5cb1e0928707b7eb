//! Many connections that each send prepared requests as fast as they are answered: what came of it once all were warm.
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::server::Server;
use crate::session::Session;

/// Caches fill and connections open in this time; it does not count.
const WARM_UP: Duration = Duration::from_secs(1);

/// What was answered while it counted.
pub struct Driven {
    /// Answers.
    pub done: usize,
    /// How long it counted.
    pub took: Duration,
    /// Processor time of the server meanwhile.
    pub cpu: Duration,
}

impl Driven {
    /// Answers a second.
    pub fn per_second(&self) -> f64 {
        self.done as f64 / self.took.as_secs_f64()
    }

    /// Seconds of the server's processors for each answer.
    pub fn cpu_each(&self) -> f64 {
        self.cpu.as_secs_f64() / self.done as f64
    }
}

/// Each connection sends its requests in turn, again and again; anything but the wanted status is a failure of the benchmark.
pub async fn drive(
    server: &Server,
    connections: Vec<(Session, Vec<Vec<u8>>)>,
    status: u16,
    duration: Duration,
) -> Result<Driven> {
    let from = Instant::now() + WARM_UP;
    let end = from + duration;
    let tasks: Vec<_> = connections
        .into_iter()
        .map(|(own, requests)| tokio::spawn(one(own, requests, status, from, end)))
        .collect();
    tokio::time::sleep_until(from.into()).await;
    let (cpu, began) = (server.cpu()?, Instant::now());
    tokio::time::sleep_until(end.into()).await;
    let (cpu, took) = (server.cpu()?.saturating_sub(cpu), began.elapsed());
    let mut done = 0;
    for task in tasks {
        done += task.await??;
    }
    Ok(Driven { done, took, cpu })
}

async fn one(
    mut own: Session,
    requests: Vec<Vec<u8>>,
    status: u16,
    from: Instant,
    end: Instant,
) -> Result<usize> {
    let mut done = 0;
    for request in requests.iter().cycle() {
        own.client.timed(request, status).await?;
        let now = Instant::now();
        if now >= end {
            break;
        }
        if now >= from {
            done += 1;
        }
    }
    Ok(done)
}
