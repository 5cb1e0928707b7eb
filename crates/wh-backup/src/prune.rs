//! Retention: which points stay, and the removal of parts that no point needs any more. Never removes the newest state: the
//! newest full point and every step behind it.
use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use uuid::Uuid;
use wh_base::{Result, Timestamp};

use crate::codes;
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

/// Which of these points stay; they are given oldest first. The newest full point stays with all its steps, however old: they are
/// what a lost machine is restored from, and what a follower adds its next step to.
pub fn kept(points: &[PointName], retention: Retention, now: Timestamp) -> HashSet<Uuid> {
    let full: Vec<_> = points.iter().filter(|point| point.kind == PointKind::Full).collect();
    let oldest = now.plus_seconds(-i64::from(retention.keep_days) * 86_400);
    let by_count = full.len().saturating_sub(retention.keep_full_min.max(1));
    let step_oldest = now.plus_seconds(-i64::from(retention.keep_steps_h) * 3_600);
    // A step needs all steps before it: those of a full point stay or go together, by the youngest of them.
    let steps = points.iter().filter(|point| point.kind == PointKind::Step);
    let mut chains: HashSet<Uuid> =
        steps.clone().filter(|step| step.at >= step_oldest).map(|step| step.full).collect();
    chains.extend(newest_chains(points, now));
    let mut kept: HashSet<Uuid> = full
        .iter()
        .enumerate()
        .filter(|(at, point)| *at >= by_count || point.at >= oldest || chains.contains(&point.id))
        .map(|(_, point)| point.id)
        .collect();
    let staying: Vec<Uuid> = steps.filter(|step| chains.contains(&step.full)).map(|step| step.id).collect();
    kept.extend(staying);
    kept
}

/// The full points that the newest state hangs on: of the newest full point and of the newest point, which are not of one chain
/// where a full point was made by hand beside a running server. Once more without what a clock that was ahead dated later than now.
fn newest_chains(points: &[PointName], now: Timestamp) -> HashSet<Uuid> {
    let full = |point: &&PointName| point.kind == PointKind::Full;
    let past = |point: &&PointName| !point.is_ahead_of(now);
    let newest = [
        points.iter().rfind(full),
        points.last(),
        points.iter().filter(past).rfind(full),
        points.iter().rfind(past),
    ];
    newest.into_iter().flatten().map(|point| point.full).collect()
}

/// Remove what an installation does not keep. What others made stays: only they know how long. Without an installation all points must
/// be of one. Refused while somebody adds.
pub fn prune(
    repository: &Repository,
    retention: Retention,
    of: Option<Uuid>,
    now: Timestamp,
) -> Result<Pruned> {
    let mut needed = Needed::default();
    // Nearly all is read before anybody is kept from adding: there may be tens of thousands of steps, in a bucket a request each.
    needed.read(repository, &divided(repository, retention, of, now)?.stay)?;
    let _alone = repository.lock_remove()?;
    let Divided { stay, mut go } = divided(repository, retention, of, now)?;
    needed.read(repository, &stay)?;
    repository.store().sweep(PART_AGE_MIN)?;
    // Points first: a part without a point is only lost room, a point without a part is a broken one. The newest first: what is left
    // when it ends early is whole.
    go.reverse();
    repository.each(&go, |point| repository.store().remove(&point.path()))?;
    let parts = repository.store().list(PARTS)?.into_iter();
    let parts: Vec<_> =
        parts.filter(|part| part.age >= PART_AGE_MIN && !needed.parts.contains(&part.name)).collect();
    repository.each(&parts, |part| repository.store().remove(&part.name))?;
    let bytes = parts.iter().map(|part| part.bytes).sum();
    Ok(Pruned { points: go.len() as u64, parts: parts.len() as u64, bytes })
}

/// All points of a place, others' too.
struct Divided {
    stay: Vec<PointName>,
    go: Vec<PointName>,
}

fn divided(
    repository: &Repository,
    retention: Retention,
    of: Option<Uuid>,
    now: Timestamp,
) -> Result<Divided> {
    let points = repository.points()?;
    let own = repository.own(&points, of)?;
    let kept = kept(&own, retention, now);
    let gone: HashSet<Uuid> = own.iter().map(|point| point.id).filter(|id| !kept.contains(id)).collect();
    let (go, stay) = points.into_iter().partition(|point| gone.contains(&point.id));
    Ok(Divided { stay, go })
}

/// The parts of the points that were read. A point never changes.
#[derive(Default)]
struct Needed {
    points: HashSet<Uuid>,
    parts: HashSet<String>,
}

impl Needed {
    /// Read those that were not. One that cannot be read stops the pruning, as what it needs is not known; one that is gone needs nothing.
    fn read(&mut self, repository: &Repository, points: &[PointName]) -> Result<()> {
        let new: Vec<_> = points.iter().filter(|point| !self.points.contains(&point.id)).copied().collect();
        let parts = Mutex::new(std::mem::take(&mut self.parts));
        let read = repository.each(&new, |point| {
            let manifest = match repository.get_point(point) {
                Ok(point) => point.manifest,
                Err(error) if error.is(&codes::PART_MISSING) => return Ok(()),
                Err(error) => return Err(error),
            };
            let named = manifest.chunks().map(|chunk| repository.part_path(chunk));
            parts.lock().unwrap_or_else(PoisonError::into_inner).extend(named);
            Ok(())
        });
        self.parts = parts.into_inner().unwrap_or_else(PoisonError::into_inner);
        self.points.extend(new.iter().map(|point| point.id));
        read
    }
}
