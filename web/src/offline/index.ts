/** Starts without a network: registers the service worker of the build, which is an entry of its own. */
export { keepOffline } from "./offline";
