// One report: what was said, as far as it was proven, and what becomes of it.

import { get, post } from "../../api.js";
import { field, form, h, select, toast } from "../../dom.js";
import { isStaff } from "../../rights.js";
import { moment, trouble } from "../../words.js";
import { action, section } from "../rows.js";
import { actOn, mayAct } from "./acts.js";
import { chatLink, personLink, staffPage } from "./frame.js";
import { stateName, STATES } from "./reports.js";

/** Where a report can go from here; what is settled is looked into again first. */
const NEXT = {
  open: ["reviewing", "actioned", "dismissed"],
  reviewing: ["reviewing", "actioned", "dismissed"],
  actioned: ["actioned", "reviewing"],
  dismissed: ["dismissed", "reviewing"],
};

const fact = (term, ...what) => [h("dt", {}, term), h("dd", {}, ...what)];

function said(one) {
  if (one.plaintext !== null) {
    return [
      h("blockquote", { class: "quote", tabindex: "0" }, one.plaintext),
      h("p", { class: "quiet" }, "Proven: the message's own key opens the stored message to these words."),
    ];
  }
  return [h("p", { class: "notice" }, "Not proven. The reporter did not show what the message says.")];
}

function facts(one) {
  const where = one.chat_type === "DIRECT" ? one.chat_name : chatLink(one.chat_id, one.chat_name);
  return h(
    "dl",
    { class: "facts" },
    ...fact("Written by", personLink(one.sender_id, one.sender_username), ` on ${moment(one.message_at)}`),
    ...fact("In", where, ` (${one.chat_type.toLowerCase()}, number ${one.chat_id})`),
    ...fact("Reported by", personLink(one.reporter_id, one.reporter_username), ` on ${moment(one.at)}`),
    ...fact("Because", one.reason),
    ...fact("State", stateName(one.state), one.handled_at ? `, since ${moment(one.handled_at)}` : ""),
  );
}

function settle(one, show) {
  const next = NEXT[one.state] ?? [];
  return form(
    {},
    [
      field("State", select(STATES.filter(([key]) => next.includes(key)), next[0], { name: "state" })),
      field(
        "Note",
        h("textarea", { name: "note", rows: 3, maxlength: 1000, value: one.note ?? "" }),
        "For the staff alone. It goes with the report when that is pruned.",
      ),
      h("div", { class: "actions" }, h("button", { class: "primary" }, "Save")),
    ],
    async ({ state, note }) => {
      const body = { state };
      if (note.trim()) body.note = note.trim();
      await post(`portal/reports/${one.id}/resolve`, body);
      toast("Saved.");
      await show();
    },
  );
}

export function report(page) {
  const { client, argument } = page;
  const body = h("div", {}, h("p", { class: "quiet" }, "Looking ..."));
  const show = async () => {
    try {
      const one = await get(`portal/reports/${argument}`);
      body.replaceChildren(
        section("What was said", ...said(one)),
        section("The report", facts(one)),
        section("What becomes of it", settle(one, show)),
        await person(one),
      );
    } catch (error) {
      body.replaceChildren(h("p", { class: "notice bad", role: "alert" }, trouble(error)));
    }
  };
  const person = async (one) => {
    const other = await get(`users/${one.sender_id}`).catch(() => null);
    const name = other?.username ?? one.sender_username;
    return section(
      "The person",
      h(
        "p",
        { class: "quiet" },
        !other
          ? "They are gone."
          : mayAct(client.me, other)
            ? "What you do here holds everywhere. They learn of it and of the reason, not of the report."
            : "You may not act on them: that takes a higher role than theirs.",
      ),
      h(
        "div",
        { class: "actions" },
        other && mayAct(client.me, other) && action(`Act on ${name}`, () => actOn(client.me, other), "danger"),
        other && h("a", { class: "button", href: `#/staff/person/${one.sender_id}` }, `About ${name}`),
      ),
    );
  };
  if (!staffPage(page, `Report ${argument}`, isStaff, body)) return undefined;
  show();
  return client.on("report:updated", ({ report_id: id }) => id === Number(argument) && show());
}
