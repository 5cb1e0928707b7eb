//! The certificate is read again while the server runs: from time to time, and when somebody asks for it by SIGHUP.
use std::future::Future;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use wh_base::{Result, codes};
use wh_server::serve::{Certificate, Reason};

/// Look so often whether the files changed, for ever. Whoever renews a certificate need not know how to tell a server of it.
pub fn again(certificate: Certificate, every: Duration) -> Result<impl Future<Output = ()>> {
    let mut hangup =
        signal(SignalKind::hangup()).map_err(|e| codes::INTERNAL.caused("cannot listen for signals", e))?;
    Ok(async move {
        loop {
            let reason = tokio::select! {
                asked = hangup.recv() => match asked {
                    Some(()) => Reason::Asked,
                    None => return,
                },
                () = tokio::time::sleep(every) => Reason::Time,
            };
            let own = certificate.clone();
            if let Err(error) = tokio::task::spawn_blocking(move || own.reread(reason)).await {
                tracing::error!(%error, "reading the certificate again ended unexpectedly");
            }
        }
    })
}
