//! Imports small files into a store of their own and shows what came out; no test itself.
use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Float64Type, Int64Type, TimestampMicrosecondType, UInt32Type};
use arrow_array::{Array, RecordBatch, StringArray};
use bytes::Bytes;
use wh_base::{IdSource, ManualClock, Result, SeededRandom, Timestamp};
use wh_contract::{DatasetId, TenantId};
use wh_dataset::ingest::{Ingest, IngestHost, IngestLimits, Source, Staged};
use wh_dataset::model::ColumnType;
use wh_dataset::read::{
    ColumnPlan, Encoding, Escape, Format, Header, LineEnd, ReadHints, ReadOptions, Reason,
};
use wh_dataset::segment::{Objects, open_segment};

/// A store in a folder of its own, with what imports need.
pub struct Place {
    pub folder: tempfile::TempDir,
    pub host: IngestHost,
    pub tenant: TenantId,
    pub dataset: DatasetId,
}

impl Place {
    pub fn new() -> Self {
        Self::with_budget(1 << 30)
    }

    pub fn with_budget(hot_budget_bytes: u64) -> Self {
        Self::with_limits(IngestLimits { hot_budget_bytes, ..IngestLimits::default() })
    }

    pub fn with_limits(limits: IngestLimits) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at(Timestamp::from_micros(1_700_000_000_000_000)));
        let ids = IdSource::new(clock, Arc::new(SeededRandom::new(7)));
        let objects = Objects::local(folder.path()).unwrap();
        let host = IngestHost::new(objects, ids.clone(), limits);
        Self { folder, host, tenant: ids.next(), dataset: ids.next() }
    }

    pub fn objects(&self) -> &Objects {
        self.host.objects()
    }

    /// Imports a file in pieces of the given sizes, repeated.
    pub async fn import(&self, file: &[u8], source: Source, pieces: &[usize]) -> Result<Staged> {
        let mut ingest = Ingest::start(&self.host, self.tenant, self.dataset, source).await?;
        let mut rest = Bytes::copy_from_slice(file);
        let mut sizes = pieces.iter().copied().cycle();
        while !rest.is_empty() {
            let size = sizes.next().unwrap_or(usize::MAX).clamp(1, rest.len());
            ingest.write(rest.split_to(size)).await?;
        }
        ingest.finish().await
    }

    /// Imports a file as its begin looks like.
    pub async fn detect(&self, file: &[u8]) -> Staged {
        self.import(file, detected(), &[usize::MAX]).await.unwrap()
    }

    /// All files below the store's folder, by their names relative to it.
    pub fn files(&self) -> Vec<String> {
        files_below(self.folder.path())
    }
}

/// All files below a folder, by their names relative to it.
pub fn files_below(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path.strip_prefix(root).unwrap().to_string_lossy().into_owned());
            }
        }
    }
    found.sort();
    found
}

pub fn detected() -> Source {
    Source::Detect { file_name: None, hints: ReadHints::default() }
}

/// Options of a plain CSV file with these columns.
pub fn csv(columns: &[(&str, ColumnType)]) -> ReadOptions {
    ReadOptions {
        format: Format::Csv,
        encoding: Encoding::Utf8,
        delimiter: ",".to_owned(),
        quote: Some("\"".to_owned()),
        escape: Escape::Doubled,
        line_end: LineEnd::Lf,
        header: Header::Present,
        nulls: vec![String::new()],
        columns: columns
            .iter()
            .map(|(name, kind)| ColumnPlan {
                source: (*name).to_owned(),
                name: (*name).to_owned(),
                kind: *kind,
                skip: false,
                nulls: None,
            })
            .collect(),
    }
}

pub fn options(options: ReadOptions) -> Source {
    Source::Options(Box::new(options))
}

/// The hot rows as text, `~` for an empty cell.
pub fn rows(staged: &Staged) -> Vec<Vec<String>> {
    let hot = staged.hot.as_ref().unwrap();
    (0..hot.chunks()).flat_map(|chunk| shown(&hot.batch(chunk).unwrap())).collect()
}

/// The rows of the segments as text.
pub async fn stored_rows(objects: &Objects, staged: &Staged) -> Vec<Vec<String>> {
    let mut all = Vec::new();
    for segment in &staged.segments {
        let reader = open_segment(objects, segment).await.unwrap();
        reader
            .read(&staged.schema, &mut |batch| {
                all.extend(shown(&batch));
                Ok(())
            })
            .unwrap();
    }
    all
}

/// The rows of a small file, as one text per line.
pub async fn lines(file: &[u8], source: Source) -> Vec<String> {
    let staged = Place::new().import(file, source, &[usize::MAX]).await.unwrap();
    rows(&staged).into_iter().map(|row| row.join("|")).collect()
}

/// The kept bad lines: number, reason, text.
pub async fn bad(place: &Place, staged: &Staged) -> Vec<(u64, Reason, String)> {
    let Some(path) = &staged.bad.path else { return Vec::new() };
    let kept = place.objects().get(path).await.unwrap().unwrap();
    let lines = serde_json::Deserializer::from_slice(&kept).into_iter::<wh_dataset::read::BadLine>();
    let lines = lines.map(|line| line.unwrap());
    lines.map(|line| (line.line, line.reason, line.text)).collect()
}

fn shown(batch: &RecordBatch) -> Vec<Vec<String>> {
    (0..batch.num_rows())
        .map(|row| batch.columns().iter().map(|column| cell(column, row)).collect())
        .collect()
}

fn cell(column: &dyn Array, row: usize) -> String {
    if column.is_null(row) {
        return "~".to_owned();
    }
    if let Some(texts) = column.as_dictionary_opt::<UInt32Type>() {
        let values: &StringArray = texts.values().as_string();
        return values.value(texts.keys().value(row) as usize).to_owned();
    }
    if let Some(whole) = column.as_primitive_opt::<Int64Type>() {
        return whole.value(row).to_string();
    }
    if let Some(numbers) = column.as_primitive_opt::<Float64Type>() {
        return format!("{:?}", numbers.value(row));
    }
    if let Some(dates) = column.as_primitive_opt::<Date32Type>() {
        return dates.value_as_date(row).unwrap().to_string();
    }
    if let Some(moments) = column.as_primitive_opt::<TimestampMicrosecondType>() {
        return Timestamp::from_micros(moments.value(row)).to_string();
    }
    column.as_boolean().value(row).to_string()
}
