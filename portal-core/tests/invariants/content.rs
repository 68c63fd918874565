//! Messages, keys, punishments, reports, the audit log, the event log.

use super::harness::{Case, behind, copy, effect, refuse};

pub(crate) const CASES: &[Case] = &[
    copy("message_id_positive", MESSAGE, &[("id", "0")]),
    copy(
        "message_is_user_or_system",
        MESSAGE,
        &[("id", "3"), ("sender_role", "NULL")],
    ),
    copy(
        "message_is_user_or_system",
        MESSAGE,
        &[("id", "3"), ("code", "'joined'")],
    ),
    copy(
        "message_is_user_or_system",
        NOTICE,
        &[("id", "3"), ("code", "NULL")],
    ),
    copy(
        "message_system_has_no_epoch",
        NOTICE,
        &[("id", "3"), ("epoch", "2")],
    ),
    copy(
        "message_system_has_no_epoch",
        MESSAGE,
        &[("id", "3"), ("epoch", "0")],
    ),
    copy(
        "message_sender_role_known",
        MESSAGE,
        &[("id", "3"), ("sender_role", "4")],
    ),
    // 2049 characters of two bytes.
    copy(
        "message_content_length",
        MESSAGE,
        &[
            ("id", "3"),
            ("content", "replace(printf('%02049d', 0), '0', 'é')"),
        ],
    ),
    copy(
        "message_fits_its_chat",
        MESSAGE,
        &[("id", "3"), ("epoch", "1")],
    ),
    copy(
        "message_fits_its_chat",
        MESSAGE,
        &[("id", "3"), ("epoch", "3")],
    ),
    copy("message_fits_its_chat", MESSAGE, &[("id", "10")]),
    refuse(
        "message_is_never_rewritten",
        "UPDATE message SET content = 'other words' WHERE chat_id = 103 AND id = 2",
    ),
    refuse(
        "sent_client_id_length",
        "UPDATE sent SET client_id = '' WHERE chat_id = 103",
    ),
    refuse(
        "sent_client_id_length",
        "UPDATE sent SET client_id = printf('%065d', 0) WHERE chat_id = 103",
    ),
    copy(
        "sent.chat_id, sent.sender_id, sent.client_id",
        "sent WHERE chat_id = 103",
        &[],
    ),
    refuse(
        "chat_pace_slot_in_ring",
        "UPDATE chat_pace SET slot = -1 WHERE chat_id = 103",
    ),
    refuse(
        "send_window_is_times",
        "UPDATE send_window SET times = zeroblob(9) WHERE chat_id = 103",
    ),
    refuse(
        "activity_kind_known",
        "UPDATE activity SET kind = 'dance' WHERE chat_id = 103",
    ),
    refuse(
        "activity_method_known",
        "UPDATE activity SET method = 'window' WHERE chat_id = 103",
    ),
    refuse(
        "activity_chat_type_known",
        "UPDATE activity SET chat_type = 'SECRET' WHERE chat_id = 103",
    ),
    // Keys
    copy(
        "room_key_check_length",
        "room_key WHERE chat_id = 103",
        &[("chat_id", "102"), ("epoch", "1"), ("key_check", "zeroblob(15)")],
    ),
    copy(
        "room_key_epoch_is_current",
        "room_key WHERE chat_id = 103",
        &[("chat_id", "102"), ("epoch", "2")],
    ),
    refuse(
        "room_key_first_wins",
        "UPDATE room_key SET key_check = randomblob(16) WHERE chat_id = 103",
    ),
    refuse(
        "room_key_first_wins",
        "UPDATE room_key SET chat_id = 102 WHERE chat_id = 103",
    ),
    refuse(
        "room_key_is_not_replaced",
        "INSERT OR REPLACE INTO room_key SELECT * FROM room_key WHERE chat_id = 103",
    ),
    copy(
        "key_blob_public_key_length",
        BLOB,
        &[
            ("id", "NULL"),
            ("session_id", "503"),
            ("publisher_public_key", "zeroblob(31)"),
        ],
    ),
    copy(
        "key_blob_fits_chat",
        BLOB,
        &[("id", "NULL"), ("session_id", "503"), ("epoch", "1")],
    ),
    // 72 bytes are suite 2's; the chat speaks suite 3.
    copy(
        "key_blob_fits_chat",
        BLOB,
        &[("id", "NULL"), ("session_id", "503"), ("blob", "zeroblob(72)")],
    ),
    refuse(
        "key_blob_is_not_overwritten",
        "UPDATE key_blob SET blob = randomblob(80) WHERE chat_id = 103",
    ),
    refuse(
        "key_blob_is_not_replaced",
        "INSERT OR REPLACE INTO key_blob SELECT * FROM key_blob WHERE chat_id = 103",
    ),
    behind(
        "key_blob_is_not_replaced",
        copy(
            "key_blob.chat_id, key_blob.session_id",
            BLOB,
            &[("id", "NULL")],
        ),
    ),
    refuse(
        "key_request_waits_is_bool",
        "UPDATE key_request SET waits = 2 WHERE chat_id = 103",
    ),
    refuse(
        "key_request_waiting_asks_nobody",
        "UPDATE key_request SET waits = 1, next_at = 5 WHERE chat_id = 103",
    ),
    refuse(
        "key_blob_not_before_the_move",
        "UPDATE key_request SET waits = 1 WHERE chat_id = 103 AND session_id = 503;
         INSERT INTO key_blob (chat_id, epoch, session_id, publisher_user, publisher_session, publisher_public_key, blob, at)
         VALUES (103, 2, 503, 4000, 501, zeroblob(32), zeroblob(80), 0)",
    ),
    refuse(
        "key_blob_not_from_the_rejected",
        "INSERT INTO key_rejection (chat_id, session_id, publisher_session, at) VALUES (103, 503, 501, 0);
         INSERT INTO key_blob (chat_id, epoch, session_id, publisher_user, publisher_session, publisher_public_key, blob, at)
         VALUES (103, 2, 503, 4000, 501, zeroblob(32), zeroblob(80), 0)",
    ),
    effect(
        "chat_epoch_clears_keys",
        "UPDATE chat SET epoch = 3 WHERE id = 103",
        "SELECT NOT EXISTS (SELECT 1 FROM room_key WHERE chat_id = 103)
            AND NOT EXISTS (SELECT 1 FROM key_blob WHERE chat_id = 103)
            AND NOT EXISTS (SELECT 1 FROM key_rejection WHERE chat_id = 103)
            AND NOT EXISTS (SELECT 1 FROM key_request WHERE chat_id = 103)
            AND 4 = (SELECT count(*) FROM (SELECT chat_id FROM room_key UNION ALL SELECT chat_id FROM key_blob
                UNION ALL SELECT chat_id FROM key_rejection UNION ALL SELECT chat_id FROM key_request)
                WHERE chat_id = 105)",
    ),
    // Punishments
    effect(
        "chat_end_keeps_warnings",
        "INSERT INTO punishment (id, user_id, chat_id, kind, by_actor, at)
            SELECT 90, user_id, chat_id, 'warn', 'test', 0 FROM punishment WHERE id = 1;
         DELETE FROM chat WHERE id = (SELECT chat_id FROM punishment WHERE id = 1)",
        "SELECT EXISTS (SELECT 1 FROM punishment WHERE id = 90 AND chat_id IS NULL)
            AND NOT EXISTS (SELECT 1 FROM punishment WHERE id = 1)",
    ),
    refuse(
        "punishment_reason_length",
        "UPDATE punishment SET reason = printf('%0501d', 0) WHERE id = 1",
    ),
    refuse(
        "punishment_kind_known",
        "UPDATE punishment SET kind = 'stare', chat_id = NULL WHERE id = 1",
    ),
    refuse(
        "punishment_chat_by_kind",
        "UPDATE punishment SET chat_id = NULL WHERE id = 1",
    ),
    refuse(
        "punishment_chat_by_kind",
        "UPDATE punishment SET kind = 'hard_mute' WHERE id = 1",
    ),
    refuse(
        "punishment_timeout_ends",
        "UPDATE punishment SET kind = 'timeout', chat_id = NULL, until = NULL WHERE id = 1",
    ),
    refuse(
        "punishment_ends_later",
        "UPDATE punishment SET until = at WHERE id = 1",
    ),
    refuse(
        "punishment_kick_is_over",
        "UPDATE punishment SET kind = 'kick' WHERE id = 1",
    ),
    copy(
        "punishment_never_in_direct",
        "punishment WHERE id = 1",
        &[("id", "NULL"), ("chat_id", "104")],
    ),
    // Reports
    copy(
        "report_chat_type_known",
        REPORT,
        &[("id", "NULL"), ("message_id", "3"), ("chat_type", "'SECRET'")],
    ),
    copy(
        "report_chat_name_length",
        REPORT,
        &[("id", "NULL"), ("message_id", "3"), ("chat_name", "'x'")],
    ),
    copy(
        "report_chat_name_length",
        REPORT,
        &[("id", "NULL"), ("message_id", "3"), ("chat_name", "printf('%065d', 0)")],
    ),
    copy(
        "report_message_id_positive",
        REPORT,
        &[("id", "NULL"), ("message_id", "0")],
    ),
    copy(
        "report_epoch_positive",
        REPORT,
        &[("id", "NULL"), ("message_id", "3"), ("epoch", "0")],
    ),
    copy(
        "report_not_of_oneself",
        REPORT,
        &[("id", "NULL"), ("message_id", "3"), ("sender_id", "4000")],
    ),
    copy(
        "report_reason_length",
        REPORT,
        &[("id", "NULL"), ("message_id", "3"), ("reason", "''")],
    ),
    copy(
        "report_reason_length",
        REPORT,
        &[("id", "NULL"), ("message_id", "3"), ("reason", "printf('%0501d', 0)")],
    ),
    copy(
        "report_verified_is_bool",
        REPORT,
        &[("id", "NULL"), ("message_id", "3"), ("verified", "2")],
    ),
    copy(
        "report_plaintext_is_verified",
        REPORT,
        &[("id", "NULL"), ("message_id", "3"), ("verified", "0")],
    ),
    copy(
        "report_plaintext_is_verified",
        REPORT,
        &[("id", "NULL"), ("message_id", "3"), ("plaintext", "NULL")],
    ),
    // 1472 characters of two bytes.
    copy(
        "report_plaintext_length",
        REPORT,
        &[
            ("id", "NULL"),
            ("message_id", "3"),
            ("plaintext", "replace(printf('%01472d', 0), '0', 'é')"),
        ],
    ),
    refuse(
        "report_state_known",
        "UPDATE report SET state = 'burnt' WHERE id = 2",
    ),
    refuse(
        "report_note_length",
        "UPDATE report SET note = printf('%01001d', 0) WHERE id = 2",
    ),
    refuse(
        "report_handled_unless_open",
        "UPDATE report SET note = 'Hm' WHERE id = 1",
    ),
    refuse(
        "report_handled_unless_open",
        "UPDATE report SET handled_by = 'operator' WHERE id = 1",
    ),
    refuse(
        "report_handled_unless_open",
        "UPDATE report SET handled_at = 0 WHERE id = 1",
    ),
    refuse(
        "report_handled_unless_open",
        "UPDATE report SET state = 'reviewing', handled_by = 'operator' WHERE id = 1",
    ),
    refuse(
        "report_handled_unless_open",
        "UPDATE report SET state = 'reviewing', handled_at = 0 WHERE id = 1",
    ),
    refuse(
        "report_is_never_rewritten",
        "UPDATE report SET plaintext = 'Other words' WHERE id = 1",
    ),
    refuse(
        "report_is_never_rewritten",
        "UPDATE report SET verified = 1, plaintext = 'Rude words' WHERE id = 2",
    ),
    refuse(
        "report_is_never_rewritten",
        "UPDATE report SET sender_id = 6000 WHERE id = 1",
    ),
    refuse(
        "report_is_never_rewritten",
        "UPDATE report SET id = 9 WHERE id = 1",
    ),
    refuse(
        "report_is_not_replaced",
        "INSERT OR REPLACE INTO report SELECT * FROM report WHERE id = 1",
    ),
    behind(
        "report_is_not_replaced",
        copy(
            "report.reporter_id, report.chat_id, report.message_id",
            REPORT,
            &[("id", "NULL")],
        ),
    ),
    refuse(
        "report_state_moves_on",
        "UPDATE report SET state = 'open', note = NULL, handled_by = NULL, handled_at = NULL WHERE id = 2",
    ),
    refuse(
        "report_state_moves_on",
        "UPDATE report SET state = 'actioned' WHERE id = 3",
    ),
    refuse(
        "report_goes_by_retention_only",
        "DELETE FROM report WHERE id = 3",
    ),
    // At the horizon is not before it; what is not settled goes by no horizon.
    refuse(
        "report_goes_by_retention_only",
        "INSERT INTO meta (key, value) VALUES ('report_horizon', 1000); DELETE FROM report WHERE id = 3",
    ),
    refuse(
        "report_goes_by_retention_only",
        "INSERT INTO meta (key, value) VALUES ('report_horizon', 'soon'); DELETE FROM report WHERE id = 3",
    ),
    refuse(
        "report_goes_by_retention_only",
        "INSERT INTO meta (key, value) VALUES ('report_horizon', 5000); DELETE FROM report WHERE id = 1",
    ),
    refuse(
        "report_goes_by_retention_only",
        "INSERT INTO meta (key, value) VALUES ('report_horizon', 5000); DELETE FROM report WHERE id = 2",
    ),
    // The audit log
    copy(
        "audit_actor_known",
        "audit WHERE id = 2",
        &[("id", "NULL"), ("actor", "'nobody'")],
    ),
    copy(
        "audit_user_has_id",
        "audit WHERE id = 1",
        &[("id", "NULL"), ("user_id", "NULL")],
    ),
    copy(
        "audit_user_has_id",
        "audit WHERE id = 2",
        &[("id", "NULL"), ("user_id", "4000")],
    ),
    copy(
        "audit_details_is_json",
        "audit WHERE id = 1",
        &[("id", "NULL"), ("details", "'{'")],
    ),
    copy(
        "audit_chat_type_known",
        "audit WHERE id = 1",
        &[("id", "NULL"), ("chat_type", "'SECRET'")],
    ),
    copy(
        "audit_chat_type_of_a_chat",
        "audit WHERE id = 1",
        &[("id", "NULL"), ("chat_type", "'PUBLIC'"), ("chat_id", "NULL")],
    ),
    refuse(
        "audit_is_never_rewritten",
        "UPDATE audit SET user_id = 5000 WHERE id = 1",
    ),
    refuse(
        "audit_is_not_replaced",
        "INSERT OR REPLACE INTO audit SELECT * FROM audit WHERE id = 1",
    ),
    refuse(
        "audit_goes_by_retention_only",
        "DELETE FROM audit WHERE id = 1",
    ),
    // At the horizon is not before it; a horizon that is text, or nonsense, lets nothing go.
    refuse(
        "audit_goes_by_retention_only",
        "INSERT INTO meta (key, value) VALUES ('audit_horizon', 1000); DELETE FROM audit WHERE id = 1",
    ),
    refuse(
        "audit_goes_by_retention_only",
        "INSERT INTO meta (key, value) VALUES ('audit_horizon', 'soon'); DELETE FROM audit WHERE id = 1",
    ),
    // The event log
    copy("event_seq_positive", EVENT, &[("seq", "0")]),
    copy(
        "event_audience_known",
        EVENT,
        &[("seq", "NULL"), ("audience", "'nobody'")],
    ),
    copy(
        "event_audience_named",
        EVENT,
        &[("seq", "NULL"), ("chat_id", "NULL")],
    ),
    copy(
        "event_audience_named",
        EVENT,
        &[("seq", "NULL"), ("audience", "'user'")],
    ),
    copy(
        "event_audience_named",
        EVENT,
        &[("seq", "NULL"), ("audience", "'session'")],
    ),
    copy(
        "event_data_is_json",
        EVENT,
        &[("seq", "NULL"), ("data", "'{'")],
    ),
    refuse(
        "event_is_never_rewritten",
        "UPDATE event SET data = '[]' WHERE seq = 1",
    ),
    copy("event_seq_only_rises", EVENT, &[("seq", "2")]),
    refuse(
        "event_seq_only_rises",
        "INSERT OR REPLACE INTO event SELECT * FROM event WHERE seq = 3",
    ),
    refuse("event_newest_stays", "DELETE FROM event"),
    refuse(
        "event_newest_stays",
        "DELETE FROM event WHERE seq = 3",
    ),
];

const MESSAGE: &str = "message WHERE chat_id = 103 AND id = 2";
const NOTICE: &str = "message WHERE chat_id = 103 AND id = 1";
const BLOB: &str = "key_blob WHERE chat_id = 103";
const REPORT: &str = "report WHERE id = 1";
const EVENT: &str = "event WHERE seq = 1";
