//! `GET /v1/live`: from a signed-in request to an open socket. The edge has checked the origin, the guard the session or key.
use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::response::Response;
use wh_base::Served;
use wh_db::Context;

use super::Hub;
use super::socket::{self, Listener};
use crate::registry::Door;
use crate::{Answer, Caller, codes};

/// Bytes of the read buffer of a socket; the default of 128 KiB is what makes idle sockets dear.
const READ_BUFFER_BYTES: usize = 1024;
/// Bytes of one message from a client.
const MESSAGE_BYTES_MAX: usize = 32 * 1024;

/// Open the live connection
///
/// A WebSocket with JSON text frames. Subscribe to `<area>` or `<area>.<subject>`; what happens there is told from then on, and
/// with `after` what was missed before.
#[utoipa::path(get, path = "/v1/live", responses((status = 101, description = "The connection is open")))]
pub(crate) async fn live_connect(
    cx: State<Context>,
    caller: Caller,
    hub: Extension<Hub>,
    door: Extension<Arc<Door>>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Answer<Response> {
    let upgrade = upgrade.map_err(|e| codes::LIVE_HANDSHAKE.error(e.to_string().to_lowercase()))?;
    let seat = hub.sit(caller.0)?;
    let listener = Listener { cx: cx.0, door: door.0, seat };
    let (sockets, served) = (hub.sockets().clone(), Served::current());
    Ok(upgrade
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(0)
        .max_message_size(MESSAGE_BYTES_MAX)
        .max_frame_size(MESSAGE_BYTES_MAX)
        .on_upgrade(move |websocket| async move {
            let tracked = sockets.clone();
            // Boxed: futures that are handed on by value are kept twice in their callers.
            let running = Box::pin(socket::run(websocket, listener, sockets));
            // Without its trace: that is of the handshake, and a socket is open for hours.
            served.untraced().within(tracked.track(running)).await;
        }))
}
