// A DICOM object derived from another, by the rules of keras_srgan/images/dicom (derived.py, identity.py, geometry.py) and
// with their tables. What these rules reach and this file does not is found before, by `whyNotDerived`.

import { code, decimal, isUid, textOf, uidFrom, valueOf } from "./elements.js";

export const SETTINGS = "in a browser"; // its rounding may differ, so the object is another than Python's

const EXPLICIT = "1.2.840.10008.1.2.1";
const LOSSY = ["50", "51", "81", "91", "203"].map((end) => `1.2.840.10008.1.2.4.${end}`);
const PIXELS = ["7FE00010", "7FE00001", "7FE00002"];
const WHOLE = ["IS", "US", "SS", "UL", "SL"];
const BEYOND = ["refuse", "value", "annotation", "position"];
const UIDS = { class: "00080016", instance: "00080018", study: "0020000D", series: "0020000E" };

const isFilled = (element) => (element.Value ?? []).some((value) => value !== "" && value !== null && value !== undefined);

/**
 * What keeps this page from deriving an object.
 * @param {object} file as dcmjs gives it
 * @param {object} tables "dicom" of settings.json
 * @returns {string} the reason, or ""
 */
export function whyNotDerived(file, { actions, beyond }) {
  const elements = file.dict;
  if (!Object.values(UIDS).every((tag) => isUid(textOf(elements, tag)))) return "its missing UIDs";
  if (beyond.includes(textOf(elements, UIDS.class)) || elements["52009229"]) return "what objects of its class must say";
  if (Object.keys(elements).some((tag) => /^[56]0[0-9A-F]{2}/.test(tag))) return "its overlays or curves";
  if (LOSSY.includes(textOf(file.meta, "00020010")) && textOf(elements, "00282110") !== "01") return "its lossy compression";
  return unmoved(elements, actions, true);
}

function unmoved(elements, actions, top) {
  for (const [tag, element] of Object.entries(elements)) {
    const action = actions[tag] ?? "keep";
    if (BEYOND.includes(action) && isFilled(element) && !(top && tag === "00200032")) return `the element ${tag}`;
    if (element.vr !== "SQ" || action === "other" || action === "drop") continue;
    for (const item of element.Value ?? []) {
      const found = unmoved(item, actions, false);
      if (found) return found;
    }
  }
  return "";
}

/**
 * @param {object} image as readDicom gives it
 * @param {{width: number, height: number, pixels: Uint8Array|Uint16Array}} sr the enlarged image
 * @param {object} network of settings.json: `name`, `sha256`, `scale`
 * @param {object} settings settings.json
 * @param {object} dicom dcmjs's `data`
 * @returns {Promise<ArrayBuffer>} the file
 */
export async function derivedDicom(image, sr, network, settings, dicom) {
  if (Math.max(sr.width, sr.height) > 65535) throw new Error("DICOM ends at 65535 pixels a side: save it as PNG");
  const source = image.dicom.dict;
  const made = moved(source, settings.dicom.actions, network.scale);
  const put = (tag, vr, ...Value) => (made[tag] = { vr, Value });
  movePosition(source, put, network.scale);
  await markDerived(source, put, network, settings);
  describePixels(image, source, put, sr);
  put("7FE00010", Number(valueOf(source, "00280100")) > 8 ? "OW" : "OB", stored(image, source, sr));
  for (const tag of ["00080014", ...(image.channels === 1 ? ["00280006"] : [])]) delete made[tag];
  const file = new dicom.DicomDict({
    "00020001": { vr: "OB", Value: [new Uint8Array([0, 1]).buffer] },
    "00020002": { vr: "UI", Value: [valueOf(made, UIDS.class)] },
    "00020003": { vr: "UI", Value: [valueOf(made, UIDS.instance)] },
    "00020010": { vr: "UI", Value: [EXPLICIT] },
    "00020012": { vr: "UI", Value: [await uidFrom("keras-srgan", "implementation")] },
  });
  file.dict = Object.fromEntries(Object.keys(made).sort().map((tag) => [tag, made[tag]]));
  return file.write({ allowInvalidVRLength: true });
}

/** The elements with their lengths and places true of the new grid. */
function moved(elements, actions, scale) {
  const made = {};
  const by = {
    divide: (value) => value / scale,
    times: (value) => value * scale,
    first: (value) => (value - 1) * scale + 1,
    last: (value) => (value + 1) * scale - 1,
  };
  for (const [tag, element] of Object.entries(elements)) {
    const action = actions[tag] ?? "keep";
    if (action === "drop" || PIXELS.includes(tag)) continue;
    if (element.vr === "SQ" && action !== "other") {
      made[tag] = { vr: "SQ", Value: (element.Value ?? []).map((item) => moved(item, actions, scale)) };
    } else if (by[action] && isFilled(element)) {
      made[tag] = { vr: element.vr, Value: element.Value.map((value) => written(by[action](Number(value)), element.vr)) };
    } else made[tag] = element;
  }
  return made;
}

