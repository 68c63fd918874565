//! What a verb works with: the open file, on whose behalf it acts, and what was said of asking and
//! rehearsing. Names become ids here.

use std::io::{BufRead, IsTerminal};
use std::path::Path;

use portal_core::model::{Slug, UserId, Username};
use portal_core::{Actor, Error, ErrorKind, Options, Portal};
use serde_json::{Value, json};

use crate::exit::Failure;
use crate::grammar::Globals;
use crate::output::{self, Output};

/// An open file and the manner of working on it.
pub(crate) struct Desk {
    pub(crate) portal: Portal,
    pub(crate) out: Output,
    actor: Actor,
    yes: bool,
    dry_run: bool,
}

impl Globals {
    /// Opens the file, which must be there, and finds out on whose behalf.
    pub(crate) fn open(&self, out: Output) -> Result<Desk, Failure> {
        let portal =
            open_file(&self.db, self.options()).map_err(|error| self.where_to_begin(error))?;
        let mut desk = Desk {
            portal,
            out,
            actor: operator(),
            yes: self.yes,
            dry_run: self.dry_run,
        };
        if let Some(name) = &self.acting {
            let id =
                UserId::try_from(desk.user(name)?).map_err(|why| Failure::usage("--as", why))?;
            desk.actor = with_os_user(Actor::user(id));
        }
        Ok(desk)
    }

    pub(crate) fn options(&self) -> Options {
        Options {
            create: false,
            busy_timeout_ms: self.wait_ms,
            ..Options::default()
        }
    }

    /// Says what to run where there is no database yet.
    pub(crate) fn where_to_begin(&self, error: Error) -> Error {
        if error.kind() != ErrorKind::StorageNotFound {
            return error;
        }
        let file = self.db.display();
        error.saying(format!(
            "There is no portal database at {file}; `portal-cli --db {file} db init` makes one."
        ))
    }
}

/// Opens a file as `options` say, and names it in what goes wrong.
pub(crate) fn open_file(path: &Path, options: Options) -> Result<Portal, Error> {
    Portal::open(path, options).map_err(|error| {
        let message = format!("{}: {}", path.display(), error.message());
        error.saying(message)
    })
}

/// Whoever holds the file, by the name the system knows them by.
pub(crate) fn operator() -> Actor {
    with_os_user(Actor::operator())
}

fn with_os_user(actor: Actor) -> Actor {
    // For the audit log's reader, not for any right: whoever could lie here holds the file anyway.
    let name = ["SUDO_USER", "USER", "LOGNAME"]
        .into_iter()
        .find_map(|variable| std::env::var(variable).ok());
    // Where nobody set them, as in a timer's surroundings, the number.
    let number = || format!("uid {}", rustix::process::getuid().as_raw());
    actor.with_os_user(name.unwrap_or_else(number))
}

impl Desk {
    /// Runs an operation or query by name; rehearses it where `--dry-run` was said.
    pub(crate) fn call(&self, name: &str, params: impl Into<Value>) -> Result<Value, Failure> {
        let params: Value = params.into();
        parsed(&self.call_text(name, &params.to_string())?)
    }

    /// The same with the documents as text.
    pub(crate) fn call_text(&self, name: &str, params: &str) -> Result<String, Failure> {
        let reply = self.run(name, params)?;
        if self.dry_run && portal_core::catalogue::find(name)?.writes() {
            output::rehearsed();
        }
        Ok(reply)
    }

    /// Runs one of many: that it is a rehearsal is said once for all of them.
    pub(crate) fn call_one(&self, name: &str, params: impl Into<Value>) -> Result<Value, Failure> {
        let params: Value = params.into();
        parsed(&self.run(name, &params.to_string())?)
    }

    fn run(&self, name: &str, params: &str) -> Result<String, Failure> {
        Ok(if self.dry_run {
            self.portal.rehearse_json(&self.actor, name, params)?
        } else {
            self.portal.call_json(&self.actor, name, params)?
        })
    }

    /// Whether nothing may be changed.
    pub(crate) fn is_rehearsal(&self) -> bool {
        self.dry_run
    }

    /// Runs it as this user, whoever else was asked for: for what people do to themselves.
    pub(crate) fn for_user(&self, user: i64) -> Result<Desk, Failure> {
        let id = UserId::try_from(user).map_err(|why| Failure::usage("USER", why))?;
        Ok(Desk {
            portal: self.portal.clone(),
            actor: with_os_user(Actor::user(id)),
            ..*self
        })
    }

