//! Steps behind a database that changes in every way: small writes, a log begun anew, a file that grows and shrinks.
use std::os::unix::fs::FileExt;

use wh_backup::{
    Followed, Follower, PointName, Retention, Steps, Stop, Wanted, codes, prune, remove_leftovers, restore,
    verify,
};
use wh_base::{Clock, Timestamp};

use crate::world::{FILL, World, files};

#[test]
fn every_step_comes_back_as_it_was() {
    let world = World::new();
    world.write("INSERT INTO t (text) VALUES ('first')");
    let mut follower = world.follower();
    assert!(matches!(follower.look().expect("a look"), Followed::Full(_)));
    assert!(matches!(follower.look().expect("a look"), Followed::Nothing { .. }));
    let mut history = Vec::new();
    let changes: [(&str, bool); 9] = [
        ("INSERT INTO t (text) VALUES ('second')", false),
        (FILL, false),
        ("UPDATE t SET text = 'changed' WHERE id % 500 = 0", true),
        ("INSERT INTO t (text) VALUES ('in a new log')", true),
        // An undone transaction that is larger than the cache leaves frames in the log that never counted.
        (
            "PRAGMA cache_size = 5; BEGIN; UPDATE t SET text = text || 'x'; ROLLBACK; INSERT INTO t (text) VALUES ('after')",
            false,
        ),
        ("DELETE FROM t WHERE id > 10", true),
        ("VACUUM", false),
        (FILL, true),
        ("UPDATE t SET text = 'last' WHERE id = 1", false),
    ];
    for (sql, anew) in changes {
        if anew {
            world.checkpoint();
        }
        world.write(sql);
        if sql == FILL {
            // Several runs of the log between two looks.
            world.checkpoint();
            world.write("INSERT INTO t (text) VALUES ('one run')");
            world.checkpoint();
            world.write("INSERT INTO t (text) VALUES ('another run')");
        }
        let followed = follower.look().expect("a look");
        assert!(matches!(followed, Followed::Step(_) | Followed::Full(_)), "{sql}: {followed:?}");
        history.push((world.clock.now(), World::dump(&world.file)));
    }
    for (at, rows) in &history {
        assert!(world.restored(*at) == *rows, "not the rows of {at}");
    }
}

#[test]
fn a_new_server_begins_with_a_full_point_that_stores_only_what_is_new() {
    let world = World::new();
    world.write(FILL);
    world.follower().look().expect("a look");
    world.write("INSERT INTO t (text) VALUES ('more')");
    let mut second = world.follower();
    assert!(matches!(second.look().expect("a look"), Followed::Full(_)));
    assert!(second.repository().written().parts <= 2, "{:?}", second.repository().written());
    assert_eq!(world.restored(world.clock.now()), World::dump(&world.file));
}

#[test]
fn an_object_that_the_catalog_names_and_nobody_has_is_an_error_not_a_hole() {
    let world = World::new();
    world.write("INSERT INTO dataset_segment (path, byte_count) VALUES ('tenants/a/b.parquet', 3)");
    let refused = world.follower().look().expect_err("there is no such object");
    assert!(refused.is(&codes::OBJECT_MISSING), "{refused:?}");
    let object = world.data().objects().join("tenants/a/b.parquet");
    std::fs::create_dir_all(object.parent().expect("a folder")).expect("a folder");
    std::fs::write(&object, "abc").expect("a file");
    let mut follower = world.follower();
    follower.look().expect("it is there now");
    // Gone from the catalog, then from the disk: the next step does not need it.
    world.write("DELETE FROM dataset_segment");
    std::fs::remove_file(&object).expect("it is there");
    assert!(matches!(follower.look().expect("a look"), Followed::Step(_)));
}

