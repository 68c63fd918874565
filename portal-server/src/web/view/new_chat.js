// Making a chat.

import { post } from "../api.js";
import { check, field, form, h } from "../dom.js";
import { isStaff } from "../rights.js";

export function newChat({ client, main, go }) {
  const slug = field(
    "Address",
    h("input", {
      name: "slug",
      maxlength: 32,
      pattern: "[a-z0-9]+(-[a-z0-9]+)*",
      spellcheck: "false",
      autocapitalize: "none",
      autocomplete: "off",
      title: "Small letters, digits and single hyphens",
    }),
    `People find it under ${location.host}/#/c/...`,
  );
  slug.hidden = true;
  const kind = (value, label, hint, checked) =>
    check(label, h("input", { type: "radio", name: "type", value, checked }), hint);
  const make = form(
    { class: "card" },
    [
      h(
        "fieldset",
        {},
        h("legend", {}, "Who can come in"),
        kind("PRIVATE", "Private", "Only by invite. Never listed.", true),
        kind("PUBLIC", "Public", "Everybody with the link. Listed under open chats.", false),
      ),
      field("Name", h("input", { name: "name", required: true, minlength: 2, maxlength: 64, autocomplete: "off" })),
      field("Description", h("input", { name: "description", maxlength: 500, autocomplete: "off" }), "If you like."),
      slug,
      h("div", { class: "actions" }, h("button", { class: "primary" }, "Make the chat")),
    ],
    async (values) => {
      const wanted = { name: values.name.trim(), chat_type: values.type };
      if (values.description.trim()) wanted.description = values.description.trim();
      if (values.type === "PUBLIC") wanted.slug = values.slug.trim();
      const chat = await post("portal/chats", wanted);
      await client.reload();
      go(`#/chat/${chat.id}`);
    },
  );
  make.addEventListener("change", () => {
    const isPublic = make.elements.type.value === "PUBLIC";
    slug.hidden = !isPublic;
    slug.querySelector("input").required = isPublic;
  });
  if (client.me.stranger) {
    const no = h("p", { class: "notice" }, "Visitors make no chats. Sign out, then sign up for more.");
    main.append(h("div", { class: "page" }, h("h1", {}, "New chat"), no));
    return;
  }
  main.append(
    h(
      "div",
      { class: "page" },
      h("h1", {}, "New chat"),
      !client.me.premium_now &&
        h(
          "p",
          { class: "notice" },
          "Making chats takes premium, which an admin of this server gives. ",
          isStaff(client.me) && h("a", { href: `#/staff/person/${client.me.id}` }, "Give it to yourself"),
        ),
      make,
    ),
  );
}
