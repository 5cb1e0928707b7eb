//! Panels: what is, as live tables. Files come in, views go out; the rows themselves are the dataset engine's.
pub mod codes;
pub mod model;
pub mod service;

mod http;
mod store;

use wh_contract::{PANELS_READ, PANELS_WRITE};
use wh_dataset::Datasets;
use wh_db::{Migrations, migrations};
use wh_server::Module;

/// The tables `panels_*`.
pub const MIGRATIONS: Migrations = migrations!(
    "panels": "0001_panels", "0002_import_state", "0003_import_recent", "0004_import_lease", "0005_import_told"
);

/// Everything panels bring to the house. The imports are those of this process among others that share the database.
pub fn module(datasets: Datasets, running: service::Running) -> Module {
    Module::new("panels")
        .operations(http::operations)
        .migrations(MIGRATIONS)
        .permissions(&[&PANELS_READ, &PANELS_WRITE])
        .errors(codes::ALL)
        .errors(wh_dataset::read::codes::ALL)
        .errors(wh_dataset::codes::ALL)
        .extension(datasets)
        .extension(running)
}
