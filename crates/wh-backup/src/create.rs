//! Makes a full point of a data folder on SQLite, while a server may be writing to it. Decides no schedule.
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use wh_base::{Clock, Result};
use wh_db::Migrations;

use crate::codes;
use crate::key::hex;
use crate::manifest::{Chunk, Database, FORMAT, FileEntry, Manifest, Migration, PointKind, PointName};
use crate::repository::{PART_BYTES_MAX, Repository};
use crate::restore::ARCHIVE_FILE;
use crate::sqlite::{CHUNK_BYTES, Named, PageDigest, Snapshot, Source, page_digest, whole_digest};
use crate::verify::check_schema;

/// How often a point is begun anew because somebody deleted a dataset while its objects were copied.
const ATTEMPTS_MAX: usize = 10;
/// A file beside the database that is larger is none of ours.
const FILE_BYTES_MAX: u64 = 16 << 20;
/// Files of the data folder that are not kept: they belong to the running process, are kept in their own way, or were left by a restore.
/// Also what begins so: the lock of the status, and one that is just being written and gone the next moment.
const NOT_KEPT: &[&str] =
    &[DATABASE_FILE, ARCHIVE_FILE, "wheelhouse.lock", crate::status::FILE, crate::installation::RESTORED];

/// The data folder of a server.
#[derive(Clone, Debug)]
pub struct DataFolder {
    folder: PathBuf,
}

impl DataFolder {
    /// This one.
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.folder
    }

    /// The embedded database.
    pub fn database(&self) -> PathBuf {
        self.folder.join(DATABASE_FILE)
    }

    /// Where the objects lie.
    pub fn objects(&self) -> PathBuf {
        self.folder.join(OBJECTS_FOLDER)
    }

    /// Bytes of database and objects: what a proof of this folder takes on a disk.
    pub fn bytes(&self) -> u64 {
        std::fs::metadata(self.database()).map_or(0, |meta| meta.len()) + bytes_below(&self.objects())
    }
}

/// The embedded database in a data folder.
pub const DATABASE_FILE: &str = "wheelhouse.db";
/// The objects in a data folder.
pub const OBJECTS_FOLDER: &str = "objects";

/// Objects by path.
pub type Objects = HashMap<String, FileEntry>;

/// What was made.
#[derive(Clone, Debug)]
pub struct Created {
    /// The point.
    pub point: PointName,
    /// Bytes of database, objects and files that it keeps.
    pub bytes: u64,
    /// Its objects.
    pub objects: Objects,
    /// Its other files.
    pub files: Vec<FileEntry>,
    /// Bytes of a page of the database.
    pub page_bytes: u32,
    /// The digests of the database's pages.
    pub pages: Vec<PageDigest>,
}

/// What a failed copy of objects means.
pub(crate) enum Copied {
    /// They are all there.
    All(Vec<FileEntry>),
    /// One was deleted meanwhile: the moment must be taken anew.
    Outdated(String),
}

/// Make a full point. `known` are objects that are kept already: they never change, so they are not read again. A schema that `migrations`
/// do not know is refused: a newer program may name objects in a way of its own, and without them the point would be none.
pub fn create_full(
    repository: &Repository,
    data: &DataFolder,
    clock: &dyn Clock,
    known: &Objects,
    migrations: &[Migrations],
) -> Result<Created> {
    full_point(repository, data, clock, known, &|schema| check_schema(schema, migrations))
}

/// The same for whoever holds the data folder, as a server does: no other program brings its schema forward meanwhile.
pub(crate) fn create_full_held(
    repository: &Repository,
    data: &DataFolder,
    clock: &dyn Clock,
    known: &Objects,
) -> Result<Created> {
    full_point(repository, data, clock, known, &|_| Ok(()))
}

fn full_point(
    repository: &Repository,
    data: &DataFolder,
    clock: &dyn Clock,
    known: &Objects,
    check: &dyn Fn(&[Migration]) -> Result<()>,
) -> Result<Created> {
    let _alone = repository.lock_create()?;
    let _add = repository.lock_add()?;
    let source = Source::open(&data.database())?;
    let installation = data.installation_or(repository.new_id()?)?;
    let mut known = known.clone();
    // Most objects before the moment is taken, so that little can be deleted between the moment and its copy.
    let before = {
        let snapshot = source.snapshot()?;
        check(&snapshot.migrations()?)?;
        snapshot.objects()?
    };
    copy_objects(repository, data, &before, &mut known)?;
    let mut outdated = String::new();
    for _ in 0..ATTEMPTS_MAX {
        // What was acknowledged before this moment is in the snapshot.
        let at = clock.now();
        let snapshot = source.snapshot()?;
        let migrations = snapshot.migrations()?;
        check(&migrations)?;
        let page_bytes = snapshot.page_bytes()?;
        let named = snapshot.objects()?;
        let objects = match copy_objects(repository, data, &named, &mut known)? {
            Copied::All(objects) => objects,
            Copied::Outdated(path) => {
                outdated = path;
                continue;
            }
        };
        let (database, pages) = database(repository, &snapshot)?;
        let tables = snapshot.tables()?;
        drop(snapshot);
        let manifest = Manifest {
            format: FORMAT,
            program: env!("CARGO_PKG_VERSION").to_owned(),
            installation: Some(installation),
            database,
            objects,
            files: files(repository, data)?,
            tables,
            migrations,
        };
        let id = repository.new_id()?;
        let point = PointName { at, kind: PointKind::Full, id, full: id, number: 0 };
        repository.put_point(&point, &manifest, &[])?;
        let bytes = manifest.chunks().map(|chunk| u64::from(chunk.bytes)).sum();
        let Manifest { objects, files, .. } = manifest;
        let objects = objects.into_iter().map(|object| (object.path.clone(), object)).collect();
        return Ok(Created { point, bytes, objects, files, page_bytes, pages });
    }
    Err(codes::OBJECT_MISSING.error(format!("{outdated} is named by the database and is not there")))
}

