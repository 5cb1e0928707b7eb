//! Panels themselves: list, create, get, rename, delete.
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use utoipa::ToSchema;
use wh_base::{Result, Timestamp};
use wh_contract::PanelId;
use wh_dataset::{Column, Datasets};
use wh_db::Context;
use wh_server::{Answer, Caller, Json, Page, PageOf, Path, Query};

use crate::model::Panel;
use crate::service;

/// A panel to be.
#[derive(serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PanelCreate {
    /// What people will call it.
    #[schema(min_length = 1, max_length = 80, pattern = r"\S", examples("Flights"))]
    title: String,
}

/// What changes.
#[derive(serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PanelUpdate {
    /// What people will call it.
    #[schema(min_length = 1, max_length = 80, pattern = r"\S", examples("Flights"))]
    title: String,
}

/// A live table.
#[derive(serde::Serialize, ToSchema)]
#[schema(as = Panel)]
pub struct PanelView {
    id: PanelId,
    title: String,
    /// Rises with every import; 0 before the first.
    version: i64,
    /// Rows it holds.
    rows: i64,
    columns: Vec<Column>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// Which panels to list.
#[derive(serde::Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PanelListQuery {
    /// Only titles that hold this text, whatever the case
    #[param(max_length = 80, example = "flights")]
    q: Option<String>,
    /// Where to go on: `next_cursor` of the page before
    #[param(min_length = 1, max_length = 1024)]
    cursor: Option<String>,
    /// Rows per page
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
}

fn view(panel: Panel) -> Result<PanelView> {
    let columns = serde_json::from_value(panel.shows.columns)
        .map_err(|e| wh_base::codes::INTERNAL.caused("stored columns cannot be read", e))?;
    Ok(PanelView {
        id: panel.id,
        title: panel.title.as_str().to_owned(),
        version: panel.shows.version,
        rows: panel.shows.rows,
        columns,
        created_at: panel.created_at,
        updated_at: panel.updated_at,
    })
}

/// List panels by title
#[utoipa::path(get, path = "/v1/panels", tag = "panels", params(PanelListQuery),
    responses((status = 200, body = PageOf<PanelView>)))]
pub async fn panel_list(
    State(cx): State<Context>,
    Caller(actor): Caller,
    Query(query): Query<PanelListQuery>,
) -> Answer<Json<PageOf<PanelView>>> {
    let page = Page { cursor: query.cursor, limit: query.limit };
    let (after, limit) = (page.after(service::PANEL_LIST)?, page.limit()?);
    let panels = service::panel_list(&cx, &actor, query.q.as_deref(), after, limit).await?;
    let next_cursor = panels.next_cursor;
    let items = panels.items.into_iter().map(view).collect::<Result<_>>()?;
    Ok(Json(PageOf { items, next_cursor }))
}

/// Create an empty panel
#[utoipa::path(post, path = "/v1/panels", tag = "panels", request_body = PanelCreate,
    responses((status = 201, body = PanelView)))]
pub async fn panel_create(
    State(cx): State<Context>,
    Extension(datasets): Extension<Datasets>,
    Caller(actor): Caller,
    Json(body): Json<PanelCreate>,
) -> Answer<(StatusCode, Json<PanelView>)> {
    let panel = service::panel_create(&cx, &datasets, &actor, &body.title).await?;
    Ok((StatusCode::CREATED, Json(view(panel)?)))
}

/// Get a panel
#[utoipa::path(get, path = "/v1/panels/{id}", tag = "panels",
    params(("id" = PanelId, Path, description = "The panel")),
    responses((status = 200, body = PanelView)))]
pub async fn panel_get(
    State(cx): State<Context>,
    Caller(actor): Caller,
    Path(id): Path<PanelId>,
) -> Answer<Json<PanelView>> {
    Ok(Json(view(service::panel_get(&cx, &actor, id).await?)?))
}

/// Rename a panel
#[utoipa::path(patch, path = "/v1/panels/{id}", tag = "panels",
    params(("id" = PanelId, Path, description = "The panel")),
    request_body = PanelUpdate, responses((status = 200, body = PanelView)))]
pub async fn panel_update(
    State(cx): State<Context>,
    Caller(actor): Caller,
    Path(id): Path<PanelId>,
    Json(body): Json<PanelUpdate>,
) -> Answer<Json<PanelView>> {
    Ok(Json(view(service::panel_update(&cx, &actor, id, &body.title).await?)?))
}

/// Delete a panel with its rows and its imports
#[utoipa::path(delete, path = "/v1/panels/{id}", tag = "panels",
    params(("id" = PanelId, Path, description = "The panel")),
    responses((status = 204)))]
pub async fn panel_delete(
    State(cx): State<Context>,
    Extension(datasets): Extension<Datasets>,
    Caller(actor): Caller,
    Path(id): Path<PanelId>,
) -> Answer<StatusCode> {
    service::panel_delete(&cx, &datasets, &actor, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
