//! Full points of a PostgreSQL database, by its own programs; and their proof in a scratch database. Speaks no SQL protocol.
mod program;
mod scratch_database;

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Instant;

use wh_base::{Clock, Random, Result, Secret, Timestamp};
use wh_db::Migrations;

use self::program::{Tool, without_password};
use self::scratch_database::ScratchDatabase;
use crate::codes;
use crate::create::{Copied, Created, DataFolder, copy_file, copy_objects, files};
use crate::manifest::{Database, FORMAT, FileEntry, Manifest, Migration, PointKind, PointName};
use crate::repository::{Repository, new_id};
use crate::restore::{Restored, restore_scratch};
use crate::room::Room;
use crate::scratch::Scratch;
use crate::sqlite::Named;
use crate::stop::Stop;
use crate::verify::{Proof, objects, set_aside};

/// The schema of all our tables.
const SCHEMA: &str = "wheelhouse";
/// How often a point is begun anew because somebody deleted a dataset while its objects were copied.
const ATTEMPTS_MAX: usize = 10;

/// Make a full point. `url` is the login for system jobs: it sees every tenant's rows and owns nothing. A schema that `migrations` do not
/// know is refused.
pub fn create_full_postgres(
    repository: &Repository,
    data: &DataFolder,
    clock: &dyn Clock,
    url: &Secret<String>,
    scratch: &Path,
    migrations: &[Migrations],
) -> Result<Created> {
    let _alone = repository.lock_create()?;
    let _add = repository.lock_add()?;
    let installation = data.installation_or(repository.new_id()?)?;
    let mut known = repository.known_objects(installation)?;
    // As large as the one before, unless much was deleted since: what has room for half of it is tried, and ends where the disk does.
    let archive_bytes = repository.newest_archive_bytes(installation)?;
    let mut outdated = String::new();
    for _ in 0..ATTEMPTS_MAX {
        let folder = Scratch::make(scratch, repository.new_id()?)?;
        let room = Room::for_worthy(folder.path());
        room.must_take(archive_bytes / 2)?;
        let archive = folder.path().join("archive");
        let at = clock.now();
        let tool = dump(url, &archive, &room, repository.stop())?;
        let content = read_archive(&archive, repository.stop())?;
        // A newer program may name objects in a way of its own: without them the point would be none.
        check_schema(&content.migrations, migrations)?;
        let objects = match copy_objects(repository, data, &content.objects, &mut known)? {
            Copied::All(objects) => objects,
            Copied::Outdated(path) => {
                outdated = path;
                continue;
            }
        };
        let missing = || codes::SOURCE.error("the archive of the database is gone");
        let chunks = copy_file(repository, &archive)?.ok_or_else(missing)?;
        let manifest = Manifest {
            format: FORMAT,
            program: env!("CARGO_PKG_VERSION").to_owned(),
            installation: Some(installation),
            database: Database::PostgresArchive { chunks, tool },
            objects,
            files: files(repository, data)?,
            tables: content.tables,
            migrations: content.migrations,
        };
        let id = repository.new_id()?;
        let point = PointName { at, kind: PointKind::Full, id, full: id, number: 0 };
        repository.put_point(&point, &manifest, &[])?;
        let bytes = manifest.chunks().map(|chunk| u64::from(chunk.bytes)).sum();
        let Manifest { objects, files, .. } = manifest;
        let objects: HashMap<String, FileEntry> =
            objects.into_iter().map(|object| (object.path.clone(), object)).collect();
        return Ok(Created { point, bytes, objects, files, page_bytes: 0, pages: Vec::new() });
    }
    Err(codes::OBJECT_MISSING.error(format!("{outdated} is named by the database and is not there")))
}

/// Dump what this login sees, at one moment; which program did it. Row security stays on: for the login of system jobs each
/// table has a policy that shows every row, which the server checks at its start. Of unlogged tables without the rows: they say what is
/// now (which processes serve), and would be wrong wherever the archive is loaded.
fn dump(url: &Secret<String>, archive: &Path, room: &Room, stop: &Stop) -> Result<String> {
    let mut tool = Tool::new("pg_dump", url, stop)?;
    tool.args(["--format=custom", "--compress=0", "--enable-row-security", "--no-unlogged-table-data"]);
    let dumped = tool.args(["--schema", SCHEMA, "--file"]).arg(archive).run_while(|| room.must_take(0));
    // A disk that was filled between two looks is what the program failed of.
    dumped.or_else(|error| room.must_take(0).and(Err(error)))?;
    tool.version()
}

/// The texts of the migrations are those of this program, as far as it knows them.
fn check_schema(schema: &[Migration], migrations: &[Migrations]) -> Result<()> {
    let applied: Vec<_> =
        schema.iter().map(|row| (row.context.as_str(), row.name.as_str(), row.checksum.as_str())).collect();
    wh_db::check_postgres_schema(&applied, migrations)
}

