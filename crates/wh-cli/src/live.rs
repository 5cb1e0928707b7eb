//! The live connection: subscribes, prints what happens, comes back after a loss where it left off. Changes nothing.
mod socket;

use std::time::Duration;

use clap::ArgMatches;
use serde_json::{Value, json};
use tungstenite::{Error, Message};

use crate::app::{App, Connection, Flags};
use crate::fail::{Exit, Fail, Result};
use crate::output::{Format, Output};
use crate::resolve;
use crate::spec::Operation;
use crate::terminal;
use crate::tree::name;

/// The server's reasons to end a connection.
const CLOSED_SESSION: u16 = 4001;
/// How often in a row a connection is tried before it is given up.
const TRIES_MAX: u32 = 6;
const WAIT_MAX: Duration = Duration::from_secs(15);

struct Follow<'a> {
    topics: Vec<String>,
    /// Up to where everything was heard.
    after: Option<i64>,
    place: Place,
    kinds: Vec<&'a str>,
    left: Option<u64>,
    out: Output,
}

/// What `after` is worth.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// A place in the stream, or none yet.
    Known,
    /// The server lost its own: the next event or the next welcome says where the stream stands.
    Unknown,
}

/// Why a connection ended.
enum End {
    /// Enough was seen.
    Enough,
    /// It broke; whether anything had come by it.
    Lost(Progressed, Fail),
}

#[derive(PartialEq, Eq)]
enum Progressed {
    Yes,
    No,
}

/// Follow until enough was seen, the process ends, or the server stays away.
pub fn run(
    app: &App,
    flags: &Flags,
    connection: &Connection,
    operation: &Operation,
    matches: &ArgMatches,
) -> Result<()> {
    let mut follow = Follow {
        topics: topics(app, connection, matches)?,
        after: matches.get_one::<i64>(name::AFTER).copied(),
        place: Place::Known,
        kinds: matches.get_many::<String>(name::KIND).into_iter().flatten().map(String::as_str).collect(),
        left: matches.get_one::<u64>(name::COUNT).copied(),
        out: Output::new(flags.format, &app.world),
    };
    let mut tries = 0;
    loop {
        match follow.once(connection, &operation.path) {
            Ok(End::Enough) => return Ok(()),
            Ok(End::Lost(progressed, fail)) => {
                tries = if progressed == Progressed::Yes { 1 } else { tries + 1 };
                if tries >= TRIES_MAX {
                    return Err(fail);
                }
                if !flags.quiet() {
                    terminal::notice(&format!("the connection is lost ({}); trying again", fail.detail));
                }
                std::thread::sleep(Duration::from_millis(250 << tries).min(WAIT_MAX));
            }
            Err(fail) => return Err(fail.with_hints(&app.spec, &connection.client.base)),
        }
    }
}

/// `panels.flights` by name becomes `panels.<id>`.
fn topics(app: &App, connection: &Connection, matches: &ArgMatches) -> Result<Vec<String>> {
    let typed = matches.get_many::<String>(name::TOPICS).into_iter().flatten();
    typed
        .map(|topic| match topic.split_once('.') {
            Some((area, thing)) => {
                let noun = area.strip_suffix('s').unwrap_or(area);
                let id = resolve::id_of_noun(app, connection, noun, thing)?;
                Ok(format!("{area}.{id}"))
            }
            None => Ok(topic.clone()),
        })
        .collect()
}

