//! Retention: which points stay, and the removal of parts that no point needs any more. Never removes the newest full point.
use std::collections::HashSet;
use std::time::Duration;

use uuid::Uuid;
use wh_base::{Result, Timestamp};

use crate::manifest::{PointKind, PointName};
use crate::repository::{PARTS, Repository};

/// A part this young may belong to a point that is just being made.
const PART_AGE_MIN: Duration = Duration::from_hours(1);

/// What stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Full points younger than this stay.
    pub keep_days: u32,
    /// So many of the newest full points stay, however old.
    pub keep_full_min: usize,
    /// Steps younger than this stay: how far back any moment can be restored.
    pub keep_steps_h: u32,
}

/// What was removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Points.
    pub points: u64,
    /// Parts.
    pub parts: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Which points stay, oldest first.
pub fn kept(points: &[PointName], retention: Retention, now: Timestamp) -> HashSet<Uuid> {
    let full: Vec<_> = points.iter().filter(|point| point.kind == PointKind::Full).collect();
    let oldest = now.plus_seconds(-i64::from(retention.keep_days) * 86_400);
    let by_count = full.len().saturating_sub(retention.keep_full_min.max(1));
    let step_oldest = now.plus_seconds(-i64::from(retention.keep_steps_h) * 3_600);
    let mut kept: HashSet<Uuid> = full
        .iter()
        .enumerate()
        .filter(|(at, point)| *at >= by_count || point.at >= oldest)
        .map(|(_, point)| point.id)
        .collect();
    // A step needs all steps before it: those of a full point stay or go together, by the youngest of them.
    let steps = points.iter().filter(|point| point.kind == PointKind::Step);
    let young: HashSet<Uuid> =
        steps.clone().filter(|step| step.at >= step_oldest).map(|step| step.full).collect();
    let staying: Vec<Uuid> = steps
        .filter(|step| young.contains(&step.full) && kept.contains(&step.full))
        .map(|step| step.id)
        .collect();
    kept.extend(staying);
    kept
}

/// Remove what is not kept. Refused while somebody adds.
pub fn prune(repository: &Repository, retention: Retention, now: Timestamp) -> Result<Pruned> {
    let _alone = repository.lock_remove()?;
    let points = repository.points()?;
    let kept = kept(&points, retention, now);
    let (stay, go): (Vec<_>, Vec<_>) = points.into_iter().partition(|point| kept.contains(&point.id));
    let mut needed = HashSet::new();
    for point in &stay {
        // A point that cannot be read stops the pruning: what it needs is not known.
        let manifest = repository.get_point(point)?.manifest;
        needed.extend(manifest.chunks().map(|chunk| repository.part_path(chunk)));
    }
    let mut pruned = Pruned::default();
    // Points first: a part without a point is only lost room, a point without a part is a broken one.
    for point in go.iter().rev() {
        repository.store().remove(&point.path())?;
        pruned.points += 1;
    }
    for part in repository.store().list(PARTS)? {
        if part.age >= PART_AGE_MIN && !needed.contains(&part.name) {
            repository.store().remove(&part.name)?;
            pruned.parts += 1;
            pruned.bytes += part.bytes;
        }
    }
    Ok(pruned)
}
