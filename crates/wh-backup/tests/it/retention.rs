//! Which points stay. Pure.
use uuid::Uuid;
use wh_backup::{PointKind, PointName, Retention, kept};
use wh_base::Timestamp;

const HOUR_S: i64 = 3_600;
const RETENTION: Retention =
    Retention { keep_days: 30, keep_full_min: 2, keep_steps_h: 48, full_every_h: 24 };

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
    assert_eq!(
        stay.len(),
        2 + 23,
        "the newest two full points stay, however old, and the steps of the newest"
    );
    assert!(stay.contains(&points.last().expect("points").id), "the newest state is gone");
    assert_eq!(kept(&[], RETENTION, now).len(), 0);
}

#[test]
fn the_newest_state_stays_however_seldom_full_points_are_made() {
    let now = Timestamp::from_micros(1_800_000_000_000_000);
    let retention = Retention { keep_days: 1, keep_full_min: 1, keep_steps_h: 1, full_every_h: 24 };
    let chain = history(1, now);
    let later = now.plus_seconds(40 * 24 * HOUR_S);
    assert_eq!(
        kept(&chain, retention, later).len(),
        chain.len(),
        "a full point each month, and nobody writes"
    );
    // Somebody made a full point by hand; the server goes on behind its own.
    let mut beside = chain.clone();
    let by_hand = Uuid::from_u128(7_000);
    let at = now.plus_seconds(-20 * HOUR_S - 1);
    let full = PointName { at, kind: PointKind::Full, id: by_hand, full: by_hand, number: 0 };
    beside.push(full);
    beside.sort_by_key(|point| point.at);
    assert_eq!(kept(&beside, retention, later).len(), beside.len());
    // A clock was a year ahead once: what it dated is not the newest state.
    let ahead = Uuid::from_u128(9_000);
    let at = now.plus_seconds(365 * 24 * HOUR_S);
    let mut dated = chain.clone();
    dated.push(PointName { at, kind: PointKind::Full, id: ahead, full: ahead, number: 0 });
    assert_eq!(kept(&dated, retention, later).len(), dated.len());
}

#[test]
fn steps_bring_their_full_point_with_them() {
    let now = Timestamp::from_micros(1_800_000_000_000_000);
    let points = history(10, now);
    let stay =
        kept(&points, Retention { keep_days: 1, keep_full_min: 1, keep_steps_h: 96, full_every_h: 24 }, now);
    let steps = points.iter().filter(|point| point.kind == PointKind::Step && stay.contains(&point.id));
    let steps: Vec<_> = steps.collect();
    assert_eq!(steps.len(), 4 * 23);
    assert!(steps.iter().all(|step| stay.contains(&step.full)), "a step without its full point");
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
