//! `signup`: codes with which people sign up (SPEC 2.4).

use clap::Subcommand;
use serde_json::{Value, json};

use crate::batch;
use crate::desk::Desk;
use crate::exit::Failure;
use crate::input::Params;
use crate::invite::Limits;
use crate::table::{self, Column};

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Make a code, or many
    Create {
        #[command(flatten)]
        limits: Limits,
        /// So many codes, each in a transaction of its own
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1000))]
        count: Option<u64>,
    },
    /// List the live codes
    List,
    /// Revoke a code; for good
    Revoke { code: String },
}

const LIST: &[Column] = &[
    ("code", "code"),
    ("uses", "uses"),
    ("max_uses", "of"),
    ("expires_at", "expires"),
    ("created_at", "created"),
    ("created_by", "by"),
];

pub(crate) fn run(verb: Verb, desk: &Desk) -> Result<(), Failure> {
    let out = desk.out;
    match verb {
        Verb::Create { limits, count } => {
            let params: Value = limits.add_to(Params::new(), desk).into();
            let Some(count) = count else {
                return out.fields(&desk.call("signup.create", params)?);
            };
            let said = |reply: &Value| table::at(reply, "code");
            batch::run(desk, &batch::counted(count), said, |_| {
                desk.call_one("signup.create", params.clone())
            })
        }
        Verb::List => out.rows(&desk.call("signup.list", json!({}))?, "codes", LIST),
        Verb::Revoke { code } => {
            let reply = desk.call("signup.revoke", json!({ "code": code }))?;
            out.done(&reply, "The code is revoked.")
        }
    }
}
