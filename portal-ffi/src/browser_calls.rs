//! A host's callbacks as the backend that portal-core asks (SPEC 11.3).
//!
//! Whatever a callback answers is checked here; what is wrong becomes a [`Fault`] that names the callback.
//! No detail quotes an answer, which may be a way into a browser: it says where it is wrong. The surprise: an answer
//! that comes before a fault is in the place of its detail, so what looks like a document is not told either.

use std::ffi::{c_char, c_void};

use portal_core::backend::{
    Access, BrowserBackend, BrowserOrder, Fault, FaultKind, Picture, Running, Viewer,
};
use portal_core::model::{ChatId, RunId, Secret, UserId};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::browser_reply::{Given, Reply};
use crate::browsers::{HostBrowsers, kind};

/// What list answers, of one browser.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Found {
    chat_id: ChatId,
    run: RunId,
    viewers: Vec<UserId>,
    controller: Option<UserId>,
}

/// What admit answers.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WayIn {
    url: String,
    username: String,
    password: Secret,
}

/// A text for C, with a NUL after its end.
struct Text(Vec<u8>);

impl Text {
    fn new(text: &str) -> Self {
        let mut bytes = Vec::with_capacity(text.len() + 1);
        bytes.extend_from_slice(text.as_bytes());
        bytes.push(0);
        Self(bytes)
    }

    fn data(&self) -> *const c_char {
        self.0.as_ptr().cast()
    }

    fn len(&self) -> usize {
        self.0.len() - 1
    }
}

/// What a callback that is asked for a document answers, and how that begins.
fn document<T: DeserializeOwned>(name: &str, text: &Secret, shape: &str) -> Result<T, Fault> {
    serde_json::from_str(text.expose()).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        let detail = format!("`{name}` answered no {shape}: see line {line}, column {column}");
        Fault::new(FaultKind::Failed, detail)
    })
}

/// Whether it begins as a JSON object, whole or cut off: a way in is one.
fn is_document(text: &Secret) -> bool {
    text.expose().trim_start().starts_with('{')
}

impl HostBrowsers {
    /// Calls a callback of that name, and takes its answer or its fault.
    fn ask<F>(
        &self,
        name: &str,
        callback: Option<F>,
        call: impl FnOnce(F, *mut c_void, *mut Reply) -> i32,
    ) -> Result<Given, Fault> {
        let failed = |why: String| Fault::new(FaultKind::Failed, format!("`{name}` {why}"));
        let callback = callback.ok_or_else(|| failed("is NULL".to_owned()))?;
        let reply = Reply::new();
        let sink = (&raw const reply).cast_mut();
        let status = self.within.during(|| call(callback, self.given.host, sink));
        let given = reply.into_given();
        if status == 0 {
            return match given {
                Given::Wrong(why) => Err(failed(format!("gave a wrong answer: {why}"))),
                given => Ok(given),
            };
        }
        let detail = match given {
            Given::Text(detail) if is_document(&detail) => {
                "its detail begins as an answer does, and is not told".to_owned()
            }
            Given::Text(detail) => detail.expose().to_owned(),
            Given::Wrong(why) => format!("its detail is wrong: {why}"),
            Given::Nothing | Given::Picture(_) => "it gave no detail".to_owned(),
        };
        match kind(status) {
            Some(kind) => Err(Fault::new(kind, format!("`{name}`: {detail}"))),
            None => Err(failed(format!(
                "returned {status}, which is none of PORTAL_BROWSER_FAULT_...: {detail}"
            ))),
        }
    }

    fn ask_text<F>(
        &self,
        name: &str,
        callback: Option<F>,
        call: impl FnOnce(F, *mut c_void, *mut Reply) -> i32,
    ) -> Result<Secret, Fault> {
        let what = match self.ask(name, callback, call)? {
            Given::Text(text) => return Ok(text),
            Given::Picture(_) => "a picture",
            Given::Nothing | Given::Wrong(_) => "nothing",
        };
        let detail = format!("`{name}` answered {what} where a text is wanted");
        Err(Fault::new(FaultKind::Failed, detail))
    }
}

