// Typing above a table hides the rows, and the plots of its section, whose names lack a word typed.
for (const box of document.querySelectorAll(".filter")) {
  const section = box.closest("section");
  const [input, output] = [box.querySelector("input"), box.querySelector("output")];
  const rows = [...section.querySelectorAll("tr[data-name]")];
  const plots = [...section.querySelectorAll("figure[data-name]")];
  box.hidden = false;
  input.addEventListener("input", () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    const fits = (element) => words.every((word) => element.dataset.name.toLowerCase().includes(word));
    for (const element of [...rows, ...plots]) element.hidden = !fits(element);
    const shown = rows.filter((row) => !row.hidden).length;
    output.textContent = words.length ? `${shown} of ${rows.length} rows` : "";
  });
}
