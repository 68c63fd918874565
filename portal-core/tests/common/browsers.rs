//! A backend that runs nothing and remembers everything, and a stage with somebody who keeps its browsers.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use portal_core::backend::{
    Access, BrowserBackend, BrowserOrder, Fault, FaultKind, Picture, Running, Viewer,
};
use portal_core::model::{ChatId, ConnectionId, RunId, Secret, UserId};
use portal_core::{Actor, Follower, Keeper, Options, Tended};
use serde_json::{Value, json};

use super::{Stage, delivered, user};

type During = Box<dyn FnOnce() + Send>;

/// What the fake runs.
#[derive(Debug)]
pub struct Browser {
    pub order: BrowserOrder,
    /// The password of each viewer.
    pub viewers: BTreeMap<UserId, String>,
    pub controller: Option<UserId>,
    pub clipboard: String,
}

#[derive(Default)]
pub struct State {
    pub running: BTreeMap<RunId, Browser>,
    /// Every call, in a word with whom it concerns.
    pub calls: Vec<String>,
    /// What the next calls of that name answer instead.
    pub faults: BTreeMap<&'static str, VecDeque<FaultKind>>,
    /// What happens while the next call of that name is under way.
    pub during: BTreeMap<&'static str, During>,
    passwords: u32,
}

/// A backend that runs nothing and remembers everything. It outlives the portals that use it, as an engine does.
#[derive(Default)]
pub struct Fake(pub Mutex<State>);

impl Fake {
    /// The next calls of that name fail so.
    pub fn fail(&self, call: &'static str, kinds: &[FaultKind]) {
        self.0
            .lock()
            .unwrap()
            .faults
            .insert(call, kinds.iter().copied().collect());
    }

    /// This happens while the next call of that name is under way, as in a call that takes long.
    pub fn during(&self, call: &'static str, what: impl FnOnce() + Send + 'static) {
        self.0.lock().unwrap().during.insert(call, Box::new(what));
    }

    /// What was called since this was last asked.
    pub fn calls(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap().calls)
    }

    /// The chats that have a browser.
    pub fn chats(&self) -> Vec<ChatId> {
        let state = self.0.lock().unwrap();
        state
            .running
            .values()
            .map(|browser| browser.order.chat)
            .collect()
    }

    /// Whose password this is, wherever it is one.
    pub fn whose(&self, password: &Value) -> Option<i64> {
        let state = self.0.lock().unwrap();
        let mut viewers = state.running.values().flat_map(|browser| &browser.viewers);
        viewers.find_map(|(user, kept)| (password == kept).then_some(user.get()))
    }

    /// Who has control of the chat's browser.
    pub fn controller(&self, chat: ChatId) -> Option<i64> {
        let state = self.0.lock().unwrap();
        let mut of_chat = state
            .running
            .values()
            .filter(|browser| browser.order.chat == chat);
        of_chat
            .find_map(|browser| browser.controller)
            .map(UserId::get)
    }

    /// Who is let into the chat's browser.
    pub fn viewers(&self, chat: ChatId) -> Vec<i64> {
        let state = self.0.lock().unwrap();
        let of_chat = state
            .running
            .values()
            .filter(|browser| browser.order.chat == chat);
        of_chat
            .flat_map(|browser| browser.viewers.keys())
            .map(|user| user.get())
            .collect()
    }

    /// The browsers are gone, as after a crash of theirs.
    pub fn die(&self) {
        self.0.lock().unwrap().running.clear();
    }

    fn call<T>(
        &self,
        name: &'static str,
        whom: &dyn std::fmt::Display,
        does: impl FnOnce(&mut State) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let during = {
            let mut state = self.0.lock().unwrap();
            state
                .calls
                .push(format!("{name} {whom}").trim_end().to_owned());
            state.during.remove(name)
        };
        if let Some(during) = during {
            during();
        }
        let mut state = self.0.lock().unwrap();
        let fault = state.faults.get_mut(name).and_then(VecDeque::pop_front);
        match fault {
            Some(kind) => Err(Fault::new(kind, format!("{name}: as told"))),
            None => does(&mut state),
        }
    }
}

fn of<'a>(state: &'a mut State, run: &RunId) -> Result<&'a mut Browser, Fault> {
    let gone = || Fault::new(FaultKind::Gone, "no such run");
    state.running.get_mut(run).ok_or_else(gone)
}

impl BrowserBackend for Fake {
    fn start(&self, order: &BrowserOrder) -> Result<(), Fault> {
        self.call("start", &order.chat, |state| {
            let browser = Browser {
                order: order.clone(),
                viewers: BTreeMap::new(),
                controller: None,
                clipboard: String::new(),
            };
            state.running.entry(order.run.clone()).or_insert(browser);
            Ok(())
        })
    }

    fn stop(&self, run: &RunId) -> Result<(), Fault> {
        self.call("stop", &"", |state| {
            state.running.remove(run);
            Ok(())
        })
    }

    fn list(&self) -> Result<Vec<Running>, Fault> {
        self.call("list", &"", |state| {
            let running = state.running.iter().map(|(run, browser)| Running {
                chat: browser.order.chat,
                run: run.clone(),
                viewers: browser.viewers.keys().copied().collect(),
                controller: browser.controller,
            });
            Ok(running.collect())
        })
    }

