//! A dataset in memory: chunks of coded columns and one dictionary per text column. Immutable once finished.
use std::sync::Arc;

use arrow_array::builder::{
    BooleanBuilder, Date32Builder, Float64Builder, Int64Builder, StringDictionaryBuilder,
    TimestampMicrosecondBuilder,
};
use arrow_array::types::UInt32Type;
use arrow_array::{ArrayRef, RecordBatch};
use wh_base::Result;

use super::column::{ColumnChunk, Form, NULL, POWERS, gcd, number_code};
use super::dictionary::Dictionary;
use crate::codes;
use crate::model::{CHUNK_ROWS, ColumnType, Schema};

/// Rows of a chunk as a power of two, so that a row number splits by shifts.
pub(crate) const CHUNK_SHIFT: u32 = CHUNK_ROWS.trailing_zeros();

/// A dataset in memory. Cheap to clone; immutable.
#[derive(Clone, Debug)]
pub struct Hot(Arc<HotData>);

#[derive(Debug)]
pub(crate) struct HotData {
    pub(crate) schema: Schema,
    pub(crate) rows: usize,
    /// All full but the last.
    pub(crate) chunks: Vec<Arc<Chunk>>,
    /// One per text column, in the places of the columns.
    pub(crate) dictionaries: Vec<Option<Arc<Dictionary>>>,
    /// What the values of each column span over all chunks.
    pub(crate) spans: Vec<Span>,
    bytes: u64,
}

/// Up to 65,536 rows.
#[derive(Debug)]
pub(crate) struct Chunk {
    pub(crate) rows: usize,
    pub(crate) columns: Vec<ColumnChunk>,
}

/// The values of a column over all chunks, as whole numbers in one frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Span {
    /// All chunks are whole numbers, or whole numbers over the same power of ten.
    Whole { min: i64, max: i64, scale: u64, decimals: u8 },
    /// Numbers, by their ordered bits.
    Float { min: u64, max: u64 },
    /// Places in the order of the dictionary.
    Text,
    /// Every cell is empty.
    Empty,
}

impl Hot {
    pub(crate) fn new(
        schema: Schema,
        chunks: Vec<Arc<Chunk>>,
        dictionaries: Vec<Option<Arc<Dictionary>>>,
    ) -> Self {
        let rows = chunks.iter().map(|chunk| chunk.rows).sum();
        let spans = (0..schema.len()).map(|place| span(&chunks, place)).collect();
        let bytes = chunks.iter().map(|chunk| chunk.bytes()).sum::<u64>()
            + dictionaries.iter().flatten().map(|dictionary| dictionary.bytes()).sum::<u64>();
        Self(Arc::new(HotData { schema, rows, chunks, dictionaries, spans, bytes }))
    }

    pub(crate) fn data(&self) -> &HotData {
        &self.0
    }

    /// How many rows it has.
    pub fn rows(&self) -> u64 {
        self.0.rows as u64
    }

    /// Bytes in memory.
    pub fn bytes(&self) -> u64 {
        self.0.bytes
    }

    /// The schema of its rows.
    pub fn schema(&self) -> &Schema {
        &self.0.schema
    }

    /// How many chunks it has.
    pub fn chunks(&self) -> usize {
        self.0.chunks.len()
    }

    /// A chunk as a plain Arrow batch, in the types of [`Schema::arrow`].
    pub fn batch(&self, chunk: usize) -> Result<RecordBatch> {
        let chunk = &self.0.chunks[chunk];
        let columns = (0..self.0.schema.len()).map(|place| self.array(chunk, place)).collect();
        RecordBatch::try_new(self.0.schema.arrow(), columns)
            .map_err(|error| codes::SEGMENT.caused("a chunk does not fit its schema", error))
    }

