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

#[derive(Default)]
pub(super) struct Room {
    members: HashMap<u64, Arc<Member>>,
    topics: HashMap<String, HashMap<u64, Arc<Member>>>,
    remembered: VecDeque<Frame>,
    last: i64,
}

/// What was missed.
pub(super) enum Missed {
    /// All of it is in memory and queued; the listener is subscribed.
    Sent(i64),
    /// The outbox has to be read first, after this position.
    Older,
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

    /// Subscribe from now on.
    pub(super) fn subscribe(&mut self, member: &Arc<Member>, topics: &[String]) -> i64 {
        for topic in topics {
            self.topics.entry(topic.clone()).or_default().insert(member.id, member.clone());
        }
        self.told()
    }

    /// Subscribe and queue what happened after `after`, when all of it is in memory.
    pub(super) fn resume(&mut self, member: &Arc<Member>, topics: &[String], after: i64) -> Missed {
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
        Missed::Sent(self.subscribe(member, topics).max(after))
    }

    /// An event for all who listen. A second delivery of the same event changes nothing.
    pub(super) fn deliver(&mut self, frame: Frame) {
        if self.remembered.back().is_some_and(|last| frame.position <= last.position) {
            return;
        }
        self.last = self.last.max(frame.position);
        self.send(&frame.topic, &frame.text, Weight::Kept, |actor| frame.is_for(actor));
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
        let text = ToClient::Reset { position: self.last }.text();
        for member in self.members.values() {
            member.outgoing.push(text.clone(), Weight::Kept);
        }
    }

    /// A frame for the listeners of the topic and of its area, once for each.
    pub(super) fn tell(&self, topic: &str, text: &Utf8Bytes, weight: Weight) {
        self.send(topic, text, weight, |_| true);
    }

    fn send(&self, topic: &str, text: &Utf8Bytes, weight: Weight, is_for: impl Fn(&Actor) -> bool) {
        let exact = self.topics.get(topic);
        for member in exact.into_iter().flat_map(HashMap::values).filter(|member| is_for(&member.actor)) {
            member.outgoing.push(text.clone(), weight);
        }
        let area = protocol::area(topic);
        if area == topic {
            return;
        }
        for (id, member) in self.topics.get(area).into_iter().flatten() {
            if !exact.is_some_and(|listeners| listeners.contains_key(id)) && is_for(&member.actor) {
                member.outgoing.push(text.clone(), weight);
            }
        }
    }
}

/// Whether one of the wanted topics hears this one.
pub(super) fn hears(wanted: &HashSet<&str>, topic: &str) -> bool {
    wanted.contains(topic) || wanted.contains(protocol::area(topic))
}
