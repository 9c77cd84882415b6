/** Routed calls: requests, attempts over the network, answers and receipts. */
export { beginningOf } from "./answer";
export type { FetchContext } from "./call-context";
export { Reasons } from "./decision-context";
export { RoutedFetch, type Speech } from "./fetch";
export { reportBody, type Reported } from "./report";
