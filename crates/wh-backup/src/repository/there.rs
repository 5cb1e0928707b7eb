//! Whether a place still holds what was kept in it: a mount may be gone, a folder moved, a bucket emptied. Reads no content.
use wh_base::Result;

use super::{HEADER, Repository};
use crate::codes;
use crate::manifest::PointName;
use crate::store::Store;

impl Repository {
    /// Whether backups were begun in a place.
    pub(crate) fn is_begun(store: &Store) -> Result<bool> {
        store.has(HEADER)
    }

    /// Refuses where the header, the full point or the newest point that hangs on it is not there any more.
    pub(crate) fn must_hold(&self, full: &PointName, last: &PointName) -> Result<()> {
        let gone = |what: &str| {
            let message = format!("{} no longer holds {what}, which was kept there", self.words());
            Err(codes::PLACE_GONE.error(message))
        };
        if !Self::is_begun(&self.store)? {
            return gone(HEADER);
        }
        for point in [full, last] {
            let path = point.path();
            if !self.store.has(&path)? {
                return gone(&path);
            }
            if full == last {
                break;
            }
        }
        Ok(())
    }

    /// So many seconds may go by between two looks whether everything is there.
    pub(crate) fn there_every_s(&self) -> i64 {
        self.store.there_every_s()
    }
}
