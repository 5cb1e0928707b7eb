//! The `identity_*` tables: SQL and nothing else. They are global: looked up before a company is known.
mod account;
mod api_key;
mod cli_login;
mod company;
mod invitation;
mod made_key;
mod service_account;
mod session;

use wh_base::{Result, codes};
use wh_contract::Role;
use wh_db::{GlobalRead, GlobalTx, Row, Value};

pub(crate) use account::*;
pub(crate) use api_key::*;
pub(crate) use cli_login::*;
pub(crate) use company::*;
pub(crate) use invitation::*;
pub(crate) use made_key::*;
pub(crate) use service_account::*;
pub(crate) use session::*;

/// The role in a row, which only this crate writes.
fn role(row: &Row, column: &str) -> Result<Role> {
    let word = row.text(column)?;
    Role::from_word(word).ok_or_else(|| codes::INTERNAL.error(format!("`{word}` in {column} is no role")))
}

/// The same, where there may be none.
fn role_opt(row: &Row, column: &str) -> Result<Option<Role>> {
    row.text_opt(column)?.map(|_| role(row, column)).transpose()
}

/// Whatever can be asked for rows: a reading or a changing transaction.
pub(crate) trait GlobalReads: Send {
    /// All rows of a statement.
    fn rows(&mut self, sql: &str, args: &[Value]) -> impl Future<Output = Result<Vec<Row>>> + Send;
    /// The first row, which must be there.
    fn row(&mut self, sql: &str, args: &[Value]) -> impl Future<Output = Result<Row>> + Send;
    /// The first row, if there is one.
    fn row_opt(&mut self, sql: &str, args: &[Value]) -> impl Future<Output = Result<Option<Row>>> + Send;
}

macro_rules! global_reads {
    ($($ty:ident)*) => {$(
        impl GlobalReads for $ty {
            async fn rows(&mut self, sql: &str, args: &[Value]) -> Result<Vec<Row>> {
                $ty::rows(self, sql, args).await // bounded: by the statements that are passed through here
            }

            async fn row(&mut self, sql: &str, args: &[Value]) -> Result<Row> {
                $ty::row(self, sql, args).await
            }

            async fn row_opt(&mut self, sql: &str, args: &[Value]) -> Result<Option<Row>> {
                $ty::row_opt(self, sql, args).await
            }
        }
    )*};
}
global_reads!(GlobalRead GlobalTx);
