//! Immutable segments of rows as Parquet on an object store: where they lie, how they are written and read.
mod paths;
mod read;
mod store;
mod write;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use paths::{ROOT, dataset_prefix};
pub use read::{SegmentReader, open_segment};
pub use store::{ObjectInfo, Objects, PART_BYTES};
pub use write::{SEGMENT_BYTES_MAX, SEGMENT_ROWS_MAX};

pub(crate) use paths::bad_lines as bad_lines_path;
pub(crate) use store::Mark;
pub(crate) use write::{SegmentWriter, Target, WrittenSet};

/// One segment as the catalog keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentMeta {
    /// Its own id.
    pub id: Uuid,
    /// Where it lies.
    pub path: String,
    /// Its rows.
    pub rows: u64,
    /// Its size.
    pub bytes: u64,
}
