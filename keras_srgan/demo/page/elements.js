// DICOM elements as dcmjs keeps them: {tag: {vr, Value: [...]}}.

/** The first value of an element, or `undefined`. */
export const valueOf = (elements, tag) => elements[tag]?.Value?.[0];

/** The text of an element, or "". */
export const textOf = (elements, tag) => String(valueOf(elements, tag) ?? "").trim();

/** A code of DICOM's own, as an item of a sequence. */
export const code = (value, meaning) => ({
  "00080100": { vr: "SH", Value: [value] },
  "00080102": { vr: "SH", Value: ["DCM"] },
  "00080104": { vr: "LO", Value: [meaning] },
});

/** A number in the 16 characters that a DS has. */
export function decimal(value) {
  if (String(value).length <= 16) return String(value);
  for (let digits = 16; digits > 0; digits--) {
    const text = String(Number(value.toPrecision(digits)));
    if (text.length <= 16) return text;
  }
  return value.toExponential(8);
}

const ROOT = "1.2.826.0.1.3680043.8.498."; // pydicom's, whose rule for UIDs from text is used

/** A UID made from texts: the same texts give the same UID, here and in Python. */
export async function uidFrom(...texts) {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-512", new TextEncoder().encode(texts.join(""))));
  const digits = BigInt("0x" + [...hash].map((byte) => byte.toString(16).padStart(2, "0")).join("")).toString();
  return (ROOT + digits).slice(0, 64);
}

export const isUid = (text) => text.length <= 64 && /^(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*))+$/.test(text);
