//! Reads a whole file of known options piece by piece: decoding, lines, typed cells, chunks. Any cut of the pieces, and blocks of
//! any size, give the same rows.
use wh_base::Result;

use super::binary::{MAGIC_BYTES, refuse_known, refuse_nul};
use super::columns::ChunkBuilder;
use super::csv::CsvReader;
use super::encoding::Decoder;
use super::ndjson::NdjsonReader;
use super::options::{Format, ReadOptions};
use super::places::places;
use super::sink::RowSink;
use crate::model::Schema;

/// Bytes that are split and read in one go: the block and its index stay in the processor's cache.
pub const BLOCK_BYTES: usize = 256 * 1024;

/// How a file is read beside its options.
#[derive(Clone, Copy)]
pub struct How<'a> {
    /// The columns of the rows that its rows come behind, if they do.
    pub behind: Option<&'a Schema>,
    /// Bytes that are read in one go.
    pub block_bytes: usize,
}

enum Lines {
    Csv(CsvReader),
    Ndjson(NdjsonReader),
}

/// The bytes taken per turn, so that a large piece does not swell the buffer.
const PIECE_BYTES: usize = 256 * 1024;

/// The reader of one file.
pub struct FileReader {
    /// The first bytes, until they are enough to know a binary format by.
    begin: Vec<u8>,
    decoder: Decoder,
    lines: Lines,
    chunk: ChunkBuilder,
}

impl FileReader {
    /// For checked options; answers the schema of the rows that will come.
    pub fn new(options: &ReadOptions, how: How<'_>) -> Result<(Self, Schema)> {
        let own = options.check()?;
        let schema = how.behind.cloned().unwrap_or(own);
        let places = places(options, how.behind)?;
        let chunk = ChunkBuilder::new(&schema, options, &places);
        let lines = match options.format {
            Format::Csv | Format::Tsv => Lines::Csv(CsvReader::new(options, places, how.block_bytes)?),
            Format::Ndjson => Lines::Ndjson(NdjsonReader::new(options, &places, how.block_bytes)?),
        };
        Ok((
            Self {
                begin: Vec::with_capacity(MAGIC_BYTES),
                decoder: Decoder::new(options.encoding),
                lines,
                chunk,
            },
            schema,
        ))
    }

    /// The next piece of the file.
    pub fn push(&mut self, bytes: &[u8], sink: &mut dyn RowSink) -> Result<()> {
        if self.begin.len() < MAGIC_BYTES {
            self.begin.extend(bytes.iter().take(MAGIC_BYTES - self.begin.len()));
            refuse_known(&self.begin)?;
        }
        for piece in bytes.chunks(PIECE_BYTES) {
            let buffer = match &mut self.lines {
                Lines::Csv(reader) => reader.buffer(),
                Lines::Ndjson(reader) => reader.buffer(),
            };
            let before = buffer.len();
            self.decoder.decode(piece, buffer);
            refuse_nul(&buffer[before..])?;
            match &mut self.lines {
                Lines::Csv(reader) => reader.run(&mut self.chunk, sink)?,
                Lines::Ndjson(reader) => reader.run(&mut self.chunk, sink)?,
            }
        }
        Ok(())
    }

    /// The end of the file.
    pub fn finish(mut self, sink: &mut dyn RowSink) -> Result<()> {
        match &mut self.lines {
            Lines::Csv(reader) => {
                self.decoder.finish(reader.buffer());
                reader.finish(&mut self.chunk, sink)
            }
            Lines::Ndjson(reader) => {
                self.decoder.finish(reader.buffer());
                reader.finish(&mut self.chunk, sink)
            }
        }
    }
}
