//! Whose the objects are, on both engines: a store is of one installation, and a database that does not know it removes nothing there.
use std::path::PathBuf;
use std::sync::Arc;

use wh_dataset::model::ColumnType::{self, Int};
use wh_dataset::segment::Objects;
use wh_dataset::{Datasets, DatasetsConfig, ImportMode, MIGRATIONS, Swept, codes};
use wh_db::{AuditEntry, Reads, Who, args};
use wh_testkit::both_engines;
use wh_testkit::engines::TestDb;

use crate::world::World;

const COLUMNS: &[(&str, ColumnType)] = &[("n", Int)];
/// What older builds wrote, and what this one adds.
const OLD_MARK: &str = "the objects of a Wheelhouse; see docs/operations.md\n";
const OTHER: &str = "0199c0de-7a11-4bac-8e57-5eed5eed5eed";

fn mark(world: &World) -> PathBuf {
    world.folder.path().join("wheelhouse-store")
}

fn marked(world: &World) -> String {
    std::fs::read_to_string(mark(world)).unwrap()
}

/// Objects that are old enough for a sweep.
async fn with_old_rows(db: TestDb) -> World {
    let world = World::new(db);
    let id = world.create().await;
    world.import(id, COLUMNS, "{\"n\":1}\n".to_owned(), ImportMode::Replace).await;
    world.db.clock.advance_seconds(400 * 24 * 3_600);
    world
}

/// A database that knows nothing of the world's objects, on the same store.
async fn stranger(world: &World, test: &str) -> (TestDb, Datasets) {
    let db = TestDb::open(world.db.kind, test, &[MIGRATIONS]).await.unwrap();
    db.clock.advance_seconds(400 * 24 * 3_600);
    let objects = Objects::local(world.folder.path()).unwrap();
    let clock = Arc::clone(&db.cx.clock);
    let datasets = Datasets::open(objects, db.cx.ids.clone(), clock, DatasetsConfig::default());
    (db, datasets)
}

async fn known(world: &World) -> i64 {
    let mut reads = world.db.cx.db.read(world.tenant).await.unwrap();
    let sql = "SELECT COUNT(*) AS n FROM dataset_dataset WHERE tenant_id = $1";
    reads.row(sql, args![world.tenant]).await.unwrap().int("n").unwrap()
}

both_engines!(a_database_that_knows_no_object_removes_none, &[MIGRATIONS], async |db| {
    let world = with_old_rows(db).await;
    let objects = world.objects();
    let (db, datasets) = stranger(&world, "a_database_that_knows_no_object_removes_none").await;
    // Nothing says whose the store is: the sweep must see it from what is there.
    assert_eq!(datasets.sweep(&db.system).await.unwrap(), Swept::default());
    assert_eq!(world.objects(), objects);
    assert_eq!(world.datasets.sweep(&world.db.system).await.unwrap(), Swept::default());
    assert_eq!(world.objects(), objects);
});

both_engines!(a_store_without_a_name_is_taken_by_who_knows_its_objects, &[MIGRATIONS], async |db| {
    let world = with_old_rows(db).await;
    for old in [None, Some(OLD_MARK)] {
        if let Some(text) = old {
            std::fs::write(mark(&world), text).unwrap();
        }
        let (db, datasets) = stranger(&world, "a_store_without_a_name").await;
        let refused = datasets.store_take(&db.system, None).await.unwrap_err();
        assert!(refused.is(&codes::STORE_FOREIGN) && refused.message().contains("unmarked"), "{refused:?}");
        assert!(datasets.store_take(&db.system, Some(OTHER)).await.is_err(), "that is not its word");
        assert_eq!(mark(&world).exists(), old.is_some(), "a refusal changes nothing");
        assert_eq!(datasets.objects().installation().await.unwrap(), None);
    }
    world.datasets.store_take(&world.db.system, None).await.unwrap();
    let own = world.db.system.installation().await.unwrap();
    assert!(marked(&world).ends_with(&format!("installation {own}\n")), "{}", marked(&world));
    assert_eq!(world.datasets.objects().installation().await.unwrap(), Some(own));
    world.datasets.objects().ping().await.unwrap();
    world.datasets.store_take(&world.db.system, None).await.unwrap();
});

