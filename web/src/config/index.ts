/** The router's options and config: checked, loaded, and the order that a config declares. */
export { declaredOrder, fingerprint, loadConfig, plain, spelled, textOf } from "./config";
export { checkExpects, checkLimit, checkTask, type Settings, settingsOf } from "./options";
