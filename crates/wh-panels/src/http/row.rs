//! The rows of a panel: a window onto its filtered, sorted view, written by the dataset engine.
use axum::Extension;
use axum::extract::State;
use axum::http::header::{CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use utoipa::ToSchema;
use wh_base::{ErrorCode, Result};
use wh_contract::PanelId;
use wh_dataset::{Datasets, Filter, SortKey, ViewQuery};
use wh_db::Context;
use wh_server::{Answer, Caller, Path, Query};

use crate::{codes, service};

/// Rows of a window when nothing is asked for.
const WINDOW_ROWS_DEFAULT: u32 = 50;

/// What the use case may answer with.
pub const ERRORS: &[&ErrorCode] = &[
    &codes::NOT_FOUND,
    &codes::QUERY_MALFORMED,
    &wh_dataset::codes::COLUMN_UNKNOWN,
    &wh_dataset::codes::FILTER,
    &wh_dataset::codes::FILTER_LIMIT,
    &wh_dataset::codes::FILTER_OP,
    &wh_dataset::codes::FILTER_VALUE,
    &wh_dataset::codes::LOAD_STOPPED,
    &wh_dataset::codes::MEMORY,
    &wh_dataset::codes::MEMORY_BUSY,
    &wh_dataset::codes::NOT_FOUND,
    &wh_dataset::codes::SEARCH,
    &wh_dataset::codes::SEGMENT,
    &wh_dataset::codes::SORT,
    &wh_dataset::codes::STORE,
    &wh_dataset::codes::VERSION_GONE,
    &wh_dataset::codes::VIEWS_BUSY,
    &wh_dataset::codes::WINDOW,
];

/// What to show of a panel.
#[derive(serde::Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RowListQuery {
    /// A filter as JSON, see "Filters and sorting" in the manual's page on panels and the schema `DatasetFilter`: `{"column":"carrier","op":"eq","value":"UA"}`, or `{"all":[…]}` and `{"any":[…]}` of such
    #[param(max_length = 8192, example = r#"{"column":"carrier","op":"eq","value":"UA"}"#)]
    filter: Option<String>,
    /// Columns to sort by, `-` for descending: `-dep_delay,carrier`; a comma in a name is `\,`, a backslash `\\`, a leading minus `\-`. Or a JSON list of the schema `DatasetSortKey`
    #[param(max_length = 2048, example = "-dep_delay,carrier")]
    sort: Option<String>,
    /// Only rows with this text in one of their text columns, whatever the case
    #[param(max_length = 256, example = "ua")]
    q: Option<String>,
    /// Columns to show, in this order: `carrier,flight`; or a JSON list of names
    #[param(max_length = 8192, example = "carrier,dep_delay")]
    columns: Option<String>,
    /// Rows of the view before the window
    #[param(minimum = 0, default = 0)]
    offset: Option<u64>,
    /// Rows of the window
    #[param(minimum = 1, maximum = 1000, default = 50)]
    limit: Option<u32>,
}

/// A window onto a view: `rows` holds one list of cells per row, in the order of `columns`.
#[derive(serde::Serialize, ToSchema)]
pub struct RowWindow {
    /// The version of the rows.
    version: i64,
    /// Rows that the filter and search let through.
    count: u64,
    /// Rows of the panel.
    total: u64,
    /// Rows of the view before the window.
    offset: u64,
    columns: Vec<String>,
    /// Cells: text, number, true or false, or null; days as `2013-01-31`, moments in RFC 3339.
    rows: Vec<Vec<serde_json::Value>>,
}

fn json<T: serde::de::DeserializeOwned>(name: &str, text: &str) -> Result<T> {
    serde_json::from_str(text)
        .map_err(|e| codes::QUERY_MALFORMED.error(format!("{name}: {e}")).at(name, e.to_string()))
}

fn sort_keys(text: &str) -> Result<Vec<SortKey>> {
    if text.trim_start().starts_with('[') { json("sort", text) } else { SortKey::parse_list(text) }
}

fn column_names(text: &str) -> Result<Vec<String>> {
    if text.trim_start().starts_with('[') {
        return json("columns", text);
    }
    Ok(text.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect())
}

fn view_query(query: &RowListQuery) -> Result<ViewQuery> {
    if query.limit == Some(0) {
        return Err(wh_dataset::codes::WINDOW
            .error("a window has at least one row")
            .at("limit", "at least 1"));
    }
    Ok(ViewQuery {
        filter: query.filter.as_deref().filter(|text| !text.is_empty()).map(Filter::parse).transpose()?,
        sort: query.sort.as_deref().map(sort_keys).transpose()?.unwrap_or_default(),
        search: query.q.clone().filter(|text| !text.is_empty()),
        columns: query.columns.as_deref().map(column_names).transpose()?,
        offset: query.offset.unwrap_or(0),
        limit: query.limit.unwrap_or(WINDOW_ROWS_DEFAULT),
    })
}

/// The same version and the same question have the same answer.
fn etag(version: i64, uri: &Uri) -> String {
    use std::hash::{Hash, Hasher};
    let mut hasher = std::hash::DefaultHasher::new();
    uri.path_and_query().map(http::uri::PathAndQuery::as_str).hash(&mut hasher);
    format!("\"{version:x}-{:016x}\"", hasher.finish())
}

fn json_answer(tag: &str, body: impl Into<axum::body::Body>) -> Response {
    let mut answer = Response::new(body.into());
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Ok(tag) = HeaderValue::from_str(tag) {
        answer.headers_mut().insert(ETAG, tag);
    }
    answer
}

/// Get a window of a panel's rows, filtered, searched and sorted, with exact counts
#[utoipa::path(get, path = "/v1/panels/{id}/rows", tag = "panels",
    params(("id" = PanelId, Path, description = "The panel"), RowListQuery),
    responses((status = 200, body = RowWindow), (status = 304, description = "as `If-None-Match` says")))]
pub async fn row_list(
    State(cx): State<Context>,
    Extension(datasets): Extension<Datasets>,
    Caller(actor): Caller,
    Path(id): Path<PanelId>,
    Query(query): Query<RowListQuery>,
    uri: Uri,
    headers: HeaderMap,
) -> Answer<Response> {
    let question = view_query(&query)?;
    let view = service::view_open(&cx, &datasets, &actor, id).await?;
    let tag = etag(view.version, &uri);
    if headers.get(IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
        return Ok((StatusCode::NOT_MODIFIED, [(ETAG, tag)]).into_response());
    }
    match view.handle {
        None => {
            let empty = serde_json::json!({ "version": 0, "count": 0, "total": 0, "offset": 0, "columns": [], "rows": [] });
            Ok(json_answer(&tag, empty.to_string()))
        }
        Some(handle) => Ok(json_answer(&tag, datasets.view(&handle, &question).await?.json)),
    }
}
