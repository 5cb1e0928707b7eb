//! Bad weather against the running server: floods on HTTP/2 under TLS, slow clients on HTTP/1.1. Others are answered meanwhile,
//! memory stays flat, and afterwards all is as before.
mod ambiguous;
mod fort;

use std::net::Shutdown;
use std::time::Duration;

use wh_testkit::engines::{EngineKind, must_be_there};
use wh_testkit::flood::frames::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, ENHANCE_YOUR_CALM, HEADERS, PING, RST_STREAM, SETTINGS,
    WINDOW_UPDATE, frame, head, literal, odd, preface,
};
use wh_testkit::flood::{SLOW, slowhttptest_is_there};

use crate::house::{House, Site};
use fort::{Fort, PATIENCE, resident_mb};

/// What is asked for where the answer is not to be small.
const LARGE: &str = "/v1/openapi.json";
/// What a flood may cost at most; a flood that is kept would cost more than it sends.
const GROWTH_MB_MAX: u64 = 96;
/// What a mass of frames may cost at most that have next to nothing in them ...
const TINY_GROWTH_MB_MAX: u64 = 32;
/// ... and how many come: a server that kept 60 bytes for each would need more.
const TINY_FRAMES: u32 = 600_000;
/// Frames at a time, of a flood that ends the connection and of another one.
const BURST_FRAMES: usize = 2_048;
const LONG_BURST_FRAMES: usize = 16_384;
/// Slow clients of each kind, and for how long they come.
const SLOW_CLIENTS: u32 = 400;
const SLOW_FOR: Duration = Duration::from_secs(6);

/// What a flood is expected to come to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// The server ends the connection.
    Closed,
    /// The server may go on with it.
    Any,
}

/// Send it while others ask. Nothing is read until the end where the server's answers are to pile up. The reason that the
/// server gave for ending the connection.
fn flood(
    fort: &Fort,
    what: &str,
    end: End,
    frames: impl Iterator<Item = Vec<u8>>,
    settings: &[u8],
) -> Option<u32> {
    flood_within(GROWTH_MB_MAX, fort, what, end, frames, settings)
}

/// The same with a bound of its own on what it may cost.
fn flood_within(
    growth_mb_max: u64,
    fort: &Fort,
    what: &str,
    end: End,
    frames: impl Iterator<Item = Vec<u8>>,
    settings: &[u8],
) -> Option<u32> {
    let at_a_time = if end == End::Closed { BURST_FRAMES } else { LONG_BURST_FRAMES };
    let before = fort.resident_mb();
    let mut attacker = fort.connect(&["h2"]);
    let mut open = attacker.send(&preface(settings));
    let mut frames = frames.peekable();
    while open && frames.peek().is_some() {
        let burst: Vec<u8> = frames.by_ref().take(at_a_time).flatten().collect();
        open = attacker.send(&burst) && (end == End::Any || attacker.listen(Duration::from_millis(5)));
        fort.others_are_answered(what);
    }
    let open = attacker.listen(if end == End::Closed { PATIENCE } else { Duration::from_millis(500) });
    assert!(end == End::Any || !open, "{what}: the connection stays open");
    fort.others_are_answered(what);
    let growth = fort.resident_mb().saturating_sub(before);
    eprintln!("{what}: {growth} MiB more, reason {:?}", attacker.reason());
    assert!(growth < growth_mb_max, "{what}: {growth} MiB more");
    attacker.reason()
}

/// A whole request, in one frame.
fn request(stream: u32, path: &str) -> Vec<u8> {
    frame(HEADERS, END_HEADERS | END_STREAM, stream, &head(path))
}

/// Requests of two frames each, on streams of their own: the server ends the connection and says why.
fn is_calmed(fort: &Fort, what: &str, two: impl Fn(u32) -> [Vec<u8>; 2]) {
    let pairs = (0..20_000).map(|n| two(odd(n)).concat());
    assert_eq!(flood(fort, what, End::Closed, pairs, &[]), Some(ENHANCE_YOUR_CALM), "{what}");
}

#[test]
fn streams_that_are_reset_at_once_end_the_connection() {
    let fort = Fort::build(&[]);
    is_calmed(&fort, "rapid reset", |stream| {
        [request(stream, LARGE), frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes())]
    });
}

