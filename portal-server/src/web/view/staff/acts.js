// Acting on a person everywhere: warning, hard mute, timeout, ban from the platform.

import { post } from "../../api.js";
import { dialog, field, form, h, select, toast } from "../../dom.js";
import { mayEverywhere } from "../../rights.js";

const MINUTES = [
  ["300", "5 minutes"],
  ["3600", "An hour"],
  ["86400", "A day"],
];
const DAYS = [
  ["604800", "A week"],
  ["2592000", "30 days"],
];
const NO_END = ["0", "Until it is lifted"];

/** What it is called, what it does, where it goes, and for how long it may be. */
const ACTS = {
  warn: ["Warn", "They are told, with the reason. It stays on record and holds nothing back.", "portal/warn", null],
  mute: ["Mute everywhere", "They cannot write in any chat, matches included.", "portal/hard-mute", [...MINUTES, NO_END]],
  timeout: [
    "Time out",
    "They are signed out at once and cannot come back until then. Their matches end.",
    "portal/timeout",
    [...MINUTES, ...DAYS],
  ],
  ban: [
    "Ban from the platform",
    "They are signed out at once and cannot come back. Their matches end.",
    "portal/ban",
    [...DAYS, NO_END],
  ],
};

/** How each is undone, by the kind of the punishment. */
const LIFTS = {
  hard_mute: ["Lift the mute", "portal/hard-unmute", "mute"],
  timeout: ["Lift the timeout", "portal/lift-timeout", "timeout"],
  platform_ban: ["Lift the ban", "portal/unban", "ban"],
};

/** How a punishment is undone by this person, if it can be: [label, what does it]. */
export function lift(me, other, kind) {
  const [label, path, act] = LIFTS[kind] ?? [];
  if (!label || !mayEverywhere(me, other)[act]) return null;
  return [label, () => post(path, { user_id: other.id })];
}

export const mayAct = (me, other) => mayEverywhere(me, other).warn;

/** Does one of them; resolves to whether something was done. `other` is {id, username, role}. */
export function actOn(me, other) {
  const may = mayEverywhere(me, other);
  const acts = Object.entries(ACTS).filter(([key]) => may[key]);
  return dialog(`Act on ${other.username}`, (close) => {
    const hint = h("span", {});
    const act = select(
      acts.map(([key, [label]]) => [key, label]),
      "warn",
      { name: "act" },
    );
    const duration = h("select", { name: "duration" });
    const term = field("For how long", duration);
    const reason = h("input", { name: "reason", maxlength: 500, autocomplete: "off" });
    const update = () => {
      const [, about, , terms] = ACTS[act.value];
      hint.textContent = about;
      term.hidden = !terms;
      duration.replaceChildren(...(terms ?? []).map(([key, label]) => h("option", { value: key }, label)));
      reason.required = act.value === "warn";
    };
    act.addEventListener("change", update);
    update();
    return form(
      {},
      [
        field("What", act, hint),
        term,
        field("Reason", reason, "They and the staff can read it."),
        h(
          "div",
          { class: "actions" },
          h("button", { type: "button", onclick: () => close(false) }, "Cancel"),
          h("button", { class: "danger" }, "Do it"),
        ),
      ],
      async (values) => {
        const body = { user_id: other.id };
        if (values.reason.trim()) body.reason = values.reason.trim();
        if (!term.hidden) body.duration_seconds = Number(values.duration);
        await post(ACTS[values.act][2], body);
        close(true);
        toast("Done.");
      },
    );
  });
}
