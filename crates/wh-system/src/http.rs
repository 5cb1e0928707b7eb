//! `/v1/system`. Translates HTTP to calls and back; decides nothing.
mod views;

use axum::Extension;
use axum::extract::State;
use http::StatusCode;
use utoipa_axum::routes;
use wh_contract::{EventId, SYSTEM_READ, SYSTEM_WRITE, TenantId, USAGE_READ};
use wh_db::Context;
use wh_server::{Answer, Caller, Json, Op, Page, PageOf, Path, Query, Registry};

use crate::{System, codes, service};
use views::{
    BackupStateView, CompanyLimitsSet, CompanyLimitsView, CompanyUsageView, LogLevelSet, LogLevelView,
    NodeView, ParkedRetriedView, ParkedRetryAll, ParkedView, QueueView, SlowStatementsView, Whole, whole,
};

/// Declare the operations of the operator's view.
pub fn operations(registry: &mut Registry) {
    registry.op(routes!(node_list), Op::read(SYSTEM_READ));
    registry.op(routes!(backup_state_get), Op::read(SYSTEM_READ));
    registry.op(routes!(slow_statement_list), Op::read(SYSTEM_READ));
    registry.op(routes!(queue_list), Op::read(SYSTEM_READ));
    registry.op(routes!(parked_list), Op::read(SYSTEM_READ));
    registry.op(routes!(parked_retry), Op::change(SYSTEM_WRITE).errors(&[&codes::PARKED_NOT_FOUND]));
    let all = Op::change(SYSTEM_WRITE).errors(&[&codes::REACTION_NOT_PARKED]);
    registry.op(routes!(parked_retry_all), all);
    // The operator's company may be limited too: seeing and lifting a limit is not what the limit stops.
    registry.op(routes!(company_usage_list), Op::read(SYSTEM_READ).beside_company_limit());
    let get = Op::read(SYSTEM_READ).errors(&[&codes::COMPANY_NOT_FOUND]).beside_company_limit();
    registry.op(routes!(company_limits_get), get);
    let set = Op::change(SYSTEM_WRITE).errors(&[&codes::COMPANY_NOT_FOUND, &codes::LIMITS]);
    registry.op(routes!(company_limits_set), set.beside_company_limit());
    let delete = Op::change(SYSTEM_WRITE).errors(&[&codes::COMPANY_NOT_FOUND]);
    registry.op(routes!(company_limits_delete), delete.beside_company_limit());
    registry.op(routes!(company_usage_get), Op::read(USAGE_READ).errors(&[&codes::COMPANY_NOT_FOUND]));
    registry.op(routes!(log_level_get), Op::read(SYSTEM_READ));
    registry.op(routes!(log_level_set), Op::change(SYSTEM_WRITE).errors(&[&codes::LOG_LEVELS]));
}

/// The processes that serve the installation
///
/// The one that answers is marked and comes first. The others are shown as they last told of themselves, which each does every
/// 10 seconds; one that was not heard of for more than 30 seconds is `silent`, and left out after a day. One that is stopped is left out at
/// once, and so is one whose successor started in the same data folder. With the embedded database there is one process only.
#[utoipa::path(get, path = "/v1/system/nodes", responses((status = 200, body = Whole<NodeView>)))]
async fn node_list(
    cx: State<Context>,
    system: Extension<System>,
    _: Caller,
) -> Answer<Json<Whole<NodeView>>> {
    Ok(Json(whole(service::node_list(&cx, &system).await?)))
}

/// How the backups of the installation stand
///
/// Up to which moment everything is kept, and which restore was proven last.
#[utoipa::path(get, path = "/v1/system/backups", responses((status = 200, body = BackupStateView)))]
async fn backup_state_get(system: Extension<System>, _: Caller) -> Answer<Json<BackupStateView>> {
    Ok(Json(service::backup_state(&system).await?.into()))
}

/// The statements that were slow since the start of the node that answers
///
/// The most time in all first; `node` says which node it is. Only texts and times: the values are not kept.
#[utoipa::path(get, path = "/v1/system/statements", responses((status = 200, body = SlowStatementsView)))]
async fn slow_statement_list(
    cx: State<Context>,
    system: Extension<System>,
    _: Caller,
) -> Json<SlowStatementsView> {
    Json(SlowStatementsView::of(system.name(), service::slow_statement_list(&cx)))
}

/// The queues: what waits, what was put aside
#[utoipa::path(get, path = "/v1/system/queues", responses((status = 200, body = Whole<QueueView>)))]
async fn queue_list(system: Extension<System>, _: Caller) -> Answer<Json<Whole<QueueView>>> {
    Ok(Json(whole(service::queue_list(&system).await?)))
}

/// Events that a reaction failed on until they were put aside
///
/// The oldest first.
#[utoipa::path(get, path = "/v1/system/parked", params(Page),
    responses((status = 200, body = PageOf<ParkedView>)))]
async fn parked_list(
    system: Extension<System>,
    _: Caller,
    Query(page): Query<Page>,
) -> Answer<Json<PageOf<ParkedView>>> {
    let (after, limit) = (page.after::<(i64, String)>("parked_list")?, page.limit()?);
    let parked = service::parked_list(&system, after, limit + 1).await?;
    let page = PageOf::new("parked_list", parked, limit, |one| (one.ordinal, one.reaction.clone()))?;
    Ok(Json(page.map(ParkedView::from)))
}

