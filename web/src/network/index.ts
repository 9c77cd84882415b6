/** A page's findings on its network: why a call failed, free connections, sleep, integrity. */
export { Connections } from "./connections";
export { FailureDiagnosis, isLoopback } from "./diagnosis";
export { integrityOf, isWhatItSays } from "./integrity";
export { Online } from "./online";
export { Awake } from "./sleep-detector";
