//! Who waits to be matched.

use super::harness::{Case, behind, copy, effect, refuse};

pub(crate) const CASES: &[Case] = &[
    copy(
        "match_entry_has_interests",
        "match_entry WHERE id = 1",
        &[("id", "NULL"), ("user_id", "5000"), ("interests", "'[]'")],
    ),
    copy(
        "match_entry_has_interests",
        "match_entry WHERE id = 1",
        &[
            ("id", "NULL"),
            ("user_id", "5000"),
            ("interests", "'[\"abc\",\"abd\",\"abe\",\"abf\"]'"),
        ],
    ),
    refuse(
        "match_entry_country_form",
        "UPDATE match_entry SET country = 'New Zealand' WHERE id = 1",
    ),
    refuse(
        "match_entry_rests_is_bool",
        "UPDATE match_entry SET rests = 2 WHERE id = 1",
    ),
    refuse(
        "match_entry_look_again_is_bool",
        "UPDATE match_entry SET look_again = 2 WHERE id = 1",
    ),
    // A person waits once, whoever tries how.
    refuse(
        "match_entry_is_not_replaced",
        "INSERT OR REPLACE INTO match_entry (user_id, interests, since, expires_at) VALUES (3000, '[\"tea\"]', 0, 9)",
    ),
    behind(
        "match_entry_is_not_replaced",
        copy(
            "match_entry.user_id",
            "match_entry WHERE id = 1",
            &[("id", "NULL")],
        ),
    ),
    refuse(
        "match_entry_stays_as_it_was",
        "UPDATE match_entry SET since = 5 WHERE id = 1",
    ),
    refuse(
        "match_entry_stays_as_it_was",
        "UPDATE match_entry SET interests = '[\"tea\"]' WHERE id = 1",
    ),
    effect(
        "match_entry_queues",
        "INSERT INTO match_entry (id, user_id, interests, since, expires_at) VALUES (3, 5000, '[\"go1\",\"tea\"]', 7, 9)",
        "SELECT group_concat(tag) IS 'go1,tea' FROM match_queue WHERE entry_id = 3 AND since = 7",
    ),
    effect(
        "match_entry_leaves_its_queues",
        "DELETE FROM match_entry WHERE id = 1",
        "SELECT group_concat(entry_id) IS '2' FROM match_queue",
    ),
    effect(
        "match_entry_rests",
        "UPDATE match_entry SET rests = 1 WHERE id = 1",
        "SELECT group_concat(entry_id) IS '2' FROM match_queue",
    ),
    effect(
        "match_entry_queues_again",
        "UPDATE match_entry SET rests = 1; UPDATE match_entry SET rests = 0",
        "SELECT count(*) = 3 FROM match_queue",
    ),
    refuse(
        "match_queue_tag_form",
        "INSERT INTO match_entry (user_id, interests, since, expires_at) VALUES (5000, '[\"te\"]', 7, 9)",
    ),
    refuse(
        "match_queue_tag_form",
        "INSERT INTO match_entry (user_id, interests, since, expires_at) VALUES (5000, '[\"t-a\"]', 7, 9)",
    ),
    // No interest is named twice.
    refuse(
        "match_queue.tag, match_queue.since, match_queue.entry_id",
        "INSERT INTO match_entry (user_id, interests, since, expires_at) VALUES (5000, '[\"tea\",\"tea\"]', 7, 9)",
    ),
    refuse(
        "rematch_pause_is_of_two",
        "INSERT INTO rematch_pause (low, high, until) VALUES (5000, 5000, 9)",
    ),
    refuse(
        "match_wait_counts_people",
        "UPDATE match_wait SET people = 0",
    ),
];
