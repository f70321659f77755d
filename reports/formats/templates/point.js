// Pointing at a scatter plot, or tapping it, names the network nearest to the pointer.
for (const plot of document.querySelectorAll(".plot[data-names]")) {
  const group = plot.querySelector('[id$="-points"]');
  if (!group) continue;
  const line = document.createElement("output");
  line.className = "pointed";
  plot.after(line);
  let marks = null;
  const read = () => {
    const all = JSON.parse(document.getElementById(plot.dataset.names).textContent);
    const places = (text) => text.split(" ").filter(Boolean).map(Number);
    const absent = new Set(places(plot.dataset.absent ?? ""));
    const names = plot.dataset.present
      ? places(plot.dataset.present).map((place) => all[place])
      : all.filter((_, place) => !absent.has(place));
    return [...group.querySelectorAll("use")].map((use, i) =>
      ({ x: use.x.baseVal.value, y: use.y.baseVal.value, name: names[i] }));
  };
  const ring = document.createElementNS("http://www.w3.org/2000/svg", "circle");
  ring.setAttribute("class", "ring");
  ring.setAttribute("r", 4);
  const show = (event) => {
    marks ??= read();
    const place = new DOMPoint(event.clientX, event.clientY)
      .matrixTransform(group.getScreenCTM().inverse());
    let best = null, least = 12 * 12;
    for (const mark of marks) {
      const distance = (mark.x - place.x) ** 2 + (mark.y - place.y) ** 2;
      if (distance <= least) [best, least] = [mark, distance];
    }
    line.textContent = best ? best.name : "";
    if (!best) return ring.remove();
    ring.setAttribute("cx", best.x);
    ring.setAttribute("cy", best.y);
    group.after(ring);
  };
  plot.addEventListener("pointermove", show);
  plot.addEventListener("click", show);
}
