// The staff's start: finding a person, and looking into a chat.

import { get } from "../../api.js";
import { avatar, field, form, h } from "../../dom.js";
import { isModerator, isStaff } from "../../rights.js";
import { listing, row, section } from "../rows.js";
import { personLink, staffPage, writeQuery } from "./frame.js";

const PAGE = 30;

export function desk(page) {
  const { client, go } = page;
  let search = "";
  const found = listing(
    async (last) => (await get(`users?${writeQuery({ search, after: last?.id, limit: PAGE })}`)).users,
    (one) => {
      const about = [one.role !== "user" && one.role, one.stranger && "visitor", one.state?.replace("_", " ")];
      const element = row(personLink(one.id, one.username), [
        [`number ${one.id}`, ...about].filter(Boolean).join(" · "),
      ]);
      element.prepend(avatar(one.username, one.id));
      return element;
    },
    "Nobody is called that.",
    PAGE,
  );
  const find = form(
    { role: "search", "aria-label": "People" },
    [
      field("Name, or a part of it", h("input", { name: "search", autocomplete: "off", autocapitalize: "none" })),
      h("div", { class: "actions" }, h("button", { class: "primary" }, "Find")),
    ],
    (values) => {
      search = values.search.trim();
      return found.show();
    },
  );
  const look = form(
    {},
    [
      field(
        "Number of the chat",
        h("input", { name: "chat", type: "number", min: 1, required: true, inputmode: "numeric" }),
        "Reports and the audit log name it.",
      ),
      h("div", { class: "actions" }, h("button", {}, "Look into it")),
    ],
    async ({ chat }) => go(`#/staff/chat/${Number(chat)}`),
  );
  staffPage(
    page,
    "Staff",
    isModerator,
    section("A person", find, found.element),
    isStaff(client.me) ? section("A chat", look) : "",
  );
}
