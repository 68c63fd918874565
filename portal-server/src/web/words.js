// Words: times, durations, and what the server's codes mean to a person.

const time = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const dayOfYear = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

export const clock = (at) => time.format(at);
export const moment = (at) => full.format(at);

const midnight = (at) => new Date(at).setHours(0, 0, 0, 0);

export function day(at) {
  const days = Math.round((midnight(Date.now()) - midnight(at)) / 86_400_000);
  if (days === 0) return "Today";
  if (days === 1) return "Yesterday";
  return dayOfYear.format(at);
}

/** "45 s", "3 min", "2 h 5 min", "4 days". */
export function span(ms) {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  if (seconds < 100) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return minutes % 60 ? `${hours} h ${minutes % 60} min` : `${hours} h`;
  return `${Math.round(hours / 24)} days`;
}

export const count = (number, one, many = `${one}s`) => `${number} ${number === 1 ? one : many}`;

/** Why an epoch moved on, and with it the key. */
const MOVES = {
  cleared: "The chat was cleared.",
  wiped: "The chat was wiped, as it is set to be.",
  went_public: "The chat is public now.",
  went_private: "The chat is private now.",
  transferred: "The chat has a new owner.",
  member_removed: "Somebody was removed.",
  member_left: "Somebody left.",
  session_destroyed: "A session was ended.",
  joined: "Somebody joined.",
  key_lost: "The old key was lost.",
  restored: "The server went back to a backup.",
};

export const epochMoved = (epoch, reason) =>
  `${MOVES[reason] ?? ""} New messages use a new key (epoch ${epoch}).`.trim();

const GONE = {
  kicked: "You were removed from this chat. What is written from now on cannot be read here. Why is under your name.",
  banned: "You are banned from this chat. Why, and until when, is under your name.",
  went_private: "This chat is private now, and you are not a member.",
  left: "You left this chat.",
  removed: "You are no longer a member of this chat.",
  destroyed: "This chat is gone, with everything in it.",
  peer_left: "Your match has left. The chat and its keys are gone.",
  peer_stayed_away: "Your match did not come back. The chat and its keys are gone.",
  stayed_away: "You were away for too long. The chat is gone.",
  expired: "The time of this match is over. The chat is gone.",
};

export const gone = (reason) => GONE[reason] ?? "This chat is no longer open to you.";

const SETTINGS = {
  wipe_preset: "when all messages are deleted",
  history_visible: "what newcomers see",
  slow_mode_seconds: "slow mode",
  allow_control_requests: "asking for the browser's control",
  locked_controls: "who gives the browser's control",
  implicit_hosting: "who has the browser's control at first",
  inactive_cursors: "everybody's cursors in the browser",
  browser: "which browser it is",
  start_url: "the browser's first page",
  kiosk: "the browser's bars and menus",
  adblock: "advertisements in the browser",
};

/** What the system says in a chat. Which settings have changed comes by their names. */
export function system({ code, content }) {
  if (code !== "config_changed") return content;
  const names = content.split(", ").map((name) => SETTINGS[name] ?? name.replaceAll("_", " "));
  return `Settings changed: ${names.join(", ")}.`;
}

const TYPES = { OFFICIAL: "Official", PUBLIC: "Public", PRIVATE: "Private", DIRECT: "Match" };

export const chatType = (type) => TYPES[type] ?? type;

export const WIPES = [
  ["off", "Never"],
  ["1m", "Every minute"],
  ["15m", "Every 15 minutes"],
  ["1h", "Every hour"],
  ["4h", "Every 4 hours"],
  ["24h", "Every day"],
];

/** What to tell a person about an error. */
export function trouble(error) {
  switch (error.code) {
    case "ERR_RATE_LIMITED":
      return `Too fast. Try again in ${span(error.retry_after_ms ?? 1000)}.`;
    case "ERR_MUTED":
      return error.ttl_seconds ? `You are muted for another ${span(error.ttl_seconds * 1000)}.` : "You are muted.";
    case "ERR_TIMED_OUT":
      return `This account is timed out for another ${span((error.ttl_seconds ?? 0) * 1000)}.`;
    case "ERR_INTERNAL":
      return `Something went wrong on the server (${error.request_id ?? "no id"}).`;
    default:
      return error.message || "Something went wrong.";
  }
}
