//! Which pages a write-ahead log has changed since a place in it. Reads headers only; knows no content.
//!
//! The answer may name too many pages (of transactions that were undone or are not finished), never too few: a place is
//! a commit that could be read before the moment it belongs to, and a log that was begun anew says so by its salt.
use std::collections::BTreeSet;
use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::FileExt;
use std::path::Path;

use wh_base::{Error, Result};

use crate::codes;

const HEADER_BYTES: u64 = 32;
const FRAME_HEADER_BYTES: u64 = 24;
/// Where the two salts stand in the log's header and in that of a frame.
const SALT_AT: usize = 16;
const FRAME_SALT_AT: usize = 8;

type Salt = [u8; 8];

/// A place in the log: so many frames of one run of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mark {
    salt: Option<Salt>,
    frames: u64,
}

/// The last but one commit in the log. The last one may stand there and be read by nobody yet: it counts when it is on disk. All
/// before it do, as one writer ends a commit before it begins the next. `from` is a place found earlier, where the search begins.
pub fn mark(path: &Path, from: Mark) -> Result<Mark> {
    let Some(log) = Log::open(path)? else { return Ok(Mark::default()) };
    let begin = if from.salt == Some(log.salt) { from.frames } else { 0 };
    let (mut last, mut before) = (begin, begin);
    log.each_frame(begin, &mut |at, frame| {
        if frame[4..8] != [0; 4] {
            (before, last) = (last, at + 1);
        }
    })?;
    Ok(Mark { salt: Some(log.salt), frames: before })
}

/// The pages that were written since a place; nothing where the log was begun anew since.
pub fn changed(path: &Path, from: Mark) -> Result<Option<BTreeSet<u32>>> {
    let Some(log) = Log::open(path)?.filter(|log| Some(log.salt) == from.salt) else { return Ok(None) };
    let mut pages = BTreeSet::new();
    log.each_frame(from.frames, &mut |_, frame| {
        pages.insert(u32::from_be_bytes([frame[0], frame[1], frame[2], frame[3]]));
    })?;
    // Begun anew while it was read: what was read may be of both runs.
    let same = Log::open(path)?.is_some_and(|now| now.salt == log.salt);
    Ok(same.then_some(pages))
}

struct Log<'a> {
    path: &'a Path,
    file: File,
    salt: Salt,
    stride: u64,
}

impl<'a> Log<'a> {
    /// Nothing where there is no log, or only the beginning of one.
    fn open(path: &'a Path) -> Result<Option<Self>> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(failed(path, e)),
        };
        let mut header = [0; HEADER_BYTES as usize];
        match file.read_exact_at(&mut header, 0) {
            Ok(()) => {}
            Err(e) if e.kind() == ErrorKind::UnexpectedEof => return Ok(None),
            Err(e) => return Err(failed(path, e)),
        }
        let page_bytes = u32::from_be_bytes([header[8], header[9], header[10], header[11]]);
        let mut salt = [0; 8];
        salt.copy_from_slice(&header[SALT_AT..SALT_AT + 8]);
        Ok(Some(Self { path, file, salt, stride: FRAME_HEADER_BYTES + u64::from(page_bytes) }))
    }

    /// The headers of this run's frames, from a place on.
    fn each_frame(&self, from: u64, each: &mut dyn FnMut(u64, &[u8; 24])) -> Result<()> {
        let mut frame = [0; FRAME_HEADER_BYTES as usize];
        for at in from.. {
            match self.file.read_exact_at(&mut frame, HEADER_BYTES + at * self.stride) {
                Ok(()) if frame[FRAME_SALT_AT..FRAME_SALT_AT + 8] == self.salt => each(at, &frame),
                Ok(()) => return Ok(()),
                Err(e) if e.kind() == ErrorKind::UnexpectedEof => return Ok(()),
                Err(e) => return Err(failed(self.path, e)),
            }
        }
        Ok(())
    }
}

fn failed(path: &Path, cause: std::io::Error) -> Error {
    codes::SOURCE.caused(format!("{} cannot be read", path.display()), cause)
}
