//! A connection and the end of its session at the same moment.

use super::*;
use crate::follow::Follower;
use crate::model::SessionId;
use crate::{Delivery, clock::ManualClock};

struct Stage {
    portal: Portal,
    session: SessionId,
    follower: Arc<Mutex<Follower>>,
    _dir: tempfile::TempDir,
}

impl Stage {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let options = Options {
            presence: true,
            clock: Arc::new(ManualClock::new(Timestamp::from_millis(1_800_000_000_000))),
            ..Options::default()
        };
        let portal = Portal::open(dir.path().join("portal.db"), options).unwrap();
        let operator = Actor::operator();
        for (name, params) in [
            ("user.create", r#"{"username":"somebody"}"#),
            ("session.create", r#"{"user_id":1}"#),
        ] {
            portal.call_json(&operator, name, params).unwrap();
        }
        let follower = Arc::new(Mutex::new(portal.follow(None).unwrap()));
        Self {
            portal,
            session: SessionId::try_from(1).unwrap(),
            follower,
            _dir: dir,
        }
    }

    /// Connects; something else happens, and is delivered, after the session was looked up and before the
    /// connection is there.
    fn connect_while(&self, name: &'static str, params: &'static str) -> Result<ConnectionId> {
        let (portal, follower) = (self.portal.clone(), Arc::clone(&self.follower));
        self.portal
            .shared
            .store
            .readers
            .hook_next("event", move || {
                portal.call_json(&Actor::operator(), name, params).unwrap();
                let mut follower = follower.lock().unwrap();
                assert_eq!(portal.deliver(&mut follower, 10).unwrap(), []);
            });
        self.portal.connect(&Actor::session(self.session))
    }

    /// What goes to anybody next.
    fn delivered(&self) -> Vec<&'static str> {
        let mut follower = self.follower.lock().unwrap();
        let deliveries = self.portal.deliver(&mut follower, 10).unwrap();
        let names = deliveries.into_iter().map(|delivery| match delivery {
            Delivery::Send { name, .. } => name,
            Delivery::Close { .. } => "close",
        });
        names.collect()
    }
}

#[test]
fn a_session_that_ends_while_it_connects_is_not_connected_spec_10_0() {
    let stage = Stage::new();
    let refusal = stage.connect_while("user.delete", r#"{"user_id":1}"#);
    assert_eq!(refusal.unwrap_err().kind(), ErrorKind::Unauthenticated);
    let presence = stage.portal.shared.presence().unwrap();
    assert_eq!(presence.everyone(), []);
}

#[test]
fn a_session_that_ends_once_it_is_connected_is_closed_spec_10_0() {
    let stage = Stage::new();
    stage
        .portal
        .connect(&Actor::session(stage.session))
        .unwrap();
    let delete = r#"{"user_id":1}"#;
    stage
        .portal
        .call_json(&Actor::operator(), "user.delete", delete)
        .unwrap();
    assert!(stage.delivered().contains(&"close"));
}

#[test]
fn what_was_delivered_while_somebody_connected_is_older_than_their_connection_spec_12_2() {
    let stage = Stage::new();
    let another = r#"{"user_id":1}"#;
    let connection = stage.connect_while("session.create", another).unwrap();
    let (_, since) = stage.portal.connection(connection).unwrap();
    let end = stage.follower.lock().unwrap().position().after;
    assert_eq!(since, end, "so that a replay reaches up to there");
}
