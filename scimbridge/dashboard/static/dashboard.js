// What makes the keyboard quicker. Every page is complete without it.
"use strict";

// "/" goes to the search, as in most tools for administrators.
document.addEventListener("keydown", (event) => {
  const isTyping = event.target.closest("input, textarea, select, [contenteditable]");
  if (event.key !== "/" || isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
  const search = document.getElementById("search");
  if (!search) return;
  event.preventDefault();
  search.focus();
  search.select();
});

// The menu of narrow windows closes by Escape.
document.addEventListener("keydown", (event) => {
  const menu = document.querySelector("details.menu[open]");
  if (event.key !== "Escape" || !menu) return;
  menu.open = false;
  menu.querySelector("summary").focus();
});

// One box chooses all rows of its table.
document.addEventListener("change", (event) => {
  if (!event.target.matches("[data-choose-all]")) return;
  const table = event.target.closest("table");
  for (const box of table.querySelectorAll("tbody input[type=checkbox]")) box.checked = event.target.checked;
});

// A link to what one does on the same page opens it.
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[href^='#']");
  const found = link && document.getElementById(link.hash.slice(1));
  if (!found || !found.matches("details.action")) return;
  found.open = true;
  found.querySelector("summary").focus();
});

// A form that was sent is not sent twice by a double click.
document.addEventListener("submit", (event) => {
  if (event.target.method !== "post") return;
  if (event.target.dataset.isSent) event.preventDefault();
  event.target.dataset.isSent = "yes";
});
window.addEventListener("pageshow", () => {
  for (const form of document.forms) delete form.dataset.isSent;
});

// What refreshes itself keeps what one has opened, and waits while one writes in it.
let opened = [];
document.addEventListener("htmx:beforeSwap", (event) => {
  const part = event.detail.target;
  if (!part.classList.contains("live")) return;
  // Signed out meanwhile, or something went wrong: what is shown stays, and "Reload" says why.
  const isWhole = event.detail.xhr.responseText.includes(`id="${part.id}"`);
  if (!isWhole || part.querySelector("details.action[open], form :focus")) event.detail.shouldSwap = false;
  opened = [...part.querySelectorAll("details[id]")].filter((each) => each.open).map((each) => each.id);
});
document.addEventListener("htmx:afterSettle", () => {
  for (const id of opened) {
    const found = document.getElementById(id);
    if (found) found.open = true;
  }
  opened = [];
});