/// Restore a point into a scratch folder and its archive into a scratch database, and check both. `url` is a login that may
/// make databases on a server where the four logins exist.
pub fn verify_postgres(
    repository: &Repository,
    point: &PointName,
    scratch: &Path,
    url: &Secret<String>,
    now: Timestamp,
    migrations: &[Migrations],
) -> Result<Proof> {
    let began = Instant::now();
    let folder = Scratch::make(scratch, repository.new_id()?)?;
    let into = folder.path().join("data");
    let restored =
        restore_scratch(repository, point, &into).inspect_err(|error| set_aside(repository, point, error))?;
    let manifest = repository.get_point(point)?.manifest;
    let Restored { points, objects: count, bytes, archive: Some(archive), .. } = restored else {
        return Err(codes::NOT_CONFIGURED
            .error("this point is not of PostgreSQL; it is proven without a scratch URL"));
    };
    scratch_database::drop_left(url, folder.path(), now, repository.stop());
    let (statements, room) = (folder.path().join("proof.sql"), Room::for_proof(folder.path()));
    room.must_take(archive_size(&archive)?)?;
    let database = ScratchDatabase::make(url, now, repository.new_id()?, repository.stop())?;
    // What is counted is what the database holds now, and before row security is switched on: it would hide the rows from a login that
    // is no superuser.
    print_archive(
        &archive,
        &["--section=pre-data", "--section=data"],
        &statements,
        &room,
        repository.stop(),
    )?;
    database.load(&statements)?;
    let content = database.rows()?;
    for (table, wanted) in &manifest.tables {
        let found = content.tables.get(table).copied().unwrap_or_default();
        if found != *wanted {
            return Err(codes::NOT_PROVEN.error(format!("{table} has {found} rows, not {wanted}")));
        }
    }
    if content.migrations != manifest.migrations {
        return Err(codes::NOT_PROVEN.error("the schema is not the one that was backed up"));
    }
    // Keys, indexes and policies: the rows must bear them.
    print_archive(&archive, &["--section=post-data"], &statements, &room, repository.stop())?;
    database.load(&statements)?;
    check_schema(&content.migrations, migrations)?;
    objects(&DataFolder::new(&into), &content.objects)?;
    let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let (rows, tables) = (content.tables.values().sum(), content.tables.len());
    Ok(Proof { point: *point, points, rows, tables, objects: count, bytes, took_ms })
}

/// Load a restored archive into a database that `wheelhouse db init` has just made: it must hold no row of a context.
pub fn load_postgres(
    archive: &Path,
    owner_url: &Secret<String>,
    sys_url: &Secret<String>,
    scratch: &Path,
    random: &dyn Random,
) -> Result<()> {
    // What the database holds is nobody else's to read, and nothing of it stays, whatever happens.
    let folder = Scratch::make(scratch, new_id(random)?)?;
    let there = folder.path().join("there");
    let stop = Stop::default();
    let room = Room::for_worthy(folder.path());
    dump(sys_url, &there, &room, &stop)?;
    let full = read_archive(&there, &stop)?
        .tables
        .into_iter()
        .find(|(name, rows)| *rows > 0 && !name.starts_with("kernel_"));
    if let Some((name, rows)) = full {
        return Err(codes::TARGET_NOT_EMPTY.error(format!("the database holds {rows} rows of {name}")));
    }
    std::fs::remove_file(&there).map_err(|e| codes::TARGET.caused("a dump cannot be removed", e))?;
    let statements = folder.path().join("load.sql");
    room.must_take(archive_size(archive)?)?;
    print_archive(archive, &[], &statements, &room, &stop)?;
    let (target, _) = without_password(owner_url)?;
    let mut load = Tool::new("psql", owner_url, &stop)?;
    load.args(["--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1"]);
    // With all that is in it: the archive of an older build names only its own tables, and would leave those of this one in the way.
    let emptied = format!("SET client_min_messages = warning; DROP SCHEMA IF EXISTS {SCHEMA} CASCADE");
    load.args(["--command", &emptied, "--file"]).arg(&statements).arg("--dbname").arg(&target).run()
}

/// How large an archive is; its statements are as large, more or less.
fn archive_size(archive: &Path) -> Result<u64> {
    Ok(archive.metadata().map_err(|e| codes::SOURCE.caused("the archive cannot be read", e))?.len())
}

