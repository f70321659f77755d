const body = document.querySelector("tbody"), rows = [...body.rows];
const space = document.querySelector("#space"), text = document.querySelector("#text");
function show() {
  const wanted = text.value.trim().toLowerCase();
  for (const row of rows) row.hidden = (space.value && row.cells[1].textContent !== space.value)
    || !row.cells[0].textContent.toLowerCase().includes(wanted);
}
document.querySelectorAll("th").forEach((head, place) => {
  head.querySelector("button").addEventListener("click", () => {
    const down = head.getAttribute("aria-sort") !== "descending";
    document.querySelectorAll("th").forEach(other => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const key = row => row.cells[place].dataset.v ?? row.cells[place].textContent;
    rows.sort((a, b) => {
      const x = key(a), y = key(b);
      if (x === "" || y === "") return (x === "") - (y === "");
      const order = isNaN(x) || isNaN(y) ? x.localeCompare(y) : x - y;
      return down ? -order : order;
    });
    body.append(...rows);
  });
});
space.addEventListener("change", show);
text.addEventListener("input", show);
