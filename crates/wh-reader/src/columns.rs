//! Typed columns that grow cell by cell into a chunk of Arrow arrays. Says what is wrong with a cell; never guesses.
use std::borrow::Cow;
use std::sync::Arc;

use arrow_array::types::{Date32Type, Float64Type, Int64Type, TimestampMicrosecondType, UInt32Type};
use arrow_array::{ArrayRef, BooleanArray, DictionaryArray, PrimitiveArray, RecordBatch, StringArray};
use arrow_buffer::{BooleanBufferBuilder, Buffer, NullBufferBuilder, OffsetBuffer, ScalarBuffer};
use arrow_schema::SchemaRef;
use wh_base::Result;

use super::bad::Reason;
use super::intern::Interner;
use super::moment;
use super::nulls::NullWords;
use super::options::{FIELD_BYTES_MAX, ReadOptions};
use super::value::{self, NotInt};
use crate::codes;
use crate::model::{CHUNK_ROWS, ColumnType, Schema};

/// Bytes that a chunk may hold; wide or long rows make chunks of fewer rows.
pub const CHUNK_BYTES_MAX: usize = 8 * 1024 * 1024;

enum Data {
    Text(Interner),
    Int(Vec<i64>),
    Double(Vec<f64>),
    Bool(BooleanBufferBuilder),
    Date(Vec<i32>),
    DateTime(Vec<i64>),
}

/// One column of the chunk that is being filled.
pub(crate) struct ColumnBuilder {
    data: Data,
    nulls: NullWords,
    valid: NullBufferBuilder,
}

/// What a cell is, before its column takes it.
enum Cell<T> {
    Value(T),
    Null,
    Bad(Reason),
}

/// Reads a typed cell; null words are looked up only when it is no value, white space is cut only then.
#[inline]
fn typed<T>(cell: &[u8], nulls: &NullWords, parse: impl Fn(&[u8]) -> Result<T, Reason>) -> Cell<T> {
    if cell.is_empty() {
        return Cell::Null; // nothing is no value of any type but text
    }
    match parse(cell) {
        Ok(value) => Cell::Value(value),
        Err(reason) => typed_again(cell, nulls, parse, reason),
    }
}

fn typed_again<T>(
    cell: &[u8],
    nulls: &NullWords,
    parse: impl Fn(&[u8]) -> Result<T, Reason>,
    reason: Reason,
) -> Cell<T> {
    let cut = value::trim(cell);
    if cut.is_empty() || nulls.has(cell) || nulls.has(cut) {
        return Cell::Null;
    }
    if cut.len() == cell.len() {
        return Cell::Bad(reason);
    }
    match parse(cut) {
        Ok(value) => Cell::Value(value),
        Err(reason) => Cell::Bad(reason),
    }
}

#[inline]
fn parse_int(cell: &[u8]) -> Result<i64, Reason> {
    match value::int(cell) {
        Ok(i64::MIN) | Err(NotInt::Range) => Err(Reason::IntegerRange), // the engine keeps one code for null
        Ok(value) => Ok(value),
        Err(NotInt::Form) => Err(Reason::NotInteger),
    }
}

#[inline]
fn parse_double(cell: &[u8]) -> Result<f64, Reason> {
    value::double(cell).ok_or(Reason::NotNumber)
}

fn parse_bool(cell: &[u8]) -> Result<bool, Reason> {
    value::boolean(cell).ok_or(Reason::NotBoolean)
}

fn parse_date(cell: &[u8]) -> Result<i32, Reason> {
    moment::date(cell).ok_or(Reason::NotDate)
}

fn parse_datetime(cell: &[u8]) -> Result<i64, Reason> {
    moment::datetime(cell).ok_or(Reason::NotDateTime)
}

#[inline]
fn parse_text(cell: &[u8]) -> Result<(), Reason> {
    if cell.len() > FIELD_BYTES_MAX { Err(Reason::FieldTooLong) } else { Ok(()) }
}

