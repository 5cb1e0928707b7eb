//! Which points a point hangs on. Reads names only.
use wh_base::Result;

use super::Repository;
use crate::codes;
use crate::manifest::{PointKind, PointName};

impl Repository {
    /// The points that a point needs, in the order in which they are applied, itself last.
    ///
    /// A step may be there twice under one number: its writing seemed to fail and did not, so it was made anew. What came after hangs on the
    /// one that was written last, and each is dated later than the one before it.
    pub fn chain(&self, point: &PointName) -> Result<Vec<PointName>> {
        if point.kind == PointKind::Full {
            return Ok(vec![*point]);
        }
        let points = self.points()?;
        let earlier = points.iter().rev().filter(|other| other.full == point.full && other.at < point.at);
        let (mut chain, mut first) = (vec![*point], *point);
        for other in earlier {
            if other.number.checked_add(1) == Some(first.number) {
                first = *other;
                chain.push(first);
            }
        }
        if first.kind != PointKind::Full {
            let full = point.full.simple();
            let message = match first.number {
                0 | 1 => format!("the full point {full} is not there"),
                number => format!("step {} of the full point {full} is not there", number - 1),
            };
            return Err(codes::PART_MISSING.error(message));
        }
        chain.reverse();
        Ok(chain)
    }
}