impl Follow<'_> {
    fn once(&mut self, connection: &Connection, path: &str) -> Result<End> {
        let mut socket = match socket::open(connection, path) {
            Ok(socket) => socket,
            Err(fail) if fail.exit == Exit::Unavailable && self.after.is_some() => {
                return Ok(End::Lost(Progressed::No, fail));
            }
            Err(fail) => return Err(fail),
        };
        let mut silent = false;
        let mut progressed = Progressed::No;
        loop {
            let message = match socket.read() {
                Ok(message) => message,
                Err(Error::Io(e)) if socket::is_silence(&e) && !silent => {
                    silent = true;
                    let ping = Message::text(json!({ "type": "ping" }).to_string());
                    if let Err(e) = socket.send(ping) {
                        return Ok(End::Lost(progressed, socket::lost(&e)));
                    }
                    continue;
                }
                Err(e) => return Ok(End::Lost(progressed, socket::lost(&e))),
            };
            silent = false;
            match message {
                Message::Text(text) => {
                    let said: Value = serde_json::from_str(&text).unwrap_or_default();
                    if said["type"] == "welcome" {
                        progressed = Progressed::Yes;
                        self.welcomed(said["position"].as_i64());
                        let ask = json!({ "type": "subscribe", "topics": self.topics, "after": self.after });
                        if let Err(e) = socket.send(Message::text(ask.to_string())) {
                            return Ok(End::Lost(progressed, socket::lost(&e)));
                        }
                    } else if self.hear(&said, &text)? {
                        return Ok(End::Enough);
                    }
                }
                Message::Close(frame) => return closed(frame.map(|f| (f.code.into(), f.reason.to_string()))),
                _ => {}
            }
        }
    }

    /// Where to go on: behind what was heard, or where the stream stands.
    fn welcomed(&mut self, position: Option<i64>) {
        match self.place {
            Place::Known => self.after = self.after.or(position),
            Place::Unknown => {
                // From 0 on, old events would come as new ones.
                self.after = position.or(self.after);
                self.place = Place::Known;
                terminal::notice(
                    "what happened while the connection was lost cannot be told; look at the things themselves",
                );
            }
        }
    }

    /// Whether that was enough.
    fn hear(&mut self, said: &Value, text: &str) -> Result<bool> {
        match said["type"].as_str() {
            Some("event") => {
                if let Some(position) = said["position"].as_i64() {
                    // Told at least once: a second time it is neither shown nor counted.
                    if self.after.is_some_and(|after| position <= after) {
                        return Ok(false);
                    }
                    self.after = Some(position);
                    self.place = Place::Known;
                }
                self.event(said, text)
            }
            Some("tell") if self.kinds.is_empty() && self.out.format == Format::Json => {
                self.line(text).map(|()| false)
            }
            Some("reset") => {
                self.after = said["position"].as_i64().or(self.after);
                self.place = if self.after == Some(0) { Place::Unknown } else { Place::Known };
                terminal::notice(
                    "what was missed is too old to be told again; look at the things themselves",
                );
                Ok(false)
            }
            Some("refused") => {
                let word = |name: &str| said[name].as_str().unwrap_or_default().to_owned();
                let exit = if word("code") == "server.forbidden" { Exit::Forbidden } else { Exit::Refused };
                let of =
                    if word("topic").is_empty() { String::new() } else { format!("{}: ", word("topic")) };
                Err(Fail::new(exit, &word("code"), format!("{of}{}", word("detail")), ""))
            }
            Some("subscribed") => {
                if self.out.format == Format::Table {
                    terminal::notice(&format!(
                        "following {} after position {}",
                        self.topics.join(", "),
                        said["position"]
                    ));
                }
                Ok(false)
            }
            _ => Ok(false),
        }
    }

    fn event(&mut self, said: &Value, text: &str) -> Result<bool> {
        let word = |name: &str| said[name].as_str().unwrap_or_default();
        if !self.kinds.is_empty() && !self.kinds.contains(&word("kind")) {
            return Ok(false);
        }
        match self.out.format {
            Format::Json => self.line(text)?,
            Format::Ids => self.line(word("subject"))?,
            Format::Csv | Format::RawCsv => {
                let names = ["position", "time", "kind", "subject", "data"];
                self.out.csv_head(&names.map(str::to_owned))?;
                self.out.csv_row(names.iter().map(|name| &said[*name]))?;
                self.out.flush()?;
            }
            Format::Table => {
                let data = terminal::harmless(&said["data"].to_string());
                let line = format!(
                    "{}  {}  {}  {}  {data}",
                    said["position"],
                    word("time"),
                    word("kind"),
                    word("subject")
                );
                self.line(&line)?;
            }
        }
        if let Some(left) = &mut self.left {
            *left -= 1;
            return Ok(*left == 0);
        }
        Ok(false)
    }

    fn line(&mut self, text: &str) -> Result<()> {
        self.out.line(text)?;
        self.out.flush()
    }
}

fn closed(frame: Option<(u16, String)>) -> Result<End> {
    let (code, reason) = frame.unwrap_or((1005, String::new()));
    if code == CLOSED_SESSION {
        let detail = format!("the server ended the connection: {reason}");
        return Err(Fail::new(Exit::NotSignedIn, "server.unauthenticated", detail, ""));
    }
    let fail = Fail::new(
        Exit::Unavailable,
        "cli.broken",
        format!("the server ended the connection: {code} {reason}"),
        "try again",
    );
    Ok(End::Lost(Progressed::Yes, fail))
}

impl Fail {
    fn with_hints(mut self, spec: &crate::spec::Spec, base: &str) -> Self {
        if self.hint.is_empty() {
            spec.hint(&self.code).unwrap_or_default().clone_into(&mut self.hint);
        }
        if self.exit == Exit::NotSignedIn {
            self.hint = format!("`wheelhouse login {base}`");
        }
        self
    }
}