#[test]
fn streams_that_the_server_is_made_to_reset_end_the_connection() {
    let fort = Fort::build(&[]);
    // More room for the answer than a window can have: the stream is reset, and its handler may be at work already.
    is_calmed(&fort, "windows too large", |stream| {
        [request(stream, LARGE), frame(WINDOW_UPDATE, 0, stream, &0x7fff_ffff_u32.to_be_bytes())]
    });
    // More of a body than its head says.
    let mut block = head(LARGE);
    block.extend(literal("content-length", "1"));
    is_calmed(&fort, "bodies too long", |stream| {
        [frame(HEADERS, END_HEADERS, stream, &block), frame(DATA, 0, stream, b"ab")]
    });
}

#[test]
fn more_requests_at_once_than_there_may_be_do_not_end_the_connection() {
    let fort = Fort::build(&[("WHEELHOUSE_SERVER_H2_STREAMS_MAX", "10")]);
    let mut client = fort.connect(&["h2"]);
    // It has not been told yet how many it may send.
    let mut burst = preface(&[]);
    burst.extend((0..100).flat_map(|n| request(odd(n), "/health")));
    assert!(client.send(&burst));
    for n in 0..100 {
        client.answer(odd(n), PATIENCE);
    }
    // What is refused is sent again; the last answer may still be on its way.
    let answered = (100..200).any(|n| {
        client.send(&request(odd(n), "/health")) && client.answer(odd(n), PATIENCE).status.is_some()
    });
    assert!(answered, "the connection was ended: {:?}", client.reason());
}

#[test]
fn a_head_without_end_ends_the_connection() {
    let fort = Fort::build(&[]);
    // A header of which the value goes on and on, in large pieces and in tiny ones.
    for (what, piece, count) in
        [("CONTINUATION, large", 16_384, 2_048_u32), ("CONTINUATION, tiny", 1, 100_000)]
    {
        let first = frame(HEADERS, END_STREAM, 1, &head(LARGE));
        let more = (0..count).map(|_| frame(CONTINUATION, 0, 1, &vec![0x82; piece]));
        flood(&fort, what, End::Closed, std::iter::once(first).chain(more), &[]);
    }
}

#[test]
fn headers_that_grow_when_they_are_unpacked_are_not_kept() {
    let fort = Fort::build(&[]);
    // Name and 3,000 bytes of value go into the table of the connection, and are then named by one byte each.
    let mut first = head(LARGE);
    first.extend([0x40, 1, b'x', 0x7f, 0xb9, 0x16]);
    first.extend([b'y'; 3_000]);
    let bomb: Vec<u8> = head(LARGE).into_iter().chain([0xbe; 12_000]).collect();
    let opening = std::iter::once(frame(HEADERS, END_HEADERS | END_STREAM, 1, &first));
    let bombs = (1..200).map(|n| frame(HEADERS, END_HEADERS | END_STREAM, odd(n), &bomb));
    flood(&fort, "header bomb", End::Any, opening.chain(bombs), &[]);
}

#[test]
fn settings_and_pings_in_masses_harm_nobody() {
    let fort = Fort::build(&[("WHEELHOUSE_SERVER_WRITE_STALL_TIMEOUT_MS", "1000")]);
    // HEADER_TABLE_SIZE up and down; each has to be acknowledged.
    let settings = (0..TINY_FRAMES).map(|n| frame(SETTINGS, 0, 0, &[0, 1, 0, 0, 0x10 * (n % 2) as u8, 0]));
    flood_within(TINY_GROWTH_MB_MAX, &fort, "SETTINGS", End::Any, settings, &[]);
    let pings = (0..TINY_FRAMES).map(|n| frame(PING, 0, 0, &u64::from(n).to_be_bytes()));
    flood_within(TINY_GROWTH_MB_MAX, &fort, "PING", End::Any, pings, &[]);
    // Nothing in them, and no end.
    let open = std::iter::once(frame(HEADERS, END_HEADERS, 1, &head(LARGE)));
    let empty = (0..TINY_FRAMES).map(|_| frame(DATA, 0, 1, &[]));
    flood_within(TINY_GROWTH_MB_MAX, &fort, "empty DATA", End::Any, open.chain(empty), &[]);
    let updates = (0..TINY_FRAMES).map(|_| frame(WINDOW_UPDATE, 0, 0, &1_u32.to_be_bytes()));
    flood_within(TINY_GROWTH_MB_MAX, &fort, "WINDOW_UPDATE", End::Any, updates, &[]);
}

