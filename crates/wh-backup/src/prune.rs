//! Retention: which points stay, and the removal of parts that no point needs any more. Never removes the newest state: the
//! newest full point and every step behind it.
use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use uuid::Uuid;
use wh_base::{Error, Result, Timestamp};

use crate::codes;
use crate::manifest::{PointKind, PointName};
use crate::repository::{PARTS, Repository};

/// A part this young may belong to a point that is just being made.
const PART_AGE_MIN: Duration = Duration::from_hours(1);

/// So much later than it is due the newest full point is believed, in hours.
const BELIEVED_H: i64 = 1;

/// What stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Full points younger than this stay.
    pub keep_days: u32,
    /// So many of the newest full points stay, however old.
    pub keep_full_min: usize,
    /// Steps younger than this stay: how far back any moment can be restored.
    pub keep_steps_h: u32,
    /// So far apart full points are made.
    pub full_every_h: u32,
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

/// The moment by which points are old. A clock that jumps ahead makes a full point at once, which prunes, and would take all history
/// with it before anybody can set the clock right. So a full point by itself proves no time that is far behind what was made before it; the
/// next one does.
fn believed(points: &[PointName], retention: Retention, now: Timestamp) -> Timestamp {
    let full = points.iter().rfind(|point| point.kind == PointKind::Full).map(|point| point.full);
    let before = points.iter().rfind(|point| Some(point.full) != full && !point.is_ahead_of(now));
    let apart_s = (i64::from(retention.full_every_h).max(24) + BELIEVED_H) * 3_600;
    before.map_or(now, |before| now.min(before.at.plus_seconds(apart_s)))
}

/// Remove what an installation does not keep. What others made stays: only they know how long. Without an installation all points must
/// be of one. Refused while somebody adds.
pub fn prune(
    repository: &Repository,
    retention: Retention,
    of: Option<Uuid>,
    now: Timestamp,
) -> Result<Pruned> {
    remove(repository, |points| {
        let own = repository.own(points, of)?;
        let kept = kept(&own, retention, believed(&own, retention, now));
        Ok(ids_beside(&own, &kept))
    })
}

/// Remove what an installation does not keep that nobody prunes any more, as the one that a restored folder took the place of: its
/// newest state stays, as of one's own, and the point with the id `proven` with all steps of its full point. Points that do not say whose
/// they are stay. Refused while somebody adds.
pub fn prune_other(
    repository: &Repository,
    installation: Uuid,
    retention: Retention,
    proven: Option<Uuid>,
    now: Timestamp,
) -> Result<Pruned> {
    remove(repository, |points| {
        let others = points_of(repository, installation, points)?;
        let mut kept = kept(&others, retention, now);
        let proven = others.iter().find(|point| Some(point.id) == proven).map(|point| point.full);
        kept.extend(others.iter().filter(|point| Some(point.full) == proven).map(|point| point.id));
        Ok(ids_beside(&others, &kept))
    })
}

/// Which of the points, all that there are, say that they are of an installation.
fn points_of(repository: &Repository, installation: Uuid, points: &[PointName]) -> Result<Vec<PointName>> {
    let mut found = Vec::new();
    for point in points {
        if repository.installation_of(point, points)? == Some(installation) {
            found.push(*point);
        }
    }
    if found.is_empty() {
        let message = format!("{} holds no point of the installation {installation}", repository.words());
        return Err(codes::INSTALLATION_UNKNOWN.error(message));
    }
    Ok(found)
}

fn ids_beside(points: &[PointName], kept: &HashSet<Uuid>) -> HashSet<Uuid> {
    points.iter().map(|point| point.id).filter(|id| !kept.contains(id)).collect()
}

/// Remove those of all points that are to go, and the parts that no other needs. Where a point that stays is damaged, what it needs is
/// not known: then points go, all parts stay, and its error is the answer.
fn remove(repository: &Repository, gone: impl Fn(&[PointName]) -> Result<HashSet<Uuid>>) -> Result<Pruned> {
    let mut needed = Needed::default();
    // Nearly all is read before anybody is kept from adding: there may be tens of thousands of steps, in a bucket a request each.
    needed.read(repository, &divided(repository, &gone)?.stay, Missing::Later)?;
    let _alone = repository.lock_remove()?;
    let Divided { stay, mut go } = divided(repository, &gone)?;
    needed.read(repository, &stay, Missing::Fails)?;
    repository.store().sweep(PART_AGE_MIN)?;
    let damaged = needed.damaged.take();
    // Points first: a part without a point is only lost room, a point without a part is a broken one. The newest first: what is left
    // when it ends early is whole.
    go.reverse();
    for point in &go {
        repository.stop().check()?;
        repository.store().remove(&point.path())?;
    }
    if let Some(damaged) = damaged {
        return Err(damaged);
    }
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
    gone: &impl Fn(&[PointName]) -> Result<HashSet<Uuid>>,
) -> Result<Divided> {
    let points = repository.points()?;
    let gone = gone(&points)?;
    let (go, stay) = points.into_iter().partition(|point| gone.contains(&point.id));
    Ok(Divided { stay, go })
}

/// The parts of the points that were read. A point never changes.
#[derive(Default)]
struct Needed {
    points: HashSet<Uuid>,
    parts: HashSet<String>,
    /// One that can be read and not be opened, as the lock is held.
    damaged: Option<Error>,
}

/// What becomes of a point that is not there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Missing {
    /// Somebody may have pruned it meanwhile: it is asked for again if it is still listed with the lock held.
    Later,
    /// Nobody may prune it now. What it needs is not known.
    Fails,
}

impl Needed {
    /// Read those that were not. One that cannot be read stops the pruning, as what it needs is not known; one that is damaged is kept in
    /// mind.
    fn read(&mut self, repository: &Repository, points: &[PointName], missing: Missing) -> Result<()> {
        self.damaged = None;
        let new: Vec<_> = points.iter().filter(|point| !self.points.contains(&point.id)).copied().collect();
        let known = Mutex::new(self);
        repository.each(&new, |point| {
            let manifest = match repository.get_point(point) {
                Ok(point) => point.manifest,
                Err(error) if missing == Missing::Later && error.is(&codes::PART_MISSING) => return Ok(()),
                Err(error) if error.is(&codes::PART_DAMAGED) => {
                    known.lock().unwrap_or_else(PoisonError::into_inner).damaged = Some(error);
                    return Ok(());
                }
                Err(error) => return Err(error),
            };
            let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
            known.points.insert(point.id);
            known.parts.extend(manifest.chunks().map(|chunk| repository.part_path(chunk)));
            Ok(())
        })
    }
}
