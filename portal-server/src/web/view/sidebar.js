// The list of one's chats, and the ways to others.

import { avatar, h, icon } from "../dom.js";
import { isModerator } from "../rights.js";
import { chatType, count } from "../words.js";

const entry = (href, name, label) => h("a", { href, class: "way" }, icon(name), label);

function chatEntry(client, chat) {
  const room = client.rooms.get(chat.id);
  const direct = client.match.chats.find(({ chat_id: id }) => id === chat.id);
  const name = direct?.peer.name ?? chat.name;
  const unread = room?.goneBecause ? 0 : (room?.unread ?? 0);
  const lines = room ? [...room.lines.values()].filter(({ kind }) => kind === "user") : [];
  const last = lines.sort((a, b) => a.id - b.id).at(-1);
  const about =
    last?.state === "open" ? `${last.sender.id === client.me.id ? "You: " : ""}${last.text}` : chatType(chat.chat_type);
  return h(
    "li",
    {},
    h(
      "a",
      { href: `#/chat/${chat.id}`, class: "chat-entry" },
      avatar(name, direct?.peer.id ?? chat.id),
      h("span", { class: "about" }, h("span", { class: "name" }, name), h("small", {}, about)),
      unread > 0 &&
        h("span", { class: "badge", "aria-label": count(unread, "unread message") }, unread > 49 ? "50+" : unread),
    ),
  );
}

const offer = (one) =>
  h(
    "li",
    {},
    h(
      "a",
      { href: `#/offered/${one.chat_id}`, class: "chat-entry" },
      avatar(one.name, one.chat_id),
      h("span", { class: "about" }, h("span", { class: "name" }, one.name), h("small", {}, "Offered to you")),
    ),
  );

export function sidebar(side, client) {
  const list = h("ul", { class: "chats" });
  const none = h("p", { class: "quiet" }, "No chats yet. Look into the open ones, follow an invite, or make your own.");
  const who = h("a", { href: "#/account", class: "way who" });
  const head = h(
    "header",
    {},
    h("a", { href: "#/", class: "brand", "aria-label": "Portal, start" }, icon("lock"), "Portal"),
  );
  const make = h("a", { href: "#/new", class: "round", "aria-label": "New chat", title: "New chat" }, icon("plus"));
  const enter = h("p", { class: "actions" }, h("a", { class: "button primary", href: "#/sign-in" }, "Sign in"));
  const chats = h(
    "section",
    { "aria-labelledby": "my-chats" },
    h("div", { class: "row" }, h("h2", { id: "my-chats" }, "My chats"), make),
    list,
    none,
  );
  const staff = entry("#/staff", "shield", "Staff");
  side.append(
    head,
    h(
      "div",
      { class: "ways" },
      entry("#/open", "compass", "Open chats"),
      entry("#/match", "spark", "Meet somebody"),
      staff,
    ),
    chats,
    enter,
    who,
  );

  const update = () => {
    const { me } = client;
    chats.hidden = who.hidden = !me;
    enter.hidden = Boolean(me);
    staff.hidden = !isModerator(me);
    if (!me) return;
    make.hidden = me.stranger;
    none.hidden = client.chats.length + client.offers.length > 0;
    const role = me.role === "user" ? (me.stranger ? "visitor" : "") : me.role;
    who.replaceChildren(
      avatar(me.username, me.id),
      h("span", { class: "about" }, h("span", { class: "name" }, me.username), role && h("small", {}, role)),
    );
    const current = side.querySelector("[aria-current]")?.getAttribute("href");
    const focused = document.activeElement?.closest(".chat-entry")?.getAttribute("href");
    const recent = (chat) => {
      const last = Math.max(
        0,
        ...[...(client.rooms.get(chat.id)?.lines.values() ?? [])].map((line) => line.created_at ?? 0),
      );
      return Math.max(last, chat.last_activity_at);
    };
    const sorted = [...client.chats].sort((a, b) => recent(b) - recent(a));
    list.replaceChildren(...client.offers.map(offer), ...sorted.map((chat) => chatEntry(client, chat)));
    for (const link of list.querySelectorAll("a")) {
      const href = link.getAttribute("href");
      if (href === current || href === location.hash) link.setAttribute("aria-current", "page");
      if (href === focused) link.focus();
    }
  };
  client.on("me", update);
  client.on("chats", update);
  update();
}