    /// Runs what destroys something: what is refused is refused before anybody is asked, and what is asked
    /// about is what goes. `what_goes` is told what the rehearsal answered.
    pub(crate) fn destroy(
        &self,
        name: &str,
        params: impl Into<Value>,
        what_goes: impl FnOnce(&Value) -> Result<String, Failure>,
    ) -> Result<Value, Failure> {
        let params = params.into();
        let rehearsed = self.rehearse(name, &params)?;
        self.confirm(&what_goes(&rehearsed)?)?;
        self.call(name, params)
    }

    /// Says what would go, and asks whether it may (SPEC 16.1).
    pub(crate) fn confirm(&self, what_goes: &str) -> Result<(), Failure> {
        ask(what_goes, self.yes || self.dry_run)
    }

    /// The id of a user who is named by id, username or @username.
    pub(crate) fn user(&self, named: &str) -> Result<i64, Failure> {
        if let Ok(id) = named.parse() {
            return Ok(id);
        }
        let name = named.strip_prefix('@').unwrap_or(named);
        let unknown = || {
            let message = format!("There is no user {name:?}.");
            Failure::from(Error::with_message(ErrorKind::UserNotFound, message))
        };
        // What cannot be a name is nobody's.
        let name: Username = name.parse().map_err(|_| unknown())?;
        let reply = self.as_operator("user.list", &json!({ "username": name }))?;
        reply["users"][0]["id"].as_i64().ok_or_else(unknown)
    }

    /// The id of a chat that is named by id, slug or /slug.
    pub(crate) fn chat(&self, named: &str) -> Result<i64, Failure> {
        if let Ok(id) = named.parse() {
            return Ok(id);
        }
        let unknown = || {
            let message = format!("There is no chat at {named:?}.");
            Failure::from(Error::with_message(ErrorKind::ChatNotFound, message))
        };
        let slug: Slug = named
            .strip_prefix('/')
            .unwrap_or(named)
            .parse()
            .map_err(|_| unknown())?;
        match self.as_operator("invite.resolve", &json!({ "code": slug })) {
            Ok(reply) => reply["chat_id"]
                .as_i64()
                .ok_or_else(|| Failure::unexpected("chat_id")),
            Err(Failure::Error(error)) if error.kind() == ErrorKind::InviteInvalid => {
                Err(unknown())
            }
            Err(failure) => Err(failure),
        }
    }

    /// What this would answer; else why it would not be done. Changes nothing.
    pub(crate) fn rehearse(&self, name: &str, params: &Value) -> Result<Value, Failure> {
        let reply = self
            .portal
            .rehearse_json(&self.actor, name, &params.to_string())?;
        parsed(&reply)
    }

    /// Looks something up, leaving no trace.
    pub(crate) fn as_operator(&self, name: &str, params: &Value) -> Result<Value, Failure> {
        let reply = self
            .portal
            .rehearse_json(&Actor::operator(), name, &params.to_string())?;
        parsed(&reply)
    }
}

/// The same where no file is open.
pub(crate) fn confirm(globals: &Globals, what_goes: &str) -> Result<(), Failure> {
    ask(what_goes, globals.yes || globals.dry_run)
}

fn ask(what_goes: &str, agreed: bool) -> Result<(), Failure> {
    output::note(what_goes);
    if agreed {
        return Ok(());
    }
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        let message =
            "This cannot be undone and nobody is there to ask; --yes does it without asking.";
        return Err(Error::with_message(ErrorKind::NotConfirmed, message).into());
    }
    output::question("Go on? [y/N]");
    if agrees(&mut stdin.lock())? {
        Ok(())
    } else {
        Err(Error::with_message(ErrorKind::NotConfirmed, "Nothing was changed.").into())
    }
}

fn parsed(reply: &str) -> Result<Value, Failure> {
    serde_json::from_str(reply)
        .map_err(|error| Error::new(ErrorKind::Internal).caused_by(error).into())
}

fn agrees(answers: &mut impl BufRead) -> Result<bool, Failure> {
    let mut answer = String::new();
    answers.read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_yes_is_a_yes() {
        for (said, meant) in [
            ("y\n", true),
            ("yes\n", true),
            ("Y\n", true),
            ("\n", false),
            ("", false),
            ("no\n", false),
            ("yep\n", false),
        ] {
            assert_eq!(agrees(&mut said.as_bytes()).unwrap(), meant, "{said:?}");
        }
    }
}
