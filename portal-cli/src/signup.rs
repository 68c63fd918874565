//! `signup`: codes with which people sign up (SPEC 2.4).

use clap::Subcommand;
use serde_json::json;

use crate::desk::Desk;
use crate::exit::Failure;
use crate::input::Params;
use crate::invite::Limits;
use crate::table::Column;

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Make a code
    Create(Limits),
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
        Verb::Create(limits) => {
            let params = limits.add_to(Params::new(), desk);
            out.fields(&desk.call("signup.create", params)?)
        }
        Verb::List => out.rows(&desk.call("signup.list", json!({}))?, "codes", LIST),
        Verb::Revoke { code } => {
            let reply = desk.call("signup.revoke", json!({ "code": code }))?;
            out.done(&reply, "The code is revoked.")
        }
    }
}
