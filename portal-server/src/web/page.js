"use strict";

const at = (id) => document.getElementById(id);

async function ask(method, path, body) {
  const options = { method, credentials: "same-origin", headers: {} };
  if (body !== undefined) {
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  let response;
  try {
    response = await fetch(`/v1/${path}`, options);
  } catch {
    throw new Error("The server does not answer.");
  }
  const answer = await response.json();
  if (!response.ok) {
    const error = new Error(answer.error.message);
    error.code = answer.error.code;
    throw error;
  }
  return answer;
}

function tell(text) {
  at("notice").textContent = text ?? "";
  at("notice").hidden = !text;
}

// Runs one thing a person asked for; its button waits meanwhile.
async function doing(button, work) {
  tell();
  button.disabled = true;
  try {
    await work();
  } catch (error) {
    tell(error.message);
  } finally {
    button.disabled = false;
  }
}

async function showWho() {
  let me = null;
  try {
    me = await ask("GET", "users/me");
  } catch (error) {
    if (error.code !== "ERR_UNAUTHENTICATED") throw error;
  }
  at("who").hidden = !me;
  at("sign-in").hidden = Boolean(me);
  if (me) {
    at("name").textContent = me.username;
    at("role").textContent = me.role === "user" ? "" : `(${me.role})`;
  }
}

let cursor = null;

async function showChats(more) {
  const query = more && cursor ? `?cursor=${encodeURIComponent(cursor)}` : "";
  const page = await ask("GET", `portal/directory${query}`);
  const items = page.chats.map((chat) => {
    const item = document.createElement("li");
    item.append(chat.name);
    const about = document.createElement("small");
    about.textContent = [chat.chat_type, chat.description].filter(Boolean).join(" · ");
    item.append(about);
    return item;
  });
  if (more) at("chats").append(...items);
  else at("chats").replaceChildren(...items);
  cursor = page.next;
  at("more").hidden = !cursor;
  at("none").hidden = at("chats").childElementCount > 0;
}

// A sign-in link is `#signin=NAME:CODE`. What is behind the # never leaves the browser by itself; it
// is taken out of the address bar at once, and nothing is redeemed before a person says so.
function readLink(form) {
  const link = /^#signin=([^:]+):(.+)$/.exec(location.hash);
  if (!link) return;
  history.replaceState(null, "", location.pathname);
  form.username.value = decodeURIComponent(link[1]);
  form.secret.value = decodeURIComponent(link[2]);
}

at("sign-in").addEventListener("submit", (event) => {
  event.preventDefault();
  const form = event.target;
  doing(form.querySelector("button"), async () => {
    const { username, secret } = form;
    await ask("POST", "authentication/verify", { username: username.value.trim(), secret: secret.value.trim() });
    form.reset();
    await showWho();
    await showChats(false);
  });
});

at("sign-out").addEventListener("click", (event) =>
  doing(event.target, async () => {
    await ask("POST", "authentication/logout");
    await showWho();
    await showChats(false);
  }));

at("more").addEventListener("click", (event) => doing(event.target, () => showChats(true)));

readLink(at("sign-in"));
window.addEventListener("hashchange", () => readLink(at("sign-in")));
Promise.all([showWho(), showChats(false)]).catch((error) => tell(error.message));
