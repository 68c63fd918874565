// The audit log: who did what to whom. The address holds what is asked for, so that it can be linked to.

import { get } from "../../api.js";
import { field, form, h } from "../../dom.js";
import { isModerator, isStaff } from "../../rights.js";
import { moment } from "../../words.js";
import { listing, row } from "../rows.js";
import { chatLink, personLink, readQuery, staffPage, writeQuery } from "./frame.js";

const PAGE = 50;
const FILTERS = ["action", "chat_id", "target", "user_id"];

function actor(one) {
  if (one.actor === "user") return personLink(one.user_id, one.username);
  return one.os_user ? `${one.actor} (${one.os_user})` : one.actor;
}

/** What else is known: names and values, without what says nothing. */
function details(one) {
  const known = Object.entries(one.details ?? {}).filter(([, value]) => value !== null);
  return known
    .map(([name, value]) => {
      const shown = name === "until" || name.endsWith("_at") ? moment(value) : value;
      return `${name.replaceAll("_", " ")}: ${typeof shown === "object" ? JSON.stringify(shown) : shown}`;
    })
    .join(" · ");
}

function entry(one) {
  const what = [actor(one), " ", h("code", { class: "code" }, one.action)];
  if (one.target) what.push(" on ", personLink(one.target, one.target_username));
  if (one.chat_id) what.push(" in ", chatLink(one.chat_id));
  return row(h("span", { class: "act" }, ...what), [moment(one.at), details(one)]);
}

const number = (name, value) => h("input", { name, type: "number", min: 1, inputmode: "numeric", value: value ?? "" });

export function audit(page) {
  const { client, go } = page;
  const asked = readQuery(page.argument);
  const wanted = Object.fromEntries(FILTERS.map((name) => [name, asked[name]]));
  const read = async (last) =>
    (await get(`portal/audit?${writeQuery({ ...wanted, before: last?.id, limit: PAGE })}`)).rows;
  const filter = form(
    { class: "inline card", "aria-label": "What to show" },
    [
      field(
        "Action",
        h("input", {
          name: "action",
          value: wanted.action ?? "",
          autocomplete: "off",
          autocapitalize: "none",
          spellcheck: "false",
        }),
        "Such as mod.kick, or all of an area: mod.",
      ),
      field("Number of the chat", number("chat_id", wanted.chat_id)),
      field("Done to person, by number", number("target", wanted.target)),
      field("Done by person, by number", number("user_id", wanted.user_id)),
      h(
        "div",
        { class: "actions" },
        h("button", { class: "primary" }, "Show"),
        h("a", { class: "button", href: "#/staff/audit" }, "Show all"),
      ),
    ],
    async (values) => {
      const query = writeQuery({ ...values, action: values.action.trim() });
      go(query ? `#/staff/audit?${query}` : "#/staff/audit");
    },
  );
  staffPage(
    page,
    "Audit log",
    isModerator,
    h(
      "p",
      { class: "quiet" },
      isStaff(client.me)
        ? "Everything that was done, the newest first."
        : "What was done in the open chats that you may look after, the newest first.",
    ),
    filter,
    h("section", { class: "card", "aria-label": "Acts" }, listing(read, entry, "There is nothing.", PAGE).element),
  );
}
