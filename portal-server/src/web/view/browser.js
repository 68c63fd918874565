// A chat's browser beside what is said, spec 11: starting and stopping it, looking at it, and who has control.
//
// What is looked at is neko's own page in a frame, signed in as this person. The address holds their password for it: a
// frame is made anew for each, so that none is left in the history, and it is given no referrer to pass on.

import { get } from "../api.js";
import { dialog, doing, field, form, h, iconButton, menu, toast } from "../dom.js";
import { isStaff } from "../rights.js";
import { trouble } from "../words.js";

const WHY = {
  idle: "Stopped: nobody was looking",
  died: "It ended by itself",
  unreachable: "What runs browsers here does not answer",
  full: "There is no room for another browser at the moment",
  misconfigured: "It cannot be run as it is set up here; the server's log says why",
  failed: "It could not be started",
  unavailable: "No browsers are run here any more",
};

function stateWords(room, isFolded) {
  const { state, reason, access } = room.browser;
  switch (state) {
    case "starting":
      return "Starting ...";
    case "running":
      if (!room.me) return "Running. Sign in to see it.";
      if (!room.mayTalk) return "Running, for those who take part";
      if (isFolded) return "Running, hidden here";
      return access ? "Running" : "Running. Letting you in ...";
    case "stopping":
      return reason === "idle" ? "Stopping: nobody was looking ..." : "Stopping ...";
    default:
      return WHY[reason] ?? "Not running";
  }
}

function controlWords(room) {
  const { holder } = room.browser;
  if (holder === null) return "Nobody has control.";
  return holder === room.me?.id ? "You have control." : `${room.nameOf(holder)} has control.`;
}

/** Whether this person decides who has control, spec 11.4. */
function mayGrant(room) {
  const { me, chat, rights, browser, mayTalk } = room;
  if (!me) return false;
  if (chat.chat_config.locked_controls) return rights.isOwner || isStaff(me);
  return rights.configure || (mayTalk && browser.holder === me.id);
}

function frameOf(access, title) {
  const address = new URL(access.url);
  for (const [name, value] of [
    ["usr", access.username],
    ["pwd", access.password],
    ["embed", "1"],
  ])
    address.searchParams.set(name, value);
  return h("iframe", {
    class: "screen",
    title: `The browser of ${title}`,
    referrerpolicy: "no-referrer",
    // It has an origin of its own, and may neither lead this page elsewhere nor open others.
    sandbox: "allow-scripts allow-same-origin allow-forms allow-pointer-lock",
    allow: "autoplay; clipboard-read; clipboard-write; fullscreen",
    src: address.href,
  });
}

const button = (label, onclick, more = {}) => h("button", { type: "button", onclick, ...more }, label);

