//! A file on its way: what it is, how long, how far. Reads it once, and never more or less than it was when it was opened.
use std::fs::File;
use std::io::{Read, Write, stderr};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::fail::{Exit, Fail, Result};
use crate::terminal;

const SHOWN_EVERY: Duration = Duration::from_millis(200);
/// A longer name would make the line longer than a terminal, and a line of two cannot be written over.
const NAME_SHOWN_MAX: usize = 24;

/// A file to send.
pub struct Upload {
    source: Box<dyn Read>,
    /// As it was typed.
    file: String,
    /// How long, where that is known.
    pub length: Option<u64>,
    /// Its media type.
    pub media: String,
    /// Its name, where it has one.
    pub name: Option<String>,
    /// Why it could not be read to its end: what the connection makes of it says less.
    pub failure: Option<Fail>,
    sent: u64,
    progress: Option<Progress>,
}

struct Progress {
    began: Instant,
    shown: Instant,
    /// Something stands in the line, and nothing has ended it.
    is_open: bool,
}

/// Whether progress is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Show {
    /// On standard error, in one line.
    Progress,
    /// Never.
    Nothing,
}

impl Upload {
    /// Open it; `-` is standard input.
    pub fn open(file: &str, medias: &[String], show: Show) -> Result<Self> {
        let progress = (show == Show::Progress).then(|| {
            let now = Instant::now();
            Progress { began: now, shown: now, is_open: false }
        });
        let mut upload = Self {
            source: Box::new(std::io::stdin()),
            file: file.to_owned(),
            length: None,
            media: media(file, medias),
            name: None,
            failure: None,
            sent: 0,
            progress,
        };
        if file == "-" {
            return Ok(upload);
        }
        let failed = |e: std::io::Error| Fail::file(file, &e);
        let opened = File::open(file).map_err(failed)?;
        let about = opened.metadata().map_err(failed)?;
        if about.is_dir() {
            return Err(Fail::usage(format!("{file} is a folder"), "name a file"));
        }
        upload.name = Path::new(file).file_name().map(|name| name.to_string_lossy().into_owned());
        // A pipe or device has no length of its own, and what the kernel makes up while it is read says 0.
        upload.length = Some(about.len()).filter(|length| about.is_file() && *length > 0);
        upload.source = Box::new(opened);
        Ok(upload)
    }

    /// How far it is, where that stood before.
    fn show(&mut self, more: &str) {
        let Some(progress) = &mut self.progress else { return };
        progress.shown = Instant::now();
        progress.is_open = true;
        let seconds = progress.began.elapsed().as_secs_f64().max(0.001);
        let of = self.length.map_or_else(String::new, |length| {
            format!(" of {}, {} %", size(length as f64), self.sent * 100 / length)
        });
        let text = format!(
            "{}: {}{of}, {}/s{more}",
            shortened(self.name.as_deref().unwrap_or("standard input")),
            size(self.sent as f64),
            size(self.sent as f64 / seconds)
        );
        let _closed = write!(stderr(), "\r\u{1b}[K{text}").and_then(|()| stderr().flush());
    }

    /// Whatever is said next begins a line.
    fn end_line(&mut self) {
        if self.progress.take().is_some_and(|progress| progress.is_open) {
            let _closed = writeln!(stderr());
        }
    }

    /// There is nothing more to read.
    fn ends(&mut self) {
        self.show("; sent, the server reads it");
        self.end_line();
    }

    fn fails(&mut self, fail: Fail) -> std::io::Error {
        let error = std::io::Error::other(fail.detail.clone());
        self.failure = Some(fail);
        error
    }

    /// A part of it would look like the whole.
    fn changes(&mut self, how: &str) -> std::io::Error {
        let had = self.length.unwrap_or_default();
        let detail =
            format!("{} became {how} than the {had} bytes that it had when it was opened", self.file);
        let hint =
            "the server did not get it whole: send a copy that nobody writes to, or pipe it in and say `-`";
        self.fails(Fail::new(Exit::Usage, "cli.file", detail, hint))
    }
}

impl Read for Upload {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let left = self.length.map(|length| length - self.sent);
        let room =
            left.map_or(buffer.len(), |left| buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX)));
        if room == 0 {
            return Ok(0);
        }
        let read = match self.source.read(&mut buffer[..room]) {
            Ok(0) if left.is_some() => return Err(self.changes("shorter")),
            Ok(read) => read,
            Err(e) => {
                let fail = Fail::file(&self.file, &e);
                return Err(self.fails(fail));
            }
        };
        self.sent += read as u64;
        let is_whole = self.length.map_or(read == 0, |length| length == self.sent);
        if is_whole && self.length.is_some() && matches!(self.source.read(&mut [0]), Ok(1)) {
            return Err(self.changes("longer"));
        }
        if is_whole {
            self.ends();
        } else if self.progress.as_ref().is_some_and(|progress| progress.shown.elapsed() >= SHOWN_EVERY) {
            self.show("");
        }
        Ok(read)
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        // It broke off in the middle.
        self.end_line();
    }
}

/// In the unit that people would say it in.
fn size(bytes: f64) -> String {
    match bytes {
        b if b < 1e3 => format!("{b:.0} B"),
        b if b < 1e6 => format!("{:.1} kB", b / 1e3),
        b if b < 1e9 => format!("{:.1} MB", b / 1e6),
        b => format!("{:.1} GB", b / 1e9),
    }
}

fn shortened(name: &str) -> String {
    let name = terminal::harmless(name);
    if name.chars().count() <= NAME_SHOWN_MAX {
        return name;
    }
    name.chars().take(NAME_SHOWN_MAX - 1).chain(['…']).collect()
}

/// By the file's ending, among what the operation takes.
fn media(file: &str, medias: &[String]) -> String {
    let ending = Path::new(file).extension().map(|e| e.to_string_lossy().to_ascii_lowercase());
    let wanted = match ending.as_deref() {
        Some("csv") => "text/csv",
        Some("tsv" | "tab") => "text/tab-separated-values",
        Some("ndjson" | "jsonl") => "application/x-ndjson",
        _ => "application/octet-stream",
    };
    let taken = medias.iter().find(|media| *media == wanted).or_else(|| medias.first());
    taken.cloned().unwrap_or_else(|| wanted.to_owned())
}
