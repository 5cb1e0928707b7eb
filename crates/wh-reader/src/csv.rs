//! Reads delimited text of a known dialect into chunks, column by column over small blocks. Takes decoded bytes, any cut.
use wh_base::Result;

use super::bad::Reason;
use super::columns::ChunkBuilder;
use super::options::{Dialect, Header, ReadOptions};
use super::sink::{BadCell, RowSink};
use super::split::{BadRecord, Index, More, Splitter};
use super::unquote::unquote;

/// The state between pieces.
pub(crate) struct CsvReader {
    dialect: Dialect,
    splitter: Splitter,
    /// Columns of the file, and for each column of the chunk its place in the file.
    columns: usize,
    sources: Vec<usize>,
    header_due: bool,
    block_bytes: usize,
    buffer: Vec<u8>,
    index: Index,
    bad: Vec<(usize, usize, Reason)>,
}

impl CsvReader {
    /// Whose chunks have the columns at these places of the file.
    pub(crate) fn new(options: &ReadOptions, sources: Vec<usize>, block_bytes: usize) -> Result<Self> {
        let dialect = options.dialect()?;
        let columns = options.columns.len();
        Ok(Self {
            dialect,
            splitter: Splitter::new(dialect, columns),
            columns,
            sources,
            header_due: options.header == Header::Present,
            block_bytes,
            buffer: Vec::with_capacity(block_bytes * 2),
            index: Index::default(),
            bad: Vec::new(),
        })
    }

    /// Where decoded bytes are appended before `run`.
    pub(crate) fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }

    /// Reads what is complete, when there is enough of it.
    pub(crate) fn run(&mut self, chunk: &mut ChunkBuilder, sink: &mut dyn RowSink) -> Result<()> {
        if self.buffer.len() < self.block_bytes {
            return Ok(());
        }
        self.blocks(More::Perhaps, chunk, sink)
    }

    /// Reads the rest; the file has ended.
    pub(crate) fn finish(&mut self, chunk: &mut ChunkBuilder, sink: &mut dyn RowSink) -> Result<()> {
        let terminator = self.dialect.terminator();
        if self.buffer.last().is_some_and(|last| *last != terminator) {
            self.buffer.push(terminator);
        }
        self.blocks(More::No, chunk, sink)?;
        if let Some(batch) = chunk.take()? {
            sink.chunk(batch)?;
        }
        Ok(())
    }

    fn blocks(&mut self, more: More, chunk: &mut ChunkBuilder, sink: &mut dyn RowSink) -> Result<()> {
        let buffer = std::mem::take(&mut self.buffer);
        let mut done = 0;
        while done < buffer.len() {
            let data = &buffer[done..];
            let rows_max = if self.header_due { 1 } else { chunk.room() };
            let line = self.splitter.line();
            // A header may differ from the columns in number: it is dropped by its place, not by its form.
            let header_due = self.header_due;
            let mut dropped = false;
            let taken = self.splitter.split(data, more, rows_max, &mut self.index, &mut |record| {
                if header_due && !dropped {
                    dropped = true;
                } else {
                    sink.bad_record(&record);
                }
            });
            if self.header_due && (dropped || self.index.rows() > 0) {
                self.header_due = false;
                if !dropped {
                    self.index.clear();
                }
            }
            self.rows(&data[..taken], line, chunk, sink);
            done += taken;
            if chunk.is_full()
                && let Some(batch) = chunk.take()?
            {
                sink.chunk(batch)?;
            }
            if taken == 0 {
                break;
            }
        }
        self.buffer = buffer;
        self.buffer.drain(..done);
        Ok(())
    }

    /// The records of one block into the columns.
    fn rows(&mut self, data: &[u8], line: u64, chunk: &mut ChunkBuilder, sink: &mut dyn RowSink) {
        if std::str::from_utf8(data).is_err() {
            self.drop_undecoded(data, line, sink);
        }
        let (index, dialect, columns) = (&self.index, self.dialect, self.columns);
        let rows = index.rows();
        if rows == 0 {
            return;
        }
        self.bad.clear();
        for (at, source) in self.sources.iter().enumerate() {
            let bad = &mut self.bad;
            let cells = (0..rows).map(|row| unquote(index.field(data, columns, row, *source), dialect));
            chunk.columns[at].extend(cells, &mut |row, reason| bad.push((row, at, reason)));
        }
        // One reason per row: that of its first column.
        self.bad.sort_unstable_by_key(|(row, at, _)| (*row, *at));
        self.bad.dedup_by_key(|(row, _, _)| *row);
        for (row, at, reason) in &self.bad {
            sink.bad_cell(&BadCell {
                line: line + u64::from(index.lines[*row]),
                column: *at,
                reason: *reason,
                raw: index.record(data, columns, *row),
            });
        }
        chunk.grown(rows, self.bad.iter().map(|(row, _, _)| *row));
    }

    /// Takes the records that are no characters out of the index.
    fn drop_undecoded(&mut self, data: &[u8], line: u64, sink: &mut dyn RowSink) {
        let mut kept = Index::default();
        for row in 0..self.index.rows() {
            let raw = self.index.record(data, self.columns, row);
            if std::str::from_utf8(raw).is_ok() {
                kept.starts.push(self.index.starts[row]);
                kept.lines.push(self.index.lines[row]);
                kept.ends.extend_from_slice(&self.index.ends[row * self.columns..(row + 1) * self.columns]);
            } else {
                let line = line + u64::from(self.index.lines[row]);
                sink.bad_record(&BadRecord { line, reason: Reason::Encoding, raw });
            }
        }
        self.index = kept;
    }
}
