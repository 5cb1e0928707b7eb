//! The two threads of an import: one decodes and reads the file, one fills the hot chunks and encodes Parquet. Bounded
//! queues between them, so that a slow end holds back the sender of the file.
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use arrow_array::RecordBatch;
use tokio::sync::{Semaphore, mpsc};
use wh_base::{Error, Result, Served};

use super::bad_lines::Keeper;
use super::host::Turn;
use super::{Counters, Piece, Source};
use crate::codes;
use crate::engine::{Gathered, Hot, HotStore, Room};
use crate::model::{COLUMN_NAME_CHARS_MAX, Schema};
use crate::read::{BadCell, BadRecord, FileReader, How, ReadOptions, RowSink, detected};
use crate::segment::{SegmentWriter, Target, WrittenSet};

/// Bytes of the file's begin that are looked at when nobody said how to read it.
const DETECT_BYTES: usize = 1024 * 1024;
/// Chunks that wait for the encoder.
const CHUNKS_WAITING_MAX: usize = 1;
/// Rows of one import: row numbers are 32 bits wide.
pub const IMPORT_ROWS_MAX: u64 = u32::MAX as u64;
/// Keys that the options do not know and that are named.
const UNKNOWN_KEYS_MAX: usize = 20;

/// What the threads need to know.
pub(super) struct Job {
    pub(super) source: Source,
    pub(super) behind: Option<Schema>,
    pub(super) block_bytes: usize,
    pub(super) target: Target,
    pub(super) hot: Arc<HotStore>,
    pub(super) turns: Arc<Semaphore>,
    pub(super) counters: Arc<Counters>,
}

/// What reading a whole file came to.
pub(super) struct Read {
    pub(super) schema: Schema,
    pub(super) options: ReadOptions,
    pub(super) rows: u64,
    pub(super) bad: Keeper,
    pub(super) unknown_keys: Vec<String>,
    pub(super) hot: Option<Hot>,
    pub(super) room: Option<Arc<Room>>,
    pub(super) written: WrittenSet,
}

/// What the encoder is sent.
enum Work {
    Chunk(RecordBatch),
    End,
}

/// What the encoder came to.
struct Encoded {
    hot: Option<Hot>,
    room: Option<Arc<Room>>,
    written: WrittenSet,
}

/// The reading thread, from the first piece to the last.
pub(super) fn run(job: &Job, mut pieces: mpsc::Receiver<Piece>) -> Result<Read> {
    let mut turn = Turn::new(Arc::clone(&job.turns), job.target.runtime.clone());
    let (options, held) = begin(job, &mut turn, &mut pieces)?;
    let how = How { behind: job.behind.as_ref(), block_bytes: job.block_bytes };
    let (mut reader, schema) = FileReader::new(&options, how)?;
    let (sender, receiver) = sync_channel(CHUNKS_WAITING_MAX);
    let encoder = encoder(job, schema.clone(), receiver)?;
    let counters = Arc::clone(&job.counters);
    let mut sink =
        Sink { sender, counters, schema, rows: 0, bad: Keeper::default(), unknown_keys: Vec::new() };
    let read = read(&mut reader, held, &mut turn, &mut pieces, &mut sink);
    let read = read.and_then(|()| turn.take(0)).and_then(|()| reader.finish(&mut sink));
    let Sink { sender, schema, rows, bad, unknown_keys, .. } = sink;
    if read.is_ok() {
        sender.send(Work::End).ok(); // if it is gone, its own error is the one to tell
    }
    drop(sender);
    let encoded =
        encoder.join().unwrap_or_else(|_| Err(codes::IMPORT_STOPPED.error("the encoding thread failed")));
    match (read, encoded) {
        (Ok(()), Ok(Encoded { hot, room, written })) => {
            Ok(Read { schema, options, rows, bad, unknown_keys, hot, room, written })
        }
        (Err(error), Err(cause)) if error.is(&codes::IMPORT_STOPPED) => Err(cause),
        (Err(error), _) | (Ok(()), Err(error)) => Err(error),
    }
}