/** Puts the pane before `talk`, and answers how to end it. */
export function browserPane({ client, room, talk }) {
  const { browser } = room;
  const acting = (what, body) => (event) => doing(event.currentTarget, () => room.act(what, body));
  let isFolded = false;
  let shown = null;

  const state = h("p", { class: "pane-state", role: "status" });
  const start = button("Start", acting("start"), { class: "primary", "aria-label": "Start the browser" });
  const stop = button("Stop", acting("stop"), { "aria-label": "Stop the browser" });
  const fold = button("Hide", () => {
    isFolded = !isFolded;
    show();
  });
  const more = iconButton("more", "More about the browser", () => moreMenu(room));
  const screen = h("div", { id: "screen" });
  fold.setAttribute("aria-controls", "screen");
  const control = h("p", { class: "pane-state", role: "status" });
  const ask = button("Ask for control", acting("control/request"));
  const askNoMore = button("Ask no more", acting("control/release"));
  const take = button("Take control", acting("control/take"));
  const release = button("Give control back", acting("control/release"));
  const requests = h("ul", { class: "requests", "aria-label": "Who asks for control" });
  const controls = h("div", { class: "pane-row" }, control, ask, askNoMore, take, release);
  const pane = h(
    "section",
    { class: "pane", "aria-labelledby": "pane-title" },
    h("div", { class: "pane-row" }, h("h2", { id: "pane-title" }, "Browser"), state, start, stop, fold, more),
    screen,
    controls,
    requests,
  );
  talk.before(pane);

  const showScreen = (access) => {
    const key = access && [access.url, access.username, access.password].join(" ");
    if (key !== shown) {
      shown = key;
      screen.replaceChildren(...(access ? [frameOf(access, room.title)] : []));
    }
    screen.hidden = !access;
    pane.parentElement?.classList.toggle("beside", Boolean(access));
  };

  const showRequests = () => {
    const { holder } = browser;
    const others = browser.requests.filter((user) => user !== room.me?.id);
    const grants = mayGrant(room);
    requests.replaceChildren(
      ...others.map((user) => {
        const name = room.nameOf(user);
        const give = button("Give control", acting("control/grant", { user_id: user }), {
          "aria-label": `Give control to ${name}`,
        });
        return h("li", { class: "pane-row" }, h("span", { class: "pane-state" }, `${name} asks for control.`), grants && give);
      }),
    );
    requests.hidden = others.length === 0;
    const isAsking = browser.requests.includes(room.me?.id);
    const hasIt = room.me !== null && holder === room.me?.id;
    ask.hidden = hasIt || isAsking || room.rights.configure || !room.chat.chat_config.allow_control_requests;
    askNoMore.hidden = !isAsking;
    take.hidden = hasIt || !room.rights.configure;
    release.hidden = !hasIt;
  };

  const say = (element, words) => {
    if (element.textContent !== words) element.textContent = words;
  };

  const show = () => {
    const { state: now } = browser;
    const isOver = room.goneBecause !== null;
    const runs = now === "running";
    const mayRun = room.rights.run;
    // Who can neither see one nor start one is told nothing of it.
    pane.hidden = isOver || (!mayRun && (now === null || now === "failed"));
    const isIn = runs && room.mayTalk && !isOver;
    showScreen(isIn && !isFolded ? browser.access : null);
    say(state, stateWords(room, isFolded));
    start.hidden = !mayRun || !(now === null || now === "failed" || now === "stopping");
    stop.hidden = !mayRun || !(now === "starting" || runs);
    fold.hidden = !isIn || !browser.access;
    say(fold, isFolded ? "Show" : "Hide");
    fold.setAttribute("aria-label", isFolded ? "Show the browser" : "Hide the browser");
    fold.setAttribute("aria-expanded", String(!isFolded));
    more.hidden = !isIn;
    controls.hidden = !isIn;
    if (isIn) {
      say(control, controlWords(room));
      showRequests();
    } else requests.hidden = true;
  };

  const off = [
    room.on("browser", show),
    room.on("chat", show),
    room.on("people", show),
    client.on("connection", show),
  ];
  show();
  return () => {
    for (const end of off) end();
    pane.remove();
  };
}

/** What is seldom wanted. */
function moreMenu(room) {
  return menu("Browser", [
    ["Take a picture", () => tried(() => picture(room))],
    room.rights.configure && ["Its clipboard", () => clipboard(room)],
    mayGrant(room) && ["Give control to somebody", () => hand(room)],
  ]);
}

async function tried(work) {
  try {
    await work();
  } catch (error) {
    toast(trouble(error), true);
  }
}

/** Who is in the room is asked of nobody: the server refuses whoever may not have it. */
function hand(room) {
  const others = [...room.present.values()].filter(({ user_id: user }) => user !== room.browser.holder);
  const give = (user) => tried(() => room.act("control/grant", { user_id: user }));
  return menu(
    "Give control to",
    others.map(({ user_id: user, username }) => [username, () => give(user)]),
    others.length === 0 ? h("p", {}, "Nobody else is here.") : null,
  );
}

async function picture(room) {
  const { media_type: type, image } = await get(`portal/chats/${room.id}/screen`);
  const source = `data:${type};base64,${image}`;
  await dialog("A picture of the browser", () => [
    h("img", { class: "picture", src: source, alt: "What the browser shows" }),
    h(
      "div",
      { class: "actions" },
      h("a", { class: "button", href: source, download: `browser.${type.split("/").pop()}` }, "Save it"),
    ),
  ]);
}

function clipboard(room) {
  return dialog("The browser's clipboard", (close) => {
    const text = h("textarea", { rows: 6, maxlength: 10_000, spellcheck: "false" });
    const read = async (isAsked) => {
      const { text: now } = await get(`portal/chats/${room.id}/clipboard`);
      // Somebody may have begun to write meanwhile.
      if (isAsked || text.value === "") text.value = now;
    };
    const again = button("Read it again", () => doing(again, () => read(true)));
    const hint = "What was copied in the browser. What you put here can be pasted there.";
    const actions = h("div", { class: "actions" }, again, h("button", { class: "primary" }, "Put it there"));
    doing(again, () => read(false));
    return form({}, [field("Text", text, hint), actions], async () => {
      await room.act("clipboard", { text: text.value });
      close();
      toast("It can be pasted in the browser.");
    });
  });
}
