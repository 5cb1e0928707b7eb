//! The call of the router under a deadline, with panics caught: either becomes a problem, and nothing else is lost.
use std::any::Any;
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use axum::response::Response;
use futures_util::FutureExt;
use wh_base::{Error, Result};

use super::{Visit, codes};

/// The router's answer, or why there is none.
pub(super) async fn answer(
    call: impl Future<Output = Result<Response, Infallible>>,
    visit: &Visit,
    default_timeout: Duration,
) -> Result<Response> {
    // A handler that panics is dropped as a whole: its transaction rolls back, nobody sees half of its state.
    let mut call = pin!(AssertUnwindSafe(call).catch_unwind());
    let started = tokio::time::Instant::from_std(visit.started());
    let mut timeout = default_timeout;
    // Made only when the call has to wait; by then it has come to its operation, whose limit may be another one.
    let mut deadline = pin!(None::<tokio::time::Sleep>);
    poll_fn(|cx| {
        if let Poll::Ready(outcome) = call.as_mut().poll(cx) {
            return Poll::Ready(match outcome {
                Ok(Ok(response)) => Ok(response),
                Ok(Err(never)) => match never {},
                Err(panic) => Err(panicked(&*panic)),
            });
        }
        if visit.deadline_lifted() {
            return Poll::Pending;
        }
        let wanted = visit.timeout().unwrap_or(default_timeout);
        if deadline.is_none() || wanted != timeout {
            timeout = wanted;
            deadline.set(Some(tokio::time::sleep_until(started + timeout)));
        }
        if deadline.as_mut().as_pin_mut().is_none_or(|deadline| deadline.poll(cx).is_pending()) {
            return Poll::Pending;
        }
        Poll::Ready(Err(codes::DEADLINE.error(format!("no answer within {} ms", timeout.as_millis()))))
    })
    .await
}

fn panicked(panic: &(dyn Any + Send)) -> Error {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message");
    wh_base::codes::INTERNAL.caused("the handler panicked", text.to_owned())
}
