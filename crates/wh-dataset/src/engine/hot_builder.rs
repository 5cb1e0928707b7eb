//! Makes a dataset in memory from Arrow batches of any size, or from one that is there and rows to append. No I/O.
use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowDictionaryKeyType, ArrowPrimitiveType, Date32Type, Float64Type, Int64Type, TimestampMicrosecondType,
    UInt32Type,
};
use arrow_array::{Array, DictionaryArray, RecordBatch, StringArray};
use arrow_buffer::ArrowNativeType;
use wh_base::{Error, Result};

use super::column::ColumnChunk;
use super::dictionary::Dictionary;
use super::hot::{Chunk, Hot};
use crate::codes;
use crate::model::{CHUNK_ROWS, ColumnType, Schema};

/// Texts that are kept in order; more are ranked when a view first sorts by them.
const ORDERED_TEXTS_MAX: usize = 65_535;

/// Takes batches, gives a [`Hot`]. Rows keep their order.
pub struct HotBuilder {
    schema: Schema,
    chunks: Vec<Arc<Chunk>>,
    dictionaries: Vec<Option<Arc<Dictionary>>>,
    open: Vec<Open>,
    open_rows: usize,
    chunk_bytes: u64,
}

/// The chunk that is being filled.
enum Open {
    /// `i64::MIN` is empty.
    Whole(Vec<i64>),
    /// NaN is empty.
    Number(Vec<f64>),
    /// 0 is empty.
    Text(Vec<u32>),
}

impl Open {
    fn of(kind: ColumnType) -> Self {
        match kind {
            ColumnType::Text => Self::Text(Vec::new()),
            ColumnType::Double => Self::Number(Vec::new()),
            ColumnType::Int | ColumnType::Bool | ColumnType::Date | ColumnType::DateTime => {
                Self::Whole(Vec::new())
            }
        }
    }

    /// Room for more rows of a chunk: never more than for a whole one.
    fn reserve(&mut self, rows: usize) {
        match self {
            Self::Whole(values) => reserve(values, rows),
            Self::Number(values) => reserve(values, rows),
            Self::Text(values) => reserve(values, rows),
        }
    }

    /// Bytes it holds, whether they are filled or not.
    fn bytes(&self) -> usize {
        match self {
            Self::Whole(values) => values.capacity() * size_of::<i64>(),
            Self::Number(values) => values.capacity() * size_of::<f64>(),
            Self::Text(values) => values.capacity() * size_of::<u32>(),
        }
    }

    fn close(&mut self) -> ColumnChunk {
        match self {
            Self::Whole(values) => {
                let column = ColumnChunk::of_whole(values);
                values.clear();
                column
            }
            Self::Number(values) => {
                let column = ColumnChunk::of_numbers(values);
                values.clear();
                column
            }
            Self::Text(values) => {
                let column = ColumnChunk::of_text(values);
                values.clear();
                column
            }
        }
    }
}

fn reserve<T>(values: &mut Vec<T>, rows: usize) {
    let wanted = values.len() + rows;
    if wanted > values.capacity() {
        let grown = (values.capacity() * 2).min(CHUNK_ROWS).max(wanted);
        values.reserve_exact(grown - values.len());
    }
}

impl HotBuilder {
    /// From nothing.
    pub fn new(schema: &Schema) -> Self {
        let kinds = || schema.columns().iter().map(|column| column.kind);
        Self {
            schema: schema.clone(),
            chunks: Vec::new(),
            dictionaries: kinds()
                .map(|kind| (kind == ColumnType::Text).then(|| Arc::new(Dictionary::new())))
                .collect(),
            open: kinds().map(Open::of).collect(),
            open_rows: 0,
            chunk_bytes: 0,
        }
    }

    /// From what is there, to append to. Full chunks are shared with it.
    pub fn resume(hot: &Hot) -> Result<Self> {
        let mut builder = Self::new(hot.schema());
        builder.dictionaries.clone_from(&hot.data().dictionaries);
        for (place, chunk) in hot.data().chunks.iter().enumerate() {
            if chunk.rows == CHUNK_ROWS {
                builder.chunk_bytes += chunk.bytes();
                builder.chunks.push(Arc::clone(chunk));
            } else {
                builder.push(&hot.batch(place)?)?;
            }
        }
        Ok(builder)
    }

    /// Append the rows of a batch in the types of [`Schema::arrow`]; text may also be plain `Utf8`.
    pub fn push(&mut self, batch: &RecordBatch) -> Result<()> {
        if batch.num_columns() != self.schema.len() {
            return Err(codes::SEGMENT.error("a batch has another number of columns than its schema"));
        }
        let mut offset = 0;
        while offset < batch.num_rows() {
            let rows = (CHUNK_ROWS - self.open_rows).min(batch.num_rows() - offset);
            self.open.iter_mut().for_each(|open| open.reserve(rows));
            for place in 0..self.schema.len() {
                self.push_column(place, &*batch.column(place).slice(offset, rows))?;
            }
            self.open_rows += rows;
            offset += rows;
            if self.open_rows == CHUNK_ROWS {
                self.close();
            }
        }
        Ok(())
    }

