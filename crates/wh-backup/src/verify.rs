//! Proves a point: restores it into a scratch folder and looks at everything in it. Leaves nothing behind.
use std::path::Path;
use std::time::Instant;

use wh_base::{Error, Result};
use wh_db::Migrations;

use crate::codes;
use crate::create::DataFolder;
use crate::manifest::{Database, Manifest, Migration, PointName};
use crate::repository::Repository;
use crate::restore::{Restored, restore_scratch};
use crate::scratch::Scratch;
use crate::sqlite::{Named, Source};

/// Complaints that a message names.
const COMPLAINTS_SHOWN: usize = 5;

/// A point that was restored and found whole.
#[derive(Clone, Debug)]
pub struct Proof {
    /// The point.
    pub point: PointName,
    /// Points that were applied.
    pub points: usize,
    /// Rows of all tables.
    pub rows: u64,
    /// Tables.
    pub tables: usize,
    /// Objects, each with the size and content that it had.
    pub objects: usize,
    /// Bytes of database and objects.
    pub bytes: u64,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

/// Restore a point into a new folder below `scratch` and check it.
pub fn verify(
    repository: &Repository,
    point: &PointName,
    scratch: &Path,
    migrations: &[Migrations],
) -> Result<Proof> {
    let began = Instant::now();
    let folder = Scratch::make(scratch, repository.new_id()?)?;
    let into = folder.path().join("data");
    let restored =
        restore_scratch(repository, point, &into).inspect_err(|error| set_aside(repository, point, error))?;
    let manifest = repository.get_point(point)?.manifest;
    if matches!(manifest.database, Database::PostgresArchive { .. }) {
        return Err(codes::NOT_CONFIGURED
            .error("a point of PostgreSQL is proven in a scratch database: give --scratch-url"));
    }
    let data = DataFolder::new(&into);
    let (rows, tables) = database(&data, &manifest, migrations)?;
    let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let Restored { points, objects, bytes, .. } = restored;
    Ok(Proof { point: *point, points, rows, tables, objects, bytes, took_ms })
}

/// What is damaged must not be taken for kept any more. Where the place cannot be read or written, the proof's own error says enough.
pub(crate) fn set_aside(repository: &Repository, point: &PointName, found: &Error) {
    if !found.is(&codes::PART_DAMAGED) && !found.is(&codes::PART_MISSING) {
        return;
    }
    let met = repository.meet_damaged(point);
    if let Err(error) = repository.set_aside().and(met) {
        tracing::warn!(?error, "a damaged part could not be put aside");
    }
}

fn database(data: &DataFolder, manifest: &Manifest, migrations: &[Migrations]) -> Result<(u64, usize)> {
    let source = Source::open(&data.database())?;
    let snapshot = source.snapshot()?;
    let complaints = snapshot.complaints()?;
    if !complaints.is_empty() {
        let shown: Vec<_> = complaints.iter().take(COMPLAINTS_SHOWN).map(String::as_str).collect();
        return Err(
            codes::NOT_PROVEN.error(format!("the restored database is not sound: {}", shown.join("; ")))
        );
    }
    let schema = snapshot.migrations()?;
    if schema != manifest.migrations {
        return Err(codes::NOT_PROVEN.error("the schema is not the one that was backed up"));
    }
    check_schema(&schema, migrations)?;
    let tables = snapshot.tables()?;
    for (table, wanted) in &manifest.tables {
        let found = tables.get(table).copied().unwrap_or_default();
        if found != *wanted {
            return Err(codes::NOT_PROVEN.error(format!("{table} has {found} rows, not {wanted}")));
        }
    }
    objects(data, &snapshot.objects()?)?;
    Ok((tables.values().sum(), tables.len()))
}

/// The texts of the migrations are those of this program, as far as it knows them.
pub(crate) fn check_schema(schema: &[Migration], migrations: &[Migrations]) -> Result<()> {
    let applied: Vec<_> =
        schema.iter().map(|row| (row.context.as_str(), row.name.as_str(), row.checksum.as_str())).collect();
    wh_db::check_sqlite_schema(&applied, migrations)
}

/// Each object that the catalog names is there. Its content was held against its digest when it was restored.
pub(crate) fn objects(data: &DataFolder, named: &[Named]) -> Result<()> {
    for object in named {
        let found = std::fs::metadata(data.objects().join(&object.path)).map(|meta| meta.len()).ok();
        if found.is_none() || object.bytes.is_some_and(|wanted| Some(wanted) != found) {
            return Err(
                codes::NOT_PROVEN.error(format!("the object {} is not as the catalog says", object.path))
            );
        }
    }
    Ok(())
}
