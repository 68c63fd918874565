// Elements, dialogs and short notices. Text goes in as text: nothing here makes markup of a string.

import { trouble } from "./words.js";

const SVG = "http://www.w3.org/2000/svg";

/** An element: attributes, listeners (`onclick`, ...) and children; null and false are left out. */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (name === "value" || name === "checked") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

const PATHS = {
  back: "M15 5l-7 7 7 7",
  plus: "M12 5v14M5 12h14",
  send: "M4 12l16-8-6 16-3-7z",
  lock: "M7 11V8a5 5 0 0110 0v3M5 11h14v9H5z",
  people:
    "M9 11a3.5 3.5 0 100-7 3.5 3.5 0 000 7zM2.5 20a6.5 6.5 0 0113 0M16 4.5a3.5 3.5 0 010 6.2M18 14a6.5 6.5 0 013.5 6",
  settings: "M4 7h9M17 7h3M4 17h3M11 17h9M15 4.5v5M9 14.5v5",
  more: "M5 12h.01M12 12h.01M19 12h.01",
  compass: "M12 21a9 9 0 100-18 9 9 0 000 18zM15.5 8.5l-2 5-5 2 2-5z",
  spark: "M12 3v5M12 16v5M3 12h5M16 12h5M6 6l3 3M15 15l3 3M18 6l-3 3M9 15l-3 3",
  user: "M12 12a4 4 0 100-8 4 4 0 000 8zM4 21a8 8 0 0116 0",
  link: "M10 14a4 4 0 005.7 0l3-3A4 4 0 0013 5.300l-1 1M14 10a4 4 0 00-5.700 0l-3 3A4 4 0 0011 18.700l1-1",
  down: "M12 5v14M6 13l6 6 6-6",
  close: "M6 6l12 12M18 6L6 18",
  copy: "M9 9h11v11H9zM15 9V4H4v11h5",
  shield: "M12 3l8 3v6c0 4.500-3.300 7.500-8 9-4.700-1.500-8-4.500-8-9V6z",
};

export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  const attributes = { viewBox: "0 0 24 24", class: "icon", "aria-hidden": "true", focusable: "false" };
  for (const [key, value] of Object.entries(attributes)) svg.setAttribute(key, value);
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", PATHS[name]);
  if (name === "more") path.setAttribute("stroke-width", "3");
  svg.append(path);
  return svg;
}

/** A round button with a picture only; the label is for those who do not see it, and a tooltip. */
export const iconButton = (name, label, onclick, more = {}) =>
  h("button", { type: "button", class: "round", "aria-label": label, title: label, onclick, ...more }, icon(name));

/** The first letter in a circle; the colour is the name's. */
export function avatar(name, id = 0) {
  return h("span", { class: `avatar tint-${id % 6}`, "aria-hidden": "true" }, [...(name || "?")][0].toUpperCase());
}

let hints = 0;

/** A control with its label; a hint is read out after it, and is not part of its name. */
export function field(label, control, hint) {
  const labelled = h("label", {}, h("span", { class: "label" }, label), control);
  if (!hint) return h("div", { class: "field" }, labelled);
  const id = `hint-${++hints}`;
  control.setAttribute("aria-describedby", id);
  return h("div", { class: "field" }, labelled, h("small", { id }, hint));
}

export const check = (label, control, hint) =>
  h("label", { class: "check" }, control, h("span", {}, label, hint && h("small", {}, hint)));

export const select = (options, value, more = {}) =>
  h(
    "select",
    more,
    options.map(([key, label]) => h("option", { value: key, selected: key === value }, label)),
  );

const shownTitle = { name: "", unread: 0 };

/** The window's title: what is open, and how much is unread anywhere. */
export function title(change) {
  const { name, unread } = Object.assign(shownTitle, change);
  document.title = `${unread ? `(${unread}) ` : ""}${name ? `${name} · ` : ""}Portal`;
}

/** Says something for a moment, to eyes and screen readers. */
export function toast(text, bad = false) {
  const place = document.getElementById("toasts");
  const note = h("p", { class: bad ? "toast bad" : "toast" }, text);
  // Above a dialog that may be open.
  place.hidePopover?.();
  place.showPopover?.();
  place.append(note);
  setTimeout(() => note.remove(), bad ? 7000 : 4000);
}

/**
 * A dialog over the page. `build` gets `close(value)` and answers its content; resolves to the value, or to
 * undefined if it was dismissed. One that `stays` ends by its own buttons only.
 */
export function dialog(title, build, { stays = false } = {}) {
  return new Promise((resolve) => {
    let value;
    const close = (given) => {
      value = given;
      element.close();
    };
    const heading = h("h2", { id: "dialog-title" }, title);
    const element = h(
      "dialog",
      { "aria-labelledby": "dialog-title" },
      h(
        "header",
        {},
        heading,
        iconButton("close", "Close", () => close()),
      ),
    );
    element.append(...[build(close, element)].flat());
    element.addEventListener("close", () => {
      element.remove();
      resolve(value);
    });
    // A click beside it dismisses it.
    element.addEventListener("click", (event) => {
      if (event.target === element && !stays) close();
    });
    // As often as Escape is pressed: browsers let the second one through.
    element.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && stays) event.preventDefault();
    });
    document.body.append(element);
    element.showModal();
  });
}

/** Asks before something happens that is not easily undone. */
export const confirm = (title, text, action) =>
  dialog(title, (close) => [
    h("p", {}, text),
    h(
      "div",
      { class: "actions" },
      h("button", { type: "button", onclick: () => close(false) }, "Cancel"),
      h("button", { type: "button", class: "danger", onclick: () => close(true) }, action),
    ),
  ]);

/** A list of things to do: [label, what, danger?]. The dialog closes first. */
export async function menu(title, entries, about) {
  const chosen = await dialog(title, (close) =>
    [
      about ?? null,
      h(
        "ul",
        { class: "menu" },
        entries
          .filter(Boolean)
          .map(([label, what, danger]) =>
            h(
              "li",
              {},
              h("button", { type: "button", class: danger ? "danger-text" : null, onclick: () => close(what) }, label),
            ),
          ),
      ),
    ].filter(Boolean),
  );
  await chosen?.();
}

/** Runs what a form or button asks for: it waits meanwhile, and tells what went wrong. */
export async function doing(element, work, tell) {
  const button = element instanceof HTMLFormElement ? element.querySelector("button:not([type=button])") : element;
  if (button?.getAttribute("aria-busy") === "true") return undefined;
  button?.setAttribute("aria-busy", "true");
  try {
    return await work();
  } catch (error) {
    if (tell) tell(trouble(error));
    else toast(trouble(error), true);
    return undefined;
  } finally {
    button?.removeAttribute("aria-busy");
  }
}

/** A form whose trouble is told inside it. `work` gets the fields' values. */
export function form(attributes, children, work) {
  const notice = h("p", { class: "notice bad", role: "alert", hidden: true });
  const tell = (text) => {
    notice.textContent = text;
    notice.hidden = false;
  };
  const element = h("form", attributes, children, notice);
  element.addEventListener("submit", (event) => {
    event.preventDefault();
    notice.hidden = true;
    doing(element, () => work(Object.fromEntries(new FormData(element)), element), tell);
  });
  return element;
}

export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    toast("Copied.");
  } catch {
    toast("This browser does not let the page copy. Select the text instead.", true);
  }
}
