//! Work that blocks, beside the runtime, and how it ends with the server.
use std::time::Duration;

use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use wh_backup::Stop;
use wh_base::{Result, codes};

/// Whatever is under way when its grace is over has so long to stop between two parts.
const STOPPING: Duration = Duration::from_secs(3);

/// Do what blocks, beside the runtime, which would wait for it without limit. When the server ends it has some time left; then it is told
/// to stop, and in the end it is left alone, which answers nothing. It ends with the process, and the next start clears up behind it.
pub(super) async fn aside<T: Send + 'static>(
    ending: &CancellationToken,
    grace: Duration,
    until: &Stop,
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<Result<T>> {
    let (tell, mut told) = oneshot::channel();
    let begun = std::thread::Builder::new().name("backup".to_owned()).spawn(move || {
        // Nobody listens any more to what was left alone.
        let _unheard = tell.send(work());
    });
    if let Err(error) = begun {
        return Some(Err(codes::INTERNAL.caused("a thread for backups does not start", error)));
    }
    let unexpected =
        |e: oneshot::error::RecvError| codes::INTERNAL.caused("work on the backups ended unexpectedly", e);
    tokio::select! {
        done = &mut told => return Some(done.map_err(unexpected)),
        () = ending.cancelled() => {}
    }
    if let Ok(done) = tokio::time::timeout(grace, &mut told).await {
        return Some(done.map_err(unexpected));
    }
    until.set();
    if let Ok(done) = tokio::time::timeout(STOPPING, &mut told).await {
        return Some(done.map_err(unexpected));
    }
    tracing::warn!("work on the backups does not stop and is left alone");
    None
}
