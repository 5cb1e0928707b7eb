//! What stands before every handler: who calls, whether they may, known query parameters, the body's limit, replay.
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header;
use http::request::Parts;
use http_body_util::BodyExt;
use url::form_urlencoded;
use wh_base::{Actor, Error, Origin, Result, Served};
use wh_contract::Permission;
use wh_db::Context;

use super::op::{Access, By, Counted, Intake, Keyed, Plan, Risk};
use super::replay::{self, Call};
use crate::edge::{self, Visit};
use crate::extract::is_json;
use crate::limit::{Overload, Rates, Turn};
use crate::problem::Refusal;
use crate::serve::Sockets;
use crate::{Authenticator, Caller, Problem, SessionCookie, bearer, codes, idempotency};

/// What all guards share; the application puts it into each request's extensions.
pub(crate) struct Door {
    /// Knows sessions and keys.
    pub(crate) authenticator: Arc<dyn Authenticator>,
    /// Where the token is.
    pub(crate) cookie: SessionCookie,
    /// For the records of idempotency.
    pub(crate) context: Context,
    /// Runs what must not end with its client.
    pub(crate) sockets: Sockets,
    /// The read permissions of the areas that have live topics.
    pub(crate) areas: Vec<Permission>,
}

/// The operation that answered; a response extension for the log and the tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OperationId(pub &'static str);

/// Run the handler behind its declaration.
pub(super) async fn guard(State(plan): State<Arc<Plan>>, request: Request, next: Next) -> Response {
    let mut response = match pass(&plan, request, next).await {
        Ok(response) => response,
        Err(error) => Problem::from(error).into_response(),
    };
    if let Some(error) = undeclared(&plan, &response) {
        let message = format!("{} failed with {}, which it does not declare", plan.id, error.code().code);
        response = Problem::from(wh_base::codes::INTERNAL.caused(message, error)).into_response();
    }
    response.extensions_mut().insert(OperationId(plan.id_static));
    response
}

async fn pass(plan: &Arc<Plan>, request: Request, next: Next) -> Result<Response> {
    let (mut parts, body) = request.into_parts();
    let door = extension::<Arc<Door>>(&parts)?;
    let visit = extension::<Visit>(&parts)?;
    visit.at_route(&plan.route);
    if let Some(ms) = plan.op.timeout_ms {
        visit.answer_within_ms(ms);
    }
    let actor = admit(plan, &door, &mut parts, &visit).await?;
    check_address(plan, &parts)?;
    if plan.refuses_key() {
        idempotency::absent(&parts.headers, &plan.id)?;
    }
    if plan.has_body() {
        check_coding(&parts)?;
        check_media(plan, &parts)?;
    }
    if plan.op.intake == Intake::Streamed {
        visit.no_deadline();
        visit.allow_body(plan.op.body_bytes_max)?;
        edge::body_streams(&mut parts.extensions);
        return Ok(next.run(Request::from_parts(parts, body)).await);
    }
    let body = whole_body(plan, body, &visit).await?;
    // Not before the body is there: a slow client must not take a place from others.
    let turn = match (plan.class(), parts.extensions.get::<Arc<Overload>>().cloned()) {
        (Some(class), Some(overload)) => Some(overload.turn(class).await?),
        _ => None,
    };
    let call = Call { parts, body, next };
    if plan.op.risk == Risk::Read {
        let response = call.next.run(Request::from_parts(call.parts, Body::from(call.body))).await;
        return Ok(succeeding(response, turn, plan));
    }
    if let Some((actor, key)) = keyed(plan, actor, &call.parts)? {
        return once(plan, &door, actor, key, call, turn).await;
    }
    let response = replay::run(call).await;
    Ok(succeeding(response, turn, plan))
}

/// How long it took is learned where it ended well.
fn succeeding(response: Response, turn: Option<Turn>, plan: &Plan) -> Response {
    if let Some(turn) = turn.filter(|_| response.status().is_success()) {
        turn.succeeded(&plan.pace);
    }
    response
}

/// Whose key the change comes with, where the operation takes one.
fn keyed(plan: &Plan, actor: Option<Actor>, parts: &Parts) -> Result<Option<(Actor, String)>> {
    let Some(actor) = actor.filter(|_| plan.op.keyed == Keyed::Yes) else { return Ok(None) };
    Ok(idempotency::key(&parts.headers)?.map(|key| (actor, key)))
}

/// A change with a key runs to its end even when its client goes away: otherwise the key would stand for a change that nobody
/// makes. It keeps its turn until then, so that leaving does not let anybody run more at a time.
async fn once(
    plan: &Arc<Plan>,
    door: &Arc<Door>,
    actor: Actor,
    key: String,
    call: Call,
    turn: Option<Turn>,
) -> Result<Response> {
    let (plan, own) = (Arc::clone(plan), Arc::clone(door));
    let work = async move {
        let response = idempotency::once(&plan, &own.context, &actor, &key, call).await?;
        Ok(succeeding(response, turn, &plan))
    };
    let running = door.sockets.change(Served::current().within(work));
    running.await.map_err(idempotency::stopped)?
}

fn extension<T: Clone + Send + Sync + 'static>(parts: &Parts) -> Result<T> {
    parts
        .extensions
        .get::<T>()
        .cloned()
        .ok_or_else(|| codes::UNWIRED.error(format!("the request carries no {}", std::any::type_name::<T>())))
}

