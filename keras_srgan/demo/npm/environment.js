// In place of the package browser-or-node, which takes a web worker for neither; dicom-codec asks it for a clock.
export const isBrowser = true;
export const isNode = false;
