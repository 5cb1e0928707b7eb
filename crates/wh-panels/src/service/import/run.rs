//! One import from its first byte to the commit. The file is read before the transaction opens; a failure changes nothing.
//! While it is read, its record has a lease that is renewed: where nobody renews it, nobody reads any more.
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use serde_json::json;
use uuid::Uuid;
use wh_base::{Actor, Error, Result, Timestamp, Traced};
use wh_contract::events::{ImportFailed, ImportMode, ImportStarted, PanelImported};
use wh_contract::{ImportId, PanelId, TenantId};
use wh_dataset::Datasets;
use wh_dataset::ingest::{Ingest, Progress, Source, Staged};
use wh_dataset::model::Schema;
use wh_dataset::read::{BadLine, ReadHints, ReadOptions};
use wh_db::{AuditEntry, Context, TenantTx, Who, replayed};
use wh_server::Hub;

use crate::codes;
use crate::model::{IMPORTS_KEPT, Import, ImportState, Interruption, Panel, Shows};
use crate::service::panel::{not_found, subject};
use crate::store;

use super::count;
use super::running::{Place, Running};

/// Time between two words on progress, in microseconds.
const PROGRESS_EVERY_US: i64 = 200_000;
/// An import whose node has not been heard of for so long is not read any more. Clocks of nodes may be apart by less.
const LEASE_S: i64 = 60;
/// Time between two renewals: also how soon an import hears that it was stopped at another node.
const RENEW_EVERY: Duration = Duration::from_secs(5);

/// What the sender asks for.
pub struct ImportRequest {
    /// The panel to fill.
    pub panel: PanelId,
    /// What happens to the rows before.
    pub mode: ImportMode,
    /// The file's name.
    pub file_name: Option<String>,
    /// How to read it; detected where absent.
    pub options: Option<ReadOptions>,
    /// How many bytes will come, where the sender told it.
    pub bytes_expected: Option<i64>,
}

/// What an import needs of the house.
pub struct Workplace {
    /// Database, clock, ids.
    pub cx: Context,
    /// Where rows go.
    pub datasets: Datasets,
    /// Who listens.
    pub hub: Hub,
    /// What else runs.
    pub running: Running,
}

struct Run<'a> {
    cx: &'a Context,
    datasets: &'a Datasets,
    hub: &'a Hub,
    actor: &'a Actor,
    import: Import,
    panel: Panel,
    place: &'a Place,
    told_at: i64,
}

/// Read the stream to its end and let the panel show its rows. The record of the import ends as done or as failed.
pub async fn import_run(
    house: &Workplace,
    actor: &Actor,
    request: ImportRequest,
    stream: impl Stream<Item = Result<Bytes>> + Send + Unpin,
) -> Result<Import> {
    let Workplace { cx, datasets, hub, running } = house;
    let (panel, import) = replayed(|| begin(cx, running.node(), actor, &request)).await?;
    let place = running.enter(import.id, request.bytes_expected);
    let run = Run { cx, datasets, hub, actor, import, panel, place: &place, told_at: 0 };
    let ended = Box::pin(run.finished(request.options, stream)).await;
    count::ended(&ended);
    ended
}

/// Whether a version may name what a failed import wrote. A commit whose answer was lost may have happened.
#[derive(Clone, Copy, PartialEq)]
enum Named {
    Perhaps,
    No,
}

fn stopped(import: ImportId) -> Error {
    codes::IMPORT_STOPPED.error(format!("import {import} was stopped"))
}

/// Whether the record of the import has been ended by somebody else.
fn is_ended(error: &Error) -> bool {
    error.is(&codes::IMPORT_STOPPED) || error.is(&codes::INTERRUPTED)
}

/// Why an import does not run any more whose record was ended by somebody else.
async fn ended(tx: &mut TenantTx, panel: PanelId, id: ImportId) -> Result<Error> {
    let Some(import) = store::import_by_id(tx, panel, id).await? else { return Ok(not_found(panel)) };
    let is_interrupted = import.interruption.is_some_and(|why| why.code == codes::INTERRUPTED.code);
    if is_interrupted {
        let message = format!("import {id} was given up: its node was not heard of for {LEASE_S} seconds");
        return Ok(codes::INTERRUPTED.error(message));
    }
    Ok(stopped(id))
}