both_engines!(
    what_an_older_build_left_of_deleted_datasets_is_of_who_knows_the_company,
    &[MIGRATIONS],
    async |db| {
        let world = with_old_rows(db).await;
        let (db, datasets) = stranger(&world, "what_an_older_build_left").await;
        // The trail of the company stays when the rows of its datasets are gone.
        let mut tx = db.cx.db.begin(world.tenant).await.unwrap();
        let subject = "panels.panel/1".to_owned();
        let entry = AuditEntry { action: "panel_delete", subject, before: None, after: None };
        tx.audit(&Who::system(db.cx.next_id()), entry).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(db.system.tenant_last(world.tenant).await.unwrap(), Some(db.cx.clock.now()));
        assert_eq!(db.system.tenant_last(db.cx.next_id()).await.unwrap(), None);
        std::fs::write(mark(&world), format!("{OLD_MARK}installation {OTHER}\n")).unwrap();
        let refused = datasets.store_take(&db.system, None).await.unwrap_err();
        assert!(refused.is(&codes::STORE_FOREIGN) && refused.message().contains(OTHER), "{refused:?}");
        assert!(!refused.message().contains("older copy"), "{refused:?}");
        // A database that was rolled back: its trail ends before the objects were written.
        std::fs::write(mark(&world), OLD_MARK).unwrap();
        let object = world.objects().into_iter().find(|path| path.ends_with(".parquet")).unwrap();
        let object = std::fs::File::options().append(true).open(world.folder.path().join(object)).unwrap();
        let now = u64::try_from(db.cx.clock.now().micros()).unwrap();
        let moment = |micros: u64| std::time::UNIX_EPOCH + std::time::Duration::from_micros(micros);
        object.set_modified(moment(now + 3_600_000_000)).unwrap();
        let refused = datasets.store_take(&db.system, None).await.unwrap_err();
        assert!(refused.is(&codes::STORE_FOREIGN) && refused.message().contains("unmarked"), "{refused:?}");
        object.set_modified(moment(now - 3_600_000_000)).unwrap();
        let objects = world.objects();
        datasets.store_take(&db.system, None).await.unwrap();
        let own = db.system.installation().await.unwrap();
        assert_eq!(datasets.objects().installation().await.unwrap(), Some(own));
        // That it was taken gives no sweep more rights than it had.
        assert_eq!(datasets.sweep(&db.system).await.unwrap(), Swept::default());
        assert_eq!(world.objects(), objects);
    }
);

both_engines!(a_store_of_another_installation_is_refused_until_that_is_meant, &[MIGRATIONS], async |db| {
    let mut world = with_old_rows(db).await;
    world.datasets.store_take(&world.db.system, None).await.unwrap();
    let (own, objects) = (marked(&world), world.objects());
    std::fs::write(mark(&world), format!("{OLD_MARK}installation {OTHER}\n")).unwrap();
    // While the server runs: it is told, and nothing is removed.
    assert!(world.datasets.objects().ping().await.unwrap_err().is(&codes::STORE_FOREIGN));
    assert!(world.datasets.sweep(&world.db.system).await.unwrap_err().is(&codes::STORE_FOREIGN));
    // And at its next start.
    world.restart(DatasetsConfig::default());
    for adopt in [None, Some("unmarked"), Some("")] {
        let refused = world.datasets.store_take(&world.db.system, adopt).await.unwrap_err();
        assert!(refused.is(&codes::STORE_FOREIGN) && refused.message().contains(OTHER), "{refused:?}");
        assert!(refused.message().contains("older copy"), "it knows what is there: {refused:?}");
    }
    assert_eq!(world.objects(), objects);
    world.datasets.store_take(&world.db.system, Some(OTHER)).await.unwrap();
    assert_eq!(marked(&world), own);
    assert_eq!(world.datasets.sweep(&world.db.system).await.unwrap(), Swept::default());
    assert_eq!(world.objects(), objects, "it names them all");
});

both_engines!(a_store_without_objects_may_be_taken_by_anybody, &[MIGRATIONS], async |db| {
    let world = World::new(db);
    std::fs::write(mark(&world), format!("{OLD_MARK}installation {OTHER}\n")).unwrap();
    assert_eq!(world.datasets.objects().installation().await.unwrap(), None);
    world.datasets.store_take(&world.db.system, None).await.unwrap();
    assert!(!marked(&world).contains(OTHER));
});

both_engines!(the_rows_of_the_only_dataset_go_with_it, &[MIGRATIONS], async |db| {
    let world = World::new(db);
    let id = world.create().await;
    world.import(id, COLUMNS, "{\"n\":1}\n".to_owned(), ImportMode::Replace).await;
    let mut tx = world.db.cx.db.begin(world.tenant).await.unwrap();
    world.datasets.delete(&mut tx, id).await.unwrap();
    tx.commit().await.unwrap();
    // The object is of now and the clock of the test far behind: it is kept for its time, and with it the word that it was ours.
    assert_eq!(world.datasets.sweep(&world.db.system).await.unwrap(), Swept::default());
    assert_eq!((world.objects().len(), known(&world).await), (1, 1));
    world.db.clock.advance_seconds(400 * 24 * 3_600);
    assert_eq!(world.datasets.sweep(&world.db.system).await.unwrap().orphans, 1);
    assert_eq!((world.objects().len(), known(&world).await), (0, 0));
});
