//! A filter in three steps: typed by the schema, bound to a dataset's dictionaries, and cut to the codes of one chunk.
use wh_base::Result;

use super::column::{Codes, ColumnChunk, Form};
use super::filter::{Condition, Filter, Op};
use super::hot::{Chunk, HotData};
use super::value::{self, Ranges};
use crate::codes;
use crate::model::{ColumnType, Schema};

/// A filter whose columns and values fit the schema.
#[derive(Clone, Debug)]
pub(crate) enum Rule<T> {
    All(Vec<Self>),
    Any(Vec<Self>),
    Not(Box<Self>),
    Test { column: usize, negate: bool, test: T },
}

/// What a condition asks of a cell.
#[derive(Clone, Debug)]
pub(crate) enum Typed {
    Empty,
    Ranges(Ranges),
    Equal(Vec<String>),
    Contains(String),
    Starts(String),
    Ends(String),
}

/// The same, with texts looked up.
#[derive(Clone, Debug)]
pub(crate) enum Bound {
    Empty,
    Ranges(Ranges),
    /// For each code whether it passes, and the codes that do when they are few.
    Texts {
        table: Vec<u8>,
        few: Option<Vec<u64>>,
    },
}

/// Codes tested one by one rather than by table.
const CODES_FEW: usize = 4;

impl Rule<Typed> {
    /// Types a filter.
    pub(crate) fn of(filter: &Filter, schema: &Schema) -> Result<Self> {
        let parts =
            |parts: &[Filter]| parts.iter().map(|part| Self::of(part, schema)).collect::<Result<Vec<_>>>();
        Ok(match filter {
            Filter::All { all } => Self::All(parts(all)?),
            Filter::Any { any } => Self::Any(parts(any)?),
            Filter::Not { not } => Self::Not(Box::new(Self::of(not, schema)?)),
            Filter::Is(condition) => Self::condition(condition, schema)?,
        })
    }

    fn condition(condition: &Condition, schema: &Schema) -> Result<Self> {
        let column = schema.index_of(&condition.column).ok_or_else(|| {
            codes::COLUMN_UNKNOWN
                .error(format!("there is no column {}", condition.column))
                .at("filter", format!("there is no column {}", condition.column))
        })?;
        let kind = schema.columns()[column].kind;
        let unfit = || {
            let detail =
                format!("{} does not fit {} of type {}", condition.op.word(), condition.column, kind.word());
            codes::FILTER_OP.error(detail.clone()).at("filter", detail)
        };
        let test = match (condition.op, kind) {
            (Op::IsEmpty | Op::IsNotEmpty, _) => {
                if !condition.value.is_null() {
                    return Err(value::wrong(condition, "takes no value"));
                }
                Typed::Empty
            }
            (Op::Eq | Op::Ne | Op::In | Op::NotIn, ColumnType::Text) => {
                Typed::Equal(value::texts(condition)?)
            }
            (Op::Contains | Op::NotContains, ColumnType::Text) => Typed::Contains(text(condition)?),
            (Op::StartsWith, ColumnType::Text) => Typed::Starts(text(condition)?),
            (Op::EndsWith, ColumnType::Text) => Typed::Ends(text(condition)?),
            (_, ColumnType::Text) | (Op::Contains | Op::NotContains | Op::StartsWith | Op::EndsWith, _) => {
                return Err(unfit());
            }
            (Op::Eq | Op::Ne, ColumnType::Bool) => Typed::Ranges(value::ranges(condition, kind)?),
            (_, ColumnType::Bool) => return Err(unfit()),
            _ => Typed::Ranges(value::ranges(condition, kind)?),
        };
        let negate = matches!(condition.op, Op::Ne | Op::NotIn | Op::NotContains | Op::IsNotEmpty);
        Ok(Self::Test { column, negate, test })
    }

    /// The rows of which some text contains this, or some other cell equals it.
    pub(crate) fn search(text: &str, schema: &Schema) -> Self {
        let tests = schema.columns().iter().enumerate().filter_map(|(column, definition)| {
            let test = match definition.kind {
                ColumnType::Text => Typed::Contains(text.to_owned()),
                kind => Typed::Ranges(value::typed(text, kind)?),
            };
            Some(Self::Test { column, negate: false, test })
        });
        Self::Any(tests.collect())
    }