/// Renew the lease for as long as the import is read. Comes back with the reason when its record was ended by somebody else.
async fn kept(cx: &Context, tenant: TenantId, panel: PanelId, id: ImportId) -> Error {
    loop {
        tokio::time::sleep(RENEW_EVERY).await;
        match replayed(|| renewed(cx, tenant, panel, id)).await {
            Ok(None) => {}
            Ok(Some(ended)) => return ended,
            // The database may come back before anybody misses the import.
            Err(error) => tracing::warn!(import = %id, ?error, "the lease of an import was not renewed"),
        }
    }
}

/// Renew it once; the reason, where there is nothing to renew.
async fn renewed(cx: &Context, tenant: TenantId, panel: PanelId, id: ImportId) -> Result<Option<Error>> {
    let mut tx = cx.db.begin(tenant).await?;
    if !store::import_renew(&mut tx, id, lease_end(cx)).await? {
        return ended(&mut tx, panel, id).await.map(Some);
    }
    tx.commit().await?;
    Ok(None)
}

fn lease_end(cx: &Context) -> Timestamp {
    cx.clock.now().plus_seconds(LEASE_S)
}

async fn begin(cx: &Context, node: Uuid, actor: &Actor, request: &ImportRequest) -> Result<(Panel, Import)> {
    let mut tx = cx.db.begin(actor.tenant).await?;
    let panel = store::panel_by_id(&mut tx, request.panel).await?.ok_or_else(|| not_found(request.panel))?;
    let import = Import {
        id: cx.next_id::<ImportId>(),
        panel: request.panel,
        panel_title: panel.title.as_str().to_owned(),
        mode: request.mode,
        state: ImportState::Running,
        file_name: request.file_name.clone(),
        rows: 0,
        bad_lines: 0,
        bad_lines_kept: 0,
        bad_lines_path: None,
        unknown_keys: Vec::new(),
        bytes: 0,
        bytes_expected: None,
        version: None,
        interruption: None,
        started_by: actor.user,
        started_at: cx.clock.now(),
        ended_at: None,
    };
    let lease = store::Lease { node, until: lease_end(cx) };
    store::import_insert(&mut tx, &import, lease).await.map_err(|error| {
        // Deleted since it was looked up.
        if error.is(&wh_db::codes::FOREIGN_KEY) { not_found(request.panel) } else { error }
    })?;
    store::import_prune(&mut tx, import.panel, IMPORTS_KEPT).await?;
    let after = json!({ "import": import.id, "mode": import.mode, "file_name": import.file_name });
    tx.emit(ImportStarted { panel: import.panel, import: import.id, mode: import.mode }).await?;
    tx.audit(&Who::from(actor), entry("import_start", import.panel, after)).await?;
    tx.commit().await?;
    Ok((panel, import))
}

pub(super) fn entry(action: &'static str, panel: PanelId, after: serde_json::Value) -> AuditEntry {
    AuditEntry { action, subject: subject(panel), before: None, after: Some(after) }
}

/// What a company keeps and what it may keep, in bytes.
#[derive(Clone, Copy)]
struct Room {
    stored: u64,
    limit: u64,
}

impl Room {
    /// Whether so much more may come.
    fn take(self, fresh: u64) -> Result<()> {
        let Self { stored, limit } = self;
        if stored.saturating_add(fresh) <= limit {
            return Ok(());
        }
        Err(codes::STORAGE_LIMIT.error(format!(
            "the company keeps {stored} of at most {limit} bytes, and the import would add {fresh} or more; the operator of \
             the installation can raise the limit"
        )))
    }
}

/// A file of bad lines alone is read in another way than it was written, or is no file of rows at all: it must not take the
/// place of rows. One of names alone has said that there are none.
fn some_read(mode: ImportMode, staged: &Staged) -> Result<()> {
    if mode == ImportMode::Append || staged.rows > 0 || staged.bad.count == 0 {
        return Ok(());
    }
    let line = |bad: &BadLine| match &bad.column {
        Some(column) => format!("line {}: {} in column {column}", bad.line, bad.reason.word()),
        None => format!("line {}: {}", bad.line, bad.reason.word()),
    };
    let lines: Vec<String> = staged.first_bad.iter().map(line).collect();
    Err(codes::NOTHING_READ.error(format!("0 of {} lines; {}", staged.bad.count, lines.join("; "))))
}