/// The options, and what was taken from the file to find them.
fn begin(job: &Job, turn: &mut Turn, pieces: &mut mpsc::Receiver<Piece>) -> Result<(ReadOptions, Held)> {
    let mut held = Held { bytes: Vec::new(), ended: false };
    let (file_name, hints) = match &job.source {
        Source::Options(options) => return Ok(((**options).clone(), held)),
        Source::Detect { file_name, hints } => (file_name.as_deref(), hints),
    };
    while held.bytes.len() < DETECT_BYTES && !held.ended {
        match turn.next(pieces) {
            Some(Piece::Bytes(bytes)) => held.bytes.extend_from_slice(&bytes),
            Some(Piece::End) => held.ended = true,
            None => return Err(stopped()),
        }
    }
    turn.take(0)?;
    let sample = &held.bytes[..held.bytes.len().min(DETECT_BYTES)];
    let options = detected(sample, file_name, hints, job.behind.as_ref())?;
    Ok((options, held))
}

/// Pieces that came before reading could begin.
struct Held {
    bytes: Vec<u8>,
    ended: bool,
}

fn read(
    reader: &mut FileReader,
    held: Held,
    turn: &mut Turn,
    pieces: &mut mpsc::Receiver<Piece>,
    sink: &mut Sink,
) -> Result<()> {
    if !held.bytes.is_empty() {
        sink.counters.add_bytes(held.bytes.len());
        turn.take(held.bytes.len())?;
        reader.push(&held.bytes, sink)?;
    }
    if held.ended {
        return Ok(());
    }
    drop(held);
    loop {
        match turn.next(pieces) {
            Some(Piece::Bytes(bytes)) => {
                sink.counters.add_bytes(bytes.len());
                turn.take(bytes.len())?;
                reader.push(&bytes, sink)?;
            }
            Some(Piece::End) => return Ok(()),
            None => return Err(stopped()),
        }
    }
}

fn stopped() -> Error {
    codes::IMPORT_STOPPED.error("the file ended before its end")
}

/// Takes what the reader reads, on the reading thread.
struct Sink {
    sender: SyncSender<Work>,
    counters: Arc<Counters>,
    schema: Schema,
    rows: u64,
    bad: Keeper,
    unknown_keys: Vec<String>,
}

impl RowSink for Sink {
    fn chunk(&mut self, batch: RecordBatch) -> Result<()> {
        self.rows += batch.num_rows() as u64;
        if self.rows > IMPORT_ROWS_MAX {
            return Err(codes::ROWS.error(format!("more than {IMPORT_ROWS_MAX} rows")));
        }
        self.counters.add_rows(batch.num_rows());
        self.sender
            .send(Work::Chunk(batch))
            .map_err(|_| codes::IMPORT_STOPPED.error("the encoding thread has ended"))
    }

    fn bad_record(&mut self, record: &BadRecord<'_>) {
        self.bad.record(record);
        self.counters.add_bad();
    }

    fn bad_cell(&mut self, cell: &BadCell<'_>) {
        let column = self.schema.columns().get(cell.column).map_or("", |column| &column.name);
        self.bad.cell(cell, column);
        self.counters.add_bad();
    }

    fn unknown_key(&mut self, key: &str) {
        if self.unknown_keys.len() == UNKNOWN_KEYS_MAX || self.unknown_keys.iter().any(|known| known == key) {
            return;
        }
        let shown = |c: char| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c };
        let name: String = key.chars().take(COLUMN_NAME_CHARS_MAX).map(shown).collect();
        if !self.unknown_keys.contains(&name) {
            self.unknown_keys.push(name);
        }
    }
}

/// Starts the encoding thread.
fn encoder(job: &Job, schema: Schema, chunks: Receiver<Work>) -> Result<JoinHandle<Result<Encoded>>> {
    let (target, hot) = (job.target.clone(), job.hot.gather(&schema));
    std::thread::Builder::new()
        .name("wh-import-encode".to_owned())
        .spawn(Served::carried(move || encode(target, &schema, &hot, &chunks)))
        .map_err(|error| codes::IMPORT_STOPPED.caused("no thread for the encoder", error))
}

fn encode(target: Target, schema: &Schema, hot: &Gathered, chunks: &Receiver<Work>) -> Result<Encoded> {
    let mut writer = SegmentWriter::new(target, schema);
    loop {
        match chunks.recv() {
            Ok(Work::Chunk(batch)) => {
                hot.push(&batch)?;
                writer.write(&batch)?;
            }
            Ok(Work::End) => {
                let written = writer.finish()?;
                let (hot, room) = hot.finish().unzip();
                return Ok(Encoded { hot, room, written });
            }
            Err(_) => return Err(stopped()),
        }
    }
}
