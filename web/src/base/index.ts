/** Tools that any room may need and the browser lacks: waiting, timers, events, names, and what a router finds around it. */
export { inTime, seconds, unlessAborted, until, Waits } from "./abort";
export { type Settle, settled } from "./deferred";
export { bestKinds, checkEnvironment } from "./environment";
export { TypedTarget } from "./events";
export { randomId } from "./ids";
export { NOWHERE, pageAddress } from "./page-address";
export { meant } from "./spelling";
export { tableOf } from "./table";
export { delayOf, LONGEST_MS } from "./timers";
export { POLICY, scriptAddress } from "./trusted-types";
