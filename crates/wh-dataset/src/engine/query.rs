//! What a view asks for, and what of it the schema allows.
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wh_base::Result;

use super::compile::{Rule, Typed};
use super::filter::Filter;
use crate::codes;
use crate::model::Schema;

/// Rows of one window.
pub const WINDOW_ROWS_MAX: u32 = 1_000;
/// Columns one can sort by at once.
pub const SORT_KEYS_MAX: usize = 5;
/// Characters of a search text.
pub const SEARCH_CHARS_MAX: usize = 200;

/// One column to sort by. Empty cells come last either way; text sorts by its bytes; ties keep the order of the rows.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = DatasetSortKey)]
pub struct SortKey {
    /// The column's name.
    pub column: String,
    /// From the greatest to the least.
    #[serde(default)]
    pub descending: bool,
}

impl SortKey {
    /// From `-dep_delay,carrier`: a minus stands for descending. A comma in a name is written `\,`, a backslash
    /// `\\`, a leading minus `\-`.
    pub fn parse_list(text: &str) -> Result<Vec<Self>> {
        let mut keys = Vec::new();
        let mut chars = text.chars().peekable();
        while chars.peek().is_some() {
            let descending = chars.next_if_eq(&'-').is_some();
            let mut column = String::new();
            while let Some(char) = chars.next_if(|&char| char != ',') {
                column.push(if char == '\\' { chars.next().unwrap_or(char) } else { char });
            }
            chars.next();
            if column.is_empty() {
                return Err(codes::SORT.error("a sort key has no column").at("sort", "a key has no column"));
            }
            keys.push(Self { column, descending });
        }
        Ok(keys)
    }
}

/// One window of a view.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ViewQuery {
    /// Which rows.
    pub filter: Option<Filter>,
    /// In which order; none: the order of the file.
    pub sort: Vec<SortKey>,
    /// Rows of which some text contains this, whatever the case, or of which a number, date or time equals it.
    pub search: Option<String>,
    /// Which columns, in this order; none: all.
    pub columns: Option<Vec<String>>,
    /// How many rows of the view to skip.
    pub offset: u64,
    /// How many rows to answer with.
    pub limit: u32,
}

/// A query whose columns, values and limits fit the schema.
pub(crate) struct Plan {
    pub(crate) rule: Option<Rule<Typed>>,
    pub(crate) sort: Vec<(usize, bool)>,
    pub(crate) columns: Vec<usize>,
    pub(crate) offset: u64,
    pub(crate) limit: usize,
    /// What decides which rows in which order, whatever the window: names a permutation.
    pub(crate) order_key: String,
}

impl Plan {
    pub(crate) fn new(query: &ViewQuery, schema: &Schema) -> Result<Self> {
        check(query)?;
        let mut parts = Vec::new();
        if let Some(filter) = &query.filter {
            parts.push(Rule::of(filter, schema)?);
        }
        let search = query.search.as_deref().map(str::trim).filter(|search| !search.is_empty());
        if let Some(search) = search {
            parts.push(Rule::search(search, schema));
        }
        let rule = if parts.len() > 1 { Some(Rule::All(parts)) } else { parts.pop() };
        let unknown = |parameter: &str, name: &str| {
            let detail = format!("there is no column {name}");
            codes::COLUMN_UNKNOWN.error(detail.clone()).at(parameter, detail)
        };
        let mut sort: Vec<(usize, bool)> = Vec::with_capacity(query.sort.len());
        for key in &query.sort {
            let place = schema.index_of(&key.column).ok_or_else(|| unknown("sort", &key.column))?;
            // A column that sorts already cannot tell apart what is left.
            if sort.iter().all(|(other, _)| *other != place) {
                sort.push((place, key.descending));
            }
        }
        let columns = match &query.columns {
            None => (0..schema.len()).collect(),
            Some(names) => {
                let mut asked = vec![false; schema.len()];
                let mut places = Vec::with_capacity(names.len());
                for name in names {
                    let place = schema.index_of(name).ok_or_else(|| unknown("columns", name))?;
                    if std::mem::replace(&mut asked[place], true) {
                        let detail = format!("the column {name} stands twice");
                        return Err(codes::WINDOW.error(detail.clone()).at("columns", detail));
                    }
                    places.push(place);
                }
                places
            }
        };
        let order_key = serde_json::to_string(&(&query.filter, search, &sort))
            .map_err(|error| codes::FILTER.caused("the filter cannot be written", error))?;
        Ok(Self { rule, sort, columns, offset: query.offset, limit: query.limit as usize, order_key })
    }
}

/// The limits, which hold for an empty dataset as well.
pub(crate) fn check(query: &ViewQuery) -> Result<()> {
    if query.limit > WINDOW_ROWS_MAX {
        return Err(codes::WINDOW
            .error(format!("{} rows, not 0 to {WINDOW_ROWS_MAX}", query.limit))
            .at("limit", format!("at most {WINDOW_ROWS_MAX}")));
    }
    if query.sort.len() > SORT_KEYS_MAX {
        return Err(codes::SORT
            .error(format!("{} sort keys, not 0 to {SORT_KEYS_MAX}", query.sort.len()))
            .at("sort", format!("at most {SORT_KEYS_MAX} columns")));
    }
    if query.search.as_ref().is_some_and(|search| search.chars().count() > SEARCH_CHARS_MAX) {
        return Err(codes::SEARCH
            .error(format!("the search text has more than {SEARCH_CHARS_MAX} characters"))
            .at("q", format!("at most {SEARCH_CHARS_MAX} characters")));
    }
    let repeated = query.columns.as_ref().is_some_and(|columns| columns.len() > crate::model::COLUMNS_MAX);
    if repeated {
        return Err(codes::WINDOW.error("more columns than a dataset has").at("columns", "too many"));
    }
    Ok(())
}
