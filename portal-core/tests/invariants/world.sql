-- A small valid file: every table has a row, and every table that hangs on a chat has one for chat 103
-- and one for chat 105. The people are the cast's.

UPDATE user SET account_key_hash = CAST(printf('%032d', 4000) AS BLOB) WHERE id = 4000;
INSERT INTO setting (key, value) VALUES ('registration', '"open"');
INSERT INTO held_username (username, held_until) VALUES ('gone-away', 99);
INSERT INTO tier_change (user_id, tier, changed_by, at) VALUES (4000, 2, 'operator', 0);
INSERT INTO session (id, user_id, token_hash, created_at, expires_at) VALUES
    (501, 4000, CAST(printf('%032d', 501) AS BLOB), 0, 100),
    (502, 5000, CAST(printf('%032d', 502) AS BLOB), 0, 100),
    (503, 7000, CAST(printf('%032d', 503) AS BLOB), 0, 100);
INSERT INTO block (user_id, blocked_id, at) VALUES (5000, 6000, 0);
INSERT INTO signup_code (code, created_at, expires_at, max_uses) VALUES ('signup0000000001', 0, 100, 3);
INSERT INTO bot (id, platform, name, key_hash, created_at) VALUES (1, 'telegram', 'Doorman', zeroblob(32), 0);
INSERT INTO platform_identity (platform, identity, user_id, linked_at) VALUES ('telegram', '4711', 5000, 0);
INSERT INTO login_code (user_id, code_hash, created_at, expires_at) VALUES (5000, zeroblob(32), 0, 100);
INSERT INTO login_code (platform, identity, browser, created_at, expires_at) VALUES ('telegram', '4712', zeroblob(32), 0, 100);

INSERT INTO chat (id, chat_type, name, slug, owner_id, pair_low, pair_high, epoch, next_message_id, public_from,
    epoch_moved_at, chat_config, browser_config, created_at, last_activity_at, ends_at, interests) VALUES
    (101, 'OFFICIAL', 'The hall',   NULL,       2000, NULL, NULL, 1, 10, NULL, 0, '{}', '{}', 0, 0, NULL, NULL),
    (102, 'PUBLIC',   'The square', 'a-square', 4000, NULL, NULL, 1, 10, 1,    0, '{}', '{}', 0, 0, NULL, NULL),
    (103, 'PRIVATE',  'The parlour', NULL,      4000, NULL, NULL, 2, 10, NULL, 0, '{}', '{}', 0, 0, NULL, NULL),
    (104, 'DIRECT',   'The bench',  NULL,       NULL, 5000, 6000, 1, 10, NULL, 0, '{}', '{}', 0, 0, 86400000, '["music"]'),
    (105, 'PRIVATE',  'The attic',  NULL,       7000, NULL, NULL, 2, 10, NULL, 0, '{}', '{}', 0, 0, NULL, NULL);
INSERT INTO membership (chat_id, user_id, via, joined_at) VALUES
    (103, 5000, 'invite', 0), (103, 3000, 'operator', 0), (105, 5000, 'invite', 0);
INSERT INTO match_entry (id, user_id, interests, country, since, expires_at) VALUES
    (1, 3000, '["chess","music"]', 'NZ', 10, 600010), (2, 9000, '["tea"]', NULL, 20, 600020);
INSERT INTO rematch_pause (low, high, until) VALUES (5000, 6000, 60000);
INSERT INTO match_wait (minute, step, people) VALUES (0, 0, 2);
INSERT INTO held_slug (slug, owner_id, held_until) VALUES ('was-here', 4000, 99);
INSERT INTO transfer_offer (chat_id, to_user, offered_at, expires_at) VALUES (103, 7000, 0, 100), (105, 4000, 0, 100);
INSERT INTO invite (code, chat_id, created_at, expires_at, max_uses, revoked_at) VALUES
    ('invite0000000001', 103, 0, 100, 3, NULL), ('invite0000000002', 103, 0, NULL, NULL, 50),
    ('invite0000000003', 105, 0, 100, 3, NULL);

