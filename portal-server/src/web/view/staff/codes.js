// Sign-up codes: making them, and which are good.

import { post } from "../../api.js";
import { copy, field, form, h, iconButton, select } from "../../dom.js";
import { isStaff } from "../../rights.js";
import { count, moment } from "../../words.js";
import { action, listing, row, section } from "../rows.js";
import { staffPage } from "./frame.js";

const ENDS = [
  ["86400", "In a day"],
  ["604800", "In a week"],
  ["2592000", "In 30 days"],
  ["", "Never"],
];

function entry(one, show) {
  const uses = one.max_uses ? `${one.uses} of ${one.max_uses} used` : `${count(one.uses, "use")} so far`;
  const until = one.expires_at ? `until ${moment(one.expires_at)}` : "no end";
  const revoke = action("Revoke", async () => {
    await post("op/signup.revoke", { code: one.code });
    await show();
  });
  return row(
    h("code", { class: "code" }, one.code),
    [`${uses} · ${until}`],
    iconButton("copy", `Copy ${one.code}`, () => copy(one.code)),
    revoke,
  );
}

export function codes(page) {
  const read = async () => (await post("op/signup.list")).codes;
  const isOpen = isStaff(page.client.me);
  const found = isOpen && listing(read, entry, "No code is good at the moment.");
  const make = form(
    { class: "inline" },
    [
      field("Ends", select(ENDS, "604800", { name: "ends" })),
      field(
        "Uses, at most",
        h("input", { name: "uses", type: "number", min: 1, max: 100000, value: 1, inputmode: "numeric" }),
        "Empty: any number.",
      ),
      h("div", { class: "actions" }, h("button", { class: "primary" }, "Make a code")),
    ],
    async ({ ends, uses }) => {
      const wanted = {};
      if (ends) wanted.expires_at = Date.now() + Number(ends) * 1000;
      if (uses) wanted.max_uses = Number(uses);
      const { code } = await post("op/signup.create", wanted);
      await found.show();
      await copy(code);
    },
  );
  staffPage(
    page,
    "Sign-up codes",
    isStaff,
    h("p", { class: "quiet" }, "Who has one can sign up, where this server takes people by invitation."),
    section("A new code", make),
    section("Good codes", isOpen ? found.element : ""),
  );
}
