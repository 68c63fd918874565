// The way in: signing in, signing up, or coming as a visitor without a name.

import { get, post } from "../api.js";
import { copy, dialog, doing, field, form, h } from "../dom.js";

/** The account key, shown once. */
export async function showAccountKey(username, key) {
  const text = `Portal account key\nAddress: ${location.origin}\nName: ${username}\nKey: ${key}\n`;
  const file = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
  const build = (close) => {
    return [
      h(
        "p",
        {},
        "With this key you sign in again, here or on another device. There is no password, and the key is shown only now. Keep it where you keep such things.",
      ),
      h("p", { class: "secret", id: "account-key", tabindex: "0" }, key),
      h(
        "div",
        { class: "actions" },
        h("button", { type: "button", onclick: () => copy(key) }, "Copy"),
        h("a", { class: "button", href: file, download: `portal-key-${username}.txt` }, "Download"),
        h("button", { type: "button", class: "primary", onclick: () => close() }, "I have kept it"),
      ),
    ];
  };
  await dialog("Your account key", build, { stays: true });
  URL.revokeObjectURL(file);
}

const name = (more = {}) =>
  field(
    "Name",
    h("input", {
      name: "username",
      required: true,
      minlength: 3,
      maxlength: 32,
      spellcheck: "false",
      autocapitalize: "none",
      autocomplete: "username",
      ...more,
    }),
  );

export function door({ client, main, link, argument, after, entered }) {
  const signIn = form(
    { class: "card", "aria-labelledby": "sign-in-title" },
    [
      h("h2", { id: "sign-in-title" }, "Sign in"),
      link && h("p", { class: "notice" }, "Filled in from your link, which works once."),
      name({ id: "sign-in-name" }),
      field(
        "Account key or login code",
        h("input", {
          name: "secret",
          type: "password",
          required: true,
          maxlength: 64,
          autocomplete: "current-password",
        }),
      ),
      h("div", { class: "actions" }, h("button", { class: "primary" }, "Sign in")),
    ],
    async ({ username, secret }) => {
      await post("authentication/verify", { username: username.trim(), secret: secret.trim() });
      await entered();
    },
  );
  if (link) {
    signIn.elements.username.value = link.username;
    signIn.elements.secret.value = link.secret;
  }

  const code = field(
    "Sign-up code",
    h("input", {
      name: "signup_code",
      maxlength: 64,
      spellcheck: "false",
      autocapitalize: "none",
      autocomplete: "off",
    }),
    "An admin of this server makes these.",
  );
  code.hidden = true;
  const signUp = form(
    { class: "card", "aria-labelledby": "sign-up-title", hidden: true },
    [
      h("h2", { id: "sign-up-title" }, "Sign up"),
      name({
        pattern: "[A-Za-z0-9._\\-]{3,32}",
        title: "3 to 32 letters, digits, dots, underscores or hyphens",
        autocomplete: "off",
      }),
      code,
      h("div", { class: "actions" }, h("button", { class: "primary" }, "Sign up")),
    ],
    async (values) => {
      const wanted = { username: values.username.trim() };
      if (!code.hidden) wanted.signup_code = values.signup_code.trim();
      const made = await post("authentication/register", wanted);
      await showAccountKey(wanted.username, made.account_key);
      await entered();
    },
  );

  const visit = h("button", { type: "button" }, "Come in without a name");
  visit.addEventListener("click", () =>
    doing(visit, async () => {
      await post("authentication/stranger");
      await entered("#/match");
    }),
  );
  const visitor = h(
    "section",
    { class: "card", "aria-labelledby": "visit-title" },
    h("h2", { id: "visit-title" }, "Only visiting"),
    h(
      "p",
      { class: "quiet" },
      "Meet somebody who shares an interest, and look into the open chats. Nothing is asked, and nothing of it stays.",
    ),
    h("div", { class: "actions" }, visit, h("a", { class: "button", href: "#/open" }, "Just look around")),
  );

  const invited = after.startsWith("#/join/");
  main.append(
    h(
      "div",
      { class: "door" },
      h(
        "div",
        { class: "intro" },
        h("h1", {}, "Talk in private."),
        h("p", {}, "Chats in rooms, encrypted from end to end: the server passes on what it cannot read."),
        invited && h("p", { class: "notice" }, "You have an invite. Sign in or sign up to follow it."),
        client.unfit && h("p", { class: "notice bad", role: "alert" }, client.unfit),
      ),
      h("div", { class: "cards" }, signIn, signUp, invited ? null : visitor),
    ),
  );
  if (argument === "in" && !link) signIn.elements.username.focus();

  get("portal/status").then(
    ({ registration }) => {
      code.hidden = registration !== "invite";
      code.querySelector("input").required = registration === "invite";
      signUp.hidden = registration === "closed";
    },
    () => {},
  );
}