/// The statements of an archive, or of some of its sections, into a file: of what is piped, a half would be taken for the whole where the
/// one that prints it fails.
fn print_archive(
    archive: &Path,
    sections: &[&str],
    statements: &Path,
    room: &Room,
    stop: &Stop,
) -> Result<()> {
    let mut print = Tool::without_server("pg_restore", stop)?;
    for section in sections {
        print.arg(section);
    }
    print.args(["--no-owner", "--file"]).arg(statements).arg(archive);
    let printed = print.run_while(|| room.must_take(0));
    printed.or_else(|error| room.must_take(0).and(Err(error)))?;
    without_later_settings(statements)
        .map_err(|e| codes::TOOL_FAILED.caused("what pg_restore wrote cannot be read", e))
}

/// Programs of PostgreSQL 17 and later set what servers of 15 and 16 do not know. Looked for in the head alone: further down the line may be
/// somebody's text.
fn without_later_settings(statements: &Path) -> std::io::Result<()> {
    const LATER: &[u8] = b"\nSET transaction_timeout = 0;";
    let file = File::options().read(true).write(true).open(statements)?;
    let mut head = [0_u8; 4_096];
    let length = file.read_at(&mut head, 0)?;
    if let Some(at) = head[..length].windows(LATER.len()).position(|part| part == LATER) {
        // Becomes a comment of the same length.
        file.write_all_at(b"--", at as u64 + 1)?;
    }
    Ok(())
}

/// What stands in an archive.
#[derive(Default)]
struct Content {
    tables: BTreeMap<String, u64>,
    objects: Vec<Named>,
    migrations: Vec<Migration>,
}

/// The rows of an archive as `pg_restore` prints them: all of the same moment.
fn read_archive(archive: &Path, stop: &Stop) -> Result<Content> {
    let mut tool = Tool::without_server("pg_restore", stop)?;
    tool.args(["--data-only", "--file=-"]).arg(archive);
    read_rows(&mut tool, stop)
}

/// The rows that a program prints.
fn read_rows(tool: &mut Tool, stop: &Stop) -> Result<Content> {
    let mut content = Content::default();
    tool.run_read(|output| content.read(BufReader::with_capacity(1 << 20, output), stop))?;
    content.objects.sort_by(|a, b| a.path.cmp(&b.path));
    content.objects.dedup_by(|a, b| a.path == b.path);
    content.migrations.sort_by(|a, b| (&a.context, &a.name).cmp(&(&b.context, &b.name)));
    Ok(content)
}

impl Content {
    fn read(&mut self, mut lines: impl BufRead, stop: &Stop) -> std::io::Result<()> {
        let mut line = Vec::new();
        let mut table: Option<(String, Vec<String>)> = None;
        loop {
            line.clear();
            if stop.is_set() || lines.read_until(b'\n', &mut line)? == 0 {
                return Ok(());
            }
            let text = String::from_utf8_lossy(&line);
            let text = text.trim_end_matches('\n');
            match table.take() {
                None => {
                    table = begins(text);
                    if let Some((name, _)) = &table {
                        self.tables.entry(name.clone()).or_default();
                    }
                }
                Some(_) if text == "\\." => {}
                Some((name, columns)) => {
                    if let Some(count) = self.tables.get_mut(&name) {
                        *count += 1;
                    }
                    self.row(&name, &columns, text);
                    table = Some((name, columns));
                }
            }
        }
    }

    fn row(&mut self, table: &str, columns: &[String], text: &str) {
        if !matches!(table, "dataset_segment" | "dataset_version" | "kernel_migration") {
            return;
        }
        let values: HashMap<&str, &str> = columns
            .iter()
            .map(String::as_str)
            .zip(text.split('\t'))
            .filter(|(_, value)| *value != "\\N")
            .collect();
        let value = |name: &str| values.get(name).map(|value| (*value).to_owned());
        match table {
            "dataset_segment" if value("gone_version").is_none() => {
                let bytes = value("byte_count").and_then(|bytes| bytes.parse().ok());
                self.objects.extend(value("path").map(|path| Named { path, bytes }));
            }
            "dataset_version" => {
                self.objects.extend(value("bad_path").map(|path| Named { path, bytes: None }));
            }
            "kernel_migration" => {
                let migration = (value("context"), value("name"), value("checksum"));
                if let (Some(context), Some(name), Some(checksum)) = migration {
                    self.migrations.push(Migration { context, name, checksum });
                }
            }
            _ => {}
        }
    }
}

/// `COPY wheelhouse.panels_panel (tenant_id, id, "order") FROM stdin;`
fn begins(line: &str) -> Option<(String, Vec<String>)> {
    let (name, rest) = line.strip_prefix("COPY ")?.strip_suffix(") FROM stdin;")?.split_once(" (")?;
    let bare = |word: &str| word.trim().trim_matches('"').to_owned();
    let table = bare(name.rsplit('.').next()?);
    Some((table, rest.split(',').map(bare).collect()))
}
