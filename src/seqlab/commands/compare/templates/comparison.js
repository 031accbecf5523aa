"use strict";
const table = document.querySelector("#table-of-runs");
const body = table.tBodies[0];
const headers = [...table.tHead.rows[0].cells];
const filter = document.querySelector("#filter");
const count = document.querySelector("#count");
const all = document.querySelector("#all");
const sideways = document.querySelector("#sideways");

// What is no number stands below the numbers, whichever way they are sorted.
function compare(first, second, sign) {
  const [a, b] = [first, second].map((cell) => cell.dataset.number);
  if (a !== undefined && b !== undefined) return sign * (Number(a) - Number(b));
  if (a !== undefined || b !== undefined) return a !== undefined ? -1 : 1;
  return sign * first.textContent.localeCompare(second.textContent, undefined, {numeric: true});
}

function sort(column) {
  const header = headers[column];
  const before = header.getAttribute("aria-sort");
  const direction = before ? (before === "ascending" ? "descending" : "ascending") : header.dataset.first;
  for (const each of headers) each.removeAttribute("aria-sort");
  header.setAttribute("aria-sort", direction);
  const sign = direction === "ascending" ? 1 : -1;
  const rows = [...body.rows].sort((a, b) => compare(a.cells[column], b.cells[column], sign));
  body.append(...rows);
}

function show() {
  const words = filter.value.toLocaleLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const row of body.rows) {
    const text = row.textContent.toLocaleLowerCase();
    row.hidden = !words.every((word) => text.includes(word));
    if (!row.hidden) shown += 1;
  }
  count.textContent = `${shown} of ${body.rows.length} runs`;
}

function columns() {
  table.classList.toggle("brief", !all.checked);
  sideways.hidden = table.offsetWidth <= table.parentElement.clientWidth;
}

headers.forEach((header, column) => header.querySelector("button").addEventListener("click", () => sort(column)));
filter.addEventListener("input", show);
all.addEventListener("change", columns);
addEventListener("resize", columns);
filter.closest("p").hidden = false;
columns();
show();
