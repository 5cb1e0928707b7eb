//! What is done with damaged parts: a content that is not there is kept anew by the next full point, a damaged one is taken for kept.
use std::collections::HashSet;
use std::sync::PoisonError;

use wh_base::Result;

use super::Repository;
use crate::codes;
use crate::manifest::{Chunk, PointName};

/// Folder of parts that were found damaged.
const DAMAGED: &str = "damaged";

impl Repository {
    /// Read every part that a point needs, so that all damaged ones are met: each that is met alone costs a further point and proof.
    pub(crate) fn meet_damaged(&self, point: &PointName) -> Result<()> {
        let mut needed: HashSet<Chunk> = HashSet::new();
        for name in self.chain(point)? {
            // What an unreadable point needs is not known.
            let Ok(point) = self.get_point(&name) else { continue };
            needed.extend(point.manifest.chunks());
        }
        let needed: Vec<Chunk> = needed.into_iter().collect();
        self.each(&needed, |chunk| match self.get_part(chunk) {
            Err(error) if !error.is(&codes::PART_DAMAGED) && !error.is(&codes::PART_MISSING) => Err(error),
            _ => Ok(()),
        })
    }

    /// Put the damaged parts that were met aside; all that can be, where another proof was quicker with one.
    pub(crate) fn set_aside(&self) -> Result<()> {
        let mut moved = Ok(());
        for path in std::mem::take(&mut *self.damaged.lock().unwrap_or_else(PoisonError::into_inner)) {
            let name = path.rsplit('/').next().unwrap_or_default();
            moved = self.store.rename(&path, &format!("{DAMAGED}/{name}")).and(moved);
        }
        self.store.settle().and(moved)
    }
}
