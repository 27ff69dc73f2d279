"use strict";
(() => {
  for (const table of document.querySelectorAll("table.sortable")) sortable(table);
  const source = document.getElementById("data");
  if (source) explore(JSON.parse(source.textContent));

  /** Lets a table be sorted by each of its columns. */
  function sortable(table) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = head.textContent;
      head.replaceChildren(button);
      button.addEventListener("click", () => {
        const number = head.classList.contains("number");
        const before = head.getAttribute("aria-sort");
        const down = before ? before === "ascending" : number;
        for (const other of heads) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        const key = (row) => number ? Number(row.cells[column].dataset.value) : row.cells[column].textContent;
        const rows = [...table.tBodies[0].rows];
        rows.sort((a, b) => {
          const [x, y] = [key(a), key(b)];
          const order = number ? x - y : x.localeCompare(y);
          return down ? -order : order;
        });
        table.tBodies[0].append(...rows);
      });
    });
  }

  /** The scatter plot of a snapshot's pictures. */
  function explore(data) {
    const find = (id) => document.getElementById(id);
    const canvas = find("scatter");
    const context = canvas.getContext("2d");
    const hidden = new Set();
    const state = { snapshot: data.snapshots.length - 1, method: "tsne", chosen: -1, zoom: 1, x: 0, y: 0 };
    if (!data.snapshots[state.snapshot].tsne.points.length) state.method = "pca";
    let places = [];

    const shot = () => data.snapshots[state.snapshot];
    const shown = () => shot()[state.method].points.length ? shot()[state.method] : shot().pca;
    const className = (index) => index < 0 ? "–" : data.classes[index] ?? "class " + index;
    const isWrong = (point) => shot().answers[point] >= 0 && shot().labels[point] !== shot().answers[point];
    const isVisible = (point) =>
      !hidden.has(shot().labels[point]) && (!find("wrong").checked || isWrong(point));
    let colours = [];
    function readColours() {
      const style = getComputedStyle(document.documentElement);
      const resolve = (colour) =>
        colour.startsWith("var(") ? style.getPropertyValue(colour.slice(4, -1)).trim() : colour;
      colours = data.styles.map(([colour]) => resolve(colour));
      colours.text = resolve("var(--text)");
      colours.muted = resolve("var(--muted)");
      colours.background = resolve("var(--background)");
    }

    /** Path of a class's shape, the same as in the figures. */
    function shape(path, kind, x, y, r) {
      const polygon = (corners) => {
        corners.forEach(([a, b], index) => path[index ? "lineTo" : "moveTo"](x + a * r, y + b * r));
        path.closePath();
      };
      const turn = Math.SQRT1_2;
      const plus = [[-1.25, -.42], [-.42, -.42], [-.42, -1.25], [.42, -1.25], [.42, -.42], [1.25, -.42],
        [1.25, .42], [.42, .42], [.42, 1.25], [-.42, 1.25], [-.42, .42], [-1.25, .42]];
      switch (kind) {
        case 0: path.moveTo(x + r, y); path.arc(x, y, r, 0, 2 * Math.PI); break;
        case 1: polygon([[-.9, -.9], [.9, -.9], [.9, .9], [-.9, .9]]); break;
        case 2: polygon([[0, -1.3], [1.15, .8], [-1.15, .8]]); break;
        case 3: polygon([[0, -1.3], [1.1, 0], [0, 1.3], [-1.1, 0]]); break;
        case 4: polygon(plus); break;
        default: polygon(plus.map(([a, b]) => [turn * (a - b), turn * (a + b)]));
      }
    }

    function draw() {
      const ratio = window.devicePixelRatio || 1;
      const [width, height] = [canvas.clientWidth, canvas.clientHeight];
      if (!width) return;
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
      context.setTransform(ratio, 0, 0, ratio, 0, 0);
      const points = shown().points;
      let [left, right, low, high] = [Infinity, -Infinity, Infinity, -Infinity];
      for (let at = 0; at < points.length; at += 2) {
        left = Math.min(left, points[at]); right = Math.max(right, points[at]);
        low = Math.min(low, points[at + 1]); high = Math.max(high, points[at + 1]);
      }
      const margin = 26;
      const scaleX = (width - 2 * margin) / (right - left || 1);
      const scaleY = (height - 2 * margin) / (high - low || 1);
      places = [];
      const count = points.length / 2;
      const size = (count > 2000 ? 2.4 : count > 500 ? 3.1 : 4) * Math.min(1.6, Math.sqrt(state.zoom));
      const dot = (point) => {
        const label = shot().labels[point];
        const known = label >= 0 && label < data.styles.length;
        context.beginPath();
        shape(context, known ? data.styles[label][1] : 0, ...places[point], size);
        context.fillStyle = known ? colours[label] : colours.muted;
        context.fill();
      };
      for (let point = 0; point < count; point++) {
        const x = margin + (points[2 * point] - left) * scaleX;
        const y = height - margin - (points[2 * point + 1] - low) * scaleY;
        places.push([
          (x - width / 2) * state.zoom + width / 2 + state.x,
          (y - height / 2) * state.zoom + height / 2 + state.y,
        ]);
      }
      context.globalAlpha = .12;
      for (let point = 0; point < count; point++) if (!isVisible(point)) dot(point);
      context.globalAlpha = .82;
      for (let point = 0; point < count; point++) if (isVisible(point)) dot(point);
      context.globalAlpha = 1;
      if (state.chosen >= 0 && state.chosen < count) {
        const [x, y] = places[state.chosen];
        dot(state.chosen);
        context.beginPath();
        context.arc(x, y, size + 5, 0, 2 * Math.PI);
        context.lineWidth = 2;
        context.strokeStyle = colours.text;
        context.stroke();
      }
      context.fillStyle = colours.muted;
      context.font = "12px system-ui, sans-serif";
      context.textAlign = "center";
      context.fillText(shown().axes[0], width / 2, height - 8);
      context.save();
      context.translate(15, height / 2);
      context.rotate(-Math.PI / 2);
      context.fillText(shown().axes[1], 0, 0);
      context.restore();
      find("numbers").textContent = shown().note;
    }

    function choose(point) {
      state.chosen = point;
      const detail = find("detail");
      if (point < 0) {
        detail.replaceChildren(element("p", "No picture chosen.", "note"));
        return draw();
      }
      const { names, labels, answers, confidences } = shot();
      const name = names[point] || "picture " + (point + 1);
      const picture = Object.hasOwn(data.pictures, name) ? data.pictures[name] : null;
      let image;
      if (picture) {
        image = element("img");
        image.src = picture;
        image.alt = name + ", " + className(labels[point]);
      } else {
        image = element("span", "no picture", "empty");
      }
      const list = element("dl");
      const entry = (term, text, kind) => {
        const pair = element("div");
        pair.append(element("dt", term), element("dd", text, kind));
        list.append(pair);
      };
      entry("Class", className(labels[point]));
      if (answers[point] >= 0) {
        const sure = confidences[point] == null ? "" : " (" + Math.round(confidences[point] * 100) + "\u00a0%)";
        entry("Answer", className(answers[point]) + sure, isWrong(point) ? "bad" : "");
      }
      entry("Picture", name);
      detail.replaceChildren(image, list);
      draw();
    }

    function element(tag, text, kind) {
      const made = document.createElement(tag);
      if (text !== undefined) made.textContent = text;
      if (kind) made.className = kind;
      return made;
    }

    /** The visible point nearest to a place, or -1 where none is near enough. */
    function nearest(x, y, reach) {
      let [best, distance] = [-1, reach * reach];
      places.forEach(([a, b], point) => {
        const apart = (a - x) ** 2 + (b - y) ** 2;
        if (apart < distance && isVisible(point)) [best, distance] = [point, apart];
      });
      return best;
    }

    /** The next visible point in a direction: near, and not far to the side. */
    function step(dx, dy) {
      if (state.chosen < 0 || !isVisible(state.chosen)) {
        return choose(nearest(canvas.clientWidth / 2, canvas.clientHeight / 2, Infinity));
      }
      const [x, y] = places[state.chosen];
      let [best, cost] = [-1, Infinity];
      places.forEach(([a, b], point) => {
        if (point === state.chosen || !isVisible(point)) return;
        const along = (a - x) * dx + (b - y) * dy;
        const aside = Math.abs((a - x) * dy - (b - y) * dx);
        if (along > .01 && along + 3 * aside < cost) [best, cost] = [point, along + 3 * aside];
      });
      if (best >= 0) { choose(best); bringIntoView(best); }
    }

    function bringIntoView(point) {
      const [x, y] = places[point];
      const [width, height] = [canvas.clientWidth, canvas.clientHeight];
      const before = [state.x, state.y];
      state.x += x < 20 ? 20 - x : x > width - 20 ? width - 20 - x : 0;
      state.y += y < 20 ? 20 - y : y > height - 20 ? height - 20 - y : 0;
      if (before[0] !== state.x || before[1] !== state.y) draw();
    }

    function zoom(factor, x = canvas.clientWidth / 2, y = canvas.clientHeight / 2) {
      const next = Math.min(40, Math.max(1, state.zoom * factor));
      const change = next / state.zoom;
      const [a, b] = [x - canvas.clientWidth / 2, y - canvas.clientHeight / 2];
      state.x = next === 1 ? 0 : a - (a - state.x) * change;
      state.y = next === 1 ? 0 : b - (b - state.y) * change;
      state.zoom = next;
      draw();
    }
    function showAll() { Object.assign(state, { zoom: 1, x: 0, y: 0 }); draw(); }

    canvas.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
      const keys = { "+": () => zoom(1.4), "=": () => zoom(1.4), "-": () => zoom(1 / 1.4), "0": showAll,
        Escape: () => choose(-1), Enter: () => step(0, 0), " ": () => step(0, 0) };
      if (moves[event.key]) step(...moves[event.key]);
      else if (keys[event.key]) keys[event.key]();
      else return;
      event.preventDefault();
    });
    canvas.addEventListener("wheel", (event) => {
      // The page goes on scrolling over a plot that nobody is using.
      if (document.activeElement !== canvas && !event.ctrlKey) return;
      event.preventDefault();
      zoom(Math.exp(-event.deltaY / 400), event.offsetX, event.offsetY);
    }, { passive: false });

    const fingers = new Map();
    let moved = 0;
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      fingers.set(event.pointerId, [event.offsetX, event.offsetY]);
      moved = 0;
    });
    canvas.addEventListener("pointermove", (event) => {
      const before = fingers.get(event.pointerId);
      if (!before) {
        canvas.style.cursor = nearest(event.offsetX, event.offsetY, 12) >= 0 ? "pointer" : "crosshair";
        return;
      }
      const [dx, dy] = [event.offsetX - before[0], event.offsetY - before[1]];
      moved += Math.abs(dx) + Math.abs(dy);
      if (fingers.size === 2) {
        const other = [...fingers].find(([id]) => id !== event.pointerId)[1];
        const apart = (place) => Math.hypot(place[0] - other[0], place[1] - other[1]) || 1;
        zoom(apart([event.offsetX, event.offsetY]) / apart(before), other[0], other[1]);
      } else if (state.zoom > 1 && moved > 4) {
        state.x += dx;
        state.y += dy;
        draw();
      } else if (state.zoom === 1 && event.pointerType === "touch" && moved > 4) {
        window.scrollBy(0, -dy);
        return;
      }
      fingers.set(event.pointerId, [event.offsetX, event.offsetY]);
    });
    const lift = (event) => {
      if (fingers.delete(event.pointerId) && event.type === "pointerup" && moved <= 4) {
        choose(nearest(event.offsetX, event.offsetY, event.pointerType === "touch" ? 28 : 14));
      }
    };
    canvas.addEventListener("pointerup", lift);
    canvas.addEventListener("pointercancel", lift);

    /** Buttons of which one is pressed. */
    function choice(place, options, value, pick) {
      const buttons = options.map(([key, name]) => {
        const button = element("button", name);
        button.type = "button";
        button.setAttribute("aria-pressed", String(key === value));
        button.addEventListener("click", () => {
          for (const other of buttons) other.setAttribute("aria-pressed", String(other === button));
          pick(key);
        });
        return button;
      });
      find(place).replaceChildren(...buttons);
    }
    const methods = [["pca", "PCA"], ["tsne", "t-SNE"]].filter(([key]) => data.snapshots.some((shot) => shot[key].points.length));
    choice("method", methods, state.method, (key) => { state.method = key; showAll(); });
    choice("epoch", data.snapshots.map((shot, index) => [index, "Epoch " + shot.epoch]), state.snapshot, (key) => {
      const name = state.chosen >= 0 ? shot().names[state.chosen] : null;
      state.snapshot = key;
      // The same picture stays chosen, if it was kept at this epoch too.
      choose(name ? shot().names.indexOf(name) : -1);
      legend();
    });
    find("zoom-in").addEventListener("click", () => zoom(1.4));
    find("zoom-out").addEventListener("click", () => zoom(1 / 1.4));
    find("zoom-all").addEventListener("click", showAll);
    find("wrong").addEventListener("change", draw);

    function legend() {
      const counts = data.classes.map(() => 0);
      for (const label of shot().labels) if (label >= 0) counts[label]++;
      const wanted = find("search").value.trim().toLowerCase();
      const items = [];
      data.classes.forEach((name, index) => {
        if (!name.toLowerCase().includes(wanted)) return;
        const button = element("button");
        button.type = "button";
        button.setAttribute("aria-pressed", String(!hidden.has(index)));
        const icon = document.createElementNS("http://www.w3.org/2000/svg", "svg");
        icon.setAttribute("viewBox", "-7 -7 14 14");
        icon.setAttribute("width", "14");
        icon.setAttribute("aria-hidden", "true");
        const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
        path.setAttribute("d", outline(data.styles[index][1]));
        path.style.fill = data.styles[index][0];
        icon.append(path);
        const label = element("span", name, "name");
        label.title = name;
        button.append(icon, label, element("span", String(counts[index]), "count"));
        button.addEventListener("click", () => {
          // The first choice means “only this”; after that classes are added and taken away.
          if (!hidden.size && data.classes.length > 1) {
            data.classes.forEach((_, other) => { if (other !== index) hidden.add(other); });
            hidden.add(-1);
          } else if (!hidden.delete(index)) hidden.add(index);
          if (data.classes.every((_, other) => hidden.has(other))) hidden.clear();
          refresh();
        });
        const item = element("li");
        item.append(button);
        item.dataset.index = index;
        items.push(item);
      });
      find("legend").replaceChildren(...items);
    }
    function refresh() {
      for (const item of find("legend").children) {
        item.firstChild.setAttribute("aria-pressed", String(!hidden.has(Number(item.dataset.index))));
      }
      draw();
    }
    function outline(kind) {
      let made = "";
      const path = {
        moveTo: (x, y) => { made += `M${x} ${y}`; },
        lineTo: (x, y) => { made += `L${x} ${y}`; },
        arc: (x, y, r) => { made += `A${r} ${r} 0 1 1 ${x - r} ${y}A${r} ${r} 0 1 1 ${x + r} ${y}`; },
        closePath: () => { made += "Z"; },
      };
      shape(path, kind, 0, 0, 4.6);
      return made;
    }
    find("search").addEventListener("input", legend);
    find("everything").addEventListener("click", () => {
      hidden.clear();
      find("search").value = "";
      legend();
      draw();
    });

    const redraw = () => { readColours(); draw(); };
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
    window.addEventListener("beforeprint", redraw);
    window.addEventListener("afterprint", redraw);
    new ResizeObserver(draw).observe(canvas);
    legend();
    redraw();
  }
})();
