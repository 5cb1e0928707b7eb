//! The error codes of datasets: the table, and nothing else.
use wh_base::{ErrorCode, Kind};
pub use wh_reader::codes::{
    COLUMN_NAME, COLUMNS, JSON_DOCUMENT, NOT_TEXT, OPTIONS, SAMPLE_EMPTY, SAMPLE_TOO_LARGE, SCHEMA_DIFFERS,
    SEGMENT,
};

/// More rows than a dataset may hold.
pub const ROWS: ErrorCode = ErrorCode::new(
    "dataset.rows",
    Kind::TooLarge,
    "the file has more rows than a dataset may hold",
    "split the file, or leave out what is not needed",
);
/// Imports that run at once.
pub const IMPORTS_BUSY: ErrorCode = ErrorCode::new(
    "dataset.imports_busy",
    Kind::Unavailable,
    "too many imports run at once",
    "try again in a few seconds; a company has two imports at once, and one look at a sample",
);
/// An import that does not come to its end.
pub const IMPORT_SLOW: ErrorCode = ErrorCode::new(
    "dataset.import_slow",
    Kind::RequestTimeout,
    "the import took longer than one may",
    "send the file over a better line, or in parts with `mode=append`; `import_s_max` in [dataset] is the limit",
);
/// The import ended before its end: dropped, or its threads are gone.
pub const IMPORT_STOPPED: ErrorCode = ErrorCode::new(
    "dataset.import_stopped",
    Kind::Internal,
    "the import was stopped",
    "start it again; nothing of it is visible",
);
/// The object store refused or is away.
pub const STORE: ErrorCode = ErrorCode::new(
    "dataset.store",
    Kind::Unavailable,
    "the object store does not answer as it should",
    "check the folder or bucket of the configuration and its free space; the log holds the cause",
);
/// The objects are another installation's: a sweep would remove them.
pub const STORE_FOREIGN: ErrorCode = ErrorCode::new(
    "dataset.store_foreign",
    Kind::Conflict,
    "the object store belongs to another installation than the database",
    "let the configuration lead to the database that the objects were written with, or restore it; or move the folder `objects` away, which begins without rows; or, to take the store over with all that this database does not name being removed, set `store_adopt` in [dataset] to the word that stands above",
);

/// No such dataset in this tenant.
pub const NOT_FOUND: ErrorCode = ErrorCode::new(
    "dataset.not_found",
    Kind::NotFound,
    "there is no such dataset",
    "it may have been deleted; look at the list again",
);
/// A dataset of that id exists.
pub const EXISTS: ErrorCode = ErrorCode::new(
    "dataset.exists",
    Kind::Conflict,
    "the dataset exists already",
    "take a new id for each dataset",
);
/// The segments of a version that is not the newest are gone.
pub const VERSION_GONE: ErrorCode = ErrorCode::new(
    "dataset.version_gone",
    Kind::Gone,
    "this version of the dataset is no longer kept",
    "look at the dataset again: a newer version exists",
);
/// More than may be in memory.
pub const MEMORY: ErrorCode = ErrorCode::new(
    "dataset.memory",
    Kind::TooLarge,
    "the dataset does not fit in memory",
    "raise the memory that datasets may use in the configuration, or import fewer rows or columns",
);
/// Others hold the memory that a look at a dataset needs.
pub const MEMORY_BUSY: ErrorCode = ErrorCode::new(
    "dataset.memory_busy",
    Kind::Unavailable,
    "other datasets take the memory at the moment",
    "try again in a few seconds; if it stays, raise `hot_budget_mb` in [dataset]",
);
/// A load or a view ended before its end.
pub const LOAD_STOPPED: ErrorCode = ErrorCode::new(
    "dataset.load_stopped",
    Kind::Internal,
    "a dataset could not be loaded to its end",
    "try again; if it stays, report the request id, under which the log holds the cause",
);
/// Views that wait for a thread.
pub const VIEWS_BUSY: ErrorCode = ErrorCode::new(
    "dataset.views_busy",
    Kind::Unavailable,
    "too many views are being computed",
    "try again in a second",
);
/// A filter that cannot be read.
pub const FILTER: ErrorCode = ErrorCode::new(
    "dataset.filter",
    Kind::Malformed,
    "the filter cannot be read",
    "a filter is {\"all\":[..]}, {\"any\":[..]}, {\"not\":..} or {\"column\":..,\"op\":..,\"value\":..}",
);
/// A filter beyond its limits.
pub const FILTER_LIMIT: ErrorCode = ErrorCode::new(
    "dataset.filter_limit",
    Kind::Invalid,
    "the filter is too large",
    "at most 8 levels, 100 conditions, 1,000 values in one list and 4,096 bytes in one text",
);
/// An operator that does not fit the type of its column.
pub const FILTER_OP: ErrorCode = ErrorCode::new(
    "dataset.filter_op",
    Kind::Invalid,
    "the operator does not fit the column",
    "text: eq ne contains not_contains starts_with ends_with in not_in is_empty is_not_empty; \
     numbers and times: eq ne lt le gt ge between in not_in is_empty is_not_empty; boolean: eq ne is_empty is_not_empty",
);
/// A value that does not fit the type of its column.
pub const FILTER_VALUE: ErrorCode = ErrorCode::new(
    "dataset.filter_value",
    Kind::Invalid,
    "a value of the filter does not fit its column",
    "give a value of the column's type; dates like 2013-01-31, times like 2013-01-31T08:30:00Z",
);
/// A column that the dataset does not have.
pub const COLUMN_UNKNOWN: ErrorCode = ErrorCode::new(
    "dataset.column_unknown",
    Kind::Invalid,
    "there is no such column",
    "the columns may have changed with the last import; look at the dataset again",
);
/// A sort that cannot be.
pub const SORT: ErrorCode = ErrorCode::new(
    "dataset.sort",
    Kind::Invalid,
    "the sort cannot be read",
    "at most five columns, separated by commas, a minus before one that descends",
);
/// A search text that is too long.
pub const SEARCH: ErrorCode = ErrorCode::new(
    "dataset.search",
    Kind::Invalid,
    "the search text is too long",
    "search for at most 200 characters",
);
/// A window that is too large.
pub const WINDOW: ErrorCode = ErrorCode::new(
    "dataset.window",
    Kind::Invalid,
    "the window is too large",
    "ask for at most 1,000 rows at once, for fewer rows or columns where texts are long, and for each column once",
);

/// All of them, for the error table; those of the reader stand in its own.
pub const ALL: &[&ErrorCode] = &[
    &ROWS,
    &IMPORTS_BUSY,
    &IMPORT_SLOW,
    &IMPORT_STOPPED,
    &STORE,
    &STORE_FOREIGN,
    &NOT_FOUND,
    &EXISTS,
    &VERSION_GONE,
    &MEMORY,
    &MEMORY_BUSY,
    &LOAD_STOPPED,
    &VIEWS_BUSY,
    &FILTER,
    &FILTER_LIMIT,
    &FILTER_OP,
    &FILTER_VALUE,
    &COLUMN_UNKNOWN,
    &SORT,
    &SEARCH,
    &WINDOW,
];
