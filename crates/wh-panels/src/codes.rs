//! The error codes of panels: what happened and what to do about it.
use wh_base::{ErrorCode, Kind};

/// A title that is empty or too long.
pub const TITLE_LENGTH: ErrorCode = ErrorCode::new(
    "panels.title_length",
    Kind::Invalid,
    "the title is too short or too long",
    "give 1 to 80 characters; spaces at the ends do not count",
);
/// A title that does not show as it is.
pub const TITLE_CHARACTERS: ErrorCode = ErrorCode::new(
    "panels.title_characters",
    Kind::Invalid,
    "the title holds characters that cannot be seen",
    "remove line breaks, control characters and marks that turn the direction of the text",
);
/// More panels than a tenant may have.
pub const LIMIT: ErrorCode = ErrorCode::new(
    "panels.limit",
    Kind::Conflict,
    "the company has as many panels as it may",
    "delete a panel that is not needed any more, or ask the operator of the installation for a higher limit; none is above 10,000",
);
/// No such panel here.
pub const NOT_FOUND: ErrorCode = ErrorCode::new(
    "panels.not_found",
    Kind::NotFound,
    "there is no such panel",
    "look at the list of panels; it may have been deleted",
);
/// No such import here.
pub const IMPORT_NOT_FOUND: ErrorCode = ErrorCode::new(
    "panels.import_not_found",
    Kind::NotFound,
    "there is no such import",
    "look at the panel's list of imports",
);
/// The import left no bad lines.
pub const NO_BAD_LINES: ErrorCode = ErrorCode::new(
    "panels.no_bad_lines",
    Kind::NotFound,
    "the import kept no bad lines",
    "look at `bad_lines` of the import: it is 0, or the import did not end",
);
/// A filter, sort, column list or set of options that is not of its form.
pub const QUERY_MALFORMED: ErrorCode = ErrorCode::new(
    "panels.query_malformed",
    Kind::Malformed,
    "a query parameter cannot be read",
    "compare it with the operation's description; JSON in a query must be percent-encoded",
);
/// The upload broke off.
pub const UPLOAD_BROKEN: ErrorCode = ErrorCode::new(
    "panels.upload_broken",
    Kind::Malformed,
    "the upload ended before the file did",
    "send the file again; the panel still shows what it showed before",
);
/// The upload holds nothing.
pub const UPLOAD_EMPTY: ErrorCode = ErrorCode::new(
    "panels.upload_empty",
    Kind::Invalid,
    "the file is empty",
    "send a file with at least one line",
);
/// A file that would take the place of the rows, and holds none.
pub const NOTHING_READ: ErrorCode = ErrorCode::new(
    "panels.nothing_read",
    Kind::Invalid,
    "not one line of the file could be read",
    "compare the file with how it is read: delimiter, number of columns, types; the panel still shows what it showed before",
);
/// The server stopped while the file was read.
pub const INTERRUPTED: ErrorCode = ErrorCode::new(
    "panels.import_interrupted",
    Kind::Unavailable,
    "the server stopped while it read the file",
    "send the file again; the panel still shows what it showed before",
);
/// Somebody stopped the import.
pub const IMPORT_STOPPED: ErrorCode = ErrorCode::new(
    "panels.import_stopped",
    Kind::Conflict,
    "somebody stopped the import",
    "send the file again if it is wanted after all; the panel still shows what it showed before",
);
/// More bytes than the company may keep.
pub const STORAGE_LIMIT: ErrorCode = ErrorCode::new(
    "panels.storage_limit",
    Kind::Conflict,
    "the company would keep more data than it may",
    "delete panels that are not needed any more and wait until their data is removed, an hour or two later, or ask the \
     operator of the installation for a higher limit",
);
/// The import is over already.
pub const IMPORT_ENDED: ErrorCode = ErrorCode::new(
    "panels.import_ended",
    Kind::Conflict,
    "the import has ended already",
    "look at its `state`: an import ends once, as done or as failed",
);

/// All of them, for the error table.
pub const ALL: &[&ErrorCode] = &[
    &TITLE_LENGTH,
    &TITLE_CHARACTERS,
    &LIMIT,
    &NOT_FOUND,
    &IMPORT_NOT_FOUND,
    &NO_BAD_LINES,
    &QUERY_MALFORMED,
    &UPLOAD_BROKEN,
    &UPLOAD_EMPTY,
    &NOTHING_READ,
    &INTERRUPTED,
    &IMPORT_STOPPED,
    &STORAGE_LIMIT,
    &IMPORT_ENDED,
];
