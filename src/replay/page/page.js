"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const line = $("timeline"), plot = $("plot"), ruler = $("ruler"), cursor = $("cursor");
  const end = Number(line.dataset.end) * 1.01, names = Number(line.dataset.names);
  const placed = [...plot.querySelectorAll("[data-t]")];
  const rows = [...document.querySelectorAll("#story tr[data-at]")];
  let from = 0, span = end, width = 0, here = 0;

  const time = (t) => {
    const tenths = Math.floor(t / 1e5);
    return Math.floor(tenths / 600) + ":" + String(Math.floor(tenths / 10) % 60).padStart(2, "0") + "." + (tenths % 10);
  };
  const x = (t) => ((t - from) / span) * width;

  const draw = () => {
    width = Math.max(200, line.parentElement.clientWidth - names - 4);
    line.setAttribute("width", width + names);
    plot.setAttribute("width", width);
    for (const one of placed) {
      const t = Number(one.dataset.t);
      one.setAttribute("x", x(t));
      if (one.dataset.u) one.setAttribute("width", Math.max(2, x(Number(one.dataset.u)) - x(t)));
    }
    cursor.setAttribute("x", x(here));
    const steps = [1e5, 2e5, 5e5, 1e6, 2e6, 5e6, 1e7, 3e7, 6e7, 3e8, 6e8, 36e8];
    const step = steps.find((step) => (step / span) * width > 70) || 36e8;
    const marks = [];
    for (let t = Math.ceil(from / step) * step; t < from + span; t += step) {
      const at = x(t), mark = document.createElementNS(line.namespaceURI, "g");
      for (const [name, given] of [["line", { x1: at, x2: at, y1: 0, y2: line.getAttribute("height") }], ["text", { x: at + 3, y: 13 }]]) {
        const part = document.createElementNS(line.namespaceURI, name);
        Object.entries(given).forEach(([key, value]) => part.setAttribute(key, value));
        if (name === "text") part.textContent = time(t);
        mark.append(part);
      }
      marks.push(mark);
    }
    ruler.replaceChildren(...marks);
  };

  const look = (start, length) => {
    span = Math.min(end, Math.max(2e5, length));
    from = Math.min(end - span, Math.max(0, start));
    draw();
  };
  const zoom = (by, t = from + span / 2) => look(t - ((t - from) / span) * span * by, span * by);

  // The moment that everything on the page is about.
  const go = (t, row, scroll) => {
    here = t;
    if (t < from || t > from + span) look(t - span / 2, span);
    cursor.setAttribute("x", x(t));
    rows.forEach((other) => other.removeAttribute("aria-current"));
    const current = row || rows.filter((other) => Number(other.dataset.at) <= t).pop() || rows[0];
    if (!current) return;
    current.setAttribute("aria-current", "true");
    // What is stuck at the top hides what is behind it; the style keeps rows clear of it.
    if (scroll) current.scrollIntoView({ block: "start" });
    document.querySelectorAll(".flow g[data-here]").forEach((block) => block.removeAttribute("data-here"));
    document.querySelectorAll(".flow g[data-block]").forEach((block) => {
      if (block.dataset.block === current.dataset.in) block.setAttribute("data-here", "");
    });
  };

  const acts = { in: () => zoom(0.6), out: () => zoom(1 / 0.6), all: () => look(0, end) };
  document.querySelectorAll("[data-do]").forEach((button) => button.addEventListener("click", acts[button.dataset.do]));
  line.addEventListener("keydown", (event) => {
    const keys = { "+": acts.in, "=": acts.in, "-": acts.out, 0: acts.all,
      ArrowLeft: () => look(from - span / 8, span), ArrowRight: () => look(from + span / 8, span) };
    if (keys[event.key]) { keys[event.key](); event.preventDefault(); }
  });
  line.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.shiftKey) return;
    event.preventDefault();
    const t = from + ((event.clientX - plot.getBoundingClientRect().left) / width) * span;
    if (event.ctrlKey) zoom(event.deltaY > 0 ? 1.2 : 1 / 1.2, t);
    else look(from + ((event.deltaY || event.deltaX) / width) * span, span);
  }, { passive: false });
  let held = null;
  line.addEventListener("pointerdown", (event) => {
    held = { x: event.clientX, from, moved: false };
    line.setPointerCapture(event.pointerId);
  });
  line.addEventListener("pointermove", (event) => {
    if (!held) return;
    held.moved = held.moved || Math.abs(event.clientX - held.x) > 3;
    if (held.moved) look(held.from - ((event.clientX - held.x) / width) * span, span);
  });
  line.addEventListener("pointerup", (event) => {
    const clicked = held && !held.moved;
    held = null;
    const left = line.getBoundingClientRect().left + names;
    if (clicked && event.clientX >= left) go(from + ((event.clientX - left) / width) * span, null, true);
  });

  document.querySelectorAll("tr[data-at]").forEach((row) => {
    const chosen = () => go(Number(row.dataset.at), rows.includes(row) ? row : null, false);
    row.addEventListener("click", chosen);
    row.addEventListener("focus", chosen);
    row.addEventListener("keydown", (event) => {
      const next = { ArrowDown: row.nextElementSibling, ArrowUp: row.previousElementSibling }[event.key];
      if (next) { next.focus(); event.preventDefault(); }
    });
  });

  const picture = document.querySelector(".flow svg");
  if (picture) {
    const whole = Number(picture.getAttribute("width")), high = Number(picture.getAttribute("height"));
    let scale = 1;
    const size = () => { picture.setAttribute("width", whole * scale); picture.setAttribute("height", high * scale); };
    document.querySelectorAll("[data-scale]").forEach((button) => button.addEventListener("click", () => {
      const by = Number(button.dataset.scale);
      scale = by ? Math.min(4, Math.max(0.1, scale * by)) : Math.min(1, (picture.parentElement.clientWidth - 2) / whole);
      size();
    }));
  }

  addEventListener("resize", draw);
  draw();
})();
