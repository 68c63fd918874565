// A chat's settings about its browser, for those who may set them. Which browser it is takes effect with its next start.

import { check, field, form, h, select, toast } from "../dom.js";

const CONTROL = [
  ["allow_control_requests", "People may ask for control", "You, or whoever has it, give it to them."],
  ["implicit_hosting", "Whoever comes first has control", "Otherwise nobody has it until it is given or taken."],
  ["locked_controls", "Only the owner and admins give control", "Not even whoever has it may pass it on."],
];

/** The form, or nothing where no browsers are run. */
export function browserSettings(client, room) {
  const { chat } = room;
  if (client.browsers.length === 0) return [];
  const { browser_config: config, chat_config: rules } = chat;
  const names = new Set([...client.browsers, config.browser]);
  const box = (name, isOn, label, hint) => check(label, h("input", { name, type: "checkbox", checked: isOn }), hint);
  const start = h("input", {
    name: "start_url",
    type: "url",
    value: config.start_url ?? "",
    maxlength: 2048,
    pattern: "https?:.+",
    autocomplete: "off",
    placeholder: "Its own start page",
  });
  const element = form(
    { "aria-labelledby": "browser-settings" },
    [
      h("h3", { id: "browser-settings" }, "Browser"),
      ...CONTROL.map(([name, label, hint]) => box(name, rules[name], label, hint)),
      h("p", { class: "quiet" }, "These take effect when the browser is started the next time:"),
      field("Browser", select([...names].map((name) => [name, name]), config.browser, { name: "browser" })),
      field("Begins with", start, "An address beginning with http or https."),
      box("kiosk", config.kiosk, "Without its own bars and menus"),
      box("adblock", config.adblock, "Keeps advertisements out"),
      box("inactive_cursors", rules.inactive_cursors, "Shows where everybody points", "Also those who have no control."),
      h("div", { class: "actions" }, h("button", { class: "primary" }, "Save the browser's")),
    ],
    async (values) => {
      const changed = (next, now) => Object.fromEntries(Object.entries(next).filter(([name, value]) => value !== now[name]));
      const isOn = (name) => Boolean(values[name]);
      const browserConfig = changed(
        {
          browser: values.browser,
          start_url: values.start_url.trim() || null,
          kiosk: isOn("kiosk"),
          adblock: isOn("adblock"),
        },
        { ...config, start_url: config.start_url ?? null },
      );
      const switches = [...CONTROL.map(([name]) => name), "inactive_cursors"];
      const chatConfig = changed(Object.fromEntries(switches.map((name) => [name, isOn(name)])), rules);
      const update = {};
      if (Object.keys(browserConfig).length > 0) update.browser_config = browserConfig;
      if (Object.keys(chatConfig).length > 0) update.chat_config = chatConfig;
      if (Object.keys(update).length > 0) await room.act("config/update", update);
      toast("Saved.");
    },
  );
  return [h("hr"), element];
}