    fn array(&self, chunk: &Chunk, place: usize) -> ArrayRef {
        let column = &chunk.columns[place];
        let codes = (0..chunk.rows).map(|row| Some(column.codes.at(row)).filter(|&code| code != NULL));
        let (base, scale) = match column.form {
            Form::Whole { base, scale } => (base, scale),
            _ => (0, 1),
        };
        let whole = codes.clone().map(|code| code.map(|code| ColumnChunk::whole(base, scale, code)));
        match self.0.schema.columns()[place].kind {
            ColumnType::Int => {
                let mut array = Int64Builder::with_capacity(chunk.rows);
                whole.for_each(|value| array.append_option(value));
                Arc::new(array.finish())
            }
            ColumnType::Double => {
                let mut array = Float64Builder::with_capacity(chunk.rows);
                codes.for_each(|code| array.append_option(code.map(|code| column.number(code))));
                Arc::new(array.finish())
            }
            ColumnType::Bool => {
                let mut array = BooleanBuilder::with_capacity(chunk.rows);
                whole.for_each(|value| array.append_option(value.map(|value| value != 0)));
                Arc::new(array.finish())
            }
            ColumnType::Date => {
                let mut array = Date32Builder::with_capacity(chunk.rows);
                whole.for_each(|value| array.append_option(value.map(|value| value as i32)));
                Arc::new(array.finish())
            }
            ColumnType::DateTime => {
                let mut array = TimestampMicrosecondBuilder::with_capacity(chunk.rows).with_timezone("UTC");
                whole.for_each(|value| array.append_option(value));
                Arc::new(array.finish())
            }
            ColumnType::Text => {
                let mut array = StringDictionaryBuilder::<UInt32Type>::new();
                let dictionary = self.0.dictionaries[place].as_deref();
                for code in codes {
                    match code.zip(dictionary) {
                        Some((code, dictionary)) => array.append_value(dictionary.get(code)),
                        None => array.append_null(),
                    }
                }
                Arc::new(array.finish())
            }
        }
    }
}

impl HotData {
    /// The dictionary of a text column.
    pub(crate) fn dictionary(&self, place: usize) -> Option<&Dictionary> {
        self.dictionaries.get(place).and_then(|dictionary| dictionary.as_deref())
    }

    /// The column of a row, and the row's place in that chunk.
    #[inline]
    pub(crate) fn cell(&self, row: u32, place: usize) -> (&ColumnChunk, u64) {
        let chunk = &self.chunks[(row >> CHUNK_SHIFT) as usize];
        let column = &chunk.columns[place];
        (column, column.codes.at(row as usize & (CHUNK_ROWS - 1)))
    }
}

impl Chunk {
    pub(crate) fn bytes(&self) -> u64 {
        let codes: u64 = self.columns.iter().map(|column| column.codes.bytes()).sum();
        codes + size_of_val(self.columns.as_slice()) as u64
    }
}

/// One frame for a column over all its chunks.
fn span(chunks: &[Arc<Chunk>], place: usize) -> Span {
    let columns = || chunks.iter().map(|chunk| &chunk.columns[place]).filter(|column| column.max != NULL);
    let Some(first) = columns().next() else { return Span::Empty };
    if first.form == Form::Text {
        return Span::Text;
    }
    let decimals = columns()
        .map(|column| match column.form {
            Form::Whole { .. } => Some(0),
            Form::Decimal { decimals, .. } => Some(decimals),
            Form::Float | Form::Text => None,
        })
        .try_fold(0, |most, decimals| decimals.map(|decimals: u8| most.max(decimals)));
    let Some(decimals) = decimals else {
        let ends = |column: &ColumnChunk| {
            (number_code(column.number(column.min)), number_code(column.number(column.max)))
        };
        let min = columns().map(|column| ends(column).0).min().unwrap_or(0);
        let max = columns().map(|column| ends(column).1).max().unwrap_or(0);
        return Span::Float { min, max };
    };
    let frames = || columns().map(|column| (frame(column, decimals), column.max));
    let min = frames().map(|((base, _), _)| base).min().unwrap_or(0);
    let max = frames().map(|((base, scale), max)| ColumnChunk::whole(base, scale, max)).max().unwrap_or(0);
    let scale = frames().fold(0, |common, ((base, scale), max)| {
        // A chunk of one value has no step of its own.
        let step = if max > 1 { scale } else { 0 };
        gcd(gcd(common, step), base.wrapping_sub(min) as u64)
    });
    Span::Whole { min, max, scale: scale.max(1), decimals }
}

/// Base and scale of a chunk's column, brought to so many decimals.
pub(crate) fn frame(column: &ColumnChunk, decimals: u8) -> (i64, u64) {
    match column.form {
        Form::Whole { base, scale } => (base, scale),
        Form::Decimal { base, scale, decimals: own } => {
            let power = POWERS[usize::from(decimals - own)] as i64;
            (base * power, scale * power as u64)
        }
        Form::Float | Form::Text => (0, 1),
    }
}