    fn push_column(&mut self, place: usize, array: &dyn Array) -> Result<()> {
        let kind = self.schema.columns()[place].kind;
        let wrong = || wrong_type(&self.schema.columns()[place].name);
        match (&mut self.open[place], kind) {
            (Open::Whole(values), ColumnType::Bool) => {
                let array = array.as_boolean_opt().ok_or_else(wrong)?;
                values.extend(array.iter().map(|value| value.map_or(i64::MIN, i64::from)));
            }
            (Open::Whole(values), ColumnType::Date) => {
                push_whole::<Date32Type>(values, array).ok_or_else(wrong)?;
            }
            (Open::Whole(values), ColumnType::DateTime) => {
                push_whole::<TimestampMicrosecondType>(values, array).ok_or_else(wrong)?;
            }
            (Open::Whole(values), _) => push_whole::<Int64Type>(values, array).ok_or_else(wrong)?,
            (Open::Number(values), _) => {
                let array = array.as_primitive_opt::<Float64Type>().ok_or_else(wrong)?;
                let finite = |value: f64| if value.is_finite() { value + 0.0 } else { f64::NAN };
                values.extend(array.iter().map(|value| value.map_or(f64::NAN, finite)));
            }
            (Open::Text(values), _) => {
                let dictionary = Arc::make_mut(self.dictionaries[place].as_mut().ok_or_else(wrong)?);
                if let Some(array) = array.as_dictionary_opt::<UInt32Type>() {
                    push_dictionary(values, dictionary, array)?;
                } else {
                    push_text(values, dictionary, array.as_string_opt::<i32>().ok_or_else(wrong)?)?;
                }
            }
        }
        Ok(())
    }

    fn close(&mut self) {
        let columns = self.open.iter_mut().map(Open::close).collect();
        let chunk = Chunk { rows: self.open_rows, columns };
        self.chunk_bytes += chunk.bytes();
        self.chunks.push(Arc::new(chunk));
        self.open_rows = 0;
    }

    /// Bytes it holds by now, those it keeps for the rows to come included.
    pub fn bytes(&self) -> u64 {
        let texts: u64 = self.dictionaries.iter().flatten().map(|dictionary| dictionary.bytes()).sum();
        self.chunk_bytes + texts + self.open.iter().map(Open::bytes).sum::<usize>() as u64
    }

    /// All rows so far, ready for views.
    pub fn finish(mut self) -> Hot {
        if self.open_rows > 0 {
            self.close();
        }
        self.open.clear();
        for place in 0..self.schema.len() {
            self.order(place);
        }
        // One that is shared with the version before was shrunk when that was made.
        self.dictionaries.iter_mut().flatten().filter_map(Arc::get_mut).for_each(Dictionary::shrink);
        Hot::new(self.schema, self.chunks, self.dictionaries)
    }

    /// Brings the codes of a text column into the order of the texts, where that costs little: it then sorts as numbers do.
    fn order(&mut self, place: usize) {
        let Some(dictionary) = &self.dictionaries[place] else { return };
        if dictionary.ordered() || dictionary.len() > ORDERED_TEXTS_MAX {
            return;
        }
        let (dictionary, codes) = dictionary.reordered();
        self.dictionaries[place] = Some(Arc::new(dictionary));
        for chunk in &mut self.chunks {
            let column = chunk.columns[place].recoded(&codes);
            match Arc::get_mut(chunk) {
                Some(chunk) => chunk.columns[place] = column,
                // A view of the version before still reads it.
                None => {
                    let mut columns = chunk.columns.clone();
                    columns[place] = column;
                    *chunk = Arc::new(Chunk { rows: chunk.rows, columns });
                }
            }
        }
    }
}

fn wrong_type(name: &str) -> Error {
    codes::SEGMENT.error(format!("the column {name} is of another type than its schema says"))
}

fn push_whole<T: ArrowPrimitiveType>(values: &mut Vec<i64>, array: &dyn Array) -> Option<()>
where
    T::Native: Into<i64>,
{
    let array = array.as_primitive_opt::<T>()?;
    if array.null_count() == 0 {
        values.extend(array.values().iter().map(|&value| value.into()));
    } else {
        values.extend(array.iter().map(|value| value.map_or(i64::MIN, Into::into)));
    }
    Some(())
}

fn push_text(values: &mut Vec<u32>, dictionary: &mut Dictionary, array: &StringArray) -> Result<()> {
    for value in array {
        values.push(match value {
            Some(text) => dictionary.intern(text)?,
            None => 0,
        });
    }
    Ok(())
}

/// Each text of the batch is looked up once, when a row first names it.
fn push_dictionary<K: ArrowDictionaryKeyType>(
    values: &mut Vec<u32>,
    dictionary: &mut Dictionary,
    array: &DictionaryArray<K>,
) -> Result<()> {
    let texts = array.values().as_string_opt::<i32>().ok_or_else(|| wrong_type("of texts"))?;
    let mut known = Known::for_texts(texts.len(), array.len());
    for key in array.keys() {
        values.push(match key {
            Some(key) => known.code(key.as_usize(), texts, dictionary)?,
            None => 0,
        });
    }
    Ok(())
}

/// The codes of the batch's own dictionary, found so far.
enum Known {
    /// By key, `u32::MAX` while unknown.
    Dense(Vec<u32>),
    /// For a dictionary that is much longer than the slice of rows.
    Sparse(HashMap<usize, u32>),
}

impl Known {
    fn for_texts(texts: usize, rows: usize) -> Self {
        if texts <= rows.saturating_mul(4).max(1024) {
            Self::Dense(vec![u32::MAX; texts])
        } else {
            Self::Sparse(HashMap::new())
        }
    }

    fn code(&mut self, key: usize, texts: &StringArray, dictionary: &mut Dictionary) -> Result<u32> {
        let fresh = |dictionary: &mut Dictionary| {
            if texts.is_null(key) { Ok(0) } else { dictionary.intern(texts.value(key)) }
        };
        match self {
            Self::Dense(codes) => {
                if codes[key] == u32::MAX {
                    codes[key] = fresh(dictionary)?;
                }
                Ok(codes[key])
            }
            Self::Sparse(codes) => match codes.get(&key) {
                Some(&code) => Ok(code),
                None => {
                    let code = fresh(dictionary)?;
                    codes.insert(key, code);
                    Ok(code)
                }
            },
        }
    }
}