/// What is wrong with a cell of this type, if anything; `Ok(None)` is an empty cell. For previews.
pub(crate) fn check(kind: ColumnType, cell: &[u8], nulls: &NullWords) -> Result<Option<()>, Reason> {
    fn done<T>(cell: &Cell<T>) -> Result<Option<()>, Reason> {
        match cell {
            Cell::Value(_) => Ok(Some(())),
            Cell::Null => Ok(None),
            Cell::Bad(reason) => Err(*reason),
        }
    }
    match kind {
        ColumnType::Text if cell.is_empty() || nulls.has(cell) => Ok(None),
        ColumnType::Text => parse_text(cell).map(Some),
        ColumnType::Int => done(&typed(cell, nulls, parse_int)),
        ColumnType::Double => done(&typed(cell, nulls, parse_double)),
        ColumnType::Bool => done(&typed(cell, nulls, parse_bool)),
        ColumnType::Date => done(&typed(cell, nulls, parse_date)),
        ColumnType::DateTime => done(&typed(cell, nulls, parse_datetime)),
    }
}

impl ColumnBuilder {
    fn new(kind: ColumnType, nulls: NullWords) -> Self {
        let data = match kind {
            ColumnType::Text => Data::Text(Interner::default()),
            ColumnType::Int => Data::Int(Vec::new()),
            ColumnType::Double => Data::Double(Vec::new()),
            ColumnType::Bool => Data::Bool(BooleanBufferBuilder::new(0)),
            ColumnType::Date => Data::Date(Vec::new()),
            ColumnType::DateTime => Data::DateTime(Vec::new()),
        };
        Self { data, nulls, valid: NullBufferBuilder::new(CHUNK_ROWS) }
    }

    /// Appends the cells of many rows; a bad one becomes null and is told with its place among them.
    #[inline]
    pub(crate) fn extend<'a>(
        &mut self,
        cells: impl Iterator<Item = Cow<'a, [u8]>>,
        bad: &mut dyn FnMut(usize, Reason),
    ) {
        let (nulls, valid) = (&self.nulls, &mut self.valid);
        match &mut self.data {
            Data::Text(texts) => extend_text(texts, cells, nulls, valid, bad),
            Data::Int(values) => extend_with(cells, nulls, valid, bad, parse_int, |value| values.push(value)),
            Data::Double(values) => {
                extend_with(cells, nulls, valid, bad, parse_double, |value| values.push(value));
            }
            Data::Bool(values) => {
                extend_with(cells, nulls, valid, bad, parse_bool, |value| values.append(value));
            }
            Data::Date(values) => {
                extend_with(cells, nulls, valid, bad, parse_date, |value| values.push(value));
            }
            Data::DateTime(values) => {
                extend_with(cells, nulls, valid, bad, parse_datetime, |value| values.push(value));
            }
        }
    }

    /// Appends one cell; `None` is an absent one.
    pub(crate) fn append(&mut self, cell: Option<Cow<'_, [u8]>>) -> Result<(), Reason> {
        let mut wrong = Ok(());
        let cell = cell.unwrap_or(Cow::Borrowed(b""));
        self.extend(std::iter::once(cell), &mut |_, reason| wrong = Err(reason));
        wrong
    }

    fn size(&self) -> usize {
        match &self.data {
            Data::Text(texts) => texts.size(),
            Data::Int(values) | Data::DateTime(values) => values.len() * 8,
            Data::Double(values) => values.len() * 8,
            Data::Bool(values) => values.len() / 8,
            Data::Date(values) => values.len() * 4,
        }
    }

    fn finish(&mut self) -> Result<ArrayRef> {
        let valid = self.valid.finish();
        Ok(match &mut self.data {
            Data::Text(texts) => {
                let held = texts.take();
                let offsets = OffsetBuffer::new(ScalarBuffer::from(held.offsets));
                // Checks that the bytes are characters, once per distinct text.
                let values = StringArray::try_new(offsets, Buffer::from(held.bytes), None).map_err(broken)?;
                let keys = PrimitiveArray::<UInt32Type>::try_new(held.keys.into(), valid).map_err(broken)?;
                Arc::new(DictionaryArray::try_new(keys, Arc::new(values)).map_err(broken)?)
            }
            Data::Int(values) => Arc::new(
                PrimitiveArray::<Int64Type>::try_new(std::mem::take(values).into(), valid).map_err(broken)?,
            ),
            Data::Double(values) => Arc::new(
                PrimitiveArray::<Float64Type>::try_new(std::mem::take(values).into(), valid)
                    .map_err(broken)?,
            ),
            Data::Bool(values) => Arc::new(BooleanArray::new(values.finish(), valid)),
            Data::Date(values) => Arc::new(
                PrimitiveArray::<Date32Type>::try_new(std::mem::take(values).into(), valid)
                    .map_err(broken)?,
            ),
            Data::DateTime(values) => {
                let values = std::mem::take(values).into();
                let array =
                    PrimitiveArray::<TimestampMicrosecondType>::try_new(values, valid).map_err(broken)?;
                Arc::new(array.with_timezone("UTC"))
            }
        })
    }
}

