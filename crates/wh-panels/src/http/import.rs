//! Files into panels: preview, upload as a stream, stop, how it went, what could not be read.
use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use utoipa::ToSchema;
use wh_base::{ErrorCode, Result, Served, Timestamp};
use wh_contract::events::ImportMode;
use wh_contract::{ImportId, PanelId, UserId};
use wh_dataset::Datasets;
use wh_dataset::read::{Detected, ReadHints, ReadOptions};
use wh_db::Context;
use wh_server::{Answer, Caller, Hub, Json, Page, PageOf, Path, Query};

use crate::model::{Import, ImportState};
use crate::service::{ImportRequest, Running, Workplace};
use crate::{codes, service};

use super::SAMPLE_BYTES_MAX;

/// What a preview may answer with.
pub const PREVIEW_ERRORS: &[&ErrorCode] = &[
    &codes::QUERY_MALFORMED,
    &codes::UPLOAD_EMPTY,
    &codes::UPLOAD_BROKEN,
    &wh_dataset::codes::COLUMNS,
    &wh_dataset::codes::COLUMN_NAME,
    &wh_dataset::codes::IMPORTS_BUSY,
    &wh_dataset::codes::IMPORT_STOPPED,
    &wh_dataset::codes::JSON_DOCUMENT,
    &wh_dataset::codes::NOT_TEXT,
    &wh_dataset::codes::OPTIONS,
    &wh_dataset::codes::SAMPLE_EMPTY,
    &wh_dataset::codes::SAMPLE_TOO_LARGE,
];
/// What an import may answer with.
pub const CREATE_ERRORS: &[&ErrorCode] = &[
    &codes::NOT_FOUND,
    &codes::QUERY_MALFORMED,
    &codes::UPLOAD_EMPTY,
    &codes::UPLOAD_BROKEN,
    &codes::NOTHING_READ,
    &codes::IMPORT_STOPPED,
    &codes::STORAGE_LIMIT,
    &codes::INTERRUPTED,
    &wh_dataset::codes::COLUMNS,
    &wh_dataset::codes::COLUMN_NAME,
    &wh_dataset::codes::IMPORTS_BUSY,
    &wh_dataset::codes::IMPORT_SLOW,
    &wh_dataset::codes::IMPORT_STOPPED,
    &wh_dataset::codes::JSON_DOCUMENT,
    &wh_dataset::codes::NOT_FOUND,
    &wh_dataset::codes::NOT_TEXT,
    &wh_dataset::codes::OPTIONS,
    &wh_dataset::codes::ROWS,
    &wh_dataset::codes::SAMPLE_EMPTY,
    &wh_dataset::codes::SCHEMA_DIFFERS,
    &wh_dataset::codes::SEGMENT,
    &wh_dataset::codes::STORE,
];

/// How to look at a sample.
#[derive(serde::Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ImportPreviewQuery {
    /// The file's name; its ending helps to tell the format
    #[param(max_length = 255, example = "flights.csv")]
    file_name: Option<String>,
    /// What is known already, as JSON of the schema `DatasetReadHints`; the rest is detected
    #[param(max_length = 8192)]
    hints: Option<String>,
}

/// How to import.
#[derive(serde::Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ImportCreateQuery {
    /// What happens to the rows before
    mode: ImportMode,
    /// The file's name; its ending helps to tell the format
    #[param(max_length = 255, example = "flights.csv")]
    file_name: Option<String>,
    /// How to read the file, as JSON of the schema `DatasetReadOptions`; detected from its first bytes where absent
    #[param(max_length = 16384)]
    options: Option<String>,
}

/// Which imports to list.
#[derive(serde::Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ImportRecentQuery {
    /// Only those in this state
    state: Option<ImportStateView>,
    /// Where to go on: `next_cursor` of the page before
    #[param(min_length = 1, max_length = 1024)]
    cursor: Option<String>,
    /// Rows per page
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
}

/// Where an import stands.
#[derive(Clone, Copy, serde::Serialize, serde::Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ImportStateView {
    /// The file is being read.
    Running,
    /// The panel shows the rows.
    Done,
    /// The panel shows what it showed before.
    Failed,
}

/// Why an import failed.
#[derive(serde::Serialize, ToSchema)]
pub struct ImportProblem {
    /// The error's code.
    code: String,
    /// What happened.
    detail: String,
}

