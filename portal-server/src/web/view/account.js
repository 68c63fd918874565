// One's own account: sessions, the account key, whom one has blocked, and the way out.

import { get, post } from "../api.js";
import { confirm, doing, h } from "../dom.js";
import { moment, trouble } from "../words.js";
import { showAccountKey } from "./door.js";

/** What a browser says of itself, in a word or two. */
function device(agent) {
  if (!agent) return "An unnamed client";
  const browser = /(Firefox|Edg|OPR|Chromium|Chrome|Safari)\//.exec(agent)?.[1];
  const system = /(Android|iPhone|iPad|Windows|Mac OS X|Linux)/.exec(agent)?.[1];
  const name = { Edg: "Edge", OPR: "Opera" }[browser] ?? browser;
  return name ? [name, system].filter(Boolean).join(" on ") : agent.slice(0, 60);
}

const section = (title, ...content) => {
  const id = title.toLowerCase().replaceAll(" ", "-");
  return h("section", { class: "card", "aria-labelledby": id }, h("h2", { id }, title), ...content);
};

/** A list that is read, and read again after each act. */
function list(read, entry, none) {
  const element = h("ul", { class: "rows" });
  const show = async () => {
    try {
      const rows = await read();
      element.replaceChildren(...rows.map((row) => entry(row, show)));
      if (rows.length === 0) element.append(h("li", { class: "quiet" }, none));
    } catch (error) {
      element.replaceChildren(h("li", { class: "quiet" }, trouble(error)));
    }
  };
  show();
  return element;
}

function action(label, work, kind = "danger-text") {
  const button = h("button", { type: "button", class: kind }, label);
  button.addEventListener("click", () => doing(button, work));
  return button;
}

function session(row, show) {
  const end = action("End it", async () => {
    if (!(await confirm("End this session?", "That device is signed out, and its keys open nothing new.", "End it")))
      return;
    await post(`users/me/sessions/${row.suffix}/destroy`);
    await show();
  });
  return h(
    "li",
    {},
    h(
      "span",
      { class: "about" },
      h("span", { class: "name" }, device(row.user_agent)),
      h(
        "small",
        {},
        [row.current && "this one", `since ${moment(row.created_at)}`, row.client_ip].filter(Boolean).join(" · "),
      ),
    ),
    !row.current && end,
  );
}

function blocked(row, show) {
  const undo = action(
    "Unblock",
    async () => {
      await post(`users/${row.user_id}/unblock`);
      await show();
    },
    "text",
  );
  return h(
    "li",
    {},
    h(
      "span",
      { class: "about" },
      h("span", { class: "name" }, row.username ?? "Somebody who is gone"),
      h("small", {}, `since ${moment(row.at)}`),
    ),
    undo,
  );
}

export function account({ client, main }) {
  const { me } = client;
  const replace = action(
    "Make a new account key",
    async () => {
      if (!(await confirm("Replace the account key?", "The one you have stops working at once.", "Replace it"))) return;
      const { account_key: key } = await post("users/me/account-key");
      await showAccountKey(me.username, key);
    },
    null,
  );
  const out = action(
    "Sign out",
    async () => {
      const text = me.stranger
        ? "You came without a name: there is no way back to this account, and matches end."
        : "The keys in this browser are wiped. Earlier messages cannot be read here any more, even if you come back.";
      if (await confirm("Sign out?", text, "Sign out")) await client.signOut();
    },
    "danger",
  );
  const role = me.role === "user" ? "" : `, ${me.role} of this platform`;
  const tier = me.premium_now
    ? "Premium: you can make chats."
    : "Without premium you can take part in chats, but not make any.";
  main.append(
    h(
      "div",
      { class: "page" },
      h("h1", {}, me.username),
      h(
        "p",
        { class: "quiet" },
        me.stranger
          ? "You are visiting without a name. Nothing of it stays when you leave."
          : `Here since ${moment(me.created_at)}${role}. ${tier}`,
      ),
      section(
        "Sessions",
        list(async () => (await get("users/me/sessions")).sessions, session, "None."),
      ),
      ...(me.stranger
        ? []
        : [
            section(
              "Account key",
              h("p", { class: "quiet" }, "What you sign in with, here and on other devices."),
              h("div", { class: "actions" }, replace),
            ),
          ]),
      section(
        "Blocked people",
        list(async () => (await get("users/me/blocks")).users, blocked, "You have blocked nobody."),
      ),
      h("p", { class: "actions" }, out),
    ),
  );
}
