//! What the operator can set. Each setting is a row of `setting`; what is not set has its default.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::{BrowserName, DAY, Timestamp};

/// Who may sign up (SPEC 2.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Registration {
    /// Whoever has a sign-up code.
    #[default]
    Invite,
    /// Anyone.
    Open,
    /// Nobody.
    Closed,
}

/// Every setting of the library.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Who may sign up (SPEC 2.4).
    pub registration: Registration,
    /// Live strangers an IP may have (SPEC 1.8).
    pub strangers_per_ip: u32,
    /// PUBLIC and PRIVATE chats that a premium user may own (SPEC 3.5).
    pub chats_premium: u32,
    /// PUBLIC and PRIVATE chats that a lifetime user may own (SPEC 3.5).
    pub chats_lifetime: u32,
    /// OFFICIAL chats that an admin may own (SPEC 3.5).
    pub official_chats_admin: u32,
    /// The browsers a chat may choose from (SPEC 3.9).
    pub browsers: Vec<String>,
    /// Messages a person may send to one chat in `send_window_seconds` (SPEC 6.6); 0: no limit.
    pub sends_per_user: u32,
    /// Messages a chat takes in `send_window_seconds` (SPEC 6.6); 0: no limit.
    pub sends_per_chat: u32,
    /// The window of the two limits above, in seconds.
    pub send_window_seconds: u32,
    /// Days messages are kept; 0 keeps them (SPEC 14.3).
    pub message_days: u32,
    /// Messages a chat keeps; 0 keeps them all (SPEC 14.3).
    pub messages_per_chat: u32,
    /// Days a chat's activity log is kept (SPEC 14.3).
    pub activity_days: u32,
    /// Days the audit log is kept, at least 30; 0 keeps it (SPEC 14.3).
    pub audit_days: u32,
    /// Days a report is kept once it is settled; 0 keeps it (SPEC 14.3).
    pub resolved_report_days: u32,
    /// Days dead invites are kept (SPEC 14.3).
    pub dead_invite_days: u32,
    /// How long two people are not matched again, in seconds (SPEC 9.3); 0: they may be at once.
    pub rematch_pause_seconds: u32,
    /// The encryption suite of DIRECT chats, 2 or 3 (SPEC 3.1): what the clients of the platform speak.
    pub direct_e2ee: u32,
    /// Hours the event log reaches back (SPEC 12.2).
    pub event_hours: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            registration: Registration::Invite,
            strangers_per_ip: 3,
            chats_premium: 3,
            chats_lifetime: 5,
            official_chats_admin: 10,
            browsers: crate::model::DEFAULT_BROWSERS
                .iter()
                .map(ToString::to_string)
                .collect(),
            sends_per_user: 10,
            sends_per_chat: 100,
            send_window_seconds: 10,
            message_days: 0,
            messages_per_chat: 100_000,
            activity_days: 90,
            audit_days: 400,
            resolved_report_days: 90,
            dead_invite_days: 30,
            rematch_pause_seconds: 60,
            direct_e2ee: 3,
            event_hours: 24,
        }
    }
}

/// The audit log is kept at least this long, whatever is set: a wrong number does not take away what
/// happened lately.
const LEAST_AUDIT_DAYS: u32 = 30;

impl Settings {
    /// From when on the audit log is kept; none keeps all of it (SPEC 14.3).
    pub(crate) fn audit_kept_from(&self, now: Timestamp) -> Option<Timestamp> {
        let days = self.audit_days.max(LEAST_AUDIT_DAYS);
        (self.audit_days > 0).then(|| now.plus(-i64::from(days) * DAY))
    }

    /// Whether every setting is within its bounds; else why not.
    pub(crate) fn check(&self) -> Result<(), String> {
        let day_bounds = 0..=36_500;
        let bounds = [
            ("strangers_per_ip", self.strangers_per_ip, 0..=100_000),
            ("chats_premium", self.chats_premium, 0..=100_000),
            ("chats_lifetime", self.chats_lifetime, 0..=100_000),
            (
                "official_chats_admin",
                self.official_chats_admin,
                0..=100_000,
            ),
            ("sends_per_user", self.sends_per_user, 0..=10_000),
            ("sends_per_chat", self.sends_per_chat, 0..=100_000),
            ("send_window_seconds", self.send_window_seconds, 1..=3600),
            ("message_days", self.message_days, day_bounds.clone()),
            ("messages_per_chat", self.messages_per_chat, 0..=u32::MAX),
            ("activity_days", self.activity_days, day_bounds.clone()),
            ("audit_days", self.audit_days, day_bounds.clone()),
            (
                "resolved_report_days",
                self.resolved_report_days,
                day_bounds.clone(),
            ),
            ("dead_invite_days", self.dead_invite_days, day_bounds),
            (
                "rematch_pause_seconds",
                self.rematch_pause_seconds,
                0..=86_400,
            ),
            ("direct_e2ee", self.direct_e2ee, 2..=3),
            ("event_hours", self.event_hours, 1..=8760),
        ];
        for (key, value, bounds) in bounds {
            if !bounds.contains(&value) {
                let (least, most) = bounds.into_inner();
                return Err(format!("{key} is {least} to {most}"));
            }
        }
        if (1..LEAST_AUDIT_DAYS).contains(&self.audit_days) {
            return Err(format!(
                "audit_days is at least {LEAST_AUDIT_DAYS}, or 0 to keep everything"
            ));
        }
        if !(1..=64).contains(&self.browsers.len()) {
            return Err("there are 1 to 64 browsers".to_owned());
        }
        for browser in &self.browsers {
            BrowserName::try_from(browser.clone())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_within_their_bounds() {
        assert_eq!(Settings::default().check(), Ok(()));
    }
}
