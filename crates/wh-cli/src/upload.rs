//! A file on its way: what it is, how long, how far. Reads it once, holds a chunk of it.
use std::fs::File;
use std::io::{Read, Write, stderr};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::fail::{Fail, Result};
use crate::terminal;

const SHOWN_EVERY: Duration = Duration::from_millis(200);

/// A file to send.
pub struct Upload {
    source: Box<dyn Read>,
    /// How long, where that is known.
    pub length: Option<u64>,
    /// Its media type.
    pub media: String,
    /// Its name, where it has one.
    pub name: Option<String>,
    sent: u64,
    progress: Option<Progress>,
}

struct Progress {
    began: Instant,
    shown: Instant,
}

/// Whether progress is shown on a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Show {
    /// Where there is a terminal.
    Progress,
    /// Never.
    Nothing,
}

impl Upload {
    /// Open it; `-` is standard input.
    pub fn open(file: &str, medias: &[String], show: Show) -> Result<Self> {
        let progress = (show == Show::Progress && terminal::shows_progress()).then(|| {
            let now = Instant::now();
            Progress { began: now, shown: now }
        });
        let media = media(file, medias);
        if file == "-" {
            let source = Box::new(std::io::stdin());
            return Ok(Self { source, length: None, media, name: None, sent: 0, progress });
        }
        let failed = |e: std::io::Error| Fail::file(file, &e);
        let opened = File::open(file).map_err(failed)?;
        let about = opened.metadata().map_err(failed)?;
        if about.is_dir() {
            return Err(Fail::usage(format!("{file} is a folder"), "name a file"));
        }
        let name = Path::new(file).file_name().map(|name| name.to_string_lossy().into_owned());
        // A pipe or device has no length of its own.
        let length = about.is_file().then_some(about.len());
        Ok(Self { source: Box::new(opened), length, media, name, sent: 0, progress })
    }

    fn show(&self, end: &str) {
        let Some(progress) = &self.progress else { return };
        let seconds = progress.began.elapsed().as_secs_f64().max(0.001);
        let mb = |bytes: u64| bytes as f64 / 1e6;
        let of = self.length.filter(|length| *length > 0).map_or_else(String::new, |length| {
            format!(" of {:.1} MB, {} %", mb(length), self.sent * 100 / length)
        });
        let name = self.name.as_deref().unwrap_or("standard input");
        let text = format!(
            "{}: {:.1} MB{of}, {:.1} MB/s",
            terminal::harmless(name),
            mb(self.sent),
            mb(self.sent) / seconds
        );
        let _closed = write!(stderr(), "\r\u{1b}[K{text}{end}").and_then(|()| stderr().flush());
    }
}

impl Read for Upload {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.source.read(buffer)?;
        self.sent += read as u64;
        if read == 0 {
            self.show("\n");
            self.progress = None;
        } else if let Some(progress) = &mut self.progress
            && progress.shown.elapsed() >= SHOWN_EVERY
        {
            progress.shown = Instant::now();
            self.show("");
        }
        Ok(read)
    }
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