    /// Looks the texts up.
    pub(crate) fn bind(self, hot: &HotData) -> Rule<Bound> {
        match self {
            Self::All(parts) => Rule::All(parts.into_iter().map(|part| part.bind(hot)).collect()),
            Self::Any(parts) => Rule::Any(parts.into_iter().map(|part| part.bind(hot)).collect()),
            Self::Not(part) => Rule::Not(Box::new(part.bind(hot))),
            Self::Test { column, negate, test } => {
                Rule::Test { column, negate, test: test.bind(hot, column) }
            }
        }
    }
}

fn text(condition: &Condition) -> Result<String> {
    value::texts(condition).map(|mut texts| texts.pop().unwrap_or_default())
}

impl Typed {
    fn bind(self, hot: &HotData, column: usize) -> Bound {
        let table = match (self, hot.dictionary(column)) {
            (Self::Empty, _) => return Bound::Empty,
            (Self::Ranges(ranges), _) => return Bound::Ranges(ranges),
            (_, None) => return Bound::Texts { table: Vec::new(), few: Some(Vec::new()) },
            (Self::Equal(texts), Some(dictionary)) => {
                let mut found: Vec<u64> =
                    texts.iter().filter_map(|text| dictionary.find(text)).map(u64::from).collect();
                found.sort_unstable();
                found.dedup();
                if found.len() <= CODES_FEW {
                    return Bound::Texts { table: Vec::new(), few: Some(found) };
                }
                let mut table = vec![0; dictionary.len() + 1];
                for code in found {
                    table[code as usize] = 1;
                }
                table
            }
            (Self::Contains(needle), Some(dictionary)) => dictionary.containing(&needle),
            (Self::Starts(needle), Some(dictionary)) => dictionary.starting_with(&needle),
            (Self::Ends(needle), Some(dictionary)) => dictionary.ending_with(&needle),
        };
        let passing = (0_u64..).zip(&table).filter(|(_, passes)| **passes == 1).map(|(code, _)| code);
        let few: Vec<u64> = passing.take(CODES_FEW + 1).collect();
        Bound::Texts { table, few: (few.len() <= CODES_FEW).then_some(few) }
    }
}

/// A filter in the codes of one chunk; what the chunk's least and greatest values decide is decided.
pub(crate) enum Cut<'a> {
    Fixed(bool),
    /// Within any of the inclusive ranges of codes, which do not start at 0 unless empty cells are meant.
    Within {
        codes: &'a Codes,
        ranges: Vec<(u64, u64)>,
        negate: bool,
    },
    /// By a table of all codes.
    Table {
        codes: &'a Codes,
        table: &'a [u8],
        negate: bool,
    },
    All(Vec<Self>),
    Any(Vec<Self>),
    Not(Box<Self>),
}

impl<T> Rule<T> {
    /// How many conditions there are: what a scan costs per row.
    pub(crate) fn conditions(&self) -> usize {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().map(Self::conditions).sum(),
            Self::Not(part) => part.conditions(),
            Self::Test { .. } => 1,
        }
    }
}

impl Rule<Bound> {
    /// Cuts it to a chunk.
    pub(crate) fn cut<'a>(&'a self, chunk: &'a Chunk) -> Cut<'a> {
        match self {
            Self::All(parts) => Cut::group(parts.iter().map(|part| part.cut(chunk)), true),
            Self::Any(parts) => Cut::group(parts.iter().map(|part| part.cut(chunk)), false),
            Self::Not(part) => match part.cut(chunk) {
                Cut::Fixed(fixed) => Cut::Fixed(!fixed),
                part => Cut::Not(Box::new(part)),
            },
            Self::Test { column, negate, test } => test.cut(&chunk.columns[*column], *negate),
        }
    }
}

