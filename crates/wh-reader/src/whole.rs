//! A file that is in memory already, read in one go: for fuzz targets.
use arrow_array::RecordBatch;
use wh_base::Result;

use super::bad::Reason;
use super::file::{FileReader, How};
use super::options::ReadOptions;
use super::sink::{BadCell, RowSink};
use super::split::BadRecord;

/// What a file holds.
#[derive(Debug, Default, PartialEq)]
pub struct WholeFile {
    /// Its rows.
    pub chunks: Vec<RecordBatch>,
    /// Its bad lines in their order with their reason, and the column where it is one.
    pub bad: Vec<(u64, Reason, Option<usize>)>,
    /// Keys that the options do not know.
    pub unknown: Vec<String>,
}

/// Reads the pieces of a file, one behind the other, in blocks of this size.
pub fn read_whole(options: &ReadOptions, pieces: &[&[u8]], block_bytes: usize) -> Result<WholeFile> {
    let (mut reader, _) = FileReader::new(options, How { behind: None, block_bytes })?;
    let mut whole = WholeFile::default();
    for piece in pieces {
        reader.push(piece, &mut whole)?;
    }
    reader.finish(&mut whole)?;
    // Within a block, lines that are no records come before those with a bad cell.
    whole.bad.sort_by_key(|(line, _, _)| *line);
    Ok(whole)
}

impl RowSink for WholeFile {
    fn chunk(&mut self, batch: RecordBatch) -> Result<()> {
        self.chunks.push(batch);
        Ok(())
    }

    fn bad_record(&mut self, record: &BadRecord<'_>) {
        self.bad.push((record.line, record.reason, None));
    }

    fn bad_cell(&mut self, cell: &BadCell<'_>) {
        self.bad.push((cell.line, cell.reason, Some(cell.column)));
    }

    fn unknown_key(&mut self, key: &str) {
        self.unknown.push(key.to_owned());
    }
}
