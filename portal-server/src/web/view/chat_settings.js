// A chat's settings and its invites, for those who may set them.

import { get, post } from "../api.js";
import { check, confirm, copy, dialog, doing, field, form, h, iconButton, select, toast } from "../dom.js";
import { count, moment, WIPES } from "../words.js";
import { browserSettings } from "./browser_settings.js";

export function settings(client, room) {
  const { chat } = room;
  const config = chat.chat_config;
  const isFixed = chat.chat_type !== "PUBLIC" && chat.chat_type !== "PRIVATE";
  return dialog("Chat settings", (close) => {
    const slug = h("input", {
      name: "slug",
      value: chat.slug ?? "",
      maxlength: 32,
      pattern: "[a-z0-9]+(-[a-z0-9]+)*",
      spellcheck: "false",
      autocapitalize: "none",
      autocomplete: "off",
      title: "Small letters, digits and single hyphens",
    });
    const hint = isFixed
      ? "The link of this chat."
      : "With an address the chat is public: listed, and open to everybody with the link. Without one it is private, and people come by invite.";
    const general = form(
      {},
      [
        field(
          "Name",
          h("input", {
            name: "name",
            value: chat.name,
            required: true,
            minlength: 2,
            maxlength: 64,
            autocomplete: "off",
          }),
        ),
        field(
          "Description",
          h("input", { name: "description", value: chat.description ?? "", maxlength: 500, autocomplete: "off" }),
        ),
        field("Address", slug, hint),
        field(
          "Delete all messages",
          select(WIPES, config.wipe_preset, { name: "wipe" }),
          "For everybody, again and again.",
        ),
        field(
          "Slow mode: seconds between messages of one person",
          h("input", {
            name: "slow",
            type: "number",
            min: 0,
            max: 21600,
            value: config.slow_mode_seconds,
            inputmode: "numeric",
          }),
        ),
        check(
          "Newcomers see earlier messages",
          h("input", { name: "history", type: "checkbox", checked: config.history_visible }),
          "As far as they have the keys of that time. If not, every newcomer brings a new key.",
        ),
        h("div", { class: "actions" }, h("button", { class: "primary" }, "Save")),
      ],
      async (values) => {
        const update = {};
        const trimmed = (name) => values[name].trim() || null;
        if (values.name.trim() !== chat.name) update.name = values.name.trim();
        if (trimmed("description") !== (chat.description ?? null)) update.description = trimmed("description");
        if (trimmed("slug") !== (chat.slug ?? null)) update.slug = trimmed("slug");
        const next = {
          wipe_preset: values.wipe,
          slow_mode_seconds: Number(values.slow),
          history_visible: Boolean(values.history),
        };
        const changed = Object.entries(next).filter(([name, value]) => value !== config[name]);
        if (changed.length > 0) update.chat_config = Object.fromEntries(changed);
        if (!isFixed && "slug" in update && (chat.slug === null || update.slug === null)) {
          const text = update.slug
            ? "Everybody with the link can then look in and take part. Earlier messages stay with those who are members now."
            : "The link stops working, and whoever is not a member has to leave.";
          if (!(await confirm(update.slug ? "Make this chat public?" : "Make this chat private?", text, "Yes"))) return;
        }
        if (Object.keys(update).length > 0) await room.act("config/update", update);
        close();
        toast("Saved.");
      },
    );
    return [general, ...browserSettings(client, room), h("hr"), invites(room)];
  });
}

const ENDS = [
  ["", "Never"],
  ["3600", "In an hour"],
  ["86400", "In a day"],
  ["604800", "In a week"],
];
const link = (code) => `${location.origin}/#/join/${code}`;

function invites(room) {
  const list = h("ul", { class: "invites" });
  const show = async () => {
    const { invites: live } = await get(`portal/chats/${room.id}/invites`);
    list.replaceChildren(...live.map(entry));
    if (live.length === 0) list.append(h("li", { class: "quiet" }, "There are no invites."));
  };
  const entry = (invite) => {
    const uses = invite.max_uses ? `${invite.uses} of ${invite.max_uses} used` : `${count(invite.uses, "use")} so far`;
    const until = invite.expires_at ? `until ${moment(invite.expires_at)}` : "no end";
    const revoke = h("button", { type: "button", class: "danger-text" }, "Revoke");
    revoke.addEventListener("click", () =>
      doing(revoke, async () => {
        await post(`portal/chats/${room.id}/invites/${invite.code}/delete`);
        await show();
      }),
    );
    return h(
      "li",
      {},
      h("span", { class: "about" }, h("code", { class: "code" }, invite.code), h("small", {}, `${uses} · ${until}`)),
      iconButton("link", "Copy the link", () => copy(link(invite.code))),
      revoke,
    );
  };
  const make = form(
    { class: "inline" },
    [
      field("Ends", select(ENDS, "86400", { name: "ends" })),
      field(
        "Uses, at most",
        h("input", { name: "uses", type: "number", min: 1, max: 100000, placeholder: "Any", inputmode: "numeric" }),
      ),
      h("div", { class: "actions" }, h("button", {}, "Make an invite")),
    ],
    async ({ ends, uses }) => {
      const wanted = {};
      if (ends) wanted.expires_at = Date.now() + Number(ends) * 1000;
      if (uses) wanted.max_uses = Number(uses);
      const { code } = await room.act("invites", wanted);
      await show();
      await copy(link(code));
    },
  );
  show().catch(() => list.replaceChildren(h("li", { class: "quiet" }, "The invites could not be read.")));
  return h("section", { "aria-labelledby": "invites-title" }, h("h3", { id: "invites-title" }, "Invites"), list, make);
}
