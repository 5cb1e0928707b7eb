//! The tenancy kernel: the only way to the database, on both engines. Holds no table and no rule of a context.
mod audit;
pub mod codes;
mod config;
mod context;
mod core;
mod db;
mod engine;
mod examine;
mod idempotency;
mod like;
mod migrate;
mod nodes;
mod outbox;
mod postgres;
mod reads;
mod replay;
mod row;
mod slow;
mod sqlite;
mod text;
mod tx;
mod value;

pub use audit::{AuditEntry, AuditLine, Who};
pub use config::{DbConfig, DbLimits, EngineConfig, PostgresUrls};
pub use context::Context;
pub use db::{AUDIT_LINES_MAX, Db, IdentityDb, Opened, SystemDb, open};
pub use examine::{Examined, SCHEMA_CHECK, SCHEMA_CURRENT, Verdict, examine, installation_of, newest_moment};
pub use idempotency::{
    IDEMPOTENCY_KEPT_S, IDEMPOTENCY_RUNNING_S_MAX, Idempotent, IdempotentRun, RunEnd, StoredAnswer,
};
pub use like::like_holding;
pub use migrate::{APPLIED_MIGRATIONS, check_postgres_schema, check_sqlite_schema};
pub use migrate::{MigrationFile, MigrationText, Migrations};
pub use nodes::{NODES_MAX, NodeRow};
pub use outbox::{
    Deliver, Delivered, EVENTS_AFTER_MAX, EventsAfter, Missed, Outbox, Parked, Progress, QueueState,
    RETRIED_MAX, React, Reaction, Resumable, Retried,
};
pub use postgres::{Elsewhere, LoginsThere, PostgresInit, database_of, init_postgres, tls_of_programs};
pub use reads::{GlobalRead, Reads, SystemRead, TenantRead};
pub use replay::replayed;
pub use row::Row;
pub use slow::SlowStatement;
pub use sqlite::sqlite_in_use;
pub use tx::{GlobalTx, SystemTx, TenantTx};
pub use value::Value;
