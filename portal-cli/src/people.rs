//! On whom: one USER, or a list of them.

use clap::Args;

/// One or many.
#[derive(Debug, Args)]
pub(crate) struct People {
    #[arg(required_unless_present = "from")]
    user: Option<String>,
    /// A list of users instead, on stdin: CSV or JSON, a user a line
    #[arg(long, value_name = "FILE|-", conflicts_with = "user")]
    from: Option<String>,
}

/// What was said of them.
pub(crate) enum Chosen {
    /// This USER.
    One(String),
    /// Those in this file.
    Listed(String),
}

impl People {
    pub(crate) fn chosen(self) -> Chosen {
        match (self.user, self.from) {
            (_, Some(from)) => Chosen::Listed(from),
            (user, None) => Chosen::One(user.unwrap_or_default()),
        }
    }
}
