//! One tenant's listeners: who hears which topic, and the last events in memory. No input or output; always used under a lock.
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use axum::extract::ws::Utf8Bytes;
use wh_base::Actor;
use wh_contract::Permission;
use wh_contract::events::heard_by;
use wh_db::Delivered;

use super::outgoing::{Outgoing, Weight};
use super::protocol::{self, ToClient};

/// Events kept in memory per tenant that somebody listens to; older ones are read from the outbox.
const REMEMBERED_MAX: usize = 256;

/// One open connection.
pub(super) struct Member {
    pub(super) id: u64,
    pub(super) actor: Actor,
    pub(super) outgoing: Outgoing,
}

/// An event as it is sent.
#[derive(Clone)]
pub(super) struct Frame {
    pub(super) position: i64,
    pub(super) topic: Arc<str>,
    pub(super) text: Utf8Bytes,
    /// What others than its subject must hold to hear it.
    reserved: Option<&'static Permission>,
}

impl Frame {
    pub(super) fn of(delivered: &Delivered) -> Self {
        let topic = protocol::topic_of(delivered);
        let text = protocol::event(delivered, &topic);
        let reserved = heard_by(&delivered.kind);
        Self { position: delivered.position, topic: topic.into(), text, reserved }
    }

    /// Whether somebody who listens to its topic may hear it.
    pub(super) fn is_for(&self, actor: &Actor) -> bool {
        let Some(permission) = self.reserved else { return true };
        let about = self.topic.split_once('.').map_or("", |(_, subject)| subject);
        actor.may(permission) || about == actor.user.to_string()
    }
}

/// One connection's listening to one topic.
struct Listener {
    member: Arc<Member>,
    /// Up to here it was told of the topic when it subscribed: what the outbox hands on later of that is no news to it.
    from: i64,
}

impl Listener {
    fn takes(&self, frame: &Frame) -> bool {
        frame.position > self.from && frame.is_for(&self.member.actor)
    }
}

type Listeners = HashMap<u64, Listener>;

#[derive(Default)]
pub(super) struct Room {
    members: HashMap<u64, Arc<Member>>,
    topics: HashMap<String, Listeners>,
    remembered: VecDeque<Frame>,
    last: i64,
    /// How often positions became unknown.
    resets: u64,
}

/// What was missed.
pub(super) enum Missed {
    /// All of it is in memory and queued; the listener is subscribed.
    Sent(i64),
    /// The outbox has to be read first, after this position.
    Older,
    /// Positions became unknown meanwhile: everything has to be fetched again.
    Unknown,
}

impl Room {
    pub(super) fn enter(&mut self, member: Arc<Member>) {
        self.members.insert(member.id, member);
    }

    /// The member is gone. Whether the room is empty now.
    pub(super) fn leave(&mut self, id: u64) -> bool {
        self.members.remove(&id);
        self.topics.retain(|_, listeners| {
            listeners.remove(&id);
            !listeners.is_empty()
        });
        self.members.is_empty()
    }

    pub(super) fn members(&self) -> impl Iterator<Item = &Arc<Member>> {
        self.members.values()
    }

    pub(super) fn last(&self) -> i64 {
        self.last
    }

    /// What [`Self::resume`] asks for: whether positions are still the ones they were.
    pub(super) fn resets(&self) -> u64 {
        self.resets
    }

    /// Up to where events were told. What is stored beyond it is still on its way to the hub.
    fn told(&self) -> i64 {
        self.remembered.back().map_or(self.last, |frame| frame.position)
    }

    /// The stream stands at least here.
    pub(super) fn stands_at(&mut self, position: i64) {
        self.last = self.last.max(position);
    }

    pub(super) fn unsubscribe(&mut self, member: &Member, topics: &[String]) {
        for topic in topics {
            if let Some(listeners) = self.topics.get_mut(topic) {
                listeners.remove(&member.id);
                if listeners.is_empty() {
                    self.topics.remove(topic);
                }
            }
        }
    }

    /// Subscribe from now on: to everything that the outbox still hands on here.
    pub(super) fn subscribe(&mut self, member: &Arc<Member>, topics: &[String]) -> i64 {
        self.listen(member, topics, 0);
        self.told()
    }

