//! Settings, people, sessions, codes.

use super::harness::{Case, behind, copy, refuse};

pub(crate) const CASES: &[Case] = &[
    refuse(
        "setting_is_json",
        "UPDATE setting SET value = 'open' WHERE key = 'registration'",
    ),
    // user
    copy(
        "user_id_fits_javascript",
        "user WHERE id = 5000",
        &[("id", "9007199254740992"), ("username", "'ben-again'")],
    ),
    refuse(
        "user_username_form",
        "UPDATE user SET username = 'be' WHERE id = 5000",
    ),
    refuse(
        "user_username_form",
        "UPDATE user SET username = printf('%033d', 0) WHERE id = 5000",
    ),
    refuse(
        "user_username_form",
        "UPDATE user SET username = 'ben basic' WHERE id = 5000",
    ),
    refuse(
        "user.username",
        "UPDATE user SET username = 'BEN-Basic' WHERE id = 6000",
    ),
    refuse(
        "user_role_known",
        "UPDATE user SET role = 4 WHERE id = 5000",
    ),
    refuse(
        "user_role_known",
        "UPDATE user SET role = -1 WHERE id = 5000",
    ),
    refuse(
        "user_tier_known",
        "UPDATE user SET tier = 4 WHERE id = 5000",
    ),
    refuse(
        "user_tier_expiry_fits",
        "UPDATE user SET tier = 1 WHERE id = 5000",
    ),
    refuse(
        "user_tier_expiry_fits",
        "UPDATE user SET tier_expires_at = 100 WHERE id = 7000",
    ),
    refuse(
        "user_trial_used_is_bool",
        "UPDATE user SET trial_used = 2 WHERE id = 5000",
    ),
    refuse(
        "user_stranger_is_plain",
        "UPDATE user SET role = 1 WHERE id = 9000",
    ),
    refuse(
        "user_stranger_is_plain",
        "UPDATE user SET tier = 3 WHERE id = 9000",
    ),
    refuse(
        "user_stranger_is_plain",
        "UPDATE user SET account_key_hash = zeroblob(32) WHERE id = 9000",
    ),
    refuse(
        "user_stranger_is_plain",
        "UPDATE user SET stranger = 2 WHERE id = 5000",
    ),
    refuse(
        "user_account_key_is_hash",
        "UPDATE user SET account_key_hash = zeroblob(31) WHERE id = 5000",
    ),
    refuse(
        "user.account_key_hash",
        "UPDATE user SET account_key_hash = CAST(printf('%032d', 4000) AS BLOB) WHERE id = 5000",
    ),
    refuse(
        "user_last_owner_not_demoted",
        "UPDATE user SET role = 2 WHERE id = 1000",
    ),
    refuse(
        "user_last_owner_not_deleted",
        "DELETE FROM user WHERE id = 1000",
    ),
    // By id an owner of OFFICIAL chats loses the role, by name the last platform owner goes.
    refuse(
        "user_is_not_replaced",
        "INSERT OR REPLACE INTO user (id, username, role, created_at) VALUES (2000, 'ada-admin', 0, 0)",
    ),
    refuse(
        "user_is_not_replaced",
        "INSERT OR REPLACE INTO user (id, username, role, created_at) VALUES (8000, 'OLGA-owner', 0, 0)",
    ),
    refuse(
        "user_owning_official_stays_admin",
        "UPDATE user SET role = 1 WHERE id = 2000",
    ),
    refuse("tier_change_tier_known", "UPDATE tier_change SET tier = 4"),
    // session
    refuse(
        "session_token_is_hash",
        "UPDATE session SET token_hash = zeroblob(31) WHERE id = 501",
    ),
    refuse(
        "session.token_hash",
        "UPDATE session SET token_hash = CAST(printf('%032d', 502) AS BLOB) WHERE id = 501",
    ),
    refuse(
        "session_ends_after_start",
        "UPDATE session SET expires_at = created_at WHERE id = 501",
    ),
    refuse(
        "session_public_key_length",
        "UPDATE session SET public_key = zeroblob(31) WHERE id = 501",
    ),
    // signup_code
    refuse(
        "signup_code_form",
        "UPDATE signup_code SET code = 'signup000000001'",
    ),
    refuse(
        "signup_code_form",
        "UPDATE signup_code SET code = 'SIGNUP0000000001'",
    ),
    refuse(
        "signup_code_expires_later",
        "UPDATE signup_code SET expires_at = created_at",
    ),
    refuse(
        "signup_code_max_uses_positive",
        "UPDATE signup_code SET max_uses = 0",
    ),
    refuse(
        "signup_code_uses_within_max",
        "UPDATE signup_code SET uses = 4",
    ),
    refuse(
        "signup_code_uses_within_max",
        "UPDATE signup_code SET uses = -1",
    ),
    // block
    refuse(
        "block_is_not_of_oneself",
        "UPDATE block SET blocked_id = user_id",
    ),
    // bot
    copy(
        "bot_id_fits_javascript",
        "bot WHERE id = 1",
        &[("id", "9007199254740992"), ("key_hash", "randomblob(32)")],
    ),
    refuse("bot_platform_form", "UPDATE bot SET platform = 'Telegram'"),
    refuse("bot_platform_form", "UPDATE bot SET platform = 't'"),
    refuse("bot_name_length", "UPDATE bot SET name = ''"),
    refuse("bot_key_is_hash", "UPDATE bot SET key_hash = zeroblob(31)"),
    copy("bot.key_hash", "bot WHERE id = 1", &[("id", "NULL")]),
    // platform_identity
    copy(
        "platform_identity_platform_form",
        "platform_identity",
        &[("platform", "'tele gram'")],
    ),
    copy(
        "platform_identity_length",
        "platform_identity",
        &[("identity", "''")],
    ),
    copy(
        "platform_identity_length",
        "platform_identity",
        &[("identity", "printf('%0129d', 0)")],
    ),
    behind(
        "platform_identity_is_not_replaced",
        copy(
            "platform_identity.platform, platform_identity.identity",
            "platform_identity",
            &[("user_id", "6000")],
        ),
    ),
    refuse(
        "platform_identity_is_not_replaced",
        "INSERT OR REPLACE INTO platform_identity (platform, identity, user_id, linked_at)
         VALUES ('telegram', '4711', 6000, 0)",
    ),
    refuse(
        "platform_identity_is_not_moved",
        "UPDATE platform_identity SET user_id = 6000",
    ),
    refuse(
        "platform_identity_is_not_moved",
        "UPDATE platform_identity SET identity = '4712'",
    ),
    copy(
        "platform_identity_is_no_strangers",
        "platform_identity",
        &[("identity", "'4712'"), ("user_id", "9000")],
    ),
    // login_code
    refuse(
        "login_code_is_somebodys",
        "UPDATE login_code SET user_id = NULL WHERE identity IS NULL",
    ),
    refuse(
        "login_code_identity_has_platform",
        "UPDATE login_code SET platform = 'telegram' WHERE identity IS NULL",
    ),
    refuse(
        "login_code_identity_has_platform",
        "UPDATE login_code SET platform = NULL WHERE identity IS NOT NULL",
    ),
    refuse(
        "login_code_waits_for_a_bot",
        "UPDATE login_code SET code_hash = NULL WHERE identity IS NULL",
    ),
    refuse(
        "login_code_waits_for_a_bot",
        "UPDATE login_code SET browser = NULL WHERE code_hash IS NULL",
    ),
    refuse(
        "login_code_is_hash",
        "UPDATE login_code SET code_hash = zeroblob(31)",
    ),
    refuse(
        "login_code_browser_is_hash",
        "UPDATE login_code SET browser = zeroblob(31)",
    ),
    refuse(
        "login_code_expires_later",
        "UPDATE login_code SET expires_at = created_at",
    ),
];