INSERT INTO message (chat_id, id, sender_id, sender_role, epoch, code, content, created_at) VALUES
    (103, 1, NULL, NULL, 0, 'joined', 'Ben joined.', 0), (103, 2, 5000, 0, 2, NULL, '{}', 0),
    (105, 1, 5000, 0, 2, NULL, '{}', 0);
INSERT INTO sent (chat_id, sender_id, client_id, message_id, at) VALUES (103, 5000, 'c-1', 2, 0), (105, 5000, 'c-1', 1, 0);
INSERT INTO send_window (chat_id, user_id, times) VALUES (103, 5000, zeroblob(8)), (105, 5000, zeroblob(8));
INSERT INTO chat_pace (chat_id, slot, at) VALUES (103, 2, 0), (105, 1, 0);
INSERT INTO earlier_reader (chat_id, user_id) VALUES (102, 5000), (103, 5000), (105, 5000);
INSERT INTO joining (chat_id, session_id, since, joined_at) VALUES (103, 502, 1, 0), (105, 502, 1, 0);
INSERT INTO activity (chat_id, user_id, kind, method, chat_type, at) VALUES
    (103, 5000, 'join', 'invite', 'PRIVATE', 0), (105, 5000, 'join', 'invite', 'PRIVATE', 0);

INSERT INTO room_key (chat_id, epoch, key_check, distributor_user, distributor_session, published_at) VALUES
    (103, 2, zeroblob(16), 4000, 501, 0), (105, 2, zeroblob(16), 7000, 503, 0);
INSERT INTO key_blob (chat_id, epoch, session_id, publisher_user, publisher_session, publisher_public_key, blob, at) VALUES
    (103, 2, 502, 4000, 501, zeroblob(32), zeroblob(80), 0), (105, 2, 502, 7000, 503, zeroblob(32), zeroblob(80), 0);
INSERT INTO key_rejection (chat_id, session_id, publisher_session, at) VALUES (103, 502, 503, 0), (105, 502, 501, 0);
INSERT INTO key_request (chat_id, session_id, requested_at) VALUES (103, 503, 0), (105, 501, 0);
INSERT INTO distributor_pause (chat_id, user_id, until) VALUES (103, 5000, 99), (105, 5000, 99);

INSERT INTO browser (chat_id, run, state, since) VALUES
    (103, '0123456789abcdef0123456789abcdef', 'running', 0), (105, 'fedcba9876543210fedcba9876543210', 'running', 0);
INSERT INTO browser_holder (chat_id, user_id, since) VALUES (103, 5000, 0), (105, 5000, 0);
INSERT INTO browser_request (chat_id, user_id, at) VALUES (103, 3000, 0), (105, 7000, 0);

INSERT INTO punishment (id, user_id, chat_id, kind, by_actor, at, until) VALUES
    (1, 5000, 103, 'mute', 'operator', 0, 100), (2, 5000, 105, 'mute', 'operator', 0, 100);
INSERT INTO report (id, chat_id, chat_type, chat_name, message_id, epoch, message_at, sender_id, reporter_id, reason, at,
    verified, plaintext, state, note, handled_by, handled_at) VALUES
    (1, 103, 'PRIVATE', 'The parlour', 2, 2, 0, 5000, 4000, 'rude', 0, 1, 'Rude words', 'open', NULL, NULL, NULL),
    (2, 105, 'PRIVATE', 'The attic', 1, 2, 0, 5000, 7000, 'rude', 0, 0, NULL, 'reviewing', 'Asked', '2000', 1000),
    (3, 103, 'PRIVATE', 'The parlour', 2, 2, 0, 5000, 3000, 'rude', 0, 0, NULL, 'dismissed', NULL, 'operator', 1000);
INSERT INTO attempt (kind, subject, at) VALUES ('code', '192.0.2.1', 0);
INSERT INTO audit (id, at, actor, user_id, action, chat_id, target, details) VALUES
    (1, 1000, 'user', 4000, 'mod.mute', 103, 5000, '{}'), (2, 2000, 'operator', NULL, 'chat.create', 105, NULL, '{}');
INSERT INTO event (seq, at, name, audience, chat_id, data) VALUES
    (1, 0, 'message:new', 'chat', 103, '{}'), (3, 0, 'message:new', 'chat', 105, '{}');
