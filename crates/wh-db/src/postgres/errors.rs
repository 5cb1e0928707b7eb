//! PostgreSQL's answers in our codes. Decides nothing about transactions.
use std::error::Error as StdError;

use tokio_postgres::error::{DbError, SqlState};
use wh_base::Error;

use crate::codes;

/// What a statement's failure means.
pub(super) fn translate(error: tokio_postgres::Error) -> Error {
    let Some(db) = error.as_db_error() else { return client_side(error) };
    let code = db.code().clone();
    if is_away(&code) {
        return codes::AWAY.caused("the database ended the connection", error).retry_after(1);
    }
    match code {
        SqlState::UNIQUE_VIOLATION => codes::UNIQUE.caused(constraint(db), error),
        SqlState::FOREIGN_KEY_VIOLATION => codes::FOREIGN_KEY.caused(constraint(db), error),
        SqlState::CHECK_VIOLATION | SqlState::NOT_NULL_VIOLATION => {
            codes::CHECK.caused(constraint(db), error)
        }
        SqlState::T_R_SERIALIZATION_FAILURE | SqlState::T_R_DEADLOCK_DETECTED => {
            codes::RETRY.caused("two transactions stood in each other's way", error)
        }
        SqlState::FEATURE_NOT_SUPPORTED if db.message().starts_with("cached plan must not change") => {
            codes::RETRY.caused("a table changed under a prepared statement", error)
        }
        SqlState::INVALID_SQL_STATEMENT_NAME => {
            codes::RETRY.caused("the server forgot a prepared statement", error)
        }
        SqlState::QUERY_CANCELED => {
            codes::STATEMENT_SLOW.caused("a statement ran longer than its limit", error)
        }
        SqlState::LOCK_NOT_AVAILABLE => codes::BUSY.caused("a lock was not to be had in time", error),
        SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT => {
            codes::HELD_TOO_LONG.caused("the transaction waited too long for its next statement", error)
        }
        SqlState::INSUFFICIENT_PRIVILEGE if db.message().contains("row-level security") => {
            codes::TENANT.caused("the row belongs to another tenant", error)
        }
        SqlState::INSUFFICIENT_PRIVILEGE | SqlState::READ_ONLY_SQL_TRANSACTION => {
            codes::STATEMENT_REFUSED.caused("this login may not do that", error)
        }
        _ => codes::STATEMENT.caused("the database refused a statement", error),
    }
}

/// What a failed attempt to connect means.
pub(super) fn connecting(error: tokio_postgres::Error) -> Error {
    match error.code() {
        Some(&SqlState::TOO_MANY_CONNECTIONS) => {
            codes::BUSY.caused("the database has no connection left", error)
        }
        Some(&SqlState::INVALID_PASSWORD | &SqlState::INVALID_AUTHORIZATION_SPECIFICATION) => {
            codes::AWAY.caused("the database refuses our login", error)
        }
        _ => codes::AWAY.caused("the database does not answer", error).retry_after(1),
    }
}

fn client_side(error: tokio_postgres::Error) -> Error {
    let broken = error.is_closed()
        || error.source().is_some_and(|cause| cause.downcast_ref::<std::io::Error>().is_some());
    if broken {
        return codes::AWAY.caused("the connection to the database broke", error).retry_after(1);
    }
    let cause = error.source().map_or_else(|| error.to_string(), ToString::to_string);
    codes::VALUE.caused(cause, error)
}

/// Shutdown by the administrator, crash of a neighbour, start-up, broken protocol: all pass by themselves.
fn is_away(code: &SqlState) -> bool {
    matches!(
        *code,
        SqlState::ADMIN_SHUTDOWN
            | SqlState::CRASH_SHUTDOWN
            | SqlState::CANNOT_CONNECT_NOW
            | SqlState::DATABASE_DROPPED
    ) || code.code().starts_with("08")
}

/// The constraint's name only: the detail quotes values, and they may be another tenant's.
fn constraint(db: &DbError) -> String {
    match db.constraint().or(db.column()) {
        Some(name) => format!("refused by {name}"),
        None => "refused by a constraint".to_owned(),
    }
}
