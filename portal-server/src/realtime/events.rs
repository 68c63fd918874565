//! What clients may say on a socket: the one table from event to operation (SPEC 15.3).
//!
//! The event's data are the operation's parameters, unchanged.

/// The event that also replays and opens the way for a room's events.
pub(crate) const JOIN: &str = "room:join";

/// Event and operation.
pub const EVENTS: &[(&str, &str)] = &[
    ("control:grant", "browser.grant_control"),
    ("control:release", "browser.release_control"),
    ("control:request", "browser.request_control"),
    ("control:take", "browser.take_control"),
    ("keys:publish", "key.publish"),
    ("keys:register", "key.register"),
    ("keys:reject", "key.reject"),
    ("keys:renew", "key.renew"),
    ("message:send", "message.send"),
    (JOIN, "room.join"),
    ("room:kick", "mod.kick"),
    ("room:leave", "room.leave"),
    ("room:start", "browser.start"),
    ("room:stop", "browser.stop"),
    ("room:typing", "room.typing"),
];

/// The operation behind an event.
pub(crate) fn operation(event: &str) -> Option<&'static str> {
    EVENTS
        .iter()
        .find(|(name, _)| *name == event)
        .map(|(_, operation)| *operation)
}
