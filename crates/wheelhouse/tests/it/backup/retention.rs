//! What a server forgets by itself.
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use wh_backup::{Database, FORMAT, Key, Manifest, PointKind, PointName, Repository, Store};
use wh_base::{Clock, OsRandom, SystemClock};

use super::Vault;
use crate::house::sites;

/// Far more than it takes.
const PATIENCE: Duration = Duration::from_mins(3);

#[test]
fn a_server_removes_what_is_older_than_it_keeps() {
    for site in sites() {
        let (mut vault, data) = (Vault::new(), site.folder.path());
        vault.settings.push(("WHEELHOUSE_BACKUP_KEEP_FULL_MIN", "1".to_owned()));
        let store = Store::folder(&vault.place());
        let key = Key::read(&vault.key()).expect("the key");
        let repository = Repository::open_or_make(store, key, Arc::new(OsRandom)).expect("a place");
        let id = repository.new_id().expect("an id");
        // Made before points said whose they are, so it is our own.
        let manifest = Manifest {
            format: FORMAT,
            program: "an earlier one".to_owned(),
            installation: None,
            database: Database::PostgresArchive { chunks: Vec::new(), tool: String::new() },
            objects: Vec::new(),
            files: Vec::new(),
            tables: BTreeMap::new(),
            migrations: Vec::new(),
        };
        let at = SystemClock.now().plus_seconds(-60 * 86_400);
        let old = PointName { at, kind: PointKind::Full, id, full: id, number: 0 };
        repository.put_point(&old, &manifest, &[]).expect("a place");

        // What is old is told by the points before the newest full one.
        let at = SystemClock.now().plus_seconds(-30 * 3_600);
        let id = repository.new_id().expect("an id");
        let later = PointName { at, kind: PointKind::Full, id, full: id, number: 0 };
        repository.put_point(&later, &manifest, &[]).expect("a place");

        let house = vault.serve(data);
        let until = Instant::now() + PATIENCE;
        loop {
            let points = repository.points().expect("a place");
            if points.contains(&later) && !points.contains(&old) {
                break;
            }
            assert!(Instant::now() < until, "what is two months old is still there: {points:?}");
            std::thread::yield_now();
        }
        assert!(house.terminate().success());
    }
}
