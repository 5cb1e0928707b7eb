//! Signing in by a browser: a page to allow it, a door on the loopback that the page leads to, a code that only we can use (RFC 8252, S256).
use std::io::{BufRead, BufReader, IsTerminal, Read, Write, stdin};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::send;
use crate::app::App;
use crate::client::{Client, Reply};
use crate::fail::{Exit, Fail, Result};
use crate::terminal;
use crate::world::World;

/// How long somebody has to sign in and allow it; the code that comes of it lives as long again.
const WAIT_MAX: Duration = Duration::from_mins(5);
/// Whoever connects must speak; a browser opens connections ahead that say nothing.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
const HEAD_BYTES_MAX: u64 = 8 << 10;
/// Visitors at once: a browser comes with a few.
const VISITORS_MAX: usize = 16;
/// Until a door that could not take a visitor is asked again.
const REFUSED_PAUSE: Duration = Duration::from_millis(50);
/// How often it is looked whether an address was pasted, while the door is listened at.
const LOOK_EVERY: Duration = Duration::from_millis(50);
const PATH: &str = "/signed-in";

/// How the page is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Show {
    /// In this machine's browser, where there is one.
    Open,
    /// As an address to be opened by hand.
    Print,
}

/// What is waited for.
struct Expected {
    port: u16,
    state: String,
    /// The page on which it is allowed.
    page: String,
    /// The path that leads the browser there, once. The page's own address is not for the browser's command line, which everybody on
    /// this machine can read for as long as it runs: with challenge and state another user could allow our sign-in as themselves and
    /// bring us the code, and we would act in their name. Who is faster than the browser takes the way from it, and that is seen: no
    /// page opens.
    way: String,
    way_was_gone: AtomicBool,
}

/// Sign in: the answer with the session.
pub fn sign_in(app: &App, client: &Client, show: Show) -> Result<Reply> {
    let verifier = URL_SAFE_NO_PAD.encode(app.world.random_bytes::<32>()?);
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
    let state = app.world.random_word()?;
    let failed = |e: std::io::Error| Fail::file("the loopback", &e);
    let door = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(failed)?;
    let port = door.local_addr().map_err(failed)?.port();
    let page = format!("{}/cli-login?challenge={challenge}&port={port}&state={state}", client.base);
    let way = format!("/{}", app.world.random_word()?);
    let start = format!("http://127.0.0.1:{port}{way}");
    let way_was_gone = AtomicBool::new(false);
    let expected = Arc::new(Expected { port, state, page: page.clone(), way, way_was_gone });
    let (found, codes) = channel();
    listen(door, Arc::clone(&expected), found);
    terminal::notice(&format!("Allow it in your browser if it shows {}:\n  {page}", word_of(&challenge)));
    let is_open = show == Show::Open && open(&app.world, &start);
    // A program that was started may still show nothing, and says so to nobody: the way by hand stays.
    let by_hand = if is_open { "If no page opens, open it" } else { "Open that page" };
    terminal::notice(&format!(
        "{by_hand} by hand. If its browser is on another machine, it ends at an address that does not open: paste that \
         address here."
    ));
    let is_read = !is_open || stdin().is_terminal();
    let typed = if is_read { terminal::typed } else { || None };
    let code = first(&codes, &expected, typed).ok_or_else(|| {
        Fail::new(
            Exit::Unavailable,
            "cli.timeout",
            "nobody allowed it within five minutes",
            "try again, or use --email",
        )
    })?;
    let body = json!({ "code": code, "verifier": verifier }).to_string();
    send(app, client, "cli_login_exchange", Some(body))
}

/// What page and terminal both show, so that one can tell that they belong together.
fn word_of(challenge: &str) -> String {
    let letters: String = challenge.chars().filter(char::is_ascii_alphanumeric).take(8).collect();
    let letters = letters.to_ascii_uppercase();
    letters.split_at_checked(4).map_or_else(|| letters.clone(), |(a, b)| format!("{a}-{b}"))
}

/// Whether a program was found that shows it.
fn open(world: &World, page: &str) -> bool {
    programs(world).into_iter().any(|program| start(program, page))
}

/// Those of `BROWSER`, else what this desktop opens links with. Where there is no display, nothing.
fn programs(world: &World) -> Vec<&str> {
    if let Some(named) = world.variable("BROWSER") {
        return named.split(':').filter(|name| !name.is_empty()).collect();
    }
    if cfg!(target_os = "macos") {
        return vec!["open"];
    }
    let has_display = ["DISPLAY", "WAYLAND_DISPLAY"].into_iter().any(|name| world.variable(name).is_some());
    if has_display { vec!["xdg-open"] } else { Vec::new() }
}

