//! A backend that runs nothing and remembers everything: for the tests of every face.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Mutex;

use portal_core::backend::{
    Access, BrowserBackend, BrowserOrder, Fault, FaultKind, Picture, Running, Viewer,
};
use portal_core::model::{ChatId, RunId, Secret, UserId};
use serde_json::Value;

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
    /// Those calls that do it all the same, as one whose answer is lost on the way.
    pub unheard: BTreeSet<&'static str>,
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

    /// The next call of that name is carried out, and fails so.
    pub fn fail_unheard(&self, call: &'static str, kind: FaultKind) {
        self.fail(call, &[kind]);
        self.0.lock().unwrap().unheard.insert(call);
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
            Some(kind) => {
                if state.unheard.remove(name) {
                    drop(does(&mut state));
                }
                Err(Fault::new(kind, format!("{name}: as told")))
            }
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
