//! Typed columnar datasets: reading files, segments on an object store, hot chunks, views. Read this first.
//!
//! `read`, a crate of its own, understands files, `ingest` turns a stream of them into segments and hot chunks, `segment` writes and reads
//! Parquet on an object store, `catalog` knows in the database which segments a version has, `engine` answers views
//! from memory, and [`Datasets`] ties them together. A [`DatasetHandle`] comes only from a transaction of its tenant.
mod catalog;
pub mod codes;
mod datasets;
pub mod engine;
pub mod ingest;
mod loads;
mod ownership;
pub mod segment;
mod sweep;
mod sweep_catalog;
mod versions;

pub use catalog::NAMED_OBJECTS;
pub use datasets::{Committed, DatasetHandle, Datasets, DatasetsConfig};
pub use engine::{Condition, Filter, Op, SortKey, ViewQuery, Window};
pub use model::{Column, ColumnType, Schema};
pub use sweep::Swept;
pub use wh_contract::events::ImportMode;
pub use {wh_reader as read, wh_reader::model};

/// The tables of this crate.
pub const MIGRATIONS: wh_db::Migrations =
    wh_db::migrations!("dataset": "0001_dataset", "0002_base", "0003_bad_bytes" per engine);
