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
    timeout: Duration,
) -> Result<Response> {
    // A handler that panics is dropped as a whole: its transaction rolls back, nobody sees half of its state.
    let mut call = pin!(AssertUnwindSafe(call).catch_unwind());
    let started = tokio::time::Instant::from_std(visit.started());
    // Registered with the timer only when the call has to wait.
    let mut deadline = pin!(tokio::time::sleep_until(started + timeout));
    poll_fn(|cx| {
        if let Poll::Ready(outcome) = call.as_mut().poll(cx) {
            return Poll::Ready(match outcome {
                Ok(Ok(response)) => Ok(response),
                Ok(Err(never)) => match never {},
                Err(panic) => Err(panicked(&*panic)),
            });
        }
        if visit.deadline_lifted() || deadline.as_mut().poll(cx).is_pending() {
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
