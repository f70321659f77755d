// A table that is wider than the page leaves out its lesser columns until they are asked for.
for (const region of document.querySelectorAll(".scroll")) {
  const table = region.querySelector("table");
  const lesser = table.querySelectorAll("thead .aside").length;
  if (!lesser || region.scrollWidth <= region.clientWidth) continue;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "columns";
  const show = (all) => {
    table.classList.toggle("narrow", !all);
    button.setAttribute("aria-pressed", String(all));
    button.textContent = all ? "fewer columns" : `${lesser} more ${lesser > 1 ? "columns" : "column"}`;
  };
  button.addEventListener("click", () => show(table.classList.contains("narrow")));
  region.before(button);
  show(false);
}
