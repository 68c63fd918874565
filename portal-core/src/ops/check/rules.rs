//! The rules of SPEC 3.2 and of the tables around it, as questions to the rows themselves: each answers
//! one text a place where the rule is broken, whatever constraints and triggers were off at the time.
//! What is UNIQUE is not asked again: that cannot be off, and `SQLite`'s own check reads the indexes.

use super::Rule;

const BY_HAND: &str =
    "Rows were changed past the library. Put right the rows named, or restore a backup.";

macro_rules! rules {
    ($($code:literal $meaning:literal $(, $advice:literal)? => $sql:literal;)*) => {
        &[$(Rule { code: $code, meaning: $meaning, advice: rules!(@advice $($advice)?), sql: $sql }),*]
    };
    (@advice) => { BY_HAND };
    (@advice $advice:literal) => { $advice };
}

/// Every rule, people first.
pub(super) const RULES: &[Rule] = rules! {
    "stranger_with_rank" "A stranger has a role, a tier or an account key (SPEC 1.8)." =>
        "SELECT 'user ' || id FROM user WHERE stranger AND (role <> 0 OR tier <> 0 OR account_key_hash IS NOT NULL)";
    "tier_end_misplaced" "A tier without an end has one, or a trial has none (SPEC 1.3)." =>
        "SELECT 'user ' || id FROM user
         WHERE (tier = 1 AND tier_expires_at IS NULL) OR (tier IN (0, 3) AND tier_expires_at IS NOT NULL)";
    "identity_of_stranger" "A stranger is somebody on another platform, who would be let in as them (SPEC 1.8)." =>
        "SELECT 'user ' || u.id FROM user u WHERE u.stranger
           AND EXISTS (SELECT 1 FROM platform_identity p WHERE p.user_id = u.id)";

    "chat_type_unknown" "A chat is of no known type." =>
        "SELECT 'chat ' || id FROM chat WHERE chat_type NOT IN ('OFFICIAL', 'PUBLIC', 'PRIVATE', 'DIRECT')";
    "chat_owner_missing" "An OFFICIAL, PUBLIC or PRIVATE chat has no owner, or one that is gone.",
        "Name an owner for the chats named (column owner_id), or destroy them." =>
        "SELECT 'chat ' || id FROM chat WHERE chat_type <> 'DIRECT'
         AND (owner_id IS NULL OR NOT EXISTS (SELECT 1 FROM user WHERE user.id = owner_id))";
    "direct_has_owner" "A DIRECT chat has an owner." =>
        "SELECT 'chat ' || id FROM chat WHERE chat_type = 'DIRECT' AND owner_id IS NOT NULL";
    "official_owner_too_low" "The owner of an OFFICIAL chat is no admin.",
        "Make the owner an admin (`portal-cli user set-role`), or transfer the chat." =>
        "SELECT 'chat ' || c.id || ', user ' || u.id FROM chat c JOIN user u ON u.id = c.owner_id
         WHERE c.chat_type = 'OFFICIAL' AND u.role < 2";
    "slug_by_type" "A PUBLIC chat has no slug, or a PRIVATE or DIRECT one has." =>
        "SELECT 'chat ' || id FROM chat
         WHERE (chat_type = 'PUBLIC' AND slug IS NULL) OR (chat_type IN ('PRIVATE', 'DIRECT') AND slug IS NOT NULL)";
    "slug_form" "A slug has a form that no slug may have (SPEC 3.3)." =>
        "SELECT 'chat ' || id FROM chat WHERE slug IS NOT NULL AND (length(slug) NOT BETWEEN 2 AND 32
           OR slug GLOB '*[^a-z0-9-]*' OR slug GLOB '-*' OR slug GLOB '*-' OR slug GLOB '*--*'
           OR (length(slug) = 16 AND instr(slug, '-') = 0))";
    "public_from_misplaced" "The place from which a PUBLIC chat is public is missing, impossible, or set on another type." =>
        "SELECT 'chat ' || id FROM chat
         WHERE (chat_type = 'PUBLIC') <> (public_from IS NOT NULL) OR public_from NOT BETWEEN 1 AND next_message_id";
    "direct_without_pair" "A DIRECT chat does not name its two people, or another chat names a pair." =>
        "SELECT 'chat ' || id FROM chat WHERE (chat_type = 'DIRECT') <> (pair_low IS NOT NULL AND pair_high IS NOT NULL)
           OR (chat_type <> 'DIRECT' AND (pair_low IS NOT NULL OR pair_high IS NOT NULL)) OR pair_low >= pair_high";
    "direct_members" "The members of a DIRECT chat are not exactly its two people.",
        "End the chats named: their two people cannot be sure who reads." =>
        "SELECT 'chat ' || c.id || ', ' || count(m.user_id) || ' members' FROM chat c
         LEFT JOIN membership m ON m.chat_id = c.id WHERE c.chat_type = 'DIRECT' GROUP BY c.id
         HAVING count(m.user_id) <> 2 OR sum(m.user_id IN (c.pair_low, c.pair_high)) <> 2";
    "direct_has_door" "A DIRECT chat has an invite or a transfer.",
        "Delete the rows named." =>
        "SELECT 'invite of chat ' || c.id FROM chat c JOIN invite i ON i.chat_id = c.id WHERE c.chat_type = 'DIRECT'
         UNION ALL
         SELECT 'transfer of chat ' || c.id FROM chat c JOIN transfer_offer t ON t.chat_id = c.id WHERE c.chat_type = 'DIRECT'";
    "direct_wiped" "A DIRECT chat is due to be wiped." =>
        "SELECT 'chat ' || id FROM chat WHERE chat_type = 'DIRECT' AND wipe_due_at IS NOT NULL";
    "direct_punished" "A mute or ban is set in a DIRECT chat, which takes none (SPEC 7.2)." =>
        "SELECT 'punishment ' || p.id || ' in chat ' || c.id FROM punishment p JOIN chat c ON c.id = p.chat_id
         WHERE c.chat_type = 'DIRECT' AND p.kind <> 'warn'";
    "direct_without_an_end" "A DIRECT chat has no end or no interests, or another chat has (SPEC 9.4, 9.12)." =>
        "SELECT 'chat ' || id FROM chat
         WHERE (chat_type = 'DIRECT') <> (ends_at IS NOT NULL) OR (chat_type = 'DIRECT') <> (interests IS NOT NULL)";
    "direct_beyond_slots" "Somebody has more than three DIRECT chats (SPEC 9.2).",
        "Let them leave some (`portal-cli --as USER match leave CHAT`)." =>
        "SELECT 'user ' || person FROM (SELECT pair_low AS person FROM chat WHERE pair_low IS NOT NULL
           UNION ALL SELECT pair_high FROM chat WHERE pair_high IS NOT NULL) GROUP BY person HAVING count(*) > 3";
    "queue_differs" "Whoever waits to be matched does not stand in exactly the queues of their interests (SPEC 9.3).",
        "Delete the rows of `match_queue` named, and let the people named ask again." =>
        "WITH due (tag, since, entry_id) AS (SELECT j.value, e.since, e.id FROM match_entry e, json_each(e.interests) j WHERE e.rests = 0)
         SELECT 'entry ' || entry_id || ' in ' || tag FROM (SELECT * FROM due EXCEPT SELECT tag, since, entry_id FROM match_queue)
         UNION ALL
         SELECT 'queue ' || tag || ', entry ' || entry_id FROM (SELECT tag, since, entry_id FROM match_queue EXCEPT SELECT * FROM due)";
    "interests_malformed" "Whoever waits to be matched, or was, named no lawful interests (SPEC 9.2)." =>
        "SELECT 'entry ' || id FROM match_entry e WHERE json_array_length(interests) NOT BETWEEN 1 AND 3
           OR EXISTS (SELECT 1 FROM json_each(e.interests) j
                      WHERE length(j.value) NOT BETWEEN 3 AND 12 OR j.value GLOB '*[^a-z0-9]*')
         UNION ALL
         SELECT 'chat ' || id FROM chat c WHERE interests IS NOT NULL AND (json_array_length(interests) NOT BETWEEN 1 AND 3
           OR EXISTS (SELECT 1 FROM json_each(c.interests) j
                      WHERE length(j.value) NOT BETWEEN 3 AND 12 OR j.value GLOB '*[^a-z0-9]*'))";
    "suite_unknown" "A chat's encryption suite is neither 2 nor 3." =>
        "SELECT 'chat ' || id FROM chat WHERE e2ee NOT IN (2, 3)";
    "epoch_start_out_of_range" "A chat's epoch starts beyond its messages, or it counts none." =>
        "SELECT 'chat ' || id FROM chat WHERE epoch < 1 OR epoch_start NOT BETWEEN 1 AND next_message_id";
    "code_overused" "An invite or sign-up code was used more often than it may be." =>
        "SELECT 'invite of chat ' || chat_id FROM invite WHERE uses > max_uses OR uses < 0
         UNION ALL SELECT 'sign-up code made at ' || created_at FROM signup_code WHERE uses > max_uses OR uses < 0";

    "message_beyond_counter" "A message's id is not below its chat's counter, so that the next message would clash.",
        "Raise next_message_id of the chats named above their last message." =>
        "SELECT 'chat ' || c.id || ', message ' || max(m.id) FROM chat c JOIN message m ON m.chat_id = c.id
         GROUP BY c.id HAVING max(m.id) >= c.next_message_id";
    "message_beyond_epoch" "A message belongs to an epoch that its chat has not reached.",
        "The chat's epoch was moved back: raise it above every message's, so that no epoch comes back with another key." =>
        "SELECT 'chat ' || m.chat_id || ', message ' || m.id FROM message m JOIN chat c ON c.id = m.chat_id
         WHERE m.epoch > c.epoch";
    "message_of_ended_epoch" "A message of an earlier epoch was stored after the epoch moved on (SPEC 6.2)." =>
        "SELECT 'chat ' || m.chat_id || ', message ' || m.id FROM message m JOIN chat c ON c.id = m.chat_id
         WHERE m.epoch BETWEEN 1 AND c.epoch - 1 AND m.id >= c.epoch_start";
    "message_of_nobody" "A message is neither a person's nor the system's." =>
        "SELECT 'chat ' || chat_id || ', message ' || id FROM message
         WHERE (sender_id IS NULL) <> (code IS NOT NULL) OR (sender_id IS NULL) <> (epoch = 0)
           OR (sender_id IS NULL) <> (sender_role IS NULL)";
    "message_too_long" "A message is longer than 4096 bytes." =>
        "SELECT 'chat ' || chat_id || ', message ' || id FROM message WHERE octet_length(content) > 4096";

    "key_of_other_epoch" "Keys are kept that do not belong to their chat's current epoch (SPEC 8.2).",
        "Delete the rows named: nothing of an epoch that ended may stay." =>
        "SELECT 'room key of chat ' || k.chat_id FROM room_key k JOIN chat c ON c.id = k.chat_id WHERE k.epoch <> c.epoch
         UNION ALL
         SELECT 'key blob ' || b.id || ' of chat ' || b.chat_id FROM key_blob b JOIN chat c ON c.id = b.chat_id
         WHERE b.epoch <> c.epoch";
    "key_blob_length" "A wrapped key has not the length of its chat's suite." =>
        "SELECT 'key blob ' || b.id || ' of chat ' || b.chat_id FROM key_blob b JOIN chat c ON c.id = b.chat_id
         WHERE length(b.blob) <> CASE c.e2ee WHEN 2 THEN 72 ELSE 80 END";
    "key_blob_without_key" "Wrapped keys are kept of a key that nobody published." =>
        "SELECT 'key blob ' || b.id || ' of chat ' || b.chat_id FROM key_blob b
         WHERE NOT EXISTS (SELECT 1 FROM room_key k WHERE k.chat_id = b.chat_id)";

    "keys_orphaned" "Keys, wrapped keys or requests for them belong to a chat or session that is gone." =>
        "SELECT 'room key of chat ' || chat_id FROM room_key
         WHERE chat_id NOT IN (SELECT id FROM chat)
           OR (distributor_session IS NOT NULL AND distributor_session NOT IN (SELECT id FROM session))
         UNION ALL
         SELECT 'key blob ' || id FROM key_blob
         WHERE chat_id NOT IN (SELECT id FROM chat) OR session_id NOT IN (SELECT id FROM session)
         UNION ALL
         SELECT 'rejection in chat ' || chat_id || ' by session ' || session_id FROM key_rejection
         WHERE chat_id NOT IN (SELECT id FROM chat) OR session_id NOT IN (SELECT id FROM session)
         UNION ALL
         SELECT 'request in chat ' || chat_id || ' by session ' || session_id FROM key_request
         WHERE chat_id NOT IN (SELECT id FROM chat) OR session_id NOT IN (SELECT id FROM session)";

    "report_unproven" "A report shows words that nothing proved, or lacks those that were proven (SPEC 7.6)." =>
        "SELECT 'report ' || id FROM report WHERE verified NOT IN (0, 1) OR (verified = 1) <> (plaintext IS NOT NULL)
           OR octet_length(plaintext) > 2943";
    "report_handling" "A report is in no known state, or its state and who dealt with it do not fit." =>
        "SELECT 'report ' || id FROM report WHERE state NOT IN ('open', 'reviewing', 'actioned', 'dismissed')
           OR (state = 'open') <> (handled_by IS NULL) OR (state = 'open') <> (handled_at IS NULL)";
    "report_of_oneself" "Somebody reported a message of their own." =>
        "SELECT 'report ' || id FROM report WHERE reporter_id = sender_id";

    "id_reused" "A counter of ids stands below an id that was given out, so that one would come again.",
        "Raise the counter of the tables named in sqlite_sequence." =>
        "WITH last (name, id) AS (
           SELECT 'user', max(id) FROM user UNION ALL SELECT 'session', max(id) FROM session
           UNION ALL SELECT 'chat', max(id) FROM chat UNION ALL SELECT 'key_blob', max(id) FROM key_blob
           UNION ALL SELECT 'punishment', max(id) FROM punishment UNION ALL SELECT 'report', max(id) FROM report
           UNION ALL SELECT 'bot', max(id) FROM bot
           UNION ALL SELECT 'audit', max(id) FROM audit)
         SELECT last.name FROM last LEFT JOIN sqlite_sequence s ON s.name = last.name
         WHERE last.id > coalesce(s.seq, 0)";
    "log_unnamed" "The event log has no name, so that followers cannot tell it from another.",
        "Open the file once for writing: any operation names the log." =>
        "SELECT 'meta' WHERE NOT EXISTS (SELECT 1 FROM meta WHERE key = 'log_id' AND value <> '')";
    "event_place_impossible" "An event stands at no possible place of the log." =>
        "SELECT 'event ' || seq FROM event WHERE seq < 1 OR seq > 9007199254740991";
    "event_newest_missing" "The newest rows of the event log are gone: they are never deleted, so followers miss something.",
        "Make followers start over: delete the row `log_id` of `meta`; the next opening names the log anew." =>
        "SELECT 'event log' WHERE coalesce((SELECT max(seq) FROM event), 0)
           < max(coalesce((SELECT value FROM meta WHERE key = 'event_horizon'), 0), EXISTS (SELECT 1 FROM message))";
};