fn start(program: &str, page: &str) -> bool {
    let mut command = Command::new(program);
    command.arg(page).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // In a group of its own: an interrupt at the terminal is for us, not for the browser.
    command.process_group(0);
    let Ok(mut child) = command.spawn() else { return false };
    // Reaped whenever it ends; how it ends says nothing.
    std::thread::spawn(move || child.wait());
    true
}

/// Hear whoever comes to the door, each beside the others, until the process ends.
fn listen(door: TcpListener, expected: Arc<Expected>, found: Sender<String>) {
    std::thread::spawn(move || {
        // One for each visitor, and ours.
        let seat = Arc::new(());
        for visitor in door.incoming() {
            let Ok(visitor) = visitor else {
                // Out of descriptors, say: asking again at once would only burn the processor.
                std::thread::sleep(REFUSED_PAUSE);
                continue;
            };
            if Arc::strong_count(&seat) > VISITORS_MAX {
                continue;
            }
            let (seat, expected, found) = (Arc::clone(&seat), Arc::clone(&expected), found.clone());
            std::thread::spawn(move || {
                // A visitor who is not the page is sent away; the page may still come.
                if let Ok(Some(code)) = receive(&visitor, &expected) {
                    // Only the first is waited for.
                    let _late = found.send(code);
                }
                drop(seat);
            });
        }
    });
}

/// The code that comes first: to the door, or in the address at which a browser elsewhere ended, pasted here.
fn first(codes: &Receiver<String>, expected: &Expected, typed: fn() -> Option<String>) -> Option<String> {
    let until = Instant::now() + WAIT_MAX;
    while Instant::now() < until {
        match codes.recv_timeout(LOOK_EVERY) {
            Ok(code) => return Some(code),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return None,
        }
        while let Some(line) = typed() {
            if line.trim().is_empty() {
                continue;
            }
            if let Some(code) = expected.code_in_address(line.trim()) {
                return Some(code);
            }
            terminal::notice("That is not the address of this sign-in; it still waits.");
        }
    }
    None
}

/// The code, if it is brought for what we asked.
fn receive(visitor: &TcpStream, expected: &Expected) -> std::io::Result<Option<String>> {
    visitor.set_read_timeout(Some(HEAD_TIMEOUT))?;
    visitor.set_write_timeout(Some(HEAD_TIMEOUT))?;
    let mut line = String::new();
    let mut head = BufReader::new(visitor.take(HEAD_BYTES_MAX));
    head.read_line(&mut line)?;
    let mut rest = String::new();
    while head.read_line(&mut rest)? > 2 {
        rest.clear();
    }
    let target = line.strip_prefix("GET ").and_then(|rest| rest.split(' ').next()).unwrap_or_default();
    let code = expected.code_in(target);
    let (status, text) = match code {
        Some(_) => (
            "200 OK".to_owned(),
            "Your terminal has the answer: go back to it, it says how it ended. You can close this page.",
        ),
        None if expected.goes_the_way(target) => (format!("302 Found\r\nLocation: {}", expected.page), ""),
        None => ("404 Not Found".to_owned(), "This is not the page that was waited for."),
    };
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\n\
         Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\nX-Content-Type-Options: nosniff\r\n\
         Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\nConnection: close\r\n\r\n{text}",
        text.len()
    );
    // Who has gone meanwhile has brought it all the same.
    let mut visitor = visitor;
    let _gone = visitor.write_all(answer.as_bytes());
    Ok(code)
}

impl Expected {
    /// Whether it is the way to the page, and nobody has gone it before.
    fn goes_the_way(&self, target: &str) -> bool {
        target == self.way && !self.way_was_gone.swap(true, Ordering::Relaxed)
    }

    fn code_in_address(&self, address: &str) -> Option<String> {
        self.code_in(address.strip_prefix(&format!("http://127.0.0.1:{}", self.port))?)
    }

    /// The code in a path with its query; none that comes without our state.
    fn code_in(&self, target: &str) -> Option<String> {
        let (path, query) = target.split_once('?')?;
        let value = |wanted: &str| {
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs.find(|(name, _)| *name == wanted).map(|(_, value)| value)
        };
        let is_ours = path == PATH && value("state") == Some(self.state.as_str());
        value("code").filter(|code| is_ours && !code.is_empty()).map(str::to_owned)
    }
}
