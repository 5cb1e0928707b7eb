//! Which of the points is meant: by its moment, and by whose it is. Writes nothing.
use std::collections::BTreeSet;
use std::sync::PoisonError;

use uuid::Uuid;
use wh_base::{ErrorCode, Result, Timestamp};

use super::Repository;
use crate::codes;
use crate::manifest::{Database, PointName};

/// Why a point does not say whose it is.
const UNREADABLE: [&ErrorCode; 3] = [&codes::PART_DAMAGED, &codes::PART_MISSING, &codes::FORMAT_NEWER];

/// Which point is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The newest one not later than this moment; without it, the newest one.
    pub at: Option<Timestamp>,
    /// The moment now: what is dated later is not the newest.
    pub now: Timestamp,
    /// Whose; without it, the points there must all be of one installation.
    pub of: Option<Uuid>,
}

/// The point that was meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// It.
    pub point: PointName,
    /// So many were passed over, because a clock that was ahead dated them.
    pub ahead: usize,
}

impl Repository {
    /// The newest point that keeps a moment not later than the one that is asked for, or than now.
    pub fn choose(&self, wanted: &Wanted) -> Result<Chosen> {
        let Wanted { at, now, of } = *wanted;
        let points = self.points()?;
        let fits = |point: &PointName| at.map_or(!point.is_ahead_of(now), |at| point.at <= at);
        let fitting: Vec<_> = points.iter().copied().filter(fits).collect();
        let found = match of {
            Some(own) => self.newest_of(own, &points, &fitting)?,
            None => {
                self.must_be_of_one(&points)?;
                fitting.last().copied()
            }
        };
        let point = found.ok_or_else(|| match (at, points.first()) {
            (_, Some(_)) if !fitting.is_empty() => codes::INSTALLATIONS
                .error(format!("{} holds points of other installations only", self.words())),
            (Some(at), Some(first)) => codes::POINT_UNKNOWN
                .error(format!("the oldest point keeps {}, which is after {at}", first.at)),
            (None, Some(first)) => codes::POINT_UNKNOWN.error(format!(
                "the oldest point keeps {}, and this machine's clock shows {now}; --at and --point name a point all the same",
                first.at
            )),
            _ => codes::POINT_UNKNOWN.error(format!("{} holds no point", self.words())),
        })?;
        let ahead = points.iter().filter(|point| at.is_none() && point.is_ahead_of(now)).count();
        Ok(Chosen { point, ahead })
    }

    /// Whether an installation has to make a full point, when one is made each so many seconds. What a clock that was ahead dated counts
    /// for nothing, and neither does what others made.
    pub fn full_is_due(&self, now: Timestamp, every_s: i64, own: Uuid) -> Result<bool> {
        let points = self.points()?;
        let past: Vec<_> = points.iter().copied().filter(|point| !point.is_ahead_of(now)).collect();
        let last = self.newest_of(own, &points, &past)?;
        Ok(last.is_none_or(|last| last.at.plus_seconds(every_s) <= now))
    }

    /// Which of the points, all that there are, are of an installation; without one, all of them, which must be of one.
    pub fn own(&self, points: &[PointName], of: Option<Uuid>) -> Result<Vec<PointName>> {
        let Some(own) = of else {
            self.must_be_of_one(points)?;
            return Ok(points.to_vec());
        };
        let mut found = Vec::with_capacity(points.len());
        for point in points {
            if self.installation_of(point, points)?.is_none_or(|of| of == own) {
                found.push(*point);
            }
        }
        Ok(found)
    }

    /// The last of some points that is of an installation.
    pub(super) fn newest_of(
        &self,
        own: Uuid,
        points: &[PointName],
        some: &[PointName],
    ) -> Result<Option<PointName>> {
        for point in some.iter().rev() {
            if self.installation_of(point, points)?.is_none_or(|of| of == own) {
                return Ok(Some(*point));
            }
        }
        Ok(None)
    }

    /// Bytes of the archive in an installation's newest point; none where there is no such point, or it cannot be read.
    pub(crate) fn newest_archive_bytes(&self, own: Uuid) -> Result<u64> {
        let points = self.points()?;
        let newest = self.newest_of(own, &points, &points)?;
        let manifest = newest.and_then(|newest| self.get_point(&newest).ok()).map(|point| point.manifest);
        Ok(match manifest.map(|manifest| manifest.database) {
            Some(Database::PostgresArchive { chunks, .. }) => {
                chunks.iter().map(|chunk| u64::from(chunk.bytes)).sum()
            }
            _ => 0,
        })
    }

    fn must_be_of_one(&self, points: &[PointName]) -> Result<()> {
        let mut found = BTreeSet::new();
        for point in points {
            found.extend(self.installation_of(point, points)?);
        }
        if found.len() < 2 {
            return Ok(());
        }
        let message = format!("{} holds points of {} installations", self.words(), found.len());
        Err(codes::INSTALLATIONS.error(message))
    }

    /// Whose one of all points is. Nothing where it does not say it: it was made before points did, or cannot be read. Then it may be
    /// anybody's, and is taken for one's own.
    pub fn installation_of(&self, point: &PointName, points: &[PointName]) -> Result<Option<Uuid>> {
        let known = || self.installations.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(of) = known().get(&point.full) {
            return Ok(*of);
        }
        let full = points.iter().find(|other| other.id == point.full).unwrap_or(point);
        let of = match self.get_point(full) {
            Ok(point) => point.manifest.installation,
            Err(e) if UNREADABLE.iter().any(|code| e.is(code)) => None,
            Err(e) => return Err(e),
        };
        known().insert(point.full, of);
        Ok(of)
    }
}
