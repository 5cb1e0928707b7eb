//! Which points stay. Pure.
use uuid::Uuid;
use wh_backup::{PointKind, PointName, Retention, kept};
use wh_base::Timestamp;

const HOUR_S: i64 = 3_600;
const RETENTION: Retention = Retention { keep_days: 30, keep_full_min: 2, keep_steps_h: 48 };

/// A full point each day and a step each hour behind it, the newest day last.
fn history(days: i64, now: Timestamp) -> Vec<PointName> {
    let mut points = Vec::new();
    for day in (1..=days).rev() {
        let full = Uuid::from_u128(day as u128 * 100);
        for hour in 0..24 {
            let at = now.plus_seconds(-day * 24 * HOUR_S + hour * HOUR_S);
            let id = Uuid::from_u128(day as u128 * 100 + hour as u128);
            let kind = if hour == 0 { PointKind::Full } else { PointKind::Step };
            points.push(PointName { at, kind, id, full, number: hour as u32 });
        }
    }
    points
}

#[test]
fn steps_go_first_full_points_later_and_the_newest_never() {
    let now = Timestamp::from_micros(1_800_000_000_000_000);
    let points = history(60, now);
    let stay = kept(&points, RETENTION, now);
    let staying = |kind| points.iter().filter(|p| p.kind == kind && stay.contains(&p.id)).count();
    assert_eq!(staying(PointKind::Full), 30);
    // Two days back, and the whole day to which the oldest of those steps belongs.
    assert_eq!(staying(PointKind::Step), 2 * 23);
    for point in points.iter().filter(|point| stay.contains(&point.id)) {
        assert!(stay.contains(&point.full), "a step without its full point");
    }
    let later = now.plus_seconds(365 * 24 * HOUR_S);
    let stay = kept(&points, RETENTION, later);
    assert_eq!(stay.len(), 2, "the newest two full points stay, however old");
    assert_eq!(kept(&[], RETENTION, now).len(), 0);
}

#[test]
fn names_are_read_as_they_were_written_and_others_are_none() {
    for point in history(2, Timestamp::from_micros(1_800_000_000_000_000)) {
        assert_eq!(PointName::parse(&point.path()), Some(point));
    }
    for other in ["points/", "points/1-full-2", "parts/00000000000000000001-full-a-b-0", "points/x-y-z-z-z"] {
        assert_eq!(PointName::parse(other), None);
    }
}
