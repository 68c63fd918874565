// One's own account: sessions, the account key, what was done to one, whom one has blocked, and the way out.

import { get, post } from "../api.js";
import { confirm, h } from "../dom.js";
import { moment } from "../words.js";
import { showAccountKey } from "./door.js";
import { punishment } from "./punishment.js";
import { action, list, row as entry, section } from "./rows.js";

/** What a browser says of itself, in a word or two. */
function device(agent) {
  if (!agent) return "An unnamed client";
  const browser = /(Firefox|Edg|OPR|Chromium|Chrome|Safari)\//.exec(agent)?.[1];
  const system = /(Android|iPhone|iPad|Windows|Mac OS X|Linux)/.exec(agent)?.[1];
  const name = { Edg: "Edge", OPR: "Opera" }[browser] ?? browser;
  return name ? [name, system].filter(Boolean).join(" on ") : agent.slice(0, 60);
}

function session(row, show) {
  const end = action("End it", async () => {
    if (!(await confirm("End this session?", "That device is signed out, and its keys open nothing new.", "End it")))
      return;
    await post(`users/me/sessions/${row.suffix}/destroy`);
    await show();
  });
  const about = [row.current && "this one", `since ${moment(row.created_at)}`, row.client_ip].filter(Boolean);
  return entry(device(row.user_agent), [about.join(" · ")], row.current ? "" : end);
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
  return entry(row.username ?? "Somebody who is gone", [`since ${moment(row.at)}`], undo);
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
      ...(me.stranger
        ? []
        : [
            section(
              "Sessions",
              list(async () => (await get("users/me/sessions")).sessions, session, "None."),
            ),
            section(
              "Account key",
              h("p", { class: "quiet" }, "What you sign in with, here and on other devices."),
              h("div", { class: "actions" }, replace),
            ),
            section(
              "What is stored of you",
              h("p", { class: "quiet" }, "Everything that this server keeps about you, as one JSON document."),
              h(
                "div",
                { class: "actions" },
                h(
                  "a",
                  { class: "button", href: "/v1/users/me/export", download: `portal-${me.username}.json` },
                  "Download it",
                ),
              ),
            ),
          ]),
      section(
        "Warnings and the like",
        list(
          async () => (await get("users/me/punishments")).rows,
          (one) => punishment(one),
          "Nothing was ever done to you here.",
        ),
      ),
      section(
        "Blocked people",
        list(async () => (await get("users/me/blocks")).users, blocked, "You have blocked nobody."),
      ),
      h("p", { class: "actions" }, out),
    ),
  );
}