/// Authenticate, then hold role and scopes against the permission. An open operation looks at neither cookie nor key.
async fn admit(plan: &Plan, door: &Door, parts: &mut Parts, visit: &Visit) -> Result<Option<Actor>> {
    if plan.op.access == Access::Open {
        return Ok(None);
    }
    let origin = extension::<Origin>(parts)?;
    let actor = match bearer::token(&parts.headers)? {
        Some(token) => door.authenticator.bearer(&token, &origin).await?,
        None => {
            let nobody = || codes::UNAUTHENTICATED.error("nobody is signed in");
            let token = door.cookie.token(&parts.headers).ok_or_else(nobody)?;
            door.authenticator.actor(&token, &origin).await?.ok_or_else(nobody)?
        }
    };
    visit.acted_by(actor.user, actor.tenant);
    if let Some(grant) = actor.key() {
        visit.acted_by_key(grant.key);
    }
    if let Some(rates) = parts.extensions.get::<Arc<Rates>>().cloned() {
        rates.actor(&actor, visit.tally())?;
        let own = door.context.limits.of(actor.tenant).await?;
        match plan.op.counted {
            Counted::Company => rates.company(&actor, own, visit.tally())?,
            Counted::Apart => rates.apart(&actor, own, visit.tally())?,
        }
    }
    allow(plan, &actor)?;
    if plan.op.permission().is_some_and(|permission| permission.is_of_installation())
        && !door.authenticator.operates(&actor).await?
    {
        return Err(codes::FORBIDDEN.error(format!("{} is for the operator of the installation", plan.id)));
    }
    parts.extensions.insert(Caller(actor.clone()));
    Ok(Some(actor))
}

/// Whether this member may call this operation, by what they act with.
fn allow(plan: &Plan, actor: &Actor) -> Result<()> {
    if plan.op.by == By::Session && actor.key().is_some() {
        return Err(codes::BEARER_SESSION.error(format!("{} needs a signed-in browser", plan.id)));
    }
    let Some(permission) = plan.op.permission() else { return Ok(()) };
    if actor.role < permission.lowest_role {
        let role = actor.role.word();
        return Err(codes::FORBIDDEN
            .error(format!("{} needs {}, which {role} does not hold", plan.id, permission.name)));
    }
    if !actor.may(&permission) {
        return Err(codes::BEARER_SCOPE
            .error(format!("{} needs the scope {}, which the key does not have", plan.id, permission.name)));
    }
    Ok(())
}

/// No NUL anywhere, and no query parameter that the spec does not name, nor one twice.
fn check_address(plan: &Plan, parts: &Parts) -> Result<()> {
    let path = parts.uri.path();
    let query = parts.uri.query().unwrap_or_default();
    if path.contains("%00") || query.contains("%00") {
        return Err(codes::NUL.error("the address holds U+0000"));
    }
    if query.is_empty() {
        return Ok(());
    }
    let mut seen: Vec<String> = Vec::new();
    for (name, _) in form_urlencoded::parse(query.as_bytes()) {
        if !plan.query.contains(name.as_ref()) {
            let detail = format!("{} has no query parameter `{name}`", plan.id);
            return Err(codes::QUERY_UNKNOWN.error(detail.clone()).at(name, detail));
        }
        if seen.iter().any(|other| *other == name) {
            let detail = format!("the query parameter `{name}` stands twice");
            return Err(codes::QUERY.error(detail.clone()).at(name, detail));
        }
        seen.push(name.into_owned());
    }
    Ok(())
}

/// The body within its limit. An operation without a body does not read one.
async fn whole_body(plan: &Plan, body: Body, visit: &Visit) -> Result<Bytes> {
    if !plan.has_body() {
        return Ok(Bytes::new());
    }
    visit.allow_body(plan.op.body_bytes_max)?;
    match body.collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(e) => Err(edge::body_error(&e)),
    }
}

/// As it is: nothing unpacks bodies here, and what is packed must not be taken for the thing itself.
fn check_coding(parts: &Parts) -> Result<()> {
    let identity = |coding: &str| coding.trim().is_empty() || coding.trim().eq_ignore_ascii_case("identity");
    for value in parts.headers.get_all(header::CONTENT_ENCODING) {
        if !value.to_str().is_ok_and(|codings| codings.split(',').all(identity)) {
            return Err(codes::CONTENT_CODING.error("a body with a Content-Encoding is not unpacked"));
        }
    }
    Ok(())
}

/// Of a type that the operation takes.
fn check_media(plan: &Plan, parts: &Parts) -> Result<()> {
    let given =
        parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media = given.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let json = media == "application/json" && is_json(&parts.headers);
    if plan.media.iter().any(|taken| {
        (*taken == media && media != "application/json") || (taken == "application/json" && json)
    }) {
        return Ok(());
    }
    Err(codes::MEDIA_TYPE.error(format!("`{given}` is not {}", plan.media.join(" or "))))
}

/// The error, if the spec does not name its code for this operation. That is our fault, and told as `base.internal`: a
/// client that reads the spec could not have expected it, and what failed inside is for the log.
fn undeclared(plan: &Plan, response: &Response) -> Option<Arc<Error>> {
    let error = &response.extensions().get::<Refusal>()?.error;
    (!plan.codes.contains_key(error.code().code)).then(|| error.clone())
}