fn broken(error: arrow_schema::ArrowError) -> wh_base::Error {
    codes::SEGMENT.caused("a chunk cannot be made", error)
}

#[inline]
fn extend_with<'a, T: Default>(
    cells: impl Iterator<Item = Cow<'a, [u8]>>,
    nulls: &NullWords,
    valid: &mut NullBufferBuilder,
    bad: &mut dyn FnMut(usize, Reason),
    parse: impl Fn(&[u8]) -> Result<T, Reason>,
    mut push: impl FnMut(T),
) {
    for (row, cell) in cells.enumerate() {
        match typed(&cell, nulls, &parse) {
            Cell::Value(value) => {
                push(value);
                valid.append_non_null();
            }
            Cell::Null => {
                push(T::default());
                valid.append_null();
            }
            Cell::Bad(reason) => {
                push(T::default());
                valid.append_null();
                bad(row, reason);
            }
        }
    }
}

fn extend_text<'a>(
    texts: &mut Interner,
    cells: impl Iterator<Item = Cow<'a, [u8]>>,
    nulls: &NullWords,
    valid: &mut NullBufferBuilder,
    bad: &mut dyn FnMut(usize, Reason),
) {
    for (row, cell) in cells.enumerate() {
        if cell.is_empty() || nulls.has(&cell) {
            texts.append_null();
            valid.append_null();
        } else if let Err(reason) = parse_text(&cell) {
            texts.append_null();
            valid.append_null();
            bad(row, reason);
        } else {
            texts.append(&cell);
            valid.append_non_null();
        }
    }
}

/// The chunk that is being filled: all columns, and which rows turned out bad.
pub(crate) struct ChunkBuilder {
    schema: SchemaRef,
    pub(crate) columns: Vec<ColumnBuilder>,
    rows: usize,
    bad_rows: Vec<usize>,
}

impl ChunkBuilder {
    /// For columns that stand at these places of the options.
    pub(crate) fn new(schema: &Schema, options: &ReadOptions, places: &[usize]) -> Self {
        let file_nulls = NullWords::new(&options.nulls);
        let columns = places
            .iter()
            .map(|place| {
                let plan = &options.columns[*place];
                let nulls =
                    plan.nulls.as_ref().map_or_else(|| file_nulls.clone(), |words| NullWords::new(words));
                ColumnBuilder::new(plan.kind, nulls)
            })
            .collect();
        Self { schema: schema.arrow(), columns, rows: 0, bad_rows: Vec::new() }
    }

    /// How many rows it takes before it is full.
    pub(crate) fn room(&self) -> usize {
        CHUNK_ROWS - self.rows
    }

    /// All columns have got this many cells; these of the rows (by their place among the new ones) are bad.
    pub(crate) fn grown(&mut self, rows: usize, bad: impl Iterator<Item = usize>) {
        self.bad_rows.extend(bad.map(|row| self.rows + row));
        self.rows += rows;
    }

    /// Whether it must be taken before the next rows come.
    pub(crate) fn is_full(&self) -> bool {
        self.rows >= CHUNK_ROWS
            || self.columns.iter().map(ColumnBuilder::size).sum::<usize>() >= CHUNK_BYTES_MAX
    }

    /// The rows that are not bad, if there are any; starts anew.
    pub(crate) fn take(&mut self) -> Result<Option<RecordBatch>> {
        let arrays = self.columns.iter_mut().map(ColumnBuilder::finish).collect::<Result<Vec<_>>>()?;
        let rows = std::mem::take(&mut self.rows);
        let bad_rows = std::mem::take(&mut self.bad_rows);
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), arrays).map_err(broken)?;
        if bad_rows.is_empty() {
            return Ok(Some(batch).filter(|batch| batch.num_rows() > 0));
        }
        let mut keep = BooleanBufferBuilder::new(rows);
        keep.append_n(rows, true);
        for row in bad_rows {
            keep.set_bit(row, false);
        }
        let keep = BooleanArray::new(keep.finish(), None);
        let batch = arrow_select::filter::filter_record_batch(&batch, &keep).map_err(broken)?;
        Ok(Some(batch).filter(|batch| batch.num_rows() > 0))
    }
}
