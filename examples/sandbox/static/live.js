// Keeps an open list right: asks every two seconds whether the shelf has changed
// and, if so, takes the new list from this page's own address. Without scripts
// the page has a link to reload it.
"use strict";

const every = 2000;
const news = document.getElementById("news");

async function look() {
  const live = document.getElementById("live");
  const { state } = await (await fetch("/state")).json();
  if (state === live.dataset.state) return;
  const answer = await fetch(location.href);
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.getElementById("live");
  if (!fresh || live.querySelector("details[open]")) return; // not under an open menu
  const focused = document.activeElement?.closest("li[id]")?.id;
  const before = document.title;
  live.replaceWith(fresh);
  document.title = page.title;
  document.getElementById(focused)?.querySelector("a").focus();
  if (page.title !== before) news.textContent = page.title;
}

async function watch() {
  try {
    if (!document.hidden) await look();
  } catch {
    // The sandbox is not running now; it may be again.
  }
  setTimeout(watch, every);
}

// Up and down go from message to message.
function move(event) {
  const to = { ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling" }[event.key];
  const next = to && document.activeElement?.closest(".messages > li")?.[to];
  if (!next) return;
  event.preventDefault();
  next.querySelector("a").focus();
}

if (document.getElementById("live")) {
  setTimeout(watch, every);
  document.addEventListener("keydown", move);
}
