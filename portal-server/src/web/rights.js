// Who may do what, as far as a page has to know what to offer. The server decides.

const RANKS = { user: 0, moderator: 1, admin: 2, owner: 3 };

const rank = (role) => RANKS[role] ?? 0;

export const isStaff = (me) => rank(me?.role) >= RANKS.admin;

/** Moderators look after people and the matcher; reports, codes and others' PRIVATE chats are admins'. */
export const isModerator = (me) => rank(me?.role) >= RANKS.moderator;

/** Whether one may act on somebody, whatever the chat. */
export const outranks = (me, other) =>
  me.id !== other.id && (rank(me.role) > rank(other.role) || (me.role === "owner" && other.role === "owner"));

/** What the person may do in the chat. `owner` is {id, role} or null. */
export function rights(me, chat, owner) {
  const none = {
    talk: false,
    configure: false,
    moderate: false,
    destroy: false,
    give: false,
    run: false,
    isOwner: false,
  };
  if (!me || !chat) return none;
  if (chat.chat_type === "DIRECT") return { ...none, talk: true };
  if (me.stranger) return none;
  const isOwner = chat.owner === me.id;
  const above = Boolean(owner) && outranks(me, owner);
  const open = chat.chat_type !== "PRIVATE";
  return {
    talk: true,
    isOwner,
    configure: isOwner || (open && above),
    moderate: isOwner || (open ? above : isStaff(me)),
    give: isOwner || (open && me.role === "owner"),
    run: isOwner || me.role === "owner",
    destroy: isOwner || (open ? me.role === "owner" : isStaff(me)),
  };
}

/** What one may do to this person everywhere, spec 4.3. */
export function mayEverywhere(me, other) {
  const may = outranks(me, other) && isModerator(me);
  return { warn: may, timeout: may, mute: may && isStaff(me), ban: may && isStaff(me), tier: may && isStaff(me) };
}

/** Whether one may act on this person in a chat that one moderates. */
export function mayActOn(me, chat, other) {
  if (other.id === me.id) return false;
  return chat.owner === me.id ? rank(other.role) <= rank(me.role) : outranks(me, other);
}
