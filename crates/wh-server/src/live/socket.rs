//! One open socket: reads what the client says, writes what waits for it, notices when it is gone or no longer signed in.
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket};
use futures_util::SinkExt;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};
use wh_db::Context;

use super::hub::Seat;
use super::outgoing::{End, Next, Weight};
use super::protocol::{FromClient, ToClient, area, refused};
use crate::codes;
use crate::registry::Door;
use crate::serve::Sockets;

/// How often a quiet socket is pinged and its session asked about.
const PING_INTERVAL: Duration = Duration::from_secs(30);
/// Pings in a row without any word from the client before it counts as gone.
const SILENT_PINGS_MAX: u32 = 2;
/// How long a client has to take its close frame.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
/// Topics of one connection.
const TOPICS_MAX: usize = 256;
/// Bytes of one topic.
const TOPIC_BYTES_MAX: usize = 128;
/// Messages of a client between two pings.
const MESSAGES_PER_PING_MAX: u32 = 600;

/// What a socket's task works with.
pub(super) struct Listener {
    pub(super) cx: Context,
    pub(super) door: Arc<Door>,
    pub(super) seat: Seat,
}

/// What is counted about the client.
#[derive(Default)]
struct Manners {
    silent_pings: u32,
    messages: u32,
    topics: Vec<String>,
}

/// Serve the socket until either side ends it.
pub(super) async fn run(mut socket: WebSocket, listener: Listener, sockets: Sockets) {
    // What an open socket waits for is kept small; what happens once or rarely has its own box.
    let end = match Box::pin(welcome(&listener)).await {
        Ok(()) => serve(&mut socket, &listener, &sockets).await,
        Err(end) => Some(end),
    };
    let Some(end) = end else { return };
    let (code, reason) = end.frame();
    let frame = Message::Close(Some(CloseFrame { code, reason: Utf8Bytes::from_static(reason) }));
    let farewell = async {
        // The client answers the close frame; until then its messages are read and dropped.
        if socket.send(frame).await.is_ok() {
            while let Some(Ok(_)) = socket.recv().await {}
        }
    };
    let _ = timeout(CLOSE_TIMEOUT, Box::pin(farewell)).await;
}

async fn welcome(listener: &Listener) -> Result<(), End> {
    // Between the front door's look and the seat nobody tells it that the session ended.
    if is_over(listener).await {
        return Err(End::SessionOver);
    }
    match listener.seat.heard(&listener.cx).await {
        Ok(position) => {
            listener.seat.member.outgoing.push(ToClient::Welcome { position }.text(), Weight::Kept);
            Ok(())
        }
        Err(error) => {
            tracing::warn!(?error, "the live stream's position cannot be read");
            Err(End::Drain)
        }
    }
}

/// Until the end: `None` when the client went by itself.
async fn serve(socket: &mut WebSocket, listener: &Listener, sockets: &Sockets) -> Option<End> {
    let outgoing = &listener.seat.member.outgoing;
    let mut stopping = pin!(sockets.stopping());
    let mut ping = interval_at(Instant::now() + PING_INTERVAL, PING_INTERVAL);
    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut manners = Manners::default();
    loop {
        tokio::select! {
            () = &mut stopping => return Some(End::Drain),
            next = outgoing.next() => match next {
                Next::End(end) => return Some(end),
                Next::Ask => if is_over(listener).await {
                    return Some(End::SessionOver);
                },
                Next::Send(frame) => tokio::select! {
                    biased;
                    written = write(socket, listener, frame) => match written {
                        Written::Done => {}
                        Written::Gone => return None,
                        Written::Ended(end) => return Some(end),
                    },
                    // The others wait for the end of the server: not for a client that does not read.
                    () = &mut stopping => return Some(End::Drain),
                },
            },
            message = socket.recv() => {
                let Some(Ok(message)) = message else { return None };
                manners.silent_pings = 0;
                manners.messages += 1;
                if manners.messages > MESSAGES_PER_PING_MAX {
                    return Some(End::Flood);
                }
                Box::pin(hear(listener, &mut manners, message)).await;
            }
            _ = ping.tick() => {
                if manners.silent_pings >= SILENT_PINGS_MAX {
                    return None;
                }
                manners.silent_pings += 1;
                manners.messages = 0;
                if is_over(listener).await {
                    return Some(End::SessionOver);
                }
                if timeout(PING_INTERVAL, socket.send(Message::Ping(Bytes::new()))).await.is_err() {
                    return None;
                }
            }
        }
    }
}

