// Small pictures in SVG: scales, axes and marks. Every text is set as text, so that a label is never markup.

const SPACE = { left: 52, right: 10, top: 8, bottom: 36 };

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children);
  return element;
}

// An HTML element with attributes and children; a string is a child, too.
function element(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

function shape(name, attributes = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

// The smallest and largest of some numbers, with a little room; missing ones (null) do not count.
function range(...lists) {
  const known = lists.flat().filter((value) => value !== null && Number.isFinite(value));
  let low = Infinity, high = -Infinity;
  for (const value of known) { low = Math.min(low, value); high = Math.max(high, value); }
  if (low > high) return [0, 1];
  const room = 0.04 * (high - low) || 0.5 * Math.abs(high) || 0.5;
  return [low - room, high + room];
}

// Round numbers inside a range: at most `count` of them, and two at least.
function ticks(low, high, count) {
  const rough = (high - low) / count, power = 10 ** Math.floor(Math.log10(rough));
  const inside = (step) => {
    const out = [];
    for (let k = Math.ceil(low / step); k * step <= high; k++) out.push(k * step);
    return out;
  };
  const larger = [1, 2, 5, 10].find((factor) => factor * power >= rough);
  return [larger, larger / 2, larger / 5].map((factor) => inside(factor * power)).find((out) => out.length > 1) ?? [];
}

function logTicks(low, high) {
  const out = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++) {
    for (const factor of [1, 2, 5]) {
      const value = factor * 10 ** power;
      if (value >= low && value <= high) out.push(value);
    }
  }
  return out;
}

// A number as a reader writes it: four digits at most, or fewer.
function short(value, digits = 4) {
  if (value === null) return "–";
  const size = Math.abs(value);
  if (size && (size < 1e-3 || size >= 1e6)) return value.toExponential(1);
  return String(Number(value.toPrecision(digits)));
}

// How wide a picture may be, so that its letters are those of the page.
function roomFor(id, most) {
  return Math.max(240, Math.min(document.getElementById(id).clientWidth, most));
}

// The same of one of several pictures in columns of at least some width, 10 pixels apart.
function panelWidth(id, least) {
  const whole = document.getElementById(id).clientWidth, columns = Math.max(1, Math.floor((whole + 10) / (least + 10)));
  return Math.max(200, (whole - 10 * (columns - 1)) / columns);
}

// A picture with its axes. `x` and `y` are ranges; `says` is read aloud in its place.
class Plot {
  constructor({ width = 640, height = 360, x, y, log = false, xLabel = "", yLabel = "", says, yTicks = true, xTicks }) {
    const left = yTicks ? SPACE.left : 10; // nothing stands left of a picture without an axis there
    Object.assign(this, { width, height, x, y, log, space: { ...SPACE, left, bottom: xLabel ? SPACE.bottom : 20 } });
    this.svg = shape("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": says });
    this.svg.style.maxWidth = `${1.1 * width}px`; // wider ones have letters that are too large
    this.marks = shape("g");
    this.axes = shape("g");
    this.svg.append(this.axes, this.marks);
    this.drawAxes(xLabel, yLabel, yTicks, xTicks);
  }

  right(value) {
    const [low, high] = this.log ? this.x.map(Math.log) : this.x;
    const share = ((this.log ? Math.log(value) : value) - low) / (high - low);
    return this.space.left + share * (this.width - this.space.left - this.space.right);
  }

  down(value) {
    const share = (value - this.y[0]) / (this.y[1] - this.y[0]);
    return this.height - this.space.bottom - share * (this.height - this.space.top - this.space.bottom);
  }

  drawAxes(xLabel, yLabel, yTicks, xTicks) {
    const bottom = this.height - this.space.bottom, end = this.width - this.space.right;
    const put = (name, attributes, ...children) => this.axes.append(shape(name, attributes, ...children));
    put("line", { class: "axis", x1: this.space.left, x2: end, y1: bottom, y2: bottom });
    const room = Math.max(3, Math.floor((end - this.space.left) / 70));
    const along = xTicks ?? (this.log ? logTicks(...this.x) : ticks(...this.x, room)).map((v) => [v, short(v)]);
    for (const [value, text] of along) {
      const at = this.right(value);
      put("line", { class: "axis", x1: at, x2: at, y1: bottom, y2: bottom + 4 });
      put("text", { x: at, y: bottom + 15, "text-anchor": "middle" }, text);
    }
    if (xLabel) put("text", { x: (this.space.left + end) / 2, y: this.height - 5, "text-anchor": "middle" }, xLabel);
    if (!yTicks) return;
    put("line", { class: "axis", x1: this.space.left, x2: this.space.left, y1: this.space.top, y2: bottom });
    for (const value of ticks(...this.y, 5)) {
      const at = this.down(value);
      put("line", { class: "axis", x1: this.space.left - 4, x2: this.space.left, y1: at, y2: at });
      put("text", { x: this.space.left - 7, y: at + 4, "text-anchor": "end" }, short(value));
    }
    const middle = (this.space.top + bottom) / 2;
    put("text", { x: 11, y: middle, "text-anchor": "middle", transform: `rotate(-90 11 ${middle})` }, yLabel);
  }

  segment(x1, y1, x2, y2, attributes) {
    const ends = { x1: this.right(x1), y1: this.down(y1), x2: this.right(x2), y2: this.down(y2) };
    this.marks.append(shape("line", { ...ends, ...attributes }));
  }

  // A circle, with a text that appears where it is pointed at.
  point(x, y, attributes, title) {
    const circle = shape("circle", { cx: this.right(x), cy: this.down(y), r: 3, ...attributes });
    if (title) circle.append(shape("title", {}, title));
    this.marks.append(circle);
  }

  line(xs, ys, attributes) {
    const points = xs.map((x, i) => `${this.right(x)},${this.down(ys[i])}`).join(" ");
    this.marks.append(shape("polyline", { points, fill: "none", ...attributes }));
  }

  area(xs, ys, attributes) {
    const base = this.down(this.y[0]);
    const points = xs.map((x, i) => `${this.right(x)},${this.down(ys[i])}`);
    const all = [`${this.right(xs[0])},${base}`, ...points, `${this.right(xs[xs.length - 1])},${base}`];
    this.marks.append(shape("polygon", { points: all.join(" "), ...attributes }));
  }

  bar(left, right, value, attributes) {
    const x = this.right(left), y = this.down(value);
    const size = { width: Math.max(this.right(right) - x, 1), height: Math.max(this.down(this.y[0]) - y, 0) };
    this.marks.append(shape("rect", { x, y, ...size, ...attributes }));
  }

  write(x, y, text, attributes) {
    this.marks.append(shape("text", { x: this.right(x), y: this.down(y), ...attributes }, text));
  }
}
