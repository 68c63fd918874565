//! `db.fix`: puts right what `db.check` found, where nothing that was acknowledged can be lost by it: keys
//! that belong to nothing, counters that stand too low, what is derived from other rows.

use rusqlite::Connection;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::error::{Error, Result};
use crate::operation::{Context, Effect, Operation};
use crate::ops::audit::{self, Act};
use crate::ops::check;
use crate::policy::{PlatformAction, on_platform};
use crate::store;

/// Puts right one finding of `db.check`, where nothing that was acknowledged can be lost by it; for the
/// operator. The finding says whether it is such a one (`fixable`).
///
/// `ERR_INVALID` for any other.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fix {
    /// The finding's code.
    pub code: String,
}

/// What was put right.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Fixed {
    /// How many rows were changed.
    pub rows: u64,
}

/// A finding and what puts it right.
struct Repair {
    code: &'static str,
    /// Each is run once, in this order.
    sql: &'static [&'static str],
}

const REPAIRS: &[Repair] = &[
    // Keys are wrapped anew for whoever asks; those of an epoch that ended must not stay (SPEC 8.2).
    Repair {
        code: "key_of_other_epoch",
        sql: &[
            "DELETE FROM key_blob WHERE epoch <> (SELECT epoch FROM chat WHERE id = key_blob.chat_id)",
            "DELETE FROM room_key WHERE epoch <> (SELECT epoch FROM chat WHERE id = room_key.chat_id)",
            "DELETE FROM key_blob WHERE chat_id NOT IN (SELECT chat_id FROM room_key)",
        ],
    },
    Repair {
        code: "key_blob_length",
        sql: &[
            "DELETE FROM key_blob WHERE length(blob) <>
               (SELECT CASE e2ee WHEN 2 THEN 72 ELSE 80 END FROM chat WHERE id = key_blob.chat_id)",
        ],
    },
    Repair {
        code: "key_blob_without_key",
        sql: &["DELETE FROM key_blob WHERE chat_id NOT IN (SELECT chat_id FROM room_key)"],
    },
    Repair {
        code: "keys_orphaned",
        sql: &[
            "DELETE FROM key_blob WHERE chat_id NOT IN (SELECT id FROM chat) OR session_id NOT IN (SELECT id FROM session)",
            "DELETE FROM key_rejection WHERE chat_id NOT IN (SELECT id FROM chat) OR session_id NOT IN (SELECT id FROM session)",
            "DELETE FROM key_request WHERE chat_id NOT IN (SELECT id FROM chat) OR session_id NOT IN (SELECT id FROM session)",
            "DELETE FROM room_key WHERE chat_id NOT IN (SELECT id FROM chat)",
            "UPDATE room_key SET distributor_session = NULL WHERE distributor_session NOT IN (SELECT id FROM session)",
        ],
    },
    // Derived from the entries alone.
    Repair {
        code: "queue_differs",
        sql: &[
            "DELETE FROM match_queue",
            "INSERT INTO match_queue (tag, since, entry_id)
             SELECT j.value, e.since, e.id FROM match_entry e, json_each(e.interests) j WHERE e.rests = 0",
        ],
    },
    // A counter that stands higher than it need gives out no id twice.
    Repair {
        code: "message_beyond_counter",
        sql: &[
            "UPDATE chat SET next_message_id = 1 + (SELECT max(id) FROM message WHERE chat_id = chat.id)
             WHERE next_message_id <= (SELECT max(id) FROM message WHERE chat_id = chat.id)",
        ],
    },
    Repair {
        code: "id_reused",
        sql: &[
            "WITH last (name, id) AS (
               SELECT 'user', max(id) FROM user UNION ALL SELECT 'session', max(id) FROM session
               UNION ALL SELECT 'chat', max(id) FROM chat UNION ALL SELECT 'key_blob', max(id) FROM key_blob
               UNION ALL SELECT 'punishment', max(id) FROM punishment UNION ALL SELECT 'report', max(id) FROM report
               UNION ALL SELECT 'bot', max(id) FROM bot UNION ALL SELECT 'audit', max(id) FROM audit)
             UPDATE sqlite_sequence SET seq = (SELECT id FROM last WHERE last.name = sqlite_sequence.name)
             WHERE seq < (SELECT id FROM last WHERE last.name = sqlite_sequence.name)",
            "WITH last (name, id) AS (
               SELECT 'user', max(id) FROM user UNION ALL SELECT 'session', max(id) FROM session
               UNION ALL SELECT 'chat', max(id) FROM chat UNION ALL SELECT 'key_blob', max(id) FROM key_blob
               UNION ALL SELECT 'punishment', max(id) FROM punishment UNION ALL SELECT 'report', max(id) FROM report
               UNION ALL SELECT 'bot', max(id) FROM bot UNION ALL SELECT 'audit', max(id) FROM audit)
             INSERT INTO sqlite_sequence (name, seq) SELECT name, id FROM last
             WHERE id IS NOT NULL AND name NOT IN (SELECT name FROM sqlite_sequence)",
        ],
    },
    // The chat stays, and what it holds with it.
    Repair {
        code: "direct_wiped",
        sql: &["UPDATE chat SET wipe_due_at = NULL WHERE chat_type = 'DIRECT' AND wipe_due_at IS NOT NULL"],
    },
    Repair {
        code: check::READABLE,
        sql: &[],
    },
];

/// Whether a finding is one that [`Fix`] puts right.
pub(crate) fn is_fixable(code: &str) -> bool {
    find(code).is_some()
}

fn find(code: &str) -> Option<&'static Repair> {
    REPAIRS.iter().find(|repair| repair.code == code)
}

impl Operation for Fix {
    const NAME: &'static str = "db.fix";
    type Reply = Fixed;

    fn apply(self, cx: &mut Context<'_>) -> Result<Fixed> {
        on_platform(PlatformAction::Operate, &cx.actor)?;
        let Some(repair) = find(&self.code) else {
            let message = "That is not put right without a person's decision.";
            return Err(Error::invalid("code", message));
        };
        let rows = run(cx.db, repair)?;
        if repair.code == check::READABLE {
            cx.afterwards(Effect::CloseToOthers);
        }
        let details = json!({ "code": repair.code, "rows": rows });
        let act = Act {
            details,
            ..Act::default()
        };
        audit::record(cx, "db.fix", act)?;
        Ok(Fixed { rows })
    }
}

fn run(db: &Connection, repair: &Repair) -> Result<u64> {
    let mut rows = 0;
    for sql in repair.sql {
        rows += store::execute(db, sql, [])? as u64;
    }
    Ok(rows)
}
