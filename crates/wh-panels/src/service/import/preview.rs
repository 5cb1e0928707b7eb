//! Look at the first bytes of a file: dialect, header, types, and the first rows read that way.
use wh_base::Result;
use wh_dataset::read::{Detected, ReadHints, detect};

use crate::codes;

/// Detect how the file is to be read; what `hints` say is kept. CPU-bound: a few milliseconds per megabyte.
pub fn import_preview(sample: &[u8], file_name: Option<&str>, hints: &ReadHints) -> Result<Detected> {
    if sample.is_empty() {
        return Err(codes::UPLOAD_EMPTY.error("the sample holds no bytes"));
    }
    detect(sample, file_name, hints)
}
