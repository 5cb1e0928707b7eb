//! What a restored folder of PostgreSQL holds beside the objects. No server is needed: nothing is loaded.
use std::collections::BTreeMap;
use std::sync::Arc;

use wh_backup::{
    ARCHIVE_FILE, Database, FORMAT, FileEntry, Key, Manifest, PointKind, PointName, Repository, Store,
    restore,
};
use wh_base::{OsRandom, Timestamp};

#[test]
fn an_archive_that_an_earlier_restore_left_stands_in_no_ones_way() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = |name: &str| folder.path().join(name);
    Key::make(&path("key"), &OsRandom).expect("a key");
    let key = Key::read(&path("key")).expect("the key");
    let store = Store::folder(&path("place"));
    let repository = Repository::open_or_make(store, key, Arc::new(OsRandom)).expect("a place");
    let part = |content: &str| repository.put_part(content.as_bytes()).expect("a part");
    let file = |name: &str, content: &str| FileEntry {
        path: name.to_owned(),
        bytes: content.len() as u64,
        chunks: vec![part(content)],
    };
    // As an earlier build made it of a folder that was once restored itself.
    let manifest = Manifest {
        format: FORMAT,
        program: "an earlier one".to_owned(),
        installation: None,
        database: Database::PostgresArchive {
            chunks: vec![part("of this point")],
            tool: "pg_dump".to_owned(),
        },
        objects: Vec::new(),
        files: vec![
            file("wheelhouse.node", "an id"),
            file(ARCHIVE_FILE, "of long ago"),
            file("wheelhouse.toml", "[log]\n"),
        ],
        tables: BTreeMap::new(),
        migrations: Vec::new(),
    };
    let (at, id) = (Timestamp::from_micros(1_800_000_000_000_000), uuid::Uuid::from_u128(7));
    let point = PointName { at, kind: PointKind::Full, id, full: id, number: 0 };
    repository.put_point(&point, &manifest, &[]).expect("a place");

    let into = path("restored");
    let restored = restore(&repository, &point, &into).expect("it is whole");
    assert_eq!(restored.archive, Some(into.join(ARCHIVE_FILE)));
    let read = |name: &str| std::fs::read_to_string(into.join(name)).expect("a file");
    assert_eq!((read(ARCHIVE_FILE), read("wheelhouse.toml")), ("of this point".into(), "[log]\n".into()));
    assert!(
        !into.join("wheelhouse.node").exists(),
        "the copy would be the same server as what it is a copy of"
    );
}
