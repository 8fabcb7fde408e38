// Mouse, fingers and keys on the canvas. Mouse as in a radiology viewer: drag is window and level, the wheel zooms, the
// middle button moves, the right one zooms; fingers move with one, zoom with two; the line is dragged where it is.

const NEAR = 16; // CSS px to the line that still take it
const STEP = 60; // CSS px that an arrow key moves

/** @param {() => string} dragging what a plain drag does: "window" or "pan" */
export function listen(canvas, view, dragging) {
  const ratio = () => canvas.width / canvas.clientWidth;
  const fingers = new Map();
  let action = null;

  const actionOf = (event) => {
    const line = view.state.split * canvas.clientWidth;
    if (event.button === 0 && Math.abs(event.offsetX - line) < NEAR) return "split";
    if (event.button === 1 || event.shiftKey) return "pan";
    return event.button === 2 ? "zoom" : dragging();
  };

  canvas.addEventListener("pointerdown", (event) => {
    if (!view.image) return;
    canvas.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, event);
    action = fingers.size === 1 ? actionOf(event) : "pinch";
    canvas.focus({ preventScroll: true });
    event.preventDefault();
  });

  canvas.addEventListener("pointermove", (event) => {
    const before = fingers.get(event.pointerId);
    if (!before) {
      const line = view.state.split * canvas.clientWidth;
      canvas.style.cursor = view.image && Math.abs(event.offsetX - line) < NEAR ? "ew-resize" : "";
      return;
    }
    const [dx, dy] = [event.offsetX - before.offsetX, event.offsetY - before.offsetY];
    const { state } = view;
    if (action === "split") view.set({ split: event.offsetX / canvas.clientWidth });
    else if (action === "pan") move(dx, dy);
    else if (action === "zoom") view.zoomBy(2 ** (-dy / 100));
    else if (action === "window") {
      const step = view.image.white / 500;
      view.set({ width: state.width + dx * step, level: state.level - dy * step });
    } else if (action === "pinch") {
      const other = [...fingers.values()].find((each) => each.pointerId !== event.pointerId);
      if (other) {
        const apart = (each) => Math.hypot(each.offsetX - other.offsetX, each.offsetY - other.offsetY);
        move(dx / 2, dy / 2);
        const middle = [(event.offsetX + other.offsetX) / 2, (event.offsetY + other.offsetY) / 2];
        view.zoomBy(apart(event) / Math.max(apart(before), 1), ...middle.map((each) => each * ratio()));
      }
    }
    fingers.set(event.pointerId, event);
  });

  const end = (event) => {
    fingers.delete(event.pointerId);
    action = fingers.size ? "pan" : null;
  };
  canvas.addEventListener("pointerup", end);
  canvas.addEventListener("pointercancel", end);
  canvas.addEventListener("contextmenu", (event) => event.preventDefault());
  canvas.addEventListener("dblclick", () => view.image && view.fit());

  canvas.addEventListener(
    "wheel",
    (event) => {
      if (!view.image) return;
      event.preventDefault();
      view.zoomBy(2 ** (-event.deltaY / 300), event.offsetX * ratio(), event.offsetY * ratio());
    },
    { passive: false },
  );

  function move(dx, dy) {
    const { state } = view;
    view.set({ x: state.x - (dx * ratio()) / state.zoom, y: state.y - (dy * ratio()) / state.zoom });
  }

  const keys = {
    ArrowLeft: () => move(STEP, 0),
    ArrowRight: () => move(-STEP, 0),
    ArrowUp: () => move(0, STEP),
    ArrowDown: () => move(0, -STEP),
    "+": () => view.zoomBy(Math.SQRT2),
    "=": () => view.zoomBy(Math.SQRT2),
    "-": () => view.zoomBy(Math.SQRT1_2),
    0: () => view.fit(),
    1: () => view.set({ zoom: 1 }),
    "[": () => view.set({ split: view.state.split - 0.02 }),
    "]": () => view.set({ split: view.state.split + 0.02 }),
    w: () => view.set({ width: view.state.width * 0.9 }),
    W: () => view.set({ width: view.state.width / 0.9 }),
    l: () => view.set({ level: view.state.level - view.image.white / 100 }),
    L: () => view.set({ level: view.state.level + view.image.white / 100 }),
    m: () => view.set({ right: view.state.right === "after" ? "added" : "after" }),
  };
  canvas.addEventListener("keydown", (event) => {
    if (!view.image || event.ctrlKey || event.metaKey || event.altKey || !keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  });
}