    fn admit(&self, run: &RunId, viewer: &Viewer) -> Result<Access, Fault> {
        self.call("admit", &viewer.user, |state| {
            state.passwords += 1;
            let password = format!("secret-{}-{}", viewer.name.as_str(), state.passwords);
            let browser = of(state, run)?;
            browser.viewers.insert(viewer.user, password.clone());
            Ok(Access {
                url: format!("https://browsers.example/{}", browser.order.chat),
                username: viewer.name.as_str().to_owned(),
                password: Secret::new(password),
            })
        })
    }

    fn dismiss(&self, run: &RunId, viewer: UserId) -> Result<(), Fault> {
        self.call("dismiss", &viewer, |state| {
            let browser = of(state, run)?;
            browser.viewers.remove(&viewer);
            browser.controller = browser
                .controller
                .filter(|controller| *controller != viewer);
            Ok(())
        })
    }

    fn give_control(&self, run: &RunId, to: Option<UserId>) -> Result<(), Fault> {
        let whom = to.map_or("nobody".to_owned(), |user| user.to_string());
        self.call("control", &whom, |state| {
            let browser = of(state, run)?;
            assert!(to.is_none_or(|user| browser.viewers.contains_key(&user)));
            browser.controller = to;
            Ok(())
        })
    }

    fn clipboard(&self, run: &RunId) -> Result<String, Fault> {
        self.call("clipboard", &"", |state| {
            Ok(of(state, run)?.clipboard.clone())
        })
    }

    fn set_clipboard(&self, run: &RunId, text: &str) -> Result<(), Fault> {
        self.call("set_clipboard", &"", |state| {
            text.clone_into(&mut of(state, run)?.clipboard);
            Ok(())
        })
    }

    fn screenshot(&self, run: &RunId) -> Result<Picture, Fault> {
        self.call("screenshot", &"", |state| {
            of(state, run)?;
            Ok(Picture {
                media_type: "image/png".to_owned(),
                bytes: b"a picture".to_vec(),
            })
        })
    }
}

/// A stage, what runs its browsers, and who keeps them.
pub struct House {
    pub stage: Stage,
    pub fake: Arc<Fake>,
    pub keeper: Keeper,
    pub follower: Follower,
}

impl House {
    pub fn new() -> Self {
        let fake = Arc::new(Fake::default());
        let stage = Stage::with(Options {
            presence: true,
            browsers: Some(fake.clone()),
            ..Options::default()
        });
        Self::of(stage, fake)
    }

    fn of(stage: Stage, fake: Arc<Fake>) -> Self {
        let keeper = stage.portal.keeper().unwrap();
        let follower = stage.portal.follow(None).unwrap();
        Self {
            stage,
            fake,
            keeper,
            follower,
        }
    }

    /// The process ends, whatever it was about, and another one opens the file.
    #[must_use]
    pub fn reopened(self) -> Self {
        let stage = self.stage.reopened_with(self.fake.clone());
        Self::of(stage, self.fake)
    }

    #[track_caller]
    pub fn tend(&mut self) -> Tended {
        self.keeper.tend().unwrap()
    }

    /// Starts the chat's browser, and sees to it that it runs.
    #[track_caller]
    pub fn started(&mut self, owner: i64, chat: ChatId) {
        self.stage
            .ok(&user(owner), "browser.start", json!({ "chat_id": chat }));
        assert_eq!(self.tend().faults, []);
        assert_eq!(self.state(chat), "running");
    }

    /// How the chat's browser stands: a state, with the reason if there is one.
    #[track_caller]
    pub fn state(&self, chat: ChatId) -> String {
        let browser = self.get(chat);
        match (browser["state"].as_str(), browser["reason"].as_str()) {
            (None, _) => "none".to_owned(),
            (Some(state), None) => state.to_owned(),
            (Some(state), Some(reason)) => format!("{state}: {reason}"),
        }
    }

    #[track_caller]
    pub fn get(&self, chat: ChatId) -> Value {
        let params = json!({ "chat_id": chat });
        self.stage.ok(&Actor::operator(), "browser.get", params)["browser"].clone()
    }

    /// Somebody's connection in a room.
    #[track_caller]
    pub fn seat(&self, person: i64, chat: ChatId) -> ConnectionId {
        let (_, connection) = self.stage.connect(person);
        self.join(connection, chat);
        connection
    }

    #[track_caller]
    pub fn join(&self, connection: ConnectionId, chat: ChatId) {
        let params = json!({ "chat_id": chat });
        self.stage
            .ok(&Actor::connection(connection), "room.join", params);
    }

    /// What is delivered of these names now: to whom, what, with which data.
    pub fn told(&mut self, names: &[&str]) -> Vec<(Vec<ConnectionId>, String, Value)> {
        let mut all = delivered(&self.stage, &mut self.follower);
        all.retain(|(_, name, _)| names.contains(&name.as_str()));
        all
    }

    /// The names of the events about the browser since a place in the log.
    pub fn events_since(&self, after: u64) -> Vec<String> {
        let about = ["room:start", "room:stop", "control:"];
        let names = self.stage.events(after);
        let names = names
            .iter()
            .map(|event| event["name"].as_str().unwrap().to_owned());
        names
            .filter(|name| about.iter().any(|of| name.starts_with(of)))
            .collect()
    }
}
