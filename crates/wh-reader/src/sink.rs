//! Where a reader puts what it reads: chunks of good rows, and what is wrong with the others.
use arrow_array::RecordBatch;
use wh_base::Result;

use super::bad::Reason;
use super::split::BadRecord;

/// A record whose fields are well, but one of them is not of its column's type.
pub struct BadCell<'a> {
    /// Of the file, from 1.
    pub line: u64,
    /// The column's place in the schema.
    pub column: usize,
    /// Why.
    pub reason: Reason,
    /// As it stands in the file.
    pub raw: &'a [u8],
}

/// Takes what a reader reads.
pub trait RowSink {
    /// A chunk is complete. An error ends the reading.
    fn chunk(&mut self, batch: RecordBatch) -> Result<()>;
    /// A line is no record.
    fn bad_record(&mut self, record: &BadRecord<'_>);
    /// A record has a bad cell.
    fn bad_cell(&mut self, cell: &BadCell<'_>);
    /// The file names a column that the options do not know.
    fn unknown_key(&mut self, key: &str);
}