/// Try a parked event again
///
/// Once its cause is repaired. It goes back into the queue of every reaction that gave it up.
#[utoipa::path(post, path = "/v1/system/parked/{event_id}/retry",
    params(("event_id" = EventId, Path, description = "The event")), responses((status = 204)))]
async fn parked_retry(
    system: Extension<System>,
    caller: Caller,
    Path(event): Path<EventId>,
) -> Answer<StatusCode> {
    service::parked_retry(&system, &caller, event).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Try all parked events of a reaction again
///
/// Once their cause is repaired: one cause parks many. At most 10,000 at once, the oldest first; the answer says how many are left.
#[utoipa::path(post, path = "/v1/system/parked/retry", request_body = ParkedRetryAll,
    responses((status = 200, body = ParkedRetriedView)))]
async fn parked_retry_all(
    system: Extension<System>,
    caller: Caller,
    Json(body): Json<ParkedRetryAll>,
) -> Answer<Json<ParkedRetriedView>> {
    Ok(Json(service::parked_retry_all(&system, &caller, &body.reaction).await?.into()))
}

/// The companies, what they use and what they may use
#[utoipa::path(get, path = "/v1/system/companies", params(Page),
    responses((status = 200, body = PageOf<CompanyUsageView>)))]
async fn company_usage_list(
    system: Extension<System>,
    _: Caller,
    Query(page): Query<Page>,
) -> Answer<Json<PageOf<CompanyUsageView>>> {
    let (after, limit) = (page.after::<TenantId>("company_usage_list")?, page.limit()?);
    let companies = service::company_usage_list(&system, after, limit + 1).await?;
    let page = PageOf::new("company_usage_list", companies, limit, |one| one.company.id)?;
    Ok(Json(page.map(CompanyUsageView::from)))
}

/// The limits that the operator set for a company
///
/// One that is absent is not set: then the limit of every company counts, where there is one.
#[utoipa::path(get, path = "/v1/system/companies/{company_id}/limits",
    params(("company_id" = TenantId, Path, description = "The company")),
    responses((status = 200, body = CompanyLimitsView)))]
async fn company_limits_get(
    system: Extension<System>,
    _: Caller,
    Path(company): Path<TenantId>,
) -> Answer<Json<CompanyLimitsView>> {
    Ok(Json(service::company_limits_get(&system, company).await?.into()))
}

/// Set the limits of a company, all of them at once
///
/// Replaces what was set before: a limit that is not named is removed, so name those that shall stay as well. They count in place
/// of those of every company (`[system]` in the configuration), also where they allow more, from the next request on, at further
/// processes within five seconds. What the company has already stays, also where it is more.
#[utoipa::path(put, path = "/v1/system/companies/{company_id}/limits", request_body = CompanyLimitsSet,
    params(("company_id" = TenantId, Path, description = "The company")),
    responses((status = 200, body = CompanyLimitsView)))]
async fn company_limits_set(
    cx: State<Context>,
    system: Extension<System>,
    caller: Caller,
    Path(company): Path<TenantId>,
    Json(body): Json<CompanyLimitsSet>,
) -> Answer<Json<CompanyLimitsView>> {
    let limits = service::company_limits_set(&cx, &system, &caller, company, body.into()).await?;
    Ok(Json(limits.into()))
}

/// Remove the limits of a company
///
/// Those of every company count again.
#[utoipa::path(delete, path = "/v1/system/companies/{company_id}/limits",
    params(("company_id" = TenantId, Path, description = "The company")), responses((status = 204)))]
async fn company_limits_delete(
    cx: State<Context>,
    system: Extension<System>,
    caller: Caller,
    Path(company): Path<TenantId>,
) -> Answer<StatusCode> {
    service::company_limits_delete(&cx, &system, &caller, company).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What one's own company uses, and what it may use
///
/// The limits are set by the operator of the installation.
#[utoipa::path(get, path = "/v1/system/usage", responses((status = 200, body = CompanyUsageView)))]
async fn company_usage_get(
    cx: State<Context>,
    system: Extension<System>,
    caller: Caller,
) -> Answer<Json<CompanyUsageView>> {
    Ok(Json(service::company_usage_get(&cx, &system, &caller).await?.into()))
}

/// The levels of the log of the node that answers
///
/// `node` says which it is.
#[utoipa::path(get, path = "/v1/system/log-level", responses((status = 200, body = LogLevelView)))]
async fn log_level_get(system: Extension<System>, _: Caller) -> Json<LogLevelView> {
    Json(LogLevelView { levels: service::log_levels(&system), node: system.name() })
}

/// Change the levels of the log of the node that answers
///
/// Until its end, the next change, or SIGHUP, which reads the configuration again. `node` says which it was; the others stay as they are.
#[utoipa::path(put, path = "/v1/system/log-level", request_body = LogLevelSet,
    responses((status = 200, body = LogLevelView)))]
async fn log_level_set(
    cx: State<Context>,
    system: Extension<System>,
    caller: Caller,
    Json(body): Json<LogLevelSet>,
) -> Answer<Json<LogLevelView>> {
    service::log_levels_set(&cx, &system, &caller, &body.levels).await?;
    Ok(Json(LogLevelView { levels: service::log_levels(&system), node: system.name() }))
}
