// What pages of lists are made of: sections, lists that are read in pages, and the acts beside their rows.

import { doing, h } from "../dom.js";
import { trouble } from "../words.js";

export const section = (title, ...content) => {
  const id = title.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-");
  return h("section", { class: "card", "aria-labelledby": id }, h("h2", { id }, title), ...content);
};

/** A row: what it is, in a line, and what there is to say of it; then what can be done about it. */
export const row = (name, about, ...acts) =>
  h(
    "li",
    {},
    h(
      "span",
      { class: "about" },
      h("span", { class: "name" }, name),
      ...about.filter(Boolean).map((line) => (typeof line === "string" ? h("small", {}, line) : line)),
    ),
    ...acts,
  );

export function action(label, work, kind = "danger-text") {
  const button = h("button", { type: "button", class: kind }, label);
  button.addEventListener("click", () => doing(button, work));
  return button;
}

/**
 * A list that is read a page at a time. `read` gets the last row that is shown, and answers those behind it; a full
 * page of `size` has more behind it. `entry` gets a row, and how to read the list again. Answers {element, show}.
 */
export function listing(read, entry, none, size = Infinity) {
  const rows = h("ul", { class: "rows" });
  const state = h("p", { class: "quiet", role: "status" }, "Looking ...");
  const more = h("button", { type: "button", hidden: true }, "Show more");
  let last;
  let reading = 0;
  const next = async () => {
    const own = ++reading;
    const isFirst = last === undefined;
    try {
      const page = await read(last);
      // The list was begun anew meanwhile.
      if (own !== reading) return;
      const shown = page.map((one) => entry(one, show));
      if (isFirst) rows.replaceChildren(...shown);
      else rows.append(...shown);
      last = page.at(-1) ?? last;
      more.hidden = page.length < size;
      state.textContent = rows.childElementCount ? "" : none;
    } catch (error) {
      if (own !== reading) return;
      if (isFirst) rows.replaceChildren();
      state.textContent = trouble(error);
    }
  };
  const show = () => {
    last = undefined;
    return next();
  };
  more.addEventListener("click", () => doing(more, next));
  show();
  return { element: h("div", {}, rows, state, more), show };
}

/** A list that is read as a whole. */
export const list = (read, entry, none) => listing(read, entry, none).element;