function written(value, vr) {
  if (vr === "DS") return decimal(value);
  const whole = WHOLE.includes(vr) ? Math.round(value) : value;
  return vr === "IS" ? String(whole) : whole;
}

/** The position is the first pixel's centre, and smaller pixels put it nearer the corner. */
function movePosition(elements, put, scale) {
  const [position, directions, spacing] = ["00200032", "00200037", "00280030"].map((tag) => (elements[tag]?.Value ?? []).map(Number));
  if (position.length !== 3 || directions.length !== 6 || spacing.length !== 2) return;
  const shift = (1 / scale - 1) / 2;
  const step = (i) => (directions[i] * spacing[1] + directions[i + 3] * spacing[0]) * shift;
  put("00200032", "DS", ...position.map((each, i) => decimal(each + step(i))));
}

async function markDerived(elements, put, { name, sha256, scale }, settings) {
  const note = `Enlarged ${scale} times by keras-srgan; fine detail is estimated; not for diagnostic use`;
  put("00089215", "SQ", code("113085", "Spatial resampling"));
  put("00082112", "SQ", {
    "00081150": { vr: "UI", Value: [textOf(elements, UIDS.class)] },
    "00081155": { vr: "UI", Value: [textOf(elements, UIDS.instance)] },
    "0040A170": { vr: "SQ", Value: [code("121322", "Source image for image processing operation")] },
  });
  put("00080008", "CS", "DERIVED", "SECONDARY", ...(elements["00080008"]?.Value ?? []).slice(2));
  const [instance, study, series] = [UIDS.instance, UIDS.study, UIDS.series].map((tag) => textOf(elements, tag));
  const origin = [textOf(elements, "00100020"), study, series, String(scale), name, sha256, SETTINGS];
  const image = textOf(elements, "00200013"); // Instance Number
  const number = image && String(Number(image));
  put(UIDS.instance, "UI", await uidFrom("keras-srgan", "instance", instance, number, ...origin));
  put(UIDS.series, "UI", await uidFrom("keras-srgan", "series", ...origin));
  const earlier = textOf(elements, "00082111");
  put("00082111", "ST", (earlier ? `${note}; ${earlier}` : note).slice(0, 1024));
  put("0008001C", "CS", "YES");
  const ending = `x${scale} keras-srgan`;
  put("0008103E", "LO", `${textOf(elements, "0008103E").slice(0, 63 - ending.length)} ${ending}`.trim());
  const order = Number(textOf(elements, "00200011") || NaN); // Series Number
  if (Number.isInteger(order) && order >= 0 && order < 1e8) put("00200011", "IS", String(100 * order + scale));
  const now = new Date(Date.now() - new Date().getTimezoneOffset() * 60000).toISOString();
  const [date, time] = [now.slice(0, 10).replaceAll("-", ""), now.slice(11, 19).replaceAll(":", "")];
  put("0018A001", "SQ", ...(elements["0018A001"]?.Value ?? []), {
    "00080070": { vr: "LO", Value: ["The keras-srgan authors"] },
    "00081090": { vr: "LO", Value: ["keras-srgan"] },
    "00181020": { vr: "LO", Value: [`keras-srgan ${settings.program_version}`, name.slice(0, 64), sha256.slice(0, 64)] },
    "0018A002": { vr: "DT", Value: [date + time] },
    "0018A003": { vr: "ST", Value: [`${note}; weights ${name}, sha256 ${sha256}; ${SETTINGS}`.slice(0, 1024)] },
    "0040A170": { vr: "SQ", Value: [code("109102", "Processing Equipment")] },
  });
  put("00080012", "DA", date);
  put("00080013", "TM", time);
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
  const inverted = textOf(elements, "00280004") === "MONOCHROME1";
  const offset = image.channels === 1 && Number(valueOf(elements, "00280103")) === 1 ? 2 ** (bits - 1) : 0;
  const size = sr.pixels.byteLength;
  const content = new sr.pixels.constructor(new ArrayBuffer(size + (size % 2)));
  for (let i = 0; i < sr.pixels.length; i++) content[i] = (inverted ? image.white - sr.pixels[i] : sr.pixels[i]) - offset;
  return content.buffer;
}