/// Whether the session is over. Not knowing is not over: the database may be away for a moment.
async fn is_over(listener: &Listener) -> bool {
    matches!(listener.door.authenticator.stands(&listener.seat.member.actor).await, Ok(false))
}

enum Written {
    Done,
    Gone,
    Ended(End),
}

/// Write the frame and those that wait behind it now, then flush once. What comes meanwhile is for the next time: between two, pings are
/// sent and the session is asked about. A client that does not read is left to the bounds of its queue, or to the time.
async fn write(socket: &mut WebSocket, listener: &Listener, first: Utf8Bytes) -> Written {
    let outgoing = &listener.seat.member.outgoing;
    let behind = outgoing.frames();
    let all = async {
        socket.feed(Message::Text(first)).await?;
        for frame in (0..behind).map_while(|_| outgoing.take_frame()) {
            socket.feed(Message::Text(frame)).await?;
        }
        socket.flush().await
    };
    tokio::select! {
        biased;
        written = timeout(PING_INTERVAL, all) => {
            if matches!(written, Ok(Ok(()))) { Written::Done } else { Written::Gone }
        }
        end = outgoing.ended() => Written::Ended(end),
    }
}

/// Do what the client says.
async fn hear(listener: &Listener, manners: &mut Manners, message: Message) {
    let outgoing = &listener.seat.member.outgoing;
    let text = match message {
        Message::Text(text) => text,
        Message::Binary(_) => return outgoing.push(refused(None, &codes::LIVE_MESSAGE), Weight::Kept),
        // Answered by the library, or the answer to ours; after a close the next read says that it is over.
        Message::Ping(_) | Message::Pong(_) | Message::Close(_) => return,
    };
    match serde_json::from_str::<FromClient>(&text) {
        Ok(FromClient::Ping {}) => outgoing.push(ToClient::Pong.text(), Weight::Kept),
        Ok(FromClient::Unsubscribe { topics }) => {
            listener.seat.unsubscribe(&topics);
            manners.topics.retain(|topic| !topics.contains(topic));
        }
        Ok(FromClient::Subscribe { topics, after }) => subscribe(listener, manners, topics, after).await,
        Err(_) => outgoing.push(refused(None, &codes::LIVE_MESSAGE), Weight::Kept),
    }
}

async fn subscribe(listener: &Listener, manners: &mut Manners, topics: Vec<String>, after: Option<i64>) {
    let outgoing = &listener.seat.member.outgoing;
    let mut taken = Vec::new();
    for topic in topics {
        match admit(listener, manners, &topic) {
            Ok(()) => {
                if !manners.topics.contains(&topic) {
                    manners.topics.push(topic.clone());
                }
                taken.push(topic);
            }
            Err(code) => outgoing.push(refused(Some(&topic), code), Weight::Kept),
        }
    }
    if taken.is_empty() {
        return;
    }
    let resumed = match after {
        None => Ok(Some(listener.seat.subscribe(&taken))),
        Some(after) => listener.seat.resume(&listener.cx, &taken, after).await,
    };
    let position = match resumed {
        Ok(Some(position)) => position,
        Ok(None) => reset(listener, &taken),
        Err(error) => {
            tracing::warn!(?error, "missed events cannot be read");
            reset(listener, &taken)
        }
    };
    outgoing.push(ToClient::Subscribed { topics: &taken, position }.text(), Weight::Kept);
}

/// What was missed cannot be told: from now on, and the client fetches again.
fn reset(listener: &Listener, topics: &[String]) -> i64 {
    let position = listener.seat.subscribe(topics);
    listener.seat.member.outgoing.push(ToClient::Reset { position }.text(), Weight::Kept);
    position
}

/// A topic exists when its area has a `:read` permission, and is heard by who holds it. Whether there is such a subject is
/// not said: a stranger's is just silent.
fn admit(listener: &Listener, manners: &Manners, topic: &str) -> Result<(), &'static wh_base::ErrorCode> {
    if topic.len() > TOPIC_BYTES_MAX || topic.ends_with('.') {
        return Err(&codes::LIVE_TOPIC);
    }
    let wanted = area(topic);
    let Some(permission) = listener.door.areas.iter().find(|read| read.area() == wanted) else {
        return Err(&codes::LIVE_TOPIC);
    };
    if !listener.seat.member.actor.may(permission) {
        return Err(&codes::FORBIDDEN);
    }
    if manners.topics.len() >= TOPICS_MAX && !manners.topics.iter().any(|held| held == topic) {
        return Err(&codes::LIVE_TOPICS);
    }
    Ok(())
}
