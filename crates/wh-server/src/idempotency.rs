//! `Idempotency-Key` (draft 07): the same change with the same key is done once. Kept by the database, per tenant and caller.
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use http_body::Body as _;
use http_body_util::BodyExt;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use wh_base::{Actor, Error, Result, Served};
use wh_db::{Context, Idempotent, IdempotentRun, RunEnd, StoredAnswer};

use crate::codes;
use crate::problem::Refusal;
use crate::registry::Plan;
use crate::registry::replay::{self, Call};

/// The header.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Characters of a key.
const KEY_LENGTH_MAX: usize = 128;
/// Bytes of an answer that is kept; a larger one is given once and not again.
const KEPT_BODY_BYTES_MAX: u64 = 256 * 1024;
/// In place of a status: it was done, and its answer was not kept.
const NOT_KEPT: u16 = 0;
/// A change is there a moment before its answer is kept: a repeat that comes in between looks so often,
const LOOKS_MAX: u32 = 10;
/// with such pauses.
const LOOK_PAUSE: Duration = Duration::from_millis(50);
/// What is kept of an answer's head.
const KEPT_HEADERS: [HeaderName; 3] = [header::CONTENT_TYPE, header::LOCATION, header::ETAG];

/// The request's key: a structured string, `"…"`. None when the header is absent.
pub(crate) fn key(headers: &HeaderMap) -> Result<Option<String>> {
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let refused = |why: &str| codes::IDEMPOTENCY_KEY.error(why.to_owned()).at("Idempotency-Key", why);
    if values.next().is_some() {
        return Err(refused("the header stands twice"));
    }
    let inner = value.to_str().ok().and_then(|text| text.strip_prefix('"')?.strip_suffix('"'));
    let inner = inner.ok_or_else(|| refused("not a quoted string"))?;
    let plain = |c: char| matches!(c, '!' | '#'..='[' | ']'..='~');
    if inner.is_empty() || inner.len() > KEY_LENGTH_MAX || !inner.chars().all(plain) {
        return Err(refused("not 1 to 128 printable ASCII characters without quotes and backslashes"));
    }
    Ok(Some(inner.to_owned()))
}

/// Do the change, unless it was done with this key. For a task that goes on without its client: a key that was taken needs
/// somebody who makes the change or gives the key free.
pub(crate) async fn once(
    plan: &Plan,
    cx: &Context,
    actor: &Actor,
    key: &str,
    call: Call,
) -> Result<Response> {
    // Two keys of one person are two programs, which know nothing of one another.
    let by = actor.key().map(|grant| format!("/{}", grant.key)).unwrap_or_default();
    let scope = format!("{}{by}/{}/{key}", actor.user, plan.id);
    let print = fingerprint(&call.parts, &call.body);
    let mut looks = 0;
    loop {
        return match cx.db.idempotency_begin(actor.tenant, &scope, &print).await? {
            Idempotent::Running => Err(codes::IDEMPOTENCY_RUNNING
                .error("the first request with this key has not ended")
                .retry_after(1)),
            Idempotent::Mismatch => Err(codes::IDEMPOTENCY_MISMATCH
                .error("the key was used for a request with another address or body")),
            Idempotent::Unanswered if looks < LOOKS_MAX => {
                looks += 1;
                tokio::time::sleep(LOOK_PAUSE).await;
                continue;
            }
            Idempotent::Unanswered => {
                Err(codes::IDEMPOTENCY_NOT_KEPT.error("the change was made, and its answer was lost"))
            }
            Idempotent::Replay(answer) => kept(answer),
            Idempotent::Fresh(run) => first(cx, run, call).await,
        };
    }
}

