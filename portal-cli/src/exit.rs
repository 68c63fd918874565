//! How the program ends (SPEC 16.1): the error, and the exit code that stands for it.

use portal_core::error::Exit;
use portal_core::{Error, ErrorKind};

/// 2: the command line was wrong.
pub(crate) const USAGE: u8 = Exit::Usage as u8;
/// 7: some of what was asked for was done, and not all.
pub(crate) const PARTLY: u8 = 7;

/// Why a verb did not end with "done".
#[derive(Debug)]
pub(crate) enum Failure {
    /// The library's error, or one of ours by the same list.
    Error(Box<Error>),
    /// Some of it was done; says what was not.
    Partly(String),
    /// Nothing of a list was done: the exit code of the first refusal, and how many there were.
    NoneDone(u8, String),
    /// What was looked at has problems, and they are printed: `db check`, `server status`.
    Findings,
    /// Whoever read our output has gone: nobody is left to tell.
    ReaderGone,
}

impl Failure {
    /// The exit code.
    pub(crate) fn code(&self) -> u8 {
        match self {
            Failure::Error(error) => error.kind().exit() as u8,
            Failure::Partly(_) => PARTLY,
            Failure::NoneDone(code, _) => *code,
            Failure::Findings => Exit::Storage as u8,
            Failure::ReaderGone => 0,
        }
    }

    /// A wrong argument.
    pub(crate) fn usage(argument: &str, message: impl Into<String>) -> Self {
        Error::invalid(argument.to_owned(), message.into()).into()
    }

    /// The library answered something other than its own schema says.
    pub(crate) fn unexpected(what: &str) -> Self {
        let message = format!("The answer has no `{what}`.");
        Error::with_message(ErrorKind::Internal, message).into()
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Error(Box::new(error))
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        let message = "Reading or writing outside the database failed.";
        Error::with_message(ErrorKind::Internal, message)
            .caused_by(error)
            .into()
    }
}