#[test]
fn who_takes_nothing_of_an_answer_loses_the_connection() {
    let fort = Fort::build(&[("WHEELHOUSE_SERVER_WRITE_STALL_TIMEOUT_MS", "500")]);
    let initial_window = |bytes: u32| [&[0, 4][..], &bytes.to_be_bytes()].concat();
    let requests = || (0..100).map(|n| request(odd(n), LARGE));
    let lively = (0..100).map(|_| frame(PING, 0, 0, &[7; 8]));
    flood(&fort, "no window", End::Closed, requests().chain(lively), &initial_window(0));
    // One byte at a time, of one answer only: the others are left lying.
    let drip = (0..20_000).map(|_| frame(WINDOW_UPDATE, 0, 1, &1_u32.to_be_bytes()));
    flood(&fort, "a byte at a time", End::Closed, requests().chain(drip), &initial_window(1));
    let broken = fort.metric("http_connections_broken_total{reason=\"write_stalled\"}");
    assert!(broken >= 2.0, "{broken}");
}

#[test]
fn who_leaves_answers_lying_does_not_keep_an_old_connection() {
    let settings = [
        ("WHEELHOUSE_SERVER_WRITE_STALL_TIMEOUT_MS", "500"),
        ("WHEELHOUSE_SERVER_H2_IDLE_TIMEOUT_MS", "500"),
    ];
    let fort = Fort::build(&settings);
    // The answer is small: with one byte of room it is handed over whole, and the server has nothing more to do with it.
    flood(&fort, "a small answer", End::Closed, std::iter::once(request(1, "/health")), &[0, 4, 0, 0, 0, 1]);
}

#[test]
fn slow_clients_do_not_keep_others_waiting() {
    if !slowhttptest_is_there() {
        assert!(!must_be_there(), "slowhttptest is missing; `make test` installs it");
        eprintln!("skipped: slowhttptest is not installed");
        return;
    }
    let site = Site::new(EngineKind::Sqlite);
    let settings = [
        ("WHEELHOUSE_SERVER_HEADER_READ_TIMEOUT_MS", "2000"),
        ("WHEELHOUSE_SERVER_BODY_PROGRESS_TIMEOUT_MS", "2000"),
        ("WHEELHOUSE_SERVER_WRITE_STALL_TIMEOUT_MS", "2000"),
    ];
    let house = House::start_with(site.folder.path(), &settings);
    let owner = house.set_up();
    let before = resident_mb(house.pid());
    for slow in SLOW {
        let what = slow.name;
        let mut command = slow.command(house.address, SLOW_CLIENTS, SLOW_FOR);
        let mut attack = command.current_dir(site.folder.path()).spawn().expect("slowhttptest starts");
        let mut asked = 0;
        while attack.try_wait().expect("it can be asked").is_none() {
            assert_eq!(owner.get("/v1/panels").status, 200, "{what}");
            assert_eq!(house.nobody().get("/health").status, 200, "{what}");
            asked += 1;
        }
        eprintln!("{what}: {asked} others were answered meanwhile");
        assert!(asked > 0, "{what}");
    }
    let growth = resident_mb(house.pid()).saturating_sub(before);
    assert!(growth < GROWTH_MB_MAX, "{growth} MiB more");
    let metrics = owner.get("/metrics").text();
    assert!(metrics.contains("http_connections_broken_total{reason=\"header_timeout\"}"), "{metrics}");
}

#[test]
fn an_open_connection_that_says_nothing_is_no_connection() {
    let fort = Fort::build(&[("WHEELHOUSE_SERVER_TLS_HANDSHAKE_TIMEOUT_MS", "500")]);
    let silent: Vec<_> = (0..200).map(|_| std::net::TcpStream::connect(fort.address()).unwrap()).collect();
    fort.others_are_answered("silence before the handshake");
    for stream in silent {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut byte = [0];
        let read = std::io::Read::read(&mut &stream, &mut byte);
        assert!(!matches!(read, Ok(1)), "the server closes without a word");
        let _ = stream.shutdown(Shutdown::Both);
    }
}