impl BrowserBackend for HostBrowsers {
    fn start(&self, order: &BrowserOrder) -> Result<(), Fault> {
        let run = Text::new(order.run.as_str());
        let document = json!({
            "chat_id": order.chat,
            "run": order.run,
            "browser_config": order.browser,
            "chat_config": order.room,
        });
        let document = Text::new(&document.to_string());
        let chat = order.chat.get();
        self.ask("start", self.given.start, |start, host, reply| {
            let (run, run_len) = (run.data(), run.len());
            let (order, order_len) = (document.data(), document.len());
            // SAFETY: the host's own function with the host's own pointer, before it is released; the
            // texts and the reply last longer than the call. So for each of the following.
            unsafe { start(host, chat, run, run_len, order, order_len, reply) }
        })
        .map(drop)
    }

    fn stop(&self, run: &RunId) -> Result<(), Fault> {
        let run = Text::new(run.as_str());
        self.ask("stop", self.given.stop, |stop, host, reply| {
            // SAFETY: as for start.
            unsafe { stop(host, run.data(), run.len(), reply) }
        })
        .map(drop)
    }

    fn list(&self) -> Result<Vec<Running>, Fault> {
        let text = self.ask_text("list", self.given.list, |list, host, reply| {
            // SAFETY: as for start.
            unsafe { list(host, reply) }
        })?;
        let shape = "array of {chat_id, run, viewers, controller}";
        let found: Vec<Found> = document("list", &text, shape)?;
        let running = found.into_iter().map(|found| Running {
            chat: found.chat_id,
            run: found.run,
            viewers: found.viewers,
            controller: found.controller,
        });
        Ok(running.collect())
    }

    fn admit(&self, run: &RunId, viewer: &Viewer) -> Result<Access, Fault> {
        let (run, name) = (Text::new(run.as_str()), Text::new(viewer.name.as_str()));
        let user = viewer.user.get();
        let text = self.ask_text("admit", self.given.admit, |admit, host, reply| {
            let (name, name_len) = (name.data(), name.len());
            // SAFETY: as for start.
            unsafe { admit(host, run.data(), run.len(), user, name, name_len, reply) }
        })?;
        let way: WayIn = document("admit", &text, "{url, username, password}")?;
        Ok(Access {
            url: way.url,
            username: way.username,
            password: way.password,
        })
    }

    fn dismiss(&self, run: &RunId, viewer: UserId) -> Result<(), Fault> {
        let run = Text::new(run.as_str());
        self.ask("dismiss", self.given.dismiss, |dismiss, host, reply| {
            // SAFETY: as for start.
            unsafe { dismiss(host, run.data(), run.len(), viewer.get(), reply) }
        })
        .map(drop)
    }

    fn give_control(&self, run: &RunId, to: Option<UserId>) -> Result<(), Fault> {
        let run = Text::new(run.as_str());
        let to = to.map_or(0, UserId::get);
        self.ask(
            "give_control",
            self.given.give_control,
            |give, host, reply| {
                // SAFETY: as for start.
                unsafe { give(host, run.data(), run.len(), to, reply) }
            },
        )
        .map(drop)
    }

    fn clipboard(&self, run: &RunId) -> Result<String, Fault> {
        let run = Text::new(run.as_str());
        let text = self.ask_text(
            "clipboard",
            self.given.clipboard,
            |clipboard, host, reply| {
                // SAFETY: as for start.
                unsafe { clipboard(host, run.data(), run.len(), reply) }
            },
        )?;
        Ok(text.expose().to_owned())
    }

    fn set_clipboard(&self, run: &RunId, text: &str) -> Result<(), Fault> {
        let (run, text) = (Text::new(run.as_str()), Text::new(text));
        self.ask(
            "set_clipboard",
            self.given.set_clipboard,
            |set, host, reply| {
                let (text, text_len) = (text.data(), text.len());
                // SAFETY: as for start.
                unsafe { set(host, run.data(), run.len(), text, text_len, reply) }
            },
        )
        .map(drop)
    }

    fn screenshot(&self, run: &RunId) -> Result<Picture, Fault> {
        let run = Text::new(run.as_str());
        let given = self.ask("screenshot", self.given.screenshot, |shot, host, reply| {
            // SAFETY: as for start.
            unsafe { shot(host, run.data(), run.len(), reply) }
        })?;
        match given {
            Given::Picture(picture) => Ok(picture),
            _ => Err(Fault::new(
                FaultKind::Failed,
                "`screenshot` answered no picture",
            )),
        }
    }
}
