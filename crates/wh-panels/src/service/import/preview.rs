//! Look at the first bytes of a file: dialect, header, types, and the first rows read that way.
use bytes::Bytes;
use wh_base::{Actor, Result};
use wh_dataset::Datasets;
use wh_dataset::read::{Detected, ReadHints, detect};

use crate::codes;

/// Detect how the file is to be read; what `hints` say is kept. Beside the reactor, one at a time for each company.
pub async fn import_preview(
    datasets: &Datasets,
    actor: &Actor,
    sample: Bytes,
    file_name: Option<String>,
    hints: ReadHints,
) -> Result<Detected> {
    if sample.is_empty() {
        return Err(codes::UPLOAD_EMPTY.error("the sample holds no bytes"));
    }
    let look = move || detect(&sample, file_name.as_deref(), &hints);
    datasets.ingest_host().beside(actor.tenant, look).await
}