#[test]
fn a_follower_keeps_anew_what_a_proof_put_aside() {
    let world = World::new();
    let object = world.data().objects().join("tenants/a/b.parquet");
    std::fs::create_dir_all(object.parent().expect("a folder")).expect("a folder");
    std::fs::write(&object, "the content of an object").expect("a file");
    world.write("INSERT INTO t (text) VALUES ('first')");
    let mut follower = world.follower();
    follower.look().expect("a look");
    let parts = world.folder.path().join("place/parts");
    let before = files(&parts);
    world.write("INSERT INTO dataset_segment (path, byte_count) VALUES ('tenants/a/b.parquet', 24)");
    assert!(matches!(follower.look().expect("a look"), Followed::Step(_)));
    let new: Vec<_> = files(&parts).into_iter().filter(|part| !before.contains(part)).collect();
    assert_eq!(new.len(), 1, "the object is one part");
    std::fs::write(&new[0], "damaged").expect("it can be written");

    let scratch = world.folder.path().join("scratch");
    let prove = || {
        let repository = world.repository();
        let newest =
            repository.choose(&Wanted { at: None, now: world.clock.now(), of: None }).expect("a point");
        verify(&repository, &newest.point, &scratch, &[])
    };
    assert!(prove().expect_err("it is damaged").is(&codes::PART_DAMAGED));
    assert!(!new[0].exists(), "what is damaged is put aside");
    world.clock.advance_seconds(86_400);
    assert!(matches!(follower.look().expect("a look"), Followed::Full(_)));
    assert!(new[0].exists(), "its content is kept anew");
    prove().expect("the new point is whole");
}

#[test]
fn a_clock_that_was_ahead_stops_nothing_and_its_points_are_not_the_newest() {
    const YEAR_S: i64 = 365 * 86_400;
    let world = World::new();
    world.write("INSERT INTO t (text) VALUES ('first')");
    let repository = world.repository();
    let mut follower = world.follower();
    let own = follower.installation();
    assert!(repository.full_is_due(world.clock.now(), 86_400, own).expect("a place"));
    follower.look().expect("a look");
    assert!(!repository.full_is_due(world.clock.now(), 86_400, own).expect("a place"));
    world.clock.advance_seconds(YEAR_S);
    let Followed::Full(ahead) = follower.look().expect("a look") else { panic!("a day went by") };
    world.clock.advance_seconds(-YEAR_S);

    // A server that goes on, and one that is started anew.
    let newest = |world: &World| {
        repository.choose(&Wanted { at: None, now: world.clock.now(), of: None }).expect("one")
    };
    for mut follower in [follower, world.follower()] {
        world.write("INSERT INTO t (text) VALUES ('after')");
        let Followed::Full(full) = follower.look().expect("a look") else {
            panic!("not dated later than now")
        };
        assert!(full.at <= world.clock.now());
        assert_eq!((newest(&world).point, newest(&world).ahead), (full, 1));
        world.write("INSERT INTO t (text) VALUES ('a step')");
        let Followed::Step(step) = follower.look().expect("a look") else { panic!("a step") };
        assert_eq!(newest(&world).point, step);
        assert_eq!(world.restored(world.clock.now()), World::dump(&world.file));
    }
    world.clock.advance_seconds(2 * 86_400);
    assert!(repository.full_is_due(world.clock.now(), 86_400, own).expect("a place"));
    // This machine's clock may be the wrong one: it is said, and a name helps.
    let long_ago = world.clock.now().plus_seconds(-YEAR_S);
    let refused =
        repository.choose(&Wanted { at: None, now: long_ago, of: None }).expect_err("all are later");
    assert!(refused.is(&codes::POINT_UNKNOWN), "{refused:?}");
    let named =
        repository.choose(&Wanted { at: Some(ahead.at), now: long_ago, of: None }).expect("it is there");
    assert_eq!(named.point, ahead);
}

