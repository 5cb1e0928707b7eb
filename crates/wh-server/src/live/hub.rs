//! The hub: all open live connections by tenant and by session or key. Fed by the outbox; asked by nobody.
use std::borrow::Borrow;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use serde_json::Value;
use uuid::Uuid;
use wh_base::{Actor, Result};
use wh_contract::events::{
    ApiKeyRevoked, MemberRemoved, MemberRoleChanged, ServiceAccountUpdated, SessionRevoked, SessionSwitched,
};
use wh_contract::{ApiKeyId, Event, SessionId, TenantId, UserId};
use wh_db::{Context, Delivered, Resumable};

use super::outgoing::{End, Outgoing, Weight};
use super::protocol::ToClient;
use super::room::{Frame, Member, Missed, Room, hears};
use crate::codes;
use crate::serve::Sockets;

/// Live connections of one session or key, where nothing else is said. A person has a few tabs, a wall of screens some hundred.
const SOCKETS_PER_SESSION_MAX: usize = 1_024;
/// Missed events that are sent again; with more, fetching is cheaper.
const RESUMED_MAX: usize = 512;
/// Events read from the outbox at once.
const READ_AT_ONCE: u32 = 256;

/// All open live connections. Cheap to clone.
#[derive(Clone)]
pub struct Hub(Arc<Inner>);

struct Inner {
    rooms: Mutex<HashMap<TenantId, Arc<Mutex<Room>>>>,
    /// By the id of the session or key.
    sessions: Mutex<HashMap<Uuid, Vec<Weak<Member>>>>,
    /// Up to where each tenant's events came by here. The outbox may be ahead: it stores a position before it delivers.
    told: Mutex<HashMap<TenantId, i64>>,
    next: AtomicU64,
    sockets: Sockets,
    sockets_per_session_max: usize,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Hub {
    /// An empty hub whose connections end when `sockets` stops.
    pub fn new(sockets: Sockets) -> Self {
        Self::with_session_max(sockets, SOCKETS_PER_SESSION_MAX)
    }

    /// The same with another limit of connections per session.
    pub fn with_session_max(sockets: Sockets, sockets_per_session_max: usize) -> Self {
        Self(Arc::new(Inner {
            rooms: Mutex::default(),
            sessions: Mutex::default(),
            told: Mutex::default(),
            next: AtomicU64::new(1),
            sockets,
            sockets_per_session_max,
        }))
    }

    /// An event that is committed, from the outbox: in order per tenant, at least once.
    pub fn deliver(&self, delivered: &Delivered) {
        lock(&self.0.told).insert(delivered.tenant, delivered.position);
        if let Some(room) = self.room(delivered.tenant) {
            lock(&room).deliver(Frame::of(delivered));
        }
        self.end_whom_it_concerns(delivered);
    }

    /// Events went by that can no longer be told: every open page fetches again, and every session is asked about, because its end
    /// may have been among them.
    pub fn missed(&self) {
        let rooms: Vec<_> = lock(&self.0.rooms).values().cloned().collect();
        // Positions are asked for anew: where the database went back, they are given once more.
        lock(&self.0.told).clear();
        for room in rooms {
            lock(&room).reset();
        }
        self.recheck();
    }

    /// Something transient for the listeners of a topic (`<area>.<subject>`): progress, presence.
    pub fn tell(&self, tenant: TenantId, topic: &str, kind: &str, data: impl Borrow<Value>) {
        if let Some(room) = self.room(tenant) {
            let text = ToClient::Tell { topic, kind, data: data.borrow() }.text();
            lock(&room).tell(topic, &text, Weight::Transient);
        }
    }

    /// The session is over: close its connections with 4001.
    pub fn end_session(&self, session: SessionId) {
        self.end(session.uuid(), End::SessionOver);
    }

    /// The key opens nothing any more: close its connections with 4001.
    pub fn end_key(&self, key: ApiKeyId) {
        self.end(key.uuid(), End::KeyOver);
    }

    /// The session's place was taken by one in another tenant: close its connections with 4003, they come back there.
    pub fn session_switched(&self, session: SessionId) {
        self.end(session.uuid(), End::Switched);
    }

    /// Ask for every open connection whether its session still stands: now, and not within the next half minute.
    pub fn recheck(&self) {
        let seats: Vec<_> = lock(&self.0.sessions).values().flatten().cloned().collect();
        for member in seats.iter().filter_map(Weak::upgrade) {
            member.outgoing.ask();
        }
    }

    /// How many connections are open.
    pub fn open(&self) -> usize {
        lock(&self.0.sessions)
            .values()
            .map(|seats| seats.iter().filter(|seat| seat.strong_count() > 0).count())
            .sum()
    }

    pub(crate) fn sockets(&self) -> &Sockets {
        &self.0.sockets
    }

    fn end(&self, credential: Uuid, end: End) {
        let seats = lock(&self.0.sessions).get(&credential).cloned().unwrap_or_default();
        for member in seats.iter().filter_map(Weak::upgrade) {
            member.outgoing.end(end);
        }
    }

    /// Sessions that ended or went elsewhere and members that are something else now lose their connections with the event
    /// that says so: what comes after it in the stream, they do not hear.
    fn end_whom_it_concerns(&self, delivered: &Delivered) {
        let data = || delivered.data.clone();
        match delivered.kind.as_str() {
            SessionRevoked::TYPE => {
                if let Ok(event) = serde_json::from_value::<SessionRevoked>(data()) {
                    self.end_session(event.session);
                }
            }
            SessionSwitched::TYPE => {
                if let Ok(event) = serde_json::from_value::<SessionSwitched>(data()) {
                    self.session_switched(event.session);
                }
            }
            MemberRemoved::TYPE => {
                if let Ok(event) = serde_json::from_value::<MemberRemoved>(data()) {
                    self.end_member(delivered.tenant, event.user, End::Changed);
                }
            }
            MemberRoleChanged::TYPE => {
                if let Ok(event) = serde_json::from_value::<MemberRoleChanged>(data()) {
                    self.end_member(delivered.tenant, event.user, End::Changed);
                }
            }
            ApiKeyRevoked::TYPE => {
                if let Ok(event) = serde_json::from_value::<ApiKeyRevoked>(data()) {
                    self.end_key(event.key);
                }
            }
            ServiceAccountUpdated::TYPE => {
                if let Ok(event) = serde_json::from_value::<ServiceAccountUpdated>(data())
                    && !event.enabled
                {
                    self.end_member(delivered.tenant, event.account, End::KeyOver);
                }
            }
            _ => {}
        }
    }

    fn end_member(&self, tenant: TenantId, user: UserId, end: End) {
        let Some(room) = self.room(tenant) else { return };
        for member in lock(&room).members().filter(|member| member.actor.user == user) {
            member.outgoing.end(end);
        }
    }

    fn room(&self, tenant: TenantId) -> Option<Arc<Mutex<Room>>> {
        lock(&self.0.rooms).get(&tenant).cloned()
    }

    /// Take a seat for a connection that is about to open; it is given back by drop.
    pub(super) fn sit(&self, actor: Actor) -> Result<Seat> {
        let mut sessions = lock(&self.0.sessions);
        let seats = sessions.entry(actor.credential.id()).or_default();
        seats.retain(|seat| seat.strong_count() > 0);
        let max = self.0.sockets_per_session_max;
        if seats.len() >= max {
            let message = format!("{max} live connections are open in this session or by this key");
            return Err(codes::LIVE_SOCKETS.error(message).retry_after(5));
        }
        let id = self.0.next.fetch_add(1, Ordering::Relaxed);
        let member = Arc::new(Member { id, actor, outgoing: Outgoing::default() });
        seats.push(Arc::downgrade(&member));
        drop(sessions);
        let mut rooms = lock(&self.0.rooms);
        let room = rooms.entry(member.actor.tenant).or_default().clone();
        lock(&room).enter(member.clone());
        Ok(Seat { hub: self.clone(), member, room })
    }
}

/// One connection's place in the hub.
pub(super) struct Seat {
    hub: Hub,
    pub(super) member: Arc<Member>,
    room: Arc<Mutex<Room>>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let actor = &self.member.actor;
        let mut rooms = lock(&self.hub.0.rooms);
        if lock(&self.room).leave(self.member.id) {
            rooms.remove(&actor.tenant);
        }
        drop(rooms);
        let mut sessions = lock(&self.hub.0.sessions);
        if let Some(seats) = sessions.get_mut(&actor.credential.id()) {
            seats.retain(|seat| seat.strong_count() > 0 && !seat.ptr_eq(&Arc::downgrade(&self.member)));
            if seats.is_empty() {
                sessions.remove(&actor.credential.id());
            }
        }
    }
}

