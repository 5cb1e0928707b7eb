//! What is known of the backups, written by several at the same time.
use std::fs::File;
use std::path::Path;

use wh_backup::status::{FILE, LOCK_FILE};
use wh_backup::{PointKind, PointName, Proof, Status, codes};
use wh_base::Timestamp;

const ROUNDS: i64 = 200;

fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros)
}

fn point(id: u128, moment: i64) -> PointName {
    let id = uuid::Uuid::from_u128(id);
    PointName { at: at(moment), kind: PointKind::Full, id, full: id, number: 0 }
}

fn succeeded(data: &Path, now: i64, moment: i64) {
    Status::succeeded(data, at(now), at(moment), &point(7, moment), "place").expect("it can be written");
}

/// Ends now, and began so many milliseconds before.
fn proven(data: &Path, now: i64, took_ms: u64, point: PointName) {
    let proof = Proof { point, points: 1, rows: 1, tables: 1, objects: 1, bytes: 1, took_ms };
    Status::verified(data, at(now), &proof).expect("it can be written");
}

fn read(data: &Path) -> Status {
    Status::read(data).expect("a status")
}

#[test]
fn two_writers_forget_nothing_of_one_another() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for round in 1..=ROUNDS {
                succeeded(data, round, round);
                let told = read(data).last_success.expect("it was said");
                assert_eq!(told.at, at(round), "the other writer took it back");
            }
        });
        scope.spawn(|| {
            for round in 1..=ROUNDS {
                let error = codes::PART_MISSING.error("gone");
                Status::unproven(data, at(round), &error).expect("it can be written");
                let told = read(data).last_unproven.expect("it was said");
                assert_eq!(told.at, at(round), "the other writer took it back");
            }
        });
    });
    let status = read(data);
    assert!(status.must_not_have_kept_in("place").expect_err("kept there").is(&codes::PLACE_GONE));
    status.must_not_have_kept_in("another place").expect("nothing was kept there");
    let left = std::fs::read_dir(data).expect("a folder").count();
    assert_eq!(left, 2, "something was left beside the status and its lock");
}

#[test]
fn what_another_process_writes_meanwhile_is_waited_for() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path();
    for round in 1..=ROUNDS {
        // The other process: it has the lock, has read what there is, and has not written yet.
        let lock = File::create(data.join(LOCK_FILE)).expect("a file");
        lock.lock().expect("nobody else has it");
        let mut told: serde_json::Value = match std::fs::read(data.join(FILE)) {
            Ok(text) => serde_json::from_slice(&text).expect("JSON"),
            Err(_) => serde_json::json!({}),
        };
        std::thread::scope(|scope| {
            scope.spawn(|| succeeded(data, round, round));
            std::thread::yield_now();
            let failure =
                serde_json::json!({ "at": at(round), "code": "backup.part_missing", "message": "gone" });
            told["last_unproven"] = failure;
            std::fs::write(data.join(FILE), told.to_string()).expect("it can be written");
            lock.unlock().expect("it is ours");
        });
        let status = read(data);
        let both = (status.last_success.map(|last| last.at), status.last_unproven.map(|last| last.at));
        assert_eq!(both, (Some(at(round)), Some(at(round))));
    }
}

#[test]
fn what_took_long_takes_nothing_back_that_was_told_meanwhile() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path();
    let second = 1_000_000;
    // A point by hand began at 10 s; at 20 s the server kept all, at 30 s it failed; at 40 s the one by hand is done.
    succeeded(data, 20 * second, 20 * second);
    Status::failed(data, at(30 * second), &codes::STORE.error("full")).expect("it can be written");
    succeeded(data, 40 * second, 10 * second);
    let status = read(data);
    assert_eq!(status.last_success.map(|last| last.at), Some(at(20 * second)));
    assert_eq!(status.last_failure.map(|last| last.at), Some(at(30 * second)));
    // What comes later ends the failure.
    succeeded(data, 50 * second, 50 * second);
    let status = read(data);
    assert_eq!((status.last_success.map(|last| last.at), status.last_failure), (Some(at(50 * second)), None));

    // The same of proofs: one by hand went on from 60 s to 90 s, the server proved a newer point at 70 s and found one broken at 80 s.
    proven(data, 70 * second, 1_000, point(9, 65 * second));
    Status::unproven(data, at(80 * second), &codes::PART_MISSING.error("gone")).expect("it can be written");
    proven(data, 90 * second, 30_000, point(8, 55 * second));
    let status = read(data);
    assert_eq!(status.last_verified.map(|last| last.point_at), Some(at(65 * second)));
    assert_eq!(status.last_unproven.map(|last| last.at), Some(at(80 * second)));
    proven(data, 100 * second, 1_000, point(8, 55 * second));
    let status = read(data);
    assert_eq!(
        status.last_verified.map(|last| last.point_at),
        Some(at(55 * second)),
        "the newest that is left"
    );
    assert_eq!(status.last_unproven, None);

    // What a clock that was ahead has told holds nothing up.
    succeeded(data, 900 * second, 900 * second);
    Status::failed(data, at(900 * second), &codes::STORE.error("full")).expect("it can be written");
    succeeded(data, 110 * second, 110 * second);
    let status = read(data);
    assert_eq!(
        (status.last_success.map(|last| last.at), status.last_failure),
        (Some(at(110 * second)), None)
    );
}
