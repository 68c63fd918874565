// The page: which address shows what, beside the list of chats.

import { Client } from "./client.js";
import { dialog, h, icon, title, toast } from "./dom.js";
import { sidebar } from "./view/sidebar.js";
import { door } from "./view/door.js";
import { chatView } from "./view/chat.js";
import { isStaff } from "./rights.js";
import { span, trouble } from "./words.js";

const client = new Client();
const side = document.getElementById("side");
const main = document.getElementById("main");

/** Where to go once somebody is signed in. */
let after = "";
/** Ends what is shown. */
let leave = () => {};
let shown = 0;

const go = (hash) => {
  if (location.hash === hash) show();
  else location.hash = hash;
};

/** Address, whether it wants somebody signed in, and what shows it. What is seldom needed is loaded then. */
const PAGES = [
  [/^#\/open$/, false, async () => (await import("./view/directory.js")).directory],
  [/^#\/match$/, true, async () => (await import("./view/match.js")).match],
  [/^#\/new$/, true, async () => (await import("./view/new_chat.js")).newChat],
  [/^#\/account$/, true, async () => (await import("./view/account.js")).account],
  [/^#\/offered\/(\d+)$/, true, async () => (await import("./view/transfer.js")).offered],
  [/^#\/staff$/, true, async () => (await import("./view/staff/desk.js")).desk],
  [/^#\/staff\/reports(?:\?(.*))?$/, true, async () => (await import("./view/staff/reports.js")).reports],
  [/^#\/staff\/report\/(\d+)$/, true, async () => (await import("./view/staff/report.js")).report],
  [/^#\/staff\/person\/(\d+)$/, true, async () => (await import("./view/staff/person.js")).person],
  [/^#\/staff\/chat\/(\d+)$/, true, async () => (await import("./view/staff/inspect.js")).inspect],
  [/^#\/staff\/audit(?:\?(.*))?$/, true, async () => (await import("./view/staff/audit.js")).audit],
  [/^#\/staff\/matcher$/, true, async () => (await import("./view/staff/matcher.js")).matcher],
  [/^#\/staff\/codes$/, true, async () => (await import("./view/staff/codes.js")).codes],
  [/^#\/join\/([a-z0-9-]{2,32})$/, true, async () => (await import("./view/directory.js")).invitation],
  [/^#\/c\/([a-z0-9-]{2,32})$/, false, async () => (await import("./view/directory.js")).bySlug],
  [/^#\/chat\/(\d+)$/, false, async () => chatView],
  [/^#\/sign-(in|up)$/, false, async () => door],
];

// A sign-in link is `#signin=NAME:CODE`. What is behind the # never leaves the browser by itself; it is taken out
// of the address bar at once, and nothing is redeemed before a person says so.
let link = null;
function readLink() {
  const found = /^#signin=([^:]+):(.+)$/.exec(location.hash);
  if (found) {
    history.replaceState(null, "", `${location.pathname}#/sign-in`);
    const [, username, secret] = found.map(decodeURIComponent);
    link = { username, secret };
  } else if (location.hash !== "#/sign-in") link = null;
}

async function show() {
  readLink();
  const hash = location.hash || "#/";
  const found = PAGES.map(([pattern, closed, load]) => ({ match: pattern.exec(hash), closed, load })).find(
    ({ match }) => match,
  );
  const own = ++shown;
  let view;
  let argument = found?.match[1];
  if (link || (found?.closed && !client.me)) {
    if (!link) after = hash;
    view = door;
    argument = "in";
  } else if (found) view = await found.load();
  else view = client.me ? null : door;
  // Somebody went elsewhere meanwhile.
  if (own !== shown) return;
  leave();
  leave = () => {};
  document.body.dataset.view = found || link || view ? "main" : "side";
  title({ name: "" });
  main.replaceChildren();
  if (view && view !== chatView && view !== door) {
    const [above, label] = hash.startsWith("#/staff/") ? ["#/staff", "Back to staff"] : ["#/", "Back to the chats"];
    main.append(h("a", { class: "round back", href: above, "aria-label": label }, icon("back")));
  }
  const page = { client, main, go, link, argument, after, entered };
  leave = (view ? view(page) : welcome()) ?? (() => {});
  for (const entry of side.querySelectorAll("a")) {
    const href = entry.getAttribute("href");
    if (href === hash || (href === "#/staff" && hash.startsWith("#/staff/")))
      entry.setAttribute("aria-current", "page");
    else entry.removeAttribute("aria-current");
  }
  if (view && view !== chatView) main.focus({ preventScroll: true });
}

/** Somebody is signed in now, and goes where they wanted to. */
async function entered(otherwise = "#/") {
  await client.begin();
  const to = after || otherwise;
  after = "";
  link = null;
  go(to);
}

function welcome() {
  main.append(
    h(
      "div",
      { class: "welcome" },
      h("h1", {}, `Hello, ${client.me.username}.`),
      h("p", {}, "Choose a chat on the left, look into the open ones, or meet somebody who shares an interest."),
      h(
        "p",
        { class: "actions" },
        h("a", { class: "button", href: "#/open" }, "Open chats"),
        h("a", { class: "button", href: "#/match" }, "Meet somebody"),
        isStaff(client.me) && h("a", { class: "button", href: "#/staff/codes" }, "Let people in"),
      ),
      h("p", { class: "quiet" }, "What you write is encrypted in this browser. Its keys stay here until you sign out."),
    ),
  );
}

const WHY_SIGNED_OUT = {
  logout: "You are signed out.",
  destroyed: "This session was ended from elsewhere. Its keys are gone.",
  expired: "This session has expired. Sign in again.",
  too_many: "You signed in on too many devices; this session was the oldest.",
  role_changed: "Your role has changed. Sign in again.",
  timed_out: "This account is timed out.",
  banned: "This account is banned.",
  deleted: "This account is deleted.",
};

let signedInBefore;
client.on("me", () => {
  const now = client.sessionId ?? null;
  if (now === signedInBefore) return;
  signedInBefore = now;
  show();
});
client.on("signed-out", (reason) => {
  after = "";
  toast(WHY_SIGNED_OUT[reason] ?? "This session has ended.");
  go("#/");
});
client.on("trouble", (error) => toast(trouble(error), true));
client.on("warned", ({ reason }) => {
  dialog("A warning from a moderator", (close) => [
    h("p", {}, reason ?? "No reason was given."),
    h(
      "div",
      { class: "actions" },
      h("button", { type: "button", class: "primary", onclick: () => close() }, "I have read this"),
    ),
  ]);
});
client.on("offered", ({ chat_id: id }) => {
  if (location.hash !== `#/offered/${id}`) toast("A chat is offered to you. It is in your list.");
});
client.on("report:new", () => {
  if (!location.hash.startsWith("#/staff/reports")) toast("A message was reported.");
});
client.on("match:found", async ({ chat_id: chat, peer }) => {
  const to = `#/chat/${chat}`;
  // Whoever waits goes there; whoever does something else meanwhile is asked.
  if (location.hash === "#/match") return go(to);
  const goes = await dialog(`You are matched with ${peer.name}`, (close) =>
    h(
      "div",
      { class: "actions" },
      h("button", { type: "button", onclick: () => close(false) }, "Later"),
      h("button", { type: "button", class: "primary", onclick: () => close(true) }, "Open the chat"),
    ),
  );
  return goes && go(to);
});

// The server closed in order, or the line broke: said at the top of the page, with the time until the next try.
const banner = h("p", { id: "connection", role: "status", hidden: true });
document.body.prepend(banner);
let ticking = 0;
let lostAt = 0;
function showConnection() {
  const { state, retryAt } = client.socket;
  clearInterval(ticking);
  if (state === "open" || state === "idle") lostAt = 0;
  else lostAt ||= Date.now();
  const tell = () => {
    // A short break is nobody's concern.
    const wait = state === "waiting" ? retryAt - Date.now() : 0;
    const text = !navigator.onLine
      ? "You are offline. Messages wait here."
      : wait > 1000
        ? `No connection. Next try in ${span(wait)}.`
        : "Connecting ...";
    banner.hidden = !lostAt || (Date.now() - lostAt < 700 && navigator.onLine);
    if (banner.textContent !== text) banner.textContent = text;
  };
  tell();
  if (lostAt) ticking = setInterval(tell, 500);
}
client.on("connection", showConnection);
addEventListener("offline", showConnection);
addEventListener("online", showConnection);

function countUnread() {
  const unread = [...client.rooms.values()].reduce((sum, room) => sum + (room.goneBecause ? 0 : room.unread), 0);
  title({ unread });
}
client.on("chats", countUnread);

addEventListener("hashchange", show);
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState !== "visible") return;
  for (const room of client.rooms.values()) if (room.isWatched) room.watch(true);
});

sidebar(side, client);
client.start().catch((error) => toast(trouble(error), true));
