//! What is known of the backups, written by several at the same time.
use wh_backup::{PointKind, PointName, Status, codes};
use wh_base::Timestamp;

const ROUNDS: i64 = 200;

#[test]
fn two_writers_forget_nothing_of_one_another() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path();
    let id = uuid::Uuid::from_u128(7);
    let at = Timestamp::from_micros;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for round in 1..=ROUNDS {
                let point = PointName { at: at(round), kind: PointKind::Full, id, full: id, number: 0 };
                Status::succeeded(data, at(round), &point, "place").expect("it can be written");
                let told = Status::read(data).expect("a status").last_success.expect("it was said");
                assert_eq!(told.at, at(round), "the other writer took it back");
            }
        });
        scope.spawn(|| {
            for round in 1..=ROUNDS {
                let error = codes::PART_MISSING.error("gone");
                Status::unproven(data, at(round), &error).expect("it can be written");
                let told = Status::read(data).expect("a status").last_unproven.expect("it was said");
                assert_eq!(told.at, at(round), "the other writer took it back");
            }
        });
    });
    let status = Status::read(data).expect("a status");
    assert!(status.must_not_have_kept_in("place").expect_err("kept there").is(&codes::PLACE_GONE));
    status.must_not_have_kept_in("another place").expect("nothing was kept there");
    let left = std::fs::read_dir(data).expect("a folder").count();
    assert_eq!(left, 1, "something was left beside the status");
}
