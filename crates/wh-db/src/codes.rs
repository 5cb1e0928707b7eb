//! The error codes of the database layer. Each names one thing that can go wrong and what to do about it.
use wh_base::{ErrorCode, Kind};

/// The database cannot be used as configured.
pub const SETUP: ErrorCode = ErrorCode::new(
    "db.setup",
    Kind::Internal,
    "the database is not set up as it must be",
    "compare the [database] section with the manual; `wheelhouse db init` makes the logins of PostgreSQL",
);
/// Logins of that name are there, and nobody here knows their passwords.
pub const LOGINS_TAKEN: ErrorCode = ErrorCode::new(
    "db.logins_taken",
    Kind::Conflict,
    "logins of that name are there already, and another installation may use them",
    "name the configuration that holds their URLs (`--config`, `--data-dir`); or take another `--login-prefix`; or give them new passwords with `--rotate-passwords`, which cuts off whoever uses the old ones",
);
/// The configuration leads to another server or database.
pub const ELSEWHERE: ErrorCode = ErrorCode::new(
    "db.elsewhere",
    Kind::Conflict,
    "the URLs of the configuration lead to another server or database",
    "name the server and the database of the configuration (`--admin-url`, `--database`); or another configuration (`--config`, `--data-dir`); or let this one lead to the new place with `--repoint`, which leaves the old one as it is",
);
/// There is an installation on the embedded database, and PostgreSQL would begin without its companies.
pub const NOT_EMPTY: ErrorCode = ErrorCode::new(
    "db.not_empty",
    Kind::Conflict,
    "the data folder holds an installation on the embedded database, which does not move to PostgreSQL",
    "give the new database a data folder of its own (`--data-dir`); or begin without companies, people and panels with `--start-empty`, which leaves `wheelhouse.db` as it is",
);
/// Every connection is in use, or the writer's queue is full.
pub const BUSY: ErrorCode = ErrorCode::new(
    "db.busy",
    Kind::Unavailable,
    "the database has more work than it may queue",
    "try again shortly; if it stays, look at database_query_duration and raise `connections_max` or `queue_max` of the [database] section",
);
/// The database does not answer. Nothing of the transaction is kept: a commit without an answer is [`COMMIT_UNKNOWN`].
pub const AWAY: ErrorCode = ErrorCode::new(
    "db.away",
    Kind::Unavailable,
    "the database does not answer",
    "try again shortly: the change under way was not made; the operator finds the cause in the log",
);
/// The connection was lost while a change was being committed.
pub const COMMIT_UNKNOWN: ErrorCode = ErrorCode::new(
    "db.commit_unknown",
    Kind::Timeout,
    "the database was lost while it committed a change, which it may have made",
    "look whether the change is there before making it again; the operator finds the cause in the log",
);
/// A statement ran longer than its limit.
pub const STATEMENT_SLOW: ErrorCode = ErrorCode::new(
    "db.statement_slow",
    Kind::Unavailable,
    "a statement ran longer than its limit and was stopped",
    "ask for less at once; if it stays, report the operation",
);
/// A writing transaction was open longer than its limit.
pub const HELD_TOO_LONG: ErrorCode = ErrorCode::new(
    "db.held_too_long",
    Kind::Unavailable,
    "a change took longer than others may be kept waiting, and was undone",
    "try again; if it stays, report the operation",
);
/// The change came so late that another request has its `Idempotency-Key`.
pub const KEY_TAKEN: ErrorCode = ErrorCode::new(
    "db.key_taken",
    Kind::Unavailable,
    "the change took so long that a repeat of it has its Idempotency-Key, and was undone",
    "send the same request with the same key again: it gives the answer of the repeat",
);
/// Lost against another transaction; the same use case may succeed when it runs again.
pub const RETRY: ErrorCode = ErrorCode::new(
    "db.retry",
    Kind::Unavailable,
    "the change stood in another one's way and was undone",
    "try again: nothing was changed",
);
/// A statement after the first error of its transaction.
pub const POISONED: ErrorCode = ErrorCode::new(
    "db.poisoned",
    Kind::Internal,
    "a transaction was used after its first error",
    "report the request id, under which the log holds the first error",
);
/// Row security refused a row of another tenant.
pub const TENANT: ErrorCode = ErrorCode::new(
    "db.tenant",
    Kind::Internal,
    "a statement reached for a row of another tenant and was refused",
    "report the request id; nothing was changed and nothing was shown",
);
/// The text check, the authorizer or a missing right refused a statement.
pub const STATEMENT_REFUSED: ErrorCode = ErrorCode::new(
    "db.statement_refused",
    Kind::Internal,
    "a statement is outside what its transaction may do",
    "report the request id; docs/dialect.md says what a statement may be",
);
/// A statement that the database cannot run at all.
pub const STATEMENT: ErrorCode = ErrorCode::new(
    "db.statement",
    Kind::Internal,
    "the database cannot run a statement",
    "report the request id, under which the log holds the database's own words",
);
/// A unique key is taken.
pub const UNIQUE: ErrorCode =
    ErrorCode::new("db.unique", Kind::Conflict, "it exists already", "choose another name or key");