#[test]
fn two_installations_in_one_place_keep_apart_what_is_whose() {
    let (world, mut other) = (World::new(), World::new());
    let place = world.repository();
    other.clock = world.clock.clone();
    world.write("INSERT INTO t (text) VALUES ('ours')");
    other.write("INSERT INTO t (text) VALUES ('theirs')");
    let mut ours = world.follower();
    ours.look().expect("a look");
    world.clock.advance_seconds(1);
    let theirs = Follower::begin(world.repository(), other.data(), world.clock.clone(), 24, Steps::Each);
    let mut theirs = theirs.expect("a follower");
    assert!(place.full_is_due(world.clock.now(), 86_400, theirs.installation()).expect("a place"));
    let Followed::Full(their_point) = theirs.look().expect("a look") else { panic!("the first is full") };
    let wanted = |of| Wanted { at: None, now: world.clock.now(), of };
    let chosen = |of| world.repository().choose(&wanted(of));
    assert_ne!(chosen(Some(ours.installation())).expect("one").point, their_point);
    assert_eq!(chosen(Some(theirs.installation())).expect("one").point, their_point);
    assert!(chosen(None).expect_err("whose is not said").is(&codes::INSTALLATIONS));
    assert!(chosen(Some(uuid::Uuid::from_u128(7))).expect_err("nothing").is(&codes::INSTALLATIONS));

    // Each forgets only what is its own.
    world.clock.advance_seconds(10);
    for _ in 0..3 {
        world.follower().look().expect("a look");
        world.clock.advance_seconds(10);
    }
    let retention = Retention { keep_days: 1, keep_full_min: 1, keep_steps_h: 1, full_every_h: 24 };
    let later = world.clock.now().plus_seconds(10 * 86_400);
    assert!(prune(&place, retention, None, later).expect_err("whose?").is(&codes::INSTALLATIONS));
    assert_eq!(prune(&place, retention, Some(theirs.installation()), later).expect("a place").points, 0);
    assert_eq!(prune(&place, retention, Some(ours.installation()), later).expect("a place").points, 3);
    assert_eq!(place.points().expect("a place").len(), 2);
    let into = world.folder.path().join("theirs");
    restore(&place, &their_point, &into).expect("it is whole");
    assert_eq!(World::open(&into), World::dump(&other.file));
}

#[test]
fn points_that_do_not_say_whose_they_are_are_ones_own() {
    let world = World::new();
    world.write(FILL);
    let mut follower = world.follower();
    let Followed::Full(full) = follower.look().expect("a look") else { panic!("the first is full") };
    let repository = world.repository();
    let mut manifest = repository.get_point(&full).expect("a point").manifest;
    assert_eq!(manifest.installation, Some(follower.installation()));
    // As an earlier build made it.
    manifest.installation = None;
    let id = uuid::Uuid::from_u128(7);
    let early = PointName { at: full.at.plus_seconds(1), id, full: id, ..full };
    repository.put_point(&early, &manifest, &[]).expect("a place");
    world.clock.advance_seconds(2);
    for of in [None, Some(follower.installation())] {
        let wanted = Wanted { at: None, now: world.clock.now(), of };
        assert_eq!(world.repository().choose(&wanted).expect("one").point, early);
    }
    let own = follower.installation();
    assert!(!world.repository().full_is_due(world.clock.now(), 86_400, own).expect("a place"));
    assert_eq!(world.restored(world.clock.now()), World::dump(&world.file));
    let scratch = world.folder.path().join("scratch");
    verify(&world.repository(), &early, &scratch, &[]).expect("it is whole");
}

#[test]
fn what_is_told_to_stop_stops_and_the_last_look_makes_no_full_point() {
    let world = World::new();
    world.write(FILL);
    let mut follower = world.follower();
    follower.look().expect("a look");
    world.write("UPDATE t SET text = 'more' WHERE id = 1");
    world.clock.advance_seconds(86_400);
    let stop = Stop::default();
    follower.until(stop.clone());
    stop.set();
    assert!(follower.look().expect_err("it is to stop").is(&codes::STOPPED));
    assert_eq!(world.repository().points().expect("a place").len(), 1, "half a point");
    follower.until(Stop::default());
    assert!(matches!(follower.look_last().expect("a look"), Followed::Step(_)));
    assert_eq!(world.restored(world.clock.now()), World::dump(&world.file));
    let mut repository = world.repository();
    repository.until(stop);
    let retention = Retention { keep_days: 30, keep_full_min: 7, keep_steps_h: 168, full_every_h: 24 };
    let pruned = prune(&repository, retention, None, world.clock.now());
    assert!(pruned.expect_err("it is to stop").is(&codes::STOPPED));
    let newest =
        repository.choose(&Wanted { at: None, now: world.clock.now(), of: None }).expect("one").point;
    let scratch = world.folder.path().join("scratch");
    assert!(verify(&repository, &newest, &scratch, &[]).expect_err("it is to stop").is(&codes::STOPPED));
    assert_eq!(std::fs::read_dir(&scratch).map_or(0, Iterator::count), 0, "decrypted content was left");
}

