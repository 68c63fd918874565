//! Chats, who belongs to them, and the ways in.

use super::harness::{Case, copy, effect, refuse};

/// One who is the lower of two, the higher of one, and is matched once more.
const THREE_MATCHES_AND_ONE: &str = "
    INSERT INTO chat (id, chat_type, name, pair_low, pair_high, epoch_moved_at, chat_config, browser_config, ends_at,
      interests, created_at, last_activity_at)
    SELECT NULL, chat_type, name, column1, column2, 0, '{}', '{}', 1, interests, 0, 0
    FROM chat, (VALUES (5000, 7000), (4000, 5000)) WHERE chat.id = 104;
    INSERT INTO chat (id, chat_type, name, pair_low, pair_high, epoch_moved_at, chat_config, browser_config, ends_at,
      interests, created_at, last_activity_at)
    SELECT NULL, chat_type, name, 5000, 9000, 0, '{}', '{}', 1, interests, 0, 0 FROM chat WHERE id = 104";

pub(crate) const CASES: &[Case] = &[
    copy(
        "chat_id_fits_javascript",
        "chat WHERE id = 103",
        &[("id", "9007199254740992")],
    ),
    copy(
        "chat_type_known",
        "chat WHERE id = 103",
        &[("id", "NULL"), ("chat_type", "'SECRET'")],
    ),
    refuse(
        "chat_name_length",
        "UPDATE chat SET name = 'x' WHERE id = 103",
    ),
    refuse(
        "chat_name_length",
        "UPDATE chat SET name = printf('%065d', 0) WHERE id = 103",
    ),
    refuse(
        "chat_description_length",
        "UPDATE chat SET description = printf('%0501d', 0) WHERE id = 103",
    ),
    refuse(
        "chat_label_length",
        "UPDATE chat SET label = '' WHERE id = 103",
    ),
    refuse(
        "chat_label_length",
        "UPDATE chat SET label = printf('%033d', 0) WHERE id = 103",
    ),
    refuse(
        "chat_owner_unless_direct",
        "UPDATE chat SET owner_id = NULL WHERE id = 102",
    ),
    refuse(
        "chat_owner_unless_direct",
        "UPDATE chat SET owner_id = NULL WHERE id = 103",
    ),
    refuse(
        "chat_owner_unless_direct",
        "UPDATE chat SET owner_id = 5000 WHERE id = 104",
    ),
    copy(
        "chat_pair_only_direct",
        "chat WHERE id = 103",
        &[("id", "NULL"), ("pair_low", "5000"), ("pair_high", "6000")],
    ),
    copy(
        "chat_pair_is_two_people",
        "chat WHERE id = 104",
        &[("id", "NULL"), ("pair_low", "6000"), ("pair_high", "5000")],
    ),
    refuse(
        "chat_slug_by_type",
        "UPDATE chat SET slug = NULL WHERE id = 102",
    ),
    refuse(
        "chat_slug_by_type",
        "UPDATE chat SET slug = 'my-parlour' WHERE id = 103",
    ),
    refuse(
        "chat_slug_by_type",
        "UPDATE chat SET slug = 'our-bench' WHERE id = 104",
    ),
    refuse(
        "chat_slug_form",
        "UPDATE chat SET slug = 'a' WHERE id = 102",
    ),
    refuse(
        "chat_slug_form",
        "UPDATE chat SET slug = printf('a-%031d', 0) WHERE id = 102",
    ),
    refuse(
        "chat_slug_form",
        "UPDATE chat SET slug = 'A-square' WHERE id = 102",
    ),
    refuse(
        "chat_slug_form",
        "UPDATE chat SET slug = '-square' WHERE id = 102",
    ),
    refuse(
        "chat_slug_form",
        "UPDATE chat SET slug = 'square-' WHERE id = 102",
    ),
    refuse(
        "chat_slug_form",
        "UPDATE chat SET slug = 'a--square' WHERE id = 102",
    ),
    refuse(
        "chat_slug_is_no_invite",
        "UPDATE chat SET slug = 'asquarewithatree' WHERE id = 102",
    ),
    refuse(
        "chat.slug",
        "UPDATE chat SET slug = 'a-square' WHERE id = 101",
    ),
    refuse(
        "chat_public_from_only_public",
        "UPDATE chat SET public_from = NULL WHERE id = 102",
    ),
    refuse(
        "chat_public_from_only_public",
        "UPDATE chat SET public_from = 1 WHERE id = 103",
    ),
    refuse(
        "chat_public_from_in_range",
        "UPDATE chat SET public_from = 0 WHERE id = 102",
    ),
    refuse(
        "chat_public_from_in_range",
        "UPDATE chat SET public_from = 11 WHERE id = 102",
    ),
    copy(
        "chat_e2ee_known",
        "chat WHERE id = 103",
        &[("id", "NULL"), ("e2ee", "1")],
    ),
    copy(
        "chat_epoch_positive",
        "chat WHERE id = 103",
        &[("id", "NULL"), ("epoch", "0")],
    ),
    refuse(
        "chat_epoch_start_in_range",
        "UPDATE chat SET epoch_start = 0 WHERE id = 103",
    ),
    refuse(
        "chat_epoch_start_in_range",
        "UPDATE chat SET epoch_start = 11 WHERE id = 103",
    ),
    refuse(
        "chat_next_message_id_fits_javascript",
        "UPDATE chat SET next_message_id = 9007199254740992 WHERE id = 103",
    ),
    refuse(
        "chat_config_is_json",
        "UPDATE chat SET chat_config = '{' WHERE id = 103",
    ),
    refuse(
        "chat_browser_config_is_json",
        "UPDATE chat SET browser_config = '{' WHERE id = 103",
    ),
    refuse(
        "chat_move_has_reason",
        "UPDATE chat SET move_due_at = 5 WHERE id = 103",
    ),
    refuse(
        "chat_move_has_reason",
        "UPDATE chat SET move_reason = 'joined' WHERE id = 103",
    ),
    refuse(
        "chat_direct_never_wiped",
        "UPDATE chat SET wipe_due_at = 5 WHERE id = 104",
    ),
    refuse(
        "chat_direct_ends",
        "UPDATE chat SET ends_at = NULL WHERE id = 104",
    ),
    refuse(
        "chat_direct_ends",
        "UPDATE chat SET ends_at = 5 WHERE id = 103",
    ),
    refuse(
        "chat_direct_has_interests",
        "UPDATE chat SET interests = NULL WHERE id = 104",
    ),
    refuse(
        "chat_direct_has_interests",
        "UPDATE chat SET interests = '[\"tea\"]' WHERE id = 103",
    ),
    refuse(
        "chat_interests_are_a_list",
        "UPDATE chat SET interests = '[]' WHERE id = 104",
    ),
    refuse(
        "chat_interests_are_a_list",
        "UPDATE chat SET interests = '[1,2,3,4]' WHERE id = 104",
    ),
    refuse(
        "chat_country_only_direct",
        "UPDATE chat SET low_country = 'NZ' WHERE id = 103",
    ),
    refuse(
        "chat_country_only_direct",
        "UPDATE chat SET high_country = 'NZ' WHERE id = 103",
    ),
    refuse(
        "chat_low_country_form",
        "UPDATE chat SET low_country = 'nz' WHERE id = 104",
    ),
    refuse(
        "chat_high_country_form",
        "UPDATE chat SET high_country = 'NZL' WHERE id = 104",
    ),
    refuse(
        "chat_away_only_direct",
        "UPDATE chat SET low_away_until = 5 WHERE id = 103",
    ),
    refuse(
        "chat_away_only_direct",
        "UPDATE chat SET high_away_until = 5 WHERE id = 103",
    ),
    refuse("chat_direct_within_slots", THREE_MATCHES_AND_ONE),
    // By id an epoch would come back with another key, by slug another's chat would go.
    refuse(
        "chat_is_not_replaced",
        "INSERT OR REPLACE INTO chat (id, chat_type, name, owner_id, epoch, epoch_moved_at, chat_config,
           browser_config, created_at, last_activity_at)
         VALUES (103, 'PRIVATE', 'Mine', 7000, 1, 0, '{}', '{}', 0, 0)",
    ),
    refuse(
        "chat_is_not_replaced",
        "INSERT OR REPLACE INTO chat (chat_type, name, slug, public_from, owner_id, epoch_moved_at, chat_config,
           browser_config, created_at, last_activity_at)
         VALUES ('PUBLIC', 'Mine', 'a-square', 1, 7000, 0, '{}', '{}', 0, 0)",
    ),
    refuse(
        "chat_type_changes_only_public_private",
        "UPDATE chat SET chat_type = 'PUBLIC', slug = 'the-hall', public_from = 1 WHERE id = 101",
    ),
    refuse(
        "chat_type_changes_only_public_private",
        "UPDATE chat SET chat_type = 'OFFICIAL', owner_id = 2000 WHERE id = 103",
    ),
    refuse(
        "chat_e2ee_is_fixed",
        "UPDATE chat SET e2ee = 2 WHERE id = 103",
    ),
    refuse(
        "chat_pair_is_pinned",
        "UPDATE chat SET pair_high = 7000 WHERE id = 104",
    ),
    refuse(
        "chat_pair_is_pinned",
        "UPDATE chat SET pair_low = 4000 WHERE id = 104",
    ),
    refuse(
        "chat_epoch_only_rises",
        "UPDATE chat SET epoch = 1 WHERE id = 103",
    ),
    refuse(
        "chat_message_counter_only_rises",
        "UPDATE chat SET next_message_id = 9 WHERE id = 103",
    ),
    copy(
        "chat_official_owner_is_admin",
        "chat WHERE id = 101",
        &[("id", "NULL"), ("owner_id", "3000")],
    ),
    refuse(
        "chat_official_owner_stays_admin",
        "UPDATE chat SET owner_id = 3000 WHERE id = 101",
    ),
    // membership
    effect(
        "membership_notes_its_start",
        "INSERT INTO membership (chat_id, user_id, via, joined_at) VALUES (103, 7000, 'invite', 0)",
        "SELECT since = 10 FROM membership WHERE chat_id = 103 AND user_id = 7000",
    ),
    effect(
        "chat_going_public_notes_its_readers",
        "UPDATE chat SET chat_type = 'PUBLIC', slug = 'the-attic', public_from = 10 WHERE id = 105",
        "SELECT group_concat(user_id) IS '5000,7000' FROM earlier_reader WHERE chat_id = 105",
    ),
    effect(
        "chat_going_private_forgets_its_readers",
        "UPDATE chat SET chat_type = 'PRIVATE', slug = NULL, public_from = NULL WHERE id = 102",
        "SELECT NOT EXISTS (SELECT 1 FROM earlier_reader WHERE chat_id = 102)",
    ),
    effect(
        "chat_direct_has_its_two",
        "INSERT INTO chat (id, chat_type, name, pair_low, pair_high, epoch_moved_at, chat_config,
           browser_config, ends_at, interests, created_at, last_activity_at)
         VALUES (199, 'DIRECT', 'A match', 4000, 7000, 0, '{}', '{}', 1, '[\"tea\"]', 0, 0)",
        "SELECT group_concat(user_id) IS '4000,7000' FROM membership WHERE chat_id = 199",
    ),
    refuse(
        "membership_via_known",
        "UPDATE membership SET via = 'luck' WHERE chat_id = 103",
    ),
    copy(
        "membership.chat_id, membership.user_id",
        "membership WHERE chat_id = 103 AND user_id = 5000",
        &[],
    ),
    refuse(
        "membership_direct_takes_no_third",
        "INSERT INTO membership (chat_id, user_id, via, joined_at) VALUES (104, 7000, 'match', 0)",
    ),
    refuse(
        "membership_direct_keeps_both",
        "DELETE FROM membership WHERE chat_id = 104 AND user_id = 6000",
    ),
    refuse(
        "membership_is_not_moved",
        "UPDATE membership SET user_id = 7000 WHERE chat_id = 104 AND user_id = 6000",
    ),
    refuse(
        "membership_is_not_moved",
        "UPDATE membership SET chat_id = 104 WHERE chat_id = 103 AND user_id = 3000",
    ),
    refuse(
        "transfer_offer_expires_later",
        "UPDATE transfer_offer SET expires_at = offered_at",
    ),
    // invite
    copy(
        "invite_code_form",
        "invite WHERE code = 'invite0000000001'",
        &[("code", "'invite000000001'")],
    ),
    copy(
        "invite_code_form",
        "invite WHERE code = 'invite0000000001'",
        &[("code", "'INVITE0000000009'")],
    ),
    copy(
        "invite.code",
        "invite WHERE code = 'invite0000000001'",
        &[],
    ),
    refuse(
        "invite_expires_later",
        "UPDATE invite SET expires_at = created_at WHERE code = 'invite0000000001'",
    ),
    refuse(
        "invite_max_uses_positive",
        "UPDATE invite SET max_uses = 0 WHERE code = 'invite0000000001'",
    ),
    refuse(
        "invite_uses_within_max",
        "UPDATE invite SET uses = 4 WHERE code = 'invite0000000001'",
    ),
    refuse(
        "invite_uses_within_max",
        "UPDATE invite SET uses = -1 WHERE code = 'invite0000000001'",
    ),
    copy(
        "invite_never_to_direct",
        "invite WHERE code = 'invite0000000001'",
        &[("code", "'invite0000000009'"), ("chat_id", "104")],
    ),
    refuse(
        "invite_is_not_moved",
        "UPDATE invite SET chat_id = 104 WHERE code = 'invite0000000001'",
    ),
    refuse(
        "invite_is_not_moved",
        "UPDATE invite SET code = 'invite0000000009' WHERE code = 'invite0000000001'",
    ),
    refuse(
        "invite_revoked_for_good",
        "UPDATE invite SET revoked_at = NULL WHERE code = 'invite0000000002'",
    ),
];
