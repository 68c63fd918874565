//! Presence against a model that is too simple to be wrong: a list of connections, each with its rooms.

use std::collections::BTreeSet;

use portal_core::event::{
    Event, MatchFound, RoomDestroyed, RoomEvicted, RoomKicked, SessionEnded, UserBanned,
};
use portal_core::model::{ChatId, ConnectionId, MINUTE, SessionId, Timestamp, UserId};
use portal_core::presence::{Departure, Identity, Leaver, Left, Presence};
use proptest::prelude::*;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

const USERS: i64 = 3;
const SESSIONS: i64 = 5;
const CHATS: i64 = 3;

fn chat(id: i64) -> ChatId {
    ChatId::try_from(id).unwrap()
}

fn user(id: i64) -> UserId {
    UserId::try_from(1_000 * id).unwrap()
}

fn session(id: i64) -> SessionId {
    SessionId::try_from(10 * id).unwrap()
}

/// Sessions 1 and 4 are user 1's, 2 and 5 user 2's, 3 is user 3's.
fn owner(of: i64) -> i64 {
    (of - 1) % USERS + 1
}

#[derive(Clone, Copy, Debug)]
enum Who {
    Guest,
    Session(i64),
    /// A host's person, without a session.
    User(i64),
}

impl Who {
    fn identity(self) -> Identity {
        match self {
            Who::Guest => Identity::default(),
            Who::Session(id) => Identity {
                session: Some(session(id)),
                user: Some(user(owner(id))),
            },
            Who::User(id) => Identity {
                session: None,
                user: Some(user(id)),
            },
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Connect(Who),
    // The connection is any that there ever was, also one that is gone.
    Disconnect(prop::sample::Index),
    Join(prop::sample::Index, i64),
    Leave(prop::sample::Index, i64),
    Kick(i64, i64),
    Ban(i64, i64),
    EvictOne(i64, i64),
    EvictBut(i64, BTreeSet<i64>),
    Destroy(i64),
    End(i64),
    /// A person is matched into a room.
    Match(i64, i64),
    /// The events so far are delivered to a room.
    Deliver(i64),
    /// The departures so far are written down.
    Note,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let any = any::<prop::sample::Index>;
    let person = 1..=USERS;
    let room = || 1..=CHATS;
    let who = prop_oneof![
        1 => Just(Who::Guest),
        3 => (1..=SESSIONS).prop_map(Who::Session),
        1 => (1..=USERS).prop_map(Who::User),
    ];
    let step = prop_oneof![
        4 => who.prop_map(Step::Connect),
        2 => any().prop_map(Step::Disconnect),
        8 => (any(), room()).prop_map(|(i, chat)| Step::Join(i, chat)),
        3 => (any(), room()).prop_map(|(i, chat)| Step::Leave(i, chat)),
        1 => (person.clone(), room()).prop_map(|(user, chat)| Step::Kick(user, chat)),
        1 => (person.clone(), room()).prop_map(|(user, chat)| Step::Ban(user, chat)),
        1 => (person.clone(), room()).prop_map(|(user, chat)| Step::EvictOne(user, chat)),
        1 => (room(), prop::collection::btree_set(person, 0..3)).prop_map(|(chat, may)| Step::EvictBut(chat, may)),
        1 => room().prop_map(Step::Destroy),
        1 => (1..=SESSIONS).prop_map(Step::End),
        1 => (1..=USERS, room()).prop_map(|(user, chat)| Step::Match(user, chat)),
        1 => room().prop_map(Step::Deliver),
        1 => Just(Step::Note),
    ];
    prop::collection::vec(step, 1..60)
}

/// A live connection, with its rooms in the order of joining.
#[derive(Clone, Debug)]
struct Line {
    id: ConnectionId,
    identity: Identity,
    rooms: Vec<(ChatId, u64)>,
    /// Its session has ended; nobody has closed it yet.
    ended: bool,
    opened_at: Timestamp,
}

impl Line {
    /// Whom leaving a room concerns: its session, if it has one, and its person; of guests nobody.
    fn leavers(&self) -> Vec<Leaver> {
        let session = self.identity.session.map(Leaver::Session);
        let user = self.identity.user.map(Leaver::User);
        session.into_iter().chain(user).collect()
    }

    fn is_of(&self, who: Leaver) -> bool {
        match who {
            Leaver::Session(session) => self.identity.session == Some(session),
            Leaver::User(user) => self.identity.user == Some(user),
        }
    }

    fn is_in(&self, chat: ChatId) -> bool {
        self.rooms.iter().any(|(room, _)| *room == chat)
    }
}

/// The model: who is connected, when each joined where, and who left and is not written down as gone.
/// `seq` is the event log's end; a step takes a millisecond.
#[derive(Debug, Default)]
struct Naive {
    live: Vec<Line>,
    ever: Vec<Line>,
    departures: Vec<Departure>,
    joinings: u64,
    seq: u64,
    now: i64,
}

impl Naive {
    fn pick(&self, index: prop::sample::Index) -> Option<Line> {
        (!self.ever.is_empty()).then(|| index.get(&self.ever).clone())
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.now)
    }

    fn join(&mut self, id: ConnectionId, chat: ChatId) {
        if let Some(line) = self.live.iter_mut().find(|line| line.id == id)
            && !line.is_in(chat)
        {
            self.joinings += 1;
            line.rooms.push((chat, self.joinings));
            let back = line.leavers();
            self.departures
                .retain(|left| left.left != Left::Room(chat) || !back.contains(&left.who));
        }
    }

    /// Somebody's connection has just left a room, by itself or with the person.
    fn left(&mut self, line: &Line, chat: ChatId) {
        let at = self.now();
        for who in line.leavers() {
            if !self
                .live
                .iter()
                .any(|line| line.is_of(who) && line.is_in(chat))
            {
                self.departs(at, at, Left::Room(chat), who);
            }
        }
    }

    fn departs(&mut self, at: Timestamp, opened_at: Timestamp, left: Left, who: Leaver) {
        self.departures
            .retain(|other| (other.left, other.who) != (left, who));
        self.departures.push(Departure {
            at,
            opened_at,
            left,
            who,
        });
    }

    fn is_connected(&self, user: UserId) -> bool {
        let mut live = self.live.iter();
        live.any(|line| line.identity.user == Some(user) && !line.ended)
    }

    /// Somebody's connection is gone, or as good as.
    fn gone(&mut self, user: Option<UserId>, opened_at: Timestamp) {
        if let Some(user) = user.filter(|user| !self.is_connected(*user)) {
            let at = self.now();
            self.departs(at, opened_at, Left::Platform, Leaver::User(user));
        }
    }

    /// The same, where no act names them: that the people among them leave is still to be written down.
    fn put_out_unnamed(&mut self, who: impl Fn(&Line) -> bool, which: impl Fn(ChatId) -> bool) {
        let before = self.live.clone();
        self.put_out(&who, &which);
        let at = self.now();
        for line in before.iter().filter(|line| who(line)) {
            let person = line.identity.user.map(Leaver::User);
            for chat in line
                .rooms
                .iter()
                .map(|(room, _)| *room)
                .filter(|room| which(*room))
            {
                let stays = |who| {
                    self.live
                        .iter()
                        .any(|line| line.is_of(who) && line.is_in(chat))
                };
                if let Some(who) = person.filter(|who| !stays(*who)) {
                    self.departs(at, at, Left::Room(chat), who);
                }
            }
        }
    }

    /// Takes whom `who` says out of the rooms that `which` says.
    fn put_out(&mut self, who: impl Fn(&Line) -> bool, which: impl Fn(ChatId) -> bool) {
        for line in &mut self.live {
            if who(line) {
                line.rooms.retain(|(room, _)| !which(*room));
            }
        }
    }

    fn here(&self, chat: ChatId) -> BTreeSet<ConnectionId> {
        self.room(chat).into_iter().map(|line| line.id).collect()
    }

    /// The connections in a room, the longest present first.
    fn room(&self, chat: ChatId) -> Vec<&Line> {
        let mut seated: Vec<_> = self
            .live
            .iter()
            .filter_map(|line| {
                let (_, order) = line.rooms.iter().find(|(room, _)| *room == chat)?;
                Some((*order, line))
            })
            .collect();
        seated.sort_by_key(|(order, _)| *order);
        seated.into_iter().map(|(_, line)| line).collect()
    }
}

/// An event from its data, whatever else it may hold one day.
fn event<T: DeserializeOwned + Into<Event>>(data: Value) -> Event {
    serde_json::from_value::<T>(data).unwrap().into()
}

/// An event is committed: presence takes it in, and it is for those who were there until then.
fn happens(presence: &mut Presence, naive: &mut Naive, event: &Event, staying: &[UserId]) {
    naive.seq += 1;
    presence.observe(naive.seq, naive.now(), event, staying);
    for room in (1..=CHATS).map(chat) {
        assert_eq!(seated(presence, room, naive.seq), naive.here(room));
    }
}

fn seated(presence: &Presence, room: ChatId, seq: u64) -> BTreeSet<ConnectionId> {
    presence.seated_at(room, seq).into_iter().collect()
}

fn join(line: &Line, room: ChatId, presence: &mut Presence, naive: &mut Naive) {
    naive.join(line.id, room);
    let joined = presence.join(line.id, room, naive.seq);
    assert_eq!(joined, naive.live.iter().any(|other| other.id == line.id));
    if !joined {
        presence.came_and_left(line.identity, room, naive.now());
        naive.left(line, room);
    }
}

fn leave(id: ConnectionId, room: ChatId, presence: &mut Presence, naive: &mut Naive) {
    let departing = presence.departing(id, room, naive.now());
    presence.leave(id, room, naive.now());
    let seated = naive
        .live
        .iter()
        .find(|line| line.id == id && line.is_in(room));
    let seated = seated.cloned();
    naive.put_out(|line| line.id == id, |other| other == room);
    if let Some(line) = seated {
        naive.left(&line, room);
    }
    let departures = presence.departures(naive.now());
    assert!(departing.iter().all(|left| departures.contains(left)));
}

/// A session's user logs out of it.
fn end_session(id: i64, presence: &mut Presence, naive: &mut Naive) {
    let data = json!({
        "session_id": session(id), "user_id": user(owner(id)), "reason": "logout"
    });
    happens(presence, naive, &event::<SessionEnded>(data), &[]);
    naive.put_out_unnamed(|line| line.identity.session == Some(session(id)), |_| true);
    let ending = |line: &&mut Line| line.identity.session == Some(session(id)) && !line.ended;
    let mut last = None;
    for line in naive.live.iter_mut().filter(ending) {
        line.ended = true;
        last = Some(line.opened_at);
    }
    if let Some(opened_at) = last {
        naive.gone(Some(user(owner(id))), opened_at);
    }
}

/// A person is matched into a room, with every connection that is theirs.
fn match_into(person: i64, room: i64, presence: &mut Presence, naive: &mut Naive) {
    let of = |id: i64| move |line: &Line| line.identity.user == Some(user(id));
    let data = json!({
        "chat_id": chat(room), "user_id": user(person), "peer_id": user(9), "expires_at": 0
    });
    happens(presence, naive, &event::<MatchFound>(data), &[]);
    let theirs = naive
        .live
        .iter()
        .filter(|line| of(person)(line) && !line.ended);
    let theirs: Vec<_> = theirs.map(|line| line.id).collect();
    for id in &theirs {
        naive.join(*id, chat(room));
    }
    if theirs.is_empty() {
        let at = naive.now();
        naive.departs(at, at, Left::Room(chat(room)), Leaver::User(user(person)));
    }
}

/// Does a step to both.
fn take(step: Step, presence: &mut Presence, naive: &mut Naive) {
    naive.now += 1;
    let of = |id: i64| move |line: &Line| line.identity.user == Some(user(id));
    match step {
        Step::Connect(who) => {
            let identity = who.identity();
            let id = presence.connect(identity, naive.seq, naive.now());
            let rooms = Vec::new();
            let line = Line {
                id,
                identity,
                rooms,
                ended: false,
                opened_at: naive.now(),
            };
            naive.departures.retain(|left| {
                left.left != Left::Platform || identity.user.map(Leaver::User) != Some(left.who)
            });
            naive.ever.push(line.clone());
            naive.live.push(line);
        }
        Step::Disconnect(index) => {
            let Some(Line { id, .. }) = naive.pick(index) else {
                return;
            };
            presence.depart(id, naive.now());
            let gone = naive.live.iter().position(|line| line.id == id);
            if let Some(line) = gone.map(|gone| naive.live.remove(gone)) {
                for (room, _) in &line.rooms {
                    naive.left(&line, *room);
                }
                if !line.ended {
                    naive.gone(line.identity.user, line.opened_at);
                }
            }
        }
        Step::Join(index, room) => {
            if let Some(line) = naive.pick(index) {
                join(&line, chat(room), presence, naive);
            }
        }
        Step::Leave(index, room) => {
            if let Some(line) = naive.pick(index) {
                leave(line.id, chat(room), presence, naive);
            }
        }
        Step::Note => {
            for departure in presence.departures(naive.now()) {
                presence.noted(departure);
            }
            naive.departures.clear();
        }
        Step::Kick(person, room) => {
            let data = json!({ "chat_id": chat(room), "user_id": user(person) });
            happens(presence, naive, &event::<RoomKicked>(data), &[]);
            naive.put_out(of(person), |other| other == chat(room));
        }
        Step::Ban(person, room) => {
            let data = json!({ "chat_id": chat(room), "user_id": user(person), "until": null });
            happens(presence, naive, &event::<UserBanned>(data), &[]);
            naive.put_out(of(person), |other| other == chat(room));
        }
        Step::EvictOne(person, room) => {
            let data = json!({ "chat_id": chat(room), "user_id": user(person), "reason": "left" });
            happens(presence, naive, &event::<RoomEvicted>(data), &[]);
            naive.put_out(of(person), |other| other == chat(room));
        }
        Step::EvictBut(room, may) => {
            let data = json!({ "chat_id": chat(room), "reason": "went_private" });
            let staying: Vec<_> = may.into_iter().map(user).collect();
            happens(presence, naive, &event::<RoomEvicted>(data), &staying);
            let goes = |line: &Line| {
                !line
                    .identity
                    .user
                    .is_some_and(|user| staying.contains(&user))
            };
            naive.put_out_unnamed(goes, |other| other == chat(room));
        }
        Step::Destroy(room) => {
            let data = json!({ "chat_id": chat(room) });
            happens(presence, naive, &event::<RoomDestroyed>(data), &[]);
            naive.put_out(|_| true, |other| other == chat(room));
            // There is nothing to write down of a chat that is gone.
            naive
                .departures
                .retain(|left| left.left != Left::Room(chat(room)));
        }
        Step::Deliver(room) => presence.delivered(chat(room), naive.seq),
        Step::End(id) => end_session(id, presence, naive),
        Step::Match(person, room) => match_into(person, room, presence, naive),
    }
}

/// Every question, answered by both.
fn compare(presence: &Presence, naive: &Naive) -> Result<(), TestCaseError> {
    let live: BTreeSet<_> = naive.live.iter().map(|line| line.id).collect();
    for room in (1..=CHATS).map(chat) {
        let in_order = naive.room(room);
        let people: BTreeSet<_> = in_order
            .iter()
            .filter_map(|line| line.identity.user)
            .collect();
        let guests = in_order.iter().filter(|line| line.identity.user.is_none());
        // A person counts once, however many connections; guests count singly (SPEC 10.1).
        prop_assert_eq!(presence.viewers(room), people.len() + guests.count());

        let here: BTreeSet<_> = presence.room(room).map(|(id, _)| id).collect();
        // What happens next is for those who are here now; what is still to be delivered, for nobody gone.
        prop_assert_eq!(&seated(presence, room, naive.seq + 1), &here);
        for seq in 1..=naive.seq {
            prop_assert!(
                seated(presence, room, seq).is_subset(&live),
                "{room} at {seq}"
            );
        }
        prop_assert_eq!(here, naive.here(room));
        let mut sessions = Vec::new();
        for line in in_order {
            if let (Some(session), Some(user)) = (line.identity.session, line.identity.user)
                && !sessions.contains(&(session, user))
            {
                sessions.push((session, user));
            }
        }
        for id in (1..=SESSIONS).map(session) {
            let joined = sessions.iter().any(|(session, _)| *session == id);
            prop_assert_eq!(presence.has_joined(id, room), joined);
            prop_assert_eq!(presence.rooms_of_session(id).contains(&room), joined);
            let (who, mut left) = (Leaver::Session(id), naive.departures.iter());
            let left = left.find(|left| (left.left, left.who) == (Left::Room(room), who));
            let seen = joined.then(|| naive.now()).or(left.map(|left| left.at));
            prop_assert_eq!(presence.last_seen(id, room, naive.now()), seen);
        }
        prop_assert_eq!(presence.sessions_in(room), sessions);
    }
    // No ghosts: whoever is gone is nowhere.
    for line in &naive.ever {
        let found = naive.live.iter().find(|other| other.id == line.id);
        prop_assert_eq!(presence.identity(line.id), found.map(|line| line.identity));
    }
    let mut departures = naive.departures.clone();
    departures.sort_unstable();
    prop_assert_eq!(presence.departures(naive.now()), departures);
    prop_assert_eq!(
        presence.everyone().into_iter().collect::<BTreeSet<_>>(),
        live
    );
    for id in (1..=USERS).map(user) {
        let lines = naive
            .live
            .iter()
            .filter(|line| line.identity.user == Some(id));
        let ids: BTreeSet<_> = lines.map(|line| line.id).collect();
        prop_assert_eq!(presence.is_connected(id), naive.is_connected(id));
        prop_assert_eq!(
            presence.of_user(id).into_iter().collect::<BTreeSet<_>>(),
            ids
        );
    }
    for id in (1..=SESSIONS).map(session) {
        let lines = naive
            .live
            .iter()
            .filter(|line| line.identity.session == Some(id));
        let ids: BTreeSet<_> = lines.map(|line| line.id).collect();
        prop_assert_eq!(
            presence.of_session(id).into_iter().collect::<BTreeSet<_>>(),
            ids
        );
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn presence_answers_as_a_list_of_connections_would_spec_10_1(steps in steps()) {
        let (mut presence, mut naive) = (Presence::default(), Naive::default());
        for step in steps {
            take(step, &mut presence, &mut naive);
            compare(&presence, &naive)?;
        }
    }

    #[test]
    fn nothing_is_left_of_whoever_disconnected_spec_10_1(steps in steps()) {
        let (mut presence, mut naive) = (Presence::default(), Naive::default());
        for step in steps {
            take(step, &mut presence, &mut naive);
        }
        for line in &naive.ever {
            presence.depart(line.id, naive.now());
            let left = presence.departures(naive.now());
            presence.depart(line.id, naive.now());
            prop_assert_eq!(presence.departures(naive.now()), left);
        }
        for room in (1..=CHATS).map(chat) {
            prop_assert_eq!(presence.viewers(room), 0);
            prop_assert!((1..=naive.seq).all(|seq| presence.seated_at(room, seq).is_empty()));
        }
        prop_assert!(presence.everyone().is_empty());
        for id in 1..=SESSIONS {
            prop_assert!(presence.of_session(session(id)).is_empty());
            prop_assert!(!presence.is_connected(user(owner(id))));
        }
    }
}

#[test]
fn joining_again_keeps_the_seat_and_coming_back_takes_a_new_one() {
    let mut presence = Presence::default();
    let first = presence.connect(Who::Session(1).identity(), 0, Timestamp::from_millis(0));
    let second = presence.connect(Who::Session(2).identity(), 0, Timestamp::from_millis(0));
    presence.join(first, chat(1), 7);
    presence.join(second, chat(1), 8);
    presence.join(first, chat(1), 9);
    let seats: Vec<_> = presence
        .room(chat(1))
        .map(|(id, seat)| (id, seat.since))
        .collect();
    assert_eq!(seats, [(first, 7), (second, 8)]);
    let longest = |presence: &Presence| presence.sessions_in(chat(1))[0].0;
    assert_eq!(longest(&presence), session(1));

    presence.leave(first, chat(1), Timestamp::from_millis(0));
    presence.join(first, chat(1), 10);
    assert_eq!(longest(&presence), session(2));
    let since = presence
        .room(chat(1))
        .find(|(id, _)| *id == first)
        .unwrap()
        .1
        .since;
    assert_eq!(since, 10);
}

#[test]
fn what_is_written_down_late_does_not_count_for_what_happened_since() {
    let mut presence = Presence::default();
    let at = Timestamp::from_millis;
    let once = presence.connect(Who::Session(1).identity(), 0, Timestamp::from_millis(0));
    presence.join(once, chat(1), 0);
    presence.depart(once, at(1));
    let first = presence.departures(at(2));
    let again = presence.connect(Who::Session(1).identity(), 0, Timestamp::from_millis(0));
    presence.join(again, chat(1), 0);
    presence.depart(again, at(2));
    let second = presence.departures(at(2));
    for departure in first {
        presence.noted(departure);
    }
    assert_eq!(presence.departures(at(2)), second);
}

#[test]
fn nothing_is_kept_of_a_match_that_is_over() {
    let mut presence = Presence::default();
    let at = Timestamp::from_millis;
    let over = ChatId::try_from(777_001).unwrap();
    let one = presence.connect(Who::Session(1).identity(), 0, Timestamp::from_millis(0));
    presence.connect(Who::Session(2).identity(), 0, Timestamp::from_millis(0));
    for (seq, user_id, peer_id) in [(1, user(1), user(2)), (2, user(2), user(1))] {
        let found = MatchFound {
            chat_id: over,
            user_id,
            peer_id,
            expires_at: at(1_000),
        };
        presence.observe(seq, at(0), &found.into(), &[]);
    }
    presence.observe(3, at(0), &RoomDestroyed { chat_id: over }.into(), &[]);
    assert_eq!(presence.seated_at(over, 3).len(), 2);

    presence.delivered(over, 3);
    presence.take_changed(at(0));
    presence.take_changed(at(1_000));
    let mut hearing = vec![one];
    presence.keep_hearing(&mut hearing, 4);
    assert_eq!(hearing, [one]);
    let kept = format!("{presence:?}");
    assert!(!kept.contains("777001"), "{kept}");
}

#[test]
fn who_is_gone_or_came_later_hears_nothing_whoever_is_asked_beside_them_spec_12_2() {
    let mut presence = Presence::default();
    let at = Timestamp::from_millis(0);
    // Six came before the event, three after it; of each three the middle one is gone.
    let ids: Vec<_> = (1..=9)
        .map(|number| {
            let since = if number > 6 { 10 } else { 0 };
            presence.connect(Who::Session(number).identity(), since, at)
        })
        .collect();
    for gone in ids.iter().skip(1).step_by(3) {
        presence.depart(*gone, at);
    }
    for asked in 0_u32..1 << ids.len() {
        let of = |wanted: &dyn Fn(usize) -> bool| -> Vec<_> {
            let asked = (0..ids.len()).filter(|place| asked >> place & 1 == 1);
            asked
                .filter(|place| wanted(*place))
                .map(|place| ids[place])
                .collect()
        };
        let mut hearing = of(&|_| true);
        presence.keep_hearing(&mut hearing, 5);
        assert_eq!(
            hearing,
            of(&|place| place < 6 && place % 3 != 1),
            "{asked:b}"
        );
    }
}

#[test]
fn a_person_has_left_to_the_others_once_they_stayed_away_for_more_than_a_minute_spec_10_4() {
    let mut presence = Presence::default();
    let at = Timestamp::from_millis;
    let room = chat(1);
    let who = Who::Session(1).identity();
    let comes = |presence: &mut Presence| {
        let id = presence.connect(who, 0, at(0));
        presence.join(id, room, 0);
        id
    };
    let note = |presence: &mut Presence, now: i64| {
        let due = presence.departures(at(now));
        for departure in &due {
            presence.noted(*departure);
        }
        due
    };
    let id = comes(&mut presence);
    assert_eq!(presence.next_departure_at(), None);
    presence.depart(id, at(1));
    assert!(!note(&mut presence, 1).is_empty());
    assert_eq!(presence.next_departure_at(), Some(at(2 + MINUTE)));
    assert_eq!(note(&mut presence, 1 + MINUTE), []);
    // Back in time, and gone again: the minute begins anew.
    let id = comes(&mut presence);
    assert_eq!(presence.next_departure_at(), None);
    presence.depart(id, at(MINUTE));
    note(&mut presence, MINUTE);
    assert_eq!(note(&mut presence, 2 * MINUTE), []);
    let away: Vec<_> = note(&mut presence, 1 + 2 * MINUTE);
    let user = Leaver::User(who.user.unwrap());
    let expected = (at(MINUTE), Left::RoomForLong(room), user);
    let told: Vec<_> = away
        .iter()
        .map(|left| (left.at, left.left, left.who))
        .collect();
    assert_eq!(told, [expected]);
    // Once.
    assert_eq!(note(&mut presence, 9 * MINUTE), []);
    assert_eq!(presence.next_departure_at(), None);
}
