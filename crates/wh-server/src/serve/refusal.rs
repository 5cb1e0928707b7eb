//! The short answer to a connection that finds no place: 503 in cleartext, a close under TLS. Bounded itself.
use std::sync::Arc;

use tokio::io::AsyncWriteExt;
use tokio::sync::Semaphore;

use super::wire::Wire;
use crate::edge::Transport;
use crate::edge::codes::CONNECTIONS;

/// Refusals that are written at the same time; beyond that connections are closed without a word.
const REFUSALS_MAX: usize = 64;
/// After how many seconds a refused client may come again.
const RETRY_AFTER_S: u32 = 1;

/// Writes refusals.
pub(super) struct Refusals {
    places: Arc<Semaphore>,
    text: Arc<str>,
}

impl Refusals {
    pub(super) fn new() -> Self {
        Self { places: Arc::new(Semaphore::new(REFUSALS_MAX)), text: text().into() }
    }

    /// Refuse, without waiting for it.
    pub(super) fn send(&self, mut wire: Wire, transport: Transport) {
        if transport == Transport::Tls {
            return;
        }
        let Ok(place) = self.places.clone().try_acquire_owned() else { return };
        let text = self.text.clone();
        tokio::spawn(async move {
            let _place = place;
            if wire.write_all(text.as_bytes()).await.is_ok() {
                // Lingers until the client has read it.
                let _ = wire.shutdown().await;
            }
        });
    }
}

/// There is no request yet, so the problem carries no request id.
fn text() -> String {
    let body = serde_json::json!({
        "type": format!("/docs/errors#{}", CONNECTIONS.code),
        "title": CONNECTIONS.summary,
        "status": CONNECTIONS.kind.status(),
        "detail": CONNECTIONS.hint,
        "code": CONNECTIONS.code,
    })
    .to_string();
    let length = body.len();
    format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\ncontent-length: {length}\r\n\
         retry-after: {RETRY_AFTER_S}\r\ncache-control: no-store\r\nconnection: close\r\n\r\n{body}"
    )
}
