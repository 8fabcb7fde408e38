// Bicubic as keras_srgan/resampling.py has it: Keys' kernel with a = -0.5, borders mirrored, antialiased where it reduces.

export function cubic(x) {
  x = Math.abs(x);
  if (x <= 1) return (1.5 * x - 2.5) * x * x + 1;
  return x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0;
}

const mirrored = (i, size) => {
  i = ((i % (2 * size)) + 2 * size) % (2 * size);
  return i < size ? i : 2 * size - 1 - i;
};

/**
 * Which samples of a side, and how much of each, make the samples at some places.
 * @param {number} size the length of the side
 * @param {ArrayLike<number>} places where, in samples of that side; 0 is the first one's centre
 * @param {number} widen below 1: reduced by so much, so the kernel is as much wider
 * @returns {{count: number, index: Int32Array, weight: Float64Array}} `count` of each a place
 */
export function tapsAt(size, places, widen = 1) {
  const count = Math.ceil(4 / widen) + 2;
  const index = new Int32Array(places.length * count);
  const weight = new Float64Array(places.length * count);
  for (let i = 0; i < places.length; i++) {
    const first = Math.floor(places[i] - 2 / widen);
    let sum = 0;
    for (let k = 0; k < count; k++) {
      index[i * count + k] = mirrored(first + k, size);
      sum += weight[i * count + k] = cubic((places[i] - first - k) * widen);
    }
    for (let k = 0; k < count; k++) weight[i * count + k] /= sum;
  }
  return { count, index, weight };
}

const known = new Map();

function taps(size, scale) {
  const key = `${size} ${scale}`;
  if (!known.has(key)) {
    if (known.size > 32) known.clear();
    const places = Float64Array.from({ length: Math.ceil(size * scale - 1e-9) }, (_, i) => (i + 0.5) / scale - 0.5);
    known.set(key, tapsAt(size, places, Math.min(scale, 1)));
  }
  return known.get(key);
}

/**
 * Resizes one plane.
 * @param {ArrayLike<number>} plane its values, row by row
 * @param {number} width of the plane
 * @param {number} height of the plane
 * @param {number} scale the factor of both sides; below 1 reduces
 * @returns {Float32Array} `ceil(height * scale)` rows of `ceil(width * scale)`, not rounded, not clipped
 */
export function resize(plane, width, height, scale) {
  const x = taps(width, scale);
  const y = taps(height, scale);
  const wide = x.index.length / x.count;
  const high = y.index.length / y.count;
  const rows = new Float32Array(wide * height);
  for (let r = 0; r < height; r++) {
    for (let i = 0; i < wide; i++) {
      let sum = 0;
      for (let k = i * x.count; k < (i + 1) * x.count; k++) sum += x.weight[k] * plane[r * width + x.index[k]];
      rows[r * wide + i] = sum;
    }
  }
  const result = new Float32Array(wide * high);
  const line = new Float64Array(wide);
  for (let r = 0; r < high; r++) {
    line.fill(0);
    for (let k = r * y.count; k < (r + 1) * y.count; k++) {
      const share = y.weight[k];
      if (share === 0) continue;
      const from = y.index[k] * wide;
      for (let i = 0; i < wide; i++) line[i] += share * rows[from + i];
    }
    result.set(line, r * wide);
  }
  return result;
}
