//! Makes a data folder from a point: aside, checked, then renamed into place. Never overwrites.
use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{BufReader, ErrorKind, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Component, Path, PathBuf};

use wh_base::{Error, Result};

use crate::codes;
use crate::create::{DATABASE_FILE, DataFolder, OBJECTS_FOLDER, is_kept};
use crate::installation;
use crate::key::hex;
use crate::manifest::{Chunk, Database, FileEntry, Manifest, PointName};
use crate::repository::{Point, Repository};
use crate::room::{Room, code_of};
use crate::scratch::{lock, remove_left};
use crate::sqlite::{Source, page_digest, whole_digest};

/// The archive of a PostgreSQL database in a restored folder.
pub const ARCHIVE_FILE: &str = "wheelhouse.pgdump";
/// Which server it is among those that share a database. A restored folder is another one: with the same id its start would end the
/// imports of the server that it is a copy of.
const NODE_FILE: &str = "wheelhouse.node";

/// What was restored.
#[derive(Clone, Debug)]
pub struct Restored {
    /// The point.
    pub point: PointName,
    /// Points that were applied: the full one and its steps.
    pub points: usize,
    /// Objects.
    pub objects: usize,
    /// Bytes of database, objects and files.
    pub bytes: u64,
    /// The archive to be loaded into PostgreSQL, where the point came from there.
    pub archive: Option<PathBuf>,
}

/// Restore a point into a folder that does not exist or is empty.
pub fn restore(repository: &Repository, point: &PointName, into: &Path) -> Result<Restored> {
    restore_into(repository, point, into, &Room::for_worthy(into))
}

/// The same for a proof, which leaves more room on the disk.
pub(crate) fn restore_scratch(repository: &Repository, point: &PointName, into: &Path) -> Result<Restored> {
    restore_into(repository, point, into, &Room::for_proof(into))
}

fn restore_into(repository: &Repository, point: &PointName, into: &Path, room: &Room) -> Result<Restored> {
    // Keeps others from pruning; a place that can only be read needs no such lock.
    let _keep = repository.lock_add().ok();
    let into = std::path::absolute(into).map_err(|e| failed(into, e))?;
    must_be_free(&into)?;
    let above = into.parent().ok_or_else(|| codes::TARGET.error("the root of the disk is no target"))?;
    fs::create_dir_all(above).map_err(|e| failed(above, e))?;
    let name = into.file_name().unwrap_or_default().to_string_lossy();
    let staging = format!(".{name}.restoring-");
    remove_left(above, &staging);
    let staging = Staging(above.join(format!("{staging}{}", repository.new_id()?.simple())));
    make_private(&staging.0).map_err(|e| failed(&staging.0, e))?;
    let _held = lock(&staging.0);
    let mut restored = fill(repository, point, &staging.0, &room.at(&staging.0))?;
    installation::mark(&staging.0, point).map_err(|e| failed(&staging.0, e))?;
    sync_all(&staging.0).map_err(|e| failed(&staging.0, e))?;
    // Takes the place of an empty folder, and fails should somebody have put something there meanwhile.
    fs::rename(&staging.0, &into).map_err(|e| match e.kind() {
        ErrorKind::DirectoryNotEmpty | ErrorKind::AlreadyExists | ErrorKind::NotADirectory => {
            not_empty(&into)
        }
        _ => failed(&into, e),
    })?;
    File::open(above).and_then(|above| above.sync_all()).map_err(|e| failed(above, e))?;
    restored.archive = restored.archive.map(|_| into.join(ARCHIVE_FILE));
    Ok(restored)
}

/// Removed unless it was renamed away.
struct Staging(PathBuf);

impl Drop for Staging {
    fn drop(&mut self) {
        // After the rename there is nothing to remove, which is the usual case.
        let _gone = fs::remove_dir_all(&self.0);
    }
}

fn must_be_free(into: &Path) -> Result<()> {
    match fs::read_dir(into) {
        Ok(mut entries) => match entries.next() {
            None => Ok(()),
            Some(_) => Err(not_empty(into)),
        },
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
        Err(e) if e.kind() == ErrorKind::NotADirectory => Err(not_empty(into)),
        Err(e) => Err(failed(into, e)),
    }
}

fn not_empty(into: &Path) -> Error {
    codes::TARGET_NOT_EMPTY.error(format!("{} is not empty", into.display()))
}

fn failed(path: &Path, cause: std::io::Error) -> Error {
    code_of(&cause).caused(format!("{} cannot be written", path.display()), cause)
}

