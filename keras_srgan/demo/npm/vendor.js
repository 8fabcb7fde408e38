// What esbuild puts together for the page from the packages of package.json.
export { data as dicom, log } from "dcmjs";
export { decode as decodePng, encode as encodePng } from "fast-png";
export { decode as decodeFrame, hasCodec } from "@cornerstonejs/dicom-codec";