    /// Where it listens already, it stays told what it was told.
    fn listen(&mut self, member: &Arc<Member>, topics: &[String], from: i64) {
        for topic in topics {
            let listener = self
                .topics
                .entry(topic.clone())
                .or_default()
                .entry(member.id)
                .or_insert_with(|| Listener { member: member.clone(), from });
            listener.from = listener.from.max(from);
        }
    }

    fn listens(&self, id: u64) -> bool {
        self.topics.values().any(|listeners| listeners.contains_key(&id))
    }

    /// Subscribe and queue what happened after `after`, when all of it is in memory or still to come. `resets` is as it was when
    /// `after` was taken for a position of this stream, and `came` up to where the stream came by here before.
    pub(super) fn resume(
        &mut self,
        member: &Arc<Member>,
        topics: &[String],
        after: i64,
        came: Option<i64>,
        resets: u64,
    ) -> Missed {
        if resets != self.resets {
            return Missed::Unknown;
        }
        // All behind it is still handed on here. Read ahead for these topics, it would have its listener drop what comes later of
        // those that it hears already: a client has one position for all.
        if self.remembered.is_empty() && came.is_some_and(|came| after >= came) && self.listens(member.id) {
            self.listen(member, topics, after);
            return Missed::Sent(after);
        }
        let oldest = self.remembered.front().map_or(self.last + 1, |frame| frame.position);
        if after < self.last && after + 1 < oldest {
            return Missed::Older;
        }
        let wanted: HashSet<&str> = topics.iter().map(String::as_str).collect();
        for frame in self.remembered.iter().filter(|frame| frame.position > after) {
            if hears(&wanted, &frame.topic) && frame.is_for(&member.actor) {
                member.outgoing.push(frame.text.clone(), Weight::Kept);
            }
        }
        // Read from the outbox, it may be further than what was handed on here.
        let end = self.told().max(after);
        self.listen(member, topics, end);
        Missed::Sent(end)
    }

    /// An event for all who listen. A second delivery of the same event changes nothing.
    pub(super) fn deliver(&mut self, frame: Frame) {
        if self.remembered.back().is_some_and(|last| frame.position <= last.position) {
            return;
        }
        self.last = self.last.max(frame.position);
        self.send(&frame.topic, &frame.text, Weight::Kept, |listener| listener.takes(&frame));
        if self.remembered.len() >= REMEMBERED_MAX {
            self.remembered.pop_front();
        }
        self.remembered.push_back(frame);
    }

    /// Something is missing behind what was told: what is remembered has a hole before whatever comes next, where the stream stands is
    /// not known, and whoever is here fetches again.
    pub(super) fn reset(&mut self) {
        self.remembered.clear();
        self.last = 0;
        self.resets += 1;
        for listener in self.topics.values_mut().flat_map(HashMap::values_mut) {
            listener.from = 0;
        }
        let text = ToClient::Reset { position: self.last }.text();
        for member in self.members.values() {
            member.outgoing.push(text.clone(), Weight::Kept);
        }
    }

    /// A frame for the listeners of the topic and of its area, once for each.
    pub(super) fn tell(&self, topic: &str, text: &Utf8Bytes, weight: Weight) {
        self.send(topic, text, weight, |_| true);
    }

    /// Whoever listens to both the topic and its area hears it where neither has told it before.
    fn send(&self, topic: &str, text: &Utf8Bytes, weight: Weight, takes: impl Fn(&Listener) -> bool) {
        let exact = self.topics.get(topic);
        let area = protocol::area(topic);
        let whole = if area == topic { None } else { self.topics.get(area) };
        for (id, listener) in exact.into_iter().flatten() {
            if takes(listener) && whole.and_then(|area| area.get(id)).is_none_or(&takes) {
                listener.member.outgoing.push(text.clone(), weight);
            }
        }
        for (id, listener) in whole.into_iter().flatten() {
            if !exact.is_some_and(|listeners| listeners.contains_key(id)) && takes(listener) {
                listener.member.outgoing.push(text.clone(), weight);
            }
        }
    }
}

/// Whether one of the wanted topics hears this one.
pub(super) fn hears(wanted: &HashSet<&str>, topic: &str) -> bool {
    wanted.contains(topic) || wanted.contains(protocol::area(topic))
}
