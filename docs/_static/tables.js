// On a phone, a table of three or more columns is shown as one block for each row. Each
// cell then needs the name of its column: see jwtguard.css.
for (const table of document.querySelectorAll("table.docutils:has(thead th:nth-child(3))")) {
  const names = [...table.querySelectorAll("thead th")].map((cell) => cell.textContent.trim());
  for (const row of table.querySelectorAll("tbody tr")) {
    [...row.cells].forEach((cell, at) => { cell.dataset.column = names[at] ?? ""; });
  }
  table.classList.add("rows");
}