#[test]
fn a_step_that_is_there_although_its_writing_failed_is_no_hole_in_what_comes_after() {
    let world = World::new();
    world.write("INSERT INTO t (text) VALUES ('first')");
    let mut follower = world.follower();
    let Followed::Full(full) = follower.look().expect("a look") else { panic!("the first is full") };
    let mut step = |sql: &str| {
        world.write(sql);
        let Followed::Step(step) = follower.look().expect("a look") else { panic!("a step") };
        step
    };
    let (one, two) = (step("INSERT INTO t (text) VALUES ('a')"), step("INSERT INTO t (text) VALUES ('b')"));
    // Of a moment before, when nothing was written yet but this: its answer was lost, and so it was made anew.
    let repository = world.repository();
    let manifest = repository.get_point(&one).expect("a point").manifest;
    let id = uuid::Uuid::from_u128(7);
    let lost = PointName { at: Timestamp::from_micros(one.at.micros() - 1), id, ..one };
    repository.put_point(&lost, &manifest, &[]).expect("a place");
    assert_eq!(repository.chain(&two).expect("all are there"), [full, one, two]);
    assert_eq!(repository.chain(&lost).expect("all are there"), [full, lost]);
    assert_eq!(world.restored(world.clock.now()), World::dump(&world.file));
}

#[test]
fn nothing_is_kept_behind_what_is_gone() {
    let world = World::new();
    world.write(FILL);
    let mut follower = world.follower();
    let Followed::Full(full) = follower.look().expect("a look") else { panic!("the first is full") };
    let (place, away) = (world.folder.path().join("place"), world.folder.path().join("away"));
    std::fs::rename(&place, &away).expect("it is there");
    world.clock.advance_seconds(1);
    assert!(follower.look().expect_err("it is gone").is(&codes::PLACE_GONE));
    world.write("UPDATE t SET text = 'more' WHERE id = 1");
    assert!(follower.look().expect_err("it is gone").is(&codes::PLACE_GONE));
    assert!(follower.look_last().expect_err("it is gone").is(&codes::PLACE_GONE));
    assert!(!place.exists(), "a place was made");
    std::fs::rename(&away, &place).expect("it is there");
    assert!(matches!(follower.look().expect("a look"), Followed::Step(_)));
    // The step alone is there: without its full point it is of no use.
    std::fs::remove_file(place.join(full.path())).expect("it is there");
    assert!(follower.look().expect_err("it is gone").is(&codes::PLACE_GONE));
    world.clock.advance_seconds(1);
    assert!(matches!(world.follower().look().expect("a look"), Followed::Full(_)));
    assert_eq!(world.restored(world.clock.now()), World::dump(&world.file));
}

#[test]
fn what_killed_processes_left_is_removed_and_what_is_used_stays() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let make = |name: &str, hours: u64| {
        let made = folder.path().join(name);
        std::fs::create_dir_all(made.join("data")).expect("a folder");
        let opened = std::fs::File::open(&made).expect("a folder");
        let modified = opened.metadata().and_then(|meta| meta.modified()).expect("a time");
        opened.set_modified(modified - std::time::Duration::from_hours(hours)).expect("it can be set");
        opened
    };
    make("wheelhouse-backup-left", 2);
    make("wheelhouse-backup-new", 0);
    make("somebody-elses", 2);
    let used = make("wheelhouse-backup-used", 2);
    used.lock().expect("nobody holds it");
    remove_leftovers(folder.path());
    let mut names: Vec<_> = std::fs::read_dir(folder.path())
        .expect("a folder")
        .flatten()
        .map(|entry| entry.file_name())
        .collect();
    names.sort();
    assert_eq!(names, ["somebody-elses", "wheelhouse-backup-new", "wheelhouse-backup-used"]);
}

