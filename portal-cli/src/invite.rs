//! `invite`: codes with which people join a chat (SPEC 5).

use clap::{Args, Subcommand};
use serde_json::json;

use crate::desk::Desk;
use crate::exit::Failure;
use crate::input::{Params, moment, span};
use crate::table::Column;

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Make a code
    Create {
        chat: String,
        #[command(flatten)]
        limits: Limits,
    },
    /// List a chat's live codes
    List { chat: String },
    /// Revoke a code; for good
    Revoke { chat: String, code: String },
    /// Follow a code, or an address, as --as: makes that user a member
    Resolve { code: String },
}

/// How long and how often a code works.
#[derive(Debug, Args)]
pub(crate) struct Limits {
    /// Ends after this: 90s, 15m, 12h, 7d
    #[arg(long, value_name = "SPAN", value_parser = span, conflicts_with = "expires_at")]
    expires_in: Option<u64>,
    /// Ends at this time: 2026-12-24T18:00:00Z
    #[arg(long, value_name = "TIME", value_parser = moment)]
    expires_at: Option<i64>,
    /// Works so many times
    #[arg(long, value_name = "N")]
    max_uses: Option<u32>,
}

impl Limits {
    pub(crate) fn add_to(self, params: Params, desk: &Desk) -> Params {
        let from_now = self
            .expires_in
            .and_then(|seconds| i64::try_from(seconds).ok())
            .map(|seconds| desk.portal.now().plus(seconds * 1000).as_millis());
        params
            .maybe("expires_at", self.expires_at.or(from_now))
            .maybe("max_uses", self.max_uses)
    }
}

pub(crate) const LIST: &[Column] = &[
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
        Verb::Create { chat, limits } => {
            let params = Params::new().with("chat_id", desk.chat(&chat)?);
            let params = limits.add_to(params, desk);
            out.fields(&desk.call("invite.create", params)?)
        }
        Verb::List { chat } => {
            let params = json!({ "chat_id": desk.chat(&chat)? });
            out.rows(&desk.call("invite.list", params)?, "invites", LIST)
        }
        Verb::Revoke { chat, code } => {
            let params = json!({ "chat_id": desk.chat(&chat)?, "code": code });
            out.done(&desk.call("invite.revoke", params)?, "The code is revoked.")
        }
        Verb::Resolve { code } => {
            out.fields(&desk.call("invite.resolve", json!({ "code": code }))?)
        }
    }
}
