/** The message of a page to the build's service worker at each start: fetch what is missing of what you keep. */
export const COMPLETE = "sporewright: complete";