#[test]
fn a_full_point_that_fails_keeps_no_step_from_being_made() {
    let world = World::new();
    let object = world.data().objects().join("tenants/a/b.parquet");
    std::fs::create_dir_all(object.parent().expect("a folder")).expect("a folder");
    std::fs::write(&object, "the content of an object").expect("a file");
    world.write("INSERT INTO dataset_segment (path, byte_count) VALUES ('tenants/a/b.parquet', 24)");
    let parts = world.folder.path().join("place/parts");
    let mut follower = world.follower();
    follower.look().expect("a look");
    // A full point looks whether the object is kept, and reads it again where it is not; a step needs only what is new.
    let kept = files(&parts);
    let kept = kept.iter().map(|part| (part, std::fs::read(part).expect("a part"))).collect::<Vec<_>>();
    for (part, _) in &kept {
        std::fs::remove_file(part).expect("it is there");
    }
    std::fs::remove_file(&object).expect("it is there");
    world.clock.advance_seconds(86_400);
    world.write("INSERT INTO t (text) VALUES ('first')");
    let rows = World::dump(&world.file);
    let failed = follower.look().expect_err("an object is away");
    assert!(failed.is(&codes::OBJECT_MISSING) && follower.is_behind_an_old_one(), "{failed:?}");
    // A server that is started now has nothing to go on behind, and knows why.
    let mut anew = world.follower();
    anew.look().expect_err("an object is away");
    assert!(anew.full_failed().is_some() && !anew.is_behind_an_old_one());
    world.write("INSERT INTO t (text) VALUES ('second')");
    assert!(matches!(follower.look().expect("not tried at once"), Followed::Step(_)));
    assert!(follower.is_behind_an_old_one());
    for (part, content) in kept {
        std::fs::write(part, content).expect("it can be written");
    }
    assert_eq!(world.restored(world.clock.now().plus_seconds(-1)), rows, "the failed look kept no step");
    assert_eq!(world.restored(world.clock.now()), World::dump(&world.file));

    world.clock.advance_seconds(600);
    assert!(matches!(follower.look().expect("a look"), Followed::Full(_)));
    assert!(!follower.is_behind_an_old_one());
}

#[test]
fn a_file_that_grows_beyond_the_page_that_sqlite_never_writes_comes_back() {
    // The page at the first GiB holds the bytes by which SQLite locks: it is in no log. With pages of 64 KiB it is this one.
    const LOCK_PAGE: u32 = (1 << 30) / PAGE + 1;
    const PAGE: u32 = 65_536;
    let world = World::new();
    let path = world.data().database();
    // As large as it has to be, without writing a GiB: the pages between are holes that belong to nobody.
    world
        .file
        .execute_batch(&format!("PRAGMA journal_mode = DELETE; PRAGMA page_size = {PAGE}; VACUUM"))
        .expect("another size of pages");
    let file = std::fs::File::options().write(true).open(&path).expect("the file");
    file.set_len(u64::from(LOCK_PAGE - 3) * u64::from(PAGE)).expect("holes");
    file.write_all_at(&(LOCK_PAGE - 3).to_be_bytes(), 28).expect("the number of pages in the header");
    drop(file);
    let connection = rusqlite::Connection::open(&path).expect("a database");
    connection.execute_batch("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0").expect("a log");
    let pages =
        || connection.query_row("PRAGMA page_count", [], |row| row.get::<_, u32>(0)).expect("a number");
    assert_eq!(pages(), LOCK_PAGE - 3);
    connection.execute("INSERT INTO t (text) VALUES ('before')", []).expect("a row");

    let mut follower = world.follower();
    assert!(matches!(follower.look().expect("a look"), Followed::Full(_)));
    world.clock.advance_seconds(1);
    connection.execute("INSERT INTO t (text) VALUES (hex(zeroblob(400000)))", []).expect("a row");
    assert!(pages() > LOCK_PAGE, "it did not grow over it");
    assert!(matches!(follower.look().expect("a look"), Followed::Step(_)));
    assert!(world.restored(world.clock.now()) == World::dump(&connection), "not the rows that were there");
}
