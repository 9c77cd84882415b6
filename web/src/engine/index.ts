/** The page's side of its engine: opens it, asks it, watches whether it lives. */
export { Attention } from "./attention";
export { EngineCalls } from "./engine-calls";
export { EngineChannel } from "./engine-channel";
export { Session } from "./engine-client";
export { admit, LED } from "./leader-election";
export { holdLife, type Life, outlive } from "./liveness-lock";
export { unmade, unused } from "./permit";
export { type CallMessage, type Endpoint, endpointOf, type Hello, isCall, isHello, isPing } from "./protocol";
export { LOOK_MS, lookAt } from "./served-file";
export { warnOf } from "./start-failure";
export { Token } from "./token";
