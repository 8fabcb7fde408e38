// How an image is cut: pieces of one shape that share their borders' surroundings, as keras_srgan/inference/tiles.py.

/**
 * Lays pieces along one side.
 * @param {number} length of the side, in LR pixels
 * @param {number} margin LR pixels around a piece's own part that its result depends on
 * @param {number} most LR pixels of a piece with its margins
 * @returns {{size: number, pieces: {start: number, first: number, last: number}[]}} where each piece starts, and the
 *   part `[first, last)` of the side that it alone makes
 */
export function cut(length, margin, most) {
  most = Math.max(most, 2 * margin + 16);
  if (length <= most) return { size: length, pieces: [{ start: 0, first: 0, last: length }] };
  const count = Math.ceil((length - 2 * margin) / (most - 2 * margin));
  const size = Math.ceil((length + (count - 1) * 2 * margin) / count);
  const start = (i) => Math.floor((i * (length - size)) / (count - 1));
  const border = (i) => (i === 0 ? 0 : i === count ? length : (start(i) + start(i - 1) + size) >> 1);
  return {
    size,
    pieces: Array.from({ length: count }, (_, i) => ({ start: start(i), first: border(i), last: border(i + 1) })),
  };
}
