//! Datasets over a store and a database of their own, filled through the door that imports use; no test itself.
use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;
use serde_json::value::RawValue;
use wh_base::Result;
use wh_contract::{DatasetId, TenantId};
use wh_dataset::ingest::{Ingest, Source, Staged};
use wh_dataset::model::ColumnType;
use wh_dataset::read::Format;
use wh_dataset::segment::Objects;
use wh_dataset::{
    Committed, DatasetHandle, Datasets, DatasetsConfig, Filter, ImportMode, SortKey, ViewQuery, Window,
};
use wh_testkit::engines::{EngineKind, TestDb};

use crate::files::{csv, files_below, options};

/// A database, a store and the datasets over them.
pub struct World {
    pub db: TestDb,
    pub folder: tempfile::TempDir,
    pub datasets: Datasets,
    pub tenant: TenantId,
}

impl World {
    pub fn new(db: TestDb) -> Self {
        Self::with(db, DatasetsConfig::default())
    }

    pub fn with(db: TestDb, config: DatasetsConfig) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let datasets = open(&db, &folder, config);
        let tenant = db.cx.next_id();
        Self { db, folder, datasets, tenant }
    }

    /// On SQLite, for what does not depend on the engine.
    pub async fn sqlite(test: &str, config: DatasetsConfig) -> Self {
        let db = TestDb::open(EngineKind::Sqlite, test, &[wh_dataset::MIGRATIONS]).await.unwrap();
        Self::with(db, config)
    }

    /// The same database and store in a process that has just started.
    pub fn restart(&mut self, config: DatasetsConfig) {
        self.datasets = open(&self.db, &self.folder, config);
    }

    pub async fn create(&self) -> DatasetId {
        let id = self.db.cx.next_id();
        let mut tx = self.db.cx.db.begin(self.tenant).await.unwrap();
        self.datasets.create(&mut tx, id).await.unwrap();
        tx.commit().await.unwrap();
        id
    }

    /// Reads NDJSON lines into segments.
    pub async fn stage(&self, id: DatasetId, columns: &[(&str, ColumnType)], lines: String) -> Staged {
        let mut plan = csv(columns);
        plan.format = Format::Ndjson;
        plan.nulls = Vec::new();
        self.stage_from(id, options(plan), lines).await
    }

    pub async fn stage_from(&self, id: DatasetId, source: Source, file: String) -> Staged {
        let host = self.datasets.ingest_host();
        let mut ingest = Ingest::start(host, self.tenant, id, source).await.unwrap();
        ingest.write(Bytes::from(file)).await.unwrap();
        let staged = ingest.finish().await.unwrap();
        assert_eq!(staged.bad.count, 0, "the generator writes no bad lines");
        staged
    }

    pub async fn commit(&self, id: DatasetId, staged: Staged, mode: ImportMode) -> Result<Committed> {
        let mut tx = self.db.cx.db.begin(self.tenant).await?;
        let committed = self.datasets.commit(&mut tx, id, staged, mode).await?;
        tx.commit().await?;
        Ok(committed)
    }

    pub async fn import(
        &self,
        id: DatasetId,
        columns: &[(&str, ColumnType)],
        lines: String,
        mode: ImportMode,
    ) -> Committed {
        let staged = self.stage(id, columns, lines).await;
        self.commit(id, staged, mode).await.unwrap()
    }

    pub async fn handle(&self, id: DatasetId) -> Result<DatasetHandle> {
        let mut reads = self.db.cx.db.read(self.tenant).await?;
        self.datasets.handle(&mut reads, id).await
    }

    pub async fn view(&self, id: DatasetId, query: &ViewQuery) -> Result<Window> {
        self.datasets.view(&self.handle(id).await?, query).await
    }

    /// The first column of the first rows, as JSON.
    pub async fn first_column(&self, id: DatasetId, limit: u32) -> Vec<Value> {
        first_column(&self.view(id, &ViewQuery { limit, ..ViewQuery::default() }).await.unwrap())
    }

    /// All objects below the store's folder.
    pub fn objects(&self) -> Vec<String> {
        files_below(self.folder.path())
    }
}

fn open(db: &TestDb, folder: &tempfile::TempDir, config: DatasetsConfig) -> Datasets {
    let objects = Objects::local(folder.path()).unwrap();
    Datasets::open(objects, db.cx.ids.clone(), Arc::clone(&db.cx.clock), config)
}

pub fn json(window: &Window) -> Value {
    serde_json::from_slice(&window.json).unwrap()
}

pub fn first_column(window: &Window) -> Vec<Value> {
    json(window)["rows"].as_array().unwrap().iter().map(|row| row[0].clone()).collect()
}

/// A query from its texts as they stand in a URL.
pub fn query(filter: &str, sort: &str, limit: u32) -> ViewQuery {
    ViewQuery {
        filter: (!filter.is_empty()).then(|| Filter::parse(filter).unwrap()),
        sort: SortKey::parse_list(sort).unwrap(),
        limit,
        ..ViewQuery::default()
    }
}

/// The rows with numbers as they are written; `serde_json` alone would read some of them as a neighbour.
pub fn rows_exactly(window: &Window) -> Vec<Vec<Value>> {
    #[derive(serde::Deserialize)]
    struct Answer<'a> {
        #[serde(borrow)]
        rows: Vec<Vec<&'a RawValue>>,
    }
    let answer: Answer<'_> = serde_json::from_slice(&window.json).unwrap();
    let exact = |raw: &&RawValue| match (raw.get().parse::<i64>(), raw.get().parse::<f64>()) {
        (Ok(whole), _) => Value::from(whole),
        (_, Ok(number)) => Value::from(number),
        _ => serde_json::from_str(raw.get()).unwrap(),
    };
    answer.rows.iter().map(|row| row.iter().map(exact).collect()).collect()
}
