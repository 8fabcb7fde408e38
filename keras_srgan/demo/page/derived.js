// A DICOM object derived from another, by the rules of keras_srgan/images/dicom_derived.py: a new identity, the source
// named, spacings divided, places counted in pixels multiplied, statements about the old pixels left out.

import { valueOf } from "./dicom.js";

const EXPLICIT = "1.2.840.10008.1.2.1";
const ROOT = "1.2.826.0.1.3680043.8.498."; // pydicom's, whose rule for UIDs from text is used
const SPACINGS = ["00280030", "00181164", "00182010"];
const PIXEL_PLACES = ["00181602", "00181604", "00181606", "00181608", "00181610", "00181612", "00181620"].concat(
  ["00181702", "00181704", "00181706", "00181708", "00181710", "00181712", "00181720"],
);
const STALE = ["00280106", "00280107", "00880200", "00186011", "FFFAFFFA", "4FFE0001", "04000500", "FFFCFFFC"];

const number = (value) => [...String(value)].length <= 16 ? String(value) : shortened(value);

/** A number in the 16 characters that a DS has. */
function shortened(value) {
  for (let digits = 16; digits > 0; digits--) {
    const text = String(Number(value.toPrecision(digits)));
    if (text.length <= 16) return text;
  }
  return value.toExponential(8);
}

async function uidFrom(text) {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-512", new TextEncoder().encode(text)));
  const digits = BigInt("0x" + [...hash].map((byte) => byte.toString(16).padStart(2, "0")).join("")).toString();
  return (ROOT + digits).slice(0, 64);
}

/**
 * @param {object} image as readDicom gives it
 * @param {{width: number, height: number, pixels: Uint8Array|Uint16Array}} sr the enlarged image
 * @param {number} scale
 * @param {object} dicom dcmjs's `data`
 * @returns {Promise<ArrayBuffer>} the file
 */
export async function derivedDicom(image, sr, scale, dicom) {
  if (image.dicom.dict["52009229"]) throw new Error("an enhanced multi-frame object: python -m keras_srgan.upscale derives those");
  if (Math.max(sr.width, sr.height) > 65535) throw new Error("DICOM ends at 65535 pixels a side: save it as PNG");
  const elements = {};
  for (const [tag, element] of Object.entries(image.dicom.dict)) {
    // Overlays are drawn on the old grid.
    const overlay = /^60[0-9A-F]{2}/.test(tag);
    if (!overlay && !STALE.includes(tag) && !["7FE00010", "7FE00001", "7FE00002"].includes(tag)) elements[tag] = element;
  }
  const made = { ...elements };
  const put = (tag, vr, ...Value) => (made[tag] = { vr, Value });
  await markDerived(elements, put, scale);
  moveGeometry(elements, put, scale);
  describePixels(image, elements, put, sr);
  put("7FE00010", Number(valueOf(elements, "00280100")) > 8 ? "OW" : "OB", stored(image, elements, sr));
  const file = new dicom.DicomDict({
    "00020001": { vr: "OB", Value: [new Uint8Array([0, 1]).buffer] },
    "00020002": { vr: "UI", Value: [valueOf(made, "00080016")] },
    "00020003": { vr: "UI", Value: [valueOf(made, "00080018")] },
    "00020010": { vr: "UI", Value: [EXPLICIT] },
    "00020012": { vr: "UI", Value: [ROOT + "1"] },
  });
  file.dict = Object.fromEntries(Object.keys(made).sort().map((tag) => [tag, made[tag]]));
  return file.write({ allowInvalidVRLength: true });
}

async function markDerived(elements, put, scale) {
  const code = (value, meaning) => ({
    "00080100": { vr: "SH", Value: [value] },
    "00080102": { vr: "SH", Value: ["DCM"] },
    "00080104": { vr: "LO", Value: [meaning] },
  });
  put("00089215", "SQ", code("113085", "Spatial resampling"));
  put("00082112", "SQ", {
    "00081150": { vr: "UI", Value: [valueOf(elements, "00080016")] },
    "00081155": { vr: "UI", Value: [valueOf(elements, "00080018")] },
    "0040A170": { vr: "SQ", Value: [code("121322", "Source image for image processing operation")] },
  });
  put("00080018", "UI", await uidFrom(crypto.randomUUID() + Date.now()));
  const series = valueOf(elements, "0020000E") ?? "None";
  put("0020000E", "UI", await uidFrom(`${series}keras-srgan${scale}`));
  put("00080008", "CS", "DERIVED", "SECONDARY", ...(elements["00080008"]?.Value ?? []).slice(2));
  const note = `Enlarged ${scale} times by keras-srgan; fine detail is estimated; not for diagnostic use`;
  const earlier = valueOf(elements, "00082111");
  put("00082111", "ST", (earlier ? `${note}; ${earlier}` : note).slice(0, 1024));
  const now = new Date(Date.now() - new Date().getTimezoneOffset() * 60000).toISOString();
  put("00080012", "DA", now.slice(0, 10).replaceAll("-", ""));
  put("00080013", "TM", now.slice(11, 19).replaceAll(":", ""));
}

function moveGeometry(elements, put, scale) {
  const numbers = (tag) => (elements[tag]?.Value ?? []).map(Number);
  const [position, directions, spacing] = ["00200032", "00200037", "00280030"].map(numbers);
  if (position.length === 3 && directions.length === 6 && spacing.length === 2) {
    // The position is the first pixel's centre, and smaller pixels put it nearer the corner.
    const shift = (1 / scale - 1) / 2;
    const moved = position.map((each, i) => each + (directions[i] * spacing[1] + directions[i + 3] * spacing[0]) * shift);
    put("00200032", "DS", ...moved.map(number));
  }
  for (const tag of SPACINGS) if (numbers(tag).length) put(tag, "DS", ...numbers(tag).map((each) => number(each / scale)));
  for (const tag of PIXEL_PLACES) if (numbers(tag).length) put(tag, "IS", ...numbers(tag).map((each) => String(Math.round(each * scale))));
}

function describePixels(image, elements, put, sr) {
  if (image.channels === 3) {
    put("00280004", "CS", "RGB");
    put("00280103", "US", 0);
    put("00280006", "US", 0);
  }
  put("00280002", "US", image.channels);
  put("00280102", "US", Number(valueOf(elements, "00280101")) - 1);
  put("00280010", "US", sr.height);
  put("00280011", "US", sr.width);
}

/** The pixels in the source's own terms: inversion and offset undone. */
function stored(image, elements, sr) {
  const bits = Number(valueOf(elements, "00280101"));
  const inverted = String(valueOf(elements, "00280004")) === "MONOCHROME1";
  const offset = image.channels === 1 && Number(valueOf(elements, "00280103")) === 1 ? 2 ** (bits - 1) : 0;
  const size = sr.pixels.byteLength;
  const content = new sr.pixels.constructor(new ArrayBuffer(size + (size % 2)));
  for (let i = 0; i < sr.pixels.length; i++) content[i] = (inverted ? image.white - sr.pixels[i] : sr.pixels[i]) - offset;
  return content.buffer;
}
