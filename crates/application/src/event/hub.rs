//! What all feeds of the process share: the latest events, and who is to be woken by them.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use entrepot_domain::{
    UserId,
    auth::{Actor, Credential},
    event::{Event, EventPosition},
};
use event_listener::{Event as Signal, EventListener};

use super::{filter::Sight, shared::SharedEvent};

/// The most events in the ring: some megabytes, serialised.
const MAX_RING: usize = 4_096;

/// The most events that a feed takes at once.
const MAX_TAKEN: usize = 64;

/// Why a feed ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The process stops.
    Stopping,
    /// The session or key has ended, or what it gives access to has changed.
    AccessLost,
}

/// All feeds of one credential.
pub(super) struct Group {
    pub(super) actor: Actor,
    pub(super) credential: Credential,
    changed: Signal,
    has_lost_access: AtomicBool,
    news: Mutex<News>,
}

/// What happened for a group since its first feed was opened.
#[derive(Clone, Copy)]
struct News {
    feeds: usize,
    /// How often the ring got events that may concern the group.
    count: u64,
    /// The head of the ring when it last did.
    since: EventPosition,
}

/// How far a feed has read.
pub(super) struct Cursor {
    /// Everything up to here was taken or is of no concern to the feed.
    pub(super) position: EventPosition,
    /// [`News::count`] when the feed had nothing left to take.
    idle_at: Option<u64>,
}

/// What there is for a feed.
pub(super) enum Look {
    Events(Vec<Arc<SharedEvent>>),
    /// The ring begins after what it needs.
    Behind(EventPosition),
    Nothing,
    Ended(Ending),
}

#[derive(Default)]
struct State {
    /// There while there are feeds.
    ring: Option<Ring>,
    groups: HashMap<Credential, Arc<Group>>,
    is_stopping: bool,
}

/// All events after `start`, up to `head`.
struct Ring {
    start: EventPosition,
    head: EventPosition,
    events: VecDeque<Arc<SharedEvent>>,
}

/// What all feeds of the process share.
#[derive(Default)]
pub(super) struct Hub(Mutex<State>);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Cursor {
    pub(super) fn at(position: EventPosition) -> Self {
        Self { position, idle_at: None }
    }
}

impl Group {
    fn new(actor: Actor, credential: Credential) -> Self {
        let news = News { feeds: 0, count: 0, since: EventPosition::START };
        let has_lost_access = AtomicBool::new(false);
        Self { actor, credential, changed: Signal::new(), has_lost_access, news: Mutex::new(news) }
    }

    /// Waits for news from now on.
    pub(super) fn listen(&self) -> EventListener {
        self.changed.listen()
    }

    pub(super) fn end(&self) {
        self.has_lost_access.store(true, Ordering::SeqCst);
        self.changed.notify(usize::MAX);
    }

    fn sees_any(&self, buyers: &HashSet<UserId>) -> bool {
        self.actor.is_staff() || buyers.contains(&self.actor.user)
    }
}

impl Hub {
    /// Adds a feed. `head` is a position up to which the log has been numbered; the ring begins there if this is the
    /// first feed.
    pub(super) fn join(&self, actor: Actor, credential: Credential, head: EventPosition) -> Arc<Group> {
        let mut state = lock(&self.0);
        state.ring.get_or_insert_with(|| Ring { start: head, head, events: VecDeque::new() });
        let group = match state.groups.get(&credential) {
            Some(group) if group.actor == actor && !group.has_lost_access.load(Ordering::SeqCst) => group.clone(),
            _ => {
                let group = Arc::new(Group::new(actor, credential));
                if let Some(changed) = state.groups.insert(credential, group.clone()) {
                    changed.end();
                }
                group
            }
        };
        lock(&group.news).feeds += 1;
        group
    }

    /// Removes a feed.
    pub(super) fn leave(&self, group: &Arc<Group>) {
        let mut state = lock(&self.0);
        let left = {
            let mut news = lock(&group.news);
            news.feeds -= 1;
            news.feeds
        };
        if left == 0 && state.groups.get(&group.credential).is_some_and(|known| Arc::ptr_eq(known, group)) {
            state.groups.remove(&group.credential);
        }
        if state.groups.is_empty() {
            state.ring = None;
        }
    }

