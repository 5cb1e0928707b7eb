//! The person in front: width, colour, questions. Where nobody sits, nothing is asked and nothing moves.
use std::io::{BufRead, IsTerminal, Write, stderr, stdin, stdout};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use crate::fail::{Exit, Fail, Result};
use crate::world::World;

/// The lines of standard input, once somebody waits for them beside something else.
static TYPED: OnceLock<Mutex<Receiver<String>>> = OnceLock::new();

/// A narrower terminal gets this width all the same.
const WIDTH_MIN: usize = 40;

/// How wide a table may be; `None` where it is not shown on a terminal.
pub fn width(world: &World) -> Option<usize> {
    if !stdout().is_terminal() {
        return None;
    }
    let said = world.variable("COLUMNS").and_then(|columns| columns.parse().ok());
    let measured = || terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
    Some(said.or_else(measured).unwrap_or(80).max(WIDTH_MIN))
}

/// What makes a result's head bold, and what ends it.
pub fn bold(world: &World) -> (&'static str, &'static str) {
    if stdout().is_terminal() && colours(world) { ("\u{1b}[1m", "\u{1b}[0m") } else { ("", "") }
}

/// What makes a notice red, and what ends it.
pub fn red(world: &World) -> (&'static str, &'static str) {
    if stderr().is_terminal() && colours(world) { ("\u{1b}[31m", "\u{1b}[0m") } else { ("", "") }
}

fn colours(world: &World) -> bool {
    // https://no-color.org: present and not empty, whatever it says.
    world.variable("NO_COLOR").is_none() && world.variable("TERM") != Some("dumb")
}

/// Whether progress is shown: it moves by the same signs that make colours.
pub fn shows_progress(world: &World) -> bool {
    stderr().is_terminal() && colours(world)
}

/// Whether somebody can be asked.
pub fn asks() -> bool {
    stdin().is_terminal() && stderr().is_terminal()
}

/// One line to standard error.
pub fn notice(text: &str) {
    // Whoever closed standard error does not want to hear.
    let _closed = writeln!(stderr(), "{text}");
}

/// Ask for a line.
fn ask(question: &str) -> Result<String> {
    let _closed = write!(stderr(), "{question}: ").and_then(|()| stderr().flush());
    line()
}

/// Ask for a line that is not shown.
pub fn ask_secret(question: &str) -> Result<String> {
    rpassword::prompt_password(format!("{question}: ")).map_err(|e| Fail::file("the terminal", &e))
}

/// The next line that was typed, if there is one: for who waits for something else as well. From the first time on a thread
/// reads standard input for as long as the process lives, and whatever is asked later is answered by what it reads.
pub fn typed() -> Option<String> {
    let lines = TYPED.get_or_init(|| {
        let (to, lines) = channel();
        std::thread::spawn(move || {
            for line in stdin().lines() {
                let Ok(line) = line else { return };
                if to.send(line).is_err() {
                    return;
                }
            }
        });
        Mutex::new(lines)
    });
    held(lines).try_recv().ok()
}

fn held(lines: &Mutex<Receiver<String>>) -> MutexGuard<'_, Receiver<String>> {
    lines.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One line of standard input, without its end; empty behind the last one.
pub fn line() -> Result<String> {
    if let Some(lines) = TYPED.get() {
        return Ok(held(lines).recv().unwrap_or_default());
    }
    let mut line = String::new();
    stdin().lock().read_line(&mut line).map_err(|e| Fail::file("standard input", &e))?;
    Ok(line.trim_end_matches(['\n', '\r']).to_owned())
}

/// Go on only with a yes. Without a terminal it must have been said on the command line: `--yes`.
pub fn confirm(question: &str) -> Result<()> {
    confirm_or(question, "say --yes")
}

/// The same, where something else is said on the command line.
pub fn confirm_or(question: &str, instead: &str) -> Result<()> {
    if !asks() {
        return Err(Fail::new(
            Exit::Usage,
            "cli.confirmation",
            format!("{question} Nobody is here to ask, and nothing was done"),
            instead,
        ));
    }
    let answer = ask(&format!("{question} [y/N]"))?;
    if matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes") {
        return Ok(());
    }
    Err(Fail::new(Exit::Refused, "cli.declined", "nothing was done", &format!("answer y, or {instead}")))
}

/// Text of others made harmless: no escape sequence reaches a terminal, no text runs backwards.
pub fn harmless(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\r' | '\t' => out.push(' '),
            '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                out.extend(c.escape_unicode());
            }
            c if c.is_control() => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    out
}
