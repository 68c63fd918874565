//! The shared browser: what is wanted, and who has control.

use super::harness::{Case, copy, effect, refuse};

pub(crate) const CASES: &[Case] = &[
    copy(
        "browser.run",
        "browser WHERE chat_id = 103",
        &[("chat_id", "102")],
    ),
    copy(
        "browser_run_form",
        "browser WHERE chat_id = 103",
        &[("chat_id", "102"), ("run", "'0123456789abcdef'")],
    ),
    copy(
        "browser_run_form",
        "browser WHERE chat_id = 103",
        &[
            ("chat_id", "102"),
            ("run", "'0123456789ABCDEF0123456789ABCDEF'"),
        ],
    ),
    refuse(
        "browser_state_known",
        "UPDATE browser SET state = 'paused' WHERE chat_id = 103",
    ),
    refuse(
        "browser_reason_known",
        "UPDATE browser SET state = 'failed', reason = 'tired' WHERE chat_id = 103",
    ),
    refuse(
        "browser_end_has_reason",
        "UPDATE browser SET state = 'stopping' WHERE chat_id = 103",
    ),
    refuse(
        "browser_end_has_reason",
        "UPDATE browser SET reason = 'died' WHERE chat_id = 103",
    ),
    refuse(
        "browser_empty_while_wanted",
        "UPDATE browser SET state = 'failed', reason = 'died', empty_since = 5 WHERE chat_id = 103",
    ),
    copy(
        "browser_never_of_direct",
        "browser WHERE chat_id = 103",
        &[
            ("chat_id", "104"),
            ("run", "'00000000000000000000000000000000'"),
        ],
    ),
    refuse(
        "browser_run_is_fixed",
        "UPDATE browser SET run = '00000000000000000000000000000000' WHERE chat_id = 103",
    ),
    refuse(
        "browser_holder_while_running",
        "INSERT INTO browser_holder (chat_id, user_id, since) VALUES (102, 5000, 0)",
    ),
    refuse(
        "browser_request_while_running",
        "INSERT INTO browser_request (chat_id, user_id, at) VALUES (102, 5000, 0)",
    ),
    effect(
        "browser_holder_asks_no_more",
        "DELETE FROM browser_holder WHERE chat_id = 103;
         INSERT INTO browser_holder (chat_id, user_id, since) VALUES (103, 3000, 0)",
        "SELECT count(*) = 0 FROM browser_request WHERE chat_id = 103",
    ),
    effect(
        "browser_end_ends_control",
        "UPDATE browser SET state = 'stopping', reason = 'asked' WHERE chat_id = 103",
        "SELECT (SELECT count(*) FROM browser_holder) = 1 AND (SELECT count(*) FROM browser_request) = 1",
    ),
    effect(
        "browser_gone_ends_control",
        "DELETE FROM browser WHERE chat_id = 103",
        "SELECT (SELECT count(*) FROM browser_holder) = 1 AND (SELECT count(*) FROM browser_request) = 1",
    ),
];
