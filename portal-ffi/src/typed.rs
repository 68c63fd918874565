//! What the typed calls share: an operation by its name, with parameters that C gives one by one.
//!
//! A typed call gathers a document and goes through the door of `portal_call`; no rule lives here. Why:
//! `docs/decisions/c-typed-calls.md`.

use std::sync::Arc;

use portal_core::{Actor, Error, ErrorKind, Result};
use serde_json::Value;

use crate::actor::{self, Caller};
use crate::buf::Buf;
use crate::handle::{self, Gate, Handle};

/// Somebody's call, before it is said what is called.
pub(crate) struct Call<'a> {
    gate: &'a Arc<Gate>,
    actor: Actor,
}

impl Call<'_> {
    /// Whose it is, at which handle.
    ///
    /// # Safety
    /// As for `portal_call`: a live handle, and an actor whose texts can be read.
    pub(crate) unsafe fn new(handle: *mut Handle, actor: *const Caller) -> Result<Self> {
        // SAFETY: as the caller says.
        let (gate, actor) = unsafe { (handle::gate(handle)?, actor::actor(actor)?) };
        Ok(Self { gate, actor })
    }

    fn reply(&self, op: &str, params: &Value) -> Result<String> {
        let portal = self.gate.enter()?;
        let reply = portal.call_json(&self.actor, op, &params.to_string());
        portal.told(op, reply)
    }

    /// Calls what answers nothing that a caller goes on with.
    pub(crate) fn done(&self, op: &str, params: &Value) -> Result<()> {
        self.reply(op, params).map(drop)
    }

    /// Calls what answers a document.
    pub(crate) fn document(&self, op: &str, params: &Value) -> Result<Buf> {
        self.reply(op, params).map(Buf::new)
    }

    /// Calls what answers something that is read here.
    pub(crate) fn value(&self, op: &str, params: &Value) -> Result<Value> {
        let reply = self.reply(op, params)?;
        serde_json::from_str(&reply)
            .map_err(|error| Error::new(ErrorKind::Internal).caused_by(error))
    }

    /// Calls what answers one number, at this place of the reply.
    pub(crate) fn number(&self, op: &str, params: &Value, place: &str) -> Result<i64> {
        let reply = self.value(op, params)?;
        let number = reply.pointer(place).and_then(Value::as_i64);
        number.ok_or_else(|| ErrorKind::Internal.into())
    }

    /// Calls what answers one text, at this place of the reply.
    pub(crate) fn text(&self, op: &str, params: &Value, place: &str) -> Result<Buf> {
        let reply = self.value(op, params)?;
        let text = reply.pointer(place).and_then(Value::as_str);
        text.map(Buf::new).ok_or_else(|| ErrorKind::Internal.into())
    }
}

/// A number that is left out as 0.
pub(crate) fn given<T: Default + PartialEq>(number: T) -> Option<T> {
    (number != T::default()).then_some(number)
}

/// A parameter that is a JSON text.
pub(crate) fn parsed(text: &str, parameter: &'static str) -> Result<Value> {
    serde_json::from_str(text)
        .map_err(|error| Error::invalid(parameter, format!("`{parameter}` is not JSON: {error}.")))
}
