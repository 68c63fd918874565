//! People for a portal-server to serve, made in its file while it runs.

use std::io::{Error, Result};
use std::path::Path;

use portal_core::{Actor, Options, Portal};
use serde_json::{Value, json};

/// Whoever holds the file.
pub(crate) struct Operator(Portal);

/// Somebody with a session.
pub(crate) struct Person {
    pub(crate) id: u64,
    pub(crate) token: String,
}

impl Operator {
    /// Opens the file of a running server.
    pub(crate) fn of(file: &Path) -> Result<Self> {
        Portal::open(file, Options::default())
            .map(Self)
            .map_err(Error::other)
    }

    /// Runs an operation.
    pub(crate) fn call(&self, name: &str, params: Value) -> Result<Value> {
        let reply = self
            .0
            .call_json(&Actor::operator(), name, &params.to_string())
            .map_err(Error::other)?;
        serde_json::from_str(&reply).map_err(Error::other)
    }

    /// Makes a person with a session.
    pub(crate) fn person(&self, name: &str, role: &str) -> Result<Person> {
        let user = self.call("user.create", json!({ "username": name, "role": role }))?;
        let session = self.call("session.create", json!({ "user_id": user["user_id"] }))?;
        let token = session["token"].as_str().unwrap_or_default().to_owned();
        Ok(Person {
            id: number(&user["user_id"])?,
            token,
        })
    }
}

impl Person {
    /// JSON of Socket.IO's `auth` payload.
    pub(crate) fn auth(&self) -> String {
        json!({ "token": self.token }).to_string()
    }
}

/// An id.
pub(crate) fn number(value: &Value) -> Result<u64> {
    value.as_u64().ok_or_else(|| Error::other("no id"))
}