async fn first(cx: &Context, run: IdempotentRun, call: Call) -> Result<Response> {
    // A handler that panics leaves no key behind: its transaction was rolled back.
    let own = run.clone();
    let work = async move { own.within(replay::run(call)).await };
    let refused = match tokio::spawn(Served::current().within(work)).await {
        Ok(response) if response.status().is_success() => return keep(cx, run, response).await,
        Ok(response) => Ok(response),
        Err(panic) => Err(stopped(panic)),
    };
    let is_unknown = refused.as_ref().is_ok_and(is_unknown);
    match cx.db.idempotency_forget(&run).await {
        Ok(RunEnd::NothingDone) if is_unknown => Err(wh_db::codes::AWAY
            .error("the database was lost while it committed the change, which was not made")
            .retry_after(1)),
        Ok(RunEnd::Done) if is_unknown => {
            Err(codes::IDEMPOTENCY_NOT_KEPT
                .error("the change was made; the database was lost before it said so"))
        }
        Ok(_) => refused,
        Err(error) => {
            // What was refused is what its client must hear. The key is free later, or done: its record knows which.
            tracing::error!(?error, "an Idempotency-Key without an answer was not given free");
            refused
        }
    }
}

/// Whether the change may have been made although it was refused.
fn is_unknown(refused: &Response) -> bool {
    let refusal = refused.extensions().get::<Refusal>();
    refusal.is_some_and(|refusal| refusal.error.is(&wh_db::codes::COMMIT_UNKNOWN))
}

/// What ran was stopped, or panicked.
pub(crate) fn stopped(error: tokio::task::JoinError) -> Error {
    wh_base::codes::INTERNAL.caused("the handler stopped in the middle", error)
}

#[derive(Serialize, Deserialize)]
struct KeptHeaders(Vec<(String, String)>);

/// Store the answer, or, where it is large or has no known end, only that there was one.
async fn keep(cx: &Context, run: IdempotentRun, response: Response) -> Result<Response> {
    let (head, body) = response.into_parts();
    let small = body.size_hint().upper().is_some_and(|bytes| bytes <= KEPT_BODY_BYTES_MAX);
    let mut answer = StoredAnswer { status: NOT_KEPT, headers_json: "[]".to_owned(), body: Vec::new() };
    let body = if small {
        let collected = body.collect().await;
        let bytes =
            collected.map_err(|e| wh_base::codes::INTERNAL.caused("an answer broke off", e))?.to_bytes();
        let headers = KEPT_HEADERS
            .iter()
            .filter_map(|name| Some((name.to_string(), head.headers.get(name)?.to_str().ok()?.to_owned())))
            .collect();
        answer = StoredAnswer {
            status: head.status.as_u16(),
            headers_json: serde_json::to_string(&KeptHeaders(headers)).unwrap_or_default(),
            body: bytes.to_vec(),
        };
        Body::from(bytes)
    } else {
        body
    };
    if let Err(error) = cx.db.idempotency_finish(run, &answer).await {
        // The change is done and committed: its answer counts. A second request is told that it is done.
        tracing::error!(?error, "an answer could not be kept for its Idempotency-Key");
    }
    Ok(Response::from_parts(head, body))
}

/// The answer of the first time.
fn kept(answer: StoredAnswer) -> Result<Response> {
    if answer.status == NOT_KEPT {
        return Err(codes::IDEMPOTENCY_NOT_KEPT.error("the change was made the first time"));
    }
    let damaged = |e: &(dyn std::error::Error + 'static)| {
        wh_base::codes::INTERNAL.caused("a kept answer is damaged", e.to_string())
    };
    let headers: KeptHeaders = serde_json::from_str(&answer.headers_json).map_err(|e| damaged(&e))?;
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = StatusCode::from_u16(answer.status).map_err(|e| damaged(&e))?;
    for (name, value) in headers.0 {
        let name = HeaderName::try_from(name).map_err(|e| damaged(&e))?;
        response.headers_mut().insert(name, HeaderValue::try_from(value).map_err(|e| damaged(&e))?);
    }
    Ok(response)
}

/// What makes two requests the same: address, content type and body.
fn fingerprint(parts: &Parts, body: &[u8]) -> [u8; 32] {
    let media = parts.headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    let mut hash = Sha256::new();
    for part in [parts.uri.to_string().as_bytes(), media, body] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}