    /// The position up to which the ring has everything; `None` if nobody needs it.
    pub(super) fn head(&self) -> Option<EventPosition> {
        lock(&self.0).ring.as_ref().map(|ring| ring.head)
    }

    /// Adds the events that follow the head, and wakes whom they concern.
    pub(super) fn push(&self, events: Vec<Event>) {
        let mut state = lock(&self.0);
        let State { ring: Some(ring), groups, .. } = &mut *state else { return };
        let old = ring.head;
        let mut buyers = HashSet::new();
        // An earlier reader may have been faster, between a last feed and a first one.
        for event in events.into_iter().filter(|event| event.id.position > old) {
            buyers.extend(event.data.buyer());
            ring.head = event.id.position;
            ring.events.push_back(Arc::new(SharedEvent::new(event)));
        }
        if ring.head == old {
            return;
        }
        while ring.events.len() > MAX_RING {
            ring.start = ring.events.pop_front().map_or(ring.start, |event| event.event().id.position);
        }
        let concerned: Vec<_> = groups.values().filter(|group| group.sees_any(&buyers)).cloned().collect();
        for group in &concerned {
            let mut news = lock(&group.news);
            news.count += 1;
            news.since = old;
        }
        drop(state);
        for group in concerned {
            group.changed.notify(usize::MAX);
        }
    }

    /// Takes what there is for a feed.
    pub(super) fn look(&self, group: &Group, cursor: &mut Cursor, sight: &Sight) -> Look {
        let state = lock(&self.0);
        if group.has_lost_access.load(Ordering::SeqCst) {
            return Look::Ended(Ending::AccessLost);
        }
        if state.is_stopping {
            return Look::Ended(Ending::Stopping);
        }
        let Some(ring) = &state.ring else { return Look::Nothing };
        let news = *lock(&group.news);
        match cursor.idle_at.take() {
            // All that the ring got since is of no concern, or was there before the latest batch.
            Some(seen) if seen == news.count => cursor.position = cursor.position.max(ring.head),
            Some(seen) if seen + 1 == news.count => cursor.position = cursor.position.max(news.since),
            _ => {}
        }
        if cursor.position < ring.start {
            return Look::Behind(ring.start);
        }
        let mut taken = Vec::new();
        for event in after(ring, cursor.position) {
            cursor.position = event.event().id.position;
            if sight.sees(event.event()) {
                taken.push(event.clone());
                if taken.len() == MAX_TAKEN {
                    break;
                }
            }
        }
        if taken.is_empty() {
            cursor.position = cursor.position.max(ring.head);
            cursor.idle_at = Some(news.count);
            return Look::Nothing;
        }
        Look::Events(taken)
    }

    /// The sum of the sizes of what is there for a feed and was not taken; `None` if the ring has lost some of it.
    pub(super) fn behind(&self, cursor: &Cursor, sight: &Sight, size: impl Fn(&SharedEvent) -> usize) -> Option<usize> {
        let state = lock(&self.0);
        let ring = state.ring.as_ref()?;
        if cursor.position < ring.start {
            return None;
        }
        Some(after(ring, cursor.position).filter(|event| sight.sees(event.event())).map(|event| size(event)).sum())
    }

    /// Whether the group's feeds have to end, and why.
    pub(super) fn ending(&self, group: &Group) -> Option<Ending> {
        if group.has_lost_access.load(Ordering::SeqCst) {
            return Some(Ending::AccessLost);
        }
        lock(&self.0).is_stopping.then_some(Ending::Stopping)
    }

    /// All groups.
    pub(super) fn groups(&self) -> Vec<Arc<Group>> {
        lock(&self.0).groups.values().cloned().collect()
    }

    /// Ends all feeds, and those that are opened from now on.
    pub(super) fn stop(&self) {
        let groups: Vec<_> = {
            let mut state = lock(&self.0);
            state.is_stopping = true;
            state.groups.values().cloned().collect()
        };
        for group in groups {
            group.changed.notify(usize::MAX);
        }
    }
}

fn after(ring: &Ring, position: EventPosition) -> impl Iterator<Item = &Arc<SharedEvent>> {
    let first = ring.events.partition_point(|event| event.event().id.position <= position);
    ring.events.range(first..)
}
