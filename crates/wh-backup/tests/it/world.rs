//! A database that a test writes and backs up, without a server.
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::Connection;
use wh_backup::{DataFolder, Follower, Key, Repository, Steps, Store, Wanted, restore};
use wh_base::{Clock, ManualClock, OsRandom, Timestamp};

/// A data folder with a database that we write, a place for its backups, a clock that we turn.
pub struct World {
    pub folder: tempfile::TempDir,
    pub clock: Arc<ManualClock>,
    pub file: Connection,
}

impl World {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let data = folder.path().join("data");
        std::fs::create_dir_all(data.join("objects")).expect("a folder");
        let file = Connection::open(data.join("wheelhouse.db")).expect("a database");
        file.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; PRAGMA synchronous = OFF;
             CREATE TABLE kernel_migration (context TEXT, name TEXT, checksum TEXT);
             CREATE TABLE dataset_segment (path TEXT, byte_count INTEGER, gone_version INTEGER);
             CREATE TABLE dataset_version (bad_path TEXT);
             CREATE TABLE t (id INTEGER PRIMARY KEY, text TEXT)",
        )
        .expect("a schema");
        let clock = Arc::new(ManualClock::at(Timestamp::from_micros(1_800_000_000_000_000)));
        Key::make(&folder.path().join("key"), &OsRandom).expect("a key");
        Self { folder, clock, file }
    }

    pub fn data(&self) -> DataFolder {
        DataFolder::new(&self.folder.path().join("data"))
    }

    pub fn repository(&self) -> Repository {
        let key = Key::read(&self.folder.path().join("key")).expect("the key");
        let store = Store::folder(&self.folder.path().join("place"));
        Repository::open_or_make(store, key, Arc::new(OsRandom)).expect("the place")
    }

    pub fn follower(&self) -> Follower {
        Follower::begin(self.repository(), self.data(), self.clock.clone(), 24, Steps::Each)
            .expect("a follower")
    }

    pub fn write(&self, sql: &str) {
        self.clock.advance_seconds(1);
        self.file.execute_batch(sql).expect("it can be written");
    }

    /// Copy the log into the file, so that the next write begins it anew.
    pub fn checkpoint(&self) {
        let done: i64 =
            self.file.query_row("PRAGMA wal_checkpoint(RESTART)", [], |row| row.get(0)).expect("a row");
        assert_eq!(done, 0, "a reader stood in the way");
    }

    pub fn dump(file: &Connection) -> Vec<(i64, String)> {
        let mut statement = file.prepare("SELECT id, text FROM t ORDER BY id").expect("the table");
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("rows");
        rows.map(|row| row.expect("a row")).collect()
    }

    pub fn restored(&self, at: Timestamp) -> Vec<(i64, String)> {
        let repository = self.repository();
        let wanted = Wanted { at: Some(at), now: self.clock.now(), of: None };
        let point = repository.choose(&wanted).expect("a point").point;
        let into: PathBuf = self.folder.path().join(format!("into-{}", point.id));
        if !into.exists() {
            restore(&repository, &point, &into).expect("it is whole");
        }
        Self::open(&into)
    }

    pub fn open(folder: &Path) -> Vec<(i64, String)> {
        Self::dump(&Connection::open(folder.join("wheelhouse.db")).expect("a database"))
    }
}

/// More than stands behind a manifest itself.
pub const FILL: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) \
                    INSERT INTO t (text) SELECT hex(randomblob(200)) FROM n";

/// All files below a folder.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder").flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// Two hours older.
pub fn age(folder: &Path) {
    for file in files(folder) {
        let file = std::fs::File::options().write(true).open(file).expect("a file");
        let modified = file.metadata().and_then(|meta| meta.modified()).expect("a time");
        file.set_modified(modified - std::time::Duration::from_hours(2)).expect("it can be set");
    }
}
