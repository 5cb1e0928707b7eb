//! What a dataset is made of: column types, columns, schema, and their Arrow form. Pure: no files, no database.
use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema as ArrowSchema, SchemaRef, TimeUnit};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wh_base::Result;

use crate::codes;

/// Rows of one chunk in memory; a multiple of 64, so that bitmaps end on words.
pub const CHUNK_ROWS: usize = 65_536;
/// Columns of one schema.
pub const COLUMNS_MAX: usize = 1_000;
/// Characters of a column's name.
pub const COLUMN_NAME_CHARS_MAX: usize = 128;

/// What the values of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[schema(as = DatasetColumnType)]
pub enum ColumnType {
    /// Any characters.
    #[serde(rename = "text")]
    Text,
    /// 64-bit whole numbers.
    #[serde(rename = "integer")]
    Int,
    /// 64-bit floating point numbers.
    #[serde(rename = "number")]
    Double,
    /// True or false.
    #[serde(rename = "boolean")]
    Bool,
    /// A day of the civil calendar, without a zone.
    #[serde(rename = "date")]
    Date,
    /// A moment, in microseconds UTC.
    #[serde(rename = "datetime")]
    DateTime,
}

impl ColumnType {
    /// All types.
    pub const ALL: [Self; 6] = [Self::Text, Self::Int, Self::Double, Self::Bool, Self::Date, Self::DateTime];

    /// The word used in the API and in storage.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Int => "integer",
            Self::Double => "number",
            Self::Bool => "boolean",
            Self::Date => "date",
            Self::DateTime => "datetime",
        }
    }

    /// How a chunk holds it: text is coded by a dictionary of the chunk.
    pub fn arrow(self) -> DataType {
        match self {
            Self::Text => DataType::Dictionary(Box::new(DataType::UInt32), Box::new(DataType::Utf8)),
            Self::Int => DataType::Int64,
            Self::Double => DataType::Float64,
            Self::Bool => DataType::Boolean,
            Self::Date => DataType::Date32,
            Self::DateTime => DataType::Timestamp(TimeUnit::Microsecond, Some(Arc::from("UTC"))),
        }
    }
}

/// One column: its name and what its values are. Every column may hold empty cells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = DatasetColumn)]
pub struct Column {
    /// 1 to 128 characters, unique in its schema whatever the case.
    pub name: String,
    /// What its values are.
    pub kind: ColumnType,
}

/// The columns of a dataset, in order. Holding one is proof that the names are unique and of a fit length.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Column>", into = "Vec<Column>")]
pub struct Schema {
    columns: Arc<[Column]>,
}

impl Schema {
    /// Checks number and names of the columns.
    pub fn parse(columns: Vec<Column>) -> Result<Self> {
        if columns.is_empty() || columns.len() > COLUMNS_MAX {
            return Err(codes::COLUMNS
                .error(format!("{} columns, not 1 to {COLUMNS_MAX}", columns.len()))
                .at("/columns", "too few or too many"));
        }
        let mut seen = std::collections::HashSet::with_capacity(columns.len());
        for (index, column) in columns.iter().enumerate() {
            let length = column.name.chars().count();
            if length == 0 || length > COLUMN_NAME_CHARS_MAX {
                return Err(codes::COLUMN_NAME
                    .error(format!("the name of column {} has {length} characters", index + 1))
                    .at(format!("/columns/{index}/name"), "not 1 to 128 characters"));
            }
            if column.name.contains(char::is_control) {
                return Err(codes::COLUMN_NAME
                    .error(format!("the name of column {} holds a control character", index + 1))
                    .at(format!("/columns/{index}/name"), "only printable characters"));
            }
            if !seen.insert(column.name.to_lowercase()) {
                return Err(codes::COLUMN_NAME
                    .error(format!("two columns are called {}", column.name))
                    .at(format!("/columns/{index}/name"), "used twice"));
            }
        }
        Ok(Self { columns: columns.into() })
    }

    /// The columns in order.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// How many columns there are.
    pub fn len(&self) -> usize {
        self.columns.len()
    }

    /// Never: a schema has at least one column.
    pub fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    /// The place of the column of exactly this name.
    pub fn index_of(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    /// The Arrow schema of its chunks.
    pub fn arrow(&self) -> SchemaRef {
        let fields: Vec<Field> =
            self.columns.iter().map(|column| Field::new(&column.name, column.kind.arrow(), true)).collect();
        Arc::new(ArrowSchema::new(fields))
    }
}

impl TryFrom<Vec<Column>> for Schema {
    type Error = wh_base::Error;

    fn try_from(columns: Vec<Column>) -> Result<Self> {
        Self::parse(columns)
    }
}

impl From<Schema> for Vec<Column> {
    fn from(schema: Schema) -> Self {
        schema.columns.to_vec()
    }
}