/// One run of reading a file into a panel.
#[derive(serde::Serialize, ToSchema)]
#[schema(as = Import)]
pub struct ImportView {
    id: ImportId,
    panel_id: PanelId,
    /// What people call the panel.
    panel_title: String,
    mode: ImportMode,
    state: ImportStateView,
    file_name: Option<String>,
    /// Rows read.
    rows: i64,
    /// Lines that could not be read; those that are kept can be downloaded.
    bad_lines: i64,
    /// How many of these lines are kept: the first 50,000, or fewer where they are long.
    bad_lines_kept: i64,
    /// Keys of a file of JSON objects that went into no column: the first 20 of them, cut after 128 characters.
    unknown_keys: Vec<String>,
    /// Bytes read.
    bytes: i64,
    /// Bytes of the whole file, while it is read and where the sender told it.
    bytes_expected: Option<i64>,
    /// The panel's version that holds the rows, once it is done.
    version: Option<i64>,
    problem: Option<ImportProblem>,
    started_by: UserId,
    started_at: Timestamp,
    ended_at: Option<Timestamp>,
}

impl From<ImportStateView> for ImportState {
    fn from(state: ImportStateView) -> Self {
        match state {
            ImportStateView::Running => Self::Running,
            ImportStateView::Done => Self::Done,
            ImportStateView::Failed => Self::Failed,
        }
    }
}

impl From<Import> for ImportView {
    fn from(import: Import) -> Self {
        Self {
            id: import.id,
            panel_id: import.panel,
            panel_title: import.panel_title,
            mode: import.mode,
            state: match import.state {
                ImportState::Running => ImportStateView::Running,
                ImportState::Done => ImportStateView::Done,
                ImportState::Failed => ImportStateView::Failed,
            },
            file_name: import.file_name,
            rows: import.rows,
            bad_lines: import.bad_lines,
            bad_lines_kept: import.bad_lines_kept,
            unknown_keys: import.unknown_keys,
            bytes: import.bytes,
            bytes_expected: import.bytes_expected,
            version: import.version,
            problem: import.interruption.map(|why| ImportProblem { code: why.code, detail: why.detail }),
            started_by: import.started_by,
            started_at: import.started_at,
            ended_at: import.ended_at,
        }
    }
}

fn json<T: serde::de::DeserializeOwned>(name: &str, text: &str) -> Result<T> {
    serde_json::from_str(text)
        .map_err(|e| codes::QUERY_MALFORMED.error(format!("{name}: {e}")).at(name, e.to_string()))
}

/// Why a file did not come whole: too large and too slow are the front door's to tell.
fn broken(error: &axum::Error) -> wh_base::Error {
    let told = wh_server::edge::body_error(error);
    if told.is(&wh_server::edge::codes::BODY_BROKEN) {
        return codes::UPLOAD_BROKEN.error("the connection ended before the file did");
    }
    told
}

/// Look at the first bytes of a file: how it would be read, and its first rows read that way
#[utoipa::path(post, path = "/v1/panels/preview", tag = "panels", params(ImportPreviewQuery),
    request_body(content((Vec<u8> = "application/octet-stream"), (String = "text/csv"),
        (String = "text/tab-separated-values"), (String = "application/x-ndjson")),
        description = "The first bytes of the file, at most 4 MiB"),
    responses((status = 200, body = Detected)))]
pub async fn import_preview(
    Extension(datasets): Extension<Datasets>,
    Caller(actor): Caller,
    Query(query): Query<ImportPreviewQuery>,
    body: Body,
) -> Answer<Json<Detected>> {
    let hints =
        query.hints.as_deref().map(|text| json::<ReadHints>("hints", text)).transpose()?.unwrap_or_default();
    let sample = axum::body::to_bytes(body, SAMPLE_BYTES_MAX).await.map_err(|e| broken(&e))?;
    Ok(Json(service::import_preview(&datasets, &actor, sample, query.file_name, hints).await?))
}

/// What an import needs of the house.
type House = (State<Context>, Extension<Datasets>, Extension<Hub>, Extension<Running>);

/// Import a file into a panel: the body is the file, of any size
#[utoipa::path(post, path = "/v1/panels/{id}/imports", tag = "panels",
    params(("id" = PanelId, Path, description = "The panel"), ImportCreateQuery),
    request_body(content((Vec<u8> = "application/octet-stream"), (String = "text/csv"),
        (String = "text/tab-separated-values"), (String = "application/x-ndjson")), description = "The file"),
    responses((status = 201, body = ImportView)))]
