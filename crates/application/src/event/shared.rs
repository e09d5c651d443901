//! Events that all feeds of the process share.

use std::{any::Any, fmt, sync::OnceLock};

use entrepot_domain::event::Event;

/// An event that all feeds of the process share, with room for the form in which an edge sends it.
pub struct SharedEvent {
    event: Event,
    rendered: OnceLock<Box<dyn Any + Send + Sync>>,
}

impl SharedEvent {
    pub(super) fn new(event: Event) -> Self {
        Self { event, rendered: OnceLock::new() }
    }

    /// The event.
    pub fn event(&self) -> &Event {
        &self.event
    }

    /// The event as an edge sends it. It is rendered once, by whichever feed asks first; a second form, of another type,
    /// is rendered each time.
    pub fn rendered<T: Any + Send + Sync + Clone>(&self, render: impl Fn(&Event) -> T) -> T {
        let known = self.rendered.get_or_init(|| Box::new(render(&self.event)));
        known.downcast_ref::<T>().cloned().unwrap_or_else(|| render(&self.event))
    }
}

impl fmt::Debug for SharedEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.event.fmt(f)
    }
}
