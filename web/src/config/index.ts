/** The router's options and config and those of its calls: checked, loaded, and the order that a config declares. */
export {
  askedFrom,
  checkCall,
  checkChatWords,
  checkFetchWords,
  declaredProperties,
  placeOf,
  preferencesOf,
} from "./call-options";
export { declaredFigures, declaredOrder, fingerprint, loadConfig, plain, spelled, textOf } from "./config";
export { checkLimit, type Settings, settingsOf } from "./options";