impl Bound {
    #[expect(clippy::fn_params_excessive_bools, reason = "part of the compiled filter, not a switch")]
    fn cut<'a>(&'a self, column: &'a ColumnChunk, negate: bool) -> Cut<'a> {
        let ranges: Vec<(u64, u64)> = match self {
            Self::Empty => {
                return if column.max == 0 || !column.has_null {
                    Cut::Fixed((column.max == 0) != negate)
                } else {
                    Cut::Within { codes: &column.codes, ranges: vec![(0, 0)], negate }
                };
            }
            Self::Ranges(Ranges::Whole(ranges)) => {
                ranges.iter().filter_map(|&(low, high)| whole_codes(column, low, high)).collect()
            }
            Self::Ranges(Ranges::Number(ranges)) => {
                ranges.iter().filter_map(|&(low, high)| number_codes(column, low, high)).collect()
            }
            Self::Texts { few: Some(few), .. } => few.iter().map(|&code| (code, code)).collect(),
            Self::Texts { table, few: None } => return Cut::Table { codes: &column.codes, table, negate },
        };
        Cut::within(column, &ranges, negate)
    }
}

impl<'a> Cut<'a> {
    #[expect(clippy::fn_params_excessive_bools, reason = "the neutral value of the group, not a switch")]
    fn group(parts: impl Iterator<Item = Self>, all: bool) -> Self {
        let mut kept = Vec::new();
        for part in parts {
            match part {
                // A part that is fixed to the neutral value adds nothing, to the other decides the group.
                Self::Fixed(fixed) if fixed == all => {}
                Self::Fixed(fixed) => return Self::Fixed(fixed),
                part => kept.push(part),
            }
        }
        if kept.len() > 1 {
            // The cheap ones first: the others then meet blocks that are decided.
            kept.sort_by_key(Self::cost);
            return if all { Self::All(kept) } else { Self::Any(kept) };
        }
        kept.pop().unwrap_or(Self::Fixed(all))
    }

    fn cost(&self) -> usize {
        match self {
            Self::Fixed(_) => 0,
            Self::Within { ranges, .. } => ranges.len(),
            Self::Table { .. } => 6,
            Self::All(parts) | Self::Any(parts) => parts.iter().map(Self::cost).sum(),
            Self::Not(part) => part.cost(),
        }
    }

    #[expect(clippy::fn_params_excessive_bools, reason = "part of the compiled filter, not a switch")]
    fn within(column: &'a ColumnChunk, ranges: &[(u64, u64)], negate: bool) -> Self {
        let overlap = |&(low, high): &(u64, u64)| (low.max(column.min), high.min(column.max));
        let mut ranges: Vec<(u64, u64)> =
            ranges.iter().map(overlap).filter(|&(low, high)| low <= high && high > 0).collect();
        ranges.sort_unstable();
        ranges.dedup();
        match ranges.as_slice() {
            [] => Self::Fixed(negate),
            [(low, high)] if *low <= column.min && *high >= column.max && !column.has_null => {
                Self::Fixed(!negate)
            }
            _ => Self::Within { codes: &column.codes, ranges, negate },
        }
    }
}

/// The codes of the whole numbers from low to high.
fn whole_codes(column: &ColumnChunk, low: i64, high: i64) -> Option<(u64, u64)> {
    let Form::Whole { base, scale } = column.form else { return None };
    let (base, scale) = (i128::from(base), i128::from(scale));
    let most = i128::from(column.max);
    let from = (i128::from(low) - base + scale - 1).div_euclid(scale) + 1;
    let to = (i128::from(high) - base).div_euclid(scale) + 1;
    (from <= to && to >= 1 && from <= most).then(|| (from.max(1) as u64, to.min(most) as u64))
}

/// The codes of the numbers from low to high: found by halving, since codes and numbers rise together.
fn number_codes(column: &ColumnChunk, low: f64, high: f64) -> Option<(u64, u64)> {
    let first = |passes: &dyn Fn(f64) -> bool| {
        let (mut from, mut to) = (column.min.max(1), column.max.saturating_add(1));
        while from < to {
            let middle = from + (to - from) / 2;
            if passes(column.number(middle)) { to = middle } else { from = middle + 1 }
        }
        from
    };
    if column.max == 0 {
        return None;
    }
    let from = first(&|number| number >= low);
    let to = first(&|number| number > high);
    (from < to).then(|| (from, to - 1))
}
