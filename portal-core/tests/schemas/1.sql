-- Written by tests/schemas.rs.
PRAGMA foreign_keys = OFF;
PRAGMA application_id = 1347572812;
PRAGMA user_version = 1;
CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value ANY NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE setting (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL CONSTRAINT setting_is_json CHECK (json_valid(value))
) STRICT, WITHOUT ROWID;
CREATE TABLE user (
    id               INTEGER PRIMARY KEY AUTOINCREMENT,
    username         TEXT NOT NULL COLLATE NOCASE UNIQUE,
    role             INTEGER NOT NULL DEFAULT 0,
    tier             INTEGER NOT NULL DEFAULT 0,
    tier_expires_at  INTEGER,
    trial_used       INTEGER NOT NULL DEFAULT 0,
    stranger         INTEGER NOT NULL DEFAULT 0,
    account_key_hash BLOB UNIQUE,
    created_at       INTEGER NOT NULL,
    CONSTRAINT user_id_fits_javascript CHECK (id BETWEEN 1 AND 9007199254740991),
    CONSTRAINT user_username_form CHECK (length(username) BETWEEN 3 AND 32 AND username NOT GLOB '*[^A-Za-z0-9._-]*'),
    CONSTRAINT user_role_known CHECK (role BETWEEN 0 AND 3),
    CONSTRAINT user_tier_known CHECK (tier BETWEEN 0 AND 3),
    CONSTRAINT user_tier_expiry_fits CHECK ((tier = 1) <= (tier_expires_at IS NOT NULL) AND (tier IN (0, 3)) <= (tier_expires_at IS NULL)),
    CONSTRAINT user_trial_used_is_bool CHECK (trial_used IN (0, 1)),
    CONSTRAINT user_stranger_is_plain CHECK (stranger = 0 OR (stranger = 1 AND role = 0 AND tier = 0 AND account_key_hash IS NULL)),
    CONSTRAINT user_account_key_is_hash CHECK (account_key_hash IS NULL OR length(account_key_hash) = 32)
) STRICT;
CREATE TABLE held_username (
    username   TEXT PRIMARY KEY COLLATE NOCASE,
    held_until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE tier_change (
    id              INTEGER PRIMARY KEY,
    user_id         INTEGER NOT NULL REFERENCES user (id) ON DELETE CASCADE,
    tier            INTEGER NOT NULL CONSTRAINT tier_change_tier_known CHECK (tier BETWEEN 0 AND 3),
    tier_expires_at INTEGER,
    changed_by      TEXT NOT NULL,
    at              INTEGER NOT NULL
) STRICT;
CREATE TABLE session (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id       INTEGER NOT NULL REFERENCES user (id) ON DELETE CASCADE,
    token_hash    BLOB NOT NULL UNIQUE,
    created_at    INTEGER NOT NULL,
    expires_at    INTEGER NOT NULL,
    user_agent    TEXT,
    client_ip     TEXT,
    -- The address as limits count it: IPv6 by its /64.
    client_net    TEXT,
    public_key    BLOB,
    CONSTRAINT session_token_is_hash CHECK (length(token_hash) = 32),
    CONSTRAINT session_ends_after_start CHECK (expires_at > created_at),
    CONSTRAINT session_public_key_length CHECK (public_key IS NULL OR length(public_key) = 32)
) STRICT;
CREATE TABLE signup_code (
    code       TEXT PRIMARY KEY,
    created_by INTEGER,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    max_uses   INTEGER,
    uses       INTEGER NOT NULL DEFAULT 0,
    revoked_at INTEGER,
    CONSTRAINT signup_code_form CHECK (length(code) = 16 AND code NOT GLOB '*[^a-z0-9]*'),
    CONSTRAINT signup_code_expires_later CHECK (expires_at IS NULL OR expires_at > created_at),
    CONSTRAINT signup_code_max_uses_positive CHECK (max_uses IS NULL OR max_uses >= 1),
    CONSTRAINT signup_code_uses_within_max CHECK (uses >= 0 AND (max_uses IS NULL OR uses <= max_uses))
) STRICT, WITHOUT ROWID;
CREATE TABLE block (
    user_id    INTEGER NOT NULL REFERENCES user (id) ON DELETE CASCADE,
    blocked_id INTEGER NOT NULL REFERENCES user (id) ON DELETE CASCADE,
    at         INTEGER NOT NULL,
    PRIMARY KEY (user_id, blocked_id),
    CONSTRAINT block_is_not_of_oneself CHECK (user_id <> blocked_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE bot (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    platform   TEXT NOT NULL,
    name       TEXT NOT NULL,
    key_hash   BLOB NOT NULL UNIQUE,
    created_at INTEGER NOT NULL,
    -- When its key was last replaced.
    rotated_at INTEGER,
    CONSTRAINT bot_id_fits_javascript CHECK (id BETWEEN 1 AND 9007199254740991),
    CONSTRAINT bot_platform_form CHECK (length(platform) BETWEEN 2 AND 32 AND platform NOT GLOB '*[^a-z0-9-]*'),
    CONSTRAINT bot_name_length CHECK (length(name) BETWEEN 1 AND 64),
    CONSTRAINT bot_key_is_hash CHECK (length(key_hash) = 32)
) STRICT;
CREATE TABLE platform_identity (
    platform  TEXT NOT NULL,
    identity  TEXT NOT NULL,
    user_id   INTEGER NOT NULL REFERENCES user (id) ON DELETE CASCADE,
    linked_at INTEGER NOT NULL,
    PRIMARY KEY (platform, identity),
    CONSTRAINT platform_identity_platform_form CHECK (length(platform) BETWEEN 2 AND 32 AND platform NOT GLOB '*[^a-z0-9-]*'),
    CONSTRAINT platform_identity_length CHECK (length(identity) BETWEEN 1 AND 128)
) STRICT, WITHOUT ROWID;
CREATE TABLE login_code (
    id         INTEGER PRIMARY KEY,
    user_id    INTEGER REFERENCES user (id) ON DELETE CASCADE,
    platform   TEXT,
    identity   TEXT,
    code_hash  BLOB,
    browser    BLOB,
    client_net TEXT,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    CONSTRAINT login_code_is_hash CHECK (code_hash IS NULL OR length(code_hash) = 32),
    CONSTRAINT login_code_browser_is_hash CHECK (browser IS NULL OR length(browser) = 32),
    CONSTRAINT login_code_is_somebodys CHECK (user_id IS NOT NULL OR identity IS NOT NULL),
    CONSTRAINT login_code_identity_has_platform CHECK ((platform IS NULL) = (identity IS NULL)),
    CONSTRAINT login_code_waits_for_a_bot CHECK (code_hash IS NOT NULL OR (identity IS NOT NULL AND browser IS NOT NULL)),
    CONSTRAINT login_code_expires_later CHECK (expires_at > created_at)
) STRICT;
CREATE TABLE chat (
    id               INTEGER PRIMARY KEY AUTOINCREMENT,
    chat_type        TEXT NOT NULL,
    name             TEXT NOT NULL,
    description      TEXT,
    slug             TEXT UNIQUE,
    owner_id         INTEGER REFERENCES user (id),
    pair_low         INTEGER REFERENCES user (id),
    pair_high        INTEGER REFERENCES user (id),
    label            TEXT,
    e2ee             INTEGER NOT NULL DEFAULT 3,
    epoch            INTEGER NOT NULL DEFAULT 1,
    epoch_start      INTEGER NOT NULL DEFAULT 1,
    epoch_moved_at   INTEGER NOT NULL,
    next_message_id  INTEGER NOT NULL DEFAULT 1,
    -- How many messages people have sent: the place in the ring of chat_pace.
    sent_count       INTEGER NOT NULL DEFAULT 0,
    public_from      INTEGER,
    chat_config      TEXT NOT NULL,
    browser_config   TEXT NOT NULL,
    wipe_due_at      INTEGER,
    move_due_at      INTEGER,
    move_reason      TEXT,
    hinted_session   INTEGER,
    -- Of a DIRECT chat: when it is over, by which interests the two were matched, and from where they are.
    ends_at          INTEGER,
    interests        TEXT,
    low_country      TEXT,
    high_country     TEXT,
    -- Until when one of its two, who is away, can come back (SPEC 9.9).
    low_away_until   INTEGER,
    high_away_until  INTEGER,
    created_at       INTEGER NOT NULL,
    last_activity_at INTEGER NOT NULL,
    CONSTRAINT chat_id_fits_javascript CHECK (id BETWEEN 1 AND 9007199254740991),
    CONSTRAINT chat_type_known CHECK (chat_type IN ('OFFICIAL', 'PUBLIC', 'PRIVATE', 'DIRECT')),
    CONSTRAINT chat_name_length CHECK (length(name) BETWEEN 2 AND 64),
    CONSTRAINT chat_description_length CHECK (description IS NULL OR length(description) <= 500),
    CONSTRAINT chat_label_length CHECK (label IS NULL OR length(label) BETWEEN 1 AND 32),
    CONSTRAINT chat_owner_unless_direct CHECK ((chat_type = 'DIRECT') = (owner_id IS NULL)),
    CONSTRAINT chat_pair_only_direct CHECK ((chat_type = 'DIRECT') = (pair_low IS NOT NULL) AND (chat_type = 'DIRECT') = (pair_high IS NOT NULL)),
    CONSTRAINT chat_pair_is_two_people CHECK (pair_low IS NULL OR pair_low < pair_high),
    CONSTRAINT chat_slug_by_type CHECK (CASE chat_type WHEN 'PUBLIC' THEN slug IS NOT NULL WHEN 'OFFICIAL' THEN 1 ELSE slug IS NULL END),
    CONSTRAINT chat_slug_form CHECK (slug IS NULL OR (length(slug) BETWEEN 2 AND 32 AND slug NOT GLOB '*[^a-z0-9-]*'
        AND slug NOT GLOB '-*' AND slug NOT GLOB '*-' AND slug NOT GLOB '*--*')),
    CONSTRAINT chat_slug_is_no_invite CHECK (slug IS NULL OR length(slug) <> 16 OR instr(slug, '-') > 0),
    CONSTRAINT chat_public_from_only_public CHECK ((chat_type = 'PUBLIC') = (public_from IS NOT NULL)),
    CONSTRAINT chat_public_from_in_range CHECK (public_from IS NULL OR public_from BETWEEN 1 AND next_message_id),
    CONSTRAINT chat_e2ee_known CHECK (e2ee IN (2, 3)),
    CONSTRAINT chat_epoch_positive CHECK (epoch >= 1),
    CONSTRAINT chat_epoch_start_in_range CHECK (epoch_start BETWEEN 1 AND next_message_id),
    CONSTRAINT chat_next_message_id_fits_javascript CHECK (next_message_id <= 9007199254740991),
    CONSTRAINT chat_config_is_json CHECK (json_valid(chat_config)),
    CONSTRAINT chat_browser_config_is_json CHECK (json_valid(browser_config)),
    CONSTRAINT chat_move_has_reason CHECK ((move_due_at IS NULL) = (move_reason IS NULL)),
    CONSTRAINT chat_direct_never_wiped CHECK (chat_type <> 'DIRECT' OR wipe_due_at IS NULL),
    CONSTRAINT chat_direct_ends CHECK ((chat_type = 'DIRECT') = (ends_at IS NOT NULL)),
    CONSTRAINT chat_direct_has_interests CHECK ((chat_type = 'DIRECT') = (interests IS NOT NULL)),
    CONSTRAINT chat_interests_are_a_list CHECK (interests IS NULL OR (json_valid(interests) AND json_array_length(interests) BETWEEN 1 AND 3)),
    CONSTRAINT chat_country_only_direct CHECK (chat_type = 'DIRECT' OR coalesce(low_country, high_country) IS NULL),
    CONSTRAINT chat_away_only_direct CHECK (chat_type = 'DIRECT' OR coalesce(low_away_until, high_away_until) IS NULL),
    CONSTRAINT chat_low_country_form CHECK (low_country IS NULL OR low_country GLOB '[A-Z][A-Z]'),
    CONSTRAINT chat_high_country_form CHECK (high_country IS NULL OR high_country GLOB '[A-Z][A-Z]')
) STRICT;
CREATE TABLE membership (
    chat_id   INTEGER NOT NULL REFERENCES chat (id) ON DELETE CASCADE,
    user_id   INTEGER NOT NULL REFERENCES user (id) ON DELETE CASCADE,
    via       TEXT NOT NULL CONSTRAINT membership_via_known CHECK (via IN ('invite', 'match', 'operator', 'transfer')),
    joined_at INTEGER NOT NULL,
    -- The first message after it began: where presence is off, joining is this (SPEC 6.4, 10.1).
    since     INTEGER NOT NULL DEFAULT 1,
    PRIMARY KEY (chat_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE earlier_reader (
    chat_id INTEGER NOT NULL REFERENCES chat (id) ON DELETE CASCADE,
    user_id INTEGER NOT NULL REFERENCES user (id) ON DELETE CASCADE,
    PRIMARY KEY (chat_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE held_slug (
    slug       TEXT PRIMARY KEY,
    owner_id   INTEGER NOT NULL,
    held_until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE transfer_offer (
    chat_id    INTEGER PRIMARY KEY REFERENCES chat (id) ON DELETE CASCADE,
    to_user    INTEGER NOT NULL REFERENCES user (id) ON DELETE CASCADE,
    offered_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL CONSTRAINT transfer_offer_expires_later CHECK (expires_at > offered_at)
) STRICT;
CREATE TABLE invite (
    code       TEXT PRIMARY KEY,
    chat_id    INTEGER NOT NULL REFERENCES chat (id) ON DELETE CASCADE,
    created_by INTEGER,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    max_uses   INTEGER,
    uses       INTEGER NOT NULL DEFAULT 0,
    revoked_at INTEGER,
    CONSTRAINT invite_code_form CHECK (length(code) = 16 AND code NOT GLOB '*[^a-z0-9]*'),
    CONSTRAINT invite_expires_later CHECK (expires_at IS NULL OR expires_at > created_at),
    CONSTRAINT invite_max_uses_positive CHECK (max_uses IS NULL OR max_uses >= 1),
    CONSTRAINT invite_uses_within_max CHECK (uses >= 0 AND (max_uses IS NULL OR uses <= max_uses))
) STRICT, WITHOUT ROWID;
CREATE TABLE message (
    chat_id     INTEGER NOT NULL REFERENCES chat (id) ON DELETE CASCADE,
    id          INTEGER NOT NULL,
    sender_id   INTEGER,
    sender_role INTEGER,
    epoch       INTEGER NOT NULL,
    code        TEXT,
    content     TEXT NOT NULL,
    created_at  INTEGER NOT NULL,
    PRIMARY KEY (chat_id, id),
    CONSTRAINT message_id_positive CHECK (id >= 1),
    CONSTRAINT message_is_user_or_system CHECK ((sender_id IS NULL) = (code IS NOT NULL) AND (sender_id IS NULL) = (sender_role IS NULL)),
    CONSTRAINT message_system_has_no_epoch CHECK ((sender_id IS NULL) = (epoch = 0)),
    CONSTRAINT message_sender_role_known CHECK (sender_role IS NULL OR sender_role BETWEEN 0 AND 3),
    CONSTRAINT message_content_length CHECK (length(CAST(content AS BLOB)) <= 4096)
) STRICT, WITHOUT ROWID;
CREATE TABLE sent (
    chat_id    INTEGER NOT NULL REFERENCES chat (id) ON DELETE CASCADE,
    sender_id  INTEGER NOT NULL,
    client_id  TEXT NOT NULL CONSTRAINT sent_client_id_length CHECK (length(client_id) BETWEEN 1 AND 64),
    message_id INTEGER NOT NULL,
    at         INTEGER NOT NULL,
    PRIMARY KEY (chat_id, sender_id, client_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE send_window (
    chat_id INTEGER NOT NULL REFERENCES chat (id) ON DELETE CASCADE,
    user_id INTEGER NOT NULL REFERENCES user (id) ON DELETE CASCADE,
    times   BLOB NOT NULL CONSTRAINT send_window_is_times CHECK (length(times) % 8 = 0),
    PRIMARY KEY (chat_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE chat_pace (
    chat_id INTEGER NOT NULL REFERENCES chat (id) ON DELETE CASCADE,
    slot    INTEGER NOT NULL CONSTRAINT chat_pace_slot_in_ring CHECK (slot >= 0),
    at      INTEGER NOT NULL,
    PRIMARY KEY (chat_id, slot)
) STRICT, WITHOUT ROWID;
CREATE TABLE joining (
    chat_id    INTEGER NOT NULL REFERENCES chat (id) ON DELETE CASCADE,
    session_id INTEGER NOT NULL REFERENCES session (id) ON DELETE CASCADE,
    since      INTEGER NOT NULL,
    joined_at  INTEGER NOT NULL,
    left_at    INTEGER,
    PRIMARY KEY (chat_id, session_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE activity (
    id      INTEGER PRIMARY KEY,
    chat_id INTEGER NOT NULL REFERENCES chat (id) ON DELETE CASCADE,
    user_id INTEGER NOT NULL,
    kind    TEXT NOT NULL CONSTRAINT activity_kind_known CHECK (kind IN ('join', 'leave', 'kick', 'ban')),
    method  TEXT CONSTRAINT activity_method_known CHECK (method IS NULL OR method IN ('open', 'slug', 'invite', 'match')),
    -- What the chat was when it happened: the days of a chat that was PRIVATE stay its owner's.
    chat_type TEXT NOT NULL CONSTRAINT activity_chat_type_known CHECK (chat_type IN ('OFFICIAL', 'PUBLIC', 'PRIVATE', 'DIRECT')),
    at      INTEGER NOT NULL
) STRICT;
CREATE TABLE match_entry (
    id         INTEGER PRIMARY KEY,
    user_id    INTEGER NOT NULL UNIQUE REFERENCES user (id) ON DELETE CASCADE,
    interests  TEXT NOT NULL,
    country    TEXT,
    since      INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    -- No slot is free: in no queue until one may be.
    rests      INTEGER NOT NULL DEFAULT 0,
    -- A pair may have become possible: housekeeping looks.
    look_again INTEGER NOT NULL DEFAULT 0,
    CONSTRAINT match_entry_has_interests CHECK (json_valid(interests) AND json_array_length(interests) BETWEEN 1 AND 3),
    CONSTRAINT match_entry_country_form CHECK (country IS NULL OR country GLOB '[A-Z][A-Z]'),
    CONSTRAINT match_entry_rests_is_bool CHECK (rests IN (0, 1)),
    CONSTRAINT match_entry_look_again_is_bool CHECK (look_again IN (0, 1))
) STRICT;
CREATE TABLE match_queue (
    tag      TEXT NOT NULL,
    since    INTEGER NOT NULL,
    entry_id INTEGER NOT NULL,
    PRIMARY KEY (tag, since, entry_id),
    CONSTRAINT match_queue_tag_form CHECK (length(tag) BETWEEN 3 AND 12 AND tag NOT GLOB '*[^a-z0-9]*')
) STRICT, WITHOUT ROWID;
CREATE TABLE rematch_pause (
    low   INTEGER NOT NULL,
    high  INTEGER NOT NULL,
    until INTEGER NOT NULL,
    PRIMARY KEY (low, high),
    CONSTRAINT rematch_pause_is_of_two CHECK (low < high)
) STRICT, WITHOUT ROWID;
CREATE TABLE match_wait (
    minute INTEGER NOT NULL,
    step   INTEGER NOT NULL,
    people INTEGER NOT NULL CONSTRAINT match_wait_counts_people CHECK (people >= 1),
    PRIMARY KEY (minute, step)
) STRICT, WITHOUT ROWID;
CREATE TABLE room_key (
    chat_id             INTEGER PRIMARY KEY REFERENCES chat (id) ON DELETE CASCADE,
    epoch               INTEGER NOT NULL,
    key_check           BLOB,
    distributor_user    INTEGER NOT NULL,
    distributor_session INTEGER REFERENCES session (id) ON DELETE SET NULL,
    published_at        INTEGER NOT NULL,
    CONSTRAINT room_key_check_length CHECK (key_check IS NULL OR length(key_check) = 16)
) STRICT;
CREATE TABLE key_blob (
    id                   INTEGER PRIMARY KEY AUTOINCREMENT,
    chat_id              INTEGER NOT NULL REFERENCES chat (id) ON DELETE CASCADE,
    epoch                INTEGER NOT NULL,
    session_id           INTEGER NOT NULL REFERENCES session (id) ON DELETE CASCADE,
    publisher_user       INTEGER NOT NULL,
    publisher_session    INTEGER NOT NULL,
    publisher_public_key BLOB NOT NULL,
    blob                 BLOB NOT NULL,
    at                   INTEGER NOT NULL,
    UNIQUE (chat_id, session_id),
    CONSTRAINT key_blob_public_key_length CHECK (length(publisher_public_key) = 32)
) STRICT;
CREATE TABLE key_rejection (
    chat_id           INTEGER NOT NULL REFERENCES chat (id) ON DELETE CASCADE,
    session_id        INTEGER NOT NULL REFERENCES session (id) ON DELETE CASCADE,
    publisher_session INTEGER NOT NULL,
    at                INTEGER NOT NULL,
    PRIMARY KEY (chat_id, session_id, publisher_session)
) STRICT, WITHOUT ROWID;
CREATE TABLE key_request (
    chat_id       INTEGER NOT NULL REFERENCES chat (id) ON DELETE CASCADE,
    session_id    INTEGER NOT NULL REFERENCES session (id) ON DELETE CASCADE,
    asked_session INTEGER,
    next_at       INTEGER,
    requested_at  INTEGER NOT NULL,
    waits         INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (chat_id, session_id),
    CONSTRAINT key_request_waits_is_bool CHECK (waits IN (0, 1)),
    CONSTRAINT key_request_waiting_asks_nobody CHECK (waits = 0 OR next_at IS NULL)
) STRICT, WITHOUT ROWID;
CREATE TABLE distributor_pause (
    chat_id INTEGER NOT NULL REFERENCES chat (id) ON DELETE CASCADE,
    user_id INTEGER NOT NULL REFERENCES user (id) ON DELETE CASCADE,
    until   INTEGER NOT NULL,
    PRIMARY KEY (chat_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE punishment (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id   INTEGER NOT NULL REFERENCES user (id) ON DELETE CASCADE,
    chat_id   INTEGER REFERENCES chat (id) ON DELETE CASCADE,
    kind      TEXT NOT NULL,
    reason    TEXT CONSTRAINT punishment_reason_length CHECK (reason IS NULL OR length(reason) BETWEEN 1 AND 500),
    by_actor  TEXT NOT NULL,
    at        INTEGER NOT NULL,
    until     INTEGER,
    lifted_at INTEGER,
    CONSTRAINT punishment_kind_known CHECK (kind IN ('kick', 'mute', 'ban', 'hard_mute', 'timeout', 'platform_ban', 'warn', 'block')),
    CONSTRAINT punishment_chat_by_kind CHECK (CASE WHEN kind IN ('kick', 'mute', 'ban') THEN chat_id IS NOT NULL WHEN kind = 'warn' THEN 1 ELSE chat_id IS NULL END),
    CONSTRAINT punishment_timeout_ends CHECK (kind <> 'timeout' OR until IS NOT NULL),
    CONSTRAINT punishment_ends_later CHECK (until IS NULL OR until > at),
    -- A kick is over when it is done; the row keeps its reason.
    CONSTRAINT punishment_kick_is_over CHECK (kind <> 'kick' OR lifted_at IS NOT NULL)
) STRICT;
CREATE TABLE report (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    chat_id     INTEGER NOT NULL,
    chat_type   TEXT NOT NULL,
    chat_name   TEXT NOT NULL,
    message_id  INTEGER NOT NULL,
    epoch       INTEGER NOT NULL,
    message_at  INTEGER NOT NULL,
    -- Who wrote the message: the reported.
    sender_id   INTEGER NOT NULL,
    reporter_id INTEGER NOT NULL,
    reason      TEXT NOT NULL,
    at          INTEGER NOT NULL,
    -- Whether a disclosure proved what the message says; then it is here.
    verified    INTEGER NOT NULL,
    plaintext   TEXT,
    state       TEXT NOT NULL DEFAULT 'open',
    note        TEXT,
    handled_by  TEXT,
    handled_at  INTEGER,
    UNIQUE (reporter_id, chat_id, message_id),
    CONSTRAINT report_chat_type_known CHECK (chat_type IN ('OFFICIAL', 'PUBLIC', 'PRIVATE', 'DIRECT')),
    CONSTRAINT report_chat_name_length CHECK (length(chat_name) BETWEEN 2 AND 64),
    CONSTRAINT report_message_id_positive CHECK (message_id >= 1),
    CONSTRAINT report_epoch_positive CHECK (epoch >= 1),
    CONSTRAINT report_not_of_oneself CHECK (reporter_id <> sender_id),
    CONSTRAINT report_reason_length CHECK (length(reason) BETWEEN 1 AND 500),
    CONSTRAINT report_verified_is_bool CHECK (verified IN (0, 1)),
    CONSTRAINT report_plaintext_is_verified CHECK ((verified = 0) = (plaintext IS NULL)),
    CONSTRAINT report_plaintext_length CHECK (plaintext IS NULL OR length(CAST(plaintext AS BLOB)) <= 2943),
    CONSTRAINT report_state_known CHECK (state IN ('open', 'reviewing', 'actioned', 'dismissed')),
    CONSTRAINT report_note_length CHECK (note IS NULL OR length(note) <= 1000),
    CONSTRAINT report_handled_unless_open CHECK (CASE state WHEN 'open' THEN coalesce(note, handled_by, handled_at) IS NULL
        ELSE handled_by IS NOT NULL AND handled_at IS NOT NULL END)
) STRICT;
CREATE TABLE attempt (
    kind    TEXT NOT NULL,
    subject TEXT NOT NULL,
    at      INTEGER NOT NULL,
    id      INTEGER PRIMARY KEY
) STRICT;
CREATE TABLE audit (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    at        INTEGER NOT NULL,
    actor     TEXT NOT NULL CONSTRAINT audit_actor_known CHECK (actor IN ('guest', 'user', 'bot', 'operator', 'system')),
    user_id   INTEGER CONSTRAINT audit_user_has_id CHECK ((actor = 'user') = (user_id IS NOT NULL)),
    os_user   TEXT,
    action    TEXT NOT NULL,
    chat_id   INTEGER,
    -- As it was then: what was done in a PRIVATE chat stays hidden when that goes PUBLIC.
    chat_type TEXT,
    target    INTEGER,
    details   TEXT NOT NULL CONSTRAINT audit_details_is_json CHECK (json_valid(details)),
    CONSTRAINT audit_chat_type_known CHECK (chat_type IS NULL OR chat_type IN ('OFFICIAL', 'PUBLIC', 'PRIVATE', 'DIRECT')),
    CONSTRAINT audit_chat_type_of_a_chat CHECK (chat_type IS NULL OR chat_id IS NOT NULL)
) STRICT;
CREATE TABLE browser (
    chat_id     INTEGER PRIMARY KEY REFERENCES chat (id) ON DELETE CASCADE,
    run         TEXT NOT NULL UNIQUE,
    state       TEXT NOT NULL,
    since       INTEGER NOT NULL,
    -- Why it is being stopped, or is not there although it was wanted.
    reason      TEXT,
    -- Since when nobody looks at the chat.
    empty_since INTEGER,
    CONSTRAINT browser_run_form CHECK (length(run) = 32 AND run NOT GLOB '*[^0-9a-f]*'),
    CONSTRAINT browser_state_known CHECK (state IN ('starting', 'running', 'stopping', 'failed')),
    CONSTRAINT browser_reason_known CHECK (reason IS NULL OR reason IN ('asked', 'idle', 'died', 'unreachable', 'full',
        'misconfigured', 'failed', 'unavailable')),
    CONSTRAINT browser_end_has_reason CHECK ((state IN ('stopping', 'failed')) = (reason IS NOT NULL)),
    CONSTRAINT browser_empty_while_wanted CHECK (empty_since IS NULL OR state IN ('starting', 'running'))
) STRICT;
CREATE TABLE browser_holder (
    chat_id INTEGER PRIMARY KEY REFERENCES chat (id) ON DELETE CASCADE,
    user_id INTEGER NOT NULL REFERENCES user (id) ON DELETE CASCADE,
    since   INTEGER NOT NULL
) STRICT;
CREATE TABLE browser_request (
    chat_id INTEGER NOT NULL REFERENCES chat (id) ON DELETE CASCADE,
    user_id INTEGER NOT NULL REFERENCES user (id) ON DELETE CASCADE,
    at      INTEGER NOT NULL,
    PRIMARY KEY (chat_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE event (
    seq        INTEGER PRIMARY KEY,
    at         INTEGER NOT NULL,
    name       TEXT NOT NULL,
    audience   TEXT NOT NULL,
    chat_id    INTEGER,
    user_id    INTEGER,
    session_id INTEGER,
    data       TEXT NOT NULL,
    CONSTRAINT event_seq_positive CHECK (seq >= 1),
    CONSTRAINT event_audience_known CHECK (audience IN ('everyone', 'chat', 'user', 'session', 'staff')),
    CONSTRAINT event_audience_named CHECK (CASE audience WHEN 'chat' THEN chat_id IS NOT NULL WHEN 'user' THEN user_id IS NOT NULL
        WHEN 'session' THEN session_id IS NOT NULL ELSE 1 END),
    CONSTRAINT event_data_is_json CHECK (json_valid(data))
) STRICT;
INSERT INTO meta VALUES ('log_id', '5e621a0ae09ae538f9b960c7ed37fea8');
INSERT INTO user VALUES (1000, 'olga-owner', 3, 0, NULL, 0, 0, NULL, 0);
INSERT INTO user VALUES (2000, 'ada-admin', 2, 0, NULL, 0, 0, NULL, 0);
INSERT INTO user VALUES (3000, 'mo-moderator', 1, 0, NULL, 0, 0, NULL, 0);
INSERT INTO user VALUES (4000, 'pia-premium', 0, 2, NULL, 0, 0, NULL, 0);
INSERT INTO user VALUES (5000, 'ben-basic', 0, 0, NULL, 0, 0, NULL, 0);
INSERT INTO user VALUES (6000, 'oskar-other', 0, 0, NULL, 0, 0, NULL, 0);
INSERT INTO user VALUES (7000, 'lis-lifetime', 0, 3, NULL, 0, 0, NULL, 0);
INSERT INTO user VALUES (9000, 'quiet-otter', 0, 0, NULL, 0, 1, NULL, 0);
INSERT INTO session VALUES (9000000, 9000, X'0000000000000000000000000000000000000000000000000000000000000000', 0, 9000000000000, NULL, NULL, NULL, NULL);
INSERT INTO session VALUES (9000001, 4000, X'FEA5DB57208549422D9EE8A459FCB5919920534D5BA3BD763A0B49BDE80ABB72', 1800000000000, 1802592000000, NULL, NULL, NULL, NULL);
INSERT INTO chat VALUES (1, 'OFFICIAL', 'A chat', NULL, 'the-lobby', 2000, NULL, NULL, NULL, 2, 1, 1, 1800000000000, 1, 0, NULL, '{"wipe_preset":"off","history_visible":true,"allow_control_requests":false,"locked_controls":false,"implicit_hosting":false,"inactive_cursors":false,"slow_mode_seconds":0}', '{"browser":"firefox","start_url":null,"kiosk":false,"adblock":true}', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 1800000000000, 1800000000000);
INSERT INTO chat VALUES (2, 'PUBLIC', 'A chat', NULL, 'the-square', 4000, NULL, NULL, NULL, 2, 1, 1, 1800000000000, 1, 0, 1, '{"wipe_preset":"off","history_visible":true,"allow_control_requests":false,"locked_controls":false,"implicit_hosting":false,"inactive_cursors":false,"slow_mode_seconds":0}', '{"browser":"firefox","start_url":null,"kiosk":false,"adblock":true}', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 1800000000000, 1800000000000);
INSERT INTO chat VALUES (3, 'PRIVATE', 'A chat', NULL, NULL, 4000, NULL, NULL, NULL, 2, 1, 1, 1800000000000, 2, 0, NULL, '{"wipe_preset":"off","history_visible":true,"allow_control_requests":false,"locked_controls":false,"implicit_hosting":false,"inactive_cursors":false,"slow_mode_seconds":0}', '{"browser":"firefox","start_url":null,"kiosk":false,"adblock":true}', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 1800000000000, 1800000000000);
INSERT INTO chat VALUES (4, 'DIRECT', 'Direct', NULL, NULL, NULL, 5000, 6000, NULL, 3, 1, 1, 1800000000000, 1, 0, NULL, '{}', '{}', NULL, NULL, NULL, NULL, 1800086400000, '["music"]', NULL, NULL, NULL, NULL, 1800000000000, 1800000000000);
INSERT INTO membership VALUES (4, 5000, 'match', 1800000000000, 1);
INSERT INTO membership VALUES (4, 6000, 'match', 1800000000000, 1);
INSERT INTO invite VALUES ('rab0amvl1f4kimbq', 3, 4000, 1800000000000, NULL, NULL, 0, NULL);
INSERT INTO message VALUES (3, 1, 4000, 0, 1, NULL, 'x', 1800000000000);
INSERT INTO audit VALUES (1, 1800000000000, 'operator', NULL, NULL, 'chat.create', 1, 'OFFICIAL', NULL, '{"chat_type":"OFFICIAL","owner":2000}');
INSERT INTO audit VALUES (2, 1800000000000, 'operator', NULL, NULL, 'chat.create', 2, 'PUBLIC', NULL, '{"chat_type":"PUBLIC","owner":4000}');
INSERT INTO audit VALUES (3, 1800000000000, 'operator', NULL, NULL, 'chat.create', 3, 'PRIVATE', NULL, '{"chat_type":"PRIVATE","owner":4000}');
INSERT INTO audit VALUES (4, 1800000000000, 'operator', NULL, NULL, 'session.create', NULL, NULL, 4000, '{}');
INSERT INTO audit VALUES (5, 1800000000000, 'user', 4000, NULL, 'invite.create', 3, 'PRIVATE', NULL, '{"expires_at":null,"max_uses":null}');
INSERT INTO event VALUES (1, 1800000000000, 'room:created', 'user', 1, 2000, NULL, '{"chat_id":1,"user_id":2000}');
INSERT INTO event VALUES (2, 1800000000000, 'room:created', 'user', 2, 4000, NULL, '{"chat_id":2,"user_id":4000}');
INSERT INTO event VALUES (3, 1800000000000, 'room:created', 'user', 3, 4000, NULL, '{"chat_id":3,"user_id":4000}');
INSERT INTO event VALUES (4, 1800000000000, 'session:started', 'user', NULL, 4000, NULL, '{"session_id":9000001,"user_id":4000}');
INSERT INTO event VALUES (5, 1800000000000, 'room:updated', 'chat', 3, NULL, NULL, '{"chat_id":3,"changed":["invites"]}');
CREATE INDEX user_by_role ON user (role) WHERE role > 0;
CREATE INDEX user_strangers ON user (id) WHERE stranger = 1;
CREATE INDEX held_username_by_time ON held_username (held_until);
CREATE INDEX tier_change_by_user ON tier_change (user_id, id);
CREATE INDEX session_by_user ON session (user_id, id);
CREATE INDEX session_by_expiry ON session (expires_at);
CREATE INDEX session_by_net ON session (client_net) WHERE client_net IS NOT NULL;
CREATE INDEX block_by_blocked ON block (blocked_id);
CREATE INDEX bot_by_platform ON bot (platform);
CREATE INDEX platform_identity_by_user ON platform_identity (user_id);
CREATE INDEX login_code_by_user ON login_code (user_id, expires_at);
CREATE INDEX login_code_by_identity ON login_code (platform, identity, expires_at) WHERE identity IS NOT NULL;
CREATE INDEX login_code_waiting ON login_code (platform, id) WHERE code_hash IS NULL;
CREATE INDEX login_code_by_net ON login_code (client_net, expires_at) WHERE client_net IS NOT NULL;
CREATE INDEX login_code_by_expiry ON login_code (expires_at);
CREATE INDEX chat_by_owner ON chat (owner_id, id) WHERE owner_id IS NOT NULL;
CREATE INDEX chat_by_pair_low ON chat (pair_low) WHERE pair_low IS NOT NULL;
CREATE INDEX chat_by_pair_high ON chat (pair_high) WHERE pair_high IS NOT NULL;
CREATE INDEX chat_directory ON chat (chat_type, last_activity_at DESC, id DESC) WHERE chat_type IN ('OFFICIAL', 'PUBLIC');
CREATE INDEX chat_by_wipe ON chat (wipe_due_at) WHERE wipe_due_at IS NOT NULL;
CREATE INDEX chat_by_move ON chat (move_due_at) WHERE move_due_at IS NOT NULL;
CREATE INDEX chat_by_end ON chat (ends_at) WHERE ends_at IS NOT NULL;
CREATE INDEX chat_by_low_away ON chat (low_away_until) WHERE low_away_until IS NOT NULL;
CREATE INDEX chat_by_high_away ON chat (high_away_until) WHERE high_away_until IS NOT NULL;
CREATE INDEX membership_by_user ON membership (user_id, chat_id);
CREATE INDEX earlier_reader_by_user ON earlier_reader (user_id);
CREATE INDEX held_slug_by_owner ON held_slug (owner_id, held_until);
CREATE INDEX transfer_offer_by_user ON transfer_offer (to_user);
CREATE INDEX invite_by_chat ON invite (chat_id, created_at);
CREATE INDEX invite_by_maker ON invite (created_by) WHERE created_by IS NOT NULL;
CREATE INDEX invite_by_end ON invite (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX invite_revoked ON invite (revoked_at) WHERE revoked_at IS NOT NULL;
CREATE INDEX invite_used_up ON invite (created_at) WHERE uses = max_uses;
CREATE INDEX message_by_sender ON message (sender_id, chat_id, id) WHERE sender_id IS NOT NULL;
CREATE INDEX sent_by_time ON sent (at);
CREATE INDEX send_window_by_user ON send_window (user_id);
CREATE INDEX joining_by_session ON joining (session_id);
CREATE INDEX activity_by_chat ON activity (chat_id, id);
CREATE INDEX activity_by_person ON activity (chat_id, user_id, kind, at);
CREATE INDEX activity_by_user ON activity (user_id, id);
CREATE INDEX activity_by_time ON activity (at);
CREATE INDEX match_entry_by_end ON match_entry (expires_at);
CREATE INDEX match_entry_to_look ON match_entry (since, id) WHERE look_again = 1;
CREATE INDEX rematch_pause_by_end ON rematch_pause (until);
CREATE INDEX room_key_by_session ON room_key (distributor_session) WHERE distributor_session IS NOT NULL;
CREATE INDEX key_blob_by_session ON key_blob (session_id);
CREATE INDEX key_rejection_by_session ON key_rejection (session_id);
CREATE INDEX key_request_by_session ON key_request (session_id);
CREATE INDEX key_request_by_time ON key_request (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX punishment_by_user ON punishment (user_id, id);
CREATE INDEX punishment_live ON punishment (user_id, kind, chat_id) WHERE lifted_at IS NULL AND kind <> 'warn';
CREATE INDEX punishment_by_chat ON punishment (chat_id) WHERE chat_id IS NOT NULL;
CREATE INDEX report_by_state ON report (state, id);
CREATE INDEX report_by_chat ON report (chat_id, id);
CREATE INDEX report_by_sender ON report (sender_id, id);
CREATE INDEX report_settled ON report (handled_at) WHERE state IN ('actioned', 'dismissed');
CREATE INDEX attempt_by_subject ON attempt (kind, subject, at);
CREATE INDEX attempt_by_time ON attempt (at);
CREATE INDEX audit_by_time ON audit (at);
CREATE INDEX audit_by_action ON audit (action, id);
CREATE INDEX audit_by_area ON audit (substr(action, 1, instr(action, '.')), id);
CREATE INDEX audit_by_chat ON audit (chat_id, id) WHERE chat_id IS NOT NULL;
CREATE INDEX audit_by_target ON audit (target, id) WHERE target IS NOT NULL;
CREATE INDEX audit_by_user ON audit (user_id, id) WHERE user_id IS NOT NULL;
CREATE INDEX browser_holder_by_user ON browser_holder (user_id);
CREATE INDEX browser_request_by_user ON browser_request (user_id);
CREATE INDEX event_by_chat ON event (chat_id, seq) WHERE chat_id IS NOT NULL;
CREATE INDEX event_by_user ON event (user_id, seq) WHERE user_id IS NOT NULL;
CREATE INDEX event_by_session ON event (session_id, seq) WHERE session_id IS NOT NULL;
CREATE INDEX event_to_everyone ON event (seq) WHERE audience = 'everyone';
CREATE INDEX event_to_staff ON event (seq) WHERE audience = 'staff';
CREATE TRIGGER user_last_owner_not_demoted BEFORE UPDATE OF role ON user
WHEN OLD.role = 3 AND NEW.role <> 3 AND (SELECT count(*) FROM user WHERE role = 3) = 1
BEGIN SELECT RAISE(ABORT, 'user_last_owner_not_demoted'); END;
CREATE TRIGGER user_last_owner_not_deleted BEFORE DELETE ON user
WHEN OLD.role = 3 AND (SELECT count(*) FROM user WHERE role = 3) = 1
BEGIN SELECT RAISE(ABORT, 'user_last_owner_not_deleted'); END;
CREATE TRIGGER user_is_not_replaced BEFORE INSERT ON user
WHEN EXISTS (SELECT 1 FROM user WHERE id = NEW.id OR username = NEW.username OR account_key_hash = NEW.account_key_hash)
BEGIN SELECT RAISE(ABORT, 'user_is_not_replaced'); END;
CREATE TRIGGER platform_identity_is_not_replaced BEFORE INSERT ON platform_identity
WHEN EXISTS (SELECT 1 FROM platform_identity WHERE platform = NEW.platform AND identity = NEW.identity)
BEGIN SELECT RAISE(ABORT, 'platform_identity_is_not_replaced'); END;
CREATE TRIGGER platform_identity_is_not_moved BEFORE UPDATE OF platform, identity, user_id ON platform_identity
BEGIN SELECT RAISE(ABORT, 'platform_identity_is_not_moved'); END;
CREATE TRIGGER platform_identity_is_no_strangers BEFORE INSERT ON platform_identity
WHEN EXISTS (SELECT 1 FROM user WHERE id = NEW.user_id AND stranger = 1)
BEGIN SELECT RAISE(ABORT, 'platform_identity_is_no_strangers'); END;
CREATE TRIGGER chat_is_not_replaced BEFORE INSERT ON chat
WHEN EXISTS (SELECT 1 FROM chat WHERE id = NEW.id OR slug = NEW.slug)
BEGIN SELECT RAISE(ABORT, 'chat_is_not_replaced'); END;
CREATE TRIGGER chat_type_changes_only_public_private BEFORE UPDATE OF chat_type ON chat
WHEN NEW.chat_type <> OLD.chat_type
    AND NOT (OLD.chat_type IN ('PUBLIC', 'PRIVATE') AND NEW.chat_type IN ('PUBLIC', 'PRIVATE'))
BEGIN SELECT RAISE(ABORT, 'chat_type_changes_only_public_private'); END;
CREATE TRIGGER chat_e2ee_is_fixed BEFORE UPDATE OF e2ee ON chat WHEN NEW.e2ee <> OLD.e2ee
BEGIN SELECT RAISE(ABORT, 'chat_e2ee_is_fixed'); END;
CREATE TRIGGER chat_pair_is_pinned BEFORE UPDATE OF pair_low, pair_high ON chat
WHEN NEW.pair_low IS NOT OLD.pair_low OR NEW.pair_high IS NOT OLD.pair_high
BEGIN SELECT RAISE(ABORT, 'chat_pair_is_pinned'); END;
CREATE TRIGGER chat_direct_within_slots BEFORE INSERT ON chat
WHEN NEW.chat_type = 'DIRECT' AND EXISTS (
    SELECT 1 FROM (SELECT NEW.pair_low AS person UNION ALL SELECT NEW.pair_high)
    WHERE (SELECT count(*) FROM chat WHERE pair_low = person) + (SELECT count(*) FROM chat WHERE pair_high = person) >= 3)
BEGIN SELECT RAISE(ABORT, 'chat_direct_within_slots'); END;
CREATE TRIGGER chat_epoch_only_rises BEFORE UPDATE OF epoch ON chat WHEN NEW.epoch < OLD.epoch
BEGIN SELECT RAISE(ABORT, 'chat_epoch_only_rises'); END;
CREATE TRIGGER chat_message_counter_only_rises BEFORE UPDATE OF next_message_id ON chat
WHEN NEW.next_message_id < OLD.next_message_id
BEGIN SELECT RAISE(ABORT, 'chat_message_counter_only_rises'); END;
CREATE TRIGGER chat_official_owner_is_admin BEFORE INSERT ON chat
WHEN NEW.chat_type = 'OFFICIAL' AND NOT EXISTS (SELECT 1 FROM user WHERE id = NEW.owner_id AND role >= 2)
BEGIN SELECT RAISE(ABORT, 'chat_official_owner_is_admin'); END;
CREATE TRIGGER chat_official_owner_stays_admin BEFORE UPDATE OF owner_id ON chat
WHEN NEW.chat_type = 'OFFICIAL' AND NOT EXISTS (SELECT 1 FROM user WHERE id = NEW.owner_id AND role >= 2)
BEGIN SELECT RAISE(ABORT, 'chat_official_owner_stays_admin'); END;
CREATE TRIGGER user_owning_official_stays_admin BEFORE UPDATE OF role ON user
WHEN NEW.role < 2 AND EXISTS (SELECT 1 FROM chat WHERE owner_id = NEW.id AND chat_type = 'OFFICIAL')
BEGIN SELECT RAISE(ABORT, 'user_owning_official_stays_admin'); END;
CREATE TRIGGER chat_direct_has_its_two AFTER INSERT ON chat WHEN NEW.chat_type = 'DIRECT'
BEGIN
    INSERT INTO membership (chat_id, user_id, via, joined_at)
    VALUES (NEW.id, NEW.pair_low, 'match', NEW.created_at), (NEW.id, NEW.pair_high, 'match', NEW.created_at);
END;
CREATE TRIGGER membership_notes_its_start AFTER INSERT ON membership
BEGIN
    UPDATE membership SET since = (SELECT next_message_id FROM chat WHERE id = NEW.chat_id)
    WHERE chat_id = NEW.chat_id AND user_id = NEW.user_id;
END;
CREATE TRIGGER membership_direct_takes_no_third BEFORE INSERT ON membership
WHEN EXISTS (SELECT 1 FROM chat WHERE id = NEW.chat_id AND chat_type = 'DIRECT' AND NEW.user_id NOT IN (pair_low, pair_high))
BEGIN SELECT RAISE(ABORT, 'membership_direct_takes_no_third'); END;
CREATE TRIGGER membership_direct_keeps_both BEFORE DELETE ON membership
WHEN EXISTS (SELECT 1 FROM chat WHERE id = OLD.chat_id AND chat_type = 'DIRECT')
BEGIN SELECT RAISE(ABORT, 'membership_direct_keeps_both'); END;
CREATE TRIGGER membership_is_not_moved BEFORE UPDATE OF chat_id, user_id ON membership
BEGIN SELECT RAISE(ABORT, 'membership_is_not_moved'); END;
CREATE TRIGGER chat_going_public_notes_its_readers AFTER UPDATE OF chat_type ON chat
WHEN OLD.chat_type = 'PRIVATE' AND NEW.chat_type = 'PUBLIC'
BEGIN
    DELETE FROM earlier_reader WHERE chat_id = NEW.id;
    INSERT INTO earlier_reader (chat_id, user_id)
    SELECT NEW.id, OLD.owner_id UNION SELECT NEW.id, user_id FROM membership WHERE chat_id = NEW.id;
END;
CREATE TRIGGER chat_going_private_forgets_its_readers AFTER UPDATE OF chat_type ON chat
WHEN OLD.chat_type = 'PUBLIC' AND NEW.chat_type = 'PRIVATE'
BEGIN DELETE FROM earlier_reader WHERE chat_id = NEW.id; END;
CREATE TRIGGER invite_never_to_direct BEFORE INSERT ON invite
WHEN EXISTS (SELECT 1 FROM chat WHERE id = NEW.chat_id AND chat_type = 'DIRECT')
BEGIN SELECT RAISE(ABORT, 'invite_never_to_direct'); END;
CREATE TRIGGER invite_is_not_moved BEFORE UPDATE OF code, chat_id ON invite
BEGIN SELECT RAISE(ABORT, 'invite_is_not_moved'); END;
CREATE TRIGGER invite_revoked_for_good BEFORE UPDATE OF revoked_at ON invite
WHEN OLD.revoked_at IS NOT NULL AND NEW.revoked_at IS NOT OLD.revoked_at
BEGIN SELECT RAISE(ABORT, 'invite_revoked_for_good'); END;
CREATE TRIGGER message_fits_its_chat BEFORE INSERT ON message
WHEN NOT EXISTS (SELECT 1 FROM chat WHERE id = NEW.chat_id AND NEW.id < next_message_id AND NEW.epoch IN (0, epoch))
BEGIN SELECT RAISE(ABORT, 'message_fits_its_chat'); END;
CREATE TRIGGER message_is_never_rewritten BEFORE UPDATE ON message
BEGIN SELECT RAISE(ABORT, 'message_is_never_rewritten'); END;
CREATE TRIGGER match_entry_queues AFTER INSERT ON match_entry WHEN NEW.rests = 0
BEGIN INSERT INTO match_queue (tag, since, entry_id) SELECT value, NEW.since, NEW.id FROM json_each(NEW.interests); END;
CREATE TRIGGER match_entry_leaves_its_queues AFTER DELETE ON match_entry
BEGIN
    DELETE FROM match_queue WHERE since = OLD.since AND entry_id = OLD.id
        AND tag IN (SELECT value FROM json_each(OLD.interests));
END;
CREATE TRIGGER match_entry_rests AFTER UPDATE OF rests ON match_entry WHEN OLD.rests = 0 AND NEW.rests = 1
BEGIN
    DELETE FROM match_queue WHERE since = OLD.since AND entry_id = OLD.id
        AND tag IN (SELECT value FROM json_each(OLD.interests));
END;
CREATE TRIGGER match_entry_queues_again AFTER UPDATE OF rests ON match_entry WHEN OLD.rests = 1 AND NEW.rests = 0
BEGIN INSERT INTO match_queue (tag, since, entry_id) SELECT value, NEW.since, NEW.id FROM json_each(NEW.interests); END;
CREATE TRIGGER match_entry_stays_as_it_was BEFORE UPDATE OF id, user_id, interests, since ON match_entry
BEGIN SELECT RAISE(ABORT, 'match_entry_stays_as_it_was'); END;
CREATE TRIGGER match_entry_is_not_replaced BEFORE INSERT ON match_entry
WHEN EXISTS (SELECT 1 FROM match_entry WHERE id = NEW.id OR user_id = NEW.user_id)
BEGIN SELECT RAISE(ABORT, 'match_entry_is_not_replaced'); END;
CREATE TRIGGER room_key_epoch_is_current BEFORE INSERT ON room_key
WHEN NEW.epoch <> (SELECT epoch FROM chat WHERE id = NEW.chat_id)
BEGIN SELECT RAISE(ABORT, 'room_key_epoch_is_current'); END;
CREATE TRIGGER room_key_first_wins BEFORE UPDATE OF chat_id, epoch, key_check, distributor_user ON room_key
BEGIN SELECT RAISE(ABORT, 'room_key_first_wins'); END;
CREATE TRIGGER room_key_is_not_replaced BEFORE INSERT ON room_key
WHEN EXISTS (SELECT 1 FROM room_key WHERE chat_id = NEW.chat_id)
BEGIN SELECT RAISE(ABORT, 'room_key_is_not_replaced'); END;
CREATE TRIGGER key_blob_fits_chat BEFORE INSERT ON key_blob
WHEN NOT EXISTS (SELECT 1 FROM chat WHERE id = NEW.chat_id AND epoch = NEW.epoch
    AND length(NEW.blob) = CASE e2ee WHEN 2 THEN 72 ELSE 80 END)
BEGIN SELECT RAISE(ABORT, 'key_blob_fits_chat'); END;
CREATE TRIGGER key_blob_is_not_overwritten BEFORE UPDATE ON key_blob
BEGIN SELECT RAISE(ABORT, 'key_blob_is_not_overwritten'); END;
CREATE TRIGGER key_blob_is_not_replaced BEFORE INSERT ON key_blob
WHEN EXISTS (SELECT 1 FROM key_blob WHERE id = NEW.id OR (chat_id = NEW.chat_id AND session_id = NEW.session_id))
BEGIN SELECT RAISE(ABORT, 'key_blob_is_not_replaced'); END;
CREATE TRIGGER key_blob_not_before_the_move BEFORE INSERT ON key_blob
WHEN EXISTS (SELECT 1 FROM key_request WHERE chat_id = NEW.chat_id AND session_id = NEW.session_id AND waits = 1)
BEGIN SELECT RAISE(ABORT, 'key_blob_not_before_the_move'); END;
CREATE TRIGGER key_blob_not_from_the_rejected BEFORE INSERT ON key_blob
WHEN EXISTS (SELECT 1 FROM key_rejection WHERE chat_id = NEW.chat_id AND session_id = NEW.session_id
    AND publisher_session = NEW.publisher_session)
BEGIN SELECT RAISE(ABORT, 'key_blob_not_from_the_rejected'); END;
CREATE TRIGGER chat_epoch_clears_keys AFTER UPDATE OF epoch ON chat WHEN NEW.epoch <> OLD.epoch
BEGIN
    DELETE FROM key_blob WHERE chat_id = NEW.id;
    DELETE FROM room_key WHERE chat_id = NEW.id;
    DELETE FROM key_rejection WHERE chat_id = NEW.id;
    DELETE FROM key_request WHERE chat_id = NEW.id;
END;
CREATE TRIGGER chat_end_keeps_warnings BEFORE DELETE ON chat
BEGIN UPDATE punishment SET chat_id = NULL WHERE chat_id = OLD.id AND kind = 'warn'; END;
CREATE TRIGGER punishment_never_in_direct BEFORE INSERT ON punishment
WHEN NEW.kind <> 'warn' AND EXISTS (SELECT 1 FROM chat WHERE id = NEW.chat_id AND chat_type = 'DIRECT')
BEGIN SELECT RAISE(ABORT, 'punishment_never_in_direct'); END;
CREATE TRIGGER report_is_never_rewritten BEFORE UPDATE OF id, chat_id, chat_type, chat_name, message_id, epoch, message_at,
    sender_id, reporter_id, reason, at, verified, plaintext ON report
BEGIN SELECT RAISE(ABORT, 'report_is_never_rewritten'); END;
CREATE TRIGGER report_is_not_replaced BEFORE INSERT ON report
WHEN EXISTS (SELECT 1 FROM report WHERE id = NEW.id
    OR (reporter_id = NEW.reporter_id AND chat_id = NEW.chat_id AND message_id = NEW.message_id))
BEGIN SELECT RAISE(ABORT, 'report_is_not_replaced'); END;
CREATE TRIGGER report_state_moves_on BEFORE UPDATE OF state ON report
WHEN NEW.state <> OLD.state AND (NEW.state = 'open' OR (OLD.state IN ('actioned', 'dismissed') AND NEW.state <> 'reviewing'))
BEGIN SELECT RAISE(ABORT, 'report_state_moves_on'); END;
CREATE TRIGGER report_goes_by_retention_only BEFORE DELETE ON report
WHEN OLD.state NOT IN ('actioned', 'dismissed')
    OR OLD.handled_at >= coalesce((SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'report_horizon'), 0)
BEGIN SELECT RAISE(ABORT, 'report_goes_by_retention_only'); END;
CREATE TRIGGER audit_is_never_rewritten BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'audit_is_never_rewritten'); END;
CREATE TRIGGER audit_is_not_replaced BEFORE INSERT ON audit
WHEN EXISTS (SELECT 1 FROM audit WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'audit_is_not_replaced'); END;
CREATE TRIGGER audit_goes_by_retention_only BEFORE DELETE ON audit
WHEN OLD.at >= coalesce((SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'audit_horizon'), 0)
BEGIN SELECT RAISE(ABORT, 'audit_goes_by_retention_only'); END;
CREATE TRIGGER browser_never_of_direct BEFORE INSERT ON browser
WHEN (SELECT chat_type FROM chat WHERE id = NEW.chat_id) = 'DIRECT'
BEGIN SELECT RAISE(ABORT, 'browser_never_of_direct'); END;
CREATE TRIGGER browser_run_is_fixed BEFORE UPDATE OF run ON browser WHEN NEW.run <> OLD.run
BEGIN SELECT RAISE(ABORT, 'browser_run_is_fixed'); END;
CREATE TRIGGER browser_holder_while_running BEFORE INSERT ON browser_holder
WHEN NOT EXISTS (SELECT 1 FROM browser WHERE chat_id = NEW.chat_id AND state = 'running')
BEGIN SELECT RAISE(ABORT, 'browser_holder_while_running'); END;
CREATE TRIGGER browser_request_while_running BEFORE INSERT ON browser_request
WHEN NOT EXISTS (SELECT 1 FROM browser WHERE chat_id = NEW.chat_id AND state = 'running')
BEGIN SELECT RAISE(ABORT, 'browser_request_while_running'); END;
CREATE TRIGGER browser_holder_asks_no_more AFTER INSERT ON browser_holder
BEGIN DELETE FROM browser_request WHERE chat_id = NEW.chat_id AND user_id = NEW.user_id; END;
CREATE TRIGGER browser_end_ends_control AFTER UPDATE OF state ON browser WHEN NEW.state <> 'running'
BEGIN
    DELETE FROM browser_holder WHERE chat_id = NEW.chat_id;
    DELETE FROM browser_request WHERE chat_id = NEW.chat_id;
END;
CREATE TRIGGER browser_gone_ends_control AFTER DELETE ON browser
BEGIN
    DELETE FROM browser_holder WHERE chat_id = OLD.chat_id;
    DELETE FROM browser_request WHERE chat_id = OLD.chat_id;
END;
CREATE TRIGGER event_is_never_rewritten BEFORE UPDATE ON event
BEGIN SELECT RAISE(ABORT, 'event_is_never_rewritten'); END;
CREATE TRIGGER event_seq_only_rises BEFORE INSERT ON event
WHEN NEW.seq BETWEEN 1 AND (SELECT max(seq) FROM event)
BEGIN SELECT RAISE(ABORT, 'event_seq_only_rises'); END;
CREATE TRIGGER event_newest_stays BEFORE DELETE ON event
WHEN OLD.seq = (SELECT max(seq) FROM event)
BEGIN SELECT RAISE(ABORT, 'event_newest_stays'); END;