pub async fn import_create(
    house: House,
    Caller(actor): Caller,
    Path(panel): Path<PanelId>,
    Query(query): Query<ImportCreateQuery>,
    headers: HeaderMap,
    body: Body,
) -> Answer<(StatusCode, Json<ImportView>)> {
    let options = query.options.as_deref().map(|text| json::<ReadOptions>("options", text)).transpose()?;
    let bytes_expected = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    let request =
        ImportRequest { panel, mode: query.mode, file_name: query.file_name, options, bytes_expected };
    let (State(cx), Extension(datasets), Extension(hub), Extension(running)) = house;
    let house = Workplace { cx, datasets, hub, running };
    let stream = body.into_data_stream().map(|piece| piece.map_err(|e| broken(&e)));
    // A task of its own: when the client goes away, the record of the import must still be ended.
    let run = async move { Box::pin(service::import_run(&house, &actor, request, stream)).await };
    let task = tokio::spawn(Served::current().within(run));
    let import = task.await.map_err(|e| wh_base::codes::INTERNAL.caused("the import stopped", e))??;
    Ok((StatusCode::CREATED, Json(import.into())))
}

/// List the imports of a panel, the newest first
#[utoipa::path(get, path = "/v1/panels/{id}/imports", tag = "panels",
    params(("id" = PanelId, Path, description = "The panel"), Page),
    responses((status = 200, body = PageOf<ImportView>)))]
pub async fn import_list(
    State(cx): State<Context>,
    Extension(running): Extension<Running>,
    Caller(actor): Caller,
    Path(panel): Path<PanelId>,
    Query(page): Query<Page>,
) -> Answer<Json<PageOf<ImportView>>> {
    let (before, limit) = (page.after("import_list")?, page.limit()?);
    let imports = service::import_list(&cx, &running, &actor, panel, before, limit).await?;
    Ok(Json(imports.map(ImportView::from)))
}

/// Get an import
#[utoipa::path(get, path = "/v1/panels/{id}/imports/{import_id}", tag = "panels",
    params(("id" = PanelId, Path, description = "The panel"),
        ("import_id" = ImportId, Path, description = "The import")), responses((status = 200, body = ImportView)))]
pub async fn import_get(
    State(cx): State<Context>,
    Extension(running): Extension<Running>,
    Caller(actor): Caller,
    Path((panel, id)): Path<(PanelId, ImportId)>,
) -> Answer<Json<ImportView>> {
    Ok(Json(service::import_get(&cx, &running, &actor, panel, id).await?.into()))
}

/// List the imports of all panels, the newest first
#[utoipa::path(get, path = "/v1/panels/imports", tag = "panels", params(ImportRecentQuery),
    responses((status = 200, body = PageOf<ImportView>)))]
pub async fn import_recent(
    State(cx): State<Context>,
    Extension(running): Extension<Running>,
    Caller(actor): Caller,
    Query(query): Query<ImportRecentQuery>,
) -> Answer<Json<PageOf<ImportView>>> {
    let page = Page { cursor: query.cursor, limit: query.limit };
    let (before, limit) = (page.after("import_recent")?, page.limit()?);
    let state = query.state.map(ImportState::from);
    let imports = service::import_recent(&cx, &running, &actor, state, before, limit).await?;
    Ok(Json(imports.map(ImportView::from)))
}

/// Stop an import that runs: the panel keeps showing what it showed before
#[utoipa::path(post, path = "/v1/panels/{id}/imports/{import_id}/stop", tag = "panels",
    params(("id" = PanelId, Path, description = "The panel"),
        ("import_id" = ImportId, Path, description = "The import")), responses((status = 200, body = ImportView)))]
pub async fn import_stop(
    State(cx): State<Context>,
    Extension(running): Extension<Running>,
    Caller(actor): Caller,
    Path((panel, id)): Path<(PanelId, ImportId)>,
) -> Answer<Json<ImportView>> {
    Ok(Json(service::import_stop(&cx, &running, &actor, panel, id).await?.into()))
}

/// Download the lines of a file that could not be read, as CSV with line number, column, reason and text
#[utoipa::path(get, path = "/v1/panels/{id}/imports/{import_id}/bad-lines", tag = "panels",
    params(("id" = PanelId, Path, description = "The panel"),
        ("import_id" = ImportId, Path, description = "The import")),
    responses((status = 200, content_type = "text/csv", body = String)))]
pub async fn import_bad_lines(
    State(cx): State<Context>,
    Extension(datasets): Extension<Datasets>,
    Caller(actor): Caller,
    Path((panel, id)): Path<(PanelId, ImportId)>,
) -> Answer<Response> {
    let csv = service::bad_lines(&cx, &datasets, &actor, panel, id).await?;
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8")),
        (CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"bad-lines.csv\"")),
    ];
    Ok((headers, csv).into_response())
}
