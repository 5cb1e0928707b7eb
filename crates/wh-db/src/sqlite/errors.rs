//! `SQLite`'s answers in our codes. Decides nothing about transactions.
use rusqlite::{Error as Cause, ErrorCode, ffi};
use wh_base::Error;

use crate::codes;

/// What a failure means, where no limit of ours caused it.
pub(super) fn translate(cause: Cause) -> Error {
    let Cause::SqliteFailure(failure, message) = &cause else {
        return match cause {
            Cause::InvalidParameterName(_)
            | Cause::InvalidParameterCount(..)
            | Cause::ToSqlConversionFailure(_) => codes::VALUE.caused("a value cannot be bound", cause),
            _ => codes::STATEMENT.caused("the database cannot run a statement", cause),
        };
    };
    let words = message.clone().unwrap_or_default();
    match failure.code {
        ErrorCode::ConstraintViolation => constraint(failure.extended_code, words, cause),
        ErrorCode::DiskFull => codes::DISK_FULL.caused("no room left in the database", cause).retry_after(10),
        ErrorCode::ReadOnly => codes::READ_ONLY.caused("the database file cannot be written", cause),
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => {
            codes::CORRUPT.caused("the database file is damaged", cause)
        }
        ErrorCode::SystemIoFailure | ErrorCode::CannotOpen | ErrorCode::FileLockingProtocolFailed => {
            codes::STORAGE.caused("the storage failed", cause)
        }
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => {
            codes::BUSY.caused("another process holds the database file", cause).retry_after(1)
        }
        ErrorCode::OperationInterrupted => codes::STATEMENT_SLOW.caused("a statement was stopped", cause),
        ErrorCode::AuthorizationForStatementDenied => {
            codes::STATEMENT_REFUSED.caused(format!("not what this transaction may touch: {words}"), cause)
        }
        ErrorCode::TooBig | ErrorCode::TypeMismatch | ErrorCode::ParameterOutOfRange => {
            codes::VALUE.caused(words, cause)
        }
        ErrorCode::SchemaChanged => codes::RETRY.caused("the schema changed under a statement", cause),
        _ => codes::STATEMENT.caused(format!("the database cannot run a statement: {words}"), cause),
    }
}

/// `SQLite` names tables and columns here, never values.
fn constraint(extended: i32, words: String, cause: Cause) -> Error {
    match extended {
        ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_ROWID => {
            codes::UNIQUE.caused(words, cause)
        }
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY => codes::FOREIGN_KEY.caused(words, cause),
        ffi::SQLITE_CONSTRAINT_DATATYPE => codes::VALUE.caused(words, cause),
        ffi::SQLITE_CONSTRAINT_TRIGGER => codes::TENANT.caused("the row belongs to another tenant", cause),
        _ => codes::CHECK.caused(words, cause),
    }
}