/// A row that others need, or one that is needed and not there.
pub const FOREIGN_KEY: ErrorCode = ErrorCode::new(
    "db.foreign_key",
    Kind::Conflict,
    "it refers to something that is not there, or something still refers to it",
    "read both again",
);
/// A check or a not-null rule of a table.
pub const CHECK: ErrorCode = ErrorCode::new(
    "db.check",
    Kind::Internal,
    "a value breaks a rule of its table",
    "report the request id: the rule should have been checked before",
);
/// A value that does not fit its place.
pub const VALUE: ErrorCode = ErrorCode::new(
    "db.value",
    Kind::Internal,
    "a value does not fit its place in a statement or row",
    "report the request id: the value should have been checked before",
);
/// Text with a NUL character, which PostgreSQL cannot store.
pub const TEXT_NUL: ErrorCode = ErrorCode::new(
    "db.text_nul",
    Kind::Invalid,
    "text must not contain the NUL character",
    "remove the character U+0000 from the text",
);
/// A row that must be there is not.
pub const ROW_MISSING: ErrorCode = ErrorCode::new(
    "db.row_missing",
    Kind::Internal,
    "a row that must be there is not",
    "report the request id",
);
/// A statement gave more rows than one answer may hold.
pub const ROWS_MAX: ErrorCode = ErrorCode::new(
    "db.rows_max",
    Kind::Internal,
    "a statement gave more rows than one answer may hold",
    "report the operation: it should page",
);
/// No room left.
pub const DISK_FULL: ErrorCode = ErrorCode::new(
    "db.disk_full",
    Kind::Unavailable,
    "there is no room left to write",
    "free space where the data folder lies, or raise `file_mb_max` of the [database] section; what was acknowledged before is safe",
);
/// The storage may be read but not written.
pub const READ_ONLY: ErrorCode = ErrorCode::new(
    "db.read_only",
    Kind::Unavailable,
    "the database may be read but not written",
    "make the data folder writable for the user that runs Wheelhouse",
);
/// The file is damaged or is no database.
pub const CORRUPT: ErrorCode = ErrorCode::new(
    "db.corrupt",
    Kind::Internal,
    "the database file is damaged or is not a database",
    "stop Wheelhouse, keep a copy of the data folder and restore the last backup",
);
/// The disk failed.
pub const STORAGE: ErrorCode = ErrorCode::new(
    "db.storage",
    Kind::Internal,
    "the storage answered with an error",
    "look at the system's log for the disk; what was acknowledged before stays in the file",
);
/// A migration's text cannot be understood or breaks a rule.
pub const MIGRATION: ErrorCode = ErrorCode::new(
    "db.migration",
    Kind::Internal,
    "a migration cannot be applied",
    "report it with the version of Wheelhouse; the schema is as it was before",
);
/// A migration that was applied has another text now.
pub const MIGRATION_CHANGED: ErrorCode = ErrorCode::new(
    "db.migration_changed",
    Kind::Internal,
    "a migration that was applied before has another text now",
    "start the version of Wheelhouse that wrote this database; migrations are never edited, only added",
);
/// The database was written by a newer version.
pub const SCHEMA_NEWER: ErrorCode = ErrorCode::new(
    "db.schema_newer",
    Kind::Internal,
    "the database was written by a newer version of Wheelhouse",
    "start that version again, or restore the backup from before the upgrade",
);

/// All of them, for the error table.
pub const ALL: &[&ErrorCode] = &[
    &SETUP,
    &LOGINS_TAKEN,
    &ELSEWHERE,
    &NOT_EMPTY,
    &BUSY,
    &AWAY,
    &COMMIT_UNKNOWN,
    &STATEMENT_SLOW,
    &HELD_TOO_LONG,
    &KEY_TAKEN,
    &RETRY,
    &POISONED,
    &TENANT,
    &STATEMENT_REFUSED,
    &STATEMENT,
    &UNIQUE,
    &FOREIGN_KEY,
    &CHECK,
    &VALUE,
    &TEXT_NUL,
    &ROW_MISSING,
    &ROWS_MAX,
    &DISK_FULL,
    &READ_ONLY,
    &CORRUPT,
    &STORAGE,
    &MIGRATION,
    &MIGRATION_CHANGED,
    &SCHEMA_NEWER,
];

/// Whether the same use case may succeed when it runs again from its start: nothing of it happened.
pub fn asks_for_replay(error: &wh_base::Error) -> bool {
    error.is(&RETRY) || error.is(&HELD_TOO_LONG)
}