impl Run<'_> {
    async fn finished(
        mut self,
        options: Option<ReadOptions>,
        stream: impl Stream<Item = Result<Bytes>> + Send + Unpin,
    ) -> Result<Import> {
        let Run { cx, place, datasets, .. } = self;
        let host = datasets.ingest_host();
        let (tenant, panel, id) = (self.actor.tenant, self.import.panel, self.import.id);
        let read = Box::pin(host.in_time(self.read(options, stream)));
        let read = Traced::step("import read", &*cx.clock, read);
        let read = tokio::select! {
            biased;
            () = place.stopped() => Err(stopped(id)),
            ended = kept(cx, tenant, panel, id) => Err(ended),
            read = read => read,
        };
        let staged = match read {
            Ok(staged) => staged,
            // Whoever stopped it has ended its record.
            Err(error) if is_ended(&error) => return Err(error),
            Err(error) => {
                self.end_as_failed(&error).await;
                return Err(error);
            }
        };
        let commit = Box::pin(replayed(|| self.commit(staged.clone())));
        match Traced::step("import commit", &*cx.clock, commit).await {
            Ok(import) => Ok(import),
            Err(error) => {
                // Stopped: no version names what it wrote, and its record has ended.
                if is_ended(&error) || self.end_as_failed(&error).await == Named::No {
                    self.discard(staged).await;
                }
                Err(error)
            }
        }
    }

    /// Everything that touches the file: no transaction is open.
    async fn read(
        &mut self,
        options: Option<ReadOptions>,
        mut stream: impl Stream<Item = Result<Bytes>> + Send + Unpin,
    ) -> Result<Staged> {
        let source = match options {
            Some(options) => Source::Options(Box::new(options)),
            None => Source::Detect { file_name: self.import.file_name.clone(), hints: ReadHints::default() },
        };
        let behind = self.behind()?;
        let room = self.room().await?;
        let (host, tenant) = (self.datasets.ingest_host(), self.actor.tenant);
        let mut ingest = Ingest::start_behind(host, tenant, self.panel.dataset, source, behind).await?;
        let mut arrived = 0;
        while let Some(bytes) = stream.next().await.transpose()? {
            arrived += bytes.len() as u64;
            ingest.write(bytes).await?;
            // What arrived, not what was parsed: the first megabyte waits until it is known how to read it.
            let progress = Progress { bytes: arrived, ..ingest.progress() };
            room.map_or(Ok(()), |room| room.take(progress.stored))?;
            self.place.is_at(progress);
            self.tell(progress);
        }
        if arrived == 0 {
            return Err(codes::UPLOAD_EMPTY.error("the body holds no bytes"));
        }
        ingest.finish().await
    }

    /// The columns behind whose rows its rows come. The commit looks again: they may change while the file comes.
    fn behind(&self) -> Result<Option<Schema>> {
        if self.import.mode == ImportMode::Replace || self.panel.shows.version == 0 {
            return Ok(None);
        }
        serde_json::from_value(self.panel.shows.columns.clone())
            .map(Some)
            .map_err(|e| wh_base::codes::INTERNAL.caused("the columns of a panel cannot be read", e))
    }

    /// What the company may still keep, where the operator of the installation set a limit. Full is told before a byte is read.
    async fn room(&self) -> Result<Option<Room>> {
        let tenant = self.actor.tenant;
        let Some(limit) = self.cx.limits.of(tenant).await?.storage_bytes else { return Ok(None) };
        let stored = self.datasets.stored_by(&mut self.cx.db.read(tenant).await?).await?;
        let room = Room { stored, limit };
        room.take(1)?;
        Ok(Some(room))
    }

    /// The rows become visible, with the event and the audit line, or nothing does.
    async fn commit(&self, staged: Staged) -> Result<Import> {
        some_read(self.import.mode, &staged)?;
        let now = self.cx.clock.now();
        let limit = self.cx.limits.of(self.actor.tenant).await?.storage_bytes;
        let mut import = Import {
            state: ImportState::Done,
            rows: staged.rows.cast_signed(),
            bad_lines: staged.bad.count.cast_signed(),
            bad_lines_kept: staged.bad.kept.cast_signed(),
            unknown_keys: staged.unknown_keys.clone(),
            bad_lines_path: staged.bad.path.clone(),
            bytes: staged.file_bytes.cast_signed(),
            ended_at: Some(now),
            ..self.import.clone()
        };
        let mut tx = self.cx.db.begin(self.actor.tenant).await?;
        store::panel_lock(&mut tx, import.panel).await?;
        let before =
            store::panel_by_id(&mut tx, import.panel).await?.ok_or_else(|| not_found(import.panel))?;
        if let Some(limit) = limit {
            // Two imports that end at once are counted one after the other.
            tx.lock("panels.storage").await?;
            let rows: u64 = staged.segments.iter().map(|segment| segment.bytes).sum();
            let fresh = rows.saturating_add(staged.bad.bytes);
            let stored = self.datasets.stored_by(&mut tx).await?;
            Room { stored, limit }.take(fresh)?;
        }
        let committed = self.datasets.commit(&mut tx, before.dataset, staged, import.mode).await?;
        import.version = Some(committed.version.cast_signed());
        let columns = serde_json::to_value(&committed.schema)
            .map_err(|e| wh_base::codes::INTERNAL.caused("columns do not serialise", e))?;
        let shows =
            Shows { version: committed.version.cast_signed(), rows: committed.rows.cast_signed(), columns };
        store::panel_show(&mut tx, import.panel, &shows, now).await?;
        if !store::import_end(&mut tx, &import).await? {
            return Err(ended(&mut tx, import.panel, import.id).await?);
        }
        let Import { panel, id, mode, .. } = import;
        tx.emit(PanelImported { panel, import: id, version: shows.version, rows: shows.rows, mode }).await?;
        let entry = AuditEntry {
            action: "import_create",
            subject: subject(panel),
            before: Some(json!({ "version": before.shows.version, "rows": before.shows.rows })),
            after: Some(json!({ "version": shows.version, "rows": shows.rows, "import": id, "mode": mode,
                                "file_name": import.file_name, "bad_lines": import.bad_lines,
                                "unknown_keys": import.unknown_keys })),
        };
        tx.audit(&Who::from(self.actor), entry).await?;
        tx.commit().await?;
        Ok(import)
    }

    /// The error that ended the import is the one to tell, not one of writing it down: then the record says "running" until its
    /// lease has ended and somebody looks after it.
    async fn end_as_failed(&self, error: &Error) -> Named {
        replayed(|| self.fail(error)).await.unwrap_or_else(|second| {
            tracing::error!(import = %self.import.id, error = ?second, "a failed import could not be written down");
            Named::Perhaps
        })
    }

    /// The record ends as failed, unless the import is over already. Its row decides: a commit that is still on its way holds
    /// it, one that happened has ended it, and without a panel there are no rows that anybody could name.
    async fn fail(&self, error: &Error) -> Result<Named> {
        let interruption =
            Interruption { code: error.code().code.to_owned(), detail: error.message().to_owned() };
        let import = Import {
            state: ImportState::Failed,
            ended_at: Some(self.cx.clock.now()),
            interruption: Some(interruption),
            ..self.import.clone()
        };
        let mut tx = self.cx.db.begin(self.actor.tenant).await?;
        let mut named = Named::No;
        if store::import_end(&mut tx, &import).await? {
            let code = error.code().code.to_owned();
            tx.emit(ImportFailed { panel: import.panel, import: import.id, code }).await?;
            let after = json!({ "import": import.id, "problem": error.code().code });
            tx.audit(&Who::from(self.actor), entry("import_fail", import.panel, after)).await?;
        } else if store::import_by_id(&mut tx, import.panel, import.id).await?.is_some() {
            named = Named::Perhaps;
        }
        tx.commit().await?;
        Ok(named)
    }

    /// What nobody will ever name need not lie there until the sweep, which still takes what cannot be removed now.
    async fn discard(&self, staged: Staged) {
        if let Err(error) = staged.discard(self.datasets.objects()).await {
            tracing::warn!(import = %self.import.id, ?error, "objects of a failed import are left to the sweep");
        }
    }

    /// A word on how far it is, at most every fifth of a second, to whoever looks at the panel.
    fn tell(&mut self, progress: Progress) {
        let now = self.cx.clock.now().micros();
        if now - self.told_at < PROGRESS_EVERY_US {
            return;
        }
        self.told_at = now;
        let data = json!({ "import": self.import.id, "rows": progress.rows, "bytes": progress.bytes,
                           "bad_lines": progress.bad_lines });
        self.hub.tell(self.actor.tenant, &format!("panels.{}", self.import.panel), "import_progress", data);
    }
}