/// Everything of the point into an empty folder.
fn fill(repository: &Repository, point: &PointName, folder: &Path, room: &Room) -> Result<Restored> {
    let chain = repository.chain(point)?;
    room.must_take(bytes_at_least(&repository.get_point(point)?.manifest))?;
    let mut objects: HashMap<String, FileEntry> = HashMap::new();
    let mut files = Vec::new();
    let mut last = None;
    let database = folder.join(DATABASE_FILE);
    for name in &chain {
        let mut point = repository.get_point(name)?;
        apply(repository, &point, &database, folder, room)?;
        let new = point.manifest.objects.drain(..).map(|object| (object.path.clone(), object));
        objects.extend(new);
        if !point.manifest.files.is_empty() {
            files = std::mem::take(&mut point.manifest.files);
        }
        last = Some(point.manifest.database);
    }
    let (named, archive) = match last {
        Some(Database::PostgresArchive { .. }) => {
            (objects.keys().cloned().collect(), Some(folder.join(ARCHIVE_FILE)))
        }
        Some(whole) => {
            check_digest(&whole, &database)?;
            let source = Source::open(&database)?;
            let named = source.snapshot()?.objects()?;
            (named.into_iter().map(|object| object.path).collect::<Vec<_>>(), None)
        }
        None => return Err(codes::POINT_UNKNOWN.error("a point without any part")),
    };
    let mut bytes = fs::metadata(archive.as_deref().unwrap_or(&database)).map_or(0, |meta| meta.len());
    let mut wanted = Vec::with_capacity(named.len());
    for path in &named {
        let entry = objects.get(path);
        let entry =
            entry.ok_or_else(|| codes::PART_MISSING.error(format!("the object {path} was not kept")))?;
        wanted.push((folder.join(OBJECTS_FOLDER).join(inside(path)?), entry));
    }
    // A point of an earlier build may name an archive that a restore had left: it would stand where the point's own one stands.
    let is_wanted = |name: &str| is_kept(name) && (archive.is_none() || name != NODE_FILE);
    for file in files.iter().filter(|file| is_wanted(&file.path)) {
        wanted.push((folder.join(inside(&file.path)?), file));
    }
    make_private(&DataFolder::new(folder).objects()).map_err(|e| failed(folder, e))?;
    // Which objects there are is known only now: steps name the new ones alone.
    room.must_take(wanted.iter().map(|(_, entry)| entry.bytes).sum())?;
    for (path, entry) in wanted {
        write_file(repository, &path, &entry.chunks, room)?;
        bytes += entry.bytes;
    }
    Ok(Restored { point: *point, points: chain.len(), objects: named.len(), bytes, archive })
}

/// What a point takes on a disk: all of a full one; of a step the database, and the objects that are new with it.
fn bytes_at_least(manifest: &Manifest) -> u64 {
    let named: u64 = manifest.chunks().map(|chunk| u64::from(chunk.bytes)).sum();
    match &manifest.database {
        Database::Changed { page_bytes, pages, chunks, .. } => {
            let changes: u64 = chunks.iter().map(|chunk| u64::from(chunk.bytes)).sum();
            named - changes + u64::from(*page_bytes) * u64::from(*pages)
        }
        Database::Pages { .. } | Database::PostgresArchive { .. } => named,
    }
}

/// A point's pages into the file.
fn apply(repository: &Repository, point: &Point, database: &Path, folder: &Path, room: &Room) -> Result<()> {
    match &point.manifest.database {
        Database::Pages { chunks, .. } => write_file(repository, database, chunks, room),
        Database::PostgresArchive { chunks, .. } => {
            write_file(repository, &folder.join(ARCHIVE_FILE), chunks, room)
        }
        Database::Changed { page_bytes, pages, chunks, .. } => {
            let file = fs::OpenOptions::new().write(true).open(database).map_err(|e| failed(database, e))?;
            write_pages(point, &file, *page_bytes, &point.behind, database)?;
            for chunk in chunks {
                write_pages(point, &file, *page_bytes, &repository.get_part(chunk)?, database)?;
                room.took(u64::from(chunk.bytes))?;
            }
            file.set_len(u64::from(*pages) * u64::from(*page_bytes)).map_err(|e| failed(database, e))
        }
    }
}

fn write_pages(point: &Point, file: &File, page_bytes: u32, changes: &[u8], path: &Path) -> Result<()> {
    for change in changes.chunks(4 + page_bytes as usize) {
        let whole = change.len() == 4 + page_bytes as usize;
        let number = change.first_chunk::<4>().map(|number| u64::from(u32::from_le_bytes(*number)));
        let Some(number) = number.filter(|number| whole && *number > 0) else {
            let name = point.name.path();
            return Err(codes::PART_DAMAGED.error(format!("{name} does not hold whole pages")));
        };
        file.write_all_at(&change[4..], (number - 1) * u64::from(page_bytes)).map_err(|e| failed(path, e))?;
    }
    Ok(())
}

/// Every page is the one that was read when the point was made.
fn check_digest(database: &Database, path: &Path) -> Result<()> {
    let (Database::Pages { page_bytes, digest, .. } | Database::Changed { page_bytes, digest, .. }) =
        database
    else {
        return Ok(());
    };
    let mut file = BufReader::with_capacity(1 << 20, File::open(path).map_err(|e| failed(path, e))?);
    let mut page = vec![0; *page_bytes as usize];
    let mut digests = Vec::new();
    loop {
        match file.read_exact(&mut page) {
            Ok(()) => digests.push(page_digest(&page)),
            Err(e) if e.kind() == ErrorKind::UnexpectedEof => break,
            Err(e) => return Err(failed(path, e)),
        }
    }
    if hex(&whole_digest(&digests)) != *digest {
        return Err(codes::NOT_PROVEN.error("the restored database is not the one that was backed up"));
    }
    Ok(())
}

fn write_file(repository: &Repository, path: &Path, chunks: &[Chunk], room: &Room) -> Result<()> {
    if let Some(above) = path.parent() {
        make_private(above).map_err(|e| failed(above, e))?;
    }
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).map_err(|e| failed(path, e))?;
    for chunk in chunks {
        file.write_all(&repository.get_part(chunk)?).map_err(|e| failed(path, e))?;
        room.took(u64::from(chunk.bytes))?;
    }
    Ok(())
}

/// A path that stays below its folder.
fn inside(path: &str) -> Result<&Path> {
    let path = Path::new(path);
    if path.components().all(|step| matches!(step, Component::Normal(_))) {
        return Ok(path);
    }
    Err(codes::PART_DAMAGED.error(format!("{} leads out of the folder", path.display())))
}

pub(crate) fn make_private(folder: &Path) -> std::io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

fn sync_all(folder: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync_all(&entry.path())?;
        } else {
            File::open(entry.path())?.sync_all()?;
        }
    }
    File::open(folder)?.sync_all()
}