impl Seat {
    /// Up to where this client has nothing more to hear: rather too low than too high, because it drops what lies below.
    pub(super) async fn heard(&self, cx: &Context) -> Result<i64> {
        let tenant = self.member.actor.tenant;
        let told = lock(&self.hub.0.told).get(&tenant).copied();
        self.position(cx).await?;
        if let Some(told) = told {
            return Ok(told);
        }
        // Nothing of this tenant came by since the start. What other nodes have placed may still be on its way here.
        let handed_on = cx.db.events_handed_on(tenant).await?;
        lock(&self.hub.0.told).entry(tenant).or_insert(handed_on);
        Ok(handed_on)
    }

    /// Where the tenant's stream stands. Asked of the outbox, because the hub remembers only while somebody listens.
    async fn position(&self, cx: &Context) -> Result<i64> {
        let stored = cx.db.events_position(self.member.actor.tenant).await?;
        let mut room = lock(&self.room);
        room.stands_at(stored);
        Ok(room.last())
    }

    pub(super) fn subscribe(&self, topics: &[String]) -> i64 {
        lock(&self.room).subscribe(&self.member, topics)
    }

    pub(super) fn unsubscribe(&self, topics: &[String]) {
        lock(&self.room).unsubscribe(&self.member, topics);
    }

    /// Queue what was missed after `after`, oldest first, and subscribe without a gap: from memory, or from the outbox until
    /// memory reaches. `None`: too much was missed, or `after` is no position of this stream.
    pub(super) async fn resume(
        &self,
        cx: &Context,
        topics: &[String],
        mut after: i64,
    ) -> Result<Option<i64>> {
        let resets = lock(&self.room).resets();
        let came = lock(&self.hub.0.told).get(&self.member.actor.tenant).copied();
        if after < 0 || after > self.position(cx).await? {
            return Ok(None);
        }
        let mut read = 0;
        loop {
            let missed = lock(&self.room).resume(&self.member, topics, after, came, resets);
            match missed {
                Missed::Sent(position) => return Ok(Some(position)),
                Missed::Unknown => return Ok(None),
                Missed::Older => {}
            }
            let missed = cx.db.events_after(self.member.actor.tenant, after, READ_AT_ONCE).await?;
            read += missed.events.len();
            if read > RESUMED_MAX || missed.events.is_empty() || missed.resumable == Resumable::No {
                return Ok(None);
            }
            let wanted = topics.iter().map(String::as_str).collect();
            for delivered in &missed.events {
                let frame = Frame::of(delivered);
                if hears(&wanted, &frame.topic) && frame.is_for(&self.member.actor) {
                    self.member.outgoing.push(frame.text, Weight::Kept);
                }
                after = delivered.position;
            }
        }
    }
}