/// Bytes of the files in a folder and below; what cannot be read, or is gone meanwhile, counts for nothing.
fn bytes_below(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let bytes = entries.map(|entry| match entry.metadata() {
        Ok(meta) if meta.is_dir() => bytes_below(&entry.path()),
        Ok(meta) => meta.len(),
        Err(_) => 0,
    });
    bytes.sum()
}

/// The whole database in chunks.
fn database(repository: &Repository, snapshot: &Snapshot<'_>) -> Result<(Database, Vec<PageDigest>)> {
    let page_bytes = snapshot.page_bytes()?;
    let mut digests = Vec::with_capacity(snapshot.pages()? as usize);
    let chunks = repository.put_parts(|put| {
        let mut chunk = Vec::with_capacity(CHUNK_BYTES);
        snapshot.each_page(&mut |_, page| {
            digests.push(page_digest(page));
            chunk.extend_from_slice(page);
            if chunk.len() >= CHUNK_BYTES {
                put(std::mem::replace(&mut chunk, Vec::with_capacity(CHUNK_BYTES)))?;
            }
            Ok(())
        })?;
        if chunk.is_empty() { Ok(()) } else { put(chunk) }
    })?;
    let digest = hex(&whole_digest(&digests));
    let database = Database::Pages { page_bytes, pages: digests.len() as u32, digest, chunks };
    Ok((database, digests))
}

/// Copy what is named and not yet known.
pub(crate) fn copy_objects(
    repository: &Repository,
    data: &DataFolder,
    named: &[Named],
    known: &mut HashMap<String, FileEntry>,
) -> Result<Copied> {
    let mut entries = Vec::with_capacity(named.len());
    for object in named {
        if let Some(entry) = known.get(&object.path) {
            entries.push(entry.clone());
            continue;
        }
        let Some(chunks) = copy_file(repository, &data.objects().join(&object.path))? else {
            return Ok(Copied::Outdated(object.path.clone()));
        };
        let bytes = chunks.iter().map(|chunk| u64::from(chunk.bytes)).sum();
        if let Some(wanted) = object.bytes.filter(|wanted| *wanted != bytes) {
            let message = format!("{} has {bytes} bytes; the database says {wanted}", object.path);
            return Err(codes::OBJECT_MISSING.error(message));
        }
        let entry = FileEntry { path: object.path.clone(), bytes, chunks };
        known.insert(object.path.clone(), entry.clone());
        entries.push(entry);
    }
    Ok(Copied::All(entries))
}

/// A file in parts; nothing if it is not there.
pub(crate) fn copy_file(repository: &Repository, path: &Path) -> Result<Option<Vec<Chunk>>> {
    let failed = |e| codes::SOURCE.caused(format!("{} cannot be read", path.display()), e);
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(failed(e)),
    };
    let chunks = repository.put_parts(|put| {
        loop {
            let mut chunk = Vec::with_capacity(PART_BYTES_MAX.min(1 << 16));
            (&mut file).take(PART_BYTES_MAX as u64).read_to_end(&mut chunk).map_err(failed)?;
            if chunk.is_empty() {
                return Ok(());
            }
            put(chunk)?;
        }
    })?;
    Ok(Some(chunks))
}

/// Whether a file at the top of the data folder is kept as it is.
pub(crate) fn is_kept(name: &str) -> bool {
    !NOT_KEPT.iter().any(|other| name.starts_with(other))
}

/// The small files at the top of the data folder: configuration, keys.
pub(crate) fn files(repository: &Repository, data: &DataFolder) -> Result<Vec<FileEntry>> {
    let failed = |e| codes::SOURCE.caused(format!("{} cannot be read", data.folder.display()), e);
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(&data.folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !is_kept(&name) {
            continue;
        }
        let meta = entry.metadata().map_err(failed)?;
        if !meta.is_file() || meta.len() > FILE_BYTES_MAX {
            continue;
        }
        if let Some(chunks) = copy_file(repository, &entry.path())? {
            let bytes = chunks.iter().map(|chunk| u64::from(chunk.bytes)).sum();
            found.insert(name.clone(), FileEntry { path: name, bytes, chunks });
        }
    }
    Ok(found.into_values().collect())
}
