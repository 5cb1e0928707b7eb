//! What goes on beside the connections: open `WebSocket`s, counted and told when the server stops, and changes that outlive
//! their client. Both are waited for; graceful shutdown of hyper does not see them.
use std::future::Future;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::edge::metrics::SOCKETS;

/// Shared between the live hub, which runs the sockets, the guard, which runs the changes, and the accept loop, which waits for
/// both.
#[derive(Clone, Debug, Default)]
pub struct Sockets {
    tracker: TaskTracker,
    changes: TaskTracker,
    stop: CancellationToken,
}

impl Sockets {
    /// No socket yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Run the task of one upgraded socket: counted in the metric, waited for at shutdown.
    pub fn track<F: Future>(&self, socket: F) -> impl Future<Output = F::Output> + use<F> {
        let token = self.tracker.token();
        async move {
            let _open = Open::new();
            let _token = token;
            socket.await
        }
    }

    /// Resolves when the server stops: send the close frame 1001 and end.
    pub async fn stopping(&self) {
        self.stop.cancelled().await;
    }

    /// Whether the server stops.
    pub fn is_stopping(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// Run a change to its end, whatever becomes of whoever waits for it; waited for at shutdown.
    pub(crate) fn change<F>(&self, work: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        self.changes.spawn(work)
    }

    /// How many changes run that may have lost their client.
    pub(super) fn changes(&self) -> usize {
        self.changes.len()
    }

    /// How many are open.
    pub fn count(&self) -> usize {
        self.tracker.len()
    }

    pub(super) fn stop(&self) {
        self.stop.cancel();
        self.tracker.close();
        self.changes.close();
    }

    /// Once the connections have ended: until then they may begin another change.
    pub(super) async fn ended(&self) {
        self.changes.wait().await;
        self.tracker.wait().await;
    }
}

/// One socket in the metric.
struct Open;

impl Open {
    fn new() -> Self {
        metrics::gauge!(SOCKETS).increment(1.0);
        Self
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        metrics::gauge!(SOCKETS).decrement(1.0);
    }
}
